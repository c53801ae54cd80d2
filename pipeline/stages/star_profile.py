"""How a frame's light of one star is spread: the width of its Gaussian, a Moffat with wings, and the growth curve."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipeline.frame import FrameError, Normalized
from pipeline.kernels.noise import MAD_TO_SIGMA
from pipeline.photometry import Centroids, Flag, Left
from pipeline.stages.sky_left import SkyLeft

#: Stars that tell the frame's profile, at least and at most: the fainter a star is, the more its neighbours and what is
#: left of the sky weigh in its moments.
ENOUGH, MOST = 5, 50
#: The background left nothing.
NONE_LEFT = SkyLeft()
_SPOILT = Flag.SATURATED | Flag.MASKED
#: A star's core reaches so many sigma from its peak, at least so many pixels.
_CORE, _LEAST_CORE = 3.0, 3
#: Relative error of a width that is sure.
SURE = 0.1
_MOFFAT = (1.1, 20.0)
#: A star by itself has no other within so many of its widths at half height.
LONELY = 4.0
#: Widths that scatter by more than this part are not those of one profile.
ALIKE = 0.2
#: Pixels about a star in which a Moffat is fitted, sigma, at least 5 px.
_REACH = 4.0


@dataclass(frozen=True)
class Profile:
    """A star's profile that integrates to 1 over the plane.

    Parameters
    ----------
    width_x, width_y : float
        Sigma of the Gaussian, or scale of the Moffat, pixels.
    beta : float
        The Moffat's exponent; 0 for a Gaussian.
    stars : int
        Number of stars that told it.
    warning : str
        What a user should know; "" where all is well.
    """

    width_x: float
    width_y: float
    beta: float = 0.0
    stars: int = 0
    warning: str = ""


@dataclass(frozen=True, eq=False)
class Widths:
    """Sigma of each star's own light.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Along x and y, pixels; NaN where the light has none.
    sure : ndarray of bool, shape (n,)
        Whether both are known to a tenth.
    """

    x: np.ndarray
    y: np.ndarray
    sure: np.ndarray


def own_widths(
    normalize: Normalized,
    centroids: Centroids,
    correct_window: bool,
    noise: tuple[np.ndarray, np.ndarray],
    sky: SkyLeft = NONE_LEFT,
) -> Widths:
    """Widths of the stars from their second moments.

    Parameters
    ----------
    normalize : Normalized
        The frame without sky.
    centroids : Centroids
        Its stars.
    correct_window : bool
        Whether moments are taken in the stars' cores and get back what that window cuts off; else they are those of
        the centroids' own window as they are.
    noise : tuple of ndarray
        Variance of a sky pixel and for each ADU, by parity.
    sky : SkyLeft
        What the background left.

    Notes
    -----
    In a window of many sigma the sky's noise, neighbours and the wings make the moments; three sigma from the peak hold
    the core, and a Gaussian cut there is known by its moments all the same.
    """
    if not correct_window:
        return Widths(centroids["width_x"], centroids["width_y"], centroids.flag & int(Flag.BACKGROUND) == 0)
    from pipeline.kernels.moments import untruncated, window_moments

    reach = max(_LEAST_CORE, int(np.ceil(_CORE * centroids.fitted_width)))
    peaks = [centroids[f"peak_{axis}"] for axis in "xy"]
    looks = {"window": 2 * reach + 1, "variance": noise[0], "photon": noise[1], "sky": sky.at(*peaks)}
    found = window_moments(normalize.image, *peaks, **looks)
    widths = []
    sure = np.isfinite(found["light"])
    for axis, peak in zip("xy", peaks, strict=True):
        moment = np.nan_to_num(found[axis * 2], nan=-1.0)
        widths.append(untruncated(np.nan_to_num(found[axis]), moment, peak - reach, peak + reach))
        with np.errstate(invalid="ignore"):
            sure &= found[f"{axis * 2}_error"] < 2 * SURE * found[axis * 2]
    return Widths(widths[0], widths[1], sure)


def telling(centroids: Centroids, widths: Widths) -> np.ndarray:
    """Rows of stars that show the profile, the brightest first: alone, whole, or where such are few with neighbours."""
    kept = np.zeros(len(centroids), bool)
    kept[centroids.kept] = True
    kept &= widths.sure & np.isfinite(widths.x + widths.y)
    kept &= centroids.flag & int(_SPOILT) == 0
    without = kept & (centroids.flag & int(Flag.NEIGHBOUR) == 0)
    # So far from another a star's core holds hardly anything of it.
    apart = _nearest(centroids) > 2 * _CORE * centroids.fitted_width
    for some in (without & apart, without, kept):
        rows = np.flatnonzero(some)
        if rows.size >= ENOUGH:
            break
    return rows[np.argsort(-centroids["snr"][rows], kind="stable")[:MOST]]


def lonely(centroids: Centroids, fwhm: float) -> np.ndarray:
    """Which stars are whole and have no other within four of their widths, so that their fits' residuals are noise."""
    without = centroids.flag & int(_SPOILT | Flag.NEIGHBOUR) == 0
    return (centroids.reason == Left.KEPT) & without & (_nearest(centroids) > LONELY * fwhm)


