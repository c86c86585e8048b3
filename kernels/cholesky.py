"""Symmetric positive definite matrices of a few rows: triangular root and inverse.

Written out because numba takes linear algebra from scipy, which kernels do without.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel


@kernel
def cholesky(matrix: np.ndarray, out: np.ndarray) -> bool:
    """Lower triangle L of M = L L^T.

    Parameters
    ----------
    matrix : float64 array of shape (n, n)
        M, read below and on the diagonal.
    out : float64 array of shape (n, n)
        Written below and on the diagonal.

    Returns
    -------
    bool
        False if M is not positive definite or has NaN; `out` is then undefined.

    Notes
    -----
    Source: A.-L. Cholesky, Bulletin geodesique 2, 67 (1924).

    Examples
    --------
    >>> import numpy as np
    >>> cholesky(np.array([[4.0]]), np.empty((1, 1))), cholesky(np.zeros((1, 1)), np.empty((1, 1)))
    (True, False)
    """
    n = matrix.shape[0]
    for i in range(n):
        for j in range(i + 1):
            rest = matrix[i, j]
            for k in range(j):
                rest -= out[i, k] * out[j, k]
            if i == j:
                if not (rest > 0.0 and rest < math.inf):
                    return False
                out[i, i] = math.sqrt(rest)
            else:
                out[i, j] = rest / out[j, j]
    return True


@kernel
def invert(matrix: np.ndarray, out: np.ndarray) -> bool:
    """Inverse of a symmetric positive definite matrix.

    Parameters
    ----------
    matrix : float64 array of shape (n, n)
        Read below and on the diagonal.
    out : float64 array of shape (n, n)
        Written.

    Returns
    -------
    bool
        False if the matrix is not positive definite, or has NaN; `out` is then undefined.

    Notes
    -----
    M = L L^T as `cholesky` gives it, then the inverse is L^-T L^-1.

    Examples
    --------
    >>> import numpy as np
    >>> out = np.empty((2, 2))
    >>> invert(np.array([[4.0, 0.0], [0.0, 16.0]]), out), out.tolist()
    (True, [[0.25, 0.0], [0.0, 0.0625]])
    >>> invert(np.zeros((2, 2)), out)
    False
    """
    n = matrix.shape[0]
    lower = np.zeros((n, n))
    if not cholesky(matrix, lower):
        return False
    for column in range(n):
        for i in range(n):
            rest = 1.0 if i == column else 0.0
            for k in range(i):
                rest -= lower[i, k] * out[k, column]
            out[i, column] = rest / lower[i, i]
        for i in range(n - 1, -1, -1):
            rest = out[i, column]
            for k in range(i + 1, n):
                rest -= lower[k, i] * out[k, column]
            out[i, column] = rest / lower[i, i]
    return True
