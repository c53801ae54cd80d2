"""Light of stars: sums weighted with the star's profile, and sums in circles.

A profile p integrates to 1 over the plane. The least squares height of p in pixels f_i of equal noise is the flux
f = sum(f_i p_i) / sum(p_i^2) (Naylor 1998, MNRAS 296, 339, eq. 10, with equal variances); with each pixel over its
variance v_i it is f = sum(f_i p_i / v_i) / sum(p_i^2 / v_i). Bad pixels are left out of both sums, so the light that
falls on them is not lost.
"""

from __future__ import annotations

import math

import numpy as np
from numba import float64, int64, njit, types

from pipeline.kernels.bands import map_bands
from pipeline.kernels.convolve import IMAGE

#: Columns of :func:`profile_fluxes`.
FLUXES = ("flux", "error", "seen", "bad")
_PLACES = types.Array(types.float64, 2, "C", readonly=True)
_TABLE = types.Array(types.float64, 2, "C", readonly=True)
_RESULT = float64[:, ::1]
_RADII = types.Array(types.float64, 1, "C", readonly=True)


def profile_fluxes(
    image: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    width_x: np.ndarray | float,
    width_y: np.ndarray | float,
    *,
    window: int,
    variance: np.ndarray,
    photon: np.ndarray,
    beta: float = 0.0,
    by_noise: bool = False,
    sky: np.ndarray | float = 0.0,
    times: np.ndarray | float = 1.0,
) -> dict[str, np.ndarray]:
    """Flux of each star by its profile, and the flux's error.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image without sky, ADU; bad pixels are not finite.
    x, y : ndarray of float64, shape (n,)
        Places of the stars, pixels.
    width_x, width_y : ndarray of float64, shape (n,), or float
        Sigma of the Gaussian along x and y, or the Moffat's scale, pixels.
    window : int
        Side of the square of pixels about each star that count.
    variance, photon : ndarray of float64, shape (2, 2)
        Variance of a sky pixel, and of a pixel for each ADU above the sky, by row and column parity.
    beta : float
        The Moffat's exponent, above 1; 0 for a Gaussian.
    by_noise : bool
        Whether a pixel counts by its variance, that of the sky and of the star's own photons there.
    sky : ndarray of float64, shape (n,), or float
        Level that is left of the sky at each star, ADU.
    times : ndarray of float64, shape (n,), or float
        Variance of a sky pixel at each star over ``variance``.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        ``flux`` and its 1 sigma ``error``, ADU; ``seen``, the part of sum(p^2) that lies on good pixels; ``bad``, the
        number of bad pixels in the window. NaN fluxes where no pixel is good or the width is not positive.
    """
    places = np.stack(
        [np.broadcast_to(values, np.shape(x)).astype(np.float64) for values in (x, y, width_x, width_y, sky, times)]
    )
    places, result = np.ascontiguousarray(places.T), np.empty((len(places.T), len(FLUXES)))
    tables = [np.ascontiguousarray(table, np.float64) for table in (variance, photon)]
    shape = (window, beta, int(by_noise))
    map_bands(lambda first, last: _profile_fluxes(image, places, *shape, *tables, result, first, last), len(places))
    return {name: np.ascontiguousarray(result[:, i]) for i, name in enumerate(FLUXES)}


def aperture_fluxes(
    image: np.ndarray, x: np.ndarray, y: np.ndarray, radii: tuple[float, ...], sky: np.ndarray | float = 0.0
) -> np.ndarray:
    """Sums in circles, each pixel weighted with the part of it that lies in the circle.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image without sky, ADU; pixels that are not finite and those outside the frame do not count.
    x, y : ndarray of float64, shape (n,)
        Centres, pixels.
    radii : tuple of float
        Radii of the circles, pixels.
    sky : ndarray of float64, shape (n,), or float
        Level that is left of the sky at each star, ADU.

    Returns
    -------
    ndarray of float64, shape (n, radii)
        ADU; NaN where the circle holds no good pixel.
    """
    places = np.ascontiguousarray(np.stack([x, y, np.broadcast_to(sky, np.shape(x))], axis=1, dtype=np.float64))
    sizes, result = np.array(radii, np.float64), np.empty((len(places), len(radii)))
    map_bands(lambda first, last: _aperture_fluxes(image, places, sizes, result, first, last), len(places))
    return result


@njit([types.void(_RESULT, float64, float64, float64, float64, float64)], cache=True, nogil=True)
def _profile(profile, x, y, width_x, width_y, beta):  # noqa: ANN001, ANN202
    """The profile at a square of pixels whose first lies at (x, y) from the star."""
    size = profile.shape[0]
    if beta > 0:
        height = (beta - 1.0) / (math.pi * width_x * width_y)
        for i in range(size):
            down = ((y + i) / width_y) ** 2
            for j in range(size):
                profile[i, j] = height * (1.0 + down + ((x + j) / width_x) ** 2) ** -beta
        return
    height, across = 1.0 / (2.0 * math.pi * width_x * width_y), np.empty(size)
    for j in range(size):
        across[j] = math.exp(-(((x + j) / width_x) ** 2) / 2.0)
    for i in range(size):
        down = height * math.exp(-(((y + i) / width_y) ** 2) / 2.0)
        for j in range(size):
            profile[i, j] = down * across[j]


