"""Marks on the picture of stars that only one of two recipes keeps: told apart by shape, not by colour alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, GlyphRenderer, Scatter
from bokeh.plotting import figure

from ui.colours import GAINED, HALO, MISSED
from ui.stretch import VIEWS

SIZE = 11
_LOOKS = {
    "gained": {"marker": "triangle", "line_color": GAINED},
    "lost": {"marker": "inverted_triangle", "line_color": MISSED},
}


class RecipeMarks:
    """Triangles around stars gained (on their base) and lost (on their tip), where stars are marked at all.

    Parameters
    ----------
    figures : sequence of figure
        The pictures; marks are made with the first stars to mark.
    """

    def __init__(self, figures: Sequence[figure]) -> None:
        self._figures = figures
        self.sources = {name: ColumnDataSource(data={"x": [], "y": []}, name=f"recipe {name}") for name in _LOOKS}
        self._made = False
        self._drawn: list[list[GlyphRenderer]] = []

    def show(self, gained: np.ndarray, lost: np.ndarray) -> None:
        """Mark stars, each x and y of shape (2, n), pixels."""
        for name, places in (("gained", gained), ("lost", lost)):
            self.sources[name].data = {"x": places[0], "y": places[1]}
        if not self._made:
            self._made = True
            with pn.io.hold(freeze=True):
                self._drawn = [self._add(made) for made in self._figures]

    def _add(self, made: figure) -> list[GlyphRenderer]:
        drawn = []
        for name, look in _LOOKS.items():
            edge = {**look, "line_color": HALO, "line_width": 2.8, "line_alpha": 0.65}
            for one in (edge, {**look, "line_width": 1.2}):
                triangle = Scatter(x="x", y="y", size=SIZE, fill_color=None, **one)
                drawn.append(made.add_glyph(self.sources[name], triangle))
        return drawn

    def lie_on(self, kinds: Sequence[str]) -> None:
        """Leave out the pictures, of kinds in their order, on which no stars are marked: a map shall be read."""
        for kind, drawn in zip(kinds, self._drawn, strict=False):
            for renderer in drawn:
                renderer.visible = VIEWS[kind].marked

    def clear(self) -> None:
        """Take all marks away."""
        if self._made:
            self.show(np.empty((2, 0)), np.empty((2, 0)))
