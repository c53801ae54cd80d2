"""The truth tab: which data have a truth, and the comparisons with it, made in the worker as results arrive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import panel as pn

from pipeline.frame import FrameInfo
from pipeline.graph.request import Night
from pipeline.truth import TRUTH_FILE, Truth, compare_stars, compare_tracks, frame_number, truth_beside
from pipeline.truth_map import compare_map
from ui.marks import belongs, places
from ui.open_dialog import below
from ui.region import Region
from ui.scene import Scene, same
from ui.session import Session
from ui.side import COMPARED
from ui.star_candidate import candidate_place, pick_in_frame
from ui.star_facts import row_near
from ui.themed import Themed
from ui.truth_region import stars_in, tracks_in, truth_in

if TYPE_CHECKING:
    from ui.truth import TruthPlots

REFERENCE = "This is the reference: its offsets are zero. Step to another frame."
UNUSED = "This frame is not used, so it has no map. Step to another frame."


def truth_of(night: Night, root: Path) -> Truth | None:
    """The truth of the files that are open.

    Parameters
    ----------
    night : Night
        What is open.
    root : Path
        The truth must lie below this folder, links followed.

    Returns
    -------
    Truth or None
        None unless one lies beside the lights and all of them are of its sample.

    Raises
    ------
    FrameError
        Where there is a truth.npz that no sample has written.
    """
    read = [file for file in night.files if isinstance(file, FrameInfo)]
    lights = [file for file in read if file.kind not in ("bias", "dark", "flat")]
    folders = {Path(light.path).parent for light in lights}
    if len(folders) != 1 or not below(root, Path(*folders) / TRUTH_FILE):
        return None
    truth = truth_beside(Path(*folders))
    if truth is None or any(light.shape != truth.shape or frame_number(light.file, truth) is None for light in lights):
        return None
    return truth


class TruthTab(Themed):
    """Results beside the truth.

    Parameters
    ----------
    session : Session
        Whose truth and recipe count.
    theme : str
        "dark" or "light".
    """

    def __init__(self, session: Session, theme: str) -> None:
        self._session, self._theme = session, theme
        self._made: dict[str, tuple[tuple[Any, ...], Any]] = {}
        self._drawn: dict[str, Any] = {}
        # What the frame's table lists, which stays until the next frame's stars are there.
        self._listed = Scene()
        self._cut: tuple[tuple[Any, ...], Truth] | None = None
        self._plots: TruthPlots | None = None
        self.panel = pn.Column(sizing_mode="stretch_both", margin=0)

    def _paint(self) -> None:
        if self._plots is not None:
            self._plots.theme = self._theme

    def prepare(self, scene: Scene, stage: str) -> None:
        """Compare a new result with the truth; called in the worker, and takes milliseconds."""
        truth, sequence = self._session.truth, scene["frames"]
        if truth is None or sequence is None or stage not in COMPARED:
            return
        numbers = [frame_number(info.file, truth) for info in sequence.frames]
        if None in numbers or sequence.shape != truth.shape:
            return
        number, reference = numbers[scene.frame], numbers[sequence.reference]
        stars, tracks, maps = (scene[name] for name in COMPARED)
        if stage == "offset_map":
            self._compare(stage, (maps,), lambda: compare_map(truth, number, maps, reference))
            return
        # The knob that says which centroid counts is the tracks' own.
        centroid, region = self._session.recipe["tracks"]["centroid"], self._session.region
        sky = self._sky(truth, reference, region)
        self._compare(
            "stars",
            (stars, centroid, region),
            lambda: compare_stars(sky, number, stars_in(region, stars, tracks, scene.frame), centroid),
        )
        if stage == "tracks":
            self._compare(stage, (tracks, region), lambda: compare_tracks(sky, tracks_in(region, tracks), numbers))

    def _sky(self, truth: Truth, reference: int, region: Region | None) -> Truth:
        """The true sky of a region, kept because what can be found of it is."""
        made_of = (truth, reference, region)
        if self._cut is None or not same(made_of, self._cut[0]):
            self._cut = made_of, truth_in(region, truth, reference)
        return self._cut[1]

    def _compare(self, name: str, made_of: tuple[Any, ...], compare: Callable[[], Any]) -> None:
        before = self._made.get(name, ((), None))[0]
        if made_of[0] is not None and not same(before, made_of):
            self._made[name] = (made_of, compare())

    def show(self, scene: Scene) -> None:
        """Show what is prepared; what is not yet keeps its place."""
        if self._plots is None:
            from ui.truth import TruthPlots

            self._plots = TruthPlots(self._theme, self._pick_row)
            self.panel.append(self._plots.panel)
        sequence = scene["frames"]
        if sequence is None:
            return
        for name in ("stars", "tracks"):
            made_of = self._made.get(name, ((),))[0]
            if made_of and made_of[0] is scene[name] and made_of[-1] is not self._session.region:
                # Another region needs no new result.
                self.prepare(scene, name)
        is_reference = scene.frame == sequence.reference
        self._plots.maps.say(
            REFERENCE if is_reference else UNUSED if scene.unused else "", regional=self._session.region is not None
        )
        shows = {
            "stars": self._plots.show_stars,
            "tracks": lambda shown: self._plots.show_tracks(shown, sequence.reference),
            "offset_map": self._plots.show_map,
        }
        for name, show in shows.items():
            made_of, shown = self._made.get(name, ((None,), None))
            # A result that failed is there and None; one that is being made is not there.
            if name not in scene.results or made_of[0] is not scene[name] is not None:
                continue
            shown = None if scene[name] is None or (name == "offset_map" and is_reference) else shown
            if self._drawn.get(name) is not shown:
                self._drawn[name] = shown
                show(shown)
            if name == "stars":
                self._listed = scene
        self._plots.set_frame(self._session.frame)
        self._plots.set_picked(self._picked_row(scene))

    def _picked_row(self, scene: Scene) -> int:
        """The row of what is picked in the frame's table, -1 where it has none."""
        stars, tracks, star = scene["stars"], scene["tracks"], self._session.picked
        if star is not None and tracks is not None and star < tracks.x.shape[1] and scene.frame < len(tracks.row):
            return int(tracks.row[scene.frame, star])
        place = candidate_place(stars, tracks, scene.frame, self._session.candidate)
        return -1 if place is None else row_near(stars, *place)

    def _pick_row(self, row: int) -> None:
        """Pick the star of a row of the frame's table, or the candidate where the reference has none there."""
        stars, tracks, frame = self._listed["stars"], self._listed["tracks"], self._listed.frame
        if stars is None or row >= len(stars):
            return
        known = tracks is not None and belongs(tracks, stars, frame)
        found = np.flatnonzero(tracks.row[frame] == row) if known else np.empty(0, int)
        star = int(found[0]) if found.size else None
        pick_in_frame(self._session, tracks, frame, star, tuple(float(at[row]) for at in places(stars)))
