"""The bright, compact, single stars of a picture, found without knowing its seeing or its colours.

They serve where a stage must know something about stars before stars are found properly: the colours' ratio, how sharp
a star can be, whether the field moves.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from pipeline.kernels.bands import frozen, map_bands

REACH = 7
LEVEL = 12.0  # of a peak, at least, in standard deviations of the sky
_CIRCLE = 1.0 / 1.1331  # flux over peak of a round Gaussian is 1.1331 fwhm^2


class BrightStars(NamedTuple):
    """Bright stars, the brightest first.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Centroids, pixels of the picture searched.
    peak : ndarray of float64, shape (n,)
        Highest pixel above the ring around the star.
    fwhm : ndarray of float64, shape (n,)
        Width of the round Gaussian of that peak and flux, pixels.
    contrast : ndarray of float64, shape (n,)
        Highest pixel over the highest of its eight neighbours.
    """

    x: np.ndarray
    y: np.ndarray
    peak: np.ndarray
    fwhm: np.ndarray
    contrast: np.ndarray


@njit(cache=True, nogil=True)
def _peak_rows(image, level, first, last):  # noqa: ANN001, ANN202
    """Flat indices of pixels above ``level`` that are highest within three pixels."""
    ny, nx = image.shape
    found = []
    for y in range(max(first, REACH), min(last, ny - REACH)):
        for x in range(REACH, nx - REACH):
            value = image[y, x]
            if not value > level or image[y, x - 1] > value or image[y, x + 1] >= value:
                continue
            highest = True
            for j in range(y - 3, y + 4):
                for i in range(x - 3, x + 4):
                    other = image[j, i]
                    if other > value or (other == value and (j > y or (j == y and i > x))):
                        highest = False
            if highest:
                found.append(y * nx + x)
    return np.array(found, dtype=np.int64) if len(found) > 0 else np.empty(0, np.int64)


@njit(cache=True, nogil=True)
def _binned_rows(pixels, mask, first, last, out):  # noqa: ANN001, ANN202
    for y in range(first, last):
        upper, lower, line = pixels[2 * y], pixels[2 * y + 1], out[y]
        for x in range(line.size):
            total = np.float32(upper[2 * x]) + np.float32(upper[2 * x + 1])
            line[x] = (total + np.float32(lower[2 * x]) + np.float32(lower[2 * x + 1])) * np.float32(0.25)
        if mask.size > 0:
            for x in range(line.size):
                if mask[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].any():
                    line[x] = np.float32(np.nan)


def binned_frame(pixels: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Mean of every 2 x 2 pixels, so that a colour mosaic becomes one picture of half the size.

    Parameters
    ----------
    pixels : ndarray of uint16 or float32, shape (ny, nx)
        The mosaic, as stored or without its sky.
    mask : ndarray of bool, shape (ny, nx), or None
        True where a pixel is bad: then the mean is NaN.

    Returns
    -------
    ndarray of float32, shape (ny // 2, nx // 2)
    """
    ny, nx = pixels.shape
    out = np.empty((ny // 2, nx // 2), np.float32)
    pixels, bad = frozen(pixels), frozen(np.zeros((0, 0), np.bool_) if mask is None else mask)
    map_bands(lambda first, last: _binned_rows(pixels, bad, first, last, out), ny // 2, multiple=1)
    return out


def bright_stars(image: np.ndarray, noise: float, *, most: int = 300) -> BrightStars:
    """Find bright stars by their peaks; single hot pixels, streaks, blends and nebulae are not among them.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Picture without its sky; NaN where bad.
    noise : float
        Standard deviation of a sky pixel.
    most : int
        How many to return at most.

    Returns
    -------
    BrightStars
    """
    threshold = np.float32(LEVEL * noise)
    picture = frozen(image)
    found = np.concatenate(map_bands(lambda first, last: _peak_rows(picture, threshold, first, last), len(image)))
    values = image.ravel()[found]
    # Beyond this many the faint ones never count, so they need no measuring.
    order = np.argsort(-values, kind="stable")[: 8 * most]
    return _measured(image, found[order], noise, most)


def _measured(image: np.ndarray, found: np.ndarray, noise: float, most: int) -> BrightStars:
    nx = image.shape[1]
    grid = np.arange(-REACH, REACH + 1)
    dy, dx = np.meshgrid(grid, grid, indexing="ij")
    distance = np.hypot(dx, dy)
    ring = (distance >= REACH - 1) & (distance <= REACH + 0.5)
    inside = distance < REACH - 1.5
    row, column = found // nx, found % nx
    windows = image[row[:, None, None] + dy, column[:, None, None] + dx].astype(np.float64)
    good = np.isfinite(windows).all(axis=(1, 2))
    windows, row, column = windows[good], row[good], column[good]
    sky = np.median(windows[:, ring], axis=1)
    windows -= sky[:, None, None]
    peak = windows[:, REACH, REACH]
    beside = np.stack([windows[:, REACH + j, REACH + i] for j, i in ((-1, 0), (1, 0), (0, -1), (0, 1))])
    around = np.stack([windows[:, REACH + j, REACH + i] for j in (-1, 0, 1) for i in (-1, 0, 1) if i or j])
    # A star lights all four direct neighbours; a hot pixel none, a column or a streak two.
    like_star = (beside > np.maximum(3.0 * noise, 0.04 * peak)).sum(axis=0) >= 3
    like_star &= np.abs(windows[:, ring]).max(axis=1) < np.maximum(0.35 * peak, 5.0 * noise)
    like_star &= peak > 10.0 * noise
    weights = np.where(inside, np.clip(windows, 0.0, None), 0.0) * (windows > 2.0 * noise)
    total = np.maximum(weights.sum(axis=(1, 2)), 1e-30)
    x, y = (weights * dx).sum(axis=(1, 2)) / total, (weights * dy).sum(axis=(1, 2)) / total
    like_star &= np.hypot(x, y) < 1.5
    flux = (windows * inside).sum(axis=(1, 2))
    fwhm = np.sqrt(np.maximum(flux, 0.0) * _CIRCLE / np.maximum(peak, 1e-30))
    contrast = peak / np.maximum(around.max(axis=0), 1e-30)
    keep = np.flatnonzero(like_star)[:most]
    return BrightStars((column + x)[keep], (row + y)[keep], peak[keep], fwhm[keep], contrast[keep])
