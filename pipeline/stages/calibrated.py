"""A frame as the sky would have it: without what the detector added, and divided by what it took."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np

from pipeline.frame import Frame, HotPixels, readonly
from pipeline.knob import Knob
from pipeline.masters import NO_BIAS, NO_DARKS, NO_FLATS, Master, MasterDarks, MasterFlats, same_exposure
from pipeline.stage import stage
from pipeline.stages.combining import neighbours_scatter
from pipeline.stages.reduction import Detector, detector_of, error_image, reduced, reduction_of

_NONE = np.empty(0, np.int64)
#: Light of the pixels beside a star's highest on three sides, as a part of it: of one as wide as 1.6 pixels or wider.
BESIDE = 0.1


@stage(version=6)
def calibrated(
    frame: Frame,
    hot_pixels: HotPixels,
    master_bias: Master = NO_BIAS,
    master_dark: MasterDarks = NO_DARKS,
    master_flat: MasterFlats = NO_FLATS,
    *,
    cosmic_rays: Annotated[
        Literal["off", "lacosmic"], Knob("lacosmic: edges too sharp for a star are cosmic rays, and are filled")
    ] = "off",
    uncertainty: Annotated[bool, Knob("carry each pixel's standard deviation along")] = False,
) -> Frame:
    """Take off bias and dark, divide by the flat, and mend hot pixels and cosmic rays.

    Parameters
    ----------
    frame : Frame
        As read, overscan taken off.
    hot_pixels : HotPixels
        Where they are; for source "frame" they are looked for here, in this frame alone.
    master_bias, master_dark, master_flat
        Masters; the dark for this exposure and the flat of this filter are chosen. Where there is none of a kind, that
        step is left out, as is one that the frame's header says was done before.
    cosmic_rays, uncertainty
        Knobs. "lacosmic" is Laplacian edge detection (van Dokkum 2001, PASP 113, 1420), as astroscrappy has it.

    Returns
    -------
    Frame
        (light - bias - dark x scale) / flat, with bad pixels filled with the median of their nearest good neighbours of
        the same colour, or masked; the very same pixels where there is nothing to do.
    """
    how = reduction_of(frame, master_bias, master_dark, master_flat)
    result = frame
    if not how.empty:
        result = reduced(frame, how)
    elif how.warnings:
        result = replace(frame, warnings=(*frame.warnings, *how.warnings))
    if uncertainty:
        data = result.above_black()
        detector = detector_of(frame, data, master_bias, how)
        error = readonly(error_image(data, how, detector))
        said = f"uncertainty: {detector.gain:.4g} e-/ADU, read noise {detector.read_noise:.4g} ADU ({detector.source})"
        result = replace(result, uncertainty=error, history=(*result.history, said))
    hot = np.empty(0, np.int64)
    if hot_pixels.repair != "keep" and hot_pixels.source != "off":
        hot = hot_indices(frame, hot_pixels)
    rays = np.empty(0, np.int64)
    if cosmic_rays == "lacosmic":
        rays = np.setdiff1d(
            _cosmic_rays(result, hot, detector_of(frame, result.above_black(), master_bias, how)),
            hot,
            assume_unique=True,
        )
    if hot_pixels.repair == "mask":
        return _mended(result, hot, rays, "mask")
    steady, excess = _steady(frame, hot_pixels, rays)
    if how.flat is not None:
        excess = excess / how.flat.image.ravel()[steady]
    result = _mended(result, np.setdiff1d(hot, steady, assume_unique=True), rays, "interpolate", also=steady)
    return _without(result, steady, excess)


def _steady(frame: Frame, hot_pixels: HotPixels, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels that are too high by the same in every frame, and by how much; not where they are full or were hit."""
    known = hot_pixels.steady is not None and hot_pixels.repair == "interpolate" and hot_pixels.mask is not None
    if not known or hot_pixels.mask.shape != frame.shape or not same_exposure(hot_pixels.exposure, frame.info.exposure):
        return np.empty(0, np.int64), np.empty(0, np.float32)
    from pipeline.stages.normalize import full_pixels

    bad = np.union1d(full_pixels(frame), rays)
    if hot_pixels.bad is not None and hot_pixels.bad.shape == frame.shape:
        bad = np.union1d(bad, np.flatnonzero(hot_pixels.bad))
    good = ~np.isin(hot_pixels.steady, bad)
    return hot_pixels.steady[good], hot_pixels.excess[good]


def _without(frame: Frame, steady: np.ndarray, excess: np.ndarray) -> Frame:
    """The frame without what some of its pixels add."""
    if steady.size == 0:
        return frame
    pixels = frame.pixels.copy()
    values = pixels.ravel()[steady] - excess
    if pixels.dtype == np.uint16:
        values = np.rint(np.maximum(values, 0))
    pixels.ravel()[steady] = values.astype(pixels.dtype)
    said = f"{steady.size} hot pixels lost what they add to each frame"
    return replace(frame, pixels=readonly(pixels), history=(*frame.history, said))


