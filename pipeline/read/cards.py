"""Values out of header cards, whatever form they have (numbers, texts with units), and texts that may stand in them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

Cards = Mapping[str, Any]

_NUMBER = re.compile(
    r"\s*([-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eEdD][-+]?\d+)?)\s*(?:/\s*(\d+(?:\.\d+)?))?\s*([^\d\s]*)"
)


def number(value: Any) -> float | None:
    """The finite number in a card's value: 30, '30.0', '30,0', '1/250', '30 s' or '5.0D1'.

    Parameters
    ----------
    value : object
        The card's value.

    Returns
    -------
    float or None
        None where there is no number.
    """
    return _number_and_unit(value)[0]


def _number_and_unit(value: Any) -> tuple[float | None, str]:
    if isinstance(value, bool) or value is None:
        return None, ""
    if isinstance(value, (int, float)):
        return (float(value), "") if math.isfinite(value) else (None, "")
    match = _NUMBER.match(str(value))
    if match is None:
        return None, ""
    digits, below, unit = match.groups()
    result = float(re.sub("[dD]", "e", digits.replace(",", ".")))
    if below is not None:
        result = result / float(below) if float(below) else math.nan
    return (result, unit) if math.isfinite(result) else (None, "")


_SECONDS = {"ms": 1e-3, "msec": 1e-3, "us": 1e-6, "µs": 1e-6, "m": 60.0, "min": 60.0, "h": 3600.0}


def seconds(value: Any) -> float | None:
    """A duration in seconds: 30, '30 s', '30,0', '500 ms', '2 min'; None where negative or no number."""
    result, unit = _number_and_unit(value)
    if result is None or result < 0:
        return None
    return result * _SECONDS.get(unit.strip(".").lower(), 1.0)


def text(value: Any) -> str:
    """The value as text without blanks around it, "" for none and for the words that mean none."""
    result = "" if value is None or isinstance(value, bool) else str(value).strip()
    return "" if result.lower() in ("none", "n/a", "na", "null", "unknown", "undefined", "no filter") else result


def first(cards: Cards, keys: Iterable[str]) -> tuple[str, Any] | None:
    """The first of some cards that is there and not blank, as (key, value)."""
    for key in keys:
        if text(cards.get(key)):
            return key, cards[key]
    return None


def first_number(cards: Cards, keys: Iterable[str]) -> float | None:
    """The number of the first of some cards that has one."""
    return next((found for key in keys if (found := number(cards.get(key))) is not None), None)


def plain(words: str) -> str:
    """A text in the characters that a card may have (FITS standard 4.0, 4.2.1); any other becomes a question mark."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in words)
