"""The tab of tracks: plots against frame or arrows over the field, and the card of the star picked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import panel as pn

from pipeline.tables import Tracks
from ui.part import column
from ui.scene import Scene
from ui.session import Session
from ui.tab import sentence
from ui.themed import Themed

if TYPE_CHECKING:
    from ui.field_plot import FieldPlot
    from ui.plots import TrackPlots
    from ui.region import Region

ImageOf = Callable[[int], np.ndarray | None]
VIEWS = {"frames": "Against frame", "offset": "Offset arrows", "residual": "Residual arrows"}
_ONLY = "Only one frame is used. The tab Frames says why the others are not."
_EMPTY = "No star of the reference lies in the region: drag a larger one, or show all stars."
_NO_FRAME = "No frame is used. The tab Frames says why for each."
_ALONE = "This is one frame alone. Stars are followed from frame to frame: open a sequence to see how they move."


class TracksTab(Themed):
    """Plots against frame, and the card of the star picked.

    Parameters
    ----------
    session : Session
        Told of frames that the line is dragged to.
    theme : str
        "dark" or "light".
    image_of : callable
        A frame's normalized image where it is at hand.
    """

    def __init__(self, session: Session, theme: str, image_of: ImageOf) -> None:
        self._session, self._theme, self._image_of = session, theme, image_of
        self._drawn: Tracks | None = None
        self._shown: tuple[Tracks | None, Region | None] = (None, None)
        # Whether a region is dragged that no star lies in: plots of nothing have no range.
        self._empty = False
        self._plots: TrackPlots | None = None
        self._field: FieldPlot | None = None
        self.panel = column(sizing_mode="stretch_both", scroll="y-auto")

    def _make(self) -> None:
        """The plots, made with the first tracks: the shell need not wait for them."""
        from ui.choice import Choice
        from ui.picked_card import PickedCard
        from ui.plots import TrackPlots

        self._alone = pn.pane.HTML(margin=16, sizing_mode="stretch_width")
        self._plots = TrackPlots(self._theme, on_frame=lambda frame: self._session.change(frame=frame))
        self._card = PickedCard(self._session, self._theme, self._image_of)
        self._choice = Choice(
            label="Tracks are drawn", options=VIEWS, value=self._session.arrows, theme=self._theme, height=32,
            margin=(8, 16, 0, 16), sizing_mode="stretch_width",
        )  # fmt: skip
        self._choice.param.watch(lambda event: self._choose(event.new), "value")

    def _choose(self, what: str) -> None:
        self._session.change(arrows=what)
        self._draw_field()

    def _paint(self) -> None:
        if self._plots is not None:
            self._plots.theme = self._card.theme = self._choice.theme = self._theme
            self._write_alone()
        if self._field is not None:
            self._field.theme = self._theme

    def _write_alone(self) -> None:
        """Say why there is nothing to plot, where one frame alone is used or none."""
        words = _ALONE
        if self._drawn is not None and len(self._drawn.used) > 1:
            words = _ONLY if self._drawn.used.any() else _NO_FRAME
        if self._empty:
            words = _EMPTY
        self._alone.object = sentence(words, self._theme)

    def show(self, scene: Scene) -> None:
        """Show tracks, frame and star."""
        from ui import series
        from ui.marks import why_lost
        from ui.region import stars_inside

        tracks, frame, star = scene["tracks"], self._session.frame, self._session.picked
        if tracks is None:
            return
        first = self._plots is None
        if first:
            self._make()
        drawn = (tracks, self._session.region)
        inside = stars_inside(drawn[1], tracks)
        self._empty = drawn[1] is not None and not inside.any()
        if drawn != self._shown:
            self._drawn, self._shown = tracks, drawn
            if not self._empty:
                self._plots.update(series.frame_series(*drawn))
        self._plots.set_frame(frame)
        known = frame < len(tracks.used)
        self._plots.say_lost(why_lost(tracks, frame, inside) if known else "")
        if first:
            self.panel.extend([self._alone, self._choice, self._plots.panel, self._card.panel])
        self._draw_field()
        if star is None or star >= tracks.x.shape[1] or not known:
            self._plots.set_picked(None)
        else:
            self._plots.set_picked(star, *series.star_series(tracks, star))
        self._card.show(scene)

    def _draw_field(self) -> None:
        """Draw arrows over the field in place of the plots against frame, where they are asked for."""
        from ui.field_plot import FieldPlot

        what = self._choice.value = self._session.arrows
        if what != "frames" and not self._empty:
            first = self._field is None
            if first:
                self._field = FieldPlot(self._theme, lambda star: self._session.change(picked=star))
            self._field.set_picked(self._session.picked)
            self._field.update(self._drawn, self._session.frame, what, self._session.region)
            if first:
                self.panel.insert(3, self._field.panel)
        several = int(self._drawn.used.sum()) > 1 and not self._empty
        self._write_alone()
        self._alone.visible = not several
        self._choice.visible = several
        self._plots.panel.visible = several and what == "frames"
        if self._field is not None:
            self._field.panel.visible = several and what != "frames"
