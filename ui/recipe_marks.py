"""Marks on the picture of stars that only one of two recipes keeps: told apart by shape, not by colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from bokeh.models import ColumnDataSource, GlyphRenderer, Scatter
from bokeh.plotting import figure

from ui.colours import GAINED, HALO, MISSED

if TYPE_CHECKING:
    from ui.picture import Picture

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
    picture : Picture
        The pictures that they lie over, and what they are drawn with.
    """

    def __init__(self, picture: Picture) -> None:
        self._triangles = picture.triangles
        self._overlay = picture.lay_over(self._add)

    def show(self, gained: np.ndarray, lost: np.ndarray) -> None:
        """Mark stars, each x and y of shape (2, n), pixels."""
        self._place(gained, lost)
        self._overlay.show(True)

    def _place(self, gained: np.ndarray, lost: np.ndarray) -> None:
        for name, places in (("gained", gained), ("lost", lost)):
            self._triangles[name].source.data = {"x": places[0], "y": places[1]}

    def _add(self, made: figure) -> list[GlyphRenderer]:
        return [made.add_glyph(one.source, glyph) for one in self._triangles.values() for glyph in one.glyphs]

    def clear(self) -> None:
        """Take all marks away."""
        if self._overlay.shown:
            # Rings are as large as their number and that of the marks allow.
            self._place(np.empty((2, 0)), np.empty((2, 0)))
            self._overlay.show(False)
