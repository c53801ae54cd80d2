"""The stars' mean roundness over both factors, the factors that make it least, and those in use."""

from __future__ import annotations

import math

import numpy as np
import panel as pn
from bokeh.models import (
    BasicTicker,
    ColorBar,
    ColumnDataSource,
    FixedTicker,
    Image,
    LinearColorMapper,
    PanTool,
    Range1d,
    ResetTool,
    Scatter,
    Segment,
    WheelZoomTool,
)
from bokeh.plotting import figure

from ui.canvas import add_contours, paint_plot, write
from ui.colours import HALO, PALETTES
from ui.contours import contours
from ui.optimize_search import Found
from ui.part import column
from ui.plot_titles import title_line
from ui.stretch import palette

HEIGHT = 380
_TICKS = tuple(
    step * power for power in (0.01, 0.1, 1.0, 10.0) for step in (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0)
)
_NOTHING = {"image": [], "x": [], "y": [], "dw": [], "dh": []}


def factor_ticks(low: float, high: float) -> dict[float, str]:
    """Round factors between two, by their logarithm."""
    return {math.log(tick): f"{tick:g}" for tick in _TICKS if low <= tick <= high}


class ObjectivePlot:
    """A picture of the objective on axes of equal ratios, with contours, a ring on the optimum and a diamond.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    """

    def __init__(self, theme: str = "dark") -> None:
        self._theme = theme
        self.image = ColumnDataSource(data=_NOTHING, name="objective")
        self.best = ColumnDataSource(
            data={name: [] for name in ("x", "y", "x0", "x1", "y0", "y1", "text")}, name="optimum"
        )
        self.now = ColumnDataSource(data={"x": [], "y": [], "text": []}, name="factors in use")
        self._lines = ColumnDataSource(data={"xs": [], "ys": []})
        self._numbers = ColumnDataSource(data={"x": [], "y": [], "text": []})
        self._mapper = LinearColorMapper(palette=palette("viridis"), low=0, high=1)
        self.figure = self._make()
        self._title = pn.pane.HTML(margin=(8, 0, 0, 0), height=20, sizing_mode="stretch_width")
        picture = pn.pane.Bokeh(self.figure, margin=0, sizing_mode="stretch_width", height=HEIGHT)
        self.panel = column(self._title, picture, sizing_mode="stretch_width")
        self.theme = theme

    def _make(self) -> figure:
        wheel = WheelZoomTool(zoom_on_axis=False)
        made = figure(
            x_range=Range1d(0, 1), y_range=Range1d(0, 1), tools=[PanTool(), wheel, ResetTool()], active_scroll=wheel,
            height=HEIGHT, sizing_mode="stretch_width", toolbar_location=None, outline_line_color=None,
            min_border_top=8, min_border_right=8,
        )  # fmt: skip
        made.grid.visible = False
        for axis, word in ((made.xaxis, "factor on red"), (made.yaxis, "factor on blue")):
            axis.update(
                axis_label=word, axis_label_text_font_style="normal", axis_label_text_font_size="12px",
                axis_label_text_font="Roboto", major_label_text_font_size="12px", minor_tick_line_color=None,
                axis_line_color=None, major_tick_in=0,
            )  # fmt: skip
        picture = Image(image="image", x="x", y="y", dw="dw", dh="dh", color_mapper=self._mapper)
        made.add_glyph(self.image, picture)
        add_contours(made, self._lines, self._numbers)
        self._add_marks(made)
        self._bar = ColorBar(
            color_mapper=self._mapper, width=8, location=(12, 0), padding=0, margin=0, label_standoff=6,
            bar_line_color=None, ticker=BasicTicker(desired_num_ticks=5), major_label_text_font_size="12px",
            major_tick_line_color=None, background_fill_color=None, border_line_color=None,
        )  # fmt: skip
        made.add_layout(self._bar, "right")
        return made

    def _add_marks(self, made: figure) -> None:
        for colour, width in ((HALO, 4.0), ("#FFFFFF", 1.6)):
            look = {"line_color": colour, "line_width": width}
            made.add_glyph(self.best, Segment(x0="x0", x1="x1", y0="y", y1="y", **look))
            made.add_glyph(self.best, Segment(x0="x", x1="x", y0="y0", y1="y1", **look))
            made.add_glyph(self.best, Scatter(x="x", y="y", marker="circle", size=13, fill_color=None, **look))
            made.add_glyph(self.now, Scatter(x="x", y="y", marker="diamond", size=14, fill_color=None, **look))
        write(made, self.best, text="text", font="12px", x_offset=12, y_offset=-12)
        write(made, self.now, text="text", font="12px", x_offset=12, y_offset=14)

    @property
    def theme(self) -> str:
        """Either "dark" or "light"; setting it repaints."""
        return self._theme

    @theme.setter
    def theme(self, theme: str) -> None:
        self._theme = theme
        colours = PALETTES[theme]
        paint_plot(self.figure, colours)
        # The dialog's ground shows through.
        self.figure.update(background_fill_alpha=0, border_fill_alpha=0)
        self._title.object = title_line(
            "Mean roundness", "by factor, 0 is best", "turn the wheel to come closer", colours
        )
        for axis in self.figure.axis:
            axis.update(axis_label_text_color=colours.second, major_tick_line_color=colours.strong)
        self._bar.update(major_label_text_color=colours.second)

    def show(self, found: Found) -> None:
        """Show what a search found."""
        best = found.best
        x, y = np.log(best.reds), np.log(best.blues)
        step_x, step_y = x[1] - x[0], y[1] - y[0]
        left, bottom = x[0] - step_x / 2, y[0] - step_y / 2
        width, height = len(x) * step_x, len(y) * step_y
        # An image's rows go up, along blue.
        image = best.objective.T
        self._mapper.update(low=0, high=float(image.max()))
        self.image.data = {"image": [image], "x": [left], "y": [bottom], "dw": [width], "dh": [height]}
        for range_, axis, start, size in (
            (self.figure.x_range, self.figure.xaxis[0], left, width),
            (self.figure.y_range, self.figure.yaxis[0], bottom, height),
        ):
            range_.update(start=start, end=start + size, reset_start=start, reset_end=start + size)
            ticks = factor_ticks(math.exp(start), math.exp(start + size))
            axis.update(ticker=FixedTicker(ticks=list(ticks)), major_label_overrides=ticks)
        self._show_lines(image, (x[0], step_x), (y[0], step_y))
        self._show_marks(found)

    def _show_lines(self, image: np.ndarray, x: tuple[float, float], y: tuple[float, float]) -> None:
        lines = contours(image, 1)
        self._lines.data = {
            "xs": [x[0] + one * x[1] for one in lines.xs],
            "ys": [y[0] + one * y[1] for one in lines.ys],
        }
        self._numbers.data = {
            "x": [x[0] + one * x[1] for one in lines.label_x],
            "y": [y[0] + one * y[1] for one in lines.label_y],
            "text": [f"{value:.3g}" for value in lines.values],
        }

    def _show_marks(self, found: Found) -> None:
        best = found.best
        red, blue = math.log(best.red), math.log(best.blue)
        # An error is small against its factor, so along a logarithm it is the error's share of it.
        across, along = best.red_error / best.red, best.blue_error / best.blue
        self.best.data = {
            "x": [red], "y": [blue], "x0": [red - across], "x1": [red + across], "y0": [blue - along],
            "y1": [blue + along], "text": ["roundest"],
        }  # fmt: skip
        self.now.data = {"x": [math.log(found.red)], "y": [math.log(found.blue)], "text": ["in use"]}
