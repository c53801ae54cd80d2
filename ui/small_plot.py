"""Plots of the right column: thin axes, a light grid, their titles above them."""

from __future__ import annotations

import panel as pn
from bokeh.models import BasicTicker, CustomJSTickFormatter, Range1d
from bokeh.plotting import figure

from ui.canvas import named, paint_plot, thin_axes
from ui.colours import PALETTES, Palette
from ui.part import column
from ui.plot_titles import MINUS, title_line
from ui.themed import Themed


class SmallPlot(Themed):
    """A figure with its title.

    Parameters
    ----------
    title, unit : str
        What is drawn, and against what.
    height : int
        Screen pixels.
    theme : str
        "dark" or "light".
    log_x, log_y : bool
        Whether equal ways are equal ratios.
    """

    def __init__(
        self, title: str, unit: str, height: int, theme: str, *, log_x: bool = False,
        log_y: bool = False,
    ) -> None:  # fmt: skip
        self._words, self._theme, self._right = (title, unit), theme, ""
        self._title = pn.pane.HTML("", margin=(12, 16, 0, 16), height=20, sizing_mode="stretch_width")
        self.figure = figure(
            height=height, x_axis_type="log" if log_x else "linear", y_axis_type="log" if log_y else "linear",
            toolbar_location=None, tools=[], outline_line_color=None, sizing_mode="stretch_width",
            x_range=Range1d(1, 2, syncable=False), y_range=Range1d(1, 2, syncable=False),
            min_border_left=58, min_border_right=16, min_border_top=8, min_border_bottom=24,
        )  # fmt: skip
        made = self.figure
        made.html_attributes = named(title)
        thin_axes(made)
        for axis, log in ((made.xaxis, log_x), (made.yaxis, log_y)):
            if not log:
                axis.ticker = BasicTicker(desired_num_ticks=4)
                axis.formatter = CustomJSTickFormatter(code=MINUS)
            else:
                axis.formatter = CustomJSTickFormatter(code="return String(Number(tick.toPrecision(6)))")
        self.panel = column(
            self._title, pn.pane.Bokeh(made, margin=0, sizing_mode="stretch_width"), sizing_mode="stretch_width"
        )
        self._paint()

    def say(self, right: str, title: str = "", unit: str = "") -> None:
        """Write what stands at the right of the title, and another title and unit where they are given."""
        self._right = right
        self._words = (title or self._words[0], unit or self._words[1])
        self._title.object = title_line(*self._words, right, PALETTES[self._theme])

    def span(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Show a part of the plane; where the first value is the larger one the axis runs down."""
        for axis, (start, end) in ((self.figure.x_range, x), (self.figure.y_range, y)):
            axis.update(start=start, end=end)

    def _paint(self) -> None:
        colours = PALETTES[self._theme]
        paint_plot(self.figure, colours)
        self.paint_marks(colours)
        self.say(self._right)

    def paint_marks(self, colours: Palette) -> None:
        """Colour what a plot of some kind draws on the axes."""
