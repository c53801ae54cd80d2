"""The stars' width from the image itself: the width that most of its bright, lonely peaks share."""

from __future__ import annotations

import numpy as np

from pipeline.frame import SIGMA_TO_FWHM
from pipeline.kernels.convolve import clearance, convolve, daofind_filter, peaks
from pipeline.kernels.gaussian import FIT, fit_stars
from pipeline.kernels.measure import cores, daofind_measures
from pipeline.kernels.noise import pixel_variance, sampled_spread

#: Widths of the filters that are tried, pixels, until so many peaks agree.
TRIALS, PLENTY = (4.0, 2.0, 8.0, 16.0), 30
NARROWEST, WIDEST = 1.5, 25.0
BRIGHT = 12.0
MOST = 400
#: A star of 1.5 px, and every wider one, has this many of eight neighbours above this part of its peak.
NEIGHBOURS, NEIGHBOUR_LEVEL = 3, 0.15
#: Both roundnesses of a star are within this; columns and trails are not.
ROUND = 0.7
#: Residuals of a star's fit over its height.
MISFIT, MISFIT_ENOUGH = 0.2, 0.5
#: Stars of one frame have widths that differ by about this part of themselves.
ALIKE = 0.08


def star_width(image: np.ndarray, full: np.ndarray, pattern: str) -> float | None:
    """Width at half height of the stars of a frame: that of :func:`agreed_width`; None where no star tells it."""
    return agreed_width(image, full, pattern)[0]


def agreed_width(image: np.ndarray, full: np.ndarray, pattern: str) -> tuple[float | None, int]:
    """Width at half height of the stars of a frame, and how many tell it.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image without sky.
    full : ndarray of int64, shape (m,)
        Flat indices of full pixels, ascending.
    pattern : str
        Colours of the first 2 x 2 pixels, or "none".

    Returns
    -------
    float or None
        Pixels; None where there is no star to tell.
    int
        Stars that share it.

    Notes
    -----
    A round Gaussian is fitted to the brightest peaks that are not full and have no brighter one beside them. Hot pixels
    come out narrower than any star, knots of nebulae and galaxies each with a width of their own; stars agree. Filters
    of several widths are tried; the one with which most peaks agree wins, and the search is made again with the width
    found.
    """
    best, most = None, 0
    for strict in (True, False):
        width, support = _width_with(image, full, pattern, strict)
        # Trailed, defocused or full stars tell it where hardly any better ones do.
        if width is not None and support > (0 if best is None else 3 * most):
            best, most = width, support
        if most >= PLENTY:
            break
    return (None if best is None else min(max(best, NARROWEST), WIDEST)), most


def _width_with(image: np.ndarray, full: np.ndarray, pattern: str, strict: bool) -> tuple[float | None, int]:
    """The width that most stars share, and how many do, with the filter that shows most of them."""
    width, support = None, 0
    for trial in TRIALS:
        found, agreeing = _common(_star_widths(image, full, pattern, trial, strict))
        if agreeing > support:
            width, support = found, agreeing
        if support >= PLENTY and _near(width, trial, 1.5):
            break
    if width is not None and not _near(width, trial, 1.2):
        again = min(max(width, NARROWEST), WIDEST)
        found, agreeing = _common(_star_widths(image, full, pattern, again, strict))
        if agreeing >= support / 2:
            width, support = found, max(agreeing, support)
    return width, support


def _near(one: float, other: float, factor: float) -> bool:
    return max(one, other) <= factor * min(one, other)


def _star_widths(image: np.ndarray, full: np.ndarray, pattern: str, width: float, strict: bool) -> np.ndarray:
    """Widths of the bright peaks that a Gaussian fits."""
    kernel, variance = daofind_filter(width), pixel_variance(image, pattern)
    convolved = convolve(image, kernel.weights)
    noise = max(sampled_spread(convolved, image), 1e-6 * float(convolved.max()))
    index, height = peaks(convolved, image, kernel, BRIGHT * noise)
    around = cores(image, full, index, NEIGHBOUR_LEVEL, round(width))
    usable = (around[:, 0] >= NEIGHBOURS) & (around[:, 2] == 0) & ((around[:, 1] == 0) | (not strict))
    if strict:
        measures = daofind_measures(image, convolved, kernel, index, height, variance, np.zeros((2, 2)))
        for name in ("roundness1", "roundness2"):
            with np.errstate(invalid="ignore"):
                usable &= np.abs(measures[name]) < ROUND
    index, height = index[usable], height[usable]
    brightest = np.sort(np.argsort(-height, kind="stable")[:MOST])
    index = index[brightest]
    index = index[clearance(convolved, index, round(3 * width)) > 3 * width]
    fits = fit_stars(image, index, width, pattern, variance, follow=True)
    found = SIGMA_TO_FWHM * fits[:, FIT.index("sigma")]
    with np.errstate(invalid="ignore", divide="ignore"):
        misfit = fits[:, FIT.index("rest")] * np.sqrt(variance.min()) / fits[:, len(FIT) :].max(axis=1, initial=0.0)
    # A hot pixel has less than 1.2 px; a blend or a knot leaves residuals, NaN where nothing fits.
    good = (found > 1.2) & (found < 1.2 * WIDEST) & (misfit < (MISFIT if strict else MISFIT_ENOUGH))
    return found[good]


def _common(found: np.ndarray) -> tuple[float | None, int]:
    """The value about which most of some widths gather, and how many do."""
    if found.size == 0:
        return None, 0
    logarithm = np.log(found)
    crowd = np.exp(-0.5 * ((logarithm[:, None] - logarithm[None, :]) / ALIKE) ** 2).sum(axis=1)
    agreeing = logarithm[np.abs(logarithm - logarithm[np.argmax(crowd)]) <= 2 * ALIKE]
    return float(np.exp(np.median(agreeing))), agreeing.size
