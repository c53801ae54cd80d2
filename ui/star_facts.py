"""How a star's measures lie in the limits of the knobs, and its profile. Plain functions, no widgets."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pipeline.recipe import Recipe
from pipeline.tables import StarTable, Status, Tracks
from ui.marks import belongs, strength

# Ends of the bars, as wide as the knobs are drawn.
_SCALES = {"sharpness": (0.0, 1.5), "roundness": (-1.5, 1.5)}
_DECADES = 4.0


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
    row = _row(stars, tracks, frame, star)
    if row < 0:
        return {}
    end = "recovered by the tracks" if tracks.status[frame, star] == Status.RECOVERED else "rejected"
    limits = {}
    for name, column in (("sharpness", "sharpness"), ("roundness", "roundness2")):
        value, (low, high) = float(stars[column][row]), recipe["stars"][name]
        first, last = _SCALES[name]
        places = ((one - first) / (last - first) for one in (value, low, high))
        limits[name] = Limits(*map(_on_bar, places), _judge(name, value, low, high, ".2f", "", end))
    value = float(strength(stars)[row])
    places = (math.log10(max(one, 1.0)) / _DECADES for one in (value, stars.threshold))
    words = _judge("over noise", value, stars.threshold, math.inf, ".3g", "\u2009σ", end)
    limits["over noise"] = Limits(*map(_on_bar, places), 1.0, words)
    return limits


def _judge(name: str, value: float, low: float, high: float, form: str, unit: str, end: str) -> str:
    if low <= value <= high:
        return ""
    side, limit = ("below", low) if value < low else ("above", high)
    words = f"{name} {value:{form}}{unit}, {side} {limit:g}{unit}: {end}"
    return words.replace("-", "\u2212")


def _on_bar(place: float) -> float:
    return min(max(place, 0.0), 1.0)


def _row(stars: StarTable | None, tracks: Tracks, frame: int, star: int) -> int:
    """The star's row in a frame's table, -1 where it has none."""
    return -1 if stars is None or not belongs(tracks, stars, frame) else int(tracks.row[frame, star])


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
    row = _row(stars, tracks, frame, star)
    if row < 0 or cutout is None:
        return None
    x, y, fwhm = float(tracks.x[frame, star]), float(tracks.y[frame, star]), float(stars["fwhm"][row])
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
