"""Pixels that shine without light, or too little: they stay while the stars move, or stand alone as no star can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np

from pipeline.frame import Failure, Frame, FrameError, HotPixels, readonly
from pipeline.knob import Knob
from pipeline.read.rows import Rows
from pipeline.stage import stage
from pipeline.stages.bad_pixels import from_columns_and_flats, from_darks
from pipeline.stages.raw_stars import StarMotion, star_contrast
from pipeline.stages.staying import staying

#: Frames that are asked which of their pixels are hot, and how many it takes.
MOST_FRAMES, LEAST_FRAMES = 9, 3


def without(knobs: Mapping[str, Any]) -> tuple[str, ...]:
    """Inputs that a way of looking does not need."""
    return {"auto": (), "dark": ("frame",), "off": ("frame", "calibration")}.get(knobs["find"], ("calibration",))


@stage(version=5, scope="sequence", sample=MOST_FRAMES, without=without)
def hot_pixels(
    frame: Sequence[Frame | Failure] | None,
    calibration: Sequence[Rows] | None = (),
    *,
    find: Annotated[
        Literal["auto", "off", "dark", "sequence", "frame"],
        Knob(
            "where they are looked for: darks and flats, what stays in a sequence that moves, or each frame by itself"
        ),
    ] = "auto",
    sigma: Annotated[
        float, Knob("height above the neighbours of the same colour", unit="sigma", low=3, high=100, step=0.5)
    ] = 8.0,
    repair: Annotated[
        Literal["interpolate", "mask", "keep"],
        Knob("take off what they add where that is steady, else fill from neighbours; mark as bad; or leave them"),
    ] = "interpolate",
) -> HotPixels:
    """Find pixels that shine without light.

    Parameters
    ----------
    frame : sequence of Frame or Failure
        The lights as read, in order of time. Up to nine of them, spread over the sequence, are looked at.
    calibration : sequence of Rows
        Bias, dark and flat frames.
    find, sigma, repair
        Knobs. "auto" looks at the darks where there are some; else it takes what stays, bright or dark, in the median
        of unaligned frames where the stars are seen to move, and else searches each frame by itself. With "auto" and
        "dark" columns that stand out in bias, dark or flat are bad too.

    Returns
    -------
    HotPixels
        The mask, or for "frame" what :func:`pipeline.stages.calibrated.calibrated` needs to search each frame. Of a
        sequence of one exposure also what pixels add that are too high by the same in every frame.

    Raises
    ------
    FrameError
        For "dark" where there is no dark frame, and where no frame can be read.
    """
    if find == "off":
        return HotPixels(None, "off", sigma, repair)
    bad = None
    if find in ("auto", "dark"):
        dark = from_darks(calibration, sigma)
        bad = from_columns_and_flats(calibration)
        if dark is not None:
            return HotPixels(dark, "dark", sigma, repair, bad=bad)
        if find == "dark":
            raise FrameError(
                "hot_pixels.find = dark", "there is no dark frame among the files", "choose sequence or frame"
            )
    samples = _samples(frame) if find in ("auto", "sequence") else []
    if len(samples) >= LEAST_FRAMES:
        moved = StarMotion(samples)
        if moved.any or find == "sequence":
            stay = staying(samples, sigma, moved)
            found = HotPixels(readonly(stay.mask), "sequence", sigma, repair, moved.any, bad=bad)
            exposures = {one.info.exposure for one in samples}
            if len(exposures) > 1:
                return found
            steady, excess = readonly(stay.steady), readonly(stay.excess)
            return replace(found, steady=steady, excess=excess, exposure=exposures.pop())
    elif find == "sequence":
        raise FrameError(
            "hot_pixels.find = sequence",
            f"wants {LEAST_FRAMES} frames of one shape ({len(samples)})",
            "add frames, or choose frame",
        )
    single = samples[0] if samples else _first_readable(frame)
    contrast, factors = star_contrast(single)
    return HotPixels(None, "frame", sigma, repair, False, contrast, factors["red"], factors["blue"], bad)


def _samples(frame: Sequence[Frame | Failure]) -> list[Frame]:
    """Up to nine frames of one kind, an odd number, evenly spread over the sequence."""
    wanted = min(MOST_FRAMES, len(frame))
    chosen = np.unique(np.rint(np.linspace(0, len(frame) - 1, wanted)).astype(int)) if wanted else ()
    read = [one for one in (frame[int(i)] for i in chosen) if isinstance(one, Frame)]
    alike = [one for one in read if one.shape == read[0].shape and one.pixels.dtype == read[0].pixels.dtype]
    return alike[: len(alike) - 1 + len(alike) % 2] if len(alike) >= LEAST_FRAMES else alike


def _first_readable(frame: Sequence[Frame | Failure]) -> Frame:
    for one in frame:
        if isinstance(one, Frame):
            return one
    raise FrameError("hot_pixels", "no frame can be read", "check the files")
