"""Upsampled traces bounded for sums of neighbours.

Samples of one phase lie together, so that loops run along the old samples: phase f of sample s is
in place ``f * stride + s``.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel


@kernel
def clipped_phases(
    short: np.ndarray, weights: np.ndarray, level: float, stride: int, out: np.ndarray
) -> None:
    """Upsample a trace and bound it to x / (1 + x) for positive x = value / level, else 0.

    Parameters
    ----------
    short : float64 (stride + 2,)
        From `deconvolution.without_pole`.
    weights : float64 (3, upsampling)
        From `deconvolution.phase_weights`.
    level : float
        0 or infinite: values are taken as they are.
    stride : int
    out : float64 (upsampling * stride,)
        Written.

    Notes
    -----
    Source: ctapipe (FlashCamExtractor); multiplied by the level, it takes one division.
    """
    clips = not (level == 0.0 or math.isinf(level))
    for phase in range(weights.shape[1]):
        before, here, after = weights[0, phase], weights[1, phase], weights[2, phase]
        begin = phase * stride
        values = out[begin : begin + stride]
        if clips:
            for s in range(stride):
                x = before * short[s] + here * short[s + 1] + after * short[s + 2]
                x = np.divide(x, level + abs(x))  # no test for 0, which would keep vectors out
                values[s] = 0.0 if x < 0.0 else x
        else:
            for s in range(stride):
                values[s] = before * short[s] + here * short[s + 1] + after * short[s + 2]


__all__ = ["clipped_phases"]
