"""The light curve of one star against quiet ones, and how much each star scatters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from bokeh.models import ColumnDataSource, CustomJS, FixedTicker, Line, Scatter, Segment, Span

from pipeline.photometry import LightCurves
from ui.colours import COMPLETE, HALO, PALETTES, PICKED, REFERENCE
from ui.part import column
from ui.small_plot import SmallPlot
from ui.themed import Themed

_PICK = 12
_SNAP = """
const xs = chosen.data.x
const away = (k) => Math.abs(xs[k] - cb_obj.location)
let nearest = 0
for (let k = 1; k < xs.length; k++) if (away(k) < away(nearest)) nearest = k
if (xs.length && cb_obj.location != xs[nearest]) cb_obj.location = xs[nearest]
if (chosen.data.row[0] != nearest) chosen.data = {...chosen.data, row: xs.map(() => nearest)}
"""


class LightPlots(Themed):
    """A light curve and the scatter of all stars.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    on_frame, on_star : callable
        Called with the frame that the line is dragged to, and with the star that is clicked on.
    """

    def __init__(self, theme: str, on_frame: Callable[[int], None], on_star: Callable[[int], None]) -> None:
        self._theme, self._on_frame, self._on_star = theme, on_frame, on_star
        self._curves: LightCurves | None = None
        self._chosen: np.ndarray | None = None
        self._stars = np.empty(0, int)
        self.curve = ColumnDataSource(data={name: [] for name in ("x", "mag", "low", "high")}, name="light curve")
        self.chosen = ColumnDataSource(data={"x": [], "row": []}, name="light frame")
        names = ("mag", "scatter", "colour", "marker", "size")
        self.scatter = ColumnDataSource(data={name: [] for name in names}, name="light scatter")
        self.expected = ColumnDataSource(data={"mag": [], "expected": []}, name="light expected")
        self.ring = ColumnDataSource(data={"mag": [], "scatter": []}, name="light picked")
        self._above = SmallPlot("Light curve", "mag", 184, theme)
        self._below = SmallPlot("Scatter", "mmag against mag", 200, theme, log_y=True)
        self._make_curve()
        self._make_scatter()
        self.panel = column(self._above.panel, self._below.panel, sizing_mode="stretch_width")
        self.theme = theme

    def _make_curve(self) -> None:
        made = self._above.figure
        self._line = Span(dimension="height", location=0, editable=True, syncable=False)
        made.add_layout(self._line)
        self._line.js_on_change("location", CustomJS(args={"chosen": self.chosen}, code=_SNAP))
        self.chosen.on_change("data", lambda attribute, old, new: self._dragged())
        self._bars = made.add_glyph(self.curve, Segment(x0="x", x1="x", y0="low", y1="high", line_width=1.2))
        made.add_glyph(self.curve, Scatter(x="x", y="mag", size=7, fill_color=PICKED, line_color=HALO))

    def _make_scatter(self) -> None:
        made = self._below.figure
        self._noise = made.add_glyph(self.expected, Line(x="mag", y="expected", line_width=1.5))
        look = {"x": "mag", "y": "scatter", "marker": "marker", "size": "size", "fill_color": "colour"}
        made.add_glyph(self.scatter, Scatter(line_color=HALO, line_width=0.6, **look))
        for colour, width in ((HALO, 4.0), (PICKED, 1.6)):
            ring = Scatter(x="mag", y="scatter", size=14, fill_color=None, line_color=colour, line_width=width)
            made.add_glyph(self.ring, ring)
        made.on_event("tap", lambda event: self._tapped(event.x, event.y))

    def _paint(self) -> None:
        colours = PALETTES[self._theme]
        for plot in (self._above, self._below):
            plot.theme = self._theme
        self._line.update(line_color=colours.text, line_width=1)
        self._bars.glyph.line_color = colours.second
        self._noise.glyph.line_color = colours.text

    def show(self, curves: LightCurves, star: int | None, frame: int, chosen: np.ndarray | None = None) -> None:
        """Draw a star of some light curves, and where the frame shown lies in it; below it all, or those chosen."""
        self._curves, self._chosen = curves, chosen
        self._draw_scatter(star)
        if star is None or star >= curves.mag.shape[1]:
            self.curve.data = {name: [] for name in self.curve.data}
            self._show_axes(False)
            self._above.say("Click on a star to see its own.", "Light curve", "mag")
            return
        x, below = hours(curves)
        mag, error = curves.mag[:, star], curves.mag_error[:, star]
        known = np.isfinite(mag)
        self.curve.data = {"x": x[known], "mag": mag[known], "low": (mag - error)[known], "high": (mag + error)[known]}
        self._place_line(x, frame)
        self._above.say(_scatter_of(curves, star), f"Star {star}", f"mag against {below}")
        ends = np.concatenate([(mag - error)[known], (mag + error)[known]])
        self._show_axes(bool(ends.size))
        if ends.size:
            room = max(0.12 * float(np.ptp(ends)), 0.002)
            edge = 0.03 * float(np.ptp(x)) or 0.5
            span = (float(x.min()) - edge, float(x.max()) + edge)
            # The brighter, the higher: magnitudes run down.
            self._above.span(span, (float(ends.max()) + room, float(ends.min()) - room))

    def _show_axes(self, visible: bool) -> None:
        """Numbers and lines of the light curve's plot, where there is something between them."""
        for part in (*self._above.figure.axis, *self._above.figure.ygrid):
            part.visible = visible
        self._line.visible &= visible

    def _place_line(self, x: np.ndarray, frame: int) -> None:
        here = np.flatnonzero(self._curves.frame == frame)
        row = int(here[0]) if here.size else -1
        self.chosen.data = {"x": x.tolist(), "row": [row] * len(x)}
        self._line.visible = row >= 0
        if row >= 0:
            self._line.location = float(x[row])

    def _draw_scatter(self, star: int | None) -> None:
        curves = self._curves
        good = np.isfinite(curves.scatter) & (curves.scatter > 0) & np.isfinite(curves.level)
        good &= True if self._chosen is None else self._chosen
        self._stars = np.flatnonzero(good)
        compared = np.isin(self._stars, curves.comparison)
        mag, scatter = curves.level[good], 1000 * curves.scatter[good]
        self.scatter.data = {
            "mag": mag,
            "scatter": scatter,
            "colour": np.where(compared, REFERENCE, COMPLETE),
            "marker": np.where(compared, "diamond", "circle"),
            "size": np.where(compared, 10, 6),
        }
        self.expected.data = noise_line(curves)
        here = self._stars == (-1 if star is None else star)
        self.ring.data = {"mag": mag[here], "scatter": scatter[here]}
        self._below.say(f"◆ {len(curves.comparison)} stars, line: photons and sky")
        values = np.concatenate([scatter, np.asarray(self.expected.data["expected"])])
        self._below.panel.visible = bool(mag.size)
        if mag.size:
            edge = 0.05 * float(np.ptp(mag)) or 0.5
            low, high = float(values[values > 0].min()), float(values.max())
            self._below.span((float(mag.min()) - edge, float(mag.max()) + edge), (low / 1.5, high * 1.5))
            self._below.figure.yaxis.ticker = FixedTicker(ticks=round_numbers(low / 1.5, high * 1.5))

    def _dragged(self) -> None:
        rows = self.chosen.data["row"]
        if self._curves is not None and len(rows) and 0 <= rows[0] < len(self._curves.frame):
            self._on_frame(int(self._curves.frame[rows[0]]))

    def _tapped(self, x: float, y: float) -> None:
        """Pick the star nearest to a place of the scatter plot."""
        data, made = self.scatter.data, self._below.figure
        if not len(self._stars) or not y > 0:
            return
        across = (np.asarray(data["mag"]) - x) / abs(made.x_range.end - made.x_range.start) * 340
        down = np.log(np.asarray(data["scatter"]) / y) / np.log(made.y_range.end / made.y_range.start) * 160
        nearest = int(np.argmin(np.hypot(across, down)))
        if np.hypot(across, down)[nearest] <= _PICK:
            self._on_star(int(self._stars[nearest]))


