"""A frame's sky taken off in a hurry, for stages that come before the sky is measured properly."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pipeline.frame import Background, Frame

# Side of a box, pixels; clipping in it, standard deviations.
_BOX, _CLIP = 64, 3.0
#: Of frames with more pixels a quarter tells the sky: every second pair of rows, and of columns.
_MANY = 4_000_000


class FirstLook(NamedTuple):
    """A picture without its sky.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        (pixel - black - sky) x factor; NaN where bad.
    noise : ndarray of float32, shape (2, 2)
        Standard deviation of a sky pixel in ``image``, by row and column parity.
    sky : Background
        What was taken off.
    step : int
        Distance to the next pixel of the same colour.
    """

    image: np.ndarray
    noise: np.ndarray
    sky: Background
    step: int


def first_look(frame: Frame, *, red: float = 1.0, blue: float = 1.0) -> FirstLook:
    """Take off the median of each box, colour by colour.

    Parameters
    ----------
    frame : Frame
        As read.
    red, blue : float
        Factors of these colours, green being 1.

    Returns
    -------
    FirstLook
    """
    # Stages are declared in the order in which their modules load, and this one serves stages before these two.
    from pipeline.stages.background import colour_numbers
    from pipeline.stages.normalize import normalized_image

    sky = first_sky(frame)
    factors = {"red": red, "blue": blue}
    levels = [np.median(noise) * factors.get(name, 1.0) for name, noise in sky.noise.items()]
    noise = np.array(levels, np.float32)[colour_numbers(frame.pattern)]
    image = normalized_image(frame, sky, red=red, blue=blue)
    return FirstLook(image, noise, sky, 1 if frame.pattern == "none" else 2)


def first_sky(frame: Frame) -> Background:
    """The median of each box of a frame, colour by colour.

    Parameters
    ----------
    frame : Frame
        As read.

    Returns
    -------
    Background
    """
    from pipeline.stages.background import background

    if frame.pixels.size <= _MANY:
        return background(frame, box_size=_BOX, sigma_clip=_CLIP, estimator="median")
    mask = None if frame.mask is None else _quarter(frame.mask)
    sky = background(
        replace(frame, pixels=_quarter(frame.pixels), mask=mask),
        box_size=_BOX // 2,
        sigma_clip=_CLIP,
        estimator="median",
    )
    return replace(sky, box_size=_BOX, shape=frame.shape)


def _quarter(image: np.ndarray) -> np.ndarray:
    """Every second pair of rows, and of columns."""
    ny, nx = ((size // 4) * 2 + min(size % 4, 2) for size in image.shape)
    some = np.empty((ny, nx), image.dtype)
    for row in (0, 1):
        for column in (0, 1):
            some[row::2, column::2] = image[row::4, column::4]
    return some
