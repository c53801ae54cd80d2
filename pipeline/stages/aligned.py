"""A frame on the pixels of the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np

from pipeline.alignment import Shifts
from pipeline.frame import Background, Frame, FrameError, not_used, readonly
from pipeline.knob import Knob, Rectangle
from pipeline.stage import stage
from pipeline.tables import OffsetMap, Tracks

#: Pixels that a map may lie off the transform from which the common area follows.
_MARGIN = 1
#: Pixels of a colour that are looked at for the frame's median.
_LOOKED_AT = 500_000


def _spared(knobs: Mapping[str, Any]) -> tuple[str, ...]:
    """Inputs that a model does not look at."""
    model = knobs["model"]
    tracks = () if model == "transform" or (model == "map" and knobs["crop"] == "common") else ("tracks",)
    return tracks if model == "map" else (*tracks, "offset_map")


@stage(version=2, without=_spared)
def aligned(
    calibrated: Frame,
    background: Background,
    shifts: Shifts,
    tracks: Tracks | None,
    offset_map: OffsetMap | None,
    index: int,
    *,
    model: Annotated[
        Literal["shift", "transform", "map"],
        Knob("one shift for the whole frame, the transform fitted to its stars, or the offset map"),
    ] = "shift",
    resample: Annotated[
        Literal["integer", "linear", "cubic", "lanczos"] | None,
        Knob("whole pixels, or values between them; auto: integer for a shift, else cubic", none="auto"),
    ] = None,
    fill: Annotated[
        Literal["median", "nan"], Knob("what stands where the frame has no pixels: its median, or no value")
    ] = "median",
    crop: Annotated[
        Literal["none", "common"] | Rectangle,
        Knob("none: as large as the reference; common: what all frames have; or a rectangle"),
    ] = "none",
    sky: Annotated[Literal["subtract", "keep"], Knob("whether the sky is taken off")] = "subtract",
) -> Frame:
    """Bring the frame onto the pixels of the reference.

    Parameters
    ----------
    calibrated : Frame
        The frame.
    background : Background
        Its sky.
    shifts : Shifts
        How each frame lies on the reference.
    tracks : Tracks
        For the model transform, and with a map for the area that all frames have in common.
    offset_map : OffsetMap
        For the model map.
    index : int
        Number of the frame in the sequence.
    model, resample, fill, crop, sky
        The knobs. Whole pixels change no value, leave the noise of every pixel its own, and the frame up to half a
        pixel off its place (one on a mosaic, which moves by even pixels); other ways to resample share noise between
        neighbours (:func:`noise_gain`), on a mosaic those of one colour.

    Returns
    -------
    Frame
        float32 ADU, black zero. What comes in from outside is filled and masked, so that it never counts.

    Raises
    ------
    FrameError
        Where the frame is not used, or nothing of it lies on the reference.
    """
    if not shifts.used[index]:
        raise not_used(calibrated.info.file, shifts.reason[index])
    from pipeline.kernels import resample as kernel
    from pipeline.kernels import whole_pixels

    method = resample or way_of(model)
    image = _light(calibrated, background, sky)
    pattern = calibrated.pattern
    x, y = -shifts.x[index], -shifts.y[index]
    if model == "shift" and method == "integer":
        result = whole_pixels.moved(image, *whole_pixels.whole_steps(x, y, pattern), beyond=np.inf)
    elif model == "map":
        offsets = (offset_map.x, offset_map.y)
        result = kernel.resampled(image, method, offsets=offsets, pattern=pattern, beyond=np.inf)
    else:
        transform = kernel.shift_transform(x, y, image.shape) if model == "shift" else tracks.transform[index]
        result = kernel.resampled(image, method, transform=transform, pattern=pattern, beyond=np.inf)
    mask = _filled(result, image, fill, 1 if pattern == "none" else 2)
    if mask is not None and mask.all():
        problem = f"nothing of it lies on the reference (shift {shifts.x[index]:.1f}, {shifts.y[index]:.1f} px)"
        raise FrameError(calibrated.info.file, problem, "leave it out, or choose a reference of the same field")
    area = region(crop, shifts, tracks, model)
    return _cut(calibrated, result, mask, area, _story(shifts, index, model, method))


def way_of(model: str) -> str:
    """The way to resample that "auto" stands for."""
    return "integer" if model == "shift" else "cubic"


def shift_done(shifts: Shifts, index: int, model: str, resample: str | None, pattern: str) -> tuple[float, float]:
    """The shift of the frame's centre that :func:`aligned` carries out, pixels: whole ones where it moves by those."""
    from pipeline.kernels.whole_pixels import whole_steps

    x, y = float(shifts.x[index]), float(shifts.y[index])
    if model == "shift" and (resample or way_of(model)) == "integer":
        steps = whole_steps(-x, -y, pattern)
        return -float(steps[0]) + 0.0, -float(steps[1]) + 0.0
    return x, y


def noise_gain(shifts: Shifts, index: int, model: str, resample: str | None, pattern: str) -> float:
    """What the resampling makes of a pixel's noise: standard deviation after over before.

    Parameters
    ----------
    shifts : Shifts
        How each frame lies on the reference.
    index : int
        Number of the frame.
    model, resample
        The knobs of :func:`aligned`.
    pattern : str
        Colours of the frame.

    Returns
    -------
    float
        1 for whole pixels; for a frame that is turned too, the mean over all parts of a pixel.
    """
    from pipeline.kernels import resample as kernel

    method = resample or way_of(model)
    if model == "shift":
        return kernel.noise_gain(method, -float(shifts.x[index]), -float(shifts.y[index]), pattern)
    return kernel.noise_gain(method, pattern=pattern)


