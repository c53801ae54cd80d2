"""Which row of a frame's table is which reference star, once the transform is known, and why the rest is not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.tables import Reason, StarTable, Status

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

#: Rows that are light at a place where no new star would be looked for; at a known star's place they are that star.
RECOVERABLE = (Reason.THRESHOLD, Reason.SHARPNESS, Reason.ROUNDNESS, Reason.SEPARATION, Reason.BRIGHTEST)

COLUMNS_OF = {
    "winpos": ("x_winpos", "y_winpos"),
    "dao": ("xcentroid", "ycentroid"),
    "com": ("x_com", "y_com"),
    "gauss": ("x_gauss", "y_gauss"),
}
#: A star off its place is taken where fewer others than this would lie so near by chance.
UNLIKELY = 0.01
#: Two rows whose centres are nearer than this part of the fwhm are one star, whatever peaks they were found at.
TWIN = 0.3
#: Stars about a star that are known as its neighbours.
_NEIGHBOURS = 12


def positions(table: StarTable, centroid: str) -> np.ndarray:
    """Positions of all rows, shape (n, 2), pixels.

    Where the kind of centroid that is asked for could not be measured it is the finder's own, and the peak's at last.
    """
    x, y = (np.array(table[name], np.float64) for name in COLUMNS_OF[centroid])
    for names in (COLUMNS_OF["dao"], ("x_peak", "y_peak")):
        bad = ~(np.isfinite(x) & np.isfinite(y))
        if bad.any():
            x[bad], y[bad] = (table[name][bad] for name in names)
    return np.stack([x, y], axis=1)


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
    hot, twin : ndarray of bool, shape (stars,)
        Rows that are hot pixels, and rows that are another peak of a star that has one already.
    tree : cKDTree
        Of the positions.
    """

    position: np.ndarray
    error: np.ndarray
    flux: np.ndarray
    convolved: np.ndarray
    hot: np.ndarray
    twin: np.ndarray
    tree: cKDTree

    def neighbours(self, stars: np.ndarray) -> np.ndarray:
        """The nearest other stars of some, shape (n, k)."""
        count = min(_NEIGHBOURS + 1, len(self.position))
        return self.tree.query(self.position[stars], k=count)[1].reshape(len(stars), count)[:, 1:]


def known_stars(table: StarTable, centroid: str, hot: np.ndarray) -> Known:
    """The kept rows of the reference's table."""
    from scipy.spatial import cKDTree

    rows = table.kept
    position = positions(table, centroid)[rows]
    flux, convolved = (np.asarray(table[name], np.float64)[rows] for name in ("flux", "convolved"))
    twin = twins(position, convolved, TWIN * width(table)) & ~hot
    return Known(position, errors(table)[rows], flux, convolved, hot, twin, cKDTree(position))


def twins(position: np.ndarray, height: np.ndarray, reach: float) -> np.ndarray:
    """Which positions have a higher one (of equals, an earlier one) within reach; shape (n,)."""
    from pipeline.kernels.match import pairs_within

    first, second = pairs_within(position, position, reach)
    lower = (height[first] < height[second]) | ((height[first] == height[second]) & (first > second))
    near = lower & (np.hypot(*(position[first] - position[second]).T) < reach)
    return np.bincount(first[near], minlength=len(position)) > 0


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
class Search:
    """One frame while its stars are being told apart; ``row`` and ``status`` fill, -1 where nothing is known yet."""

    known: Known
    table: StarTable
    transform: np.ndarray
    place: np.ndarray
    position: np.ndarray
    error: np.ndarray
    field: np.ndarray
    radius: float
    proximity: float
    fwhm: float
    scatter: float
    stars: np.ndarray
    row: np.ndarray
    status: np.ndarray

    @property
    def free(self) -> np.ndarray:
        """Rows of the frame's stars that no reference star has taken."""
        taken = np.zeros(len(self.table), bool)
        taken[self.row[self.row >= 0]] = True
        return self.stars[~taken[self.stars]]

    def ratio(self) -> np.ndarray:
        """Light here over light in the reference, NaN where not measured; shape (stars,)."""
        return self._over("flux", self.known.flux)

    def height_ratio(self) -> np.ndarray:
        """Height here over height in the reference, less where the focus drifts too; NaN where not measured."""
        return self._over("convolved", self.known.convolved)

    def _over(self, name: str, there: np.ndarray) -> np.ndarray:
        ratio = np.full(len(self.row), np.nan)
        star = np.flatnonzero((self.row >= 0) & (there > 0))
        ratio[star] = self.table[name][self.row[star]] / there[star]
        return ratio

    def transparency(self) -> float:
        """The frame's light over the reference's; 1 where nothing tells it."""
        ratio = self.ratio()
        return float(np.nanmedian(ratio)) if np.isfinite(ratio).any() else 1.0


