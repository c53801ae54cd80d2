"""The transform from the reference to every frame of a sequence, found from lists of points alone.

Each frame is tried first where its neighbours in time say that it should lie; then at any shift; then at any turn. What
is found counts only when chance would not give as many matches, and what stands still (hot pixels) must not pass for a
sky that moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.kernels import match
from pipeline.kernels.polynomial import Fit, apply, count, fit_transform, geometry, identity, inverse_apply

STILL = 0.5
"""Two points of two frames at most this far apart, pixels, lie at one place of the detector."""

LEAST_SHARE = 0.25
"""A solution matches at least this share of the points that both frames could have in common."""

_BRIGHT, _CORNERS, _EXACT = 300, 60, 500
_HIGHEST_AUTOMATIC_ORDER = 3


@dataclass(frozen=True, eq=False)
class Points:
    """What registration needs to know of the stars of a frame.

    Parameters
    ----------
    position : ndarray of float64, shape (n, 2)
        x and y, pixels.
    error : ndarray of float64, shape (n,)
        1 sigma of a coordinate, pixels.
    brightness : ndarray of float64, shape (n,)
        Only its order matters.
    fwhm : float
        Width of a star, pixels.
    """

    position: np.ndarray
    error: np.ndarray
    brightness: np.ndarray
    fwhm: float

    def __len__(self) -> int:
        return len(self.position)

    def __getitem__(self, rows: np.ndarray) -> Points:
        return Points(self.position[rows], self.error[rows], self.brightness[rows], self.fwhm)

    def brightest(self, most: int) -> Points:
        """The ``most`` brightest of them."""
        return self[np.argsort(-self.brightness, kind="stable")[:most]]


@dataclass(frozen=True, eq=False)
class Solution:
    """A transform from the reference to a frame that the stars bear out.

    Parameters
    ----------
    transform : ndarray of float64, shape (2, terms)
        From positions in the reference to positions here.
    matched : int
        Stars matched.
    rms : float
        Their root mean square distance from the transform, pixels.
    scatter : float
        Standard deviation of a coordinate beyond the errors, pixels.
    model : (str, int)
        Model and order.
    """

    transform: np.ndarray
    matched: int
    rms: float
    scatter: float
    model: tuple[str, int]


@dataclass(frozen=True)
class _Guess:
    transform: np.ndarray
    tolerance: float
    free: int
    trials: float
    limit: float


def tolerance(here: Points, there: Points, reach: float) -> float:
    """Distance below which two points are one star: half of the wider fwhm, as two stars that near would be one."""
    return min(max(1.0, 0.5 * max(here.fwhm, there.fwhm)), reach)


def inside(position: np.ndarray, shape: tuple[int, int], margin: float = 0.0) -> np.ndarray:
    """Which positions lie in a frame of that shape, at least ``margin`` pixels from its edges."""
    x, y = position[:, 0], position[:, 1]
    return (x >= margin) & (y >= margin) & (x <= shape[1] - 1 - margin) & (y <= shape[0] - 1 - margin)


def moved(transform: np.ndarray, position: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Where a transform puts positions, shape (n, 2)."""
    return np.stack(apply(transform, position[:, 0], position[:, 1], shape), axis=1)


def register(
    here: Points,
    there: Points,
    guesses: Sequence[np.ndarray],
    shape: tuple[int, int],
    *,
    reach: float,
    model: str = "auto",
    order: int | None = None,
) -> Solution | None:
    """Find the transform from one list of points to another.

    Points that lie at one place of the detector in both lists are left aside at first: if the rest agrees on a motion,
    those were hot pixels. A sequence that truly stands still has no such rest, and keeps them.

    Parameters
    ----------
    here, there : Points
        Stars of the reference and of the frame.
    guesses : sequence of ndarray of float64, shape (2, terms)
        Transforms that may be near, the likeliest first; the reference's own place at least.
    shape : tuple of int
        Rows and columns of both.
    reach : float
        How far a star may lie from its guessed place in x and in y, pixels.
    model, order
        As in :func:`best_model`.

    Returns
    -------
    Solution or None
        None where no transform matches more stars than chance would.
    """
    if len(here) == 0 or len(there) == 0:
        return None
    selections = [(here, there)]
    still_here, still_there = match.nearest_one_to_one(here.position, there.position, STILL)
    if len(still_here) and _others_move(here, still_here):
        selections.insert(0, (without(here, still_here), without(there, still_there)))
    for some_here, some_there in selections:
        for guess in _guesses(some_here, some_there, guesses, shape, reach):
            near = _refine(some_here.brightest(_BRIGHT), some_there.brightest(_BRIGHT), guess, shape, reach)
            if near is None or not _borne_out(some_here, some_there, near, guess, shape, reach):
                continue
            return _finish(here, there, near, shape, reach, model, order)
    return None


