"""A whole night of 24-megapixel frames in a process of its own, whose memory is watched from outside."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import samples
from benchmarks.table import Row, Timing, seconds, within
from pipeline import read, sample
from pipeline.sample.write import write_frame

FOLDER = samples.FOLDER / "night"
WRITTEN = 10
EVERY = 0.05


def rows(options: argparse.Namespace) -> list[Row]:
    """All frames with maps made and let go; then a few with maps written."""
    lights = write_lights(options.frames)
    try:
        first = watched(lights, "made")
        second = watched(lights[:WRITTEN], "written")
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
    moments, memory = np.array(first["memory"]).T
    phases = [memory[moments < first["followed"]], memory[moments >= first["followed"]]]
    growth = max(grown(phase) for phase in phases) / (len(lights) / 3)
    peaks = ", ".join(f"{phase.max() / 1e6:.0f} MB" for phase in phases)
    each, apart = (
        Timing(one["seconds"] / number, one["processor"] / number)
        for one, number in ((first, len(lights)), (second, min(WRITTEN, len(lights))))
    )
    text = ", ".join(f"{stage} {seconds(value / len(lights))}" for stage, value in first["stages"].items())
    return [
        Row(f"each of {len(lights)} frames, DNG to both maps", seconds(0.8), str(each), text, each.wall <= 0.8),
        within("peak memory of the night", -np.inf, 2000, memory.max() / 1e6, "MB", f"stars, then maps: {peaks}"),
        within("its growth by each frame", -np.inf, 2, growth, "MB", "a picture left behind would be 24 to 96 MB"),
        Row(f"each of {WRITTEN} frames with its maps written", "", str(apart), "384 MB a frame to the disk"),
    ]  # fmt: skip


def grown(memory: np.ndarray) -> float:
    """What lies at the ground of the last third, less that of the middle one, MB; in the first the store fills.

    The lowest tenth tells it: above it stand the pictures in flight, now one more of 96 MB, now one less.
    """
    _, middle, last = np.array_split(memory, 3)
    return float(np.percentile(last, 10) - np.percentile(middle, 10)) / 1e6


def write_lights(number: int) -> list[Path]:
    """Frames of the large sample to and fro, each with its own time."""
    pictures = [read.read_frame(path) for path in samples.files("large")]
    spec = replace(sample.SAMPLES["large"], frames=number)
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "lights").mkdir(parents=True)
    way = [*range(len(pictures)), *range(len(pictures) - 2, 0, -1)]
    paths = [FOLDER / "lights" / f"light_{index + 1:03d}.dng" for index in range(number)]
    for index, path in enumerate(paths):
        write_frame(spec, pictures[way[index % len(way)]], index, path)
    return paths


def watched(lights: list[Path], maps: str) -> dict:
    """Run the lights in a process of its own and note its memory all along."""
    import psutil

    out = FOLDER / "out"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "benchmarks.night", maps, str(out), *map(str, lights)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
    memory: list[tuple[float, int]] = []
    process = psutil.Process(child.pid)

    def watch() -> None:
        while child.poll() is None:
            try:
                memory.append((time.time(), process.memory_info().rss))
            except psutil.NoSuchProcess:
                return
            time.sleep(EVERY)

    watcher = threading.Thread(target=watch)
    watcher.start()
    text, _ = child.communicate()
    watcher.join()
    if child.returncode:
        raise RuntimeError(f"the night ended with {child.returncode}")
    report = json.loads(text.splitlines()[-1])
    print(
        f"  {maps}: image 6000 x 4000, {report['done']} of {len(lights)} frames done, {report['stars']} stars; "
        f"peak {max(size for _, size in memory) / 1e6:.0f} MB",
        flush=True,
    )
    return {**report, "memory": memory}


def run(maps: str, out: str, lights: list[str]) -> None:
    """What the process of its own does."""
    from pipeline import products
    from pipeline.graph import batch
    from pipeline.graph.run import Graph
    from pipeline.recipe import Recipe

    if maps == "made":
        # What a disk takes for 384 MB a frame is another matter than what the pipeline takes.
        products.write_maps = lambda path, maps, header: Path(path).touch()
    night = Graph.open(lights)
    recipe = Recipe().with_knobs("offset_map", method="quadrants")
    start = time.perf_counter()
    followed = 0.0

    def progress(name: str, done: int, total: int) -> None:
        nonlocal followed
        followed = followed or time.time() * (name == "products")

    report = batch.run(night, recipe, out, progress=progress)
    taken, processor = time.perf_counter() - start, time.process_time()
    done = sum(frame["state"] == "done" for frame in report["frames"])
    from astropy.table import Table

    stars = len(Table.read(next(Path(out).glob("*001.offsets_table.fits"))))
    facts = {"seconds": taken, "processor": processor, "followed": followed, "done": done, "stars": stars}
    print(json.dumps({**facts, "stages": report["stages"]}))


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], sys.argv[3:])
