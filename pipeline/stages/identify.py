"""Which row of a frame's table is which reference star, once the transform is known, and why the rest is not there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.frame import Reason, StarTable, Status

RECOVERABLE = (Reason.THRESHOLD, Reason.SHARPNESS, Reason.ROUNDNESS, Reason.SEPARATION, Reason.BRIGHTEST)
"""Rows that are light at a place where no new star would be looked for; at a known star's place they are that star."""

COLUMNS_OF = {
    "winpos": ("x_winpos", "y_winpos"),
    "dao": ("xcentroid", "ycentroid"),
    "com": ("x_com", "y_com"),
    "gauss": ("x_gauss", "y_gauss"),
}
_NEIGHBOURS = 12


def positions(table: StarTable, centroid: str) -> np.ndarray:
    """Positions of all rows, shape (n, 2), pixels.

    Where the kind of centroid that is asked for could not be measured it is the finder's own, and the peak's at last.
    """
    result = np.stack([table["x_peak"], table["y_peak"]], axis=1).astype(np.float64)
    for names in (COLUMNS_OF["dao"], COLUMNS_OF[centroid]):
        wanted = np.stack([table[name] for name in names], axis=1)
        result = np.where(np.isfinite(wanted).all(axis=1)[:, None], wanted, result)
    return result


def errors(table: StarTable) -> np.ndarray:
    """1 sigma of both coordinates of all rows, the median where it is not known; shape (n, 2), pixels."""
    known = np.stack([table["xcentroid_err"], table["ycentroid_err"]], axis=1).astype(np.float64)
    good = np.isfinite(known) & (known > 0)
    return np.where(good, known, np.median(known[good]) if good.any() else 0.1)


def width(table: StarTable) -> float:
    """Width of the frame's stars, pixels: measured where it was, else that of the filter that found them."""
    measured = table.metrics.get("fwhm", np.nan)
    return float(measured) if np.isfinite(measured) and measured > 0 else float(table.fwhm)


@dataclass(frozen=True, eq=False)
class Known:
    """The reference's stars, as every other frame looks for them.

    Parameters
    ----------
    position, error : ndarray of float64, shape (stars, 2)
        Pixels.
    flux, convolved : ndarray of float64, shape (stars,)
        ADU.
    hot : ndarray of bool, shape (stars,)
        Rows that are hot pixels.
    near : ndarray of int64, shape (stars, k)
        The nearest other stars of each.
    """

    position: np.ndarray
    error: np.ndarray
    flux: np.ndarray
    convolved: np.ndarray
    hot: np.ndarray
    near: np.ndarray


def known_stars(table: StarTable, centroid: str, hot: np.ndarray) -> Known:
    """The kept rows of the reference's table."""
    from scipy.spatial import cKDTree

    rows = table.kept
    position = positions(table, centroid)[rows]
    count = min(_NEIGHBOURS + 1, len(rows))
    near = cKDTree(position).query(position, k=count)[1].reshape(len(rows), count)[:, 1:]
    flux, convolved = (np.asarray(table[name], np.float64)[rows] for name in ("flux", "convolved"))
    return Known(position, errors(table)[rows], flux, convolved, hot, near)


@dataclass(frozen=True, eq=False)
class Identified:
    """What became of the reference's stars in one frame.

    Parameters
    ----------
    row : ndarray of int64, shape (stars,)
        Row of the frame's table, -1 where the star was not measured.
    status : ndarray of int8, shape (stars,)
        A Status for each.
    expected : int
        Stars that should be in the frame.
    """

    row: np.ndarray
    status: np.ndarray
    expected: int


@dataclass(frozen=True, eq=False)
class _Search:
    """One frame while its stars are being told apart."""

    known: Known
    table: StarTable
    place: np.ndarray
    position: np.ndarray
    error: np.ndarray
    field: np.ndarray
    radius: float
    proximity: float
    fwhm: float
    scatter: float
    row: np.ndarray
    status: np.ndarray


