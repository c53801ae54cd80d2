"""What was taken off a frame before it came here, as its header says it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pipeline.read.cards import Cards, number, text

# IRAF's ccdproc, ccdproc, HST's calibration and Las Cumbres' BANZAI, in this order.
_CARDS = {
    "bias": ("ZEROCOR", "BIASCOR", "SUBBIAS", "SUBTRACT_BIAS", "BIASCORR", "L1STATBI", "BIASSUB"),
    "dark": ("DARKCOR", "SUBDARK", "SUBTRACT_DARK", "DARKCORR", "L1STATDA", "DARKSUB"),
    "flat": ("FLATCOR", "FLAT_CORRECT", "FLATCORR", "FLTCORR", "L1STATFL", "FLATDIV"),
}
# MaxIm DL and others after it: a letter for each step.
_LETTERS = ("CALSTAT", {"bias": "B", "dark": "D", "flat": "F"})
_NOT_DONE = re.compile(
    r"(?:0|\.?f(?:alse)?\.?|n|no|none|off|raw|omit(?:ted)?|perform|pending|skip(?:ped)?|incomplete|undone|not\b.*|)",
    re.IGNORECASE,
)
_NAMES = {
    "bias": r"(?:master ?)?bias(?:es)?|zero(?: level| frame| image)s?",
    "dark": r"(?:master ?)?darks?(?! (?:sky|nebula|cloud))(?: current| frame)?",
    "flat": r"(?:master ?)?flats?(?:[ -]?field(?:s|ed|ing)?)?",
}
_DONE = r"subtract\w*|remov\w*|correct\w*|taken off|appl(?:ied|ying)|divi\w*"
_LINES = {
    kind: re.compile(
        rf"(?<![a-z])(?:{name})(?![a-z])[^.;]{{0,40}}?\b(?:{_DONE})"
        rf"|\b(?:{_DONE})[^.;]{{0,24}}?(?<![a-z])(?:{name})(?![a-z])"
        rf"|\bmaster{kind}\w*\.enabled\W+true|^{kind}(?: with its bias)?: .*(?:taken off|divided)",
        re.IGNORECASE,
    )
    for kind, name in _NAMES.items()
}
# The level of an overscan is no bias frame; a line that says what was not done says it so.
_OTHERWISE = re.compile(r"\b(?:not|no|without|never|skip\w*|omit\w*|un\w+ed|overscan|prescan|false)\b", re.I)


def done_before(cards: Cards) -> tuple[tuple[str, str], ...]:
    """Steps of a reduction that are behind a frame.

    Parameters
    ----------
    cards : mapping
        The header's cards; all lines of HISTORY in one value.

    Returns
    -------
    tuple of (str, str)
        Of "bias", "dark" and "flat" those that are done, each with what says so, such as "CALSTAT = 'BDF'". A dark
        takes its bias along.
    """
    lines = str(cards.get("HISTORY", "")).splitlines()
    found = {kind: told for kind in _CARDS if (told := next(_telling(kind, cards, lines), ""))}
    if "dark" in found and "bias" not in found:
        found = {"bias": found["dark"], **found}
    return tuple(found.items())


def _telling(kind: str, cards: Cards, lines: list[str]) -> Iterator[str]:
    """What says that a step is done."""
    key, letters = _LETTERS
    state = text(cards.get(key)).upper()
    if letters[kind] in state and re.fullmatch("[BDFMOSCT ,+/-]*", state):
        yield f"{key} = {cards[key]!r}"
    for name in _CARDS[kind]:
        if name in cards and _is_done(cards[name]):
            yield f"{name} = {cards[name]!r}"
    for line in lines:
        if _LINES[kind].search(line) and not _OTHERWISE.search(line):
            yield f"HISTORY {line.strip()[:60]}"


def _is_done(value: Any) -> bool:
    if isinstance(value, (bool, int, float)):
        return bool(value)
    found = number(value)
    return found != 0 and _NOT_DONE.fullmatch(text(value)) is None
