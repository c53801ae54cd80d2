"""Limits between which a frame is drawn, as the observatories' displays choose them."""

from __future__ import annotations

import numpy as np

CONTRAST = 0.25


def zscale(values: np.ndarray) -> tuple[float, float]:
    """Values drawn black and white, by the zscale of IRAF.

    A line is fitted to the sorted values of a sample, those far from it left out; its slope over the contrast (0.25)
    gives the span about the median. Few pixels are stars, so the sky fills the span.

    Parameters
    ----------
    values : ndarray
        Pixels, or a sample of them; NaN is left out.

    Returns
    -------
    tuple of float
        The lower and the upper limit; (0, 0) where nothing is finite. After Tody (1986), SPIE 627, 733, as astropy has
        it.
    """
    # Heavy: loaded when a picture is shown first.
    from astropy.visualization import ZScaleInterval

    values = values[np.isfinite(values)]
    if values.size < 2:
        return (float(values[0]),) * 2 if values.size else (0.0, 0.0)
    low, high = ZScaleInterval(n_samples=values.size, contrast=CONTRAST).get_limits(values)
    return float(low), float(high)
