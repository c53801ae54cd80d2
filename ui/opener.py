"""Opens frames: headers are read in a thread, then a session shows them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
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

    def place(self, place: Place) -> None:
        """Open what an address names: a folder below the data root, else a sample."""
        if place.folder:
            folder = self._session.root / place.folder
            source = Place(folder=place.folder, sample="")
            self._read(folder.name, lambda: frames_in(self._session.root, folder), folder, source, place)
        else:
            self.sample(place.sample, place)

    def sample(self, name: str, place: Place | None = None) -> None:
        """Open a sample, which is written first where it is not there yet."""

        def write() -> None:
            folder = sample_folder(name)
            self._read(SAMPLES[name], lambda: [folder], folder, Place(sample=name), place)

        threading.Thread(target=write, name="sample", daemon=True).start()

    def files(self, title: str, files: list[Path], root: Path) -> None:
        """Open files; those of a folder below the data root are found again by their address."""
        below = root.resolve().is_relative_to(self._session.root)
        folder = root.resolve().relative_to(self._session.root).as_posix() if below else ""
        self._read(title, lambda: files, root, Place(folder=folder, sample=""), None)

    def _read(
        self, title: str, files: Callable[[], list[Path]], root: Path, source: Place, place: Place | None
    ) -> None:
        def read() -> None:
            start = time.perf_counter()
            try:
                night = Graph.open(files(), root)
                seconds = time.perf_counter() - start
                seen = self._checked(night, place)
            except FrameError as error:
                self._worker.hand_back(self._failed, error)
                return
            opened = Opened(night, title, seconds, self._truth_of(night, root), source, seen)
            self._worker.hand_back(self._opened, opened)

        threading.Thread(target=read, name="open", daemon=True).start()

    def _checked(self, night: Night, place: Place | None) -> Place | None:
        """The place, or that of the reference where an address names a frame that is not there."""
        if place is None or place.frame is None:
            return place
        try:
            sequence = self._session.graph.result(night, place.recipe, "frames")
        except (FrameError, KnobError):
            return place.at_start()
        if place.frame < len(sequence.frames):
            return place
        said = (
            f"The address names frame {place.frame + 1}, and there are {len(sequence.frames)}: the reference is shown."
        )
        self._worker.hand_back(self._tell, said, True)
        return place.at_start()

    def _truth_of(self, night: Night, root: Path) -> Truth | None:
        from ui.truth_tab import truth_of

        try:
            return truth_of(night, root)
        except FrameError as error:
            self._worker.hand_back(self._tell, str(error), True)
            return None