def region(crop: str | Rectangle, shifts: Shifts, tracks: Tracks | None, model: str) -> Rectangle:
    """The rectangle of the reference that the aligned frames have: x0, y0, x1, y1, the last two not in it.

    Raises
    ------
    FrameError
        Where the frames have nothing in common, or the rectangle is outside.
    """
    ny, nx = shifts.shape
    if crop == "none":
        return (0, 0, nx, ny)
    if crop == "common":
        return _common(shifts, tracks, model)
    x0, y0, x1, y1 = crop
    if x0 >= nx or y0 >= ny:
        where = f"({x0},{y0},{x1},{y1} in {nx} x {ny} pixels)"
        raise FrameError("", f"the rectangle of aligned.crop is outside the frame {where}", "choose one inside")
    return (x0, y0, min(x1, nx), min(y1, ny))


def origin(knobs: Mapping[str, Any], ask: Callable[[str], Any]) -> tuple[int, int]:
    """Column and row of the reference at which the aligned frames begin.

    Parameters
    ----------
    knobs : mapping
        Those of this stage.
    ask : callable
        Gives a stage's result by its name: that of the shifts, and of the tracks where the area follows from them.

    Returns
    -------
    tuple of int
        x and y, pixels.

    Raises
    ------
    FrameError
        As :func:`region`.
    """
    tracks = ask("tracks") if knobs["crop"] == "common" and knobs["model"] != "shift" else None
    return region(knobs["crop"], ask("shifts"), tracks, knobs["model"])[:2]


def _common(shifts: Shifts, tracks: Tracks | None, model: str) -> Rectangle:
    """What lies inside every frame used, however far any of its points is displaced."""
    from pipeline.kernels.polynomial import apply

    ny, nx = shifts.shape
    rows, columns = (grid.ravel() for grid in np.meshgrid(np.linspace(0, ny - 1, 9), np.linspace(0, nx - 1, 9)))
    lowest, highest = np.zeros(2), np.zeros(2)
    for i in np.flatnonzero(shifts.used):
        if model == "shift":
            # A whole step may go one pixel further than the shift.
            reach = np.array([[-shifts.x[i]], [-shifts.y[i]]])
            step = np.where(np.abs(reach) > 0, 1.0, 0.0)
        else:
            reach = np.stack(apply(tracks.transform[i], columns, rows, shifts.shape)) - (columns, rows)
            step = np.where(i == shifts.reference, 0.0, _MARGIN)
        lowest = np.minimum(lowest, (reach - step).min(axis=1))
        highest = np.maximum(highest, (reach + step).max(axis=1))
    x0, y0 = (int(np.ceil(-low)) for low in lowest)
    x1, y1 = (size - int(np.ceil(high)) for size, high in zip((nx, ny), highest, strict=True))
    # Even ends, so that the colours of a mosaic stay where they are.
    x0, y0, x1, y1 = x0 + x0 % 2, y0 + y0 % 2, x1 - x1 % 2, y1 - y1 % 2
    if x1 <= x0 or y1 <= y0:
        raise FrameError("", "the frames have no area in common", "leave out the farthest, or set aligned.crop = none")
    return (x0, y0, x1, y1)


def _light(calibrated: Frame, background: Background, sky: str) -> np.ndarray:
    """The frame's pixels in float32 ADU, NaN where bad."""
    if sky == "keep":
        return calibrated.above_black()
    from pipeline.stages.normalize import normalized_image

    return normalized_image(calibrated, background, red=1.0, blue=1.0)


def _story(shifts: Shifts, index: int, model: str, method: str) -> str:
    names = {"integer": "nearest whole pixels", "linear": "linear", "cubic": "cubic B-spline", "lanczos": "Lanczos 3"}
    shift = f"{shifts.x[index]:+.3f}, {shifts.y[index]:+.3f} px"
    return f"aligned: {model} ({shift}, by {shifts.method}), {names[method]}"


def _filled(result: np.ndarray, image: np.ndarray, fill: str, step: int) -> np.ndarray | None:
    """Mask what has no value, and put the frame's median, or none, where the frame does not reach."""
    from pipeline.kernels import whole_pixels

    mask, beyond = whole_pixels.marked(result)
    if not beyond:
        return mask
    levels = np.full((2, 2), np.nan, np.float32)
    for row in range(step if fill == "median" else 0):
        for column in range(step):
            stride = step * max(1, round((image.size / step**2 / _LOOKED_AT) ** 0.5))
            light = image[row::stride, column::stride]
            known = light[np.isfinite(light)]
            levels[row::step, column::step] = np.median(known) if known.size else np.nan
    whole_pixels.fill(result, levels)
    return mask


def _cut(calibrated: Frame, result: np.ndarray, mask: np.ndarray | None, area: Rectangle, story: str) -> Frame:
    """The aligned frame, as large as asked for."""
    x0, y0, x1, y1 = area
    return replace(
        calibrated,
        info=replace(calibrated.info, shape=(y1 - y0, x1 - x0), pattern=pattern_from(calibrated.pattern, x0, y0)),
        pixels=readonly(np.ascontiguousarray(result[y0:y1, x0:x1])),
        black=readonly(np.zeros((2, 2), np.float32)),
        mask=None if mask is None else readonly(np.ascontiguousarray(mask[y0:y1, x0:x1])),
        uncertainty=None,
        history=(*calibrated.history, story),
        full=None,
    )


def pattern_from(pattern: str, x: int, y: int) -> str:
    """Colours of the 2 x 2 pixels that begin at (x, y) of a mosaic."""
    if pattern == "none":
        return pattern
    return "".join(pattern[2 * ((y + i) % 2) + (x + j) % 2] for i in (0, 1) for j in (0, 1))
