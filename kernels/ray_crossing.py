"""Height of the shower maximum: the point next to the rays of the image centroids."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel

#: Rays are taken as parallel if the determinant of their normal equations is smaller, per image.
_PARALLEL = 1e-14


@kernel
def ray_crossing(
    offsets: np.ndarray,
    position: np.ndarray,
    ray: np.ndarray,
    height: np.ndarray,
    uncert: np.ndarray,
) -> None:
    """Height of the least-squares crossing of rays.

    Parameters
    ----------
    offsets : int64 (n_events + 1,)
        Images of event k: rows offsets[k] to offsets[k + 1].
    position : float64 (n, 3), m
        Telescopes in the ground frame.
    ray : float64 (n, 3)
        Direction of the image centroid (unit vector).
    height : float64 (n_events,), m
        Written: z of the crossing; NaN for events of less than two images or of parallel rays. It
        may be below the ground, or far up where rays are almost parallel.
    uncert : float64 (n_events,), m
        Written: its standard deviation from the scatter of the rays around the crossing.

    Notes
    -----
    Source: normal equations A x = b of min Σ |(1 - u uᵀ)(x - p)|² for rays through p along u;
    variance s² (A⁻¹)_zz with s² = Σ |...|² / (2 n_images - 3). No atmosphere enters.

    Examples
    --------
    >>> import numpy as np
    >>> position = np.array([[-3.0, 0.0, 0.0], [3.0, 0.0, 0.0]])
    >>> ray = np.array([[0.6, 0.0, 0.8], [-0.6, 0.0, 0.8]])
    >>> height, uncert = np.empty(1), np.empty(1)
    >>> ray_crossing(np.array([0, 2]), position, ray, height, uncert)
    >>> height.round(9).tolist(), uncert.round(7).tolist()
    ([4.0], [0.0])
    """
    for k in range(offsets.shape[0] - 1):
        begin, end = offsets[k], offsets[k + 1]
        n = end - begin
        height[k], uncert[k] = math.nan, math.nan
        if n < 2:
            continue
        # from the first telescope, so that nothing is lost far from the origin
        x0, y0, z0 = position[begin, 0], position[begin, 1], position[begin, 2]
        xx, yy, zz, xy, xz, yz = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        bx, by, bz = 0.0, 0.0, 0.0
        for i in range(begin, end):
            x, y, z = position[i, 0] - x0, position[i, 1] - y0, position[i, 2] - z0
            u, v, w = ray[i, 0], ray[i, 1], ray[i, 2]
            xx, yy, zz = xx + v * v + w * w, yy + u * u + w * w, zz + u * u + v * v
            xy, xz, yz = xy - u * v, xz - u * w, yz - v * w
            along = u * x + v * y + w * z
            bx, by, bz = bx + x - u * along, by + y - v * along, bz + z - w * along
        # cofactors of the symmetric matrix
        cxx, cyy, czz = yy * zz - yz * yz, xx * zz - xz * xz, xx * yy - xy * xy
        cxy, cxz, cyz = xz * yz - xy * zz, xy * yz - xz * yy, xy * xz - yz * xx
        determinant = xx * cxx + xy * cxy + xz * cxz
        if not determinant > _PARALLEL * n * n * n:
            continue
        x1 = (cxx * bx + cxy * by + cxz * bz) / determinant
        y1 = (cxy * bx + cyy * by + cyz * bz) / determinant
        z1 = (cxz * bx + cyz * by + czz * bz) / determinant
        height[k] = z1 + z0
        squares = 0.0
        for i in range(begin, end):
            x, y, z = position[i, 0] - x0 - x1, position[i, 1] - y0 - y1, position[i, 2] - z0 - z1
            u, v, w = ray[i, 0], ray[i, 1], ray[i, 2]
            a, b, c = y * w - z * v, z * u - x * w, x * v - y * u
            squares += a * a + b * b + c * c
        uncert[k] = math.sqrt(squares / (2 * n - 3) * max(czz, 0.0) / determinant)
