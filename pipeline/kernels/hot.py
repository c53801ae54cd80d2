"""Pixels that shine without light: found in one frame, found in many, and mended."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from pipeline.kernels.bands import frozen, map_bands

#: A Gaussian between its lowest sixth and its middle lies off the middle, in the mean square, by 1 / 1.906 of its
#: standard deviation.
TRIMMED = 1.906


@njit(cache=True, nogil=True)
def _sort_frames(stack):  # noqa: ANN001, ANN202
    """Sort along the first axis, in place, a row of pixels at a time so that vector instructions do it."""
    for y in range(stack.shape[1]):
        for i in range(stack.shape[0]):
            for k in range(i + 1, stack.shape[0]):
                for x in range(stack.shape[2]):
                    a, b = stack[i, y, x], stack[k, y, x]
                    stack[i, y, x] = min(a, b)
                    stack[k, y, x] = max(a, b)


def ranked_images(images: Sequence[np.ndarray], ranks: Sequence[int]) -> list[np.ndarray]:
    """Images put in order pixel by pixel: the lowest, the second lowest and so on, or the median.

    Parameters
    ----------
    images : sequence of ndarray, each of shape (ny, nx)
        All uint16 or all float32; values that are not finite do not count.
    ranks : sequence of int
        Which to give: 0 is the median of an odd number, -1 the highest, -2 the second highest, and so on.

    Returns
    -------
    list of ndarray of the same dtype, shape (ny, nx)
        One for each rank; NaN where fewer values are finite.
    """
    out = [np.empty_like(images[0]) for _ in ranks]

    def work(first: int, last: int) -> None:
        for top in range(first, last, 16):
            rows = slice(top, min(top + 16, last))
            stack = np.stack([image[rows] for image in images])
            if stack.dtype == np.uint16:
                _sort_frames(stack)
                for rank, one in zip(ranks, out, strict=True):
                    one[rows] = stack[rank or len(images) // 2]
                continue
            finite = np.isfinite(stack)
            stack[~finite] = np.inf
            _sort_frames(stack)
            number = finite.sum(axis=0, keepdims=True)
            for rank, one in zip(ranks, out, strict=True):
                place = number + rank if rank else number // 2
                value = np.take_along_axis(stack, np.maximum(place, 0), axis=0)[0]
                one[rows] = np.where((place >= 0) & (number > 0), value, np.nan)[0]

    map_bands(work, len(images[0]))
    return out


@njit(cache=True, nogil=True)
def _lone_rows(image, noise, sigma, contrast, step, first, last):  # noqa: ANN001, ANN202
    """Flat indices of pixels far above the noise and above all of their neighbours, see :func:`lone_pixels`."""
    ny, nx = image.shape
    found = []
    for y in range(max(first, step), min(last, ny - step)):
        for x in range(step, nx - step):
            value = image[y, x]
            if not value > sigma * noise[y & 1, x & 1]:
                continue
            bound = value / contrast
            lone = True
            for reach in range(1, step + 1):
                for j in range(-reach, reach + 1, reach):
                    for i in range(-reach, reach + 1, reach):
                        if i == 0 and j == 0:
                            continue
                        if image[y + j, x + i] + noise[(y + j) & 1, (x + i) & 1] > bound:
                            lone = False
            if lone:
                found.append(y * nx + x)
    return np.array(found, dtype=np.int64) if len(found) > 0 else np.empty(0, np.int64)


def lone_pixels(image: np.ndarray, noise: np.ndarray, sigma: float, contrast: float, step: int) -> np.ndarray:
    """Pixels that stand above each of their neighbours by more than any star can; none at the very edge.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Picture without its sky, its colours on one scale; NaN counts as no neighbour.
    noise : ndarray of float32, shape (2, 2)
        Standard deviation of a sky pixel by row and column parity; a neighbour may be higher by that much.
    sigma : float
        Least height, in ``noise``.
    contrast : float
        Least ratio to the highest neighbour.
    step : int
        Distance to the next pixel of the same colour; the eight neighbours there are looked at too, since a star of
        strong colour may show in one colour alone.

    Returns
    -------
    ndarray of int64, shape (n,)
        Flat indices in order.
    """
    image, noise = frozen(image), np.ascontiguousarray(noise, np.float32)
    numbers = (np.float32(sigma), np.float32(contrast), step)
    return np.concatenate(map_bands(lambda first, last: _lone_rows(image, noise, *numbers, first, last), len(image)))


@njit(cache=True, nogil=True)
def _rising_rows(pixels, limits, step, first, last):  # noqa: ANN001, ANN202
    """Flat indices of pixels that stand above two or more of the four nearest of their colour in the row and column."""
    ny, nx = pixels.shape
    found = []
    for y in range(first, last):
        above = y - step if y >= step else y + step
        below = y + step if y + step < ny else y - step
        for x in range(nx):
            left = x - step if x >= step else x + step
            right = x + step if x + step < nx else x - step
            a, b = np.float32(pixels[above, x]), np.float32(pixels[below, x])
            c, d = np.float32(pixels[y, left]), np.float32(pixels[y, right])
            second = min(max(min(a, b), min(c, d)), min(max(a, b), max(c, d)))
            if np.float32(pixels[y, x]) - second > limits[y & 1, x & 1]:
                found.append(y * nx + x)
    return np.array(found, dtype=np.int64) if len(found) > 0 else np.empty(0, np.int64)


def rising_pixels(pixels: np.ndarray, limits: np.ndarray, step: int) -> np.ndarray:
    """Pixels that may be hot: further than a limit above the second lowest of the four nearest of their colour.

    Parameters
    ----------
    pixels : ndarray of uint16 or float32, shape (ny, nx)
        The mosaic, more than ``2 * step`` pixels each way.
    limits : ndarray of float32, shape (2, 2)
        By row and column parity.
    step : int
        Distance to the next pixel of the same colour.

    Returns
    -------
    ndarray of int64, shape (n,)
        Flat indices in order.
    """
    pixels, limits = frozen(pixels), np.ascontiguousarray(limits, np.float32)
    return np.concatenate(map_bands(lambda first, last: _rising_rows(pixels, limits, step, first, last), len(pixels)))


@njit(cache=True, nogil=True)
def _excess(pixels, indices, step, first, last, excess, scatter):  # noqa: ANN001, ANN202
    ny, nx = pixels.shape
    values = np.empty(24, np.float64)
    for k in range(first, last):
        y, x = indices[k] // nx, indices[k] % nx
        number = 0
        for j in range(-2 * step, 2 * step + 1, step):
            for i in range(-2 * step, 2 * step + 1, step):
                inside = (i != 0 or j != 0) and 0 <= y + j < ny and 0 <= x + i < nx
                if inside and np.isfinite(pixels[y + j, x + i]):
                    values[number] = np.float64(pixels[y + j, x + i])
                    number += 1
        excess[k] = np.nan
        scatter[k] = np.nan
        if number < 3:
            continue
        near = values[:number]
        near.sort()
        excess[k] = np.float64(pixels[y, x]) - 0.5 * (near[number // 2] + near[(number - 1) // 2])
        # Stars and hot pixels raise the upper half; the lower one tells the sky's own scatter.
        cut, half = number // 6, max((number + 1) // 2, number // 6 + 1)
        below = near[cut:half] - 0.5 * (near[number // 2] + near[(number - 1) // 2])
        scatter[k] = TRIMMED * np.sqrt(np.mean(below * below))


def local_excess(pixels: np.ndarray, indices: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """How far pixels stand above the 24 nearest of their own colour.

    Parameters
    ----------
    pixels : ndarray of uint16 or float32, shape (ny, nx)
        The mosaic.
    indices : ndarray of int64, shape (n,)
        Flat indices of the pixels asked for.
    step : int
        Distance to the next pixel of the same colour.

    Returns
    -------
    excess, scatter : ndarray of float64, shape (n,)
        Pixel minus the neighbours' median, and the neighbours' standard deviation, told by those between their lowest
        sixth and their median; NaN where fewer than three neighbours are finite.
    """
    excess, scatter = np.empty(len(indices)), np.empty(len(indices))
    pixels, indices = frozen(pixels), frozen(indices)
    map_bands(
        lambda first, last: _excess(pixels, indices, step, first, last, excess, scatter), len(indices), least=2048
    )
    return excess, scatter


@njit(cache=True, nogil=True)
def _mended(pixels, bad, indices, offsets, values):  # noqa: ANN001, ANN202
    """Median of the nearest good neighbours of each pixel: those up to the first ring by which there are two."""
    ny, nx = pixels.shape
    near = np.empty(offsets.shape[0] * offsets.shape[1], np.float64)
    for k in range(indices.size):
        y, x = indices[k] // nx, indices[k] % nx
        values[k] = np.nan
        number = 0
        for ring in range(offsets.shape[0]):
            for n in range(offsets.shape[1]):
                j, i = y + offsets[ring, n, 0], x + offsets[ring, n, 1]
                if 0 <= j < ny and 0 <= i < nx and not bad[j, i] and np.isfinite(pixels[j, i]):
                    near[number] = np.float64(pixels[j, i])
                    number += 1
            if number >= 2:
                values[k] = np.median(near[:number])
                break


_CROSS = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])
_DIAGONAL = np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)])


def mended(pixels: np.ndarray, bad: np.ndarray, indices: np.ndarray, pattern: str) -> np.ndarray:
    """Values for bad pixels: the median of the nearest good ones of the same colour.

    Parameters
    ----------
    pixels : ndarray of uint16 or float32, shape (ny, nx)
        The mosaic.
    bad : ndarray of bool, shape (ny, nx)
        Pixels that must not be used.
    indices : ndarray of int64, shape (n,)
        Flat indices of the pixels to mend.
    pattern : str
        Colours of the mosaic.

    Returns
    -------
    ndarray of float64, shape (n,)
        NaN where fewer than two neighbours within two steps of their colour are good.
    """
    values = np.empty(len(indices))
    pixels, bad, indices = frozen(pixels), frozen(bad), frozen(indices)
    if pattern == "none":
        _mended(pixels, bad, indices, np.stack([_CROSS, _DIAGONAL, 2 * _CROSS, 2 * _DIAGONAL]), values)
        return values
    nx = pixels.shape[1]
    letter = np.array(list(pattern)).reshape(2, 2)
    green = letter[(indices // nx) & 1, (indices % nx) & 1] == "G"
    # The nearest greens lie on the diagonals, where the other colours have none of their own.
    rings = {
        True: np.stack([_DIAGONAL, 2 * _CROSS, 2 * _DIAGONAL]),
        False: 2 * np.stack([_CROSS, _DIAGONAL, 2 * _CROSS]),
    }
    for which in (True, False):
        part = np.empty(int((green == which).sum()))
        _mended(pixels, bad, frozen(indices[green == which]), rings[which], part)
        values[green == which] = part
    return values
