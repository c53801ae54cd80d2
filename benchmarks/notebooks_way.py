"""The slow reference: one frame as a chain of notebooks does it, with photutils and plain Python loops.

Each colour is a full-size plane with NaN at the other colours' pixels, from which photutils' Background2D measures the
sky; DAOStarFinder finds the stars; each star is looked for around its last place; the offset of every third pixel of
every third row comes from the nearest star in each quadrant, and every other pixel is the mean of those within 9 x 9.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from benchmarks.table import Timing
from pipeline.frame import Frame, colour_planes

STEP = 3
HALF = 4


@dataclass
class Loops:
    """Maps of some rows, and what they cost.

    Parameters
    ----------
    x, y : ndarray of float64, shape (ny, nx)
        Offsets; NaN in rows that were not made.
    taken : Timing
        For the whole frame: as measured, or extrapolated from the rows that were made.
    rows : int
        Rows that were made.
    """

    x: np.ndarray
    y: np.ndarray
    taken: Timing
    rows: int


def normalized(frame: Frame, *, box_size: int, filter_size: int, sigma: float, red: float, blue: float) -> np.ndarray:
    """The frame without its sky, colours on one scale: a NaN-filled plane and a Background2D for each colour."""
    from astropy.stats import SigmaClip
    from photutils.background import Background2D, ModeEstimatorBackground

    pixels, factors = frame.above_black().astype(np.float64), {"red": red, "green": 1.0, "blue": blue}
    result = np.zeros(frame.shape)
    for colour in dict.fromkeys(name for name, _, _ in colour_planes(frame.pattern)):
        plane = np.full(frame.shape, np.nan)
        for name, row, column in colour_planes(frame.pattern):
            if name == colour:
                plane[row::2, column::2] = pixels[row::2, column::2]
        others = np.isnan(plane)
        # A box is used from a tenth of its colour's pixels on; the other colours count as masked.
        share = 1 - others.mean()
        sky = Background2D(
            np.nan_to_num(plane), box_size, mask=others, exclude_percentile=100 * (1 - 0.1 * share),
            filter_size=filter_size, sigma_clip=SigmaClip(sigma, maxiters=10), bkg_estimator=ModeEstimatorBackground(),
        )  # fmt: skip
        result += np.nan_to_num((plane - sky.background) * factors[colour])
    return result


def stars(image: np.ndarray, *, threshold: float, fwhm: float, sharpness: tuple, roundness: tuple) -> np.ndarray:
    """Positions of the stars that photutils finds, shape (n, 2), rows as photutils gives them."""
    from photutils.detection import DAOStarFinder

    finder = DAOStarFinder(threshold, fwhm, sharpness_range=sharpness, roundness_range=roundness, min_separation=0)
    table = finder(image)
    return np.column_stack([table["x_centroid"], table["y_centroid"]])


def follow(image: np.ndarray, before: np.ndarray, current: np.ndarray, fwhm: float, proximity: float) -> np.ndarray:
    """Row of ``current`` in which each star of ``before`` is found again, -1 where it is lost.

    The centre of mass in a window at the last place says where the star went; the first row near enough is taken.
    """
    from photutils.centroids import centroid_com

    half = int(2 * fwhm + 1) // 2
    rows = np.full(len(before), -1)
    for star, (x, y) in enumerate(before):
        left, top = round(x) - half, round(y) - half
        if left < 0 or top < 0:
            continue
        centre = centroid_com(image[top : top + 2 * half + 1, left : left + 2 * half + 1])
        for row, place in enumerate(current):
            if abs(place[0] - left - centre[0]) <= proximity and abs(place[1] - top - centre[1]) <= proximity:
                rows[star] = row
                break
    return rows


def nearest_stars(x: float, y: float, stars: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest star in each open quadrant about a pixel, of equals the first, and their weights."""
    along, across = stars[:, 0] - x, stars[:, 1] - y
    distance = np.hypot(along, across)
    if distance.min() == 0:
        return np.array([distance.argmin()]), np.ones(1)
    chosen = []
    for side in (along > 0, along < 0):
        for end in (across > 0, across < 0):
            inside = np.flatnonzero(side & end)
            if inside.size:
                chosen.append(inside[distance[inside].argmin()])
    chosen = np.array(chosen if chosen else [distance.argmin()])
    return chosen, 1 / distance[chosen] / (1 / distance[chosen]).sum()


def maps(shape: tuple[int, int], stars: np.ndarray, offsets: np.ndarray, bands: list[tuple[int, int]]) -> Loops:
    """Both offset maps in some bands of rows, pixel by pixel.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    stars, offsets : ndarray of float64, shape (n, 2)
        Places and offsets, x and y.
    bands : list of (int, int)
        First row, a multiple of three, and the row after the last.
    """
    coarse = np.full((2, *shape), np.nan)
    filled = coarse.copy()
    wall, processor = time.perf_counter(), time.process_time()
    for first, last in bands:
        for y in range(first, last, STEP):
            for x in range(0, shape[1], STEP):
                chosen, weights = nearest_stars(x, y, stars)
                coarse[0, y, x] = (weights * offsets[chosen, 0]).sum()
                coarse[1, y, x] = (weights * offsets[chosen, 1]).sum()
        for axis in range(2):
            for y in range(first, last):
                for x in range(shape[1]):
                    value = coarse[axis, y, x]
                    if np.isnan(value):
                        near = coarse[axis, max(y - HALF, first) : y + HALF + 1, max(x - HALF, 0) : x + HALF + 1]
                        value = near[~np.isnan(near)].mean()
                    filled[axis, y, x] = value
    rows = sum(last - first for first, last in bands)
    more = shape[0] / rows
    taken = Timing((time.perf_counter() - wall) * more, (time.process_time() - processor) * more)
    return Loops(*filled, taken, rows)
