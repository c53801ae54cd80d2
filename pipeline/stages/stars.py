"""Which candidates are stars: a filter of the table, which answers while the threshold turns."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np

from pipeline.frame import readonly
from pipeline.knob import Knob, Range
from pipeline.stage import Rerun, stage
from pipeline.stages.candidates import CLEARANCE
from pipeline.tables import Reason, StarTable

LOWEST_FLOOR, FLOOR_STEP = 0.5, 0.5
#: Peaks so many times as high as the threshold tell their shape well; so many at least, this part of them within this
#: distance of the usual shape, whose roundness is between these: noise is less elongated, a bad column more.
BRIGHT, SOME, MOST, ALIKE = 2.0, 5, 2 / 3, 0.35
ELONGATED = (0.4, 1.7)
#: Distance to a higher peak, widths of a star; beyond it no piece of a trail or a column has a companion.
LONELY = 6.0
#: A filter as wide as the stars shows two of them as two peaks from about one width on; stars of a shape that is not
#: round are longer than that.
RESOLVED, RESOLVED_LONG = 0.95, 1.25
#: Peaks this near to a trail, widths of a star, and no higher than so many times its higher pieces, are pieces of it;
#: its pieces are drawn out in one way, by this much at least.
TRAIL, HIGHER, AT_THE_EDGE, DRAWN_OUT = 0.75, 1.5, 5.0, 0.3


@stage(version=5)
def stars(
    candidates: StarTable,
    *,
    threshold: Annotated[
        float | None,
        Knob("height in the filtered image that a star exceeds", "sigma", low=0.5, high=1000, step=0.5, none="auto"),
    ] = None,
    threshold_adu: Annotated[
        float | None,
        Knob("DAOFIND's own threshold; wins when given", "adu", low=0, high=1e7, step=10, none="none"),
    ] = None,
    sharpness: Annotated[
        Range, Knob("peak above its neighbours, over the filter's own; hot pixels are sharper", low=-10, high=10)
    ] = (0.1, 1.0),
    roundness: Annotated[Range, Knob("both roundnesses; 0 is round", low=-10, high=10)] = (-0.9, 0.9),
    elongated: Annotated[
        Literal["keep", "drop"], Knob("stars of a shape that most share, as in a trailed frame, round or not")
    ] = "keep",
    trails: Annotated[
        Literal["drop", "keep"],
        Knob("pieces of a satellite's trail or of a bad column: many peaks in one line, not round"),
    ] = "drop",
    brightest: Annotated[int | None, Knob("keep this many of the brightest", low=1, high=100000, none="all")] = None,
    saturated: Annotated[Literal["keep", "drop"], Knob("stars with a full pixel in their core")] = "keep",
    border: Annotated[int, Knob("distance from the frame's edge", "px", low=0, high=1000, step=1)] = 0,
    separation: Annotated[
        int, Knob("no higher pixel as near as this; 0: none within the filter", "px", low=0, high=CLEARANCE, step=1)
    ] = 0,
) -> StarTable:
    """Keep the candidates that look like stars (Stetson 1987, PASP 99, 191).

    Parameters
    ----------
    candidates : StarTable
        Every local peak with its measures.
    threshold, threshold_adu, sharpness, roundness, elongated, trails, brightest, saturated, border, separation
        Knobs. The threshold is strict, ranges include their ends, as in photutils' ``DAOStarFinder``, whose
        ``threshold`` is ``threshold_adu`` and whose ``min_separation`` is ``separation`` (it acts beyond the filter's
        own radius). Auto is at least 6 sigma, higher where the frame has structure that is not stars, and in sigma of
        the noise about each star where that is uneven, as in a glow. Of peaks so near to each other that no two stars
        could be told apart only the highest is a star, but not with ``threshold_adu``. Where most bright peaks share a
        shape that is not round, ``elongated`` "keep" counts the roundness from 0 or from theirs: a star may have
        either. ``trails`` "drop" has what lies among the pieces of a trail, and is no higher than they are, break the
        rule of roundness.

    Returns
    -------
    StarTable
        The same rows with the first rule that each breaks as its reason; the threshold that was used.

    Raises
    ------
    Rerun
        Where the threshold is below the candidates' floor: they must be made with a lower one.
    """
    limit = _limit(candidates, threshold, threshold_adu)
    height = candidates["convolved"]
    if threshold is None and threshold_adu is None:
        height = height * (candidates.noise / candidates["local_noise"])
    shape = common_shape(candidates, height > BRIGHT * limit, sharpness)
    reason = np.array(candidates.reason)
    round_enough = _round(candidates, roundness, shape if elongated == "keep" else None)
    for code, broken in _rules(candidates, height > limit, sharpness, round_enough, saturated, border, separation):
        reason[broken & (reason == Reason.STAR)] = code
    if trails == "drop":
        reason[_on_trails(candidates, ~round_enough) & (reason == Reason.STAR)] = Reason.ROUNDNESS
    if threshold_adu is None and candidates.metrics.get("filter_ratio", 1.0) == 1.0:
        apart = RESOLVED if shape is None else RESOLVED_LONG
        reason[_unresolved(candidates, reason == Reason.STAR, apart)] = Reason.SEPARATION
    if brightest is not None:
        kept = np.flatnonzero(reason == Reason.STAR)
        order = np.argsort(candidates["flux"][kept], kind="stable")[::-1]
        reason[kept[order[brightest:]]] = Reason.BRIGHTEST
    return replace(
        candidates,
        reason=readonly(reason),
        threshold=limit / candidates.noise,
        metrics=_metrics(candidates, reason) | {"elongated": max(map(abs, shape)) if shape else 0.0},
    )


def _limit(candidates: StarTable, threshold: float | None, threshold_adu: float | None) -> float:
    """Height in the convolved image that a star exceeds, ADU, where the noise is that of the frame."""
    if threshold_adu is not None:
        limit = threshold_adu * candidates.relative_error
    elif threshold is not None:
        limit = threshold * candidates.noise
    else:
        return max(candidates.metrics.get("auto_threshold", 6.0) * candidates.noise, candidates.floor)
    lowest = LOWEST_FLOOR * candidates.noise
    if limit < candidates.floor * (1 - 1e-9) and candidates.floor > lowest and not candidates.metrics.get("capped"):
        # Downward in steps, so that turning the knob meets a floor that has been made before.
        floor = max(LOWEST_FLOOR, math.floor(limit / candidates.noise / FLOOR_STEP) * FLOOR_STEP)
        raise Rerun("candidates", floor=floor)
    return limit


def _rules(
    table: StarTable,
    high_enough: np.ndarray,
    sharpness: Range,
    round_enough: np.ndarray,
    saturated: str,
    border: int,
    separation: int,
) -> list[tuple[Reason, np.ndarray]]:
    """Each rule and where it is broken, the finder's own rules first."""
    ny, nx = table.shape
    x, y = table["x_peak"], table["y_peak"]
    measured = _measured(table)
    inside = (x >= border) & (y >= border) & (x < nx - border) & (y < ny - border)
    rules = [
        (Reason.THRESHOLD, ~high_enough),
        (Reason.MEASURE, ~measured),
        (Reason.SHARPNESS, ~_within(table["sharpness"], sharpness)),
        (Reason.ROUNDNESS, ~round_enough),
        (Reason.BORDER, ~inside),
    ]
    if saturated == "drop":
        rules.append((Reason.SATURATED, table["saturated"] != 0))
    if separation > 0:
        rules.append((Reason.SEPARATION, table["clear"] <= separation))
    return rules


