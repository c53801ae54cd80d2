"""The stars' width from the image itself: the width that most of its bright, lonely peaks share."""

from __future__ import annotations

import numpy as np

from pipeline.kernels.centroid import widths
from pipeline.kernels.convolve import clearance, convolve, daofind_filter, peaks
from pipeline.kernels.measure import cores
from pipeline.kernels.noise import pixel_variance, sampled_spread

FIRST_GUESS = 4.0
NARROWEST, WIDEST = 1.5, 25.0
BRIGHT = 12.0
MOST = 400
#: A star of 1.5 px, and every wider one, has this many of eight neighbours above this part of its peak.
NEIGHBOURS, NEIGHBOUR_LEVEL = 3, 0.15
#: Stars of one frame have widths that differ by about this part of themselves.
ALIKE = 0.08


def star_width(image: np.ndarray, full: np.ndarray, pattern: str) -> float | None:
    """Width at half height of the stars of a frame.

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

    Notes
    -----
    A round Gaussian is fitted to the brightest peaks that are not full and have no brighter one beside them. Hot pixels
    come out narrower than any star, knots of nebulae and galaxies each with a width of their own; stars agree. The
    search starts with a filter of 4 px and is made again with the width found.
    """
    width = FIRST_GUESS
    for _ in range(3):
        found = _common(_star_widths(image, full, pattern, width))
        if found is None:
            return None
        found = min(max(found, NARROWEST), WIDEST)
        if abs(found - width) <= 0.2 * width:
            return found
        width = found
    return width


def _star_widths(image: np.ndarray, full: np.ndarray, pattern: str, width: float) -> np.ndarray:
    """Widths of the bright peaks that a Gaussian fits."""
    kernel = daofind_filter(width)
    convolved = convolve(image, kernel.weights)
    noise = max(sampled_spread(convolved), 1e-6 * float(convolved.max()))
    index, height = peaks(convolved, image, kernel, BRIGHT * noise)
    around = cores(image, full, index, NEIGHBOUR_LEVEL, round(width))
    usable = (around[:, 0] >= NEIGHBOURS) & (around[:, 1] == 0) & (around[:, 2] == 0)
    index, height = index[usable], height[usable]
    brightest = np.sort(np.argsort(-height, kind="stable")[:MOST])
    index = index[brightest]
    index = index[clearance(convolved, index, round(3 * width)) > 3 * width]
    found, misfit = widths(image, index, width, pattern, pixel_variance(image, pattern))
    # A hot pixel has less than 1.2 px; a blend or a knot leaves residuals.
    with np.errstate(invalid="ignore"):
        good = (found > 1.2) & (found < 1.2 * WIDEST) & (misfit < 0.2)
    return found[good]


def _common(found: np.ndarray) -> float | None:
    """The value about which most of some widths gather."""
    if found.size == 0:
        return None
    logarithm = np.log(found)
    crowd = np.exp(-0.5 * ((logarithm[:, None] - logarithm[None, :]) / ALIKE) ** 2).sum(axis=1)
    middle = logarithm[np.argmax(crowd)]
    return float(np.exp(np.median(logarithm[np.abs(logarithm - middle) <= 2 * ALIKE])))
