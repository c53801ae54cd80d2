"""Marks of the stars that were measured, on the pictures: by reason, each with its own colour and shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, GlyphRenderer, Scatter
from bokeh.plotting import figure

from ui.colours import COMPLETE, GAINED, HALO, LOST, PARTIAL, REFERENCE, REJECTED, STAR
from ui.stretch import VIEWS

#: Colour and Bokeh's marker of each kind of star (``ui.flux_facts.MARKS``); the last is that of comparison stars.
LOOKS = {
    "measured": (COMPLETE, "circle"),
    "background": (PARTIAL, "circle_dot"),
    "neighbour": (GAINED, "triangle"),
    "saturated": ("#FFFFFF", "star"),
    "masked": (REFERENCE, "hex"),
    "crowded": (LOST, "x"),
    "edge": (STAR, "square"),
    "not measured": (REJECTED, "cross"),
    "compared": (REFERENCE, "diamond"),
}
_SIZES = {"compared": 19, "crowded": 9, "not measured": 9}


class FluxMarks:
    """The marks, in place of those of the stars' states while something wants them.

    Parameters
    ----------
    figures : sequence of figure
        The pictures.
    """

    def __init__(self, figures: Sequence[figure]) -> None:
        self._figures = tuple(figures)
        self._drawn: list[list[GlyphRenderer]] = []
        names = ("x", "y", "colour", "marker", "size")
        self.source = ColumnDataSource(data={name: [] for name in names}, name="flux marks")
        self.shown = False

    def show(self, x: np.ndarray, y: np.ndarray, kinds: np.ndarray) -> None:
        """Draw stars of some kinds; the marks are made where the first are drawn."""
        if not self._drawn:
            with pn.io.hold(freeze=True):
                self._drawn = [self._add(made) for made in self._figures]
        self.shown = True
        seen = np.isfinite(x) & np.isfinite(y)
        kinds = kinds[seen]
        self.source.data = {
            "x": x[seen],
            "y": y[seen],
            "colour": [LOOKS[kind][0] for kind in kinds],
            "marker": [LOOKS[kind][1] for kind in kinds],
            "size": [_SIZES.get(kind, 12) for kind in kinds],
        }

    def _add(self, made: figure) -> list[GlyphRenderer]:
        look = {"x": "x", "y": "y", "marker": "marker", "size": "size", "fill_color": None}
        glyphs = (
            Scatter(line_color=colour, line_alpha=alpha, line_width=width, **look)
            for colour, alpha, width in ((HALO, 0.7, 3.6), ("colour", 1.0, 1.6))
        )
        return [made.add_glyph(self.source, glyph) for glyph in glyphs]

    def lie_on(self, kinds: Sequence[str]) -> None:
        """Draw them on those pictures, of kinds in their order, that show the frame's stars at their places."""
        for kind, drawn in zip(kinds, self._drawn, strict=False):
            for renderer in drawn:
                renderer.visible = self.shown and VIEWS[kind].marked

    def hide(self) -> None:
        """Take the marks away."""
        self.shown = False
        for renderer in (one for drawn in self._drawn for one in drawn):
            renderer.visible = False
