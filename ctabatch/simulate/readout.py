"""The simulated telescopes with their pixel-to-pixel differences, and what they read out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ctabatch.io.simtel_writer.content import TelescopeContent
from ctabatch.kernels.calibration_draws import draw_normals
from ctabatch.kernels.image_smearing import smear_images
from ctabatch.kernels.noise_traces import (
    CHARGE_ORDER,
    TRACE_LENGTH,
    night_sky_trace,
    white_trace,
)
from ctabatch.kernels.waveform_synthesis import synthesise

from .cameras import TelescopeKind, telescope_kind
from .options import SimulationOptions

#: Spread from pixel to pixel of pedestals (ADC counts), gains (relative) and delays (ns).
PEDESTAL_SPREAD, GAIN_SPREAD, DELAY_SPREAD = 5.0, 0.03, 0.2
#: Samples of the window that the noise in charges of images without waveforms belongs to.
WINDOW = 7


@dataclass(frozen=True, eq=False)
class TelescopeRows:
    """Names of telescope events, by which their random numbers are found.

    Attributes
    ----------
    shower, use, tel : (n,) int64
        Number of the shower, of its use, and row of the telescope in the array.
    """

    shower: NDArray[np.int64]
    use: NDArray[np.int64]
    tel: NDArray[np.int64]


class KindReadout:
    """All telescopes of one kind in an array.

    Attributes
    ----------
    kind : TelescopeKind
    tel : (n_telescopes,) int64
        Their rows in the array.
    telescopes : tuple of TelescopeContent
    """

    def __init__(self, options: SimulationOptions, kind: TelescopeKind) -> None:
        self.options, self.kind = options, kind
        places = options.array.places
        self.tel = np.flatnonzero([place.kind == kind.name for place in places]).astype(np.int64)
        self.telescopes = tuple(self._telescope(int(row)) for row in self.tel)
        self._row = np.full(len(places), -1, np.int64)
        self._row[self.tel] = np.arange(len(self.tel))
        self._pedestal = np.array([t.pedestal for t in self.telescopes])
        self._per_pe = 1 / np.array([t.dc_to_pe for t in self.telescopes])
        self._delay = np.array([t.time_shift for t in self.telescopes])

    @property
    def sky_rate(self) -> float:
        """Photo-electrons of the night sky per pixel and sample."""
        content = self.kind.content
        return self.kind.night_sky * content.time_slice * self.options.nsb_scale

    @property
    def sky_variance(self) -> float:
        """Variance of a sample by the night sky, in units of a photo-electron's charge."""
        return self.sky_rate * self.kind.pulse.noise_gain(CHARGE_ORDER)

    @cached_property
    def _traces(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        if not self.options.noise:
            return np.empty(0, np.float32), np.empty(0, np.float32)
        sky, white = np.empty(TRACE_LENGTH, np.float32), np.empty(TRACE_LENGTH, np.float32)
        night_sky_trace(
            self.kind.pulse.samples, self.sky_rate, self.sky_variance, self.options.seed,
            self.kind.index, sky,
        )  # fmt: skip
        white_trace(self.options.seed, self.kind.index, white)
        return sky, white

    def _telescope(self, row: int) -> TelescopeContent:
        content, place = self.kind.content, self.options.array.places[row]
        n_gains, n_pixels = content.n_gains, content.n_pixels
        draws = np.empty((2 * n_gains + 1) * n_pixels)
        draw_normals(self.options.seed, row + 1, draws)
        draws = draws.reshape(-1, n_pixels).clip(-5, 5)
        gain = np.array(self.kind.counts_per_pe)[:, np.newaxis]
        per_pe = gain * (1 + GAIN_SPREAD * draws[n_gains : 2 * n_gains])
        # rounding to whole counts is noise too
        variance = np.full((n_gains, n_pixels), 1 / 12)
        if self.options.noise:
            variance += np.array(self.kind.electronic_noise)[:, np.newaxis] ** 2
            variance += self.sky_variance * per_pe**2
        pedestal = self.kind.pedestal + PEDESTAL_SPREAD * draws[:n_gains]
        if not self.options.noise:
            # or rounding would shift all samples of a pixel alike
            pedestal = np.rint(pedestal)
        return TelescopeContent(
            tel_id=row + 1,
            position=np.array([place.x, place.y, place.z], np.float32),
            camera=content,
            pedestal=pedestal.astype(np.float32),
            pedestal_noise=np.sqrt(variance).astype(np.float32),
            dc_to_pe=(1 / per_pe).astype(np.float32),
            time_shift=np.tile(DELAY_SPREAD * draws[-1], (n_gains, 1)).astype(np.float32),
            disabled_pixels=np.empty(0, np.int32),
        )

    def waveforms(
        self,
        rows: TelescopeRows,
        pe_offsets: NDArray[np.int64],
        pe_pixel: NDArray[np.int32],
        pe_time: NDArray[np.float32],
    ) -> NDArray[np.uint16]:
        """Raw waveforms (n, n_gains, n_pixels, n_samples).

        Parameters
        ----------
        rows : TelescopeRows
        pe_offsets, pe_pixel, pe_time
            Photo-electrons of telescope event k, ns after the start of the readout.
        """
        content, pulse = self.kind.content, self.kind.pulse
        shape = (len(rows.tel), content.n_gains, content.n_pixels, content.n_samples)
        out = np.empty(shape, np.uint16)
        synthesise(
            pe_offsets, pe_pixel, pe_time, rows.shower, rows.use, rows.tel, self._row[rows.tel],
            self._pedestal, self._per_pe, self._delay, pulse.samples, pulse.first_sample,
            *self._traces, np.array(self.kind.electronic_noise, np.float32), content.time_slice,
            self.kind.highest, self.options.seed, self.options.noise, out,
        )  # fmt: skip
        return out

    def images(
        self,
        rows: TelescopeRows,
        pe_offsets: NDArray[np.int64],
        pe_pixel: NDArray[np.int32],
        pe_time: NDArray[np.float32],
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        """True images, charges and peak times (n, n_pixels), drawn without waveforms."""
        content, pulse = self.kind.content, self.kind.pulse
        shape = (len(rows.tel), content.n_pixels)
        true_image = np.empty(shape, np.int32)
        image, peak_time = np.empty(shape, np.float32), np.empty(shape, np.float32)
        smear_images(
            pe_offsets, pe_pixel, pe_time, rows.shower, rows.use, rows.tel, self.charge_noise,
            0.5 * (pulse.rise + pulse.fall), content.n_samples * content.time_slice,
            self.options.seed, true_image, image, peak_time,
        )  # fmt: skip
        return true_image, image, peak_time

    @property
    def charge_noise(self) -> float:
        """Standard deviation of a charge without light, p.e.: noise of `WINDOW` samples.

        The night sky of a window is that of all its photo-electrons; what pulses cut at its edges
        change is left out. Without noise 0.
        """
        if not self.options.noise:
            return 0.0
        electronic = self.kind.electronic_noise[0] / self.kind.counts_per_pe[0]
        sky = self.sky_rate * (1 + 1 / CHARGE_ORDER)
        return math.sqrt(WINDOW * (electronic**2 + sky))


def readouts(options: SimulationOptions) -> list[KindReadout]:
    """One entry per kind of telescope, in the order of their first telescope."""
    names = dict.fromkeys(place.kind for place in options.array.places)
    return [KindReadout(options, telescope_kind(name)) for name in names]
