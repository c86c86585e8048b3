"""Calibrated waveforms of a simulation with more noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import OptionError
from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.kernels.noise_traces import TRACE_LENGTH
from ctabatch.kernels.sample_noise import add_sample_noise
from ctabatch.stages.component import option

from .keys import event_keys
from .noise_sources import electronic, night_sky
from .recorded_noise import RecordedNoise


@dataclass(frozen=True)
class WaveformModifier:
    """Add night-sky light and electronic noise to calibrated waveforms.

    The noise can be recorded: the sum of `nsb_level` events without a shower, drawn at random from
    `nsb_file` for every event, the mean of the gain taken away.

    Light of the night sky is shot noise: photo-electrons at random times with the camera's
    reference pulse and fluctuating charges. Its mean is taken away, as by a readout that is coupled
    by a capacitor. Every random number belongs to seed, observation, event, telescope and pixel:
    results do not depend on how events are grouped or on threads.
    """

    nsb_rate: float = option(
        0.0, "Photo-electrons of the night sky to add in each pixel", unit="1 / ns", ge=0.0
    )
    electronic_noise: float = option(
        0.0, "Standard deviation of the electronic noise to add to each sample", unit="p.e.", ge=0.0
    )
    nsb_file: str = option("", "File with events of noise alone, whose waveforms are added")
    nsb_level: int = option(1, "How many of these events are added up", ge=1)
    nsb_event_type: int = option(
        2, "Type of the events that are taken: 2 are pedestals with sky, 32 all usual ones", ge=0
    )
    sample_pixels_independently: bool = option(
        True, "Every pixel gets events of its own; else all of a camera get the same"
    )
    rng_seed: int = option(1, "Seed of the random numbers", ge=0)

    @property
    def has_effect(self) -> bool:
        """Whether waveforms change at all."""
        return self._is_made or self.nsb_file != ""

    @property
    def _is_made(self) -> bool:
        return self.nsb_rate > 0 or self.electronic_noise > 0

    def modify(
        self,
        samples: NDArray[np.float32],
        gain: NDArray[np.int8],
        rows: NDArray[np.int64],
        calibration: CameraCalibration,
        obs_id: int | NDArray[Any],
        event_id: NDArray[Any],
        tel_id: NDArray[Any],
        read_out: NDArray[np.bool_] | None = None,
        recorded: RecordedNoise | None = None,
    ) -> NDArray[np.float32]:
        """Waveforms with noise added.

        Parameters
        ----------
        samples : (n, n_pixels, n_samples) float32, p.e.
            Sums have one sample and get the noise of all samples that are in them.
        gain : (n, n_pixels) int8
            Gain channel of each waveform. Both gains of a pixel get the same photo-electrons.
        rows : (n,) int64
            Row of each event's telescope in `calibration`; none may be -1.
        calibration : CameraCalibration
        obs_id : int or (n,) int
        event_id, tel_id : (n,) int
        read_out : (n, n_pixels) bool, optional
            Pixels with data; others keep their values.
        recorded : RecordedNoise, optional
            What is in `nsb_file`.

        Returns
        -------
        (n, n_pixels, n_samples) float32
            `samples` itself if there is nothing to add.

        Raises
        ------
        OptionError
            The recorded noise does not fit, or was not read.
        """
        if not self.has_effect or samples.size == 0:
            return samples
        samples = np.ascontiguousarray(samples, np.float32)
        gain = np.ascontiguousarray(gain, np.int8)
        keys = event_keys(obs_id, event_id, tel_id)
        out = samples
        if self.nsb_file:
            if recorded is None:
                raise OptionError(f"WaveformModifier.nsb_file {self.nsb_file}: not read here")
            out = recorded.add(
                out, gain, keys, self.nsb_level, self.rng_seed,
                by_pixel=self.sample_pixels_independently,
            )  # fmt: skip
        if self._is_made:
            out = self._with_made(out, gain, rows, calibration, keys)
        return out if read_out is None else np.where(read_out[..., np.newaxis], out, samples)

    def _with_made(
        self,
        samples: NDArray[np.float32],
        gain: NDArray[np.int8],
        rows: NDArray[np.int64],
        calibration: CameraCalibration,
        keys: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    ) -> NDArray[np.float32]:
        """Waveforms with light of the night sky and electronic noise."""
        n_samples = samples.shape[2]
        n_summed = calibration.n_summed[rows] if n_samples == 1 else np.ones(len(rows), np.int64)
        reach = n_samples * int(n_summed.max())
        traces, trace_row = self._night_sky(calibration, reach)
        white = np.empty(0, np.float32)
        if self.electronic_noise > 0:
            white = electronic(float(self.electronic_noise), self.rng_seed, reach)
        out = np.empty_like(samples)
        add_sample_noise(
            samples, gain, *keys, trace_row[rows], n_summed, traces, white, TRACE_LENGTH,
            self.rng_seed, out,
        )  # fmt: skip
        return out

    def _night_sky(
        self, calibration: CameraCalibration, reach: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Traces (n_readouts, n_gains, length), and the row in them of each telescope."""
        n_gains = calibration.pedestal.shape[1]
        if self.nsb_rate == 0:
            return np.empty((1, n_gains, 0), np.float32), np.zeros(len(calibration.tel_ids), int)
        readouts = list(dict.fromkeys(calibration.readouts))
        place = {readout: i for i, readout in enumerate(readouts)}
        traces = [
            night_sky(readout, n_gains, float(self.nsb_rate), self.rng_seed, reach)
            for readout in readouts
        ]
        stacked = traces[0][np.newaxis] if len(traces) == 1 else np.stack(traces)
        return stacked, np.array([place[readout] for readout in calibration.readouts])


__all__ = ["WaveformModifier"]
