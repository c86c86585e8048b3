"""What the deconvolution does to the reference pulse of a camera: its parameters, gain and shifts.

The reference pulse is sampled as the camera would, once for each place that its steps allow between
two samples, and every number is the mean over these.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.instrument.readout import CameraReadout
from ctabatch.kernels.deconvolution import (
    centroid,
    phase_weights,
    upsampled_at,
    without_pole,
)
from ctabatch.kernels.flashcam_charges import PARAMETERS

_Pulse = NDArray[np.float64]


def pole_zero_parameters(
    readout: CameraReadout,
    *,
    upsampling: int,
    window_width: int,
    window_shift: int,
    profile_std: float,
    descend_limit: float | None,
) -> NDArray[np.float64]:
    """Parameters of the deconvolution for a camera, from the pulse of its first gain.

    Parameters
    ----------
    readout : CameraReadout
    upsampling : int
    window_width, window_shift : int
        In upsampled samples.
    profile_std : float
        Standard deviation in ns of the arrival times of the light of one pulse.
    descend_limit : float or None
        Fraction of the peak where the leading edge ends; None: no leading-edge times.

    Returns
    -------
    (4,) float64
        `flashcam_charges.PARAMETERS`: pole, gain, time shift in ns, upsampled samples from the peak
        of the differences to that of the deconvolved pulse.

    Raises
    ------
    InputError
        The reference pulse is missing, too coarse, too short or flat.

    Notes
    -----
    Source: ctapipe's definition. The pole is the ratio of the two samples after the steepest fall.
    """
    step = readout.reference_pulse_sample_width
    sample_width = 1 / readout.sampling_rate
    if not (step > 0 and readout.reference_pulse.size and sample_width >= step):
        raise InputError(
            f"FlashCamExtractor needs a reference pulse in steps of at most {sample_width:g} ns "
            f"(one sample); this camera has {readout.reference_pulse.shape[1]} of {step:g} ns"
        )
    n_phases = round(sample_width / step)
    pulse = readout.reference_pulse[0]
    pole = float(np.mean([_pole(pulse[phase::n_phases]) for phase in range(n_phases)]))
    if not math.isfinite(pole):
        raise InputError("FlashCamExtractor: unusable reference pulse: it has no falling edge")
    if profile_std > 0:
        time = (np.arange(pulse.size) - pulse.size / 2) * step
        pulse = np.convolve(pulse, _normal(time, profile_std), "same")
    weights = phase_weights(upsampling)
    integral = pulse.sum() * step / sample_width
    gains, shifts, edges = [], [], []
    for phase in range(n_phases):
        found = pulse[phase::n_phases]
        _, fine = _deconvolved(found, pole, weights)
        peak = int(fine.argmax())
        window = slice(peak - window_shift, peak - window_shift + window_width)
        if window.start < 0 or window.stop > fine.size:
            continue
        steps = peak / upsampling * n_phases
        if descend_limit is not None:
            short, differences = _deconvolved(found, 1.0, weights)
            edge = int(differences.argmax())
            edges.append(peak - edge)
            time = np.float32(centroid(short, weights, fine.size, edge, descend_limit))
            # in single precision, as ctapipe's centroids are
            steps = float(time / np.float32(upsampling) * np.float32(n_phases))
        shifts.append((steps - int(pulse.argmax())) * step)
        gains.append(fine[window].sum() / integral)
    if not gains:
        raise InputError(
            f"FlashCamExtractor: no window of {window_width} upsampled samples around the peak "
            f"fits into the reference pulse of {pulse.size * step:g} ns"
        )
    numbers = (pole, np.mean(gains), np.mean(shifts), np.mean(edges) if edges else 0.0)
    if not all(math.isfinite(number) for number in numbers):
        named = ", ".join(f"{n} {v}" for n, v in zip(PARAMETERS, numbers, strict=True))
        raise InputError(f"FlashCamExtractor: unusable reference pulse: {named}")
    return np.array(numbers, np.float64)


def _pole(samples: _Pulse) -> float:
    """Ratio of the samples two and one after the steepest fall; NaN if they are not there."""
    if samples.size < 2:
        return math.nan
    after = int(np.argmin(np.diff(samples))) + 1
    if after + 1 >= samples.size or samples[after] == 0:
        return math.nan
    return float(samples[after + 1] / samples[after])


def _normal(x: _Pulse, std: float) -> _Pulse:
    density: _Pulse = np.exp(-((x / std) ** 2) / 2) / (math.sqrt(2 * math.pi) * std)
    return density


def _deconvolved(samples: _Pulse, pole: float, weights: _Pulse) -> tuple[_Pulse, _Pulse]:
    """Deconvolved samples as `without_pole` gives them, and upsampled."""
    short = np.empty(samples.size + 2)
    without_pole(np.ascontiguousarray(samples), pole, short)
    n_fine = samples.size * weights.shape[1]
    return short, np.array([upsampled_at(short, weights, s) for s in range(n_fine)])


__all__ = ["pole_zero_parameters"]
