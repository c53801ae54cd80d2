"""FITS files to frames: where the image lies is found first, and checked against the file before memory is taken."""

from __future__ import annotations

import gzip
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.frame import FrameError, FrameInfo
from pipeline.read import headers, kinds, times

if TYPE_CHECKING:
    from astropy.io.fits import Header

LARGEST = 2**28  # pixels; four times the largest camera that we know of
SMALLEST = 16  # pixels along a side
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    OverflowError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
)
_quiet = threading.RLock()


@dataclass(frozen=True)
class Layout:
    """Where and how a FITS file holds its image.

    Parameters
    ----------
    hdu : int
        Index of the HDU.
    offset : int
        First byte of the data, after unzipping.
    shape : tuple of int
        Rows and columns.
    bits : int
        BITPIX.
    zero, scale : float
        BZERO and BSCALE.
    blank : int or None
        Stored integer that means no value.
    packed : bool
        Whether the image is tile-compressed.
    zipped : bool
        Whether the file is gzipped.
    """

    hdu: int
    offset: int
    shape: tuple[int, int]
    bits: int
    zero: float
    scale: float
    blank: int | None
    packed: bool
    zipped: bool

    @property
    def size(self) -> int:
        """Bytes of the image when unpacked."""
        return self.shape[0] * self.shape[1] * abs(self.bits) // 8

    @property
    def full(self) -> float | None:
        """Largest value that camera integers of this kind can have; None for scaled values and others."""
        if self.scale != 1:
            return None
        return {(16, 32768): 65535.0, (16, 0): 32767.0, (8, 0): 255.0}.get((self.bits, self.zero))


@contextmanager
def _opened(path: str, file: str, **options: Any) -> Iterator[Any]:
    """An open HDUList, astropy's warnings held back: what matters in them is checked here and said in one sentence.

    Python keeps its warning filters for the whole process, so only one thread at a time may change them.
    """
    from astropy.io import fits

    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with fits.open(path, mode="readonly", memmap=False, **options) as hdus:
                yield hdus
        except (fits.VerifyError, *_DAMAGE) as error:
            if isinstance(error, FileNotFoundError):
                raise FrameError(file, "is not there", "check the name") from None
            if isinstance(error, PermissionError):
                raise FrameError(file, "cannot be opened (no permission)", "allow reading it") from None
            raise _not_fits(path, file) from None


def _not_fits(path: str, file: str) -> FrameError:
    size = os.path.getsize(path)
    if size == 0:
        return FrameError(file, "is empty (0 bytes)", "copy it again")
    with open(path, "rb") as stream:
        head = stream.read(10)
    if head.startswith((b"SIMPLE  =", b"\x1f\x8b")):
        return FrameError(file, f"is cut off or damaged ({size} bytes)", "copy it again")
    return FrameError(file, f"is no FITS file (it begins with {head!r})", "choose a FITS or camera file")


def scan(path: str, file: str) -> tuple[Layout, dict[str, Any]]:
    """Find the image and read the cards, without the pixels.

    Parameters
    ----------
    path : str
        The file.
    file : str
        Its name for messages.

    Returns
    -------
    layout : Layout
        Where the image lies.
    cards : dict
        Cards of the image's HDU, and those of the primary HDU that it does not have itself.

    Raises
    ------
    FrameError
        Where there is not exactly one image, or the file is too short for it.
    """
    with _opened(path, file, disable_image_compression=True) as hdus:
        images = []
        for index, hdu in enumerate(hdus):
            axes = _axes(hdu.header)
            if axes:
                images.append((index, axes))
            if index == 0 and len(axes) == 2:
                break
        index, shape = _choose(images, file, [hdu.name or type(hdu).__name__ for hdu in hdus])
        header = hdus[index].header
        packed = bool(header.get("ZIMAGE", False))
        with open(path, "rb") as stream:
            zipped = stream.read(2) == b"\x1f\x8b"
        layout = Layout(
            hdu=index,
            offset=int(hdus[index].fileinfo()["datLoc"]),
            shape=shape,
            bits=int(header["ZBITPIX" if packed else "BITPIX"]),
            zero=float(header.get("BZERO", 0)),
            scale=float(header.get("BSCALE", 1)),
            blank=header.get("ZBLANK", header.get("BLANK")),
            packed=packed,
            zipped=zipped,
        )
        stored = int(hdus[index].size) if packed else layout.size
        _check_size(path, file, layout, stored)
        return layout, _values(hdus[0].header) | _values(header)


