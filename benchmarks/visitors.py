"""Many visitors of one server: how soon a cheap knob answers each, and what memory is left when they are gone.

Visitors bring machines of their own: most of them speak the page's protocol and paint nothing (``websocket_visitor``),
in a process apart from the server's. A few have a page in a Chromium, which shares this machine's processors: of thirty
such on two cores the renderers alone take seconds for what the server answers at once.

All turn the threshold first, among the same thirty-five values, whose results they soon share in the store. They come a
second time and turn the same: what memory grows by then are no results. At last each turns three knobs to values of
their own, and nearly every turn is new to the server.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import samples
from benchmarks.server import ROOT, Server, chromium, served, visit
from benchmarks.table import Row, seconds

WARM = 5
# Bokeh forgets a session 15 s after its page is gone, and looks every 17 s.
FORGOTTEN = 40
# Between two turns of one visitor, on average, seconds.
PAUSE = 2
GOAL = 0.3
# What thirty visitors who come again may add.
GROWTH = 50_000_000
SHARED, OWN = ("threshold",), ("threshold", "sharpness", "roundness")
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


class Crowd:
    """Visitors who paint nothing, in a process of their own."""

    def __init__(self, server: Server, count: int, turns: int, knobs: tuple[str, ...]) -> None:
        command = [sys.executable, "-m", "benchmarks.websocket_visitor", server.address, f"--visitors={count}"]
        command += [f"--turns={turns}", f"--pause={PAUSE}", "--knobs", *knobs]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count):
            self._next()

    def _next(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the visitors are gone before their time")
        return json.loads(line)

    def begin(self) -> None:
        """Have all turn their knobs."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def answers(self) -> tuple[np.ndarray, float]:
        """Seconds to the stars and to the tracks, NaN where there was no answer, and the process's share of a core."""
        told = self._next()
        return np.array(told["answers"], float).reshape(-1, 2), told["busy"]

    def leave(self) -> None:
        """Have all leave."""
        self._process.communicate()


@dataclass(frozen=True)
class Wave:
    """What came of visitors at once: answers, seconds; shares of a core; the most memory, bytes."""

    answers: np.ndarray
    painted: np.ndarray
    server: float
    crowd: float
    most: int


def rows(options: argparse.Namespace) -> list[Row]:
    """Answers under load, and memory."""
    with chromium() as browser:
        with served(samples.FOLDER, "benchmarks.told") as server:
            made = _together(browser, server, options)
        if browser is None:
            return [*made, Row("one visit after another", "", "not measured: no Chromium here")]
        with served(samples.FOLDER) as server:
            made += _in_turn(browser, server, options.pages)
    return made


def _together(browser: Any, server: Server, options: argparse.Namespace) -> list[Row]:
    Crowd(server, 1, 0, SHARED).leave()
    states = [_state(server)]
    waves = []
    for knobs in (SHARED, SHARED, OWN):
        waves.append(_wave(browser, server, options, knobs))
        states.append(_state(server))
    name = f"cheap knob of {options.visitors} visitors at once"
    made = []
    if len(waves[0].answers):
        made = [_answered(name, waves[0], GOAL), _answered(f"{name}, each turn new to the server", waves[2], None)]
    if len(waves[0].painted):
        made.append(_painted(waves[0]))
    return [*made, *_memory(options.visitors, waves, states)]


def _wave(browser: Any, server: Server, options: argparse.Namespace, knobs: tuple[str, ...]) -> Wave:
    browsers = 0 if browser is None else options.browsers
    with Sampled(server) as memory:
        crowd = Crowd(server, options.visitors - browsers, round(options.seconds / PAUSE), knobs)
        pages = [visit(browser, server) for _ in range(browsers)]
        print(f"  {options.visitors} are here, {megabytes(server.memory)}", flush=True)
        begin, processor = time.perf_counter(), server.processor
        for page in pages:
            page.evaluate(TURNS, [options.seconds, 1000 * PAUSE])
        crowd.begin()
        answers, share = crowd.answers()
        painted = [answer for page in pages for answer in page.evaluate("() => stopwatch.turns")]
        busy = (server.processor - processor) / (time.perf_counter() - begin)
        for page in pages:
            page.context.close()
        crowd.leave()
    return Wave(answers, np.array(painted, float) / 1000, busy, share, memory.most)


def _state(server: Server) -> tuple[int, dict[str, int]]:
    """Memory, and what the server says of it, when nobody is there any more."""
    time.sleep(FORGOTTEN)
    told = server.told()
    return server.memory, told


def _half_and_most(times: np.ndarray) -> tuple[float, float]:
    """Median and 95th percentile, seconds; a turn without an answer counts as longer than any."""
    half, most = np.percentile(np.nan_to_num(times, nan=np.inf), (50, 95), method="higher")
    return half, most


def _answered(name: str, wave: Wave, goal: float | None) -> Row:
    stars, tracks = wave.answers.T
    (half, most), (_, latest) = _half_and_most(stars), _half_and_most(tracks)
    missing = int(np.isnan(stars).sum())
    against = f"median {seconds(half)}, tracks too {seconds(latest)}, {len(stars)} turns, {missing} without an answer"
    against += f"; server at {wave.server:.0%} of a core, visitors at {wave.crowd:.0%}"
    met = None if goal is None else bool(most <= goal)
    return Row(f"{name}, p95", "" if goal is None else seconds(goal), seconds(most), against, met)


def _painted(wave: Wave) -> Row:
    half, most = _half_and_most(wave.painted)
    return Row(
        "from event to paint on a page in a browser among them, p95", "", seconds(most),
        f"median {seconds(half)} of {len(wave.painted)} turns; the browser shares the processors",
    )  # fmt: skip


def _memory(visitors: int, waves: list[Wave], states: list[tuple[int, dict[str, int]]]) -> list[Row]:
    """What is left: results, which the store bounds, and beside them nothing that grows with each visit."""
    (before, _), (first, told), (second, _), (last, full) = states
    held = max(state["pages"] for _, state in states)
    words = "{} before, {} at most, {} after; {} results of {} in the store, {} pages held"
    grown = words.format(
        megabytes(before), megabytes(waves[0].most), megabytes(first), told["results"], megabytes(told["bytes"]), held
    )
    most = f"{full['results']} results of {megabytes(full['bytes'])}, which share arrays; {megabytes(last)} after"
    return [
        Row(f"memory left by {visitors} visitors", "", megabytes(first - before), grown),
        Row(
            f"memory left by {visitors} visitors who come again and turn the same", megabytes(GROWTH),
            megabytes(second - first), "", bool(second - first <= GROWTH and not held),
        ),
        Row("memory at most, the store filled by such turns", "bounded", megabytes(waves[2].most), most),
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
