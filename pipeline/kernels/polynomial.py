"""Polynomials of a position, and the transforms between frames that are made of them.

The terms of an order stand by degree: 1, u, v, u2, uv, v2, u3, ... A transform is an array of shape (2, terms) whose
rows give x and y there as polynomials of the normalized position (u, v) here: u = (x - cx) / s and v = (y - cy) / s,
where (cx, cy) = ((nx - 1) / 2, (ny - 1) / 2) is the frame's centre and s half of its longer side, so that all terms
stay within -1 and 1 and the normal equations well conditioned.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pipeline.kernels.median import median

_BLOCK = 500


def count(order: int) -> int:
    """Number of terms of a polynomial of two variables of that order."""
    return (order + 1) * (order + 2) // 2


def order_of(terms: int) -> int:
    """Order of the polynomial that has that many terms."""
    return round((np.sqrt(8 * terms + 1) - 3) / 2)


def terms(u: np.ndarray, v: np.ndarray, order: int) -> np.ndarray:
    """Every product u^i v^j of degree 0 to ``order``.

    Parameters
    ----------
    u, v : ndarray of float64, shape (n,)
        Positions.
    order : int
        Highest degree.

    Returns
    -------
    ndarray of float64, shape (n, count(order))
        Columns in the order 1, u, v, u2, uv, v2, ...
    """
    u, v = np.asarray(u, np.float64), np.asarray(v, np.float64)
    result = np.empty((*u.shape, count(order)))
    result[..., 0] = 1.0
    for degree in range(1, order + 1):
        here, below = count(degree - 1), count(degree - 2) if degree > 1 else 0
        result[..., here : here + degree] = result[..., below : below + degree] * u[..., None]
        result[..., here + degree] = result[..., below + degree - 1] * v
    return result


def normalized(x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The positions u, v of pixels in a frame of that shape, -1 to 1 along its longer side."""
    centre_x, centre_y, scale = geometry(shape)
    return (np.asarray(x) - centre_x) / scale, (np.asarray(y) - centre_y) / scale


def geometry(shape: tuple[int, int]) -> tuple[float, float, float]:
    """Centre (x, y) of a frame and half of its longer side, pixels."""
    rows, columns = shape
    return (columns - 1) / 2, (rows - 1) / 2, max(rows, columns, 2) / 2


def identity(shape: tuple[int, int], order: int = 1) -> np.ndarray:
    """The transform that leaves every position where it is, shape (2, count(order))."""
    centre_x, centre_y, scale = geometry(shape)
    transform = np.zeros((2, count(max(order, 1))))
    transform[0, 0], transform[1, 0] = centre_x, centre_y
    transform[0, 1] = transform[1, 2] = scale
    return transform


def widened(transform: np.ndarray, order: int) -> np.ndarray:
    """The same transform with zeros for the terms up to ``order``."""
    result = np.zeros((2, max(count(order), transform.shape[1])))
    result[:, : transform.shape[1]] = transform
    return result


