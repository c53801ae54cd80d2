"""Marks on the picture of stars that only one of two recipes keeps: told apart by shape, not by colour alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, GlyphRenderer, Scatter
from bokeh.plotting import figure

from ui.colours import GAINED, HALO, MISSED
from ui.stretch import VIEWS

# Pixels by which they are larger than a ring.
EXTRA = 1
_LOOKS = {
    "gained": {"marker": "triangle", "line_color": GAINED},
    "lost": {"marker": "inverted_triangle", "line_color": MISSED},
}


@dataclass(frozen=True)
class Triangles:
    """Places of stars, and the glyphs that mark them: halo and line."""

    source: ColumnDataSource
    glyphs: tuple[Scatter, Scatter]


def triangles(ring: int) -> dict[str, Triangles]:
    """What the marks are drawn with; in the browser their size and lines go with those of rings."""
    made = {}
    for name, look in _LOOKS.items():
        edge = {**look, "line_color": HALO, "line_width": 2.8, "line_alpha": 0.65}
        halo, line = (
            Scatter(x="x", y="y", size=ring + EXTRA, fill_color=None, syncable=False, **one)
            for one in (edge, {**look, "line_width": 1.2})
        )
        source = ColumnDataSource(data={"x": [], "y": []}, name=f"recipe {name}")
        made[name] = Triangles(source, (halo, line))
    return made


class RecipeMarks:
    """Triangles around stars gained (on their base) and lost (on their tip), where stars are marked at all.

    Parameters
    ----------
    figures : sequence of figure
        The pictures; marks are made with the first stars to mark.
    triangles : dict of str to Triangles
        What they are drawn with, as :func:`triangles` makes it.
    """

    def __init__(self, figures: Sequence[figure], triangles: Mapping[str, Triangles]) -> None:
        self._figures, self._triangles = figures, triangles
        self._made = False
        self._drawn: list[list[GlyphRenderer]] = []

    def show(self, gained: np.ndarray, lost: np.ndarray) -> None:
        """Mark stars, each x and y of shape (2, n), pixels."""
        for name, places in (("gained", gained), ("lost", lost)):
            self._triangles[name].source.data = {"x": places[0], "y": places[1]}
        if not self._made:
            self._made = True
            with pn.io.hold(freeze=True):
                self._drawn = [self._add(made) for made in self._figures]

    def _add(self, made: figure) -> list[GlyphRenderer]:
        return [made.add_glyph(one.source, glyph) for one in self._triangles.values() for glyph in one.glyphs]

    def lie_on(self, kinds: Sequence[str]) -> None:
        """Leave out the pictures, of kinds in their order, on which no stars are marked: a map shall be read."""
        for kind, drawn in zip(kinds, self._drawn, strict=False):
            for renderer in drawn:
                renderer.visible = VIEWS[kind].marked

    def clear(self) -> None:
        """Take all marks away."""
        if self._made:
            self.show(np.empty((2, 0)), np.empty((2, 0)))
