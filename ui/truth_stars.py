"""A frame's stars against the truth: completeness, purity and centroid errors, by brightness."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import numpy as np
import panel as pn
from bokeh.models import (
    ColumnDataSource,
    CustomJSTickFormatter,
    FixedTicker,
    Label,
    Line,
    Range1d,
    Scatter,
    Span,
)
from bokeh.plotting import figure

from pipeline.truth import Comparison
from ui.canvas import named, paint_plot, thin_axes
from ui.colours import HALO, PALETTES, PICKED, Palette
from ui.part import column
from ui.plot_titles import MINUS, title_line
from ui.stretch import number
from ui.themed import Themed

_LEFT, _RIGHT = 54, 24
_LEAST = 5
_PICK_PIXELS = 10
_HEAD = 20 + 2 * 16
# Axes hold powers of ten, with ticks at 1, 3, 10, 30.
_POWERS = [place for decade in range(-6, 8) for place in (decade, decade + np.log10(3))]
_UNPOWER = "return String(Number((10 ** tick).toPrecision(1)))"


def truth_figure(x_range: Range1d, y_range: Range1d, height: int) -> figure:
    """An empty plot of the truth tab."""
    made = figure(
        x_range=x_range, y_range=y_range, height=height, tools=[], toolbar_location=None, min_border_left=_LEFT,
        min_border_right=_RIGHT, min_border_top=4, min_border_bottom=24, outline_line_color=None,
        sizing_mode="stretch_width", html_attributes=named("Found against true"),
    )  # fmt: skip
    thin_axes(made)
    made.axis.formatter = CustomJSTickFormatter(code=MINUS)
    return made


def explained(title: str, sentence: str, colours: Palette) -> str:
    """A plot's title and, below it, what it shows, as HTML."""
    look = f"font:12px/16px Roboto,sans-serif;color:{colours.second}"
    return f'{title}<div style="{look}">{sentence}</div>'