def identify(
    known: Known,
    table: StarTable,
    transform: np.ndarray,
    scatter: float,
    *,
    proximity: float,
    centroid: str,
    recover: bool,
) -> Identified:
    """Find the reference's stars in a frame, one row for one star.

    A star is first looked for among the frame's stars within half of the fwhm of its place (or five times the
    scatter about the transform, if that is more, and up to one fwhm where its errors are that large): two stars cannot
    lie nearer to each other and still be two. Then, within ``proximity``, a star of like brightness is taken where it
    is unlikely that another lies so near. Last, if wanted, among all rows that are no stars by themselves, within four
    of their errors, or somewhat farther where it is bright and as bright as the star.

    Parameters
    ----------
    known : Known
        The reference's stars.
    table : StarTable
        All rows of the frame.
    transform : ndarray of float64, shape (2, terms)
        From the reference to this frame.
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
    from pipeline.kernels.register import STILL, inside, moved
    from pipeline.stages.lost import explain

    fwhm, place = width(table), moved(transform, known.position, table.shape)
    position = positions(table, centroid)
    live = np.ones(len(table), bool)
    live[pairs_within(position, known.position[known.hot], STILL)[0]] = False
    followed = ~(known.hot | known.twin)
    field = inside(place, table.shape) & followed
    radius = float(np.clip(max(1.0, 0.5 * fwhm, 5 * scatter), 0.0, proximity))
    search = Search(
        known, table, transform, place, position, errors(table), field, radius, proximity, fwhm, scatter,
        np.flatnonzero((table.reason == Reason.STAR) & live), np.full(len(place), -1), np.full(len(place), -1, np.int8),
    )  # fmt: skip
    _take_near(search)
    _take_wide(search)
    if recover:
        _recover(search, np.flatnonzero(np.isin(table.reason, RECOVERABLE) & live))
    _release_blends(search)
    explain(search)
    expected = int((inside(place, table.shape, fwhm) & followed).sum())
    return Identified(search.row, search.status, expected)


def _pairs(search: Search, rows: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of a star without row and one of some rows within reach: star, row, distance."""
    from pipeline.kernels.match import pairs_within

    stars = np.flatnonzero(search.field & (search.row < 0))
    first, second = pairs_within(search.place[stars], search.position[rows], reach)
    first, second = stars[first], rows[second]
    return first, second, np.hypot(*(search.position[second] - search.place[first]).T)


def _error(search: Search, star: np.ndarray, row: np.ndarray) -> np.ndarray:
    """1 sigma of a coordinate of the distance between a star's place and a row, pixels."""
    errors = search.known.error[star] ** 2 + search.error[row] ** 2
    return np.sqrt(errors.mean(axis=1) + search.scatter**2)


def _take_near(search: Search) -> None:
    """Take the frame's stars that stand where reference stars should."""
    from pipeline.kernels.match import one_to_one

    widest = min(max(search.radius, search.fwhm), search.proximity)
    star, row, distance = _pairs(search, search.stars, widest)
    near = distance <= np.clip(4 * _error(search, star, row), search.radius, widest)
    star, row, distance = star[near], row[near], distance[near]
    chosen = one_to_one(star, row, distance)
    search.row[star[chosen]], search.status[star[chosen]] = row[chosen], Status.FOUND
    _release_contested(search, star, row, distance)


