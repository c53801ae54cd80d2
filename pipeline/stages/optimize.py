"""The search for the factors on red and blue that make the stars roundest, and two other ways to compare with.

A wrong factor puts a chequered pattern on every star; it pulls the star's profile along x and along y by amounts that
depend on where the star lies among the pixels. The frame is linear in the factors, so the sums that DAOFIND's roundness
is made of are taken once per star and colour; after that a whole map of the objective costs milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.frame import SIGMA_TO_FWHM, Background, Frame, FrameError
from pipeline.stages.background import colour_names, colour_numbers
from pipeline.stages.normalize import FACTORS, bright_mosaic_stars, normalized_image

LEAST_STARS = 10
#: Width of the Gaussian that is fitted, pixels; a wider one averages over the very pattern that is looked for.
_NARROW = 1.5
_GRID = 61


class Cancelled(Exception):
    """The search was stopped by its caller."""


@dataclass(frozen=True, eq=False)
class Optimum:
    """Factors that make the stars roundest, and what was searched.

    Parameters
    ----------
    red, blue : float
        The factors; green is 1.
    red_error, blue_error : float
        1 sigma, from the stars' scatter.
    mean, spread : float
        Mean roundness and its standard deviation at the factors.
    reds, blues : ndarray of float64, shape (n,)
        Factors of the map.
    objective : ndarray of float64, shape (n reds, n blues)
        Rms roundness, which unites mean and spread; smallest is best.
    means, spreads : ndarray of float64, shape (n reds, n blues)
        Its two parts.
    stars : int
        Number of stars that took part.
    """

    red: float
    blue: float
    red_error: float
    blue_error: float
    mean: float
    spread: float
    reds: np.ndarray
    blues: np.ndarray
    objective: np.ndarray
    means: np.ndarray
    spreads: np.ndarray
    stars: int


def optimize(
    frames: Sequence[tuple[Frame, Background]],
    *,
    fwhm: float | None = None,
    stars: int = 2000,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Optimum:
    """Search the red and blue factors at which the stars' roundness lies nearest 0 with the least spread.

    Parameters
    ----------
    frames : sequence of (Frame, Background)
        Calibrated mosaics and their skies; one is enough, more average the stars' noise and places among the pixels.
    fwhm : float, optional
        Width of the stars, pixels; by default as they are found.
    stars : int
        How many stars of each frame at most, the brightest that are not full.
    progress : callable, optional
        Called with the part done, 0 to 1.
    cancelled : callable, optional
        Asked between steps; the search ends with :class:`Cancelled` when it answers True.

    Returns
    -------
    Optimum

    Raises
    ------
    FrameError
        For a monochrome frame, and where there are fewer than ten stars.
    Cancelled
        Where ``cancelled`` answered True.

    Notes
    -----
    Roundness is DAOFIND's second, 2 (hx - hy) / (hx + hy), from the heights of Gaussians fitted to the marginal sums
    (Stetson 1987, PASP 99, 191), about the star's place on the 2 x 2 binned picture, which has no colours, so that
    nothing moves with the factors. Every row and every column has as much green, so that pair of axes sees only the
    ratio of red to blue; along the diagonals, lines that are all green alternate with lines that have none, and the
    same roundness there tells the rest. Both pairs count alike.
    """
    sums = []
    for done, (frame, sky) in enumerate(frames):
        _step(0.8 * done / len(frames), progress, cancelled)
        sums.append(_star_sums(frame, sky, fwhm, stars))
    difference, total = np.concatenate([one[0] for one in sums]), np.concatenate([one[1] for one in sums])
    if len(difference) < LEAST_STARS:
        problem = f"too few bright stars to tell the colours' factors ({len(difference)})"
        raise FrameError(frames[0][0].info.file, problem, "set normalize.red and normalize.blue, or take more frames")
    factors, errors, weights, kept = _roundest(difference, total)
    difference, total, weights = difference[kept], total[kept], weights[kept]
    red, blue = map(float, factors)
    _step(0.9, progress, cancelled)
    reds, blues = red * np.geomspace(0.5, 2.0, _GRID), blue * np.geomspace(0.5, 2.0, _GRID)
    means, spreads = _maps(difference, total, weights, reds, blues, cancelled)
    middle = _GRID // 2
    _step(1.0, progress, cancelled)
    return Optimum(
        red=red,
        blue=blue,
        red_error=float(errors[0]),
        blue_error=float(errors[1]),
        mean=float(means[middle, middle]),
        spread=float(spreads[middle, middle]),
        reds=reds,
        blues=blues,
        objective=np.hypot(means, spreads),
        means=means,
        spreads=spreads,
        stars=len(difference),
    )


def _step(part: float, progress: Callable[[float], None] | None, cancelled: Callable[[], bool] | None) -> None:
    if cancelled is not None and cancelled():
        raise Cancelled
    if progress is not None:
        progress(part)


def _heights(
    dx: np.ndarray, dy: np.ndarray, fwhm: float, narrow: float, *, diagonal: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Weights whose sums with a star's pixels are the heights of the Gaussians fitted to its two marginals.

    Parameters
    ----------
    dx, dy : ndarray of float64, shape (stars, size, size)
        Pixel minus star, pixels.
    fwhm : float
        Width of the Gaussian, pixels.
    diagonal : bool
        Marginals along the diagonals instead of along rows and columns.

    Returns
    -------
    first, second : ndarray of float64, shape (stars, size, size)
        DAOFIND's fit: marginals weighted by triangles that are highest at the star, the sky fitted with the height. A
        round Gaussian of height 1 gives 1 in both, wherever it lies among the pixels.
    """
    sigma = narrow / SIGMA_TO_FWHM
    reach = max(2.0, 1.5 * sigma) + 1.0
    along, across = ((dx + dy) * 0.5**0.5, (dx - dy) * 0.5**0.5) if diagonal else (dx, dy)
    weight = np.clip(reach - np.abs(along), 0.0, None) * np.clip(reach - np.abs(across), 0.0, None)
    star = np.exp(-0.5 * (dx**2 + dy**2) * (SIGMA_TO_FWHM / fwhm) ** 2)
    result = []
    for place in (along, across):
        profile = np.exp(-0.5 * (place / sigma) ** 2)
        middle = (weight * profile).sum(axis=(1, 2)) / weight.sum(axis=(1, 2))
        one = weight * (profile - middle[:, None, None])
        result.append(one / (one * star).sum(axis=(1, 2))[:, None, None])
    return result[0], result[1]


