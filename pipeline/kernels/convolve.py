"""DAOFIND's filter, the image convolved with it, and the peaks of that image.

The filter is a Gaussian cut off at 1.5 sigma and brought to zero sum, so that it answers to a star's height above
whatever level lies under it (Stetson 1987, PASP 99, 191, equations 1 to 3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import boolean, float32, float64, int64, njit, types

from pipeline.frame import SIGMA_TO_FWHM
from pipeline.kernels.bands import map_bands

SIGMA_RADIUS = 1.5
IMAGE = types.Array(types.float32, 2, "C", readonly=True)
LINE = types.Array(types.float32, 1, "C", readonly=True)
# Two float32 sums nearer to each other than this part of the peak are told apart in float64.
SLACK = np.float32(1e-4)
# Pixels of a row that are asked together whether any lies beyond a limit.
AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Filter:
    """DAOFIND's filter.

    Parameters
    ----------
    gaussian : ndarray of float64, shape (height, width), both odd
        The Gaussian with a peak of 1, not cut off.
    mask : ndarray of bool, same shape
        Its pixels within 1.5 sigma, and all within two pixels of the centre.
    weights : ndarray of float64, same shape
        The filter: sum 0, and a star of height 1 and the filter's shape gives 1.
    relative_error : float
        Noise of the convolved image over that of the image, where the pixels' noise is independent.
    fwhm, sigma_x, sigma_y : float
        Width of the major axis, and sigma of the major and minor axis, pixels.
    """

    gaussian: np.ndarray
    mask: np.ndarray
    weights: np.ndarray
    relative_error: float
    fwhm: float
    sigma_x: float
    sigma_y: float

    @property
    def reach(self) -> tuple[int, int]:
        """Pixels from the centre to the last row and column."""
        height, width = self.weights.shape
        return height // 2, width // 2


def daofind_filter(fwhm: float, ratio: float = 1.0, theta: float = 0.0) -> Filter:
    """DAOFIND's filter for stars of a given width.

    Parameters
    ----------
    fwhm : float
        Width of the major axis, pixels.
    ratio : float
        Minor over major axis.
    theta : float
        Angle of the major axis, degrees counter-clockwise from +x.

    Returns
    -------
    Filter
        The same numbers as photutils' ``DAOStarFinder`` uses.
    """
    sigma_x = fwhm / SIGMA_TO_FWHM
    sigma_y = sigma_x * ratio
    cosine, sine = math.cos(math.radians(theta)), math.sin(math.radians(theta))
    a = cosine**2 / (2 * sigma_x**2) + sine**2 / (2 * sigma_y**2)
    b = 0.5 * cosine * sine * (1 / sigma_x**2 - 1 / sigma_y**2)
    c = sine**2 / (2 * sigma_x**2) + cosine**2 / (2 * sigma_y**2)
    limit = SIGMA_RADIUS**2 / 2
    reach_x = int(max(2.0, math.sqrt(c * limit / (a * c - b * b))))
    reach_y = int(max(2.0, math.sqrt(a * limit / (a * c - b * b))))
    y, x = np.mgrid[-reach_y : reach_y + 1, -reach_x : reach_x + 1]
    exponent = a * x**2 + 2 * b * x * y + c * y**2
    mask = (exponent <= limit) | (np.hypot(x, y) <= 2)
    gaussian = np.exp(-exponent)
    values = gaussian[mask]
    variance = (values**2).sum() - values.sum() ** 2 / values.size
    weights = np.where(mask, (gaussian - values.sum() / values.size) / variance, 0.0)
    return Filter(gaussian, mask, weights, 1 / math.sqrt(variance), fwhm, sigma_x, sigma_y)


def convolve(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Convolve an image with a small filter that is symmetric about its centre; bad and outer pixels count as 0.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Pixels; NaN and infinite ones are bad.
    weights : ndarray of float, shape (height, width), both odd
        The filter, w[-y, -x] = w[y, x].

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        The convolved image.
    """
    result = np.empty(image.shape, np.float32)
    weights = np.pad(weights, ((0, 0), (0, 3))).astype(np.float32)
    map_bands(lambda first, last: _convolve_rows(image, weights, result, first, last), image.shape[0])
    return result


