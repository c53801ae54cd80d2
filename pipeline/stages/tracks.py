"""Every reference star through every frame."""

from __future__ import annotations

from collections.abc import Sequence as ListLike
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np

from pipeline.frame import Failure, Normalized, Sequence
from pipeline.knob import Knob
from pipeline.stage import stage
from pipeline.stages import identify
from pipeline.stages.candidates import CLEARANCE
from pipeline.stages.grown_errors import grow_errors
from pipeline.stages.ledger import Ledger, star_points
from pipeline.stages.previous import follow_previous
from pipeline.stages.stars import LONELY
from pipeline.tables import Reason, Selection, StarTable, Status, Tracks

if TYPE_CHECKING:
    from pipeline.kernels.register import Points, Solution

#: Share of the stars that should be in a frame below which it is not used.
LEAST_STARS = 0.3


@stage(version=5, scope="sequence", lazy=("normalize",))
def tracks(
    frames: Sequence,
    stars: ListLike[StarTable | Failure],
    selection: Selection,
    normalize: ListLike[Normalized | Failure] = (),
    *,
    method: Annotated[
        Literal["predict", "previous"], Knob("follow the whole sky, or each star from its last two places")
    ] = "predict",
    proximity: Annotated[
        float, Knob("how far from its expected place a star may lie in x and in y", "px", 0.5, 100, 0.5)
    ] = 10.0,
    model: Annotated[
        Literal["auto", "shift", "similarity", "affine"], Knob("how one frame may lie on another")
    ] = "auto",
    order: Annotated[
        int | None, Knob("highest power in the distortion between frames", "", 0, 5, 1, none="auto")
    ] = None,
    centroid: Annotated[
        Literal["winpos", "dao", "com", "gauss"], Knob("which position of a star is followed")
    ] = "winpos",
    recover: Annotated[bool, Knob("look for known stars below the threshold at which stars are found")] = True,
    stuck_tolerance: Annotated[
        float, Knob("offsets that change by no more than this from frame to frame may be stuck", "px", 0, 50, 0.5)
    ] = 2.0,
) -> Tracks:
    """Follow every star of the reference through all frames.

    Method "predict" fits one transform to all stars of a frame, sought first where the frames near it in time lead,
    then at any shift, then at any turn (:mod:`pipeline.kernels.register`). Each star is then looked for at its own
    place (:mod:`pipeline.stages.identify`), so that one that was lost comes back. Method "previous" is the notebooks'
    own (:mod:`pipeline.stages.previous`), and the only one that looks at pixels. The errors of all positions grow where
    stars scatter about the field more than they say (:mod:`pipeline.stages.grown_errors`).

    Parameters
    ----------
    frames : Sequence
        The lights, their times and the reference.
    stars : list of StarTable or Failure
        One for each frame; rows that are no stars serve to find known stars again.
    selection : Selection
        Frames that are to be used.
    normalize : list of Normalized or Failure
        One for each frame; method "previous" alone indexes it.
    method, proximity, model, order, centroid, recover, stuck_tolerance
        The knobs. ``model`` "auto" chooses for each frame, and ``order`` "auto" up to 3, by leave-one-out residuals.

    Returns
    -------
    Tracks

    Raises
    ------
    FrameError
        Where the reference has no stars to follow.
    """
    ledger = Ledger(frames, stars, selection, centroid)
    if method == "previous":
        follow_previous(ledger, normalize, proximity=proximity, stuck_tolerance=stuck_tolerance)
        grow_errors(ledger)
        return ledger.close(method)
    _predict(ledger, selection, proximity, model, order, recover)
    _report_stuck(ledger, proximity, stuck_tolerance)
    grow_errors(ledger)
    return ledger.close(method)


