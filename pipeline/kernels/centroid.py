"""Centres of stars and their errors: Gaussian-windowed, centre of mass, and a fitted Gaussian.

The windowed position is SExtractor's (Bertin & Arnouts 1996, A&AS 117, 393; XWIN_IMAGE in its manual). On a mosaic of
narrow stars the image is looked at through [1 2 1; 2 4 2; 1 2 1] / 16, which has the same sum of each colour at every
pixel, so the colours' pattern cancels.
"""

from __future__ import annotations

import math

import numpy as np
from numba import boolean, float64, int64, njit, types

from pipeline.frame import SIGMA_TO_FWHM
from pipeline.kernels.bands import map_bands
from pipeline.kernels.convolve import IMAGE
from pipeline.kernels.measure import pixel

CENTRES = ("x_winpos", "y_winpos", "xcentroid_err", "ycentroid_err", "x_com", "y_com", "x_gauss", "y_gauss", "fwhm")
WINDOW = 4.0
ITERATIONS = 40
TOLERANCE = 1e-5
# Farther than this from the finder's own position, pixels, and than noise explains, a windowed centre sits on a blend.
BLEND = 0.5
SMOOTH_VARIANCE = 0.5
_PATCH = float64[:, ::1]


def centres(
    image: np.ndarray,
    index: np.ndarray,
    own: tuple[np.ndarray, np.ndarray],
    fwhm: float,
    smooth: bool,
    variance: np.ndarray,
    photon: np.ndarray,
) -> dict[str, np.ndarray]:
    """Three centres of each candidate, the error of the windowed one, and the star's width.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image without sky.
    index : ndarray of int64, shape (n,)
        Flat indices of the candidates' pixels.
    own : tuple of ndarray of float64, shape (n,)
        The finder's own x and y, pixels.
    fwhm : float
        Width of a star, pixels.
    smooth : bool
        Whether to look through the 3 x 3 filter that cancels a mosaic's pattern.
    variance, photon : ndarray of float64, shape (2, 2)
        Variance of a sky pixel, and of a pixel for each ADU above the sky, by row and column parity.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        CENTRES, pixels. A centre that cannot be had is the next simpler one: windowed, the finder's, the pixel.
    """
    result = np.empty((index.size, len(CENTRES)))
    x, y = (np.ascontiguousarray(values, np.float64) for values in own)
    map_bands(
        lambda first, last: _centres(image, index, x, y, fwhm, smooth, variance, photon, result, first, last),
        index.size,
    )
    return {name: np.ascontiguousarray(result[:, i]) for i, name in enumerate(CENTRES)}


def widths(image: np.ndarray, index: np.ndarray, fwhm: float, smooth: bool) -> tuple[np.ndarray, np.ndarray]:
    """Width of each candidate by a fitted round Gaussian, in a window that follows the width.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image without sky.
    index : ndarray of int64, shape (n,)
        Flat indices of the candidates' pixels.
    fwhm : float
        First guess, pixels.
    smooth : bool
        Whether to look through the 3 x 3 filter; its own width is taken off.

    Returns
    -------
    fwhm, misfit : ndarray of float64, shape (n,)
        Width, pixels, NaN where no Gaussian fits; and the residuals' rms over the Gaussian's height.
    """
    result = np.empty((index.size, 2))
    map_bands(lambda first, last: _widths(image, index, fwhm, smooth, result, first, last), index.size)
    return result[:, 0], result[:, 1]


@njit([float64(IMAGE, int64, int64)], cache=True, nogil=True)
def _across(image, y, x):  # noqa: ANN001, ANN202
    return 0.25 * pixel(image, y, x - 1) + 0.5 * pixel(image, y, x) + 0.25 * pixel(image, y, x + 1)


@njit([types.void(IMAGE, int64, int64, boolean, _PATCH)], cache=True, nogil=True)
def _cut(image, y, x, smooth, patch):  # noqa: ANN001, ANN202
    """Copy the surroundings of a pixel, seen through the 3 x 3 filter or as they are."""
    reach = patch.shape[0] // 2
    for i in range(-reach, reach + 1):
        for j in range(-reach, reach + 1):
            patch[i + reach, j + reach] = pixel(image, y + i, x + j)
    if smooth:
        for i in range(-reach, reach + 1):
            before = pixel(image, y + i, x - reach - 1)
            for j in range(2 * reach + 1):
                here = patch[i + reach, j]
                after = patch[i + reach, j + 1] if j < 2 * reach else pixel(image, y + i, x + reach + 1)
                patch[i + reach, j] = 0.25 * before + 0.5 * here + 0.25 * after
                before = here
        for j in range(-reach, reach + 1):
            before = _across(image, y - reach - 1, x + j)
            for i in range(2 * reach + 1):
                here = patch[i, j + reach]
                after = patch[i + 1, j + reach] if i < 2 * reach else _across(image, y + reach + 1, x + j)
                patch[i, j + reach] = 0.25 * before + 0.5 * here + 0.25 * after
                before = here


