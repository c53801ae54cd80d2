"""Stacks as their tab shows them: numbers, sentences, pictures. Plain functions, no widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.alignment import Stack, Stacks
from pipeline.preview import Preview
from pipeline.statistics import survey
from ui.colours import LOST
from ui.star_card import png
from ui.stretch import LIMITS, shares

METHODS = {
    "median": "median",
    "mean": "mean",
    "clipped": "mean without what lies far off",
    "winsorized": "mean without what lies far off the drawn-in width",
}


@dataclass(frozen=True)
class Levels:
    """Statistics of a picture.

    Parameters
    ----------
    median, deviation, low, high : float
        ADU; the deviation is the clipped one.
    """

    median: float
    deviation: float
    low: float
    high: float


@dataclass(frozen=True)
class StackFacts:
    """What is told of a stack.

    Parameters
    ----------
    width : float or None
        Of its stars, pixels.
    single_width : float
        Of the stars of its median frame, pixels; NaN where it is not known.
    levels : Levels
        Of the whole picture.
    rejected : float
        Share of all values that were left out.
    """

    width: float | None
    single_width: float
    levels: Levels
    rejected: float


@dataclass(frozen=True)
class PreviewFacts:
    """What is told of a part of the field.

    Parameters
    ----------
    single, stack : str
        Pictures as data addresses: one frame, and the stack with what was rejected in colour.
    single_levels, levels : Levels
        Statistics of both.
    rejected : float
        Share of all values that were left out.
    """

    single: str
    stack: str
    single_levels: Levels
    levels: Levels
    rejected: float


def levels_of(image: np.ndarray, pattern: str = "none") -> Levels:
    """Statistics of a picture, on a mosaic median and deviation of green; NaN where nothing of it has a value."""
    colours = survey(image, pattern).colours
    main = colours.get("green", colours.get("mono"))
    ends = np.array([(one.low, one.high) for one in colours.values()])
    return Levels(main.median, main.deviation, float(np.fmin.reduce(ends[:, 0])), float(np.fmax.reduce(ends[:, 1])))


def share_rejected(count: np.ndarray, rejected: np.ndarray) -> float:
    """Share of all values that were left out because they lie far off."""
    out = float(rejected.sum(dtype=np.int64))
    total = out + float(count.sum(dtype=np.int64))
    return out / total if total else 0.0


def stack_facts(stack: Stack, widths: np.ndarray) -> StackFacts:
    """Measure a stack; takes tenths of a second on a large one, so call it in a thread.

    Parameters
    ----------
    stack : Stack
        The stack.
    widths : ndarray, shape (frames,)
        Width of the stars in every frame of the sequence, pixels.
    """
    from pipeline.kernels.seeing import star_width

    own = widths[list(stack.indices)]
    known = own[np.isfinite(own)]
    return StackFacts(
        width=star_width(stack.image, np.zeros(0, np.int64), stack.pattern),
        single_width=float(np.median(known)) if known.size else float("nan"),
        levels=levels_of(stack.image, stack.pattern),
        rejected=share_rejected(stack.count, stack.rejected),
    )


def preview_facts(preview: Preview, frame: int) -> PreviewFacts:
    """Draw and measure a part of the field; both pictures have one stretch, so that their noise can be compared."""
    cube = preview.cube
    single = cube.values[cube.indices.index(frame) if frame in cube.indices else 0]
    noise = preview.noises[0] if np.isfinite(preview.noises[0]) and preview.noises[0] > 0 else 1.0
    # A sky that was not taken off is no light.
    ground = float(np.nanmedian(preview.image)) if np.isfinite(preview.image).any() else 0.0
    low, high = (ground + limit * noise for limit in LIMITS)
    number = len(cube.indices)
    return PreviewFacts(
        single=png(shares(single, "asinh", low, high)),
        stack=png(marked(shares(preview.image, "asinh", low, high), preview.rejected, number)),
        single_levels=levels_of(single, cube.pattern),
        levels=levels_of(preview.image, cube.pattern),
        rejected=share_rejected(preview.count, preview.rejected),
    )


def marked(brightness: np.ndarray, rejected: np.ndarray, number: int) -> np.ndarray:
    """Red, green and blue of a grey picture on which pixels are the more coloured the more values were rejected."""
    grey = np.nan_to_num(brightness)[..., None]
    ink = np.array([int(LOST[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    strength = np.where(rejected > 0, 0.45 + 0.55 * np.minimum(1.0, 3 * rejected / max(number, 1)), 0.0)[..., None]
    return (1 - strength) * grey + strength * ink


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many significant digits and a true minus, or a dash."""
    if value is None or not np.isfinite(value):
        return "\u2013"
    size = abs(value)
    text = f"{value:.0f}" if size >= 10 ** (digits - 1) else f"{value:#.{digits}g}" if size else "0"
    return text.replace("-", "\u2212")


def promise(count: int) -> str:
    """What independent frames of equal noise would gain."""
    if count < 2:
        return "One frame has nothing to gain from."
    root = count**0.5
    median = f", a median {root / 1.2533:.2f}" if count > 2 else ""
    return f"Of {count} independent frames a mean gains \u221a{count} = {root:.2f}{median}."


def also_stacked(filters: Sequence[str], shown: str) -> str:
    """Say of which other filters there are stacks; of frames without one the filter is ""."""
    others = [one or "frames without a filter" for one in filters if one != shown]
    return f" Also stacked: {', '.join(others)}; go to such a frame to see it." if others else ""


def title(stack: Stack, combine: str) -> str:
    """What a stack is: "Stack V: median of 10 frames, 150 s"."""
    count = len(stack.files)
    time = "" if stack.exposure is None else f", {stack.exposure:g}\u2009s together"
    name = f"Stack {stack.filter}".strip()
    return f"{name}: {METHODS[combine]} of {count} frame{'s' if count > 1 else ''}{time}"


def chosen(stacks: Stacks, filter_name: str) -> Stack:
    """The stack of a filter, else the first."""
    return stacks.of(filter_name) or stacks.stacks[0]
