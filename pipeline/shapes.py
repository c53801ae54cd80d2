"""Shapes drawn on a picture: their canonical form, and the pixels that they cover."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

RULE = (
    '{shape = "rectangle", x0, y0, x1, y1}, {shape = "ellipse", x, y, a, b, theta} '
    'or {shape = "polygon", points = [[x, y], ...]}'
)
_FIELDS = {"rectangle": ("x0", "y0", "x1", "y1"), "ellipse": ("x", "y", "a", "b", "theta")}
#: Nothing lies farther out, pixels: no frame is as large.
FARTHEST = 1_000_000


def checked(shape: Any) -> dict[str, Any]:
    """A shape in its one canonical form.

    Parameters
    ----------
    shape : dict
        ``shape`` and its numbers, in pixels: of a rectangle x0, y0, x1, y1 with x1 and y1 exclusive; of an ellipse its
        centre x, y, half axes a, b and theta, degrees from x toward y (0 when left out); of a polygon three or more
        points, which may be named in either direction.

    Raises
    ------
    TypeError, ValueError
        Where it is none of these.
    """
    if not isinstance(shape, Mapping):
        raise TypeError
    kind = shape.get("shape")
    if kind == "polygon":
        points = tuple((_number(x), _number(y)) for x, y in shape["points"]) if "points" in shape else ()
        if len(points) < 3 or set(shape) != {"shape", "points"}:
            raise ValueError
        return {"shape": kind, "points": points}
    if kind not in _FIELDS or not set(shape) - {"shape"} <= set(_FIELDS[kind]):
        raise ValueError
    given = {"theta": 0.0, **shape} if kind == "ellipse" else shape
    if any(name not in given for name in _FIELDS[kind]):
        raise ValueError
    values = {name: _number(given[name]) for name in _FIELDS[kind]}
    sizes = (values["x1"] - values["x0"], values["y1"] - values["y0"]) if kind == "rectangle" else (
        values["a"], values["b"])  # fmt: skip
    if min(sizes) <= 0:
        raise ValueError
    return {"shape": kind, **values}


def _number(value: Any) -> float:
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise TypeError
    number = float(value)
    if not math.isfinite(number) or abs(number) > FARTHEST:
        raise ValueError
    return number + 0.0


def covered(shapes: Sequence[Mapping[str, Any]], size: tuple[int, int]) -> np.ndarray:
    """The pixels whose centres lie in any of some shapes.

    Parameters
    ----------
    shapes : list of dict
        In canonical form.
    size : tuple of int
        Rows and columns.

    Returns
    -------
    ndarray of bool, shape (ny, nx)
        Parts of shapes outside the frame cover nothing.
    """
    mask = np.zeros(size, bool)
    for shape in shapes:
        {"rectangle": _rectangle, "ellipse": _ellipse, "polygon": _polygon}[shape["shape"]](mask, shape)
    return mask


def _span(low: float, high: float, size: int) -> slice:
    """Pixels from low to high, ends included."""
    return slice(max(0, math.ceil(low)), max(0, min(size, math.floor(high) + 1)))


def _rectangle(mask: np.ndarray, shape: Mapping[str, Any]) -> None:
    rows, columns = (slice(max(0, math.ceil(shape[a])), max(0, math.ceil(shape[b]))) for a, b in
                     (("y0", "y1"), ("x0", "x1")))  # fmt: skip
    mask[rows, columns] = True


def _ellipse(mask: np.ndarray, shape: Mapping[str, Any]) -> None:
    turn, reach = math.radians(shape["theta"]), max(shape["a"], shape["b"])
    rows = _span(shape["y"] - reach, shape["y"] + reach, mask.shape[0])
    columns = _span(shape["x"] - reach, shape["x"] + reach, mask.shape[1])
    y, x = np.ogrid[rows, columns]
    x, y = x - shape["x"], y - shape["y"]
    along, across = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
    mask[rows, columns] |= (along / shape["a"]) ** 2 + (across / shape["b"]) ** 2 <= 1


def _polygon(mask: np.ndarray, shape: Mapping[str, Any]) -> None:
    """Even-odd rule, row by row: between the first and second crossing of the outline, the third and fourth, ..."""
    x, y = np.array(shape["points"]).T
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    span = _span(y.min(), y.max(), mask.shape[0])
    for row in range(span.start, span.stop):
        crosses = (y <= row) != (next_y <= row)
        at = np.sort(x[crosses] + (row - y[crosses]) * (next_x - x)[crosses] / (next_y - y)[crosses])
        for start, stop in zip(at[::2], at[1::2], strict=True):
            mask[row, _span(start, stop, mask.shape[1])] = True