def _nearest(centroids: Centroids) -> np.ndarray:
    """Distance from each star's peak to that of the nearest other, pixels."""
    from scipy.spatial import cKDTree

    if len(centroids) < 2:
        return np.full(len(centroids), np.inf)
    peaks = np.stack([centroids["peak_x"], centroids["peak_y"]], axis=1)
    return cKDTree(peaks).query(peaks, k=2)[0][:, 1]


def frame_profile(centroids: Centroids, widths: Widths, elliptical: bool, file: str = "frame") -> Profile:
    """The Gaussian of the frame's median width; circular, its sigma squared is the mean of those along x and y.

    Where fewer than five stars tell the width by their moments, it is that of the Gaussians fitted to the stars.

    Raises
    ------
    FrameError
        Where there is no star at all.
    """
    rows = telling(centroids, widths)
    warning = ""
    if rows.size >= ENOUGH:
        width_x, width_y = (float(np.median(width[rows])) for width in (widths.x, widths.y))
        warning = _unlike(np.sqrt((widths.x[rows] ** 2 + widths.y[rows] ** 2) / 2))
    else:
        width_x = width_y = centroids.fitted_width
        if not width_x > 0:
            raise FrameError(file, "no star tells its profile (0)", "lower stars.threshold")
        few = {0: "no star is", 1: "only one star is"}.get(rows.size, f"only {rows.size} stars are")
        warning = f"{few} bright, whole and alone, too few for second moments: the width is that of fitted Gaussians"
    if not elliptical:
        width_x = width_y = float(np.sqrt((width_x**2 + width_y**2) / 2))
    return Profile(width_x, width_y, 0.0, int(rows.size), warning)


def _unlike(width: np.ndarray) -> str:
    """What a user should know where the stars have no width in common; "" where they have."""
    middle = float(np.median(width))
    scatter = MAD_TO_SIGMA * float(np.median(np.abs(width - middle))) / middle
    if scatter <= ALIKE:
        return ""
    return (
        f"the widths of the {width.size} stars that tell the profile scatter by {100 * scatter:.0f} %: galaxies are "
        "among them, or the focus changes over the field, and one width gives too much or too little light: compare "
        "with the circles"
    )


