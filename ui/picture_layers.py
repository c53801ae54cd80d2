"""What can lie over the pictures in place of the stars, and beside one picture another kind, left of a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn
from bokeh.models import ColumnDataSource

from ui.cuts import Held, cut_columns
from ui.picture_parts import PictureControls, StateChips, Swipe
from ui.pyramid import Moved

# Kinds whose pixels are those of the frame shown, and move with its stars.
OF_ONE_FRAME = ("raw", "calibrated", "mask", "background", "subtracted", "normalized")
# So many pictures have a column beside each.
BESIDE = 2
EMPTY_CUT: dict[str, list[Any]] = {"values": []}


class Layers:
    """The part of a Picture that lays other things over it; the picture makes what it names."""

    kinds: tuple[str, ...]
    panel: pn.Column
    toolbar: PictureControls
    legend: StateChips
    swipe: Swipe
    under: ColumnDataSource
    choose: Callable[..., None]
    _cells: list[pn.Column]
    _pyramids: dict[str, Held]
    _moved: Moved | None
    _states_shown: bool
    _other_legend: pn.pane.HTML | None
    _asked: Callable[[], dict[str, float]]
    _dress_all: Callable[[], None]
    _tell_kinds: Callable[[], None]

    @property
    def swiped(self) -> tuple[str, ...]:
        """The kind that stands left of the swipe's line, where there is one."""
        return (self.swipe.kind,) if self.swipe.kind else ()

    def held(self, kind: str) -> Held | None:
        """The key, the pixels and the name of a kind of picture, where its pixels are there."""
        return self._pyramids.get(kind)

    @property
    def other_legend(self) -> str:
        """The legend of other marks than the stars' states, "" where there is none."""
        shown = self._other_legend is not None and self._other_legend.visible
        return self._other_legend.object if shown else ""

    def show_other_marks(self, legend: str) -> None:
        """Leave the stars to other marks whose legend is this HTML, or, where it is empty, draw their states again.

        They can be picked all the same.
        """
        with pn.io.hold():
            if legend and self._other_legend is None:
                self._other_legend = pn.pane.HTML("", height=32, margin=0, sizing_mode="stretch_width")
                self.panel.insert(2, self._other_legend)
            if self._other_legend is not None:
                self._other_legend.param.update(object=legend, visible=bool(legend))
            if bool(legend) == self._states_shown:
                self._states_shown = not legend
                self.legend.visible = self._states_shown and self.toolbar.count != BESIDE
                self._dress_all()

    def _swipe(self, on: bool) -> None:
        """Lay another kind of picture left of a line, or take it away."""
        if on and self.kinds[0] == "raw":
            self.choose("calibrated")
        self._cells[0].objects = [one for one in self._cells[0].objects if one is not self.swipe]
        if on:
            self._cells[0].append(self.swipe)
        self.swipe.kind = "raw" if on else ""

    def _swiped(self) -> None:
        self._push_under()
        self._tell_kinds()

    def _push_under(self) -> None:
        held = self._pyramids.get(self.swipe.kind) if self.toolbar.count == 1 else None
        if held is not None:
            kind = self.swipe.kind
            self.under.data = cut_columns(held, self._asked(), self._moved if kind in OF_ONE_FRAME else None)
        elif self.under.data["values"]:
            self.under.data = dict(EMPTY_CUT)
