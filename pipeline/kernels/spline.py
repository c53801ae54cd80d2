"""Cubic B-spline surfaces through a mesh of boxes, evaluated at every pixel and taken off the pixels in one pass.

The surface is that of ``scipy.ndimage.zoom`` in its grid mode, as photutils uses it for a background: mesh values stand
at the boxes' centres, the mesh is mirrored about its outer edges, and the result keeps within the mesh's range.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from pipeline.kernels.bands import frozen, map_bands

_NO_MASK = np.zeros((0, 0), np.bool_)
_NAN = np.float32(np.nan)
_LARGEST = np.float32(3.4e38)


@njit(cache=True, nogil=True)
def _polynomials(coefficients, y, box, line, cubic):  # noqa: ANN001, ANN202
    """For one row of pixels, the cubic in x of each interval between box centres (B-spline basis of order 3)."""
    place = (y + 0.5) / box + 1.5
    row = int(place)
    t = place - row
    first, last = (1.0 - t) ** 3 / 6.0, t**3 / 6.0
    second = (4.0 + t * t * (3.0 * t - 6.0)) / 6.0
    third = 1.0 - first - second - last
    for i in range(line.size):
        line[i] = (
            first * coefficients[row - 1, i]
            + second * coefficients[row, i]
            + third * coefficients[row + 1, i]
            + last * coefficients[row + 2, i]
        )
    for i in range(1, line.size - 2):
        a, b, c, d = line[i - 1], line[i], line[i + 1], line[i + 2]
        cubic[i, 0] = (a + 4.0 * b + c) / 6.0
        cubic[i, 1] = (c - a) / 2.0
        cubic[i, 2] = (a - 2.0 * b + c) / 2.0
        cubic[i, 3] = (d - a + 3.0 * (b - c)) / 6.0


@njit(cache=True, nogil=True)
def _surface_line(cubic, box, lowest, highest, start, nx, out):  # noqa: ANN001, ANN202
    """Every second pixel of a row, from ``start``, side by side, by Horner's scheme in float32."""
    step = np.float32(2.0 / box)
    x = start
    for i in range(1, cubic.shape[0] - 2):
        end = min(nx, int(np.ceil((i - 0.5) * box - 0.5)))
        number = (end - x + 1) // 2
        if number <= 0:
            continue
        t0 = np.float32((x + 0.5) / box + 1.5 - i)
        c0, c1, c2, c3 = cubic[i, 0], cubic[i, 1], cubic[i, 2], cubic[i, 3]
        part = out[x // 2 : x // 2 + number]
        for k in range(number):
            t = t0 + np.float32(k) * step
            value = c0 + t * (c1 + t * (c2 + t * c3))
            part[k] = min(max(value, lowest), highest)
        x += 2 * number


@njit(cache=True, nogil=True)
def _surface_rows(coefficients, limits, colours, box, first, last, out):  # noqa: ANN001, ANN202
    line = np.empty(coefficients.shape[2], np.float64)
    cubic = np.zeros((coefficients.shape[2], 4), np.float32)
    nx = out.shape[1]
    # Pixels side by side are computed several at a time, which every second one is not.
    halves = np.empty((2, (nx + 1) // 2), np.float32)
    for y in range(first, last):
        for start in range(2):
            colour = colours[y & 1, start]
            if start == 0 or colour != colours[y & 1, 0]:
                _polynomials(coefficients[colour], y, box, line, cubic)
            _surface_line(cubic, box, limits[colour, 0], limits[colour, 1], start, nx, halves[start])
        row, even, odd = out[y], halves[0], halves[1]
        for k in range(nx // 2):
            row[2 * k], row[2 * k + 1] = even[k], odd[k]
        if nx & 1:
            row[nx - 1] = even[nx // 2]


@njit(cache=True, nogil=True)
def _subtract_rows(pixels, mask, black, factors, darkest, first, last, out):  # noqa: ANN001, ANN202
    """Turn the surface in ``out`` into (pixel - black - surface) x factor; what is bad or not finite becomes NaN."""
    for y in range(first, last):
        for x in range(pixels.shape[1]):
            light, sky = np.float32(pixels[y, x]) - black[y & 1, x], out[y, x]
            value = (light - sky) * factors[y & 1, x]
            dead = (light < np.float32(0.5) * sky) & (light - sky < darkest[y & 1, x])
            out[y, x] = value if (abs(value) <= _LARGEST) & (not dead) else _NAN
        if mask.size > 0:
            for x in range(pixels.shape[1]):
                if mask[y, x]:
                    out[y, x] = _NAN


def _smoothing(number: int) -> np.ndarray:
    """Matrix from B-spline coefficients, mirrored about the outer edges, to the values at the boxes' centres."""
    matrix = (4.0 * np.eye(number) + np.eye(number, k=1) + np.eye(number, k=-1)) / 6.0
    matrix[0, 0] += 1.0 / 6.0
    matrix[-1, -1] += 1.0 / 6.0
    return matrix


def _prepare(meshes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """B-spline coefficients of each mesh with two more on each side, and each mesh's range."""
    along_y = np.linalg.solve(_smoothing(meshes.shape[1]), meshes.astype(np.float64))
    filtered = np.linalg.solve(_smoothing(meshes.shape[2]), along_y.transpose(0, 2, 1)).transpose(0, 2, 1)
    padded = np.ascontiguousarray(np.pad(filtered, ((0, 0), (2, 2), (2, 2)), mode="symmetric"))
    limits = np.stack([meshes.min(axis=(1, 2)), meshes.max(axis=(1, 2))], axis=1)
    return padded, limits.astype(np.float32)


def surface(meshes: np.ndarray, colours: np.ndarray, box_size: int, shape: tuple[int, int]) -> np.ndarray:
    """The smooth surface through each colour's mesh, at that colour's pixels.

    Parameters
    ----------
    meshes : ndarray of float, shape (colours, boxes in y, boxes in x)
        Values at the boxes' centres.
    colours : ndarray of uint8, shape (2, 2)
        Number of the colour by row and column parity.
    box_size : int
        Side of a box, pixels.
    shape : tuple of int
        Rows and columns.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
    """
    coefficients, limits = _prepare(meshes)
    out = np.empty(shape, np.float32)

    def work(first: int, last: int) -> None:
        _surface_rows(coefficients, limits, colours, float(box_size), first, last, out)

    map_bands(work, shape[0])
    return out


def subtract_surface(
    pixels: np.ndarray,
    mask: np.ndarray | None,
    black: np.ndarray,
    meshes: np.ndarray,
    colours: np.ndarray,
    factors: np.ndarray,
    darkest: np.ndarray,
    box_size: int,
) -> np.ndarray:
    """``(pixel - black - surface) x factor`` in float32, row by row while the row is in the processor's cache.

    Parameters
    ----------
    pixels : ndarray of uint16 or float32, shape (ny, nx)
        The frame as stored.
    mask : ndarray of bool, shape (ny, nx), or None
        True where a pixel is bad.
    black : ndarray of float32, shape (2, 2)
        Level under the pixels by row and column parity.
    meshes, colours, box_size
        As for :func:`surface`.
    factors : ndarray of float32, shape (2, 2)
        Factor by row and column parity.
    darkest : ndarray of float32, shape (2, 2)
        A pixel that is lower than this against the surface, by row and column parity, and has less than half of its
        light, is dead: no sky is so uneven.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        NaN where masked, dead or not finite.
    """
    ny, nx = pixels.shape
    coefficients, limits = _prepare(meshes)
    parity = np.arange(nx) & 1
    # Lines as long as a row let the compiler use vector instructions without knowing the pattern.
    black_lines = np.ascontiguousarray(black[:, parity], np.float32)
    factor_lines = np.ascontiguousarray(factors[:, parity], np.float32)
    darkest_lines = np.ascontiguousarray(darkest[:, parity], np.float32)
    pixels, bad = frozen(pixels), frozen(_NO_MASK if mask is None else mask)
    out = np.empty((ny, nx), np.float32)

    def work(first: int, last: int) -> None:
        for top in range(first, last, 16):
            bottom = min(top + 16, last)
            _surface_rows(coefficients, limits, colours, float(box_size), top, bottom, out)
            _subtract_rows(pixels, bad, black_lines, factor_lines, darkest_lines, top, bottom, out)

    map_bands(work, ny)
    return out