@njit([types.UniTuple(float64, 3)(_PATCH, float64, float64, float64, float64[:, ::1])], cache=True, nogil=True)
def _window(patch, x, y, sigma, weight):  # noqa: ANN001, ANN202
    """Weighted sums about (x, y) from the patch's middle: of the light, and of the light times the distance."""
    reach = patch.shape[0] // 2
    for i in range(-reach, reach + 1):
        weight[0, i + reach] = math.exp(-((i - x) ** 2) / (2 * sigma**2))
        weight[1, i + reach] = math.exp(-((i - y) ** 2) / (2 * sigma**2))
    light = pull_x = pull_y = 0.0
    for i in range(2 * reach + 1):
        line = line_x = 0.0
        for j in range(2 * reach + 1):
            value = patch[i, j] * weight[0, j]
            line += value
            line_x += value * (j - reach - x)
        light += line * weight[1, i]
        pull_x += line_x * weight[1, i]
        pull_y += line * weight[1, i] * (i - reach - y)
    return light, pull_x, pull_y


@njit([types.UniTuple(float64, 2)(_PATCH, float64, float64, float64, float64[:, ::1])], cache=True, nogil=True)
def _windowed(patch, x, y, sigma, weight):  # noqa: ANN001, ANN202
    """Gaussian-windowed centre from the patch's middle; NaN where it runs away."""
    start_x, start_y, reach = x, y, patch.shape[0] / 2
    for _ in range(ITERATIONS):
        light, pull_x, pull_y = _window(patch, x, y, sigma, weight)
        if light <= 0:
            return np.nan, np.nan
        step_x, step_y = 2 * pull_x / light, 2 * pull_y / light
        x += step_x
        y += step_y
        if not (abs(x - start_x) < reach and abs(y - start_y) < reach):
            return np.nan, np.nan
        if abs(step_x) + abs(step_y) < TOLERANCE:
            break
    return x, y


@njit([float64(float64[:, ::1], float64[::1], int64, boolean, int64, int64, float64)], cache=True, nogil=True)
def _leverage(weight, distance, axis, smooth, i, j, sigma):  # noqa: ANN001, ANN202
    """How strongly pixel (i, j) of the patch pulls on the centre: window times distance, through the filter if any."""
    if not smooth:
        return weight[0, j] * weight[1, i] * (distance[j] if axis == 0 else distance[i])
    along, other = (j, i) if axis == 0 else (i, j)
    size = distance.size
    pull = 0.5 * weight[axis, along] * distance[along]
    side = 0.5 * weight[1 - axis, other]
    for k in (-1, 1):
        if 0 <= along + k < size:
            pull += 0.25 * weight[axis, along + k] * distance[along + k]
        if 0 <= other + k < size:
            side += 0.25 * weight[1 - axis, other + k]
    return pull * side


@njit(
    [float64(IMAGE, int64, int64, _PATCH, float64, float64[:, ::1], int64, boolean, float64, _PATCH, _PATCH)],
    cache=True,
    nogil=True,
)
def _error(image, row, column, patch, centre, weight, axis, smooth, sigma, variance, photon):  # noqa: ANN001, ANN202
    """Standard deviation of a windowed centre along one axis.

    The centre c makes F(c) = sum of w I d vanish, so its variance is that of F over the square of dF/dc; where the
    image is looked at through the 3 x 3 filter, F is a sum over the image's own independent pixels all the same.
    """
    size = patch.shape[0]
    distance = np.arange(size) - size // 2 - centre
    noise = sky = light = slope = 0.0
    for i in range(size):
        for j in range(size):
            y, x = row + i - size // 2, column + j - size // 2
            pull = _leverage(weight, distance, axis, smooth, i, j, sigma) ** 2
            sky += pull * variance[y & 1, x & 1]
            noise += pull * photon[y & 1, x & 1] * pixel(image, y, x)
            value = weight[0, j] * weight[1, i] * patch[i, j]
            light += value
            slope += value * (1 - (distance[j] if axis == 0 else distance[i]) ** 2 / sigma**2)
    if light <= 0:
        return np.nan
    # The slope is half of the light for a star as wide as the window; noise must not make it vanish.
    return math.sqrt(max(sky + noise, 0.5 * sky)) / max(slope, 0.2 * light)