def _release_contested(search: Search, star: np.ndarray, row: np.ndarray, distance: np.ndarray) -> None:
    """Give up a row that is as near to a star without one: nobody can say whose light it is."""
    owner, owned = np.full(len(search.table), -1), np.full(len(search.table), np.inf)
    has = search.row[star] == row
    owner[row[has]], owned[row[has]] = star[has], distance[has]
    contested = (search.row[star] < 0) & (owner[row] >= 0) & (distance <= 1.5 * owned[row] + search.scatter)
    loser, winner = star[contested], owner[row[contested]]
    # Two stars within a fwhm of each other are a blend, which is another matter.
    apart = np.hypot(*(search.place[loser] - search.place[winner]).T) >= 1.5 * search.fwhm
    search.row[winner[apart]] = -1
    search.status[winner[apart]] = search.status[loser[apart]] = Status.AMBIGUOUS


def _release_blends(search: Search) -> None:
    """Give up a row in which the light of another star, too near to be seen apart, moves the centre."""
    from pipeline.kernels.match import pairs_within

    loser, winner = pairs_within(search.place, search.place, search.fwhm)
    merged = (search.row[loser] < 0) & (search.row[winner] >= 0) & search.field[loser]
    loser, winner = loser[merged], winner[merged]
    gap = np.hypot(*(search.place[loser] - search.place[winner]).T)
    flux = np.maximum(search.known.flux, 0.0)
    pull = gap * flux[loser] / np.maximum(flux[loser] + flux[winner], 1e-9)
    strong = pull > 0.15 * search.fwhm
    search.row[winner[strong]] = -1
    search.status[winner[strong]] = search.status[loser[strong]] = Status.BLENDED


def _take_wide(search: Search) -> None:
    """Take stars that moved by themselves, where nothing else can be meant."""
    star, row, distance = _pairs(search, search.free, search.proximity)
    untold = search.status[star] < 0
    star, row, distance = star[untold], row[untold], distance[untold]
    ratio = search.table["flux"][row] / np.maximum(search.known.flux[star] * search.transparency(), 1e-9)
    alike = (ratio > 1 / 1.6) & (ratio < 1.6)
    alone = (np.bincount(star, minlength=len(search.row))[star] == 1) & (
        np.bincount(row, minlength=len(search.table))[row] == 1
    )
    fits = alike & alone & (rivals(search, distance) < UNLIKELY)
    search.row[star[fits]], search.status[star[fits]] = row[fits], Status.FOUND


def rivals(search: Search, distance: np.ndarray) -> np.ndarray:
    """How many of the rows that nobody took would lie within a distance by chance."""
    rows, columns = search.table.shape
    return len(search.free) / (rows * columns) * np.pi * distance**2


def _recover(search: Search, rows: np.ndarray) -> None:
    """Take light that is no star by itself, but stands where one is known."""
    from pipeline.kernels.match import one_to_one

    star, row, distance = _pairs(search, rows, search.radius)
    error = _error(search, star, row)
    heights = search.height_ratio()
    expected = search.known.convolved[star] * (np.nanmedian(heights) if np.isfinite(heights).any() else 1.0)
    # Light that is as bright as the star should be, and far above the noise, is hardly there by chance.
    sure = np.abs(np.log2(search.table["convolved"][row] / np.maximum(expected, 1e-9))) < 1
    sure &= search.table["convolved"][row] > 2 * search.table.threshold * search.table.noise
    fits = (
        (search.status[star] < 0)
        & (distance <= np.where(sure, search.radius / 2, np.minimum(search.radius, 4 * error)))
        & (search.table["convolved"][row] < 3 * expected + 3 * search.table.noise)
    )
    star, row, distance = star[fits], row[fits], distance[fits]
    chosen = one_to_one(star, row, distance)
    search.row[star[chosen]], search.status[star[chosen]] = row[chosen], Status.RECOVERED
