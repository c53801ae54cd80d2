"""Where a frame's stars are drawn, and which of them lie in the region that the visitor has dragged."""

from __future__ import annotations

import math

import numpy as np

from pipeline.kernels import polynomial
from pipeline.knob import Rectangle
from pipeline.tables import Tracks

# x from and to, y from and to, pixels.
Region = tuple[float, float, float, float]


def transform_of(tracks: Tracks | None, frame: int) -> np.ndarray | None:
    """The transform from the reference to a frame; None where it is not known."""
    if tracks is None or frame >= len(tracks.transform) or not np.isfinite(tracks.transform[frame]).all():
        return None
    return tracks.transform[frame]


def to_reference(tracks: Tracks, frame: int, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of a frame as places of the reference, pixels; the same where the transform is not known."""
    transform = transform_of(tracks, frame)
    return (x, y) if transform is None else polynomial.inverse_apply(transform, x, y, tracks.shape)


def spot_of(tracks: Tracks | None, frame: int, x: float, y: float) -> tuple[float, float]:
    """A place of a frame as one of the reference, pixels; the same where the transform is not known."""
    if tracks is None:
        return x, y
    (there_x,), (there_y,) = to_reference(tracks, frame, np.array([x]), np.array([y]))
    return float(there_x), float(there_y)


def place_of(tracks: Tracks | None, frame: int, spot: tuple[float, float]) -> tuple[float, float]:
    """A place of the reference as one of a frame, pixels; the same where the transform is not known."""
    transform = transform_of(tracks, frame)
    if transform is None:
        return spot
    (x,), (y,) = polynomial.apply(transform, np.array(spot[:1]), np.array(spot[1:]), tracks.shape)
    return float(x), float(y)


def _moved(region: Region, dx: float, dy: float) -> Region:
    return region[0] + dx, region[1] + dx, region[2] + dy, region[3] + dy


def in_frame(region: Region, tracks: Tracks | None, frame: int) -> Region:
    """A region of the reference as it lies in a frame: it goes with the sky, moved as its centre is."""
    transform = transform_of(tracks, frame)
    if transform is None:
        return region
    x, y = (region[0] + region[1]) / 2, (region[2] + region[3]) / 2
    (there_x,), (there_y,) = polynomial.apply(transform, np.array([x]), np.array([y]), tracks.shape)
    return _moved(region, there_x - x, there_y - y)


def in_reference(region: Region, tracks: Tracks | None, frame: int) -> Region:
    """A region of a frame as it lies in the reference."""
    if transform_of(tracks, frame) is None:
        return region
    x, y = (region[0] + region[1]) / 2, (region[2] + region[3]) / 2
    (there_x,), (there_y,) = to_reference(tracks, frame, np.array([x]), np.array([y]))
    return _moved(region, there_x - x, there_y - y)


def inside(region: Region, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Which places lie in a region; one that is not known does not."""
    return (x >= region[0]) & (x <= region[1]) & (y >= region[2]) & (y <= region[3])


def pixels_inside(region: Region, shape: tuple[int, int]) -> Rectangle | None:
    """The pixels whose centres lie in a region: x0, y0, x1, y1, the last two not in it; None where there is none."""
    x0, x1 = max(math.ceil(region[0]), 0), min(math.floor(region[1]) + 1, shape[1])
    y0, y1 = max(math.ceil(region[2]), 0), min(math.floor(region[3]) + 1, shape[0])
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def stars_inside(region: Region | None, tracks: Tracks) -> np.ndarray:
    """Which stars lie in a region of the reference; all where there is none."""
    home = tracks.reference
    if region is None:
        return np.ones(tracks.x.shape[1], bool)
    return inside(region, tracks.x[home], tracks.y[home])
