"""The search for the factors on red and blue that make the stars roundest, and two other ways to compare with.

A wrong factor puts a chequered pattern on every star; it pulls the star's profile along x and along y by amounts that
depend on where the star lies among the pixels. The frame is linear in the factors, so the sums that DAOFIND's roundness
is made of are taken once per star and colour; after that a whole map of the objective costs milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pipeline.frame import SIGMA_TO_FWHM, Background, Frame, FrameError
from pipeline.stages.background import colour_numbers
from pipeline.stages.normalize import FACTORS, bright_mosaic_stars, normalized_image

LEAST_STARS = 10
#: Width of the Gaussian that is fitted, pixels; a wider one averages over the very pattern that is looked for.
_NARROW = 1.5
#: Half of the window's side, pixels.
_REACH = 3.0
_GRID = 61
#: Part of the search after which the frames are measured, and the map is made.
FRAMES_SHARE = 0.7


class Cancelled(Exception):
    """The search was stopped by its caller."""


class _Stars(NamedTuple):
    """Sums of the stars, for each pair of axes (rows and columns, diagonals).

    Parameters
    ----------
    difference, total : ndarray of float64, shape (stars, 2, 3)
        First height minus and plus the second, by colour of the pixels: red, green, blue.
    pattern : ndarray of float64, shape (stars, 2, 2)
        What a round star's roundness would gain by a higher red, a higher blue factor (per unit of its logarithm); it
        depends on the star's place among the pixels alone.
    """

    difference: np.ndarray
    total: np.ndarray
    pattern: np.ndarray


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
        Mean roundness and the stars' scatter about it, at these factors.
    reds, blues : ndarray of float64, shape (n,)
        Factors of the map.
    objective : ndarray of float64, shape (n reds, n blues)
        Mean roundness: its part, rms over the stars, that follows the pattern of a wrong factor. 0 is best.
    spreads : ndarray of float64, shape (n reds, n blues)
        The rest: noise, the stars' own colours and shapes.
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
    found = []
    for done, (frame, sky) in enumerate(frames):
        _step(FRAMES_SHARE * done / len(frames), progress, cancelled)
        found.append(_star_sums(frame, sky, fwhm, stars))
    every = _Stars(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    if len(every.total) < LEAST_STARS:
        problem = f"too few bright stars to tell the colours' factors ({len(every.total)})"
        raise FrameError(frames[0][0].info.file, problem, "set normalize.red and normalize.blue, or take more frames")
    factors, errors, weights = _roundest(every)
    reds, blues = (factor * np.geomspace(0.5, 2.0, _GRID) for factor in factors)

    def step(part: float) -> None:
        _step(FRAMES_SHARE + (1.0 - FRAMES_SHARE) * part, progress, cancelled)

    means, spreads = _maps(every, weights, reds, blues, step)
    _step(1.0, progress, cancelled)
    middle = _GRID // 2
    return Optimum(
        red=float(factors[0]),
        blue=float(factors[1]),
        red_error=float(errors[0]),
        blue_error=float(errors[1]),
        mean=float(means[middle, middle]),
        spread=float(spreads[middle, middle]),
        reds=reds,
        blues=blues,
        objective=means,
        spreads=spreads,
        stars=int((weights > 0).any(axis=1).sum()),
    )


def _step(part: float, progress: Callable[[float], None] | None, cancelled: Callable[[], bool] | None) -> None:
    if cancelled is not None and cancelled():
        raise Cancelled
    if progress is not None:
        progress(part)


def _heights(dx: np.ndarray, dy: np.ndarray, star: np.ndarray, *, diagonal: bool) -> tuple[np.ndarray, np.ndarray]:
    """Weights whose sums with a star's pixels are the heights of the Gaussians fitted to its two marginals.

    Parameters
    ----------
    dx, dy : ndarray of float64, shape (stars, size, size)
        Pixel minus star, pixels.
    star : ndarray of float64, shape (stars, size, size)
        A round star of height 1, which gives 1 in both sums wherever it lies among the pixels.
    diagonal : bool
        Marginals along the diagonals instead of along rows and columns.

    Returns
    -------
    first, second : ndarray of float64, shape (stars, size, size)
        DAOFIND's fit: marginals weighted by triangles that are highest at the star, the sky fitted with the height.
    """
    along, across = ((dx + dy) * 0.5**0.5, (dx - dy) * 0.5**0.5) if diagonal else (dx, dy)
    weight = np.clip(_REACH - np.abs(along), 0.0, None) * np.clip(_REACH - np.abs(across), 0.0, None)
    result = []
    for place in (along, across):
        profile = np.exp(-0.5 * (place * SIGMA_TO_FWHM / _NARROW) ** 2)
        middle = (weight * profile).sum(axis=(1, 2)) / weight.sum(axis=(1, 2))
        one = weight * (profile - middle[:, None, None])
        result.append(one / (one * star).sum(axis=(1, 2))[:, None, None])
    return result[0], result[1]


def _star_sums(frame: Frame, sky: Background, fwhm: float | None, most: int) -> _Stars:
    if frame.pattern == "none":
        remedy = "no factors are needed; set frames.pattern if it is a mosaic"
        raise FrameError(frame.info.file, "is monochrome (pattern none)", remedy)
    image = normalized_image(frame, sky, red=1.0, blue=1.0)
    stars = bright_mosaic_stars(frame, image, most)
    # A binned pixel's centre lies half a pixel beyond the first of its two.
    x, y = 2.0 * stars.x + 0.5, 2.0 * stars.y + 0.5
    inside = (np.minimum(x, y) >= 6.0) & (x < frame.shape[1] - 6.0) & (y < frame.shape[0] - 6.0)
    x, y = x[inside], y[inside]
    if x.size == 0:
        return _Stars(np.empty((0, 2, 3)), np.empty((0, 2, 3)), np.empty((0, 2, 2)))
    sigma = (fwhm if fwhm is not None else 2.0 * float(np.median(stars.fwhm))) / SIGMA_TO_FWHM
    grid = np.arange(-5, 6)
    row = np.rint(y).astype(int)[:, None, None] + grid[:, None] + 0 * grid
    column = np.rint(x).astype(int)[:, None, None] + grid + 0 * grid[:, None]
    dx, dy = column - x[:, None, None], row - y[:, None, None]
    star = np.exp(-0.5 * (dx**2 + dy**2) / sigma**2)
    windows = image[row, column].astype(np.float64)
    numbers = colour_numbers(frame.pattern)[row & 1, column & 1]
    heights, round_star = np.empty((2, len(x), 2, 2, 3))
    for pair in (0, 1):
        for axis, weights in enumerate(_heights(dx, dy, star, diagonal=bool(pair))):
            for number in range(3):
                mine = np.where(numbers == number, weights, 0.0)
                heights[:, pair, axis, number] = (mine * windows).sum(axis=(1, 2))
                round_star[:, pair, axis, number] = (mine * star).sum(axis=(1, 2))
    good = np.isfinite(heights).all(axis=(1, 2, 3)) & (heights.sum(axis=3) > 0).all(axis=(1, 2))
    pattern = (round_star[:, :, 0] - round_star[:, :, 1])[:, :, ::2]
    return _Stars(
        (heights[:, :, 0] - heights[:, :, 1])[good], (heights[:, :, 0] + heights[:, :, 1])[good], pattern[good]
    )


def _roundness(stars: _Stars, factors: np.ndarray) -> np.ndarray:
    """Roundness of each star about each pair of axes; ``factors`` of shape (3,) or (3, n)."""
    return 2.0 * (stars.difference @ factors) / (stars.total @ factors)


def _roundest(stars: _Stars) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Factors at which the mean roundness along the pattern is 0, their errors, and the stars' weights.

    The pattern comes from the stars' places alone, so their noise cannot make a false minimum, as it does where the
    squares of the roundness are summed: smaller factors on noisy colours would seem rounder.
    """
    logs = np.zeros(2)
    pattern = stars.pattern
    weights = np.ones(pattern.shape[:2])
    for _ in range(30):
        factors = np.array([np.exp(logs[0]), 1.0, np.exp(logs[1])])
        values, sums = _roundness(stars, factors), stars.total @ factors
        weights = _weights(values, sums, pattern)
        slopes = np.stack(
            [factors[k] * (2.0 * stars.difference[..., k] - values * stars.total[..., k]) / sums for k in (0, 2)],
            axis=-1,
        )
        matrix = np.einsum("sp,spi,spk->ik", weights, pattern, slopes)
        inverse = np.linalg.pinv(matrix)
        step = -inverse @ np.einsum("sp,spi,sp->i", weights, pattern, values)
        logs = np.clip(logs + np.clip(step, -0.3, 0.3), *np.log(FACTORS))
        if np.abs(step).max() < 1e-5:
            break
    noise = np.einsum("sp,spi,spk->ik", (weights * values) ** 2, pattern, pattern)
    errors = np.sqrt(np.diag(inverse @ noise @ inverse.T)) * np.exp(logs)
    return np.exp(logs), errors, weights


