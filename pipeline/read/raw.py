"""Camera files to frames, by LibRaw; their facts by exifread."""

from __future__ import annotations

import logging
import os
import re
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.frame import PATTERNS, FrameError, FrameInfo
from pipeline.read import kinds, nights, tiff, times
from pipeline.read.cards import number, plain, seconds

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from rawpy import RawPy

Tags = dict[str, Any]

_EXIF_DAMAGE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    struct.error,
)
# A file without EXIF is no news for whoever reads the terminal.
logging.getLogger("exifread").addHandler(logging.NullHandler())

# LibRaw tells pattern and levels only after decoding, so they are remembered for each camera.
_cameras: dict[tuple[str, ...], tuple[str, float | None]] = {}
_cameras_lock = threading.Lock()


@contextmanager
def _opened(path: str, file: str) -> Iterator[RawPy]:
    """The open file, LibRaw's errors turned into one sentence."""
    import rawpy

    if not os.path.exists(path):
        raise FrameError(file, "is not there", "check the name")
    size = os.path.getsize(path)
    if size == 0:
        raise FrameError(file, "is empty (0 bytes)", "copy it again")
    # LibRaw would find this out too late, and write a line of its own to the terminal.
    if (promised := tiff.promised_length(path)) > size:
        problem = f"is cut off or damaged (its pixels reach to byte {promised}, the file has {size})"
        raise FrameError(file, problem, "copy it again")
    try:
        with rawpy.imread(path) as raw:
            yield raw
    except rawpy.LibRawFileUnsupportedError:
        with open(path, "rb") as stream:
            head = stream.read(8)
        problem = f"is no camera file that LibRaw knows (it begins with {repr(head)[1:]})"
        raise FrameError(file, problem, "convert it to DNG, or choose another file") from None
    except (
        rawpy.LibRawError,
        rawpy.NotSupportedError,
        NotImplementedError,
        RuntimeError,
        OSError,
        ValueError,
    ) as error:
        reason = str(error).removeprefix("b'").rstrip("'").lower()
        raise FrameError(file, f"is cut off or damaged ({size} bytes; LibRaw: {reason})", "copy it again") from None


def exif_tags(path: str) -> Tags:
    """EXIF tags by the names of their directory and their own; none where exifread does not know the container."""
    import exifread

    try:
        with open(path, "rb") as stream:
            return exifread.process_file(stream, details=False)
    except (*_EXIF_DAMAGE, exifread.ExifNotFound, exifread.InvalidExif):
        return {}


def _tags(path: str) -> Tags:
    """EXIF tags by their bare names."""
    found, tags = exif_tags(path), {}
    for key in sorted(found, key=lambda key: not key.startswith("EXIF ")):
        tags.setdefault(key.split(" ", 1)[1] if " " in key else key, found[key])
    return tags


def _text(tags: Tags, key: str) -> str:
    return str(tags[key]).strip("\0 ") if key in tags else ""


def _decoded_pattern(raw: RawPy, file: str) -> str:
    import rawpy

    refusal = "use frames of a camera with a Bayer mosaic, or convert it to FITS"
    if raw.raw_type != rawpy.RawType.Flat or raw.raw_image_visible.ndim != 2:
        raise FrameError(
            file, f"has {raw.num_colors} colours in every pixel (Foveon or linear DNG), no mosaic", refusal
        )
    if raw.num_colors == 1:
        return "none"
    colours = raw.raw_pattern
    if colours.shape != (2, 2):
        size = " x ".join(str(side) for side in colours.shape)
        raise FrameError(file, f"has a mosaic of {size} pixels (X-Trans or another), not 2 x 2", refusal)
    letters = raw.color_desc.decode("ascii", "replace")
    pattern = "".join(letters[index] for index in colours.ravel())
    if pattern not in PATTERNS:
        raise FrameError(file, f"has a mosaic of other colours ({pattern}) than red, green and blue", refusal)
    return pattern


def _remembered(raw: RawPy, file: str, tags: Tags, iso: float | None) -> tuple[str, float | None]:
    """Pattern and saturation, decoded for the first file of a camera, size and sensitivity."""
    names = ("Make", "Model", "Tag 0xC614", "PhotometricInterpretation", "CFAPattern", "CVAPattern", "Tag 0xC61D")
    key = (*(_text(tags, name) for name in names), str(raw.sizes), str(iso), os.path.splitext(file)[1].lower())
    with _cameras_lock:
        known = _cameras.get(key)
    if known is None:
        known = (_decoded_pattern(raw, file), _white(raw))
        with _cameras_lock:
            _cameras[key] = known
    return known


