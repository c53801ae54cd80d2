"""The frames: a measure against frame with its limits, which are used, and what every file was taken for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui
from bokeh.models import HTMLTemplateFormatter

from pipeline.frame import KINDS, Failure, FrameInfo, Sequence
from pipeline.masters import Master, MasterDarks, MasterFlats
from pipeline.read import stem
from pipeline.stages.selection import LIMITED
from pipeline.tables import Selection, Tracks
from ui.calibration_table import CalibrationTable
from ui.choice import Choice
from ui.file_frame import file_frame, usual_text, without_name
from ui.knobs import ANY, limits_text
from ui.part import column
from ui.tables import FILE_NAME, NARROW, TABLE_STYLE, fixed, heads, number
from ui.themed import Themed

if TYPE_CHECKING:
    from ui.metric_plot import MetricPlot

VIEWS = {"lights": "Lights", "calibration": "Calibration", "files": "All files"}
UNITS = {
    "stars": "count", "fwhm": "px", "background": "ADU", "noise": "ADU", "saturated": "pixels", "residual": "px",
    "exposure": "s",
}  # fmt: skip
HINT = "Drag a line in from the edge to set a limit. A double click on it takes it away."
_NAME = HTMLTemplateFormatter(template=FILE_NAME)
_FILE = HTMLTemplateFormatter(
    template='<div style="cursor: pointer; text-decoration: underline; text-decoration-color: var(--starshift-strong); '
    f'text-underline-offset: 3px">{FILE_NAME.replace("value %>", "value %>: click to see its header", 1)}</div>'
)
# The card alone; what stands in it is said on hover.
_TOLD = HTMLTemplateFormatter(template='<span title="<%- value %>"><%- value.split(" = ")[0] %></span>')
_CHOICE = HTMLTemplateFormatter(
    template='<% if (value) { %><span title="Click to correct it"><%- value %> \u25be</span><% } %>'
)
_REASON = HTMLTemplateFormatter(template="<% if (value) { %><span><%- value %></span><% } %>")
_RMS = number("value.toFixed(value >= 10 ? 1 : value >= 1 ? 2 : 3)")
_SECONDS = number("String(Number(value.toPrecision(3)))")
Limits = Mapping[str, tuple[float, float]]


def frame_frame(sequence: Sequence, selection: Selection, tracks: Tracks | None, current: bool = True) -> pd.DataFrame:
    """The lights with what was measured in each and whether it is used; below them the files that are left out.

    Parameters
    ----------
    sequence, selection, tracks : Sequence, Selection, and Tracks or None
        What came of the stages.
    current : bool
        Whether the tracks are of that selection; if not, they are being made anew.
    """
    count = len(sequence.frames)
    metrics = {name: np.asarray(values, float) for name, values in selection.metrics.items()}
    blank = np.full(count, np.nan)
    decided = selection if tracks is None or not current else tracks
    matched = blank if tracks is None else np.where(tracks.measured.any(axis=1), tracks.measured.sum(axis=1), np.nan)
    lights = pd.DataFrame(
        {
            "used": np.asarray(decided.used, bool).astype(object),
            "frame": [stem(info.file) for info in sequence.frames],
            "stars": metrics.get("stars", blank),
            "matched": matched,
            "fwhm": metrics.get("fwhm", blank),
            "rms": blank if tracks is None else tracks.residual,
            "why not": [
                without_name(why, info.file) for why, info in zip(decided.reason, sequence.frames, strict=True)
            ],
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


def measure(name: str, sequence: Sequence, selection: Selection, tracks: Tracks | None) -> np.ndarray:
    """A measure of every frame, one of LIMITED; NaN where a frame has none."""
    if name in selection.metrics:
        return np.asarray(selection.metrics[name], float)
    if name == "residual":
        return np.full(len(sequence.frames), np.nan) if tracks is None else np.asarray(tracks.residual, float)
    return np.array([np.nan if getattr(info, name) is None else getattr(info, name) for info in sequence.frames], float)


def with_unit(name: str) -> str:
    """A measure's name with its unit, where it has one."""
    return f"{name}, {UNITS[name]}" if name in UNITS else name


def with_limit(limits: Limits, name: str, edge: str, value: float | None) -> dict[str, tuple[float, float]]:
    """The limits with one end of one of them moved, or taken away; a limit without ends goes.

    Parameters
    ----------
    limits : dict of str to (float, float)
        By measure; an end at ANY or beyond limits nothing.
    name : str
        The measure.
    edge : str
        "low" or "high".
    value : float or None
        Where it is moved.
    """
    low, high = limits.get(name, (-ANY, ANY))
    if edge == "low":
        low = -ANY if value is None else min(value, high)
    else:
        high = ANY if value is None else max(value, low)
    rest = {other: pair for other, pair in limits.items() if other != name}
    return rest if (low, high) == (-ANY, ANY) else {**rest, name: (low, high)}


