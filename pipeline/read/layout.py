"""Where and how a FITS file holds its image, checked against the file before memory is taken."""

from __future__ import annotations

import gzip
import io
import math
import os
import re
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from pipeline.frame import FrameError

if TYPE_CHECKING:
    from astropy.io.fits import HDUList, Header

LARGEST = 2**28  # pixels; four times the largest camera that we know of
SMALLEST = 16  # pixels along a side
_BLOCK = 2880
_LONGEST = 2**24  # bytes; a header of two hundred thousand cards is none
# White space stands for itself, whatever else cannot be printed for a character that was lost.
_PRINTABLE = bytes(32 if code in b"\0\t\n\v\f\r" else code if 32 <= code < 127 else 63 for code in range(256))
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
    mended : tuple of (int, bytes)
        First byte and new bytes of headers with characters that FITS does not allow.
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
    mended: tuple[tuple[int, bytes], ...]

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
def quiet() -> Iterator[None]:
    """Hold astropy's warnings back; what matters in them is checked here and said.

    Python keeps its warning filters for the whole process, so only one thread at a time may change them.
    """
    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def careful(path: str, file: str) -> Iterator[None]:
    """Hold astropy's warnings back, and turn what a damaged file raises into one sentence."""
    from astropy.io.fits import VerifyError
    from astropy.io.fits.hdu.compressed._compression import CfitsioException

    with quiet():
        try:
            yield
        except FileNotFoundError:
            raise FrameError(file, "is not there", "check the name") from None
        except PermissionError:
            raise FrameError(file, "cannot be opened (no permission)", "allow reading it") from None
        except (VerifyError, CfitsioException, *_DAMAGE):
            raise damaged(path, file) from None


def open_stream(path: str, *, zipped: bool) -> IO[bytes]:
    """The file's bytes, unzipped."""
    return gzip.open(path, "rb") if zipped else open(path, "rb")