def _camera(tags: Tags) -> str:
    make, model = _text(tags, "Make"), _text(tags, "Model")
    return model if model.startswith(make.split(" ")[0]) else f"{make} {model}".strip()


def _time(raw: RawPy, tags: Tags) -> Any:
    for name, zone, fraction in (
        ("DateTimeOriginal", "OffsetTimeOriginal", "SubSecTimeOriginal"),
        ("DateTime", "OffsetTime", "SubSecTime"),
    ):
        moment = times.parse_exif(_text(tags, name), _text(tags, fraction), _text(tags, zone))
        if moment is not None:
            return times.as_time(moment)
    clock = raw.other.timestamp
    return times.as_time(clock.replace(tzinfo=times.UTC)) if clock is not None and clock.year > 1990 else None


def _white(raw: RawPy) -> float | None:
    """Level at which a pixel is full, above the highest black."""
    white = raw.camera_white_level_per_channel
    level = min((value for value in white if value > 0), default=raw.white_level) if white else raw.white_level
    above = float(level - max(raw.black_level_per_channel))
    return above if above > 0 else None


def read_info(path: str, file: str) -> FrameInfo:
    """What the file says of itself.

    The pixels are decoded only for the first file of a camera, size and sensitivity, to learn pattern and levels.

    Raises
    ------
    FrameError
        Where LibRaw cannot read it, or it is no Bayer mosaic.
    """
    with _opened(path, file) as raw:
        tags = _tags(path)
        exposure = seconds(_text(tags, "ExposureTime"))
        if exposure is None:
            exposure = float(raw.other.shutter_speed) if raw.other.shutter_speed > 0 else None
        iso = number(_text(tags, "ISOSpeedRatings")) or float(raw.other.iso_speed) or None
        pattern, full = _remembered(raw, file, tags, iso)
        gain = re.search(r"\bgain[ =:]*(\d+(?:\.\d+)?)", _text(tags, "ImageDescription"), re.IGNORECASE)
        kind, reason = kinds.kind_of({}, path, exposure)
        zone = _text(tags, "OffsetTimeOriginal") or _text(tags, "OffsetTime")
        return FrameInfo(
            path=path,
            file=file,
            shape=(int(raw.sizes.height), int(raw.sizes.width)),
            pattern=pattern,
            kind=kind,
            kind_reason=reason,
            time=_time(raw, tags),
            exposure=exposure,
            gain=float(gain.group(1)) if gain else None,
            iso=iso,
            saturation=full,
            camera=_camera(tags),
            noons=nights.noons_of({"DATE-OBS": f"2000-01-01T12:00:00{zone}"}),
        )


def read_pixels(path: str, file: str) -> tuple[np.ndarray, np.ndarray, float | None]:
    """The mosaic, the black level under it, and the level at which a pixel is full.

    Returns
    -------
    pixels : ndarray of uint16, shape (ny, nx)
        What the sensor gave, without margins.
    black : ndarray of float32, shape (2, 2)
        By row and column parity.
    saturation : float or None
        White level, ADU above black.

    Raises
    ------
    FrameError
        Where LibRaw cannot decode it, or it is no Bayer mosaic.
    """
    with _opened(path, file) as raw:
        pattern = _decoded_pattern(raw, file)
        levels = raw.black_level_per_channel
        # LibRaw's buffer goes with the file: what leaves this block is a copy.
        pixels = np.array(raw.raw_image_visible, np.uint16, order="C")
        if pattern == "none":
            return pixels, np.full((2, 2), levels[0], np.float32), _white(raw)
        # Colour 3 is the second green, so this index tells both greens apart.
        return pixels, np.asarray(levels, np.float32)[raw.raw_pattern], _white(raw)


def read_header(info: FrameInfo) -> Header:
    """A FITS header made from the file's facts, for what is computed from it."""
    from astropy.io.fits import Header

    header = Header()
    cards = (
        ("DATE-OBS", info.time.isot if info.time is not None else None, "start of the exposure, UTC"),
        ("EXPTIME", info.exposure, "[s] exposure"),
        ("ISOSPEED", info.iso, "sensitivity"),
        ("GAIN", info.gain, "camera gain"),
        ("INSTRUME", plain(info.camera) or None, "camera"),
        ("BAYERPAT", info.pattern if info.pattern != "none" else None, "colours of the first 2 x 2 pixels"),
        ("FOCALLEN", number(_text(_tags(info.path), "FocalLength")), "[mm] focal length"),
    )
    for key, value, comment in cards:
        if value is not None:
            header[key] = (value, comment)
    header.add_history(f"Original file: {plain(os.path.basename(info.path))}")
    return header
