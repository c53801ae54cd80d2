"""Brightness of each star through the frames, against quiet comparison stars."""

from __future__ import annotations

from collections.abc import Sequence as ListLike
from dataclasses import replace
from typing import Annotated

import numpy as np

from pipeline.frame import Failure, FrameError, FrameInfo, Sequence, readonly
from pipeline.kernels import ensemble
from pipeline.knob import Ids, Knob
from pipeline.magnitudes import zero_points
from pipeline.photometry import Flag, LightCurves, Photometry
from pipeline.stage import stage
from pipeline.tables import Tracks

#: Faults for which a star is no comparison star by itself.
_FAULTY = int(Flag.SATURATED | Flag.EDGE | Flag.MASKED | Flag.FORCED)
FEWEST = 3


@stage(version=4, scope="sequence")
def lightcurves(
    frames: Sequence,
    tracks: Tracks,
    psf_photometry: ListLike[Photometry | Failure],
    *,
    comparison: Annotated[
        Ids | None,
        Knob(
            "ids of light curves' comparison stars; auto: those that scatter least",
            "",
            0,
            1e6,
            none="auto",
            stage="psf_photometry",
        ),
    ] = None,
) -> LightCurves:
    """Compare each star in each frame with the comparison stars of that frame.

    Parameters
    ----------
    frames : Sequence
        The lights, their times and filters.
    tracks : Tracks
        Which frames are used.
    psf_photometry : list of Photometry or Failure
        Fluxes in each frame.
    comparison
        The knob ``psf_photometry.comparison``: the stars that it names, or those that scatter least.

    Returns
    -------
    LightCurves
        Where magnitudes are known, those stars' medians over the frames of a filter have them.

    Raises
    ------
    FrameError
        Where no frame has fluxes, or a comparison star is none of the reference's.
    """
    used = [i for i, one in enumerate(psf_photometry) if isinstance(one, Photometry) and tracks.used[i]]
    if not used:
        file = frames.frames[frames.reference].file
        raise FrameError(file, "no frame has fluxes (0)", "look at the reasons in the frame table")
    made = [psf_photometry[i] for i in used]
    infos = [frames.frames[i] for i in used]
    curves = LightCurves(
        frame=readonly(np.array(used, np.int64)),
        time=readonly(np.array([middle(info) for info in infos])),
        flux=readonly(np.stack([one["psf_flux"] for one in made])),
        flux_error=readonly(np.stack([one["psf_flux_err"] for one in made])),
        instrumental=readonly(np.stack([one["instrumental_mag"] for one in made])),
        instrumental_error=readonly(np.stack([one["instrumental_mag_err"] for one in made])),
        flag=readonly(np.stack([one.flag for one in made])),
        mag=np.empty(0), mag_error=np.empty(0), comparison=np.empty(0, np.int64), ensemble=np.empty(0),
        ensemble_error=np.empty(0), scatter=np.empty(0), expected=np.empty(0), level=np.empty(0),
        zero_point=np.array([one.zero_point for one in made]), zero_point_err=np.zeros(len(made)),
        known=tuple(one.known for one in made),
        filter=tuple(info.filter for info in infos),
        exposure=readonly(np.array([np.nan if info.exposure is None else info.exposure for info in infos])),
    )  # fmt: skip
    return with_comparison(curves, comparison, frames.frames[frames.reference].file)


def middle(info: FrameInfo) -> float:
    """Julian date (UTC) of the middle of an exposure; NaN where its time is not known."""
    if info.time is None:
        return float("nan")
    return float(info.time.jd) + (info.exposure or 0.0) / 2 / 86400


def with_comparison(curves: LightCurves, comparison: tuple[int, ...] | None, file: str = "frame") -> LightCurves:
    """The same measurements against other comparison stars.

    Parameters
    ----------
    curves : LightCurves
        Measured fluxes.
    comparison : tuple of int or None
        Ids of the comparison stars; None: those that scatter least.
    file : str
        The reference's file, for messages.

    Raises
    ------
    FrameError
        Where a comparison star is none of the reference's or never measured.
    """
    mag, error = curves.instrumental, curves.instrumental_error
    parts = by_filter(curves.filter)
    chosen = _quietest(curves, parts) if comparison is None else _named(comparison, mag, file)
    if chosen.size == 0:
        raise FrameError(file, "no star can serve for comparison (0)", "name some in psf_photometry.comparison")
    warnings = _warnings(curves, parts, chosen)
    relative, errors, of_frame, frame_error = ensemble.within(mag, error, chosen, parts)
    scatter = ensemble.scatter(relative, parts)
    count = np.maximum(np.isfinite(relative).sum(axis=0), 1)
    expected = np.where(np.isfinite(scatter), np.sqrt(np.nansum(errors**2, axis=0) / count), np.nan)
    zero, zero_error = zero_points(relative, errors, map(dict, curves.known), curves.zero_point, parts)
    relative = relative + zero[:, None]
    most = np.isfinite(relative[parts[0]]).sum(axis=0)
    level = np.where(most > 0, np.nansum(relative[parts[0]], axis=0) / np.maximum(most, 1), np.nan)
    values = {
        "mag": relative, "mag_error": errors, "comparison": chosen.astype(np.int64), "ensemble": of_frame,
        "ensemble_error": frame_error, "scatter": scatter, "expected": expected, "level": level,
        "zero_point": zero, "zero_point_err": zero_error,
    }  # fmt: skip
    return replace(
        curves, **{name: readonly(np.array(array)) for name, array in values.items()}, warnings=tuple(warnings)
    )


def by_filter(filters: ListLike[str]) -> list[np.ndarray]:
    """Rows of the frames of each filter, that of most frames first: colours of stars differ, so each has own means."""
    names = np.array(list(filters))
    parts = [np.flatnonzero(names == name) for name in dict.fromkeys(filters)]
    return sorted(parts, key=len, reverse=True)


def _quietest(curves: LightCurves, parts: list[np.ndarray]) -> np.ndarray:
    """Columns of the quietest stars, those without a fault where there are any."""
    mag, error = curves.instrumental, curves.instrumental_error
    chosen = ensemble.quiet_stars(mag, error, (curves.flag & _FAULTY == 0).all(axis=0), parts)
    return chosen if chosen.size else ensemble.quiet_stars(mag, error, np.ones(mag.shape[1], bool), parts)


def _warnings(curves: LightCurves, parts: list[np.ndarray], chosen: np.ndarray) -> list[str]:
    warnings = []
    if chosen.size < FEWEST:
        warnings.append(f"only {chosen.size} comparison stars: what they do themselves is seen in every light curve")
    if len(parts) > 1:
        names = ", ".join(f"{curves.filter[rows[0]] or 'none'} ({len(rows)})" for rows in parts)
        warnings.append(f"light curves are of {len(parts)} filters, {names}: each has a magnitude scale of its own")
    return warnings


def _named(comparison: tuple[int, ...], mag: np.ndarray, file: str) -> np.ndarray:
    """The columns that a user named, each once."""
    chosen = np.unique(np.array(comparison, np.int64))
    wrong = [star for star in chosen if star >= mag.shape[1] or not np.isfinite(mag[:, star]).any()]
    if wrong:
        problem = f"comparison star {wrong[0]} has no flux in any frame (ids go from 0 to {mag.shape[1] - 1})"
        raise FrameError(file, problem, "correct psf_photometry.comparison")
    return chosen
