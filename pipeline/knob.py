"""Knob: what can be turned at a stage, the rule that its values keep, and their one canonical form."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline import shapes

#: So long a list can be: work must end.
MOST = {"numbers": 50, "ids": 1000, "shapes": 500}
#: So many corners have all polygons of a list together.
MOST_CORNERS = 10_000
#: So many characters of a wrong value or name stand in a message.
LONGEST_SHOWN = 160

Range = tuple[float, float]
Rectangle = tuple[int, int, int, int]
Numbers = tuple[float, ...]
Ids = tuple[int, ...]
Shapes = tuple[dict[str, Any], ...]


class Point(NamedTuple):
    """A place or a way in a picture."""

    x: float
    y: float


class Sides(NamedTuple):
    """How far something may lie on either side; unlike the ends of a Range they need no order."""

    below: float
    above: float


class KnobError(ValueError):
    """A knob's value is wrong; the message names knob, value, rule and unit."""


@dataclass(frozen=True)
class Knob:
    """What a knob is: said once, beside the parameter it describes.

    Parameters
    ----------
    doc : str
        One clause a student understands.
    unit : str
        Its one unit, "" for a pure number or a choice.
    low, high : float, optional
        Inclusive bounds of the number, or of both ends of a range.
    step : float, optional
        A sensible step.
    none : str
        The word that stands for None in recipes and options: "auto", "all", "none"; "" where None is not allowed.
    odd : bool
        Whether only odd whole numbers make sense.
    names : str
        Regular expression that every name in a table must match; "" where any will do.
    named : str
        What those names are, as the rule has it.
    stage : str
        The earlier stage under which it stands in recipes and on the page, where that is not the one whose work it is.
    """

    doc: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    step: float | None = None
    none: str = ""
    odd: bool = False
    names: str = ""
    named: str = "name"
    stage: str = ""


@dataclass(frozen=True)
class KnobSpec:
    """A declared knob: a Knob with its name, type and default."""

    stage: str
    name: str
    kind: str
    default: Any
    knob: Knob
    choices: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """The sentence part that says what is allowed: "a number from 1 to 200 sigma"."""
        knob = self.knob
        bounds = {
            (True, True): f" from {knob.low:.10g} to {knob.high:.10g}"
            if knob.low is not None and knob.high is not None
            else "",
            (True, False): f" of at least {knob.low:.10g}" if knob.low is not None else "",
            (False, True): f" of at most {knob.high:.10g}" if knob.high is not None else "",
            (False, False): "",
        }[knob.low is not None, knob.high is not None]
        unit = f" {knob.unit}" if knob.unit else ""
        text = {
            "float": f"a number{bounds}{unit}",
            "int": f"{'an odd' if knob.odd else 'a'} whole number{bounds}{unit}",
            "bool": "true or false",
            "choice": "one of " + ", ".join(self.choices),
            "str": "a text",
            "range": f"two numbers, low and high,{bounds}{unit}",
            "sides": f"two numbers, below and above,{bounds}{unit}",
            "words": "a table of file = text",
            "ranges": "a table of name = [low, high], an end that limits nothing being -inf or inf",
            "point": "two numbers, x and y",
            "points": "a table of name = [x, y]",
            "sizes": f"a table of {knob.named} = number{bounds}{unit}",
            "region": "one of " + ", ".join([*self.choices, "x0,y0,x1,y1 (the last column and row not in it)"]),
            "numbers": f"a list of numbers{bounds}{unit}, at most {MOST['numbers']}",
            "ids": f"a list of whole numbers{bounds}, at most {MOST['ids']}",
            "shapes": f"a list of shapes: {shapes.RULE}",
        }[self.kind]
        return f"{text}, or {knob.none}" if knob.none else text

    def check(self, value: Any) -> Any:
        """The value in its one canonical form.

        Raises
        ------
        KnobError
            Where it is of the wrong type or out of bounds.
        """
        if self.knob.none and (value is None or value == self.knob.none):
            return None
        try:
            return _CHECKS[self.kind](self, value)
        except (TypeError, ValueError, OverflowError):
            raise KnobError(f"{self.stage}.{self.name} = {shown(value)}: wants {self.rule}") from None


def shown(value: Any) -> str:
    """A wrong value as messages have it; it may come from anywhere, of any size and depth."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):
        # Tables in tables in tables, or a number of thousands of digits.
        return "a value too large to be shown"
    return cut(text)


def cut(text: str) -> str:
    """A name as messages have it; it may come from anywhere, of any length."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}\u2026"


def _number(spec: KnobSpec, value: Any) -> float:
    if isinstance(value, bool) or (not isinstance(value, (int, float)) and not hasattr(value, "__float__")):
        raise TypeError
    number = float(value)
    low, high = spec.knob.low, spec.knob.high
    if not math.isfinite(number) or (low is not None and number < low) or (high is not None and number > high):
        raise ValueError
    return number + 0.0


