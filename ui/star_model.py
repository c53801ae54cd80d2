"""The picked star beside its model: data, model and residual, the growth curve, and its numbers."""

from __future__ import annotations

import html
from collections.abc import Callable

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, Line, Scatter, Span
from bokeh.palettes import interp_palette

from pipeline.photometry import FLAGS, Flag, Photometry
from ui.colours import HALO, PALETTES, PICKED, Palette
from ui.flux_facts import Modelled, chequered
from ui.known_magnitude import KnownMagnitude
from ui.part import column
from ui.small_plot import SmallPlot
from ui.star_card import png
from ui.stretch import palette, shares
from ui.themed import Themed

_SIDE = 120
_LOWEST = -2.0
#: A star is where its model is above this part of its height: three sigma of a Gaussian.
_CORE = 0.011
#: Colours of a residual reach at least so many times the sky's noise, or noise itself would glare.
_QUIET = 5.0
#: On the dark page zero is as dark as the sky beside it.
_DARK = ("#92C5DE", "#4393C3", "#2166AC", "#0E1013", "#B2182B", "#D6604D", "#F4A582")
_UNKNOWN = (133, 142, 153)


class StarModel(Themed):
    """One star's photometry, drawn.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    on_know : callable
        Called with the star and its magnitude as the visitor knows it, or None where it shall be forgotten.
    """

    def __init__(self, theme: str, on_know: Callable[[int, float | None], None]) -> None:
        self._theme = theme
        self._shown: tuple[Modelled, Photometry, int] | None = None
        self._words = ""
        self._pictures = pn.pane.HTML("", margin=0, sizing_mode="stretch_width")
        self._numbers = pn.pane.HTML("", margin=0, sizing_mode="stretch_width")
        self.growth = ColumnDataSource(data={"radius": [], "sum": []}, name="flux growth")
        self.apertures = ColumnDataSource(data={"radius": [], "sum": []}, name="flux apertures")
        self._plot = SmallPlot("Light within a radius", "ADU against px", 176, theme)
        self._level = Span(dimension="width", line_width=1.5, line_dash=[5, 3])
        self._plot.figure.add_layout(self._level)
        self._halo = self._plot.figure.add_glyph(
            self.growth, Line(x="radius", y="sum", line_color=HALO, line_width=3.5)
        )
        self._plot.figure.add_glyph(self.growth, Line(x="radius", y="sum", line_color=PICKED, line_width=1.6))
        dots = {"x": "radius", "y": "sum", "size": 8, "fill_color": PICKED, "line_color": HALO}
        self._plot.figure.add_glyph(self.apertures, Scatter(**dots))
        self._known = KnownMagnitude(theme, on_know)
        parts = (self._pictures, self._numbers, self._known.panel, self._plot.panel)
        self.panel = column(*parts, sizing_mode="stretch_width")
        self.theme = theme

    def _paint(self) -> None:
        self._plot.theme = self._theme
        self._level.line_color = PALETTES[self._theme].second
        self._halo.visible = self._theme == "light"
        self._known.theme = self._theme
        self._write()

    def show(self, star: int, made: Modelled, photometry: Photometry, filter_name: str) -> None:
        """Draw a star of a frame of some filter."""
        self._shown = made, photometry, star
        self._known.show(star, filter_name, dict(photometry.known).get(star))
        self._known.panel.visible = True
        self.growth.data = {"radius": np.append(0.0, made.radius), "sum": np.append(0.0, made.growth)}
        known = [radius for radius in photometry.apertures if radius <= made.radius[-1]]
        sums = [float(photometry[f"aperture_flux_{radius:g}"][star]) for radius in known]
        self.apertures.data = {"radius": known, "sum": sums}
        self._level.location = made.flux
        values = np.concatenate([made.growth[np.isfinite(made.growth)], [made.flux, 0.0]])
        room = 0.08 * float(np.ptp(values)) or 1.0
        self._plot.span((0, float(made.radius[-1])), (float(values.min()), float(values.max()) + room))
        self._plot.say("dashed: by the profile")
        self._plot.panel.visible = True
        self._write()

    def clear(self, words: str) -> None:
        """Say why no star is drawn."""
        self._shown, self._words = None, words
        self._plot.panel.visible = self._known.panel.visible = False
        self._write()

    def _write(self) -> None:
        colours = PALETTES[self._theme]
        look = f"padding:12px 16px 0;color:{colours.text};font:12px/16px Roboto,sans-serif"
        if self._shown is None:
            quiet = f"{look};font-size:14px;line-height:20px;color:{colours.second}"
            self._pictures.object = f'<div style="{quiet}">{html.escape(self._words)}</div>'
            self._numbers.object = ""
            return
        made, photometry, star = self._shown
        self._pictures.object = f'<div style="{look}">{_pictures(made, star, self._theme)}</div>'
        self._numbers.object = f'<div style="{look}">{_numbers(made, photometry, star, colours)}</div>'


