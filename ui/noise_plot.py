"""Noise of a stack or a master against the number of frames, beside what the root of the number promises."""

from __future__ import annotations

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, CustomJSTickFormatter, FixedTicker, GlyphRenderer, Line, Scatter

from ui.canvas import share_views
from ui.colours import COMPLETE, Palette
from ui.small_plot import SmallPlot

_HEIGHT = 128
_MARGIN = 1.25
_KEY = f'<span style="color:{COMPLETE}">\u25cf</span> measured&ensp;<span>\u2504</span> 1/\u221aN'


class NoisePlot(SmallPlot):
    """Points for the noise that was measured, a broken line for one over the root of the number.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    name : str
        Of the points' source.
    """

    def __init__(self, theme: str, name: str = "stack noise") -> None:
        self.measured = ColumnDataSource(data={"number": [], "noise": []}, name=name)
        self._promised = ColumnDataSource(data={"number": [], "noise": []})
        self._across, self._down = FixedTicker(ticks=[1]), FixedTicker(ticks=[1])
        self._line: GlyphRenderer | None = None
        super().__init__("Noise against frames", "ADU", _HEIGHT, theme, log_x=True, log_y=True)
        made = self.figure
        made.xaxis.ticker, made.yaxis.ticker = self._across, self._down
        made.ygrid.ticker = self._down
        made.axis.formatter = CustomJSTickFormatter(code="return String(Number(tick.toPrecision(2)))")
        self._line = made.add_glyph(self._promised, Line(x="number", y="noise", line_dash=[5, 3], line_width=1.2))
        made.add_glyph(self.measured, Line(x="number", y="noise", line_color=COMPLETE, line_width=1.5))
        dots = {"size": 7, "line_color": COMPLETE, "fill_color": COMPLETE, "fill_alpha": 0.55}
        made.add_glyph(self.measured, Scatter(x="number", y="noise", marker="circle", **dots))
        share_views([made])
        self.say(_KEY)
        self._paint()

    def paint_marks(self, colours: Palette) -> None:
        """Colour the promise."""
        if self._line is not None:
            self._line.glyph.line_color = colours.second

    def show(self, numbers: np.ndarray, noises: np.ndarray, unit: str = "ADU") -> None:
        """Show the noise of so many frames together, the first of one frame alone; it stands for the promise."""
        known = np.isfinite(noises) & (np.asarray(noises) > 0)
        numbers, noises = np.asarray(numbers)[known], np.asarray(noises)[known]
        if not numbers.size:
            self.measured.data = {"number": [], "noise": []}
            return
        most = int(numbers[-1])
        promised = noises[0] * np.array([1.0, max(most, 2) ** -0.5])
        low, high = min(noises.min(), promised[1]) / _MARGIN, noises.max() * _MARGIN
        with pn.io.hold():
            self.say(_KEY, unit=unit)
            self.span((0.87, max(most, 2) * 1.15), (low, high))
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
    rough = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8))
    for parts in (*rough, tuple(np.arange(1, 10, 0.5)), tuple(np.arange(1, 10, 0.1))):
        found = [part * 10.0**decade for decade in decades for part in parts]
        inside = [one for one in found if low <= one <= high]
        if len(inside) >= 3:
            break
    return inside
