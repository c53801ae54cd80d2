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
def _runs(depth, winner, start, order, none, backward, width, names, ends):  # noqa: ANN001, ANN202
    """An envelope as runs from left to right: star ``names[k]``, or ``none``, up to pixel ``ends[k]``."""
    count = 0
    if backward:
        if depth == 0 or start[0] < 0:
            names[0], ends[0] = none, -start[0] - 1 if depth > 0 else width - 1
            count = 1
        for k in range(depth):
            names[count] = order[winner[k]]
            ends[count] = -start[k + 1] - 1 if k + 1 < depth else width - 1
            count += 1
        return
    for k in range(depth - 1, -1, -1):
        names[count], ends[count] = order[winner[k]], start[k]
        count += 1
    names[count], ends[count] = none, width - 1


@njit(cache=True, nogil=True, error_model="numpy")
def _run(first, last, y, a, b, c, d, lean, base, row_x, row_y, row_x_error, row_y_error):  # noqa: ANN001, ANN202
    """Offsets and errors of the pixels ``first`` to ``last`` of row ``y``, which have the same four stars.

    The weights are multiplied by the product of the four distances, which the mean does not see: one division is left.
    """
    ay, by, cy, dy = a[1] - y, b[1] - y, c[1] - y, d[1] - y
    for x in range(first, last + 1):
        ax, bx, cx, dx = a[0] - x, b[0] - x, c[0] - x, d[0] - x
        far_a, far_b = np.sqrt(ax * ax + ay * ay), np.sqrt(bx * bx + by * by)
        far_c, far_d = np.sqrt(cx * cx + cy * cy), np.sqrt(dx * dx + dy * dy)
        ab, cd = far_a * far_b, far_c * far_d
        wa, wb, wc, wd = a[6] * far_b * cd, b[6] * far_a * cd, c[6] * ab * far_d, d[6] * ab * far_c
        scale = 1.0 / (wa + wb + wc + wd)
        wa, wb, wc, wd = wa * scale, wb * scale, wc * scale, wd * scale
        along = (wa * ax + wb * bx + wc * cx + wd * dx) ** 2
        across = (wa * ay + wb * by + wc * cy + wd * dy) ** 2
        row_x[x] = base[0] + (wa * a[2] + wb * b[2] + wc * c[2] + wd * d[2])
        row_y[x] = base[1] + (wa * a[3] + wb * b[3] + wc * c[3] + wd * d[3])
        wa, wb, wc, wd = wa * wa, wb * wb, wc * wc, wd * wd
        error_x = wa * a[4] + wb * b[4] + wc * c[4] + wd * d[4] + lean[0] * along + lean[1] * across
        error_y = wa * a[5] + wb * b[5] + wc * c[5] + wd * d[5] + lean[2] * along + lean[3] * across
        row_x_error[x], row_y_error[x] = np.sqrt(np.float32(error_x)), np.sqrt(np.float32(error_y))


@njit(cache=True, nogil=True)
def _lonely(first, last, y, stars, lean, base, maps):  # noqa: ANN001, ANN202
    """Pixels of one row whose four quadrants are all empty take the nearest star there is."""
    for x in range(first, last + 1):
        best, least = 0, np.inf
        for star in range(stars.shape[1] - 1):
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
    width, none = maps[0].shape[1], rising.size
    right_x, right_y = stars[0][falling], stars[1][falling]
    left_x, left_y = -stars[0][rising], stars[1][rising]
    winner, start = np.empty(none, np.int64), np.empty(none, np.int64)
    names, ends = np.empty((4, none + 1), np.int64), np.empty((4, none + 1), np.int64)
    slopes, mean = (lean[0, 0], lean[0, 1], lean[1, 0], lean[1, 1]), (base[0], base[1])
    for y in range(first_row, last_row):
        for side in range(2):
            above = side == 1
            depth = _envelope(right_x, right_y, falling, y, above, 0, width - 1, winner, start)
            _runs(depth, winner, start, falling, none, False, width, names[side], ends[side])
            depth = _envelope(left_x, left_y, rising, y, above, 1 - width, 0, winner, start)
            _runs(depth, winner, start, rising, none, True, width, names[2 + side], ends[2 + side])
        at, first = [0, 0, 0, 0], 0
        while first < width:
            last = min(ends[0, at[0]], ends[1, at[1]], ends[2, at[2]], ends[3, at[3]])
            a, b, c, d = names[0, at[0]], names[1, at[1]], names[2, at[2]], names[3, at[3]]
            if a == none and b == none and c == none and d == none:
                _lonely(first, last, y, stars, lean, base, maps)
            else:
                four = _column(stars, a), _column(stars, b), _column(stars, c), _column(stars, d)
                _run(first, last, y, *four, slopes, mean, maps[0][y], maps[1][y], maps[2][y], maps[3][y])
            for side in range(4):
                if ends[side, at[side]] == last:
                    at[side] += 1
            first = last + 1


@njit(cache=True, nogil=True)
def _column(stars, star):  # noqa: ANN001, ANN202
    one = stars[:, star]
    return one[0], one[1], one[2], one[3], one[4], one[5], one[6]


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
    number = positions.shape[1]
    # The last column stands for an empty quadrant: off the frame, without weight.
    stars = np.zeros((7, number + 1))
    stars[:, :number] = np.concatenate([positions, offsets - base[:, None], variances, np.ones((1, number))])
    stars[:2, number] = -1.0
    lean = np.ascontiguousarray(lean, np.float64)
    # Of stars in one column the envelope takes either order; a stable sort keeps the result the same everywhere.
    rising = np.argsort(positions[0], kind="stable")
    falling = np.argsort(-positions[0], kind="stable")
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
