"""Why a reference star was not measured in a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.tables import Reason, Status

if TYPE_CHECKING:
    from pipeline.stages.identify import Search

#: A star that moved by itself is looked for up to so many times ``proximity`` from its place.
WANDER = 10
#: Rows that are light, and no star for its shape alone.
SHAPELESS = (Reason.SHARPNESS, Reason.ROUNDNESS)


def explain(search: Search) -> None:
    """Give every star without a row the first reason that fits.

    In this order: it is a hot pixel, or a second peak of another star; its place lies outside, or in the border
    that is left out; a row there was left out as saturated or masked, or no pixel there has a value; the star
    stands within 1.5 fwhm of one that was measured, or of light without a star's shape in which another star is lost
    too; two stars claim the same light; it would be too faint, by its
    brightness and what is left of its neighbours' light; light like its own stands elsewhere, so it moved; light of
    its brightness stands at its place that has not the shape of one star, so it has melted into another's. A star
    that simply is not there has faded.

    Parameters
    ----------
    search : Search
        The frame with all rows that could be given; ``status`` is filled in place.
    """
    from pipeline.kernels.register import inside

    lost = search.row < 0
    search.status[search.known.hot] = Status.HOT
    search.status[search.known.twin] = Status.BLENDED
    reasons = [
        (~inside(search.place, search.table.shape, search.fwhm), Status.OUTSIDE),
        (_beside_left_out(search, Reason.BORDER), Status.OUTSIDE),
        (_beside_left_out(search, Reason.SATURATED), Status.SATURATED),
        (_beside_left_out(search, Reason.MASKED, Reason.HOT) | _masked(search), Status.MASKED),
        (_beside(search, search.row[~lost], 1.5 * search.fwhm) | _melted(search), Status.BLENDED),
        (_claimed_twice(search), Status.AMBIGUOUS),
        (_too_faint(search), Status.FAINT),
        (_elsewhere(search), Status.MOVED),
        (_misshapen(search), Status.BLENDED),
        (lost, Status.FAINT),
    ]
    for applies, status in reasons:
        search.status[lost & (search.status < 0) & applies] = status


def _beside(search: Search, rows: np.ndarray, reach: float) -> np.ndarray:
    """Stars without a row whose place lies within ``reach`` of one of some rows."""
    from pipeline.kernels.match import pairs_within

    lost = np.flatnonzero(search.row < 0)
    first, second = pairs_within(search.place[lost], search.position[rows], reach)
    near = np.hypot(*(search.place[lost[first]] - search.position[rows[second]]).T) <= reach
    result = np.zeros(len(search.row), bool)
    result[lost[first[near]]] = True
    return result


def _melted(search: Search) -> np.ndarray:
    """Stars without a row of which two or more lie within one fwhm of the same row that has no star's shape."""
    from pipeline.kernels.match import pairs_within

    lost = np.flatnonzero(search.row < 0)
    rows = np.flatnonzero(np.isin(search.table.reason, SHAPELESS))
    first, second = pairs_within(search.place[lost], search.position[rows], search.fwhm)
    near = np.hypot(*(search.place[lost[first]] - search.position[rows[second]]).T) <= search.fwhm
    sharing = np.bincount(second[near], minlength=len(rows)) > 1
    result = np.zeros(len(search.row), bool)
    result[lost[first[near & sharing[second]]]] = True
    return result


def _misshapen(search: Search) -> np.ndarray:
    """Stars without a row at whose place, within 1.5 fwhm, is light without a star's shape and bright enough for it."""
    from pipeline.kernels.match import pairs_within

    lost, heights = np.flatnonzero(search.row < 0), search.height_ratio()
    expected = search.known.convolved * (np.nanmedian(heights) if np.isfinite(heights).any() else 1.0)
    rows = np.flatnonzero(np.isin(search.table.reason, SHAPELESS))
    first, second = pairs_within(search.place[lost], search.position[rows], 1.5 * search.fwhm)
    star, row = lost[first], rows[second]
    near = np.hypot(*(search.place[star] - search.position[row]).T) <= 1.5 * search.fwhm
    result = np.zeros(len(search.row), bool)
    result[star[near & (search.table["convolved"][row] > expected[star] / 3)]] = True
    return result


