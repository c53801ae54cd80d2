"""Centres and widths of stars by the moments of their light in a square window.

First moments are the light-weighted mean, central second moments the variances of the profile. A window that ends at
some sigma from the star leaves out its wings, so its second moments are too small; :func:`untruncated` finds the
Gaussian whose moments in the same window are those measured.
"""

from __future__ import annotations

import math

import numpy as np
from numba import float64, int64, njit, types

from pipeline.kernels.bands import map_bands
from pipeline.kernels.convolve import IMAGE

#: Columns of :func:`window_moments`.
MOMENTS = ("x", "y", "x_error", "y_error", "xx", "yy", "xx_error", "yy_error", "light", "light_error", "bad")
STEPS, SETTLED = 60, 1e-9
_PLACES = types.Array(types.int64, 2, "C", readonly=True)
_VALUES = types.Array(types.float64, 1, "C", readonly=True)
_TABLE = types.Array(types.float64, 2, "C", readonly=True)


def window_range(window: int) -> tuple[int, int]:
    """First and last pixel of a window about its middle: -10 and 10 for 21 pixels, -10 and 9 for 20."""
    return -(window // 2), window - 1 - window // 2


def window_moments(
    image: np.ndarray,
    column: np.ndarray,
    row: np.ndarray,
    *,
    window: int,
    variance: np.ndarray,
    photon: np.ndarray,
    sky: np.ndarray | float = 0.0,
) -> dict[str, np.ndarray]:
    """Light-weighted mean and central second moments in a square of pixels about each peak, with their errors.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image without sky, ADU; bad pixels are not finite and count as dark.
    column, row : ndarray of int64, shape (n,)
        The peaks' pixels.
    window : int
        Side of the square; :func:`window_range` says which pixels.
    variance, photon : ndarray of float64, shape (2, 2)
        Variance of a sky pixel, and of a pixel for each ADU above the sky, by row and column parity.
    sky : ndarray of float64, shape (n,), or float
        Level that is left of the sky at each star, ADU.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        MOMENTS: mean and variance of the light along x and y (pixels, pixels squared) and their 1 sigma, the light and
        its error (ADU), and the number of bad pixels. All NaN where the window does not lie in the frame; moments are
        NaN where there is no light.
    """
    places = np.ascontiguousarray(np.stack([column, row], axis=1).astype(np.int64))
    result = np.empty((len(places), len(MOMENTS)))
    tables = [np.ascontiguousarray(table, np.float64) for table in (variance, photon)]
    left = np.ascontiguousarray(np.broadcast_to(sky, len(places)), np.float64)
    map_bands(lambda first, last: _moments(image, places, window, left, *tables, result, first, last), len(places))
    return {name: np.ascontiguousarray(result[:, i]) for i, name in enumerate(MOMENTS)}


def untruncated(mean: np.ndarray, square: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Sigma of the Gaussians that have the measured moments in their windows.

    Parameters
    ----------
    mean, square : ndarray of float64, shape (n,)
        Light-weighted mean and central second moment along one axis, pixels and pixels squared.
    first, last : ndarray of int64, shape (n,)
        The window's first and last pixel along that axis.

    Returns
    -------
    ndarray of float64, shape (n,)
        Pixels; NaN where no Gaussian has such moments: the light is as even as a sky.

    Notes
    -----
    A Gaussian that factors into x and y is cut by a square window in x and y independently, so each axis is solved by
    itself: centre and sigma are moved until sampled sums over the window give the measured mean and variance.
    """
    arrays = (np.ascontiguousarray(values, kind) for values, kind in
              ((mean, np.float64), (square, np.float64), (first, np.int64), (last, np.int64)))  # fmt: skip
    return _untruncated(*arrays)


@njit(
    [types.void(IMAGE, int64, int64, int64, float64, float64, float64, float64, _TABLE, _TABLE, float64[::1])],
    cache=True,
    nogil=True,
)  # fmt: skip
def _second_moments(image, row, column, window, sky, x, y, light, variance, photon, out):  # noqa: ANN001, ANN202
    """Central second moments and the errors of both moments, from the noise of each pixel."""
    square_x = square_y = 0.0
    for i in range(window):
        for j in range(window):
            value = np.float64(image[row + i, column + j]) - sky
            if value - value == 0:
                square_x += value * (j - x) ** 2
                square_y += value * (i - y) ** 2
    square_x /= light
    square_y /= light
    noise_x = noise_y = wide_x = wide_y = 0.0
    for i in range(window):
        for j in range(window):
            value = np.float64(image[row + i, column + j]) - sky
            if value - value == 0:
                a, b = (row + i) & 1, (column + j) & 1
                noise = variance[a, b] + max(value, 0.0) * photon[a, b]
                noise_x += noise * (j - x) ** 2
                noise_y += noise * (i - y) ** 2
                wide_x += noise * ((j - x) ** 2 - square_x) ** 2
                wide_y += noise * ((i - y) ** 2 - square_y) ** 2
    out[2], out[3] = math.sqrt(noise_x) / light, math.sqrt(noise_y) / light
    out[4], out[5] = square_x, square_y
    out[6], out[7] = math.sqrt(wide_x) / light, math.sqrt(wide_y) / light


@njit(
    [types.void(IMAGE, _PLACES, int64, _VALUES, _TABLE, _TABLE, float64[:, ::1], int64, int64)],
    cache=True,
    nogil=True,
)  # fmt: skip
def _moments(image, places, window, left, variance, photon, result, first, last):  # noqa: ANN001, ANN202
    before = window // 2
    for star in range(first, last):
        result[star] = np.nan
        column, row, sky = places[star, 0] - before, places[star, 1] - before, left[star]
        if row < 0 or column < 0 or row + window > image.shape[0] or column + window > image.shape[1]:
            continue
        light = pull_x = pull_y = bad = noise = 0.0
        for i in range(row, row + window):
            for j in range(column, column + window):
                value = np.float64(image[i, j]) - sky
                if value - value != 0:
                    bad += 1.0
                    continue
                light += value
                pull_x += value * (j - column)
                pull_y += value * (i - row)
                noise += variance[i & 1, j & 1] + max(value, 0.0) * photon[i & 1, j & 1]
        result[star, 8], result[star, 9], result[star, 10] = light, math.sqrt(noise), bad
        if light <= 0:
            continue
        x, y = pull_x / light, pull_y / light
        result[star, 0], result[star, 1] = column + x, row + y
        if 0 <= x < window and 0 <= y < window:
            _second_moments(image, row, column, window, sky, x, y, light, variance, photon, result[star])


@njit(
    [
        float64[::1](
            types.Array(types.float64, 1, "C", readonly=True),
            types.Array(types.float64, 1, "C", readonly=True),
            types.Array(types.int64, 1, "C", readonly=True),
            types.Array(types.int64, 1, "C", readonly=True),
        )
    ],
    cache=True,
    nogil=True,
)  # fmt: skip
def _untruncated(mean, square, first, last):  # noqa: ANN001, ANN202
    result = np.full(mean.size, np.nan)
    for star in range(mean.size):
        if not square[star] > 0:
            continue
        centre, spread = mean[star], square[star]
        widest = 4.0 * (last[star] - first[star] + 1) ** 2
        for _ in range(STEPS):
            light = pull = wide = 0.0
            for pixel in range(first[star], last[star] + 1):
                weight = math.exp(-((pixel - centre) ** 2) / (2.0 * spread))
                light += weight
                pull += weight * pixel
                wide += weight * pixel * pixel
            if not light > 0:
                break
            here = pull / light
            there = wide / light - here * here
            if not there > 0:
                break
            factor = square[star] / there
            centre += mean[star] - here
            spread *= factor
            if spread > widest or abs(centre - mean[star]) > last[star] - first[star]:
                break
            if abs(factor - 1.0) < SETTLED:
                result[star] = math.sqrt(spread)
                break
    return result
