"""A thin plate through the stars' offsets, as stiff as their leave-one-out residuals ask for.

The plate is a straight trend and a random surface whose covariance is r^2 log r, so that its weights for any place, its
leave-one-out residuals and its error all follow from one linear system (Wahba 1990, chapters 1 and 4).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.kernels.bands import map_bands
from pipeline.kernels.field import LEAST_VARIANCE, MANY_STARS, Field, affordable_order, fit_clipped, polynomial
from pipeline.kernels.polynomial import normalized, terms

LEAST_STARS = 6
MOST_STARS = 2000
TRIAL_STARS = 300
SOFTNESS = 10.0 ** np.arange(4.0, -7.0, -1.0)
CELLS = 64


def thin_plate(
    position: np.ndarray,
    offset: np.ndarray,
    variance: np.ndarray,
    good: np.ndarray,
    shape: tuple[int, int],
    clip: float,
) -> Field:
    """Offsets and errors of every pixel from a smoothing thin plate spline.

    Parameters
    ----------
    position, offset, variance : ndarray of float64, shape (2, n)
        Stars.
    good : ndarray of bool, shape (n,)
        Stars that may take part.
    shape : tuple of int
        Rows and columns.
    clip : float
        Stars farther than this off a polynomial surface are left out, standard deviations.

    Returns
    -------
    Field
        The plate is solved on a grid of 64 cells along the shorter side and a cubic spline carries it to the pixels.
        With fewer than six stars, or with all on a line, it is a straight surface.
    """
    u, v = normalized(position[0], position[1], shape)
    order, reason = affordable_order(u[good], v[good], shape, 5)
    if good.sum() < LEAST_STARS or order == 0:
        made = polynomial(position, offset, variance, good, shape, 1, clip)
        return replace(made, warnings=(f"a straight surface instead of a thin plate: {reason}",))
    kept, calibrated = fit_clipped(terms(u, v, order), offset, variance, good, clip)
    warnings: tuple[str, ...] = ()
    if kept.sum() > MOST_STARS:
        best = np.argsort(np.where(kept, variance.sum(axis=0), np.inf), kind="stable")[:MOST_STARS]
        warnings = (f"a thin plate of the {MOST_STARS} best of {kept.sum()} stars",)
        kept = np.isin(np.arange(len(kept)), best)
    points, values, noise = np.column_stack([u, v])[kept], offset[:, kept], calibrated[:, kept].mean(axis=0)
    stiffness = _stiffness(points, values, noise)
    weights, roughness = _weights(points, points, stiffness * noise)
    left = 1 - np.clip(np.diagonal(weights), 0.0, 1 - 1e-6)
    residual = values - values @ weights.T
    factor = (residual**2 / left / noise).mean(axis=1)
    bend = factor
    if len(noise) >= MANY_STARS:
        bend = np.sqrt(factor * _bend(weights, residual, np.outer(factor, noise)) / (roughness.mean() / stiffness))
    images = tuple(np.empty(shape, np.float32) for _ in range(4))
    _draw(images, points, values, noise, stiffness, factor, bend, shape)
    return Field(images, kept, residual / left, 0, warnings)


def _weights(points: np.ndarray, places: np.ndarray, smoothing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight of each star (columns) at each place (rows), and how much a surface of unit roughness may bend there."""
    from scipy.interpolate import RBFInterpolator
    from scipy.spatial.distance import cdist

    plate = RBFInterpolator(points, np.eye(len(points)), smoothing=smoothing, kernel="thin_plate_spline")
    weights = plate(places)
    between, across = _kernel(cdist(points, points)), _kernel(cdist(places, points))
    bending = ((weights @ between) * weights).sum(axis=1) - 2 * (weights * across).sum(axis=1)
    return weights, np.maximum(bending, 0.0)


def _bend(weights: np.ndarray, residual: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Mean squared surface that the smoothing took away: what the plate finds in its own residuals, less noise."""
    again = weights - weights @ weights
    return np.maximum(((residual @ weights.T) ** 2 - variance @ (again**2).T).mean(axis=1), 0.0)


def _kernel(distance: np.ndarray) -> np.ndarray:
    """Generalized covariance of the thin plate, r^2 log r."""
    return distance**2 * np.log(np.where(distance > 0, distance, 1.0))


def _stiffness(points: np.ndarray, values: np.ndarray, noise: np.ndarray) -> float:
    """Smoothing per variance that makes the weighted leave-one-out residuals least, from a few hundred stars."""
    from scipy.interpolate import RBFInterpolator

    some = np.unique(np.linspace(0, len(points) - 1, min(len(points), TRIAL_STARS)).astype(int))
    points, values, noise = points[some], values[:, some], noise[some]
    scores = []
    for softness in SOFTNESS:
        smoothing = softness * noise / noise.mean()
        weights = RBFInterpolator(points, np.eye(len(points)), smoothing=smoothing, kernel="thin_plate_spline")(points)
        left = 1 - np.clip(np.diagonal(weights), 0.0, 1 - 1e-6)
        scores.append(float((((values - values @ weights.T) / left) ** 2 / noise).sum()))
    return float(SOFTNESS[int(np.argmin(scores))]) / float(noise.mean())


def _draw(
    images: tuple[np.ndarray, ...],
    points: np.ndarray,
    values: np.ndarray,
    noise: np.ndarray,
    stiffness: float,
    factor: np.ndarray,
    bend: np.ndarray,
    shape: tuple[int, int],
) -> None:
    """Solve the plate on grids (errors on one three times as coarse) and carry it to every pixel."""
    from scipy.interpolate import RBFInterpolator

    level = values.mean(axis=1)
    rows, columns, places = _grid(shape, 1)
    plate = RBFInterpolator(
        points, (values - level[:, None]).T, smoothing=stiffness * noise, kernel="thin_plate_spline"
    )
    grid = plate(places).T.reshape(2, len(rows), len(columns))
    coarse_rows, coarse_columns, places = _grid(shape, 3)
    weights, bending = _weights(points, places, stiffness * noise)
    for axis in range(2):
        _carry(grid[axis], rows, columns, level[axis], images[axis])
        error = np.sqrt(factor[axis] * (weights**2 @ noise) + bend[axis] * bending / stiffness)
        error = error.reshape(len(coarse_rows), len(coarse_columns))
        _carry(error, coarse_rows, coarse_columns, 0.0, images[2 + axis])
        np.maximum(images[2 + axis], np.sqrt(np.float32(LEAST_VARIANCE)), out=images[2 + axis])


def _grid(shape: tuple[int, int], coarser: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and columns of a grid that reaches the frame's edges, and its normalized places (u, v)."""
    cell = coarser * min(shape) / CELLS
    rows, columns = (np.linspace(0, size - 1, max(4, min(size, round(size / cell)))) for size in shape)
    u, v = normalized(columns, rows, shape)
    return rows, columns, np.column_stack([place.ravel() for place in np.meshgrid(u, v)])


def _carry(grid: np.ndarray, rows: np.ndarray, columns: np.ndarray, level: float, image: np.ndarray) -> None:
    """Cubic spline through the grid at every pixel, as a product of one matrix a direction."""
    from scipy.interpolate import CubicSpline

    down, along = (
        CubicSpline(nodes, np.eye(len(nodes)))(np.arange(size))
        for nodes, size in zip((rows, columns), image.shape, strict=True)
    )
    middle = (grid @ along.T).astype(np.float32)
    down = down.astype(np.float32)

    def band(first: int, last: int) -> None:
        np.matmul(down[first:last], middle, out=image[first:last])
        image[first:last] += np.float32(level)

    map_bands(band, image.shape[0])
