"""A map along the line from A to B, with its error and the stars beside it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import panel as pn
from bokeh.models import (
    BasicTicker,
    ColumnDataSource,
    CustomJSTickFormatter,
    DataRange1d,
    Label,
    Line,
    Range1d,
    Scatter,
    VArea,
)
from bokeh.plotting import figure

from ui.canvas import named, paint_plot, thin_axes
from ui.colours import COMPLETE, HALO, PALETTES, PARTIAL, PICKED, REJECTED
from ui.map_facts import NEAR, Profile
from ui.part import column
from ui.plot_titles import MINUS, title_line
from ui.themed import Themed

_PICK_PIXELS = 10
_LOOKS = {"complete": (COMPLETE, "circle"), "partial": (PARTIAL, "square"), "clipped": (REJECTED, "x")}


class ProfilePlot(Themed):
    """A map's curve from A to B.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    on_pick : callable
        Called with the ``id`` of a star clicked on.
    """

    def __init__(self, theme: str, on_pick: Callable[[int], None]) -> None:
        self._theme, self._on_pick = theme, on_pick
        self._label, self._shown = "X offset", None
        self._picked: int | None = None
        self.curve = ColumnDataSource(
            data={name: [] for name in ("distance", "value", "low", "high")}, name="map profile"
        )
        self.stars = {
            name: ColumnDataSource(data={"distance": [], "value": []}, name=f"map profile {name}") for name in _LOOKS
        }
        self.ring = ColumnDataSource(data={"distance": [], "value": []})
        self._x_range = Range1d(0, 1, syncable=False)
        self._ends = [Label(x=0, y=4, y_units="screen", text=name) for name in "AB"]
        self.figure = self._make()
        self._title = pn.pane.HTML(margin=(0, 16), sizing_mode="stretch_width", height=20)
        self.panel = column(
            self._title, pn.pane.Bokeh(self.figure, margin=0, sizing_mode="stretch_width"),
            sizing_mode="stretch_width", styles={"padding-top": "12px"},
        )  # fmt: skip
        self.theme = theme

    def _make(self) -> figure:
        made = figure(
            x_range=self._x_range, y_range=DataRange1d(range_padding=0.12, syncable=False), height=136, tools=[],
            toolbar_location=None, min_border_left=54, min_border_right=24, min_border_top=8, min_border_bottom=24,
            outline_line_color=None, sizing_mode="stretch_width", html_attributes=named("Offset along the line"),
        )  # fmt: skip
        thin_axes(made)
        made.axis.formatter = CustomJSTickFormatter(code=MINUS)
        made.yaxis.ticker = BasicTicker(desired_num_ticks=4)
        made.xaxis.ticker = BasicTicker(desired_num_ticks=4)
        self._band = made.add_glyph(self.curve, VArea(x="distance", y1="low", y2="high"))
        dots = []
        for name, (colour, shape) in _LOOKS.items():
            look = {"marker": shape, "size": 5, "fill_color": colour, "line_color": colour}
            dots.append(made.add_glyph(self.stars[name], Scatter(x="distance", y="value", **look)))
        self._curve = made.add_glyph(self.curve, Line(x="distance", y="value", line_width=1.5))
        for colour, width in ((HALO, 4.0), (PICKED, 1.6)):
            ring = Scatter(x="distance", y="value", size=12, fill_color=None, line_color=colour, line_width=width)
            made.add_glyph(self.ring, ring)
        # A star that the map leaves out may lie far off: it must not flatten the curve.
        made.y_range.renderers = [self._band, self._curve, *dots[:2]]
        for label in self._ends:
            label.update(text_font_size="12px", text_font_style="bold")
            made.add_layout(label)
        made.on_event("tap", lambda event: self._tapped(event.x, event.y))
        return made

    def _paint(self) -> None:
        colours = PALETTES[self._theme]
        paint_plot(self.figure, colours)
        self._band.glyph.update(fill_color=colours.strong, fill_alpha=0.55)
        self._curve.glyph.line_color = colours.text
        for label in self._ends:
            label.text_color = colours.text
        self._write_title()

    def update(self, label: str, shown: Profile) -> None:
        """Draw a map along the line.

        Parameters
        ----------
        label : str
            What the map is called: "X offset".
        shown : Profile
            The map along the line.
        """
        self._label, self._shown = label, shown
        used = ~shown.clipped
        groups = {"complete": used & shown.complete, "partial": used & ~shown.complete, "clipped": shown.clipped}
        with pn.io.hold():
            self._x_range.update(start=0, end=max(shown.length, 1.0))
            self._ends[1].update(x=shown.length, text_align="right")
            self.curve.data = {
                "distance": shown.distance, "value": shown.value,
                "low": shown.value - shown.error, "high": shown.value + shown.error,
            }  # fmt: skip
            for name, chosen in groups.items():
                self.stars[name].data = {"distance": shown.star_distance[chosen], "value": shown.star_value[chosen]}
            self.set_picked(self._picked)
            self._write_title()

    def set_picked(self, star: int | None) -> None:
        """Ring one star where it lies near the line; None takes the ring away."""
        self._picked = star
        here = np.zeros(0, bool) if self._shown is None else self._shown.ids == (-1 if star is None else star)
        places = (np.empty(0),) * 2 if self._shown is None else (self._shown.star_distance, self._shown.star_value)
        self.ring.data = {"distance": places[0][here], "value": places[1][here]}

    def _write_title(self) -> None:
        unit = f"px, with the stars within {NEAR:g}\u2009px"
        self._title.object = title_line(f"{self._label} from A to B", unit, "", PALETTES[self._theme])

    def _tapped(self, x: float, y: float) -> None:
        shown, made = self._shown, self.figure
        if shown is None or not len(shown.ids) or not made.inner_width:
            return
        wide = made.inner_width / max(shown.length, 1.0)
        away = np.abs(shown.star_distance - x) * wide
        # The height of a value on screen is known to the browser alone: the nearest value decides among neighbours.
        near = np.flatnonzero(away <= _PICK_PIXELS)
        if len(near):
            self._on_pick(int(shown.ids[near[np.argmin(np.abs(shown.star_value[near] - y))]]))