def without(points: Points, rows: np.ndarray) -> Points:
    """All points but those in some rows."""
    return points[np.delete(np.arange(len(points)), rows)]


def _others_move(here: Points, still: np.ndarray) -> bool:
    """Whether exact points are missing among those that stand still: in a sky at rest only vague ones are."""
    exact = here.error < STILL / 4
    if not exact.any():
        return True
    gone = exact.copy()
    gone[still] = False
    return bool(gone.sum() > max(1, 0.02 * exact.sum()))


def _guesses(
    here: Points, there: Points, transforms: Sequence[np.ndarray], shape: tuple[int, int], reach: float
) -> Iterator[_Guess]:
    """Transforms to try, the likeliest first, made only as far as they are needed."""
    if len(here) == 0 or len(there) == 0:
        return
    first, second = here.brightest(_BRIGHT).position, there.brightest(_BRIGHT).position
    pairs, area = float(len(here) * len(there)), float(shape[0] * shape[1])
    for transform in transforms:
        trials = pairs * min((2 * reach + 1) ** 2 / area, 1.0)
        # One star near its expected place is all the evidence that a frame with a single star can give.
        limit = 0.05 if min(len(here), len(there)) < 4 else 1e-3
        cell = min(max(2.0, 2 * tolerance(here, there, reach)), reach)
        at = moved(transform, here.position, shape)
        for shift in match.common_shifts(at, there.position, reach, cell, most=2):
            yield _Guess(_shifted(transform, shift), 1.5 * cell, 1, trials, limit)
    at = moved(transforms[0], first, shape)
    for cell in (4.0, 12.0):
        for shift in match.common_shifts(at, second, None, cell):
            yield _Guess(_shifted(transforms[0], shift), 1.5 * cell, 1, pairs, 1e-3)
    here, there = here.brightest(_CORNERS), there.brightest(_CORNERS)
    trials = 0.5 * len(here) * (len(here) - 1) * len(there) * (len(there) - 1)
    for turn in match.common_turns(here.position, there.position):
        yield _Guess(_normalized_transform(turn, shape), max(8.0, 3 * here.fwhm), 2, trials, 1e-3)


def _shifted(transform: np.ndarray, shift: np.ndarray) -> np.ndarray:
    result = transform.copy()
    result[:, 0] += shift
    return result


