"""Frames: which files are the lights of one field, in which order they are followed, and which one is the reference."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Annotated, Literal

from pipeline.frame import KINDS, Failure, FrameError, FrameInfo, Sequence
from pipeline.knob import Knob, KnobError, nearest
from pipeline.read.folder import natural_key
from pipeline.stage import stage

_NO_CORRECTIONS: Mapping[str, str] = MappingProxyType({})


@stage(version=3, scope="sequence")
def frames(
    files: tuple[FrameInfo | Failure, ...],
    *,
    reference: Annotated[
        str | None, Knob("the frame that the others are compared with, by its name", none="auto")
    ] = None,
    order: Annotated[Literal["time", "name"], Knob("what puts the frames in order")] = "time",
    pattern: Annotated[
        Literal["auto", "none", "RGGB", "BGGR", "GRBG", "GBRG"],
        Knob("colours of the first 2 x 2 pixels; auto: as the file says; none: monochrome"),
    ] = "auto",
    overscan: Annotated[
        Literal["auto", "off"],
        Knob("auto: the level of the columns that the header calls overscan is taken off; off: they are taken for sky"),
    ] = "auto",
    kinds: Annotated[dict[str, str], Knob("corrections by hand: file = light, bias, dark or flat")] = _NO_CORRECTIONS,
) -> Sequence:
    """Tell lights from calibration frames, put the lights in order and choose the reference.

    Parameters
    ----------
    files : tuple of FrameInfo or Failure
        What the headers of all named files say, in any order. A file of unknown kind is a light.
    reference : str, optional
        File name or path; by default the first by time of the lights that have the commonest size.
    order : str
        "time" (then name; frames without a time come last), or "name" (numbers in names count as numbers).
    pattern : str
        Replaces what the files say, unless "auto".
    overscan : str
        Used where the pixels are read.
    kinds : dict of str to str
        Kinds that replace those of the headers.

    Returns
    -------
    Sequence
        Every light in order, why a light cannot be used, the bias, dark and flat frames that fit the lights, and what
        was left out.

    Raises
    ------
    FrameError
        Where no file is a light.
    KnobError
        Where the reference is none of the lights, or a kind is no kind.
    """
    lights, others, left_out = _sort_out(files, kinds, pattern)
    if not lights:
        told = [f"{info.file}: is a {info.kind} ({info.kind_reason})" for info in others]
        reasons = "; ".join([*(reason for _, reason in left_out), *told][:3])
        several = "the only file is no light" if len(files) == 1 else f"none of the {len(files)} files is a light"
        found = several if files else "there is no file"
        remedy = "name other files, or correct their kind with frames.kinds"
        raise FrameError("lights", found + (f" ({reasons})" if reasons else ""), remedy)
    lights.sort(key=_by_time if order == "time" else _by_name)
    shape = _commonest_shape(lights, reference)
    unusable = tuple(_why_unusable(info, shape) for info in lights)
    chosen = _choose_reference(lights, unusable, reference, left_out, others)
    fitting = []
    for info in sorted(others, key=lambda info: (KINDS.index(info.kind), _by_name(info))):
        if reason := _why_misfit(info, lights[chosen]) or _why_no_light_of_its_filter(info, lights):
            left_out.append((info.file, f"{info.file}: {reason}"))
        else:
            fitting.append(replace(info, pattern=lights[chosen].pattern))
    return Sequence(tuple(lights), unusable, chosen, tuple(left_out), tuple(fitting))


def _sort_out(
    files: tuple[FrameInfo | Failure, ...], kinds: Mapping[str, str], pattern: str
) -> tuple[list[FrameInfo], list[FrameInfo], list[tuple[str, str]]]:
    """Lights, calibration frames, and what could not be read."""
    for file, kind in kinds.items():
        if kind not in KINDS:
            raise KnobError(f"frames.kinds.{file} = {kind!r}: wants one of {', '.join(KINDS)}")
    found: dict[str, FrameInfo] = {}
    left_out = []
    for info in files:
        if isinstance(info, Failure):
            left_out.append((info.file, info.message))
            continue
        kind = kinds.get(info.file, info.kind) or "light"
        if info.file in kinds:
            info = replace(info, kind=kind, kind_reason="by hand")
        sorted_in = replace(info, kind=kind, pattern=info.pattern if pattern == "auto" else pattern)
        found.setdefault(os.path.realpath(info.path), sorted_in)
    lights = [info for info in found.values() if info.kind == "light"]
    return lights, [info for info in found.values() if info.kind != "light"], left_out


def _is_no_light(info: FrameInfo) -> str:
    remedy = f"it serves as a {info.kind}; if it is a light, correct it with frames.kinds"
    return f"{info.file}: is a {info.kind}, no light ({info.kind_reason}): {remedy}"


def _why_misfit(info: FrameInfo, light: FrameInfo) -> str:
    """Why a calibration frame does not fit the lights, or ""."""
    remedy = f"give {info.kind} frames taken as the lights were"
    if info.shape != light.shape:
        sizes = f"{info.shape[1]} x {info.shape[0]} pixels, the lights {light.shape[1]} x {light.shape[0]}"
        return f"is a {info.kind} of another size ({sizes}): {remedy}"
    if info.binning and light.binning and info.binning != light.binning:
        binned = " against ".join(f"{across} x {down}" for across, down in (info.binning, light.binning))
        return f"is a {info.kind} of another binning ({binned}): {remedy}"
    if "none" not in (info.pattern, light.pattern) and info.pattern != light.pattern:
        return f"is a {info.kind} of another mosaic ({info.pattern}, the lights {light.pattern}): {remedy}"
    # A flat is divided by its own level, so its gain does not matter.
    for name, here, there in (("ISO", info.iso, light.iso), ("gain", info.gain, light.gain)):
        if info.kind != "flat" and here and there and abs(here - there) > 0.01 * abs(there):
            return f"is a {info.kind} of another {name} ({here:g}, the lights {there:g}): {remedy}"
    return ""


def _why_no_light_of_its_filter(info: FrameInfo, lights: list[FrameInfo]) -> str:
    """Why a flat serves no light, or ""."""
    names = dict.fromkeys(light.filter for light in lights)
    known = {name.casefold() for name in names}
    if info.kind != "flat" or not info.filter or "" in known or info.filter.casefold() in known:
        return ""
    return (
        f"is a flat of another filter ({info.filter}, the lights {', '.join(names)}): give flats of the lights' filter"
    )


def _by_name(info: FrameInfo) -> tuple:
    return (natural_key(info.file), info.path)


def _by_time(info: FrameInfo) -> tuple:
    return (info.time is None, info.time.mjd if info.time is not None else 0.0, *_by_name(info))


def _is_named(info: FrameInfo, name: str) -> bool:
    path = os.path.abspath(info.path)
    names = (info.file, os.path.basename(path), path, os.path.realpath(path))
    return name in names or path.endswith("/" + name.removeprefix("./"))


def _commonest_shape(lights: list[FrameInfo], reference: str | None) -> tuple[int, int]:
    """The size of most lights; of equally common ones the reference's, else that of the first light."""
    counts = Counter(info.shape for info in lights)
    most = max(counts.values())
    named = [info.shape for info in lights if reference is not None and _is_named(info, reference)]
    return next(shape for shape in (*named, *(info.shape for info in lights)) if counts[shape] == most)


