"""Every local peak of a frame with all its measures, whether it is a star or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from pipeline.frame import SIGMA_TO_FWHM, FrameError, Normalized, readonly
from pipeline.knob import Knob
from pipeline.stage import stage
from pipeline.stages.noise_model import photon_noise_of_stars, pixel_noise
from pipeline.tables import COLUMNS, Reason, StarTable

if TYPE_CHECKING:
    from pipeline.kernels.convolve import Filter

MOST = 60_000
#: How far from a candidate a higher pixel is looked for, pixels: the largest ``stars.separation``.
CLEARANCE = 50
#: Stars with no higher peak within so many of their widths tell the noise of their photons.
APART = 4.0
#: No centre is surer than this part of the star's sigma over its height in the noise: lonely stars have 0.35 to 0.6 of
#: it; less is claimed only where a bright neighbour's light is taken for the star's.
SUREST = 0.33
#: Stars so many times as wide as the reference's are out of focus; their width is looked at where the bright peaks,
#: which the narrow filter makes narrower than they are, seem this much wider than it, and counts if so many agree.
DEFOCUS, SEEM_WIDER, AGREEING = 1.15, 1.05, 5
WHOLE_NUMBERS = ("npix", "neighbours", "saturated", "masked", "x_peak", "y_peak")


def seeing(normalize: Normalized, *, fwhm: float | None, **knobs: Any) -> dict[str, float]:
    """Width of the frame's stars, for the knobs that are left at auto.

    Parameters
    ----------
    normalize : Normalized
        The reference frame.
    fwhm : float or None
        The knob; a number is left as it is.
    knobs
        The stage's other knobs, which play no part.

    Returns
    -------
    dict
        ``fwhm``, rounded to 0.1 px, on a mosaic at least 3 px, and wider where that serves stars of all colours;
        ``defocus``. Empty where the width is given, which then is that of all frames.

    Raises
    ------
    FrameError
        Where no star is found.
    """
    if fwhm is not None:
        return {}
    from pipeline.kernels.filter_width import serving
    from pipeline.kernels.seeing import star_width

    width = star_width(normalize.image, np.sort(normalize.full), normalize.pattern)
    if width is None:
        raise FrameError(
            normalize.file or "frame",
            "no star bright enough to tell the stars' width",
            "set candidates.fwhm to the width in pixels, or take another reference frame",
        )
    return {"fwhm": serving(width, normalize.pattern), "defocus": DEFOCUS}


@stage(version=11, auto=seeing)
def candidates(
    normalize: Normalized,
    *,
    method: Annotated[
        Literal["dao", "peaks", "sep"],
        Knob("dao: peaks of the filtered image; peaks: highest of 3 x 3 pixels; sep: pixels that hang together"),
    ] = "dao",
    fwhm: Annotated[
        float | None, Knob("width of a star at half of its height", "px", low=1, high=30, step=0.1, none="auto")
    ] = None,
    ratio: Annotated[float, Knob("minor over major axis of the filter", low=0.1, high=1, step=0.05)] = 1.0,
    theta: Annotated[float, Knob("the filter's major axis from x toward y", "deg", low=-180, high=180, step=5)] = 0.0,
    neighbours: Annotated[
        int, Knob("neighbours that must be bright too; peaks only", "of 8", low=0, high=8, step=1)
    ] = 4,
    neighbour_level: Annotated[
        float, Knob("what counts as bright, as a part of the peak; peaks only", low=0, high=1, step=0.05)
    ] = 0.5,
    min_area: Annotated[int, Knob("pixels above the floor; sep only", "px", low=1, high=1000, step=1)] = 5,
    floor: Annotated[
        float, Knob("candidates are higher than this in the filtered image", "sigma", low=0.5, high=200, step=0.5)
    ] = 4.0,
    defocus: Annotated[
        float | None,
        Knob(
            "stars so many times as wide as fwhm are found with their own width", low=1, high=100, step=0.1, none="auto"
        ),
    ] = None,
) -> StarTable:
    """Find every local peak and measure it, so that choosing stars costs nothing.

    Parameters
    ----------
    normalize : Normalized
        The frame without sky.
    method, fwhm, ratio, theta, neighbours, neighbour_level, min_area, floor, defocus
        Knobs. ``sep`` searches large frames in a process of its own, as it holds the interpreter's lock. ``fwhm`` auto
        is the reference's width; a frame out of focus then has its own, beyond ``defocus``, as the narrow filter would
        lose most of its stars. A ``fwhm`` that is given is that of all frames, unless ``defocus`` is given too.

    Returns
    -------
    StarTable
        All candidates above the floor, at most the 60,000 highest (``floor`` then says how high the lowest is), with
        every column of COLUMNS; reason 0, but for NEIGHBOURS with the method peaks.

    Raises
    ------
    FrameError
        Where the width is left at auto and there is no star.

    Notes
    -----
    dao is DAOFIND (Stetson 1987, PASP 99, 191) as in photutils; sep is Source Extractor (Bertin and Arnouts 1996,
    A&AS 117, 393).
    """
    if fwhm is None:
        fwhm = seeing(normalize, fwhm=None)["fwhm"]
    options = (method, ratio, theta, neighbours, neighbour_level, min_area, floor)
    table = _search(normalize, fwhm, *options)
    own = None if defocus is None else _own_width(normalize, table, defocus)
    if own is None:
        return table
    from pipeline.kernels.filter_width import as_deep

    return _search(normalize, as_deep(own, fwhm), *options, star=own)


def _search(
    normalize: Normalized,
    fwhm: float,
    method: str,
    ratio: float,
    theta: float,
    neighbours: int,
    neighbour_level: float,
    min_area: int,
    floor: float,
    star: float | None = None,
) -> StarTable:
    """Every candidate that a filter of some width finds; ``star`` is that of the stars where it is another."""
    from pipeline.kernels.convolve import convolve, daofind_filter
    from pipeline.kernels.hollows import auto_threshold
    from pipeline.kernels.noise import at_pixels, uneven_noise

    kernel = daofind_filter(fwhm, ratio, theta)
    convolved = convolve(normalize.image, kernel.weights)
    noise = _convolved_noise(convolved, normalize, kernel)
    find = {"dao": _find_dao, "peaks": _find_peaks, "sep": _find_sep}[method]
    found = find(normalize.image, convolved, kernel, floor * noise, noise, min_area)
    capped = found.index.size > MOST
    if capped:
        found = found.highest(MOST)
    uneven = uneven_noise(normalize.image)
    louder = at_pixels(uneven, found.index, normalize.image.shape[1])
    columns = _columns(normalize, convolved, kernel, star or fwhm, found, neighbour_level, noise, louder)
    reason = np.zeros(found.index.size, np.int8)
    if method == "peaks":
        reason[columns["neighbours"] < neighbours] = Reason.NEIGHBOURS
    metrics = {
        "background": normalize.background.level() if normalize.background is not None else 0.0,
        "noise": float(normalize.noise),
        "saturated": float(normalize.full.size),
        "auto_threshold": auto_threshold(normalize.image, convolved, columns, noise, kernel, uneven),
        "capped": float(capped),
        "filter_ratio": ratio,
    }
    lowest = float(found.height.min()) if capped else floor * noise
    return StarTable(
        columns={name: readonly(values) for name, values in columns.items()},
        reason=readonly(reason),
        fwhm=float(star or fwhm),
        floor=lowest,
        noise=noise,
        relative_error=kernel.relative_error,
        threshold=0.0,
        shape=normalize.image.shape,
        metrics=metrics,
        blind=_blind(normalize.image),
    )


def _own_width(normalize: Normalized, table: StarTable, defocus: float) -> float | None:
    """Width of the frame's stars where it exceeds the filter's ``defocus`` times; None where it does not."""
    from pipeline.kernels.filter_width import serving
    from pipeline.kernels.hollows import HIGHEST_THRESHOLD
    from pipeline.kernels.seeing import PLENTY, agreed_width

    bright = table["convolved"] > HIGHEST_THRESHOLD * table["local_noise"]
    bright &= (table["masked"] == 0) & (table["saturated"] == 0) & np.isfinite(table["fwhm"])
    number = int(bright.sum())
    if number >= AGREEING and np.median(table["fwhm"][bright]) < SEEM_WIDER * table.fwhm:
        return None
    width, agreeing = agreed_width(normalize.image, np.sort(normalize.full), normalize.pattern)
    if width is None or width < defocus * table.fwhm or agreeing < max(AGREEING, min(number, PLENTY) / 2):
        return None
    return serving(width, normalize.pattern)


def _blind(image: np.ndarray) -> np.ndarray | None:
    """Cells of some 16 pixels in which most of every fourth pixel of every fourth row have no value; None: nowhere."""
    bad = np.isnan(image[::4, ::4])
    if not bad.any():
        return None
    for axis, size in enumerate(image.shape):
        cells = max(1, size // 16)
        starts = np.searchsorted(np.arange(0, size, 4) * cells // size, np.arange(cells))
        counts = np.diff(starts, append=bad.shape[axis]).reshape((-1, 1) if axis == 0 else (1, -1))
        bad = np.add.reduceat(bad, starts, axis=axis, dtype=np.float64) / counts
    return readonly(bad > 0.5)


@dataclass(frozen=True, eq=False)
class _Found:
    """Peaks in the order of their pixels; a finder's own centre and area where it has them."""

    index: np.ndarray
    height: np.ndarray
    x: np.ndarray | None = None
    y: np.ndarray | None = None
    area: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> _Found:
        """Some of the peaks."""
        own = (None if values is None else values[rows] for values in (self.x, self.y, self.area))
        return _Found(self.index[rows], self.height[rows], *own)

    def highest(self, number: int) -> _Found:
        """The highest peaks, still in the order of their pixels."""
        return self.take(np.sort(np.argsort(-self.height, kind="stable")[:number]))


