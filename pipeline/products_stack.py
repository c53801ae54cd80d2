"""Aligned frames, their blink, stacks and sums to files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.alignment import Stack
from pipeline.frame import Frame
from pipeline.header import coordinates
from pipeline.products import write_fits, written
from pipeline.products_ccd import UNIT, file_names
from pipeline.read.cards import plain

if TYPE_CHECKING:
    from astropy.io.fits import Header

#: Cards that say which columns are no image: of a frame that was moved or cut they would be lies.
_SECTIONS = re.compile(r"(?:BIAS|TRIM|DATA|CCD|DET|AMP|OVER|IMAGE|PRE)SEC\d*|COVER|ROVER|PRESCAN|OVERSCAN")
_MOSAIC = re.compile(r"COLORTYP|BAYER.*|BAYRPAT|CFA-?PATT?|[XY]BAYROFF|BAY(?:ER)?OFF[XY]|ROWORDER")
_LEVEL = re.compile(r"SATLEVEL|SATURATI|SATURLVL|SATVAL|SATURATE")
#: Longer side of a blink, pixels; how long each frame stands, ms; its black and white, sigma of the sky.
BLINK_SIDE, BLINK_PAUSE, BLINK_RANGE = 800, 250, (-2.0, 40.0)


def moved_header(
    header: Header,
    *,
    pattern: str = "none",
    origin: tuple[int, int] = (0, 0),
    shift: tuple[float, float] = (0.0, 0.0),
    level: float = 0.0,
    sky_from: Header | None = None,
) -> Header:
    """A light's cards as they are true of its pixels on the reference.

    Parameters
    ----------
    header : Header
        The light's cards.
    pattern : str
        Colours of the first 2 x 2 pixels now.
    origin : (int, int)
        Column and row of the reference that the first pixel is now.
    shift : (float, float)
        How far the frame was moved along x and y, pixels.
    level : float
        Level that was taken off, ADU.
    sky_from : Header, optional
        Cards of the reference, whose coordinates hold for a frame that was not only shifted.

    Returns
    -------
    Header
        Without the sections of the detector, with the pattern, the full level and the coordinates of now.
    """
    header = header.copy()
    for key in dict.fromkeys(header):
        if _SECTIONS.fullmatch(key) or _MOSAIC.fullmatch(key):
            del header[key]
    for key in [key for key in dict.fromkeys(header) if _LEVEL.fullmatch(key)]:
        if isinstance(header[key], (int, float)) and not isinstance(header[key], bool):
            header[key] = round(float(header[key]) - level, 3)
    if sky_from is not None:
        for key in dict.fromkeys(coordinates(header)):
            del header[key]
        header.extend(coordinates(sky_from).cards, strip=False)
        shift = (0.0, 0.0)
    for axis, move, first in zip((1, 2), shift, origin, strict=True):
        if isinstance(header.get(f"CRPIX{axis}"), (int, float)):
            header[f"CRPIX{axis}"] = round(float(header[f"CRPIX{axis}"]) + move - first, 6)
    if pattern != "none":
        header["BAYERPAT"] = (pattern, "colours of the first 2 x 2 pixels")
    header["BUNIT"] = (UNIT, "unit of the pixels")
    return header


def write_aligned(
    path: Path,
    frame: Frame,
    header: Header,
    *,
    origin: tuple[int, int],
    shift: tuple[float, float],
    level: float,
    noise_gain: float,
    sky_from: Header | None,
) -> None:
    """Write an aligned frame as FITS.

    Parameters
    ----------
    path : path
        Its place.
    frame : Frame
        The frame.
    header : Header
        The light's own cards, with ours.
    origin, shift, level, sky_from
        As for :func:`moved_header`.
    noise_gain : float
        What the resampling made of the noise.
    """
    from astropy.io import fits

    before = [header.get(word, 0.0) for word in ("XOFFSET", "YOFFSET", "BKGSUB")]
    before = [float(value) if isinstance(value, (int, float)) else 0.0 for value in before]
    header = moved_header(header, pattern=frame.pattern, origin=origin, shift=shift, level=level, sky_from=sky_from)
    for word, value, done in zip(("XOFFSET", "YOFFSET"), before[:2], shift, strict=True):
        header[word] = (round(value + done, 4), "[pixel] shift done: reference less frame")
    header["BKGSUB"] = (round(before[2] + level, 4), "[adu] level taken off (green of colours)")
    header["NOISGAIN"] = (round(noise_gain, 4), "noise after the resampling over before")
    for step in frame.history:
        header.add_history(plain(step))
    write_fits(path, fits.HDUList([fits.PrimaryHDU(np.asarray(frame.pixels, np.float32), header)]))


def stack_names(filters: Iterable[str]) -> tuple[str, ...]:
    """File names of stacks: ``stack_V.fits``, or ``stack.fits`` without filters."""
    return file_names(("stack", one) for one in filters)


def write_stack(path: Path, stack: Stack, header: Header, combine: str) -> None:
    """Write a stack with its counts and rejections as FITS.

    Parameters
    ----------
    path : path
        Its place.
    stack : Stack
        The stack.
    header : Header
        Cards of the first of its frames as they are true on the reference (:func:`moved_header`).
    combine : str
        How frames were combined.
    """
    from astropy.io import fits

    header = header.copy()
    header["NCOMBINE"] = (len(stack.files), "frames combined")
    header["COMBINE"] = (combine, "how frames were combined")
    if stack.exposure is not None:
        header["EXPTOTAL"] = (round(stack.exposure, 4), "[s] exposure of all frames together")
    header["NOISEONE"] = (round(stack.single_noise, 5), "[adu] noise of one frame, as frames differ")
    header["NOISE"] = (round(stack.noise, 5), "[adu] noise of the stack, as halves differ")
    header.add_history(f"stack: {combine} of {len(stack.files)} aligned frames")
    for place, file in enumerate(stack.files):
        share = "" if stack.weights is None else f" (weight {stack.weights[place]:.4f})"
        header.add_history(plain(f"of {file}{share}"))
    hdus = fits.HDUList([fits.PrimaryHDU(np.asarray(stack.image, np.float32), header)])
    for name, values, comment in (
        ("COUNT", stack.count, "frames that made the pixel"),
        ("REJECTED", stack.rejected, "values left out because they lie far off"),
    ):
        hdu = fits.ImageHDU(np.asarray(values, np.int16), coordinates(header), name=name)
        hdu.header["BUNIT"] = ("count", comment)
        hdus.append(hdu)
    write_fits(path, hdus)


def write_sum(path: Path, image: np.ndarray, number: int, header: Header) -> None:
    """Write the sum of the subtracted, unaligned frames, in which stars are trails, as FITS."""
    from astropy.io import fits

    header = header.copy()
    header["NCOMBINE"] = (number, "frames added up")
    header["COMBINE"] = ("sum", "how frames were combined")
    header["BUNIT"] = (UNIT, "unit of the pixels")
    header.add_history(f"sum of {number} subtracted, unaligned frames")
    write_fits(path, fits.HDUList([fits.PrimaryHDU(np.asarray(image, np.float32), header)]))


def blink_frame(image: np.ndarray, noise: float) -> np.ndarray:
    """One picture of a blink: a small grey image, stretched by asinh from the sky up.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The aligned frame; NaN where there is no value.
    noise : float
        Standard deviation of a sky pixel, ADU: the same for all frames, or the sky would flicker.

    Returns
    -------
    ndarray of uint8
    """
    step = max(1, -(-max(image.shape) // BLINK_SIDE))
    # A mosaic's colours must come together, or its pattern would be seen.
    step += step % 2 if step > 1 else 0
    ny, nx = (size // step * step for size in image.shape)
    # Rows are added up before the pixels of a row: numpy is faster along rows.
    rows = np.array([image[row : row + step, :nx].sum(axis=0) for row in range(0, ny, step)])
    blocks = rows.reshape(len(rows), -1, step).sum(axis=2) / np.float32(step**2)
    sky = np.nanmedian(blocks)
    blocks = np.where(np.isnan(blocks), sky, blocks)
    low, high = (limit * max(noise, 1e-6) for limit in BLINK_RANGE)
    light = np.arcsinh((blocks - sky - low) / (3 * max(noise, 1e-6))) / np.arcsinh(
        (high - low) / (3 * max(noise, 1e-6))
    )
    return (255 * np.clip(light, 0, 1)).astype(np.uint8)


def write_blink(path: Path, frames: Iterable[np.ndarray]) -> None:
    """Write grey pictures as an animation that blinks through them again and again."""
    from PIL import Image

    pictures = [Image.fromarray(frame) for frame in frames]
    with written(path) as partial:
        pictures[0].save(
            partial, "GIF", save_all=True, append_images=pictures[1:], duration=BLINK_PAUSE, loop=0, optimize=False
        )
