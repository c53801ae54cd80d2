"""A polynomial of two variables on every pixel of a frame: one polynomial of u per row, then Horner's rule along it.

Terms and normalization are those of :mod:`pipeline.kernels.polynomial`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from pipeline.kernels.bands import map_bands
from pipeline.kernels.polynomial import count, geometry, order_of

_BLOCK = 512


@njit(cache=True, nogil=True)
def _band(powers, u, v, root, first, last, image):  # noqa: ANN001, ANN202
    """Rows from ``first`` up to ``last`` (exclusive); ``powers[i, j]`` belongs to u^i v^j."""
    order = powers.shape[0] - 1
    row = np.empty(order + 1)
    values = np.empty(_BLOCK)
    for y in range(first, last):
        for i in range(order + 1):
            row[i] = 0.0
            for j in range(order - i, -1, -1):
                row[i] = row[i] * v[y] + powers[i, j]
        for start in range(0, u.size, _BLOCK):
            size = min(_BLOCK, u.size - start)
            values[:size] = row[order]
            for i in range(order - 1, -1, -1):
                for x in range(size):
                    values[x] = values[x] * u[start + x] + row[i]
            if root:
                for x in range(size):
                    image[y, start + x] = np.sqrt(max(values[x], 0.0))
            else:
                for x in range(size):
                    image[y, start + x] = values[x]


def _exponents(order: int) -> list[tuple[int, int]]:
    """Powers of u and v of each term."""
    return [(degree - j, j) for degree in range(order + 1) for j in range(degree + 1)]


def surface(coefficients: np.ndarray, shape: tuple[int, int], image: np.ndarray, *, root: bool = False) -> None:
    """Write a polynomial's value at every pixel into ``image``.

    Parameters
    ----------
    coefficients : ndarray of float64, shape (terms,)
        In the order 1, u, v, u2, uv, v2, ...
    shape : tuple of int
        Rows and columns.
    image : ndarray of float32, shape (ny, nx)
        Where the values go; they are computed in float64.
    root : bool
        Write the square root instead, zero where the value is negative by rounding.
    """
    order = order_of(len(coefficients))
    powers = np.zeros((order + 1, order + 1))
    for (i, j), value in zip(_exponents(order), coefficients, strict=True):
        powers[i, j] = value
    centre_x, centre_y, scale = geometry(shape)
    u = (np.arange(shape[1]) - centre_x) / scale
    v = (np.arange(shape[0]) - centre_y) / scale
    map_bands(lambda first, last: _band(powers, u, v, root, first, last, image), shape[0])


def squared_form(matrix: np.ndarray) -> np.ndarray:
    """Coefficients of t' M t, where t are the terms of an order: a polynomial of twice that order.

    Parameters
    ----------
    matrix : ndarray of float64, shape (terms, terms)
        For a map's variance the covariance of its coefficients.

    Returns
    -------
    ndarray of float64, shape (count(2 order),)
    """
    order = order_of(len(matrix))
    exponents = _exponents(order)
    place = {powers: k for k, powers in enumerate(_exponents(2 * order))}
    result = np.zeros(count(2 * order))
    for k, (i, j) in enumerate(exponents):
        for m, (p, q) in enumerate(exponents):
            result[place[i + p, j + q]] += matrix[k, m]
    return result
