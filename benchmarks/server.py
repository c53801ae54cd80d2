"""The app in a process of its own, as ``panel serve app.py`` runs it, and a browser to look at it."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
PATIENCE = 60
SETTLED = """(still) => {
    const rows = parts('.stage'), is = (row, state) => row.classList.contains(state)
    // Some stages are made when something shows them; these are on the page always.
    const [first, shown] = [['frames', 'normalize', 'stars', 'tracks'], ['fresh', 'stored', 'failed']]
    const here = rows.filter((row) => first.includes(row.dataset.stage) && shown.some((state) => is(row, state)))
    if (here.length < first.length || rows.some((row) => is(row, 'running'))) return false
    const now = stopwatch.messages + stopwatch.paints
    if (now !== stopwatch.last) { stopwatch.last = now; stopwatch.since = performance.now() }
    return performance.now() - stopwatch.since > still
}"""


class Server:
    """``panel serve app.py`` with a data folder, and maybe with plugins of Panel's."""

    def __init__(self, data: Path, *plugins: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "panel", "serve", str(ROOT / "app.py"), "--port", str(self.port)]
        command += ["--address", "127.0.0.1", *(f"--plugins={plugin}" for plugin in plugins)]
        command += ["--args", "--data", str(data)]
        self.address = f"http://127.0.0.1:{self.port}/app"
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._known = psutil.Process(self._process.pid)

    def wait(self) -> None:
        """Wait until it listens."""
        end = time.perf_counter() + PATIENCE
        while time.perf_counter() < end and self._process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return
            time.sleep(0.01)
        raise RuntimeError(f"panel serve app.py: does not listen after {PATIENCE} s")

    @property
    def processor(self) -> float:
        """Seconds of processor time taken so far."""
        times = self._known.cpu_times()
        return times.user + times.system

    @property
    def memory(self) -> int:
        """Bytes resident."""
        return self._known.memory_info().rss

    def told(self) -> dict[str, int]:
        """What it says of itself, where the plugin ``benchmarks.told`` is there."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/told") as answer:
            return json.load(answer)

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()


@contextlib.contextmanager
def served(data: Path, *plugins: str) -> Iterator[Server]:
    """A server that listens."""
    server = Server(data, *plugins)
    try:
        server.wait()
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium; None where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        yield None
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as runner:
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        # Of many pages each is to run as if it were in front.
        options += ["--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows"]
        options += ["--disable-renderer-backgrounding"]
        browser = runner.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()


def visit(browser: Any, server: Server, *, wait: bool = True) -> Any:
    """A visitor of their own with a stopwatch in the page."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(1000 * PATIENCE)
    # Who comes the first time is shown a tour, whose card would lie over the picture.
    page.add_init_script("localStorage.setItem('starshift tour', 'seen')")
    page.add_init_script((Path(__file__).parent / "stopwatch.js").read_text(encoding="utf-8"))
    page.goto(server.address)
    if wait:
        page.wait_for_function("() => window.Bokeh && Bokeh.documents.length > 0 && model('track series')")
        page.evaluate("() => stopwatch.hook()")
        settle(page)
    return page


class NotStillError(RuntimeError):
    """A page that does not come to rest."""


def settle(page: Any, still: float = 250) -> None:
    """Wait until no stage runs and neither a message nor a paint came for a while, ms."""
    from playwright.sync_api import TimeoutError as TooLateError

    try:
        page.wait_for_function(SETTLED, arg=still, polling=50)
    except TooLateError:
        rows = page.evaluate("() => parts('.stage').map((row) => `${row.dataset.stage} ${row.className}`)")
        states = ", ".join(" ".join(row.replace(" stage ", " ").split()) for row in rows)
        raise NotStillError(f"the page did not come to rest within {PATIENCE} s: {states}") from None


def open_folder(page: Any, name: str) -> None:
    """Open a folder of the data root by the dialog, and every frame of it once."""
    page.locator("button", has_text="Sample:").first.click()
    page.get_by_role("menuitem", name="Open a folder").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text(name, exact=True).click()
    dialog.get_by_role("button", name="Open ").filter(has_text="frames").click()
    page.locator("button", has_text=f"{name},").wait_for()
    settle(page, 1000)
