"""Every bias, dark and flat that was given: filter, exposure, median against full, and whether it is used."""

from __future__ import annotations

import numpy as np
import pandas as pd
import panel as pn
from bokeh.models import HTMLTemplateFormatter

from pipeline.masters import CalibrationFrame, Master, MasterDarks, MasterFlats
from pipeline.read import stem
from ui.part import column
from ui.tab import sentence
from ui.tables import FILE_NAME, NARROW, TABLE_STYLE, fixed, number

NONE = (
    "No bias, dark or flat is open. Open a folder that has some; without them the lights are used as they are. "
    "What a file was taken for can be corrected under \u201cAll files\u201d."
)
_NAME = HTMLTemplateFormatter(template='<span title="<%- value %>"><%- value %></span>')
_FILE = HTMLTemplateFormatter(template=FILE_NAME)
_REASON = HTMLTemplateFormatter(template="<% if (value) { %><span><%- value %></span><% } %>")
_SECONDS = number("String(Number(value.toPrecision(3)))")
_LEVEL = number("Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)")


def calibration_frame(*results: Master | MasterDarks | MasterFlats | None) -> pd.DataFrame:
    """One row a frame: whether it is used, its kind and file, filter, exposure, median, median over full, why not.

    Parameters
    ----------
    *results : Master, MasterDarks, MasterFlats, or None
        What came of the stages of the masters.
    """
    frames = [frame for result in results if result is not None for frame in result.frames]
    table = pd.DataFrame(
        {
            "used": [not frame.reason for frame in frames],
            "kind": [frame.kind for frame in frames],
            "file": [stem(frame.file) for frame in frames],
            "filter": [frame.filter for frame in frames],
            "s": [np.nan if frame.exposure is None else frame.exposure for frame in frames],
            "median": [frame.median for frame in frames],
            "% full": [_share(frame) for frame in frames],
            "why not": [_why(frame) for frame in frames],
        }
    )
    return table.drop(columns="filter") if frames and not table["filter"].any() else table


def _share(frame: CalibrationFrame) -> float:
    """Median in percent of the level at which a pixel is full."""
    return 100 * frame.median / frame.full if frame.full else float("nan")


def _why(frame: CalibrationFrame) -> str:
    reason = frame.reason.removeprefix(f"{frame.file}: ")
    return reason[:1].upper() + reason[1:]


class CalibrationTable:
    """The table, or a sentence where there is no such frame; it is made when there is something to show."""

    def __init__(self) -> None:
        self.table: pn.widgets.Tabulator | None = None
        self._wait = pn.pane.HTML(margin=16, sizing_mode="stretch_width")
        self.panel = column(self._wait, sizing_mode="stretch_both", visible=False)

    def show(self, results: tuple[Master | MasterDarks | MasterFlats | None, ...], theme: str) -> None:
        """Show what came of the masters."""
        table = calibration_frame(*results)
        if table.empty:
            words = "The masters are being made." if any(one is None for one in results) else NONE
            self._wait.object = sentence(words, theme)
            self.panel.objects = [self._wait]
            return
        if self.table is None or list(self.table.value.columns) != list(table.columns):
            self.table = _made(table)
        elif not table.equals(self.table.value):
            self.table.value = table
        self.panel.objects = [self.table]


def _made(table: pd.DataFrame) -> pn.widgets.Tabulator:
    numbers = ("s", "median", "% full")
    return pn.widgets.Tabulator(
        table, show_index=False, selectable=False, layout="fit_columns", sizing_mode="stretch_both", margin=0,
        stylesheets=[TABLE_STYLE], pagination=None, theme="simple", editors=dict.fromkeys(table.columns),
        formatters={"used": {"type": "tickCross"}, "kind": _NAME, "file": _FILE, "filter": _NAME, "s": _SECONDS,
                    "median": _LEVEL, "% full": fixed(1), "why not": _REASON},
        text_align=dict.fromkeys(numbers, "right"), header_align=dict.fromkeys(numbers, "right"),
        header_tooltips={"s": "Exposure, seconds", "median": "Median of its pixels, ADU",
                         "% full": "The median in percent of the level at which a pixel is full"},
        widths={"used": 44, "kind": 44, "filter": 48, "s": 42, "median": 58, "% full": 54, "why not": 16},
        configuration=NARROW,
    )  # fmt: skip
