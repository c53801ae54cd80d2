"""One 24-megapixel frame from its uncompressed DNG to stars, tracks and both exact quadrant maps, and each step."""

from __future__ import annotations

import argparse
import functools
import time
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import pipeline.stages  # noqa: F401
from benchmarks import notebooks_way, samples
from benchmarks.table import Row, Timing, measured, seconds, timed, within
from pipeline import read, sample
from pipeline.frame import Frame, HotPixels, Sequence
from pipeline.stages.background import background
from pipeline.stages.calibrated import calibrated
from pipeline.stages.candidates import candidates, seeing
from pipeline.stages.frames import frames
from pipeline.stages.hot_pixels import hot_pixels
from pipeline.stages.normalize import colour_factors, normalize
from pipeline.stages.offset_map import offset_map
from pipeline.stages.selection import selection
from pipeline.stages.stars import stars
from pipeline.stages.tracks import tracks
from pipeline.tables import StarTable, Tracks
from pipeline.truth import truth_beside

SHOWN = 5
#: Rows of the frame over which the slow reference's loops are run, spread over it.
BANDS = [(900, 912), (1998, 2010), (3300, 3312)]


@dataclass
class Night:
    """The sample with what all its frames share, as a run knows it after the first frame."""

    sequence: Sequence
    truth: sample.Truth
    frames: list[Frame]
    hot: HotPixels
    factors: dict[str, float]
    width: dict[str, float]
    tables: list[StarTable]
    tracks: Tracks


def open_night() -> Night:
    """Read the sample and run every stage once, which also loads the compiled kernels."""
    lights = samples.files("large")
    sequence = frames(read.read_infos(lights))
    pictures = [read.read_frame(info) for info in sequence.frames]
    hot = hot_pixels(pictures)
    first = calibrated(pictures[sequence.reference], hot)
    sky = background(first)
    factors = colour_factors(first, sky)
    width = seeing(normalize(first, sky, **factors), fwhm=None)
    night = Night(sequence, truth_beside(lights[0].parent), pictures, hot, factors, width, [], None)
    night.tables = [stars_of(night, picture) for picture in pictures]
    night.tracks = tracks(sequence, night.tables, selection(sequence, night.tables))
    return night


def stars_of(night: Night, picture: Frame) -> StarTable:
    """A frame's stars."""
    clean = calibrated(picture, night.hot)
    return stars(candidates(normalize(clean, background(clean), **night.factors), **night.width))


def whole_chain(night: Night, index: int) -> Any:
    """A frame from its file to both maps, against the reference's stars."""
    reference = night.sequence.reference
    table = stars_of(night, read.read_frame(night.sequence.frames[index]))
    infos = tuple(night.sequence.frames[i] for i in (reference, index))
    pair = Sequence(infos, ("", ""), 0)
    tables = [night.tables[reference], table]
    return offset_map(tracks(pair, tables, selection(pair, tables)), 1, method="quadrants")


def rows(options: argparse.Namespace) -> list[Row]:
    """Check, then time."""
    night = open_night()
    shape = night.sequence.shape
    kept = night.tables[night.sequence.reference].kept
    print(f"  image {shape[1]} x {shape[0]}, {night.sequence.frames[0].pattern}; {len(kept)} stars", flush=True)
    slow = SlowFrame(night, options.whole)
    check_truth(night)
    maps = whole_chain(night, SHOWN)
    slow.check(maps)
    return [*whole_rows(night, slow), *step_rows(night, slow), *other_rows(night)]


def check_truth(night: Night) -> None:
    """Stars and motion against the sample's truth."""
    from scipy.spatial import cKDTree

    found, truth = night.tracks, night.truth
    places = np.column_stack([truth.x[0], truth.y[0]])
    distance, star = cKDTree(places).query(np.column_stack([found.x[0], found.y[0]]))
    real = distance < 1.0
    off = np.hypot(found.x[:, real] - truth.x[:, star[real]], found.y[:, real] - truth.y[:, star[real]])
    print(
        f"  {real.sum()} of {real.size} stars are real, {found.complete.sum()} complete; "
        f"median distance from the truth over 8 frames {np.nanmedian(off):.4f} px; "
        f"{np.sum(off > 1)} of {np.isfinite(off).sum()} measurements more than 1 px off",
        flush=True,
    )
    hot = np.isin(np.flatnonzero(night.hot.mask), truth.hot) if night.hot.mask is not None else np.zeros(0)
    print(f"  {hot.sum():.0f} of {len(truth.hot)} hot pixels found, {hot.size - hot.sum():.0f} false", flush=True)