def _find_dao(
    image: np.ndarray, convolved: np.ndarray, kernel: Filter, floor: float, noise: float, min_area: int
) -> _Found:
    from pipeline.kernels.convolve import peaks

    return _Found(*peaks(convolved, image, kernel, floor))


def _find_peaks(
    image: np.ndarray, convolved: np.ndarray, kernel: Filter, floor: float, noise: float, min_area: int
) -> _Found:
    """Pixels that none of their eight neighbours exceeds, where the filtered image is above the floor."""
    from pipeline.kernels.convolve import pixel_peaks

    index, _ = pixel_peaks(image, floor)
    height = convolved.ravel()[index].astype(np.float64)
    return _Found(index, height).take(np.flatnonzero(height > floor))


def _find_sep(
    image: np.ndarray, convolved: np.ndarray, kernel: Filter, floor: float, noise: float, min_area: int
) -> _Found:
    """Connected pixels above the floor of the image smoothed with the star's shape."""
    from pipeline.kernels.apart import apart
    from pipeline.kernels.source_extractor import objects

    star = (kernel.gaussian * kernel.mask).astype(np.float32)
    bad = ~np.isfinite(image)
    # sep holds the interpreter's lock.
    column, row, x, y, area = apart(
        objects,
        [np.where(bad, np.float32(0), image), bad, star],
        threshold=float(floor / noise),
        noise=float(noise / kernel.relative_error),
        min_area=min_area,
    )
    index = row.astype(np.int64) * image.shape[1] + column
    order = np.argsort(index, kind="stable")
    height = convolved.ravel()[index].astype(np.float64)
    found = _Found(index, height, x, y, area).take(order)
    return found.take(np.flatnonzero(found.height > floor))


