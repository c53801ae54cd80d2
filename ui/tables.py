"""The star table of the frame shown, and the frame table, in which a tick takes a frame in or leaves it out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui
from bokeh.models import HTMLTemplateFormatter

from pipeline.frame import Sequence
from pipeline.read import stem
from pipeline.tables import Reason, Selection, StarTable, Tracks
from ui.marks import belongs, strength

STAR_ROWS = 5000
TABLE_STYLE = """
.pnx-tabulator.tabulator { border: 0 !important; background: transparent !important;
  font: 400 13px/18px Roboto, sans-serif !important; font-variant-numeric: tabular-nums; }
.tabulator .tabulator-header, .tabulator .tabulator-header .tabulator-col, .tabulator .tabulator-tableholder,
.tabulator .tabulator-tableholder .tabulator-table { background: transparent !important; border: 0 !important;
  color: var(--starshift-second) !important; }
.tabulator .tabulator-header { border-bottom: 1px solid var(--starshift-hairline) !important; }
.tabulator .tabulator-header .tabulator-col .tabulator-col-content { padding: 8px 4px 8px 12px !important; }
.tabulator .tabulator-header .tabulator-col .tabulator-col-title { font: 400 12px/16px Roboto, sans-serif !important;
  padding-right: 0 !important; text-overflow: clip; }
.tabulator .tabulator-header .tabulator-col .tabulator-col-sorter { display: none !important; }
.tabulator .tabulator-header .tabulator-col:hover { background: var(--starshift-field) !important; cursor: pointer; }
.tabulator .tabulator-row { background: transparent !important; color: var(--starshift-text) !important;
  border: 0 !important; min-height: 28px !important; }
.tabulator .tabulator-row .tabulator-cell { padding: 5px 4px 5px 12px !important; border: 0 !important;
  height: 28px !important; font: 400 13px/18px Roboto, sans-serif !important; }
.tabulator .tabulator-row:hover, .tabulator .tabulator-row.tabulator-selected {
  background: var(--starshift-field) !important; cursor: pointer; }
.tabulator .tabulator-header .tabulator-col[aria-sort="ascending"] .tabulator-col-title::after { content: " \\2191"; }
.tabulator .tabulator-header .tabulator-col[aria-sort="descending"] .tabulator-col-title::after { content: " \\2193"; }
.tabulator .tabulator-row .tabulator-cell[tabulator-field="state"] { padding-right: 16px !important; }
.tabulator .tabulator-col[tabulator-field="why not"] { visibility: hidden; }
.tabulator .tabulator-row:has([tabulator-field="why not"]) { display: flex; flex-wrap: wrap;
  align-content: flex-start; height: auto !important; min-height: 0 !important; }
.tabulator .tabulator-row .tabulator-cell { min-height: 0 !important; }
.tabulator .tabulator-row .tabulator-cell[tabulator-field="why not"] { flex: 0 0 100%; width: 100% !important;
  height: auto !important; white-space: normal; overflow-wrap: anywhere; color: var(--starshift-second);
  padding: 0 16px 8px 60px !important; font: 400 12px/16px Roboto, sans-serif !important; }
.tabulator .tabulator-row .tabulator-cell[tabulator-field="why not"]:not(:has(span)) { display: none !important; }
.tabulator .tabulator-row:has([tabulator-field="why not"]) .tabulator-cell.empty { display: none !important; }
.tabulator .tabulator-row:has([aria-checked="mixed"]) .tabulator-cell[tabulator-field="frame"] { flex: 1; }
.tabulator .tabulator-row:has([aria-checked="mixed"])
  :is([tabulator-field="stars"], [tabulator-field="matched"], [tabulator-field="fwhm"], [tabulator-field="rms"]) {
  display: none !important; }
