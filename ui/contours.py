"""Lines of equal offset over a map, with their numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_LINES = 9
# The share of the image's width that a number takes: 42 screen pixels of 460.
_GAP = 42 / 460


@dataclass(frozen=True, eq=False)
class Contours:
    """Lines of equal value in image pixels.

    Parameters
    ----------
    xs, ys : list of ndarray
        One path a line.
    label_x, label_y : list of float
        Where each line's number stands.
    values : list of float
        The lines' values.
    """

    xs: list[np.ndarray]
    ys: list[np.ndarray]
    label_x: list[float]
    label_y: list[float]
    values: list[float]


def round_levels(low: float, high: float, count: int = _LINES) -> np.ndarray:
    """At most about ``count`` values between two limits, multiples of 1, 2 or 5 times a power of ten."""
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return np.empty(0)
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step + 1e-6), math.floor(high / step - 1e-6)
    return np.arange(first, last + 1) * step


def contours(values: np.ndarray, step: int) -> Contours:
    """Lines of equal value through a map.

    Parameters
    ----------
    values : ndarray, shape (ny, nx)
        The map, or means of its pixels; NaN is left out.
    step : int
        Map pixels along the side of one value.

    Returns
    -------
    Contours
        By marching squares (contourpy). A number stands in a gap of its line, far from the diagonal that rises to the
        right, where the page lays its own line.
    """
    import contourpy

    made = Contours([], [], [], [], [])
    finite = np.isfinite(values)
    if min(values.shape) < 2 or not finite.any():
        return made
    centre = (step - 1) / 2
    x, y = np.arange(values.shape[1]) * step + centre, np.arange(values.shape[0]) * step + centre
    generator = contourpy.contour_generator(x, y, np.ma.array(values, mask=~finite))
    for level in round_levels(float(values[finite].min()), float(values[finite].max())):
        lines = generator.lines(level)
        longest = max(lines, key=len, default=None)
        for line in lines:
            place = _number_place(line, x[-1], y[-1]) if line is longest else None
            if place is not None:
                made.label_x.append(float(place[0]))
                made.label_y.append(float(place[1]))
                made.values.append(float(level))
                line = _with_gap(line, place, _GAP * x[-1])
            made.xs.append(line[:, 0])
            made.ys.append(line[:, 1])
    return made


def _number_place(line: np.ndarray, width: float, height: float) -> np.ndarray | None:
    """The point of a line that lies farthest from the rising diagonal, away from the edges that would cut a number."""
    across, down = line[:, 0] / width, line[:, 1] / height
    inside = (across > 0.12) & (across < 0.88) & (down > 0.06) & (down < 0.94)
    if not inside.any():
        return None
    return line[np.argmax(np.where(inside, np.abs(across + down - 1), -1))]


def _with_gap(line: np.ndarray, place: np.ndarray, width: float) -> np.ndarray:
    """A line that is not drawn near a place."""
    # A number is about three times as wide as it is high.
    near = np.hypot((line[:, 0] - place[0]) / width, (line[:, 1] - place[1]) * 3 / width) < 0.5
    return np.where(near[:, None], np.nan, line)
