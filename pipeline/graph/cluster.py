"""Where a run's tasks are carried out: threads here, processes of a dask cluster here, or a running cluster."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

from pipeline.graph.output import Job, RunError
from pipeline.graph.tasks import Outcome

#: Frames that a run without workers of its own works on at a time.
FRAMES_IN_FLIGHT = 2
#: How long a scheduler may take to answer.
PATIENCE = "20s"


@contextmanager
def executor(workers: int | None, scheduler: str | None) -> Iterator[Any]:
    """Something with ``submit``: threads here, processes here, or a running cluster."""
    if workers is None and scheduler is None:
        with ThreadPoolExecutor(FRAMES_IN_FLIGHT, thread_name_prefix="batch") as pool:
            yield lambda function, job, frame, key: pool.submit(function, job, frame)
        return
    from distributed import Client, LocalCluster

    cluster = None
    if scheduler is None:
        # A worker that is slow to end is no news for a user.
        cluster = LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=logging.ERROR
        )
    try:
        with _client(Client, scheduler if cluster is None else cluster) as client:

            def submit(function: Callable[..., Outcome], job: Job, frame: int, key: str) -> Any:
                return client.submit(function, job, frame, key=key, pure=True, retries=2)

            yield submit
    finally:
        if cluster is not None:
            cluster.close()


def stream(
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
        return Outcome(frame, 0.0, "none", f"frame {frame + 1}: its workers died ({error}): give them more memory")


def _client(kind: Any, cluster: Any) -> Any:
    """A connection to a cluster."""
    try:
        return kind(cluster, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        remedy = "start one with dask scheduler, and give its address as tcp://HOST:PORT"
        raise RunError(f"--scheduler {cluster}: no scheduler answers there ({reason}): {remedy}") from None
