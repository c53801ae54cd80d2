"""Pixels that shine without light: they stay where they are while the stars move, or stand alone as no star can."""

from __future__ import annotations

from collections.abc import Sequence as Frames
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np

from pipeline.frame import Frame, FrameError, HotPixels, Sequence, readonly
from pipeline.stage import Knob, stage
from pipeline.stages.first_look import first_look

if TYPE_CHECKING:
    from pipeline.kernels.bright import BrightStars

MOST_FRAMES = 9
LEAST_FRAMES = 3
LEAST_STARS = 8
#: A well-sampled star's peak is at most 1.8 times its highest neighbour (fwhm 2.2 pixels, centred on the pixel).
CONTRAST = 2.5


@stage(version=1, scope="sequence")
def hot_pixels(
    frame: Frames[Frame],
    frames: Sequence,
    *,
    find: Annotated[
        Literal["auto", "off", "dark", "sequence", "frame"],
        Knob("where they are looked for: what stays in a sequence that moves, or each frame by itself"),
    ] = "auto",
    sigma: Annotated[
        float, Knob("height above the neighbours of the same colour", unit="sigma", low=3, high=100, step=0.5)
    ] = 8.0,
    repair: Annotated[
        Literal["interpolate", "mask", "keep"], Knob("fill them from neighbours, mark them as bad, or leave them")
    ] = "interpolate",
) -> HotPixels:
    """Find pixels that shine without light.

    Parameters
    ----------
    frame : sequence of Frame or Failure
        One for each frame of ``frames``; only up to nine, spread over the sequence, are read.
    frames : Sequence
        The lights.
    find, sigma, repair
        Knobs. "auto" takes what stays in the median of unaligned frames where the stars are seen to move, and else
        searches each frame by itself.

    Returns
    -------
    HotPixels
        The mask, or for "frame" what :func:`pipeline.stages.calibrated.calibrated` needs to search each frame.

    Raises
    ------
    FrameError
        For "dark", while there is no dark frame, and where no frame can be read.
    """
    if find == "off":
        return HotPixels(None, "off", sigma, repair)
    if find == "dark":
        raise FrameError("hot_pixels.find = dark", "there is no dark frame among the files", "choose sequence or frame")
    samples = _samples(frame, frames) if find in ("auto", "sequence") else []
    if len(samples) >= LEAST_FRAMES:
        moved = _StarMotion(samples)
        if moved.any or find == "sequence":
            mask = _staying(samples, sigma, moved)
            return HotPixels(readonly(mask), "sequence", sigma, repair, moved.any)
    elif find == "sequence":
        raise FrameError(
            "hot_pixels.find = sequence",
            f"wants {LEAST_FRAMES} frames of one shape ({len(samples)})",
            "add frames, or choose frame",
        )
    single = samples[0] if samples else _first_readable(frame, frames)
    contrast, factors = _star_contrast(single)
    return HotPixels(None, "frame", sigma, repair, False, contrast, factors["red"], factors["blue"])


def _samples(frame: Frames[Frame], frames: Sequence) -> list[Frame]:
    """Up to nine usable frames, an odd number, evenly spread over the sequence."""
    usable = [i for i, reason in enumerate(frames.unusable) if not reason]
    wanted = min(MOST_FRAMES, len(usable))
    chosen = (
        [usable[i] for i in np.unique(np.rint(np.linspace(0, len(usable) - 1, wanted)).astype(int))] if usable else []
    )
    read = [one for one in (frame[i] for i in chosen) if isinstance(one, Frame)]
    alike = [one for one in read if one.shape == read[0].shape and one.pixels.dtype == read[0].pixels.dtype]
    return alike[: len(alike) - 1 + len(alike) % 2]


def _first_readable(frame: Frames[Frame], frames: Sequence) -> Frame:
    for index in dict.fromkeys((frames.reference, *range(len(frames.frames)))):
        if not frames.unusable[index] and isinstance(one := frame[index], Frame):
            return one
    raise FrameError("hot_pixels", "no frame can be read", "check the files")


