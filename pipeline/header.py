"""A light's own cards as they may stand in the header of another array.

The FITS standard (4.0, sections 4.1 to 4.4 for cards and reserved words, 8.2 for coordinates) says which forms are
allowed. What it forbids is mended where its meaning is sure; the card as it was is then kept in HISTORY.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from pipeline.read import times

if TYPE_CHECKING:
    from astropy.io.fits import Card, Header

# How the light's own array lies in its own file: of another array these would be lies, and of the light no news.
_STORAGE = re.compile(
    r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|EXTEND|GROUPS|PCOUNT|GCOUNT|TFIELDS|THEAP|BSCALE|BZERO|BLANK|INHERIT|END"
    r"|CHECKSUM|DATASUM|Z(?:IMAGE|TABLE|CMPTYPE|SIMPLE|BITPIX|EXTEND|PCOUNT|GCOUNT|TENSION|BLANK|QUANTIZ|DITHER0)"
    r"|Z(?:HECKSUM|DATASUM)|Z(?:NAXIS|TILE|NAME|VAL)\d*|(?:TTYPE|TFORM|TUNIT|TDIM|TZERO|TSCAL)\d+"
)
# Words that mean something else in our files: our own, those of tables and groups, and one that is not used any more.
_OTHERS = re.compile(
    r"RECIPE|CREATOR|REFFRAME|EXTNAME|EXTVER|EXTLEVEL|DATAMIN|DATAMAX|BLOCKED|CONTINUE"
    r"|(?:TBCOL|TNULL|TDISP|TCTYP|TCUNI|TCRVL|TCDLT|TCRPX|TCROT|PTYPE|PSCAL|PZERO)\d.*"
)
_COMMENTARY = ("", "COMMENT", "HISTORY")
_TEXT = re.compile(r"ORIGIN|AUTHOR|REFERENC|TELESCOP|INSTRUME|OBSERVER|OBJECT|BUNIT|(?:CTYPE|CUNIT|PS|CNAME)\d.*")
_NUMBER = re.compile(
    r"EQUINOX|MJD-OBS|MJD-AVG|(?:CRPIX|CRVAL|CDELT|CROTA|CRDER|CSYER|PV)\d.*|(?:PC|CD)\d+_.*"
    r"|(?:RESTFRQ|RESTFREQ|RESTWAV|OBSGEO-[XYZ]|VELOSYS|ZSOURCE|VELANGL|LONPOLE|LATPOLE).*"
)
_WHOLE = re.compile(r"WCSAXES.*")
_WORDS = {
    re.compile(r"(?:RADESYS|RADECSYS).*"): ("ICRS", "FK5", "FK4", "FK4-NO-E", "GAPPT"),
    re.compile(r"(?:SPECSYS|SSYSOBS|SSYSSRC).*"): (
        *("TOPOCENT", "GEOCENTR", "BARYCENT", "HELIOCEN", "LSRK", "LSRD", "GALACTOC", "LOCALGRP", "CMBDIPOL"),
        "SOURCE",
    ),
}
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:T(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d*)?)?")
_OLD_DATE = re.compile(r"\d\d/(?:0[1-9]|1[0-2])/\d\d")
_ZONE = re.compile(r":.*(?:Z|UTC?|[-+]\d+:?\d*)$")

# Cards of the coordinates, by axis: word, axis, second index, and the letter of an alternate description.
_AXIS = re.compile(
    r"(CTYPE|CUNIT|CNAME|CRPIX|CRVAL|CDELT|CROTA|CRDER|CSYER|PV|PS|(?:PC|CD)(?=\d+_\d))(\d+)(?:_(\d+))?(.*)"
)
_WHOLE_SKY = re.compile(r"WCSAXES.*|RADE(?:C)?SYS.*|EQUINOX.*|LONPOLE.*|LATPOLE.*|[AB]P?_(?:ORDER|DMAX|\d+_\d+)")


def standing(light: Header) -> Header:
    """The cards of a light that may stand in any header, and in HISTORY those that may not.

    Parameters
    ----------
    light : Header
        All cards of the light.

    Returns
    -------
    Header
        Valid cards, each word once. Cards about how the light is stored are left out. Coordinates say with WCSAXES how
        many axes they have, so they are whole in a header without an array too (FITS standard 4.0, 8.2).
    """
    from astropy.io.fits import Header

    header, told = Header(), []
    for card in light.cards:
        if _STORAGE.fullmatch(card.keyword):
            continue
        if card.keyword in _COMMENTARY:
            header.append(card, end=True)
            continue
        ours = None if card.keyword in header or _OTHERS.fullmatch(card.keyword) else _mended(card, light)
        if ours is not None and ours.keyword not in header:
            header.append(ours, end=True)
        if ours is not card:
            told.append(_as_line(card))
    told += _settle_axes(header)
    for line in dict.fromkeys(told):
        header.add_history(line)
    return header


def declare_long_texts(header: Header) -> None:
    """Say so where a text goes on in CONTINUE cards, as the convention that brought them asks."""
    if any(len(card.image) > 80 and card.keyword not in _COMMENTARY for card in header.cards):
        header["LONGSTRN"] = ("OGIP 1.0", "long texts go on in CONTINUE cards")


def coordinates(header: Header) -> Header:
    """The cards that say where the light's pixels are on the sky, for an array of the same pixels."""
    from astropy.io.fits import Header

    chosen = Header()
    for card in header.cards:
        if _AXIS.fullmatch(card.keyword) or _WHOLE_SKY.fullmatch(card.keyword):
            chosen.append(card, end=True)
    return chosen


