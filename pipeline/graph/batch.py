"""A whole night through the same graph: frames stream over threads, or over the processes of a dask cluster.

Images never travel. A task gets paths and the recipe, writes tables into the run's own store on disk and products into
the output folder, and returns a few facts; so a killed worker loses nothing and ``resume`` goes on where a run ended.
"""

from __future__ import annotations

import functools
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline import __version__, products
from pipeline.frame import Failure, FrameError
from pipeline.graph.lineage import result_key
from pipeline.graph.output import Job, prepare
from pipeline.graph.request import Night, StageError, Ticket
from pipeline.graph.run import Graph
from pipeline.graph.store import Store
from pipeline.recipe import Recipe, dumps
from pipeline.stage import STAGES, KnobError

MEMORY = 400_000_000
KEPT = ("hot_pixels", "stars", "tracks", "reference", *(f"{name}.auto" for name in STAGES if STAGES[name].auto))
FRAMES_IN_FLIGHT = 2

Progress = Callable[[str, int, int], None]


@dataclass
class Outcome:
    """What became of one frame in one task."""

    frame: int
    seconds: float
    worker: str
    problem: str = ""
    stages: dict[str, float] = field(default_factory=dict)
    written: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@functools.lru_cache(maxsize=2)
def _graph(partial: Path) -> Graph:
    """One graph for each run and process; the run's tables lie on disk."""
    return Graph(Store(MEMORY, folder=partial / "store", kept_stages=KEPT))


def _task(job: Job, frame: int, work: Callable[[Graph, Job, int], tuple[tuple[str, ...], tuple[str, ...]]]) -> Outcome:
    """Run one frame's work; what goes wrong with the frame stays with the frame."""
    graph = _graph(job.partial)
    start = time.perf_counter()
    outcome = Outcome(frame, 0.0, f"{socket.gethostname()}-{os.getpid()}")
    try:
        outcome.written, outcome.warnings = work(graph, job, frame)
    except FrameError as error:
        outcome.problem = str(error)
    except OSError as error:
        name = error.filename or job.out
        outcome.problem = f"{name}: cannot be written ({error.strerror or error}): free the disk and run with --resume"
    outcome.seconds = time.perf_counter() - start
    for event in tuple(graph.log):
        if event.frame == frame and event.state == "ran":
            outcome.stages[event.stage] = event.seconds
    return outcome


