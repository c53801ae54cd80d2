"""Noise of a stack against the number of frames, beside what the root of the number promises."""

from __future__ import annotations

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, CustomJSTickFormatter, FixedTicker, Line, Range1d, Scatter
from bokeh.plotting import figure

from ui.canvas import paint_plot, share_views
from ui.colours import COMPLETE, PALETTES
from ui.part import column
from ui.plot_titles import title_line

_HEIGHT = 156
_MARGIN = 1.25


class NoisePlot:
    """Points for the noise that was measured, a broken line for one over the root of the number.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    """

    def __init__(self, theme: str) -> None:
        self._theme = theme
        self.measured = ColumnDataSource(data={"number": [], "noise": []}, name="stack noise")
        self._promised = ColumnDataSource(data={"number": [], "noise": []})
        self._across, self._down = FixedTicker(ticks=[1]), FixedTicker(ticks=[1])
        self.figure = figure(
            x_axis_type="log", y_axis_type="log", x_range=Range1d(0.8, 2), y_range=Range1d(0.1, 1), height=_HEIGHT,
            toolbar_location=None, tools=[], outline_line_color=None, sizing_mode="stretch_width",
            min_border_left=54, min_border_right=16, min_border_top=8, min_border_bottom=24,
        )  # fmt: skip
        made = self.figure
        made.xgrid.visible = False
        made.yaxis.axis_line_color = None
        made.axis.major_tick_line_color = made.axis.minor_tick_line_color = None
        made.axis.major_label_text_font_size = "12px"
        made.xaxis.ticker, made.yaxis.ticker = self._across, self._down
        made.ygrid.ticker = self._down
        made.axis.formatter = CustomJSTickFormatter(code="return String(Number(tick.toPrecision(2)))")
        self._line = made.add_glyph(self._promised, Line(x="number", y="noise", line_dash=[5, 3], line_width=1.2))
        made.add_glyph(self.measured, Line(x="number", y="noise", line_color=COMPLETE, line_width=1.5))
        dots = {"size": 7, "line_color": COMPLETE, "fill_color": COMPLETE, "fill_alpha": 0.55}
        made.add_glyph(self.measured, Scatter(x="number", y="noise", marker="circle", **dots))
        share_views([made])
        self._title = pn.pane.HTML(margin=(12, 16, 0, 16), sizing_mode="stretch_width", height=20)
        self.panel = column(
            self._title, pn.pane.Bokeh(made, margin=0, sizing_mode="stretch_width"), sizing_mode="stretch_width"
        )
        self._paint()

    @property
    def theme(self) -> str:
        """Either "dark" or "light"; setting it repaints."""
        return self._theme

    @theme.setter
    def theme(self, theme: str) -> None:
        self._theme = theme
        self._paint()

    def _paint(self) -> None:
        colours = PALETTES[self._theme]
        paint_plot(self.figure, colours)
        self._line.glyph.line_color = colours.second
        key = f'<span style="color:{COMPLETE}">\u25cf</span> measured&ensp;<span>\u2504</span> 1/\u221aN'
        self._title.object = title_line("Noise against frames", "ADU", key, colours)

    def show(self, numbers: np.ndarray, noises: np.ndarray) -> None:
        """Show the noise of stacks of so many frames, the first of one frame alone; it stands for the promise."""
        known = np.isfinite(noises) & (noises > 0)
        numbers, noises = np.asarray(numbers)[known], np.asarray(noises)[known]
        if not numbers.size:
            self.measured.data = {"number": [], "noise": []}
            return
        most = int(numbers[-1])
        promised = noises[0] * np.array([1.0, max(most, 2) ** -0.5])
        low, high = min(noises.min(), promised[1]) / _MARGIN, noises.max() * _MARGIN
        with pn.io.hold():
            self.figure.x_range.update(start=0.87, end=max(most, 2) * 1.15)
            self.figure.y_range.update(start=low, end=high)
            self._across.ticks = _round_numbers(most)
            self._down.ticks = _round_levels(low, high)
            self._promised.data = {"number": [1, max(most, 2)], "noise": promised}
            self.measured.data = {"number": numbers, "noise": noises}


def _round_numbers(most: int) -> list[int]:
    """Numbers of frames under the axis: powers of two, and all of them."""
    powers = [2**k for k in range(most.bit_length()) if 2**k <= most / 1.4]
    return [*powers, most]


def _round_levels(low: float, high: float) -> list[float]:
    """Three to six round numbers between two."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for parts in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), tuple(np.arange(1, 10, 0.5))):
        found = [part * 10.0**decade for decade in decades for part in parts]
        inside = [one for one in found if low <= one <= high]
        if len(inside) >= 3:
            break
    return inside
