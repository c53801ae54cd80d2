"""What remains of each frame's shift against frame, with the limits beyond which a frame is flagged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import panel as pn
from bokeh.models import (
    BasicTicker,
    BoxAnnotation,
    ColumnDataSource,
    CustomJS,
    CustomJSTickFormatter,
    FixedTicker,
    Range1d,
    Scatter,
    Span,
)
from bokeh.plotting import figure

from pipeline.alignment import FLAG, Shifts
from ui.canvas import paint_plot, share_views
from ui.colours import COMPLETE, LOST, PALETTES, PARTIAL, REFERENCE
from ui.part import column
from ui.plot_titles import MINUS, title_line
from ui.plots import frame_ticks

_HEIGHT = 148
_TAP = """
const frame = Math.round(cb_obj.x)
said.data = {frame: [frame], sequence: [(said.data.sequence[0] ?? 0) + 1]}
"""


class ShiftPlot:
    """Circles for x, squares for y, and triangles for frames that lie off.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    on_frame : callable
        Called with the number of a frame clicked on.
    """

    def __init__(self, theme: str, on_frame: Callable[[int], None]) -> None:
        self._theme, self._on_frame = theme, on_frame
        self._count = 0
        self.source = ColumnDataSource(data={name: [] for name in ("frame", "x", "y", "off")}, name="shift remains")
        self.said = ColumnDataSource(data={"frame": [], "sequence": []})
        self.said.on_change("data", lambda attribute, old, new: self._hear(new))
        self._ticker = FixedTicker(ticks=[0])
        self.figure = figure(
            x_range=Range1d(-0.3, 1.3), y_range=Range1d(-1, 1), height=_HEIGHT, toolbar_location=None, tools=[],
            outline_line_color=None, sizing_mode="stretch_width", min_border_left=54, min_border_right=16,
            min_border_top=8, min_border_bottom=24,
        )  # fmt: skip
        self._dress()
        self._title = pn.pane.HTML(margin=(8, 16, 0, 16), sizing_mode="stretch_width", height=20)
        self.panel = column(
            self._title, pn.pane.Bokeh(self.figure, margin=0, sizing_mode="stretch_width"), sizing_mode="stretch_width"
        )
        self._paint()

    def _dress(self) -> None:
        made = self.figure
        made.xgrid.visible = False
        made.yaxis.axis_line_color = None
        made.axis.major_tick_line_color = made.axis.minor_tick_line_color = None
        made.axis.major_label_text_font_size = "12px"
        made.yaxis.ticker = BasicTicker(desired_num_ticks=4)
        made.yaxis.formatter = CustomJSTickFormatter(code=MINUS)
        made.xaxis.ticker = self._ticker
        made.xaxis.formatter = CustomJSTickFormatter(code="return String(tick + 1)")
        # Beyond these a frame is flagged.
        self._beyond = [
            BoxAnnotation(level="underlay", line_color=None, bottom=FLAG),
            BoxAnnotation(level="underlay", line_color=None, top=-FLAG),
        ]
        self._edges = [Span(dimension="width", location=side * FLAG, line_dash=[4, 4]) for side in (1, -1)]
        self._here, self._reference = Span(dimension="height"), Span(dimension="height", line_dash=[1, 3])
        for one in (*self._beyond, *self._edges, self._reference, self._here):
            made.add_layout(one)
        looks = {
            "x": {"marker": "circle", "size": 7, "color": COMPLETE},
            "y": {"marker": "square", "size": 6, "color": PARTIAL},
            "off": {"marker": "triangle", "size": 11, "color": LOST},
        }
        for name, look in looks.items():
            made.add_glyph(self.source, Scatter(x="frame", y=name, fill_alpha=0.55, line_width=1.2, **_coloured(look)))
        share_views([made])
        made.js_on_event("tap", CustomJS(args={"said": self.said}, code=_TAP))

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
        for box in self._beyond:
            box.update(fill_color=colours.cut, fill_alpha=0.35)
        for edge in self._edges:
            edge.update(line_color=colours.third, line_width=1)
        self._here.update(line_color=colours.text, line_width=1)
        self._reference.update(line_color=REFERENCE, line_width=1)
        key = (
            f'<span style="color:{COMPLETE}">\u25cf</span> x&ensp;<span style="color:{PARTIAL}">\u25a0</span> y&ensp;'
            f'<span style="color:{LOST}">\u25b2</span> off'
        )
        self._title.object = title_line("Remains after the shift", "px", key, colours)

    def show(self, shifts: Shifts, frame: int) -> None:
        """Show what remains of each frame, and which frame is shown."""
        left = np.stack([shifts.x_left, shifts.y_left]).astype(float)
        left[:, ~shifts.used] = np.nan
        farthest = np.where(np.abs(left[0]) >= np.abs(left[1]), *left)
        flagged = shifts.flagged
        self._count = len(shifts.used)
        shown = np.where(flagged, np.nan, left)
        self.source.data = {
            "frame": np.arange(self._count),
            "x": shown[0],
            "y": shown[1],
            "off": np.where(flagged, farthest, np.nan),
        }
        known = np.abs(left[np.isfinite(left)])
        reach = 1.15 * max(FLAG, float(known.max()) if known.size else 0.0)
        edge = 0.03 * max(self._count - 1, 1)
        self._ticker.ticks = frame_ticks(self._count)
        self.figure.x_range.update(start=-edge, end=max(self._count - 1, 1) + edge)
        self.figure.y_range.update(start=-reach, end=reach)
        self._here.location, self._reference.location = frame, shifts.reference

    def _hear(self, data: dict[str, list[int]]) -> None:
        frame = int(data["frame"][0])
        if 0 <= frame < self._count:
            self._on_frame(frame)


def _coloured(look: dict[str, object]) -> dict[str, object]:
    """One colour for edge and fill."""
    colour = look["color"]
    return {
        **{name: value for name, value in look.items() if name != "color"},
        "line_color": colour,
        "fill_color": colour,
    }
