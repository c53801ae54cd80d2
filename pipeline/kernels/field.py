"""From values at stars to a value and an error at every pixel: a clipped polynomial, or the four nearest stars.

Arrays of shape (2, n) hold the x and the y offset of n stars in the order of their ids; variances are pixels squared.
The statistics are derived in docs/method.md, Offset maps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.kernels.polynomial import count, normalized, order_of, terms
from pipeline.kernels.surface import squared_form, surface

LEAST_VARIANCE = 1e-8
ENOUGH_STARS = 20
MANY_STARS = 100
FEW_STARS = 10
LARGEST_LEVERAGE = 100.0
SINGULAR = 1e-13
NORMAL_MEDIAN = 0.4549364


@dataclass(frozen=True, eq=False)
class Field:
    """Offsets of every pixel and what they were made of.

    Parameters
    ----------
    images : tuple of four ndarray of float32, shape (ny, nx)
        x offset, y offset and their errors (1 sigma), pixels.
    kept : ndarray of bool, shape (n,)
        Stars that made it.
    left_out : ndarray of float64, shape (2, kept)
        Offset of each of these stars less the map made without it, pixels; NaN where no map can be made.
    order : int
        Order of the polynomial, 0 elsewhere.
    warnings : tuple of str
        What a user should know.
    """

    images: tuple[np.ndarray, ...]
    kept: np.ndarray
    left_out: np.ndarray
    order: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """A weighted least squares fit: coefficients, their covariance, each value's leverage and residual."""

    coefficients: np.ndarray
    covariance: np.ndarray
    leverage: np.ndarray
    residual: np.ndarray

    @property
    def left_out(self) -> np.ndarray:
        """Value less the fit made without it (Cook and Weisberg 1982, equation 2.2.8)."""
        return self.residual / (1 - self.leverage)

    @property
    def squared(self) -> np.ndarray:
        """Squared residuals, each scaled so that its mean is the variance of its value."""
        return self.residual**2 / (1 - self.leverage)


def inverse_gram(design: np.ndarray) -> np.ndarray | None:
    """Inverse of D' D for a design D, None where its columns are not independent.

    Columns are brought to equal length first. The products of a few columns stay out of the linear algebra library,
    whose threads wait for each other longer than they work here.
    """
    length = np.sqrt((design**2).sum(axis=0))
    if not length.all():
        return None
    scaled = design / length
    gram = np.einsum("np,nq->pq", scaled, scaled)
    values, vectors = np.linalg.eigh(gram)
    if values[0] < SINGULAR * values[-1]:
        return None
    return (vectors / values) @ vectors.T / np.outer(length, length)


def least_squares(design: np.ndarray, values: np.ndarray, variance: np.ndarray) -> LeastSquares:
    """Fit ``values`` (n,) by the columns of ``design`` (n, terms), each weighted by 1 / ``variance``."""
    root = 1 / np.sqrt(variance)
    scaled = design * root[:, None]
    covariance = inverse_gram(scaled)
    if covariance is None:
        raise np.linalg.LinAlgError("the terms are not independent at these stars")
    coefficients = np.zeros(design.shape[1])
    for _ in range(2):
        residual = values - design @ coefficients
        coefficients = coefficients + covariance @ (scaled.T @ (residual * root))
    leverage = ((scaled @ covariance) * scaled).sum(axis=1)
    return LeastSquares(coefficients, covariance, np.clip(leverage, 0, 1 - 1e-6), values - design @ coefficients)


