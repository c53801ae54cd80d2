"""Nearest star in each of the four open quadrants of every pixel, and the mean of the four by inverse distance.

In one row of pixels the stars of a quadrant compete by squared distance, and the difference of two such parabolas is
linear in x: each pair of stars changes places once. The nearest star of a whole row is therefore a lower envelope,
built with a stack in one sweep over the stars sorted by x (the hull trick for lines), here with ranges of whole pixels,
so that it is exact.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from pipeline.kernels.bands import map_bands


@njit(cache=True, nogil=True)
def _wins(challenger_x, challenger_y, challenger, holder_x, holder_y, holder, p, y):  # noqa: ANN001, ANN202
    """Whether the challenger lies nearer to pixel (p, y) than the holder; of equals the lower id."""
    one = (p - challenger_x) ** 2 + (y - challenger_y) ** 2
    other = (p - holder_x) ** 2 + (y - holder_y) ** 2
    return one < other or (one == other and challenger < holder)


@njit(cache=True, nogil=True)
def _envelope(along, across, ids, y, above, low, high, winner, start):  # noqa: ANN001, ANN202
    """Which star is nearest where, among those strictly beyond the pixel along the row and on one side across it.

    ``along`` falls; ``low`` to ``high`` are the pixels. Star ``winner[k]`` holds the pixels from ``start[k]`` down to
    ``start[k + 1] + 1``. Returns the number of winners.
    """
    depth = 0
    for star in range(along.size):
        if (across[star] <= y) if above else (across[star] >= y):
            continue
        enters = min(high, np.int64(np.ceil(along[star])) - 1)
        if enters < low:
            break
        while True:
            takes = enters
            if depth > 0:
                held = winner[depth - 1]
                mine, other = along[star], along[held]
                name, rival = ids[star], ids[held]
                if not _wins(mine, across[star], name, other, across[held], rival, enters, y):
                    if mine == other or not _wins(mine, across[star], name, other, across[held], rival, low, y):
                        takes = low - 1
                        break
                    middle = 0.5 * (other + mine) + 0.5 * ((across[held] - y) ** 2 - (across[star] - y) ** 2) / (
                        other - mine
                    )
                    takes = min(max(np.int64(np.floor(middle)), low), enters)
                    while _wins(mine, across[star], name, other, across[held], rival, takes + 1, y):
                        takes += 1
                    while not _wins(mine, across[star], name, other, across[held], rival, takes, y):
                        takes -= 1
                if takes >= start[depth - 1]:
                    depth -= 1
                    continue
            break
        if takes >= low:
            winner[depth] = star
            start[depth] = takes
            depth += 1
    return depth


@njit(cache=True, nogil=True)
def _accumulate(sums, first, last, y, star_x, star_y, dx, dy, variance_x, variance_y):  # noqa: ANN001, ANN202
    """Add one star, weighted by inverse distance, to the sums of the pixels ``first`` to ``last`` of row ``y``."""
    across = star_y - y
    squared = across * across
    for x in range(first, last + 1):
        along = star_x - x
        weight = 1.0 / np.sqrt(along * along + squared)
        sums[0, x] += weight
        sums[1, x] += weight * dx
        sums[2, x] += weight * dy
        sums[3, x] += weight * weight * variance_x
        sums[4, x] += weight * weight * variance_y
        sums[5, x] += weight * along
        sums[6, x] += weight * across


@njit(cache=True, nogil=True)
def _finish(sums, lean, base, row_x, row_y, row_x_error, row_y_error):  # noqa: ANN001, ANN202
    """Sums of one row to offsets and errors; a pixel without any star stays for :func:`_lonely`."""
    for x in range(row_x.size):
        total = sums[0, x]
        scale = 1.0 / total if total > 0.0 else 0.0
        along = (sums[5, x] * scale) ** 2
        across = (sums[6, x] * scale) ** 2
        row_x[x] = base[0] + sums[1, x] * scale
        row_y[x] = base[1] + sums[2, x] * scale
        row_x_error[x] = np.sqrt(sums[3, x] * scale * scale + lean[0, 0] * along + lean[0, 1] * across)
        row_y_error[x] = np.sqrt(sums[4, x] * scale * scale + lean[1, 0] * along + lean[1, 1] * across)


@njit(cache=True, nogil=True)
def _lonely(sums, y, stars, lean, base, maps):  # noqa: ANN001, ANN202
    """Pixels of one row whose four quadrants are all empty take the nearest star there is."""
    for x in range(sums.shape[1]):
        if sums[0, x] > 0.0:
            continue
        best, least = 0, np.inf
        for star in range(stars.shape[1]):
            squared = (stars[0, star] - x) ** 2 + (stars[1, star] - y) ** 2
            if squared < least:
                best, least = star, squared
        along, across = (stars[0, best] - x) ** 2, (stars[1, best] - y) ** 2
        for axis in range(2):
            maps[axis][y, x] = base[axis] + stars[2 + axis, best]
            error = stars[4 + axis, best] + lean[axis, 0] * along + lean[axis, 1] * across
            maps[2 + axis][y, x] = np.sqrt(error)


@njit(cache=True, nogil=True)
def _band(stars, rising, falling, lean, base, first_row, last_row, maps):  # noqa: ANN001, ANN202
    """Both offsets and both errors of the rows from ``first_row`` up to ``last_row`` (exclusive)."""
    width = maps[0].shape[1]
    right_x, right_y = stars[0][falling], stars[1][falling]
    left_x, left_y = -stars[0][rising], stars[1][rising]
    winner = np.empty(stars.shape[1], np.int64)
    start = np.empty(stars.shape[1] + 1, np.int64)
    sums = np.empty((7, width))
    for y in range(first_row, last_row):
        sums[:] = 0.0
        for above in (False, True):
            depth = _envelope(right_x, right_y, falling, y, above, 0, width - 1, winner, start)
            start[depth] = -1
            for k in range(depth):
                star = falling[winner[k]]
                first, last = start[k + 1] + 1, start[k]
                _accumulate(sums, first, last, y, *_column(stars, star))
            depth = _envelope(left_x, left_y, rising, y, above, 1 - width, 0, winner, start)
            start[depth] = -width
            for k in range(depth):
                star = rising[winner[k]]
                first, last = -start[k], -(start[k + 1] + 1)
                _accumulate(sums, first, last, y, *_column(stars, star))
        _finish(sums, lean, base, maps[0][y], maps[1][y], maps[2][y], maps[3][y])
        _lonely(sums, y, stars, lean, base, maps)


@njit(cache=True, nogil=True)
def _column(stars, star):  # noqa: ANN001, ANN202
    return stars[0, star], stars[1, star], stars[2, star], stars[3, star], stars[4, star], stars[5, star]


@njit(cache=True, nogil=True)
def _nearest_without(x, y, nearest):  # noqa: ANN001, ANN202
    """For each star the nearest other star in each open quadrant about it, -1 where there is none."""
    for here in range(x.size):
        least = np.full(4, np.inf)
        for star in range(x.size):
            along, across = x[star] - x[here], y[star] - y[here]
            if along == 0.0 or across == 0.0:
                continue
            quadrant = (1 if along > 0.0 else 0) + (2 if across > 0.0 else 0)
            squared = along * along + across * across
            if squared < least[quadrant]:
                least[quadrant] = squared
                nearest[here, quadrant] = star


def nearest_without(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """For each star the nearest other star in each of the four open quadrants about it.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Positions, pixels, in the order of the stars' ids.

    Returns
    -------
    ndarray of int64, shape (n, 4)
        Indices, -1 where a quadrant is empty; of equally near stars the lower.
    """
    nearest = np.full((x.size, 4), -1, np.int64)
    _nearest_without(np.ascontiguousarray(x, np.float64), np.ascontiguousarray(y, np.float64), nearest)
    return nearest


def quadrant_maps(
    shape: tuple[int, int], positions: np.ndarray, offsets: np.ndarray, variances: np.ndarray, lean: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Offsets of every pixel: mean of the nearest star in each open quadrant, weighted by inverse distance.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    positions, offsets, variances : ndarray of float64, shape (2, n)
        x and y of each star (pixels, any place, in the order of the ids), of its offset (pixels), and of the offset's
        variance (pixels squared). At least one star.
    lean : ndarray of float64, shape (2, 2)
        For the x and the y offset: mean squared slope of the offset along x and along y. The weighted stars' centre
        lies away from the pixel, and this times the squared distance is added to the variance.

    Returns
    -------
    tuple of four ndarray of float32, shape (ny, nx)
        x offset, y offset and their errors (1 sigma), pixels.
    """
    base = offsets.mean(axis=1)
    stars = np.ascontiguousarray(np.concatenate([positions, offsets - base[:, None], variances]), np.float64)
    lean = np.ascontiguousarray(lean, np.float64)
    # Of stars in one column the envelope takes either order; a stable sort keeps the result the same everywhere.
    rising = np.argsort(stars[0], kind="stable")
    falling = np.argsort(-stars[0], kind="stable")
    maps = tuple(np.empty(shape, np.float32) for _ in range(4))
    map_bands(lambda first, last: _band(stars, rising, falling, lean, base, first, last, maps), shape[0], least=16)
    _stars_on_pixels(maps, positions, offsets, variances)
    return maps


def _stars_on_pixels(
    maps: tuple[np.ndarray, ...], positions: np.ndarray, offsets: np.ndarray, variances: np.ndarray
) -> None:
    """A pixel exactly on a star has its offset; where stars coincide, that of the lowest id."""
    ny, nx = maps[0].shape
    x, y = positions
    inside = (x >= 0) & (x <= nx - 1) & (y >= 0) & (y <= ny - 1) & (x == np.rint(x)) & (y == np.rint(y))
    for star in np.flatnonzero(inside)[::-1]:
        values = (*offsets[:, star], *np.sqrt(variances[:, star]))
        for image, value in zip(maps, values, strict=True):
            image[int(y[star]), int(x[star])] = value
