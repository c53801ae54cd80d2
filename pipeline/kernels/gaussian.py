"""A round Gaussian fitted to each star, with a height of its own for every colour of a mosaic.

Least squares by Levenberg and Marquardt's way (Press et al., Numerical Recipes, section 15.5), weighted with the sky's
noise of each pixel; bad and outer pixels do not take part.
"""

from __future__ import annotations

import math

import numpy as np
from numba import boolean, float64, int64, njit, types

from pipeline.frame import SIGMA_TO_FWHM, colour_planes
from pipeline.kernels.bands import map_bands
from pipeline.kernels.convolve import IMAGE

# At most so many steps, and where the window follows; settled when a step moves centre and sigma by less, pixels.
STEPS, PATIENT_STEPS, SETTLED = 12, 50, 1e-3
#: Columns of a fit: place from the candidate's pixel, sigma, level, weighted rms of the rest; then the heights.
FIT = ("x", "y", "sigma", "level", "rest")
_PATCH = float64[:, ::1]
_COLOURS = types.Array(types.int64, 4, "C", readonly=True)
_TABLES = types.Array(types.float64, 4, "C", readonly=True)
_NUMBERS = types.Array(types.int64, 2, "C", readonly=True)
_WEIGHTS = types.Array(types.float64, 2, "C", readonly=True)


def fit_stars(
    image: np.ndarray, index: np.ndarray, fwhm: float, pattern: str, variance: np.ndarray, *, follow: bool = False
) -> np.ndarray:
    """Fit a round Gaussian to each candidate.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image without sky.
    index : ndarray of int64, shape (n,)
        Flat indices of the candidates' pixels.
    fwhm : float
        Width of a star, pixels: the first guess.
    pattern : str
        Colours of the first 2 x 2 pixels, or "none".
    variance : ndarray of float64, shape (2, 2)
        Variance of a sky pixel by row and column parity, ADU squared.
    follow : bool
        Whether the window follows the width that is found; else it reaches one ``fwhm`` from the pixel.

    Returns
    -------
    ndarray of float64, shape (n, 5 + colours)
        FIT and the height of each colour (green or mono, red, blue); a ``rest`` of NaN says that nothing fits.
    """
    colours = by_parity(colour_numbers(pattern))
    weights = by_parity(1 / np.maximum(variance, np.finfo(np.float32).tiny))
    result = np.empty((index.size, len(FIT) + 1 + colours.max()))
    map_bands(
        lambda first, last: _fit_rows(image, index, fwhm, follow, colours, weights, result, first, last), index.size
    )
    return result


def colour_numbers(pattern: str) -> np.ndarray:
    """Number of each pixel's colour by row and column parity: green or mono 0, red 1, blue 2."""
    numbers = np.zeros((2, 2), np.int64)
    for colour, row, column in colour_planes(pattern):
        numbers[row, column] = {"red": 1, "blue": 2}.get(colour, 0)
    return numbers


def by_parity(table: np.ndarray) -> np.ndarray:
    """A table by row and column parity as tables by parity of the distance from a pixel.

    Parameters
    ----------
    table : ndarray, shape (2, 2)
        Entries by parity of row and column.

    Returns
    -------
    ndarray, shape (2, 2, 2, 2)
        First the parities of the pixel's row and column, then those of the distance.
    """
    pixel, away = np.arange(2)[:, None], np.arange(2)[None, :]
    parity = (pixel + away) % 2
    return np.ascontiguousarray(table[parity[:, None, :, None], parity[None, :, None, :]])


@njit([types.void(IMAGE, int64, int64, _PATCH)], cache=True, nogil=True)
def _cut(image, y, x, patch):  # noqa: ANN001, ANN202
    """Copy the surroundings of a pixel, NaN where they are bad or outside."""
    reach = patch.shape[0] // 2
    for i in range(2 * reach + 1):
        for j in range(2 * reach + 1):
            row, column, value = y + i - reach, x + j - reach, np.nan
            if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
                value = np.float64(image[row, column])
            if value - value != 0:
                value = np.nan
            patch[i, j] = value


