"""The notebooks' way of following stars, each from its last two places, kept for teaching with all its faults.

Its faults, in the order of the code: the last step is taken off the last place instead of added to it; if one window
leaves the image, the whole frame goes without the step; the first row near enough is taken, not the nearest, and two
stars may take the same; a star that is lost once is lost for good; the star in row 0 is never followed.
"""

from __future__ import annotations

from collections.abc import Sequence as ListLike
from dataclasses import dataclass

import numpy as np

from pipeline.frame import Failure, FrameError, Normalized
from pipeline.stages.identify import errors, positions
from pipeline.stages.ledger import Ledger, star_points
from pipeline.tables import Status


@dataclass(frozen=True, eq=False)
class _Table:
    """The stars that are still followed: their rows in the reference, where they were, and their last step."""

    frame: int
    star: np.ndarray
    place: np.ndarray
    step: np.ndarray


def follow_previous(
    ledger: Ledger, normalize: ListLike[Normalized | Failure], *, proximity: float, stuck_tolerance: float
) -> None:
    """Follow each star from its last two places, outward from the reference on both sides.

    Parameters
    ----------
    ledger : Ledger
        Takes what is found.
    normalize : list of Normalized or Failure
        Images without sky, one for each frame.
    proximity : float
        Farthest step in x and in y, pixels.
    stuck_tolerance : float
        Offsets that change by no more than this from frame to frame are stuck if the stars moved, pixels.

    Raises
    ------
    FrameError
        Where there are no images.
    """
    reference = ledger.reference
    if len(normalize) != len(ledger.tables):
        problem = f"method previous measures in the images ({len(normalize)} given)"
        raise FrameError(ledger.file(reference), problem, "give tracks the normalized frames too")
    stars = ledger.tables[reference].kept
    ledger.enter(reference, stars, np.full(len(stars), Status.FOUND, np.int8), reference)
    _fit(ledger, reference)
    place = positions(ledger.tables[reference], ledger.centroid)[stars]
    start = _Table(reference, np.arange(len(stars)), place, np.zeros_like(place))
    tables: dict[int, _Table | None] = {-1: start, 1: start}
    stopped = {-1: "", 1: ""}
    for frame, side in ledger.outward():
        before = tables[side]
        if before is None:
            ledger.leave_out(frame, f"the search is stuck at {stopped[side]}", "use tracks.method = predict")
            continue
        image = normalize[frame]
        if isinstance(image, Failure):
            ledger.reason[frame] = image.message
            continue
        after = _next(before, frame, image.image, ledger.tables[reference].fwhm, proximity)
        if len(after.star) == 0:
            ledger.leave_out(frame, "no star was followed into it (0)", "use tracks.method = predict")
            continue
        _enter(ledger, after, before.frame)
        tables[side] = after
        if _stuck(ledger, before.frame, frame, proximity, stuck_tolerance):
            tables[side], stopped[side] = None, ledger.file(frame)


def _next(before: _Table, frame: int, image: np.ndarray, fwhm: float, proximity: float) -> _Table:
    """The table of one frame from that of the frame before."""
    from pipeline.kernels.match import pairs_within

    window = int(2 * fwhm + 1)
    guess = before.place - before.step
    if _leaves(guess, window, image.shape):
        guess = before.place
    current = centres_of_mass(image, guess, window)
    seen = np.flatnonzero(np.isfinite(current).all(axis=1))
    row, near = pairs_within(before.place, current[seen], proximity)
    # Pairs are sorted by both their rows: the first of each row is the first current row near enough.
    followed, place_of = np.unique(row, return_index=True)
    first = seen[near[place_of]]
    first, followed = first[before.star[followed] != 0], followed[before.star[followed] != 0]
    place = current[first]
    return _Table(frame, before.star[followed], place, place - before.place[followed])


def _corners(place: np.ndarray, window: int) -> np.ndarray:
    """First column and row of the window about each place."""
    return np.ceil(place - window / 2).astype(np.int64)


def _leaves(place: np.ndarray, window: int, shape: tuple[int, int]) -> bool:
    """Whether any window has a pixel outside the image."""
    corner = _corners(place, window)
    return bool((corner < 0).any() or (corner + window > (shape[1], shape[0])).any())


