"""Noise of an image from its own pixels, whatever stars, gradients or nebulae lie in it."""

from __future__ import annotations

import numpy as np

MAD_TO_SIGMA = 1.482602218505602
SAMPLES = 50_000


def spread(values: np.ndarray) -> float:
    """Standard deviation of the Gaussian bulk of some values: median absolute deviation, clipped at 3 sigma.

    Parameters
    ----------
    values : ndarray
        Values of any shape; those that are not finite do not count.

    Returns
    -------
    float
        0 where there are no two different values.
    """
    values = values[np.isfinite(values)].astype(np.float64)
    sigma = 0.0
    for _ in range(5):
        if values.size < 2:
            break
        away = np.abs(values - np.median(values))
        # Coarsely quantised values may have a median deviation of zero.
        sigma = float(np.median(away)) * MAD_TO_SIGMA or float(np.mean(away))
        near = away <= 3 * sigma
        if near.all():
            break
        values = values[near]
    return sigma


def sampled_spread(values: np.ndarray, image: np.ndarray | None = None) -> float:
    """:func:`spread` of every so many rows and columns, all colours of a mosaic alike.

    Parameters
    ----------
    values : ndarray, shape (ny, nx)
        Pixels.
    image : ndarray of the same shape, optional
        Where it is not finite, the values do not count.
    """
    step = max(1, int(np.sqrt(values.size / SAMPLES))) | 1
    some = values[::step, ::step]
    return spread(some if image is None else some[np.isfinite(image[::step, ::step])])


def pixel_variance(image: np.ndarray, pattern: str) -> np.ndarray:
    """Variance of a sky pixel by row and column parity, from differences of pixels two columns apart.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Pixels; bad ones are not finite.
    pattern : str
        Colours of the first 2 x 2 pixels, or "none".

    Returns
    -------
    ndarray of float64, shape (2, 2)
        ADU squared. Differences leave out what is smooth: sky, nebulae, haloes.
    """
    result = np.empty((2, 2))
    for row in (0, 1):
        for column in (0, 1):
            plane = image[row::2, column::2]
            step = max(1, plane.size // SAMPLES)
            rows = plane[::step]
            result[row, column] = spread(rows[:, 1:] - rows[:, :-1]) ** 2 / 2
    if pattern == "none":
        result[:] = np.median(result)
    return result
