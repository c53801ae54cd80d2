"""Shapes of the stars: a gallery with peaks and centres, widths against flux and over the field."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from bokeh.models import ColorBar, ColumnDataSource, LinearColorMapper, Scatter, Span

from pipeline.photometry import Centroids, Photometry
from pipeline.tables import Tracks
from ui.colours import GAINED, HALO, PALETTES, PARTIAL
from ui.gallery import StarGallery
from ui.part import column
from ui.region import Region
from ui.small_plot import SmallPlot
from ui.stretch import palette
from ui.themed import Themed

_HIGHEST = 320
_PICK = 12


class ShapePlots(Themed):
    """What the stars look like.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    on_star : callable
        Called with the ``id`` of a star clicked on.
    """

    def __init__(self, theme: str, on_star: Callable[[int], None]) -> None:
        self._theme, self._on_star = theme, on_star
        self.gallery = StarGallery(on_star, theme=theme, visible=False)
        self.widths = ColumnDataSource(data={name: [] for name in ("flux", "x", "y")}, name="flux widths")
        self.field = ColumnDataSource(data={name: [] for name in ("x", "y", "width", "id")}, name="flux field")
        self._flux = SmallPlot("Width", "sigma, px, against flux, ADU", 184, theme, log_x=True)
        self._field = SmallPlot("Width over the field", "sigma, px", _HIGHEST, theme)
        self._make_flux()
        self._make_field()
        self.panel = column(self.gallery, self._flux.panel, self._field.panel, sizing_mode="stretch_width")
        self.theme = theme

    def _make_flux(self) -> None:
        made = self._flux.figure
        for name, colour, marker in (("x", PARTIAL, "circle"), ("y", GAINED, "triangle")):
            look = {"size": 6, "fill_color": colour, "line_color": HALO, "line_width": 0.6, "marker": marker}
            made.add_glyph(self.widths, Scatter(x="flux", y=name, **look))
        self._level = Span(dimension="width", line_width=1.5, line_dash=[5, 3])
        made.add_layout(self._level)

    def _make_field(self) -> None:
        made = self._field.figure
        self._mapper = LinearColorMapper(palette=list(palette("viridis")), low=1, high=2)
        look = {"size": 9, "line_color": HALO, "line_width": 0.6}
        made.add_glyph(
            self.field, Scatter(x="x", y="y", fill_color={"field": "width", "transform": self._mapper}, **look)
        )
        self._bar = ColorBar(
            color_mapper=self._mapper, width=10, padding=4, label_standoff=6, background_fill_color=None,
            major_label_text_font_size="12px", border_line_color=None, major_tick_line_color=None,
        )  # fmt: skip
        made.add_layout(self._bar, "right")
        made.on_event("tap", lambda event: self._tapped(event.x, event.y))

    def _paint(self) -> None:
        colours = PALETTES[self._theme]
        self._flux.theme = self._field.theme = self.gallery.theme = self._theme
        self._level.line_color = colours.second
        self._bar.major_label_text_color = colours.second

    def show(
        self, centroids: Centroids, photometry: Photometry, tracks: Tracks | None, frame: int,
        image: np.ndarray | None, noise: float, chosen: np.ndarray | None = None, region: Region | None = None,
    ) -> None:  # fmt: skip
        """Draw a frame's stars, or those chosen of all ids as they lie in a region; without an image no gallery."""
        self.gallery.visible = image is not None
        if image is not None:
            self.gallery.show(centroids, tracks, frame, image, noise, region)
        flux, x, y = (photometry[name] for name in ("psf_flux", "width_x", "width_y"))
        known = (flux > 0) & np.isfinite(x + y)
        if chosen is not None:
            known &= chosen[photometry["id"]]
        self.widths.data = {"flux": flux[known], "x": x[known], "y": y[known]}
        mean = np.sqrt((x[known] ** 2 + y[known] ** 2) / 2)
        places = [photometry[f"centroid_{axis}"][known] for axis in "xy"]
        self.field.data = {"x": places[0], "y": places[1], "width": mean, "id": photometry["id"][known]}
        used = float(np.hypot(photometry.width_x, photometry.width_y) / np.sqrt(2))
        self._level.update(location=used, visible=not photometry.beta)
        legend = f'<span style="color:{PARTIAL}">●</span> x <span style="color:{GAINED}">▲</span> y'
        self._flux.say(legend if photometry.beta else f"{legend}&ensp;dashed: the frame's {used:.2f}")
        if not known.any():
            return
        values = np.concatenate([x[known], y[known]])
        low, high = np.percentile(values, (1, 99))
        room = max(0.15 * (high - low), 0.05)
        self._flux.span(
            (float(flux[known].min()) / 1.3, float(flux[known].max()) * 1.3),
            (max(0.0, float(min(low, used)) - room), float(max(high, used)) + room),
        )
        self._draw_field(mean, (0, 0) if image is None else image.shape, places)

    def _draw_field(self, mean: np.ndarray, shape: tuple[int, ...], places: list[np.ndarray]) -> None:
        low, high = (float(one) for one in np.percentile(mean, (5, 95)))
        self._mapper.update(low=low, high=max(high, low + 1e-3))
        ny, nx = shape if shape[0] else (float(places[1].max()) + 1, float(places[0].max()) + 1)
        self._field.figure.height = int(np.clip(290 * ny / nx + 32, 120, _HIGHEST))
        self._field.span((-0.5, nx - 0.5), (ny - 0.5, -0.5))
        self._field.say(f"{len(mean)} stars, median {np.median(mean):.2f}")

    def _tapped(self, x: float, y: float) -> None:
        data, span = self.field.data, self._field.figure.x_range
        if len(data["x"]):
            away = np.hypot(np.asarray(data["x"]) - x, np.asarray(data["y"]) - y)
            nearest = int(np.argmin(away))
            if away[nearest] / abs(span.end - span.start) * 290 <= _PICK:
                self._on_star(int(data["id"][nearest]))