def centres_of_mass(image: np.ndarray, place: np.ndarray, window: int) -> np.ndarray:
    """Centre of mass of the pixels in a square window about each place.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Without sky; NaN and what lies outside counts as nothing.
    place : ndarray of float64, shape (n, 2)
        x and y, pixels.
    window : int
        Side, pixels.

    Returns
    -------
    ndarray of float64, shape (n, 2)
        NaN where the pixels' sum is zero.
    """
    corner = _corners(place, window)
    x, y = (corner[:, axis, None] + np.arange(window) for axis in (0, 1))
    rows, columns = image.shape
    within = ((y >= 0) & (y < rows))[:, :, None] & ((x >= 0) & (x < columns))[:, None, :]
    light = image[np.clip(y, 0, rows - 1)[:, :, None], np.clip(x, 0, columns - 1)[:, None, :]].astype(np.float64)
    light = np.where(within, np.nan_to_num(light, nan=0.0), 0.0)
    total = light.sum(axis=(1, 2))
    total[total == 0] = np.nan
    moments = (light.sum(axis=1) * x).sum(axis=1), (light.sum(axis=2) * y).sum(axis=1)
    return np.stack(moments, axis=1) / total[:, None]


def _enter(ledger: Ledger, table: _Table, before: int) -> None:
    """Enter the frame: the places are the centres of mass, the other columns those of the nearest row."""
    from scipy.spatial import cKDTree

    from pipeline.kernels.register import inside

    star_table, frame = ledger.tables[table.frame], table.frame
    nearest = cKDTree(positions(star_table, ledger.centroid)).query(table.place)[1]
    row = np.full(ledger.row.shape[1], -1)
    row[table.star] = nearest
    status = np.where(row >= 0, Status.FOUND, Status.MOVED).astype(np.int8)
    last = np.stack([ledger.x[before], ledger.y[before]], axis=1)
    gone = (row < 0) & np.isfinite(last).all(axis=1)
    edge = ~inside(np.nan_to_num(last), star_table.shape, 2 * star_table.fwhm)
    status[gone & edge] = Status.OUTSIDE
    forgotten = (row < 0) & ~gone
    status[forgotten] = np.where(ledger.status[before][forgotten] > 1, ledger.status[before][forgotten], Status.MOVED)
    ledger.enter(frame, row, status, before)
    ledger.x[frame, table.star], ledger.y[frame, table.star] = table.place.T
    ledger.x_error[frame, table.star], ledger.y_error[frame, table.star] = errors(star_table)[nearest].T
    _fit(ledger, frame)


def _fit(ledger: Ledger, frame: int) -> None:
    """The transform of the places that were found, for the frame table; this method itself has no use for it."""
    from pipeline.kernels.models import best_model
    from pipeline.kernels.polynomial import basis, fit_transform, identity

    star = np.flatnonzero(np.isfinite(ledger.x[frame]))
    here, there = (np.stack([ledger.x[i, star], ledger.y[i, star]], axis=1) for i in (ledger.reference, frame))
    error = np.hypot(ledger.x_error[ledger.reference, star], ledger.x_error[frame, star])
    shape = ledger.tables[frame].shape
    start = identity(shape)
    model, order = best_model(here, there, error, start, shape)
    result = fit_transform(here, there, error, start, shape, model=model, order=order)
    ledger.transforms[frame], ledger.residual[frame] = result.transform, result.rms
    ledger.free[frame] = len(basis(model, order)) / 2


def _stuck(ledger: Ledger, before: int, frame: int, proximity: float, tolerance: float) -> bool:
    """Whether all offsets are as in the frame before although the stars moved; then that is reported."""
    from pipeline.kernels.polynomial import identity
    from pipeline.kernels.register import register

    step = np.maximum(np.abs(ledger.x[frame] - ledger.x[before]), np.abs(ledger.y[frame] - ledger.y[before]))
    if np.nanmax(step) > tolerance:
        return False
    here, there = (star_points(ledger.tables[i], ledger.centroid) for i in (before, frame))
    shape = ledger.tables[frame].shape
    found = register(here, there, [identity(shape)], shape, reach=proximity, model="similarity")
    if found is None or np.abs(found.transform - identity(shape))[:, 0].max() <= tolerance:
        return False
    ledger.report_stuck(frame, before, tolerance, "use tracks.method = predict")
    return True