def _is_zipped(path: str) -> bool:
    with open(path, "rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def damaged(path: str, file: str) -> FrameError:
    """What to say of a file that cannot be read as FITS."""
    size = os.path.getsize(path)
    if size == 0:
        return FrameError(file, "is empty (0 bytes)", "copy it again")
    with open(path, "rb") as stream:
        head = stream.read(10)
    if head.startswith((b"SIMPLE  =", b"\x1f\x8b")):
        return FrameError(file, f"is cut off or damaged ({size} bytes)", "copy it again")
    return FrameError(file, f"is no FITS file (it begins with {repr(head)[1:]})", "choose a FITS or camera file")


def _header_bytes(stream: IO[bytes]) -> bytes:
    """A header's blocks up to the one with its END; none at the end of the file (FITS standard 4.0, 3.1 and 3.3.1)."""
    found = bytearray()
    while len(found) < _LONGEST:
        block = stream.read(_BLOCK)
        found += block
        if any(block[start : start + 80].rstrip(b" \0") == b"END" for start in range(0, len(block), 80)):
            return bytes(found)
        if len(block) < _BLOCK:
            break
    if not found:
        return b""
    raise ValueError


def _cleaned(raw: bytes) -> bytes:
    """A header's bytes with cards that can be read, as many as before.

    Characters that FITS does not allow become blanks where they are white, else question marks. A CONTINUE card that
    goes on with nothing becomes a COMMENT.
    """
    text = raw.translate(_PRINTABLE)
    if b"CONTINUE" not in text:
        return text
    cards = [text[start : start + 80] for start in range(0, len(text), 80)]
    for position, card in enumerate(cards):
        if card.startswith(b"CONTINUE"):
            goes_on = position and re.match(rb"(?:.{8}= |CONTINUE  ) *'(?:[^']|'')*&'\s*(?:/.*)?$", cards[position - 1])
            if not goes_on or not re.match(rb"CONTINUE  +'(?:[^']|'')*'\s*(?:/.*)?$", card):
                cards[position] = b"COMMENT " + card[8:]
    return b"".join(cards)


def _parts(stream: IO[bytes]) -> Iterator[tuple[Header, int, int, bytes]]:
    """Header, first byte and bytes of the data of each HDU (FITS standard 4.0, 4.4.1), the header's text if mended."""
    from astropy.io.fits import Header

    if not stream.read(9) == b"SIMPLE  =":
        raise ValueError
    stream.seek(0)
    while raw := _header_bytes(stream):
        text = _cleaned(raw)
        header = Header.fromstring(text)
        offset, size = stream.tell(), _data_size(header)
        yield header, offset, size, b"" if text == raw else text
        stream.seek(offset + -(-size // _BLOCK) * _BLOCK)


def _data_size(header: Header) -> int:
    """Bytes of the data that a header announces."""
    axes = [int(header[f"NAXIS{axis}"]) for axis in range(1, int(header.get("NAXIS", 0)) + 1)]
    values = int(header.get("GCOUNT", 1)) * (int(header.get("PCOUNT", 0)) + math.prod(axes)) if axes else 0
    return values * abs(int(header["BITPIX"])) // 8


def data_size(raw: bytes) -> int | None:
    """Bytes of the data that a header's bytes announce; None where they do not tell it."""
    from astropy.io.fits import Header, VerifyError

    with quiet():
        try:
            size = _data_size(Header.fromstring(_cleaned(raw)))
        except (VerifyError, *_DAMAGE):
            return None
    return size if 0 <= size < 2**63 else None


def open_hdus(path: str, layout: Layout) -> HDUList:
    """The file by astropy, numbers as they are stored, with the headers that were mended."""
    from astropy.io import fits

    if not layout.mended:
        return fits.open(path, memmap=False, do_not_scale_image_data=True)
    with open_stream(path, zipped=layout.zipped) as stream:
        content = bytearray(stream.read())
    for start, text in layout.mended:
        content[start : start + len(text)] = text
    return fits.open(io.BytesIO(content), memmap=False, do_not_scale_image_data=True)


def find(path: str, file: str) -> tuple[Layout, Header, Header]:
    """Where the one image of a file lies.

    Parameters
    ----------
    path : str
        The file.
    file : str
        Its name for messages.

    Returns
    -------
    layout : Layout
        Place and kind of the pixels.
    header, primary : Header
        Headers of the image's HDU and of the first HDU.

    Raises
    ------
    FrameError
        Where there is not exactly one image, or the file is too short for it.
    """
    with careful(path, file):
        zipped = _is_zipped(path)
        parts, images, mended = [], [], []
        with open_stream(path, zipped=zipped) as stream:
            for header, offset, size, text in _parts(stream):
                axes = _axes(header)
                if text:
                    mended.append((offset - len(text), text))
                parts.append((header, offset, size))
                if axes:
                    images.append((len(parts) - 1, axes))
                # A picture in front is the frame, whatever stands behind it; the rest need not even be unzipped.
                if len(parts) == 1 and len(axes) == 2:
                    break
        names = [
            str(_word(header, "EXTNAME") or _word(header, "XTENSION") or "primary").strip() for header, _, _ in parts
        ]
        index, shape = _choose(images, file, names)
        header, offset, size = parts[index]
        packed = bool(header.get("ZIMAGE", False))
        layout = Layout(
            hdu=index,
            offset=offset,
            shape=shape,
            bits=int(header["ZBITPIX" if packed else "BITPIX"]),
            zero=float(header.get("BZERO", 0)),
            scale=float(header.get("BSCALE", 1)),
            blank=_blank(header),
            packed=packed,
            zipped=zipped,
            mended=tuple(mended),
        )
        _check_size(path, file, layout, size if packed else layout.size)
        # A tile is unpacked into memory whole, and cannot be larger than the image.
        if packed and any(int(header.get(f"ZTILE{axis}", 1)) > max(shape) for axis in (1, 2)):
            raise damaged(path, file)
        return layout, header, parts[0][0]


def _word(header: Header, key: str) -> Any:
    """A card's value; None where it has none or breaks the rules, for a picture can be read without it."""
    from astropy.io.fits import VerifyError

    try:
        return header.get(key)
    except VerifyError:
        return None


def _blank(header: Header) -> int | None:
    for key in ("ZBLANK", "BLANK"):
        value = _word(header, key)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and float(value).is_integer():
            return int(value)
    return None


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
