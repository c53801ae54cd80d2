"""Which points of two lists are the same: pairs, one to one; the shift or turn that most pairs agree on; and chance.

Lists of points are float64 arrays of shape (n, 2), x and y in pixels.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

_MOST_PAIRS = 2_000_000
# Each point makes triangles with so many of its nearest; sides of like triangles have ratios that differ by no more.
_NEIGHBOURS, _ALIKE = 7, 0.01
_TURNS = 3


def pairs_within(here: np.ndarray, there: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of points at most ``reach`` apart in x and in y (a square, not a circle).

    Parameters
    ----------
    here, there : ndarray of float64, shape (n, 2) and (m, 2)
        Points, pixels.
    reach : float
        Half of the square's side, pixels.

    Returns
    -------
    first, second : ndarray of int64, shape (k,)
        Index in ``here`` and in ``there`` of each pair, sorted by both.
    """
    if len(here) == 0 or len(there) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    order_here, order = np.argsort(here[:, 0]), np.argsort(there[:, 0])
    x_here, x_there = here[order_here, 0], there[order, 0]
    start, stop = np.searchsorted(x_there, x_here - reach, "left"), np.searchsorted(x_there, x_here + reach, "right")
    count = stop - start
    if count.sum() > _MOST_PAIRS:
        return _pairs_by_tree(here, there, reach)
    # Places within each star's stretch of the sorted list: a running number less where the stretch began.
    within = np.arange(count.sum()) + np.repeat(start + count - np.cumsum(count), count)
    near = np.flatnonzero(np.abs(there[order, 1][within] - np.repeat(here[order_here, 1], count)) <= reach)
    first, second = np.repeat(order_here, count)[near], order[within[near]]
    # Sorting one number a pair takes a tenth of the time of sorting pairs.
    pair = np.sort(first * len(there) + second)
    return pair // len(there), pair % len(there)


def _pairs_by_tree(here: np.ndarray, there: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """The same by a k-d tree, whose cost does not grow with what lies in the same columns."""
    from scipy.spatial import cKDTree

    found = cKDTree(here).sparse_distance_matrix(cKDTree(there), reach, p=np.inf, output_type="ndarray")
    order = np.lexsort((found["j"], found["i"]))
    return found["i"][order].astype(np.int64), found["j"][order].astype(np.int64)


def one_to_one(first: np.ndarray, second: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Choose pairs, nearest first, so that no point is in two of them.

    Parameters
    ----------
    first, second : ndarray of int64, shape (k,)
        Pairs.
    distance : ndarray of float64, shape (k,)
        What makes one pair better than another; equal ones go by their order.

    Returns
    -------
    ndarray of int64, shape (chosen,)
        Indices of the chosen pairs, ascending.
    """
    left = np.argsort(distance, kind="stable")
    chosen = []
    while len(left):
        # A pair that comes first for both its points, nearest first, is in the greedy choice.
        won = left[_comes_first(first[left]) & _comes_first(second[left])]
        chosen.append(won)
        if len(won) == len(left):
            break
        taken = np.zeros(int(first.max()) + 1, bool), np.zeros(int(second.max()) + 1, bool)
        taken[0][first[won]] = taken[1][second[won]] = True
        left = left[~(taken[0][first[left]] | taken[1][second[left]])]
    return np.sort(np.concatenate(chosen)) if chosen else np.empty(0, np.int64)


def _comes_first(numbers: np.ndarray) -> np.ndarray:
    """True where a number stands for the first time."""
    place = np.empty(int(numbers.max()) + 1, np.int64)
    backward = np.arange(len(numbers))[::-1]
    place[numbers[backward]] = backward
    return place[numbers] == np.arange(len(numbers))


def nearest_one_to_one(here: np.ndarray, there: np.ndarray, reach: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of points within ``reach`` (a number, or one for each of ``here``), one to one, nearest first."""
    first, second = pairs_within(here, there, float(np.max(reach, initial=0.0)))
    distance = np.hypot(*(there[second] - here[first]).T)
    near = distance <= np.broadcast_to(reach, len(here))[first]
    first, second, distance = first[near], second[near], distance[near]
    chosen = one_to_one(first, second, distance)
    return first[chosen], second[chosen]


def common_shifts(
    here: np.ndarray, there: np.ndarray, reach: float | None, cell: float, most: int = 3
) -> list[np.ndarray]:
    """The shifts that most pairs of points agree on: peaks of the histogram of pair differences.

    The histogram is taken on four grids of cells, each half a cell apart, so that no edge divides a peak.

    Parameters
    ----------
    here, there : ndarray of float64, shape (n, 2) and (m, 2)
        Points, pixels.
    reach : float or None
        Largest shift in x and in y; None looks at all pairs.
    cell : float
        Side of a cell, pixels.
    most : int
        How many peaks.

    Returns
    -------
    list of ndarray of float64, shape (2,)
        Median difference of the pairs in each peak, the fullest first.
    """
    if reach is None:
        difference = (there[None, :, :] - here[:, None, :]).reshape(-1, 2)
    else:
        first, second = pairs_within(here, there, reach)
        difference = there[second] - here[first]
    if len(difference) == 0:
        return []
    peaks = []
    for offset in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5)):
        at = np.floor(difference / cell + offset).astype(np.int64)
        key = at[:, 0] * (1 << 32) + at[:, 1]
        keys, votes = np.unique(key, return_counts=True)
        for best in np.argsort(-votes, kind="stable")[:most]:
            peaks.append((-int(votes[best]), tuple(np.median(difference[key == keys[best]], axis=0))))
    shifts: list[np.ndarray] = []
    for _, shift in sorted(peaks):
        if all(np.abs(shift - other).max() > cell / 2 for other in shifts):
            shifts.append(np.array(shift))
    return shifts[:most]


