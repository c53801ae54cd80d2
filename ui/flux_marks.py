"""Marks of the stars that were measured, on the pictures: by reason, each with its own colour and shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from bokeh.models import ColumnDataSource, GlyphRenderer, Scatter
from bokeh.plotting import figure

from ui.colours import COMPLETE, GAINED, HALO, LOST, PARTIAL, REFERENCE, REJECTED, STAR

if TYPE_CHECKING:
    from ui.picture import Picture

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
    picture : Picture
        The pictures that they lie over.
    """

    def __init__(self, picture: Picture) -> None:
        names = ("x", "y", "colour", "marker", "size")
        self.source = ColumnDataSource(data={name: [] for name in names}, name="flux marks")
        self._overlay = picture.lay_over(self._add)

    @property
    def shown(self) -> bool:
        """Whether they are in place of the marks of states."""
        return self._overlay.shown

    def show(self, x: np.ndarray, y: np.ndarray, kinds: np.ndarray) -> None:
        """Draw stars of some kinds."""
        seen = np.isfinite(x) & np.isfinite(y)
        kinds = kinds[seen]
        self.source.data = {
            "x": x[seen],
            "y": y[seen],
            "colour": [LOOKS[kind][0] for kind in kinds],
            "marker": [LOOKS[kind][1] for kind in kinds],
            "size": [_SIZES.get(kind, 12) for kind in kinds],
        }
        self._overlay.show(True)

    def _add(self, made: figure) -> list[GlyphRenderer]:
        look = {"x": "x", "y": "y", "marker": "marker", "size": "size", "fill_color": None}
        glyphs = (
            Scatter(line_color=colour, line_alpha=alpha, line_width=width, **look)
            for colour, alpha, width in ((HALO, 0.7, 3.6), ("colour", 1.0, 1.6))
        )
        return [made.add_glyph(self.source, glyph) for glyph in glyphs]

    def hide(self) -> None:
        """Take the marks away."""
        self._overlay.show(False)