def find_stars(job: Job, frame: int) -> Outcome:
    """Task: one frame from its file to its star table, which stays in the run's store."""

    def work(graph: Graph, job: Job, frame: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        graph.result(job.night, job.recipe, "stars", frame)
        return (), ()

    return _task(job, frame, work)


def write_products(job: Job, frame: int) -> Outcome:
    """Task: one frame's offset table and maps into the output folder."""
    return _task(job, frame, _write_products)


def _write_products(graph: Graph, job: Job, frame: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    ask = functools.partial(graph.result, job.night, job.recipe)
    sequence, tracks = ask("frames"), ask("tracks")
    if not tracks.used[frame]:
        raise StageError(Failure(sequence.frames[frame].file, "tracks", tracks.reason[frame]))
    light, reference = sequence.frames[frame], sequence.frames[sequence.reference].file
    name = products.stems(sequence)[frame]
    header = None
    done: list[str] = []
    warnings: tuple[str, ...] = ()
    for product, ending in (("offsets", "offsets_table"), ("maps", "offsets_map")):
        path = job.out / f"{name}.{ending}.fits"
        if product not in job.products:
            continue
        done.append(str(path.relative_to(job.out)))
        if job.resume and path.exists():
            continue
        if header is None:
            header = products.header_of(light, job.recipe.hash, reference, f"Starshift {__version__}")
        if product == "offsets":
            products.write_offsets(path, products.offset_table(tracks, ask("stars", frame), frame), header)
        else:
            maps = ask("offset_map", frame)
            warnings = tuple(f"{light.file}: {warning}" for warning in maps.warnings)
            products.write_maps(path, maps, header)
    return tuple(done), warnings


@contextmanager
def _executor(workers: int | None, scheduler: str | None) -> Iterator[Any]:
    """Something with ``submit``: threads here, processes here, or a running cluster."""
    if workers is None and scheduler is None:
        with ThreadPoolExecutor(FRAMES_IN_FLIGHT, thread_name_prefix="batch") as pool:
            yield lambda function, job, frame, key: pool.submit(function, job, frame)
        return
    from distributed import Client, LocalCluster

    cluster = None
    if scheduler is None:
        cluster = LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None)
    try:
        with Client(scheduler if cluster is None else cluster, timeout="20s") as client:

            def submit(function: Callable[..., Outcome], job: Job, frame: int, key: str) -> Any:
                return client.submit(function, job, frame, key=key, pure=True, retries=2)

            yield submit
    finally:
        if cluster is not None:
            cluster.close()


def _stream(
    submit: Any,
    function: Callable[..., Outcome],
    job: Job,
    frames: list[tuple[int, str]],
    window: int,
    done: Callable[[Outcome], None],
) -> None:
    """Run a task for each frame with a bounded number of them under way."""
    waiting = list(reversed(frames))
    flying: dict[Any, int] = {}
    while waiting or flying:
        while waiting and len(flying) < window:
            frame, key = waiting.pop()
            flying[submit(function, job, frame, key)] = frame
        for future in _first(list(flying)):
            done(_outcome(future, flying.pop(future)))


def _first(flying: list[Any]) -> set[Any]:
    """The tasks that are finished, waiting for one."""
    if isinstance(flying[0], Future):
        return set(wait(flying, return_when=FIRST_COMPLETED).done)
    from distributed import wait as wait_for

    return set(wait_for(flying, return_when="FIRST_COMPLETED").done)


def _outcome(future: Any, frame: int) -> Outcome:
    """A task's outcome; a frame that kills every worker that takes it is that frame's problem."""
    if isinstance(future, Future):
        return future.result()
    from distributed.scheduler import KilledWorker

    try:
        return future.result()
    except KilledWorker as error:
        return Outcome(frame, 0.0, "none", f"frame {frame}: its workers died ({error}): give them more memory")


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
    FrameError
        Where no frame can be used.
    KnobError
        Where a knob does not fit these files.
    """
    start = time.time()
    job = Job(night, recipe, Path(out).resolve(), tuple(wanted), resume)
    ticket = ticket or Ticket()
    finished = prepare(job, overwrite)
    if finished is not None:
        return finished
    try:
        with _executor(workers, scheduler) as submit:
            report = _Run(job, submit, ticket, progress or (lambda *_: None), workers or FRAMES_IN_FLIGHT).go()
    except (FrameError, KnobError):
        # Nothing can be used, so there is nothing to go on with: the folder is as it was before.
        shutil.rmtree(job.partial, ignore_errors=True)
        with suppress(OSError):
            job.out.rmdir()
        raise
    report["seconds"] = round(time.time() - start, 3)
    products.write_text(job.out / "recipe.toml", dumps(recipe))
    products.write_report(job.out / "report.json", report)
    _graph.cache_clear()
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

    def go(self) -> dict[str, Any]:
        """Do it all and return the report."""
        graph, job = _graph(self.job.partial), self.job
        sequence = graph.result(job.night, job.recipe, "frames", ticket=self.ticket)
        usable = [i for i, why in enumerate(sequence.unusable) if not why]
        # The reference first: its numbers stand for "auto" in every other frame.
        graph.result(job.night, job.recipe, "stars", sequence.reference, ticket=self.ticket)
        total = 2 * len(usable)
        self._each("stars", find_stars, usable, 0, total)
        tracks = graph.result(job.night, job.recipe, "tracks", ticket=self.ticket)
        used = [i for i in usable if tracks.used[i]]
        if {"offsets", "maps"} & set(job.products):
            self._each("products", write_products, used, total - len(used), total)
        return self._report(graph, sequence, tracks)

    def _each(self, name: str, function: Callable[..., Outcome], frames: list[int], before: int, total: int) -> None:
        graph, job = _graph(self.job.partial), self.job
        tasks = [(i, self._task_key(graph, name, i)) for i in frames]

        def done(outcome: Outcome) -> None:
            self.ticket.check()
            self.outcomes[name].append(outcome)
            self.progress(name, before + len(self.outcomes[name]), total)

        _stream(self.submit, function, job, tasks, self.window, done)

    def _task_key(self, graph: Graph, name: str, frame: int) -> str:
        """The result's own key; that of products names the folder too, for two runs may share a cluster."""
        if name == "stars":
            return graph.key(self.job.night, self.job.recipe, "stars", frame)
        key = graph.key(self.job.night, self.job.recipe, "offset_map", frame)
        return result_key("products", 1, {"out": str(self.job.out), "wanted": self.job.products}, [key])

    def _report(self, graph: Graph, sequence: Any, tracks: Any) -> dict[str, Any]:
        job = self.job
        selection = graph.result(job.night, job.recipe, "selection")
        reference = sequence.frames[sequence.reference]
        written = {path: "written" for outcome in self.outcomes["products"] for path in outcome.written}
        if "offsets" in job.products:
            header = products.header_of(reference, job.recipe.hash, reference.file, f"Starshift {__version__}")
            products.write_tracks(job.out / "tracks.fits", tracks, header)
            products.write_frames(job.out / "frames.ecsv", products.frame_table(sequence, selection, tracks))
            written |= {"tracks.fits": "written", "frames.ecsv": "written"}
        problems = {outcome.frame: outcome.problem for outcome in self.outcomes["products"] if outcome.problem}
        frames = []
        for i, info in enumerate(sequence.frames):
            reason = problems.get(i) or ("" if tracks.used[i] else tracks.reason[i])
            frames.append({"file": info.file, "state": "left out" if reason else "done", "reason": reason})
        warnings = [*tracks.warnings, *(text for outcome in self.outcomes["products"] for text in outcome.warnings)]
        return {
            "format": 1,
            "state": job.state,
            "wanted": list(job.products),
            "reference": reference.file,
            "versions": _versions(),
            "frames": frames,
            "left_out": [{"file": file, "reason": reason} for file, reason in sequence.left_out],
            "products": dict(sorted(written.items())),
            "warnings": warnings,
            "stages": self._times(),
            "workers": self._workers(sequence),
        }

    def _times(self) -> dict[str, float]:
        """Seconds that each stage took, over all frames and workers."""
        times: dict[str, float] = {}
        for outcome in (*self.outcomes["stars"], *self.outcomes["products"]):
            for stage, seconds in outcome.stages.items():
                times[stage] = times.get(stage, 0.0) + seconds
        return {stage: round(seconds, 4) for stage, seconds in times.items()}

    def _workers(self, sequence: Any) -> dict[str, list[str]]:
        """The frames that each process did."""
        workers: dict[str, list[str]] = {}
        for outcome in self.outcomes["stars"]:
            workers.setdefault(outcome.worker, []).append(sequence.frames[outcome.frame].file)
        return workers


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    packages = ("numpy", "scipy", "numba", "astropy", "photutils", "rawpy")
    return {"starshift": __version__, **{name: version(name) for name in packages}}
