"""FITS files to frames."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.frame import FrameError, FrameInfo
from pipeline.read import earlier, headers, kinds, nights, times
from pipeline.read.layout import Layout, careful, damaged, find, open_hdus, open_stream
from pipeline.read.overscan import bias_levels

if TYPE_CHECKING:
    from astropy.io.fits import Header


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
        Cards of the image's HDU, and those of the primary HDU that it does not have itself; the lines of HISTORY in
        one value.

    Raises
    ------
    FrameError
        Where there is not exactly one image, or the file is too short for it.
    """
    layout, header, primary = find(path, file)
    with careful(path, file):
        own, first = _values(header), _values(primary) if layout.hdu else {}
        cards = first | own
        if first.get("HISTORY") and own.get("HISTORY"):
            cards["HISTORY"] = f"{first['HISTORY']}\n{own['HISTORY']}"
        return layout, cards


def _values(header: Header) -> dict[str, Any]:
    from astropy.io.fits import VerifyError

    values: dict[str, Any] = {}
    lines: list[str] = []
    for card in header.cards:
        try:
            value = card.value
        except (VerifyError, ValueError):
            # The card breaks the rules, say a text without quotes: what stands before the comment is its value.
            value = card.image[10:].split("/")[0].strip(" '")
        if card.keyword == "HISTORY" and "HISTORY" in values:
            lines.append(str(value))
        values.setdefault(card.keyword.upper(), value)
    if lines:
        values["HISTORY"] = "\n".join([str(values["HISTORY"]), *lines])
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
    done = earlier.done_before(cards)
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
        binning=headers.binning(cards),
        read_noise=headers.read_noise(cards),
        combined=headers.combined(cards),
        averaged=headers.averaged(cards),
        sky_off=headers.sky_off(cards),
        bias_off=cards.get("BIASIN") is False or (kind == "dark" and "BIASIN" not in cards and "bias" in dict(done)),
        done=done,
        noons=nights.noons_of(cards),
    )


def plain_pixels(
    path: str, file: str, shape: tuple[int, int], *, overscan: bool
) -> tuple[np.dtype, int, Callable[[np.ndarray], np.ndarray]] | None:
    """How to read rows of a file in place, or None where the whole frame is needed for that.

    Returns
    -------
    kind : dtype
        Of the stored numbers.
    offset : int
        First byte of the image.
    convert : callable
        Stored rows to float32, shape (rows, nx); what has no value is NaN.
    """
    layout, cards = scan(path, file)
    if layout.packed or layout.zipped or layout.shape != shape:
        return None
    if overscan and headers.outside_sections(cards, layout.shape) is not None:
        return None
    return _kind(layout), layout.offset, lambda stored: _floating(stored, layout)


def read_pixels(
    path: str, file: str, *, overscan: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Pixels, the black level under them, the mask, and the level that the overscan shows.

    Parameters
    ----------
    path, file : str
        The file, and its name for messages.
    overscan : bool
        Whether what lies outside DATASEC, TRIMSEC or in BIASSEC is masked, and its level looked for.

    Returns
    -------
    pixels : ndarray of uint16 or float32, shape (ny, nx)
        As stored where the file holds 8 or 16-bit integers, else physical values.
    black : ndarray of float32, shape (2, 2)
        32768 where signed integers had to be lifted above zero, else 0.
    mask : ndarray of bool, shape (ny, nx), or None
        True where the header says that there is no value.
    levels : ndarray of float64, shape (ny,), or None
        Level of each row of ``pixels`` as the overscan shows it; None where there is none.

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
    levels = bias_levels(pixels, headers.overscan_columns(cards, layout.shape), mask) if overscan else None
    return pixels, np.full((2, 2), black, np.float32), mask, levels


def _stored(path: str, file: str, layout: Layout) -> np.ndarray:
    """The numbers as the file has them, of the file's own type and byte order."""
    if layout.packed:
        with careful(path, file), open_hdus(path, layout) as hdus:
            return np.asarray(hdus[layout.hdu].data).reshape(layout.shape)
    kind = _kind(layout)
    count = layout.shape[0] * layout.shape[1]
    try:
        if layout.zipped:
            with open_stream(path, zipped=True) as stream:
                stream.seek(layout.offset)
                numbers = np.frombuffer(stream.read(layout.size), kind)
        else:
            numbers = np.fromfile(path, kind, count, offset=layout.offset)
    except (OSError, EOFError, ValueError, zlib.error):
        raise damaged(path, file) from None
    if numbers.size != count:
        raise damaged(path, file)
    return numbers.reshape(layout.shape)


def _kind(layout: Layout) -> np.dtype:
    """Type and byte order of the numbers in the file."""
    bits = layout.bits
    return np.dtype(f">f{-bits // 8}" if bits < 0 else "u1" if bits == 8 else f">i{bits // 8}")


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
    pixels = np.empty(stored.shape, np.float32)
    band = max(1, 2**20 // stored.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, stored.shape[0], band):
            rows = slice(start, start + band)
            scaled = layout.scale != 1 or layout.zero != 0
            pixels[rows] = stored[rows].astype(np.float64) * layout.scale + layout.zero if scaled else stored[rows]
            if layout.blank is not None and stored.dtype.kind in "iu":
                pixels[rows][stored[rows] == layout.blank] = np.nan
            np.putmask(pixels[rows], np.isinf(pixels[rows]), np.nan)
    return pixels


def read_header(path: str, file: str) -> Header:
    """The light's own cards as they stand in the file, without those that describe how its pixels are stored.

    The image's own cards come first, then those of the primary HDU. A card may break the rules: what may stand in
    another file is for the writer to say.
    """
    from astropy.io.fits import Header

    layout, image, primary = find(path, file)
    result = Header()
    with careful(path, file):
        if layout.packed:
            # astropy knows which cards of a compressed image's table are the image's own.
            with open_hdus(path, layout) as hdus:
                image = hdus[layout.hdu].header.copy()
        _copy_cards(image, result)
        if layout.hdu:
            _copy_cards(primary, result)
    return result


#: Cards that say how the pixels are stored.
STORED = re.compile(
    r"(?:SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|PCOUNT|GCOUNT|GROUPS|TFIELDS|BSCALE|BZERO|BLANK|INHERIT"
    r"|Z?CHECKSUM|Z?DATASUM|ZHECKSUM)"
)


def _copy_cards(header: Header, result: Header) -> None:
    for card in header.cards:
        if not card.is_blank and not STORED.fullmatch(card.keyword):
            result.append(card, end=True)
