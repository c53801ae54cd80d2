"""Level and noise of every box of a mosaic, per colour, straight from the raw values of the box.

A box's values of one colour are sorted (by counting for uint16, by radix for float32); median, clipping and all
estimators then follow from the sorted values, and what is clipped is always a run at either end. A value that several
pixels have stands once: ``before`` says how many pixels come before each, and at its end how many there are.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from pipeline.kernels.bands import frozen, map_bands

ESTIMATORS = {"mode": 0, "median": 1, "mean": 2, "sextractor": 3, "biweight": 4}
CLIP_ITERATIONS = 10
_LOW = np.uint32(0x7FF)
_SIGN = np.uint32(0x80000000)
_ALL = np.uint32(0xFFFFFFFF)
# Unsigned places of a table need no look at their sign, and small counts stay small.
_ONE, _GROUP = np.int32(1), np.uint64(6)


@njit(cache=True, nogil=True)
def _gather_integers(pixels, mask, colours, colour, edges, counts, coarse, values, before):  # noqa: ANN001, ANN202
    """Sort the box's values of one colour by counting; returns how many different ones there are."""
    top, bottom, left, right = edges
    for y in range(top, bottom):
        for start in range(2):
            x0 = left + ((start + left) & 1)
            if colours[y & 1, x0 & 1] != colour:
                continue
            line = pixels[y, x0:right:2]
            for i in range(line.size):
                if mask.size > 0 and mask[y, x0 + 2 * i]:
                    continue
                value = np.uint64(line[i])
                counts[value] += _ONE
                coarse[value >> _GROUP] = True
    different, number = 0, 0
    for group in range(coarse.size):
        if not coarse[group]:
            continue
        coarse[group] = False
        for value in range(group << 6, (group << 6) + 64):
            if counts[value] > 0:
                values[different], before[different] = value, number
                number += counts[value]
                different += 1
                counts[value] = 0
    before[different] = number
    return different


@njit(cache=True, nogil=True)
def _radix_pass(source, target, number, shift, counts):  # noqa: ANN001, ANN202
    """One stable pass over eleven bits of the keys."""
    counts[:2048] = 0
    for i in range(number):
        counts[(source[i] >> shift) & _LOW] += 1
    total = 0
    for digit in range(2048):
        here = counts[digit]
        counts[digit] = total
        total += here
    for i in range(number):
        digit = (source[i] >> shift) & _LOW
        target[counts[digit]] = source[i]
        counts[digit] += 1


@njit(cache=True, nogil=True)
def _gather_floats(pixels, mask, colours, colour, edges, counts, spare, values):  # noqa: ANN001, ANN202
    """Sort the box's finite values of one colour into ``values`` by radix; returns how many there are."""
    top, bottom, left, right = edges
    number = 0
    for y in range(top, bottom):
        for start in range(2):
            x0 = left + ((start + left) & 1)
            if colours[y & 1, x0 & 1] != colour:
                continue
            for x in range(x0, right, 2):
                if np.isfinite(pixels[y, x]) and not (mask.size > 0 and mask[y, x]):
                    values[number] = pixels[y, x]
                    number += 1
    keys = values.view(np.uint32)
    for i in range(number):
        keys[i] ^= _ALL if keys[i] & _SIGN else _SIGN
    _radix_pass(keys, spare, number, np.uint32(0), counts)
    _radix_pass(spare, keys, number, np.uint32(11), counts)
    _radix_pass(keys, spare, number, np.uint32(22), counts)
    for i in range(number):
        keys[i] = spare[i] ^ (_SIGN if spare[i] & _SIGN else _ALL)
    return number


@njit(cache=True, nogil=True)
def _middle(values, before, low, high):  # noqa: ANN001, ANN202
    """Median of the pixels whose values are those from ``low`` up to ``high`` (exclusive)."""
    number = before[high] - before[low]
    half = before[low] + number // 2
    upper = np.searchsorted(before[:high], half, side="right") - 1
    if number & 1 or before[upper] < half:
        return np.float64(values[upper])
    return 0.5 * (np.float64(values[upper]) + np.float64(values[upper - 1]))


