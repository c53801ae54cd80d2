"""Magnitudes: instrumental ones from fluxes, and their zero point from stars whose magnitudes are known.

An instrumental magnitude is m = -2.5 log10(flux); the zero point Z makes the known magnitude M = m + Z of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.kernels.median import median_variance

#: Magnitudes for a relative change of flux: 2.5 / ln 10.
POGSON = 1.0857362047581294
#: A known star is named by its id or its place, and by a filter where it has another magnitude in another one.
NAMES = r" *(?:[0-9]{1,7}|[-+]?[0-9.]{1,12} *, *[-+]?[0-9.]{1,12})(?: +\S.*)?"


@dataclass(frozen=True)
class ZeroPoint:
    """What turns instrumental magnitudes into others.

    Parameters
    ----------
    value, error : float
        Magnitude of a star of 1 ADU, and its 1 sigma, magnitudes; the error of one that was given is 0.
    source : str
        What told it, in words; "" where it is 0 and nobody asked for another.
    share : dict of int to float
        Weight of each known star in it, by ``id``; they add up to 1.
    """

    value: float
    error: float = 0.0
    source: str = ""
    share: Mapping[int, float] | None = None


def instrumental(flux: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Instrumental magnitudes and their 1 sigma; NaN where a flux is not above zero."""
    positive = flux > 0
    safe = np.where(positive, flux, 1.0)
    return np.where(positive, -2.5 * np.log10(safe), np.nan), np.where(positive, POGSON * error / safe, np.nan)


def known_stars(
    known: Mapping[str, float], filter_name: str, x: np.ndarray, y: np.ndarray, reach: float
) -> tuple[dict[int, float], tuple[str, ...]]:
    """The stars of a frame whose magnitudes are known in its filter.

    Parameters
    ----------
    known : dict of str to float
        Magnitudes by name: ``"12"`` or ``"103.5,88"`` for any filter, ``"12 V"`` for one.
    filter_name : str
        The frame's filter.
    x, y : ndarray of float64, shape (n,)
        Places of the stars in the reference, by ``id``, pixels; NaN where there is none.
    reach : float
        How far from a place its star may lie, pixels.

    Returns
    -------
    magnitudes : dict of int to float
        By ``id``. What is named with the filter goes before what is named without.
    warnings : tuple of str
        Names that stand for no star.
    """
    found: dict[int, float] = {}
    warnings = []
    # Names with a filter come last and overwrite.
    for place, wanted, magnitude in sorted(((*place_and_filter(name), mag) for name, mag in known.items()), key=_last):
        if wanted not in ("", filter_name):
            continue
        star = _star(place, x, y, reach)
        if star is None:
            rule = f"ids go from 0 to {x.size - 1}" if "," not in place else f"none lies within {reach:.1f} px"
            warnings.append(f"psf_photometry.known: {place} is no star here ({rule}), its magnitude does not count")
        else:
            found[star] = magnitude
    return found, tuple(warnings)


def place_and_filter(name: str) -> tuple[str, str]:
    """The two parts of a known star's name: its id or place, and its filter or ""."""
    place, _, wanted = re.sub(" *, *", ",", name.strip(), count=1).partition(" ")
    return place, wanted.strip()


def _last(entry: tuple[str, str, float]) -> bool:
    return entry[1] != ""


def _star(place: str, x: np.ndarray, y: np.ndarray, reach: float) -> int | None:
    """The ``id`` that a name stands for."""
    if "," not in place:
        return int(place) if int(place) < x.size else None
    try:
        away = np.hypot(*(values - float(part) for values, part in zip((x, y), place.split(","), strict=True)))
    except ValueError:
        return None
    away = np.nan_to_num(away, nan=np.inf)
    return int(np.argmin(away)) if away.size and away.min() <= reach else None


def zero_point_of(mag: np.ndarray, error: np.ndarray, known: Mapping[int, float], given: float) -> ZeroPoint:
    """The zero point by which stars have their known magnitudes.

    Parameters
    ----------
    mag, error : ndarray of float64, shape (n,)
        Instrumental magnitudes and their 1 sigma, by ``id``; NaN where not measured.
    known : dict of int to float
        Known magnitudes by ``id``.
    given : float
        The zero point where no known star is measured.

    Returns
    -------
    ZeroPoint
        The mean over the stars, weighted with one over the square of their errors. Where several disagree by more than
        those, its error is that of their scatter.
    """
    stars = np.array([star for star in known if np.isfinite(mag[star]) and np.isfinite(error[star])], int)
    if not stars.size:
        return ZeroPoint(given, 0.0, "given" if given else "")
    each = np.array([known[int(star)] for star in stars]) - mag[stars]
    weight = 1 / np.maximum(error[stars], 1e-6) ** 2
    share = weight / weight.sum()
    value = float(np.sum(share * each))
    variance = 1 / weight.sum()
    if stars.size > 1:
        variance = max(variance, float(np.sum(share * (each - value) ** 2)) / (stars.size - 1))
    names = " and ".join(f"star {star} of {known[int(star)]:g} mag" for star in stars[:2])
    words = names if stars.size < 3 else f"{stars.size} stars of known magnitude"
    return ZeroPoint(value, float(np.sqrt(variance)), words, dict(zip(stars.tolist(), share.tolist(), strict=True)))


def calibrated_magnitudes(mag: np.ndarray, error: np.ndarray, zero: ZeroPoint) -> tuple[np.ndarray, np.ndarray]:
    """Magnitudes on the zero point's scale and their 1 sigma.

    A star that makes the zero point has its own error in it: with the share w its variance is less by 2 w of it, and of
    the only known star none is left.
    """
    share = np.zeros(mag.size)
    for star, part in (zero.share or {}).items():
        share[star] = part
    variance = error**2 * (1 - 2 * share) + zero.error**2
    return mag + zero.value, np.sqrt(np.maximum(variance, 0))


def zero_points(
    mag: np.ndarray,
    error: np.ndarray,
    known: Iterable[Mapping[int, float]],
    given: np.ndarray,
    parts: Iterable[np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Zero points of light curves: each known star's median over the frames of a filter has its magnitude.

    Parameters
    ----------
    mag, error : ndarray of float64, shape (frames, stars)
        Brightness against the comparison stars and its 1 sigma; NaN where not measured.
    known : iterable of dict of int to float
        For each frame the magnitudes known in its filter.
    given : ndarray of float64, shape (frames,)
        The zero points of frames without a known star.
    parts : iterable of ndarray of int64
        Rows of the frames of each filter.

    Returns
    -------
    value, error : ndarray of float64, shape (frames,)
        One for all frames of a filter.
    """
    known, value, sure = tuple(known), np.array(given, np.float64), np.zeros(len(mag))
    for rows in parts:
        stars = {star: magnitude for row in rows for star, magnitude in known[row].items()}
        middle, spread = np.full(mag.shape[1], np.nan), np.full(mag.shape[1], np.nan)
        for star in stars:
            seen = rows[np.isfinite(mag[rows, star])]
            if seen.size:
                middle[star] = np.median(mag[seen, star])
                spread[star] = np.sqrt(np.mean(error[seen, star] ** 2) * median_variance(seen.size))
        if np.isfinite(middle).any():
            zero = zero_point_of(middle, spread, stars, 0.0)
            value[rows], sure[rows] = zero.value, zero.error
    return value, sure