class SlowFrame:
    """The notebooks' way on one frame: its results and seconds."""

    def __init__(self, night: Night, whole: bool) -> None:
        shape, reference = night.sequence.shape, night.sequence.reference
        self.night, self.taken = night, {}
        table = night.tables[SHOWN]
        picture = calibrated(night.frames[SHOWN], night.hot)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.image = self._timed(
                "sky",
                lambda: notebooks_way.normalized(picture, box_size=100, filter_size=3, sigma=5.0, **night.factors),
            )
            threshold = table.threshold * table.noise / table.relative_error
            self.stars = self._timed(
                "stars",
                lambda: notebooks_way.stars(
                    self.image, threshold=threshold, fwhm=table.fwhm, sharpness=(0.1, 1.0), roundness=(-0.9, 0.9)
                ),
            )
        before = night.tables[SHOWN - 1]
        places = np.column_stack([before["xcentroid"], before["ycentroid"]])[before.kept]
        self._timed("tracks", lambda: notebooks_way.follow(self.image, places, self.stars, table.fwhm, 10.0))
        good = night.tracks.complete
        self.position = np.column_stack([night.tracks.x[SHOWN], night.tracks.y[SHOWN]])[good]
        self.offset = np.column_stack([night.tracks.x_offset[SHOWN], night.tracks.y_offset[SHOWN]])[good]
        bands = [(0, shape[0])] if whole else BANDS
        self.loops = notebooks_way.maps(shape, self.position, self.offset, bands)
        self.taken["maps"] = self.loops.taken
        self.how = "whole" if whole else f"extrapolated from {self.loops.rows} of {shape[0]} rows"
        self.reference = reference

    def _timed(self, name: str, function: Any) -> Any:
        results: list[Any] = []
        self.taken[name] = measured(lambda: results.append(function()), 1)
        return results[0]

    def against(self, program: str, step: str, fast: Timing) -> str:
        """What a step takes the slow way, and the ratio."""
        return f"{program} {seconds(self.taken[step].wall)}: {self.taken[step].wall / fast.wall:.0f} times"

    def check(self, maps: Any) -> None:
        """Whether the fast way gives what the slow way gives."""
        night, table = self.night, self.night.tables[SHOWN]
        clean = calibrated(night.frames[SHOWN], night.hot)
        image = normalize(clean, background(clean), **night.factors).image
        print(f"  normalized image against photutils: {np.nanmax(np.abs(image - self.image)):.1e} ADU at most")
        ours = np.column_stack([table["xcentroid"], table["ycentroid"]])[table.kept]
        print(f"  stars: {len(ours)}, photutils {len(self.stars)}", end="")
        if len(ours) == len(self.stars):
            order, other = np.lexsort(ours.round(2).T), np.lexsort(self.stars.round(2).T)
            print(f", positions {np.abs(ours[order] - self.stars[other]).max():.1e} px at most apart", end="")
        rng = np.random.default_rng(1)
        worst = 0.0
        exact = offset_map(night.tracks, SHOWN, method="quadrants")
        for _ in range(300):
            y, x = (int(rng.integers(size)) for size in night.sequence.shape)
            chosen, weights = notebooks_way.nearest_stars(x, y, self.position)
            value = weights @ self.offset[chosen]
            worst = max(worst, abs(exact.x[y, x] - value[0]), abs(exact.y[y, x] - value[1]))
        print(f"\n  quadrant maps against the definition at 300 pixels: {worst:.1e} px at most")
        known = np.isfinite(self.loops.x)
        rough = np.abs(self.loops.x[known] - exact.x[known])
        print(f"  against the notebooks' step of 3 and 9 x 9 fill: median {np.median(rough):.1e} px")
        print(f"  one frame against the reference alone: {maps.stars.size} stars make its maps", flush=True)