def _predict(
    ledger: Ledger, selection: Selection, proximity: float, model: str, order: int | None, recover: bool
) -> None:
    """Find every frame's transform, then every star in every frame."""
    from pipeline.kernels.polynomial import basis, identity
    from pipeline.kernels.sequence import solve_sequence

    reference, tables = ledger.reference, ledger.tables
    shape = tables[reference].shape
    points = [None if table is None else star_points(table, ledger.centroid) for table in tables]
    solutions, hot = solve_sequence(points, ledger.times, reference, shape, reach=proximity, model=model, order=order)
    known = identify.known_stars(tables[reference], ledger.centroid, hot)
    ledger.enter(reference, *_own_rows(tables[reference], known), reference)
    ledger.transforms[reference], ledger.residual[reference] = identity(shape), 0.0
    last = {-1: reference, 1: reference}
    for frame, side in ledger.outward():
        solution = solutions[frame]
        if solution is None:
            _leave_out_unsolved(ledger, frame, len(points[frame]), len(points[reference]))
            continue
        ledger.transforms[frame], ledger.residual[frame] = solution.transform, solution.rms
        ledger.free[frame] = len(basis(*solution.model)) / 2
        found = identify.identify(
            known, tables[frame], solution.transform, solution.scatter,
            proximity=proximity, centroid=ledger.centroid, recover=recover,
        )  # fmt: skip
        if _usable(ledger, frame, found, solution, selection.residual_limit):
            again = (found.status == Status.FOUND) & (ledger.row[last[side]] < 0)
            found.status[again] = Status.RECOVERED
            ledger.enter(frame, found.row, found.status, last[side])
            last[side] = frame
    _warn(ledger, hot)
    _warn_of_another_field(ledger, points, solutions, proximity)


def _leave_out_unsolved(ledger: Ledger, frame: int, here: int, reference: int) -> None:
    if here == 0:
        peaks = len(ledger.tables[frame])
        ledger.leave_out(frame, f"no stars found (0 of {peaks} peaks)", "lower stars.threshold or leave it out")
        return
    problem = f"its stars do not fit those of the reference ({here} here, {reference} there)"
    ledger.leave_out(frame, problem, "leave it out, or choose a reference of the same field")


