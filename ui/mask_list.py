"""In the mask's stage: tools that draw on the picture, and the list of shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import param

from ui.part import Part, text

_STYLE = """
:host { margin-top: 8px; }
.mask-list { flex-direction: column; align-items: stretch; background: none; gap: 8px; font-size: 13px; }
.mask-list .group button { flex: 1 1 0; gap: 5px; padding: 0 4px; font-size: 12px; }
.mask-list .group svg { width: 15px; height: 15px; }
.mask-hint { margin: 0; color: var(--second); font-size: 12px; line-height: 16px; }
.mask-shape { display: flex; align-items: center; }
.mask-shape .name { flex: 1 1 0; min-width: 0; justify-content: flex-start; overflow: hidden; }
.mask-shape .name span { text-align: left; white-space: pre;
  font-size: 12px; line-height: 14px; }
.mask-shape .angle { width: 52px; height: 28px; padding: 0 4px; border: 1px solid var(--strong); border-radius: 4px;
  background: var(--field); color: var(--text); text-align: right; }
.mask-shape .angle:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.mask-shape .degrees { width: 8px; color: var(--second); }
.mask-shape button { color: var(--second); }
.mask-shape button[aria-pressed="true"] { color: var(--text); }
"""


class MaskList(Part):
    """The tools and the shapes."""

    shapes = param.List([])
    why = param.String("", doc='Why nothing can be drawn now; "" where it can.')

    _esm = text("mask_list.js")

    def __init__(self, **params: Any) -> None:
        super().__init__(stylesheets=[_STYLE], sizing_mode="stretch_width", **params)

    def show(self, shapes: Sequence[Mapping[str, Any]]) -> None:
        """List the shapes of a recipe."""
        rows = [{"kind": one["shape"], "words": words(one), "theta": one.get("theta")} for one in shapes]
        if rows != self.shapes:
            self.shapes = rows


def words(shape: Mapping[str, Any]) -> str:
    """A shape's size and place: "120 × 40 px at 300, 200"."""
    kind = shape["shape"]
    if kind == "rectangle":
        size = shape["x1"] - shape["x0"], shape["y1"] - shape["y0"]
        place = shape["x0"] + size[0] / 2, shape["y0"] + size[1] / 2
    elif kind == "ellipse":
        size, place = (2 * shape["a"], 2 * shape["b"]), (shape["x"], shape["y"])
    else:
        x, y = zip(*shape["points"], strict=True)
        size, place = (max(x) - min(x), max(y) - min(y)), ((max(x) + min(x)) / 2, (max(y) + min(y)) / 2)
    return f"{size[0]:.0f} × {size[1]:.0f}\u2009px at {place[0]:.0f}, {place[1]:.0f}".replace("-", "\u2212")
