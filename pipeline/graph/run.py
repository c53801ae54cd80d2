"""One result now: from the store, else made. Cancel, single flight, progress, times."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pipeline.frame import Failure, FrameInfo
from pipeline.graph.night import content_of
from pipeline.graph.request import Night, OwnTime, Request, Ticket
from pipeline.graph.store import Store
from pipeline.recipe import Recipe

# Where libraries of linear algebra look how many threads they may start.
_LIBRARIES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Event:
    """What the graph did: ``state`` is "running", "ran" or "failed"."""

    stage: str
    frame: int | None
    seconds: float
    state: str
    key: str


class Graph:
    """Runs stages on request and keeps their results; one for all sessions, safe for threads.

    Parameters
    ----------
    store : Store, optional
        Where results are kept.
    """

    def __init__(self, store: Store | None = None) -> None:
        _calm_linear_algebra()
        self.store = store if store is not None else Store()
        self.log: deque[Event] = deque(maxlen=2000)
        self._flights: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._listeners: list[Callable[[Event], None]] = []
        self._learnt: set[str] = set()
        self.pool = ThreadPoolExecutor(os.cpu_count() or 2, thread_name_prefix="frames")

    @staticmethod
    def open(
        paths: Iterable[str | Path],
        root: Path | None = None,
        calibration: Mapping[str, Iterable[str | Path]] = MappingProxyType({}),
    ) -> Night:
        """Read the headers of some files, folders or globs.

        Parameters
        ----------
        paths : iterable of path
            Lights, or frames of all kinds mixed.
        root : path, optional
            The folder that names are relative to.
        calibration : dict of str to iterable of path, optional
            Frames by kind ("bias", "dark", "flat"), whatever their headers say.

        Raises
        ------
        FrameError
            Where a path is not there or holds no frame.
        """
        from pipeline import read

        given = {os.path.realpath(path): kind for kind in calibration for path in read.find_files(calibration[kind])}
        every = [*paths, *(path for kind in calibration for path in calibration[kind])]
        files = read.read_infos(every, root=root)

        def sorted_in(file: FrameInfo | Failure) -> FrameInfo | Failure:
            kind = None if isinstance(file, Failure) else given.get(os.path.realpath(file.path))
            return file if kind is None else replace(file, kind=kind, kind_reason=f"named as {kind}")

        return Night(tuple(sorted_in(file) for file in files), root)

    def result(
        self,
        night: Night,
        recipe: Recipe,
        stage: str,
        frame: int | None = None,
        *,
        ticket: Ticket | None = None,
    ) -> Any:
        """A stage's result, made only as far as nothing in the store serves.

        Parameters
        ----------
        night : Night
            The open files.
        recipe : Recipe
            All knobs.
        stage : str
            A stage, or "frame" for a frame as read.
        frame : int, optional
            Number of the frame in the Sequence, for stages that are made for each frame.
        ticket : Ticket, optional
            Withdraws the request.

        Raises
        ------
        FrameError
            Where the frame cannot be used (a StageError names the stage).
        StaleError
            Where the ticket was withdrawn.
        """
        return Request(self, night, recipe, ticket or Ticket()).get(stage, frame)

    def key(self, night: Night, recipe: Recipe, stage: str, frame: int | None = None) -> str:
        """The key of a result; numbers for knobs at "auto" are made where they are missing."""
        return Request(self, night, recipe, Ticket()).key(stage, frame)

    def learn(self, infos: Iterable[FrameInfo]) -> None:
        """Tell the contents of files apart that keys will ask for, several at a time."""
        new = [info for info in infos if info.path not in self._learnt]
        if len(new) > 1:
            with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
                list(pool.map(content_of, new))
        self._learnt.update(info.path for info in new)

    def peek(self, key: str) -> Any | None:
        """A stored result, or None; never runs anything."""
        return self.store.get(key)

    def listen(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Call back with every Event, from the thread that makes it; returns what ends that."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    def tell(self, event: Event) -> None:
        """Write an event to the log and tell the listeners."""
        if event.state != "running":
            self.log.append(event)
        for callback in tuple(self._listeners):
            callback(event)

    def make(self, key: str, name: str, frame: int | None, ticket: Ticket, run: Callable[[OwnTime], Any]) -> Any:
        """A result by key: from the store, from whoever is making it, or from ``run``."""
        while True:
            stored = self.store.get(key)
            if stored is not None:
                return stored
            with self._lock:
                flight = self._flights.get(key)
                owner = flight is None
                if owner:
                    flight = self._flights[key] = threading.Event()
            if owner:
                break
            while not flight.wait(0.05):
                ticket.check()
        try:
            # Another owner may have finished between the look at the store and the take-off.
            stored = self.store.get(key)
            return stored if stored is not None else self._run(key, name, frame, ticket, run)
        finally:
            with self._lock:
                del self._flights[key]
            flight.set()

    def _run(self, key: str, name: str, frame: int | None, ticket: Ticket, run: Callable[[OwnTime], Any]) -> Any:
        ticket.check()
        self.tell(Event(name, frame, 0.0, "running", key))
        own = OwnTime()
        state = "failed"
        try:
            result = run(own)
            state = "failed" if isinstance(result, Failure) else "ran"
        finally:
            self.tell(Event(name, frame, own.seconds, state, key))
        self.store.put(key, result, own.seconds)
        return result


def _calm_linear_algebra() -> None:
    """Have products of matrices made by the thread that asks for them, unless the environment says otherwise.

    Frames and bands run on all cores already. The library's own threads wait for one another with the processor in
    their hands, which takes as much from everybody as the work itself, and gives sums last digits by the machine.
    What is loaded later, as scipy's own copy is, and processes that this one starts read it in the environment, where
    it is written as well.
    """
    if not {*_LIBRARIES, "OMP_NUM_THREADS"}.isdisjoint(os.environ):
        return
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")
    os.environ.update(dict.fromkeys(_LIBRARIES, "1"))
