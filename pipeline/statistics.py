"""What the pixels of a picture come to: median, clipped deviation, ends, and how many have no value or are full."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.frame import colour_planes, readonly
from pipeline.knob import Rectangle

#: A value farther from the median than this many deviations is left out of the deviation, this many times in a row.
CLIP, ROUNDS = 3.0, 5
#: A histogram reaches so many deviations to both sides of the median, and up to this percentile, but not farther than
#: that many: stars would else leave the sky a few bins.
REACH, PERCENTILE, FARTHEST = 6.0, 99.5, 30.0
BINS = 128
#: Values that are looked at for the step between them, and values that are summed at a time.
_SOME, _CHUNK = 20_000, 1 << 20


@dataclass(frozen=True)
class Statistics:
    """Numbers of the pixels of one colour.

    Parameters
    ----------
    pixels : int
        How many there are.
    missing : int
        Pixels without a value (NaN or infinite); they are in none of the other numbers.
    full : int or None
        Saturated pixels; None where no level says which.
    median : float
        In the unit of the picture, as all below; NaN where no pixel has a value.
    deviation : float
        Standard deviation of what lies within 3 of it from the median, clipped up to five times.
    low, high : float
        The smallest and the largest value.
    """

    pixels: int
    missing: int
    full: int | None
    median: float
    deviation: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Survey:
    """Statistics and histogram of a picture or of a part of it.

    Parameters
    ----------
    colours : dict of str to Statistics
        By colour: "mono" alone, or "red", "green" (both of a cell together) and "blue".
    edges : ndarray of float64, shape (bins + 1,)
        Ends of the histogram's bins, common to all colours.
    counts : dict of str to ndarray of int64, shape (bins,)
        Pixels of each colour in each bin; one at the last edge lies in the last bin.
    """

    colours: Mapping[str, Statistics]
    edges: np.ndarray
    counts: Mapping[str, np.ndarray]

    @property
    def pixels(self) -> int:
        """Pixels of all colours."""
        return sum(one.pixels for one in self.colours.values())

    @property
    def beyond(self) -> int:
        """Pixels whose value lies outside the histogram."""
        known = self.pixels - sum(one.missing for one in self.colours.values())
        return known - int(sum(counts.sum() for counts in self.counts.values()))


def survey(
    image: np.ndarray,
    pattern: str = "none",
    *,
    region: Rectangle | None = None,
    full: np.ndarray | None = None,
    edges: np.ndarray | None = None,
) -> Survey:
    """Take the statistics and the histogram of a picture, each colour of a mosaic by itself.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Any real numbers; bools count as 0 and 1.
    pattern : str
        Its colours, one of PATTERNS.
    region : tuple of int, optional
        x0, y0, x1, y1, the last two not in it; the whole picture where there is none.
    full : ndarray of int64, shape (n,), optional
        Flat indices of the saturated pixels of the whole picture.
    edges : ndarray, shape (bins + 1,), optional
        Bins of another survey, to be compared with; else they reach 6 deviations about the medians, up to 30 where
        more than 0.5 % of the pixels are brighter than 6, and never farther than there are values.

    Returns
    -------
    Survey
        The deviation is that of ``astropy.stats.sigma_clipped_stats`` with its defaults, sums in float64. Where values
        come in steps, as whole ADU do, each bin is a whole number of steps wide: the histogram would else comb.
    """
    ny, nx = image.shape
    x0, y0, x1, y1 = (0, 0, nx, ny) if region is None else region
    step = 1 if pattern == "none" else 2
    planes: dict[str, list[np.ndarray]] = {}
    filled: dict[str, int] = {}
    rows, columns = np.divmod(np.zeros(0, np.int64) if full is None else full, nx)
    inside = (rows >= y0) & (rows < y1) & (columns >= x0) & (columns < x1)
    for colour, row, column in colour_planes(pattern):
        part = image[y0 + (row - y0) % step : y1 : step, x0 + (column - x0) % step : x1 : step]
        planes.setdefault(colour, []).append(part)
        here = inside & (rows % step == row % step) & (columns % step == column % step)
        filled[colour] = filled.get(colour, 0) + int(np.count_nonzero(here))
    ordered = {colour: _ordered(parts) for colour, parts in planes.items()}
    colours = {
        colour: _statistics(values, sum(part.size for part in planes[colour]), None if full is None else filled[colour])
        for colour, values in ordered.items()
    }
    if edges is None:
        edges = _edges(colours, ordered)
    return Survey(colours, readonly(edges), {colour: _counts(values, edges) for colour, values in ordered.items()})


def _ordered(parts: list[np.ndarray]) -> np.ndarray:
    """What is finite of some arrays, in order."""
    values = np.concatenate([part.ravel() for part in parts])
    if values.dtype == bool:
        values = values.astype(np.uint8)
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    values.sort()
    return values


def _middle(values: np.ndarray) -> float:
    """Median of values in order."""
    return (float(values[(values.size - 1) // 2]) + float(values[values.size // 2])) / 2


def _spread(values: np.ndarray, about: float) -> float:
    """Standard deviation, summed in float64 about a value near their mean."""
    total = squares = 0.0
    for start in range(0, values.size, _CHUNK):
        away = values[start : start + _CHUNK].astype(np.float64) - about
        total += float(away.sum())
        squares += float(away @ away)
    return max(squares / values.size - (total / values.size) ** 2, 0.0) ** 0.5


def _statistics(values: np.ndarray, pixels: int, full: int | None) -> Statistics:
    """Numbers of values in order."""
    if not values.size:
        return Statistics(pixels, pixels, full, *(float("nan"),) * 4)
    kept, median = values, _middle(values)
    middle, deviation = median, _spread(values, median)
    for _ in range(ROUNDS):
        # In order, what is clipped lies at the ends.
        first = bisect_left(kept, middle - CLIP * deviation, key=float)
        last = bisect_right(kept, middle + CLIP * deviation, key=float)
        if last - first == kept.size:
            break
        kept = kept[first:last]
        middle = _middle(kept)
        deviation = _spread(kept, middle)
    return Statistics(pixels, pixels - values.size, full, median, deviation, float(values[0]), float(values[-1]))


def _edges(colours: Mapping[str, Statistics], ordered: Mapping[str, np.ndarray]) -> np.ndarray:
    """Bins that show all colours."""
    known = [(colours[name], values) for name, values in ordered.items() if values.size]
    if not known:
        return np.linspace(0.0, 1.0, BINS + 1)
    low = min(max(one.low, one.median - REACH * one.deviation) for one, _ in known)
    high = max(_upper(one, values) for one, values in known)
    if not high > low:
        # Nearly all are alike: what is not is to be seen.
        low, high = min(one.low for one, _ in known), max(one.high for one, _ in known)
    step = max(_step(values) for _, values in known)
    if not step:
        finest = 4 * float(np.spacing(max(abs(low), abs(high))))
        return np.linspace(low, high, 1 + int(min(BINS, max(1.0, (high - low) / finest))))
    width = step * max(1, int(np.ceil((high - low) / BINS / step)))
    low -= step / 2
    return low + width * np.arange(int(np.ceil((high - low) / width)) + 1)


def _upper(one: Statistics, values: np.ndarray) -> float:
    """How far up the histogram of values in order reaches."""
    bright = float(values[int((values.size - 1) * PERCENTILE / 100)])
    least, most = (one.median + reach * one.deviation for reach in (REACH, FARTHEST))
    return min(one.high, max(least, min(bright, most)))


def _step(values: np.ndarray) -> float:
    """The usual step between values in order; 0 where they do not come in steps."""
    some = np.unique(values[:: max(1, values.size // _SOME)]).astype(np.float64)
    if some.size == 1:
        return max(1.0, 4 * float(np.spacing(abs(some[0]))))
    return float(np.median(np.diff(some))) if some.size < min(values.size, _SOME) / 4 else 0.0


def _counts(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many values in order lie in each bin."""
    # By hand: numpy would first make all values as wide as the edges.
    places = [bisect_left(values, edge, key=float) for edge in edges[:-1].tolist()]
    return readonly(np.diff([*places, bisect_right(values, float(edges[-1]), key=float)]).astype(np.int64))
