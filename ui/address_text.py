"""What a page shows as the text of an address, and back: data, frame, recipe, pictures. Everything read is checked."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

from pipeline import recipe as recipes
from pipeline.knob import KnobError, cut, nearest, shown
from pipeline.recipe import Recipe
from pipeline.stage import STAGES
from ui.commands import written
from ui.look import ENTRIES, Look, LookError, entries_of, numbers_of, with_entry
from ui.open_dialog import SAMPLES, below
from ui.pictures import MADE_OF

LONGEST = 20_000
MOST_ENTRIES = 200
COUNTS = (1, 2, 4)
TABS = ("Tracks", "Map", "Stars", "Frames", "Pixels", "Shifts", "Stack", "Fluxes", "Truth")
# Readable in an address as they are.
_PLAIN = "/,:"


class AddressError(ValueError):
    """An address asks for what cannot be shown; the message says what."""


@dataclass(frozen=True)
class Place:
    """What a page shows.

    Parameters
    ----------
    sample, folder : str
        The sample, or the folder below the data root ("." for the root itself); both empty for uploads.
    frame : int or None
        Number of the frame, from 0; None is the reference.
    star : int or None
        The star picked.
    candidate : tuple of float or None
        The candidate picked that is no star: x and y of its place in the reference, pixels.
    recipe : Recipe
        All knobs.
    kinds : tuple of str
        What the pictures show.
    stage, tab : str
        The stage and the tab that are open.
    zoom : tuple of float
        x and y of the middle and width of what the pictures show of the frame, pixels; empty for the whole frame.
    look : Look
        How pictures and tracks are drawn, and the region that is dragged.
    """

    sample: str = "drift"
    folder: str = ""
    frame: int | None = None
    star: int | None = None
    candidate: tuple[float, float] | None = None
    recipe: Recipe = field(default_factory=Recipe)
    kinds: tuple[str, ...] = ("subtracted",)
    stage: str = "stars"
    tab: str = TABS[0]
    zoom: tuple[float, ...] = ()
    look: Look = field(default_factory=Look)


def address_of(place: Place) -> str:
    """A place as text for the address; what stands at its default is left out, and zoom, limits and states.

    Those the browser adds.
    """
    usual = Place()
    entries: list[tuple[str, str]] = []
    if place.folder:
        entries.append(("folder", place.folder))
    elif place.sample and place.sample != usual.sample:
        entries.append(("sample", place.sample))
    if place.folder or place.sample:
        entries += [("frame", str(place.frame + 1))] if place.frame is not None else []
        entries += [("star", str(place.star))] if place.star is not None else []
        if place.candidate is not None:
            entries.append(("candidate", ",".join(f"{one:.1f}" for one in place.candidate)))
    if place.kinds != usual.kinds:
        entries.append(("pictures", ",".join(place.kinds)))
    if place.stage != usual.stage:
        entries.append(("stage", place.stage))
    if place.tab != usual.tab:
        entries.append(("tab", place.tab))
    # A region is a part of one field.
    held = place.folder or place.sample
    entries += entries_of(place.look if held else replace(place.look, region=None))
    knobs = _knobs(place.recipe)
    text = _joined([*entries, *knobs])
    # What no browser would carry is better left to a recipe's file.
    return text if len(text) <= LONGEST else _joined(entries)


def _knobs(recipe: Recipe) -> list[tuple[str, str]]:
    return [
        (f"{stage}.{name}", written(STAGES[stage].knobs[name], value))
        for stage, knobs in recipe.changed().items()
        for name, value in knobs.items()
    ]


def _joined(entries: list[tuple[str, str]]) -> str:
    return "&".join(f"{quote(name, safe=_PLAIN)}={quote(text, safe=_PLAIN)}" for name, text in entries)


def place_of(text: str, root: Path) -> tuple[Place, list[str]]:
    """The place that an address's text names, and what is wrong with what had to be left out of it.

    Left out is all that cannot be but the files: without them there is nothing to show.

    Parameters
    ----------
    text : str
        What stands after "#"; it may come from anywhere.
    root : Path
        Only folders below this one are opened.

    Raises
    ------
    AddressError
        Where it is no address, or asks for files that cannot be opened.
    """
    if len(text) > LONGEST:
        raise AddressError(f"it is longer than an address of this page can be (at most {LONGEST} characters)")
    try:
        entries = parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=MOST_ENTRIES
        )
    except UnicodeDecodeError:
        raise AddressError("it is no text in UTF-8") from None
    except ValueError as error:
        raise AddressError(f"it is no address of this page ({cut(str(error))})") from None
    place, wrong = Place(), []
    knobs: dict[str, dict[str, Any]] = {name: {} for name in STAGES}
    for name, value in entries:
        words = value if name == "folder" else value.replace("\0", "\\0")
        if "." in name:
            stage, _, knob = name.partition(".")
            try:
                knobs.get(stage, {})[knob] = _knob(stage, knob, words)
            except KnobError as error:
                wrong.append(str(error))
        elif name in ENTRIES:
            try:
                place = replace(place, look=with_entry(place.look, name, words))
            except LookError as error:
                wrong.append(str(error))
        elif name == "folder":
            place = replace(place, folder=_folder(words, root), sample="")
        elif name == "sample":
            place = replace(place, sample=_sample(words))
        else:
            try:
                place = replace(place, **{_FIELDS.get(name, name): _reader(name)(name, words)})
            except AddressError as error:
                wrong.append(str(error))
    return replace(place, recipe=Recipe(knobs)), wrong


def _knob(stage: str, knob: str, value: str) -> Any:
    """The value of a knob, checked; an address of another version may name one that is not there."""
    if stage not in STAGES:
        raise KnobError(f"{cut(f'{stage}.{knob}')}: no such stage{nearest(stage, STAGES)}")
    if knob not in STAGES[stage].knobs:
        raise KnobError(f"{stage}.{cut(knob)}: no such knob{nearest(knob, STAGES[stage].knobs)}")
    return recipes.parse_value(STAGES[stage].knobs[knob], value)


def _reader(name: str) -> Callable[[str, str], Any]:
    """What reads an entry that is neither a knob nor a file."""
    if name not in _READERS:
        raise AddressError(
            f"{cut(name) or shown(name)}: no such entry{nearest(name, (*_READERS, *ENTRIES, 'folder', 'sample'))}"
        )
    return _READERS[name]


def _folder(value: str, root: Path) -> str:
    refused = AddressError(f"folder {shown(value)}: there is no such folder below the data root")
    try:
        path = root / value
        if not below(root, path) or not path.is_dir():
            raise refused
        return path.resolve().relative_to(root.resolve()).as_posix()
    except (ValueError, OSError, RuntimeError):
        # A byte that no path has, a name that is too long, links in a circle.
        raise refused from None


def _one_of(allowed: tuple[str, ...]) -> Callable[[str, str], str]:
    def read(name: str, value: str) -> str:
        if value not in allowed:
            raise AddressError(f"{name} {shown(value)}: no such {name}{nearest(value[:80], filter(None, allowed))}")
        return value

    return read


def _whole(least: int) -> Callable[[str, str], int]:
    def read(name: str, value: str) -> int:
        if not (value.isascii() and value.isdigit() and len(value) < 10 and int(value) >= least):
            raise AddressError(f"{name} {shown(value)}: wants a whole number of at least {least}")
        return int(value) - least

    return read


def _kinds(name: str, value: str) -> tuple[str, ...]:
    kinds = tuple(value.split(","))
    if len(kinds) not in COUNTS or not set(kinds) <= set(MADE_OF):
        raise AddressError(f"{name} {shown(value)}: wants one, two or four of {', '.join(MADE_OF)}")
    return kinds


def _numbers(count: int, wants: str) -> Callable[[str, str], tuple[float, ...]]:
    def read(name: str, value: str) -> tuple[float, ...]:
        numbers = numbers_of(value, count)
        # The third is a width.
        if not numbers or any(one < 1 for one in numbers[2:]):
            raise AddressError(f"{name} {shown(value)}: wants {wants}")
        return numbers

    return read


_sample = functools.partial(_one_of(tuple(SAMPLES)), "sample")
_FIELDS = {"pictures": "kinds"}
_READERS = {
    "frame": _whole(1),
    "star": _whole(0),
    "candidate": _numbers(2, "x and y, in pixels of the reference"),
    "pictures": _kinds,
    "stage": _one_of(("", *STAGES)),
    "tab": _one_of(TABS),
    "zoom": _numbers(3, "x, y and width, in pixels of the frame"),
}
