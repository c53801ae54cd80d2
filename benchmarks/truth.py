"""How right the results are, and how right their errors: skies with known truth, untouched defaults."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace

import numpy as np

import pipeline.stages  # noqa: F401
from benchmarks import samples
from benchmarks.table import Row, within
from pipeline import sample
from pipeline.cramer_rao import centroid_bounds
from pipeline.frame import Normalized, Sequence
from pipeline.graph.run import Graph
from pipeline.recipe import Recipe
from pipeline.stages.background import background
from pipeline.stages.candidates import candidates, seeing
from pipeline.stages.normalize import normalize
from pipeline.stages.offset_map import offset_map
from pipeline.stages.selection import selection
from pipeline.stages.stars import stars
from pipeline.stages.tracks import tracks
from pipeline.tables import StarTable
from pipeline.truth import truth_beside

FALSE = 1.5
CLOUDED = 0.5


def rows(options: argparse.Namespace) -> list[Row]:
    """Survival, centroids, errors."""
    return [*survival(), *centroids(), *maps()]


def nearest(truth: sample.Truth, frame: int, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance and column of the true star nearest to each place, of those that give light."""
    from scipy.spatial import cKDTree

    places = np.column_stack([truth.x[frame], truth.y[frame]])
    return cKDTree(places).query(np.column_stack([x, y]))


def survival() -> list[Row]:
    """Stars of the reference through forty frames of the sample made for it."""
    lights = samples.files("survival")
    truth = truth_beside(lights[0].parent)
    graph = Graph()
    found = graph.result(graph.open(lights), Recipe(), "tracks")
    distance, star = nearest(truth, 0, found.x[found.reference], found.y[found.reference])
    real = (distance < FALSE) & ~truth.moving[star]
    # A star that stays in the field has its whole light on every frame.
    ny, nx = truth.shape
    margin = truth.fwhm.max()
    stays = (
        (truth.x > margin) & (truth.x < nx - 1 - margin) & (truth.y > margin) & (truth.y < ny - 1 - margin)
    ).all(axis=0)  # fmt: skip
    clear = np.flatnonzero(truth.transparency > CLOUDED)
    followed = np.flatnonzero(real & stays[star])
    off = np.hypot(
        found.x[np.ix_(clear, followed)] - truth.x[np.ix_(clear, star[followed])],
        found.y[np.ix_(clear, followed)] - truth.y[np.ix_(clear, star[followed])],
    )
    right = off <= FALSE
    every = found.measured[clear]
    all_off = np.hypot(found.x[clear] - truth.x[clear][:, star], found.y[clear] - truth.y[clear][:, star])
    false = (every & ((all_off > FALSE) | (distance >= FALSE)[None])).sum() / every.sum()
    print(
        f"  survival: image {nx} x {ny}, {len(lights)} frames, {real.size} stars in the reference, {real.sum()} real, "
        f"{len(followed)} stay in the field; {len(clear)} clear frames, {found.used.sum()} used",
        flush=True,
    )
    against = (
        f"truth; {right.mean() * 100:.2f} % of all measurements, {right.all(axis=0).mean() * 100:.1f} % in every frame"
    )
    return [
        within("stars followed to the last of 40 frames", 98, np.inf, 100 * right[-1].mean(), "%", against),
        within("false matches in clear frames", -np.inf, 0.2, 100 * false, "%", f"truth; {every.sum()} measurements"),
    ]


@dataclass
class Measured:
    """Isolated stars of some frames: found less true, claimed error and bound, shape (n, 2) each."""

    off: np.ndarray
    error: np.ndarray
    bound: np.ndarray


def field(pattern: str, fwhm: float, seed: int) -> sample.SampleSpec:
    """A sky of stars that stand apart, without hot pixels: what is left is the photons' and the reader's noise."""
    spec = sample.SAMPLES["colours" if pattern != "none" else "survival"]
    return replace(
        spec, name=f"isolated-{pattern}", frames=2, shape=(900, 1200), pattern=pattern, format="fits", bits=16, black=0,
        stars=700, separation=36.0, faintest=3_000.0, brightest=900_000.0, fwhm=fwhm, seed=seed, hot=0, clouds={},
        drift=(2.3, 1.1), rotation=0.0, distortion=0.0, colour_spread=0.3 if pattern != "none" else 0.0,
    )  # fmt: skip


def table_of(frame: sample.SampleSpec, truth: sample.Truth, index: int, fwhm: float | None) -> StarTable:
    """Stars of one frame of a sample, in memory."""
    picture = sample.make_frame(frame, truth, index)
    image: Normalized = normalize(picture, background(picture))
    width = seeing(image, fwhm=None)["fwhm"] if fwhm is None else fwhm
    return stars(candidates(image, fwhm=width))


