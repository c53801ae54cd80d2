"""Opens frames: headers are read in a thread, then a session shows them."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.frame import FrameError
from pipeline.graph.request import Night
from pipeline.graph.run import Graph
from pipeline.knob import KnobError
from ui.address_text import Place
from ui.open_dialog import SAMPLES, frames_in, sample_folder
from ui.session import Session
from ui.worker import Worker

if TYPE_CHECKING:
    from pipeline.sample import Truth


@dataclass(frozen=True)
class Opened:
    """Files whose headers are read.

    Parameters
    ----------
    night : Night
        The files.
    title : str
        What they are called.
    seconds : float
        How long the headers took.
    truth : Truth or None
        What is known of a sample's sky.
    source : Place
        Where they are found again.
    place : Place or None
        What of them an address asks to see.
    """

    night: Night
    title: str
    seconds: float
    truth: Truth | None
    source: Place
    place: Place | None


class Opener:
    """Opens samples, folders and uploads.

    Parameters
    ----------
    session, worker : Session, Worker
        Whose data root and graph are used, and what hands results back.
    opened : callable
        Called on the page's side with what was Opened.
    failed : callable
        Called on the page's side with the FrameError of files that cannot be opened.
    tell : callable
        Shows a sentence, and whether it is an error.
    """

    def __init__(
        self,
        session: Session,
        worker: Worker,
        *,
        opened: Callable[[Opened], None],
        failed: Callable[[FrameError], None],
        tell: Callable[[str, bool], None],
    ) -> None:
        self._session, self._worker = session, worker
        self._opened, self._failed, self._tell = opened, failed, tell
        # How often something was asked for, and the last of these times that is answered.
        self._asked = self._answered = 0

    @property
    def busy(self) -> bool:
        """Whether something is being opened."""
        return self._asked != self._answered

    def place(self, place: Place, refused: str = "") -> None:
        """Open what an address names: a folder below the data root, else a sample.

        What of it was ``refused`` is told, and stays to be read beside what is wrong with its files.
        """
        if refused:
            self._tell(refused, True)
        if place.folder:
            folder = self._session.root / place.folder
            source = Place(folder=place.folder, sample="")
            self._start(
                folder.name, functools.partial(frames_in, self._session.root), lambda: folder, source, place, refused
            )
        else:
            self.sample(place.sample, place, refused)

    def sample(self, name: str, place: Place | None = None, refused: str = "") -> None:
        """Open a sample, which is written first where it is not there yet."""
        folder = functools.partial(sample_folder, name)
        self._start(SAMPLES[name], lambda folder: [folder], folder, Place(sample=name), place, refused)

    def files(self, title: str, files: list[Path], root: Path) -> None:
        """Open files; those of a folder below the data root are found again by their address."""
        below = root.resolve().is_relative_to(self._session.root)
        folder = root.resolve().relative_to(self._session.root).as_posix() if below else ""
        self._start(title, lambda root: files, lambda: root, Place(folder=folder, sample=""), None)

    def _start(
        self,
        title: str,
        files: Callable[[Path], list[Path]],
        root: Callable[[], Path],
        source: Place,
        place: Place | None,
        refused: str = "",
    ) -> None:
        """Read in a thread, and hand back what came of it, unless something else was asked for meanwhile."""
        self._asked += 1
        number = self._asked

        def answer(callback: Callable[..., None], made: Opened | FrameError, *wrong: str) -> None:
            if number != self._asked:
                return
            self._answered = number
            if any(wrong):
                self._tell(" ".join(filter(None, (refused, *wrong))), True)
            callback(made)

        def read() -> None:
            try:
                folder = root()
                start = time.perf_counter()
                night = Graph.open(files(folder), folder)
                seconds = time.perf_counter() - start
                seen, no_frame = self._checked(night, place)
                truth, no_truth = self._truth_of(night, folder)
            except FrameError as error:
                self._worker.hand_back(answer, self._failed, error)
                return
            opened = Opened(night, title, seconds, truth, source, seen)
            self._worker.hand_back(answer, self._opened, opened, no_frame, no_truth)

        threading.Thread(target=read, name="open", daemon=True).start()

    def _checked(self, night: Night, place: Place | None) -> tuple[Place | None, str]:
        """The place, or that of the reference where an address names a frame that is not there, and that it is so."""
        if place is None or place.frame is None:
            return place, ""
        try:
            sequence = self._session.graph.result(night, place.recipe, "frames")
        except (FrameError, KnobError):
            return replace(place, frame=None), ""
        if place.frame < len(sequence.frames):
            return place, ""
        said = (
            f"The address names frame {place.frame + 1}, and there are {len(sequence.frames)}: the reference is shown."
        )
        return replace(place, frame=None), said

    @staticmethod
    def _truth_of(night: Night, root: Path) -> tuple[Truth | None, str]:
        """What is known of the sky, and what is wrong with it."""
        from ui.truth_tab import truth_of

        try:
            return truth_of(night, root), ""
        except FrameError as error:
            return None, str(error)
