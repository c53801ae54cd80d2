"""The book in which a way of following stars enters what it finds, frame by frame, until it is closed as Tracks."""

from __future__ import annotations

from collections.abc import Sequence as ListLike
from typing import TYPE_CHECKING

import numpy as np

from pipeline.frame import Failure, FrameError, Sequence, readonly
from pipeline.stages.identify import TWIN, errors, positions, width
from pipeline.tables import Selection, StarTable, Status, Tracks

if TYPE_CHECKING:
    from pipeline.kernels.register import Points

_ARRAYS = (
    *("x", "y", "x_error", "y_error", "status", "row"),
    *("previous", "used", "residual", "saturated", "blended", "stuck"),
)


def observation_times(frames: Sequence) -> np.ndarray:
    """Days since the reference, or numbers of frames where a frame does not know its time; shape (frames,)."""
    times = [info.time for info in frames.frames]
    if any(time is None for time in times):
        return np.arange(len(times), dtype=np.float64) - frames.reference
    days = np.array([float(time.mjd) for time in times])
    return days - days[frames.reference]


def reference_table(frames: Sequence, stars: ListLike[StarTable | Failure]) -> StarTable:
    """The reference's star table.

    Raises
    ------
    FrameError
        Where it has no stars to follow.
    """
    file = frames.frames[frames.reference].file
    table = stars[frames.reference]
    if isinstance(table, Failure):
        raise FrameError(file, f"the reference cannot be used ({table.message})", "choose another frames.reference")
    if len(table.kept) == 0:
        problem = f"the reference has no stars to follow ({len(table)} peaks)"
        raise FrameError(file, problem, "lower stars.threshold or choose another frames.reference")
    return table


def crowded(table: StarTable, centroid: str, rows: np.ndarray) -> np.ndarray:
    """Which rows have another star within two fwhm, whose light reaches into their centroid's window."""
    from pipeline.kernels.match import pairs_within

    at, stars = positions(table, centroid)[rows], positions(table, centroid)[table.kept]
    reach = 2 * width(table)
    first, second = pairs_within(at, stars, reach)
    distance = np.hypot(*(at[first] - stars[second]).T)
    near = (distance <= reach) & (distance >= TWIN * width(table)) & (rows[first] != table.kept[second])
    return np.bincount(first[near], minlength=len(rows)) > 0


def star_points(table: StarTable, centroid: str) -> Points:
    """What registration needs to know of the stars of a table."""
    from pipeline.kernels.register import Points

    rows = table.kept
    error = np.sqrt((errors(table)[rows] ** 2).mean(axis=1))
    brightness = np.nan_to_num(np.asarray(table["flux"], np.float64)[rows], nan=0.0)
    return Points(positions(table, centroid)[rows], error, brightness, width(table))


