"""Bias: what the electronics add to every pixel, without light and without time."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.masters import Master
from pipeline.read.rows import Rows
from pipeline.stage import stage
from pipeline.stages.combining import Clip, Combine, combine_rows, facts, few, median_of, readable, roll, sample


@stage(version=2, scope="sequence")
def master_bias(
    calibration: Sequence[Rows],
    *,
    combine: Combine = "median",
    clip: Clip = 3.0,
) -> Master:
    """Combine the bias frames into one.

    Parameters
    ----------
    calibration : sequence of Rows
        Rows of the calibration frames; those of kind "bias" are taken.
    combine, clip
        Knobs.

    Returns
    -------
    Master
        ADU above black and overscan; without an image where there is no bias frame.

    Notes
    -----
    The noise of a median of n frames is 1.25 / sqrt(n) of one frame's for large n, that of a mean 1 / sqrt(n)
    (Kenney and Keeping 1962, Mathematics of Statistics, 1, 13.13); the median hears nothing of a cosmic ray.
    """
    readers, left_out = readable(one for one in calibration if one.info.kind == "bias")
    medians = {reader.info.file: median_of(sample(reader)) for reader in readers}
    frames = roll(calibration, "bias", medians, left_out)
    if not readers:
        return Master("bias", left_out=tuple(left_out), frames=frames)
    image = combine_rows(readers, combine, clip)
    told = facts(readers, image, combine)
    levels = tuple(medians[reader.info.file] for reader in readers)
    warnings = few("bias", readers)
    return Master("bias", left_out=tuple(left_out), warnings=warnings, levels=levels, frames=frames, **told)
