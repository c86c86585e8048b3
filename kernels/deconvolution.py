"""Pole-zero deconvolution, upsampling, and the centroid of what it makes of a pulse.

A pulse that decays exponentially, by the factor `pole` per sample, becomes as short as its rise when
each sample loses `pole` times the one before. Upsampling by u repeats every sample u times and
averages twice over u of them, to and fro: so every new sample is a weighted sum of three old ones,
with weights that depend on its phase alone.
"""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def phase_weights(upsampling: int) -> np.ndarray:
    """Weights of the sample before, the sample and the sample after, for every phase.

    Parameters
    ----------
    upsampling : int

    Returns
    -------
    float64 (3, upsampling)
        Columns add up to 1; without upsampling the sample alone counts.

    Notes
    -----
    Source: two boxes of width u, one reaching ahead and one back, make the triangle
    (u - |d|) / u^2 over the distance d in new samples.
    """
    weights = np.zeros((3, upsampling))
    for phase in range(upsampling):
        for distance in range(1 - upsampling, upsampling):
            # new samples of the old one before are at places -u to -1, of the one after from u on
            neighbor = (phase + distance) // upsampling + 1
            weights[neighbor, phase] += upsampling - abs(distance)
    return weights / (upsampling * upsampling)


@kernel
def without_pole(trace: np.ndarray, pole: float, out: np.ndarray) -> None:
    """Subtract from each sample `pole` times the one before.

    Parameters
    ----------
    trace : float (n_samples,)
    pole : float
        1 for the plain difference.
    out : float64 (n_samples,)
        Written; 0 in the first sample.

    Notes
    -----
    Source: S. W. Smith, The Scientist and Engineer's Guide to Digital Signal Processing (1997).
    """
    if out.shape[0]:
        out[0] = 0.0
    for s in range(1, out.shape[0]):
        out[s] = np.float64(trace[s]) - pole * np.float64(trace[s - 1])


@kernel
def upsampled(short: np.ndarray, weights: np.ndarray, out: np.ndarray) -> None:
    """Upsample one trace; its first and last sample stand for those outside.

    Parameters
    ----------
    short : float64 (n_samples,)
    weights : float64 (3, upsampling)
        From `phase_weights`.
    out : float64 (n_samples * upsampling,)
        Written.
    """
    n_samples, upsampling = short.shape[0], weights.shape[1]
    if upsampling == 1:
        out[:] = short
        return
    for s in range(n_samples):
        before, here = short[max(s - 1, 0)], short[s]
        after = short[min(s + 1, n_samples - 1)]
        for phase in range(upsampling):
            out[s * upsampling + phase] = (
                weights[0, phase] * before + weights[1, phase] * here + weights[2, phase] * after
            )


@kernel
def centroid(trace: np.ndarray, peak: int, limit: float) -> np.float32:
    """Mean sample of a pulse, over the samples around its peak down to a fraction of it.

    Parameters
    ----------
    trace : float64 (n_samples,)
    peak : int
        A sample of the trace.
    limit : float
        Fraction of the peak; the first samples on either side that are not above it end the pulse.

    Returns
    -------
    float32, samples
        The peak itself if it is negative, NaN, or nothing is above the limit.

    Notes
    -----
    Source: PARITY section 3 (FlashCamExtractor, leading-edge time).
    """
    height = trace[peak]
    if not height >= 0.0:
        return np.float32(peak)
    lowest = limit * height
    total, weighted = 0.0, 0.0
    for step, first in ((-1, peak), (1, peak + 1)):
        s = first
        while 0 <= s < trace.shape[0] and trace[s] > lowest:
            total += trace[s]
            weighted += np.float64(s) * trace[s]
            s += step
    return np.float32(weighted / total) if total != 0.0 else np.float32(peak)


__all__ = ["centroid", "phase_weights", "upsampled", "without_pole"]
