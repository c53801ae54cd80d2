"""A whole night through the same graph: frames stream over threads, or over the processes of a dask cluster.

Images never travel. A task gets paths and the recipe, writes tables into the run's own store on disk and products into
the output folder, and returns a few facts; so a killed worker loses nothing and ``resume`` goes on where a run ended.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline import __version__, products
from pipeline.frame import FrameError, Sequence
from pipeline.graph.cluster import FRAMES_IN_FLIGHT, executor, stream
from pipeline.graph.lineage import result_key
from pipeline.graph.output import Job, OutputError, clear_the_way, discard, prepare
from pipeline.graph.request import Night, Ticket
from pipeline.graph.run import Event, Graph
from pipeline.graph.tasks import Outcome, find_stars, graph_of, write_products
from pipeline.recipe import Recipe, dumps
from pipeline.stage import KnobError
from pipeline.tables import Tracks

Progress = Callable[[str, int, int], None]
TABLES = ("tracks.fits", "frames.ecsv")


def run(
    night: Night,
    recipe: Recipe,
    out: str | Path,
    *,
    wanted: tuple[str, ...] = products.PRODUCTS,
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
        why = error.strerror or str(error).split(". ")[0]
        raise OutputError(f"{job.out}: cannot be written ({why}): free the disk and run with --resume") from None
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

    def go(self) -> dict[str, Any]:
        """Do it all and return the report."""
        graph, job = graph_of(self.job.partial), self.job
        with self._timed(graph):
            sequence = graph.result(job.night, job.recipe, "frames", ticket=self.ticket)
            # The reference first: its numbers stand for "auto" in every other frame.
            graph.result(job.night, job.recipe, "stars", sequence.reference, ticket=self.ticket)
        usable = [i for i, why in enumerate(sequence.unusable) if not why]
        total = 2 * len(usable)
        self._each("stars", find_stars, usable, 0, total)
        with self._timed(graph):
            tracks = graph.result(job.night, job.recipe, "tracks", ticket=self.ticket)
        used = [i for i in usable if tracks.used[i]]
        clear_the_way(job)
        self._each("products", write_products, used, total - len(used), total)
        return self._report(graph, sequence, tracks)

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
        key = graph.key(self.job.night, self.job.recipe, "offset_map", frame)
        return result_key("products", 1, {"out": str(self.job.out), "wanted": self.job.products}, [key])

    def _report(self, graph: Graph, sequence: Sequence, tracks: Tracks) -> dict[str, Any]:
        job = self.job
        selection = graph.result(job.night, job.recipe, "selection")
        reference = sequence.frames[sequence.reference]
        written = [name for outcome in self.outcomes["products"] for name in outcome.written]
        if "offsets" in job.products:
            header = products.header_of(reference, job.recipe.hash, reference.file, f"Starshift {__version__}")
            products.write_tracks(job.out / "tracks.fits", tracks, header)
            products.write_frames(job.out / "frames.ecsv", products.frame_table(sequence, selection, tracks))
            written += TABLES
        return {
            "format": 1,
            "state": job.state,
            "wanted": list(job.products),
            "reference": reference.file,
            "versions": _versions(),
            "frames": self._frames(sequence, tracks),
            "left_out": [{"file": file, "reason": reason} for file, reason in sequence.left_out],
            "products": dict.fromkeys(sorted(written), "written"),
            "warnings": self._warnings(sequence, tracks),
            "stages": self._times(),
            "workers": self._workers(sequence),
        }

    def _frames(self, sequence: Sequence, tracks: Tracks) -> list[dict[str, str]]:
        """Every light with what became of it: done, left out for a reason, or failed, which another try may mend."""
        outcomes = {outcome.frame: outcome for outcome in self.outcomes["products"]}
        frames = []
        for i, info in enumerate(sequence.frames):
            outcome = outcomes.get(i)
            reason = (outcome.problem if outcome else "") or ("" if tracks.used[i] else tracks.reason[i])
            state = "failed" if outcome and outcome.failed else "left out" if reason else "done"
            frames.append({"file": info.file, "state": state, "reason": reason})
        return frames

    def _warnings(self, sequence: Sequence, tracks: Tracks) -> list[str]:
        """What a user should know, names in the recipe that fit no file among it."""
        known = {info.file for info in sequence.frames} | {file for file, _ in sequence.left_out}
        named = {"selection.rejected": self.job.recipe["selection"]["rejected"]}
        named["frames.kinds"] = self.job.recipe["frames"]["kinds"]
        unknown = [
            f"{knob} names {file}, and there is no such file: correct the name"
            for knob, files in named.items()
            for file in files
            if file not in known
        ]
        return [*unknown, *tracks.warnings, *(text for one in self.outcomes["products"] for text in one.warnings)]

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
        for outcome in self.outcomes["stars"]:
            workers.setdefault(outcome.worker, []).append(sequence.frames[outcome.frame].file)
        return workers


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    packages = ("numpy", "scipy", "numba", "astropy", "photutils", "rawpy")
    return {"starshift": __version__, **{name: version(name) for name in packages}}