def _warn_of_another_field(
    ledger: Ledger, points: list[Points | None], solutions: list[Solution | None], proximity: float
) -> None:
    """Where most frames do not fit the reference but one another, it is the reference that is wrong."""
    from pipeline.kernels.sequence import solve_sequence

    with_stars = [i for i, some in enumerate(points) if some is not None and len(some) and i != ledger.reference]
    apart = [i for i in with_stars if solutions[i] is None]
    if len(apart) < 2 or len(apart) <= len(with_stars) / 2:
        return
    middle = apart[len(apart) // 2]
    others = [some if i in apart else None for i, some in enumerate(points)]
    shape = ledger.tables[ledger.reference].shape
    agreed, _ = solve_sequence(others, ledger.times, middle, shape, reach=proximity, model="similarity")
    same = [i for i in apart if i == middle or agreed[i] is not None]
    if len(same) > len(apart) / 2:
        ledger.warnings.append(
            f"{ledger.file(ledger.reference)}: shows another field than most frames ({len(same)} of {len(with_stars)} "
            f"fit one another): choose frames.reference = {ledger.file(same[0])}"
        )


def _own_rows(table: StarTable, known: identify.Known) -> tuple[np.ndarray, np.ndarray]:
    """Row and status of the reference's stars in the reference itself."""
    return np.where(known.hot, -1, table.kept), np.where(known.hot, Status.HOT, Status.FOUND).astype(np.int8)


def _usable(
    ledger: Ledger,
    frame: int,
    found: identify.Identified,
    solution: Solution,
    residual_limit: tuple[float, float] | None,
) -> bool:
    """Whether a frame holds enough of its stars; else the reason is entered."""
    measured = int((found.row >= 0).sum())
    if found.expected == 0 or measured < LEAST_STARS * found.expected:
        problem = f"too few of the stars that should be in it ({measured} of {found.expected})"
        ledger.leave_out(frame, problem, "leave it out, lower stars.threshold, or choose a nearer reference")
        return False
    if residual_limit is not None and not residual_limit[0] <= solution.rms <= residual_limit[1]:
        low, high = residual_limit
        problem = f"residual outside {low:g} to {high:g} px ({solution.rms:.3g} px)"
        ledger.leave_out(frame, problem, "widen selection.limits to use it")
        return False
    return True


def _warn(ledger: Ledger, hot: np.ndarray) -> None:
    file = ledger.file(ledger.reference)
    if hot.any():
        ledger.warnings.append(
            f"{file}: {hot.sum()} of its {len(hot)} stars stand still while the others move: they are hot pixels "
            "or lights on the ground and are not followed"
        )
    table = ledger.tables[ledger.reference]
    # Pieces of one satellite's trail lie side by side; they say nothing of the stars.
    alone = np.asarray(table["clear"]) > min(LONELY * table.fwhm, CLEARANCE)
    elongated, round_ones = (
        int(((table.reason == reason) & alone).sum()) for reason in (Reason.ROUNDNESS, Reason.STAR)
    )
    if table.metrics.get("elongated"):
        ledger.warnings.append(
            f"{file}: its stars are not round but alike (roundness {table.metrics['elongated']:.2g}), as in a trailed "
            "frame, and their places are less sure along the trail: choose another frames.reference where one is round"
        )
    elif elongated > round_ones:
        ledger.warnings.append(
            f"{file}: most of its peaks are not round ({elongated} of {elongated + round_ones}), as in a trailed "
            "frame: choose another frames.reference, or widen stars.roundness"
        )
    followed = [frame for frame in np.flatnonzero(ledger.used) if frame != ledger.reference]
    if len(ledger.tables) > 1 and not followed:
        ledger.warnings.append(f"{file}: no other frame could be followed: look at the reasons in the frame table")


def _report_stuck(ledger: Ledger, proximity: float, stuck_tolerance: float) -> None:
    """Mark frames whose offsets are the previous frame's although their other stars moved."""
    from pipeline.kernels.register import moves_apart

    for frame, _ in ledger.outward():
        before = int(ledger.previous[frame])
        if before < 0:
            continue
        step = np.hypot(ledger.x[frame] - ledger.x[before], ledger.y[frame] - ledger.y[before])
        both = np.isfinite(step)
        if not both.any() or step[both].max() > stuck_tolerance:
            continue
        here, there = (star_points(ledger.tables[i], ledger.centroid) for i in (before, frame))
        if moves_apart(here, there, ledger.tables[frame].shape, proximity, stuck_tolerance):
            ledger.report_stuck(frame, before, stuck_tolerance, "raise stars.threshold or find the hot pixels")


def _at_centre(tracks: Tracks, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Displacement of the frame's centre and the transform's derivatives there."""
    from pipeline.kernels.polynomial import geometry

    centre_x, centre_y, scale = geometry(tracks.shape)
    transform = tracks.transform[frame]
    return transform[:, 0] - (centre_x, centre_y), transform[:, 1:3] / scale


def displacement(tracks: Tracks, frame: int) -> tuple[float, float]:
    """How far the frame's centre has moved against the reference in x and y, pixels; NaN where it was not solved.

    The shift that brings the frame back onto the reference is the opposite.
    """
    x, y = _at_centre(tracks, frame)[0]
    return float(x), float(y)


def rotation(tracks: Tracks, frame: int) -> float:
    """How far the sky has turned against the reference, degrees, counter-clockwise as x turns toward y."""
    ((xx, xy), (yx, yy)) = _at_centre(tracks, frame)[1]
    return float(np.degrees(np.arctan2(yx - xy, xx + yy)))


def scale(tracks: Tracks, frame: int) -> float:
    """How much larger the sky is than in the reference."""
    ((xx, xy), (yx, yy)) = _at_centre(tracks, frame)[1]
    return float(np.sqrt(np.abs(xx * yy - xy * yx)))
