"""Pole-zero deconvolution, upsampling, and the centroid of what it makes of a pulse.

A pulse that decays exponentially, by the factor `pole` per sample, becomes as short as its rise
when each sample loses `pole` times the one before. Upsampling by u repeats every sample u times and
averages twice over u of them, to and fro: so every new sample is a weighted sum of three old ones,
with weights that depend on its phase alone, and can be had without the others.
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
    out : float64 (n,), n >= n_samples + 2
        Written in its first n_samples + 2 places: sample s in place s + 1, the first is 0; the
        first and the last also stand for the samples before and after.

    Notes
    -----
    Source: S. W. Smith, The Scientist and Engineer's Guide to Digital Signal Processing (1997).
    """
    n_samples, one = trace.shape[0], np.uint64(1)
    out[0] = out[1] = 0.0
    # unsigned places: nothing stands in the way of vector instructions
    for s in range(one, np.uint64(n_samples)):
        out[s + one] = np.float64(trace[s]) - pole * np.float64(trace[s - one])
    out[n_samples + 1] = out[n_samples]


@kernel
def upsampled_at(short: np.ndarray, weights: np.ndarray, fine: int) -> float:
    """One sample of the upsampled trace.

    Parameters
    ----------
    short : float64 (n,)
        From `without_pole`.
    weights : float64 (3, upsampling)
        From `phase_weights`.
    fine : int
        Number of the new sample.
    """
    s, phase = fine // weights.shape[1], fine % weights.shape[1]
    return (
        weights[0, phase] * short[s]
        + weights[1, phase] * short[s + 1]
        + weights[2, phase] * short[s + 2]
    )


@kernel
def upsampled_between(
    short: np.ndarray, weights: np.ndarray, begin: int, end: int, out: np.ndarray
) -> None:
    """Samples `begin` to ``end - 1`` of the upsampled trace, written to their places in `out`.

    Parameters
    ----------
    short : float64 (n,)
        From `without_pole`.
    weights : float64 (3, upsampling)
        From `phase_weights`.
    begin, end : int
    out : float64 (n_fine,)
    """
    upsampling = weights.shape[1]
    s, phase = begin // upsampling, begin % upsampling
    for fine in range(begin, end):
        out[fine] = (
            weights[0, phase] * short[s]
            + weights[1, phase] * short[s + 1]
            + weights[2, phase] * short[s + 2]
        )
        phase += 1
        if phase == upsampling:
            s, phase = s + 1, 0


@kernel
def centroid(
    short: np.ndarray, weights: np.ndarray, n_fine: int, peak: int, limit: float
) -> np.float32:
    """Mean sample of an upsampled pulse, over the samples around its peak down to a fraction of it.

    Parameters
    ----------
    short : float64 (n,)
        From `without_pole`.
    weights : float64 (3, upsampling)
        From `phase_weights`.
    n_fine : int
        Upsampled samples.
    peak : int
        One of them.
    limit : float
        Fraction of the peak; the first samples on either side that are not above it end the pulse.

    Returns
    -------
    float32, upsampled samples
        The peak itself if it is negative, NaN, or nothing is above the limit.

    Notes
    -----
    Source: ctapipe's definition (FlashCamExtractor, leading-edge time).
    """
    height = upsampled_at(short, weights, peak)
    if not height >= 0.0:
        return np.float32(peak)
    lowest = limit * height
    upsampling = weights.shape[1]
    total, weighted = 0.0, 0.0
    for step in (-1, 1):
        fine = peak if step < 0 else peak + 1
        s, phase = fine // upsampling, fine % upsampling  # counted on: divisions are slow
        while 0 <= fine < n_fine:
            value = (
                weights[0, phase] * short[s]
                + weights[1, phase] * short[s + 1]
                + weights[2, phase] * short[s + 2]
            )
            if not value > lowest:
                break
            total += value
            weighted += np.float64(fine) * value
            fine += step
            phase += step
            if phase < 0:
                s, phase = s - 1, upsampling - 1
            elif phase == upsampling:
                s, phase = s + 1, 0
    return np.float32(weighted / total) if total != 0.0 else np.float32(peak)


__all__ = ["centroid", "phase_weights", "upsampled_at", "upsampled_between", "without_pole"]