class BrightnessPlot(Themed):
    """Two curves by brightness, one full and one dashed, and a line at the threshold.

    Parameters
    ----------
    names : tuple of str
        Of the full and of the dashed curve.
    brightness : Range1d
        Powers of ten of the brightness; shared by plots below each other.
    y_range : Range1d
        Of the values.
    height : int
        Of the plot, pixels.
    """

    def __init__(self, names: tuple[str, str], brightness: Range1d, y_range: Range1d, height: int) -> None:
        self._theme = "dark"
        self._shown: Comparison | None = None
        self.names = names
        self.curves = ColumnDataSource(data={"x": [], names[0]: [], names[1]: []}, name=f"truth {names[0]}")
        self._threshold = Span(dimension="height", line_width=1, line_dash=[1, 3], visible=False)
        self.figure = truth_figure(brightness, y_range, height)
        self.figure.xaxis.ticker = FixedTicker(ticks=_POWERS)
        self.figure.xaxis.formatter = CustomJSTickFormatter(code=_UNPOWER)
        self._draw()
        self.figure.add_layout(self._threshold)
        self._head = pn.pane.HTML(margin=(0, 16), sizing_mode="stretch_width", height=_HEAD)
        pane = pn.pane.Bokeh(self.figure, margin=0, sizing_mode="stretch_width")
        self.panel = column(self._head, pane, sizing_mode="stretch_width", styles={"padding-bottom": "8px"})

    def _draw(self) -> None:
        full, dashed = self.names
        self._dashed = self.figure.add_glyph(self.curves, Line(x="x", y=dashed, line_width=1.5, line_dash=[5, 3]))
        self._full = self.figure.add_glyph(self.curves, Line(x="x", y=full, line_width=1.5))

    def _paint(self) -> None:
        colours = PALETTES[self._theme]
        paint_plot(self.figure, colours)
        self._full.glyph.line_color = self._threshold.line_color = colours.text
        self._dashed.glyph.line_color = colours.second
        self._write()

    def update(self, shown: Comparison | None) -> None:
        """Show a frame's stars; None empties the plot."""
        self._shown = shown
        x, full, dashed = (np.empty(0),) * 3 if shown is None else self._values(shown)
        self.curves.data = {"x": x, self.names[0]: full, self.names[1]: dashed}
        self._show_threshold(0.0 if shown is None else shown.threshold)
        self._write()

    def _show_threshold(self, threshold: float) -> None:
        self._threshold.update(visible=threshold > 0, location=float(np.log10(threshold)) if threshold > 0 else 0.0)

    @abstractmethod
    def _values(self, shown: Comparison) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Brightness (powers of ten), and the values of the full and of the dashed curve."""

    @abstractmethod
    def _write(self) -> None:
        """Say above the plot what it shows."""


class SharePlot(BrightnessPlot):
    """How many of the true stars are found, and how many of those found are true.

    Parameters
    ----------
    brightness : Range1d
        Powers of ten of the brightness.
    """

    def __init__(self, brightness: Range1d) -> None:
        super().__init__(("completeness", "purity"), brightness, Range1d(0, 119), 136)
        self.figure.yaxis.ticker = FixedTicker(ticks=[0, 50, 100])
        self._name = Label(
            x=0, y=self.figure.y_range.end, text_baseline="top", text_font="Roboto", text_font_size="12px"
        )
        self.figure.add_layout(self._name)

    def _paint(self) -> None:
        super()._paint()
        self._name.text_color = PALETTES[self._theme].second

    def _show_threshold(self, threshold: float) -> None:
        """Name the line on that side of it where there is room."""
        super()._show_threshold(threshold)
        place = self._threshold.location
        left = place < (self.figure.x_range.start + self.figure.x_range.end) / 2
        side = {"text_align": "left" if left else "right", "x_offset": 4 if left else -4}
        self._name.update(visible=threshold > 0, x=place, text=f"threshold {threshold:.3g}\u2009\u03c3", **side)

    def _values(self, shown: Comparison) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        middle = np.log10(shown.edges[1:] * shown.edges[:-1]) / 2
        return middle, 100 * shown.completeness, 100 * shown.purity

    def _write(self) -> None:
        colours, shown = PALETTES[self._theme], self._shown
        legend = samples(("full", "completeness"), ("dashed", "purity"), colours=colours)
        sentence = "How many of the true stars are found, and how many of those found are true."
        if shown is not None:
            complete = f"Completeness: {shown.matched} of the {shown.true} true stars are found."
            sentence = (
                f"{complete if shown.true else 'No true star shines in this frame.'} "
                f"Purity: {shown.matched} of the {shown.found} found are true."
            )
        title = title_line("Stars found", "%, by brightness in \u03c3", legend, colours)
        self._head.object = explained(title, sentence, colours)


class CentroidPlot(BrightnessPlot):
    """How far from their true places stars were measured, and how near any method could come.

    Parameters
    ----------
    brightness : Range1d
        Powers of ten of the brightness.
    on_pick : callable, optional
        Called with the row, in the frame's table, of a star clicked on.
    """

    def __init__(self, brightness: Range1d, on_pick: Callable[[int], None] | None = None) -> None:
        self._on_pick, self._picked = on_pick, -1
        self.dots = ColumnDataSource(data={"x": [], "y": [], "row": []}, name="truth dots")
        self.ring = ColumnDataSource(data={"x": [], "y": []}, name="truth picked")
        super().__init__(("median", "bound"), brightness, Range1d(-3, 0.4), 168)
        self.figure.yaxis.ticker = FixedTicker(ticks=_POWERS)
        self.figure.yaxis.formatter = CustomJSTickFormatter(code=_UNPOWER)

    def _draw(self) -> None:
        self._scatter = self.figure.add_glyph(
            self.dots, Scatter(x="x", y="y", size=3, line_color=None, fill_alpha=0.55)
        )
        super()._draw()
        for colour, width in ((HALO, 4.0), (PICKED, 1.6)):
            ring = Scatter(x="x", y="y", size=13, fill_color=None, line_color=colour, line_width=width)
            self.figure.add_glyph(self.ring, ring)
        self.figure.on_event("tap", lambda event: self._tapped(event.x, event.y))

    def _paint(self) -> None:
        super()._paint()
        self._scatter.glyph.fill_color = PALETTES[self._theme].third

    def _values(self, shown: Comparison) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        good = ~shown.saturated & (shown.distance > 0) & (shown.least_distance > 0)
        x, y = np.log10(shown.brightness[good]), np.log10(shown.distance[good])
        bound = np.log10(shown.least_distance[good])
        self.dots.data = {"x": x, "y": y, "row": shown.row[good]}
        self.set_picked(self._picked)
        if len(x):
            floor = np.floor(2 * (bound.min() - 0.5)) / 2
            # Not on a tick: its label would hang below the plot.
            self.figure.y_range.update(start=floor + 0.02, end=max(0.4, float(y.max()) + 0.1))
        middle, median, least = np.array([medians(x, values, np.log10(shown.edges)) for values in (x, y, bound)])
        return middle, median, least

    def update(self, shown: Comparison | None) -> None:
        """Show a frame's stars; None empties the plot."""
        if shown is None:
            self.dots.data = {"x": [], "y": [], "row": []}
            self.set_picked(self._picked)
        super().update(shown)

    def set_picked(self, row: int) -> None:
        """Ring the star of a row of the frame's table; a negative number takes the ring away."""
        self._picked = row
        here = np.flatnonzero(np.asarray(self.dots.data["row"]) == row)[: 1 if row >= 0 else 0]
        self.ring.data = {axis: np.asarray(self.dots.data[axis])[here] for axis in "xy"}

    def _tapped(self, x: float, y: float) -> None:
        made, dots = self.figure, self.dots.data
        if self._on_pick is None or not len(dots["x"]) or not made.inner_width:
            return
        across = (np.asarray(dots["x"]) - x) / (made.x_range.end - made.x_range.start) * made.inner_width
        down = (np.asarray(dots["y"]) - y) / (made.y_range.end - made.y_range.start) * made.inner_height
        away = np.hypot(across, down)
        if away.min() <= _PICK_PIXELS:
            self._on_pick(int(dots["row"][int(np.argmin(away))]))

    def _write(self) -> None:
        colours, shown = PALETTES[self._theme], self._shown
        legend = samples(("dot", "star"), ("full", "median"), ("dashed", "bound"), colours=colours)
        sentence = "Distance of each star from its true place. "
        if shown is not None and np.isfinite(shown.over_bound):
            sentence += (
                f"The median is {number(shown.over_bound)} times the bound: the least "
                "that noisy light allows (Cram\u00e9r and Rao)."
            )
        title = title_line("Centroid error", "px, by brightness", legend, colours)
        self._head.object = explained(title, sentence, colours)


def samples(*kinds: tuple[str, str], colours: Palette) -> str:
    """A legend: dots, full and dashed lines with their names, as HTML."""
    drawn = {
        "dot": f'<circle cx="5" cy="4" r="2" fill="{colours.third}"/>',
        "full": f'<path d="M0 4h18" stroke="{colours.text}" stroke-width="1.5"/>',
        "dashed": f'<path d="M0 4h18" stroke="{colours.second}" stroke-width="1.5" stroke-dasharray="5 3"/>',
    }
    parts = [
        f'<svg width="{10 if kind == "dot" else 18}" height="8" aria-hidden="true">{drawn[kind]}</svg> {name}'
        for kind, name in kinds
    ]
    return "&ensp;".join(parts)


def medians(x: np.ndarray, values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Median of the values of each bin of x that has at least five."""
    bins = np.digitize(x, edges) - 1
    parts = [values[bins == one] for one in range(len(edges) - 1)]
    return np.array([np.median(part) for part in parts if len(part) >= _LEAST])
