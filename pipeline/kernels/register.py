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
from pipeline.kernels.models import best_model
from pipeline.kernels.polynomial import apply, fit_transform, geometry, identity, inverse_apply

#: Two points of two frames at most this far apart, pixels, lie at one place of the detector.
STILL = 0.5
#: A solution matches at least this share of the points that both frames could have in common.
LEAST_SHARE = 0.25

_BRIGHT, _CORNERS, _EXACT = 300, 60, 500


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
    before: tuple[np.ndarray, np.ndarray] | None = None
    for _ in range(2):
        first, second = _matches(here, there, near, shape, radius)
        if before is not None and all(map(np.array_equal, before, (first, second))):
            break
        before = first, second
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


def moves_apart(here: Points, there: Points, shape: tuple[int, int], reach: float, least: float) -> bool:
    """Whether points that do not stand still agree on a motion of more than ``least`` pixels."""
    still_here, still_there = match.nearest_one_to_one(here.position, there.position, max(STILL, least))
    rest_here, rest_there = without(here, still_here), without(there, still_there)
    if min(len(rest_here), len(rest_there)) < LEAST_SHARE * min(len(here), len(there)):
        return False
    found = register(rest_here, rest_there, [identity(shape)], shape, reach=reach, model="similarity")
    return found is not None and np.hypot(*(found.transform - identity(shape))[:, 0]) > least