.tabulator .tabulator-cell svg { height: 12px; }
.tabulator .tabulator-cell svg path { fill: var(--starshift-second) !important; }
"""
_DASH = "value == null || Number.isNaN(value) ? '\u2013' : "
_NAME = HTMLTemplateFormatter(template='<span title="<%- value %>"><%- value %></span>')
_REASON = HTMLTemplateFormatter(template="<% if (value) { %><span><%- value %></span><% } %>")
ALL = "every state"


def _number(text: str) -> HTMLTemplateFormatter:
    """A number written by an expression in the browser, with a true minus, or a dash where there is none."""
    return HTMLTemplateFormatter(template=f"<%= {_DASH}({text}).replace(/^-(?=[0.]*$)/, '').replace('-', '\u2212') %>")


def _fixed(digits: int) -> HTMLTemplateFormatter:
    return _number(f"value.toFixed({digits})")


_THREE = _number("Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)")


def star_frame(stars: StarTable, tracks: Tracks | None, frame: int) -> pd.DataFrame:
    """The candidates of a frame, the strongest first, each with its reason."""
    ids = np.full(len(stars), -1)
    if tracks is not None and belongs(tracks, stars, frame):
        followed = np.flatnonzero(tracks.row[frame] >= 0)
        ids[tracks.row[frame, followed]] = followed
    words = np.array([reason.word for reason in Reason])
    table = pd.DataFrame(
        {
            "id": [str(number) if number >= 0 else "" for number in ids],
            "x": stars["xcentroid"].round(1),
            "y": stars["ycentroid"].round(1),
            "over σ": strength(stars),
            "sharp": stars["sharpness"],
            "round": stars["roundness2"],
            "state": words[stars.reason],
        }
    )
    return table.sort_values("over σ", ascending=False, ignore_index=True).head(STAR_ROWS)


def frame_frame(sequence: Sequence, selection: Selection, tracks: Tracks | None) -> pd.DataFrame:
    """The lights with what was measured in each and whether it is used; below them the files that are no lights."""
    count = len(sequence.frames)
    metrics = {name: np.asarray(values, float) for name, values in selection.metrics.items()}
    blank = np.full(count, np.nan)
    used = selection.used if tracks is None else tracks.used
    reasons = selection.reason if tracks is None else tracks.reason
    matched = blank if tracks is None else np.where(tracks.measured.any(axis=1), tracks.measured.sum(axis=1), np.nan)
    lights = pd.DataFrame(
        {
            "used": np.asarray(used, bool).astype(object),
            "frame": [stem(info.file) for info in sequence.frames],
            "stars": metrics.get("stars", blank),
            "matched": matched,
            "fwhm": metrics.get("fwhm", blank),
            "rms": blank if tracks is None else tracks.residual,
            "why not": [without_name(why, info.file) for why, info in zip(reasons, sequence.frames, strict=True)],
        }
    )
    if not sequence.left_out:
        return lights
    rest = pd.DataFrame(
        {
            "frame": [file for file, _ in sequence.left_out],
            "why not": [without_name(why, file) for file, why in sequence.left_out],
        }
    )
    # A file without a number in any column has None for its tick, which the browser leaves empty.
    rest = rest.reindex(columns=lights.columns).astype({"used": object})
    rest["used"] = None
    return pd.concat([lights, rest.astype(lights.dtypes)], ignore_index=True)


def without_name(reason: str, file: str) -> str:
    """Why a file is left out, where its name stands beside it already."""
    for name in (file, PurePath(file).name):
        if reason.startswith(f"{name}: "):
            reason = reason[len(name) + 2 :]
            break
    return reason[:1].upper() + reason[1:]


class StarTab:
    """The star table.

    Parameters
    ----------
    on_pick : callable
        Called with the id of a star clicked on.
    """

    def __init__(self, on_pick: Callable[[int], None]) -> None:
        self._on_pick = on_pick
        self._all = pd.DataFrame()
        self._state = pmui.Select(
            label="State", options=[ALL], value=ALL, size="small", margin=(12, 16, 8, 16), sizing_mode="stretch_width"
        )
        self._state.param.watch(lambda event: self._filter(), "value")
        self.panel = pn.Column(sizing_mode="stretch_both", margin=0)

    def _filter(self) -> None:
        """Show the rows of the state that is chosen."""
        chosen = self._state.value
        table = self._all if chosen == ALL else self._all[self._all["state"] == chosen].reset_index(drop=True)
        if self.panel.objects:
            self.table.value = table
        else:
            self._make(table)

    def _make(self, table: pd.DataFrame) -> None:
        self.table = pn.widgets.Tabulator(
            table, disabled=True, show_index=False, selectable=1, layout="fit_columns", pagination=None,
            sizing_mode="stretch_both", margin=0, stylesheets=[TABLE_STYLE], theme="simple",
            text_align=dict.fromkeys(("id", "x", "y", "over σ", "sharp", "round"), "right"),
            widths={"id": 44, "x": 58, "y": 58, "over σ": 56, "sharp": 52, "round": 54},
            formatters={"x": _fixed(1), "y": _fixed(1), "over σ": _THREE, "sharp": _fixed(2), "round": _fixed(2)},
        )  # fmt: skip
        self.table.on_click(self._clicked)
        self.panel.extend([self._state, self.table])

    def _clicked(self, event: Any) -> None:
        number = self.table.value["id"].iloc[event.row]
        if number:
            self._on_pick(int(number))

    def show(self, stars: StarTable | None, tracks: Tracks | None, frame: int) -> None:
        """Show a frame's candidates."""
        if stars is None:
            return
        self._all = star_frame(stars, tracks, frame)
        states = [ALL, *self._all["state"].unique()]
        if self._state.value not in states:
            states.append(self._state.value)
        self._state.options = states
        self._filter()


class FrameTab:
    """The frame table.

    Parameters
    ----------
    on_frame : callable
        Called with the number of a frame clicked on.
    on_use : callable
        Called with a frame's number and whether it shall be used.
    """

    def __init__(self, on_frame: Callable[[int], None], on_use: Callable[[int, bool], None]) -> None:
        self._on_frame, self._on_use = on_frame, on_use
        self._lights = 0
        self.panel = pn.Column(sizing_mode="stretch_both", margin=0)

    def _make(self, table: pd.DataFrame) -> None:
        self.table = pn.widgets.Tabulator(
            table, show_index=False, selectable=1, layout="fit_columns", sizing_mode="stretch_both", margin=0,
            stylesheets=[TABLE_STYLE], pagination=None, theme="simple", editors=dict.fromkeys(table.columns),
            formatters={"used": {"type": "tickCross", "allowEmpty": True}, "frame": _NAME, "stars": _fixed(0),
                        "matched": _fixed(0), "fwhm": _fixed(2), "rms": _fixed(3), "why not": _REASON},
            text_align=dict.fromkeys(("stars", "matched", "fwhm", "rms"), "right"),
            widths={"used": 48, "stars": 50, "matched": 66, "fwhm": 52, "rms": 56, "why not": 16},
        )  # fmt: skip
        self.table.on_click(self._clicked)
        self.panel.append(self.table)

    def _clicked(self, event: Any) -> None:
        if event.row >= self._lights:
            return
        if event.column == "used":
            self._on_use(event.row, not bool(self.table.value["used"].iloc[event.row]))
        else:
            self._on_frame(event.row)

    def show(self, sequence: Sequence | None, selection: Selection | None, tracks: Tracks | None) -> None:
        """Show the lights."""
        if sequence is None or selection is None:
            return
        self._lights = len(sequence.frames)
        table = frame_frame(sequence, selection, tracks)
        if self.panel.objects:
            self.table.value = table
        else:
            self._make(table)
