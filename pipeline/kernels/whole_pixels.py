"""A picture moved by whole pixels; and where nothing came, told from what is not known, masked and filled."""

from __future__ import annotations

import math

import numpy as np
from numba import boolean, float32, int64, njit, types

from pipeline.kernels.bands import frozen, map_bands

_INFINITE = np.float32(np.inf)
_COUNTS = types.UniTuple(types.int64, 2)


def whole_steps(x: float, y: float, pattern: str = "none") -> tuple[int, int]:
    """The nearest whole pixels to a displacement; even ones on a mosaic, so that colours fall on colours."""
    step = 1 if pattern == "none" else 2
    return step * math.floor(x / step + 0.5), step * math.floor(y / step + 0.5)


def moved(image: np.ndarray, x: int, y: int, *, beyond: float = np.nan) -> np.ndarray:
    """A picture moved back by a whole displacement: no value changes.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The picture.
    x, y : int
        Its displacement against the reference, pixels.
    beyond : float
        What stands where the picture does not reach.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        ``image[row + y, column + x]``.
    """
    ny, nx = image.shape
    result = np.empty_like(image)
    rows, columns = (slice(max(0, -step), max(0, min(size, size - step))) for step, size in ((y, ny), (x, nx)))

    def work(first: int, last: int) -> None:
        top, bottom = np.clip((rows.start, rows.stop), first, last)
        if top >= bottom or columns.start >= columns.stop:
            result[first:last] = beyond
            return
        for outside in (result[first:top], result[bottom:last]):
            outside[:] = beyond
        inside = result[top:bottom]
        inside[:, : columns.start] = inside[:, columns.stop :] = beyond
        inside[:, columns] = image[top + y : bottom + y, columns.start + x : columns.stop + x]

    map_bands(work, ny)
    return result


@njit([_COUNTS(types.Array(types.float32, 2, "C", readonly=True), boolean[:, ::1])], cache=True, nogil=True)
def _mark(image, mask):  # noqa: ANN001, ANN202
    """Mark what is not finite; how much that is, and how much of it is infinite."""
    bad, beyond = 0, 0
    for y in range(image.shape[0]):
        line, marks = image[y], mask[y]
        for x in range(line.size):
            finite = abs(line[x]) < _INFINITE
            marks[x] = not finite
            bad += not finite
            beyond += line[x] == _INFINITE
    return bad, beyond


@njit([types.void(float32[:, ::1], float32[:, ::1], int64)], cache=True, nogil=True)
def _fill(image, levels, first):  # noqa: ANN001, ANN202
    """Put a level, by row and column parity, where a picture is infinite."""
    for y in range(image.shape[0]):
        line, level = image[y], levels[(first + y) & 1]
        for x in range(line.size):
            line[x] = level[x & 1] if line[x] == _INFINITE else line[x]


def marked(image: np.ndarray) -> tuple[np.ndarray | None, int]:
    """Where a picture has no value.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        NaN where a value is not known, infinite where nothing came from.

    Returns
    -------
    mask : ndarray of bool, shape (ny, nx), or None
        True where it is not finite; None where it is finite everywhere.
    beyond : int
        How many pixels are infinite.
    """
    mask = np.empty(image.shape, np.bool_)
    counts = map_bands(lambda first, last: _mark(frozen(image[first:last]), mask[first:last]), len(image))
    bad, beyond = np.sum(counts, axis=0)
    return (mask if bad else None), int(beyond)


def fill(image: np.ndarray, levels: np.ndarray) -> None:
    """Put a level where a picture is infinite, in place.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The picture.
    levels : ndarray of float32, shape (2, 2)
        By row and column parity.
    """
    map_bands(lambda first, last: _fill(image[first:last], levels, first), len(image))
