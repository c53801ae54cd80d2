"""Whether values scatter about a fit as their errors say, and how their variances must grow where they do not.

The ratio of the scatter seen to the scatter claimed is Birge's (1932, Phys. Rev. 40, 207). Here it may have parts of
several kinds: a wrong noise of the sky counts in proportion to the variance claimed, a wrong noise of photons most for
bright stars, and pixels too coarse for the stars disturb all alike.
"""

from __future__ import annotations

import numpy as np

from pipeline.kernels.field import NORMAL_MEDIAN, inverse_gram, least_squares
from pipeline.kernels.median import median
from pipeline.kernels.polynomial import count

#: So few values at least, and so many of a frame, tell the scatter; a square beyond so many times its expectation is no
#: part of it, and those below have this mean where values are normal.
LEAST, ENOUGH, ODD, NORMAL_BELOW = 8, 300, 3.5**2, 0.9939
ROUNDS, SETTLED = 8, 1e-2
#: Twice the logarithm of the likelihood by which larger variances explain the residuals better than those claimed; with
#: three kinds chance gains so much once in 200 times.
BEYOND_CHANCE = 12.0
#: The same by which more kinds of variance are better than a factor alone.
MORE_KINDS = 3.0
#: Where no kind of variance has a score of so many standard deviations, larger ones cannot gain what is beyond chance.
HINT = 2.0
NEIGHBOURS = 4
#: A surface through residuals has an order of no more than this and so many values a term, but that of the fit whose
#: residuals they are has fewer.
FINEST, FOR_A_TERM, LEAST_FOR_A_TERM = 5, 8, 2


def neighbouring(position: np.ndarray) -> np.ndarray:
    """Each pair of near points once, shape (pairs, 2), from an array of shape (n, 2)."""
    from scipy.spatial import cKDTree

    if len(position) <= NEIGHBOURS:
        return np.empty((0, 2), np.int64)
    near = cKDTree(position).query(position, k=NEIGHBOURS + 1)[1][:, 1:]
    own = np.repeat(np.arange(len(position)), NEIGHBOURS)
    # One number a pair: whole rows are told apart ten times as slowly.
    numbers = np.unique(np.minimum(own, near.ravel()) * len(position) + np.maximum(own, near.ravel()))
    return np.stack(np.divmod(numbers, len(position)), axis=1)


def shared(residual: np.ndarray, variance: np.ndarray, pairs: np.ndarray) -> float:
    """Mean product of the residuals of neighbours: what the fit did not follow; 0 where noise may be all of it."""
    usual = _usual(residual, variance)
    pairs = pairs[(residual**2 < ODD * usual)[pairs].all(axis=1)]
    if len(pairs) == 0:
        return 0.0
    one, other = pairs.T
    weight = 1 / (usual[one] * usual[other])
    mean = float((weight * residual[one] * residual[other]).sum() / weight.sum())
    return mean if mean > 2 / np.sqrt(weight.sum()) else 0.0


