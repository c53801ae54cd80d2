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

APP = Path(__file__).parents[2] / "app.py"
PATIENCE = 90_000
USUAL = re.compile(r"WebSocket connection|ServerConnection|Bokeh app running|Starting Bokeh server|^\s*$")


@contextmanager
def served(root, base):
    """``panel serve app.py`` on a data root; its cache, its uploads and its log lie below ``base``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log, temporary = base / "server.log", base / "temporary"
    temporary.mkdir()
    places = {"XDG_CACHE_HOME": str(base / "cache"), "TMPDIR": str(temporary), "BOKEH_RESOURCES": "server"}
    command = [sys.executable, "-m", "panel", "serve", str(APP), "--port", str(port), "--address", "127.0.0.1"]
    # Sessions that nobody looks at any more end at once, so that a test need not wait for it.
    command += ["--check-unused-sessions", "500", "--unused-session-lifetime", "500"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--args", "--data", str(root)],
            stdout=output, stderr=output, env={**os.environ, **places}, cwd=APP.parent,
        )  # fmt: skip
        try:
            for _ in range(600):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield SimpleNamespace(
                address=f"http://127.0.0.1:{port}/app", host=f"127.0.0.1:{port}", root=root, log=log,
                temporary=temporary, process=process,
            )  # fmt: skip
        finally:
            process.terminate()
            process.wait(20)
            shutil.rmtree(temporary, ignore_errors=True)


def said(log):
    """What the server had to say beside its usual."""
    return [line for line in log.read_text().splitlines() if not USUAL.search(line)]


def visit(browser, address, *, stars=True, **options):
    """Open a page and wait for its stars; what went wrong on it is in its ``problems``."""
    page = browser.new_page(**{"viewport": {"width": 1440, "height": 900}, **options})
    page.set_default_timeout(PATIENCE)
    page.problems = []
    page.on("console", lambda m: m.type in ("error", "warning") and page.problems.append(m.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.goto(address)
    page.wait_for_function("() => window.Bokeh && Bokeh.documents.length > 0")
    page.evaluate("() => { window.model = (name) => Bokeh.documents[0].get_model_by_name(name) }")
    if stars:
        settle(page)
    return page


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