def _convolved_noise(convolved: np.ndarray, normalize: Normalized, kernel: Filter) -> float:
    """Noise of the filtered image, never so small that rounding passes for stars."""
    from pipeline.kernels.noise import sampled_spread

    noise = sampled_spread(convolved, normalize.image) or kernel.relative_error * float(normalize.noise)
    return max(noise, 1e-6 * float(convolved.max()), float(np.finfo(np.float32).tiny))


def _columns(
    normalize: Normalized,
    convolved: np.ndarray,
    kernel: Filter,
    fwhm: float,
    found: _Found,
    neighbour_level: float,
    noise: float,
    louder: np.ndarray,
) -> dict[str, np.ndarray]:
    from pipeline.kernels.centroid import centres
    from pipeline.kernels.convolve import clearance
    from pipeline.kernels.gaussian import fit_stars
    from pipeline.kernels.measure import cores, daofind_measures

    image, index = normalize.image, found.index
    core = cores(image, np.sort(normalize.full), index, neighbour_level, max(1, round(fwhm / 2)))
    clear = clearance(convolved, index, CLEARANCE)
    variance, photon = pixel_noise(normalize, fwhm)
    fits = fit_stars(image, index, fwhm, normalize.pattern, variance)
    lonely = (clear > min(APART * fwhm, CLEARANCE)) & (core[:, 1:] == 0).all(axis=1)
    photon = photon_noise_of_stars(normalize, fits, fwhm, variance, photon, lonely)
    columns = daofind_measures(image, convolved, kernel, index, found.height, variance, photon)
    if found.x is not None:
        columns["xcentroid"], columns["ycentroid"] = found.x, found.y
    own = (columns["xcentroid"], columns["ycentroid"])
    columns |= centres(image, index, own, fwhm, normalize.pattern, variance, photon, louder, fits)
    columns["neighbours"], columns["saturated"], columns["masked"] = core.T
    _centre_full(columns, normalize, index, fwhm)
    columns["npix"] = np.full(index.size, kernel.weights.size) if found.area is None else found.area
    columns["y_peak"], columns["x_peak"] = np.divmod(index, image.shape[1])
    columns["convolved"] = found.height
    columns["clear"] = clear
    columns["sky"] = _sky(normalize, index)
    columns["snr"] = columns["flux"] / np.maximum(columns["flux_err"], np.finfo(np.float32).tiny)
    positive = columns["flux"] > 0
    columns["mag"] = np.full(index.size, np.nan)
    columns["mag"][positive] = -2.5 * np.log10(columns["flux"][positive])
    columns["local_noise"] = noise * louder
    least = SUREST * fwhm / SIGMA_TO_FWHM * columns["local_noise"] / found.height
    for name in ("xcentroid_err", "ycentroid_err"):
        columns[name] = np.maximum(columns[name], least)
    types = {name: np.int64 if name in WHOLE_NUMBERS else np.float64 for name in COLUMNS}
    return {name: np.array(columns[name], types[name]) for name in COLUMNS}


