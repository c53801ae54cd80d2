"""What remains of each frame's shift against frame, with the limits beyond which a frame is flagged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from bokeh.models import (
    BoxAnnotation,
    ColumnDataSource,
    CustomJS,
    CustomJSTickFormatter,
    FixedTicker,
    Scatter,
    Span,
)

from pipeline.alignment import FLAG, Shifts
from ui.canvas import share_views
from ui.colours import COMPLETE, LOST, PARTIAL, REFERENCE, Palette
from ui.plots import frame_ticks
from ui.small_plot import SmallPlot

_HEIGHT = 148
_KEY = (
    f'<span style="color:{COMPLETE}">\u25cf</span> x&ensp;<span style="color:{PARTIAL}">\u25a0</span> y&ensp;'
    f'<span style="color:{LOST}">\u25b2</span> off'
)
_TAP = """
const frame = Math.round(cb_obj.x)
said.data = {frame: [frame], sequence: [(said.data.sequence[0] ?? 0) + 1]}
"""


class ShiftPlot(SmallPlot):
    """Circles for x, squares for y, and triangles for frames that lie off.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    on_frame : callable
        Called with the number of a frame clicked on.
    """

    def __init__(self, theme: str, on_frame: Callable[[int], None]) -> None:
        self._on_frame, self._count = on_frame, 0
        self.source = ColumnDataSource(data={name: [] for name in ("frame", "x", "y", "off")}, name="shift remains")
        self.said = ColumnDataSource(data={"frame": [], "sequence": []})
        self.said.on_change("data", lambda attribute, old, new: self._hear(new))
        self._ticker = FixedTicker(ticks=[0])
        # Beyond these a frame is flagged.
        self._beyond = [
            BoxAnnotation(level="underlay", line_color=None, bottom=FLAG),
            BoxAnnotation(level="underlay", line_color=None, top=-FLAG),
        ]
        self._edges = [Span(dimension="width", location=side * FLAG, line_dash=[4, 4]) for side in (1, -1)]
        self._here, self._reference = Span(dimension="height"), Span(dimension="height", line_dash=[1, 3])
        super().__init__("Remains after the shift", "px", _HEIGHT, theme)
        self.span((-0.3, 1.3), (-1, 1))
        self._dress()
        self.say(_KEY)

    def _dress(self) -> None:
        made = self.figure
        made.xaxis.ticker = self._ticker
        made.xaxis.formatter = CustomJSTickFormatter(code="return String(tick + 1)")
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

    def paint_marks(self, colours: Palette) -> None:
        """Colour lines and areas."""
        for box in self._beyond:
            box.update(fill_color=colours.cut, fill_alpha=0.35)
        for edge in self._edges:
            edge.update(line_color=colours.third, line_width=1)
        self._here.update(line_color=colours.text, line_width=1)
        self._reference.update(line_color=REFERENCE, line_width=1)

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
        self.span((-edge, max(self._count - 1, 1) + edge), (-reach, reach))
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
