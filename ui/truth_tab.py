"""The truth tab: which data have a truth, and the comparisons with it, made in the worker as results arrive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import panel as pn

from pipeline.frame import FrameInfo
from pipeline.graph.request import Night
from pipeline.truth import TRUTH_FILE, Truth, compare_stars, compare_tracks, frame_number, truth_beside
from pipeline.truth_map import compare_map
from ui.open_dialog import below
from ui.scene import Scene
from ui.session import Session
from ui.side import COMPARED
from ui.themed import Themed

if TYPE_CHECKING:
    from ui.truth import TruthPlots


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
        centroid = self._session.recipe["tracks"]["centroid"]
        self._compare("stars", (stars, centroid), lambda: compare_stars(truth, number, stars, centroid))
        if stage == "tracks":
            self._compare(stage, (tracks,), lambda: compare_tracks(truth, tracks, numbers))

    def _compare(self, name: str, made_of: tuple[Any, ...], compare: Callable[[], Any]) -> None:
        before = self._made.get(name, ((), None))[0]
        same = len(before) == len(made_of) and all(one is other for one, other in zip(before, made_of, strict=True))
        if made_of[0] is not None and not same:
            self._made[name] = (made_of, compare())

    def show(self, scene: Scene) -> None:
        """Show what is prepared; what is not yet keeps its place."""
        if self._plots is None:
            from ui.truth import TruthPlots

            self._plots = TruthPlots(self._theme)
            self.panel.append(self._plots.panel)
        sequence = scene["frames"]
        if sequence is None:
            return
        is_reference = scene.frame == sequence.reference
        shows = {
            "stars": self._plots.show_stars,
            "tracks": lambda shown: self._plots.show_tracks(shown, sequence.reference),
            "offset_map": lambda shown: self._plots.show_map(shown, is_reference=is_reference),
        }
        for name, show in shows.items():
            made_of, shown = self._made.get(name, ((None,), None))
            # A result that failed is there and None; one that is being made is not there.
            if name not in scene.results or made_of[0] is not scene[name] is not None:
                continue
            shown = None if scene[name] is None else shown
            if self._drawn.get(name) is not shown:
                self._drawn[name] = shown
                show(shown)
        self._plots.set_frame(self._session.frame)