def _centre_full(columns: dict[str, np.ndarray], normalize: Normalized, index: np.ndarray, fwhm: float) -> None:
    """Give stars with a flat top their windowed centre and its error, in place."""
    from pipeline.kernels.full import full_centres

    rows = np.flatnonzero(columns["saturated"])
    step = 1 if normalize.pattern == "none" else 2
    centre = full_centres(normalize.image, np.sort(normalize.full), index[rows], fwhm, step)
    found = np.isfinite(centre).all(axis=1)
    rows, centre = rows[found], centre[found]
    columns["x_winpos"][rows], columns["y_winpos"][rows] = centre[:, 0], centre[:, 1]
    for name in ("xcentroid_err", "ycentroid_err"):
        columns[name][rows] = np.maximum(columns[name][rows], centre[:, 2])


def _sky(normalize: Normalized, index: np.ndarray) -> np.ndarray:
    """Level that was subtracted, from the nearest box of the mesh (green where there are colours); 0 where unknown."""
    if normalize.background is None:
        return np.zeros(index.size)
    mesh = normalize.background.mesh
    level = mesh["green"] if "green" in mesh else mesh["mono"]
    y, x = np.divmod(index, normalize.image.shape[1])
    size = normalize.background.box_size
    return level[np.minimum(y // size, level.shape[0] - 1), np.minimum(x // size, level.shape[1] - 1)]
