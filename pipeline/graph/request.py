"""One request: an immutable recipe on some open files, the keys that follow, and the results made from their inputs."""

from __future__ import annotations

import functools
import inspect
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.frame import Failure, FrameError, Sequence
from pipeline.graph.lineage import result_key, spread
from pipeline.graph.night import Night, content_of
from pipeline.kernels.bands import checkpoint, frames_read
from pipeline.read.rows import RowReaders
from pipeline.recipe import Recipe
from pipeline.stage import STAGES, Rerun, Stage

if TYPE_CHECKING:
    from pipeline.graph.run import Graph

Progress = Callable[[str, int, int], None]
#: The first frame with so many stars is the reference; of so many frames that have fewer the one with most.
ENOUGH_STARS, REFERENCES_TRIED = 5, 8


class StaleError(Exception):
    """Nobody waits for this result any more."""


class StageError(FrameError):
    """A stage failed on a frame; the message is the whole sentence."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.file, failure.message, "")
        self.stage, self.failure = failure.stage, failure

    def __str__(self) -> str:
        return self.failure.message


class Ticket:
    """The owner's wish for a result, which can be withdrawn."""

    def __init__(self) -> None:
        self._stale = False

    def cancel(self) -> None:
        """Say that nobody waits any more."""
        self._stale = True

    def stale(self) -> bool:
        """Whether the wish was withdrawn."""
        return self._stale

    def check(self) -> None:
        """Raise StaleError where the wish was withdrawn."""
        if self._stale:
            raise StaleError


