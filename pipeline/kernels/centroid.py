"""Centres of stars and their errors: Gaussian-windowed, centre of mass, and a fitted Gaussian.

The windowed position is SExtractor's (Bertin & Arnouts 1996, A&AS 117, 393; XWIN_IMAGE in its manual). On a mosaic the
fitted Gaussian has a height of its own for each colour, and the windowed position looks at the pixels after each
colour is brought to the star's mean height: a star redder than the rest makes no pattern then.
"""

from __future__ import annotations

import math

import numpy as np
from numba import boolean, float64, int64, njit, types

from pipeline.frame import SIGMA_TO_FWHM, colour_planes
from pipeline.kernels.bands import map_bands
from pipeline.kernels.convolve import IMAGE
from pipeline.kernels.measure import pixel

CENTRES = ("x_winpos", "y_winpos", "xcentroid_err", "ycentroid_err", "x_com", "y_com", "x_gauss", "y_gauss", "fwhm")
WINDOW = 4.0
ITERATIONS = 25
TOLERANCE = 1e-5
# Farther than this from the finder's own position, pixels, and than noise explains, a windowed centre sits on a blend.
BLEND, SINGLE = 0.5, 0.1
# Colours of stars differ by about this part; a fitted height counts as much as it is surer than that.
COLOURFUL = 0.3
# Peak's photon noise over the sky's, as variances, at which the window is half-way to its full width.
BRIGHT = 4.0
# The Gaussian's fit: at most so many steps; settled when a step moves centre and sigma by less, pixels.
STEPS, SETTLED = 12, 1e-3
_PATCH = float64[:, ::1]
_COLOURS = types.Array(types.int64, 2, "C", readonly=True)
_MATRIX = types.Array(types.float64, 2, "C", readonly=True)


