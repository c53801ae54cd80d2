"""From a cold process: the command that lists the stages, and the app until its page shows stars."""

from __future__ import annotations

import argparse
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import samples
from benchmarks.table import Row, measured, seconds
from pipeline.graph.run import Graph
from pipeline.recipe import Recipe

ROOT = Path(__file__).parents[1]
PATIENCE = 30


def rows(options: argparse.Namespace) -> list[Row]:
    """The command, then the app where there is a browser."""
    command = [sys.executable, "-m", "pipeline", "stages"]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    print(f"  python -m pipeline stages: {len(text.splitlines())} lines", flush=True)
    bare = measured(lambda: subprocess.run([sys.executable, "-c", "import numpy"], check=True), 5)
    listed = measured(lambda: subprocess.run(command, cwd=ROOT, capture_output=True, check=True), 7)
    # What a child process takes is no processor time of ours.
    rows = [
        Row(
            "python -m pipeline stages", seconds(0.5), seconds(listed.wall),
            f"python -c 'import numpy' {seconds(bare.wall)}", listed.wall <= 0.5,
        )
    ]  # fmt: skip
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        return [*rows, Row("app to a usable page", seconds(5), "not measured: no Chromium here")]
    return [*rows, *_app(browser)]


def _app(browser: str) -> list[Row]:
    """Start the app twice; the second time all files are in the system's memory."""
    from playwright.sync_api import sync_playwright

    lights = samples.files("drift")
    graph = Graph()
    night = graph.open(lights)
    reference = graph.result(night, Recipe(), "frames").reference
    table = graph.result(night, Recipe(), "stars", reference)
    with sync_playwright() as runner:
        chromium = runner.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        opened = [_open(chromium) for _ in range(3)]
        chromium.close()
    sentence = opened[0][2]
    agree = sentence == f"{len(table.kept)} of {len(table)} candidates kept in this frame"
    print(f"  the page says {sentence!r}; the pipeline has {len(table.kept)} of {len(table)}", flush=True)
    usable, drawn = min(one[1] for one in opened), min(one[0] for one in opened)
    against = f"browser already open; server answers and page is drawn after {seconds(drawn)}"
    return [
        Row("app to a page that shows the frame's stars", seconds(5), seconds(usable), against, usable <= 5)
        if agree
        else Row("app to a usable page", seconds(5), "not measured: page and pipeline disagree", against, False)
    ]


def _open(chromium: Any) -> tuple[float, float, str]:
    """Seconds until the page is drawn, and until it shows how many stars the first frame has; that sentence."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "panel", "serve", "app.py", "--port", str(port)]
    start = time.perf_counter()
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    page = chromium.new_page(viewport={"width": 1600, "height": 1000})
    try:
        while time.perf_counter() - start < PATIENCE:
            try:
                socket.create_connection(("localhost", port), 0.2).close()
                break
            except OSError:
                time.sleep(0.01)
        page.goto(f"http://localhost:{port}/app")
        page.get_by_text("Hot pixels").first.wait_for(timeout=1000 * PATIENCE)
        drawn = time.perf_counter() - start
        told = page.get_by_text(re.compile(r"of [1-9]\d* candidates kept in this frame")).first
        told.wait_for(timeout=1000 * PATIENCE)
        return drawn, time.perf_counter() - start, " ".join(told.inner_text().split())
    finally:
        page.close()
        server.terminate()
        server.wait()