def identify(
    known: Known, table: StarTable, place: np.ndarray, scatter: float, *, proximity: float, centroid: str, recover: bool
) -> Identified:
    """Find the reference's stars in a frame, one row for one star.

    A star is first looked for among the frame's stars within half of the fwhm of its place (or five times the
    scatter about the transform, if that is more): two stars cannot lie nearer to each other and still be two. Then,
    within ``proximity``, a star of like brightness is taken where it is unlikely that another lies so near. Last, if
    wanted, among all rows that are no stars by themselves, within four of their errors.

    Parameters
    ----------
    known : Known
        The reference's stars.
    table : StarTable
        All rows of the frame.
    place : ndarray of float64, shape (stars, 2)
        Where the transform puts the stars, pixels.
    scatter : float
        Of the stars about the transform beyond their errors, pixels.
    proximity : float
        Farthest place in x and in y, pixels.
    centroid : str
        Kind of position.
    recover : bool
        Whether to look among rows that are no stars by themselves.

    Returns
    -------
    Identified
    """
    from pipeline.kernels.match import pairs_within
    from pipeline.kernels.register import STILL, inside

    fwhm = width(table)
    position = positions(table, centroid)
    live = np.ones(len(table), bool)
    live[pairs_within(position, known.position[known.hot], STILL)[0]] = False
    field = inside(place, table.shape) & ~known.hot
    radius = float(np.clip(max(1.0, 0.5 * fwhm, 5 * scatter), 0.0, proximity))
    search = _Search(
        known, table, place, position, errors(table), field, radius, proximity, fwhm, scatter,
        np.full(len(place), -1), np.full(len(place), -1, np.int8),
    )  # fmt: skip
    stars = np.flatnonzero((table.reason == Reason.STAR) & live)
    _take_near(search, stars)
    _take_wide(search, stars)
    if recover:
        _recover(search, np.flatnonzero(np.isin(table.reason, RECOVERABLE) & live))
    _explain(search)
    expected = int((inside(place, table.shape, fwhm) & ~known.hot).sum())
    return Identified(search.row, search.status, expected)


