"""One star in a box, followed from frame to frame: how observers measured shifts before whole fields were matched."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from pipeline.frame import FrameError, FrameInfo, Sequence
from pipeline.tables import StarTable

#: A star's peak stands out of the sky by this much, sigma.
LEAST_PEAK = 5.0
#: Pixels below this, sigma, are no part of a star's centre of mass.
LEAST_LIGHT = 3.0
#: The same star has no more than so many times the light, or so many times less, behind thin clouds.
MOST_CHANGE = 4.0
#: Exponent at which a surface that is fitted is cut off.
STEEPEST = 50.0


def brightest_star(stars: StarTable, size: float) -> tuple[float, float]:
    """Position of the brightest star in the middle of the field that is not full and has a box for itself.

    Parameters
    ----------
    stars : StarTable
        The reference's stars.
    size : float
        Side of the box, pixels.

    Raises
    ------
    FrameError
        Where the reference has no star.
    """
    kept = stars.kept
    if kept.size == 0:
        raise FrameError("", "the reference has no star for the box (0)", "lower stars.threshold")
    x, y, flux = (stars[name][kept] for name in ("xcentroid", "ycentroid", "flux"))
    full = stars["saturated"][kept] > 0
    ny, nx = stars.shape
    # A star in the middle stays in the field the longest.
    inside = (np.abs(x - nx / 2) < nx / 4) & (np.abs(y - ny / 2) < ny / 4)
    crowded = np.zeros(kept.size, bool)
    order = np.argsort(-flux, kind="stable")
    for place in order[:200]:
        near = (np.abs(x - x[place]) < size / 2) & (np.abs(y - y[place]) < size / 2) & (flux > 0.1 * flux[place])
        crowded[place] = near.sum() > 1
    # The best there is: a full star tells its place better than none.
    rank = np.lexsort((-flux, full, crowded | ~inside))
    return float(x[rank[0]]), float(y[rank[0]])


def clipped_median(values: np.ndarray) -> float:
    """Median of what lies within 3 sigma of the median, clipped until nothing more is left out."""
    values = values[np.isfinite(values)].astype(np.float64)
    for _ in range(20):
        middle, sigma = np.median(values), np.std(values)
        near = np.abs(values - middle) <= 3 * sigma
        if near.all():
            break
        values = values[near]
    return float(np.median(values))


def frame_level(image: np.ndarray) -> float:
    """Clipped median of a whole picture, from a quarter of a million of its pixels."""
    stride = max(1, round((image.size / 2.5e5) ** 0.5)) | 1
    return clipped_median(image[::stride, ::stride])


def measured(
    image: np.ndarray, centre: tuple[float, float], size: float, sky: float | None, centroid: str, noise: float
) -> tuple[float, float]:
    """Where the star in a box lies.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        A picture without its sky.
    centre : (float, float)
        x and y of the box, pixels.
    size : float
        Its side, pixels.
    sky : float or None
        Level to take off, ADU; None: the box's own clipped median.
    centroid : str
        "2dg" fits a Gaussian to the box, "1dg" one to the sums along x and one to those along y, "com" is the centre of
        mass of what stands out by 3 sigma.
    noise : float
        Standard deviation of a sky pixel, ADU.

    Returns
    -------
    (float, float)
        x and y in the picture.

    Raises
    ------
    FrameError
        Where the box leaves the picture or shows no star.
    """
    x, y = centre
    half = size / 2
    left, right = (round(x + side * half) for side in (-1, 1))
    bottom, top = (round(y + side * half) for side in (-1, 1))
    place = f"({x:.0f}, {y:.0f})"
    remedy = "move shifts.box_center, make the box larger, or give the frame a shifts.pre_shift"
    left, bottom = max(left, 0), max(bottom, 0)
    box = image[bottom : top + 1, left : right + 1]
    if min(box.shape) < 5 or not np.isfinite(box).any():
        raise FrameError("", f"the box at {place} is outside the picture", remedy)
    light = box - (clipped_median(box) if sky is None else sky)
    if not np.nanmax(light) > LEAST_PEAK * noise:
        raise FrameError("", f"there is no star in the box at {place}", remedy)
    column, row = _centre(np.asarray(light, np.float64), noise, centroid)
    if not (0 <= column <= box.shape[1] - 1 and 0 <= row <= box.shape[0] - 1):
        raise FrameError("", f"the star in the box at {place} has no centre that can be measured", remedy)
    return left + column, bottom + row


def _centre(light: np.ndarray, noise: float, centroid: str) -> tuple[float, float]:
    """Column and row of a star in its box."""
    bad = ~np.isfinite(light)
    if centroid == "2dg":
        return _gaussian(light, ~bad)
    from photutils import centroids

    if centroid == "com":
        return tuple(centroids.centroid_com(np.where(bad | (light < LEAST_LIGHT * noise), 0.0, light)))
    with warnings.catch_warnings(action="ignore"):
        column, row = centroids.centroid_1dg(np.where(bad, 0.0, light), mask=bad if bad.any() else None)
    return float(column), float(row)


def _gaussian(light: np.ndarray, good: np.ndarray) -> tuple[float, float]:
    """Centre of the elliptical Gaussian on a level that fits a box best, by least squares."""
    from scipy.optimize import least_squares

    rows, columns = np.indices(light.shape)
    peak = np.unravel_index(np.argmax(np.where(good, light, -np.inf)), light.shape)
    height = light[peak]
    wide = max(np.sqrt((light[good] > height / 2).sum() / np.pi) / 1.18, 0.7)
    x, y, value = columns[good], rows[good], light[good] / height

    def rest(p: np.ndarray) -> np.ndarray:
        dx, dy = x - p[0], y - p[1]
        # On its way the fit may try a surface that rises outward without limit.
        exponent = np.minimum(-(p[3] * dx * dx + 2 * p[4] * dx * dy + p[5] * dy * dy), STEEPEST)
        return p[2] * np.exp(exponent) + p[6] - value

    sharp = 0.5 / wide**2
    fit = least_squares(rest, [peak[1], peak[0], 1.0, sharp, 0.0, sharp, 0.0], method="lm", max_nfev=400)
    return (float(fit.x[0]), float(fit.x[1])) if fit.success else (np.nan, np.nan)


def light_of(image: np.ndarray, position: tuple[float, float], size: float) -> float:
    """Sum over half a box about a star, ADU."""
    half = max(2, round(size / 4))
    row, column = round(position[1]), round(position[0])
    return float(np.nansum(image[max(row - half, 0) : row + half + 1, max(column - half, 0) : column + half + 1]))


def for_file(values: Mapping[str, Any], frames: Sequence, index: int) -> Any:
    """What a table of files says of a frame, or None; a bare name serves where only one frame has it."""
    info = frames.frames[index]
    name = PurePath(info.file).name
    if info.file in values:
        return values[info.file]
    alone = sum(PurePath(other.file).name == name for other in frames.frames) == 1
    return values.get(name) if alone else None


def for_folder(values: Mapping[str, Any], info: FrameInfo) -> Any:
    """What a table of folders says of a frame's own, or None."""
    folder = PurePath(info.path).parent.name
    return values.get(str(PurePath(info.file).parent), values.get(folder))
