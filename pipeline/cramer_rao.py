"""The least error of an unbiased centroid (docs/method.md, The Cramer-Rao bound), and how bright a star is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.frame import SIGMA_TO_FWHM

if TYPE_CHECKING:
    from pipeline.sample import Truth

#: How far from its centre a star's light is counted, in its sigma; stars that are reckoned at a time.
REACH, BATCH = 5.0, 256


def brightness(truth: Truth, index: int) -> np.ndarray:
    """Signal over noise that a perfect filter would find a star with if the sky alone made noise.

    Parameters
    ----------
    truth : Truth
        The sky.
    index : int
        The frame's number in it.

    Returns
    -------
    ndarray of float64, shape (stars,)
        Proportional to a star's flux where the sky is even. North (1943), RCA report PTR-6C: the sum of signal squared
        over variance, for a Gaussian of width sigma sum(p^2) = 1 / (4 pi sigma^2).
    """
    # A pixel is a window of its own, of variance 1 / 12.
    width = np.sqrt((truth.fwhm[index] / SIGMA_TO_FWHM) ** 2 + 1 / 12)
    rise = 1 + _rise(truth, truth.x[index], truth.y[index])
    rates = truth.response()
    planes = _planes(truth.pattern)
    power = sum(
        rates[:, colour] ** 2 / (np.maximum(truth.sky[colour] * rise, 0) + _readout(truth)) for colour in planes
    )
    return truth.flux[index] * np.sqrt(power / len(planes) / (4 * np.pi)) / width


def centroid_bounds(truth: Truth, index: int, stars: np.ndarray) -> np.ndarray:
    """Cramer-Rao bounds of x and of y for stars whose fluxes are not known either.

    Parameters
    ----------
    truth : Truth
        The sky.
    index : int
        The frame's number in it.
    stars : ndarray of int64, shape (n,)
        Columns of the truth.

    Returns
    -------
    ndarray of float64, shape (n, 2)
        1 sigma of x and y, pixels: root of the diagonal of the inverse Fisher matrix of x, y and one flux for each
        colour. NaN where a star gives no light or stands outside. Neighbours and full pixels are not thought of.
    """
    stars = np.asarray(stars, np.int64)
    bounds = np.full((len(stars), 2), np.nan)
    lit = np.flatnonzero(truth.inside[index, stars] & (truth.flux[index, stars] > 0))
    for begin in range(0, len(lit), BATCH):
        rows = lit[begin : begin + BATCH]
        covariance = np.linalg.inv(_fisher(truth, index, stars[rows]))
        bounds[rows] = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2)[:, :2])
    return bounds


def _fisher(truth: Truth, index: int, stars: np.ndarray) -> np.ndarray:
    """Fisher matrices of x, y and the fluxes, the latter relative to the star's own; shape (n, p, p)."""
    sigma = truth.fwhm[index] / SIGMA_TO_FWHM
    ny, nx = truth.shape
    columns, across, across_slope = _profiles(truth.x[index, stars], sigma)
    rows, down, down_slope = _profiles(truth.y[index, stars], sigma)
    colour = np.array(_planes(truth.pattern)).reshape(2, 2)[rows[:, :, None] & 1, columns[:, None, :] & 1]
    flux = (truth.flux[index, stars, None] * truth.response()[stars])[np.arange(len(stars))[:, None, None], colour]
    light = flux * down[:, :, None] * across[:, None, :]
    rise = 1 + _rise(truth, columns[:, None, :], rows[:, :, None])
    variance = truth.sky[colour] * rise + light + _readout(truth)
    outside = ((rows < 0) | (rows >= ny))[:, :, None] | ((columns < 0) | (columns >= nx))[:, None, :]
    weight = np.where(outside, 0.0, 1 / np.maximum(variance, _readout(truth)))
    slopes = [flux * down[:, :, None] * across_slope[:, None, :], flux * down_slope[:, :, None] * across[:, None, :]]
    slopes += [np.where(colour == one, light, 0.0) for one in sorted(set(_planes(truth.pattern)))]
    slopes = np.stack(slopes, axis=1).reshape(len(stars), len(slopes), -1)
    return (slopes * weight.reshape(len(stars), 1, -1)) @ slopes.swapaxes(1, 2)


def _profiles(centres: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels about each centre, a Gaussian's light in each, and how it changes with the centre; shape (n, k)."""
    from scipy.special import erf

    half = int(np.ceil(REACH * sigma)) + 1
    pixels = np.rint(centres).astype(int)[:, None] + np.arange(-half, half + 1)
    edges = np.concatenate([pixels - 0.5, pixels[:, -1:] + 0.5], axis=1)
    edges = (edges - centres[:, None]) / sigma
    light = 0.5 * np.diff(erf(edges / np.sqrt(2)), axis=1)
    slope = -np.diff(np.exp(-(edges**2) / 2), axis=1) / (np.sqrt(2 * np.pi) * sigma)
    return pixels, light, slope


def _planes(pattern: str) -> list[int]:
    """Colour index of each of the first 2 x 2 pixels."""
    from pipeline.sample.sky import plane_colours

    if pattern == "none":
        return [plane_colours(pattern)[0][3]] * 4
    return [colour for _, _, _, colour in plane_colours(pattern)]


def _readout(truth: Truth) -> float:
    """Variance of reading and of rounding to whole ADU, electrons squared."""
    return truth.read_noise**2 + truth.gain**2 / 12


def _rise(truth: Truth, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The sky over its level at the centre, less 1."""
    ny, nx = truth.shape
    return truth.gradient[0] * (x / (nx - 1) - 0.5) + truth.gradient[1] * (y / (ny - 1) - 0.5)
