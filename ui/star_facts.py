"""How a star's measures lie in the limits of the knobs, and its profile. Plain functions, no widgets."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pipeline.recipe import Recipe
from pipeline.tables import Reason, StarTable, Status, Tracks
from ui.marks import belongs, places, strength
from ui.region import place_of

# Ends of the bars, as wide as the knobs are drawn.
_SCALES = {"sharpness": (0.0, 1.5), "roundness": (-1.5, 1.5)}
_DECADES = 4.0
SHARED = "The stars of this frame are all drawn out alike: roundness counts from their shape."


@dataclass(frozen=True)
class Limits:
    """A measure between the limits of its knob.

    Parameters
    ----------
    place, start, end : float
        Where the measure and the limits lie on its bar, from 0 to 1.
    words : str
        What is wrong with it, "" where it lies between the limits.
    """

    place: float
    start: float
    end: float
    words: str


@dataclass(frozen=True, eq=False)
class Profile:
    """Pixels of a star by their distance from its centroid.

    Parameters
    ----------
    distance, value : ndarray, shape (n,)
        Pixels and ADU.
    height, fwhm : float
        Of the round Gaussian of the star's width that fits them best, ADU and pixels.
    """

    distance: np.ndarray
    value: np.ndarray
    height: float
    fwhm: float


def star_limits(stars: StarTable | None, tracks: Tracks, frame: int, star: int, recipe: Recipe) -> dict[str, Limits]:
    """A star's measures in a frame beside the limits of the knobs, by the measures' names on the card."""
    row = row_of(stars, tracks, frame, star)
    if row < 0:
        return {}
    end = "recovered by the tracks" if tracks.status[frame, star] == Status.RECOVERED else "rejected"
    return measured_limits(stars, row, recipe, end)


def measured_limits(stars: StarTable, row: int, recipe: Recipe, end: str = "rejected") -> dict[str, Limits]:
    """A candidate's measures beside the limits of the knobs; what is out of them ends with what became of it.

    DAOFIND's other roundness is among them where it alone tells why a candidate is no star.
    """
    limits, kept = {}, stars.reason[row] == Reason.STAR
    for name, column in (("sharpness", "sharpness"), ("roundness", "roundness2"), ("roundness1", "roundness1")):
        value, (low, high) = float(stars[column][row]), recipe["stars"][column.rstrip("12")]
        if math.isnan(value):
            # What cannot be measured has no place between limits.
            continue
        first, last = _SCALES[column.rstrip("12")]
        shares = ((one - first) / (last - first) for one in (value, low, high))
        words = _judge(name, value, low, high, ".2f", "", end)
        if column != "sharpness" and stars.metrics.get("elongated") and stars.reason[row] != Reason.ROUNDNESS:
            # Roundness counts from the shape that this frame's stars share.
            words = ""
        if name != "roundness1" or (words and "roundness" in limits and not limits["roundness"].words):
            limits[name] = Limits(*map(_on_bar, shares), words)
    value = float(strength(stars)[row])
    shares = (math.log10(max(one, 1.0)) / _DECADES for one in (value, stars.threshold))
    # Where the noise is uneven the threshold counts that about each star.
    words = "" if kept else _judge("over noise", value, stars.threshold, math.inf, ".3g", "\u2009σ", end)
    limits["over noise"] = Limits(*map(_on_bar, shares), 1.0, words)
    return limits


def shape_words(stars: StarTable, row: int, recipe: Recipe) -> str:
    """Why a kept star's roundness may lie beyond its limits: it counts from the shape that the frame's stars share."""
    low, high = recipe["stars"]["roundness"]
    beyond = any(not low <= float(stars[name][row]) <= high for name in ("roundness1", "roundness2"))
    shared = stars.metrics.get("elongated") and stars.reason[row] == Reason.STAR
    return SHARED if beyond and shared else ""


def _judge(name: str, value: float, low: float, high: float, form: str, unit: str, end: str) -> str:
    if low <= value <= high:
        return ""
    side, limit = ("below", low) if value < low else ("above", high)
    words = f"{name} {value:{form}}{unit}, {side} {limit:g}{unit}: {end}"
    return words.replace("-", "\u2212")


def _on_bar(place: float) -> float:
    return min(max(place, 0.0), 1.0)


def measures_of(
    stars: StarTable,
    row: int,
    place: tuple[float, float],
    error: float | None = None,
    *,
    both_roundnesses: bool = False,
) -> list[tuple[str, str, str]]:
    """What was measured in a row of a frame's table, as the card writes it.

    Parameters
    ----------
    stars : StarTable
        The frame's candidates.
    row : int
        Which one.
    place : tuple of float
        Its x and y, pixels.
    error : float, optional
        That of its place, pixels.
    both_roundnesses : bool
        Whether DAOFIND's other roundness is among them.

    Returns
    -------
    list of (str, str, str)
        Name, value and unit of each measure.
    """
    numbers = [
        ("x", f"{place[0]:z.2f}", "px"),
        ("y", f"{place[1]:z.2f}", "px"),
        ("error", "" if error is None else f"{error:.3f}", "px"),
        ("over noise", over_noise(float(strength(stars)[row])), "σ"),
        ("sharpness", f"{stars['sharpness'][row]:z.2f}", ""),
        ("roundness", f"{stars['roundness2'][row]:z.2f}", ""),
        ("roundness1", f"{stars['roundness1'][row]:z.2f}" if both_roundnesses else "", ""),
        ("peak", f"{stars['peak'][row]:.0f}", "ADU"),
        ("fwhm", f"{stars['fwhm'][row]:z.2f}", "px"),
    ]
    return [(name, value.replace("-", "\u2212"), unit) for name, value, unit in numbers if value not in ("", "nan")]


def over_noise(value: float) -> str:
    """A peak in sigma as the table and the pointer write it: three digits, and never a power of ten."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def row_of(stars: StarTable | None, tracks: Tracks, frame: int, star: int) -> int:
    """The star's row in a frame's table, or that of the candidate where a lost one should be; -1 for none."""
    if stars is None or not belongs(tracks, stars, frame):
        return -1
    row = int(tracks.row[frame, star])
    if row >= 0 or tracks.measured[frame, star]:
        return row
    home = tracks.reference
    row = row_near(stars, *place_of(tracks, frame, (float(tracks.x[home, star]), float(tracks.y[home, star]))))
    return row if row >= 0 and stars.reason[row] != Reason.STAR else -1


