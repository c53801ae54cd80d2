"""Photometry as the page shows it: tables, a star beside its model, what to say. Plain functions, no widgets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.magnitudes import place_and_filter
from pipeline.photometry import Centroids, Flag, Left, LightCurves, Photometry
from pipeline.tables import Tracks
from ui.marks import SENTENCES
from ui.scene import Scene
from ui.tab import BLAMED, why_unused

#: Half the side of the square that is shown of a star, in widths of its profile, and its limits, pixels.
_REACH, _LEAST, _MOST = 5.0, 8, 24
#: Stars of the gallery.
GALLERY = 25
#: What is drawn of a star on the picture, and in which order the words stand.
MARKS = ("measured", "background", "neighbour", "saturated", "masked", "crowded", "edge", "not measured")
WORDS = {
    "measured": "alone, whole, bright",
    "background": "the sky's noise limits it",
    "neighbour": "another star's light in its window",
    "saturated": "a pixel of its core is full",
    "masked": "bad pixels in its window",
    "crowded": "too near another star",
    "edge": "too near the frame's edge",
    "not measured": "not in this frame, or no width",
    "compared": "others are compared with it",
}
_LEFT = {
    Left.EDGE: "edge",
    Left.CROWDED: "crowded",
    Left.MERGED: "crowded",
    Left.WIDTH: "not measured",
    Left.LOST: "not measured",
    Left.MASKED: "masked",
}
_FLAGGED = (
    (Flag.SATURATED, "saturated"),
    (Flag.EDGE, "edge"),
    (Flag.MASKED, "masked"),
    (Flag.NEIGHBOUR, "neighbour"),
    (Flag.BACKGROUND, "background"),
)


def kinds_of(reason: np.ndarray, flag: np.ndarray) -> np.ndarray:
    """One of MARKS for each star: why it is left out, or the worst that should be known of it."""
    kinds = np.full(len(reason), "measured", dtype="U16")
    for one, name in reversed(_FLAGGED):
        kinds[flag & int(one) != 0] = name
    for left, name in _LEFT.items():
        kinds[reason == left] = name
    return kinds


def counts_of(kinds: np.ndarray) -> dict[str, int]:
    """How many stars are drawn as each of MARKS, or as stars compared with; what none is drawn as is not named."""
    found = Counter(kinds.tolist())
    return {name: found[name] for name in (*MARKS, "compared") if found[name]}


def flux_frame(photometry: Photometry, chosen: np.ndarray | None = None) -> pd.DataFrame:
    """The stars of a frame, or those chosen of all ids, the brightest first; those without a flux at the end."""
    flux, error = photometry["psf_flux"], photometry["psf_flux_err"]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = flux / error
    kinds = kinds_of(photometry.reason, photometry.flag)
    table = pd.DataFrame(
        {
            "id": photometry["id"],
            "x": photometry["centroid_x"],
            "y": photometry["centroid_y"],
            "flux": flux,
            "SNR": ratio,
            "mag": photometry["mag"],
            "remark": [_remark(*pair) for pair in zip(photometry.reasons(), kinds, strict=True)],
        }
    )
    if chosen is not None:
        table = table[chosen[photometry["id"]]]
    return table.sort_values("flux", ascending=False, na_position="last", ignore_index=True)


def _remark(reason: str, kind: str) -> str:
    """Of several flags the worst; the status of a star without a flux."""
    return kind if "," in reason else reason


def curve_frame(curves: LightCurves, chosen: np.ndarray | None = None) -> pd.DataFrame:
    """The stars that have a light curve, or those chosen of all ids, and which of them are compared with.

    The brightest comes first.
    """
    rows = np.flatnonzero(np.isfinite(curves.level) & (True if chosen is None else chosen))
    table = pd.DataFrame(
        {
            "compare": np.isin(rows, curves.comparison),
            "id": rows,
            "mag": curves.level[rows],
            "scatter": 1000 * curves.scatter[rows],
            "expected": 1000 * curves.expected[rows],
            "frames": np.isfinite(curves.mag[:, rows]).sum(axis=0),
        }
    )
    return table.sort_values("mag", ignore_index=True)


def toggled(comparison: Sequence[int], star: int) -> tuple[int, ...]:
    """Comparison stars with one more, or without it."""
    held = {int(one) for one in comparison}
    return tuple(sorted(held ^ {int(star)}))


def known_with(known: Mapping[str, float], star: int, filter_name: str, magnitude: float | None) -> dict[str, float]:
    """Known magnitudes with that of one star in one filter, or without it where it is None."""
    name = f"{star} {filter_name}".strip()
    held = {one: value for one, value in known.items() if place_and_filter(one) != (str(star), filter_name)}
    if magnitude is None:
        # A magnitude for all filters is this one's too.
        return {one: value for one, value in held.items() if place_and_filter(one) != (str(star), "")}
    return held | {name: magnitude}


@dataclass(frozen=True, eq=False)
class Modelled:
    """A star, what its profile and flux say of it, and what is left.

    Parameters
    ----------
    data, model, residual : ndarray, shape (n, n)
        ADU above the sky; NaN where a pixel is bad or outside the frame.
    x, y : float
        The star's place in them, pixels.
    noise : float
        Of a sky pixel, ADU.
    radius, growth : ndarray, shape (m,)
        Sums in circles about the star, ADU against pixels.
    flux, error : float
        By the profile, ADU.
    """

    data: np.ndarray
    model: np.ndarray
    residual: np.ndarray
    x: float
    y: float
    noise: float
    radius: np.ndarray
    growth: np.ndarray
    flux: float
    error: float


def modelled(photometry: Photometry, star: int, image: np.ndarray | None, noise: float) -> Modelled | None:
    """A star of a frame beside its model; None where it has no flux.

    Parameters
    ----------
    photometry : Photometry
        The frame's.
    star : int
        The star's id.
    image : ndarray, shape (ny, nx), or None
        The normalized frame that was measured.
    noise : float
        Of one of its sky pixels.

    Notes
    -----
    The model is that of the flux: flux times the profile at the pixels' middles.
    """
    if image is None or not 0 <= star < len(photometry) or not np.isfinite(photometry["psf_flux"][star]):
        return None
    from pipeline.kernels.photometry import aperture_fluxes

    x, y = (float(photometry[f"centroid_{axis}"][star]) for axis in "xy")
    width_x, width_y = _widths(photometry, star)
    half = int(np.clip(np.ceil(_REACH * max(width_x, width_y)), _LEAST, _MOST))
    data = cutout(image, x, y, half)
    rows, columns = np.indices(data.shape) - half
    across, down = (columns - (x - round(x))) / width_x, (rows - (y - round(y))) / width_y
    square = across**2 + down**2
    if photometry.beta:
        beta = photometry.beta
        profile = (beta - 1) / (np.pi * width_x * width_y) * (1 + square) ** -beta
    else:
        profile = np.exp(-square / 2) / (2 * np.pi * width_x * width_y)
    flux = float(photometry["psf_flux"][star])
    model = np.where(np.isfinite(data), flux * profile, np.nan)
    radius = np.arange(1.0, half + 0.5, 0.5)
    growth = aperture_fluxes(image, np.array([x]), np.array([y]), tuple(radius), photometry["sky_left"][star])[0]
    error = float(photometry["psf_flux_err"][star])
    place = half + x - round(x), half + y - round(y)
    return Modelled(data, model, data - model, *place, noise, radius, growth, flux, error)


def chequered(made: Modelled) -> bool:
    """Whether what is left goes up and down between neighbours, as a star's own colour leaves it on a mosaic."""
    left = np.nan_to_num(made.residual)
    over_four = (left[:-1, :-1] + left[1:, :-1] + left[:-1, 1:] + left[1:, 1:]) / 2
    # Of noise both are alike, of a wrong width or place the second is four times the first.
    return bool(left.std() > 3 * made.noise and (over_four**2).sum() < 0.25 * (left**2).sum())


