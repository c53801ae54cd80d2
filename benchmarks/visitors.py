"""Many visitors of one server: how soon a cheap knob answers each, and what memory is left when they are gone.

Each visitor is a context of its own of one Chromium, with a session, a websocket and a renderer of its own, about
0.2 GB each; visitors and server share this machine's processors. What visitors leave behind are the results that the
next ones need not wait for, in a store of at most 2 GB (``app.py``).
"""

from __future__ import annotations

import argparse
import threading
import time
from typing import Any

import numpy as np

from benchmarks import samples
from benchmarks.server import Server, chromium, served, visit
from benchmarks.table import Row, seconds

WARM = 5
# Bokeh forgets a session 15 s after its page is gone, and looks every 17 s.
FORGOTTEN = 40
TURNS = "([seconds, pause]) => { stopwatch.turns = stopwatch.keep_turning(seconds, pause) }"


class Sampled:
    """The server's memory, looked at twice a second."""

    def __init__(self, server: Server) -> None:
        self._server, self.most, self._ended = server, 0, threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Sampled:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(0.5):
            self.most = max(self.most, self._server.memory)


def rows(options: argparse.Namespace) -> list[Row]:
    """Answers under load, and memory; where there is a browser."""
    with chromium() as browser:
        if browser is None:
            return [Row("many visitors", "", "not measured: no Chromium here")]
        with served(samples.FOLDER) as server:
            made = _together(browser, server, options.visitors, options.seconds)
        with served(samples.FOLDER) as server:
            made += _in_turn(browser, server, options.pages)
    return made


def _together(browser: Any, server: Server, visitors: int, duration: float) -> list[Row]:
    visit(browser, server).context.close()
    time.sleep(FORGOTTEN)
    before = server.memory
    with Sampled(server) as memory:
        pages = []
        for i in range(visitors):
            pages.append(visit(browser, server))
            print(f"  {i + 1} of {visitors} are here, {megabytes(server.memory)}", flush=True)
        begin, processor = time.perf_counter(), server.processor
        for page in pages:
            page.evaluate(TURNS, [duration, 2000])
        times = [page.evaluate("() => stopwatch.turns") for page in pages]
        busy = (server.processor - processor) / (time.perf_counter() - begin)
        for page in pages:
            page.context.close()
    time.sleep(FORGOTTEN)
    answers = [answer for visitor in times for answer in visitor]
    missing = sum(answer is None for answer in answers)
    taken = np.array([answer for answer in answers if answer is not None]) / 1000
    half, most = np.percentile(taken, (50, 95))
    against = (
        f"median {seconds(half)} of {len(taken)} turns, {missing} without an answer, server at {busy:.0%} of a core"
    )
    after = server.memory
    return [
        Row(
            f"cheap knob of {visitors} visitors at once, p95", seconds(0.3), seconds(most), against,
            bool(most <= 0.3 and not missing),
        ),
        Row(
            f"memory left by {visitors} visitors", "bounded", megabytes(after - before),
            f"{megabytes(before)} before, {megabytes(memory.most)} at most, {megabytes(after)} after",
        ),
    ]  # fmt: skip


def _in_turn(browser: Any, server: Server, pages: int) -> list[Row]:
    for _ in range(WARM):
        visit(browser, server).context.close()
    time.sleep(FORGOTTEN)
    before = server.memory
    for _ in range(pages):
        visit(browser, server).context.close()
    time.sleep(FORGOTTEN)
    left = server.memory - before
    limit = 50_000_000
    return [
        Row(
            f"memory left by {pages} visits one after another", megabytes(limit), megabytes(left),
            f"{megabytes(before)} before", left <= limit,
        )
    ]  # fmt: skip


def megabytes(value: float) -> str:
    """A number of bytes as one reads it."""
    return f"{value / 1e6:.0f} MB"