class FrameTab(Themed):
    """A measure against frame with its limits above the frame table, or the table of all files.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    on_frame : callable
        Called with the number of a frame clicked on.
    on_use : callable
        Called with a frame's number and whether it shall be used.
    on_limits : callable
        Called with all limits and whether the hand is still on one.
    on_kind : callable
        Called with a file's name and its kind by hand, "" for what the file itself tells.
    on_header : callable, optional
        Called with the name of a file whose header is asked for, "" for that of the frame shown.
    """

    def __init__(
        self,
        theme: str,
        on_frame: Callable[[int], None],
        on_use: Callable[[int, bool], None],
        on_limits: Callable[[dict[str, tuple[float, float]], bool], None],
        on_kind: Callable[[str, str], None],
        on_header: Callable[[str], None] = lambda file: None,
    ) -> None:
        self._theme = theme
        self._on_frame, self._on_use, self._on_limits, self._on_kind = on_frame, on_use, on_limits, on_kind
        self._on_header = on_header
        self._lights = self._frame = 0
        self._limits: Limits = {}
        self._held = False
        self._kinds: dict[str, str] = {}
        self._plot: MetricPlot | None = None
        self._redraw: Callable[[], None] = lambda: None
        self._view = Choice(
            label="What is listed", options=VIEWS, value="lights", theme=theme, height=32,
            margin=(8, 8, 0, 16), sizing_mode="stretch_width",
        )  # fmt: skip
        header = pmui.Button(
            label="Header", description="Header of the frame shown", variant="outlined", height=32,
            margin=(8, 16, 0, 0), on_click=lambda *_: on_header(""),
        )  # fmt: skip
        self._common = pn.pane.HTML(margin=(8, 16, 0, 16), sizing_mode="stretch_width")
        self._view.param.watch(lambda event: self._look(), "value")
        self._measure = pmui.Select(
            label="Measure",
            options={with_unit(name): name for name in LIMITED},
            value="fwhm",
            size="small",
            width=150,
            margin=(12, 8, 4, 16),
        )
        self._measure.param.watch(lambda event: self._redraw(), "value")
        self._said = pn.pane.HTML(margin=(14, 16, 0, 0), sizing_mode="stretch_width")
        self._lights_part = column(sizing_mode="stretch_both")
        self._files_part = column(sizing_mode="stretch_both", visible=False)
        head = pn.Row(self._view, header, sizing_mode="stretch_width", margin=0)
        self._calibration = CalibrationTable()
        parts = (self._lights_part, self._calibration.panel, self._files_part)
        self.panel = column(head, *parts, sizing_mode="stretch_both")

    def _paint(self) -> None:
        self._view.theme = self._theme
        if self._plot is not None:
            self._plot.theme = self._theme
        self._redraw()

    def _look(self) -> None:
        self._files_part.visible = self._view.value == "files"
        self._calibration.panel.visible = self._view.value == "calibration"
        self._lights_part.visible = self._view.value == "lights" and self._lights > 0

    # Making

    def _make(self, table: pd.DataFrame) -> None:
        """The plot and the frame table, made when there is something to show: HoloViews takes its time to load."""
        from ui.metric_plot import MetricPlot

        self._plot = MetricPlot(self._theme, self._limit, self._on_frame)
        numbers = ("stars", "matched", "fwhm", "rms")
        self.table = pn.widgets.Tabulator(
            table, show_index=False, selectable=1, layout="fit_columns", sizing_mode="stretch_both", margin=0,
            stylesheets=[TABLE_STYLE], pagination=None, theme="simple", editors=dict.fromkeys(table.columns),
            header_tooltips=heads(table),
            formatters={"used": {"type": "tickCross", "allowEmpty": True}, "frame": _NAME, "stars": fixed(0),
                        "matched": fixed(0), "fwhm": fixed(2), "rms": _RMS, "why not": _REASON},
            text_align=dict.fromkeys(numbers, "right"), header_align=dict.fromkeys(numbers, "right"),
            widths={"used": 50, "stars": 50, "matched": 64, "fwhm": 48, "rms": 54, "why not": 8}, configuration=NARROW,
            css_classes=["marks-in-sight"],
        )  # fmt: skip
        self.table.on_click(self._clicked)
        self.table.param.watch(lambda event: self._mark(), "selection")
        head = pn.Row(self._measure, self._said, sizing_mode="stretch_width", margin=0)
        self._lights_part.extend([head, self._plot.panel, self.table])

    def _make_files(self, table: pd.DataFrame) -> None:
        self.files = pn.widgets.Tabulator(
            table, show_index=False, selectable=False, layout="fit_columns", sizing_mode="stretch_both", margin=0,
            stylesheets=[TABLE_STYLE], pagination=None, theme="simple", header_tooltips=heads(table),
            editors={**dict.fromkeys(table.columns), "kind": {"type": "list", "values": list(KINDS)}},
            formatters={"file": _FILE, "kind": _CHOICE, "told by": _TOLD, "exposure": _SECONDS, "why not": _REASON},
            text_align={"exposure": "right"}, header_align={"exposure": "right"},
            widths={"kind": 62, "told by": 80, "filter": 48, "exposure": 70, "why not": 16}, configuration=NARROW,
        )  # fmt: skip
        self.files.on_edit(self._edited)
        self.files.on_click(self._pointed)
        self._files_part.extend([self._common, self.files])

    def _mark(self) -> None:
        """Mark the row of the frame shown, whichever row was clicked on."""
        if self.table.selection != [self._frame]:
            self.table.selection = [self._frame]

    # What the visitor does

    def _clicked(self, event: Any) -> None:
        if event.row >= self._lights:
            return
        if event.column == "used":
            self._on_use(event.row, not bool(self.table.value["used"].iloc[event.row]))
        else:
            self._on_frame(event.row)

    def _edited(self, event: Any) -> None:
        if event.column == "kind":
            file = str(self.files.value["file"].iloc[event.row])
            self._on_kind(file, "" if event.value == self._kinds.get(file) else str(event.value))

    def _pointed(self, event: Any) -> None:
        if event.column == "file":
            self._on_header(str(self.files.value["file"].iloc[event.row]))

    def _limit(self, edge: str, value: float | None, live: bool) -> None:
        self._held = live
        try:
            self._on_limits(with_limit(self._limits, self._measure.value, edge, _short(value)), live)
        finally:
            self._held = False

    # Showing

    def show(
        self,
        sequence: Sequence | None,
        selection: Selection | None,
        tracks: Tracks | None,
        *,
        files: tuple[FrameInfo | Failure, ...] = (),
        kinds: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        frame: int = 0,
        current: bool = True,
        masters: tuple[Master | MasterDarks | MasterFlats | None, ...] = (),
    ) -> None:
        """Show the lights with their measures, the calibration frames, and all files.

        Parameters
        ----------
        sequence, selection, tracks : Sequence, Selection and Tracks, or None
            What came of the stages.
        files : tuple of FrameInfo or Failure
            The open files.
        kinds, limits : dict
            The knobs ``frames.kinds`` and ``selection.limits``.
        frame : int
            Number of the frame shown.
        current : bool
            Whether the tracks are of that selection; if not, they are being made anew.
        masters : tuple of Master, MasterDarks, MasterFlats or None
            What came of bias, dark and flat.
        """
        self._calibration.show(masters, self._theme)
        self._show_files(files, kinds or {}, sequence)
        self._lights = 0 if sequence is None or selection is None else len(sequence.frames)
        self._look()
        if sequence is None or selection is None or len(selection.used) != len(sequence.frames):
            return
        if tracks is not None and len(tracks.used) != len(sequence.frames):
            tracks = None
        self._limits = limits or {}
        table = frame_frame(sequence, selection, tracks, current)
        if self._plot is None:
            self._make(table)
        elif not table.equals(self.table.value):
            self.table.value = table
        self._frame = frame
        self._mark()
        self._redraw = lambda: self._show_measure(sequence, selection, tracks, frame, list(table["why not"]))
        self._redraw()

    def _show_files(
        self, files: tuple[FrameInfo | Failure, ...], kinds: Mapping[str, str], sequence: Sequence | None
    ) -> None:
        self._kinds = {info.file: info.kind or "light" for info in files if isinstance(info, FrameInfo)}
        table = file_frame(files, kinds, sequence)
        self._common.object = _small(usual_text(files))
        if not self._files_part.objects:
            self._make_files(table)
        elif not table.equals(self.files.value):
            self.files.value = table

    def _show_measure(
        self, sequence: Sequence, selection: Selection, tracks: Tracks | None, frame: int, why: list[str]
    ) -> None:
        from ui.metric_plot import Measured

        name = self._measure.value
        low, high = self._limits.get(name, (-ANY, ANY))
        values = measure(name, sequence, selection, tracks)
        ends = None if low <= -ANY else low, None if high >= ANY else high
        shown = Measured(values, tuple(why[: len(values)]), *ends, frame, sequence.reference)
        self._plot.show(shown, self._held)
        limit = f"{with_unit(name)}: {limits_text(low, high)}" if name in self._limits else HINT
        self._said.object = _small(limit)


def _small(words: str) -> str:
    return f'<div style="font:12px/16px Roboto,sans-serif;color:var(--starshift-second)">{pn.util.escape(words)}</div>'


def _short(value: float | None) -> float | None:
    """Four digits of a number that a hand has set."""
    return None if value is None else float(f"{value:.4g}")