def _bright(frame: Frame) -> tuple[BrightStars, int]:
    """Bright stars of a frame (on the 2 x 2 binned picture of a mosaic) and the bin's size."""
    from pipeline.kernels.bright import binned, bright_stars

    look = first_look(frame)
    picture = look.image if look.step == 1 else binned(look.image)
    noise = float(np.sqrt(np.mean(look.noise**2))) / look.step
    return bright_stars(picture, noise), look.step


class _StarMotion:
    """Where in the field the stars left their pixels between the frames of a sample."""

    def __init__(self, samples: Frames[Frame]) -> None:
        from scipy.spatial import cKDTree

        found = [_bright(frame) for frame in samples]
        size = found[0][1]
        stars = [one for one, _ in found]
        counts = np.array([one.x.size for one in stars])
        first = int(np.argmax(counts))
        # A frame that shows far fewer stars is clouded; a star that is missing there has not moved.
        clear = [i for i in range(len(stars)) if i != first and counts[i] >= max(LEAST_STARS, counts[first] / 2)]
        number = min((counts[i] for i in [first, *clear]), default=0) // 2
        self.tree, self.left = None, np.zeros(0, bool)
        if len(clear) < 2 or number < LEAST_STARS:
            return
        here = np.column_stack([stars[first].x, stars[first].y])[:number]
        away = np.zeros(number, int)
        reach = max(1.5, 1.5 * float(np.median(stars[first].fwhm)))
        for i in clear:
            there = cKDTree(np.column_stack([stars[i].x, stars[i].y]))
            away += there.query(here)[0] > reach
        self.left = away >= max(2, len(clear) / 2)
        self.tree = cKDTree(here * size + (size - 1) / 2)

    @property
    def any(self) -> bool:
        """Whether at least a fifth of the field's stars left their places."""
        return bool(self.left.size and self.left.mean() >= 0.2)

    def at(self, indices: np.ndarray, nx: int) -> np.ndarray:
        """For each pixel, whether most of the eight nearest bright stars left their places."""
        places = np.column_stack([indices % nx, indices // nx])
        near = self.tree.query(places, k=min(8, self.left.size))[1]
        return self.left[near].mean(axis=1) > 0.7


def _staying(samples: Frames[Frame], sigma: float, moved: _StarMotion) -> np.ndarray:
    """Pixels that stand above their neighbours in the median of the frames and in nearly each of them."""
    from pipeline.kernels.hot import local_excess, median_image

    first = samples[0]
    middle = Frame(first.info, median_image([frame.pixels for frame in samples]), first.black, first.mask)
    mask = np.zeros(first.shape, bool)
    if not moved.any:
        return mask
    look = first_look(middle)
    candidates = _above(look.image, sigma * look.noise)
    excess, scatter = local_excess(middle.pixels, candidates, look.step)
    nx = first.shape[1]
    least = look.noise[(candidates // nx) & 1, (candidates % nx) & 1]
    high = excess > sigma * np.maximum(scatter, least)
    candidates, excess = candidates[high], excess[high]
    if candidates.size == 0:
        return mask
    each = np.sort([local_excess(frame.pixels, candidates, look.step)[0] for frame in samples], axis=0)
    # A star that leaves its pixel even in two of the frames is told by them; noise is not taken for leaving.
    lowest = each[1 if len(samples) >= 7 else 0]
    stays = (lowest > 0.5 * excess) & moved.at(candidates, nx)
    mask.ravel()[candidates[stays]] = True
    return mask


def _above(image: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Flat indices of pixels above a limit by row and column parity."""
    nx = image.shape[1]
    index = np.flatnonzero(image > limits.min())
    return index[image.ravel()[index] > limits[(index // nx) & 1, (index % nx) & 1]]


def _star_contrast(frame: Frame) -> tuple[float, dict[str, float]]:
    """How much a star of this frame can stand above its highest neighbour, with a margin, and the colours' factors."""
    from pipeline.kernels.bright import bright_stars
    from pipeline.stages.normalize import colour_factors

    factors = colour_factors(frame, first_look(frame).sky)
    look = first_look(frame, **factors)
    stars = bright_stars(look.image, float(look.noise.max()))
    if stars.x.size < LEAST_STARS:
        return CONTRAST, factors
    return max(CONTRAST, 1.3 * float(np.percentile(stars.contrast, 98))), factors