def _star_sums(frame: Frame, sky: Background, fwhm: float | None, most: int) -> tuple[np.ndarray, np.ndarray]:
    """For each star, pair of axes and colour, difference and sum of the two heights."""
    if frame.pattern == "none":
        remedy = "no factors are needed; set frames.pattern if it is a mosaic"
        raise FrameError(frame.info.file, "is monochrome (pattern none)", remedy)
    image = normalized_image(frame, sky, red=1.0, blue=1.0)
    stars = bright_mosaic_stars(frame, image, most)
    if stars.x.size == 0:
        return np.empty((0, 2, 3)), np.empty((0, 2, 3))
    width = fwhm if fwhm is not None else 2.0 * float(np.median(stars.fwhm))
    # A binned pixel's centre lies half a pixel beyond the first of its two.
    x, y = 2.0 * stars.x + 0.5, 2.0 * stars.y + 0.5
    radius = int(np.ceil(2.0**0.5 * (max(2.0, 1.5 * _NARROW / SIGMA_TO_FWHM) + 1.0)))
    inside = (np.minimum(x, y) >= radius + 1) & (x < frame.shape[1] - radius - 1) & (y < frame.shape[0] - radius - 1)
    x, y = x[inside], y[inside]
    grid = np.arange(-radius, radius + 1)
    row, column = np.broadcast_arrays(
        np.rint(y).astype(int)[:, None, None] + grid[:, None], np.rint(x).astype(int)[:, None, None] + grid
    )
    windows = image[row, column].astype(np.float64)
    numbers = colour_numbers(frame.pattern)[row & 1, column & 1]
    heights = np.empty((len(x), 2, 2, len(colour_names(frame.pattern))))
    for pair in (0, 1):
        weights = _heights(column - x[:, None, None], row - y[:, None, None], width, _NARROW, diagonal=bool(pair))
        for axis in (0, 1):
            for number in range(heights.shape[-1]):
                part = np.where(numbers == number, windows, 0.0) * weights[axis]
                heights[:, pair, axis, number] = part.sum(axis=(1, 2))
    good = np.isfinite(heights).all(axis=(1, 2, 3)) & (heights.sum(axis=3) > 0).all(axis=(1, 2))
    return (heights[:, :, 0] - heights[:, :, 1])[good], (heights[:, :, 0] + heights[:, :, 1])[good]


def _roundness(difference: np.ndarray, total: np.ndarray, red: float, blue: float) -> np.ndarray:
    factors = np.array([red, 1.0, blue])
    return 2.0 * (difference @ factors) / (total @ factors)


