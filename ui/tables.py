"""The star table of the frame shown, and the frame table, in which a tick takes a frame in or leaves it out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import panel as pn

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
.tabulator .tabulator-cell svg { height: 12px; }
.tabulator .tabulator-cell svg path { fill: var(--starshift-second) !important; }
"""
WHOLE, TENTHS, HUNDREDTHS, THOUSANDTHS = (
    {"type": "money", "precision": digits, "thousand": False} for digits in range(4)
)


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
            "over σ": strength(stars).round(1),
            "sharp": stars["sharpness"].round(2),
            "round": stars["roundness2"].round(2),
            "state": words[stars.reason],
        }
    )
    return table.sort_values("over σ", ascending=False, ignore_index=True).head(STAR_ROWS)


def frame_frame(sequence: Sequence, selection: Selection, tracks: Tracks | None) -> pd.DataFrame:
    """The lights with what was measured in each and whether it is used."""
    count = len(sequence.frames)
    metrics = {name: np.asarray(values, float) for name, values in selection.metrics.items()}
    blank = np.full(count, np.nan)
    used = selection.used if tracks is None else tracks.used
    reasons = selection.reason if tracks is None else tracks.reason
    matched = blank if tracks is None else np.where(tracks.measured.any(axis=1), tracks.measured.sum(axis=1), np.nan)
    return pd.DataFrame(
        {
            "used": np.asarray(used, bool),
            "frame": [stem(info.file) for info in sequence.frames],
            "stars": metrics.get("stars", blank),
            "matched": matched,
            "fwhm": np.round(metrics.get("fwhm", blank), 2),
            "rms": blank if tracks is None else np.round(tracks.residual, 3),
            "why not": [why.rsplit("/", 1)[-1] for why in reasons],
        }
    )


class StarTab:
    """The star table.

    Parameters
    ----------
    on_pick : callable
        Called with the id of a star clicked on.
    """

    def __init__(self, on_pick: Callable[[int], None]) -> None:
        self._on_pick = on_pick
        self.panel = pn.Column(sizing_mode="stretch_both", margin=0)

    def _make(self, table: pd.DataFrame) -> None:
        self.table = pn.widgets.Tabulator(
            table, disabled=True, show_index=False, selectable=1, layout="fit_columns", pagination=None,
            sizing_mode="stretch_both", margin=0, stylesheets=[TABLE_STYLE], theme="simple",
            text_align=dict.fromkeys(("id", "x", "y", "over σ", "sharp", "round"), "right"),
            widths={"id": 48, "x": 60, "y": 60, "over σ": 60, "sharp": 56, "round": 60},
            formatters={"x": TENTHS, "y": TENTHS, "over σ": TENTHS, "sharp": HUNDREDTHS, "round": HUNDREDTHS},
        )  # fmt: skip
        self.table.on_click(self._clicked)
        self.panel.append(self.table)

    def _clicked(self, event: Any) -> None:
        number = self.table.value["id"].iloc[event.row]
        if number:
            self._on_pick(int(number))

    def show(self, stars: StarTable | None, tracks: Tracks | None, frame: int) -> None:
        """Show a frame's candidates."""
        if stars is None:
            return
        table = star_frame(stars, tracks, frame)
        if self.panel.objects:
            self.table.value = table
        else:
            self._make(table)


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
        self.panel = pn.Column(sizing_mode="stretch_both", margin=0)

    def _make(self, table: pd.DataFrame) -> None:
        self.table = pn.widgets.Tabulator(
            table, show_index=False, selectable=1, layout="fit_columns", sizing_mode="stretch_both", margin=0,
            stylesheets=[TABLE_STYLE], pagination=None, theme="simple", editors=dict.fromkeys(table.columns),
            formatters={"used": {"type": "tickCross"}, "stars": WHOLE, "matched": WHOLE, "fwhm": HUNDREDTHS,
                        "rms": THOUSANDTHS},
            text_align=dict.fromkeys(("stars", "matched", "fwhm", "rms"), "right"),
            widths={"used": 52, "frame": 96, "stars": 52, "matched": 68, "fwhm": 52, "rms": 56},
        )  # fmt: skip
        self.table.on_click(self._clicked)
        self.panel.append(self.table)

    def _clicked(self, event: Any) -> None:
        if event.column == "used":
            self._on_use(event.row, not bool(self.table.value["used"].iloc[event.row]))
        else:
            self._on_frame(event.row)

    def show(self, sequence: Sequence | None, selection: Selection | None, tracks: Tracks | None) -> None:
        """Show the lights."""
        if sequence is None or selection is None:
            return
        table = frame_frame(sequence, selection, tracks)
        if self.panel.objects:
            self.table.value = table
        else:
            self._make(table)
