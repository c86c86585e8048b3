"""The vector for which one quadratic form is least in units of another."""

from __future__ import annotations

import math

import numpy as np

from .cholesky import cholesky
from .jit import kernel

#: Each sweep squares the size of what is left off the diagonal.
_SWEEPS = 20
#: Added to the diagonal, in units of the trace.
_PAD = 1e-15


@kernel
def least_ratio(upper: np.ndarray, lower: np.ndarray, out: np.ndarray) -> bool:
    """Vector v with the least positive v^T U v / v^T D v.

    Parameters
    ----------
    upper : float64 array of shape (n, n)
        U, symmetric, positive semidefinite.
    lower : float64 array of shape (n, n)
        D, symmetric.
    out : float64 array of shape (n,)
        Written: v, of any length.

    Returns
    -------
    bool
        False if there is none; `out` is then undefined.

    Notes
    -----
    With U = L L^T the ratio is 1 / (u^T C u) for the unit vector along u = L^T v and
    C = L^-1 D L^-T: v belongs to the largest eigenvalue of C, found by rotations that make C
    diagonal (C. G. J. Jacobi, J. reine angew. Math. 30, 51, 1846).

    Examples
    --------
    >>> import numpy as np
    >>> out = np.empty(2)
    >>> least_ratio(np.array([[2.0, 1.0], [1.0, 2.0]]), np.eye(2), out)
    True
    >>> round(float(out[0] / out[1]), 6)
    -1.0
    """
    n = upper.shape[0]
    root, form, vectors = np.zeros((n, n)), np.empty((n, n)), np.zeros((n, n))
    padded, trace = np.empty((n, n)), 0.0
    for i in range(n):
        trace += upper[i, i]
        vectors[i, i] = 1.0
        for j in range(n):
            padded[i, j], form[i, j] = upper[i, j], lower[i, j]
    for i in range(n):
        # a perfect fit has U v = 0
        padded[i, i] += _PAD * trace
    size = _squares(lower)
    if not (cholesky(padded, root) and size > 0.0 and size < math.inf):
        return False
    for _ in range(2):  # L^-1 D, then L^-1 (L^-1 D)^T
        for column in range(n):
            for i in range(n):
                for k in range(i):
                    form[i, column] -= root[i, k] * form[k, column]
                form[i, column] /= root[i, i]
        for i in range(n):
            for j in range(i):
                form[i, j], form[j, i] = form[j, i], form[i, j]
    _diagonalise(form, vectors)
    best = 0
    for i in range(1, n):
        if form[i, i] > form[best, best]:
            best = i
    if not form[best, best] > 0.0:
        return False
    for i in range(n - 1, -1, -1):
        out[i] = vectors[i, best]
        for k in range(i + 1, n):
            out[i] -= root[k, i] * out[k]
        out[i] /= root[i, i]
    return True


@kernel
def _squares(matrix: np.ndarray) -> float:
    """Sum of the squares of all elements."""
    total = 0.0
    for i in range(matrix.shape[0]):
        for j in range(matrix.shape[1]):
            total += matrix[i, j] * matrix[i, j]
    return total


@kernel
def _diagonalise(matrix: np.ndarray, vectors: np.ndarray) -> None:
    """Turn a symmetric matrix into its eigenvalues, and a unit matrix into its eigenvectors."""
    n = matrix.shape[0]
    size = _squares(matrix)
    for _ in range(_SWEEPS):
        rest = 0.0
        for i in range(n):
            for j in range(i):
                rest += matrix[i, j] ** 2
        if not rest > 1e-34 * size:
            break
        for p in range(n - 1):
            for q in range(p + 1, n):
                if matrix[p, q] != 0.0:
                    _rotate(matrix, vectors, p, q)


@kernel
def _rotate(matrix: np.ndarray, vectors: np.ndarray, p: int, q: int) -> None:
    """Turn the plane of two axes so that their common element vanishes."""
    half = 0.5 * (matrix[q, q] - matrix[p, p])
    element = matrix[p, q]
    # the smaller of both angles; divided so that nothing overflows
    t = element / (abs(half) + math.hypot(half, element))
    t = -t if half < 0.0 else t
    c = 1.0 / math.sqrt(1.0 + t * t)
    s = c * t
    for i in range(matrix.shape[0]):
        a, b = matrix[i, p], matrix[i, q]
        matrix[i, p], matrix[i, q] = c * a - s * b, s * a + c * b
    for i in range(matrix.shape[0]):
        a, b = matrix[p, i], matrix[q, i]
        matrix[p, i], matrix[q, i] = c * a - s * b, s * a + c * b
        a, b = vectors[i, p], vectors[i, q]
        vectors[i, p], vectors[i, q] = c * a - s * b, s * a + c * b
