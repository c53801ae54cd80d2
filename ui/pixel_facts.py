"""The pixels of a picture as their tab shows them: numbers, sentences, a table. Plain functions, no widgets."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np

from pipeline.masters import Master
from pipeline.stages.normalize import full_pixels
from pipeline.statistics import Statistics, Survey
from ui.colours import Palette
from ui.pictures import part_of
from ui.stretch import number

if TYPE_CHECKING:
    from pipeline.knob import Rectangle
    from ui.scene import Scene

#: Kinds whose pixels keep the colours of a mosaic; the others are the same for all colours.
_OF_A_MOSAIC = (
    "raw", "calibrated", "background", "subtracted", "normalized", "sum", "master_bias", "master_dark", "master_flat",
    "difference",
)  # fmt: skip
MASTERS = ("master_bias", "master_dark", "master_flat")
_WIDTHS = (62, 64, 56, 60, 56, 34)
_HEADS = {
    "median": "The middle value",
    "deviation": "Standard deviation of the pixels within 3 deviations of the median, clipped up to five times",
    "min": "The smallest value",
    "max": "The largest value",
    "no value": "Pixels that are NaN: masked, outside, or not a number in the file",
    "full": "Saturated pixels",
}


def pattern_of(scene: Scene, kind: str) -> str:
    """The colours of a picture's pixels, one of PATTERNS."""
    if kind in ("aligned", "stack"):
        result = scene[kind]
        part = result if kind == "aligned" or result is None else part_of(scene, kind, result)[0]
        return "none" if part is None else part.pattern
    sequence = scene["frames"]
    if kind not in _OF_A_MOSAIC or sequence is None or scene.frame >= len(sequence.frames):
        return "none"
    return sequence.frames[scene.frame].pattern


def full_of(scene: Scene, kind: str) -> np.ndarray | None:
    """Flat indices of the pixels of a picture that are full; None where that is not known, or has no meaning."""
    frame = scene["frame"] if kind == "raw" else scene["calibrated"] if kind == "calibrated" else None
    if frame is not None:
        return None if frame.full is None and frame.info.saturation is None else full_pixels(frame)
    normalized = scene["normalize"] if kind in ("subtracted", "normalized") else None
    if normalized is not None:
        return None if normalized.saturated is None and not normalized.full.size else normalized.full
    master = master_of(scene, kind)
    # What was taken off a dark or a flat is not known pixel by pixel here.
    if master is None or master.full is None or not (master.kind == "bias" or master.with_bias):
        return None
    return np.flatnonzero(master.image >= np.float32(master.full))


def master_of(scene: Scene, kind: str) -> Master | None:
    """The master that a kind of picture shows for the frame shown."""
    if kind not in MASTERS or scene[kind] is None:
        return None
    master = part_of(scene, kind, scene[kind])[0]
    return None if master is None or master.image is None else master


def unexposed_of(flat: Master) -> int:
    """How many pixels of a flat have too little light."""
    return 0 if flat.unexposed is None else int(np.count_nonzero(flat.unexposed))


def count(number_of: int | None) -> str:
    """A whole number in groups of three, or a dash."""
    return "\u2013" if number_of is None else f"{number_of:,}"


def cells(one: Statistics) -> list[str]:
    """Numbers of a row, in the order of the head."""
    # Digits that the deviation has meaning for; the ends are as far apart as they are.
    fine = one.deviation if one.deviation > 0 else one.high - one.low
    ends = one.high - one.low
    values = [(one.median, fine), (one.deviation, fine), (one.low, ends), (one.high, ends)]
    words = [number(value, span) if np.isfinite(value) else "\u2013" for value, span in values]
    return [*words, count(one.missing), count(one.full)]


def table(whole: Survey, part: Survey | None, colours: Palette) -> str:
    """Statistics of a picture and of a region of it, as HTML; the region's rows are there without one too."""
    look = "padding:0 0 0 6px;text-align:right;font-weight:400"
    left = "text-align:left;font-weight:400;padding:0"
    head = "".join(
        f'<th scope="col" title="{words}" style="{look};width:{width}px">{name}</th>'
        for (name, words), width in zip(_HEADS.items(), _WIDTHS, strict=True)
    )
    rows = [f'<tr style="color:{colours.second};font-size:12px"><th style="{left}"></th>{head}</tr>']
    alone = list(whole.colours) == ["mono"]
    for name, survey in (("Picture", whole), ("Region", part)):
        if not alone:
            rows.append(f'<tr><th scope="rowgroup" colspan="7" style="{left};color:{colours.second}">{name}</th></tr>')
        for colour in whole.colours:
            values = ["\u2013"] * 6 if survey is None else cells(survey.colours[colour])
            tint = colours.third if survey is None else colours.text
            said = "".join(f'<td style="{look};color:{tint}">{value}</td>' for value in values)
            rows.append(f'<tr><th scope="row" style="{left}">{name if alone else colour}</th>{said}</tr>')
    style = (
        "width:100%;table-layout:fixed;border-collapse:collapse;font:13px/20px Roboto,sans-serif;"
        f"font-variant-numeric:tabular-nums;white-space:nowrap;color:{colours.text}"
    )
    return f'<table aria-label="Statistics" style="{style}">{"".join(rows)}</table>'


def place(region: Rectangle | None, beyond: int, pixels: int) -> str:
    """Where the region lies, or how to have one, and what the histogram does not show."""
    out = f" {100 * beyond / pixels:.2g}\u2009% of the pixels lie beyond the histogram." if beyond else ""
    if region is None:
        return f"Drag a region on the picture to compare it; its button is the dashed square above.{out}"
    x0, y0, x1, y1 = region
    return f"Region of {x1 - x0} \u00d7 {y1 - y0}\u2009px, from x {x0}, y {y0} to x {x1 - 1}, y {y1 - 1}.{out}"


def master_words(master: Master, region: str | Rectangle) -> str:
    """What a master was made of, what that did to the noise, and how a flat was levelled."""
    unit = "" if master.kind == "flat" else "\u2009ADU"
    plural = "s" if master.count > 1 else ""
    of = f" of filter {html.escape(master.filter)}" if master.filter else ""
    said = f"{master.count} {master.kind} frame{plural}{of}"
    said += "." if master.exposure is None else f" of {master.exposure:.3g}\u2009s."
    if master.count > 1 and master.single_noise > 0:
        ideal = master.single_noise / master.count**0.5
        said += (
            f" Noise of one {master.single_noise:.3g}{unit}, of the master {master.noise:.3g}{unit}; "
            f"1/\u221a{master.count} of one is {ideal:.3g}{unit}."
        )
        if master.noise > 1.15 * master.error:
            said += (
                f" Chance alone would leave {master.error:.3g}{unit}; the rest is a pattern, of the pixels or of what "
                "was taken off, which more of these frames do not take away."
            )
    elif np.isfinite(master.noise):
        said += f" Noise {master.noise:.3g}{unit}; more frames would have less."
    if master.kind == "flat":
        said += f" {_levelled(region)}"
        unexposed = unexposed_of(master)
        share = f"{100 * unexposed / master.image.size:.2g}\u2009%"
        some = f"{count(unexposed)} pixels ({share}) are unexposed and have no value."
        said += f" {some}" if unexposed else " No pixel is unexposed."
    return said


def _levelled(region: str | Rectangle) -> str:
    words = {
        "lit": "The outlined pixels, above half of the 90th percentile, have the median 1.",
        "frame": "The whole frame has the median 1.",
        "max": "The brightest pixel, ringed, is 1.",
    }
    return words.get(region, "The outlined rectangle has the median 1.")
