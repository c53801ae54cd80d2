"""How a page shows what it shows, as entries of its address and back: stretch, colours, tracks, states, region."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipeline.knob import nearest, shown
from ui.colours import STATES
from ui.region import Region
from ui.stretch import COLOURS, STRETCHES

if TYPE_CHECKING:
    from ui.session import Session

# How tracks lie over the picture, and how the tab of tracks draws them.
TRACKS = ("tails", "all", "off")
ARROWS = ("frames", "offset", "residual")
_LARGEST = 1e6
_NO_STATE = "none"


class LookError(ValueError):
    """An entry of an address that cannot be; the message says why. All others can be used."""


@dataclass(frozen=True)
class Look:
    """What a visitor chose of how pictures and tracks are drawn; the defaults are what nobody chose.

    Parameters
    ----------
    stretch, colours : str
        Of STRETCHES and COLOURS.
    invert : bool
        Whether dark and bright are swapped.
    limits : tuple of float
        What is drawn black and white, sigma of the sky, where a hand has set it; else empty.
    tracks : str
        How much of each star's track is drawn, of TRACKS.
    states : tuple of str or None
        The states whose stars are drawn, where they are not the usual ones.
    aligned : bool
        Whether each frame is drawn where its stars are in the reference.
    region : tuple of float or None
        The part of the field whose stars alone are shown: x from and to, y from and to, pixels of the reference.
    arrows : str
        What the tab of tracks draws, of ARROWS.
    """

    stretch: str = "asinh"
    colours: str = "grey"
    invert: bool = False
    limits: tuple[float, ...] = ()
    tracks: str = TRACKS[0]
    states: tuple[str, ...] | None = None
    aligned: bool = False
    region: Region | None = None
    arrows: str = ARROWS[0]


def beside(one: Look | Session) -> dict[str, Any]:
    """What a session keeps of a look."""
    return {name: getattr(one, name) for name in ("aligned", "region", "arrows")}


def entries_of(look: Look) -> list[tuple[str, str]]:
    """Entries of an address for what is not at its default, but limits and states, which the browser adds."""
    usual = Look()
    entries = [
        (name, "yes" if value is True else value)
        for name in ("stretch", "colours", "invert", "tracks", "aligned", "arrows")
        if (value := getattr(look, name)) != getattr(usual, name)
    ]
    if look.region is not None:
        entries.append(("region", ",".join(f"{one:.1f}" for one in look.region)))
    return entries


def with_entry(look: Look, name: str, value: str) -> Look:
    """The look with one of ENTRIES put in.

    Raises
    ------
    LookError
        Where it cannot have that value.
    """
    return replace(look, **{name: _READERS[name](name, value)})


def numbers_of(value: str, count: int) -> tuple[float, ...]:
    """So many numbers with commas between them; empty where it is something else, or one is too large to be a place."""
    try:
        numbers = tuple(float(part) for part in value.split(","))
    except ValueError:
        return ()
    known = len(numbers) == count and all(math.isfinite(one) and abs(one) < _LARGEST for one in numbers)
    return numbers if known else ()


def _one_of(*allowed: str) -> Callable[[str, str], str]:
    def read(name: str, value: str) -> str:
        if value not in allowed:
            raise LookError(f"{name} {shown(value)}: cannot be that{nearest(value[:80], allowed)}")
        return value

    return read


def _yes(name: str, value: str) -> bool:
    if value not in ("yes", "no"):
        raise LookError(f"{name} {shown(value)}: wants yes or no")
    return value == "yes"


def _states(name: str, value: str) -> tuple[str, ...]:
    states = () if value == _NO_STATE else tuple(value.split(","))
    if not set(states) <= set(STATES):
        raise LookError(f"{name} {shown(value)}: wants some of {', '.join(STATES)}, or {_NO_STATE}")
    return tuple(state for state in STATES if state in states)


def _pairs(count: int, wants: str) -> Callable[[str, str], tuple[float, ...]]:
    """A reader of so many pairs of numbers, each from its low to its high end."""

    def read(name: str, value: str) -> tuple[float, ...]:
        numbers = numbers_of(value, 2 * count)
        if not numbers or any(low >= high for low, high in zip(numbers[::2], numbers[1::2], strict=True)):
            raise LookError(f"{name} {shown(value)}: wants {wants}")
        return numbers

    return read


_READERS: dict[str, Callable[[str, str], Any]] = {
    "stretch": _one_of(*STRETCHES),
    "colours": _one_of(*COLOURS),
    "invert": _yes,
    "limits": _pairs(1, "what is drawn black and white, in sigma of the sky"),
    "tracks": _one_of(*TRACKS),
    "states": _states,
    "aligned": _yes,
    "region": _pairs(2, "x from and to, y from and to, in pixels of the reference"),
    "arrows": _one_of(*ARROWS),
}
ENTRIES = tuple(_READERS)
