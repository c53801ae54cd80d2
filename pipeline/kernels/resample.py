"""A picture looked up on another's pixels: by the nearest pixel, or by linear, cubic spline or Lanczos weights.

The value at a pixel of the result is looked up where that point lies in the picture, and multiplied by the area that
the pixel has there, so that sums over a star stay what they are. On a colour mosaic each of the four planes is looked
up by itself, and every pixel keeps its colour. Cubic spline: Unser, Aldroubi and Eden 1993, IEEE Transactions on Signal
Processing 41, 821; Lanczos: Duchon 1979, Journal of Applied Meteorology 18, 1016.
"""

from __future__ import annotations

import math

import numpy as np
from numba import boolean, float32, float64, int64, njit, types

from pipeline.frame import colour_planes
from pipeline.kernels.bands import frozen, map_bands
from pipeline.kernels.polynomial import count, geometry, identity, order_of

METHODS = ("integer", "linear", "cubic", "lanczos")
LOBES = 3
_NAN = np.float32(np.nan)
_INFINITE = np.float32(np.inf)
#: A result has a value where pixels that have one bear at least this part of the linear weights.
_LEAST_GOOD = 0.5
_POLE = math.sqrt(3.0) - 2.0
_PLANE = types.Array(types.float32, 2, "C", readonly=True)
_POWERS = types.Array(types.float64, 3, "C", readonly=True)
_WEIGHTS = float64[::1]


def shift_transform(x: float, y: float, shape: tuple[int, int]) -> np.ndarray:
    """The transform that displaces every point by x and y pixels, as :mod:`pipeline.kernels.polynomial` has it."""
    transform = identity(shape)
    transform[:, 0] += x, y
    return transform


def resampled(
    image: np.ndarray,
    method: str,
    *,
    transform: np.ndarray | None = None,
    offsets: tuple[np.ndarray, np.ndarray] | None = None,
    pattern: str = "none",
    beyond: float = np.nan,
) -> np.ndarray:
    """Look the picture up at every pixel of the reference.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The picture; pixels without a value are not finite.
    method : str
        "integer" takes the nearest pixel, "linear" four, "cubic" the spline through all pixels, "lanczos" 36 of them.
    transform : ndarray of float64, shape (2, terms)
        Positions here as polynomials of those in the reference.
    offsets : (ndarray, ndarray) of float32, shape (ny, nx)
        Instead of a transform: x and y here minus those in the reference, at the pixels of this picture.
    pattern : str
        Its colours.
    beyond : float
        What stands where the picture does not reach.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        NaN where pixels without a value bear more than half of the linear weights.
    """
    ny, nx = image.shape
    powers = np.zeros((2, 1, 1)) if transform is None else _powers(transform)
    x_map, y_map = (np.zeros((0, 0), np.float32),) * 2 if offsets is None else offsets
    maps = frozen(np.ascontiguousarray(x_map, np.float32)), frozen(np.ascontiguousarray(y_map, np.float32))
    centre = np.array(geometry((ny, nx)))
    result = np.empty((ny, nx), np.float32)
    step = 1 if pattern == "none" else 2
    for _, row, column in colour_planes(pattern):
        plane = np.ascontiguousarray(image[row::step, column::step], np.float32)
        clean = bool(np.isfinite(plane).all())
        weights = _spline_coefficients(plane, clean) if method == "cubic" else plane
        out = np.empty(plane.shape, np.float32)
        facts = (
            frozen(plane), frozen(weights), METHODS.index(method), clean,
            frozen(powers), centre, *maps, np.array([row, column, step]), float(beyond), out,
        )  # fmt: skip
        map_bands(lambda first, last, facts=facts: _look_up(*facts, first, last), plane.shape[0])
        if step == 1:
            return out
        result[row::2, column::2] = out
    return result


def noise_gain(method: str, x: float | None = None, y: float | None = None, pattern: str = "none") -> float:
    """What resampling makes of the noise of a pixel, whose neighbours' noise is independent of its own.

    Parameters
    ----------
    method : str
        One of METHODS.
    x, y : float, optional
        Displacement of the whole picture, pixels; where not given, the mean over all parts of a pixel, as a turned
        picture has them.
    pattern : str
        Its colours.

    Returns
    -------
    float
        Standard deviation after over before. Below 1 neighbours share noise: sums over many pixels gain nothing by it.
    """
    if method == "integer":
        return 1.0
    step = 1 if pattern == "none" else 2
    gain = 1.0
    for place in (x, y):
        parts = np.arange(200) / 200 if place is None else np.array([place / step % 1.0])
        gain *= np.mean([np.sqrt((_own_weights(method, part) ** 2).sum()) for part in parts])
    return float(gain)