@njit([float64(float64, float64)], cache=True, nogil=True)
def _half_strip(t, radius):  # noqa: ANN001, ANN202
    """Area of a half disc between its middle and a line at distance t, negative for negative t."""
    t = min(max(t, -radius), radius)
    return 0.5 * (t * math.sqrt(max(radius * radius - t * t, 0.0)) + radius * radius * math.asin(t / radius))


@njit([float64(float64, float64, float64, float64, float64)], cache=True, nogil=True)
def _corner(x, y, strip_x, strip_y, radius):  # noqa: ANN001, ANN202
    """Area of a disc about the origin to the left of x and below y; the strips are those of x and y."""
    disc = math.pi * radius * radius
    if x * x + y * y < radius * radius:
        return 0.25 * disc + strip_x + strip_y + x * y
    if x >= 0 and y >= 0:
        return 2.0 * (strip_x + strip_y)
    if x < 0 and y < 0:
        return 0.0
    return 0.5 * disc + 2.0 * (strip_x if x < 0 else strip_y)


@njit(
    [types.UniTuple(float64, 3)(IMAGE, int64, int64, _RESULT, float64, float64, _TABLE, _TABLE, float64, int64)],
    cache=True,
    nogil=True,
)  # fmt: skip
def _sums(image, row, column, profile, sky, times, variance, photon, flux, by_noise):  # noqa: ANN001, ANN202
    """Sums of w f, w p and w^2 v over the good pixels, for a star of that flux; w is p, or p / v."""
    light = squares = noise = 0.0
    size = profile.shape[0]
    for i in range(max(0, -row), min(size, image.shape[0] - row)):
        for j in range(max(0, -column), min(size, image.shape[1] - column)):
            value = np.float64(image[row + i, column + j]) - sky
            if value - value == 0:
                p, a, b = profile[i, j], (row + i) & 1, (column + j) & 1
                v = times * variance[a, b] + max(flux, 0.0) * p * photon[a, b]
                w = p / v if by_noise and v > 0 else p
                light += w * value
                squares += w * p
                noise += w * w * v
    return light, squares, noise


@njit(
    [types.void(IMAGE, _PLACES, int64, float64, int64, _TABLE, _TABLE, _RESULT, int64, int64)],
    cache=True,
    nogil=True,
)  # fmt: skip
def _profile_fluxes(image, places, window, beta, weigh, variance, photon, out, first, last):  # noqa: ANN001, ANN202
    profile, before = np.empty((window, window)), window // 2
    for star in range(first, last):
        x, y, width_x, width_y, sky, times = places[star]
        out[star] = np.nan
        if not (width_x > 0 and width_y > 0 and x - x == 0 and y - y == 0):
            continue
        column, row = math.floor(x + 0.5) - before, math.floor(y + 0.5) - before
        _profile(profile, column - x, row - y, width_x, width_y, beta)
        every = bad = 0.0
        for i in range(window):
            for j in range(window):
                every += profile[i, j] * profile[i, j]
                inside = 0 <= row + i < image.shape[0] and 0 <= column + j < image.shape[1]
                if not inside or image[row + i, column + j] - image[row + i, column + j] != 0:
                    bad += 1.0
        light, squares, noise = _sums(image, row, column, profile, sky, times, variance, photon, 0.0, 0)
        out[star, 2], out[star, 3] = squares / every if every > 0 else 0.0, bad
        if not squares > 0:
            continue
        # The variances want a flux, and the flux by variances wants them: three rounds settle it.
        for _ in range(1 + 2 * weigh):
            flux = light / squares
            light, squares, noise = _sums(image, row, column, profile, sky, times, variance, photon, flux, weigh)
        out[star, 0], out[star, 1] = light / squares, math.sqrt(noise) / squares


@njit([types.void(IMAGE, _PLACES, _RADII, _RESULT, int64, int64)], cache=True, nogil=True)
def _aperture_fluxes(image, places, radii, result, first, last):  # noqa: ANN001, ANN202
    size = 2 * math.ceil(radii.max() + 1.0) + 2 if radii.size else 0
    strip_x, above, below = np.empty(size), np.empty(size), np.empty(size)
    for star in range(first, last):
        x, y, sky = places[star]
        for k in range(radii.size):
            radius, total, seen = radii[k], 0.0, 0
            result[star, k] = np.nan
            if not (x - x == 0 and y - y == 0):
                continue
            column, row = math.floor(x - radius + 0.5), math.floor(y - radius + 0.5)
            columns, rows = math.floor(x + radius + 0.5) - column + 1, math.floor(y + radius + 0.5) - row + 1
            for j in range(columns + 1):
                strip_x[j] = _half_strip(column + j - 0.5 - x, radius)
                above[j] = 0.0
            for i in range(rows):
                edge = row + i + 0.5 - y
                strip_y = _half_strip(edge, radius)
                for j in range(columns + 1):
                    below[j] = _corner(column + j - 0.5 - x, edge, strip_x[j], strip_y, radius)
                if 0 <= row + i < image.shape[0]:
                    for j in range(columns):
                        if 0 <= column + j < image.shape[1]:
                            part = below[j + 1] - below[j] - above[j + 1] + above[j]
                            value = np.float64(image[row + i, column + j]) - sky
                            if part > 0 and value - value == 0:
                                total += part * value
                                seen += 1
                above, below = below, above
            if seen:
                result[star, k] = total
