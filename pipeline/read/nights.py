"""Which night a frame belongs to: a night lasts from noon to noon at the site, whatever the date is in UTC."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from pipeline.frame import Failure, FrameInfo
from pipeline.read.cards import Cards, text
from pipeline.read.times import parse_moment

_WITH_ZONE = ("DATE-OBS", "DATE-BEG", "DATE_OBS", "DATE-LOC")
_UTC = ("DATE-OBS", "DATE-BEG", "UT-OBS", "DATE_OBS")
_LONGITUDE = (
    *("SITELONG", "LONGITUD", "LONG-OBS", "OBSLONG", "OBS-LONG", "GEOLON", "OBSGEO-L", "LONGITUDE"),
    "ESO TEL GEOLON",
)
_ZONE = re.compile(r"\d:\d\d(?::\d\d(?:[.,]\d*)?)?\s*([-+])(\d\d):?(\d\d)?\s*$")
#: Hours of the day without a light that make a day sure.
DAY = 6.0
NOON = 12.0


def noons_of(cards: Cards) -> tuple[float, ...]:
    """When it may be noon where a frame was taken, as its header says it.

    Parameters
    ----------
    cards : mapping
        A time with its zone, or local time beside UTC (DATE-LOC), or the site's longitude.

    Returns
    -------
    tuple of float
        Hours UTC, not folded into one day: 12 minus the hours that local time is ahead. One of a time zone; two of a
        longitude, for some headers count it to the east and others to the west; none where the header says nothing.
    """
    for key in _WITH_ZONE:
        found = _ZONE.search(text(cards.get(key)))
        if found and (hours := int(found[2]) + int(found[3] or 0) / 60):
            return (NOON - hours,) if found[1] == "+" else (NOON + hours,)
    local = parse_moment(cards.get("DATE-LOC"))
    moment = next((found for key in _UTC if (found := parse_moment(cards.get(key))) is not None), None)
    if local is not None and moment is not None and timedelta(0) != local - moment < timedelta(hours=15):
        # Zones go by quarters of an hour; clocks that were read one after the other do not.
        ahead = round((local - moment) / timedelta(hours=1) * 4) / 4
        return (NOON - ahead,) if -13 <= ahead <= 14 else ()
    degrees = next((found for key in _LONGITUDE if (found := _degrees(cards.get(key)))), None)
    return () if degrees is None else (NOON - degrees / 15, NOON + degrees / 15)


def _degrees(value: object) -> float | None:
    """A longitude from 0 to 180 degrees, whichever way it counts, from 110.88 or '-110 52 39' or '110:52:39 W'."""
    parts = [float(part) for part in re.findall(r"\d+(?:\.\d+)?", text(value))[:3]]
    degrees = sum(part / 60**place for place, part in enumerate(parts))
    if not parts or not 0 < degrees <= 360:
        return None
    return min(degrees, 360 - degrees)


def with_nights(files: Iterable[FrameInfo | Failure]) -> list[FrameInfo | Failure]:
    """Frames of one set with the noon that tells their nights apart.

    Parameters
    ----------
    files : iterable of FrameInfo or Failure
        All files of the set.

    Returns
    -------
    list of FrameInfo or Failure
        The same, each frame with one noon. What its header leaves open is settled by the lights: they are taken by
        night, so the middle of the longest time of the day without any of them is about noon. Without that they are
        taken to be at Greenwich.
    """
    files = list(files)
    frames = [file for file in files if isinstance(file, FrameInfo)]
    day = _middle_of_day([one for one in frames if one.kind in ("light", "")])
    chosen = [min(one.noons, key=lambda noon: _apart(noon, day)) for one in frames if one.noons]
    common = Counter(chosen).most_common(1)[0][0] if chosen else day
    return [
        replace(file, noons=(min(file.noons or (common,), key=lambda noon: _apart(noon, day)),))
        if isinstance(file, FrameInfo)
        else file
        for file in files
    ]


def _middle_of_day(lights: list[FrameInfo]) -> float:
    """Middle of the longest time of the day in which no light began, hours UTC."""
    hours = sorted(one.time.mjd % 1 * 24 for one in lights if one.time is not None)
    if not hours:
        return NOON
    gaps = [(later - hour, hour) for hour, later in zip(hours, [*hours[1:], hours[0] + 24], strict=True)]
    longest, start = max(gaps)
    return (start + longest / 2) % 24 if longest >= DAY else NOON


def _apart(one: float, other: float) -> float:
    """Hours between two times of the day."""
    return abs((one - other + 12) % 24 - 12)