@njit(cache=True, nogil=True)
def _clipped(values, before, different, sigma):  # noqa: ANN001, ANN202
    """First and last kept value, their mean, and their standard deviation; sums are about a pivot, in float64.

    Kept is what lies within the last limits, as in astropy's SigmaClip: where the median moved, a value clipped in an
    early round comes back.
    """
    low, high = 0, different
    pivot = np.float64(values[np.searchsorted(before[:different], before[different] // 2, side="right") - 1])
    total, squares = 0.0, 0.0
    for i in range(different):
        total, squares = _add(values, before, i, 1.0, pivot, total, squares)
    below, above = -np.inf, np.inf
    for _ in range(CLIP_ITERATIONS):
        kept = high - low
        number = before[high] - before[low]
        mean = total / number
        deviation = np.sqrt(max(squares / number - mean * mean, 0.0))
        middle = _middle(values, before, low, high)
        below, above = middle - sigma * deviation, middle + sigma * deviation
        while values[low] < below:
            total, squares = _add(values, before, low, -1.0, pivot, total, squares)
            low += 1
        while values[high - 1] > above:
            high -= 1
            total, squares = _add(values, before, high, -1.0, pivot, total, squares)
        if high - low == kept:
            break
    while low > 0 and values[low - 1] >= below:
        low -= 1
        total, squares = _add(values, before, low, 1.0, pivot, total, squares)
    while high < different and values[high] <= above:
        total, squares = _add(values, before, high, 1.0, pivot, total, squares)
        high += 1
    number = before[high] - before[low]
    mean = total / number
    return low, high, pivot + mean, np.sqrt(max(squares / number - mean * mean, 0.0))


@njit(cache=True, nogil=True)
def _add(values, before, i, sign, pivot, total, squares):  # noqa: ANN001, ANN202
    """The sums of distances from the pivot, and of their squares, with one more value, or one less."""
    number, off = sign * (before[i + 1] - before[i]), np.float64(values[i]) - pivot
    return total + number * off, squares + number * (off * off)


@njit(cache=True, nogil=True)
def _spread(values, before, low, high, middle):  # noqa: ANN001, ANN202
    """Median absolute deviation, walking inward from the two ends, the farther first."""
    i, j, nearer = low, high - 1, before[high] - before[low]
    half, upper = nearer // 2, np.nan
    least = (nearer - 1) // 2
    while True:
        k = i if middle - values[i] > values[j] - middle else j
        away = abs(np.float64(values[k]) - middle)
        nearer -= before[k + 1] - before[k]
        if upper != upper and nearer <= half:
            upper = away
        if nearer <= least:
            return 0.5 * (upper + away)
        i, j = (i + 1, j) if k == i else (i, j - 1)


@njit(cache=True, nogil=True)
def _biweight(values, before, low, high, middle):  # noqa: ANN001, ANN202
    """Biweight location with c = 6 (Beers, Flynn and Gebhardt 1990, AJ 100, 32, equation 5)."""
    spread = _spread(values, before, low, high, middle)
    if spread == 0.0:
        return middle
    above, weights = 0.0, 0.0
    for i in range(low, high):
        distance = np.float64(values[i]) - middle
        u = distance / (6.0 * spread)
        if abs(u) < 1.0:
            weight = (before[i + 1] - before[i]) * (1.0 - u * u) ** 2
            above += distance * weight
            weights += weight
    return middle + above / weights


@njit(cache=True, nogil=True)
def _estimate(values, before, different, sigma, estimator, least, result):  # noqa: ANN001, ANN202
    """Level and noise of sorted values into ``result``; NaN where fewer than ``least`` pixels survive the clipping."""
    result[0] = np.nan
    result[1] = np.nan
    if before[different] < max(least, 1.0):
        return
    low, high, mean, deviation = _clipped(values, before, different, sigma)
    if before[high] - before[low] < least:
        return
    middle = _middle(values, before, low, high)
    result[1] = deviation
    if estimator == 1:
        result[0] = middle
    elif estimator == 2:
        result[0] = mean
    elif estimator == 4:
        result[0] = _biweight(values, before, low, high, middle)
    elif estimator == 0:
        result[0] = 3.0 * middle - 2.0 * mean
    elif deviation == 0.0:
        result[0] = mean
    elif abs(mean - middle) / deviation < 0.3:
        result[0] = 2.5 * middle - 1.5 * mean
    else:
        result[0] = middle


@njit(cache=True, nogil=True)
def _integer_rows(pixels, mask, colours, box, sigma, estimator, least, first, last, out):  # noqa: ANN001, ANN202
    ny, nx = pixels.shape
    counts = np.zeros(65536, np.int32)
    coarse = np.zeros(1024, np.bool_)
    most = min(counts.size, min(box, ny) * min(box, nx))
    values, before = np.empty(most, np.float32), np.empty(most + 1, np.int64)
    for row in range(first, last):
        for column in range(out.shape[2]):
            edges = (row * box, min((row + 1) * box, ny), column * box, min((column + 1) * box, nx))
            for colour in range(out.shape[0]):
                different = _gather_integers(pixels, mask, colours, colour, edges, counts, coarse, values, before)
                _estimate(values, before, different, sigma, estimator, least[colour], out[colour, row, column])


@njit(cache=True, nogil=True)
def _float_rows(pixels, mask, colours, box, sigma, estimator, least, first, last, out):  # noqa: ANN001, ANN202
    ny, nx = pixels.shape
    counts = np.zeros(2048, np.int32)
    spare = np.empty(min(box, ny) * min(box, nx) + 1, np.uint32)
    values = np.empty(min(box, ny) * min(box, nx) + 1, np.float32)
    before = np.arange(values.size)
    for row in range(first, last):
        for column in range(out.shape[2]):
            edges = (row * box, min((row + 1) * box, ny), column * box, min((column + 1) * box, nx))
            for colour in range(out.shape[0]):
                number = _gather_floats(pixels, mask, colours, colour, edges, counts, spare, values)
                _estimate(values, before, number, sigma, estimator, least[colour], out[colour, row, column])


def box_statistics(
    pixels: np.ndarray,
    mask: np.ndarray | None,
    colours: np.ndarray,
    *,
    box_size: int,
    sigma: float,
    estimator: str,
    fraction: float = 0.1,
) -> np.ndarray:
    """Level and noise of every box, per colour.

    Parameters
    ----------
    pixels : ndarray of uint16 or float32, shape (ny, nx)
        The mosaic. Values that are not finite count as bad.
    mask : ndarray of bool, shape (ny, nx), or None
        True where a pixel is bad.
    colours : ndarray of uint8, shape (2, 2)
        Number of the colour, from 0, by row and column parity.
    box_size : int
        Side of a box, pixels of the mosaic; boxes at the far edges may be cut.
    sigma : float
        Values further than this many standard deviations from the median are clipped, up to ten times.
    estimator : str
        One of ESTIMATORS.
    fraction : float
        A box needs this part of a whole box's pixels of a colour after clipping, else its values are NaN.

    Returns
    -------
    ndarray of float64, shape (colours, boxes in y, boxes in x, 2)
        Level and standard deviation of the kept values, in the units of ``pixels``.
    """
    ny, nx = pixels.shape
    number = int(colours.max()) + 1
    whole = min(box_size, ny) * min(box_size, nx)
    least = np.array([fraction * whole * np.mean(colours == colour) for colour in range(number)])
    out = np.empty((number, -(-ny // box_size), -(-nx // box_size), 2))
    pixels = frozen(pixels)
    bad = frozen(np.zeros((0, 0), np.bool_) if mask is None else mask)
    rows = _integer_rows if pixels.dtype == np.uint16 else _float_rows

    def work(first: int, last: int) -> None:
        rows(pixels, bad, colours, box_size, float(sigma), ESTIMATORS[estimator], least, first, last, out)

    map_bands(work, out.shape[1], least=1, multiple=1)
    return out