def whole_rows(night: Night, slow: SlowFrame) -> list[Row]:
    """From the file to both maps."""
    timing = measured(lambda: whole_chain(night, SHOWN))
    reading = measured(lambda: read.read_frame(night.sequence.frames[SHOWN]), 3)
    notebooks = Timing(
        reading.wall + sum(one.wall for one in slow.taken.values()),
        reading.processor + sum(one.processor for one in slow.taken.values()),
    )
    parts = ", ".join(f"{name} {seconds(one.wall)}" for name, one in slow.taken.items())
    return [
        timed("DNG to stars, tracks and both quadrant maps", 0.8, timing, f"notebooks' way {notebooks}: {parts}"),
        within(
            "the same, times the notebooks' way", 300, np.inf, notebooks.wall / timing.wall, "times",
            f"processor time {notebooks.processor / timing.processor:.0f} times; loops {slow.how}",
        ),
        timed("read an uncompressed DNG", None, reading),
    ]  # fmt: skip


def step_rows(night: Night, slow: SlowFrame) -> list[Row]:
    """The steps that have a target."""
    clean = calibrated(night.frames[SHOWN], night.hot)
    image = normalize(clean, background(clean), **night.factors)
    table = candidates(image, **night.width)
    sky = measured(lambda: normalize(clean, background(clean), **night.factors))
    peaks = measured(lambda: candidates(image, **night.width))
    levels = iter(np.linspace(6, 12, 50))
    threshold = measured(lambda: stars(table, threshold=float(next(levels))), 50)
    chosen = selection(night.sequence, night.tables)
    follow = measured(lambda: tracks(night.sequence, night.tables, chosen), 15)
    align, apart = aligned(night)
    maps = measured(lambda: offset_map(night.tracks, SHOWN, method="quadrants"))
    return [
        timed("background and normalize", 0.25, sky, slow.against("photutils", "sky", sky)),
        timed("candidates", 0.15, peaks, slow.against("photutils", "stars", peaks)),
        timed("a new threshold", 0.002, threshold, slow.against("photutils", "stars", threshold)),
        timed(
            f"tracks of {len(night.tables)} frames", 0.08, follow,
            f"astroalign {seconds(align)}: {align / follow.wall:.1f} times (agree to {apart:.2g} px at the centre)",
        ),
        timed("both quadrant maps with errors", 0.35, maps, slow.against("plain loops", "maps", maps)),
    ]  # fmt: skip


def aligned(night: Night) -> tuple[float, float]:
    """Seconds that astroalign takes for the same frames, and its largest difference at the frame's centre."""
    import astroalign

    from pipeline.stages.tracks import displacement

    reference = night.sequence.reference
    lists = []
    for table in night.tables:
        kept = table.kept[np.argsort(-table["flux"][table.kept])[:50]]
        lists.append(np.column_stack([table["x_winpos"], table["y_winpos"]])[kept])
    centre = (np.array(night.sequence.shape[::-1]) - 1) / 2
    start, worst = time.perf_counter(), 0.0
    for index, places in enumerate(lists):
        if index != reference:
            move, _ = astroalign.find_transform(lists[reference], places)
            step = move(centre[None])[0] - centre
            worst = max(worst, float(np.abs(step - displacement(night.tracks, index)).max()))
    return time.perf_counter() - start, worst


def other_rows(night: Night) -> list[Row]:
    """Steps without a target of their own."""
    first = night.frames[night.sequence.reference]
    clean = calibrated(first, night.hot)
    sky = background(clean)
    image = normalize(clean, sky, **night.factors)
    single = functools.partial(hot_pixels, night.frames, find="frame")
    alone = single()
    steps = {
        f"hot pixels of {len(night.frames)} frames": (lambda: hot_pixels(night.frames), 2),
        "hot pixels, for each frame by itself": (single, 2),
        "calibrated, hot pixels known": (lambda: calibrated(first, night.hot), 5),
        "calibrated, hot pixels of the frame sought": (lambda: calibrated(first, replace(alone)), 3),
        "background": (lambda: background(clean), 5),
        "normalize": (lambda: normalize(clean, sky, **night.factors), 5),
        "colour factors of the reference": (lambda: colour_factors(clean, sky), 3),
        "seeing of the reference": (lambda: seeing(image, fwhm=None), 3),
        "selection": (lambda: selection(night.sequence, night.tables), 5),
        "both polynomial maps with errors": (lambda: offset_map(night.tracks, SHOWN), 5),
        "both smooth maps with errors": (lambda: offset_map(night.tracks, SHOWN, method="smooth"), 2),
    }
    return [timed(name, None, measured(function, repeats)) for name, (function, repeats) in steps.items()]
