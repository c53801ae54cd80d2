"""The page in a real browser: from an event to the frame that shows its result, on eight frames of 24 megapixels."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import samples
from benchmarks.server import NotStillError, Server, chromium, open_folder, served, settle, visit
from benchmarks.table import Row, seconds

FRAMES = 8
REPEATS = 30
STARTS = 5
Act = Callable[[Any, int], None]
ANY = "() => true"
PICTURE = ("picture",)


@dataclass(frozen=True)
class Action:
    """One row: what is done, what must be seen, and how soon.

    Parameters
    ----------
    name : str
        As the table has it.
    goals : (float, float)
        Median and 95th percentile, seconds.
    event : str
        Type of the event that starts the watch.
    act : callable
        Does it once; called with the page and the repetition's number.
    drawn : str
        JavaScript of what is shown now and was before: true once the data of the result are there.
    figures : tuple of str
        Which figures must be painted with them: "picture", "pictures", "tracks".
    written : str
        JavaScript of the same: true once words and numbers beside the figures tell of the result.
    """

    name: str
    goals: tuple[float, float]
    event: str
    act: Act
    drawn: str
    figures: tuple[str, ...] = PICTURE
    written: str = ANY


@dataclass(frozen=True)
class Taken:
    """What the repetitions of an action took; times in seconds, each of the others a mean of one repetition."""

    times: np.ndarray
    sent: float
    received: float
    messages: float
    paints: float
    busy: float
    server: float


class NotSeenError(RuntimeError):
    """An action whose result did not come."""


def measure(page: Any, server: Server, action: Action, repeats: int = REPEATS) -> Taken:
    """Repeat an action; a repetition whose result does not come is an error."""
    runs, before = [], server.processor
    for i in range(repeats):
        settle(page)
        options = json.dumps({"type": action.event, "figures": list(action.figures), "patience": 15000})
        page.evaluate(f"() => stopwatch.arm({options}, {action.drawn}, {action.written})")
        action.act(page, i)
        runs.append(page.evaluate("() => stopwatch.result"))
        if runs[-1]["time"] is None:
            raise NotSeenError(f"repetition {i + 1} showed no result")
    settle(page)
    means = {name: float(np.mean([run[name] for run in runs])) for name in runs[0] if name != "time"}
    means["busy"] /= 1000
    times = np.array([run["time"] for run in runs]) / 1000
    return Taken(times, **means, server=(server.processor - before) / repeats)


def row(name: str, goals: tuple[float, float], taken: Taken) -> Row:
    """A row of the table."""
    half, most = np.percentile(taken.times, (50, 95))
    size = (taken.received + taken.sent) / 1000
    against = (
        f"{size:.0f} kB in {taken.messages:.0f} messages, server {seconds(taken.server)}, "
        f"{taken.paints:.0f} paints of {seconds(taken.busy)}"
    )
    return Row(
        name, f"{seconds(goals[0])} / {seconds(goals[1])}", f"{seconds(half)} / {seconds(most)}", against,
        bool(half <= goals[0] and most <= goals[1]),
    )  # fmt: skip


# Hands


def choose(label: str, *options: str) -> Act:
    """Choose options of a select in turn."""
    return lambda page, i: page.get_by_label(label, exact=True).select_option(options[i % len(options)])


def press(label: str) -> Act:
    """Press a button."""
    return lambda page, i: page.get_by_role("button", name=label, exact=True).click()


def enter(field: str, value: Callable[[int], float]) -> Act:
    """Type a number into a knob's field; the watch starts with the Enter key."""

    def act(page: Any, i: int) -> None:
        box = page.get_by_role("textbox", name=field, exact=True)
        box.fill(f"{value(i):g}")
        box.press("Enter")

    return act


@contextmanager
def held(page: Any, slider: str, far: float) -> Iterator[Act]:
    """Take a knob's slider in hand; each act moves it on, back and forth in the far part of a share of its way."""
    handle = page.get_by_role("slider", name=slider, exact=True)
    box = handle.bounding_box()
    at, middle = float(handle.input_value()) / 1000, box["y"] + box["height"] / 2
    way = box["width"] - 12

    def act(page: Any, i: int) -> None:
        share = far * (0.4 + 0.06 * abs(i % 20 - 10))
        page.mouse.move(box["x"] + 6 + (at + share) * way, middle)

    page.mouse.move(box["x"] + 6 + at * way, middle)
    page.mouse.down()
    yield act
    page.mouse.up()
    settle(page)


