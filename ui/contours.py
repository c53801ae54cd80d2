"""Lines of equal offset over a map, with their numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_LINES = 7


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
        By marching squares (contourpy); the number stands where the line comes nearest to a fifth of the width.
    """
    import contourpy

    made = Contours([], [], [], [], [])
    finite = np.isfinite(values)
    if min(values.shape) < 2 or not finite.any():
        return made
    centre = (step - 1) / 2
    x, y = np.arange(values.shape[1]) * step + centre, np.arange(values.shape[0]) * step + centre
    generator = contourpy.contour_generator(x, y, np.ma.array(values, mask=~finite))
    wanted = 0.2 * x[-1]
    for level in round_levels(float(values[finite].min()), float(values[finite].max())):
        lines = generator.lines(level)
        for line in lines:
            made.xs.append(line[:, 0])
            made.ys.append(line[:, 1])
        if lines:
            longest = max(lines, key=len)
            # Away from the edge, where half of the number would be cut off.
            inner = longest[(longest[:, 1] > 0.06 * y[-1]) & (longest[:, 1] < 0.94 * y[-1])]
            if len(inner):
                at = inner[np.argmin(np.abs(inner[:, 0] - wanted))]
                made.label_x.append(float(at[0]))
                made.label_y.append(float(at[1]))
                made.values.append(float(level))
    return made
