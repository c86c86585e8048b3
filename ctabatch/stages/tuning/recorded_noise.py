"""Noise that a telescope recorded, or a simulation of noise alone: added to other waveforms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import OptionError
from ctabatch.kernels.recorded_noise import add_recorded_noise


@dataclass(frozen=True, eq=False)
class RecordedNoise:
    """Calibrated waveforms of events without a shower, of every telescope.

    Attributes
    ----------
    name : str
        Their file, for messages.
    waveforms : mapping
        Telescope id -> (n_events, n_gains, n_pixels, n_samples) float32, p.e., with the mean 0 in
        each gain.
    sha256, size : str, int
        Of the file, if they are known.
    n_losses : int
        What could not be read of it.
    """

    name: str
    waveforms: Mapping[int, NDArray[np.float32]]
    sha256: str = ""
    size: int = 0
    n_losses: int = 0

    def add(
        self,
        samples: NDArray[np.float32],
        gain: NDArray[np.int8],
        keys: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
        level: int,
        seed: int,
        *,
        by_pixel: bool,
    ) -> NDArray[np.float32]:
        """Waveforms with the sum of `level` events of their telescope, see `add_recorded_noise`.

        Raises
        ------
        OptionError
            There are too few events of a telescope, or they have another shape.
        """
        out = np.empty_like(samples)
        for tel_id in np.unique(keys[2]):
            noise = self._of(int(tel_id), samples.shape[1:], level)
            rows = np.flatnonzero(keys[2] == tel_id)
            add_recorded_noise(samples, gain, rows, *keys, noise, level, by_pixel, seed, out)
        return out

    def _of(self, tel_id: int, shape: tuple[int, ...], level: int) -> NDArray[np.float32]:
        noise = self.waveforms.get(tel_id)
        n = 0 if noise is None else len(noise)
        if noise is None or n < 2 * level:
            raise OptionError(
                f"tuning.WaveformModifier.nsb_level {level}: {2 * level} events of telescope "
                f"{tel_id} are needed, twice as many; {self.name} has {n} of nsb_event_type"
            )
        if noise.shape[2:] != shape:
            raise OptionError(
                f"tuning.WaveformModifier.nsb_file: telescope {tel_id} has waveforms of "
                f"{noise.shape[2]} pixels and {noise.shape[3]} samples in {self.name}, "
                f"the input has {shape[0]} and {shape[1]}"
            )
        return noise


def centred(waveforms: NDArray[np.float32]) -> NDArray[np.float32]:
    """Waveforms (n_events, n_gains, n_pixels, n_samples) less the mean of each gain.

    Samples that are not finite (of gains without coefficients) become 0.
    """
    out = np.array(waveforms, np.float32)
    usable = np.isfinite(out)
    for channel in range(out.shape[1]):
        one, there = out[:, channel], usable[:, channel]
        if there.any():
            one -= np.float32(one[there].mean(dtype=np.float64))
    out[~usable] = 0
    out.setflags(write=False)
    return out


__all__ = ["RecordedNoise", "centred"]