def wheel(page: Any, i: int) -> None:
    """Zoom in at one place of four, or out again."""
    box = page.locator(".bk-Figure:visible").first.bounding_box()
    x, y = ((0.3, 0.3), (0.7, 0.3), (0.3, 0.7), (0.7, 0.7))[i // 6 % 4]
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.mouse.wheel(0, -300 if i % 6 < 3 else 300)


def step(page: Any, i: int) -> None:
    """Step through all frames, forth and back."""
    forth = i // (FRAMES - 1) % 2 == 0
    page.get_by_role("button", name="Next frame" if forth else "Previous frame").click()


def pick(page: Any, i: int) -> None:
    """Click on a star that is in every frame."""
    where = page.evaluate(
        """(i) => {
            const rows = model('picture complete').indices, {x, y} = seen().stars
            const inside = rows.filter((k) => x[k] > 300 && x[k] < 5700 && y[k] > 300 && y[k] < 3700)
            const k = inside[Math.floor((i * 0.618 % 1) * inside.length)]
            const [xs, ys] = [model('picture x'), model('picture y')]
            return [(x[k] - xs.start) / (xs.end - xs.start), (y[k] - ys.end) / (ys.start - ys.end)]
        }""",
        i,
    )
    box = page.locator(".bk-Figure:visible").first.bounding_box()
    page.mouse.click(box["x"] + where[0] * box["width"], box["y"] + where[1] * box["height"])


def unfold(page: Any, stage: str) -> None:
    """Open a stage in the list, and all its knobs."""
    place = page.locator(f"[data-stage={stage}]")
    if "open" not in place.get_attribute("class").split():
        place.locator(".row").click()
        settle(page)
    more = place.get_by_role("button", name="more knob")
    if more.count():
        more.click()
    settle(page)


def reset(page: Any) -> None:
    """All knobs at their defaults."""
    page.get_by_role("button", name="Recipe").click()
    page.get_by_role("menuitem", name="Use our defaults").click()
    settle(page, 1000)


# Rows

REPAINTED = "(now, was) => now.fine[0] !== was.fine[0] && now.cuts[0] === was.cuts[0]"
RINGS = "(now, was) => now.rings !== was.rings"
COUNT = "(now, was) => now.count !== was.count"
FOLLOWED = "(now, was) => now.series !== was.series && now.stars !== was.stars && now.tracked"
TRACKS = "(now, was) => now.series !== was.series"
NEW_PICTURE = "(now, was) => now.key !== was.key && now.stars !== was.stars"
WHOLE_NEW = "(now, was) => now.key !== was.key && now.series !== was.series && now.stars !== was.stars && now.tracked"
STEPPED = "(now, was) => now.key !== was.key && now.stars !== was.stars && now.tracked"
PICKED = "(now, was) => now.star !== was.star && now.star.dx.length > 0 && now.picked !== was.picked"
SHARP = """(now, was) => [...Array(PICTURES).keys()].every((i) => {
    const cut = now.cuts[i]
    const [from, to] = [Math.max(now.x[0], -0.5), Math.min(now.x[1], cut.nx[0] - 0.5)]
    const shares = (now.x[1] - now.x[0]) !== (was.x[1] - was.x[0])
    return shares && cut !== was.cuts[i] && Math.abs(cut.x[0] - from) <= cut.step[0]
        && Math.abs(cut.x[0] + cut.width[0] - to) <= cut.step[0] && now.fine[i] !== was.fine[i]
})"""


def looks() -> list[Action]:
    """What the browser does alone."""
    fast = (0.050, 0.090)
    return [
        Action("stretch", fast, "input", choose("Stretch", "linear", "asinh"), REPAINTED),
        Action("colour map", fast, "input", choose("Colours", "viridis", "grey"), REPAINTED),
    ]


def with_star_knobs(page: Any, server: Server) -> Iterator[Row]:
    """The knobs of the stars."""
    unfold(page, "stars")
    cheap, followed = (0.060, 0.100), (0.120, 0.200)
    for slider, far in (("threshold", 0.6), ("sharpness, low", 0.35), ("roundness, high", -0.35)):
        with held(page, slider, far) as act:
            name = f"{slider}: circles and count"
            yield run(page, server, Action(name, cheap, "pointermove", act, RINGS, written=COUNT))
        reset(page)
    act = enter("brightest", lambda i: 1500 - 3 * i)
    yield run(page, server, Action("brightest: circles and count", cheap, "keydown", act, RINGS, written=COUNT))
    reset(page)
    both = ("picture", "tracks")
    act = enter("threshold", lambda i: 12 + i / 4)
    yield run(page, server, Action("threshold: tracks and map markers too", followed, "keydown", act, FOLLOWED, both))
    page.get_by_role("tab", name="Stars").click()
    page.locator(".tabulator-row").first.wait_for()
    settle(page)
    page.evaluate("() => stopwatch.watch_table()")
    act = enter("threshold", lambda i: 12.1 + i / 4)
    table = "(now, was) => now.table > was.table"
    drawn = "(now, was) => now.stars !== was.stars && now.tracked"
    yield run(page, server, Action("threshold: star table too", followed, "keydown", act, drawn, written=table))
    page.get_by_role("tab", name="Tracks").click()
    reset(page)


def with_other_knobs(page: Any, server: Server) -> Iterator[Row]:
    """The knobs whose results the server makes."""
    both = ("picture", "tracks")
    knobs = (
        ("tracks", "proximity", lambda i: 2 + i / 10, (0.130, 0.220), "tracks, attrition", TRACKS, ("tracks",)),
        ("normalize", "red", lambda i: 1.3 + i / 50, (0.350, 0.600), "picture and stars", NEW_PICTURE, PICTURE),
        ("candidates", "fwhm", lambda i: 4 + i / 10, (0.9, 1.5), "everything on screen", FOLLOWED, both),
        ("background", "box_size", lambda i: 80 + i, (0.9, 1.5), "everything on screen", WHOLE_NEW, both),
    )
    for stage, knob, value, goals, what, drawn, figures in knobs:
        unfold(page, stage)
        label = knob.replace("_", " ")
        yield run(page, server, Action(f"{label}: {what}", goals, "keydown", enter(label, value), drawn, figures))
        reset(page)


def with_the_mouse(page: Any, server: Server) -> Iterator[Row]:
    """Zoom, frames and stars."""
    sharp = SHARP.replace("PICTURES", "1")
    yield run(page, server, Action("zoom to sharp pixels", (0.060, 0.100), "wheel", wheel, sharp))
    press("Whole frame")(page, 0)
    for i in range(2 * (FRAMES - 1)):
        step(page, i)
        settle(page)
    yield run(page, server, Action("next frame, already seen", (0.060, 0.100), "pointerup", step, STEPPED))
    yield run(
        page, server, Action("pick a star: all views", (0.100, 0.170), "pointerup", pick, PICKED, ("picture", "star"))
    )
    press("Four pictures")(page, 0)
    settle(page, 1500)
    page.evaluate("() => stopwatch.find_figures()")
    sharp = SHARP.replace("PICTURES", "4")
    yield run(page, server, Action("zoom, four linked", (0.110, 0.220), "wheel", wheel, sharp, ("pictures",)))
    press("One picture")(page, 0)
    settle(page, 1000)


def beside(browser: Any, page: Any, server: Server) -> Iterator[Row]:
    """A cheap knob of one visitor while another's box size is computed."""
    other = visit(browser, server)
    open_folder(other, "large")
    unfold(other, "background")
    unfold(page, "stars")
    turn = enter("box size", lambda i: 130 + i)
    with held(page, "threshold", 0.6) as act:

        def both(page: Any, i: int) -> None:
            turn(other, i)
            time.sleep(0.15)
            act(page, i)

        name = "cheap knob while another visitor's frames are computed"
        yield run(page, server, Action(name, (0.030, 0.080), "pointermove", both, RINGS, written=COUNT))
    other.context.close()


def run(page: Any, server: Server, action: Action) -> Row:
    """Measure an action and print its row at once; one that fails is a row that misses, and the others follow."""
    try:
        made = row(action.name, action.goals, measure(page, server, action))
    except (NotSeenError, NotStillError) as error:
        goals = " / ".join(seconds(goal) for goal in action.goals)
        made = Row(action.name, goals, "failed", str(error), False)
    print("  " + " | ".join(made.cells), flush=True)
    return made


# First pages


def first_pages(browser: Any) -> Iterator[Row]:
    """From ``panel serve`` to a page with picture, stars and count; and the same for a later visitor."""
    kinds: dict[str, list[float]] = {
        "panel serve app.py to a usable first page": [],
        "a later visitor's first page": [],
    }
    for _ in range(STARTS):
        begin = time.perf_counter()
        with served(samples.FOLDER) as server:
            for times in kinds.values():
                page = visit(browser, server, wait=False)
                page.wait_for_function(USABLE, polling=20)
                times.append(time.perf_counter() - begin)
                settle(page)
                page.context.close()
                begin = time.perf_counter()
    for (name, times), goals in zip(kinds.items(), ((5.0, 7.0), (2.5, 3.5)), strict=True):
        half, most = np.percentile(times, (50, 95))
        reached = f"{seconds(half)} / {seconds(most)}"
        yield Row(
            name, f"{seconds(goals[0])} / {seconds(goals[1])}", reached, "", bool(half <= goals[0] and most <= goals[1])
        )


USABLE = """() => window.Bokeh && Bokeh.documents.length > 0 && model('picture fine 0')?.data.image.length > 0
    && model('picture stars').data.x.length > 0 && Number(part('.summary b')?.textContent) > 0"""


def rows(options: argparse.Namespace) -> list[Row]:
    """All rows, where there is a browser."""
    samples.files("large")
    with chromium() as browser:
        if browser is None:
            return [Row("the page's latency", "", "not measured: no Chromium here")]
        made = list(first_pages(browser))
        with served(samples.FOLDER) as server:
            page = visit(browser, server)
            open_folder(page, "large")
            page.evaluate("() => stopwatch.find_figures()")
            made += [run(page, server, action) for action in looks()]
            for part in (with_star_knobs, with_the_mouse, with_other_knobs):
                made += part(page, server)
            made += beside(browser, page, server)
    return made