def isolated(pattern: str, fwhm: float, seed: int) -> Measured:
    """Found against true for the isolated, not saturated stars of two frames."""
    spec = field(pattern, fwhm, seed)
    truth = sample.make_truth(spec)
    off, error, bound = [], [], []
    for index in range(spec.frames):
        table = table_of(spec, truth, index, None)
        kept = table.kept
        x, y = table["x_winpos"][kept], table["y_winpos"][kept]
        distance, star = nearest(truth, index, x, y)
        edge = 6 * fwhm
        inside = (x > edge) & (y > edge) & (x < spec.shape[1] - 1 - edge) & (y < spec.shape[0] - 1 - edge)
        good = (distance < fwhm / 2) & (table["saturated"][kept] == 0) & inside
        rows, star = kept[good], star[good]
        off.append(np.column_stack([x[good] - truth.x[index, star], y[good] - truth.y[index, star]]))
        error.append(np.column_stack([table["xcentroid_err"], table["ycentroid_err"]])[rows])
        bound.append(centroid_bounds(truth, index, star))
    return Measured(*(np.concatenate(values) for values in (off, error, bound)))


def centroids() -> list[Row]:
    """Centroid errors over the Cramer-Rao bound and over the errors that the table claims."""
    result = []
    for name, pattern in (("mono", "none"), ("mosaic", "RGGB")):
        ratios, pulls = [], []
        for fwhm in (3.0, 4.2, 5.5):
            one = isolated(pattern, fwhm, seed=7)
            ratio, pull = one.off / one.bound, one.off / one.error
            # The bound sorts the stars by brightness; a third each.
            thirds = np.array_split(np.argsort(one.bound[:, 0]), 3)
            parts = ", ".join(f"{rms(ratio[rows]):.2f}" for rows in thirds)
            print(
                f"  {name}, fwhm {fwhm} px: image 1200 x 900, 2 frames, {len(ratio)} isolated stars; error over bound "
                f"{rms(ratio):.3f} (bright to faint {parts}), pull {pull.std():.3f}",
                flush=True,
            )
            ratios.append(rms(ratio))
            pulls.append(pull)
        against = "bound of x, y and each colour's flux; fwhm 3, 4.2, 5.5: " + ", ".join(f"{r:.2f}" for r in ratios)
        result.append(within(f"centroid error over the bound, {name}", -np.inf, 1.2, max(ratios), "", against))
        values = np.concatenate(pulls)
        worst = max((pull.std() for pull in pulls), key=lambda value: abs(value - 1))
        against = f"truth; {values.size} values, all together {values.std():.3f}"
        result.append(within(f"pull of the centroid errors, {name}", 0.9, 1.1, worst, "", against))
    return result


def rms(values: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


def maps() -> list[Row]:
    """Pulls of the maps' errors over several skies that turn and bend."""
    result = []
    pulls: dict[str, list[np.ndarray]] = {"polynomial": [], "quadrants": []}
    off: dict[str, list[np.ndarray]] = {"polynomial": [], "quadrants": []}
    for seed in range(8):
        spec = replace(sample.named("rotation", frames=3, size=(600, 800), seed=100 + seed), hot=0, rotation=0.2)
        truth = sample.make_truth(spec)
        first = table_of(spec, truth, 0, None)
        tables = [first, *(table_of(spec, truth, index, first.fwhm) for index in range(1, spec.frames))]
        infos = tuple(sample.make_frame(spec, truth, index).info for index in range(spec.frames))
        sequence = Sequence(infos, ("",) * spec.frames, 0)
        found = tracks(sequence, tables, selection(sequence, tables))
        y, x = np.mgrid[: spec.shape[0] : 4, : spec.shape[1] : 4]
        for method, collected in pulls.items():
            for index in range(1, spec.frames):
                made = offset_map(found, index, method=method)
                true = truth.offset_field(index, x, y)
                apart = [made.x[::4, ::4] - true[0], made.y[::4, ::4] - true[1]]
                off[method].append(np.array(apart).ravel())
                collected.append(
                    np.array([apart[0] / made.x_error[::4, ::4], apart[1] / made.y_error[::4, ::4]]).ravel()
                )
    for method, collected in pulls.items():
        values = np.concatenate(collected)
        print(f"  {method} maps: image 800 x 600, {len(collected)} maps of {found.x.shape[1]} stars, "
              f"rms error {rms(np.concatenate(off[method])):.4f} px", flush=True)  # fmt: skip
        against = f"truth; {len(collected)} maps, rms error {rms(np.concatenate(off[method])):.2g} px"
        result.append(within(f"pull of the {method} maps' errors", 0.85, 1.15, rms(values), "", against))
    return result
