"""The errors of a frame's offset maps, and the stars followed through all frames."""

from __future__ import annotations

import numpy as np
import panel as pn
from bokeh.models import (
    ColumnDataSource,
    CustomJSTickFormatter,
    FixedTicker,
    Image,
    Line,
    LinearColorMapper,
    Range1d,
    Scatter,
    Span,
)
from bokeh.plotting import figure

from pipeline.truth import TrackComparison
from pipeline.truth_map import MapComparison
from ui.canvas import named, paint_plot
from ui.colours import PALETTES, REFERENCE
from ui.part import column
from ui.plot_titles import title_line
from ui.plots import frame_ticks
from ui.stretch import number, palette
from ui.themed import Themed
from ui.truth_stars import explained, truth_figure

_WIDTH, _HEIGHT, _GAP = 186, 124, 16
_STEPS = (1.0, 2.0, 5.0, 10.0)


class MapErrors(Themed):
    """Found minus true offsets over the field, in x and in y."""

    def __init__(self) -> None:
        self._theme = "dark"
        self._shown: MapComparison | None = None
        # Why there is no map to compare, and whether what else the tab shows is of a region.
        self._none, self._regional = "", False
        names = ("image", "x", "y", "dw", "dh")
        self.sources = {
            axis: ColumnDataSource(data={name: [] for name in names}, name=f"truth map {axis}") for axis in "xy"
        }
        self._mapper = LinearColorMapper(palette=palette("difference"), low=-1, high=1, nan_color="#00000000")
        self._ranges = Range1d(0, 1, syncable=False), Range1d(1, 0, syncable=False)
        self._figures = {axis: self._make(axis) for axis in "xy"}
        self._head = pn.pane.HTML(margin=(0, 16), sizing_mode="stretch_width", height=36)
        self._numbers = pn.pane.HTML(margin=(4, 16, 0, 16), sizing_mode="stretch_width", height=18)
        self._pictures = pn.Row(*(pn.pane.Bokeh(one, margin=0) for one in self._figures.values()), margin=(0, 16))
        self._pictures.styles = {"gap": f"{_GAP}px"}
        self.panel = column(
            self._head, self._numbers, self._pictures, sizing_mode="stretch_width", styles={"padding-bottom": "12px"}
        )

    def _make(self, axis: str) -> figure:
        made = figure(
            x_range=self._ranges[0], y_range=self._ranges[1], width=_WIDTH, height=_HEIGHT, tools=[],
            toolbar_location=None, min_border=0, outline_line_color=None,
            html_attributes=named(f"{axis.upper()} offset, found minus true"),
        )  # fmt: skip
        made.axis.visible = made.grid.visible = False
        image = Image(image="image", x="x", y="y", dw="dw", dh="dh", color_mapper=self._mapper)
        made.add_glyph(self.sources[axis], image)
        return made

    def _paint(self) -> None:
        for one in self._figures.values():
            paint_plot(one, PALETTES[self._theme])
        self._write()

    def say(self, none: str, *, regional: bool) -> None:
        """Say why the frame shown has no map, "" where it has or gets one, and whether a region is chosen."""
        if (none, regional) != (self._none, self._regional):
            self._none, self._regional = none, regional
            # What comes keeps its place.
            self._numbers.visible = self._pictures.visible = not none
            self._write()

    def update(self, shown: MapComparison | None) -> None:
        """Show a frame's map errors; None empties the pictures."""
        self._shown = shown
        if shown is None:
            for source in self.sources.values():
                source.data = {name: [] for name in source.data}
        else:
            rows, columns = shown.x.shape
            limit = self._limit()
            self._mapper.update(low=-limit, high=limit)
            # Pixels are square.
            scale = max(columns / _WIDTH, rows / _HEIGHT)
            self._ranges[0].update(start=0, end=scale * _WIDTH)
            self._ranges[1].update(start=scale * _HEIGHT, end=0)
            for axis, source in self.sources.items():
                image = getattr(shown, axis)
                source.data = {"image": [image], "x": [0], "y": [0], "dw": [columns], "dh": [rows]}
        self._write()

    def _limit(self) -> float:
        """A round number that hardly any error is beyond, so that the colours do not change at every turn."""
        values = np.abs([self._shown.x, self._shown.y])
        most = max(float(np.nanpercentile(values, 99)), 1e-4) if np.isfinite(values).any() else 1.0
        power = 10.0 ** np.floor(np.log10(most))
        return next(step * power for step in _STEPS if step * power >= most)

    def _write(self) -> None:
        colours, shown = PALETTES[self._theme], self._shown
        bar = ""
        if shown is not None:
            limit = f"{self._limit():g}"
            shades = ",".join(palette("difference")[::15])
            bar = (
                f'<span style="display:inline-flex;gap:6px;align-items:center">\u2212{limit}<span style="width:72px;'
                f'height:8px;border-radius:2px;background:linear-gradient(to right,{shades})"></span>{limit}</span>'
            )
        sentence = self._none or "White is right. Pull: error over claimed error; 1 is honest."
        if self._regional and not self._none:
            # There is room for one line.
            sentence = "White is right; pull 1 is honest. Of the whole frame, not the region."
        title = title_line("Map error", "px, found minus true", bar, colours)
        self._head.object = explained(title, sentence, colours)
        texts = [self._number(axis) for axis in "xy"]
        look = f"display:flex;gap:{_GAP}px;font:12px/16px Roboto,sans-serif;color:{colours.text}"
        spans = "".join(f'<span style="width:{_WIDTH}px">{text}</span>' for text in texts)
        self._numbers.object = f'<div style="{look}">{spans}</div>'

    def _number(self, axis: str) -> str:
        if self._shown is None:
            return ""
        rms, pull = (getattr(self._shown, f"{axis}_{name}") for name in ("rms", "pull"))
        return f"{axis}: rms {number(rms)}\u2009px, pull {number(pull)}"


