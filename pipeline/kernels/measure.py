"""DAOFIND's measures of each candidate: sharpness, both roundnesses, and the fit to the marginal sums.

Stetson 1987, PASP 99, 191, with the definitions of photutils' ``DAOStarFinder``: sums in float64 over the filter's
window; outside the image and on bad pixels the image counts as 0.
"""

from __future__ import annotations

import numpy as np
from numba import float32, float64, int64, njit, types

from pipeline.kernels.bands import map_bands
from pipeline.kernels.convolve import IMAGE, Filter

MEASURES = ("xcentroid", "ycentroid", "sharpness", "roundness1", "roundness2", "peak", "flux", "flux_err")


def daofind_measures(
    image: np.ndarray,
    convolved: np.ndarray,
    kernel: Filter,
    index: np.ndarray,
    height: np.ndarray,
    variance: np.ndarray,
    photon: np.ndarray,
) -> dict[str, np.ndarray]:
    """Measure candidates as DAOFIND does.

    Parameters
    ----------
    image, convolved : ndarray of float32, shape (ny, nx)
        The image without sky, and convolved with the filter.
    kernel : Filter
        The filter.
    index : ndarray of int64, shape (n,)
        Flat indices of the candidates' pixels.
    height : ndarray of float64, shape (n,)
        The convolved image there.
    variance : ndarray of float64, shape (2, 2)
        Variance of a sky pixel by row and column parity, ADU squared.
    photon : ndarray of float64, shape (2, 2)
        Variance of a pixel for each ADU above the sky, by parity, ADU.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        MEASURES; NaN in a position where the marginal fit has no positive height.
    """
    rows, row_sums = _marginal(kernel, 0)
    columns, column_sums = _marginal(kernel, 1)
    mask = kernel.mask.astype(np.float64)
    result = np.empty((index.size, len(MEASURES)))
    map_bands(
        lambda first, last: _measure(
            image, convolved, mask, index, height, rows, row_sums, columns, column_sums, variance, photon, result,
            first, last
        ),
        index.size,
    )  # fmt: skip
    return {name: np.ascontiguousarray(result[:, i]) for i, name in enumerate(MEASURES)}


