"""Where each star's light lies and how wide it is, and which stars must be left out of photometry."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np

from pipeline.frame import SIGMA_TO_FWHM, Normalized, readonly
from pipeline.knob import Knob
from pipeline.photometry import Centroids, Flag, Left
from pipeline.stage import stage
from pipeline.stages.noise_model import pixel_noise
from pipeline.tables import Reason, StarTable

#: A light-weighted mean with a larger error than this part of a star's sigma is not trusted where a better is known.
UNSURE = 0.1
#: Nor one that lies farther from the windowed centre than this part of a star's sigma, and than errors explain: a
#: profile set so far beside its star loses a quarter of a per cent of its light.
OFF = 0.1
#: As far as this, pixels, another star's light has pulled it.
APART = 0.5
#: Nor one that lies farther from the peak than this part of a star's width at half height: it is another star's.
ASTRAY = 1.0
#: A width with a larger relative error is limited by the sky.
BLURRED = 0.1
COLUMNS = (
    *("row", "peak_x", "peak_y", "centroid_x", "centroid_y", "centroid_x_err", "centroid_y_err"),
    *("com_x", "com_y", "winpos_x", "winpos_y", "gauss_x", "gauss_y"),
    *("width_x", "width_y", "width_x_err", "width_y_err", "snr"),
)


@stage(version=3)
def centroids(
    normalize: Normalized,
    stars: StarTable,
    *,
    method: Annotated[
        Literal["com", "winpos", "gauss"],
        Knob("com: light-weighted mean; winpos: the same under a Gaussian window; gauss: a fitted Gaussian"),
    ] = "com",
    window: Annotated[int, Knob("side of the square about each peak whose light counts", "px", 5, 101, 1)] = 20,
    separation: Annotated[float, Knob("stars nearer to each other than this are crowded", "px", 0, 50, 0.5)] = 5.0,
    crowded: Annotated[Literal["drop", "merge"], Knob("crowded stars go, or become one")] = "drop",
) -> Centroids:
    """Measure each star's centre and width in a window about its peak; leave out what stands too near.

    Parameters
    ----------
    normalize : Normalized
        The frame without sky.
    stars : StarTable
        Its stars, with their windowed and fitted centres.
    method, window, separation, crowded
        Knobs. An even window reaches one pixel farther to the left and up: 20 px from -10 to +9.

    Returns
    -------
    Centroids
        Every star; one whose window reaches over the frame's edge and crowded ones with their reason.

    Notes
    -----
    The light-weighted mean of a faint star is that of the noise in its window, and a neighbour pulls it. Where its own
    error is above a tenth of a star's sigma, where it lies a tenth of sigma or more from the windowed centre (Bertin
    and Arnouts 1996, A&AS 117, 393) or a star's width from the peak, or where pixels are bad, the windowed centre
    stands and a flag says so; the mean itself stays in ``com_x`` and ``com_y``, and the other centres beside it.
    """
    rows = stars.kept
    peak_x, peak_y = (stars[name][rows].astype(np.int64) for name in ("x_peak", "y_peak"))
    reason, middle_x, middle_y = _groups(peak_x, peak_y, stars["convolved"][rows], separation, crowded)
    noise = pixel_noise(normalize, stars.fwhm)
    columns, flag = _measured(normalize, stars, rows, (middle_x, middle_y), method, window, noise)
    edge = np.isnan(columns.pop("light"))
    reason[edge & (reason == Left.KEPT)] = Left.EDGE
    columns |= {"row": rows, "peak_x": peak_x, "peak_y": peak_y}
    flag |= np.where(_has_neighbour(stars, rows, window), Flag.NEIGHBOUR, 0)
    flag |= np.where(stars["saturated"][rows] != 0, Flag.SATURATED, 0)
    types = {name: np.int64 if name in ("row", "peak_x", "peak_y") else np.float64 for name in COLUMNS}
    return Centroids(
        columns={name: readonly(np.array(columns[name], types[name])) for name in COLUMNS},
        reason=readonly(reason),
        flag=readonly(flag),
        method=method,
        window=window,
        fitted_width=float(np.median(stars["fwhm"][rows])) / SIGMA_TO_FWHM if rows.size else float("nan"),
        separation=separation,
        crowded=crowded,
    )


def crowds(x: np.ndarray, y: np.ndarray, separation: float) -> list[np.ndarray]:
    """Stars that stand nearer to each other than a separation, directly or by others between them: rows of each group.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Places, pixels; a star without one is in no crowd.
    separation : float
        Pixels; stars exactly so far apart are not crowded.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if known.size < 2 or separation <= 0:
        return []
    tree = cKDTree(np.stack([x[known], y[known]], axis=1))
    pairs = tree.query_pairs(np.nextafter(separation, 0), output_type="ndarray")
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (known.size, known.size))
    _, group = connected_components(graph, directed=False)
    return [known[group == number] for number in np.unique(group[pairs.ravel()])]


