"""``python -m benchmarks [TOPIC...]``: measure, print the table, keep it in build/bench/table.md."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
from datetime import datetime

from benchmarks.samples import FOLDER
from benchmarks.table import markdown

USUAL = ("start", "frame", "truth", "photometry", "real")
TOPICS = {
    "start": "the command and the app, from a cold process",
    "frame": "one 24-megapixel frame from its file to both offset maps, and each step of it",
    "truth": "survival, centroids and errors on skies with known truth",
    "photometry": "5,000 stars on a 24-megapixel frame beside photutils, and fluxes against their bound",
    "real": "real frames against the card of the data that STARSHIFT_DATA names",
    "ccd": "combining beside ccdproc, memory, raw frames to a stack (small ones; --whole: 24 megapixels, 10 GB disk)",
    "night": "a hundred 24-megapixel frames: time of each, memory (5 GB of disk; not among the usual ones)",
    "app": "the page in a browser: from an event to its painted result, on eight 24-megapixel frames (ten minutes)",
    "visitors": "many visitors of one server: answers, and memory when they are gone (fifteen minutes)",
}


def main() -> None:
    """Run the topics that are asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="\n".join(f"{name}: {text}" for name, text in TOPICS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument(
        "topics", nargs="*", choices=[*TOPICS, []], metavar="TOPIC", help="default: " + ", ".join(USUAL)
    )
    parser.add_argument("--whole", action="store_true", help="the slow references too see whole frames")
    parser.add_argument("--frames", type=int, default=100, help="frames of the night")
    parser.add_argument("--visitors", type=int, default=30, help="visitors at once")
    parser.add_argument("--browsers", type=int, default=1, help="how many of them have a browser on this machine")
    parser.add_argument("--seconds", type=float, default=120, help="how long they turn a knob")
    parser.add_argument("--pages", type=int, default=50, help="visits one after another")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = []
    for topic in options.topics or USUAL:
        print(f"{topic}: {TOPICS[topic]}", flush=True)
        rows += importlib.import_module(f"benchmarks.{topic}").rows(options)
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    machine = f"{os.cpu_count()} cores ({platform.machine()}), {load}, Python {platform.python_version()}"
    text = f"{markdown(rows)}\n{machine}, {datetime.now():%Y-%m-%d %H:%M}\n"
    print("\n" + text)
    (FOLDER / "table.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
