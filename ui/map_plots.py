"""The offset maps and their errors in small."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, Image, LinearColorMapper, PanTool, Range1d, WheelZoomTool
from bokeh.plotting import figure

from ui.canvas import paint_plot
from ui.colours import PALETTES
from ui.part import column
from ui.picture_parts import PictureHead
from ui.pyramid import Pyramid
from ui.stretch import VIEWS, number, palette

_MAPS = ("x_offset", "y_offset", "x_error", "y_error")
_MAP_WIDTH = 420


class MapPlots:
    """Both offset maps and their errors as small linked pictures with colour bars.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    on_choose : callable, optional
        Called with the kind of a map that was clicked on.
    """

    def __init__(self, theme: str = "dark", on_choose: Callable[[str], None] | None = None) -> None:
        self._theme = theme
        x_range, y_range = Range1d(-0.5, 5.5, syncable=False), Range1d(3.5, -0.5, syncable=False)
        labels = {kind: VIEWS[kind].label for kind in _MAPS}
        empty = {"image": [], "x": [], "y": [], "dw": [], "dh": []}
        self.sources = {kind: ColumnDataSource(data=dict(empty), name=f"map {kind}") for kind in _MAPS}
        self.heads = {
            kind: PictureHead(
                options=labels, kind=kind, choice=False, theme=theme, margin=0, height=32, sizing_mode="stretch_width"
            )
            for kind in _MAPS
        }
        self._mappers, self.figures = {}, {}
        for kind in _MAPS:
            self._mappers[kind] = LinearColorMapper(palette=palette(VIEWS[kind].colours), nan_color="#00000000")
            self.figures[kind] = made = figure(
                x_range=x_range, y_range=y_range, height=152, sizing_mode="stretch_width", toolbar_location=None,
                tools=[PanTool(), WheelZoomTool(zoom_on_axis=False)], min_border=8, outline_line_color=None,
            )  # fmt: skip
            made.axis.visible = made.grid.visible = False
            image = Image(image="image", x="x", y="y", dw="dw", dh="dh", color_mapper=self._mappers[kind])
            made.add_glyph(self.sources[kind], image)
            if on_choose is not None:
                made.on_event("tap", lambda event, kind=kind: on_choose(kind))
        self._ranges = (x_range, y_range)
        cells = {
            kind: column(self.heads[kind], pn.pane.Bokeh(self.figures[kind], margin=0, sizing_mode="stretch_width"),
                         sizing_mode="stretch_width")
            for kind in _MAPS
        }  # fmt: skip
        rows = [pn.Row(*(cells[kind] for kind in pair), margin=0) for pair in (_MAPS[:2], _MAPS[2:])]
        for row in rows:
            row.sizing_mode = "stretch_width"
        self.panel = column(*rows, sizing_mode="stretch_width", styles={"padding": "8px"})
        self.theme = theme

    @property
    def theme(self) -> str:
        """Either "dark" or "light"; setting it repaints."""
        return self._theme

    @theme.setter
    def theme(self, theme: str) -> None:
        self._theme = theme
        for kind in _MAPS:
            self.heads[kind].theme = theme
            paint_plot(self.figures[kind], PALETTES[theme])

    def update(self, maps: Mapping[str, np.ndarray]) -> None:
        """Show maps by kind ("x_offset", "y_offset", "x_error", "y_error"), each of the frame's shape, pixels."""
        with pn.io.hold():
            for kind, image in maps.items():
                view, pyramid = VIEWS[kind], Pyramid(image)
                ny, nx = pyramid.shape
                small = next(level for level in reversed(pyramid.levels) if level.shape[1] >= min(_MAP_WIDTH // 2, nx))
                low, high = (0.0 if view.from_zero else pyramid.low), pyramid.high
                self._mappers[kind].update(low=low, high=high if high > low else low + 1e-9)
                place = {"x": [-0.5], "y": [-0.5], "dw": [nx], "dh": [ny]}
                self.sources[kind].data = {"image": [small], **place}
                head = self.heads[kind]
                head.param.update(
                    low=number(low, 10 * (high - low)), high=number(high, 10 * (high - low)),
                    palette="".join(palette(view.colours)).replace("#", ""),
                )  # fmt: skip
                self._ranges[0].update(start=-0.5, end=nx - 0.5)
                self._ranges[1].update(start=ny - 0.5, end=-0.5)
