"""Brightness against an ensemble of comparison stars, some of which may be missing in some frames.

Each frame has a zero point of its own and each star a mean magnitude; both follow from the comparison stars by least
squares (Honeycutt 1992, PASP 104, 435). A comparison star is itself measured against the others, or its own scatter
would hide in the zero point.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

#: Rounds of frames and stars in turn; with few gaps one is enough.
ROUNDS = 30
SETTLED = 1e-9
#: Stars that are tried as comparison stars, and how many of them are taken; a star must be in this part of the frames.
TRIED, TAKEN, PRESENT = 60, 10, 0.8


def zero_points(mag: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Zero point of each frame and mean of each star.

    Parameters
    ----------
    mag : ndarray of float64, shape (frames, stars)
        Magnitudes of the comparison stars; NaN where missing.
    weight : ndarray of float64, shape (stars,)
        Weight of each star.

    Returns
    -------
    frame : ndarray of float64, shape (frames,)
        How much fainter the stars look than on average; NaN where no star is measured.
    star : ndarray of float64, shape (stars,)
        Magnitudes without the zero points.
    """
    seen = np.isfinite(mag)
    value, share = np.where(seen, mag, 0.0), seen * weight
    frame = np.zeros(len(mag))
    for _ in range(ROUNDS):
        star = _mean(value - frame[:, None], seen, axis=0)
        found = _mean(value - star, share, axis=1)
        found -= np.nanmean(found) if np.isfinite(found).any() else 0.0
        change = np.nanmax(np.abs(found - frame), initial=0.0)
        frame = np.nan_to_num(found)
        if change < SETTLED:
            break
    return np.where(seen.any(axis=1), frame, np.nan), star


def _mean(values: np.ndarray, weights: np.ndarray, axis: int) -> np.ndarray:
    total = np.sum(weights, axis=axis, dtype=np.float64)
    return np.sum(values * weights, axis=axis) / np.where(total > 0, total, np.nan)


