"""Limits between which a frame is drawn, as the observatories' displays choose them."""

from __future__ import annotations

import numpy as np

SAMPLE = 10_000
CONTRAST = 0.25


def zscale(image: np.ndarray) -> tuple[float, float]:
    """Values drawn black and white, by the zscale of IRAF.

    A line is fitted to the sorted values of a sample, those far from it left out; its slope over the contrast (0.25)
    gives the span about the median. Few pixels are stars, so the sky fills the span.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Pixels; NaN is left out. About 10,000 are looked at.

    Returns
    -------
    tuple of float
        The lower and the upper limit; (0, 0) where nothing is finite. After Tody (1986), SPIE 627, 733, as astropy has
        it.
    """
    # Heavy: loaded when a picture is shown first.
    from astropy.visualization import ZScaleInterval

    # An odd stride meets all four colours of a mosaic.
    stride = max(1, int(np.sqrt(image.size / SAMPLE))) | 1
    values = image[::stride, ::stride]
    values = values[np.isfinite(values)]
    if values.size < 2:
        return (float(values[0]),) * 2 if values.size else (0.0, 0.0)
    low, high = ZScaleInterval(n_samples=values.size, contrast=CONTRAST).get_limits(values)
    return float(low), float(high)
