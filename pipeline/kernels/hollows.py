"""Hollows of the filtered image: how much in a frame is no star, and so how high a star must stand."""

from __future__ import annotations

import numpy as np
from numba import boolean, float32, float64, int64, njit, types

from pipeline.kernels.bands import map_bands
from pipeline.kernels.convolve import AT_ONCE, LINE, Filter
from pipeline.kernels.measure import daofind_measures
from pipeline.kernels.noise import CELL

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


def dips(
    convolved: np.ndarray, floor: float, reach: int, edge: int, uneven: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Depths of lonely hollows of the convolved image: what noise and structure do without any star.

    Parameters
    ----------
    convolved : ndarray of float32, shape (ny, nx)
        The convolved image.
    floor : float
        Hollows are deeper than this.
    reach : int
        A pixel this near, pixels, and higher than the hollow is deep belongs to a star whose ring the hollow is.
    edge : int
        Pixels from the frame's edges that are left out: there the filter sees the step to what counts as 0 outside.
    uneven : ndarray, shape (rows, columns), optional
        What the noise is multiplied by in cells of CELL pixels (:func:`pipeline.kernels.noise.uneven_noise`).

    Returns
    -------
    index : ndarray of int64, shape (n,)
        Flat indices of the hollows.
    depth : ndarray of float32, shape (n,)
        Depths, positive, over what the noise is multiplied by there.
    """
    cells = np.ones((1, 1), np.float32) if uneven is None else np.ascontiguousarray(uneven, np.float32)
    found = map_bands(
        lambda first, last: _dip_rows(convolved, floor, reach, max(edge, 1), cells, CELL, first, last),
        len(convolved),
    )
    return np.concatenate([index for index, _ in found]), np.concatenate([depth for _, depth in found])


def _hollow(image: np.ndarray, convolved: np.ndarray, index: np.ndarray, kernel: Filter) -> np.ndarray:
    """Which hollows have the shape of a star upside down."""
    depth, none = -convolved.ravel()[index].astype(np.float64), np.zeros((2, 2))
    return _like_stars(daofind_measures(-image, -convolved, kernel, index, depth, none, none))


def _like_stars(measures: dict[str, np.ndarray]) -> np.ndarray:
    """Which rows have the shape of a star by DAOFIND's measures."""
    result = (measures["sharpness"] >= SHARPNESS[0]) & (measures["sharpness"] <= SHARPNESS[1])
    return result & np.logical_and.reduce([np.abs(measures[f"roundness{i}"]) <= ROUNDNESS for i in (1, 2)])


@njit([int64(LINE, float32)], cache=True, nogil=True)
def _below(line, value):  # noqa: ANN001, ANN202
    """How many pixels are lower than a value."""
    count = 0
    for i in range(line.size):
        count += line[i] < value
    return count


@njit([boolean(float32[:, ::1], int64, int64, int64)], cache=True, nogil=True)
def _lonely(convolved, reach, y, x):  # noqa: ANN001, ANN202
    """Whether a hollow is the deepest of 3 x 3 pixels and none near it is as high as it is deep."""
    value = convolved[y, x]
    for row in range(y - 1, y + 2):
        if _below(convolved[row, x - 1 : x + 2], value) > 0:
            return False
    for row in range(max(y - reach, 0), min(y + reach + 1, convolved.shape[0])):
        line = convolved[row, max(x - reach, 0) : x + reach + 1]
        if _below(line, -value) < line.size:
            return False
    return True


@njit(
    [
        types.Tuple((int64[::1], float32[::1]))(
            float32[:, ::1], float64, int64, int64, float32[:, ::1], int64, int64, int64
        )
    ],
    cache=True,
    nogil=True,
)
def _dip_rows(convolved, floor, reach, edge, cells, side, first, last):  # noqa: ANN001, ANN202
    ny, nx = convolved.shape
    index, depth, number = np.empty(1024, np.int64), np.empty(1024, np.float32), 0
    low = np.float32(-floor) * cells.min()
    for y in range(max(first, edge), min(last, ny - edge)):
        for left in range(edge, nx - edge, AT_ONCE):
            right = min(left + AT_ONCE, nx - edge)
            if _below(convolved[y, left:right], low) == 0:
                continue
            for x in range(left, right):
                value = convolved[y, x]
                if not value < low or number == depth.size:
                    continue
                noise = cells[min(y // side, cells.shape[0] - 1), min(x // side, cells.shape[1] - 1)]
                if value < np.float32(-floor) * noise and _lonely(convolved, reach, y, x):
                    index[number], depth[number] = y * nx + x, -value / noise
                    number += 1
    return index[:number], depth[:number]