def _pictures(made: Modelled, star: int, theme: str) -> str:
    """Data and model with one stretch; the residual with its own, in which colours tell the sign."""
    colours = PALETTES[theme]
    # A brighter neighbour in the corner tells nothing of this star.
    core = np.abs(made.model) >= _CORE * np.nanmax(np.abs(made.model))
    top = max(float(np.max(made.data[core])), 20 * made.noise)
    low = _LOWEST * made.noise
    worst = float(np.max(np.abs(made.residual[core])))
    reach = max(worst, _QUIET * made.noise)
    grey = [png(shares(one, "asinh", low, top)) for one in (made.data, made.model)]
    pictures = (*grey, coloured(made.residual / reach, theme))
    cells = "".join(
        f'<figure style="margin:0"><div style="position:relative;width:{_SIDE}px;height:{_SIDE}px">'
        f'<img alt="{name} of star {star}" src="{picture}" style="width:100%;height:100%;image-rendering:pixelated;'
        f'border-radius:2px;display:block">{_cross(made, colours) if name == "data" else ""}</div>'
        f'<figcaption style="color:{colours.second};margin-top:4px">{name}</figcaption></figure>'
        for name, picture in zip(("data", "model", "residual"), pictures, strict=True)
    )
    words = _minus(
        f"Data and model from {_adu(low)} to {_adu(top)}\u2009ADU. The residual is red above, blue below zero, fully "
        f"so at {_adu(reach)}\u2009ADU; its largest is {_adu(100 * worst / top)}\u2009% of the peak, "
        f"{worst / made.noise:.1f} times the sky's noise."
    )
    if chequered(made):
        words += " The chequers are the star's own colour: bluer or redder than the others."
    return (
        f'<div style="font:14px/20px Roboto,sans-serif;margin-bottom:8px"><b>Star {star}</b></div>'
        f'<div style="display:flex;gap:14px">{cells}</div>'
        f'<div style="color:{colours.second};margin-top:8px">{words}</div>'
    )


def _cross(made: Modelled, colours: Palette) -> str:
    """A cross at the star's centre, drawn over its pixels."""
    size = made.data.shape[0]
    x, y = (_SIDE * (value + 0.5) / size for value in (made.x, made.y))
    path = f'd="M{x - 7:.1f} {y:.1f}h14M{x:.1f} {y - 7:.1f}v14"'
    return (
        f'<svg width="{_SIDE}" height="{_SIDE}" aria-hidden="true" style="position:absolute;left:0;top:0">'
        f'<path {path} stroke="{HALO}" stroke-width="3.6"/><path {path} stroke="{PICKED}" stroke-width="1.4"/></svg>'
    )


def coloured(values: np.ndarray, theme: str) -> str:
    """A picture of values from -1 to 1 as a data address: blue, through the page's own ground, to red; NaN is grey."""
    import base64
    import io

    from PIL import Image

    steps = palette("difference") if theme == "light" else interp_palette(_DARK, 256)
    table = np.array([[int(one[k : k + 2], 16) for k in (1, 3, 5)] for one in steps], np.uint8)
    known = np.isfinite(values)
    pixels = table[np.round(127.5 + 127.5 * np.clip(np.where(known, values, 0), -1, 1)).astype(int)]
    pixels[~known] = _UNKNOWN
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "png")
    return "data:image/png;base64," + base64.b64encode(written.getvalue()).decode()


def _numbers(made: Modelled, photometry: Photometry, star: int, colours: Palette) -> str:
    """Flux, error, signal over noise, magnitude, sums in circles, widths, flags."""
    instrumental = _magnitude(photometry, "instrumental_mag", star)
    of_zero = _magnitude(photometry, "mag", star)
    if dict(photometry.known).get(star) is not None and not photometry["mag_err"][star] > 0:
        of_zero = f"{photometry['mag'][star]:.3f}, as given"
    calibrated = [("magnitude", of_zero, "mag")] if photometry.zero_point_source else []
    rows = [
        ("flux by the profile", f"{made.flux:,.0f} ± {made.error:,.0f}", "ADU"),
        ("signal over noise", f"{made.flux / made.error:.1f}", ""),
        *calibrated,
        ("instrumental magnitude", instrumental, "mag"),
        ("own widths", " and ".join(_width(photometry, axis, star) for axis in "xy"), "px"),
    ]
    for radius in photometry.apertures:
        value = float(photometry[f"aperture_flux_{radius:g}"][star])
        rows.append((f"within {radius:g}\u2009px", f"{value:,.0f}", f"ADU, {100 * value / made.flux:.1f}\u2009%"))
    cells = "".join(
        f'<span style="color:{colours.second}">{name}</span><span style="text-align:right">{_minus(value)}</span>'
        f'<span style="color:{colours.second}">{unit}</span>'
        for name, value, unit in rows
    )
    flags = "".join(
        f"<div>{FLAGS[flag.name.lower()].capitalize()}.</div>" for flag in Flag if flag & int(photometry.flag[star])
    )
    grid = "display:grid;grid-template-columns:auto auto 1fr;gap:2px 12px;font-variant-numeric:tabular-nums"
    return f'<div style="{grid}">{cells}</div><div style="color:{colours.second};margin:4px 0 8px">{flags}</div>'


def _magnitude(photometry: Photometry, name: str, star: int) -> str:
    value, error = (float(photometry[column_name][star]) for column_name in (name, f"{name}_err"))
    return f"{value:.3f} ± {error:.3f}" if np.isfinite(value) else "\u2013"


def _width(photometry: Photometry, axis: str, star: int) -> str:
    value = float(photometry[f"width_{axis}"][star])
    return f"{value:.2f}" if np.isfinite(value) else "\u2013"


def _adu(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _minus(text: str) -> str:
    return text.replace("-", "\u2212")
