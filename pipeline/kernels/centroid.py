"""Centres of stars and their errors: Gaussian-windowed, centre of mass, and a fitted Gaussian.

The windowed position is SExtractor's (Bertin & Arnouts 1996, A&AS 117, 393; XWIN_IMAGE in its manual). On a mosaic the
fitted Gaussian has a height of its own for each colour, and the windowed position looks at the pixels after each
colour is brought to the star's mean height: a star redder than the rest makes no pattern then. Where pixels are bad or
lie outside the frame, the windowed position sees the fitted Gaussian instead.
"""

from __future__ import annotations

import math

import numpy as np
from numba import float64, int64, njit, types

from pipeline.frame import SIGMA_TO_FWHM
from pipeline.kernels.bands import map_bands
from pipeline.kernels.convolve import IMAGE
from pipeline.kernels.gaussian import FIT, by_parity, colour_numbers, fit_stars

CENTRES = ("x_winpos", "y_winpos", "xcentroid_err", "ycentroid_err", "x_com", "y_com", "x_gauss", "y_gauss", "fwhm")
WINDOW = 4.0
ITERATIONS = 25
TOLERANCE = 1e-5
# Farther than this from the finder's own position, pixels, and than noise explains, a windowed centre sits on a blend.
BLEND, SINGLE = 0.5, 0.1
# Stars with errors below this part of the fwhm, so many at least: where more than half of them have the finder's own
# position so far off and no Gaussian fits them, they are no blends but have no peak in their middle: out of focus.
CERTAIN, SOME = 0.02, 8
# A window narrower than that of such a star, pixels, sees how the pixels cut the star; noise counts for more than that,
# some hundredths of a pixel, where the peak is lower than this, sigma of the sky.
NARROWEST, SURE = 3.0, 30.0
# Colours of stars differ by about this part; a fitted height counts as much as it is surer than that.
COLOURFUL = 0.3
# Peak's photon noise over the sky's, as variances, at which the window is half-way to its full width.
BRIGHT = 4.0
_PATCH = float64[:, ::1]
_COLOURS = types.Array(types.int64, 4, "C", readonly=True)
_TABLES = types.Array(types.float64, 4, "C", readonly=True)
_NUMBERS = types.Array(types.int64, 2, "C", readonly=True)


