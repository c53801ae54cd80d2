"""A frame without its hot pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.frame import Frame, HotPixels, readonly
from pipeline.stage import stage


@stage(version=1)
def calibrated(frame: Frame, hot_pixels: HotPixels) -> Frame:
    """Mend or mask the hot pixels.

    Parameters
    ----------
    frame : Frame
        As read.
    hot_pixels : HotPixels
        Where they are; for source "frame" they are looked for here, in this frame alone.

    Returns
    -------
    Frame
        Hot pixels filled with the median of their nearest good neighbours of the same colour, or masked; the very same
        pixels where there is nothing to do.
    """
    if hot_pixels.repair == "keep" or hot_pixels.source == "off":
        return frame
    found = hot_indices(frame, hot_pixels)
    if found.size == 0:
        return frame
    bad = np.zeros(frame.shape, bool) if frame.mask is None else frame.mask.copy()
    bad.ravel()[found] = True
    if hot_pixels.repair == "mask":
        return replace(frame, mask=readonly(bad))
    from pipeline.kernels.hot import mended

    values = mended(frame.pixels, bad, found, frame.pattern)
    good = np.isfinite(values)
    if frame.pixels.dtype == np.uint16:
        values = np.rint(values)
    pixels = frame.pixels.copy()
    pixels.ravel()[found[good]] = values[good].astype(pixels.dtype)
    return replace(frame, pixels=readonly(pixels), mask=_mask_without(frame, bad, found[good]))


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
    if hot_pixels.mask is not None:
        return np.flatnonzero(hot_pixels.mask) if hot_pixels.mask.shape == frame.shape else np.empty(0, np.int64)
    if hot_pixels.source != "frame":
        return np.empty(0, np.int64)
    from pipeline.kernels.hot import lone_pixels
    from pipeline.stages.first_look import first_look

    look = first_look(frame, red=hot_pixels.red, blue=hot_pixels.blue)
    return lone_pixels(look.image, look.noise, hot_pixels.sigma, hot_pixels.contrast, look.step)


def _mask_without(frame: Frame, bad: np.ndarray, mended: np.ndarray) -> np.ndarray | None:
    """The frame's mask after mending: what was masked before stays, what could not be mended joins it."""
    bad.ravel()[mended] = False
    if frame.mask is not None:
        bad |= frame.mask
    return readonly(bad) if bad.any() else None