@njit([types.UniTuple(float64, 2)(_PATCH, int64)], cache=True, nogil=True)
def _mass(patch, half):  # noqa: ANN001, ANN202
    """Centre of mass of the box about the patch's middle; the middle where there is no light."""
    middle = patch.shape[0] // 2
    light = pull_x = pull_y = 0.0
    for i in range(-half, half + 1):
        for j in range(-half, half + 1):
            value = patch[middle + i, middle + j]
            light += value
            pull_x += value * j
            pull_y += value * i
    if light <= 0 or abs(pull_x) > half * light or abs(pull_y) > half * light:
        return 0.0, 0.0
    return pull_x / light, pull_y / light


@njit([types.void(_PATCH, float64[::1], int64, _PATCH, float64[::1])], cache=True, nogil=True)
def _normal(patch, p, half, matrix, vector):  # noqa: ANN001, ANN202
    """Normal equations of x, y, sigma, height and level of a round Gaussian; the last entry is the sum of squares."""
    middle = patch.shape[0] // 2
    matrix[:] = 0.0
    vector[:] = 0.0
    slope = np.empty(5)
    column = np.empty(2 * half + 1)
    for j in range(-half, half + 1):
        column[j + half] = math.exp(-((j - p[0]) ** 2) / (2 * p[2] ** 2))
    for i in range(-half, half + 1):
        row = math.exp(-((i - p[1]) ** 2) / (2 * p[2] ** 2))
        for j in range(-half, half + 1):
            dx, dy = (j - p[0]) / p[2], (i - p[1]) / p[2]
            shape = row * column[j + half]
            slope[0] = p[3] * shape * dx / p[2]
            slope[1] = p[3] * shape * dy / p[2]
            slope[2] = p[3] * shape * (dx * dx + dy * dy) / p[2]
            slope[3] = shape
            slope[4] = 1.0
            rest = patch[middle + i, middle + j] - p[3] * shape - p[4]
            for a in range(5):
                vector[a] += slope[a] * rest
                for b in range(a + 1):
                    matrix[a, b] += slope[a] * slope[b]
            vector[5] += rest * rest
    for a in range(5):
        for b in range(a):
            matrix[b, a] = matrix[a, b]


@njit([boolean(_PATCH, float64[::1], float64[::1])], cache=True, nogil=True)
def _solve(matrix, vector, step):  # noqa: ANN001, ANN202
    """Cholesky solution of five equations; false where the matrix is not positive definite."""
    lower = np.zeros((5, 5))
    for a in range(5):
        for b in range(a + 1):
            total = matrix[a, b]
            for c in range(b):
                total -= lower[a, c] * lower[b, c]
            if a > b:
                lower[a, b] = total / lower[b, b]
            elif total <= 0:
                return False
            else:
                lower[a, a] = math.sqrt(total)
    for a in range(5):
        total = vector[a]
        for c in range(a):
            total -= lower[a, c] * step[c]
        step[a] = total / lower[a, a]
    for a in range(4, -1, -1):
        total = step[a]
        for c in range(a + 1, 5):
            total -= lower[c, a] * step[c]
        step[a] = total / lower[a, a]
    return True


@njit([boolean(_PATCH, float64[::1], int64)], cache=True, nogil=True)
def _gaussian(patch, p, half):  # noqa: ANN001, ANN202
    """Fit x, y, sigma, height and level in place (Levenberg-Marquardt); p[5] becomes the residuals' rms."""
    matrix, vector, damped, step = np.empty((5, 5)), np.empty(6), np.empty((5, 5)), np.empty(5)
    trial, new_matrix, new_vector = p.copy(), np.empty((5, 5)), np.empty(6)
    _normal(patch, p, half, matrix, vector)
    damping, converged = 1e-3, False
    for _ in range(30):
        damped[:] = matrix
        for a in range(5):
            damped[a, a] *= 1 + damping
        if not _solve(damped, vector, step):
            return False
        for a in range(5):
            trial[a] = p[a] + step[a]
        inside = abs(trial[0]) <= half and abs(trial[1]) <= half and 0.2 < trial[2] < 4.0 * half
        if inside:
            _normal(patch, trial, half, new_matrix, new_vector)
        if inside and new_vector[5] <= vector[5]:
            p[:5] = trial[:5]
            matrix, new_matrix = new_matrix, matrix
            vector, new_vector = new_vector, vector
            damping *= 0.1
            if abs(step[0]) + abs(step[1]) + abs(step[2]) < 1e-4:
                converged = True
                break
        else:
            damping *= 10.0
            if damping > 1e6:
                break
    p[5] = math.sqrt(vector[5]) / (2 * half + 1)
    return converged and p[3] > 0