def _measured(table: StarTable) -> np.ndarray:
    names = ("xcentroid", "ycentroid", "sharpness", "roundness1", "roundness2", "flux")
    return np.logical_and.reduce([np.isfinite(table[name]) for name in names])


def common_shape(table: StarTable, bright: np.ndarray, sharpness: Range) -> tuple[float, float] | None:
    """Both roundnesses that most bright, lonely peaks share, where those are not round.

    Parameters
    ----------
    table : StarTable
        Every local peak.
    bright : ndarray of bool, shape (n,)
        Peaks so high above the noise that they tell their shape.
    sharpness : (float, float)
        Of a star.

    Returns
    -------
    (float, float) or None
        None where the stars are round, or few, or where what is bright lies along one line, as a satellite's trail;
        and where the filter is not round: roundness then is nothing of the stars alone.
    """
    if table.metrics.get("filter_ratio", 1.0) != 1.0:
        return None
    alone = min(LONELY * table.fwhm, CLEARANCE)
    chosen = _measured(table) & bright & (table["clear"] > alone)
    chosen &= _within(table["sharpness"], sharpness) & (table["masked"] == 0) & (table["saturated"] == 0)
    shapes = np.stack([table["roundness1"], table["roundness2"]], axis=1)[chosen]
    if len(shapes) < SOME:
        return None
    usual = np.median(shapes, axis=0)
    alike = (np.abs(shapes - usual) < ALIKE).all(axis=1)
    if not ELONGATED[0] < np.abs(usual).max() < ELONGATED[1] or alike.mean() < MOST:
        return None
    places = np.stack([table["x_peak"], table["y_peak"]], axis=1)[chosen][alike]
    across, along = np.linalg.eigvalsh(np.cov(places.T))
    return (float(usual[0]), float(usual[1])) if across > 0.01 * along else None


