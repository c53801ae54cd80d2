"""What a run does with one frame, in a thread here or in another process: its star table, then its products."""

from __future__ import annotations

import functools
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.frame import Failure, FrameError
from pipeline.graph import writers
from pipeline.graph.output import Job, unwritten
from pipeline.graph.request import StageError
from pipeline.graph.run import Graph
from pipeline.graph.store import Store
from pipeline.graph.writers import MASTERS, Work
from pipeline.stage import STAGES

#: Bytes of results that a worker keeps in memory.
MEMORY = 800_000_000
#: Large results of a frame that nothing asks for again once its stars are found, and once its products are written.
AFTER_STARS = ("frame", "normalize", "candidates")
AFTER_PRODUCTS = (*AFTER_STARS, "calibrated", "background", "aligned", "offset_map")
KEPT = (
    "hot_pixels",
    *MASTERS,
    "stars",
    "tracks",
    "psf_photometry",
    "shifts",
    "reference",
    *(f"{name}.auto" for name in STAGES if STAGES[name].auto),
)


@dataclass
class Outcome:
    """What became of one frame in one task; ``failed`` is what another try may mend."""

    frame: int
    seconds: float
    worker: str
    problem: str = ""
    failed: bool = False
    stages: dict[str, float] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@functools.lru_cache(maxsize=2)
def graph_of(partial: Path) -> Graph:
    """One graph for each run and process; the run's tables lie on disk."""
    return Graph(Store(MEMORY, folder=partial / "store", kept_stages=KEPT))


def _task(job: Job, frame: int, work: Callable[[Graph, Job, Outcome], None]) -> Outcome:
    """Run one frame's work; what goes wrong with the frame stays with the frame."""
    graph = graph_of(job.partial)
    start, before = time.perf_counter(), set(tuple(graph.log))
    outcome = Outcome(frame, 0.0, f"{socket.gethostname()}-{os.getpid()}")
    try:
        work(graph, job, outcome)
    except FrameError as error:
        outcome.problem = str(error)
    except OSError as error:
        light = graph.result(job.night, job.recipe, "frames").frames[frame].file
        outcome.problem = f"{light}: its results {unwritten(error)}"
        outcome.failed = True
    outcome.seconds = time.perf_counter() - start
    for event in set(tuple(graph.log)) - before:
        if event.frame == frame and event.state == "ran":
            outcome.stages[event.stage] = event.seconds
    return outcome


def find_stars(job: Job, frame: int) -> Outcome:
    """Task: one frame from its file to its star table, which stays in the run's store."""
    return _task(job, frame, _find_stars)


def _find_stars(graph: Graph, job: Job, outcome: Outcome) -> None:
    work = Work(graph, job, outcome.frame, outcome.written, outcome.warnings)
    if work.ask("frames").calibration:
        work.warnings += work.ask("calibrated").warnings
    work.ask("stars")
    _done_with(graph, outcome.frame, AFTER_STARS)


def _done_with(graph: Graph, frame: int, stages: tuple[str, ...]) -> None:
    """Let some of a frame's results go before those of frames that are still to come."""
    graph.store.done_with(event.key for event in tuple(graph.log) if event.frame == frame and event.stage in stages)


def write_products(job: Job, frame: int) -> Outcome:
    """Task: one frame's products into the output folder."""
    return _task(job, frame, _write_products)


def _write_products(graph: Graph, job: Job, outcome: Outcome) -> None:
    work = Work(graph, job, outcome.frame, outcome.written, outcome.warnings)
    wanted = [product for product in writers.wanted(job) if product.each is not None]
    lost = ""
    if any(product.tracked for product in wanted):
        # A field that cannot be followed has products that need no tracks.
        try:
            tracks = work.ask("tracks")
            lost = "" if tracks.used[outcome.frame] else tracks.reason[outcome.frame]
        except StageError as error:
            lost = str(error)
    for product in wanted:
        if not (product.tracked and lost):
            product.each(work)
    _done_with(graph, outcome.frame, AFTER_PRODUCTS)
    if lost:
        raise StageError(Failure(work.light.file, "tracks", lost))