def _own_weights(method: str, part: float) -> np.ndarray:
    """Weights of the pixels along one axis, at a place between two of them."""
    if method == "linear":
        return np.array([1 - part, part])
    if method == "lanczos":
        weights = np.empty(2 * LOBES)
        _lanczos(part, weights)
        return weights
    weights = np.empty(4)
    _spline(part, weights)
    reach = np.arange(-24, 25)
    return np.convolve(weights, -6 * _POLE / (1 - _POLE**2) * _POLE ** np.abs(reach))


def _powers(transform: np.ndarray) -> np.ndarray:
    """A transform's coefficients by axis, power of u and power of v."""
    order = order_of(transform.shape[1])
    table = np.zeros((2, order + 1, order + 1))
    for degree in range(order + 1):
        for power in range(degree + 1):
            table[:, degree - power, power] = transform[:, count(degree - 1) + power if degree else 0]
    return table


def _spline_coefficients(plane: np.ndarray, clean: bool) -> np.ndarray:
    """Coefficients of the cubic B-spline through all pixels, mirrored about the outermost ones."""
    from scipy.ndimage import spline_filter1d

    # The filter runs over whole rows and columns, where one value that is not finite would spoil all.
    source = plane if clean else _bridged(plane)
    rows, result = np.empty_like(plane), np.empty_like(plane)
    ny, nx = plane.shape

    def along_x(first: int, last: int) -> None:
        spline_filter1d(source[first:last], 3, 1, rows[first:last], mode="mirror")

    def along_y(first: int, last: int) -> None:
        spline_filter1d(rows[:, first:last], 3, 0, result[:, first:last], mode="mirror")

    map_bands(along_x, ny)
    map_bands(along_y, nx)
    return result


def _bridged(plane: np.ndarray) -> np.ndarray:
    """The plane with straight lines along its rows over what is not finite; empty rows as their nearest neighbour."""
    result = plane.copy()
    empty = ~np.isfinite(plane).any(axis=1)
    map_bands(lambda first, last: _bridge(result[first:last]), len(plane))
    if empty.any():
        full = np.flatnonzero(~empty)
        if full.size == 0:
            return np.zeros_like(plane)
        nearest = full[np.abs(np.flatnonzero(empty)[:, None] - full).argmin(axis=1)]
        result[empty] = result[nearest]
    return result


@njit([types.void(float32[:, ::1])], cache=True, nogil=True)
def _bridge(plane):  # noqa: ANN001, ANN202
    nx = plane.shape[1]
    for y in range(plane.shape[0]):
        line, before = plane[y], -1
        for x in range(nx + 1):
            if x < nx and not abs(line[x]) < _INFINITE:
                continue
            for hole in range(before + 1, x):
                if before < 0 and x < nx:
                    line[hole] = line[x]
                elif before >= 0 and x == nx:
                    line[hole] = line[before]
                elif before >= 0:
                    line[hole] = line[before] + (line[x] - line[before]) * float32(hole - before) / float32(x - before)
            before = x


@njit([types.void(float64, _WEIGHTS)], cache=True, nogil=True)
def _spline(t, weights):  # noqa: ANN001, ANN202
    """The cubic B-spline at -1, 0, 1 and 2 from a place t after 0."""
    s = 1.0 - t
    weights[0] = s * s * s / 6.0
    weights[3] = t * t * t / 6.0
    weights[1] = (4.0 + t * t * (3.0 * t - 6.0)) / 6.0
    weights[2] = 1.0 - weights[0] - weights[1] - weights[3]


@njit([types.void(float64, _WEIGHTS)], cache=True, nogil=True)
def _lanczos(t, weights):  # noqa: ANN001, ANN202
    """Lanczos' weights at -2 to 3 from a place t after 0, brought to a sum of 1."""
    if t < 1e-9 or t > 1.0 - 1e-9:
        weights[:] = 0.0
        weights[LOBES - 1 if t < 0.5 else LOBES] = 1.0
        return
    total = 0.0
    for k in range(2 * LOBES):
        away = math.pi * (t - (k - LOBES + 1))
        weights[k] = LOBES * math.sin(away) * math.sin(away / LOBES) / (away * away)
        total += weights[k]
    weights /= total


