"""The plots beside the picture: offset, residual and number of stars against frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import panel as pn
from bokeh.core.properties import value
from bokeh.models import (
    BasicTicker,
    ColumnDataSource,
    CustomJS,
    CustomJSTickFormatter,
    DataRange1d,
    FixedTicker,
    GlyphRenderer,
    Line,
    LinearAxis,
    Range1d,
    Scatter,
    Span,
    VAreaStep,
)
from bokeh.plotting import figure

from ui.canvas import named, paint_plot, share_views, thin_axes
from ui.colours import COMPLETE, HALO, LOST, PALETTES, PARTIAL, PICKED, REFERENCE
from ui.part import column
from ui.plot_titles import MINUS, title_line
from ui.themed import Themed

_LEFT, _RIGHT = 54, 68
# The figures' heights where there is room; they share what is left of a lower window beside all else in the column,
# with a star's card at its usual height, down to the least that can be read, screen pixels.
_HEIGHTS = {"offset": 152, "residual": 104, "count": 160}
_ELSE, _LEAST, _LOWEST = 530, 0.65, 76
_ROOM = ":host {{ flex-basis: {0} !important; height: {0} !important; }}"
_OFFSET, _RESIDUAL, _COUNT = "Offset from the reference", "Residual after the transform", "Stars of the reference"
_FIELD = {"dark": "#6A727B", "light": "#8A939E"}
_COUNTS = {"complete": COMPLETE, "partial": PARTIAL, "lost": LOST}
_SNAP = """
const frame = Math.min(Math.max(Math.round(cb_obj.location), 0), Math.max(chosen.data.count[0] - 1, 0))
for (const line of lines) if (line.location != frame) line.location = frame
if (chosen.data.frame[0] != frame) chosen.data = {...chosen.data, frame: [frame]}
"""


@dataclass(frozen=True)
class FrameSeries:
    """What the plots against frame show; every array has one value a frame, NaN where there is none.

    Parameters
    ----------
    dx, dy : ndarray
        Displacement of the field against the reference, pixels.
    low, high : ndarray
        16th and 84th percentile of all stars' residuals after the transform, pixels.
    complete, partial, lost : ndarray
        Numbers of stars of the reference in each state.
    reference : int
        Number of the reference frame.
    """

    dx: np.ndarray
    dy: np.ndarray
    low: np.ndarray
    high: np.ndarray
    complete: np.ndarray
    partial: np.ndarray
    lost: np.ndarray
    reference: int


class TrackPlots(Themed):
    """Offset, residual and number of stars against frame, with the frame shown as a line that can be dragged.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    on_frame : callable, optional
        Called with a frame's number when the line is dragged there.
    """

    def __init__(self, theme: str = "dark", on_frame: Callable[[int], None] | None = None) -> None:
        self._theme = theme
        self._on_frame = on_frame
        self._star: int | None = None
        self._frame = 0
        self._lost = ""
        names = ("frame", "dx", "dy", "low", "high", "zero", "complete", "partial", "lost")
        self.series = ColumnDataSource(data={name: [] for name in names}, name="track series")
        self.band = ColumnDataSource(data={"x": [], "y": []}, name="track band")
        self.star = ColumnDataSource(data={name: [] for name in ("frame", "dx", "dy", "rx", "ry")}, name="track star")
        self.chosen = ColumnDataSource(data={"frame": [0], "count": [0]}, name="track frame")
        self.x_range = Range1d(-0.3, 1.3, syncable=False)
        self._ticker = FixedTicker(ticks=[0])
        # What became of the lost takes two lines at some frames; their room is always kept, so that nothing jumps.
        heights = (20, 20, 36)
        self._titles = [pn.pane.HTML(margin=(0, 16), sizing_mode="stretch_width", height=one) for one in heights]
        self.figures = [self._offsets(), self._residuals(), self._counts()]
        share_views(self.figures)
        self._lines = [Span(dimension="height", location=0, editable=True, syncable=False) for _ in self.figures]
        self._marks = [Span(dimension="height", line_color=REFERENCE, line_dash=[1, 3]) for _ in self.figures]
        for one, line, mark in zip(self.figures, self._lines, self._marks, strict=True):
            one.add_layout(mark)
            one.add_layout(line)
        self._handle = self._grip(self.figures[0])
        snap = CustomJS(args={"lines": self._lines, "chosen": self.chosen}, code=_SNAP)
        for line in self._lines:
            line.js_on_change("location", snap)
        self.chosen.on_change("data", lambda attribute, old, new: self._dragged())
        parts = [
            part
            for title, one in zip(self._titles, self.figures, strict=True)
            for part in (title, pn.pane.Bokeh(one, margin=0, sizing_mode="stretch_width"))
        ]
        self.panel = column(*parts, sizing_mode="stretch_width", styles={"padding-top": "12px"})
        self._paint()

    def update(self, series: FrameSeries | None) -> None:
        """Show a sequence's tracks; None empties the plots."""
        with pn.io.hold():
            if series is None:
                self.series.data = {name: [] for name in self.series.data}
                self.band.data = {"x": [], "y": []}
                self.set_picked(None)
                return
            count = len(series.dx)
            known = np.asarray(series.complete) + series.partial
            self.series.data = {
                "frame": np.arange(count), "dx": series.dx, "dy": series.dy, "low": series.low, "high": series.high,
                "zero": np.zeros(count), "complete": series.complete, "partial": known, "lost": known + series.lost,
            }  # fmt: skip
            self.chosen.data = {"frame": self.chosen.data["frame"], "count": [count]}
            edge = 0.02 * max(count - 1, 1)
            self._ticker.ticks = frame_ticks(count)
            self.x_range.update(start=-edge, end=max(count - 1, 1) + edge)
            self.band.data = band_pieces(series.low, series.high)
            for mark in self._marks:
                mark.location = series.reference
            self._place_ends()

    def set_frame(self, frame: int) -> None:
        """Put the line on a frame."""
        if frame == self._frame == self.chosen.data["frame"][0]:
            return
        self._frame = frame
        with pn.io.hold():
            self.chosen.data = {"frame": [frame], "count": self.chosen.data["count"]}
            for line in self._lines:
                line.location = frame

    def set_picked(
        self,
        star: int | None,
        dx: Sequence[float] = (),
        dy: Sequence[float] = (),
        rx: Sequence[float] = (),
        ry: Sequence[float] = (),
    ) -> None:
        """Draw one star over the field: its displacement and its residual against frame, pixels; None takes it away."""
        if star is None and self._star is None:
            return
        self._star = star
        count = 0 if star is None else len(dx)
        values = (dx, dy, rx, ry) if count else ((), (), (), ())
        self.star.data = {"frame": np.arange(count), **dict(zip(("dx", "dy", "rx", "ry"), values, strict=True))}
        ends = {name: _last(np.asarray(one, float)) for name, one in (("dx", values[2]), ("dy", values[3]))}
        seen = [np.asarray(one, float) for one in (self.series.data["low"], self.series.data["high"], *values[2:])]
        _name(self._residual_ends, ends, 0.24 * _span(*seen))
        self._write_titles()

    def say_lost(self, words: str) -> None:
        """Say what became of the stars that the frame shown has not: "4 too faint, 99 left the field"."""
        if words != self._lost:
            self._lost = words
            self._write_titles()

    def _dragged(self) -> None:
        frame = int(self.chosen.data["frame"][0])
        if frame != self._frame:
            self._frame = frame
            if self._on_frame is not None:
                self._on_frame(frame)

    # The three figures

    def _figure(self, words: str, name: str, *, bottom: bool = False) -> figure:
        height = _HEIGHTS[name]
        share = height / sum(_HEIGHTS.values())
        least = max(round(_LEAST * height), _LOWEST)
        room = _ROOM.format(f"clamp({least}px, {share:.3f} * (100vh - {_ELSE}px), {height}px)")
        made = figure(
            x_range=self.x_range, y_range=DataRange1d(range_padding=0.08, only_visible=True, syncable=False),
            height=height, toolbar_location=None, tools=[], outline_line_color=None, sizing_mode="stretch_width",
            min_border_left=_LEFT, min_border_right=_RIGHT, min_border_top=8, min_border_bottom=24 if bottom else 8,
            html_attributes=named(words), stylesheets=[room],
        )  # fmt: skip
        thin_axes(made)
        made.yaxis.ticker = BasicTicker(desired_num_ticks=4)
        made.yaxis.formatter = CustomJSTickFormatter(code=MINUS)
        made.xaxis.ticker = self._ticker
        made.xaxis.formatter = CustomJSTickFormatter(code="return String(tick + 1)")
        made.xaxis.visible = bottom
        return made

    def _grip(self, made: figure) -> GlyphRenderer:
        """What shows that the line can be dragged: its end, which no curve makes room for."""
        made.y_range.renderers = [*made.renderers]
        made.extra_y_ranges = {"handle": Range1d(0, 1, syncable=False)}
        grip = Scatter(x="frame", y=value(0.965), size=9, line_color=None)
        return made.add_glyph(self.chosen, grip, y_range_name="handle", level="overlay")

    def _curves(
        self, made: figure, source: ColumnDataSource, x: str, y: str, dash: tuple[int, int] = (5, 3), **look: object
    ) -> list[GlyphRenderer]:
        """Draw x full and y dashed."""
        full, dashed = Line(x="frame", y=x, **look), Line(x="frame", y=y, line_dash=list(dash), **look)
        return [made.add_glyph(source, full), made.add_glyph(source, dashed)]

    def _name_ends(self, made: figure) -> LinearAxis:
        """An axis at the right that carries the curves' names; a label there would be clipped."""
        axis = LinearAxis(
            ticker=FixedTicker(ticks=[]), axis_line_color=None, major_tick_line_color=None, minor_tick_line_color=None,
            major_label_text_font_size="12px", fixed_location=None, name="ends",
        )  # fmt: skip
        made.add_layout(axis, "right")
        return axis

    def _offsets(self) -> figure:
        made = self._figure(_OFFSET, "offset")
        self._field = self._curves(made, self.series, "dx", "dy", (9, 5), line_width=4)
        self._halos = self._curves(made, self.star, "dx", "dy", line_width=3.5, line_color=HALO)
        self._curves(made, self.star, "dx", "dy", line_width=1.5, line_color=PICKED)
        self._offset_ends = self._name_ends(made)
        return made

    def _residuals(self) -> figure:
        made = self._figure(_RESIDUAL, "residual")
        made.yaxis.ticker.desired_num_ticks = 4
        self._band = made.patches("x", "y", source=self.band, line_color=None)
        self._halos += self._curves(made, self.star, "rx", "ry", line_width=3.5, line_color=HALO)
        self._curves(made, self.star, "rx", "ry", line_width=1.5, line_color=PICKED)
        self._residual_ends = self._name_ends(made)
        return made

    def _counts(self) -> figure:
        made = self._figure(_COUNT, "count", bottom=True)
        made.y_range = DataRange1d(start=0, range_padding=0.04, syncable=False)
        for (low, high), alpha in zip(
            (("zero", "complete"), ("complete", "partial"), ("partial", "lost")), (0.26, 0.26, 0.2), strict=True
        ):
            area = VAreaStep(x="frame", y1=low, y2=high, step_mode="center", fill_color=_COUNTS[high], fill_alpha=alpha)
            made.add_glyph(self.series, area)
            made.step("frame", high, source=self.series, mode="center", line_color=_COUNTS[high], line_width=1.5)
        self._count_ends = self._name_ends(made)
        return made

    def _place_ends(self) -> None:
        data = {name: np.asarray(values, float) for name, values in self.series.data.items()}
        last = len(data["frame"]) - 1
        _name(
            self._offset_ends, {name: _last(data[name]) for name in ("dx", "dy")}, 0.16 * _span(data["dx"], data["dy"])
        )
        below, middles, under = 0.0, {}, data["zero"]
        for name in _COUNTS:
            # A state that no star is ever in has no place to be named at.
            if np.any(data[name] > under):
                middles[name] = (below + data[name][last]) / 2
            below, under = data[name][last], data[name]
        _name(self._count_ends, middles, 0.15 * max(below, 1.0), max(below, 1.0))

    # Colours

    def _paint(self) -> None:
        colours = PALETTES[self._theme]
        for one in self.figures:
            paint_plot(one, colours)
        for line in self._lines:
            line.update(line_color=colours.text, line_width=1)
        self._handle.glyph.fill_color = colours.text
        for renderer in self._field:
            renderer.glyph.line_color = _FIELD[self._theme]
        self._band.glyph.update(fill_color=colours.strong, fill_alpha=0.55)
        for renderer in self._halos:
            renderer.visible = self._theme == "light"
        for axis in (self._offset_ends, self._residual_ends, self._count_ends):
            axis.major_label_text_color = colours.text
        self._write_titles()

    def _write_titles(self) -> None:
        colours = PALETTES[self._theme]
        field = f'<span style="color:{_FIELD[self._theme]}">▬</span>&nbsp;field'
        edge = f";text-shadow:0 0 1px {HALO},0 0 1px {HALO}" if self._theme == "light" else ""
        star = f'&ensp;<span style="color:{PICKED}{edge}">▬</span>&nbsp;star {self._star}'
        # A line ends between reasons, never between a number and its reason.
        reasons = ", ".join(one.replace(" ", "\u00a0") for one in self._lost.split(", "))
        lost = f"lost: {reasons}" if reasons else "count, by frame"
        texts = (
            (_OFFSET, "px", field + ("" if self._star is None else star)),
            (_RESIDUAL, "px, band: two thirds of all stars", ""),
            (_COUNT, lost, ""),
        )
        for pane, (title, unit, legend) in zip(self._titles, texts, strict=True):
            pane.object = title_line(title, unit, legend, colours, wraps=title == _COUNT)