def apply(transform: np.ndarray, x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Where a transform puts positions of a frame of that shape, pixels."""
    u, v = normalized(x, y, shape)
    there = terms(u, v, order_of(transform.shape[1])) @ transform.T
    return there[..., 0], there[..., 1]


@lru_cache
def basis(model: str, order: int) -> np.ndarray:
    """The ways in which a transform may change.

    Parameters
    ----------
    model : str
        "shift" moves, "similarity" also turns and scales, "affine" also shears.
    order : int
        Above 1, all terms of degree 2 to ``order`` are free too.

    Returns
    -------
    ndarray of float64, shape (parameters, 2, count(max(order, 1)))
        One transform for each free parameter.
    """
    size = count(max(order, 1))
    entries = [((0, 0, 1.0),), ((1, 0, 1.0),)]
    if model == "similarity":
        entries += [((0, 1, 1.0), (1, 2, 1.0)), ((1, 1, 1.0), (0, 2, -1.0))]
    elif model == "affine":
        entries += [((row, term, 1.0),) for row in (0, 1) for term in (1, 2)]
    entries += [((row, term, 1.0),) for row in (0, 1) for term in range(3, size)]
    ways = np.zeros((len(entries), 2, size))
    for way, changes in zip(ways, entries, strict=True):
        for row, term, value in changes:
            way[row, term] = value
    ways.flags.writeable = False
    return ways


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted transform and how well it fits.

    Parameters
    ----------
    transform : ndarray of float64, shape (2, terms)
        The transform.
    kept : ndarray of bool, shape (n,)
        Points that were not clipped.
    residual : ndarray of float64, shape (n, 2)
        Point less transform, pixels, for all points.
    left_out : ndarray of float64, shape (n, 2)
        The same against the transform fitted without that point, pixels.
    scatter : float
        Standard deviation of a coordinate beyond its errors, pixels.
    """

    transform: np.ndarray
    kept: np.ndarray
    residual: np.ndarray
    left_out: np.ndarray
    scatter: float

    @property
    def rms(self) -> float:
        """Root mean square distance of the kept points from the transform, pixels."""
        kept = self.residual[self.kept]
        return float(np.sqrt((kept**2).sum(axis=1).mean())) if len(kept) else 0.0


def fit_transform(
    here: np.ndarray,
    there: np.ndarray,
    error: np.ndarray,
    start: np.ndarray,
    shape: tuple[int, int],
    *,
    model: str,
    order: int = 1,
    clip: float = 4.0,
    passes: int = 6,
) -> Fit:
    """Fit a transform, weighted by errors, clipping what lies far off.

    Weights are 1 / (error^2 + scatter^2), where the scatter beyond the errors is found from the median distance: a few
    bright stars must not rule a fit that the air or a distortion disturbs by more than their errors. A point is clipped
    beyond ``clip`` of its own standard deviations.

    Parameters
    ----------
    here, there : ndarray of float64, shape (n, 2)
        Positions x, y before and after.
    error : ndarray of float64, shape (n,)
        1 sigma of a coordinate of ``there - here``, pixels.
    start : ndarray of float64, shape (2, terms)
        Transform to improve; what the model does not free stays as it is there.
    shape : tuple of int
        Rows and columns of the frame.
    model, order
        As in :func:`basis`.
    clip : float
        Standard deviations.
    passes : int
        Rounds of fitting and clipping.

    Returns
    -------
    Fit
    """
    ways = basis(model, order)
    base = widened(start, order)
    design = terms(*normalized(here[:, 0], here[:, 1], shape), order_of(base.shape[1]))
    wanted = there - design @ base.T
    # All x equations first, then all y: one matrix of shape (2 n, parameters), so that BLAS does the sums.
    columns = np.concatenate([design[:, : ways.shape[2]] @ ways[:, row].T for row in (0, 1)])
    # Products of blocks so small that BLAS starts no threads for them: a Graph forbids it threads, but who calls this
    # without one does not; the sums have the same last digits for both.
    blocks = [slice(first, first + _BLOCK) for first in range(0, len(columns), _BLOCK)]
    kept, scatter = np.ones(len(here), bool), _spread(np.hypot(*(wanted - [median(row) for row in wanted.T]).T))
    variance, flat = error**2, wanted.T.ravel()
    for _ in range(passes):
        weight = kept / (variance + scatter**2 + 1e-8)
        weighted = columns * np.tile(weight, 2)[:, None]
        inverse = _inverse(sum(weighted[rows].T @ columns[rows] for rows in blocks))
        step = inverse @ (weighted.T @ flat)
        residual = wanted - (columns @ step).reshape(2, -1).T
        distance = np.hypot(residual[:, 0], residual[:, 1])
        scatter = np.sqrt(max(_spread(distance[kept]) ** 2 - median(variance[kept]), 0.0))
        again = distance <= clip * np.sqrt(variance + scatter**2 + 1e-4)
        if again.sum() * 2 < len(ways) + 1 or np.array_equal(again, kept):
            break
        kept = again
    spread = np.concatenate([((columns[rows] @ inverse) * weighted[rows]).sum(axis=1) for rows in blocks])
    leverage = spread.reshape(2, -1).T
    transform = base.copy()
    transform[:, : ways.shape[2]] += np.einsum("p,pct->ct", step, ways)
    return Fit(transform, kept, residual, residual / np.maximum(1 - leverage, 0.02), float(scatter))


def _inverse(normal: np.ndarray) -> np.ndarray:
    """Inverse of normal equations; the pseudo-inverse where stars do not tell all parameters apart."""
    size = np.sqrt(np.maximum(np.diag(normal), 1e-300))
    scaled = normal / np.outer(size, size)
    try:
        inverse = np.linalg.inv(scaled)
        # The condition in the norm of column sums, which wants no singular values.
        condition = np.abs(scaled).sum(axis=0).max() * np.abs(inverse).sum(axis=0).max()
    except np.linalg.LinAlgError:
        condition = np.inf
    if not condition < 1e10:
        inverse = np.linalg.pinv(scaled, hermitian=True)
    return inverse / np.outer(size, size)


def _spread(distance: np.ndarray) -> float:
    """Standard deviation of a coordinate from the median distance of points (Rayleigh: median = 1.1774 sigma)."""
    return median(distance) / 1.1774 if len(distance) else 0.0


def inverse_apply(
    transform: np.ndarray, x: np.ndarray, y: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Which positions a transform puts at (x, y): Newton's method with the linear part, pixels."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    scale = geometry(shape)[2]
    linear = np.linalg.inv(transform[:, 1:3] / scale)
    back_x, back_y = x.copy(), y.copy()
    for _ in range(20):
        at_x, at_y = apply(transform, back_x, back_y, shape)
        step_x, step_y = x - at_x, y - at_y
        back_x += linear[0, 0] * step_x + linear[0, 1] * step_y
        back_y += linear[1, 0] * step_x + linear[1, 1] * step_y
        if max(np.max(np.abs(step_x), initial=0.0), np.max(np.abs(step_y), initial=0.0)) < 1e-10:
            break
    return back_x, back_y
