"""Errors of positions that grow where the stars scatter about the field, from frame to frame, more than they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pipeline.stages.ledger import Ledger

#: A star whose own scatter through the frames, or place in the reference, has a smaller chance than this has larger
#: errors than others; scatter tells it where the star is in so many frames besides the reference.
UNLIKELY, LEAST_FRAMES = 1e-5, 3
#: Squares of two offsets against one reference, where all errors are alike, have this correlation.
ONE_REFERENCE = 0.25


def grow_errors(ledger: Ledger) -> None:
    """Let the errors of all positions grow to what their scatter about the frames' transforms bears out, in place.

    Parameters
    ----------
    ledger : Ledger
        All positions, errors and transforms. An offset against the reference has both stars' errors: of what the frames
        show beyond them half of the lower quartile is the reference's, the rest each frame's.

    Notes
    -----
    docs/method.md, Tracks: parts of several kinds for each frame, then for all together
    (:mod:`pipeline.kernels.scatter`), then one factor for each star that scatters by itself. No error shrinks.
    """
    frames = [frame for frame in ledger.numbers if ledger.used[frame] and frame != ledger.reference]
    if not frames:
        return
    from pipeline.kernels.polynomial import normalized, terms
    from pipeline.kernels.scatter import FINEST

    at = ledger.x[ledger.reference], ledger.y[ledger.reference]
    design = terms(*normalized(*at, ledger.tables[ledger.reference].shape), FINEST)
    residual = _residuals(ledger, frames, design)
    errors = np.stack([ledger.x_error, ledger.y_error])
    claimed, of_reference = errors[:, frames] ** 2, errors[:, [ledger.reference]] ** 2
    squared, missed = _squares(ledger, frames, design, residual, claimed + of_reference)
    more = _beyond(squared, missed, claimed + of_reference, _photons(ledger))
    if more.any():
        seen = np.isfinite(residual)
        known = seen.any(axis=1, keepdims=True)
        own = np.nanpercentile(np.where(seen | ~known, more, np.nan), 25, axis=1, keepdims=True) / 2
        claimed, of_reference = claimed + np.maximum(more - own, 0.0), of_reference + own
    of_frames, of_place = _of_stars(residual, claimed, of_reference[:, 0], missed)
    errors[:, frames] = np.sqrt(claimed * of_frames)
    errors[:, [ledger.reference]] = np.sqrt(of_reference * np.maximum(of_frames, of_place))
    ledger.x_error, ledger.y_error = errors


def _residuals(ledger: Ledger, frames: list[int], design: np.ndarray) -> np.ndarray:
    """Positions less where the transforms put them, shape (2, frames, stars); NaN where not measured."""
    result = np.stack([ledger.x[frames], ledger.y[frames]])
    for i, frame in enumerate(frames):
        transform = ledger.transforms[frame]
        result[:, i] -= transform @ design[:, : transform.shape[1]].T
    return result


def _beyond(squared: np.ndarray, missed: np.ndarray, claimed: np.ndarray, photons: np.ndarray) -> np.ndarray:
    """Variance that residuals show beyond what is claimed for both stars, shape (2, frames, stars)."""
    from pipeline.kernels.scatter import growth

    kinds = np.stack(np.broadcast_arrays(claimed, photons, 1.0), axis=-1)
    number, grown = claimed.shape[1], 0
    places = [(axis, frame) for axis in range(2) for frame in range(number)]
    for rows in (*places, ...):
        alike = 1.0
        if rows is ...:
            # What most frames show by themselves is there in the others too.
            alike = 0.0 if grown > number else 1 + ONE_REFERENCE * (number - 1)
        told = np.isfinite(squared[rows])
        parts = growth(squared[rows][told], missed[rows][told], kinds[rows][told], alike)
        if parts is not None:
            grown += 1
            kinds[rows][..., 0] = np.fmax(kinds[rows] @ parts, kinds[rows][..., 0])
    return np.nan_to_num(kinds[..., 0] - claimed)


def _squares(
    ledger: Ledger, frames: list[int], design: np.ndarray, residual: np.ndarray, claimed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Squared residuals of some clean stars, NaN elsewhere, and the variance of what is no star's.

    The field may bend more than a transform: ``residual`` loses what a finer surface finds in it, in place, and all
    where the stars are too few to tell.
    """
    from pipeline.kernels.polynomial import order_of
    from pipeline.kernels.scatter import ENOUGH, about_surface, bearable, neighbouring, shared

    clean = ~(ledger.saturated | ledger.blended)
    clean = clean[frames] & clean[ledger.reference] & np.isfinite(residual).all(axis=0)
    squared, missed = np.full_like(residual, np.nan), np.zeros_like(residual)
    sample = np.flatnonzero(clean.any(axis=0))
    sample = sample[:: max(1, len(sample) // ENOUGH)]
    pairs = neighbouring(np.stack([ledger.x, ledger.y], axis=-1)[ledger.reference, sample])
    for i, frame in enumerate(frames):
        told = clean[i, sample]
        stars = sample[told]
        near = (np.cumsum(told) - 1)[pairs[told[pairs].all(axis=1)]]
        least = 0 if ledger.free[frame] == 1 else order_of(ledger.transforms[frame].shape[1])
        number = bearable(design[stars], least)
        for axis in range(2):
            variance = claimed[axis, i, stars]
            found = None
            if number is not None:
                found = about_surface(design[stars, :number], residual[axis, i, stars], variance)
            if found is None:
                residual[axis, i] = np.nan
                continue
            coefficients, covariance, squared[axis, i, stars], unsure = found
            surface = design[:, :number]
            residual[axis, i] -= surface @ coefficients
            missed[axis, i] = ((surface @ covariance) * surface).sum(axis=1)
            missed[axis, i, stars] = unsure
            missed[axis, i] += shared(residual[axis, i, stars], variance, near)
    return squared, missed


def _photons(ledger: Ledger) -> np.ndarray:
    """What the variance that a star's own photons bring to its place goes with, shape (stars,): one over its light."""
    table = ledger.tables[ledger.reference]
    light = np.fmax(table["flux"][table.kept], table["convolved"][table.kept])
    return np.median(light) / light


def _of_stars(
    residual: np.ndarray, variance: np.ndarray, of_reference: np.ndarray, missed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Factors on single stars' variances, shape (stars,), 1 for most.

    The first is what its own scatter through the frames asks for; the second, of its variance in the reference alone,
    what its mean distance from its place does, ``missed`` being the variance of the places themselves.
    """
    from scipy.special import gammaincc

    known = np.isfinite(residual + variance).all(axis=0)
    weight = np.where(known, 1 / np.where(known, variance + missed, 1.0), 0.0)
    values = np.where(known, residual, 0.0)
    total = np.maximum(weight.sum(axis=1), np.finfo(np.float64).tiny)
    mean = (weight * values).sum(axis=1) / total
    square = (weight * (values - mean[:, None]) ** 2).sum(axis=(0, 1))
    number = known.sum(axis=0)
    free = np.maximum(2 * (number - 1), 1)
    odd = (number >= LEAST_FRAMES) & (gammaincc(free / 2, square / 2) < UNLIKELY)
    of_frames = np.where(odd, square / free, 1.0)
    usual = np.median(missed, axis=1)
    off = (mean**2 / (of_reference + of_frames / total + usual)).sum(axis=0)
    astray = (number > 0) & (np.exp(-off / 2) < UNLIKELY)
    return of_frames, np.where(astray, off / 2, 1.0)