def band_pieces(low: np.ndarray, high: np.ndarray) -> dict[str, list[np.ndarray]]:
    """The outlines of a band against frame, one of each run of frames that have one: none is drawn across a gap."""
    there = np.flatnonzero(np.isfinite(low) & np.isfinite(high))
    runs = [run for run in np.split(there, np.flatnonzero(np.diff(there) > 1) + 1) if run.size]
    # A frame between two that have none would be a line without width.
    ends = [np.array([run[0] - 0.2, run[0] + 0.2]) if run.size == 1 else run for run in runs]
    x = [np.concatenate([one, one[::-1]]).astype(float) for one in ends]
    y = [
        np.concatenate([low[np.rint(one).astype(int)], high[np.rint(one).astype(int)][::-1]]).astype(float)
        for one in ends
    ]
    return {"x": x, "y": y}


def _last(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite[-1]) if finite.size else np.nan


def _span(*series: np.ndarray) -> float:
    values = np.concatenate(series)
    values = values[np.isfinite(values)]
    return float(np.ptp(values)) if values.size else 1.0


def _name(axis: LinearAxis, places: Mapping[str, float], distance: float, ceiling: float = np.inf) -> None:
    """Write words beside the places of curves, moved until none covers another and none stands above the ceiling."""
    words = sorted((word for word in places if np.isfinite(places[word])), key=places.__getitem__)
    at, floor = [], -np.inf
    for word in words:
        at.append(max(places[word], floor))
        floor = at[-1] + distance
    for k in reversed(range(len(at))):
        at[k] = min(at[k], ceiling)
        ceiling = at[k] - distance
    ticks = dict(zip(map(float, at), words, strict=True))
    axis.ticker.ticks = list(ticks)
    axis.major_label_overrides = ticks


def frame_ticks(count: int) -> list[int]:
    """Numbers of frames, from 0, to write under an axis: the first, and round ones as users count them."""
    step = next((step for step in (1, 2, 3, 5, 6, 10, 20, 25, 50, 100, 200, 500) if 4.5 * step >= count), count)
    return [0, *(number - 1 for number in range(step, count + 1, step) if number > max(1, step / 2))]
