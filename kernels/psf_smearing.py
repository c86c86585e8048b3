"""A worse optical point spread: photo-electrons move at random to neighbouring pixels."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .random_streams import PSF, next_poisson, next_uniform, start_member, start_stream

#: From this mean on the spread of a Poisson number is below the resolution of single precision.
_EXACT_MEAN = 1e15
#: Up to this mean photo-electrons are sent one by one.
_FEW = 10.0


@kernel
def smear_psf(
    charge: np.ndarray,
    obs_id: np.ndarray,
    event_id: np.ndarray,
    tel_id: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    n_directions: int,
    factor: float,
    seed: int,
    image: np.ndarray,
) -> None:
    """Move a Poisson number of photo-electrons of every pixel to its neighbours.

    Parameters
    ----------
    charge : float32 array of shape (n, n_pixels), p.e.
        Pixels whose charge is not positive, or not finite, give nothing away.
    obs_id, event_id, tel_id : int64 arrays of shape (n,)
        With the number of the pixel they name its random numbers.
    indptr, indices : int32 arrays
        Neighbours as compressed rows.
    n_directions : int
        Most neighbours of any pixel. Each direction gets the same share, also those in which a
        pixel at the edge of the camera has no neighbour: that light is lost. With 0, a camera of
        one pixel, nothing moves.
    factor : float
        Mean share of the charge that leaves a pixel.
    seed : int
    image : float32 array of shape (n, n_pixels), p.e.
        Written.

    Notes
    -----
    Source: as ctapipe's ImageModifier. What leaves a pixel is Poisson distributed with mean
    ``factor * charge`` and multinomial over the directions. Where it is much, it is drawn as one
    Poisson number per direction, which is the same distribution (splitting of a Poisson process:
    Kingman, Poisson Processes, 1993, section 5.1).
    """
    state = np.empty(1, np.uint64)
    image[:] = charge
    if n_directions == 0:
        return
    for k in range(charge.shape[0]):
        start_stream(state, seed, event_id[k], obs_id[k], tel_id[k], PSF)
        stream = state[0]
        for p in range(charge.shape[1]):
            mean = np.float64(charge[k, p]) * factor
            if not 0.0 < mean < np.inf:
                continue
            start_member(state, stream, p)
            begin, end = indptr[p], indptr[p + 1]
            if mean < _FEW:
                for _ in range(next_poisson(state, mean)):
                    image[k, p] -= np.float32(1.0)
                    to = begin + int(next_uniform(state) * n_directions)
                    if to < end:
                        image[k, indices[to]] += np.float32(1.0)
                continue
            moved = 0.0
            for direction in range(n_directions):
                share = mean / n_directions
                if share < _EXACT_MEAN:
                    share = np.float64(next_poisson(state, share))
                moved += share
                if begin + direction < end:
                    image[k, indices[begin + direction]] += np.float32(share)
            image[k, p] -= np.float32(moved)