def _weights(values: np.ndarray, sums: np.ndarray, pattern: np.ndarray) -> np.ndarray:
    """One over the variance of each roundness: noise, and the star's own colour through its place; outliers count 0.

    The noise's square falls with the star's light. A star whose place makes it sensitive shows its own colour more than
    a common factor; without that second part, a few such stars would decide.
    """
    faint = np.median(sums) / sums
    square = (pattern**2).sum(axis=2) / faint
    low = square <= np.median(square)
    # The median of chi-squared with one degree of freedom is 0.4549.
    scatter = [np.median((values**2 / faint)[part]) / 0.4549 for part in (low, ~low)]
    size = [np.median(square[part]) for part in (low, ~low)]
    own = max(scatter[1] - scatter[0], 0.0) / max(size[1] - size[0], 1e-30)
    noise = max(scatter[0] - own * size[0], 0.05 * scatter[0], 1e-12)
    variance = (noise + own * square) * faint
    return np.where(values**2 < 16.0 * variance, 1.0 / variance, 0.0)


def _maps(
    stars: _Stars, weights: np.ndarray, reds: np.ndarray, blues: np.ndarray, step: Callable[[float], None]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean roundness along the pattern and scatter about it at every pair of factors."""
    means, spreads = np.empty((len(reds), len(blues))), np.empty((len(reds), len(blues)))
    inverse = np.linalg.pinv(np.einsum("sp,spi,spk->ik", weights, stars.pattern, stars.pattern))
    for i, red in enumerate(reds):
        step(i / len(reds))
        values = _roundness(stars, np.stack([np.full(len(blues), red), np.ones(len(blues)), blues]))
        # Far from the factors a faint star's heights may cancel; with two that are positive it lies within these.
        values = np.clip(values, -2.0, 2.0)
        along = np.einsum("sp,spi,spf->fi", weights, stars.pattern, values)
        mean = np.einsum("fi,ik,fk->f", along, inverse, along) / weights.sum()
        square = np.einsum("sp,spf->f", weights, values**2) / weights.sum()
        means[i], spreads[i] = np.sqrt(mean), np.sqrt(np.maximum(square - mean, 0.0))
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
