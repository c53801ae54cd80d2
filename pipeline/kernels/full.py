"""Centres of stars whose middle is full: one for the whole flat top, wherever on it peaks were found.

A window as wide as a star sees nothing of a flat top that is wider than itself, and stays where it began; a filter
finds several peaks on it. The window here has the variance of the star and that of the full pixels together, so that it
sees the flanks; full pixels count alike, as what they lack is not known.
"""

from __future__ import annotations

import math

import numpy as np
from numba import float64, int64, njit, types

from pipeline.frame import SIGMA_TO_FWHM
from pipeline.kernels.bands import map_bands
from pipeline.kernels.convolve import IMAGE

#: Farthest full pixel of a star from its peak, pixels.
REACH = 40
#: A flat top is this many widths of a star across; its smaller extent is this part of the larger, or it has bled.
FLAT, ROUND = 1.0, 0.5
ITERATIONS, TOLERANCE = 50, 1e-4
_INDEX = types.Array(types.int64, 1, "C", readonly=True)
_MASK = types.Array(types.uint8, 2, "C")


def full_centres(image: np.ndarray, full: np.ndarray, index: np.ndarray, fwhm: float, step: int) -> np.ndarray:
    """Centres and errors of stars with a flat top.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image without sky.
    full : ndarray of int64, shape (m,)
        Flat indices of full pixels, ascending.
    index : ndarray of int64, shape (n,)
        Flat indices of peaks with a full pixel near them.
    fwhm : float
        Width of a star, pixels.
    step : int
        Distance to the next pixel of the same colour: full pixels that are no farther apart belong together.

    Returns
    -------
    ndarray of float64, shape (n, 3)
        x, y and 1 sigma of both, pixels; NaN where the top is no wider than a star, has bled, or is cut by the frame's
        edge. Peaks on one top have one centre. Its rim is known to a pixel, and each pixel of the rim tells it anew.
        Where only the flanks are cut the centre is the top's middle.
    """
    result = np.full((index.size, 3), np.nan)
    map_bands(lambda first, last: _rows(image, full, index, fwhm, step, result, first, last), index.size)
    return result


@njit([int64(_INDEX, int64, int64, int64, _MASK)], cache=True, nogil=True)
def _cut(full, nx, y, x, mask):  # noqa: ANN001, ANN202
    """Mark the full pixels about a pixel; returns how many there are."""
    reach, number = mask.shape[0] // 2, 0
    mask[:] = 0
    for i in range(-reach, reach + 1):
        left, right = max(x - reach, 0), min(x + reach, nx - 1)
        place = np.searchsorted(full, (y + i) * nx + left)
        while place < full.size and full[place] <= (y + i) * nx + right:
            mask[i + reach, full[place] - (y + i) * nx - x + reach] = 1
            number += 1
            place += 1
    return number


@njit([int64(_MASK, int64, int64[:, ::1])], cache=True, nogil=True)
def _flood(mask, step, stack):  # noqa: ANN001, ANN202
    """Mark with 2 what hangs together with the full pixel nearest to the middle; 0 where it leaves the mask."""
    size, middle, best = mask.shape[0], mask.shape[0] // 2, 10**9
    for i in range(size):
        for j in range(size):
            away = (i - middle) ** 2 + (j - middle) ** 2
            if mask[i, j] == 1 and away < best:
                best, stack[0, 0], stack[0, 1] = away, i, j
    if best == 10**9:
        return 0
    mask[stack[0, 0], stack[0, 1]] = 2
    waiting, number = 1, 0
    while waiting > 0:
        waiting -= 1
        number += 1
        row, column = stack[waiting, 0], stack[waiting, 1]
        if row < step or column < step or row >= size - step or column >= size - step:
            return 0
        for i in range(row - step, row + step + 1):
            for j in range(column - step, column + step + 1):
                if mask[i, j] == 1:
                    mask[i, j] = 2
                    stack[waiting, 0], stack[waiting, 1] = i, j
                    waiting += 1
    return number


