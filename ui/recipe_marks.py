"""Marks on the picture of stars that only one of two recipes keeps: told apart by shape, not by colour alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, Scatter
from bokeh.plotting import figure

from ui.colours import GAINED, HALO, MISSED

SIZE = 11
_LOOKS = {
    "gained": {"marker": "triangle", "line_color": GAINED},
    "lost": {"marker": "inverted_triangle", "line_color": MISSED},
}


class RecipeMarks:
    """Triangles around stars gained (on their base) and lost (on their tip).

    Parameters
    ----------
    figures : sequence of figure
        The pictures; marks are made with the first stars to mark.
    """

    def __init__(self, figures: Sequence[figure]) -> None:
        self._figures = figures
        self.sources = {name: ColumnDataSource(data={"x": [], "y": []}, name=f"recipe {name}") for name in _LOOKS}
        self._made = False

    def show(self, gained: np.ndarray, lost: np.ndarray) -> None:
        """Mark stars, each x and y of shape (2, n), pixels."""
        for name, places in (("gained", gained), ("lost", lost)):
            self.sources[name].data = {"x": places[0], "y": places[1]}
        if not self._made:
            self._made = True
            with pn.io.hold(freeze=True):
                for made in self._figures:
                    self._add(made)

    def _add(self, made: figure) -> None:
        for name, look in _LOOKS.items():
            edge = {**look, "line_color": HALO, "line_width": 2.8, "line_alpha": 0.65}
            for one in (edge, {**look, "line_width": 1.2}):
                made.add_glyph(self.sources[name], Scatter(x="x", y="y", size=SIZE, fill_color=None, **one))

    def clear(self) -> None:
        """Take all marks away."""
        if self._made:
            self.show(np.empty((2, 0)), np.empty((2, 0)))