def _axes(header: Header) -> tuple[int, ...]:
    """Lengths of the image's axes, slowest first, without leading ones; empty where there is no image."""
    packed = bool(header.get("ZIMAGE", False))
    if not packed and header.get("XTENSION", "IMAGE").strip() not in ("IMAGE", ""):
        return ()
    key = "ZNAXIS" if packed else "NAXIS"
    axes = [int(header[f"{key}{axis}"]) for axis in range(int(header.get(key, 0)), 0, -1)]
    while len(axes) > 2 and axes[0] == 1:
        del axes[0]
    return () if 0 in axes else tuple(axes)


def _choose(images: list[tuple[int, tuple[int, ...]]], file: str, names: list[str]) -> tuple[int, tuple[int, int]]:
    flat = [(index, axes) for index, axes in images if len(axes) == 2]
    if not images:
        raise FrameError(file, f"holds no image (its parts: {', '.join(names)})", "choose a file with an image")
    if len(flat) > 1:
        found = ", ".join(names[index] for index, _ in flat)
        raise FrameError(file, f"holds {len(flat)} images ({found})", "save the one to use as a file of its own")
    if not flat:
        size = " x ".join(str(length) for length in images[0][1])
        if len(images[0][1]) < 2:
            raise FrameError(file, f"is a row of numbers, no picture ({size})", "choose a file with a 2-D image")
        raise FrameError(file, f"is a cube, not one picture ({size} pixels)", "save its planes as single files")
    index, shape = flat[0]
    if min(shape) < SMALLEST:
        size = f"{shape[1]} x {shape[0]} pixels"
        raise FrameError(file, f"is too small to hold stars ({size})", f"choose frames of {SMALLEST} pixels and more")
    return index, shape


def _check_size(path: str, file: str, layout: Layout, stored: int) -> None:
    present = os.path.getsize(path)
    # Deflate packs 1032 bytes into one at most (zlib's technical notes).
    possible = present * 1032 if layout.zipped else present - layout.offset
    if stored > possible or layout.bits not in (8, 16, 32, 64, -32, -64):
        problem = f"is cut off or damaged (its header promises {stored} bytes of pixels, the file has {present} in all)"
        raise FrameError(file, problem, "copy it again")
    if layout.shape[0] * layout.shape[1] > LARGEST:
        size = f"{layout.shape[1]} x {layout.shape[0]} pixels"
        raise FrameError(file, f"is larger than {LARGEST // 1_000_000} megapixels ({size})", "cut it into parts")


def _values(header: Header) -> dict[str, Any]:
    from astropy.io.fits import VerifyError

    values: dict[str, Any] = {}
    for card in header.cards:
        try:
            value = card.value
        except (VerifyError, ValueError):
            # The card breaks the rules, say a text without quotes: what stands before the comment is its value.
            value = card.image[10:].split("/")[0].strip(" '")
        values.setdefault(card.keyword.upper(), value)
    return values


def read_info(path: str, file: str) -> FrameInfo:
    """What the header says.

    Raises
    ------
    FrameError
        Where the file holds no frame.
    """
    layout, cards = scan(path, file)
    exposure = headers.exposure(cards)
    kind, reason = kinds.kind_of(cards, path, exposure)
    return FrameInfo(
        path=path,
        file=file,
        shape=layout.shape,
        pattern=headers.bayer_pattern(cards, layout.shape[0]),
        kind=kind,
        kind_reason=reason,
        time=times.start_time(cards),
        exposure=exposure,
        gain=headers.gain(cards),
        iso=headers.iso(cards),
        filter=headers.filter_name(cards),
        saturation=min(
            (level for level in (headers.saturation(cards), layout.full) if level is not None), default=None
        ),
        camera=headers.camera(cards),
    )