def fitted_moffat(
    normalize: Normalized,
    centroids: Centroids,
    widths: Widths,
    start: Profile,
    elliptical: bool,
    sky: SkyLeft = NONE_LEFT,
) -> Profile:
    """The Moffat that fits the frame's bright stars best (Moffat 1969, A&A 3, 455).

    Parameters
    ----------
    normalize : Normalized
        The frame without sky.
    centroids : Centroids
        Its stars.
    widths : Widths
        Their widths.
    start : Profile
        The frame's Gaussian.
    elliptical : bool
        Whether the scales along x and y differ.
    sky : SkyLeft
        What the background left.

    Returns
    -------
    Profile
        Least squares over all pixels of the stars, each star's light scaled to 1; with an exponent of 3 and the
        Gaussian's width at half height where fewer than five stars serve.
    """
    from scipy.optimize import least_squares

    rows = telling(centroids, widths)
    # A Moffat of exponent 3 is as wide at half height as this Gaussian.
    scale = np.sqrt(2 * np.log(2)) / np.sqrt(2 ** (1 / 3) - 1)
    guess = replace(start, width_x=scale * start.width_x, width_y=scale * start.width_y, beta=3.0)
    if rows.size < ENOUGH:
        return guess
    reach = max(5, int(np.ceil(_REACH * max(start.width_x, start.width_y))))
    x, y, light = _pixels(normalize.image, sky, centroids, rows, reach, start)

    def apart(parameters: np.ndarray) -> np.ndarray:
        height, beta, wide, high = parameters[0], parameters[1], parameters[2], parameters[-1]
        return height * (beta - 1) / (np.pi * wide * high) * (1 + (x / wide) ** 2 + (y / high) ** 2) ** -beta - light

    first = [1.0, guess.beta, guess.width_x, guess.width_y][: 4 if elliptical else 3]
    low, high = [0.1, _MOFFAT[0], 0.2, 0.2][: len(first)], [10.0, _MOFFAT[1], 100.0, 100.0][: len(first)]
    fit = least_squares(apart, first, bounds=(low, high)).x
    return replace(start, width_x=float(fit[2]), width_y=float(fit[-1]), beta=float(fit[1]))


def _pixels(
    image: np.ndarray, sky: SkyLeft, centroids: Centroids, rows: np.ndarray, reach: int, start: Profile
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places of all good pixels about some stars, from the stars' centres, and their part of the star's light."""
    places, light = [], []
    away = np.arange(-reach, reach + 1)
    for row in rows:
        x, y = centroids["centroid_x"][row], centroids["centroid_y"][row]
        columns, lines = round(x) + away, round(y) + away
        if columns[0] < 0 or lines[0] < 0 or columns[-1] >= image.shape[1] or lines[-1] >= image.shape[0]:
            continue
        part = image[lines[0] : lines[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float64) - sky.at(x, y)
        total = np.nansum(part)
        if total > 0:
            places.append(np.stack(np.broadcast_arrays(columns - x, (lines - y)[:, None])))
            light.append(part / total)
    if not places:
        return np.zeros(1), np.zeros(1), np.full(1, 1 / (2 * np.pi * start.width_x * start.width_y))
    good = np.isfinite(light)
    both = np.moveaxis(np.array(places), 1, 0)
    return both[0][good], both[1][good], np.array(light)[good]


def growth_curve(
    normalize: Normalized, centroids: Centroids, widths: Widths, window: int, sky: SkyLeft = NONE_LEFT
) -> tuple[np.ndarray, np.ndarray]:
    """Part of a bright star's light within each radius, over that within the largest.

    Parameters
    ----------
    normalize : Normalized
        The frame without sky.
    centroids : Centroids
        Its stars; at most fifty of the brightest that stand alone count.
    widths : Widths
        Their widths.
    window : int
        The largest circle fits into a window of so many pixels.
    sky : SkyLeft
        What the background left.

    Returns
    -------
    radius, part : ndarray of float64, shape (m,)
        Median over the stars; empty where no star serves.
    """
    from pipeline.kernels.photometry import aperture_fluxes

    rows = telling(centroids, widths)
    radius = np.arange(1.0, max(2.0, window / 2) + 0.5, 0.5)
    if rows.size == 0:
        return np.empty(0), np.empty(0)
    x, y = (centroids[f"centroid_{axis}"][rows] for axis in "xy")
    sums = aperture_fluxes(normalize.image, x, y, tuple(radius), sky.at(x, y))
    whole = sums[:, -1] > 0
    if not whole.any():
        return np.empty(0), np.empty(0)
    return radius, np.median(sums[whole] / sums[whole, -1:], axis=0)