@njit([float64(float64, boolean)], cache=True, nogil=True)
def _own_width(sigma, smooth):  # noqa: ANN001, ANN202
    """Width without what the 3 x 3 filter adds."""
    square = sigma**2 - SMOOTH_VARIANCE if smooth else sigma**2
    return SIGMA_TO_FWHM * math.sqrt(max(square, 0.01))


@njit([types.void(IMAGE, int64[::1], float64, boolean, _PATCH, int64, int64)], cache=True, nogil=True)
def _widths(image, index, fwhm, smooth, result, first, last):  # noqa: ANN001, ANN202
    for i in range(first, last):
        y, x = index[i] // image.shape[1], index[i] % image.shape[1]
        sigma, half, fitted = fwhm / SIGMA_TO_FWHM, 0, False
        p = np.zeros(6)
        for _ in range(5):
            new_half = min(max(4, math.ceil(4.0 * sigma)), 60)
            if new_half == half:
                break
            half = new_half
            patch = np.empty((2 * half + 1, 2 * half + 1))
            _cut(image, y, x, smooth, patch)
            p[:] = 0.0
            p[2], p[3] = sigma, patch[half, half]
            fitted = _gaussian(patch, p, half)
            if not fitted:
                break
            sigma = p[2]
        result[i, 0] = _own_width(sigma, smooth) if fitted else np.nan
        result[i, 1] = p[5] / p[3] if fitted else np.nan


@njit(
    [
        types.void(
            IMAGE, int64[::1], float64[::1], float64[::1], float64, boolean, _PATCH, _PATCH, _PATCH, int64, int64
        )
    ],
    cache=True,
    nogil=True,
)  # fmt: skip
def _centres(image, index, own_x, own_y, fwhm, smooth, variance, photon, result, first, last):  # noqa: ANN001, ANN202
    sigma = fwhm / SIGMA_TO_FWHM
    reach, box = max(4, math.ceil(WINDOW * sigma)), int(2 * fwhm + 1) // 2
    half = max(3, math.ceil(1.25 * fwhm))
    reach = max(reach, half, box)
    patch, raw = np.empty((2 * reach + 1, 2 * reach + 1)), np.empty((2 * box + 1, 2 * box + 1))
    weight, p = np.empty((2, 2 * reach + 1)), np.zeros(6)
    for i in range(first, last):
        row, column = index[i] // image.shape[1], index[i] % image.shape[1]
        found = own_x[i] - own_x[i] == 0 and own_y[i] - own_y[i] == 0
        finder_x = own_x[i] - column if found else 0.0
        finder_y = own_y[i] - row if found else 0.0
        _cut(image, row, column, smooth, patch)
        x, y = _windowed(patch, 0.0, 0.0, sigma, weight)
        far = x - x != 0
        if far:
            x, y = finder_x, finder_y
        _window(patch, x, y, sigma, weight)
        error_x = _error(image, row, column, patch, x, weight, 0, smooth, sigma, variance, photon)
        error_y = _error(image, row, column, patch, y, weight, 1, smooth, sigma, variance, photon)
        if found and math.hypot(x - finder_x, y - finder_y) > max(BLEND, 3 * math.hypot(error_x, error_y)):
            x, y = finder_x, finder_y
        _cut(image, row, column, False, raw)
        mass_x, mass_y = _mass(raw, box)
        p[:] = 0.0
        p[0], p[1], p[2], p[3] = x, y, sigma, patch[reach, reach]
        fitted = _gaussian(patch, p, half)
        result[i, 0], result[i, 1] = column + x, row + y
        result[i, 2] = error_x if error_x == error_x else fwhm
        result[i, 3] = error_y if error_y == error_y else fwhm
        result[i, 4], result[i, 5] = column + mass_x, row + mass_y
        result[i, 6] = column + p[0] if fitted else column + x
        result[i, 7] = row + p[1] if fitted else row + y
        result[i, 8] = _own_width(p[2], smooth) if fitted else fwhm
