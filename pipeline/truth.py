"""Found against true: what the stages made of a sample, beside what is known of its sky."""

from __future__ import annotations

import functools
import re
import zipfile
from collections.abc import Sequence as ListLike
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.cramer_rao import brightness, centroid_bounds
from pipeline.frame import FrameError
from pipeline.sample.sky import TRUTH_FILE, Truth
from pipeline.tables import StarTable, Tracks

#: A position is a star's within this many pixels, or within half of the stars' width where that is more.
LEAST_RADIUS = 1.5
BINS_PER_DECADE = 4
#: Bytes of a truth when unpacked.
LARGEST_TRUTH = 200_000_000
#: Median distance from the true place where both coordinates have a Gaussian error of 1 sigma.
RAYLEIGH_MEDIAN = np.sqrt(2 * np.log(2))


def truth_beside(folder: Path) -> Truth | None:
    """The truth in a folder of lights.

    Parameters
    ----------
    folder : Path
        Where the lights lie.

    Returns
    -------
    Truth or None
        None where there is no truth.npz.

    Raises
    ------
    FrameError
        Where there is one that no sample has written.
    """
    path = folder / TRUTH_FILE
    if not path.is_file():
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > LARGEST_TRUTH:
            raise ValueError(f"{size} bytes")
        truth = Truth.load(path)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise FrameError(
            TRUTH_FILE, f"is no sample's truth ({error})", "write the sample again, or rename it"
        ) from None
    return truth


def frame_number(file: str, truth: Truth) -> int | None:
    """The number in the truth of a light that a sample wrote: light_003.dng is number 2; None for other files."""
    found = re.search(r"(\d+)\D*$", Path(file).stem)
    number = int(found[1]) - 1 if found else -1
    return number if 0 <= number < len(truth.x) else None


@dataclass(frozen=True, eq=False)
class Known:
    """True objects of one frame that give light on it.

    Parameters
    ----------
    star : ndarray of int64, shape (n,)
        Their columns in the truth.
    place : ndarray of float64, shape (n, 2)
        x and y, pixels.
    brightness : ndarray of float64, shape (n,)
        Signal over noise if the sky alone made noise.
    bound : ndarray of float64, shape (n, 2)
        Cramer-Rao bounds of x and y, pixels.
    radius : float
        A position within this many pixels is theirs.
    """

    star: np.ndarray
    place: np.ndarray
    brightness: np.ndarray
    bound: np.ndarray
    radius: float


