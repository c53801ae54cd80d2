"""Many pictures to one, pixel by pixel: median, mean, and means without what lies far off.

Values that are not finite do not count. All pixels of a row are put in order at once by a sorting network, a fixed list
of comparisons (Batcher 1968, AFIPS Spring Joint Computer Conference 32, 307), of which a median needs only a part. What
a clipping leaves of ordered values is a slice of them, so no value is looked at more often than it has to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
from numba import boolean, float32, float64, int16, int64, njit, types, uint16

from pipeline.kernels.bands import frozen, map_bands

METHODS = ("median", "mean", "clipped", "winsorized")
#: Fewer values than this are never left of a pixel by "winsorized".
LEAST_LEFT = 3
#: Bytes of all pictures' rows that one thread holds.
HELD = 32_000_000
_BLOCK = 128
_WINSOR, _CORRECTION, _SETTLED, _ROUNDS = 1.5, 1.134, 5e-4, 200
_INFINITE = np.float32(np.inf)
_NAN = np.float32(np.nan)
_PAIRS = types.Array(types.int64, 2, "C", readonly=True)
_STACK = types.Array(types.float32, 3, "C", readonly=True)
_WHOLE_STACK = types.Array(types.uint16, 3, "C", readonly=True)
_WEIGHTS = types.Array(types.float64, 1, "C", readonly=True)
_SLICE = types.UniTuple(types.int64, 2)


class Rows(Protocol):
    """A picture that is read by bands of rows, by several threads at once."""

    shape: tuple[int, int]

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Rows ``start`` to ``stop``, float32; NaN where a pixel has no value."""


