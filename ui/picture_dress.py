"""What stands over and beside each picture goes with what it shows: marks, colour bar, histogram, names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn
from bokeh.models import ColumnDataSource, GlyphRenderer
from bokeh.plotting import figure

from ui.cuts import Held, bars, limits
from ui.look import Look
from ui.map_line import MapLine
from ui.overlay import Overlay
from ui.picture_glyphs import Drawn
from ui.picture_layers import BESIDE
from ui.picture_parts import LimitStrip, PictureControls, PictureHead, StateChips
from ui.picture_side import PictureSide
from ui.pyramid import Pyramid
from ui.stretch import VIEWS, View, number, palette

BESIDE_STYLE = {"flex": "0 1 auto", "width": "auto", "height": "calc(100% - 24px)", "margin": "12px 0 12px 16px"}


def look_columns(look: Look, sequence: int) -> dict[str, list[Any]]:
    """What the browser needs to know of a look; the number tells it that one is asked for again."""
    limits, states = list(look.limits) or None, None if look.states is None else list(look.states)
    asked = {
        "stretch": look.stretch, "colours": look.colours, "invert": look.invert, "limits": limits, "states": states,
    }  # fmt: skip
    return {"look": [asked], "sequence": [sequence]}


class Dressed:
    """The part of a Picture that dresses each picture for what it shows; the picture makes what it names."""

    kinds: tuple[str, ...]
    toolbar: PictureControls
    legend: StateChips
    heads: list[PictureHead]
    strip: LimitStrip
    look_asked: ColumnDataSource
    line: MapLine
    figures: list[figure]
    _drawn: list[Drawn]
    _cells: list[pn.Column]
    _sides: list[PictureSide]
    _pyramids: dict[str, Held]
    _states_shown: bool
    _overlays: list[Overlay]

    @property
    def look(self) -> Look:
        """What is chosen in the toolbar."""
        bar = self.toolbar
        return Look(stretch=bar.stretch, colours=bar.colours, invert=bar.invert, tracks=bar.tails)

    def take_look(self, look: Look) -> None:
        """Draw pictures and tracks in another way: all that a visitor may choose of it is set."""
        with pn.io.hold():
            self.toolbar.param.update(
                stretch=look.stretch, colours=look.colours, invert=look.invert, tails=look.tracks
            )  # fmt: skip
            self.look_asked.data = look_columns(look, self.look_asked.data["sequence"][0] + 1)

    def lay_over(self, add: Callable[[figure], list[GlyphRenderer]]) -> Overlay:
        """Have marks, whose glyphs a function adds to a figure, over each picture of the frame's stars."""
        overlay = Overlay(self.figures, add)
        self._overlays.append(overlay)
        self._dress_all()
        return overlay

    def _dress_all(self) -> None:
        """Dress the visible pictures anew, with the pixels that they have."""
        with pn.io.hold():
            for i, kind in enumerate(self.kinds):
                self._dress(i, self._pyramids.get(kind, (None, None))[1])

    def _shades(self, view: View) -> str:
        """The colours of a picture's bar, in the order in which its values have them."""
        shades = palette(view.colours)
        return "".join(shades[::-1] if self.toolbar.invert else shades).replace("#", "")

    def _dress(self, i: int, pyramid: Pyramid | None) -> None:
        view = VIEWS[self.toolbar.kinds[i]]
        head = self.heads[i]
        # Over a picture without pixels are words, which nothing may cross.
        there = pyramid is not None
        for renderer in self._drawn[i].markers:
            # Of a picture without them the picked star alone is drawn.
            renderer.visible = there and view.marked and self._states_shown
        for overlay in self._overlays:
            overlay.lie_on(i, there and view.marked)
        for renderer in self._drawn[i].map_stars:
            renderer.visible = there and view.is_map
        for renderer in self._drawn[i].in_frame:
            renderer.visible = there and not view.home
        for renderer in self._drawn[i].in_reference:
            renderer.visible = there and view.home
        self.legend.marked = any(VIEWS[kind].marked for kind in self.kinds)
        self.line.set_map(i, there and view.is_map)
        head.choice = self.toolbar.count > 1
        head.visible = self.toolbar.count != BESIDE and (head.choice or not view.sky)
        if i == 0:
            self.strip.visible = self.toolbar.count == 1 and view.sky
            if self.strip.visible and pyramid is not None:
                self.strip.counts = bars(pyramid)
            elif self.toolbar.kinds[0] in self._failed:
                # Another frame's pixels are not this one's.
                self.strip.counts = []
        self._stand_beside(i, pyramid)
        self._drawn[i].contours.draw(pyramid if view.contours else None)
        if view.sky or pyramid is None:
            head.palette = ""
            return
        bottom, top = limits(pyramid, view)
        head.low, head.high = number(bottom, 10 * (top - bottom)), f"{number(top, 10 * (top - bottom))} {view.unit}"
        head.palette = self._shades(view)

    def _stand_beside(self, i: int, pyramid: Pyramid | None) -> None:
        if i >= len(self._sides):
            return
        if self.toolbar.count != BESIDE:
            self._sides[i].hide()
            # A style that is not named any more would stay in the browser.
            if self._cells[i].styles:
                self._cells[i].styles = dict.fromkeys(self._cells[i].styles)
            return
        marked = [k for k, kind in enumerate(self.kinds) if VIEWS[kind].marked]
        shades = self._shades(VIEWS[self.kinds[i]])
        self._sides[i].show(self.kinds[i], pyramid, states=marked[:1] == [i], shades=shades)
        known = pyramid or next((held[1] for held in self._pyramids.values()), None)
        # As wide as the picture, so that no ground is seen and the column stands close to it.
        ratio = 1.5 if known is None else known.shape[1] / known.shape[0]
        styles = {"aspect-ratio": f"{ratio:.4f}", **BESIDE_STYLE}
        if self._cells[i].styles != styles:
            self._cells[i].styles = styles