def round_numbers(low: float, high: float) -> list[float]:
    """Numbers for an axis of equal ratios, few enough to be read: powers of ten, and between few of them others."""
    between = (1, 2, 5) if high < 40 * low else (1, 3) if high < 400 * low else (1,)
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    return [part * 10.0**power for power in powers for part in between if low <= part * 10.0**power <= high]


def _scatter_of(curves: LightCurves, star: int) -> str:
    """How much a star scatters, in words."""
    if not np.isfinite(curves.mag[:, star]).any():
        return "not measured"
    if not np.isfinite(curves.scatter[star]):
        return "fewer than three frames"
    words = f"scatter {1000 * curves.scatter[star]:.2g}"
    if np.isfinite(curves.expected[star]):
        words += f", expected {1000 * curves.expected[star]:.2g}"
    return f"{words}\u2009mmag"


def hours(curves: LightCurves) -> tuple[np.ndarray, str]:
    """Where each frame lies along a light curve, and in what: hours since the first, or its number."""
    if np.isfinite(curves.time).all() and np.ptp(curves.time) > 0:
        return 24 * (curves.time - curves.time.min()), "hours"
    return curves.frame + 1.0, "frame"


def noise_line(curves: LightCurves) -> dict[str, np.ndarray]:
    """What photons, sky and comparison stars let expect, mmag by magnitude: the medians of neighbours in brightness."""
    good = np.flatnonzero(np.isfinite(curves.expected) & (curves.expected > 0) & np.isfinite(curves.level))
    order = good[np.argsort(curves.level[good])]
    groups = np.array_split(order, max(1, min(24, order.size // 4))) if order.size else []
    return {
        "mag": np.array([np.median(curves.level[one]) for one in groups]),
        "expected": np.array([1000 * np.median(curves.expected[one]) for one in groups]),
    }
