"""The star table of the frame shown, and the frame table, in which a tick takes a frame in or leaves it out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import panel as pn

from pipeline.frame import Reason, Selection, Sequence, StarTable, Tracks
from ui.marks import belongs, strength

STAR_ROWS = 5000
TABLE_STYLE = """
.tabulator { border: 0; background: transparent; font: 400 13px/18px Roboto, sans-serif;
  font-variant-numeric: tabular-nums; }
.tabulator .tabulator-header, .tabulator .tabulator-header .tabulator-col, .tabulator-tableholder, .tabulator-table {
  background: var(--starshift-panel); color: var(--starshift-second); border-color: var(--starshift-hairline); }
.tabulator .tabulator-header { border-bottom: 1px solid var(--starshift-hairline); font-weight: 400; }
.tabulator .tabulator-header .tabulator-col .tabulator-col-content { padding: 6px 8px; }
.tabulator .tabulator-header .tabulator-col .tabulator-col-title { font-weight: 400; font-size: 12px; }
.tabulator .tabulator-header .tabulator-col.tabulator-sortable:hover { background: var(--starshift-field); }
.tabulator-row, .tabulator-row.tabulator-row-even { background: transparent; color: var(--starshift-text); border: 0;
  min-height: 28px; }
.tabulator-row .tabulator-cell { padding: 5px 8px; border-color: transparent; height: 28px; }
.tabulator-row.tabulator-selectable:hover { background: var(--starshift-field); }
.tabulator-row.tabulator-selected, .tabulator-row.tabulator-selected:hover { background: var(--starshift-field); }
.tabulator-footer { background: transparent; border-color: var(--starshift-hairline); color: var(--starshift-second); }
"""
RIGHT = {"hozAlign": "right", "headerHozAlign": "right"}


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
            "frame": [info.file.rsplit("/", 1)[-1] for info in sequence.frames],
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
        self.table = pn.widgets.Tabulator(
            pd.DataFrame({name: [] for name in ("id", "x", "y", "over σ", "sharp", "round", "state")}),
            disabled=True, show_index=False, selectable=1, layout="fit_columns", pagination=None,
            sizing_mode="stretch_both", margin=0, stylesheets=[TABLE_STYLE],
            text_align={name: "right" for name in ("id", "x", "y", "over σ", "sharp", "round")},
            widths={"id": 52, "state": 84},
        )  # fmt: skip
        self.table.on_click(self._clicked)
        self.panel = self.table

    def _clicked(self, event: Any) -> None:
        number = self.table.value["id"].iloc[event.row]
        if number:
            self._on_pick(int(number))

    def show(self, stars: StarTable | None, tracks: Tracks | None, frame: int) -> None:
        """Show a frame's candidates."""
        if stars is not None:
            self.table.value = star_frame(stars, tracks, frame)


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
        names = ("used", "frame", "stars", "matched", "fwhm", "rms", "why not")
        self.table = pn.widgets.Tabulator(
            pd.DataFrame({name: [] for name in names}),
            show_index=False, selectable=1, layout="fit_data_stretch", sizing_mode="stretch_both", margin=0,
            stylesheets=[TABLE_STYLE], pagination=None,
            editors=dict.fromkeys(names), formatters={"used": {"type": "tickCross", "crossElement": False}},
            text_align={name: "right" for name in ("stars", "matched", "fwhm", "rms")},
            widths={"used": 52, "stars": 60, "matched": 76, "fwhm": 60, "rms": 64},
        )  # fmt: skip
        self.table.on_click(self._clicked)
        self.panel = self.table

    def _clicked(self, event: Any) -> None:
        if event.column == "used":
            self._on_use(event.row, not bool(self.table.value["used"].iloc[event.row]))
        else:
            self._on_frame(event.row)

    def show(self, sequence: Sequence | None, selection: Selection | None, tracks: Tracks | None) -> None:
        """Show the lights."""
        if sequence is not None and selection is not None:
            self.table.value = frame_frame(sequence, selection, tracks)
