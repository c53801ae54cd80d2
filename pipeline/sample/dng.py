"""A raw colour mosaic as an uncompressed DNG, with its exposure in an EXIF directory as cameras write it.

Tags after Adobe's Digital Negative Specification 1.4 and Exif 2.32; the file around them is a plain TIFF 6.0.
"""

from __future__ import annotations

import struct
from datetime import datetime
from pathlib import Path

import numpy as np

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SRATIONAL = 1, 2, 3, 4, 5, 7, 10
HEADER = 8
# XYZ (D65) to linear sRGB primaries (IEC 61966-2-1), so that the picture looks natural in raw developers.
COLOUR_MATRIX = (3.2405, -1.5371, -0.4985, -0.9693, 1.8760, 0.0416, 0.0556, -0.2040, 1.0572)
Entry = tuple[int, int, int, bytes]


def write_dng(
    path: Path,
    pixels: np.ndarray,
    *,
    pattern: str,
    black: int,
    white: int,
    neutral: tuple[float, float, float],
    time: datetime,
    exposure: float,
    iso: int,
) -> None:
    """Write one mosaic.

    Parameters
    ----------
    path : Path
        File to write.
    pixels : ndarray of uint16, shape (ny, nx)
        The mosaic.
    pattern : str
        Colours of the first 2 x 2 pixels.
    black, white : int
        Stored level without light, and of a full pixel.
    neutral : tuple of float
        Red, green and blue that the camera sees of white light.
    time : datetime
        Start of the exposure, UTC.
    exposure : float
        Seconds.
    iso : int
        Sensitivity.
    """
    data = pixels.astype("<u2").tobytes()
    exif = [
        (33434, RATIONAL, 1, _rationals((exposure,))),
        (34855, SHORT, 1, _shorts(iso)),
        (36864, UNDEFINED, 4, b"0232"),
        (36867, *_text(time.strftime("%Y:%m:%d %H:%M:%S"))),
        (36881, *_text("+00:00")),
        (37521, *_text(f"{time.microsecond // 1000:03d}")),
    ]
    offset = HEADER + len(data)
    exif_directory = _directory(exif, offset)
    main = _main_entries(pixels.shape, pattern, black, white, neutral, time, offset)
    with open(path, "wb") as file:
        file.write(struct.pack("<2sHI", b"II", 42, offset + len(exif_directory)))
        file.write(data)
        file.write(exif_directory)
        file.write(_directory(main, offset + len(exif_directory)))


def _main_entries(
    shape: tuple[int, int],
    pattern: str,
    black: int,
    white: int,
    neutral: tuple[float, float, float],
    time: datetime,
    exif: int,
) -> list[Entry]:
    """The first directory: the picture's size and place, its colours, and where the EXIF directory stands."""
    ny, nx = shape
    return [
        (254, LONG, 1, _longs(0)),
        (256, LONG, 1, _longs(nx)),
        (257, LONG, 1, _longs(ny)),
        (258, SHORT, 1, _shorts(16)),
        (259, SHORT, 1, _shorts(1)),
        (262, SHORT, 1, _shorts(32803)),
        (271, *_text("Starshift")),
        (272, *_text("Sample")),
        (273, LONG, 1, _longs(HEADER)),
        (274, SHORT, 1, _shorts(1)),
        (277, SHORT, 1, _shorts(1)),
        (278, LONG, 1, _longs(ny)),
        (279, LONG, 1, _longs(2 * nx * ny)),
        (284, SHORT, 1, _shorts(1)),
        (305, *_text("Starshift")),
        (306, *_text(time.strftime("%Y:%m:%d %H:%M:%S"))),
        (33421, SHORT, 2, _shorts(2, 2)),
        (33422, BYTE, 4, bytes("RGB".index(letter) for letter in pattern)),
        (34665, LONG, 1, _longs(exif)),
        (50706, BYTE, 4, bytes((1, 4, 0, 0))),
        (50707, BYTE, 4, bytes((1, 1, 0, 0))),
        (50708, *_text("Starshift Sample")),
        (50714, SHORT, 1, _shorts(black)),
        (50717, LONG, 1, _longs(white)),
        (50721, SRATIONAL, 9, _rationals(COLOUR_MATRIX)),
        (50728, RATIONAL, 3, _rationals(neutral)),
        (50778, SHORT, 1, _shorts(21)),
    ]


def _shorts(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}H", *numbers)


def _longs(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}I", *numbers)


def _rationals(numbers: tuple[float, ...]) -> bytes:
    return b"".join(struct.pack("<ii", round(number * 100_000), 100_000) for number in numbers)


def _text(words: str) -> tuple[int, int, bytes]:
    """Type, count and value of a text, which ends in a zero."""
    return ASCII, len(words) + 1, words.encode("ascii") + b"\0"


def _directory(entries: list[Entry], offset: int) -> bytes:
    """A TIFF directory that stands at ``offset`` (even), and behind it the values of more than four bytes."""
    behind = offset + 2 + 12 * len(entries) + 4
    directory, values = struct.pack("<H", len(entries)), b""
    for tag, kind, count, value in entries:
        directory += struct.pack("<HHI", tag, kind, count)
        if len(value) <= 4:
            directory += value.ljust(4, b"\0")
        else:
            directory += struct.pack("<I", behind + len(values))
            values += value + b"\0" * (len(value) % 2)
    return directory + struct.pack("<I", 0) + values
