"""Stages to widgets: every knob is drawn from its declaration; the only exceptions stand in DRAWN."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import param
from panel.custom import JSComponent

from pipeline.knob import KnobSpec
from pipeline.stage import STAGES, Stage
from pipeline.stages.selection import LIMITED
from ui.part import text

HERE = Path(__file__).parent
STYLE = text("text/style.css")
BINS = 50
TITLES = {"psf_photometry": "PSF photometry", "lightcurves": "Light curves"}
UNITS = {"sigma": "σ", "deg": "°", "adu": "ADU"}
# The end of a limit that limits nothing.
ANY = math.inf
# What stands for it on the way to the browser and back, whose messages have finite numbers.
FAR = 1e12
# Kinds of knobs that have a widget.
WIDGETS = (
    "float", "int", "bool", "choice", "str", "range", "sides", "ranges", "point", "points", "sizes", "region",
    "numbers", "ids",
)  # fmt: skip
# Kinds that are written in a field of text, and how.
WRITTEN = {
    "point": "x, y",
    "sides": "below, above",
    "region": "a word, or x0, y0, x1, y1",
    "numbers": "a, b, c",
    "ids": "a, b, c",
    "points": "name = x, y; name = x, y",
    "sizes": "name = size; name = size",
}
TABLES = ("points", "sizes")
# What is written in a field whose names are no files.
HINTS = {("psf_photometry", "known"): "star = mag; x, y = mag; star filter = mag"}


@dataclass(frozen=True)
class Drawn:
    """How one knob is drawn where its declaration does not say enough.

    Parameters
    ----------
    low, high : float, optional
        Ends of the slider where they are narrower than the knob's bounds, or where it has none.
    log : bool
        Equal ways on the slider are equal ratios.
    keeps : str
        Which side of a single handle is kept: "below" or "above".
    decimals : int, optional
        Digits after the point.
    measure : str
        Column of the star table whose histogram stands behind the slider; "peak" is in sigma of the convolved image.
    basic : bool
        Shown at once; the others stand behind "more knobs".
    hidden : bool
        Not drawn here: set in the frame table.
    names : tuple of str
        What can have a row in a table of limits.
    """

    low: float | None = None
    high: float | None = None
    log: bool = False
    keeps: str = "below"
    decimals: int | None = None
    measure: str = ""
    basic: bool = True
    hidden: bool = False
    names: tuple[str, ...] = ()


BEHIND = Drawn(basic=False)
DRAWN: Mapping[tuple[str, str], Drawn] = {
    ("frames", "overscan"): BEHIND,
    ("hot_pixels", "sigma"): Drawn(low=3, high=30, decimals=1),
    ("background", "box_size"): Drawn(low=16, high=400, log=True),
    ("background", "filter_size"): Drawn(low=1, high=15),
    ("background", "sigma_clip"): Drawn(low=1, high=10, decimals=1),
    ("normalize", "red"): Drawn(low=0.2, high=5, log=True, decimals=3),
    ("normalize", "blue"): Drawn(low=0.2, high=5, log=True, decimals=3),
    ("candidates", "fwhm"): Drawn(low=1.5, high=15, decimals=1),
    ("candidates", "ratio"): BEHIND,
    ("candidates", "theta"): BEHIND,
    ("candidates", "neighbours"): BEHIND,
    ("candidates", "neighbour_level"): BEHIND,
    ("candidates", "min_area"): BEHIND,
    ("candidates", "floor"): BEHIND,
    ("candidates", "defocus"): BEHIND,
    ("stars", "threshold"): Drawn(low=3, high=200, log=True, keeps="above", decimals=1, measure="peak"),
    ("stars", "sharpness"): Drawn(low=0, high=1.5, decimals=2, measure="sharpness"),
    ("stars", "roundness"): Drawn(low=-1.5, high=1.5, decimals=2, measure="roundness"),
    ("stars", "threshold_adu"): BEHIND,
    ("stars", "brightest"): BEHIND,
    ("stars", "elongated"): BEHIND,
    ("stars", "trails"): BEHIND,
    ("stars", "saturated"): BEHIND,
    ("stars", "border"): BEHIND,
    ("stars", "separation"): BEHIND,
    ("selection", "limits"): Drawn(names=LIMITED),
    ("tracks", "proximity"): Drawn(low=0.5, high=50, log=True, decimals=1),
    ("tracks", "order"): BEHIND,
    ("tracks", "recover"): BEHIND,
    ("tracks", "stuck_tolerance"): BEHIND,
    ("offset_map", "clip"): Drawn(low=1, high=10, decimals=1),
    **{(f"master_{kind}", "clip"): Drawn(low=1, high=10, decimals=1) for kind in ("bias", "dark", "flat")},
    ("master_flat", "floor"): BEHIND,
    ("shifts", "box_size"): Drawn(low=8, high=200, log=True),
    ("shifts", "box_centers"): BEHIND,
    ("shifts", "box_sizes"): BEHIND,
    ("shifts", "pre_shift"): BEHIND,
    ("stack", "clip"): Drawn(low=0.5, high=10, decimals=1),
    ("psf_photometry", "correct_window"): BEHIND,
    ("psf_photometry", "gain"): Drawn(low=0.05, high=20, log=True, basic=False),
    ("psf_photometry", "read_noise"): Drawn(low=0, high=30, decimals=1, basic=False),
    ("psf_photometry", "zero_point"): Drawn(low=0, high=35, decimals=2, basic=False),
    ("psf_photometry", "known"): BEHIND,
    ("psf_photometry", "comparison"): BEHIND,
}
PLAIN, HIDDEN = Drawn(), Drawn(hidden=True)


def drawn(spec: KnobSpec) -> Drawn:
    """How a knob is drawn; words about files are set in the frame table, shapes on the picture."""
    return DRAWN.get((spec.stage, spec.name), PLAIN if spec.kind in WIDGETS else HIDDEN)


def title(name: str) -> str:
    """A stage's name as people read it: "Hot pixels"."""
    return TITLES.get(name, name.replace("_", " ").capitalize())