def peaks(convolved: np.ndarray, image: np.ndarray, kernel: Filter, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of the convolved image that no other pixel below the filter exceeds.

    Parameters
    ----------
    convolved, image : ndarray of float32, shape (ny, nx)
        The image convolved with the filter, and the image itself, where a bad pixel is never a peak.
    kernel : Filter
        The filter; its mask is the neighbourhood.
    floor : float
        Peaks are above it.

    Returns
    -------
    index : ndarray of int64, shape (n,)
        Flat indices of the peaks, ascending.
    height : ndarray of float64, shape (n,)
        The convolved image there, summed in float64.
    """
    offsets = np.argwhere(kernel.mask) - kernel.reach
    offsets = np.ascontiguousarray(offsets[np.argsort((offsets**2).sum(axis=1), kind="stable")][1:])
    weights = np.ascontiguousarray(kernel.weights)
    found = map_bands(
        lambda first, last: _scan_rows(convolved, image, weights, offsets, floor, first, last), image.shape[0]
    )
    return np.concatenate([index for index, _ in found]), np.concatenate([height for _, height in found])


def pixel_peaks(image: np.ndarray, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """Pixels that none of their eight neighbours exceeds.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image.
    floor : float
        Peaks are above it.

    Returns
    -------
    index : ndarray of int64, shape (n,)
        Flat indices, ascending.
    height : ndarray of float64, shape (n,)
        The pixels' values.
    """
    one = np.ones((1, 1))
    around = Filter(np.ones((3, 3)), np.ones((3, 3), bool), np.pad(one, 1), 1.0, 1.0, 1.0, 1.0)
    return peaks(image, image, around, floor)


def clearance(image: np.ndarray, index: np.ndarray, limit: int) -> np.ndarray:
    """Distance from some pixels to the nearest higher one.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image that is compared.
    index : ndarray of int64, shape (n,)
        Flat indices of the pixels.
    limit : int
        How far to look, pixels.

    Returns
    -------
    ndarray of float64, shape (n,)
        Distances, pixels; ``limit`` + 1 where all is lower.
    """
    result = np.empty(index.size)
    map_bands(lambda first, last: _clear(image, index, limit, result, first, last), index.size)
    return result


@njit([types.void(float32[::1], float32[::1], float32[::1])], cache=True, nogil=True)
def _add_taps(out, line, weights):  # noqa: ANN001, ANN202
    # Four taps a pass: the running sums are loaded and stored a quarter as often. Zeros at the end cost nothing.
    w0, w1, w2, w3 = weights[0], weights[1], weights[2], weights[3]
    zero = np.float32(0)
    if w3 != zero:
        for x in range(out.size):
            out[x] += w0 * line[x] + w1 * line[x + 1] + w2 * line[x + 2] + w3 * line[x + 3]
    elif w2 != zero:
        for x in range(out.size):
            out[x] += w0 * line[x] + w1 * line[x + 1] + w2 * line[x + 2]
    elif w1 != zero:
        for x in range(out.size):
            out[x] += w0 * line[x] + w1 * line[x + 1]
    else:
        for x in range(out.size):
            out[x] += w0 * line[x]


@njit([types.void(IMAGE, float32[:, ::1], float32[:, ::1], int64, int64)], cache=True, nogil=True)
def _convolve_rows(image, weights, result, first, last):  # noqa: ANN001, ANN202
    # Rows pass through a ring as high as the filter; the weights have three columns of zeros on their right.
    height, width = weights.shape[0], weights.shape[1] - 3
    reach_y, reach_x = height // 2, width // 2
    ny, nx = image.shape
    ring = np.zeros((height, nx + width + 3), np.float32)
    zero = np.float32(0)
    for row in range(first - reach_y, last + reach_y):
        line = ring[(row + height) % height]
        if 0 <= row < ny:
            for x in range(nx):
                value = image[row, x]
                line[x + reach_x] = value if value - value == zero else zero
        else:
            line[:] = zero
        y = row - reach_y
        if y < first:
            continue
        out = result[y]
        out[:] = zero
        for dy in range(height):
            line = ring[(y + dy - reach_y + height) % height]
            dx = 0
            while dx < width:
                if weights[dy, dx] == zero:
                    dx += 1
                else:
                    _add_taps(out, line[dx : dx + nx + 3], weights[dy, dx : dx + 4])
                    dx += 4


@njit([float64(IMAGE, float64[:, ::1], int64, int64)], cache=True, nogil=True)
def _exact(image, weights, y, x):  # noqa: ANN001, ANN202
    """One pixel of the convolved image, in float64."""
    height, width = weights.shape
    total = 0.0
    for i in range(height):
        row = y + i - height // 2
        if row < 0 or row >= image.shape[0]:
            continue
        for j in range(width):
            column = x + j - width // 2
            if 0 <= column < image.shape[1]:
                value = np.float64(image[row, column])
                if value - value == 0.0:
                    total += weights[i, j] * value
    return total


@njit([boolean(LINE, float32)], cache=True, nogil=True)
def _any_above(line, value):  # noqa: ANN001, ANN202
    # A count of whole numbers is summed several pixels at a time; a loop that may stop early is not.
    count = 0
    for i in range(line.size):
        count += line[i] > value
    return count > 0


@njit([float64(IMAGE, IMAGE, float64[:, ::1], int64[:, ::1], int64, int64)], cache=True, nogil=True)
def _peak(convolved, image, weights, offsets, y, x):  # noqa: ANN001, ANN202
    """Height of a pixel that none about it exceeds; NaN where one does."""
    ny, nx = convolved.shape
    value = convolved[y, x]
    exact, slack = np.nan, SLACK * abs(value)
    for k in range(offsets.shape[0]):
        row, column = y + offsets[k, 0], x + offsets[k, 1]
        if row < 0 or row >= ny or column < 0 or column >= nx:
            continue
        other = convolved[row, column]
        if other > value + slack:
            return np.nan
        if other >= value - slack:
            if exact != exact:
                exact = _exact(image, weights, y, x)
            if _exact(image, weights, row, column) > exact:
                return np.nan
    return _exact(image, weights, y, x) if exact != exact else exact


@njit(
    [types.Tuple((int64[::1], float64[::1]))(IMAGE, IMAGE, float64[:, ::1], int64[:, ::1], float64, int64, int64)],
    cache=True,
    nogil=True,
)
def _scan_rows(convolved, image, weights, offsets, floor, first, last):  # noqa: ANN001, ANN202
    nx = convolved.shape[1]
    index, height, number = np.empty(1024, np.int64), np.empty(1024, np.float64), 0
    low = np.float32(floor) - SLACK * np.float32(abs(floor))
    for y in range(first, last):
        for left in range(0, nx, AT_ONCE):
            right = min(left + AT_ONCE, nx)
            if not _any_above(convolved[y, left:right], low):
                continue
            for x in range(left, right):
                if not convolved[y, x] > low:
                    continue
                exact = _peak(convolved, image, weights, offsets, y, x)
                if not exact > floor or image[y, x] - image[y, x] != 0:
                    continue
                if number == index.size:
                    index = np.concatenate((index, np.empty(number, np.int64)))
                    height = np.concatenate((height, np.empty(number, np.float64)))
                index[number], height[number] = y * nx + x, exact
                number += 1
    return index[:number], height[:number]


@njit([types.void(IMAGE, int64[::1], int64, float64[::1], int64, int64)], cache=True, nogil=True)
def _clear(image, index, limit, result, first, last):  # noqa: ANN001, ANN202
    ny, nx = image.shape
    for i in range(first, last):
        y, x = index[i] // nx, index[i] % nx
        value = image[y, x]
        best = limit * limit + 1
        for away in range(limit + 1):
            if away * away >= best:
                break
            reach = int(math.sqrt(best - away * away))
            left, right = max(x - reach, 0), min(x + reach, nx - 1)
            for row in (y - away, y + away):
                if row < 0 or row >= ny or not _any_above(image[row, left : right + 1], value):
                    continue
                for column in range(left, right + 1):
                    if image[row, column] > value:
                        best = min(best, away * away + (column - x) * (column - x))
        result[i] = math.sqrt(best) if best <= limit * limit else limit + 1.0
