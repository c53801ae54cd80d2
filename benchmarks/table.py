"""Rows of the table, and how times are taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

HEADS = ("step", "target", "reached", "against", "")


@dataclass(frozen=True)
class Row:
    """One figure.

    Parameters
    ----------
    step : str
        What was measured.
    target : str
        What it should be, "" where nothing is asked.
    reached : str
        What it is.
    against : str
        The slow reference or the independent program of the same run, and the ratio to it.
    met : bool or None
        Whether the target is met; None where there is none, or it could not be measured.
    """

    step: str
    target: str
    reached: str
    against: str = ""
    met: bool | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        """Texts of the row."""
        return (self.step, self.target, self.reached, self.against, {True: "ok", False: "missed", None: ""}[self.met])


@dataclass(frozen=True)
class Timing:
    """Seconds on the clock and seconds of processor time, of the run that was shortest on the clock."""

    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{seconds(self.wall)} ({seconds(self.processor)} of processor)"


def measured(function: Callable[[], Any], repeats: int = 5) -> Timing:
    """Time a call: the best of some, as other programs on the machine only ever add."""
    timings = []
    for _ in range(repeats):
        wall, processor = time.perf_counter(), time.process_time()
        function()
        timings.append(Timing(time.perf_counter() - wall, time.process_time() - processor))
    return min(timings, key=lambda timing: timing.wall)


def seconds(value: float) -> str:
    """A time as one reads it."""
    if value < 0.0995:
        return f"{1000 * value:.3g} ms"
    return f"{value:.2f} s" if value < 100 else f"{value:.0f} s"


def timed(step: str, limit: float | None, timing: Timing, against: str = "") -> Row:
    """A row for a time that should not exceed a limit, seconds."""
    if limit is None:
        return Row(step, "", str(timing), against)
    return Row(step, seconds(limit), str(timing), against, timing.wall <= limit)


def within(step: str, low: float, high: float, value: float, unit: str = "", against: str = "") -> Row:
    """A row for a number that should lie between two bounds; an infinite bound is none."""
    target = {
        (True, True): f"{low:g} to {high:g}",
        (True, False): f"at least {low:g}",
        (False, True): f"at most {high:g}",
    }[low > -float("inf"), high < float("inf")]
    unit = f" {unit}" if unit else ""
    return Row(
        step,
        target + unit,
        f"{value:.0f}{unit}" if abs(value) >= 1000 else f"{value:.3g}{unit}",
        against,
        low <= value <= high,
    )


def markdown(rows: Iterable[Row]) -> str:
    """The table as text that is as easy to read as its source."""
    cells = [HEADS, *(row.cells for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEADS))]
    lines = [
        "| " + " | ".join(f"{text:{width}}" for text, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"