def _marginal(kernel: Filter, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The filter's own marginal sums along one axis, and what the least-squares fit makes of them.

    Returns
    -------
    tables : ndarray of float64, shape (5, size)
        Triangular weight, weighted profile, weighted slope, weighted distance, and the weight across.
    sums : ndarray of float64, shape (8,)
        Sums of weight, profile, height's denominator, slope, slope squared, profile times slope; sigma; size.
    """
    shape = kernel.gaussian.shape
    size, across = shape[axis], shape[1 - axis]
    distance = size // 2 - np.arange(size)
    weight = (size // 2 - np.abs(distance) + 1).astype(float)
    other = (across // 2 - np.abs(across // 2 - np.arange(across)) + 1).astype(float)
    profile = kernel.gaussian @ other if axis == 0 else other @ kernel.gaussian
    slope = profile * distance
    # photutils measures the fallback's distance along rows upward and along columns downward.
    way = -distance if axis == 0 else distance
    tables = np.zeros((5, max(size, across)))
    for row, values in zip(tables, (weight, profile * weight, slope * weight, way * weight, other), strict=True):
        row[: values.size] = values
    total, first = weight.sum(), (profile * weight).sum()
    denominator = (profile**2 * weight).sum() - first**2 / total
    sums = [
        total,
        first,
        denominator,
        (slope * weight).sum(),
        (slope**2 * weight).sum(),
        (profile * slope * weight).sum(),
    ]
    return tables, np.array([*sums, kernel.sigma_y if axis == 0 else kernel.sigma_x, size])


def cores(image: np.ndarray, full: np.ndarray, index: np.ndarray, level: float, half: int) -> np.ndarray:
    """What lies about each candidate's pixel.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image without sky.
    full : ndarray of int64, shape (m,)
        Flat indices of full pixels, ascending.
    index : ndarray of int64, shape (n,)
        Flat indices of the candidates' pixels.
    level : float
        Part of the pixel's value that a neighbour must exceed to count.
    half : int
        The core reaches this far from the pixel, pixels.

    Returns
    -------
    ndarray of int64, shape (n, 3)
        How many of the eight neighbours exceed the level; 1 where the core has a full pixel; 1 where it has a bad one.
    """
    result = np.zeros((index.size, 3), np.int64)
    map_bands(lambda first, last: _core(image, full, index, level, half, result, first, last), index.size)
    return result


@njit([types.UniTuple(float64, 2)(float64[::1], float64[:, ::1], float64[::1])], cache=True, nogil=True)
def _fit(line, tables, sums):  # noqa: ANN001, ANN202
    """Shift and height of the filter's profile that fit a marginal sum."""
    data = profile = slope = way = 0.0
    for i in range(int(sums[7])):
        data += line[i] * tables[0, i]
        profile += line[i] * tables[1, i]
        slope += line[i] * tables[2, i]
        way += line[i] * tables[3, i]
    numerator = profile - data * sums[1] / sums[0]
    if numerator <= 0 or sums[2] <= 0:
        return np.nan, np.nan
    height = numerator / sums[2]
    half = sums[7] / 2
    shift = (sums[5] - (slope - sums[3] * data)) / (height * sums[4] / sums[6] ** 2)
    if abs(shift) > half:
        shift = way / data if data != 0 else 0.0
        if abs(shift) > half:
            shift = 0.0
    return shift, height


@njit([float64(IMAGE, int64, int64)], cache=True, nogil=True)
def _pixel(image, y, x):  # noqa: ANN001, ANN202
    """A pixel in float64; 0 outside the image and where it is bad."""
    if y < 0 or x < 0 or y >= image.shape[0] or x >= image.shape[1]:
        return 0.0
    value = np.float64(image[y, x])
    return value if value - value == 0.0 else 0.0


@njit([float64(float32[:, ::1], int64, int64, int64, int64)], cache=True, nogil=True)
def _symmetry(convolved, y, x, reach_y, reach_x):  # noqa: ANN001, ANN202
    """Twice the two-fold over the four-fold symmetry of the convolved image about a pixel (roundness1)."""
    two = four = 0.0
    for dy in range(-reach_y, reach_y + 1):
        for dx in range(-reach_x, reach_x + 1):
            row, column = y + dy, x + dx
            if (dy == 0 and dx == 0) or row < 0 or column < 0:
                continue
            if row >= convolved.shape[0] or column >= convolved.shape[1]:
                continue
            value = np.float64(convolved[row, column])
            minus = (dy <= 0 and dx > 0) or (dy >= 0 and dx < 0)
            two += -value if minus else value
            four += abs(value)
    return 2.0 * two / four if four > 0 else np.nan


@njit(
    [
        types.void(
            IMAGE, float32[:, ::1], float64[:, ::1], int64[::1], float64[::1], float64[:, ::1], float64[::1],
            float64[:, ::1], float64[::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], int64, int64
        )
    ],
    cache=True,
    nogil=True,
)  # fmt: skip
def _measure(  # noqa: ANN202
    image, convolved, mask, index, height, rows, row_sums, columns, column_sums, variance, photon, result, first, last  # noqa: ANN001
):  # fmt: skip
    size_y, size_x = mask.shape
    inside = mask.sum()
    marginal_x, marginal_y = np.empty(size_x), np.empty(size_y)
    for i in range(first, last):
        y, x = index[i] // image.shape[1], index[i] % image.shape[1]
        marginal_x[:] = 0.0
        marginal_y[:] = 0.0
        flux = noise = masked = 0.0
        for dy in range(size_y):
            for dx in range(size_x):
                row, column = y + dy - size_y // 2, x + dx - size_x // 2
                value = _pixel(image, row, column)
                flux += value
                masked += value * mask[dy, dx]
                noise += variance[row & 1, column & 1] + photon[row & 1, column & 1] * value
                marginal_x[dx] += value * columns[4, dy]
                marginal_y[dy] += value * rows[4, dx]
        peak = _pixel(image, y, x)
        shift_x, height_x = _fit(marginal_x, columns, column_sums)
        shift_y, height_y = _fit(marginal_y, rows, row_sums)
        result[i, 0] = x + shift_x
        result[i, 1] = y + shift_y
        result[i, 2] = (peak - (masked - peak) / (inside - 1)) / height[i] if height[i] != 0 else np.nan
        result[i, 3] = _symmetry(convolved, y, x, size_y // 2, size_x // 2)
        result[i, 4] = 2 * (height_x - height_y) / (height_x + height_y)
        result[i, 5] = peak
        result[i, 6] = flux
        sky = size_y * size_x * variance.mean()
        result[i, 7] = np.sqrt(max(noise, sky))


@njit([types.void(IMAGE, int64[::1], int64[::1], float64, int64, int64[:, ::1], int64, int64)], cache=True, nogil=True)
def _core(image, full, index, level, half, result, first, last):  # noqa: ANN001, ANN202
    ny, nx = image.shape
    for i in range(first, last):
        y, x = index[i] // nx, index[i] % nx
        limit = level * image[y, x]
        left, right = max(x - half, 0), min(x + half, nx - 1)
        for row in range(max(y - half, 0), min(y + half, ny - 1) + 1):
            place = np.searchsorted(full, row * nx + left)
            if place < full.size and full[place] <= row * nx + right:
                result[i, 1] = 1
            for column in range(left, right + 1):
                value = image[row, column]
                if value - value != 0:
                    result[i, 2] = 1
                elif value > limit and abs(row - y) <= 1 and abs(column - x) <= 1 and (row != y or column != x):
                    result[i, 0] += 1
