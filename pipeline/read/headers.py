"""Facts of a frame from its header's cards, in all the spellings that real files have."""

from __future__ import annotations

import re

import numpy as np

from pipeline.frame import PATTERNS
from pipeline.read.cards import Cards, first, first_number, number, seconds, text

_EXPOSURE = ("EXPTIME", "EXPOSURE", "EXP_TIME", "EXPOSTIM", "XPOSURE", "TEXPTIME", "ITIME", "INTTIME", "EXP-TIME")
_GAIN = ("EGAIN", "GAIN", "CCDGAIN", "GAINEL", "GAIN1", "E-GAIN")
_ISO = ("ISOSPEED", "ISO", "ISO_SPEED", "ISOSPEEDRATINGS")
_FILTER = (
    "FILTER",
    "FILTNAM",
    "FILTNAME",
    "FILTERID",
    "ACAMFILT",
    "INSFLNAM",
    "FILTNM",
    "FILT",
    "WFFBAND",
    "INSFILTE",
    "ESO INS FILT1 NAME",
)
_WHEELS = ("FILTER1", "FILTER2", "FILTER3")
_OPEN = ("clear", "open", "air", "empty", "none", "null", "n/a", "out")
_CAMERA = ("INSTRUME", "CAMERA", "DETECTOR", "CCDNAME")
_READ_NOISE = ("RDNOISE", "READNOIS", "READNOISE", "RON", "RONOISE", "RDNOIS", "ENOISE", "ESO DET OUT1 RON")
_BINNING = (
    ("XBINNING", "YBINNING"),
    ("CCDXBIN", "CCDYBIN"),
    ("BINX", "BINY"),
    ("XBIN", "YBIN"),
    ("CCDSUM", "CCDSUM"),
    ("BINNING", "BINNING"),
    ("ESO DET WIN1 BINX", "ESO DET WIN1 BINY"),
)
# DATAMAX is left out: FITS standard 4.0 (4.4.2.5) has it as the largest value of this image, full or not.
_SATURATION = ("SATURATE", "SATLEVEL", "SATURATI", "SATURLVL", "SATVAL", "ESO DET OUT1 SATUR")
_PATTERN = ("BAYERPAT", "COLORTYP", "BAYERPATTERN", "BAYER", "CFAPATT", "CFA-PAT", "BAYRPAT")


def exposure(cards: Cards) -> float | None:
    """Exposure in seconds; None where no card has a number of at least 0."""
    found = next((value for key in _EXPOSURE if (value := seconds(cards.get(key))) is not None), None)
    if found is None and (micro := number(cards.get("EXPOINUS"))) is not None and micro >= 0:
        return micro * 1e-6
    return found


def gain(cards: Cards) -> float | None:
    """Camera gain as the header has it."""
    return first_number(cards, _GAIN)


def iso(cards: Cards) -> float | None:
    """Sensitivity."""
    return first_number(cards, _ISO)


def filter_name(cards: Cards) -> str:
    """Name of the filter; of several wheels those that are not open."""
    found = first(cards, _FILTER)
    if found:
        return text(found[1])
    wheels = [text(cards.get(key)) for key in _WHEELS]
    return "+".join(name for name in wheels if name and name.lower() not in _OPEN)


def read_noise(cards: Cards) -> float | None:
    """Read noise in electrons as the header has it."""
    return _positive(first_number(cards, _READ_NOISE))


def binning(cards: Cards) -> tuple[int, int] | None:
    """Detector pixels in a pixel along x and y, from 2, '2 2', '2x2' or '1,1'; None where no card says it."""
    for across, down in _BINNING:
        found = [re.findall(r"\d+", text(cards.get(key)).split(".")[0]) for key in (across, down)]
        sides = found[0] if across == down and len(found[0]) > 1 else [numbers[0] for numbers in found if numbers]
        if len(sides) >= 2 and all(1 <= int(side) <= 64 for side in sides[:2]):
            return int(sides[0]), int(sides[1])
    return None


def camera(cards: Cards) -> str:
    """Name of the camera."""
    found = first(cards, _CAMERA)
    return text(found[1]) if found else ""


def saturation(cards: Cards) -> float | None:
    """Level at which the header says that a pixel is full."""
    return _positive(first_number(cards, _SATURATION))


