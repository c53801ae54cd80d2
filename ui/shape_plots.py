"""Shapes of the stars: a gallery with peaks and centres, widths against flux and over the field."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import panel as pn
from bokeh.models import ColorBar, ColumnDataSource, LinearColorMapper, Scatter, Span

from pipeline.photometry import Centroids, Photometry
from pipeline.tables import Tracks
from ui.colours import GAINED, HALO, PALETTES, PARTIAL, PICKED, Palette
from ui.flux_facts import WORDS, cutout, gallery_rows, kinds_of, star_of
from ui.flux_signs import sign
from ui.part import column
from ui.small_plot import SmallPlot
from ui.star_card import png
from ui.stretch import LIMITS, palette, shares

_CELL, _HALF = 72, 12
_HIGHEST = 320
_PICK = 12


class ShapePlots:
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
        self._gallery: tuple[Centroids, Tracks | None, int, np.ndarray, float] | None = None
        self._pane = pn.pane.HTML("", margin=0, sizing_mode="stretch_width")
        self.widths = ColumnDataSource(data={name: [] for name in ("flux", "x", "y")}, name="flux widths")
        self.field = ColumnDataSource(data={name: [] for name in ("x", "y", "width", "id")}, name="flux field")
        self._flux = SmallPlot("Width", "sigma, px, against flux, ADU", 184, theme, log_x=True)
        self._field = SmallPlot("Width over the field", "sigma, px", _HIGHEST, theme)
        self._make_flux()
        self._make_field()
        self.panel = column(self._pane, self._flux.panel, self._field.panel, sizing_mode="stretch_width")
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

    @property
    def theme(self) -> str:
        """Either "dark" or "light"; setting it repaints."""
        return self._theme

    @theme.setter
    def theme(self, theme: str) -> None:
        self._theme = theme
        colours = PALETTES[theme]
        self._flux.paint(theme)
        self._field.paint(theme)
        self._level.line_color = colours.second
        self._bar.major_label_text_color = colours.second
        self._write()

    def show(
        self, centroids: Centroids, photometry: Photometry, tracks: Tracks | None, frame: int,
        image: np.ndarray | None, noise: float,
    ) -> None:  # fmt: skip
        """Draw a frame's stars; without its image the gallery stays empty."""
        self._gallery = None if image is None else (centroids, tracks, frame, image, noise)
        self._write()
        flux, x, y = (photometry[name] for name in ("psf_flux", "width_x", "width_y"))
        known = (flux > 0) & np.isfinite(x + y)
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

    def _write(self) -> None:
        self._pane.object = "" if self._gallery is None else _gallery(*self._gallery, PALETTES[self._theme])


def _gallery(
    centroids: Centroids, tracks: Tracks | None, frame: int, image: np.ndarray, noise: float, colours: Palette
) -> str:
    """Stars of all brightnesses, the brightest first, each with its peak and its centre."""
    kinds = kinds_of(centroids.reason, centroids.flag)
    cells = []
    for row in gallery_rows(centroids):
        star = star_of(tracks, frame, int(centroids["row"][row]))
        name = "" if star is None else str(star)
        cells.append(_cell(centroids, row, name, str(kinds[row]), image, noise))
    title = f"{len(cells)} of {len(centroids)} stars, from the brightest to the faintest"
    plus = f'<span style="color:{PICKED};text-shadow:0 0 1px {HALO}">+</span>'
    legend = f'<span style="color:{PARTIAL}">□</span> peak pixel&ensp;{plus} centre'
    return (
        f'<div style="padding:12px 16px 0;color:{colours.text};font:12px/16px Roboto,sans-serif">'
        f'<div style="display:flex;justify-content:space-between;color:{colours.second};margin-bottom:8px">'
        f"<span>{title}</span><span>{legend}</span></div>"
        f'<div style="display:grid;grid-template-columns:repeat(5,{_CELL}px);gap:6px 7px">{"".join(cells)}</div></div>'
    )


def _cell(centroids: Centroids, row: int, name: str, kind: str, image: np.ndarray, noise: float) -> str:
    peak = [float(centroids[f"peak_{axis}"][row]) for axis in "xy"]
    centre = [float(centroids[f"centroid_{axis}"][row]) for axis in "xy"]
    piece = cutout(image, *peak, _HALF)
    top = max(LIMITS[1] * noise, float(np.nanmax(piece)) if np.isfinite(piece).any() else 0.0)
    picture = png(shares(piece, "asinh", LIMITS[0] * noise, top))
    pixel = _CELL / (2 * _HALF + 1)
    corner = pixel * _HALF
    x, y = (corner + pixel * (0.5 + one - other) for one, other in zip(centre, peak, strict=True))
    cross = f'<path d="M{x - 5:.1f} {y:.1f}h10M{x:.1f} {y - 5:.1f}v10" ' if np.isfinite(x + y) else ""
    marks = "".join(f'{cross}stroke="{ink}" stroke-width="{width}"/>' for ink, width in ((HALO, 3), (PICKED, 1.2)))
    place = f'x="{corner:.1f}" y="{corner:.1f}" width="{pixel:.1f}" height="{pixel:.1f}"'
    box = f'<rect {place} fill="none" stroke="{PARTIAL}"/>'
    return (
        f'<div><div style="position:relative;width:{_CELL}px;height:{_CELL}px"><img alt="star {name}, {kind}" '
        f'src="{picture}" style="width:100%;height:100%;image-rendering:pixelated;border-radius:2px;display:block">'
        f'<svg width="{_CELL}" height="{_CELL}" aria-hidden="true" style="position:absolute;left:0;top:0">{box}'
        f"{marks if cross else ''}</svg></div>"
        f'<div title="{WORDS[kind]}" style="display:flex;gap:4px;align-items:center">{sign(kind)}<span>{name}</span>'
        "</div></div>"
    )