def centres(
    image: np.ndarray,
    index: np.ndarray,
    own: tuple[np.ndarray, np.ndarray],
    fwhm: float,
    pattern: str,
    variance: np.ndarray,
    photon: np.ndarray,
    uneven: np.ndarray | None = None,
    fits: np.ndarray | None = None,
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
    uneven : ndarray of float64, shape (n,), optional
        What the sky's standard deviation is multiplied by about each candidate.
    fits : ndarray of float64, shape (n, 5 + colours), optional
        What :func:`pipeline.kernels.gaussian.fit_stars` makes of the same, where that is known.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        CENTRES, pixels. A centre that cannot be had is the next simpler one: windowed, the finder's, the pixel.
    """
    if fits is None:
        fits = fit_stars(image, index, fwhm, pattern, variance)
    colours, shot = by_parity(colour_numbers(pattern)), by_parity(photon)
    sky = by_parity(np.maximum(variance, np.finfo(np.float32).tiny))
    more = np.ones(index.size) if uneven is None else np.ascontiguousarray(uneven, np.float64) ** 2
    places, result = np.stack(own, axis=1).astype(np.float64), np.empty((index.size, len(CENTRES) + 2))
    map_bands(
        lambda first, last: _centres(image, index, places, fits, fwhm, colours, sky, more, shot, result, first, last),
        index.size,
    )
    windowed = result[:, -2:]
    certain = np.hypot(result[:, 2], result[:, 3]) < CERTAIN * fwhm
    hollow = (result[:, :2] != windowed).any(axis=1) & np.isnan(fits[:, FIT.index("rest")])
    if certain.sum() >= SOME and hollow[certain].mean() > 0.5:
        result[:, :2] = windowed
    return {name: np.ascontiguousarray(result[:, i]) for i, name in enumerate(CENTRES)}


@njit([types.void(IMAGE, int64, int64, float64[::1], _NUMBERS, _PATCH)], cache=True, nogil=True)
def _see(image, y, x, fit, colours, patch):  # noqa: ANN001, ANN202
    """Copy the surroundings of a pixel; what is bad or outside is the fitted star, or nothing where there is none."""
    reach, fitted = patch.shape[0] // 2, fit[4] == fit[4]
    for i in range(-reach, reach + 1):
        for j in range(-reach, reach + 1):
            row, column, value = y + i, x + j, np.nan
            if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
                value = np.float64(image[row, column])
            if value - value != 0:
                away = (i - fit[1]) ** 2 + (j - fit[0]) ** 2
                value = fit[5 + colours[i & 1, j & 1]] * math.exp(-away / (2 * fit[2] ** 2)) if fitted else 0.0
            patch[i + reach, j + reach] = value


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


@njit([types.void(_PATCH, float64[::1], _NUMBERS, _PATCH, _PATCH)], cache=True, nogil=True)
def _equalize(patch, fit, colours, variance, photon):  # noqa: ANN001, ANN202
    """Bring each colour of a star to its mean height, as far as the fit is sure of the colour's height."""
    profile = 1.0 / (math.pi * fit[2] ** 2)
    mean = total = 0.0
    for i in range(2):
        for j in range(2):
            mean += fit[5 + colours[i, j]] / variance[i, j]
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
            height = doubt * mean + (1 - doubt) * fit[5 + colours[i, j]]
            factor = mean / max(height, 0.25 * mean)
            patch[(middle + i) & 1 :: 2, (middle + j) & 1 :: 2] *= factor
            variance[i, j] *= factor**2
            photon[i, j] *= factor


@njit(
    [
        types.void(
            IMAGE, int64[::1], _PATCH, _PATCH, float64, _COLOURS, _TABLES, float64[::1], _TABLES, _PATCH, int64, int64
        )
    ],
    cache=True,
    nogil=True,
)  # fmt: skip
def _centres(image, index, own, fits, fwhm, colours, variance, more, photon, result, first, last):  # noqa: ANN001, ANN202
    sigma, box = fwhm / SIGMA_TO_FWHM, int(2 * fwhm + 1) // 2
    reach = max(4, math.ceil(WINDOW * max(fwhm, NARROWEST) / SIGMA_TO_FWHM), box)
    patch, window = np.empty((2 * reach + 1, 2 * reach + 1)), np.empty((2, 2 * reach + 1))
    for i in range(first, last):
        row, column = index[i] // image.shape[1], index[i] % image.shape[1]
        fit, fitted, colour = fits[i], fits[i, 4] == fits[i, 4], colours[row & 1, column & 1]
        sky, shot = variance[row & 1, column & 1] * more[i], photon[row & 1, column & 1].copy()
        _see(image, row, column, fit, colour, patch)
        mass_x, mass_y = _mass(patch, box)
        if fitted and fit.size > 6:
            _equalize(patch, fit, colour, sky, shot)
        # A wider window suits a star whose own photons make the noise: within 13 % of the bound at either end.
        ratio = max(patch[reach, reach], 0.0) * shot.mean() / sky.mean()
        wide = 1.0 + ratio / (ratio + BRIGHT)
        # What sampling does to a narrow star does not shrink with its noise, so it counts for the bright ones.
        square = max(patch[reach, reach], 0.0) ** 2
        sure = square / (square + SURE**2 * sky.mean())
        wide *= 1.0 + sure * (max(NARROWEST / fwhm, 1.0) ** 2 - 1.0)
        x, y = _windowed(patch, sigma * math.sqrt(wide), 1.0 + 1.0 / wide, window)
        found = own[i, 0] - own[i, 0] == 0 and own[i, 1] - own[i, 1] == 0
        finder_x = own[i, 0] - column if found else 0.0
        finder_y = own[i, 1] - row if found else 0.0
        if x - x != 0:
            x, y = finder_x, finder_y
        error_x, error_y = _errors(patch, x, y, sigma * math.sqrt(wide), window, sky, shot)
        # The finder's own position is worth little on the mosaic of a star of strong colour; a single star, unlike a
        # blend, is fitted where the window sees it and with the width of a star.
        result[i, 9], result[i, 10] = column + x, row + y
        single = fitted and math.hypot(x - fit[0], y - fit[1]) < SINGLE and fit[2] < 1.25 * sigma
        limit = max(BLEND, 3 * math.hypot(error_x, error_y))
        if found and not single and math.hypot(x - finder_x, y - finder_y) > limit:
            x, y = finder_x, finder_y
        result[i, 0], result[i, 1] = column + x, row + y
        result[i, 2], result[i, 3] = error_x, error_y
        result[i, 4], result[i, 5] = column + mass_x, row + mass_y
        result[i, 6] = column + fit[0] if fitted else column + x
        result[i, 7] = row + fit[1] if fitted else row + y
        result[i, 8] = SIGMA_TO_FWHM * fit[2] if fitted else fwhm