class OwnTime:
    """Seconds that a stage itself took, without those of its inputs."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, function: Callable[..., Any], *arguments: Any, **knobs: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*arguments, **knobs)
        finally:
            self.seconds += time.perf_counter() - start


class FrameResults:
    """A frame stage's results as a list over some frames, made when indexed; a frame without one gives a Failure.

    Whoever wants them is told of as ``wanted_by`` in the request's progress, where that is given.
    """

    def __init__(self, request: Request, stage: str, indices: tuple[int, ...], wanted_by: str = "") -> None:
        self._request, self._stage, self.indices, self._wanted_by = request, stage, indices, wanted_by
        self._made: set[int] = set()

    @property
    def scratch(self) -> Path | None:
        """Folder for what does not stay in memory."""
        return self._request.graph.store.folder

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> Any:
        result = self._request.entry(self._stage, self.indices[position])
        if self._wanted_by and position not in self._made:
            self._made.add(position)
            self._request.tell(self._wanted_by, len(self._made), len(self))
        return result

    def __iter__(self) -> Iterator[Any]:
        return (self[position] for position in range(len(self)))


@dataclass
class Request:
    """One request: an immutable recipe on some files, and the keys that follow from them.

    Parameters
    ----------
    graph : Graph
        Makes and keeps the results.
    night : Night
        The open files.
    recipe : Recipe
        All knobs.
    ticket : Ticket
        Withdraws the request.
    progress : callable, optional
        Called with stage, frames done and frames in all, from any thread.
    reference : int, optional
        Number of the reference, where it is not to be looked for.
    """

    graph: Graph
    night: Night
    recipe: Recipe
    ticket: Ticket
    progress: Progress | None = None
    reference: int | None = None
    _keys: dict[tuple[str, int | None], str] = field(default_factory=dict)
    _knobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    _sequence: Sequence | None = None
    _files_key: str = ""

    def get(self, stage: str, frame: int | None = None) -> Any:
        """The result, or a StageError in place of a Failure."""
        result = self.entry(stage, frame)
        if isinstance(result, Failure):
            raise StageError(result)
        return result

    def sequence(self) -> Sequence:
        """The lights in order, with a reference that shows stars."""
        if self._sequence is None:
            first = self._make_sequence()
            if self.reference is None and self.recipe["frames"]["reference"] is None:
                self.reference = self._first_with_stars(first)
            chosen = first.reference if self.reference is None else self.reference
            self._sequence = replace(first, reference=chosen)
        return self._sequence

    def _files(self) -> str:
        if not self._files_key:
            self._files_key = self.night.key
        return self._files_key

    def _make_sequence(self) -> Sequence:
        stage = STAGES["frames"]
        knobs = self.recipe["frames"]
        key = result_key("frames", stage.version, knobs, [self._files()])

        def run(own: OwnTime) -> Sequence:
            return own(stage.function, self.night.files, **knobs)

        return self.graph.make(key, "frames", None, self.ticket, run)

    def _first_with_stars(self, sequence: Sequence) -> int:
        """The first usable frame in which our defaults find stars, so that a closed shutter is no reference."""
        defaults = Recipe({"frames": self.recipe["frames"]})
        key = result_key("reference", 1, defaults.knobs, [self._files()])
        usable = [i for i, why in enumerate(sequence.unusable) if not why]
        order = [sequence.reference] + [i for i in usable if i != sequence.reference]

        def search(_: Any) -> dict[str, int]:
            best, most = sequence.reference, -1
            for index in order[:REFERENCES_TRIED]:
                trial = Request(self.graph, self.night, defaults, self.ticket, self.progress, index)
                try:
                    count = len(trial.get("stars", index).kept)
                except FrameError:
                    continue
                if count > most:
                    best, most = index, count
                if count >= ENOUGH_STARS:
                    break
            return {"reference": best}

        return self.graph.make(key, "reference", None, self.ticket, search)["reference"]

    def knobs(self, stage: Stage) -> dict[str, Any]:
        """The knobs of a stage's function with numbers in place of "auto"."""
        if stage.name not in self._knobs:
            knobs = stage.arguments(self.recipe)
            waiting = [name for name, value in knobs.items() if value is None and self._is_auto(stage, name)]
            if stage.auto is not None and waiting:
                found = self._auto(stage, knobs)
                knobs.update({name: found[name] for name in waiting if name in found})
            self._knobs[stage.name] = knobs
        return self._knobs[stage.name]

    @staticmethod
    def _is_auto(stage: Stage, knob: str) -> bool:
        return STAGES[stage.takes[knob]].knobs[knob].knob.none == "auto"

    def _auto(self, stage: Stage, knobs: dict[str, Any]) -> dict[str, float]:
        reference = self.sequence().reference
        needed = stage.needed(knobs)
        keys = [self.key(name, reference) for name in needed]
        # A knob that the function does not name plays no part in the number.
        asked = {name: value for name, value in knobs.items() if name in inspect.signature(stage.auto).parameters}
        key = result_key(f"{stage.name}.auto", stage.version, asked, keys)

        def run(own: OwnTime) -> dict[str, float]:
            inputs = (self.get(name, reference) if name in needed else None for name in stage.inputs)
            return own(stage.auto, *inputs, **knobs)

        return self.graph.make(key, f"{stage.name}.auto", reference, self.ticket, run)

    def key(self, stage: str, frame: int | None) -> str:
        """The key of a result of this request."""
        if self._of_sequence(stage):
            frame = None
        place = (stage, frame)
        if place not in self._keys:
            self._keys[place] = self._make_key(stage, frame)
        return self._keys[place]

    def known_key(self, stage: str, frame: int | None) -> str | None:
        """The key of a result where this request has made it already; never runs anything."""
        return self._keys.get((stage, None if self._of_sequence(stage) else frame))

    @staticmethod
    def _of_sequence(name: str) -> bool:
        return name == "calibration" or (name in STAGES and STAGES[name].scope == "sequence")

    def owns(self, key: str) -> bool:
        """Whether a result belongs to this request, as far as its keys are made."""
        return key in tuple(self._keys.values())

    def _make_key(self, stage: str, frame: int | None) -> str:
        if stage == "index":
            return str(frame)
        if stage == "frame":
            info = self.sequence().frames[frame]
            return result_key("frame", 2, self._reading(), [content_of(info), info.file])
        if stage == "calibration":
            # All that master stages take from a header beside its pixels may have been corrected by hand.
            facts = [
                str((content_of(info), info.file, info.kind, info.pattern)) for info in self.sequence().calibration
            ]
            return result_key("calibration", 1, self._reading() if facts else {}, facts)
        if stage == "frames":
            inputs = [self._files(), str(self.sequence().reference)]
            return result_key("frames", STAGES["frames"].version, self.recipe["frames"], inputs)
        declared = STAGES[stage]
        keys: list[str] = []
        for name in declared.needed(self.knobs(declared)):
            if declared.scope == "sequence" and self._per_frame(name):
                indices = self._indices(declared)
                self.graph.learn([self.sequence().frames[index] for index in indices])
                keys.extend(self.key(name, index) for index in indices)
            else:
                keys.append(self.key(name, frame))
        return result_key(stage, declared.version, self.knobs(declared), keys)

    def _reading(self) -> dict[str, Any]:
        """The knobs that act where pixels are read."""
        return {name: self.recipe["frames"][name] for name in ("pattern", "overscan")}

    @staticmethod
    def _per_frame(name: str) -> bool:
        return name == "frame" or (name in STAGES and STAGES[name].scope == "frame")

    def _indices(self, stage: Stage) -> tuple[int, ...]:
        """Frames whose results reach a sequence stage: all, or a sample of the usable ones."""
        sequence = self.sequence()
        if not stage.sample:
            return tuple(range(len(sequence.frames)))
        return spread((i for i, why in enumerate(sequence.unusable) if not why), stage.sample)

    def entry(self, stage: str, frame: int | None) -> Any:
        """The result, or the Failure that stands in its place."""
        self.ticket.check()
        if stage == "frames":
            return self.sequence()
        if self._per_frame(stage):
            sequence = self.sequence()
            if frame is None or not 0 <= frame < len(sequence.frames):
                raise IndexError(f"{stage} wants a frame from 0 to {len(sequence.frames) - 1}, not {frame}")
            if sequence.unusable[frame]:
                return Failure(sequence.frames[frame].file, "frames", sequence.unusable[frame])
        try:
            key = self.key(stage, frame)
        except FrameError as error:
            return self._failure(stage, frame, error)
        return self.graph.make(key, stage, frame, self.ticket, lambda own: self._answer(stage, frame, own))

    def _failure(self, stage: str, frame: int | None, error: FrameError) -> Failure:
        if isinstance(error, StageError):
            return error.failure
        sequence = self.sequence()
        file = error.file or sequence.frames[sequence.reference if frame is None else frame].file
        return Failure(file, stage, str(FrameError(file, error.problem, error.remedy)))

    def _answer(self, stage: str, frame: int | None, own: OwnTime) -> Any:
        before = checkpoint.set(self.ticket.check)
        told = frames_read.set(functools.partial(self.tell, stage) if self._of_sequence(stage) else None)
        try:
            if stage == "frame":
                return self._read(frame, own)
            declared = STAGES[stage]
            knobs = self.knobs(declared)
            try:
                return self._run(declared, self._inputs(declared, frame), own, knobs)
            except Rerun as again:
                deeper = replace(self, recipe=self.recipe.with_knobs(again.stage, **again.knobs), _keys={}, _knobs={})
                return self._run(declared, deeper._inputs(declared, frame), own, knobs)
        except FrameError as error:
            return self._failure(stage, frame, error)
        finally:
            frames_read.reset(told)
            checkpoint.reset(before)

    def _run(self, declared: Stage, inputs: list[Any], own: OwnTime, knobs: dict[str, Any]) -> Any:
        try:
            self.ticket.check()
            return own(declared.function, *inputs, **knobs)
        finally:
            for one in inputs:
                if isinstance(one, RowReaders):
                    one.close()

    def _read(self, frame: int, own: OwnTime) -> Any:
        from pipeline import read

        knobs = self.recipe["frames"]
        info = self.sequence().frames[frame]
        pattern = None if knobs["pattern"] == "auto" else knobs["pattern"]
        return own(read.read_frame, info, pattern=pattern, overscan=knobs["overscan"])

    def _inputs(self, declared: Stage, frame: int | None) -> list[Any]:
        needed = declared.needed(self.knobs(declared))
        return [self._input(declared, name, frame) if name in needed else None for name in declared.inputs]

    def _input(self, declared: Stage, name: str, frame: int | None) -> Any:
        if name == "index":
            return frame
        if name == "calibration":
            return RowReaders.of_files(self.sequence().calibration, **self._reading(), scratch=self.graph.store.folder)
        if declared.scope == "sequence" and self._per_frame(name):
            results = FrameResults(self, name, self._indices(declared))
            if name not in declared.lazy:
                return self._fetch_all(declared, results)
            others = declared.needed(self.knobs(declared))
            # Where all frames of another stage are fetched first those are told of.
            alone = all(one in declared.lazy or not self._per_frame(one) for one in others)
            return FrameResults(self, name, results.indices, declared.name) if alone else results
        return self.get(name, frame)

    def tell(self, stage: str, done: int, total: int) -> None:
        """Tell how many frames a stage has of all that it wants."""
        if self.progress is not None:
            self.progress(stage, done, total)

    def _fetch_all(self, declared: Stage, results: FrameResults) -> list[Any]:
        """All results of a frame stage, several frames at a time, with progress."""
        done = 0
        fetched: list[Any] = [None] * len(results)
        lock = threading.Lock()
        self.tell(declared.name, 0, len(results))

        def fetch(position: int) -> None:
            nonlocal done
            fetched[position] = results[position]
            with lock:
                done += 1
                self.tell(declared.name, done, len(results))

        # The pool's own threads must not wait for the pool: a nested list is fetched here and now.
        if threading.current_thread().name.startswith("frames"):
            for position in range(len(results)):
                fetch(position)
        else:
            list(self.graph.pool.map(fetch, range(len(results))))
        return fetched