def _widths(photometry: Photometry, star: int) -> tuple[float, float]:
    """The widths that a star was weighted with."""
    if "own width" not in photometry.psf:
        return photometry.width_x, photometry.width_y
    x, y = (float(photometry[f"width_{axis}"][star]) for axis in "xy")
    even = float(np.hypot(x, y) / np.sqrt(2))
    return (x, y) if photometry.psf.startswith("elliptical") else (even, even)


def cutout(image: np.ndarray, x: float, y: float, half: int) -> np.ndarray:
    """A square whose middle pixel has the rounded place; NaN outside the frame."""
    column, row = round(x), round(y)
    piece = np.full((2 * half + 1,) * 2, np.nan)
    top, left = max(0, row - half), max(0, column - half)
    part = image[top : max(top, row + half + 1), left : max(left, column + half + 1)]
    down, across = top - row + half, left - column + half
    piece[down : down + part.shape[0], across : across + part.shape[1]] = part
    return piece


def gallery_rows(centroids: Centroids, among: np.ndarray) -> np.ndarray:
    """Rows of the stars that the gallery shows of some: of all brightnesses, the brightest first."""
    light = np.nan_to_num(centroids["snr"][among], nan=-np.inf)
    order = among[np.argsort(-light, kind="stable")]
    if order.size <= GALLERY:
        return order
    return order[np.linspace(0, order.size - 1, GALLERY).round().astype(int)]


def star_of(tracks: Tracks | None, frame: int, row: int) -> int | None:
    """The ``id`` of a row of a frame's star table; None where no reference star is there."""
    if tracks is None or frame >= len(tracks.row):
        return None
    found = np.flatnonzero(tracks.row[frame] == row)
    return int(found[0]) if found.size else None


def why_not(photometry: Photometry, star: int) -> str:
    """Why a star has no flux, as a sentence."""
    if not 0 <= star < len(photometry):
        return f"Star {star} is not among those of this frame."
    left = Left(photometry.reason[star])
    words = {
        Left.EDGE: "its window reaches over the edge of the frame",
        Left.CROWDED: "another star is nearer than centroids.separation",
        Left.MERGED: "it was merged with a brighter one beside it",
        Left.WIDTH: "its own width cannot be measured",
        Left.MASKED: "too many of its pixels are bad",
    }
    if left == Left.LOST:
        return f"Star {star} is not measured in this frame: {_lost(photometry, star)}."
    return f"Star {star} has no flux: {words.get(left, 'the frame has none')}."


def _lost(photometry: Photometry, star: int) -> str:
    return next((words for status, words in SENTENCES.items() if status == photometry.status[star]), "not found")


def nothing_measured(scene: Scene) -> str:
    """Why there is no photometry, where its stage has ended without."""
    stars = scene["stars"]
    if stars is not None and not len(stars.kept):
        return "No star is left in this frame, so there is no light to measure. Loosen the knobs of the stage Stars."
    return f"The stars of this frame cannot be measured. {why_unused(scene) or BLAMED}"