def _round(table: StarTable, bounds: Range, shape: tuple[float, float] | None) -> np.ndarray:
    """Which rows have both roundnesses within bounds that are counted from 0 or from the stars' usual shape."""
    result = np.zeros(len(table), bool)
    for usual in {(0.0, 0.0), shape or (0.0, 0.0)}:
        inside = [_within(table[f"roundness{i + 1}"], (bounds[0] + usual[i], bounds[1] + usual[i])) for i in (0, 1)]
        result |= inside[0] & inside[1]
    return result


def _on_trails(table: StarTable, odd: np.ndarray) -> np.ndarray:
    """Which rows lie on a line of peaks that are not round, all drawn out alike, and are no higher than those."""
    from pipeline.kernels.lines import MOST as LOOKED_AT
    from pipeline.kernels.lines import distance, lines

    result = np.zeros(len(table), bool)
    odd = np.flatnonzero(odd)
    odd = odd[np.argsort(-table["convolved"][odd], kind="stable")[:LOOKED_AT]]
    places = np.stack([table["x_peak"], table["y_peak"]], axis=1).astype(np.float64)
    shapes = np.stack([table["roundness1"], table["roundness2"]], axis=1)
    reach = max(TRAIL * table.fwhm, 1.5)
    away = np.minimum(places, np.subtract(table.shape[::-1], 1) - places).min(axis=1)
    # A trail ends at the frame's edge as high as a star, since the filter sees nothing beyond.
    edge = away <= table.fwhm
    for line, on in lines(places[odd], table.shape, reach):
        pieces = odd[on]
        usual = [shape[np.isfinite(shape)].clip(-2, 2) for shape in shapes[pieces].T]
        if not any(abs(shape.mean()) > DRAWN_OUT for shape in usual if shape.size):
            continue
        highest = np.percentile(table["convolved"][pieces], 90) * np.where(edge, AT_THE_EDGE, HIGHER)
        along = places @ (-line[1], line[0])
        ends = np.sort(along[pieces])
        gap = 5 * np.median(np.diff(ends))
        between = (along >= ends[0] - gap) & (along <= ends[-1] + gap)
        result |= between & (distance(places, line) <= reach) & (table["convolved"] <= highest)
    return result


def _unresolved(table: StarTable, kept: np.ndarray, apart: float) -> np.ndarray:
    """Rows among some that have a higher one so near that no two stars could be told apart: one star of another shape.

    A trail, or a ring out of focus, has several peaks.
    """
    from pipeline.stages.identify import twins

    rows = np.flatnonzero(kept)
    if rows.size < 2:
        return rows[:0]
    places = np.stack([table["x_peak"], table["y_peak"]], axis=1)[rows].astype(np.float64)
    star = min(float(np.median(table["fwhm"][rows])), table.fwhm)
    reach = apart * float(np.hypot(table.fwhm, star)) / 2**0.5
    return rows[twins(places, table["convolved"][rows], reach)]


def _within(values: np.ndarray, bounds: Range) -> np.ndarray:
    return (values >= bounds[0]) & (values <= bounds[1])


def _metrics(candidates: StarTable, reason: np.ndarray) -> dict[str, float]:
    """The frame's facts, with the width and roundness of its stars."""
    kept = reason == Reason.STAR
    some = bool(kept.any())
    return {
        **candidates.metrics,
        "fwhm": float(np.median(candidates["fwhm"][kept])) if some else math.nan,
        "roundness": float(np.median(candidates["roundness2"][kept])) if some else math.nan,
    }
