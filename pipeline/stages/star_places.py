"""Where the stars of a frame are measured: at their own centroids, or where the sequence's tracks have them."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.photometry import Centroids, Flag, Left
from pipeline.stages.centroids import crowds
from pipeline.tables import Status, Tracks


def alone(centroids: Centroids) -> dict[str, Any]:
    """Where the stars of a frame alone are: at their own centroids."""
    count = len(centroids)
    return {
        "id": np.arange(count), "row": np.arange(count), "x": centroids["centroid_x"], "y": centroids["centroid_y"],
        "reason": centroids.reason.copy(), "flag": centroids.flag.copy(), "status": np.zeros(count, np.int8),
        "peaks": _peaks(centroids), "centres": _centres(centroids),
        "home_x": centroids["centroid_x"], "home_y": centroids["centroid_y"],
    }  # fmt: skip


def tracked(centroids: Centroids, tracks: Tracks, index: int) -> dict[str, Any]:
    """Where the reference's stars are in a frame of a sequence, and which row of the frame's centroids each is."""
    order = np.argsort(centroids["row"], kind="stable")
    wanted = tracks.row[index]
    at = np.searchsorted(centroids["row"], wanted, sorter=order)
    row = order[np.minimum(at, len(centroids) - 1)]
    known = (wanted >= 0) & (centroids["row"][row] == wanted)
    row = np.where(known, row, -1)
    x, y, forced = _places(tracks, index)
    flag = np.where(forced, Flag.FORCED, 0) | np.where(known, centroids.flag[row], 0) & ~int(Flag.WINDOWED)
    flag |= np.where(tracks.saturated[index], Flag.SATURATED, 0) | np.where(tracks.blended[index], Flag.NEIGHBOUR, 0)
    crowded = np.isin(np.where(known, centroids.reason[row], 0), (Left.CROWDED, Left.MERGED))
    flag |= np.where(crowded, Flag.NEIGHBOUR, 0)
    reason, x, y = _apart(centroids, tracks, x, y)
    return {
        "id": np.arange(wanted.size), "row": row, "x": x, "y": y, "reason": reason, "flag": flag.astype(np.int64),
        "status": np.where(tracks.measured[index], Status.FOUND, tracks.status[index]).astype(np.int8),
        "peaks": _peaks(centroids), "centres": _centres(centroids),
        "home_x": tracks.x[tracks.reference], "home_y": tracks.y[tracks.reference],
    }  # fmt: skip


def _apart(
    centroids: Centroids, tracks: Tracks, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A Left for each star of the reference, and where it is measured.

    Which are crowded is told by the reference, or a star would have gaps where noise makes a second peak beside it.
    """
    reason = np.where(np.isfinite(x), Left.KEPT, Left.LOST).astype(np.int8)
    x, y = x.copy(), y.copy()
    for members in crowds(tracks.x[tracks.reference], tracks.y[tracks.reference], centroids.separation):
        seen = members[np.isfinite(x[members])]
        reason[seen] = Left.CROWDED if centroids.crowded == "drop" else Left.MERGED
        if centroids.crowded == "merge" and seen.size:
            reason[seen[0]] = Left.KEPT
            x[seen[0]], y[seen[0]] = np.mean(x[seen]), np.mean(y[seen])
    return reason, x, y


def _places(tracks: Tracks, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the reference's stars are, and which of them were too faint to be found.

    A fade below the threshold would else be a gap in the light curve, and only the noise's upper half be measured.
    """
    from pipeline.kernels.polynomial import apply

    x, y = tracks.x[index], tracks.y[index]
    home = tracks.x[tracks.reference], tracks.y[tracks.reference]
    there = apply(tracks.transform[index], *home, tracks.shape)
    forced = (tracks.status[index] == Status.FAINT) & ~np.isfinite(x) & np.isfinite(there[0] + there[1])
    return np.where(forced, there[0], x), np.where(forced, there[1], y), forced


def _peaks(centroids: Centroids) -> dict[str, np.ndarray]:
    return {axis: centroids[f"peak_{axis}"] for axis in "xy"}


def _centres(centroids: Centroids) -> dict[str, np.ndarray]:
    return {f"{way}_{axis}": centroids[f"{way}_{axis}"] for way in ("com", "winpos", "gauss") for axis in "xy"}
