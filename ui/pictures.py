"""Which result each kind of picture is made of, and its pixels."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pipeline import difference, trails
from pipeline.frame import Background, Frame, Normalized, colour_planes
from ui.pyramid import PYRAMIDS, Pyramid
from ui.stretch import VIEWS

if TYPE_CHECKING:
    from ui.scene import Scene

MADE_OF = {
    "raw": "frame",
    "calibrated": "calibrated",
    "background": "background",
    "subtracted": "normalize",
    "normalized": "normalize",
    "sum": "sum",
    "master_bias": "master_bias",
    "master_dark": "master_dark",
    "master_flat": "master_flat",
    "mask": "mask",
    "aligned": "aligned",
    "difference": difference.STAGE,
    "stack": "stack",
    "stack_count": "stack",
    "stack_rejected": "stack",
    "x_offset": "offset_map",
    "y_offset": "offset_map",
    "x_error": "offset_map",
    "y_error": "offset_map",
}

# What some pictures are made of that is no stage, and the stage that it follows.
FOLLOWS = {"frame": "frames", trails.STAGE: "normalize", difference.STAGE: "aligned"}

# Of these results a frame's own part is shown: the dark for its exposure, the flat and the stack of its filter.
PARTED = ("master_dark", "master_flat", "stack")
# What these are of the reference itself.
OF_NOTHING = {
    difference.STAGE: "its difference from itself is zero",
    "offset_map": "its offsets and their errors are zero everywhere",
}
# So many values tell a picture's level and spread.
_SAMPLE = 100_000


class Pixels(NamedTuple):
    """A picture ready to be shown, or why there is none, and a frame by its number that has one."""

    kind: str
    pyramid: Pyramid | None
    key: str
    why: str = ""
    elsewhere: int | None = None


def stages_of(kinds: Iterable[str]) -> tuple[str, ...]:
    """The results that some kinds of pictures are made of; what is not listed is a difference of two maps."""
    return tuple({MADE_OF.get(kind, "offset_map"): None for kind in kinds})


def prepare(scene: Scene, stage: str, kinds: Iterable[str]) -> list[Pixels]:
    """The pictures that a new result gives; takes tens of milliseconds on a large frame, so call it in a thread."""
    result = scene[stage]
    pictures = []
    for kind in kinds:
        if MADE_OF.get(kind) != stage or result is None:
            continue
        key = scene.keys[stage]
        part, name, why = part_of(scene, stage, result)
        if why:
            pictures.append(Pixels(kind, None, key, why, _elsewhere(scene, stage)))
            continue
        key += name
        pyramid = PYRAMIDS.known(f"{kind} {key}")
        pictures.append(Pixels(kind, pyramid or _pyramid(kind, key, part, scene["background"]), key))
    return pictures


def part_of(scene: Scene, stage: str, result: Any) -> tuple[Any, str, str]:
    """What of a result belongs to the frame shown, what tells it from its other parts, and why there is none."""
    info = scene["frames"].frames[scene.frame] if scene["frames"] is not None else None
    if stage == "master_bias" and result.image is None:
        return None, "", "No bias frames are open. Open a folder that has some; lights are used without them."
    if stage == "mask" and result.image is None:
        return None, "", "Nothing is masked in this frame."
    if info is not None and scene.frame == scene["frames"].reference and stage in OF_NOTHING:
        return None, "", f"This frame is the reference: {OF_NOTHING[stage]}. Go to another frame."
    if stage not in PARTED or info is None:
        return result, "", ""
    if stage == "master_dark":
        found = result.chosen(info.exposure)
        why = "No dark frames are open. Open a folder that has some; lights are used without them."
        if result.masters:
            why = f"No dark serves an exposure of {_seconds(info.exposure)}."
        return (None, "", why) if found is None else (found[0], f" {found[0].exposure}", "")
    if stage == "master_flat":
        flat = result.chosen(info.filter)
        why = "No flats are open. Open a folder that has some; lights are used without them."
        if result.masters or result.left_out:
            why = f"No flat serves the filter {info.filter or 'of this frame'}."
        return (None, "", why) if flat is None else (flat, f" {flat.filter}", "")
    stack = result.of(info.filter)
    return (stack, f" {info.filter}", "") if stack is not None else (None, "", "No frame of this filter is stacked.")


def frame_beside(used: np.ndarray, frame: int) -> int | None:
    """The frame used that lies nearest to another in the sequence, of two the later; None where there is none."""
    others = (int(one) for one in np.flatnonzero(used) if one != frame)
    return min(others, key=lambda one: (abs(one - frame), -one), default=None)


def _elsewhere(scene: Scene, stage: str) -> int | None:
    """A frame that has the picture which the reference, compared with itself, has not."""
    frames, tracks = scene["frames"], scene["tracks"]
    if stage not in OF_NOTHING or tracks is None or frames is None or scene.frame != frames.reference:
        return None
    return frame_beside(tracks.used, frames.reference)


def _seconds(exposure: float | None) -> str:
    return "unknown length" if exposure is None else f"{exposure:g}\u2009s"


def _pyramid(kind: str, key: str, result: Any, background: Background | None) -> Pyramid:
    """The pyramid of one kind."""
    noise, level, factors = 0.0, 0.0, None
    if kind in ("raw", "calibrated"):
        image, noise, level = _raw(result, background)
    elif kind == "background":
        from pipeline.stages.background import background_image

        image = background_image(result)
        noise, level = _sky(image, result)
    elif kind in ("subtracted", "normalized"):
        image, noise = result.image, result.noise
        factors = _factors(result) if kind == "subtracted" else None
    elif kind == "aligned":
        image, noise, level = _raw(result, None)
    elif kind in ("sum", "stack"):
        image, noise = result.image, result.noise
        level = _middle(image) if kind == "stack" else 0.0
    elif kind in ("mask", "difference", *(f"master_{name}" for name in ("bias", "dark", "flat"))):
        image = np.asarray(result.image, np.float32)
    else:
        names = {"x_offset": "x", "y_offset": "y", "stack_count": "count", "stack_rejected": "rejected"}
        image = np.asarray(getattr(result, names.get(kind, kind)), np.float32)
    sky = VIEWS[kind].sky
    return PYRAMIDS.get(f"{kind} {key}", image, noise=noise if sky else 0.0, level=level, factors=factors)


def _middle(image: np.ndarray) -> float:
    """About the median of an image, from every few of its pixels."""
    some = image[::3, ::3]
    finite = some[np.isfinite(some)]
    return float(np.median(finite)) if finite.size else 0.0


def _raw(frame: Frame, background: Background | None) -> tuple[np.ndarray, float, float]:
    image = frame.above_black()
    return image, *_sky(image, background)


def _sky(image: np.ndarray, background: Background | None) -> tuple[float, float]:
    """Noise and level of an image that still has its sky.

    The colours of a mosaic, and a sky that slopes, lie farther apart than their noise: limits that counted in it, about
    the level of green, would draw most of the picture black.
    """
    stride = max(1, math.isqrt(image.size // _SAMPLE)) | 1
    some = image[::stride, ::stride]
    some = some[np.isfinite(some)]
    if not some.size:
        return 0.0, 0.0
    level = float(np.median(some))
    spread = 1.4826 * float(np.median(np.abs(some - level)))
    return max(spread, 0.0 if background is None else background.rms()), level


def _factors(normalized: Normalized) -> np.ndarray | None:
    """What takes the colours' factors off again, by row and column of a cell: the image as the camera saw it."""
    factors = {"red": normalized.red, "blue": normalized.blue}
    if set(factors.values()) == {1.0}:
        return None
    cell = np.ones((2, 2), np.float32)
    for colour, row, column in colour_planes(normalized.pattern):
        cell[row, column] /= factors.get(colour, 1.0)
    return cell