@functools.lru_cache(maxsize=64)
def known(truth: Truth, index: int) -> Known:
    """What can be found in a frame of a sample; kept, because no knob changes it."""
    star = np.flatnonzero(truth.inside[index] & (truth.flux[index] > 0))
    place = np.column_stack([truth.x[index, star], truth.y[index, star]])
    radius = max(LEAST_RADIUS, truth.fwhm[index] / 2)
    return Known(star, place, brightness(truth, index)[star], centroid_bounds(truth, index, star), radius)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Stars found in one frame against the true ones. A bin without stars has NaN.

    Parameters
    ----------
    edges : ndarray of float64, shape (bins + 1,)
        Brightness at the edges of the bins, four a decade: peak of the convolved image that a star is expected to have,
        in the unit of the threshold, sigma of that image.
    completeness : ndarray of float64, shape (bins,)
        Share of the true stars of a bin that were found.
    purity : ndarray of float64, shape (bins,)
        Share of the stars found in a bin that are true.
    true, found, matched : int
        Numbers of stars on the frame, of stars kept, and of pairs of both.
    threshold : float
        The threshold that was used, sigma.
    star, row : ndarray of int64, shape (n,)
        Column in the truth and row in the star table of each pair.
    brightness : ndarray of float64, shape (n,)
        Of each pair's true star, sigma.
    off : ndarray of float64, shape (n, 2)
        Found minus true in x and y, pixels.
    bound, error : ndarray of float64, shape (n, 2)
        The Cramer-Rao bound and the error that the table claims, 1 sigma in x and y, pixels.
    saturated : ndarray of bool, shape (n,)
        Pairs with full pixels, for which the bound does not hold.
    """

    edges: np.ndarray
    completeness: np.ndarray
    purity: np.ndarray
    true: int
    found: int
    matched: int
    threshold: float
    star: np.ndarray
    row: np.ndarray
    brightness: np.ndarray
    off: np.ndarray
    bound: np.ndarray
    error: np.ndarray
    saturated: np.ndarray

    @property
    def distance(self) -> np.ndarray:
        """Of each pair, pixels, shape (n,)."""
        return np.hypot(*self.off.T)

    @property
    def least_distance(self) -> np.ndarray:
        """Median distance that a centroid at the bound would have, pixels, shape (n,)."""
        return RAYLEIGH_MEDIAN * np.sqrt((self.bound**2).mean(axis=1))

    @property
    def over_bound(self) -> float:
        """Median distance over the least possible; 1 is perfect. Full stars do not count."""
        return _median((self.distance / self.least_distance)[~self.saturated])

    @property
    def pull(self) -> float:
        """Errors over the errors claimed, as a median scaled to 1 sigma; 1 is honest. Full stars do not count."""
        return _median(np.abs(self.off / self.error)[~self.saturated]) / 0.6745


def compare_stars(truth: Truth, index: int, stars: StarTable, centroid: str = "winpos") -> Comparison:
    """Completeness, purity and centroid errors of one frame's stars.

    Parameters
    ----------
    truth : Truth
        The sky.
    index : int
        The frame's number in it.
    stars : StarTable
        What was found.
    centroid : str
        Which position to compare: "winpos", "dao", "com" or "gauss".

    Returns
    -------
    Comparison
        Pairs are one to one, the nearest first, within half of the stars' width and at least 1.5 pixels.
    """
    from pipeline.stages.identify import positions

    sky, kept = known(truth, index), stars.kept
    places = positions(stars, centroid)
    height = stars["convolved"] / stars.noise
    expected = sky.brightness * _height_of_brightness(sky, places, height)
    which, position = pairs(sky.place, places[kept], sky.radius)
    edges = _edges(np.concatenate([expected, height[kept]]))
    rows = kept[position]
    return Comparison(
        edges=edges,
        completeness=_share(edges, expected, which),
        purity=_share(edges, height[kept], position),
        true=len(sky.star),
        found=len(kept),
        matched=len(which),
        threshold=stars.threshold,
        star=sky.star[which],
        row=rows,
        brightness=expected[which],
        off=places[rows] - sky.place[which],
        bound=sky.bound[which],
        error=np.column_stack([stars["xcentroid_err"], stars["ycentroid_err"]])[rows],
        saturated=stars["saturated"][rows] > 0,
    )


def pairs(first: np.ndarray, second: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows of two lists of places, shapes (n, 2) and (m, 2), that belong together: the nearest first, one to one."""
    from scipy.spatial import cKDTree

    if not len(first) or not len(second):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    near = cKDTree(first).sparse_distance_matrix(cKDTree(second), radius, output_type="ndarray")
    order = np.lexsort((near["j"], near["i"], near["v"]))
    free = np.ones(len(first), bool), np.ones(len(second), bool)
    chosen = []
    for one, other in zip(near["i"][order].tolist(), near["j"][order].tolist(), strict=True):
        if free[0][one] and free[1][other]:
            free[0][one] = free[1][other] = False
            chosen.append((one, other))
    rows = np.array(sorted(chosen), np.int64).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]


def _height_of_brightness(sky: Known, places: np.ndarray, height: np.ndarray) -> float:
    """Peak of the convolved image over its noise, for a star that a perfect filter would find with 1 sigma.

    DAOFIND's filter, which needs no sky, keeps about a quarter of it. Only the brighter half of the stars seen counts:
    of the faintest those alone are seen that noise has lifted.
    """
    which, position = pairs(sky.place, places, sky.radius)
    if not len(which):
        return 1.0
    bright = sky.brightness[which] >= np.median(sky.brightness[which])
    return _median(height[position][bright] / sky.brightness[which][bright])