def _why_unusable(info: FrameInfo, shape: tuple[int, int]) -> str:
    if info.shape == shape:
        return ""
    sizes = f"{info.shape[1]} x {info.shape[0]} pixels, most frames {shape[1]} x {shape[0]}"
    return f"{info.file}: has another size than the others ({sizes}): run frames of that size by themselves"


def _choose_reference(
    lights: list[FrameInfo],
    unusable: tuple[str, ...],
    reference: str | None,
    left_out: list[tuple[str, str]],
    others: list[FrameInfo],
) -> int:
    if reference is None:
        return min((i for i, reason in enumerate(unusable) if not reason), key=lambda i: _by_time(lights[i])[:2])
    found = [i for i, info in enumerate(lights) if info.file == reference]
    found = found or [i for i, info in enumerate(lights) if _is_named(info, reference)]
    if len(found) > 1:
        names = ", ".join(lights[i].file for i in found)
        raise KnobError(f"frames.reference = {reference!r}: fits several files ({names}): give the folder too")
    if found:
        if unusable[found[0]]:
            raise KnobError(f"frames.reference = {reference!r}: cannot be the reference: {unusable[found[0]]}")
        return found[0]
    for file, reason in [*left_out, *((info.file, _is_no_light(info)) for info in others)]:
        if reference in (file, os.path.basename(file)):
            raise KnobError(f"frames.reference = {reference!r}: cannot be the reference: {reason}")
    raise KnobError(
        f"frames.reference = {reference!r}: is none of the lights" + nearest(reference, [info.file for info in lights])
    )