def _pairs(search: _Search, rows: np.ndarray, reach: float | np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of a star without row and a row without star within reach: star, row, distance."""
    from pipeline.kernels.match import pairs_within

    stars = np.flatnonzero(search.field & (search.row < 0) & (search.status < 0))
    rows = np.setdiff1d(rows, search.row[search.row >= 0], assume_unique=False)
    first, second = pairs_within(search.place[stars], search.position[rows], float(np.max(reach)))
    first, second = stars[first], rows[second]
    return first, second, np.hypot(*(search.position[second] - search.place[first]).T)


def _take(search: _Search, star: np.ndarray, row: np.ndarray, status: Status) -> None:
    search.row[star], search.status[star] = row, status


def _take_near(search: _Search, rows: np.ndarray) -> None:
    from pipeline.kernels.match import one_to_one

    star, row, distance = _pairs(search, rows, search.radius)
    near = distance <= search.radius
    star, row, distance = star[near], row[near], distance[near]
    chosen = one_to_one(star, row, distance)
    _take(search, star[chosen], row[chosen], Status.FOUND)
    # A star left without a row, while one that another star took lies as near: nobody can say whose light it is.
    owner, owned = np.full(len(search.table), -1), np.full(len(search.table), np.inf)
    owner[row[chosen]], owned[row[chosen]] = star[chosen], distance[chosen]
    contested = (search.row[star] < 0) & (distance <= 1.5 * owned[row] + search.scatter) & (owner[row] >= 0)
    for loser, winner in zip(star[contested], owner[row[contested]], strict=True):
        if np.hypot(*(search.place[loser] - search.place[winner])) < 1.5 * search.fwhm:
            search.status[loser] = Status.BLENDED
        else:
            search.row[winner] = -1
            search.status[[loser, winner]] = Status.AMBIGUOUS


def _take_wide(search: _Search, rows: np.ndarray) -> None:
    """Take stars that moved by themselves, where nothing else can be meant."""
    from pipeline.kernels.match import one_to_one

    star, row, distance = _pairs(search, rows, search.proximity)
    if len(star) == 0:
        return
    free = len(np.setdiff1d(rows, search.row[search.row >= 0]))
    rival = free / (search.table.shape[0] * search.table.shape[1]) * np.pi * distance**2
    expected = search.known.flux[star] * _transparency(search)[star]
    alike = np.abs(np.log(np.maximum(search.table["flux"][row], 1e-9) / np.maximum(expected, 1e-9))) < np.log(1.6)
    alone = (np.bincount(star, minlength=len(search.row))[star] == 1) & (
        np.bincount(row, minlength=len(search.table))[row] == 1
    )
    fits = alike & alone & (rival < 0.05)
    chosen = one_to_one(star[fits], row[fits], distance[fits])
    _take(search, star[fits][chosen], row[fits][chosen], Status.FOUND)
    claims = alike & ~alone & (rival < 0.05) & (np.bincount(row, minlength=len(search.table))[row] > 1)
    search.status[star[claims & (search.row[star] < 0)]] = Status.AMBIGUOUS


def _recover(search: _Search, rows: np.ndarray) -> None:
    from pipeline.kernels.match import one_to_one

    star, row, distance = _pairs(search, rows, search.radius)
    error = np.sqrt((search.error[row] ** 2 + search.known.error[star] ** 2).mean(axis=1) + search.scatter**2)
    expected = search.known.convolved[star] * _transparency(search)[star]
    fits = (distance <= np.minimum(search.radius, 4 * error)) & (
        search.table["convolved"][row] < 3 * expected + 3 * search.table.noise
    )
    star, row, distance = star[fits], row[fits], distance[fits]
    chosen = one_to_one(star, row, distance)
    _take(search, star[chosen], row[chosen], Status.RECOVERED)


def _ratio(search: _Search) -> np.ndarray:
    """Light here over light in the reference, NaN where not measured."""
    ratio = np.full(len(search.row), np.nan)
    star = np.flatnonzero((search.row >= 0) & (search.known.flux > 0))
    ratio[star] = search.table["flux"][search.row[star]] / search.known.flux[star]
    return ratio


def _transparency(search: _Search) -> np.ndarray:
    """The frame's light over the reference's, one number for all stars; 1 where nothing tells it."""
    ratio = _ratio(search)
    return np.full(len(ratio), np.nanmedian(ratio) if np.isfinite(ratio).any() else 1.0)


def _local_transparency(search: _Search) -> np.ndarray:
    """The same from each star's neighbours: a neighbour that is lost counts as dark, as behind a cloud."""
    local, lost = _transparency(search), np.flatnonzero(search.field & (search.row < 0))
    near = search.known.near[lost]
    ratio = np.where(search.field[near], np.nan_to_num(_ratio(search), nan=0.0)[near], np.nan)
    some = np.isfinite(ratio).any(axis=1)
    local[lost[some]] = np.nanmedian(ratio[some], axis=1) if some.any() else np.nan
    return local


def _explain(search: _Search) -> None:
    """Give every star without a row the reason for it; the first that fits."""
    from pipeline.kernels.register import inside

    lost = search.row < 0
    limit = max(search.table.floor, 0.0)
    reasons = [
        (search.known.hot, Status.HOT),
        (~inside(search.place, search.table.shape, search.fwhm), Status.OUTSIDE),
        (_left_out(search, Reason.BORDER), Status.OUTSIDE),
        (_left_out(search, Reason.SATURATED), Status.SATURATED),
        (_left_out(search, Reason.MASKED, Reason.HOT), Status.MASKED),
    ]
    reasons.append((_beside(search, search.row[~lost], 1.5 * search.fwhm), Status.BLENDED))
    expected = search.known.convolved * _local_transparency(search)
    threshold = max(limit, search.table.threshold * search.table.noise)
    reasons += [(expected < 1.5 * threshold, Status.FAINT), (lost, Status.MOVED)]
    for applies, status in reasons:
        search.status[lost & (search.status < 0) & applies] = status
    search.status[search.known.hot] = Status.HOT


def _left_out(search: _Search, *reasons: Reason) -> np.ndarray:
    """Stars whose place lies within one fwhm of a row that was left out for one of some reasons."""
    rows = np.flatnonzero(np.isin(search.table.reason, reasons))
    return _beside(search, rows, max(search.fwhm, search.radius))


def _beside(search: _Search, rows: np.ndarray, reach: float) -> np.ndarray:
    """Stars without a row whose place lies within ``reach`` of one of some rows."""
    from pipeline.kernels.match import pairs_within

    lost = np.flatnonzero(search.row < 0)
    first, second = pairs_within(search.place[lost], search.position[rows], reach)
    near = np.hypot(*(search.place[lost[first]] - search.position[rows[second]]).T) <= reach
    result = np.zeros(len(search.row), bool)
    result[lost[first[near]]] = True
    return result
