"""The least error that any unbiased centroid can have (docs/method.md, "The Cramer-Rao bound")."""

from __future__ import annotations

import numpy as np

from pipeline.frame import SIGMA_TO_FWHM
from pipeline.sample import Truth
from pipeline.sample.sky import COLOUR_INDEX, plane_colours

REACH = 5.0


def bounds(truth: Truth, frame: int, stars: np.ndarray) -> np.ndarray:
    """1 sigma of x and of y, pixels, for stars whose fluxes are not known either.

    Parameters
    ----------
    truth : Truth
        The sky.
    frame : int
        The frame's number.
    stars : ndarray of int64, shape (n,)
        Columns of the truth.

    Returns
    -------
    ndarray of float64, shape (n, 2)
        Root of the diagonal of the inverse Fisher matrix of x, y and a flux for each colour.
    """
    return np.array([_bound(truth, frame, star) for star in stars])


def _bound(truth: Truth, frame: int, star: int) -> np.ndarray:
    x, y, sigma = truth.x[frame, star], truth.y[frame, star], truth.fwhm[frame] / SIGMA_TO_FWHM
    half = int(np.ceil(REACH * sigma)) + 1
    rows = np.arange(max(round(y) - half, 0), min(round(y) + half + 1, truth.shape[0]))
    columns = np.arange(max(round(x) - half, 0), min(round(x) + half + 1, truth.shape[1]))
    down, down_slope = _profile(rows, y, sigma)
    across, across_slope = _profile(columns, x, sigma)
    flux = truth.flux[frame, star] * truth.response()[star]
    colour = np.empty((2, 2), int)
    for row, column, step, number in plane_colours(truth.pattern):
        colour[row::step, column::step] = number
    here = colour[rows[:, None] & 1, columns & 1]
    shape = np.outer(down, across)
    sky = truth.sky[here] * (1 + _rise(truth, rows, columns))
    variance = sky + flux[here] * shape + truth.read_noise**2 + truth.gain**2 / 12
    slopes = [flux[here] * np.outer(down, across_slope), flux[here] * np.outer(down_slope, across)]
    slopes += [np.where(here == number, shape, 0.0) for number in sorted(set(_numbers(truth)))]
    fisher = np.array([[(one * other / variance).sum() for other in slopes] for one in slopes])
    return np.sqrt(np.diag(np.linalg.inv(fisher))[:2])


def _numbers(truth: Truth) -> list[int]:
    return [COLOUR_INDEX["mono"]] if truth.pattern == "none" else [0, 1, 2]


def _profile(pixels: np.ndarray, centre: float, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """A Gaussian's light in each pixel, and how it changes with the centre."""
    from scipy.special import erf

    edges = (np.append(pixels, pixels[-1] + 1) - 0.5 - centre) / sigma
    light = 0.5 * np.diff(erf(edges / np.sqrt(2)))
    return light, -np.diff(np.exp(-(edges**2) / 2)) / np.sqrt(2 * np.pi) / sigma


def _rise(truth: Truth, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    ny, nx = truth.shape
    along, down = columns / (nx - 1) - 0.5, rows / (ny - 1) - 0.5
    return truth.gradient[0] * along[None, :] + truth.gradient[1] * down[:, None]
