"""Which frames are used: by hand, and by limits on what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as ListLike
from pathlib import PurePath
from types import MappingProxyType
from typing import Annotated

import numpy as np

from pipeline.frame import Failure, FrameInfo, Sequence, readonly
from pipeline.knob import Knob, KnobError, Range, nearest
from pipeline.stage import stage
from pipeline.tables import Selection, StarTable

METRICS = ("stars", "fwhm", "roundness", "background", "noise", "saturated")
_OF_HEADER = ("exposure", "gain")
_OF_TABLE = tuple(name for name in METRICS if name != "stars")
#: What can have a limit.
LIMITED = (*METRICS, "residual", *_OF_HEADER)
_BY_HAND = "left out by hand"
_NO_REASONS: Mapping[str, str] = MappingProxyType({})
_NO_LIMITS: Mapping[str, Range] = MappingProxyType({})


@stage(version=3, scope="sequence")
def selection(
    frames: Sequence,
    stars: ListLike[StarTable | Failure],
    *,
    rejected: Annotated[dict[str, str], Knob("frames left out by hand, and why")] = _NO_REASONS,
    limits: Annotated[dict[str, Range], Knob("lowest and highest value of a metric of the frame table")] = _NO_LIMITS,
) -> Selection:
    """Leave out frames by hand or by their measures; what is left out above stays in the store.

    Parameters
    ----------
    frames : Sequence
        The lights.
    stars : list of StarTable or Failure
        One for each frame.
    rejected : dict of str to str
        File to reason. A file that is not in the sequence is passed over, so that a recipe serves other nights too.
    limits : dict of str to (float, float)
        Any of stars, fwhm (px), roundness, background (ADU), noise (ADU), saturated (pixels), exposure (s), gain, and
        residual (px), which acts once the frames have been followed.

    Returns
    -------
    Selection

    Raises
    ------
    KnobError
        For a limit on something that is no metric.
    """
    for name in limits:
        if name not in LIMITED:
            raise KnobError(f"selection.limits: no metric {name}" + nearest(name, LIMITED))
    values = _metrics(frames, stars)
    by_hand = _by_hand(frames, rejected)
    reasons = tuple(_reason(frames, stars, values, by_hand, limits, i) for i in range(len(frames.frames)))
    used = readonly(np.array([not reason for reason in reasons], bool))
    metrics = {name: readonly(values[name]) for name in METRICS}
    return Selection(used, reasons, metrics, limits.get("residual"))


def _metrics(frames: Sequence, stars: ListLike[StarTable | Failure]) -> dict[str, np.ndarray]:
    """Every metric of every frame, NaN where there is none."""
    values = {name: np.full(len(frames.frames), np.nan) for name in (*METRICS, *_OF_HEADER)}
    for i, info in enumerate(frames.frames):
        for name in _OF_HEADER:
            known = getattr(info, name)
            values[name][i] = np.nan if known is None else known
        if frames.unusable[i] or isinstance(stars[i], Failure):
            continue
        values["stars"][i] = len(stars[i].kept)
        for name in _OF_TABLE:
            values[name][i] = stars[i].metrics.get(name, np.nan)
    return values


def _by_hand(frames: Sequence, rejected: Mapping[str, str]) -> dict[int, str]:
    """Frame number to reason; a bare name serves where only one frame has it."""
    chosen = {}
    names = [PurePath(info.file).name for info in frames.frames]
    for i, info in enumerate(frames.frames):
        if info.file in rejected:
            chosen[i] = rejected[info.file]
        elif names[i] in rejected and names.count(names[i]) == 1:
            chosen[i] = rejected[names[i]]
    return chosen


def _reason(
    frames: Sequence,
    stars: ListLike[StarTable | Failure],
    values: dict[str, np.ndarray],
    by_hand: dict[int, str],
    limits: Mapping[str, Range],
    i: int,
) -> str:
    """Why a frame is left out, or ""."""
    info: FrameInfo = frames.frames[i]
    if frames.unusable[i]:
        return frames.unusable[i]
    if i in by_hand:
        why = f" ({by_hand[i]})" if by_hand[i] not in ("", _BY_HAND) else ""
        remedy = "tick it in the table of frames, or take it out of selection.rejected, to use it again"
        return f"{info.file}: {_BY_HAND}{why}: {remedy}"
    if isinstance(stars[i], Failure):
        return stars[i].message
    for name, (low, high) in limits.items():
        if name == "residual":
            continue
        value = values[name][i]
        if np.isnan(value):
            return f"{info.file}: {name} is not known: take the limit on it away to use the frame"
        if not low <= value <= high:
            broken = f"below {low:g}" if value < low else f"above {high:g}"
            return f"{info.file}: {name} {broken} ({value:.4g}): widen selection.limits to use it"
    return ""
