"""Which result each kind of picture is made of, and its pixels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pipeline.frame import Background, Frame, Normalized, colour_planes
from ui.pyramid import PYRAMIDS
from ui.stretch import VIEWS

if TYPE_CHECKING:
    from ui.results import Scene

MADE_OF = {
    "raw": "frame",
    "background": "background",
    "subtracted": "normalize",
    "normalized": "normalize",
    "x_offset": "offset_map",
    "y_offset": "offset_map",
    "x_error": "offset_map",
    "y_error": "offset_map",
}


class Pixels(NamedTuple):
    """A picture ready to be shown."""

    kind: str
    image: np.ndarray
    noise: float
    level: float
    key: str


def stages_of(kinds: Iterable[str]) -> tuple[str, ...]:
    """The results that some kinds of pictures are made of; a difference of two maps is made elsewhere."""
    return tuple({MADE_OF[kind]: None for kind in kinds if kind in MADE_OF})


def prepare(scene: Scene, stage: str, kinds: Iterable[str]) -> list[Pixels]:
    """The pictures that a new result gives; takes tens of milliseconds on a large frame, so call it in a thread."""
    result = scene[stage]
    pictures = []
    for kind in kinds:
        if MADE_OF.get(kind) != stage or result is None:
            continue
        image, noise, level = _pixels(kind, result, scene["background"])
        picture = Pixels(kind, image, noise, level, scene.keys[stage])
        sky = VIEWS[kind].colours == "grey"
        PYRAMIDS.get(f"{kind} {picture.key}", image, noise=noise if sky else 0.0, level=level)
        pictures.append(picture)
    return pictures


def _pixels(kind: str, result: Any, background: Background | None) -> tuple[np.ndarray, float, float]:
    """Image, noise and level of one kind."""
    if kind == "raw":
        return _raw(result, background)
    if kind == "background":
        from pipeline.stages.background import background_image

        return background_image(result), result.rms(), result.level()
    if kind in ("subtracted", "normalized"):
        return (result.image if kind == "normalized" else _without_factors(result)), result.noise, 0.0
    return getattr(result, {"x_offset": "x", "y_offset": "y"}.get(kind, kind)), 1.0, 0.0


def _raw(frame: Frame, background: Background | None) -> tuple[np.ndarray, float, float]:
    image = frame.above_black()
    if background is not None:
        return image, background.rms(), background.level()
    level = float(np.nanmedian(image))
    return image, 1.4826 * float(np.nanmedian(np.abs(image - level))), level


def _without_factors(normalized: Normalized) -> np.ndarray:
    """The subtracted image as the camera saw it: the colours' factors taken off again."""
    factors = {"red": normalized.red, "blue": normalized.blue}
    if set(factors.values()) == {1.0}:
        return normalized.image
    image = normalized.image.copy()
    for colour, row, column in colour_planes(normalized.pattern):
        if colour in factors:
            image[row::2, column::2] /= np.float32(factors[colour])
    return image
