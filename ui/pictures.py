"""Which result each kind of picture is made of, and its pixels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pipeline.frame import Background, Frame, Normalized, colour_planes
from ui.pyramid import PYRAMIDS, Pyramid
from ui.stretch import VIEWS

if TYPE_CHECKING:
    from ui.results import Scene

MADE_OF = {
    "raw": "frame",
    "background": "background",
    "subtracted": "normalize",
    "normalized": "normalize",
    "sum": "sum",
    "x_offset": "offset_map",
    "y_offset": "offset_map",
    "x_error": "offset_map",
    "y_error": "offset_map",
}


class Pixels(NamedTuple):
    """A picture ready to be shown."""

    kind: str
    pyramid: Pyramid
    key: str


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
        pyramid = PYRAMIDS.known(f"{kind} {key}")
        pictures.append(Pixels(kind, pyramid or _pyramid(kind, key, result, scene["background"]), key))
    return pictures


def _pyramid(kind: str, key: str, result: Any, background: Background | None) -> Pyramid:
    """The pyramid of one kind."""
    noise, level, factors = 0.0, 0.0, None
    if kind == "raw":
        image, noise, level = _raw(result, background)
    elif kind == "background":
        from pipeline.stages.background import background_image

        image, noise, level = background_image(result), result.rms(), result.level()
    elif kind in ("subtracted", "normalized"):
        image, noise = result.image, result.noise
        factors = _factors(result) if kind == "subtracted" else None
    elif kind == "sum":
        image, noise = result.image, result.noise
    else:
        image = getattr(result, {"x_offset": "x", "y_offset": "y"}.get(kind, kind))
    sky = VIEWS[kind].colours == "grey"
    return PYRAMIDS.get(f"{kind} {key}", image, noise=noise if sky else 0.0, level=level, factors=factors)


def _raw(frame: Frame, background: Background | None) -> tuple[np.ndarray, float, float]:
    image = frame.above_black()
    if background is not None:
        return image, background.rms(), background.level()
    level = float(np.nanmedian(image))
    return image, 1.4826 * float(np.nanmedian(np.abs(image - level))), level


def _factors(normalized: Normalized) -> np.ndarray | None:
    """What takes the colours' factors off again, by row and column of a cell: the image as the camera saw it."""
    factors = {"red": normalized.red, "blue": normalized.blue}
    if set(factors.values()) == {1.0}:
        return None
    cell = np.ones((2, 2), np.float32)
    for colour, row, column in colour_planes(normalized.pattern):
        cell[row, column] /= factors.get(colour, 1.0)
    return cell