@njit([float64(_PLANE, int64, int64, float64, float64)], cache=True, nogil=True)
def _good_share(plane, y, x, ty, tx):  # noqa: ANN001, ANN202
    """Part of the linear weights about a place that pixels with a value bear."""
    share = 0.0
    for i in range(2):
        row = min(max(y + i, 0), plane.shape[0] - 1)
        for j in range(2):
            column = min(max(x + j, 0), plane.shape[1] - 1)
            if abs(plane[row, column]) < _INFINITE:
                share += (ty if i else 1.0 - ty) * (tx if j else 1.0 - tx)
    return share


@njit([float64(_PLANE, int64, int64, _WEIGHTS, _WEIGHTS)], cache=True, nogil=True)
def _weighted(plane, y, x, by_row, by_column):  # noqa: ANN001, ANN202
    """Weighted mean of the pixels that lie inside and have a value, from row y and column x on."""
    total = share = 0.0
    for i in range(by_row.size):
        row = y + i
        if row < 0 or row >= plane.shape[0]:
            continue
        for j in range(by_column.size):
            column = x + j
            if 0 <= column < plane.shape[1] and abs(plane[row, column]) < _INFINITE:
                weight = by_row[i] * by_column[j]
                total += weight * float64(plane[row, column])
                share += weight
    return total / share if share > 0.1 else np.nan


@njit([float64(_PLANE, int64, int64, _WEIGHTS, _WEIGHTS)], cache=True, nogil=True)
def _spline_value(coefficients, y, x, by_row, by_column):  # noqa: ANN001, ANN202
    ny, nx = coefficients.shape
    total = 0.0
    if 1 <= y < ny - 2 and 1 <= x < nx - 2:
        for i in range(4):
            line = 0.0
            for j in range(4):
                line += by_column[j] * float64(coefficients[y + i - 1, x + j - 1])
            total += by_row[i] * line
        return total
    for i in range(4):
        row = abs(y + i - 1)
        row = max(min(row, 2 * (ny - 1) - row), 0)
        for j in range(4):
            column = abs(x + j - 1)
            column = max(min(column, 2 * (nx - 1) - column), 0)
            total += by_row[i] * by_column[j] * float64(coefficients[row, column])
    return total


@njit(
    [float64(_PLANE, _PLANE, int64, boolean, float64, float64, float64, _WEIGHTS, _WEIGHTS)],
    cache=True,
    nogil=True,
)
def _value(plane, coefficients, method, clean, beyond, py, px, by_row, by_column):  # noqa: ANN001, ANN202
    """The plane's value at a place in it, NaN where too little is known."""
    ny, nx = plane.shape
    if not (py >= -0.5 and px >= -0.5 and py < ny - 0.5 and px < nx - 0.5):
        return beyond
    if method == 0:
        value = float64(plane[int64(math.floor(py + 0.5)), int64(math.floor(px + 0.5))])
        return value if abs(value) < np.inf else np.nan
    y, x = int64(math.floor(py)), int64(math.floor(px))
    ty, tx = py - y, px - x
    if not clean and _good_share(plane, y, x, ty, tx) < _LEAST_GOOD:
        return np.nan
    if method == 2:
        _spline(ty, by_row)
        _spline(tx, by_column)
        return _spline_value(coefficients, y, x, by_row, by_column)
    if method == 1:
        by_row[0], by_row[1], by_column[0], by_column[1] = 1.0 - ty, ty, 1.0 - tx, tx
        return _weighted(plane, y, x, by_row, by_column)
    _lanczos(ty, by_row)
    _lanczos(tx, by_column)
    return _weighted(plane, y - LOBES + 1, x - LOBES + 1, by_row, by_column)


@njit([types.void(_POWERS, float64, float64[:, ::1])], cache=True, nogil=True)
def _along_row(powers, v, line):  # noqa: ANN001, ANN202
    """Coefficients of u for one row: of x, y and of their derivatives along v."""
    for axis in range(2):
        for i in range(powers.shape[1]):
            value = slope = 0.0
            for j in range(powers.shape[2] - 1, -1, -1):
                slope = slope * v + value
                value = value * v + powers[axis, i, j]
            line[axis, i] = value
            line[2 + axis, i] = slope


