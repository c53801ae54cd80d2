"""What is neither sky nor star: shapes drawn on the picture, and extended sources found by themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

from pipeline.frame import Frame, FrameError, readonly
from pipeline.knob import Knob, Shapes
from pipeline.photometry import Mask
from pipeline.shapes import covered
from pipeline.stage import stage

#: Extended sources are looked for in blocks of so many pixels a side, which on a mosaic hold each colour alike.
BLOCK = 4
#: A median over so many blocks a side takes stars away; what is left above the sky by so many sigma, and has so many
#: times the area of that median, is wider than any star.
FILTER, THRESHOLD, TIMES = 7, 4.0, 2.0
#: The mask reaches so many blocks beyond what is seen of a source.
MARGIN = 4
CLIPPINGS = 5


@stage(version=1)
def mask(
    calibrated: Frame,
    *,
    shapes: Annotated[Shapes, Knob("areas drawn on the picture, the same in every frame")] = (),
    extended: Annotated[
        Literal["off", "auto"], Knob("mask galaxies, nebulae and glow that are wider than any star")
    ] = "off",
    applies_to: Annotated[
        Literal["background", "stars", "both"], Knob("whether masked pixels are no sky, no stars, or neither")
    ] = "both",
) -> Mask:
    """Mark what is neither sky nor star, before the sky is measured.

    Parameters
    ----------
    calibrated : Frame
        The frame, with its sky.
    shapes, extended, applies_to
        Knobs. Shapes lie on the frame's pixels: amplifier glow stays in them while the sky moves.

    Returns
    -------
    Mask
        Without an image where nothing is asked for.

    Raises
    ------
    FrameError
        Where the sky is already taken off, or everything would be masked.
    """
    file = _file_of(calibrated)
    image, count = None, 0
    if shapes:
        image = covered(shapes, calibrated.shape)
    if extended == "auto":
        found, count = extended_sources(calibrated)
        image = found if image is None else image | found
    if image is None or not image.any():
        return Mask(None, applies_to, count)
    if image.all():
        raise FrameError(file, f"every pixel is masked ({image.size})", "draw smaller shapes in mask.shapes")
    return Mask(readonly(image), applies_to, count)


def _file_of(frame: Any) -> str:
    """The frame's file; a frame without its sky is refused, for the sky was measured with what the mask should hide."""
    if hasattr(frame, "background"):
        raise FrameError(
            frame.file or "frame", "its sky is already taken off", "mask the calibrated frame, then measure background"
        )
    return frame.info.file


def extended_sources(frame: Frame) -> tuple[np.ndarray, int]:
    """Pixels of sources that are far wider than the frame's stars.

    Parameters
    ----------
    frame : Frame
        With its sky.

    Returns
    -------
    mask : ndarray of bool, shape (ny, nx)
        True on extended sources and a margin about them.
    count : int
        How many there are.

    Notes
    -----
    What a median over 28 pixels leaves of a frame has no stars. Sources are the segments of it above the sky, those of
    photutils' ``detect_sources``. Their area is that of an even disc of their light, (sum f)^2 / sum f^2,
    which the wings of a bright star hardly raise. The sky is a plane through clipped blocks; a source that fills the
    frame cannot be told from a sky and is not found.
    """
    from photutils.segmentation import detect_sources
    from scipy import ndimage

    nothing = np.zeros(frame.shape, bool), 0
    if min(frame.shape) < 2 * FILTER * BLOCK:
        return nothing
    blocks, outside = _blocks(frame.above_black())
    height, noise = _above_sky(ndimage.median_filter(blocks, FILTER), outside)
    # photutils warns where it finds nothing, and a warning cannot be silenced in one thread alone.
    if not (noise > 0 and ((height > THRESHOLD * noise) & ~outside).any()):
        return nothing
    found = detect_sources(height, THRESHOLD * noise, n_pixels=1, mask=outside)
    segments, labels = found.data, found.labels
    number, light, square = (
        ndimage.sum_labels(values, segments, labels) for values in (np.ones_like(height), height, height**2)
    )
    wide = labels[(number >= FILTER**2) & (light**2 > TIMES * FILTER**2 * square)]
    if wide.size == 0:
        return nothing
    chosen = ndimage.binary_dilation(np.isin(segments, wide), iterations=MARGIN)
    return _unblocked(chosen, frame.shape), len(wide)


def _blocks(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of blocks of pixels, and which have no good pixel."""
    ny, nx = (size // BLOCK * BLOCK for size in image.shape)
    parts = image[:ny, :nx].reshape(ny // BLOCK, BLOCK, nx // BLOCK, BLOCK)
    number = np.isfinite(parts).sum(axis=(1, 3))
    means = np.nansum(parts, axis=(1, 3), dtype=np.float64) / np.maximum(number, 1)
    outside = number == 0
    return np.where(outside, np.median(means[~outside]) if (~outside).any() else 0.0, means), outside


def _above_sky(blocks: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, float]:
    """Blocks above a sky that is a plane through clipped pixels, and their noise."""
    y, x = np.indices(blocks.shape)
    terms = np.stack([np.ones(blocks.shape), x / blocks.shape[1], y / blocks.shape[0]], axis=-1)
    good = ~outside
    for _ in range(CLIPPINGS):
        height = blocks - terms @ np.linalg.lstsq(terms[good], blocks[good], rcond=None)[0]
        height -= np.median(height[good])
        # Stars and galaxies lie above the sky, so its lower half tells the noise.
        noise = 1.4826 * float(np.median(-height[good & (height <= 0)]))
        good = ~outside & (height < 3 * noise)
        if not noise > 0 or good.sum() < 10 * terms.shape[-1]:
            break
    return height, noise


def _unblocked(chosen: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Blocks as pixels; the rest of a frame that is no multiple of a block goes with its last blocks."""
    full = chosen.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)
    return np.pad(full, [(0, size - have) for size, have in zip(shape, full.shape, strict=True)], mode="edge")
