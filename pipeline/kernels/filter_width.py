"""How wide DAOFIND's filter should be: for stars of all colours on a mosaic, and for stars out of focus."""

from __future__ import annotations

import math

import numpy as np

from pipeline.frame import SIGMA_TO_FWHM
from pipeline.kernels.convolve import daofind_filter

#: A narrower filter, pixels, sees the pattern of a mosaic rather than its stars.
PATTERN_WIDTH = 3.0
#: Of a star on a mosaic, this part of the filtered peak at least comes from pixels of the peak's own place in the
#: pattern; where it is less the peak lies on a pixel in which the star is dark. A filter up to so many times as wide
#: serves instead.
OWN_PART, WIDER = 0.2, 1.15
#: The filter for stars out of focus is up to so many times as wide as they are.
DEEPEST = 1.5


def serving(width: float, pattern: str) -> float:
    """Width of the filter for stars of some width: the same, but on a mosaic one that serves stars of all colours."""
    if pattern == "none":
        return round(width, 1)
    first = round(10 * max(width, PATTERN_WIDTH))
    tries = (tenths / 10 for tenths in range(first, math.ceil(first * WIDER) + 1))
    return next((one for one in tries if _own_part(one) >= OWN_PART), first / 10)


def _own_part(width: float) -> float:
    """Part of a star's filtered peak that comes from every second pixel of every second row, the star's own first."""
    kernel = daofind_filter(width)
    rows, columns = (np.arange(size) % 2 == size // 2 % 2 for size in kernel.weights.shape)
    light = kernel.weights * kernel.gaussian
    return float(light[np.ix_(rows, columns)].sum() / light.sum())


def as_deep(width: float, reference: float) -> float:
    """Width of a filter that sees stars of some width as well as the reference's filter sees the reference's.

    Light that is spread over more pixels meets more noise; a filter that reaches farther out makes up for it, up to
    DEEPEST times as wide as the stars.

    Parameters
    ----------
    width : float
        Of the stars, pixels.
    reference : float
        Of the reference's stars and their filter, pixels.

    Returns
    -------
    float
        Pixels.
    """
    tries = (round(width * part, 1) for part in np.arange(1.0, DEEPEST, 0.05))
    wanted = depth(reference, reference)
    return next((one for one in tries if depth(one, width) >= wanted), round(width * DEEPEST, 1))


def depth(fwhm: float, star: float) -> float:
    """Height over noise, in an image filtered with some ``fwhm``, of a Gaussian star whose light is a pixel's noise."""
    kernel = daofind_filter(fwhm)
    sigma = star / SIGMA_TO_FWHM
    down, across = (np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2)) for reach in kernel.reach)
    light = down @ kernel.weights @ across / (2 * np.pi * sigma**2)
    return float(light / np.sqrt((kernel.weights**2).sum()))
