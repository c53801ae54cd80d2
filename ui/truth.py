"""The truth tab of a sample: what was found beside what is known of its sky."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import panel as pn
from bokeh.models import Range1d

from pipeline.truth import Comparison, TrackComparison
from pipeline.truth_map import MapComparison
from ui.part import column
from ui.truth_map import FollowedPlot, MapErrors
from ui.truth_stars import CentroidPlot, SharePlot


class TruthPlots:
    """Completeness and purity, centroid errors, map errors and stars followed, each against the truth.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    on_pick : callable, optional
        Called with the row, in the frame's table, of a star clicked on.
    """

    def __init__(self, theme: str = "dark", on_pick: Callable[[int], None] | None = None) -> None:
        self._brightness = Range1d(0, 3, syncable=False)
        self.shares, self.centroids = SharePlot(self._brightness), CentroidPlot(self._brightness, on_pick)
        self.maps, self.followed = MapErrors(), FollowedPlot()
        self._parts = (self.shares, self.centroids, self.maps, self.followed)
        self.panel = column(
            *(part.panel for part in self._parts),
            sizing_mode="stretch_both", scroll="y-auto", styles={"padding-top": "12px"},
        )  # fmt: skip
        self.theme = theme

    @property
    def theme(self) -> str:
        """Either "dark" or "light"; setting it repaints."""
        return self.shares.theme

    @theme.setter
    def theme(self, theme: str) -> None:
        for part in self._parts:
            part.theme = theme

    def show_stars(self, shown: Comparison | None) -> None:
        """Show a frame's stars against the truth; None empties both plots."""
        with pn.io.hold():
            if shown is not None:
                self._brightness.update(start=float(np.log10(shown.edges[0])), end=float(np.log10(shown.edges[-1])))
            self.shares.update(shown)
            self.centroids.update(shown)

    def show_map(self, shown: MapComparison | None) -> None:
        """Show the errors of a frame's offset maps; None empties the pictures."""
        with pn.io.hold():
            self.maps.update(shown)

    def show_tracks(self, shown: TrackComparison | None, reference: int) -> None:
        """Show how many stars are followed in each frame; None empties the plot."""
        with pn.io.hold():
            self.followed.update(shown, reference)

    def set_picked(self, row: int) -> None:
        """Ring the star of a row of the frame's table; a negative number takes the ring away."""
        self.centroids.set_picked(row)

    def set_frame(self, frame: int) -> None:
        """Put the line on a frame."""
        self.followed.set_frame(frame)
