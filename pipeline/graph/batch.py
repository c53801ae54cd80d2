"""A whole night through the same graph: frames stream over threads, or over the processes of a dask cluster.

Images never travel. A task gets paths and the recipe, writes tables into the run's own store on disk and products into
the output folder, and returns a few facts; so a killed worker loses nothing and ``resume`` goes on where a run ended.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline import __version__, products
from pipeline.frame import FrameError, Sequence
from pipeline.graph import writers
from pipeline.graph.cluster import FRAMES_IN_FLIGHT, executor, stream
from pipeline.graph.lineage import result_key
from pipeline.graph.output import Job, OutputError, clear_the_way, discard, prepare, unwritten
from pipeline.graph.request import Night, Ticket
from pipeline.graph.run import Event, Graph
from pipeline.graph.tasks import Outcome, find_stars, graph_of, write_products
from pipeline.graph.writers import MASTERS, Work
from pipeline.knob import KnobError
from pipeline.recipe import Recipe, dumps
from pipeline.tables import Tracks

Progress = Callable[[str, int, int], None]
PER_CENT = re.compile(r"\d+(?:\.\d+)?(?= %)")


def run(
    night: Night,
    recipe: Recipe,
    out: str | Path,
    *,
    wanted: tuple[str, ...] = products.USUAL,
    workers: int | None = None,
    scheduler: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    ticket: Ticket | None = None,
) -> dict[str, Any]:
    """Run a whole night and write its products.

    Parameters
    ----------
    night : Night
        The open files.
    recipe : Recipe
        All knobs.
    out : path
        Output folder; nothing is written outside it.
    wanted : tuple of str
        Products to write, of ``products.PRODUCTS``.
    workers : int, optional
        Processes of a dask cluster on this machine; threads of this process when not given.
    scheduler : str, optional
        Address of a running dask scheduler whose workers see the same folders.
    resume, overwrite : bool
        Go on with, or replace, what the folder holds.
    progress : callable, optional
        Called with what is done, frames done and frames in all.
    ticket : Ticket, optional
        Ends the run after the frames under way.

    Returns
    -------
    dict
        The content of ``report.json``.

    Raises
    ------
    RunError
        Where the run cannot start: nothing was written then.
    OutputError
        Where the output folder can no longer be written to.
    FrameError
        Where no frame can be used.
    KnobError
        Where a knob does not fit these files.
    """
    start = time.time()
    job = Job(night, recipe, Path(out).resolve(), tuple(wanted), resume)
    try:
        with executor(workers, scheduler) as submit:
            finished = prepare(job, overwrite)
            if finished is not None:
                return finished
            work = _Run(job, submit, ticket or Ticket(), progress or (lambda *_: None), workers or FRAMES_IN_FLIGHT)
            report = work.go()
        report["seconds"] = round(time.time() - start, 3)
        products.write_text(job.out / "recipe.toml", dumps(recipe))
        products.write_report(job.out / "report.json", report)
    except (FrameError, KnobError):
        # Nothing can be used: unless an earlier try left something to go on with, the folder is as it was before.
        if not resume:
            discard(job)
        raise
    except OSError as error:
        raise OutputError(f"{job.out}: {unwritten(error)}") from None
    graph_of.cache_clear()
    if not any(frame["state"] == "failed" for frame in report["frames"]):
        shutil.rmtree(job.partial)
    return report


@dataclass
class _Run:
    """One run: star tables frame by frame, the tracks, then every frame's products."""

    job: Job
    submit: Any
    ticket: Ticket
    progress: Progress
    window: int
    outcomes: dict[str, list[Outcome]] = field(default_factory=lambda: {"stars": [], "products": []})
    events: list[Event] = field(default_factory=list)
    problem: FrameError | None = None
    work: Work = field(init=False)

    def __post_init__(self) -> None:
        self.work = Work(graph_of(self.job.partial), self.job)

    def go(self) -> dict[str, Any]:
        """Do it all and return the report."""
        graph, job = graph_of(self.job.partial), self.job
        with self._timed(graph):
            sequence = graph.result(job.night, job.recipe, "frames", ticket=self.ticket)
        usable = [i for i, why in enumerate(sequence.unusable) if not why]
        wanted = writers.wanted(job)
        each = [product for product in wanted if product.each is not None]
        tracked = any(product.tracked for product in wanted)
        total = (tracked + bool(each)) * len(usable)
        tracks = self._follow(graph, sequence, usable, total) if tracked else None
        if tracks is None and tracked and all(product.tracked for product in wanted):
            raise self.problem
        # What needs no tracks is made of every frame.
        free = any(not product.tracked for product in each)
        done = [i for i in usable if free or (bool(each) and tracks.used[i])]
        clear_the_way(job)
        if each:
            self._each("products", write_products, done, total - len(done), total)
        with self._timed(graph):
            for product in wanted:
                if product.once is not None and (tracks is not None or not product.tracked):
                    product.once(self.work)
        return self._report(graph, sequence, tracks)

    def _follow(self, graph: Graph, sequence: Sequence, usable: list[int], total: int) -> Tracks | None:
        """The stars through all frames; None where they cannot be followed, with the problem kept."""
        job = self.job
        try:
            with self._timed(graph):
                # The reference first: its numbers stand for "auto" in every other frame.
                graph.result(job.night, job.recipe, "stars", sequence.reference, ticket=self.ticket)
            self._each("stars", find_stars, usable, 0, total)
            with self._timed(graph):
                return graph.result(job.night, job.recipe, "tracks", ticket=self.ticket)
        except FrameError as error:
            self.problem = error
            return None

    @contextmanager
    def _timed(self, graph: Graph) -> Iterator[None]:
        """Keep what the graph does here, beside the tasks: stages of the whole sequence, and all of the reference."""
        stop = graph.listen(self.events.append)
        try:
            yield
        finally:
            stop()

    def _each(self, name: str, function: Callable[..., Outcome], frames: list[int], before: int, total: int) -> None:
        graph, job = graph_of(self.job.partial), self.job
        tasks = [(i, self._task_key(graph, name, i)) for i in frames]

        def done(outcome: Outcome) -> None:
            self.ticket.check()
            self.outcomes[name].append(outcome)
            self.progress(name, before + len(self.outcomes[name]), total)

        stream(self.submit, function, job, tasks, self.window, done)

    def _task_key(self, graph: Graph, name: str, frame: int) -> str:
        """The result's own key; that of products names the folder too, for two runs may share a cluster."""
        if name == "stars":
            return graph.key(self.job.night, self.job.recipe, "stars", frame)
        knobs = {"out": str(self.job.out), "wanted": self.job.products, "recipe": self.job.recipe.hash}
        return result_key("products", 2, knobs, [self.job.night.key, str(frame)])

    def _report(self, graph: Graph, sequence: Sequence, tracks: Tracks | None) -> dict[str, Any]:
        job = self.job
        written = [name for outcome in self.outcomes["products"] for name in outcome.written]
        left_out = [*sequence.left_out, *self._refused(graph, sequence)]
        return {
            "format": 1,
            "state": job.state,
            "wanted": list(job.products),
            "reference": sequence.frames[sequence.reference].file,
            "versions": _versions(),
            "frames": self._frames(sequence, tracks),
            "left_out": [{"file": file, "reason": reason} for file, reason in left_out],
            "calibration": {info.file: info.kind for info in sequence.calibration},
            "products": dict.fromkeys(sorted([*written, *self.work.written]), "written"),
            "warnings": self._warnings(graph, sequence, tracks),
            "stages": self._times(),
            "workers": self._workers(sequence),
        }

    def _masters(self, graph: Graph, sequence: Sequence) -> list[Any]:
        """The masters that this run was calibrated with."""
        stages = MASTERS if sequence.calibration else ()
        return [graph.result(self.job.night, self.job.recipe, stage) for stage in stages]

    def _refused(self, graph: Graph, sequence: Sequence) -> list[tuple[str, str]]:
        """Calibration frames that no master was made of, and why."""
        return list(dict.fromkeys(pair for one in self._masters(graph, sequence) for pair in one.left_out))

    def _frames(self, sequence: Sequence, tracks: Tracks | None) -> list[dict[str, str]]:
        """Every light with what became of it: done, left out for a reason, or failed, which another try may mend."""
        outcomes = {outcome.frame: outcome for outcome in self.outcomes["products"]}
        frames = []
        for i, info in enumerate(sequence.frames):
            outcome = outcomes.get(i)
            lost = self._why_lost(sequence, tracks, i)
            reason = (outcome.problem if outcome else "") or lost
            state = "failed" if outcome and outcome.failed else "left out" if reason else "done"
            frames.append({"file": info.file, "state": state, "reason": reason})
        return frames

    def _why_lost(self, sequence: Sequence, tracks: Tracks | None, frame: int) -> str:
        """Why the tracks do not use a frame, or ""."""
        if tracks is None:
            return sequence.unusable[frame] or ("" if self.problem is None else str(self.problem))
        return "" if tracks.used[frame] else tracks.reason[frame]

    def _warnings(self, graph: Graph, sequence: Sequence, tracks: Tracks | None) -> list[str]:
        """What a user should know, names in the recipe that fit no file among it."""
        known = {info.file for info in (*sequence.frames, *sequence.calibration)}
        known |= {file for file, _ in sequence.left_out}
        named = {"selection.rejected": self.job.recipe["selection"]["rejected"]}
        named["frames.kinds"] = self.job.recipe["frames"]["kinds"]
        unknown = [
            f"{knob} names {file}, and there is no such file: correct the name"
            for knob, files in named.items()
            for file in files
            if file not in known
        ]
        works = (*self.outcomes["stars"], *self.outcomes["products"], self.work)
        told = _gathered(text for one in works for text in one.warnings)
        masters = [text for one in self._masters(graph, sequence) for text in one.warnings]
        return [*unknown, *masters, *(() if tracks is None else tracks.warnings), *told]

    def _times(self) -> dict[str, float]:
        """Seconds that each stage took, over all frames and workers."""
        times: dict[str, float] = {}
        told = [(event.stage, event.seconds) for event in self.events if event.state == "ran"]
        for outcome in (*self.outcomes["stars"], *self.outcomes["products"]):
            told.extend(outcome.stages.items())
        for stage, seconds in told:
            times[stage] = times.get(stage, 0.0) + seconds
        return {stage: round(seconds, 4) for stage, seconds in times.items()}

    def _workers(self, sequence: Sequence) -> dict[str, list[str]]:
        """The frames that each process did."""
        workers: dict[str, list[str]] = {}
        for outcome in self.outcomes["stars"] or self.outcomes["products"]:
            workers.setdefault(outcome.worker, []).append(sequence.frames[outcome.frame].file)
        return workers


def _gathered(warnings: Iterable[str]) -> list[str]:
    """Each warning once; what is said alike of several files in one sentence, a per cent that differs as its range."""
    alike: dict[str, list[tuple[str, str]]] = {}
    for warning in dict.fromkeys(warnings):
        file, colon, what = warning.partition(": ")
        alike.setdefault(PER_CENT.sub("", colon + what), []).append((file, colon + what))
    gathered: list[str] = []
    for said in alike.values():
        gathered += (
            [f"{min(said)[0]} and {len(said) - 1} more{_ranged([what for _, what in said])}"]
            if len(said) > 2
            else [file + what for file, what in said]
        )
    return gathered


def _ranged(sentences: list[str]) -> str:
    """Sentences that differ in their per cents alone, as one."""
    columns = iter(list(zip(*(PER_CENT.findall(one) for one in sentences), strict=True)))

    def span(_: re.Match[str]) -> str:
        low, *_, high = sorted(next(columns), key=float)
        return low if low == high else f"{low} to {high}"

    return PER_CENT.sub(span, sentences[0])


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    packages = ("numpy", "scipy", "numba", "astropy", "photutils", "rawpy")
    return {"starshift": __version__, **{name: version(name) for name in packages}}