def _as_line(card: Card) -> str:
    return " ".join(part.rstrip() for part in re.findall(".{1,80}", card.image)).strip()


def _mended(card: Card, light: Header) -> Card | None:
    """The card, one of the same meaning that is allowed, or None."""
    from astropy.io.fits import VerifyError
    from astropy.io.fits.card import Undefined

    key = card.keyword
    try:
        value, comment = card.value, card.comment
    except (VerifyError, ValueError):
        return None
    if isinstance(value, Undefined) or not (card.image[8:10] == "= " or card.image.startswith("HIERARCH ")):
        return None
    if key == "EPOCH":
        # The word's name until 1984; both mean the year of the axes (FITS standard 4.0, 8.3).
        key, value = "EQUINOX", None if "EQUINOX" in light else _number(value)
    new = _value(key, value)
    if new is None:
        return None
    if key == card.keyword and type(new) is type(value) and new == value and _is_valid(card):
        return card
    return _new_card(key, new, comment)


def _is_valid(card: Card) -> bool:
    from astropy.io.fits import VerifyError

    image = card.image
    try:
        card.verify("exception")
    except (VerifyError, ValueError):
        return False
    plain = re.fullmatch(r"[A-Z0-9_-]{1,8} *", image[:8]) is not None and image[8:10] == "= "
    return (plain or image.startswith("HIERARCH ")) and image.isascii() and image.isprintable()


def _new_card(key: str, value: Any, comment: str) -> Card | None:
    """A card in the standard's own form, its comment as long as there is room."""
    from astropy.io.fits import Card

    word = key if re.fullmatch(r"[A-Z0-9_-]{1,8}", key) else f"HIERARCH {key}"
    try:
        bare = Card(word, value).image
        if len(bare) > 80:
            return Card(word, value, comment)
        return Card(word, value, comment[: max(0, 77 - len(bare.rstrip()))].rstrip())
    except ValueError:
        return None


def _value(key: str, value: Any) -> Any:
    """The value that the word may have: the same, one of the same meaning, or None."""
    if key.startswith("DATE"):
        return _date(key, value)
    for words, allowed in _WORDS.items():
        if words.fullmatch(key):
            word = str(value).strip().upper()
            return (value if value == word else word) if word in allowed else None
    if _TEXT.fullmatch(key):
        return value if isinstance(value, str) else str(value)
    if _WHOLE.fullmatch(key):
        number = _number(value)
        return None if number is None or number != int(number) else int(number)
    if _NUMBER.fullmatch(key):
        return _coordinate(key, _number(value))
    return value