def _positive(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None


def bayer_pattern(cards: Cards, rows: int) -> str:
    """Colours of the first 2 x 2 pixels of the array.

    Parameters
    ----------
    cards : mapping
        BAYERPAT (or another of its spellings), XBAYROFF, YBAYROFF, ROWORDER.
    rows : int
        Height of the array. Where ROWORDER says BOTTOM-UP the pattern is that of the picture as shown, whose first row
        is the array's last, so an even height turns the pattern's rows round.

    Returns
    -------
    str
        One of PATTERNS.
    """
    letters = next((found for key in _PATTERN if (found := _letters(cards.get(key)))), "")
    if not letters:
        return "none"
    right = int(number(cards.get("XBAYROFF", cards.get("BAYOFFX", cards.get("BAYEROFFX")))) or 0)
    down = int(number(cards.get("YBAYROFF", cards.get("BAYOFFY", cards.get("BAYEROFFY")))) or 0)
    if re.sub("[^A-Z]", "", text(cards.get("ROWORDER")).upper()) == "BOTTOMUP":
        down += rows - 1
    return "".join(letters[(row + down) % 2 * 2 + (column + right) % 2] for row in (0, 1) for column in (0, 1))


def _letters(value: object) -> str:
    match = re.search("[RGB]{4}", text(value).upper())
    return match.group() if match and match.group() in PATTERNS else ""


def outside_sections(cards: Cards, shape: tuple[int, int]) -> np.ndarray | None:
    """Pixels that the header says see no sky: overscan and what is to be trimmed.

    Parameters
    ----------
    cards : mapping
        TRIMSEC or DATASEC (what is image) and BIASSEC (what is not), as '[x0:x1,y0:y1]' from 1, both ends included.
    shape : tuple of int
        Rows and columns of the array.

    Returns
    -------
    ndarray of bool, or None
        True outside. None where all is image, or where the sections leave less than half of the frame: then they are
        those of the whole detector, not of this array.
    """
    outside = np.zeros(shape, bool)
    image = _section(cards.get("TRIMSEC"), shape) or _section(cards.get("DATASEC"), shape)
    if image:
        outside[:] = True
        outside[image] = False
    if bias := _section(cards.get("BIASSEC"), shape):
        outside[bias] = True
    masked = np.count_nonzero(outside)
    return outside if 0 < masked < outside.size / 2 else None


def overscan_columns(cards: Cards, shape: tuple[int, int]) -> tuple[slice, slice] | None:
    """The strip of the array that saw no light but went through the same electronics.

    Parameters
    ----------
    cards : mapping
        BIASSEC; without it the wider strip of columns beside DATASEC, or beside TRIMSEC where there is no DATASEC.
    shape : tuple of int
        Rows and columns of the array.

    Returns
    -------
    tuple of slice, or None
        Rows and columns. None where the header names no such strip, or one that is none: rows are not columns, and a
        strip of fewer than 2 columns or of half of the frame tells nothing.
    """
    strip = _section(cards.get("BIASSEC"), shape)
    image = _section(cards.get("DATASEC"), shape) or _section(cards.get("TRIMSEC"), shape)
    if strip is None and image is not None:
        left, right = slice(0, image[1].start), slice(image[1].stop, shape[1])
        strip = image[0], max((right, left), key=lambda part: part.stop - part.start)
    if strip is None:
        return None
    rows, columns = (part.stop - part.start for part in strip)
    return strip if 2 <= columns < shape[1] / 2 and rows > shape[0] / 2 else None


def _section(value: object, shape: tuple[int, int]) -> tuple[slice, slice] | None:
    match = re.fullmatch(r"\s*\[\s*(\d+)\s*:\s*(\d+)\s*,\s*(\d+)\s*:\s*(\d+)\s*\]\s*", text(value))
    if match is None:
        return None
    x0, x1, y0, y1 = (int(part) for part in match.groups())
    left, right, low, high = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
    if left < 1 or low < 1 or left > shape[1] or low > shape[0]:
        return None
    return slice(low - 1, min(high, shape[0])), slice(left - 1, min(right, shape[1]))


def combined(cards: Cards) -> int:
    """How many frames were combined into this one, by NFRAMES or NCOMBINE; 1 where it does not say so."""
    counts = (number(cards.get(key)) for key in ("NFRAMES", "NCOMBINE"))
    return max([1, *(int(count) for count in counts if count is not None and 1 <= count < 1e6)])


def averaged(cards: Cards) -> float:
    """How many exposures' photons one ADU of a combined frame holds.

    Our stacks say how much less noise they have than a frame, and that squared it is, at most their number; what other
    programs call NCOMBINE is taken for the number of a mean. One ADU of a sum holds what one of a frame does.
    """
    count = combined(cards)
    if count == 1 or "sum" in text(cards.get("COMBINE")).lower():
        return 1.0
    before, after = number(cards.get("NOISEONE")), number(cards.get("NOISE"))
    if before is None or after is None or not (before > 0 and after > 0):
        return float(count)
    return float(min(max((before / after) ** 2, 1.0), count))


def sky_off(cards: Cards) -> float:
    """Level of the sky that was taken off before, ADU, as our own frames say."""
    return _positive(number(cards.get("BKGSUB"))) or 0.0


def full_level(pixels: np.ndarray) -> float | None:
    """Level at which pixels pile up at the top of the values, or None where they do not.

    A camera stops at its own limit, whatever the file's numbers could hold: the last level then has many pixels and the
    levels below have few, while without a limit the histogram thins out toward its end.

    Parameters
    ----------
    pixels : ndarray of uint16 or float32
        As stored; NaN does not count.

    Returns
    -------
    float or None
        The lowest of the levels within 0.5 % of the top (of the way from the median) that at least three pixels share,
        and more than twice as many as any level in the quarter below.
    """
    top = float(np.fmax.reduce(pixels, axis=None))
    step = max(1, min(pixels.shape) // 256)
    sample = pixels[::step, ::step]
    above = top - float(np.median(sample[np.isfinite(sample)])) if np.isfinite(sample).any() else 0.0
    if not above > 0 or (pixels.dtype == np.uint16 and above < 16):
        return None
    levels, counts = np.unique(pixels[pixels > top - above / 4], return_counts=True)
    near = levels >= top - above / 200
    below = int(counts[~near].max(initial=0))
    piled = levels[near & (counts >= 3) & (counts > 2 * below)]
    return float(piled[0]) if piled.size else None
