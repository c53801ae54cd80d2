"""Straight lines among points: what a satellite, a spike or a bad column strews over a table of peaks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

#: Directions that are tried; width of the strips in which points are first counted, pixels; points that are looked at.
DIRECTIONS, STRIP, MOST = 360, 8.0, 1500
#: A line has so many points at least, and that many standard deviations more than chance; no more lines are sought.
LEAST, BEYOND_CHANCE, LINES = 12, 6.0, 20


def lines(
    points: np.ndarray, shape: tuple[int, int], reach: float
) -> Iterator[tuple[tuple[float, float, float], np.ndarray]]:
    """Lines on which far more points lie than chance would put there, the fullest first.

    Parameters
    ----------
    points : ndarray of float64, shape (n, 2)
        x and y, pixels; of more than MOST some are looked at, evenly over their order.
    shape : (int, int)
        Rows and columns of the frame.
    reach : float
        Farthest a point may lie from its line, pixels.

    Yields
    ------
    (float, float, float)
        a, b and c of the line a x + b y = c, where a and b are the cosine and sine of its normal's direction.
    ndarray of int64
        The points on it.

    Notes
    -----
    Points vote for lines by direction and distance (Duda and Hart 1972, Comm. ACM 15, 11); the winner is fitted to
    what lies about it in a strip that narrows.
    """
    rows = np.arange(len(points))[:: max(1, -(-len(points) // MOST))]
    for _ in range(LINES):
        if len(rows) < LEAST:
            return
        line = _narrowed(points[rows], _fullest(points[rows], shape), reach)
        on = rows[distance(points[rows], line) <= reach]
        length = float(np.ptp(points[on] @ (-line[1], line[0]))) if len(on) else 0.0
        chance = len(rows) * 2 * reach * max(shape) / (shape[0] * shape[1])
        if len(on) < LEAST + chance + BEYOND_CHANCE * np.sqrt(chance) or length < LEAST * reach:
            return
        yield line, on
        rows = np.setdiff1d(rows, on)


def distance(points: np.ndarray, line: tuple[float, float, float]) -> np.ndarray:
    """Distance of points from a line of :func:`lines`, shape (n,), pixels."""
    return np.abs(points @ line[:2] - line[2])


def _fullest(points: np.ndarray, shape: tuple[int, int]) -> tuple[float, float, float]:
    """The strip with the most points."""
    angle = np.arange(DIRECTIONS) * np.pi / DIRECTIONS
    normals = np.stack([np.cos(angle), np.sin(angle)])
    strips = 2 * int(np.ceil(np.hypot(*shape) / STRIP)) + 1
    strip = np.rint(points @ normals / STRIP).astype(np.int64) + strips // 2
    votes = np.bincount((strip + strips * np.arange(DIRECTIONS)).ravel(), minlength=strips * DIRECTIONS)
    direction, best = divmod(int(votes.argmax()), strips)
    return float(normals[0, direction]), float(normals[1, direction]), (best - strips // 2) * STRIP


def _narrowed(points: np.ndarray, line: tuple[float, float, float], reach: float) -> tuple[float, float, float]:
    """The line through what lies about it."""
    width = max(2 * STRIP, reach)
    while True:
        near = points[distance(points, line) <= width]
        if len(near) < 3:
            return line
        normal = np.linalg.eigh(np.cov(near.T))[1][:, 0]
        line = (float(normal[0]), float(normal[1]), float(np.median(near @ normal)))
        if width <= reach:
            return line
        width = max(width / 1.5, reach)
