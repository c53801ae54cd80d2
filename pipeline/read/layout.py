"""Where and how a FITS file holds its image, checked against the file before memory is taken."""

from __future__ import annotations

import gzip
import math
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from pipeline.frame import FrameError

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
def careful(path: str, file: str) -> Iterator[None]:
    """Hold astropy's warnings back, and turn what a damaged file raises into one sentence.

    What matters in the warnings is checked here and said. Python keeps its warning filters for the whole process, so
    only one thread at a time may change them.
    """
    from astropy.io.fits import VerifyError
    from astropy.io.fits.hdu.compressed._compression import CfitsioException

    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore")
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
    return FrameError(file, f"is no FITS file (it begins with {head!r})", "choose a FITS or camera file")


def _parts(stream: IO[bytes]) -> Iterator[tuple[Header, int, int]]:
    """Header, first byte and number of bytes of the data of each HDU (FITS standard 4.0, 4.4.1)."""
    from astropy.io.fits import Header

    if not stream.read(9) == b"SIMPLE  =":
        raise ValueError
    stream.seek(0)
    while True:
        try:
            header = Header.fromfile(stream)
        except EOFError:
            return
        offset = stream.tell()
        axes = [int(header[f"NAXIS{axis}"]) for axis in range(1, int(header.get("NAXIS", 0)) + 1)]
        values = int(header.get("GCOUNT", 1)) * (int(header.get("PCOUNT", 0)) + math.prod(axes)) if axes else 0
        size = values * abs(int(header["BITPIX"])) // 8
        yield header, offset, size
        stream.seek(offset + -(-size // 2880) * 2880)


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
        parts, images = [], []
        with open_stream(path, zipped=zipped) as stream:
            for header, offset, size in _parts(stream):
                axes = _axes(header)
                parts.append((header, offset, size))
                if axes:
                    images.append((len(parts) - 1, axes))
                # A picture in front is the frame, whatever stands behind it; the rest need not even be unzipped.
                if len(parts) == 1 and len(axes) == 2:
                    break
        names = [str(header.get("EXTNAME", header.get("XTENSION", "primary"))).strip() for header, _, _ in parts]
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
            blank=header.get("ZBLANK", header.get("BLANK")),
            packed=packed,
            zipped=zipped,
        )
        _check_size(path, file, layout, size if packed else layout.size)
        # A tile is unpacked into memory whole, and cannot be larger than the image.
        if packed and any(int(header.get(f"ZTILE{axis}", 1)) > max(shape) for axis in (1, 2)):
            raise damaged(path, file)
        return layout, header, parts[0][0]


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
