"""The noise of photons from the stars themselves: what their light adds to the residuals of their fits.

Photon transfer (Janesick 2007, Photon Transfer, chapter 5) compares noise with light. Here the light is that of the
stars: about a fitted star the squared residuals, in units of the sky's variance, are those of the sky alone, more by a
part that grows with the light (photons), and more by one that grows with its square (a star is no exact Gaussian, and
pixels are not alike). It needs no zero level, which the sky's own noise over its level does.
"""

from __future__ import annotations

import math

import numpy as np

from pipeline.kernels.gaussian import FIT, colour_numbers

#: Stars that are needed; of their residuals those beyond this many times what is expected are no star's own.
LEAST_STARS, ODD = 30, 2.5
#: This part of what no Gaussian describes may pass for photons: it does on stars with wide wings.
MISTAKEN = 0.3
#: Fitted widths over the usual one that a single star has.
SINGLE = (0.75, 1.35)
#: Groups of like brightness whose medians begin the fit.
GROUPS, ROUNDS = 12, 12
X, Y, SIGMA, LEVEL, REST = range(len(FIT))


def photons_from_stars(
    fits: np.ndarray, fwhm: float, pattern: str, variance: np.ndarray, factor: np.ndarray, lonely: np.ndarray
) -> tuple[float, float] | None:
    """Variance of a pixel for each ADU of light, and its error, told by the residuals of fitted stars.

    Parameters
    ----------
    fits : ndarray of float64, shape (n, 5 + colours)
        What :func:`pipeline.kernels.gaussian.fit_stars` found with this ``fwhm``, pattern and variance.
    fwhm : float
        Width of a star that the fits began with, pixels.
    pattern : str
        Colours of the first 2 x 2 pixels, or "none".
    variance : ndarray of float64, shape (2, 2)
        Variance of a sky pixel by row and column parity, ADU squared.
    factor : ndarray of float64, shape (2, 2)
        What the pixels of each parity were multiplied by.
    lonely : ndarray of bool, shape (n,)
        Stars without neighbours, full or bad pixels.

    Returns
    -------
    (float, float) or None
        For pixels whose factor is 1, ADU; None where too few stars stand out of the sky's noise to tell it.
    """
    from scipy.optimize import nnls

    half = max(3, math.ceil(fwhm))
    heights = fits[:, len(FIT) :][:, colour_numbers(pattern)]
    with np.errstate(invalid="ignore"):
        good = lonely & np.isfinite(fits[:, REST]) & (fits[:, len(FIT) :].min(axis=1) > 0)
        usual = float(np.median(fits[good, SIGMA])) if good.sum() >= LEAST_STARS else np.nan
        good &= (fits[:, SIGMA] > SINGLE[0] * usual) & (fits[:, SIGMA] < SINGLE[1] * usual)
    if good.sum() < LEAST_STARS or not variance.min() > 0:
        return None
    area = fits[good, SIGMA] ** 2 / (2 * half + 1) ** 2
    light = area * (heights[good] * factor / variance).mean(axis=(1, 2)) * _left(usual, half, pattern, variance)
    square = area * (heights[good] ** 2 / variance).mean(axis=(1, 2))
    columns = np.column_stack([np.ones(light.size), light, square])
    scale = columns.mean(axis=0)
    columns, seen = columns / scale, fits[good, REST] ** 2
    groups = np.array_split(np.argsort(light), GROUPS)
    middle = np.array([np.median(columns[rows], axis=0) for rows in groups])
    levels = np.array([np.median(seen[rows]) for rows in groups])
    parts = nnls(middle / levels[:, None], np.ones(GROUPS))[0]
    for _ in range(ROUNDS):
        expected = np.maximum(columns @ parts, 1e-3 * levels.min())
        own = seen < ODD * expected
        weighted = columns[own] / expected[own, None]
        parts, before = nnls(weighted, seen[own] / expected[own])[0], parts
        if np.allclose(parts, before, rtol=1e-3, atol=1e-6 * parts.max()):
            break
    if own.sum() < LEAST_STARS or not parts[1] > 0:
        return None
    spread = np.mean((seen[own] / expected[own] - 1) ** 2)
    covariance = spread * np.linalg.pinv(weighted.T @ weighted, hermitian=True)
    # Where photons and sky make equal noise the stars tell most; the other part there is what may be mistaken for it.
    equal = np.argsort(np.abs(columns[:, 1] * parts[1] - parts[0]), kind="stable")[:LEAST_STARS]
    mistaken = MISTAKEN * parts[2] * np.median(columns[equal, 2] / columns[equal, 1])
    return float(parts[1] / scale[1]), float(np.hypot(np.sqrt(covariance[1, 1]), mistaken) / scale[1])


def _left(sigma: float, half: int, pattern: str, variance: np.ndarray) -> float:
    """Light in the window over sigma squared, as far as its noise stays in the residuals: a fit follows some of it.

    The trace of the residuals' projection times the photons' variance; the mean over places of the star on its pixel.
    """
    colours = colour_numbers(pattern)
    grid = np.arange(-half, half + 1)
    total = []
    for row, column, dy, dx in np.ndindex(2, 2, 3, 3):
        y, x = grid[:, None] - (dy - 1) / 3, grid[None, :] - (dx - 1) / 3
        profile = np.exp(-(x**2 + y**2) / (2 * sigma**2))
        parity = (row + grid[:, None]) & 1, (column + grid[None, :]) & 1
        number, weight = colours[parity], 1 / np.sqrt(variance[parity])
        design = [profile * x, profile * y, profile * (x**2 + y**2), np.ones_like(profile)]
        design += [np.where(number == one, profile, 0.0) for one in np.unique(colours)]
        basis = np.linalg.qr(np.stack([one * weight for one in design], axis=-1).reshape(-1, len(design)))[0]
        kept = 1 - (basis**2).sum(axis=1).reshape(profile.shape)
        share = variance.mean() * weight**2
        total.append((profile * share * kept).sum() / share.mean())
        if pattern == "none" and (dy, dx) == (2, 2):
            break
    return float(np.mean(total)) / sigma**2