def variance_parts(squared: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """How much of each known variance there is in squared residuals: centroid errors, scatter, slopes.

    The squares are fitted by the columns, no part below zero, each square weighted by the inverse square of its
    expectation, as squares of normal deviates want, and capped at 16 times it, so that a few stars far off count
    little.

    Parameters
    ----------
    squared : ndarray of float64, shape (n,)
        Squared residuals.
    columns : ndarray of float64, shape (n, k)
        Expectation of each square for a unit of each part. The first is that of the centroid errors; its part is a
        factor, which is left at 1 where there are fewer than ENOUGH_STARS to find it from.

    Returns
    -------
    ndarray of float64, shape (k,)
    """
    from scipy.optimize import nnls

    sizes = columns.mean(axis=0)
    sizes[sizes == 0] = 1.0
    columns = columns / sizes
    known = columns[:, 0] * sizes[0]
    first = 0 if len(squared) >= ENOUGH_STARS else 1
    expected = known + np.median(squared) / NORMAL_MEDIAN
    for _ in range(10):
        seen = np.minimum(squared, 16 * expected)
        target = np.maximum(seen - first * known, 0.0)
        parts, _ = nnls(columns[:, first:] / expected[:, None], target / expected)
        parts = np.concatenate([sizes[:first], parts])
        expected = np.maximum(columns @ parts, 1e-2 * expected)
    return parts / sizes


def affordable_order(u: np.ndarray, v: np.ndarray, shape: tuple[int, int], order: int) -> tuple[int, str]:
    """Highest order up to ``order`` that the stars determine, and why it is not ``order``.

    Two stars a term (four for the first order), and nowhere in the frame may the map have more than LARGEST_LEVERAGE
    times the variance of a single star, which stars in a corner or on a line would bring about.
    """
    edge_x, edge_y = normalized(np.linspace(0, shape[1] - 1, 9), np.linspace(0, shape[0] - 1, 9), shape)
    grid_u, grid_v = (values.ravel() for values in np.meshgrid(edge_x, edge_y))
    reason = ""
    for lower in range(order, 0, -1):
        needed = 4 if lower == 1 else 2 * count(lower)
        if len(u) < needed:
            reason = reason or f"{len(u)} star{'s' * (len(u) != 1)}, order {order} wants {needed}"
            continue
        inverse = inverse_gram(terms(u, v, lower))
        corner = terms(grid_u, grid_v, lower)
        if inverse is not None and np.einsum("np,pq,nq->n", corner, inverse, corner).max() <= LARGEST_LEVERAGE:
            return lower, reason
        reason = reason or f"the {len(u)} stars cover too little of the frame for order {order}"
    return 0, reason


def fit_clipped(
    design: np.ndarray, offset: np.ndarray, variance: np.ndarray, good: np.ndarray, clip: float
) -> tuple[np.ndarray, np.ndarray]:
    """Which stars lie on the surface, and what their offsets' variances are.

    Parameters
    ----------
    design : ndarray of float64, shape (n, terms)
        Terms at the stars.
    offset, variance : ndarray of float64, shape (2, n)
        Offsets and their variances from the centroid errors.
    good : ndarray of bool, shape (n,)
        Stars that may be kept.
    clip : float
        A star is left out where either residual is beyond this many of its own standard deviations.

    Returns
    -------
    kept : ndarray of bool, shape (n,)
    calibrated : ndarray of float64, shape (2, n)
        Variances that agree with the residuals of the stars kept.
    """
    least = max(2 * design.shape[1], int(good.sum()) // 2, FEW_STARS)
    kept, calibrated = good, variance + offset.var(axis=1, keepdims=True)
    for _ in range(10):
        worst = np.zeros(len(design))
        for axis in range(2):
            fit, calibrated[axis] = _settle(design, offset[axis], variance[axis], calibrated[axis], kept)
            through = ((design @ fit.covariance) * design).sum(axis=1)
            residual = offset[axis] - design @ fit.coefficients
            expected = calibrated[axis] + np.where(kept, -1, 1) * through
            worst = np.maximum(worst, residual**2 / np.maximum(expected, 1e-3 * calibrated[axis]))
        again = good & (worst <= clip**2)
        if again.sum() < least or np.array_equal(again, kept):
            break
        kept = again
    return kept, calibrated


def _settle(
    design: np.ndarray, values: np.ndarray, variance: np.ndarray, calibrated: np.ndarray, kept: np.ndarray
) -> tuple[LeastSquares, np.ndarray]:
    """Fit the stars kept until weights and residuals agree; the fit, and the calibrated variance of all stars."""
    columns = np.column_stack([variance[kept], np.ones(kept.sum())])
    for _ in range(5):
        fit = least_squares(design[kept], values[kept], calibrated[kept])
        if len(columns) > design.shape[1]:
            factor, scatter = variance_parts(fit.squared, columns)
            calibrated = np.maximum(factor * variance + scatter, LEAST_VARIANCE)
    return fit, calibrated


def unfollowed(
    u: np.ndarray, v: np.ndarray, values: np.ndarray, fit: LeastSquares, variance: np.ndarray, order: int
) -> tuple[np.ndarray, float] | None:
    """Variance of what a polynomial of that order cannot follow, seen with a fit of one or two orders more.

    Parameters
    ----------
    u, v, values, variance : ndarray of float64, shape (n,)
        Normalized positions, offsets and their variances.
    fit : LeastSquares
        Fit of that order.
    order : int
        The order.

    Returns
    -------
    missing : ndarray of float64, shape (terms of twice the higher order,)
        Polynomial to add to the map's variance: the squared difference of the two fits and its own uncertainty, both
        made smaller by the part that noise has in the difference; zero where that is not above noise.
    rest : float
        Mean product of neighbouring residuals of the higher fit: noise has none, a surface with finer structure has.
    """
    for higher in (order + 2, order + 1):
        design = terms(u, v, higher)
        if len(u) >= 2 * design.shape[1] and inverse_gram(design) is not None:
            break
    else:
        return None
    finer = least_squares(design, values, variance)
    missing = finer.coefficients.copy()
    missing[: len(fit.coefficients)] -= fit.coefficients
    seen = float(np.mean((finer.residual - fit.residual) ** 2))
    noise = float(np.mean(variance * (finer.leverage - fit.leverage)))
    added = count(higher) - count(order)
    shrink = 1 - noise / seen if seen > noise * (1 + np.sqrt(2 / added)) else 0.0
    spread = finer.covariance.copy()
    spread[: len(fit.covariance), : len(fit.covariance)] -= fit.covariance
    return shrink * squared_form(np.outer(missing, missing) + spread), _shared(u, v, finer.left_out, variance)


def _shared(u: np.ndarray, v: np.ndarray, residual: np.ndarray, variance: np.ndarray) -> float:
    """Mean product of the residuals of neighbouring stars; 0 where it is within two of its own standard deviations."""
    from scipy.spatial import cKDTree

    points = np.column_stack([u, v])
    neighbours = cKDTree(points).query(points, k=min(5, len(u)))[1][:, 1:]
    pairs = np.column_stack([np.repeat(np.arange(len(u)), neighbours.shape[1]), neighbours.ravel()])
    one, other = np.unique(np.sort(pairs, axis=1), axis=0).T
    weight = 1 / (variance[one] * variance[other])
    mean = float((weight * residual[one] * residual[other]).sum() / weight.sum())
    return mean if mean > 2 / np.sqrt(weight.sum()) else 0.0


def polynomial(
    position: np.ndarray,
    offset: np.ndarray,
    variance: np.ndarray,
    good: np.ndarray,
    shape: tuple[int, int],
    order: int,
    clip: float,
    lean: np.ndarray | None = None,
) -> Field:
    """One polynomial of the position for each offset.

    Parameters
    ----------
    position, offset, variance : ndarray of float64, shape (2, n)
        Stars.
    good : ndarray of bool, shape (n,)
        Stars that may take part.
    shape : tuple of int
        Rows and columns.
    order : int
        Highest order; a lower one is taken where the stars do not determine it.
    clip : float
        Stars farther off are left out, standard deviations.
    lean : ndarray of float64, shape (2, n), optional
        Change of the stars' shape (:mod:`pipeline.kernels.lean`), pixels.

    Returns
    -------
    Field
        Variance of the map: t' C t with the terms t of the pixel and the coefficients' covariance C, the misfit, and
        what a change of the stars' shape may have moved.
    """
    from pipeline.kernels.lean import moved_by_shape

    u, v = normalized(position[0], position[1], shape)
    lower, reason = affordable_order(u[good], v[good], shape, order)
    design = terms(u, v, lower)
    kept, calibrated = fit_clipped(design, offset, variance, good, clip)
    images = tuple(np.empty(shape, np.float32) for _ in range(4))
    left_out, by_shape = np.empty((2, int(kept.sum()))), 0.0
    for axis in range(2):
        values, noise = offset[axis, kept], calibrated[axis, kept]
        fit = least_squares(design[kept], values, noise)
        form = squared_form(fit.covariance)
        more = unfollowed(u[kept], v[kept], values, fit, noise, lower)
        if more is None:
            # Nothing tells noise from a bend that the map cannot follow: all beyond the centroid errors may be one.
            form[0] += float(np.mean(np.maximum(noise - variance[axis, kept], 0.0)))
        else:
            missing, rest = more
            form = _sum(form, missing) if missing.any() else form
            form[0] += rest
        if lean is not None:
            moved = moved_by_shape(u[kept], v[kept], lean[axis, kept], noise, lower)
            form = _sum(moved, form)
            of_shape, of_all = (_mean(one, u[kept], v[kept]) for one in (moved, form))
            by_shape = max(by_shape, of_shape if of_shape > of_all / 2 else 0.0)
        surface(fit.coefficients, shape, images[axis])
        surface(form, shape, images[2 + axis], root=True)
        left_out[axis] = fit.left_out if len(values) > 1 else np.nan
    warnings = (f"a polynomial of order {lower} instead of {order}: {reason}",) if lower < order else ()
    if by_shape:
        words = "most of the map's error is what the change of the stars' shape since the reference may have moved them"
        warnings += (f"{words}: {np.sqrt(by_shape):.2g} px",)
    return Field(images, kept, left_out, lower, warnings)


def _mean(form: np.ndarray, u: np.ndarray, v: np.ndarray) -> float:
    """Mean of a polynomial at some places."""
    return float((terms(u, v, order_of(len(form))) @ form).mean())


def _sum(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Sum of two polynomials, the second of the higher order."""
    total = other.copy()
    total[: len(one)] += one
    return total


def quadrants(position: np.ndarray, offset: np.ndarray, variance: np.ndarray, shape: tuple[int, int]) -> Field:
    """Nearest star in each open quadrant, weighted by inverse distance.

    Parameters
    ----------
    position, offset, variance : ndarray of float64, shape (2, n)
        Stars; all take part.
    shape : tuple of int
        Rows and columns.

    Returns
    -------
    Field
        Variance of the map: the stars' variances through the squared weights, and the mean squared slope times the
        squared distance of the weighted stars' centre from the pixel.
    """
    from pipeline.kernels.quadrants import nearest_without, quadrant_maps

    number = position.shape[1]
    kept = np.ones(number, bool)
    if number == 1:
        images = quadrant_maps(shape, position, offset, variance, np.zeros((2, 2)))
        return Field(images, kept, np.full((2, 1), np.nan))
    nearest = nearest_without(*position)
    alone = (nearest < 0).all(axis=1)
    if alone.any():
        distance = np.hypot(*(position[:, None, :] - position[:, :, None]))
        np.fill_diagonal(distance, np.inf)
        nearest[alone, 0] = distance[alone].argmin(axis=1)
    there = nearest >= 0
    along = np.where(there[None], position[:, nearest] - position[:, :, None], 0.0)
    distance = np.hypot(*along)
    weight = np.where(there, 1 / np.where(distance > 0, distance, 1.0), 0.0)
    weight /= weight.sum(axis=1, keepdims=True)
    left_out = offset - (weight * offset[:, nearest]).sum(axis=2)
    away = (weight * along).sum(axis=2) ** 2
    # Few stars cannot tell the slope along x from that along y.
    slopes = away if number >= MANY_STARS else away.sum(axis=0, keepdims=True)
    calibrated, lean = np.empty_like(variance), np.empty((2, 2))
    for axis in range(2):
        through = variance[axis] + (weight**2 * variance[axis][nearest]).sum(axis=1)
        spread = 1 + (weight**2).sum(axis=1)
        columns = np.column_stack([through, spread, *slopes])
        factor, scatter, *slope = variance_parts(left_out[axis] ** 2, columns)
        calibrated[axis] = np.maximum(factor * variance[axis] + scatter, LEAST_VARIANCE)
        lean[axis] = slope
    return Field(quadrant_maps(shape, position, offset, calibrated, lean), kept, left_out)