def against(
    mag: np.ndarray, error: np.ndarray, comparison: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Every star against the comparison stars.

    Parameters
    ----------
    mag, error : ndarray of float64, shape (frames, stars)
        Instrumental magnitudes and their 1 sigma; NaN where missing.
    comparison : ndarray of int64, shape (m,)
        Columns of the comparison stars.
    weight : ndarray of float64, shape (m,)
        Their weights.

    Returns
    -------
    mag, error : ndarray of float64, shape (frames, stars)
        Magnitudes without the frames' zero points, the errors of which are added in quadrature.
    frame, frame_error : ndarray of float64, shape (frames,)
        The zero points.
    """
    of_frame, of_star = zero_points(mag[:, comparison], weight)
    share = np.isfinite(mag[:, comparison]) * weight
    total = share.sum(axis=1)
    noise = np.sum((share * np.nan_to_num(error[:, comparison])) ** 2, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        frame_error = np.sqrt(noise) / total
        relative, errors = mag - of_frame[:, None], np.hypot(error, frame_error[:, None])
        for k, column in enumerate(comparison):
            # The others' weighted mean follows from that of all by taking the star's own share out.
            own, rest = share[:, k], total - share[:, k]
            away = np.nan_to_num(mag[:, column] - of_star[k])
            others = np.where(rest > 0, (total * of_frame - own * away) / rest, np.nan)
            their_error = np.sqrt(np.maximum(noise - (own * np.nan_to_num(error[:, column])) ** 2, 0)) / rest
            relative[:, column] = mag[:, column] - others
            errors[:, column] = np.hypot(error[:, column], their_error)
    return relative, errors, of_frame, frame_error


def scatter(mag: np.ndarray, parts: Iterable[np.ndarray] | None = None) -> np.ndarray:
    """Standard deviation of each star over the frames; NaN where fewer than three have it.

    Parameters
    ----------
    mag : ndarray of float64, shape (frames, stars)
        Magnitudes; NaN where missing.
    parts : iterable of ndarray of int64, optional
        Rows of the frames of each filter: a star's mean is its own in each. All frames are of one when not given.
    """
    square, freedom = np.zeros(mag.shape[1]), np.zeros(mag.shape[1])
    for rows in [np.arange(len(mag))] if parts is None else parts:
        count = np.isfinite(mag[rows]).sum(axis=0)
        mean = np.nansum(mag[rows], axis=0) / np.maximum(count, 1)
        square += np.nansum((mag[rows] - mean) ** 2, axis=0)
        freedom += np.maximum(count - 1, 0)
    return np.where(freedom >= 2, np.sqrt(square / np.maximum(freedom, 1)), np.nan)


def weights(mag: np.ndarray, error: np.ndarray, comparison: np.ndarray) -> np.ndarray:
    """Weights of comparison stars: one over the square of their errors, or of their scatter where that is larger."""
    known = np.isfinite(error[:, comparison])
    of_noise = np.sqrt(np.nansum(error[:, comparison] ** 2, axis=0) / np.maximum(known.sum(axis=0), 1))
    weight = 1 / np.maximum(of_noise, 1e-6) ** 2
    relative, *_ = against(mag, error, comparison, weight)
    seen = np.nan_to_num(scatter(relative[:, comparison]))
    return 1 / np.maximum(np.maximum(of_noise, seen), 1e-6) ** 2


def within(
    mag: np.ndarray, error: np.ndarray, comparison: np.ndarray, parts: Iterable[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """:func:`against` with :func:`weights`, for the frames of each filter by themselves.

    Parameters
    ----------
    mag, error, comparison
        As of :func:`against`.
    parts : iterable of ndarray of int64
        Rows of the frames of each filter.
    """
    found = np.full(mag.shape, np.nan), np.full(mag.shape, np.nan), np.full(len(mag), np.nan), np.full(len(mag), np.nan)
    for rows in parts:
        one = against(mag[rows], error[rows], comparison, weights(mag[rows], error[rows], comparison))
        for whole, part in zip(found, one, strict=True):
            whole[rows] = part
    return found


def quiet_stars(
    mag: np.ndarray, error: np.ndarray, usable: np.ndarray, parts: Sequence[np.ndarray] | None = None
) -> np.ndarray:
    """The comparison stars that scatter least.

    Parameters
    ----------
    mag, error : ndarray of float64, shape (frames, stars)
        Instrumental magnitudes and their 1 sigma; NaN where missing.
    usable : ndarray of bool, shape (stars,)
        Stars without a fault.
    parts : sequence of ndarray of int64, optional
        Rows of the frames of each filter; all frames are of one when not given.

    Returns
    -------
    ndarray of int64, shape (m,)
        At most ten columns, in order: of the sixty with the least errors those that scatter least against each other,
        looked at again until they are the same.
    """
    parts = [np.arange(len(mag))] if parts is None else parts
    present = np.isfinite(mag).mean(axis=0)
    rows = np.flatnonzero(usable & (present >= min(PRESENT, np.max(present, initial=0.0))) & (present > 0))
    if rows.size == 0:
        return rows
    noise = np.nanmean(error[:, rows], axis=0)
    tried = np.sort(rows[np.argsort(noise, kind="stable")[:TRIED]])
    if len(mag) < len(parts) + 2 or tried.size < 2:
        return tried[:TAKEN]
    chosen = _least(tried, scatter(_about_middles(mag[:, tried], parts), parts))
    for _ in range(10):
        relative, *_ = within(mag, error, chosen, parts)
        found = _least(tried, scatter(relative[:, tried], parts))
        if np.array_equal(found, chosen):
            break
        chosen = found
    return chosen


def _about_middles(mag: np.ndarray, parts: Iterable[np.ndarray]) -> np.ndarray:
    """Magnitudes about the middle of all stars: before any is known to be quiet, that is the best zero point."""
    away = mag.copy()
    for rows in parts:
        away[rows] -= _middles(mag[rows].T)
        away[rows] -= _middles(away[rows])[:, None]
    return away


def _middles(values: np.ndarray) -> np.ndarray:
    """Median of each row over what it has; 0 for a row of nothing."""
    return np.array([np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else 0.0 for row in values])


def _least(columns: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """The columns of least scatter, in order."""
    return np.sort(columns[np.argsort(np.nan_to_num(spread, nan=np.inf), kind="stable")[:TAKEN]])