def triangles(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of neighbouring points and what does not change when they are moved, turned and scaled.

    Parameters
    ----------
    points : ndarray of float64, shape (n, 2)
        Points, pixels.

    Returns
    -------
    corners : ndarray of int64, shape (t, 3)
        Indices of the corners opposite to the longest, the middle and the shortest side.
    shape : ndarray of float64, shape (t, 2)
        Middle over longest and shortest over middle side; the first is negative where the corners run clockwise.
    """
    from scipy.spatial import cKDTree

    if len(points) < 3:
        return np.empty((0, 3), np.int64), np.empty((0, 2))
    near = cKDTree(points).query(points, k=min(_NEIGHBOURS + 1, len(points)))[1]
    two = np.array(list(combinations(range(1, near.shape[1]), 2)))
    corners = np.concatenate([np.stack([near[:, 0], near[:, i], near[:, j]], axis=1) for i, j in two])
    corners = np.unique(np.sort(corners, axis=1), axis=0)
    corner = points[corners]
    side = np.hypot(*np.moveaxis(corner[:, [1, 2, 0]] - corner[:, [2, 0, 1]], -1, 0))
    order = np.argsort(-side, axis=1, kind="stable")
    side = np.take_along_axis(side, order, axis=1)
    corners = np.take_along_axis(corners, order, axis=1)
    a, b, c = np.moveaxis(points[corners], 1, 0)
    turn = np.sign((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    longest, middle = np.maximum(side[:, 0], 1e-9), np.maximum(side[:, 1], 1e-9)
    return corners, np.stack([turn * side[:, 1] / longest, side[:, 2] / middle], axis=1)


def common_turns(here: np.ndarray, there: np.ndarray) -> list[np.ndarray]:
    """The moves with turn and scale that most pairs of like triangles agree on (as in Groth 1986, AJ 91, 1244).

    Each pair of triangles of like shape gives a turn and a scale; the fullest cells of turn against the logarithm of
    the scale give the candidates, and for each the centres of the triangles in it agree on a shift.

    Parameters
    ----------
    here, there : ndarray of float64, shape (n, 2) and (m, 2)
        Points, pixels; some tens of the brightest.

    Returns
    -------
    list of ndarray of float64, shape (2, 3)
        Rows give x and y there from 1, x, y here.
    """
    corners_here, shape_here = triangles(here)
    corners_there, shape_there = triangles(there)
    first, second = pairs_within(shape_here, shape_there, _ALIKE)
    if len(first) == 0:
        return []
    # Complex numbers turn and scale by multiplying: the longest side there over the longest side here.
    plane_here, plane_there = here @ (1, 1j), there @ (1, 1j)
    side_here = plane_here[corners_here[first, 2]] - plane_here[corners_here[first, 1]]
    side_there = plane_there[corners_there[second, 2]] - plane_there[corners_there[second, 1]]
    factor = side_there / np.where(side_here == 0, 1, side_here)
    like = (np.abs(factor) > 0.5) & (np.abs(factor) < 2) & (side_here != 0)
    factor, first, second = factor[like], first[like], second[like]
    found = []
    spread = np.stack([np.angle(factor), np.log(np.abs(np.where(factor == 0, 1, factor)))], axis=1)
    for turn, stretch in _fullest(spread, cell=0.02, most=_TURNS):
        near = (np.abs(np.angle(factor * np.exp(-1j * turn))) < 0.02) & (np.abs(spread[:, 1] - stretch) < 0.02)
        if not near.any():
            continue
        common = np.exp(stretch + 1j * turn)
        centre = plane_here[corners_here[first[near]]].mean(axis=1)
        moved = plane_there[corners_there[second[near]]].mean(axis=1)
        shift = moved - common * centre
        # A turn wrong by half a cell moves the far corner by a hundredth of the frame: cells of that size.
        cell = max(4.0, 0.01 * float(np.ptp(here, axis=0).max(initial=0.0)))
        for x, y in _fullest(np.stack([shift.real, shift.imag], axis=1), cell=cell, most=1):
            agreeing = np.abs(shift - (x + 1j * y)) <= 2 * cell
            found.append(
                _similarity(
                    plane_here, plane_there, corners_here[first[near][agreeing]], corners_there[second[near][agreeing]]
                )
            )
    return found


def _similarity(here: np.ndarray, there: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Least squares turn, scale and shift of paired corners, given as complex numbers; shape (2, 3)."""
    p, q = here[first].ravel(), there[second].ravel()
    p0, q0 = p.mean(), q.mean()
    factor = (np.conj(p - p0) * (q - q0)).sum() / max((np.abs(p - p0) ** 2).sum(), 1e-9)
    shift = q0 - factor * p0
    return np.array([[shift.real, factor.real, -factor.imag], [shift.imag, factor.imag, factor.real]])


def _fullest(points: np.ndarray, cell: float, most: int) -> list[np.ndarray]:
    """Medians of the fullest cells of a plane."""
    return common_shifts(np.zeros((1, 2)), points, None, cell, most)


def chance(matched: int, tried: int, probability: float, free: int = 0, trials: float = 1.0) -> float:
    """How many solutions as good as this would turn up among points that have nothing to do with each other.

    Parameters
    ----------
    matched, tried : int
        Points that met one, of those that could.
    probability : float
        That an unrelated point lies within the tolerance.
    free : int
        Points that the solution was made from: they match in any case.
    trials : float
        Solutions that were looked at.

    Returns
    -------
    float
        Expected number: ``trials`` times the binomial tail. Above 1 means nothing.
    """
    from scipy.special import betainc

    matched, tried = matched - free, tried - free
    if matched <= 0 or tried <= 0:
        return float(trials)
    return float(trials * betainc(matched, tried - matched + 1, min(probability, 1.0)))
