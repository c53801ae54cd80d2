"""A server of the page for tests, and what a visitor does on it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import panel as pn
import pytest

from ui import nodelay, unsent

APP = Path(__file__).parents[2] / "app.py"
PATIENCE = 40_000
# What software says that stands in for a graphics card.
DRIVER = "GPU stall due to ReadPixels"
USUAL = re.compile(
    r"[Uu]nused sessions|WebSocket connection|ServerConnection|Bokeh app running|Starting Bokeh server|^\s*$"
    r"|Failed sending message as connection was closed"
)

# A browser that leaves while a message is on its way to it, as tornado tells it.
# Before it had a session, or later.
LEFT = re.compile(
    r"^.*Task exception was never retrieved\n(?:(?!^\d{4}-).*\n)*?^.*WebSocketClosedError$"
    r"|^.*Uncaught exception GET /\S*ws .*\n(?:(?!^\d{4}-).*\n)*?"
    r"^ *assert self\._session is not None\n(?: *\^+\n)?AssertionError$",
    re.MULTILINE,
)


@contextmanager
def served(root, base, *, patience=5):
    """``panel serve app.py`` on a data root; its cache, its uploads and its log lie below ``base``.

    Sessions that nobody looks at end after ``patience`` seconds, so that a test need not wait for it.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log, temporary = base / "server.log", base / "temporary"
    temporary.mkdir()
    places = {"XDG_CACHE_HOME": str(base / "cache"), "TMPDIR": str(temporary), "BOKEH_RESOURCES": "server"}
    command = [sys.executable, "-m", "panel", "serve", str(APP), "--port", str(port), "--address", "127.0.0.1"]
    command += ["--check-unused-sessions", "500", "--unused-session-lifetime", str(round(1000 * patience))]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--args", "--data", str(root)],
            stdout=output, stderr=output, env={**os.environ, **places}, cwd=APP.parent,
        )  # fmt: skip
        try:
            _wait_for("127.0.0.1", port)
            yield SimpleNamespace(
                address=f"http://127.0.0.1:{port}/app", host=f"127.0.0.1:{port}", root=root, log=log,
                temporary=temporary, process=process,
            )  # fmt: skip
        finally:
            process.terminate()
            process.wait(20)
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def serving(make):
    """The address of a page of some parts, served by this process."""
    nodelay.install()
    unsent.install()
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    patch = pytest.MonkeyPatch()
    patch.setenv("BOKEH_RESOURCES", "server")
    thread = pn.serve(make, port=port, show=False, threaded=True, verbose=False)
    try:
        _wait_for("localhost", port)
        yield f"http://localhost:{port}/"
    finally:
        thread.stop()
        patch.undo()


def _wait_for(host, port):
    """Wait until somebody listens."""
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex((host, port)) == 0:
                return
        time.sleep(0.1)


def said(log):
    """What the server had to say beside its usual."""
    return [line for line in LEFT.sub("", log.read_text()).splitlines() if not USUAL.search(line)]


def visit(browser, address, *, stars=True, **options):
    """Open a page and wait for its stars; what went wrong on it is in its ``problems``."""
    page = browser.new_page(**{"viewport": {"width": 1440, "height": 900}, **options})
    page.set_default_timeout(PATIENCE)
    page.problems = []
    loud = ("error", "warning")
    page.on("console", lambda m: m.type in loud and DRIVER not in m.text and page.problems.append(m.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("request", lambda r: r.url.startswith(("http://127.0.0.1:", "http://localhost:", "data:", "blob:"))
            or page.problems.append(r.url))  # fmt: skip
    page.goto(address)
    page.wait_for_function("() => window.Bokeh && Bokeh.documents.length > 0")
    page.evaluate("() => { window.model = (name) => Bokeh.documents[0].get_model_by_name(name) }")
    if stars:
        settle(page)
    return page


@contextmanager
def alone(browser, address, columns, **viewport):
    """A newly opened page without stages, once its picture shows at least so many columns; nothing goes wrong on it."""
    page = visit(browser, address, stars=False, viewport=viewport)
    page.wait_for_function("() => window.model('picture fine 0')?.data.image.length > 0")
    page.wait_for_function(f"() => model('picture x').end - model('picture x').start >= {columns}")
    page.wait_for_timeout(500)
    yield page
    page.close()
    assert page.problems == []


SETTLED = """() => {
    const deep = (root) => [...root.querySelectorAll('*')].flatMap((e) => e.shadowRoot ? deep(e.shadowRoot) : [])
        .concat([...root.querySelectorAll('.stage')])
    const rows = deep(document)
    const unmade = (r) => r.classList.contains('idle') && ['frames', 'stars', 'tracks'].includes(r.dataset.stage)
    return rows.length > 5 && !rows.some((r) => r.classList.contains('running') || unmade(r))
}"""


def settle(page):
    """Wait until the stages that are always on screen are made, and none is running."""
    page.wait_for_function(SETTLED)
    page.wait_for_timeout(500)


def menu(page, button, entry):
    """Choose from a menu of the top bar."""
    page.get_by_role("button", name=button).click()
    page.get_by_role("menuitem", name=entry).click()


def turn(page, knob, text):
    """Write a number into a knob's field."""
    field = page.get_by_role("textbox", name=knob)
    field.fill(text)
    field.press("Enter")
    settle(page)


def kept(page):
    """How many stars the frame shown has, as the page says."""
    return int(page.locator(".summary b").first.inner_text())


def circles(page):
    """How many stars have a circle on the picture."""
    names = ("complete", "partial", "star")
    return sum(page.evaluate(f"() => model('picture {name}').indices.length") for name in names)


def place(page):
    """Which part of the frame the picture shows: ends along x and y."""
    return page.evaluate("() => ['x', 'y'].map((n) => [model(`picture ${n}`).start, model(`picture ${n}`).end])")


def spot(page, x, y):
    """The place on screen of a point of the first picture's image."""
    box = page.locator(".bk-Figure").first.bounding_box()
    (left, right), (bottom, top) = place(page)
    return box["x"] + (x - left) / (right - left) * box["width"], box["y"] + (y - top) / (bottom - top) * box["height"]


def wait_until(page, holds):
    """Wait until something holds beside the browser, or three seconds have passed."""
    for _ in range(60):
        if holds():
            return
        page.wait_for_timeout(50)


def at_rest(page, element):
    """Where an element lies, once that has stayed for a third of a second."""
    box, before = element.bounding_box(), None
    while box != before:
        page.wait_for_timeout(300)
        box, before = element.bounding_box(), box
    return box


def drag_threshold(page, share):
    """Drag the threshold's handle by a share of its slider; the hand stays on it."""
    slider = page.get_by_role("slider", name="threshold")
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    at = float(slider.input_value()) / 1000
    page.mouse.move(box["x"] + 6 + at * (box["width"] - 12), middle)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(box["x"] + 6 + (at + share * step / 8) * (box["width"] - 12), middle)
        page.wait_for_timeout(30)