def _edges(values: np.ndarray) -> np.ndarray:
    values = values[values > 0]
    if not len(values):
        return np.array([1.0, 10.0])
    low = np.floor(BINS_PER_DECADE * np.log10(values.min()))
    high = np.floor(BINS_PER_DECADE * np.log10(values.max())) + 1
    return 10 ** (np.arange(low, high + 1) / BINS_PER_DECADE)


def _share(edges: np.ndarray, values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Chosen values of each bin over all of it."""
    every, right = (np.histogram(some, edges)[0] for some in (values, values[chosen]))
    return np.divide(right, every, out=np.full(len(every), np.nan), where=every > 0)


@dataclass(frozen=True, eq=False)
class TrackComparison:
    """Tracks against the truth.

    Parameters
    ----------
    stars : int
        Real stars of the reference that stay in the field.
    false_stars : int
        Stars of the reference that are no light of the sky.
    followed : ndarray of float64, shape (frames,)
        Share of the stars that stay that were measured at their true places; NaN where none gives light.
    false : ndarray of float64, shape (frames,)
        Share of all places measured that are not the star's; NaN where nothing was measured.
    used : ndarray of bool, shape (frames,)
        Frames that count.
    survival, false_share : float
        Of the last frame used the share followed, and of all frames used the share of false places.
    """

    stars: int
    false_stars: int
    followed: np.ndarray
    false: np.ndarray
    used: np.ndarray
    survival: float
    false_share: float


def compare_tracks(truth: Truth, tracks: Tracks, numbers: ListLike[int]) -> TrackComparison:
    """How many stars were followed, and how many places are some other's.

    Parameters
    ----------
    truth : Truth
        The sky.
    tracks : Tracks
        What was found.
    numbers : sequence of int
        The number in the truth of each frame of the tracks.

    Returns
    -------
    TrackComparison
        A place is right within half of the stars' width and at least 1.5 pixels of the true one. A star stays that is
        a width away from every edge in every frame and does not move against the others.
    """
    numbers = np.asarray(numbers, np.int64)
    sky = known(truth, int(numbers[tracks.reference]))
    places = np.column_stack([tracks.x[tracks.reference], tracks.y[tracks.reference]])
    seen = np.flatnonzero(np.isfinite(places).all(axis=1))
    which, position = pairs(sky.place, places[seen], sky.radius)
    column, star = seen[position], sky.star[which]
    true_x, true_y, lit = (array[np.ix_(numbers, star)] for array in (truth.x, truth.y, truth.flux))
    radius = np.maximum(LEAST_RADIUS, truth.fwhm[numbers] / 2)
    right = np.zeros(tracks.x.shape, bool)
    # A place that was not measured is NaN and not right.
    right[:, column] = np.hypot(tracks.x[:, column] - true_x, tracks.y[:, column] - true_y) <= radius[:, None]
    stays = _stays(true_x, true_y, truth.shape, truth.fwhm[numbers].max()) & ~truth.moving[star]
    due = (lit[:, stays] > 0).sum(axis=1)
    followed = _ratio((right[:, column[stays]] & (lit[:, stays] > 0)).sum(axis=1), due)
    measured = tracks.measured
    wrong, all_places = (measured & ~right).sum(axis=1), measured.sum(axis=1)
    last = np.flatnonzero(tracks.used)
    return TrackComparison(
        stars=int(stays.sum()),
        false_stars=len(seen) - len(which),
        followed=followed,
        false=_ratio(wrong, all_places),
        used=tracks.used,
        survival=float(followed[last[-1]]) if len(last) else np.nan,
        false_share=float(_ratio(wrong[last].sum(), all_places[last].sum())),
    )


def _stays(x: np.ndarray, y: np.ndarray, shape: tuple[int, int], margin: float) -> np.ndarray:
    ny, nx = shape
    inside = (x > margin) & (x < nx - 1 - margin) & (y > margin) & (y < ny - 1 - margin)
    return inside.all(axis=0)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def _median(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else np.nan
