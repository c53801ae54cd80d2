"""What is drawn on the pictures' stars: markers, tails, the picked star, those that made a map."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, IndexFilter

from pipeline.tables import Reason, Status
from ui.colours import STATES
from ui.marks import SENTENCES
from ui.region import Region
from ui.star_candidate import WHY

MARKERS = ("x", "y", "id", "code", "strength", "sharpness", "roundness1", "roundness2", "reason")
# Columns of whole numbers, and what they hold in a row without a star.
_NO_MARKER = {"id": -1, "code": 255, "reason": 0}
# What is said of a peak that is no star, by the number of its reason.
REASONS = tuple(
    WHY.get(reason, reason.word.capitalize()).removesuffix(": rejected.").removesuffix(".")
    for reason in sorted(Reason, key=int)
)
# What is said of a star that is lost, by the number of its status.
FATES = tuple(({**SENTENCES, Status.HOT: "hot pixel"}.get(one) or one.word).capitalize() for one in sorted(Status))
_TAIL_FRAMES = 3
_SIDES = ("left", "right", "top", "bottom")
_PICKED = ("x", "y", "id", "right", "down", "align")


class Marks:
    """Sources of the markers, which all figures of a picture share.

    Methods that change what is seen must be called with the document's lock.
    """

    def __init__(self) -> None:
        self._tracks: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        self._tails = "tails"
        self.stars = ColumnDataSource(data={name: np.empty(0) for name in MARKERS}, name="picture stars")
        self.filters = [IndexFilter(indices=[], syncable=False, name=f"picture {state}") for state in STATES]
        self.tails = {state: ColumnDataSource(data={"x": [], "y": []}) for state in STATES[:3]}
        self.picked = ColumnDataSource(data={name: [] for name in _PICKED}, name="picture picked")
        self.picked_home = ColumnDataSource(data={name: [] for name in _PICKED}, name="picture picked home")
        self.track = ColumnDataSource(data={"x": [], "y": []}, name="picture track")
        # The browser leaves out what lies within the rings, whose size in image pixels goes with the zoom.
        self.track_drawn = ColumnDataSource(
            data={"x": [], "y": [], "dot": []}, syncable=False, name="picture track drawn"
        )
        self.region = ColumnDataSource(data={name: [] for name in _SIDES}, name="picture region")
        self.region_home = ColumnDataSource(data={name: [] for name in _SIDES}, name="picture region home")
        self.map_stars = {
            name: ColumnDataSource(data={"x": [], "y": []}, name=f"map stars {name}") for name in ("used", "clipped")
        }

    def set_region(self, region: Region | None, home: Region | None = None) -> None:
        """Frame a part of the picture; None takes the frame away. ``home`` is the part in the reference, if another."""
        for source, part in ((self.region, region), (self.region_home, region if home is None else home)):
            box = {} if part is None else dict(zip(_SIDES, part, strict=True))
            if box != {name: values[0] for name, values in source.data.items() if values}:
                source.data = {name: [box[name]] if box else [] for name in _SIDES}

    def set_markers(self, columns: Mapping[str, np.ndarray]) -> None:
        """Mark stars.

        Parameters
        ----------
        columns : mapping of str to ndarray
            ``x``, ``y`` [px], ``id``, ``code`` (place in ``ui.colours.STATES``: 0 complete, 1 partial, 2 lost, 3
            rejected, 4 a star not in the reference), and for the filters ``strength`` [sigma], ``sharpness``,
            ``roundness1``, ``roundness2``; optional ``reason`` (a Reason: a rejected row whose reason is a threshold,
            sharpness or roundness comes back when the knob lets it).
        """
        # Never fewer rows than before: the browser's filters still name those when the new ones arrive.
        rows = max(len(columns["x"]), len(self.stars.data["x"]))
        data = {}
        for name in MARKERS:
            given = columns.get(name, ())
            # No cut of a knob reaches NaN, so that such a row is never counted as rejected.
            data[name] = np.full(rows, _NO_MARKER.get(name, np.nan), np.int32 if name in _NO_MARKER else np.float32)
            data[name][: len(given)] = given
        self.stars.data = data

    def set_tracks(self, xs: np.ndarray, ys: np.ndarray, codes: np.ndarray) -> None:
        """Draw where the stars came from.

        Parameters
        ----------
        xs, ys : ndarray, shape (stars, frames)
            Positions frame by frame, the last at the frame shown [px]; NaN where a star was not measured.
        codes : ndarray of int, shape (stars,)
            0 complete, 1 partial, 2 lost.
        """
        self._tracks = (np.asarray(xs, np.float32), np.asarray(ys, np.float32), np.asarray(codes))
        self._draw_tails()

    def set_picked(
        self,
        star: int | None,
        x: float = 0.0,
        y: float = 0.0,
        track: np.ndarray | None = None,
        home: tuple[float, float] | None = None,
    ) -> None:
        """Ring one star, with its whole track (shape (frames, 2)); None takes the rings away.

        A negative number rings what has none. ``home`` is its place in the reference, where that is another.
        """
        with pn.io.hold():
            if star is None and not any(len(one.data["x"]) for one in (self.picked, self.picked_home, self.track)):
                return
            if star is None:
                self.picked.data = self.picked_home.data = {name: [] for name in _PICKED}
                self.track.data = {"x": [], "y": []}
                return
            here = bool(np.isfinite(x) and np.isfinite(y))
            path = np.empty((0, 2)) if track is None else np.asarray(track, float)
            right, down, align = _beside(path)
            row = {"x": x, "y": y, "id": str(star) if star >= 0 else "", "right": right, "down": down, "align": align}
            self.picked.data = {name: [value] if here else [] for name, value in row.items()}
            if home is not None:
                # No track goes with it there.
                right, down, align = _beside(np.empty((0, 2)))
                row |= {"x": home[0], "y": home[1], "right": right, "down": down, "align": align}
            known = bool(np.isfinite(row["x"]) and np.isfinite(row["y"]))
            self.picked_home.data = {name: [value] if known else [] for name, value in row.items()}
            self.track.data = {"x": path[:, 0], "y": path[:, 1]}

    def set_map_stars(self, used: np.ndarray, clipped: np.ndarray) -> None:
        """Mark the stars that made the offset map and those that it leaves out, each x and y of shape (2, n) [px]."""
        for name, places in (("used", used), ("clipped", clipped)):
            self.map_stars[name].data = {"x": places[0], "y": places[1]}

    def show_tails(self, mode: str) -> None:
        """Draw "tails" of three frames, "all" of each track, or "off" for none."""
        self._tails = mode
        self._draw_tails()

    def _draw_tails(self) -> None:
        mode = self._tails
        with pn.io.hold():
            for code, source in enumerate(self.tails.values()):
                lines = np.empty((0, 2), np.float32)
                if self._tracks is not None and mode != "off":
                    x, y, codes = self._tracks
                    first = max(0, x.shape[1] - 1 - _TAIL_FRAMES) if mode == "tails" else 0
                    # One line with gaps is drawn ten times as fast as one line a star.
                    paths = np.full((np.count_nonzero(codes == code), x.shape[1] - first + 1, 2), np.nan, np.float32)
                    paths[:, :-1, 0], paths[:, :-1, 1] = x[codes == code, first:], y[codes == code, first:]
                    lines = paths.reshape(-1, 2)
                source.data = {"x": lines[:, 0].copy(), "y": lines[:, 1].copy()}


def _beside(path: np.ndarray) -> tuple[int, int, str]:
    """Where a picked star's number stands, pixels of the screen from its rings, so that its track does not cross it."""
    known = path[np.isfinite(path).all(axis=1)]
    across, down = np.ptp(known, axis=0) if len(known) else (0, 0)
    return (0, -22, "center") if across > down else (16, 0, "left")