def _usual(residual: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Variances with the usual scatter beyond what is claimed."""
    return variance + max(median(residual**2) / NORMAL_MEDIAN - median(variance), 0.0)


def bearable(design: np.ndarray, least: int) -> int | None:
    """How many terms some places bear, from their design up to the order FINEST.

    They are those of the highest order for which the places are enough and apart, at least those of the order
    ``least``; None where they are too few for these.
    """
    order = max((one for one in range(FINEST + 1) if FOR_A_TERM * count(one) <= len(design)), default=0)
    number = count(max(order, least))
    while number > count(least) and inverse_gram(design[:, :number]) is None:
        order -= 1
        number = count(order)
    return number if len(design) >= LEAST_FOR_A_TERM * number else None


def about_surface(
    design: np.ndarray, residual: np.ndarray, variance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
    """Squared residuals about a surface.

    Parameters
    ----------
    design : ndarray of float64, shape (n, terms)
        The surface's terms at each place.
    residual, variance : ndarray of float64, shape (n,)
        Value less fit, and the variance that is claimed.

    Returns
    -------
    coefficients, covariance : ndarray of float64, shape (terms,) and (terms, terms)
        Of the surface that residuals lie about.
    squared, unsure : ndarray of float64, shape (n,)
        Squares about the surface that is made without the value itself, and the surface's own variance there.

    None where the places that are no outliers do not tell the terms apart.
    """
    rest, good = residual, np.ones(len(residual), bool)
    for _ in range(2):
        usual = _usual(rest, variance)
        good = rest**2 < ODD * usual if good.sum() > len(residual) / 2 else good
        try:
            fit = least_squares(design[good], residual[good], usual[good])
        except np.linalg.LinAlgError:
            # In line, or too few of them apart.
            return None
        rest = residual - design @ fit.coefficients
    unsure = ((design @ fit.covariance) * design).sum(axis=1)
    unsure[good] /= 1 - fit.leverage
    squared = rest**2
    squared[good] = fit.left_out**2
    return fit.coefficients, fit.covariance, squared, unsure


def growth(squared: np.ndarray, missed: np.ndarray, kinds: np.ndarray, alike: float = 1.0) -> np.ndarray | None:
    """How much of each kind of variance there is, where the variance claimed does not explain the squares.

    Parameters
    ----------
    squared, missed : ndarray of float64, shape (n,)
        Squared residuals and what in them is the error of no star: the surface's, and what it did not follow.
    kinds : ndarray of float64, shape (n, k)
        The variance that is claimed, and a unit of every other kind that may be there.
    alike : float
        Values that count for one, as they share an error.

    Returns
    -------
    ndarray of float64, shape (k,), or None
        None where what is claimed is enough, beyond chance, or where too few values tell.
    """
    if len(squared) < LEAST * alike or not _hinted(squared, kinds[:, 0] + missed, kinds):
        return None
    rest = np.maximum(squared - missed, 0.0)
    simple, _ = _parts(rest, kinds[:, :1])
    parts, own = _parts(rest, kinds)

    def unlikely(seen: np.ndarray) -> float:
        expected = (np.maximum(seen, kinds[:, 0]) + missed)[own]
        return float(np.sum(np.log(expected) + squared[own] / expected))

    factor = np.append(simple, np.zeros(kinds.shape[1] - 1))
    if unlikely(kinds @ factor) - unlikely(kinds @ parts) < MORE_KINDS:
        parts = factor
    return parts if unlikely(kinds[:, 0]) - unlikely(kinds @ parts) > BEYOND_CHANCE * alike else None


def _hinted(squared: np.ndarray, expected: np.ndarray, kinds: np.ndarray) -> bool:
    """Whether there may be more of some kind of variance (Rao's score test, 1948, Proc. Camb. Phil. Soc. 44, 50)."""
    rates = kinds / expected[:, None]
    scores = (np.minimum(squared / expected, ODD) - 1) @ rates
    return bool((scores > HINT * np.sqrt(2 * (rates**2).sum(axis=0))).any())


def _parts(squared: np.ndarray, kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much of each kind there is in squares, none below zero, and which squares are no outliers.

    Each square is weighted by the inverse square of its expectation, as squares of normal deviates want.
    """
    from scipy.optimize import nnls

    sizes = np.maximum(kinds.mean(axis=0), np.finfo(np.float64).tiny)
    kinds = kinds / sizes
    expected = kinds[:, 0] * sizes[0] + median(squared) / NORMAL_MEDIAN
    for _ in range(ROUNDS):
        own = squared < ODD * expected
        rows = np.column_stack([kinds, squared / NORMAL_BELOW])[own] / expected[own, None]
        # The same least squares from a few rows: the solver's time goes with their number.
        rows = np.linalg.qr(rows, mode="r")[: kinds.shape[1]]
        parts, _ = nnls(rows[:, :-1], rows[:, -1])
        before, expected = expected, np.maximum(kinds @ parts, 1e-2 * expected)
        if np.abs(expected - before).max() < SETTLED * expected.max():
            break
    return parts / sizes, own