@njit([types.void(float64[::1], float64, float64)], cache=True, nogil=True)
def _profile(line, centre, sigma):  # noqa: ANN001, ANN202
    for i in range(line.size):
        line[i] = math.exp(-((i - line.size // 2 - centre) ** 2) / (2 * sigma**2))


@njit([float64(_PATCH, float64[::1], int64, _NUMBERS, _WEIGHTS, _PATCH, float64[::1])], cache=True, nogil=True)
def _normal(patch, p, half, colours, weights, matrix, vector):  # noqa: ANN001, ANN202
    """Normal equations of x, y, sigma, level and a height for each colour; returns the weighted sum of squares."""
    middle, square, size = patch.shape[0] // 2, 0.0, 2 * half + 1
    matrix[:] = 0.0
    vector[:] = 0.0
    column, row, across = np.empty(size), np.empty(size), np.empty(size)
    _profile(column, p[0], p[2])
    _profile(row, p[1], p[2])
    for j in range(size):
        across[j] = (j - half - p[0]) / p[2]
    for parity in range(4):
        first_y, first_x = (half + parity // 2) & 1, (half + parity) & 1
        k, weight = 4 + colours[parity // 2, parity & 1], weights[parity // 2, parity & 1]
        # Sums over the pixels of this parity: s the shape, u and v the distances, q their squares' sum, r the rest.
        uu = vv = uv = uq = vq = qq = us = vs = qs = ss = u1 = v1 = q1 = s1 = n = 0.0
        ur = vr = qr = sr = r1 = rr = 0.0
        for i in range(first_y, size, 2):
            v = (i - half - p[1]) / p[2]
            for j in range(first_x, size, 2):
                u = across[j]
                value = patch[middle + i - half, middle + j - half]
                if value != value:
                    continue
                s = row[i] * column[j]
                r = value - p[k] * s - p[3]
                su, sv, sq = s * u, s * v, s * (u * u + v * v)
                uu += su * su
                vv += sv * sv
                uv += su * sv
                uq += su * sq
                vq += sv * sq
                qq += sq * sq
                us += su * s
                vs += sv * s
                qs += sq * s
                ss += s * s
                u1 += su
                v1 += sv
                q1 += sq
                s1 += s
                ur += su * r
                vr += sv * r
                qr += sq * r
                sr += s * r
                r1 += r
                rr += r * r
                n += 1.0
        slope = p[k] / p[2]
        once, twice = weight * slope, weight * slope**2
        matrix[0, 0] += twice * uu
        matrix[1, 0] += twice * uv
        matrix[1, 1] += twice * vv
        matrix[2, 0] += twice * uq
        matrix[2, 1] += twice * vq
        matrix[2, 2] += twice * qq
        matrix[3, 0] += once * u1
        matrix[3, 1] += once * v1
        matrix[3, 2] += once * q1
        matrix[3, 3] += weight * n
        matrix[k, 0] += once * us
        matrix[k, 1] += once * vs
        matrix[k, 2] += once * qs
        matrix[k, 3] += weight * s1
        matrix[k, k] += weight * ss
        vector[0] += once * ur
        vector[1] += once * vr
        vector[2] += once * qr
        vector[3] += weight * r1
        vector[k] += weight * sr
        square += weight * rr
    return square


@njit([boolean(_PATCH, float64[::1], float64, _PATCH, float64[::1])], cache=True, nogil=True)
def _solve(matrix, vector, damping, lower, step):  # noqa: ANN001, ANN202
    """Cholesky solution with a damped diagonal; false where the matrix is not positive definite."""
    size = vector.size
    for a in range(size):
        for b in range(a + 1):
            total = matrix[a, b] * (1 + damping) if a == b else matrix[a, b]
            for c in range(b):
                total -= lower[a, c] * lower[b, c]
            if a > b:
                lower[a, b] = total / lower[b, b]
            elif not total > 0:
                return False
            else:
                lower[a, a] = math.sqrt(total)
    for a in range(size):
        total = vector[a]
        for c in range(a):
            total -= lower[a, c] * step[c]
        step[a] = total / lower[a, a]
    for a in range(size - 1, -1, -1):
        total = step[a]
        for c in range(a + 1, size):
            total -= lower[c, a] * step[c]
        step[a] = total / lower[a, a]
    return True


@njit([float64(_PATCH, float64[::1], int64, _NUMBERS, _WEIGHTS, int64)], cache=True, nogil=True)
def _gaussian(patch, p, half, colours, weights, steps):  # noqa: ANN001, ANN202
    """Fit x, y, sigma, level and the colours' heights in place by Levenberg and Marquardt's way.

    Returns the weighted residuals' root mean square, or NaN where the fit does not settle on a star.
    """
    size = p.size
    matrix, vector = np.empty((size, size)), np.empty(size)
    other_matrix, other_vector = np.empty((size, size)), np.empty(size)
    lower, step, trial = np.zeros((size, size)), np.empty(size), p.copy()
    square = _normal(patch, p, half, colours, weights, matrix, vector)
    damping, settled = 1e-3, False
    for _ in range(steps):
        if not _solve(matrix, vector, damping, lower, step):
            break
        trial[:] = p + step
        other = np.inf
        if abs(trial[0]) <= half and abs(trial[1]) <= half and 0.2 < trial[2] < 4.0 * half:
            other = _normal(patch, trial, half, colours, weights, other_matrix, other_vector)
        if other <= square:
            p[:] = trial
            square = other
            matrix, other_matrix = other_matrix, matrix
            vector, other_vector = other_vector, vector
            damping *= 0.1
            settled = abs(step[0]) + abs(step[1]) + abs(step[2]) < SETTLED
            if settled:
                break
        else:
            damping *= 10.0
    if not settled or p[4:].max() <= 0:
        return np.nan
    return math.sqrt(square) / (2 * half + 1)


@njit(
    [types.void(IMAGE, int64[::1], float64, boolean, _COLOURS, _TABLES, _PATCH, int64, int64)], cache=True, nogil=True
)
def _fit_rows(image, index, fwhm, follow, colours, weights, result, first, last):  # noqa: ANN001, ANN202
    p = np.empty(result.shape[1] - 1)
    for i in range(first, last):
        y, x = index[i] // image.shape[1], index[i] % image.shape[1]
        colour, weight = colours[y & 1, x & 1], weights[y & 1, x & 1]
        sigma, half, rest = fwhm / SIGMA_TO_FWHM, 0, np.nan
        p[:] = 0.0
        for _ in range(5 if follow else 1):
            wanted = min(max(4, math.ceil(4.0 * sigma)), 60) if follow else max(3, math.ceil(fwhm))
            if wanted == half:
                break
            half = wanted
            patch = np.empty((2 * half + 1, 2 * half + 1))
            _cut(image, y, x, patch)
            p[:] = 0.0
            p[2] = sigma
            p[4:] = patch[half, half] if patch[half, half] == patch[half, half] else 0.0
            rest = _gaussian(patch, p, half, colour, weight, PATIENT_STEPS if follow else STEPS)
            if rest != rest:
                break
            sigma = p[2]
        result[i, :4] = p[:4]
        result[i, 4] = rest
        result[i, 5:] = p[4:]
