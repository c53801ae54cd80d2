"""What of a visitor's request runs just now, and what the rows of the stages say of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from pipeline.graph.lineage import ancestors
from pipeline.graph.run import Event
from pipeline.stage import STAGES
from ui.stage_list import RowState

# What runs for so long can be cancelled, milliseconds; what counts frames can be at once.
LONG = 1000
# Rows of what the graph runs beside the stages.
ROW_OF = {"frame": "frames", "reference": "frames"}
NO_COUNT = (0, 0)


class Running:
    """Events of what runs and counts of frames, told from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: dict[str, Event] = {}
        self._counts: dict[str, tuple[int, int]] = {}
        # When each row was first seen running, seconds.
        self._began: dict[str, float] = {}

    def clear(self) -> None:
        """Begin with another request."""
        with self._lock:
            self._events.clear()
            self._counts.clear()

    def heard(self, event: Event, mine: bool) -> None:
        """Take note of what began, where that is the visitor's own, and of what is over."""
        with self._lock:
            if event.state != "running":
                self._events.pop(event.key, None)
            elif mine:
                self._events[event.key] = event

    def told(self, stage: str, done: int, total: int) -> None:
        """Take note of how many frames a stage has."""
        with self._lock:
            self._counts[stage] = (done, total)

    def count(self, stage: str) -> tuple[int, int]:
        """Frames that a stage has, and those that it wants; both 0 where it does not tell."""
        with self._lock:
            return self._counts.get(stage, NO_COUNT)

    def rows(self, names: Iterable[str], frame: int, *, first: bool) -> dict[str, RowState]:
        """Rows of what runs: of what waits for another stage only what counts the frames that it waits for.

        Parameters
        ----------
        names : iterable of str
            The stages that have a row.
        frame : int
            Number of the frame shown; what is made of others has no row.
        first : bool
            Whether it is not known yet which frames there are, and which is the reference.
        """
        with self._lock:
            events = [event for event in self._events.values() if event.frame in (None, frame)]
        # A number that stands for auto is made as a part of its stage.
        stages = {event.stage.partition(".")[0] for event in events}
        found = {stage for stage in stages if self.count(stage)[1] > 1}
        if "frame" not in stages:
            found |= {stage for stage in stages & set(STAGES) if not stages & set(ancestors(stage))}
        found |= {ROW_OF[stage] for stage in stages & set(ROW_OF)} | ({"frames"} if first else set())
        found &= set(names)
        self._began = {name: self._began.get(name, time.monotonic()) for name in found}
        return {name: self._row(name) for name in found}

    def _row(self, name: str) -> RowState:
        done, total = self.count(name)
        if total > 1:
            note = f"frame {done + 1} of {total}" if done < total else f"all {total} frames"
            return RowState("running", note, cancellable=True)
        long = 1000 * (time.monotonic() - self._began[name]) >= LONG
        return RowState("running", "running", cancellable=long)