def _whole(spec: KnobSpec, value: Any) -> int:
    number = _number(spec, value)
    if number != int(number) or (spec.knob.odd and int(number) % 2 == 0):
        raise ValueError
    return int(number)


def _boolean(spec: KnobSpec, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _text(spec: KnobSpec, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    # What no file could hold is no text.
    value.encode()
    return value


def _choice(spec: KnobSpec, value: Any) -> str:
    if value not in spec.choices:
        raise ValueError
    return str(value)


def _range(spec: KnobSpec, value: Any) -> Range:
    if isinstance(value, (str, Mapping)):
        raise TypeError
    low, high = (_number(spec, end) for end in value)
    if low > high:
        raise ValueError
    return (low, high)


def _words(spec: KnobSpec, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise TypeError
    return {_text(spec, key): _text(spec, word) for key, word in sorted(value.items())}


def _ranges(spec: KnobSpec, value: Any) -> dict[str, Range]:
    if not isinstance(value, Mapping):
        raise TypeError
    return {_text(spec, key): _limits(spec, pair) for key, pair in sorted(value.items())}


def _limits(spec: KnobSpec, value: Any) -> Range:
    """A range whose ends may be open: -inf and inf, which TOML has too."""
    if isinstance(value, (str, Mapping)):
        raise TypeError
    low, high = value
    low = -math.inf if low == -math.inf else _number(spec, low)
    high = math.inf if high == math.inf else _number(spec, high)
    if low > high:
        raise ValueError
    return (low, high)


def _several(spec: KnobSpec, value: Any, one: Callable[[KnobSpec, Any], Any]) -> tuple[Any, ...]:
    if isinstance(value, (str, Mapping)):
        raise TypeError
    if len(value) > MOST[spec.kind]:
        raise ValueError
    return tuple(one(spec, item) for item in value)


def _numbers(spec: KnobSpec, value: Any) -> Numbers:
    return _several(spec, value, _number)


def _ids(spec: KnobSpec, value: Any) -> Ids:
    return _several(spec, value, _whole)


def _shapes(spec: KnobSpec, value: Any) -> Shapes:
    found = _several(spec, value, lambda _, shape: shapes.checked(shape))
    if sum(len(shape.get("points", ())) for shape in found) > MOST_CORNERS:
        raise ValueError
    return found


def _point(spec: KnobSpec, value: Any) -> Point:
    if isinstance(value, (str, Mapping)):
        raise TypeError
    return Point(*(_number(spec, end) for end in value))


def _sides(spec: KnobSpec, value: Any) -> Sides:
    if isinstance(value, (str, Mapping)):
        raise TypeError
    return Sides(*(_number(spec, side) for side in value))


def _points(spec: KnobSpec, value: Any) -> dict[str, Point]:
    if not isinstance(value, Mapping):
        raise TypeError
    return {_text(spec, key): _point(spec, place) for key, place in sorted(value.items())}


def _sizes(spec: KnobSpec, value: Any) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise TypeError
    if spec.knob.names and not all(re.fullmatch(spec.knob.names, _text(spec, key)) for key in value):
        raise ValueError
    return {_text(spec, key): _number(spec, size) for key, size in sorted(value.items())}


def _region(spec: KnobSpec, value: Any) -> str | Rectangle:
    if isinstance(value, str) and value in spec.choices:
        return value
    ends = [int(end) for end in value.split(",")] if isinstance(value, str) else [_whole(spec, end) for end in value]
    x0, y0, x1, y1 = ends
    if not (0 <= x0 < x1 <= shapes.FARTHEST and 0 <= y0 < y1 <= shapes.FARTHEST):
        raise ValueError
    return (x0, y0, x1, y1)


_CHECKS: dict[str, Callable[[KnobSpec, Any], Any]] = {
    "float": _number,
    "int": _whole,
    "bool": _boolean,
    "str": _text,
    "choice": _choice,
    "range": _range,
    "sides": _sides,
    "words": _words,
    "ranges": _ranges,
    "point": _point,
    "points": _points,
    "sizes": _sizes,
    "region": _region,
    "numbers": _numbers,
    "ids": _ids,
    "shapes": _shapes,
}
KINDS: dict[Any, str] = {
    float: "float",
    int: "int",
    bool: "bool",
    str: "str",
    Range: "range",
    Sides: "sides",
    dict[str, str]: "words",
    dict[str, Range]: "ranges",
    Point: "point",
    dict[str, Point]: "points",
    dict[str, float]: "sizes",
    Numbers: "numbers",
    Ids: "ids",
    Shapes: "shapes",
}

#: So many names a message can list.
MOST_NAMES = 14


def nearest(name: str, names: Iterable[str]) -> str:
    """The end of a message: the most similar of some names, or those there are; of many only the first two."""
    import difflib

    known = list(names)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]}"
    if len(known) > MOST_NAMES:
        return f"; there are {', '.join(known[:2])} and {len(known) - 2} more"
    return "; there are " + ", ".join(known)