def _coordinate(key: str, number: float | None) -> float | None:
    if number is None or (key.startswith("CDELT") and number == 0):
        return None
    return None if key.startswith(("CRDER", "CSYER")) and number < 0 else number


def _number(value: Any) -> float | None:
    """A number, or the one that a text is: '2000.0', 'J2000'."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if not isinstance(value, str):
        return value
    try:
        number = float(value.strip().removeprefix("J").removeprefix("B"))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _date(key: str, value: Any) -> str | None:
    """A date in the forms of the standard (4.0, 4.4.2.1 and 9.1.1), times of other zones as UTC."""
    if not isinstance(value, str):
        return None
    day, rest = times.parse_date(value)
    if day is None:
        return None
    old = _OLD_DATE.fullmatch(value)
    if old and int(value[-2:]) <= 10:
        # By the rule 1900 to 1910, surely meant as 2000 to 2010: nobody can tell.
        return None
    if old or (_ISO.fullmatch(value) and (not rest or times.parse_clock(rest) is not None)):
        return value
    if not rest:
        return day.strftime("%Y-%m-%d")
    moment = times.parse_moment(value)
    if moment is None or ("LOC" in key and _ZONE.search(value)):
        return None
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds" if moment.microsecond else "seconds")


def _settle_axes(header: Header) -> list[str]:
    """Keep whole descriptions of coordinates alone, and say how many axes they have; return what was taken out."""
    found = {key: match for key in dict.fromkeys(header) if (match := _AXIS.fullmatch(key))}
    ways = {match.group(1) for match in found.values() if not match.group(4)}
    count = 0
    while all(f"{word}{count + 1}" in header for word in ("CRPIX", "CRVAL", "CTYPE")):
        count += 1
    out = []
    for key, match in found.items():
        axes = _axes(match)
        incomplete = not match.group(4) and max(axes) > count
        if incomplete or min(axes) < 1 or max(axes) > 9 or _excluded(match, ways):
            out.append(key)
    told = [_take(header, key) for key in out]
    declared = {key: header[key] for key in dict.fromkeys(header) if _WHOLE.fullmatch(key)}
    left = {key: match for key, match in found.items() if key not in out}
    wanted = {"WCSAXES": count} if count else {}
    for match in left.values():
        # An alternate description may have more axes than the first.
        if max(_axes(match)) > max([count, *wanted.values()]):
            wanted[f"WCSAXES{match.group(4)[:1]}"] = max(_axes(match))
    for key in dict.fromkeys([*declared, *wanted]):
        line = _take(header, key) if key in declared else ""
        needed = wanted.get(key, 0 if key == "WCSAXES" or not left else declared.get(key, 0))
        if needed:
            first = next(position for position, word in enumerate(header) if word in left)
            header.insert(first, (key, needed, "number of axes of the coordinates"))
        if line and (not needed or needed != declared[key]):
            told.append(line)
    return told


def _axes(match: re.Match[str]) -> tuple[int, ...]:
    """The axes that a card is about; the second index of PV and PS counts parameters."""
    word, first, second, _ = match.groups()
    return (int(first), int(second)) if second and word in ("PC", "CD") else (int(first),)


def _excluded(match: re.Match[str], ways: set[str]) -> bool:
    """Whether a card turns the axes as others beside it do: CD goes before PC, and PC before CROTA."""
    word, _, _, letter = match.groups()
    if letter:
        return False
    return (word == "PC" and "CD" in ways) or (word == "CROTA" and "PC" in ways and "CD" not in ways)


def _take(header: Header, key: str) -> str:
    line = _as_line(header.cards[key])
    del header[key]
    return line