@njit([types.void(float64[:, ::1], float64, float64, float64[::1])], cache=True, nogil=True)
def _by_polynomial(line, u, scale, place):  # noqa: ANN001, ANN202
    """x, y and the area of a pixel there, from the coefficients of a row."""
    x = y = x_u = y_u = x_v = y_v = 0.0
    for i in range(line.shape[1] - 1, -1, -1):
        x_u = x_u * u + x
        y_u = y_u * u + y
        x = x * u + line[0, i]
        y = y * u + line[1, i]
        x_v = x_v * u + line[2, i]
        y_v = y_v * u + line[3, i]
    place[0], place[1] = x, y
    place[2] = abs(x_u * y_v - x_v * y_u) / (scale * scale)


@njit([float64(_PLANE, float64, float64)], cache=True, nogil=True)
def _from_map(offsets, y, x):  # noqa: ANN001, ANN202
    """A map between its pixels, linear; beyond its edges as at them."""
    ny, nx = offsets.shape
    y, x = min(max(y, 0.0), ny - 1.0), min(max(x, 0.0), nx - 1.0)
    row, column = min(int64(y), max(ny - 2, 0)), min(int64(x), max(nx - 2, 0))
    below, right = min(row + 1, ny - 1), min(column + 1, nx - 1)
    ty, tx = y - row, x - column
    upper = (1.0 - tx) * offsets[row, column] + tx * offsets[row, right]
    lower = (1.0 - tx) * offsets[below, column] + tx * offsets[below, right]
    return (1.0 - ty) * upper + ty * lower


@njit([types.void(_PLANE, _PLANE, float64, float64, float64[::1])], cache=True, nogil=True)
def _by_map(x_map, y_map, y, x, place):  # noqa: ANN001, ANN202
    """The point here whose offset leads to (x, y) in the reference, by repetition, and the area of a pixel there."""
    here_x, here_y = x, y
    for _ in range(12):
        next_x, next_y = x + _from_map(x_map, here_y, here_x), y + _from_map(y_map, here_y, here_x)
        step = abs(next_x - here_x) + abs(next_y - here_y)
        here_x, here_y = next_x, next_y
        if step < 1e-4:
            break
    xx = 1.0 - (_from_map(x_map, here_y, here_x + 1.0) - _from_map(x_map, here_y, here_x - 1.0)) / 2.0
    yy = 1.0 - (_from_map(y_map, here_y + 1.0, here_x) - _from_map(y_map, here_y - 1.0, here_x)) / 2.0
    xy = (_from_map(x_map, here_y + 1.0, here_x) - _from_map(x_map, here_y - 1.0, here_x)) / 2.0
    yx = (_from_map(y_map, here_y, here_x + 1.0) - _from_map(y_map, here_y, here_x - 1.0)) / 2.0
    place[0], place[1] = here_x, here_y
    place[2] = 1.0 / max(abs(xx * yy - xy * yx), 0.1)


@njit(
    [
        types.void(
            _PLANE, _PLANE, int64, boolean, _POWERS, float64[::1], _PLANE, _PLANE, int64[::1], float64,
            float32[:, ::1], int64, int64,
        )
    ],
    cache=True,
    nogil=True,
)  # fmt: skip
def _look_up(plane, coefficients, method, clean, powers, centre, x_map, y_map, grid, beyond, out, first, last):  # noqa: ANN001, ANN202
    line, place = np.empty((4, powers.shape[1])), np.empty(3)
    taps = 4 if method == 2 else 2 if method == 1 else 2 * LOBES
    by_row, by_column = np.empty(taps), np.empty(taps)
    top, left, step = grid
    for i in range(first, last):
        y = float64(top + step * i)
        _along_row(powers, (y - centre[1]) / centre[2], line)
        for j in range(out.shape[1]):
            x = float64(left + step * j)
            if x_map.size > 0:
                _by_map(x_map, y_map, y, x, place)
            else:
                _by_polynomial(line, (x - centre[0]) / centre[2], centre[2], place)
            py, px = (place[1] - top) / step, (place[0] - left) / step
            value = _value(plane, coefficients, method, clean, beyond, py, px, by_row, by_column)
            # A nearest pixel is handed on as it is: its value must not change.
            out[i, j] = value if method == 0 else value * place[2]
