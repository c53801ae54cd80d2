"""Where the stars went, as arrows over the field: their offsets, or what the transform leaves of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import panel as pn

from pipeline.tables import Tracks
from ui.arrows import ArrowPlot, arrow_sign
from ui.colours import PALETTES
from ui.map_facts import rms
from ui.part import column
from ui.plot_titles import title_line
from ui.region import Region, stars_inside
from ui.series import residuals
from ui.stretch import number

_LARGEST = 388, 400
_ROUNDED = 1e-9


class FieldPlot:
    """Arrows at every star of the frame shown.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    on_pick : callable
        Called with the ``id`` of a star clicked on.
    """

    def __init__(self, theme: str, on_pick: Callable[[int], None]) -> None:
        self._tracks: Tracks | None = None
        self._frame = 0
        self._region: Region | None = None
        self._what, self._note = "offset", ""
        self.plot = ArrowPlot("field", *_LARGEST, theme, on_pick)
        self._title = pn.pane.HTML(margin=(12, 16, 8, 16), sizing_mode="stretch_width", height=20)
        self._key = pn.pane.HTML(margin=(8, 16), sizing_mode="stretch_width", height=20)
        arrows = pn.Row(self.plot.panel, margin=(0, 16))
        self.panel = column(self._title, arrows, self._key, sizing_mode="stretch_width")

    @property
    def theme(self) -> str:
        """Either "dark" or "light"; setting it repaints."""
        return self.plot.theme

    @theme.setter
    def theme(self, theme: str) -> None:
        self.plot.theme = theme
        self._write()

    def update(self, tracks: Tracks, frame: int, what: str, region: Region | None = None) -> None:
        """Draw what a frame's stars did, those of a region alone where one is given: "offset" or "residual"."""
        if tracks is not self._tracks or (frame, what, region) != (self._frame, self._what, self._region):
            self._tracks, self._frame, self._what, self._region = tracks, frame, what, region
            self._draw()

    def set_picked(self, star: int | None) -> None:
        """Ring one star; None takes the ring away."""
        self.plot.set_picked(star)

    def _draw(self) -> None:
        tracks, frame = self._tracks, self._frame
        if tracks is None or frame >= len(tracks.x):
            return
        offset = tracks.x_offset[frame], tracks.y_offset[frame]
        moves = np.stack(offset if self._what == "offset" else residuals(tracks, frame))
        # The reference's own transform leaves what arithmetic rounds off.
        moves[np.abs(moves) < _ROUNDED] = 0.0
        ids = np.flatnonzero(np.isfinite(moves).all(axis=0) & stars_inside(self._region, tracks))
        with pn.io.hold():
            self.plot.update(ids, np.stack([tracks.x[frame, ids], tracks.y[frame, ids]]), moves[:, ids], tracks.shape)
            across, down = (number(rms(moves[axis, ids])) for axis in (0, 1))
            self._note = f"{len(ids)} stars, rms {across}, {down}\u2009px" if len(ids) else "No star is measured here."
            self._write()

    def _write(self) -> None:
        colours = PALETTES[self.theme]
        words = {"offset": "from the reference", "residual": "after the transform"}[self._what]
        times = self.plot.times
        scale = "all zero" if not times else "true size" if times == 1 else f"{times:,.10g} times"
        name = self._what.capitalize()
        self._title.object = title_line(f"{name} {words}", f"over the field, {scale}", "", colours)
        value, length = self.plot.scale
        arrow = (
            f'<span style="display:flex;align-items:center;gap:8px">{arrow_sign(length, colours)}'
            f"{value:g}\u2009px</span>"
        )
        self._key.object = (
            f'<div style="display:flex;gap:24px;font:12px/20px Roboto,sans-serif;color:{colours.second}">'
            f"{arrow if value else ''}<span>{self._note}</span></div>"
        )