@njit(
    [types.UniTuple(float64, 2)(IMAGE, _MASK, int64, int64, float64, float64, float64, float64)], cache=True, nogil=True
)
def _windowed(image, mask, y, x, at_y, at_x, sigma, top):  # noqa: ANN001, ANN202
    """Gaussian-windowed centre from (at_x, at_y); the mask lies about (x, y), and what it marks with 2 is ``top``."""
    reach, middle = math.ceil(3 * sigma), mask.shape[0] // 2
    for _ in range(ITERATIONS):
        light = pull_y = pull_x = 0.0
        first_y, first_x = math.floor(at_y + 0.5) - reach, math.floor(at_x + 0.5) - reach
        for row in range(first_y, first_y + 2 * reach + 1):
            for column in range(first_x, first_x + 2 * reach + 1):
                if row < 0 or column < 0 or row >= image.shape[0] or column >= image.shape[1]:
                    return np.nan, np.nan
                value, i, j = np.float64(image[row, column]), row - y + middle, column - x + middle
                if 0 <= i < mask.shape[0] and 0 <= j < mask.shape[1] and mask[i, j] == 2:
                    value = top
                if value - value != 0:
                    continue
                away = (row - at_y) ** 2 + (column - at_x) ** 2
                weighted = value * math.exp(-away / (2 * sigma**2))
                light += weighted
                pull_y += weighted * (row - at_y)
                pull_x += weighted * (column - at_x)
        if light <= 0:
            return np.nan, np.nan
        at_y += 1.5 * pull_y / light
        at_x += 1.5 * pull_x / light
        if abs(at_y - y) > middle or abs(at_x - x) > middle:
            return np.nan, np.nan
        if abs(pull_y) + abs(pull_x) < TOLERANCE * light:
            break
    return at_y, at_x


@njit([types.void(IMAGE, _INDEX, int64[::1], float64, int64, float64[:, ::1], int64, int64)], cache=True, nogil=True)
def _rows(image, full, index, fwhm, step, result, first, last):  # noqa: ANN001, ANN202
    mask = np.zeros((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    stack = np.empty((mask.size, 2), np.int64)
    for k in range(first, last):
        y, x = index[k] // image.shape[1], index[k] % image.shape[1]
        if _cut(full, image.shape[1], y, x, mask) == 0:
            continue
        number = _flood(mask, step, stack)
        if number < math.pi / 4 * (FLAT * fwhm) ** 2:
            continue
        top, sum_y, sum_x, cut = 0.0, 0.0, 0.0, False
        for i in range(mask.shape[0]):
            for j in range(mask.shape[0]):
                if mask[i, j] == 2:
                    row, column = y + i - REACH, x + j - REACH
                    cut = cut or row == 0 or column == 0 or row == image.shape[0] - 1 or column == image.shape[1] - 1
                    sum_y += i - REACH
                    sum_x += j - REACH
                    value = np.float64(image[row, column])
                    top = max(top, value) if value - value == 0 else top
        mean_y, mean_x = sum_y / number, sum_x / number
        yy = xx = xy = 0.0
        for i in range(mask.shape[0]):
            for j in range(mask.shape[0]):
                if mask[i, j] == 2:
                    yy += (i - REACH - mean_y) ** 2
                    xx += (j - REACH - mean_x) ** 2
                    xy += (i - REACH - mean_y) * (j - REACH - mean_x)
        yy, xx, xy = yy / number, xx / number, xy / number
        spread = math.sqrt((yy - xx) ** 2 / 4 + xy**2)
        small, large = (yy + xx) / 2 - spread, (yy + xx) / 2 + spread
        if cut or small < ROUND**2 * large:
            continue
        sigma = math.sqrt((fwhm / SIGMA_TO_FWHM) ** 2 + (yy + xx) / 2)
        at_y, at_x = _windowed(image, mask, y, x, y + mean_y, x + mean_x, sigma, top)
        if at_y - at_y != 0:
            at_y, at_x = y + mean_y, x + mean_x
        result[k, 0], result[k, 1] = at_x, at_y
        result[k, 2] = step / math.sqrt(12.0 * 2 * math.sqrt(math.pi * number))