class FollowedPlot(Themed):
    """Share of the stars that stay in the field which are at their true places, against frame."""

    def __init__(self) -> None:
        self._theme = "dark"
        self._shown: TrackComparison | None = None
        self.source = ColumnDataSource(data={"frame": [], "share": []}, name="truth followed")
        self._range = Range1d(-0.3, 1.3, syncable=False)
        self._line = Span(dimension="height", location=0, line_width=1, visible=False)
        self._mark = Span(dimension="height", location=0, line_color=REFERENCE, line_dash=[1, 3])
        self.figure = truth_figure(self._range, Range1d(0, 105), 104)
        self.figure.yaxis.ticker = FixedTicker(ticks=[0, 50, 100])
        self.figure.xaxis.ticker = FixedTicker(ticks=[])
        self.figure.xaxis.formatter = CustomJSTickFormatter(code="return String(tick + 1)")
        self._curve = self.figure.add_glyph(self.source, Line(x="frame", y="share", line_width=1.5))
        self._points = self.figure.add_glyph(self.source, Scatter(x="frame", y="share", size=4, line_color=None))
        for one in (self._mark, self._line):
            self.figure.add_layout(one)
        self._head = pn.pane.HTML(margin=(0, 16), sizing_mode="stretch_width", height=36)
        pane = pn.pane.Bokeh(self.figure, margin=0, sizing_mode="stretch_width")
        self.panel = column(self._head, pane, sizing_mode="stretch_width")

    def _paint(self) -> None:
        colours = PALETTES[self._theme]
        paint_plot(self.figure, colours)
        self._curve.glyph.line_color = self._points.glyph.fill_color = self._line.line_color = colours.text
        self._write()

    def update(self, shown: TrackComparison | None, reference: int = 0) -> None:
        """Show a sequence's tracks; None empties the plot."""
        self._shown = shown
        # In a frame that is not used nobody is followed, which is no failure.
        share = np.empty(0) if shown is None else np.where(shown.used, 100 * shown.followed, np.nan)
        self.source.data = {"frame": np.arange(len(share)), "share": share}
        self._mark.location = reference
        self._line.visible = shown is not None
        last = max(len(share) - 1, 1)
        self._range.update(start=-0.02 * last, end=1.02 * last)
        self.figure.xaxis.ticker = FixedTicker(ticks=frame_ticks(len(share)) if len(share) else [])
        self._write()

    def set_frame(self, frame: int) -> None:
        """Put the line on a frame."""
        self._line.location = frame

    def _write(self) -> None:
        colours, shown = PALETTES[self._theme], self._shown
        right = sentence = ""
        if shown is not None:
            right = f"{100 * shown.false_share:.2g} % false places" if np.isfinite(shown.false_share) else ""
            sentence = f"Of {shown.stars} stars that stay in the field, those at their true places."
        title = title_line("Stars followed", "%, by frame", right, colours)
        self._head.object = explained(title, sentence, colours)