class Ledger:
    """What is known so far of every reference star in every frame.

    Parameters
    ----------
    frames, stars, selection
        As in :func:`pipeline.stages.tracks.tracks`.
    centroid : str
        Which position of a star is entered.
    """

    def __init__(
        self, frames: Sequence, stars: ListLike[StarTable | Failure], selection: Selection, centroid: str
    ) -> None:
        self.frames, self.centroid, self.reference = frames, centroid, frames.reference
        self.times = observation_times(frames)
        self.reason = list(selection.reason)
        table = reference_table(frames, stars)
        self.tables = [table if i == self.reference else self._admitted(i, stars, selection) for i in self.numbers]
        size = (len(frames.frames), len(table.kept))
        self.x, self.y, self.x_error, self.y_error = (np.full(size, np.nan) for _ in range(4))
        self.row = np.full(size, -1, np.int64)
        self.status = np.full(size, Status.FRAME, np.int8)
        self.lean = np.full((2, *size), np.nan)
        self.saturated, self.blended = np.zeros(size, bool), np.zeros(size, bool)
        self.transforms: list[np.ndarray | None] = [None] * size[0]
        self.residual = np.full(size[0], np.nan)
        self.free = np.zeros(size[0])
        self.used = np.zeros(size[0], bool)
        self.used[self.reference] = selection.used[self.reference]
        self.stuck = np.zeros(size[0], bool)
        self.previous = np.full(size[0], -1, np.int64)
        self.previous[self.reference] = self.reference
        self.warnings: list[str] = []

    @property
    def numbers(self) -> range:
        """Number of every frame."""
        return range(len(self.frames.frames))

    def file(self, frame: int) -> str:
        """The frame's file, as a user knows it."""
        return self.frames.frames[frame].file

    def _admitted(self, frame: int, stars: ListLike[StarTable | Failure], selection: Selection) -> StarTable | None:
        """The table of a frame that is to be followed; None, with a reason, for the others."""
        if not selection.used[frame]:
            return None
        table = stars[frame]
        if isinstance(table, Failure):
            self.reason[frame] = table.message
            return None
        if len(table) == 0:
            self.reason[frame] = f"{self.file(frame)}: no stars found (0 peaks): lower stars.threshold or leave it out"
            return None
        return table

    def outward(self) -> list[tuple[int, int]]:
        """Frames that are to be followed, nearest to the reference in time first, and on which side of it each lies."""
        from pipeline.kernels.sequence import outward

        sides = np.sign(self.times - self.times[self.reference])
        order = outward(self.times, self.reference)
        return [
            (frame, int(sides[frame] or np.sign(frame - self.reference)))
            for frame in order
            if self.tables[frame] is not None
        ]

    def enter(self, frame: int, row: np.ndarray, status: np.ndarray, previous: int) -> None:
        """Enter the rows of a frame that are reference stars, and that the frame is used."""
        table = self.tables[frame]
        star = np.flatnonzero(row >= 0)
        rows = row[star]
        self.row[frame], self.status[frame] = row, status
        self.x[frame, star], self.y[frame, star] = positions(table, self.centroid)[rows].T
        self.x_error[frame, star], self.y_error[frame, star] = errors(table)[rows].T
        fitted = positions(table, "gauss")[rows]
        self.lean[:, frame, star] = fitted.T - (self.x[frame, star], self.y[frame, star])
        self.saturated[frame, star] = np.asarray(table["saturated"])[rows] > 0
        self.blended[frame, star] = crowded(table, self.centroid, rows)
        self.previous[frame] = previous
        self.used[frame] = self.used[frame] or frame != self.reference

    def leave_out(self, frame: int, problem: str, remedy: str) -> None:
        """Enter why a frame is not used."""
        self.reason[frame] = f"{self.file(frame)}: {problem}: {remedy}"

    def report_stuck(self, frame: int, before: int, tolerance: float, remedy: str) -> None:
        """Enter that a frame has the offsets of the frame before although its stars moved."""
        self.stuck[frame] = True
        problem = f"offsets within {tolerance:g} px of those in {self.file(before)}, although the stars moved"
        self.warnings.append(f"{self.file(frame)}: the search is stuck ({problem}): {remedy}")

    def close(self, method: str) -> Tracks:
        """Everything that was entered, read-only."""
        known = [transform for transform in self.transforms if transform is not None]
        size = max((transform.shape[1] for transform in known), default=3)
        transform = np.full((len(self.tables), 2, size), np.nan)
        for frame, one in enumerate(self.transforms):
            if one is not None:
                transform[frame] = 0.0
                transform[frame, :, : one.shape[1]] = one
        arrays = {name: readonly(getattr(self, name)) for name in _ARRAYS}
        return Tracks(
            **arrays,
            reason=tuple(self.reason),
            transform=readonly(transform),
            reference=self.reference,
            shape=self.tables[self.reference].shape,
            method=method,
            warnings=tuple(self.warnings),
            lean=readonly(self.lean) if self.centroid == "winpos" and method == "predict" else None,
        )