def _beside_left_out(search: Search, *reasons: Reason) -> np.ndarray:
    """Stars whose place lies within one fwhm of a row that was left out for one of some reasons."""
    rows = np.flatnonzero(np.isin(search.table.reason, reasons))
    return _beside(search, rows, max(search.fwhm, search.radius))


def _masked(search: Search) -> np.ndarray:
    """Stars whose place has no pixels, or whose light was cut by such."""
    touched = np.asarray(search.table["masked"]) > 0
    touched[search.row[search.row >= 0]] = False
    result = _beside(search, np.flatnonzero(touched), max(search.fwhm, search.radius))
    blind = search.table.blind
    if blind is None:
        return result
    rows, columns = search.table.shape
    x = np.clip(np.rint(np.nan_to_num(search.place[:, 0])), 0, columns - 1).astype(np.int64)
    y = np.clip(np.rint(np.nan_to_num(search.place[:, 1])), 0, rows - 1).astype(np.int64)
    return result | blind[y * blind.shape[0] // rows, x * blind.shape[1] // columns]


def _claimed_twice(search: Search) -> np.ndarray:
    """Stars without a row that have the same light, which nobody took, within ``proximity``."""
    from pipeline.kernels.match import pairs_within
    from pipeline.stages.identify import UNLIKELY, rivals

    lost, free = np.flatnonzero(search.field & (search.row < 0)), search.free
    first, second = pairs_within(search.place[lost], search.position[free], search.proximity)
    star, row = lost[first], free[second]
    near = rivals(search, np.hypot(*(search.place[star] - search.position[row]).T)) < 5 * UNLIKELY
    light = search.table["flux"][row] / np.maximum(search.known.flux[star] * search.transparency(), 1e-9)
    near &= (light > 1 / 3) & (light < 3)
    claims = np.bincount(row[near], minlength=len(search.table))
    result = np.zeros(len(search.row), bool)
    result[star[near & (claims[row] > 1)]] = True
    return result


def _too_faint(search: Search) -> np.ndarray:
    """Stars whose light would not reach the threshold here: a neighbour that is lost counts as dark, as in a cloud."""
    ratio = search.height_ratio()
    local = np.full(len(search.row), np.nanmedian(ratio) if np.isfinite(ratio).any() else 1.0)
    lost = np.flatnonzero(search.field & (search.row < 0))
    near = search.known.neighbours(lost)
    around = np.where(search.field[near], np.nan_to_num(ratio, nan=0.0)[near], np.nan)
    some = np.isfinite(around).any(axis=1)
    if some.any():
        local[lost[some]] = np.nanmedian(around[some], axis=1)
    threshold = max(search.table.floor, search.table.threshold * search.table.noise)
    return search.known.convolved * local < 1.5 * threshold


def _elsewhere(search: Search) -> np.ndarray:
    """Stars of whose brightness there is one that nobody took, not far off, that has not just come into the field."""
    from pipeline.kernels.match import pairs_within
    from pipeline.kernels.polynomial import inverse_apply
    from pipeline.kernels.register import inside

    lost, free = np.flatnonzero(search.field & (search.row < 0)), search.free
    home = np.stack(inverse_apply(search.transform, *search.position[free].T, search.table.shape), axis=1)
    free = free[inside(home, search.table.shape, search.fwhm)]
    first, second = pairs_within(search.place[lost], search.position[free], WANDER * search.proximity)
    star, row = lost[first], free[second]
    light = search.table["flux"][row] / np.maximum(search.known.flux[star] * search.transparency(), 1e-9)
    result = np.zeros(len(search.row), bool)
    result[star[(light > 0.5) & (light < 2)]] = True
    return result
