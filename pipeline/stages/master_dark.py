"""Dark: what gathers in a pixel with time and without light."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pipeline.knob import Knob
from pipeline.masters import NO_BIAS, Master, MasterDarks, same_exposure
from pipeline.read.rows import Rows
from pipeline.stage import stage
from pipeline.stages.combining import Clip, Combine, combine_rows, facts, few, median_of, readable, roll, sample


@stage(version=3, scope="sequence")
def master_dark(
    calibration: Sequence[Rows],
    master_bias: Master = NO_BIAS,
    *,
    combine: Combine = "median",
    clip: Clip = 3.0,
    scale: Annotated[
        Literal["auto", "never"],
        Knob("auto: a dark stands for other exposures too, in proportion to time; never: only for its own"),
    ] = "auto",
) -> MasterDarks:
    """Combine the dark frames of each exposure into one and take off the bias.

    Parameters
    ----------
    calibration : sequence of Rows
        Rows of the calibration frames; those of kind "dark" are taken, those without their bias as they are.
    master_bias : Master
        Taken off where there is one. Without one a dark keeps the bias in it, and takes both off a light.
    combine, clip, scale
        Knobs.

    Returns
    -------
    MasterDarks
        One master for each exposure (equal to 1 %), ADU; empty where there is no dark.

    Notes
    -----
    Frames are combined before the bias is taken off: a number taken off each value of a pixel moves their median, their
    mean and what is clipped by that number, so the order does not matter, and this one costs one subtraction.
    """
    readers, left_out = readable(one for one in calibration if one.info.kind == "dark")
    medians = {reader.info.file: median_of(sample(reader)) for reader in readers}
    masters, warnings = [], []
    for exposure, group in _by_exposure(readers):
        name = "dark" if exposure is None else f"dark of {exposure:g} s"
        group, spare = _alike(group)
        for one in spare:
            problem = f"has no bias in it, and single frames make the {name}"
            left_out.append((one.info.file, f"{one.info.file}: {problem}: give one or the other"))
        image = combine_rows(group, combine, clip)
        bare = group[0].info.bias_off
        if master_bias.image is not None and not bare:
            image -= master_bias.image
        told = facts(group, image, combine)
        warnings += few(name, group)
        levels = tuple(medians[reader.info.file] for reader in group)
        without = master_bias.image is None and not bare
        masters.append(Master("dark", exposure=exposure, with_bias=without, levels=levels, **told))
    frames = roll(calibration, "dark", medians, left_out)
    return MasterDarks(tuple(masters), scale, tuple(left_out), tuple(warnings), frames)


def _alike(group: Sequence[Rows]) -> tuple[list[Rows], list[Rows]]:
    """The darks with the bias in them, or where there are only masters without it those; and the others."""
    bare = [one for one in group if one.info.bias_off]
    return (bare, []) if len(bare) == len(group) else ([one for one in group if not one.info.bias_off], bare)


def _by_exposure(readers: Sequence[Rows]) -> list[tuple[float | None, list[Rows]]]:
    """Frames of equal exposure together, the shortest first; those whose header says none come last."""
    known = sorted((one for one in readers if one.info.exposure is not None), key=lambda one: one.info.exposure)
    groups: list[tuple[float | None, list[Rows]]] = []
    for one in known:
        if groups and same_exposure(groups[-1][0], one.info.exposure):
            groups[-1][1].append(one)
        else:
            groups.append((one.info.exposure, [one]))
    unknown = [one for one in readers if one.info.exposure is None]
    return [*groups, (None, unknown)] if unknown else groups
