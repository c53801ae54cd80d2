"""Hollows of the filtered image: how much in a frame is no star, and so how high a star must stand."""

from __future__ import annotations

import numpy as np

from pipeline.kernels.convolve import Filter, dips
from pipeline.kernels.measure import daofind_measures

LOWEST_THRESHOLD, HIGHEST_THRESHOLD = 6.0, 12.0
#: Hollows that no threshold minds; sharpness and roundness that a star has.
FEW_HOLLOWS, SHARPNESS, ROUNDNESS = 4, (0.1, 1.0), 0.9


def auto_threshold(
    image: np.ndarray,
    convolved: np.ndarray,
    columns: dict[str, np.ndarray],
    noise: float,
    kernel: Filter,
    uneven: np.ndarray | None,
) -> float:
    """Threshold above which hollows, which no star makes, are a fiftieth of the peaks or fewer.

    Noise makes as many hollows as peaks; so do dark lanes, fringes and folds of the sky with what is not a star. A dead
    pixel or column makes none that has a star's shape, and says nothing of the peaks.

    Parameters
    ----------
    image, convolved : ndarray of float32, shape (ny, nx)
        The image without sky, and convolved with the filter.
    columns : dict of str to ndarray of float64, shape (n,)
        Measures of the peaks, ``convolved`` and ``local_noise`` among them.
    noise : float
        Of the convolved image.
    kernel : Filter
        The filter.
    uneven : ndarray or None
        What the noise is multiplied by in cells (:func:`pipeline.kernels.noise.uneven_noise`).

    Returns
    -------
    float
        Sigma of the noise about each peak; at least 6, at most 12, beyond which defects would hide the stars.
    """
    reach = max(kernel.reach)
    index, depths = dips(convolved, LOWEST_THRESHOLD * noise, 4 * reach, reach, uneven)
    heights = columns["convolved"] / columns["local_noise"]
    if depths.size > FEW_HOLLOWS:
        depths, heights = depths[_hollow(image, convolved, index, kernel)], heights[_like_stars(columns)]
    depths, heights = np.sort(depths) / noise, np.sort(heights)
    for threshold in (LOWEST_THRESHOLD, *depths):
        deeper = depths.size - np.searchsorted(depths, threshold, side="right")
        higher = heights.size - np.searchsorted(heights, threshold, side="right")
        if deeper <= max(FEW_HOLLOWS, 0.02 * higher):
            break
    return float(min(threshold, HIGHEST_THRESHOLD))


def _hollow(image: np.ndarray, convolved: np.ndarray, index: np.ndarray, kernel: Filter) -> np.ndarray:
    """Which hollows have the shape of a star upside down."""
    depth, none = -convolved.ravel()[index].astype(np.float64), np.zeros((2, 2))
    return _like_stars(daofind_measures(-image, -convolved, kernel, index, depth, none, none))


def _like_stars(measures: dict[str, np.ndarray]) -> np.ndarray:
    """Which rows have the shape of a star by DAOFIND's measures."""
    result = (measures["sharpness"] >= SHARPNESS[0]) & (measures["sharpness"] <= SHARPNESS[1])
    return result & np.logical_and.reduce([np.abs(measures[f"roundness{i}"]) <= ROUNDNESS for i in (1, 2)])