def value_text(spec: KnobSpec, value: Any) -> str:
    """A knob's value with its unit, as a sentence has it."""
    unit = f"\u2009{UNITS.get(spec.knob.unit, spec.knob.unit)}" if spec.knob.unit else ""
    if value is None:
        return spec.knob.none
    if spec.kind == "bool":
        return "on" if value else "off"
    if spec.kind == "range":
        return f"{value[0]:g} to {value[1]:g}{unit}".replace("-", "\u2212")
    if spec.kind in ("float", "int"):
        return f"{value:g}{unit}".replace("-", "\u2212")
    if spec.kind == "ranges":
        return "; ".join(f"{name} {limits_text(*pair)}" for name, pair in value.items()) or "none"
    if spec.kind == "shapes":
        return f"{len(value)} shape{'s' if len(value) > 1 else ''}" if value else "none"
    if spec.kind in WRITTEN:
        return f"{as_text(spec, value)}{unit}".replace("-", "\u2212") if value else "none"
    return str(value) or "empty"


def as_text(spec: KnobSpec, value: Any) -> str:
    """A knob's value of a kind that is WRITTEN, as its field has it: "3, 5, 7"; "night = 120, 80"."""
    if isinstance(value, Mapping):
        return "; ".join(f"{name} = {as_text(spec, one)}" for name, one in value.items())
    if isinstance(value, tuple):
        return ", ".join(as_text(spec, one) for one in value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def of_text(spec: KnobSpec, text: str) -> Any:
    """The value that a field's text means; what cannot be one is given back for the knob's own check to refuse."""
    if spec.kind not in TABLES:
        words = [word for word in text.replace("\u2212", "-").strip("[]() ").replace(",", " ").split() if word]
        try:
            return tuple(int(word) if spec.kind in ("ids", "region") else float(word) for word in words)
        except ValueError:
            return text.strip()
    table = {}
    for entry in filter(str.strip, text.split(";")):
        name, sign, numbers = entry.rpartition("=")
        if not sign or not name.strip():
            return text
        values = of_text(replace(spec, kind="point"), numbers)
        table[name.strip()] = values[0] if spec.kind == "sizes" and len(values) == 1 else values
    return table


def limits_text(low: float, high: float) -> str:
    """A limit in words: "2 to 6", "at least 2", "at most 6"."""
    if low <= -ANY:
        return "any" if high >= ANY else f"at most {high:g}".replace("-", "\u2212")
    return (f"at least {low:g}" if high >= ANY else f"{low:g} to {high:g}").replace("-", "\u2212")


def _ends(spec: KnobSpec) -> tuple[float | None, float | None]:
    how, knob = drawn(spec), spec.knob
    return (knob.low if how.low is None else how.low), (knob.high if how.high is None else how.high)


def _widget(spec: KnobSpec) -> str:
    if spec.kind == "bool":
        return "switch"
    if spec.kind == "choice":
        short = len(spec.choices) == 2 and not spec.knob.none and sum(map(len, spec.choices)) <= 10
        return "segments" if short else "select"
    if spec.kind == "str" or spec.kind in WRITTEN:
        return "text"
    if spec.kind == "ranges":
        return "rows"
    if (
        spec.kind == "int"
        and spec.knob.none
        and spec.knob.high is not None
        and spec.knob.high - (spec.knob.low or 0) <= 8
    ):
        return "select"
    low, high = _ends(spec)
    return "number" if low is None or high is None else "slider"


def described(spec: KnobSpec) -> dict[str, Any]:
    """What the browser must know to draw a knob."""
    how, (low, high) = drawn(spec), _ends(spec)
    widget = _widget(spec)
    choices: list[Any] = list(spec.choices or how.names)
    if widget == "select" and spec.kind == "int":
        choices = list(range(int(spec.knob.low or 0), int(spec.knob.high) + 1))
    return {
        "name": spec.name,
        "label": spec.name.replace("_", " "),
        "kind": spec.kind,
        "widget": widget,
        "unit": UNITS.get(spec.knob.unit, spec.knob.unit),
        "low": low,
        "high": high,
        "lowest": spec.knob.low,
        "highest": spec.knob.high,
        "step": spec.knob.step,
        "odd": spec.knob.odd,
        "none": spec.knob.none,
        "log": how.log,
        "keeps": how.keeps,
        "measured": bool(how.measure),
        "decimals": how.decimals,
        "choices": choices,
        "basic": how.basic,
        "any": FAR,
        "wide": spec.kind in TABLES,
        "hint": spec.knob.none or HINTS.get((spec.stage, spec.name), WRITTEN.get(spec.kind, "")),
        "default": shown(spec, spec.default),
        "rule": re.sub(rf" ({'|'.join(UNITS)})\b", lambda found: f" {UNITS[found[1]]}", spec.rule),
        "doc": spec.knob.doc.rstrip("."),
        "default_text": value_text(spec, spec.default),
    }


def shown(spec: KnobSpec, value: Any) -> Any:
    """A knob's value as the browser gets it."""
    if spec.kind == "ranges":
        return {name: [max(low, -FAR), min(high, FAR)] for name, (low, high) in value.items()}
    return as_text(spec, value) if spec.kind in WRITTEN and value is not None else plain(value)


def heard(spec: KnobSpec, value: Any) -> Any:
    """The value that the browser means; what cannot be one is left for the knob's own check to refuse."""
    if spec.kind in WRITTEN and isinstance(value, str):
        return of_text(spec, value)
    if spec.kind == "ranges" and isinstance(value, dict):
        return {name: _opened(pair) for name, pair in value.items()}
    return tuple(value) if isinstance(value, list) else value


def _opened(pair: Any) -> Any:
    """A limit whose ends are open where the browser says FAR."""
    if not isinstance(pair, list):
        return pair
    return [math.copysign(ANY, end) if isinstance(end, (int, float)) and abs(end) >= FAR else end for end in pair]


def plain(value: Any) -> Any:
    """A knob's value as JSON has it."""
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    return list(value) if isinstance(value, tuple) else value


def histogram(spec: KnobSpec, values: np.ndarray) -> list[int]:
    """Counts of a measure in equal ways along the knob's slider.

    Parameters
    ----------
    spec : KnobSpec
        The knob.
    values : ndarray, shape (n,)
        The measure, in the knob's unit.

    Returns
    -------
    list of int
        BINS counts; values beyond the ends stand in none.
    """
    low, high = _ends(spec)
    values = values[np.isfinite(values)]
    edges = np.geomspace(low, high, BINS + 1) if drawn(spec).log else np.linspace(low, high, BINS + 1)
    return np.histogram(values, edges)[0].tolist()


class KnobPanel(JSComponent):
    """The knobs of one stage.

    Parameters
    ----------
    stage : Stage
        The stage.
    on_turn : callable
        Called with stage, knob, value and whether the hand is still on the knob; after a double click that turned the
        knob before it set it back also with the value that it had at first.
    """

    specs = param.List(doc="What each knob is.")
    values = param.Dict({}, doc="The values shown.")
    auto = param.Dict({}, doc="The numbers that stand for auto.")
    histograms = param.Dict({}, doc="Counts behind the sliders.")
    summary = param.List(["", ""], doc="A bold number and the words after it.")
    again = param.Integer(0, doc="Counts how often the same values are to be drawn again.")
    channel = param.String("", doc="Where the picture listens for cuts of its markers.")

    _esm = f"{text('knobs.js')}\n{text('knob_rows.js')}"

    def __init__(self, stage: Stage, on_turn: Callable[..., None], **params: Any) -> None:
        self._stage, self._on_turn = stage, on_turn
        self._specs = {spec.name: spec for spec in stage.knobs.values() if not drawn(spec).hidden}
        # What the browser shows of knobs that were turned in it, until it is told what to show.
        self._turned: dict[str, Any] = {}
        super().__init__(
            specs=[described(spec) for spec in self._specs.values()],
            values={name: shown(spec, spec.default) for name, spec in self._specs.items()},
            stylesheets=[STYLE, text("text/knob_rows.css")],
            sizing_mode="stretch_width",
            **params,
        )

    def _get_model(self, *arguments: Any, **keywords: Any) -> Any:
        model = super()._get_model(*arguments, **keywords)
        # The browser tells of turns by messages alone.
        model.data.syncable = False
        return model

    def _handle_msg(self, data: Any) -> None:
        spec = self._specs.get(data.get("knob"))
        if spec is not None:
            self._turned[spec.name] = data.get("value")
            since = (heard(spec, data["since"]),) if "since" in data else ()
            self._on_turn(self._stage.name, spec.name, heard(spec, data.get("value")), bool(data["live"]), *since)

    def show(self, values: Mapping[str, Any], auto: Mapping[str, Any]) -> None:
        """Show a recipe's values and the numbers that stand for auto."""
        here = {name: shown(spec, values[name]) for name, spec in self._specs.items()}
        numbers = {
            name: plain(auto[name]) for name in self._specs if values[name] is None and auto.get(name) is not None
        }
        # A turn that is taken back before its results came is no news here, but is in the browser.
        turned, self._turned = self._turned, {}
        again = self.again + any(here[name] != value for name, value in turned.items())
        changed = {"values": here, "auto": numbers, "again": again}
        self.param.update(**{name: value for name, value in changed.items() if getattr(self, name) != value})


def measures(stage: Stage) -> dict[str, str]:
    """Knobs of a stage with a histogram behind them, and the measure that it counts."""
    return {name: drawn(spec).measure for name, spec in stage.knobs.items() if drawn(spec).measure}


def has_knobs(name: str) -> bool:
    """Whether a stage has a knob to draw."""
    return any(not drawn(spec).hidden for spec in STAGES[name].knobs.values())