def _roundest(difference: np.ndarray, total: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Factors of least weighted rms roundness, their errors, the weights, and the stars that were not clipped."""
    from scipy.optimize import least_squares

    kept = np.ones(len(difference), bool)
    weights = np.ones(difference.shape[:2])
    logs, limits = np.zeros(2), tuple(np.log(FACTORS))
    for _ in range(8):
        d, t, root = difference[kept], total[kept], np.sqrt(weights[kept])

        def residual(p: np.ndarray, d: np.ndarray = d, t: np.ndarray = t, root: np.ndarray = root) -> np.ndarray:
            return (root * _roundness(d, t, *np.exp(p))).ravel()

        fit = least_squares(residual, logs, bounds=limits, loss="soft_l1")
        logs = fit.x
        weights = _weights(difference, total, kept, *np.exp(logs))
        kept = (np.abs(_roundness(difference, total, *np.exp(logs))) * np.sqrt(weights)).max(axis=1) <= 4.0
    variance = 2.0 * fit.cost / max(len(fit.fun) - 2, 1)
    errors = np.sqrt(np.diag(np.linalg.pinv(fit.jac.T @ fit.jac)) * variance) * np.exp(logs)
    return np.exp(logs), errors, weights, kept


def _weights(difference: np.ndarray, total: np.ndarray, kept: np.ndarray, red: float, blue: float) -> np.ndarray:
    """One over the variance that a star's roundness has: the noise, and its own colour through its place among pixels.

    A star whose place makes it sensitive shows its own colour more than a common factor; without this, a few such stars
    would decide.
    """
    factors = np.array([red, 1.0, blue])
    values, sums = _roundness(difference, total, red, blue), total @ factors
    slopes = sum((factors[k] * (2.0 * difference[..., k] - values * total[..., k]) / sums) ** 2 for k in (0, 2))
    low = slopes <= np.median(slopes[kept])
    square = [np.median(values[kept][part[kept]] ** 2) / 0.4549 for part in (low, ~low)]
    slope = [np.median(slopes[kept][part[kept]]) for part in (low, ~low)]
    own = max(square[1] - square[0], 0.0) / max(slope[1] - slope[0], 1e-30)
    return 1.0 / (max(square[0] - own * slope[0], 0.05 * square[0], 1e-12) + own * slopes)


def _maps(
    difference: np.ndarray,
    total: np.ndarray,
    weights: np.ndarray,
    reds: np.ndarray,
    blues: np.ndarray,
    cancelled: Callable[[], bool] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the roundness at every pair of factors, both pairs of axes together."""
    shares = (weights / weights.sum(axis=0))[..., None]
    means, spreads = np.empty((len(reds), len(blues))), np.empty((len(reds), len(blues)))
    for i, red in enumerate(reds):
        _step(0.0, None, cancelled)
        factors = np.stack([np.full(len(blues), red), np.ones(len(blues)), blues])
        values = 2.0 * (difference @ factors) / (total @ factors)
        mean = (shares * values).sum(axis=0)
        variance = (shares * (values - mean) ** 2).sum(axis=0)
        means[i], spreads[i] = np.sqrt((mean**2).mean(axis=0)), np.sqrt(variance.mean(axis=0))
    return means, spreads


def quietest_sky(background: Background) -> dict[str, float]:
    """Factors at which the sky itself, not subtracted, varies least from pixel to pixel.

    Parameters
    ----------
    background : Background
        Sky of a mosaic; its levels and noises are all that counts.

    Returns
    -------
    dict of str to float
        ``red`` and ``blue``, kept within the bounds of the knobs.

    Notes
    -----
    With level m and noise s of a colour and its share w of the pixels, the variance of the mosaic is
    sum w f^2 (m^2 + s^2) - (sum w f m)^2, smallest where its derivatives by the two factors are zero. This makes the
    *sky* grey. Stars do not have the sky's colour, which is why fewer of them are found than with the other two ways.
    """
    level = {name: float(np.median(mesh)) for name, mesh in background.mesh.items()}
    noise = {name: float(np.median(mesh)) for name, mesh in background.noise.items()}
    share = {"red": 0.25, "green": 0.5, "blue": 0.25}
    matrix, right = np.zeros((2, 2)), np.zeros(2)
    for i, first in enumerate(("red", "blue")):
        right[i] = share["green"] * level["green"] * share[first] * level[first]
        for k, second in enumerate(("red", "blue")):
            matrix[i, k] = -share[first] * level[first] * share[second] * level[second]
        matrix[i, i] += share[first] * (level[first] ** 2 + noise[first] ** 2)
    red, blue = np.clip(np.linalg.solve(matrix, right), *FACTORS)
    return {"red": float(red), "blue": float(blue)}