def centres(
    image: np.ndarray,
    index: np.ndarray,
    own: tuple[np.ndarray, np.ndarray],
    fwhm: float,
    pattern: str,
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
    pattern : str
        Colours of the first 2 x 2 pixels, or "none".
    variance, photon : ndarray of float64, shape (2, 2)
        Variance of a sky pixel, and of a pixel for each ADU above the sky, by row and column parity.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        CENTRES, pixels. A centre that cannot be had is the next simpler one: windowed, the finder's, the pixel.
    """
    result = np.empty((index.size, len(CENTRES)))
    x, y = (np.ascontiguousarray(values, np.float64) for values in own)
    colours, variance = _colour_numbers(pattern), np.maximum(variance, np.finfo(np.float32).tiny)
    map_bands(
        lambda first, last: _centres(image, index, x, y, fwhm, colours, variance, photon, result, first, last),
        index.size,
    )
    return {name: np.ascontiguousarray(result[:, i]) for i, name in enumerate(CENTRES)}


def widths(
    image: np.ndarray, index: np.ndarray, fwhm: float, pattern: str, variance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Width of each candidate by a fitted round Gaussian, in a window that follows the width.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image without sky.
    index : ndarray of int64, shape (n,)
        Flat indices of the candidates' pixels.
    fwhm : float
        First guess, pixels.
    pattern : str
        Colours of the first 2 x 2 pixels, or "none".
    variance : ndarray of float64, shape (2, 2)
        Variance of a sky pixel by row and column parity, ADU squared.

    Returns
    -------
    fwhm, misfit : ndarray of float64, shape (n,)
        Width, pixels, NaN where no Gaussian fits; and the residuals' rms over the Gaussian's height.
    """
    result = np.empty((index.size, 2))
    colours, variance = _colour_numbers(pattern), np.maximum(variance, np.finfo(np.float32).tiny)
    map_bands(lambda first, last: _widths(image, index, fwhm, colours, variance, result, first, last), index.size)
    return result[:, 0], result[:, 1]


def _colour_numbers(pattern: str) -> np.ndarray:
    """Number of each pixel's colour by row and column parity."""
    numbers = np.zeros((2, 2), np.int64)
    for colour, row, column in colour_planes(pattern):
        numbers[row, column] = ("mono", "red", "blue").index(colour) if colour != "green" else 0
    return numbers


@njit([types.void(IMAGE, int64, int64, _PATCH)], cache=True, nogil=True)
def _cut(image, y, x, patch):  # noqa: ANN001, ANN202
    """Copy the surroundings of a pixel."""
    reach = patch.shape[0] // 2
    for i in range(-reach, reach + 1):
        for j in range(-reach, reach + 1):
            patch[i + reach, j + reach] = pixel(image, y + i, x + j)


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


@njit([types.UniTuple(float64, 2)(_PATCH, float64, float64, _PATCH)], cache=True, nogil=True)
def _windowed(patch, sigma, step, weight):  # noqa: ANN001, ANN202
    """Gaussian-windowed centre from the patch's middle; NaN where it runs away."""
    x, y, reach = 0.0, 0.0, patch.shape[0] / 2
    for _ in range(ITERATIONS):
        light, pull_x, pull_y = _window(patch, x, y, sigma, weight)
        if light <= 0:
            return np.nan, np.nan
        x += step * pull_x / light
        y += step * pull_y / light
        if not (abs(x) < reach and abs(y) < reach):
            return np.nan, np.nan
        if step * (abs(pull_x) + abs(pull_y)) < TOLERANCE * light:
            break
    return x, y


@njit([types.UniTuple(float64, 2)(_PATCH, float64, float64, float64, _PATCH, _PATCH, _PATCH)], cache=True, nogil=True)
def _errors(patch, x, y, sigma, window, variance, photon):  # noqa: ANN001, ANN202
    """Standard deviations of a windowed centre; variances by parity of the distance from the patch's middle.

    The centre c makes F(c) = sum of w I d vanish, so its variance is that of F over the square of dF/dc.
    """
    light, _, _ = _window(patch, x, y, sigma, window)
    if light <= 0:
        return SIGMA_TO_FWHM * sigma, SIGMA_TO_FWHM * sigma
    size, start = patch.shape[0], -(patch.shape[0] // 2)
    slope_x = slope_y = sky_x = sky_y = noise_x = noise_y = 0.0
    for i in range(size):
        for j in range(size):
            a, b = (start + i) & 1, (start + j) & 1
            square_x, square_y = (j + start - x) ** 2, (i + start - y) ** 2
            weight = window[0, j] * window[1, i]
            slope_x += weight * patch[i, j] * square_x
            slope_y += weight * patch[i, j] * square_y
            sky, shot = weight**2 * variance[a, b], weight**2 * photon[a, b] * patch[i, j]
            sky_x += sky * square_x
            sky_y += sky * square_y
            noise_x += shot * square_x
            noise_y += shot * square_y
    # dF/dc is half of the light or more for a star no wider than the window; noise must not make it vanish.
    return (
        math.sqrt(max(sky_x + noise_x, 0.5 * sky_x)) / max(light - slope_x / sigma**2, 0.2 * light),
        math.sqrt(max(sky_y + noise_y, 0.5 * sky_y)) / max(light - slope_y / sigma**2, 0.2 * light),
    )


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


@njit([types.void(float64[::1], float64, float64)], cache=True, nogil=True)
def _profile(line, centre, sigma):  # noqa: ANN001, ANN202
    for i in range(line.size):
        line[i] = math.exp(-((i - line.size // 2 - centre) ** 2) / (2 * sigma**2))


@njit([float64(_PATCH, float64[::1], int64, int64[:, ::1], _PATCH, _PATCH, float64[::1])], cache=True, nogil=True)
def _normal(patch, p, half, colours, weights, matrix, vector):  # noqa: ANN001, ANN202
    """Normal equations of x, y, sigma, level and a height for each colour; returns the weighted sum of squares."""
    middle, square, size = patch.shape[0] // 2, 0.0, 2 * half + 1
    matrix[:] = 0.0
    vector[:] = 0.0
    column, row = np.empty(size), np.empty(size)
    _profile(column, p[0], p[2])
    _profile(row, p[1], p[2])
    for parity in range(4):
        first_y, first_x = (half + parity // 2) & 1, (half + parity) & 1
        k, weight = 4 + colours[parity // 2, parity & 1], weights[parity // 2, parity & 1]
        # Sums over the pixels of this parity: s the shape, u and v the distances, q their squares' sum, r the rest.
        uu = vv = uv = uq = vq = qq = us = vs = qs = ss = u1 = v1 = q1 = s1 = n = 0.0
        ur = vr = qr = sr = r1 = rr = 0.0
        for i in range(first_y, size, 2):
            v = (i - half - p[1]) / p[2]
            for j in range(first_x, size, 2):
                u = (j - half - p[0]) / p[2]
                s = row[i] * column[j]
                r = patch[middle + i - half, middle + j - half] - p[k] * s - p[3]
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


@njit([float64(_PATCH, float64[::1], int64, int64[:, ::1], _PATCH)], cache=True, nogil=True)
def _gaussian(patch, p, half, colours, weights):  # noqa: ANN001, ANN202
    """Fit x, y, sigma, level and the colours' heights in place by Levenberg and Marquardt's way.

    Returns the weighted residuals' root mean square, or NaN where the fit does not settle on a star.
    """
    size = p.size
    matrix, vector = np.empty((size, size)), np.empty(size)
    other_matrix, other_vector = np.empty((size, size)), np.empty(size)
    lower, step, trial = np.zeros((size, size)), np.empty(size), p.copy()
    square = _normal(patch, p, half, colours, weights, matrix, vector)
    damping, settled = 1e-3, False
    for _ in range(STEPS):
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


@njit([types.void(int64, int64, _MATRIX, _PATCH)], cache=True, nogil=True)
def _turn(y, x, table, turned):  # noqa: ANN001, ANN202
    """A table by row and column parity as one by parity of the distance from (y, x)."""
    for i in range(2):
        for j in range(2):
            turned[i, j] = table[(y + i) & 1, (x + j) & 1]


@njit([types.void(int64, int64, _COLOURS, int64[:, ::1])], cache=True, nogil=True)
def _turn_colours(y, x, table, turned):  # noqa: ANN001, ANN202
    """The same for the colours' numbers."""
    for i in range(2):
        for j in range(2):
            turned[i, j] = table[(y + i) & 1, (x + j) & 1]


@njit([types.void(_PATCH, float64[::1], int64[:, ::1], _PATCH, _PATCH)], cache=True, nogil=True)
def _equalize(patch, p, colours, variance, photon):  # noqa: ANN001, ANN202
    """Bring each colour of a star to its mean height, as far as the fit is sure of the colour's height."""
    profile = 1.0 / (math.pi * p[2] ** 2)
    mean = total = 0.0
    for i in range(2):
        for j in range(2):
            mean += p[4 + colours[i, j]] / variance[i, j]
            total += 1.0 / variance[i, j]
    mean /= total
    if mean <= 0:
        return
    middle = patch.shape[0] // 2
    for i in range(2):
        for j in range(2):
            number = 0.5 if colours[i, j] == 0 else 0.25
            unsure = variance[i, j] * profile / number + photon[i, j] * mean * profile / number
            doubt = unsure / (unsure + (COLOURFUL * mean) ** 2)
            height = doubt * mean + (1 - doubt) * p[4 + colours[i, j]]
            factor = mean / max(height, 0.25 * mean)
            patch[(middle + i) & 1 :: 2, (middle + j) & 1 :: 2] *= factor
            variance[i, j] *= factor**2
            photon[i, j] *= factor


@njit([types.void(IMAGE, int64[::1], float64, _COLOURS, _MATRIX, _PATCH, int64, int64)], cache=True, nogil=True)
def _widths(image, index, fwhm, colours, variance, result, first, last):  # noqa: ANN001, ANN202
    p, colour, weight = np.zeros(5 + colours.max()), np.empty((2, 2), np.int64), np.empty((2, 2))
    for i in range(first, last):
        y, x = index[i] // image.shape[1], index[i] % image.shape[1]
        _turn_colours(y, x, colours, colour)
        _turn(y, x, variance, weight)
        weight[:] = 1.0 / weight
        sigma, half, rest, scale = fwhm / SIGMA_TO_FWHM, 0, np.nan, math.sqrt(weight.max())
        for _ in range(5):
            new_half = min(max(4, math.ceil(4.0 * sigma)), 60)
            if new_half == half:
                break
            half = new_half
            patch = np.empty((2 * half + 1, 2 * half + 1))
            _cut(image, y, x, patch)
            p[:] = 0.0
            p[2] = sigma
            p[4:] = patch[half, half]
            rest = _gaussian(patch, p, half, colour, weight)
            if rest != rest:
                break
            sigma = p[2]
        result[i, 0] = SIGMA_TO_FWHM * sigma if rest == rest else np.nan
        result[i, 1] = rest / (p[4:].max() * scale)


@njit(
    [
        types.void(
            IMAGE, int64[::1], float64[::1], float64[::1], float64, _COLOURS, _MATRIX, _MATRIX, _PATCH, int64, int64
        )
    ],
    cache=True,
    nogil=True,
)  # fmt: skip
def _centres(  # noqa: ANN202
    image, index, own_x, own_y, fwhm, colours, variance, photon, result, first, last  # noqa: ANN001
):  # fmt: skip
    sigma, box, half = fwhm / SIGMA_TO_FWHM, int(2 * fwhm + 1) // 2, max(3, math.ceil(fwhm))
    reach = max(max(4, math.ceil(WINDOW * sigma)), max(half, box))
    patch, window = np.empty((2 * reach + 1, 2 * reach + 1)), np.empty((2, 2 * reach + 1))
    p, colour = np.empty(5 + colours.max()), np.empty((2, 2), np.int64)
    sky, shot = np.empty((2, 2)), np.empty((2, 2))
    for i in range(first, last):
        row, column = index[i] // image.shape[1], index[i] % image.shape[1]
        _cut(image, row, column, patch)
        _turn_colours(row, column, colours, colour)
        _turn(row, column, variance, sky)
        _turn(row, column, photon, shot)
        mass_x, mass_y = _mass(patch, box)
        p[0], p[1], p[2], p[3] = 0.0, 0.0, sigma, 0.0
        p[4:] = patch[reach, reach]
        fitted = _gaussian(patch, p, half, colour, 1.0 / sky) >= 0
        if fitted and p.size > 5:
            _equalize(patch, p, colour, sky, shot)
        # A wider window suits a star whose own photons make the noise: within 13 % of the bound at either end.
        ratio = max(patch[reach, reach], 0.0) * shot.mean() / sky.mean()
        wide = 1.0 + ratio / (ratio + BRIGHT)
        x, y = _windowed(patch, sigma * math.sqrt(wide), 1.0 + 1.0 / wide, window)
        found = own_x[i] - own_x[i] == 0 and own_y[i] - own_y[i] == 0
        finder_x = own_x[i] - column if found else 0.0
        finder_y = own_y[i] - row if found else 0.0
        if x - x != 0:
            x, y = finder_x, finder_y
        error_x, error_y = _errors(patch, x, y, sigma * math.sqrt(wide), window, sky, shot)
        # The finder's own position is worth little on the mosaic of a star of strong colour; a single star, unlike a
        # blend, is fitted where the window sees it and with the width of a star.
        single = fitted and math.hypot(x - p[0], y - p[1]) < SINGLE and p[2] < 1.25 * sigma
        limit = max(BLEND, 3 * math.hypot(error_x, error_y))
        if found and not single and math.hypot(x - finder_x, y - finder_y) > limit:
            x, y = finder_x, finder_y
        result[i, 0], result[i, 1] = column + x, row + y
        result[i, 2], result[i, 3] = error_x, error_y
        result[i, 4], result[i, 5] = column + mass_x, row + mass_y
        result[i, 6] = column + p[0] if fitted else column + x
        result[i, 7] = row + p[1] if fitted else row + y
        result[i, 8] = SIGMA_TO_FWHM * p[2] if fitted else fwhm
