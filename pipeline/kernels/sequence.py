"""The transforms of a whole sequence, followed outward from its reference, and which of its points never were stars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.kernels import match
from pipeline.kernels.polynomial import identity
from pipeline.kernels.register import STILL, Points, Solution, inside, moved, register, tolerance


def outward(times: np.ndarray, reference: int) -> list[int]:
    """The frames from the reference outward on both sides, nearest in time first."""
    distance = np.abs(times - times[reference])
    order = np.lexsort((np.arange(len(times)), np.abs(np.arange(len(times)) - reference), distance))
    return [int(frame) for frame in order if frame != reference]


def solve_sequence(
    points: Sequence[Points | None],
    times: np.ndarray,
    reference: int,
    shape: tuple[int, int],
    *,
    reach: float,
    model: str = "auto",
    order: int | None = None,
) -> tuple[list[Solution | None], np.ndarray]:
    """Transforms from the reference to every frame, and which of its points are hot pixels.

    Parameters
    ----------
    points : sequence of Points or None
        Stars of every frame; None where a frame is not to be followed.
    times : ndarray of float64, shape (frames,)
        When each frame was taken, in any unit.
    reference : int
        Index of the reference.
    shape, reach, model, order
        As in :func:`register`.

    Returns
    -------
    list of Solution or None
        One for each frame.
    ndarray of bool, shape (reference's points,)
        True for points that stood still while the others moved.
    """
    stars = points[reference]
    options = {"reach": reach, "model": model, "order": order}
    start = Solution(identity(shape), len(stars), 0.0, 0.0, ("shift", 1))
    solved: dict[int, Solution] = {reference: start}
    frames = [frame for frame in outward(times, reference) if points[frame] is not None]
    for _ in range(2):
        # Twice, since frames beyond a gap may tell where the frames inside it lie.
        for frame in frames:
            if frame not in solved:
                found = register(stars, points[frame], expected(solved, times, frame), shape, **options)
                solved.update({frame: found} if found else {})
    hot = standing(points, solved, reference, shape)
    if hot.any():
        for frame in frames:
            # Where the sky has moved far enough, no hot pixel can have passed for its own star.
            if frame in solved and _far(solved[frame].transform, stars.position[hot], shape, points[frame], stars):
                continue
            near = [solved.pop(frame).transform] if frame in solved else []
            guesses = near + expected(solved, times, frame)
            found = register(stars[~hot], points[frame], guesses, shape, **options)
            solved.update({frame: found} if found else {})
    return [solved.get(frame) for frame in range(len(points))], hot


def _far(transform: np.ndarray, position: np.ndarray, shape: tuple[int, int], there: Points, here: Points) -> bool:
    step = moved(transform, position, shape) - position
    return bool(np.hypot(*step.T).min() > 2 * tolerance(here, there, np.inf))


def expected(solved: dict[int, Solution], times: np.ndarray, frame: int) -> list[np.ndarray]:
    """Where a frame should lie from frames near it in time: in steady motion, or where those lie.

    Parameters
    ----------
    solved : dict of int to Solution
        Frames that are known.
    times : ndarray of float64, shape (frames,)
        When each frame was taken.
    frame : int
        The frame that is not.

    Returns
    -------
    list of ndarray of float64, shape (2, terms)
        Transforms, the likeliest first.
    """
    near = sorted(solved, key=lambda other: (abs(times[other] - times[frame]), abs(other - frame)))[:3]
    size = max(solved[other].transform.shape[1] for other in near)
    known = [np.pad(solved[other].transform, ((0, 0), (0, size - solved[other].transform.shape[1]))) for other in near]
    guesses = known[:2]
    if len(near) > 1 and times[near[0]] != times[near[1]]:
        share = (times[frame] - times[near[0]]) / (times[near[0]] - times[near[1]])
        # A motion is carried on for as long as it was seen, not for a night.
        if abs(share) <= 3:
            guesses = [known[0] + share * (known[0] - known[1]), *guesses]
    return guesses


def standing(
    points: Sequence[Points | None], solved: dict[int, Solution], reference: int, shape: tuple[int, int]
) -> np.ndarray:
    """Points of the reference that stay on the detector while the sky moves: hot pixels.

    A point counts in frames whose transform moves it by more than two of the matching tolerances and keeps it inside.
    It is hot where in most of those frames something stands at its old place, and in less than half of them at its
    new one.
    """
    stars = points[reference]
    tried, stayed, went = np.zeros((3, len(stars)))
    for frame, solution in solved.items():
        there = points[frame]
        if frame == reference or len(there) == 0:
            continue
        radius = tolerance(stars, there, np.inf)
        at = moved(solution.transform, stars.position, shape)
        away = (np.hypot(*(at - stars.position).T) > 2 * radius) & inside(at, shape)
        rows = np.flatnonzero(away)
        tried[rows] += 1
        stayed[rows[match.nearest_one_to_one(stars.position[rows], there.position, STILL)[0]]] += 1
        went[rows[match.nearest_one_to_one(at[rows], there.position, radius)[0]]] += 1
    return (tried > 0) & (stayed > 0.5 * tried) & (went < 0.5 * tried)