def read_pixels(path: str, file: str, *, overscan: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Pixels, the black level under them, and the mask.

    Parameters
    ----------
    path, file : str
        The file, and its name for messages.
    overscan : bool
        Whether what lies outside DATASEC, TRIMSEC or in BIASSEC is masked.

    Returns
    -------
    pixels : ndarray of uint16 or float32, shape (ny, nx)
        As stored where the file holds 8 or 16-bit integers, else physical values.
    black : ndarray of float32, shape (2, 2)
        32768 where signed integers had to be lifted above zero, else 0.
    mask : ndarray of bool, shape (ny, nx), or None
        True where the header says that there is no value.

    Raises
    ------
    FrameError
        Where the file is damaged or no pixel has a value.
    """
    layout, cards = scan(path, file)
    stored = _stored(path, file, layout)
    pixels, black = _unsigned(stored, layout)
    if pixels is None:
        pixels, black = _floating(stored, layout), 0
    mask = headers.outside_sections(cards, layout.shape) if overscan else None
    if pixels.dtype == np.uint16 and layout.blank is not None and (empty := stored == layout.blank).any():
        mask = empty if mask is None else mask | empty
    if (pixels.dtype == np.float32 and not np.isfinite(pixels).any()) or (mask is not None and mask.all()):
        raise FrameError(file, "has no pixel with a value (all are NaN)", "leave it out")
    return pixels, np.full((2, 2), black, np.float32), mask


def _stored(path: str, file: str, layout: Layout) -> np.ndarray:
    """The numbers as the file has them, of the file's own type and byte order."""
    if layout.packed:
        with _opened(path, file, do_not_scale_image_data=True) as hdus:
            return np.asarray(hdus[layout.hdu].data).reshape(layout.shape)
    kind = f">f{-layout.bits // 8}" if layout.bits < 0 else "u1" if layout.bits == 8 else f">i{layout.bits // 8}"
    count = layout.shape[0] * layout.shape[1]
    try:
        if layout.zipped:
            with gzip.open(path, "rb") as stream:
                stream.seek(layout.offset)
                numbers = np.frombuffer(stream.read(layout.size), kind)
        else:
            numbers = np.fromfile(path, kind, count, offset=layout.offset)
    except (OSError, EOFError, ValueError, zlib.error):
        raise _not_fits(path, file) from None
    if numbers.size != count:
        raise _not_fits(path, file)
    return numbers.reshape(layout.shape)


def _unsigned(stored: np.ndarray, layout: Layout) -> tuple[np.ndarray | None, int]:
    """Camera integers as uint16 with the level to subtract, or None where they are of another kind."""
    if layout.full is None or stored.dtype.kind not in "iu":
        return None, 0
    if layout.bits == 8:
        return stored.astype(np.uint16), 0
    bits = stored.astype(np.int16).view(np.uint16)
    if layout.zero == 0 and not (bits & 0x8000).any():
        return bits, 0
    # Turning the sign bit adds 32768, exactly.
    bits ^= np.uint16(0x8000)
    return bits, 0 if layout.zero == 32768 else 32768


def _floating(stored: np.ndarray, layout: Layout) -> np.ndarray:
    """Physical values as float32; what has no value, or one too large for float32, is NaN."""
    pixels = np.empty(layout.shape, np.float32)
    band = max(1, 2**20 // layout.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, layout.shape[0], band):
            rows = slice(start, start + band)
            values = stored[rows].astype(np.float64)
            if layout.scale != 1 or layout.zero != 0:
                values = values * layout.scale + layout.zero
            pixels[rows] = values
            if layout.blank is not None and stored.dtype.kind in "iu":
                pixels[rows][stored[rows] == layout.blank] = np.nan
            np.putmask(pixels[rows], np.isinf(pixels[rows]), np.nan)
    return pixels


def read_header(path: str, file: str) -> Header:
    """The light's own cards, without those that describe how its pixels are stored.

    Cards that break the rules are kept as comments.
    """
    from astropy.io.fits import Header

    layout, _ = scan(path, file)
    result = Header()
    with _opened(path, file) as hdus:
        for index in dict.fromkeys((layout.hdu, 0)):
            header = hdus[index].header.copy()
            _copy_cards(header, result, other=index != layout.hdu)
    for key in ("BLANK", "CHECKSUM", "DATASUM", "ZHECKSUM", "ZDATASUM", "DATAMIN", "DATAMAX", "INHERIT"):
        result.remove(key, ignore_missing=True, remove_all=True)
    result.strip()
    return result


def _copy_cards(header: Header, result: Header, *, other: bool) -> None:
    from astropy.io.fits import VerifyError

    for card in header.cards:
        if card.keyword in ("COMMENT", "HISTORY"):
            result.add_comment(str(card.value)) if card.keyword == "COMMENT" else result.add_history(str(card.value))
        elif card.keyword and not (other and card.keyword in result):
            try:
                result.append((card.keyword, card.value, card.comment), end=True)
            except (VerifyError, ValueError):
                result.add_comment(card.image.strip())