def _mended(frame: Frame, hot: np.ndarray, rays: np.ndarray, repair: str, also: np.ndarray = _NONE) -> Frame:
    """The frame with some pixels filled from their neighbours, or masked; those of ``also`` are no good neighbours."""
    found = np.union1d(hot, rays)
    if found.size == 0:
        return frame
    done = "masked" if repair == "mask" else "filled from neighbours of the same colour"
    counts = (("hot or bad pixels", hot.size), ("pixels hit by cosmic rays", rays.size))
    history = (*frame.history, *(f"{count} {name} {done}" for name, count in counts if count))
    bad = np.zeros(frame.shape, bool) if frame.mask is None else frame.mask.copy()
    bad.ravel()[found] = True
    if repair == "mask":
        return replace(frame, mask=readonly(bad), history=history)
    from pipeline.kernels.hot import mended

    around = bad.copy()
    around.ravel()[also] = True
    values = mended(frame.pixels, around, found, frame.pattern)
    good = np.isfinite(values)
    if frame.pixels.dtype == np.uint16:
        values = np.rint(values)
    pixels = frame.pixels.copy()
    pixels.ravel()[found[good]] = values[good].astype(pixels.dtype)
    mask = _mask_without(frame, bad, found[good])
    full = None if frame.full is None else readonly(np.setdiff1d(frame.full, found[good], assume_unique=True))
    return replace(frame, pixels=readonly(pixels), mask=mask, full=full, history=history)


def hot_indices(frame: Frame, hot_pixels: HotPixels) -> np.ndarray:
    """Flat indices, in order, of the hot pixels of one frame.

    Parameters
    ----------
    frame : Frame
        As read.
    hot_pixels : HotPixels
        With a mask, or with what the search in a single frame needs.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    known = [one for one in (hot_pixels.mask, hot_pixels.bad) if one is not None and one.shape == frame.shape]
    found = np.flatnonzero(np.logical_or.reduce(known)) if known else np.empty(0, np.int64)
    if hot_pixels.source != "frame":
        return found
    from pipeline.kernels.hot import lone_pixels
    from pipeline.stages.first_look import first_look

    look = first_look(frame, red=hot_pixels.red, blue=hot_pixels.blue)
    alone = lone_pixels(look.image, look.noise, hot_pixels.sigma, hot_pixels.contrast, look.step)
    return np.union1d(found, alone) if found.size else alone


def _cosmic_rays(frame: Frame, hot: np.ndarray, detector: Detector) -> np.ndarray:
    """Flat indices, in order, of the pixels that cosmic rays hit; each colour is searched by itself."""
    from astroscrappy import detect_cosmics

    data = frame.above_black()
    bad = ~np.isfinite(data)
    bad.ravel()[hot] = True
    if frame.full is not None:
        bad.ravel()[frame.full] = True
    full = np.finfo(np.float32).max if frame.info.saturation is None else frame.info.saturation * detector.gain
    found, noise = np.zeros(frame.shape, bool), 0.0
    step = 1 if frame.pattern == "none" else 2
    for row in range(step):
        for column in range(step):
            plane, masked = data[row::step, column::step], bad[row::step, column::step]
            good = plane[~masked]
            if good.size == 0:
                continue
            sky = float(np.median(good))
            # What the sky's own light does not explain of its noise stands in every pixel as read noise does.
            scatter = neighbours_scatter(np.where(masked, np.nan, plane), "none")
            read_noise = max(scatter**2 - max(sky, 0.0) / detector.gain, detector.read_noise**2) ** 0.5
            hit, _ = detect_cosmics(
                np.ascontiguousarray(np.where(masked, np.float32(sky), plane), np.float32),
                inmask=np.ascontiguousarray(masked),
                gain=detector.gain,
                readnoise=read_noise * detector.gain,
                satlevel=float(full),
            )
            found[row::step, column::step] = hit & ~masked
            data[row::step, column::step] -= sky
            noise = max(noise, scatter)
    return np.flatnonzero(_sharper_than_stars(data, found, noise))


def _sharper_than_stars(image: np.ndarray, hit: np.ndarray, noise: float) -> np.ndarray:
    """What was hit, without what has a star's profile.

    Stars narrower than some two pixels, as those in one colour of a mosaic often are, seem as sharp as a cosmic ray.
    But a star lights the pixels on all sides of its highest, of whatever colour, and a track those on two.
    """
    from scipy.ndimage import label, maximum_position

    labels, count = label(hit, np.ones((3, 3)))
    if count == 0:
        return hit
    y, x = np.array(maximum_position(image, labels, np.arange(1, count + 1))).T
    ny, nx = image.shape
    sides = ((-1, 0), (1, 0), (0, -1), (0, 1))
    beside = np.array([image[np.clip(y + j, 0, ny - 1), np.clip(x + i, 0, nx - 1)] for j, i in sides])
    star = np.count_nonzero(beside > np.maximum(3 * noise, BESIDE * image[y, x]), axis=0) >= 3
    return hit & ~np.isin(labels, 1 + np.flatnonzero(star))


def _mask_without(frame: Frame, bad: np.ndarray, mended: np.ndarray) -> np.ndarray | None:
    """The frame's mask after mending: what was masked before stays, what could not be mended joins it."""
    bad.ravel()[mended] = False
    if frame.mask is not None:
        bad |= frame.mask
    return readonly(bad) if bad.any() else None
