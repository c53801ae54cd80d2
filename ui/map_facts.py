"""What a map of offsets says along a line, leaves over at its stars, and says otherwise than another. No widgets."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pipeline.tables import OffsetMap, Tracks
from ui.region import Region, stars_inside

NEAR = 25.0
_SAMPLES = 256
_LONGEST = 0.06
Ends = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Profile:
    """A map along a line, and the stars beside it.

    Parameters
    ----------
    length : float
        From A to B, pixels.
    distance, value, error : ndarray, shape (n,)
        Distance from A, the map and its 1 sigma there, pixels.
    ids : ndarray of int, shape (m,)
        Stars of the map that lie near the line.
    star_distance, star_value : ndarray, shape (m,)
        Their distances along the line and their own offsets, pixels.
    complete, clipped : ndarray of bool, shape (m,)
        Whether a star is in every frame used, and whether the map leaves it out.
    """

    length: float
    distance: np.ndarray
    value: np.ndarray
    error: np.ndarray
    ids: np.ndarray
    star_distance: np.ndarray
    star_value: np.ndarray
    complete: np.ndarray
    clipped: np.ndarray


def first_ends(shape: tuple[int, int]) -> Ends:
    """Where a line lies that nobody has dragged yet: from the lower left to the upper right."""
    ny, nx = shape
    return (0.1 * nx, 0.82 * ny), (0.92 * nx, 0.14 * ny)


def profile(
    maps: OffsetMap, tracks: Tracks, frame: int, axis: str, ends: Ends, region: Region | None = None
) -> Profile:
    """Follow a map from A to B.

    Parameters
    ----------
    maps : OffsetMap
        Offsets of this frame.
    tracks : Tracks
        Positions of the stars that made it.
    frame : int
        Number of the frame.
    axis : str
        "x" or "y".
    ends : tuple
        (x, y) of A and of B, pixels.
    region : tuple of float, optional
        Only stars in this region of the reference are shown.

    Returns
    -------
    Profile
        The map between pixels is bilinear; a star is near within ``NEAR`` pixels of the line.
    """
    from scipy.ndimage import map_coordinates

    start, end = np.asarray(ends, float)
    length = float(np.hypot(*(end - start)))
    along = (end - start) / length if length > 0 else np.array([1.0, 0.0])
    distance = np.linspace(0, length, _SAMPLES)
    x, y = start[:, None] + along[:, None] * distance
    value, error = (
        map_coordinates(image, [y, x], order=1, mode="nearest") for image in (getattr(maps, axis), _error(maps, axis))
    )
    ids = np.concatenate([maps.stars, maps.clipped])
    places = np.stack([tracks.x[frame, ids], tracks.y[frame, ids]]) - start[:, None]
    position = along @ places
    beside = np.abs(along[0] * places[1] - along[1] * places[0])
    near = (beside <= NEAR) & (position >= 0) & (position <= length) & stars_inside(region, tracks)[ids]
    offsets = tracks.x_offset if axis == "x" else tracks.y_offset
    return Profile(
        length,
        distance,
        value,
        error,
        ids=ids[near],
        star_distance=position[near],
        star_value=offsets[frame, ids[near]],
        complete=tracks.complete[ids[near]],
        clipped=np.arange(len(ids))[near] >= len(maps.stars),
    )


def _error(maps: OffsetMap, axis: str) -> np.ndarray:
    return maps.x_error if axis == "x" else maps.y_error


def coarse(image: np.ndarray, columns: int = 384) -> np.ndarray:
    """Every so many a pixel of an image, its first and last rows and columns among them."""
    ny, nx = image.shape
    step = max(1.0, (nx - 1) / (columns - 1))
    counts = (min(n, max(1, round((n - 1) / step)) + 1) for n in (ny, nx))
    rows, places = (np.linspace(0, n - 1, count).round().astype(int) for n, count in zip((ny, nx), counts, strict=True))
    return image[np.ix_(rows, places)]


def median_error(maps: OffsetMap) -> float:
    """The 1 sigma that half of the map's pixels stay below, in x and y together, pixels."""
    return float(np.median([coarse(maps.x_error), coarse(maps.y_error)]))


def rms(values: np.ndarray) -> float:
    """Root of the mean square; NaN where there is nothing."""
    finite = values[np.isfinite(values)]
    return math.sqrt(float(np.mean(np.square(finite, dtype=np.float64)))) if finite.size else math.nan


def rms_difference(one: np.ndarray, other: np.ndarray) -> float:
    """Rms of the difference of two images over all pixels, by bands of rows: no third image is made."""
    total, count = 0.0, 0
    for start in range(0, len(one), 128):
        left = one[start : start + 128] - other[start : start + 128]
        finite = np.isfinite(left)
        total += float(np.square(left, where=finite, out=np.zeros_like(left)).sum(dtype=np.float64))
        count += int(finite.sum())
    return math.sqrt(total / count) if count else math.nan


def round_below(value: float, steps: tuple[float, ...] = (1.0, 2.0, 5.0)) -> float:
    """The largest of some steps, times a power of ten, that is not above a value; 0 where that is not positive."""
    if not (math.isfinite(value) and value > 0):
        return 0.0
    power = 10.0 ** math.floor(math.log10(value))
    return max(step * power for step in (1.0, *steps) if step * power <= value * (1 + 1e-9))


def enlargement(dx: np.ndarray, dy: np.ndarray, span: float) -> float:
    """How many times arrows are to be enlarged so that nine of ten stay below a small part of the field's width."""
    lengths = np.hypot(dx, dy)
    lengths = lengths[np.isfinite(lengths)]
    longest = float(np.percentile(lengths, 90)) if lengths.size else 0.0
    return round_below(_LONGEST * span / longest, (1.0, 2.0, 2.5, 5.0)) if longest > 0 else 0.0


def arrow_paths(x: np.ndarray, y: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Arrows as one line with gaps: tail, tip, one barb, tip, the other barb, NaN for each."""
    tip_x, tip_y = x + dx, y + dy
    # A barb goes back a third of the arrow's length, and a sixth to the side.
    barbs = [(-dx / 3 + side * dy / 6, -dy / 3 - side * dx / 6) for side in (1, -1)]
    gap = np.full(len(x), np.nan)
    xs = np.stack([x, tip_x, tip_x + barbs[0][0], tip_x, tip_x + barbs[1][0], gap], axis=1)
    ys = np.stack([y, tip_y, tip_y + barbs[0][1], tip_y, tip_y + barbs[1][1], gap], axis=1)
    return xs.ravel(), ys.ravel()
