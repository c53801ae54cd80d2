"""Marks that a part of the page lays over pictures of the frame's stars; made where the first of them are seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import panel as pn
from bokeh.models import GlyphRenderer
from bokeh.plotting import figure


class Overlay:
    """What is drawn over those pictures that show the frame's stars at their places.

    Parameters
    ----------
    figures : sequence of figure
        The pictures.
    add : callable
        Adds the glyphs to one of them, and returns what draws them.
    """

    def __init__(self, figures: Sequence[figure], add: Callable[[figure], list[GlyphRenderer]]) -> None:
        self._figures, self._add = tuple(figures), add
        self._drawn: list[list[GlyphRenderer]] = []
        self._lies_on = [False] * len(self._figures)
        self.shown = False

    def show(self, wanted: bool) -> None:
        """Have it seen, or not."""
        self.shown = wanted
        first = wanted and not self._drawn
        # Bokeh would look for new models after each glyph; and what is told of one outside would overtake the glyph.
        with pn.io.hold(freeze=first):
            if first:
                self._drawn = [self._add(made) for made in self._figures]
            for i in range(len(self._drawn)):
                self._update(i)

    def lie_on(self, picture: int, lies: bool) -> None:
        """Say whether one of the pictures has pixels, and stars at the frame's places."""
        self._lies_on[picture] = lies
        if self._drawn:
            self._update(picture)

    def _update(self, picture: int) -> None:
        for renderer in self._drawn[picture]:
            renderer.visible = self.shown and self._lies_on[picture]