def _normalized_transform(turn: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A transform of normalized positions from one whose columns are 1, x, y."""
    centre_x, centre_y, scale = geometry(shape)
    result = turn * (1, scale, scale)
    result[:, 0] += turn[:, 1] * centre_x + turn[:, 2] * centre_y
    return result


def _refine(here: Points, there: Points, guess: _Guess, shape: tuple[int, int], reach: float) -> np.ndarray | None:
    """Match and fit with a tolerance that shrinks to what a star needs."""
    transform, last = guess.transform, tolerance(here, there, reach)
    radius, rounds = max(guess.tolerance, last), 0
    while rounds < 2:
        first, second = _matches(here, there, transform, shape, radius)
        if len(first) == 0:
            return None
        error = np.hypot(here.error[first], there.error[second])
        model = "similarity" if len(first) >= 4 else "shift"
        result = fit_transform(here.position[first], there.position[second], error, transform, shape, model=model)
        transform = result.transform
        rounds += radius <= last
        radius = max(radius / 2, last)
    return transform


def _matches(
    here: Points, there: Points, transform: np.ndarray, shape: tuple[int, int], radius: float
) -> tuple[np.ndarray, np.ndarray]:
    return match.nearest_one_to_one(moved(transform, here.position, shape), there.position, radius)


def _borne_out(
    here: Points, there: Points, transform: np.ndarray, guess: _Guess, shape: tuple[int, int], reach: float
) -> bool:
    """Whether a transform matches more stars than chance would, and a fair share of those that can be."""
    radius = tolerance(here, there, reach)
    at = moved(transform, here.position, shape)
    tried = inside(at, shape)
    back = np.stack(inverse_apply(transform, *there.position.T, shape), axis=1)
    could = min(int(tried.sum()), int(inside(back, shape).sum()))
    matched = len(match.nearest_one_to_one(at[tried], there.position, radius)[0])
    unrelated = 1 - np.exp(-len(there) / (shape[0] * shape[1]) * np.pi * radius**2)
    if matched < max(1.0, (LEAST_SHARE + (1 - LEAST_SHARE) * unrelated) * could):
        return False
    return match.chance(matched, int(tried.sum()), unrelated, guess.free, guess.trials) < guess.limit


def _finish(
    here: Points,
    there: Points,
    transform: np.ndarray,
    shape: tuple[int, int],
    reach: float,
    model: str,
    order: int | None,
) -> Solution:
    """The best transform that the model allows, from all stars; the model is chosen with the most exact of them."""
    radius, near = tolerance(here, there, reach), transform
    rung: tuple[str, int] | None = None
    for _ in range(2):
        first, second = _matches(here, there, near, shape, radius)
        error = np.hypot(here.error[first], there.error[second])
        start = transform if len(first) < 4 and model == "auto" else identity(shape)
        places = here.position[first], there.position[second]
        if rung is None:
            exact = np.argsort(error, kind="stable")[:_EXACT]
            rung = best_model(places[0][exact], places[1][exact], error[exact], start, shape, model, order)
        result = fit_transform(*places, error, start, shape, model=rung[0], order=rung[1])
        # What is too coarse a model to match by is still the model that was asked for.
        near = result.transform if result.scatter < radius / 3 else near
    return Solution(result.transform, len(first), result.rms, result.scatter, rung)


def best_model(
    here: np.ndarray,
    there: np.ndarray,
    error: np.ndarray,
    start: np.ndarray,
    shape: tuple[int, int],
    model: str = "auto",
    order: int | None = None,
) -> tuple[str, int]:
    """The model that predicts stars best that were left out of its fit.

    From a shift over similarity and affine to polynomials of order 2 and 3, a richer model is taken where its
    leave-one-out residuals are smaller than the simpler one's by more than three standard errors of that difference
    (the rule of one standard error, Hastie, Tibshirani and Friedman 2009, 7.10, made stricter), and where four stars
    stand behind each of its terms.

    Parameters
    ----------
    here, there, error, start, shape
        As in :func:`pipeline.kernels.polynomial.fit_transform`.
    model : str
        "auto", or the only one wanted.
    order : int or None
        Of the distortion: None chooses, 0 and 1 mean none.

    Returns
    -------
    str, int
        Model and order, as :func:`pipeline.kernels.polynomial.fit_transform` takes them.
    """
    rungs = [rung for rung in _rungs(model, order) if len(here) >= _stars_needed(*rung)] or [("shift", 1)]
    if len(rungs) == 1:
        return rungs[0]
    chosen, best, misses = rungs[0], None, 0
    for rung in rungs:
        result = fit_transform(here, there, error, start, shape, model=rung[0], order=rung[1], passes=4)
        if best is None or _better(result, best, error):
            chosen, best, misses = rung, result, 0
        else:
            misses += 1
        if misses == 2:
            break
    return chosen


def _rungs(model: str, order: int | None) -> list[tuple[str, int]]:
    """Models to choose from, the simplest first."""
    if model != "auto":
        return [(model, max(order or 1, 1))]
    if order is None:
        higher = [("affine", degree) for degree in range(2, _HIGHEST_AUTOMATIC_ORDER + 1)]
        return [("shift", 1), ("similarity", 1), ("affine", 1), *higher]
    if order >= 2:
        return [("shift", 1), ("similarity", 1), ("affine", order)]
    return [("shift", 1), ("similarity", 1), ("affine", 1)]


def _stars_needed(model: str, order: int) -> int:
    if order >= 2:
        return 4 * count(order)
    return {"shift": 1, "similarity": 4, "affine": 8}[model]


def _better(rich: Fit, simple: Fit, error: np.ndarray) -> bool:
    """Whether the richer model predicts left-out points better, beyond doubt."""
    variance = error**2 + rich.scatter**2 + 1e-8
    # A blend must not choose the model: no point counts for more than five sigma.
    of_simple = np.minimum((simple.left_out**2).sum(axis=1) / variance, 50.0)
    of_rich = np.minimum((rich.left_out**2).sum(axis=1) / variance, 50.0)
    gain = of_simple - of_rich
    return float(gain.mean()) > 3 * float(gain.std()) / np.sqrt(len(gain))


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
    hot = np.zeros(len(stars), bool)
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


def moves_apart(here: Points, there: Points, shape: tuple[int, int], reach: float, least: float) -> bool:
    """Whether points that do not stand still agree on a motion of more than ``least`` pixels."""
    still_here, still_there = match.nearest_one_to_one(here.position, there.position, max(STILL, least))
    rest_here, rest_there = without(here, still_here), without(there, still_there)
    if min(len(rest_here), len(rest_there)) < LEAST_SHARE * min(len(here), len(there)):
        return False
    found = register(rest_here, rest_there, [identity(shape)], shape, reach=reach, model="similarity")
    return found is not None and np.hypot(*(found.transform - identity(shape))[:, 0]) > least
