"""A measure of every frame against frame, with the limits that leave frames out as lines that are dragged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import holoviews as hv
import numpy as np
import panel as pn
from bokeh.models import (
    BasicTicker,
    BoxAnnotation,
    ColumnDataSource,
    CustomJS,
    CustomJSTickFormatter,
    FixedTicker,
    Span,
)
from holoviews.plotting import bokeh as _renderer  # noqa: F401  (registers the renderer)

from ui.canvas import paint_plot, thin_axes
from ui.colours import COMPLETE, LOST, PALETTES, REFERENCE
from ui.part import column, text
from ui.plot_titles import MINUS
from ui.plots import frame_ticks
from ui.themed import Themed

_HEIGHT = 168
# From an end of the axis to a line that limits nothing or to a frame without a value, as a share of the axis.
_EDGE = 0.05
_SCRIPT = text("metric_plot.js")
_HOVER = '<div style="max-width:200px;white-space:normal;font:12px/16px Roboto,sans-serif">@why</div>'


@dataclass(frozen=True)
class Measured:
    """What the plot shows.

    Parameters
    ----------
    values : ndarray of float, shape (frames,)
        The measure; NaN where a frame has none.
    why : tuple of str
        Why a frame is left out, for whatever reason; "" where it is used.
    low, high : float or None
        The limits that are set.
    frame, reference : int
        Numbers of the frame shown and of the reference.
    """

    values: np.ndarray
    why: tuple[str, ...]
    low: float | None = None
    high: float | None = None
    frame: int = 0
    reference: int = 0

    @property
    def span(self) -> tuple[float, float]:
        """Ends of the axis: all values and limits, with a margin."""
        limits = [limit for limit in (self.low, self.high) if limit is not None]
        known = np.concatenate([self.values[np.isfinite(self.values)], limits])
        if not known.size:
            return 0.0, 1.0
        low, high = float(known.min()), float(known.max())
        margin = 0.12 * (high - low) or 0.1 * abs(high) or 0.5
        return low - margin * (1 if np.isfinite(self.values).all() else 2), high + margin

    @property
    def nowhere(self) -> float:
        """Where frames without a value are drawn: near the lower end, below the line there."""
        bottom, top = self.span
        return bottom + _EDGE * (top - bottom)

    @property
    def lines(self) -> tuple[float, float]:
        """Where the lines lie: at the limits, else near the ends of the axis."""
        bottom, top = self.span
        inward = _EDGE * (top - bottom)
        above = inward if np.isfinite(self.values).all() else 2.5 * inward
        low = bottom + above if self.low is None else self.low
        return low, top - inward if self.high is None else self.high


class MetricPlot(Themed):
    """One measure against frame: frames used as points, frames left out as crosses that say why.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    on_limit : callable
        Called with "low" or "high", the new limit (None: no limit) and whether the hand is still on the line.
    on_frame : callable
        Called with the number of a frame clicked on.
    """

    def __init__(
        self,
        theme: str,
        on_limit: Callable[[str, float | None, bool], None],
        on_frame: Callable[[int], None],
    ) -> None:
        self._theme, self._on_limit, self._on_frame = theme, on_limit, on_frame
        self._shown = Measured(np.empty(0), ())
        self._held = False
        self._figure: Any = None
        self.said = ColumnDataSource(
            data={"edge": [""], "value": [0.0], "live": [False], "count": [0]}, name="metric said"
        )
        self.set = ColumnDataSource(data={}, name="metric set")
        self.lines = [Span(dimension="width", location=0, editable=True, syncable=False, name=f"metric {edge}")
                      for edge in ("low", "high")]  # fmt: skip
        self._boxes = [BoxAnnotation(level="underlay", line_color=None, syncable=False) for _ in range(2)]
        self._here, self._reference = Span(dimension="height"), Span(dimension="height", line_dash=[1, 3])
        self._ticker = FixedTicker(ticks=[0])
        self.said.on_change("data", lambda attribute, old, new: self._hear(new))
        self._pipe = hv.streams.Pipe(data=self._shown)
        self.panel = column(self._pane(), sizing_mode="stretch_width")

    def _pane(self) -> pn.pane.HoloViews:
        """Kept elements whose data come through one pipe."""
        hv.Store.set_current_backend("bokeh")
        look = {"size": 7, "apply_ranges": False, "default_tools": [], "tools": ["hover"], "hover_tooltips": _HOVER}
        kinds = {
            "used": hv.opts.Scatter(marker="circle", color=COMPLETE, line_color=COMPLETE, fill_alpha=0.5, **look),
            "left out": hv.opts.Scatter(marker="x", color=LOST, line_width=1.6, **look),
        }
        points = [
            hv.DynamicMap(lambda data, kind=kind: _scatter(data, kind), streams=[self._pipe]).opts(style)
            for kind, style in kinds.items()
        ]
        frame = {"height": _HEIGHT, "responsive": True, "toolbar": None, "default_tools": [], "show_legend": False}
        whole = (points[0] * points[1]).opts(hv.opts.Overlay(hooks=[self._dress], xlabel="", ylabel="", **frame))
        return pn.pane.HoloViews(whole, linked_axes=False, sizing_mode="stretch_width", height=_HEIGHT, margin=0)

    def show(self, measured: Measured, held: bool = False) -> None:
        """Show a measure; while a line is ``held``, the lines and the axis stay where they are."""
        self._shown, self._held = measured, held
        self._pipe.send(measured)

    def _hear(self, data: dict[str, list[Any]]) -> None:
        what, value, live = data["edge"][0], float(data["value"][0]), bool(data["live"][0])
        if what == "frame":
            self._on_frame(int(value))
        else:
            self._on_limit(what, None if np.isnan(value) else value, live)

    # The figure that HoloViews makes, dressed once and kept

    def _dress(self, plot: Any, element: Any) -> None:
        figure = plot.state
        if figure is not self._figure:
            self._figure = figure
            self._furnish(figure)
            self._paint()
        self._place(figure)

    def _furnish(self, figure: Any) -> None:
        figure.outline_line_color = None
        thin_axes(figure)
        figure.axis.axis_label = None
        figure.yaxis.ticker = BasicTicker(desired_num_ticks=4)
        figure.yaxis.formatter = CustomJSTickFormatter(code=MINUS)
        figure.xaxis.ticker = self._ticker
        figure.xaxis.formatter = CustomJSTickFormatter(code="return String(tick + 1)")
        for one in (*self._boxes, self._reference, self._here, *self.lines):
            figure.add_layout(one)
        links = {"figure": figure, "lines": self.lines, "boxes": self._boxes, "set": self.set, "said": self.said}
        script = {
            event: CustomJS(args={**links, "event": event}, code=_SCRIPT) for event in ("move", "tap", "doubletap")
        }
        for line in self.lines:
            line.js_on_change("location", script["move"])
        for event in ("tap", "doubletap"):
            figure.js_on_event(event, script[event])

    def _place(self, figure: Any) -> None:
        """Put axes and lines where the data want them."""
        shown = self._shown
        count = len(shown.values)
        # HoloViews writes its own borders anew with all data.
        figure.update(min_border_left=54, min_border_right=16, min_border_top=8, min_border_bottom=24)
        edge = 0.03 * max(count - 1, 1)
        figure.x_range.update(start=-edge, end=max(count - 1, 1) + edge)
        self._ticker.ticks = frame_ticks(count)
        self._here.location, self._reference.location = shown.frame, shown.reference
        if self._held:
            return
        figure.y_range.update(start=shown.span[0], end=shown.span[1])
        low, high = shown.lines
        given = [shown.low is not None, shown.high is not None]
        self.set.data = {"low": [low], "high": [high], "given": [given], "values": [list(map(float, shown.values))]}
        for line, box, at, edge_name, one in zip(
            self.lines, self._boxes, (low, high), ("top", "bottom"), given, strict=True
        ):
            line.update(location=at, line_dash=[] if one else [4, 4])
            box.update(**{edge_name: at})
        self._paint()

    def _paint(self) -> None:
        if self._figure is None:
            return
        colours = PALETTES[self._theme]
        paint_plot(self._figure, colours)
        for line, given in zip(self.lines, self.set.data.get("given", [(False, False)])[0], strict=True):
            line.update(line_color=colours.accent if given else colours.third, line_width=1.5 if given else 1)
        for box in self._boxes:
            box.update(fill_color=colours.cut, fill_alpha=0.35)
        self._here.update(line_color=colours.text, line_width=1)
        self._reference.update(line_color=REFERENCE, line_width=1)


def _scatter(measured: Measured, kind: str) -> hv.Scatter:
    """The frames used, or those left out; one without a value lies near the lower edge."""
    out = np.array([bool(why) for why in measured.why], bool)
    chosen = np.flatnonzero(out if kind == "left out" else ~out)
    values = np.asarray(measured.values, float)
    values = np.where(np.isfinite(values), values, measured.nowhere)
    words = np.array([why or f"frame {i + 1}" for i, why in enumerate(measured.why)], object)
    return hv.Scatter({"frame": chosen, "value": values[chosen], "why": words[chosen]}, "frame", ["value", "why"])
