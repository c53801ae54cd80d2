"""The mask on the pictures: shapes that are drawn, moved and taken away by hand, and what was found by itself."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, CustomJS, GlyphRenderer, Line, MultiPolygons, Patches, Range1d, Scatter
from bokeh.plotting import figure

from ui.colours import HALO
from ui.part import text

_INK = "#FFFFFF"
Outlines = tuple[list[list[list[np.ndarray]]], list[list[list[np.ndarray]]]]
#: Rows and columns that one point of an outline stands for: what is masked by itself is made of blocks of so many.
_STEP = 4


class MaskLayer:
    """Hatched shapes over some figures.

    Parameters
    ----------
    figures : sequence of figure
        The pictures.
    x_range : Range1d
        Their common range.
    channel : str
        Where the list of shapes is heard.
    on_change : callable
        Called with the shapes, as the knob ``mask.shapes`` takes them, after one is drawn, moved or taken away.
    """

    def __init__(
        self, figures: Sequence[figure], x_range: Range1d, channel: str, on_change: Callable[[list[Any]], None]
    ) -> None:
        self._figures, self._on_change = tuple(figures), on_change
        self._renderers: list[GlyphRenderer] = []
        self._found: Outlines | None = None
        self.held = ColumnDataSource(data={"shapes": ["[]"], "on": [False]}, name="mask held")
        self.said = ColumnDataSource(data={"shapes": [], "count": []}, name="mask said")
        local = {"syncable": False}
        self.drawn = ColumnDataSource(data={"xs": [], "ys": [], "wide": []}, name="mask drawn", **local)
        self.outline = ColumnDataSource(data={"x": [], "y": []}, name="mask outline", **local)
        self.corners = ColumnDataSource(data={"x": [], "y": []}, name="mask corners", **local)
        self.found = ColumnDataSource(data={"xs": [], "ys": []}, name="mask found")
        self._link(x_range, channel)
        self.said.on_change("data", lambda attribute, old, new: self._changed())

    def _link(self, x_range: Range1d, channel: str) -> None:
        names = ("held", "said", "drawn", "outline", "corners")
        args = {name: getattr(self, name) for name in names} | {"x_range": x_range, "channel": channel}
        callback = CustomJS(args=args, code=text("mask_layer.js"))
        self.held.js_on_change("data", callback)
        for made in self._figures:
            made.js_on_event("mousemove", callback)

    def _draw(self) -> None:
        """Make the glyphs, where there is first something to draw or somebody may draw."""
        hatch = {
            "fill_color": _INK, "fill_alpha": 0.08, "hatch_pattern": "right_diagonal_line", "hatch_scale": 14,
            "hatch_weight": 1, "hatch_color": _INK, "hatch_alpha": 0.35,
        }  # fmt: skip
        for made in self._figures:
            add = made.add_glyph
            dots = Scatter(x="x", y="y", size=8, fill_color=_INK, line_color=HALO)
            self._renderers += [
                add(self.found, MultiPolygons(xs="xs", ys="ys", line_color=_INK, line_dash=[5, 3], **hatch)),
                add(self.drawn, Patches(xs="xs", ys="ys", fill_color=None, line_color=HALO, line_width=3.6)),
                add(self.drawn, Patches(xs="xs", ys="ys", line_color=_INK, line_width="wide", **hatch)),
                add(self.outline, Line(x="x", y="y", line_color=HALO, line_width=3.6)),
                add(self.outline, Line(x="x", y="y", line_color=_INK, line_width=1.4)),
                add(self.corners, dots),
            ]

    def show(self, shapes: Sequence[Mapping[str, Any]], *, drawing: bool) -> None:
        """Draw the shapes of a recipe, and let them be changed by hand or not."""
        first = not self._renderers and bool(shapes or drawing)
        data = {"shapes": [json.dumps(list(shapes))], "on": [drawing]}
        with pn.io.hold(freeze=first):
            if first:
                self._draw()
            if data != self.held.data:
                self.held.data = data

    def show_found(self, found: Outlines | None) -> None:
        """Draw areas that are masked by themselves; None takes them away."""
        if found is self._found:
            return
        self._found = found
        if found is not None and not self._renderers:
            with pn.io.hold(freeze=True):
                self._draw()
        self.found.data = dict(zip(("xs", "ys"), found or ([], []), strict=True))

    def _changed(self) -> None:
        self._on_change(json.loads(self.said.data["shapes"][0]))


def outlines(image: np.ndarray, step: int = _STEP) -> Outlines:
    """Masked pixels as areas with holes.

    Parameters
    ----------
    image : ndarray of bool, shape (ny, nx)
        True where a pixel is masked.
    step : int
        Rows and columns that one point of an outline stands for.

    Returns
    -------
    xs, ys : list
        For each area one polygon of an outer ring and the rings of its holes, pixels, as Bokeh's MultiPolygons wants.
    """
    import contourpy

    blocks = np.pad(image[::step, ::step].astype(np.float32), 1)
    x, y = (np.arange(-1, size - 1) * step + (step - 1) / 2 for size in blocks.shape[::-1])
    made = contourpy.contour_generator(x, y, blocks, fill_type="OuterOffset").filled(0.5, 2.0)
    xs, ys = [], []
    for points, offsets in zip(*made, strict=True):
        rings = [points[first:last] for first, last in itertools.pairwise(offsets)]
        xs.append([[ring[:, 0] for ring in rings]])
        ys.append([[ring[:, 1] for ring in rings]])
    return xs, ys
