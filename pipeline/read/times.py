"""When an exposure began, in all the spellings that headers have."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pipeline.read.cards import Cards, number, text

if TYPE_CHECKING:
    from astropy.time import Time

# FITS standard 4.0 (section 9.5): DATE-OBS and DATE-BEG name the start; the others are what observatories added.
_START = ("DATE-OBS", "DATE-BEG", "UT-OBS", "DATE_OBS", "DATEOBS", "UTC-OBS", "DATE-STA", "DATE-UTC")
_CLOCK = ("TIME-OBS", "UT-OBS", "UTC-OBS", "TIME-BEG", "UTSTART", "UT-START", "UT", "UTC", "UTTIME", "UT-TIME", "TIME")
_SECONDS_OF_DAY = ("TM-START", "UTC")
_MJD = ("MJD-OBS", "MJD-BEG", "MJD_OBS", "MJD-STR", "MJD", "MJDSTART")
_JULIAN = ("JD-OBS", "JD_UTC", "JD-UTC", "JD", "JULIAN")

_DATE = re.compile(r"(\d{4})[-/:.](\d{1,2})[-/:.](\d{1,2})(?=$|[T\s_,])")
_OLD_DATE = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})(?=$|[T\s_,])")
_CLOCK_TEXT = re.compile(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2}(?:[.,]\d*)?))?\s*(Z|UTC?|[-+]\d{1,2}:?\d{0,2})?\s*$")


def parse_date(value: Any) -> tuple[datetime | None, str]:
    """The day at the head of a text, and what follows it.

    Parameters
    ----------
    value : object
        '2024-03-01T20:00:00', '2024/03/01', or the old style '31/12/98', which means 1998 (FITS standard 4.0, 4.4.2.1).

    Returns
    -------
    datetime or None
        Midnight UTC of that day; None where there is no such day.
    str
        The rest of the text, "" where the day is all.
    """
    written = text(value)
    if match := _DATE.match(written):
        year, month, day = (int(part) for part in match.groups())
    elif match := _OLD_DATE.match(written):
        day, month, year = (int(part) for part in match.groups())
        year += 1900 if len(match.group(3)) == 2 else 0
        # Month and day are swapped in some old headers; only where the rule's own order is no date.
        day, month = (month, day) if month > 12 >= day else (day, month)
    else:
        return None, written
    if not 1900 <= year <= 2100:
        return None, written
    try:
        return datetime(year, month, day, tzinfo=UTC), written[match.end() :].strip(" T_,")
    except ValueError:
        return None, written


def parse_clock(value: Any) -> timedelta | None:
    """Time since midnight UTC of a text like '18:33:43.317-0700'; the zone is taken off, so it may leave the day."""
    match = _CLOCK_TEXT.match(text(value))
    if match is None:
        return None
    hour, minute, second, zone = match.groups()
    after = timedelta(hours=int(hour), minutes=int(minute), seconds=float((second or "0").replace(",", ".")))
    if int(hour) > 24 or int(minute) > 59 or after > timedelta(days=1, seconds=1):
        return None
    if zone and zone[0] in "+-":
        digits = zone[1:].replace(":", "")
        east = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
        after += east if zone[0] == "-" else -east
    return after


def parse_moment(value: Any) -> datetime | None:
    """Date and clock in one text, as UTC; None where either is missing."""
    day, rest = parse_date(value)
    clock = parse_clock(rest)
    return None if day is None or clock is None else day + clock


def parse_exif(moment: str, fraction: str = "", zone: str = "") -> datetime | None:
    """EXIF's DateTimeOriginal with SubSecTimeOriginal and OffsetTimeOriginal (Exif 2.31); without zone taken as UTC."""
    digits = re.match(r"\d+", fraction.strip())
    clock = moment.strip("\0 ") + (f".{digits.group()}" if digits else "")
    return parse_moment(clock + zone.strip("\0 ")) or parse_moment(clock)


def start_time(cards: Cards) -> Time | None:
    """Start of the exposure.

    Parameters
    ----------
    cards : mapping
        The header's cards.

    Returns
    -------
    astropy.time.Time or None
        UTC; None where no card has a time that makes sense. A date without a clock anywhere is midnight.
    """
    moment = next((found for key in _START if (found := parse_moment(cards.get(key))) is not None), None)
    if moment is None:
        moment = _day_and_clock(cards) or _julian(cards) or _day(cards)
    return None if moment is None else as_time(moment, text(cards.get("TIMESYS")).lower())


def _day(cards: Cards) -> datetime | None:
    return next((day for key in _START if (day := parse_date(cards.get(key))[0]) is not None), None)


def _day_and_clock(cards: Cards) -> datetime | None:
    day = _day(cards) or parse_date(cards.get("DATE"))[0]
    if day is None:
        return None
    clock = next((found for key in _CLOCK if (found := parse_clock(cards.get(key))) is not None), None)
    if clock is None:
        since = next((found for key in _SECONDS_OF_DAY if isinstance(found := cards.get(key), (int, float))), None)
        clock = timedelta(seconds=float(since)) if since is not None and 0 <= since <= 86401 else None
    return None if clock is None else day + clock


def _julian(cards: Cards) -> datetime | None:
    for keys, offset in ((_MJD, 0.0), (_JULIAN, 2400000.5)):
        for key in keys:
            value = number(cards.get(key))
            # From 1858 to 2132: other numbers under these names are not what the name says.
            if value is not None and 1 <= value - offset <= 100000:
                return datetime(1858, 11, 17, tzinfo=UTC) + timedelta(days=value - offset)
    return None


def as_time(moment: datetime, scale: str = "utc") -> Time | None:
    """An astropy Time, UTC; None before 1960, when UTC began, and more than a year ahead: such a clock is not set.

    Parameters
    ----------
    moment : datetime
        With zone.
    scale : str
        Time scale that the header names; other than TAI and the dynamical times count as UTC.
    """
    if not datetime(1960, 1, 1, tzinfo=UTC) <= moment <= datetime.now(UTC) + timedelta(days=366):
        return None
    from astropy.utils import iers

    # Leap seconds come with astropy; a pipeline does not ask the network for newer ones.
    iers.conf.auto_download = False
    from astropy.time import Time

    known = scale if scale in ("tai", "tt", "tdb", "tcg", "tcb") else "utc"
    naive = moment.astimezone(UTC).replace(tzinfo=None)
    result = Time(naive, scale=known, format="datetime").utc
    result.format = "isot"
    return result