def _groups(
    x: np.ndarray, y: np.ndarray, height: np.ndarray, separation: float, crowded: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A Left for each star, and the pixel about which its window lies: of merged stars, the middle of their light."""
    reason, middle_x, middle_y = np.zeros(x.size, np.int8), x.copy(), y.copy()
    for members in crowds(x, y, separation):
        if crowded == "drop":
            reason[members] = Left.CROWDED
            continue
        light = np.maximum(height[members], 0) + np.finfo(np.float64).tiny
        brightest = members[np.argmax(light)]
        reason[members] = Left.MERGED
        reason[brightest] = Left.KEPT
        middle_x[brightest] = round(float(np.average(x[members], weights=light)))
        middle_y[brightest] = round(float(np.average(y[members], weights=light)))
    return reason, middle_x, middle_y


def _measured(
    normalize: Normalized,
    stars: StarTable,
    rows: np.ndarray,
    middle: tuple[np.ndarray, np.ndarray],
    method: str,
    window: int,
    noise: tuple[np.ndarray, np.ndarray],
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Centres, widths and their errors, and the flags that follow from them."""
    from pipeline.kernels.moments import window_moments

    variance, photon = noise
    found = window_moments(normalize.image, *middle, window=window, variance=variance, photon=photon)
    flag = np.where(found["bad"] > 0, Flag.MASKED, 0).astype(np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        widths = {f"width_{axis}": np.sqrt(np.where(found[axis * 2] > 0, found[axis * 2], np.nan)) for axis in "xy"}
        for axis in "xy":
            widths[f"width_{axis}_err"] = found[f"{axis * 2}_error"] / (2 * widths[f"width_{axis}"])
            poor = ~(widths[f"width_{axis}_err"] < BLURRED * widths[f"width_{axis}"])
            flag |= np.where(poor, Flag.BACKGROUND, 0)
        widths["snr"] = found["light"] / found["light_error"]
    kind = "gauss" if method == "gauss" else "winpos"
    place = np.stack([stars[f"{axis}_{kind}"][rows] for axis in "xy"])
    error = np.stack([stars[f"{axis}centroid_err"][rows] for axis in "xy"])
    if method == "com":
        mean, its_error = (np.stack([found[f"{axis}{end}"] for axis in "xy"]) for end in ("", "_error"))
        astray = np.hypot(*(mean - np.stack(middle))) > ASTRAY * stars["fwhm"][rows]
        trusted, why = _trusted(mean, its_error, place, error, stars, rows, found["bad"] > 0, astray)
        # Of merged stars the windowed centre is that of the brightest alone.
        merged = (middle[0] != stars["x_peak"][rows]) | (middle[1] != stars["y_peak"][rows])
        trusted |= merged & np.isfinite(mean).all(axis=0)
        flag |= np.where(trusted, 0, why | Flag.WINDOWED)
        place, error = np.where(trusted, mean, place), np.where(trusted, its_error, error)
    centres = {f"centroid_{axis}": place[i] for i, axis in enumerate("xy")}
    centres |= {f"com_{axis}": found[axis] for axis in "xy"}
    centres |= {f"{way}_{axis}": stars[f"{axis}_{way}"][rows] for way in ("winpos", "gauss") for axis in "xy"}
    centres |= {f"centroid_{axis}_err": error[i] for i, axis in enumerate("xy")}
    return {**centres, **widths, "light": found["light"]}, flag


def _trusted(
    mean: np.ndarray,
    error: np.ndarray,
    windowed: np.ndarray,
    windowed_error: np.ndarray,
    stars: StarTable,
    rows: np.ndarray,
    bad: np.ndarray,
    astray: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Which light-weighted means stand, and the flags of those that do not."""
    sigma = stars["fwhm"][rows] / SIGMA_TO_FWHM
    with np.errstate(invalid="ignore"):
        sure = (error < np.maximum(UNSURE * sigma, windowed_error)).all(axis=0)
        away = np.hypot(*(mean - windowed))
        explained = 3 * np.hypot(*np.hypot(error, windowed_error))
        near = ~astray & (away <= np.maximum(APART, explained))
        on_it = near & (away <= np.maximum(OFF * sigma, explained))
    why = np.where(sure, 0, Flag.BACKGROUND) | np.where(near | ~sure, 0, Flag.NEIGHBOUR)
    return sure & on_it & ~bad, why


def _has_neighbour(stars: StarTable, rows: np.ndarray, window: int) -> np.ndarray:
    """Whether another peak above the threshold lies within half a window of a star."""
    from scipy.spatial import cKDTree

    peaks = np.stack([stars["x_peak"], stars["y_peak"]], axis=1)
    others = peaks[stars.reason != Reason.THRESHOLD]
    if len(others) < 2 or not rows.size:
        return np.zeros(rows.size, bool)
    distance, _ = cKDTree(others).query(peaks[rows], k=2)
    return distance[:, 1] <= window / 2