def row_near(stars: StarTable, x: float, y: float) -> int:
    """The candidate nearest to a place of a frame, no farther than half a width and at least a pixel; -1 for none."""
    if not np.isfinite([x, y]).all() or not len(stars):
        return -1
    there_x, there_y = places(stars)
    away = np.hypot(there_x - x, there_y - y)
    return int(away.argmin()) if away.min() <= max(1.0, stars.fwhm / 2) else -1


def star_profile(
    cutout: np.ndarray | None, stars: StarTable | None, tracks: Tracks, frame: int, star: int
) -> Profile | None:
    """The profile of a star in a frame; None where it was not measured.

    Parameters
    ----------
    cutout : ndarray or None
        A square around it, without the sky, whose middle pixel has the star's rounded position.
    stars : StarTable or None
        The frame's candidates.
    tracks : Tracks
        Its positions.
    frame, star : int
        Which one.
    """
    row = row_of(stars, tracks, frame, star)
    if row < 0 or not tracks.measured[frame, star]:
        return None
    return profile_at(cutout, float(tracks.x[frame, star]), float(tracks.y[frame, star]), float(stars["fwhm"][row]))


def profile_at(cutout: np.ndarray | None, x: float, y: float, fwhm: float) -> Profile | None:
    """The profile of what has a place and a width, both in pixels, in a square about it; None without such a square."""
    if cutout is None or not cutout.size:
        return None
    half = cutout.shape[0] // 2
    rows, columns = np.indices(cutout.shape) - half
    distance = np.hypot(columns - (x - round(x)), rows - (y - round(y)))
    seen = np.isfinite(cutout) & (distance <= half)
    distance, value = distance[seen], cutout[seen].astype(float)
    if not len(value) or not fwhm > 0:
        return None
    shape = gaussian(distance, fwhm)
    return Profile(distance, value, float(shape @ value / (shape @ shape)), fwhm)


def gaussian(distance: np.ndarray, fwhm: float) -> np.ndarray:
    """A round Gaussian of height 1 at distances from its middle."""
    return np.exp(-4 * math.log(2) * (distance / fwhm) ** 2)