def combined(
    readers: Sequence[Rows],
    how: str,
    *,
    clip: tuple[float, float] = (3.0, 3.0),
    weights: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Combine pictures of one shape pixel by pixel; no more than a few rows of each are held at a time.

    Parameters
    ----------
    readers : sequence of Rows
        The pictures. Where all of them say that their ``dtype`` is uint16, a median compares whole numbers.
    how : str
        "median"; "mean"; "clipped", the mean of what lies within ``clip`` standard deviations of the median, both found
        again until nothing more is left out (of ``n`` values none can lie more than ``n / sqrt(n - 1)`` off);
        "winsorized", the same with the deviation of values drawn in to 1.5 sigma, times 1.134 (Huber and Ronchetti
        2009, *Robust Statistics*, 2nd edition, section 1.7) and the root of n / (n - 1), which a single value cannot
        make large.
    clip : (float, float)
        How far below and above a value may lie, standard deviations.
    weights : ndarray of float64, shape (n,), optional
        Of each picture in the mean of what is left; a median takes every picture alike.

    Returns
    -------
    image : ndarray of float32, shape (ny, nx)
        NaN where no picture has a value.
    count : ndarray of int16, shape (ny, nx)
        Values that made each pixel.
    rejected : ndarray of int16, shape (ny, nx)
        Values that were left out because they lie far off.

    Raises
    ------
    ValueError
        Where there is no picture, shapes differ, or a weight is not positive.
    """
    shape = _check(readers, how, weights)
    number, (ny, nx) = len(readers), shape
    even = weights is None
    share = frozen(np.ones(number) if even else np.ascontiguousarray(weights, np.float64))
    image, count, rejected = np.empty(shape, np.float32), np.empty(shape, np.int16), np.zeros(shape, np.int16)
    whole = how == "median" and all(getattr(reader, "dtype", None) == np.uint16 for reader in readers)
    middle, full = network(number, True), network(number, False)
    step = max(1, HELD // (number * nx * (2 if whole else 4)))

    def work(first: int, last: int) -> None:
        held = np.empty((number, min(step, last - first), nx), np.uint16 if whole else np.float32)
        for top in range(first, last, step):
            bottom = min(top + step, last)
            for place, reader in enumerate(readers):
                held[place, : bottom - top] = reader.rows(top, bottom)
            rows = slice(top, bottom)
            if whole:
                _median_of_whole(frozen(held), middle, image[rows])
                count[rows] = number
            elif how == "median":
                _median(frozen(held), middle, full, image[rows], count[rows])
            elif how == "mean":
                _mean(frozen(held), share, image[rows], count[rows])
            else:
                _clipped(
                    frozen(held), full, share, even, how == "winsorized", float(clip[0]), float(clip[1]),
                    image[rows], count[rows], rejected[rows],
                )  # fmt: skip

    map_bands(work, ny)
    return image, count, rejected


def _check(readers: Sequence[Rows], how: str, weights: np.ndarray | None) -> tuple[int, int]:
    """The shape that all pictures have."""
    if how not in METHODS:
        raise ValueError(f"how = {how!r}: wants one of {', '.join(METHODS)}")
    if len(readers) == 0:
        raise ValueError("there is no picture to combine")
    shapes = {tuple(reader.shape) for reader in readers}
    if len(shapes) > 1:
        raise ValueError(f"pictures of one shape can be combined, not of {sorted(shapes)}")
    if weights is not None and not (len(weights) == len(readers) and np.all(np.asarray(weights) > 0)):
        raise ValueError("weights: wants a positive number for each picture")
    return shapes.pop()


@lru_cache(maxsize=64)
def network(number: int, middle: bool) -> np.ndarray:
    """Comparisons that put values in order, in Batcher's odd-even merging, for any number of them.

    Parameters
    ----------
    number : int
        How many values.
    middle : bool
        Only those comparisons without which the middle value, or the two about the middle, would not come out.

    Returns
    -------
    ndarray of int64, shape (comparisons, 2)
        Places of the smaller and of the larger value.
    """
    pairs = []
    size = 1
    while size < number:
        step = size
        while step >= 1:
            for start in range(step % size, number - step, 2 * step):
                for low in range(start, min(start + step, number - step)):
                    if low // (2 * size) == (low + step) // (2 * size):
                        pairs.append((low, low + step))
            step //= 2
        size *= 2
    if middle:
        needed = {(number - 1) // 2, number // 2}
        kept = []
        for low, high in reversed(pairs):
            if low in needed or high in needed:
                needed |= {low, high}
                kept.append((low, high))
        pairs = kept[::-1]
    return frozen(np.array(pairs, np.int64).reshape(-1, 2))


@njit([types.void(float32[:, ::1], _PAIRS, int64), types.void(uint16[:, ::1], _PAIRS, int64)], cache=True, nogil=True)
def _compare(work, pairs, size):  # noqa: ANN001, ANN202
    """Carry out the comparisons on every column of ``work`` at once."""
    for p in range(pairs.shape[0]):
        low, high = work[pairs[p, 0]], work[pairs[p, 1]]
        for k in range(size):
            a, b = low[k], high[k]
            low[k] = a if a < b else b
            high[k] = b if a < b else a


@njit([boolean(_STACK, int64, int64, int64, float32[:, ::1], int16[::1])], cache=True, nogil=True)
def _load(stack, y, x, size, work, valid):  # noqa: ANN001, ANN202
    """Take one block of a row from every picture, what has no value as infinite; say whether any has none."""
    valid[:size] = 0
    for i in range(stack.shape[0]):
        line, row = work[i], stack[i, y]
        for k in range(size):
            value = row[x + k]
            good = abs(value) < _INFINITE
            line[k] = value if good else _INFINITE
            valid[k] += int16(good)
    return valid[:size].min() < stack.shape[0]


@njit([float64(float32[:, ::1], int64, int64, int64)], cache=True, nogil=True)
def _middle(work, k, first, last):  # noqa: ANN001, ANN202
    """Median of the ordered values of a column, ``last`` not among them."""
    return 0.5 * (float64(work[(first + last - 1) // 2, k]) + float64(work[(first + last) // 2, k]))


@njit([types.void(_WHOLE_STACK, _PAIRS, float32[:, ::1])], cache=True, nogil=True)
def _median_of_whole(stack, middle, image):  # noqa: ANN001, ANN202
    number, (rows, columns) = stack.shape[0], image.shape
    work = np.empty((number, _BLOCK), np.uint16)
    for y in range(rows):
        for x in range(0, columns, _BLOCK):
            size = min(_BLOCK, columns - x)
            for i in range(number):
                for k in range(size):
                    work[i, k] = stack[i, y, x + k]
            _compare(work, middle, size)
            for k in range(size):
                low, high = work[(number - 1) // 2, k], work[number // 2, k]
                image[y, x + k] = float32(0.5) * (float32(low) + float32(high))


@njit([types.void(_STACK, _PAIRS, _PAIRS, float32[:, ::1], int16[:, ::1])], cache=True, nogil=True)
def _median(stack, middle, full, image, count):  # noqa: ANN001, ANN202
    number, (rows, columns) = stack.shape[0], image.shape
    work, valid = np.empty((number, _BLOCK), np.float32), np.empty(_BLOCK, np.int16)
    for y in range(rows):
        for x in range(0, columns, _BLOCK):
            size = min(_BLOCK, columns - x)
            gaps = _load(stack, y, x, size, work, valid)
            _compare(work, full if gaps else middle, size)
            for k in range(size):
                n = valid[k]
                image[y, x + k] = _middle(work, k, 0, n) if n > 0 else _NAN
                count[y, x + k] = n


@njit([types.void(_STACK, _WEIGHTS, float32[:, ::1], int16[:, ::1])], cache=True, nogil=True)
def _mean(stack, weights, image, count):  # noqa: ANN001, ANN202
    number, (rows, columns) = stack.shape[0], image.shape
    total, share, valid = np.empty(columns), np.empty(columns), np.empty(columns, np.int16)
    for y in range(rows):
        total[:] = 0.0
        share[:] = 0.0
        valid[:] = 0
        for i in range(number):
            row, weight = stack[i, y], weights[i]
            for x in range(columns):
                value = row[x]
                good = abs(value) < _INFINITE
                total[x] += weight * float64(value) if good else 0.0
                share[x] += weight if good else 0.0
                valid[x] += int16(good)
        for x in range(columns):
            image[y, x] = total[x] / share[x] if valid[x] > 0 else _NAN
            count[y, x] = valid[x]


@njit([float64(float32[:, ::1], int64, int64, int64, float64, float64)], cache=True, nogil=True)
def _deviation(work, k, first, last, middle, reach):  # noqa: ANN001, ANN202
    """Standard deviation of ordered values, each drawn in to ``reach`` about ``middle``."""
    once = twice = 0.0
    for i in range(first, last):
        away = min(max(float64(work[i, k]) - middle, -reach), reach)
        once += away
        twice += away * away
    number = last - first
    return max(twice / number - (once / number) ** 2, 0.0) ** 0.5


@njit([_SLICE(float32[:, ::1], int64, int64, boolean, float64, float64)], cache=True, nogil=True)
def _near_the_middle(work, k, valid, winsorized, low, high):  # noqa: ANN001, ANN202
    """The slice of a column's ordered values that clipping leaves."""
    first, last = 0, valid
    least = LEAST_LEFT if winsorized else 1
    while last - first > least:
        middle = _middle(work, k, first, last)
        plain = sigma = _deviation(work, k, first, last, middle, np.inf)
        if winsorized:
            # Of few values the deviation of the sample is too small, and every twentieth of five would be thrown out.
            number = last - first
            few = (number / (number - 1.0)) ** 0.5
            sigma = few * sigma
            settled = False
            for _ in range(_ROUNDS):
                before = sigma
                sigma = few * _CORRECTION * _deviation(work, k, first, last, middle, _WINSOR * sigma)
                settled = abs(sigma - before) <= _SETTLED * before
                if settled:
                    break
            # Equal whole numbers draw the deviation to nothing, and then every other value lies far off.
            if not settled or sigma == 0.0:
                sigma = plain
        start, stop = first, last
        while start < stop and work[start, k] < middle - low * sigma:
            start += 1
        while stop > start and work[stop - 1, k] > middle + high * sigma:
            stop -= 1
        if stop - start < least or (start == first and stop == last):
            break
        first, last = start, stop
    return first, last


@njit(
    [
        types.void(
            _STACK, _PAIRS, _WEIGHTS, boolean, boolean, float64, float64,
            float32[:, ::1], int16[:, ::1], int16[:, ::1],
        )
    ],
    cache=True,
    nogil=True,
)  # fmt: skip
def _clipped(stack, full, weights, even, winsorized, low, high, image, count, rejected):  # noqa: ANN001, ANN202
    number, (rows, columns) = stack.shape[0], image.shape
    work, valid = np.empty((number, _BLOCK), np.float32), np.empty(_BLOCK, np.int16)
    for y in range(rows):
        for x in range(0, columns, _BLOCK):
            size = min(_BLOCK, columns - x)
            _load(stack, y, x, size, work, valid)
            _compare(work, full, size)
            for k in range(size):
                n = valid[k]
                first, last = _near_the_middle(work, k, n, winsorized, low, high)
                total = share = 0.0
                if even:
                    for i in range(first, last):
                        total += float64(work[i, k])
                    share = float64(last - first)
                elif n > 0:
                    # Order has parted values from their pictures; the ends of the slice tell which were kept.
                    lowest, highest = work[first, k], work[last - 1, k]
                    for i in range(number):
                        value = stack[i, y, x + k]
                        if (value >= lowest) & (value <= highest):
                            total += weights[i] * float64(value)
                            share += weights[i]
                image[y, x + k] = total / share if n > 0 else _NAN
                count[y, x + k] = last - first
                rejected[y, x + k] = n - (last - first)
