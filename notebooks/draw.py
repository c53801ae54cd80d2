"""Pictures and plots for the lessons, all in one look: grey sky, quiet axes, colour only where it means something."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import panel as pn
from bokeh.models import BasicTicker, ColorBar, FixedTicker, Label, LinearColorMapper, Range1d
from bokeh.palettes import Cividis256, Magma256, Viridis256, interp_palette
from bokeh.plotting import figure
from bokeh.plotting.contour import contour_data

from pipeline.frame import colour_planes
from ui.colours import COMPLETE, HALO, LIGHT, LOST, PARTIAL, PICKED, REFERENCE, REJECTED

INK, BLUE, ORANGE, GREEN, PINK, GREY = LIGHT.text, "#0072B2", LOST, COMPLETE, REFERENCE, REJECTED
RED_LIGHT, GREEN_LIGHT, BLUE_LIGHT = "#C44E52", "#4C9A6A", "#4C72B0"
LIGHTS = {"red": RED_LIGHT, "green": GREEN_LIGHT, "blue": BLUE_LIGHT, "mono": INK}
_HOLES = ["#4A3660", "#7D5E9E"]
_GREYS = [f"#{level:02X}{level:02X}{level:02X}" for level in range(256 - len(_HOLES))] + _HOLES
_DIVERGING = interp_palette(["#0072B2", "#FFFFFF", "#D55E00"], 256)
_PALETTES = {"map": Viridis256, "level": Cividis256, "error": Magma256, "difference": _DIVERGING}
_BEND = 0.42


def show(*figures: figure, columns: int | None = None) -> pn.viewable.Viewable:
    """Figures side by side, or in rows of so many columns."""
    return pn.GridBox(*figures, ncols=columns or len(figures))


def stretched(values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Values from 0 to 1, faint ones raised by asinh as the eye wants it."""
    part = np.clip((values - limits[0]) / (limits[1] - limits[0]), 0, 1)
    return np.arcsinh(part / _BEND) / np.arcsinh(1 / _BEND)


def sky_limits(image: np.ndarray, low: float = -2, high: float = 20) -> tuple[float, float]:
    """Black and white of a picture, counted in standard deviations of its sky."""
    values = image[np.isfinite(image)].astype(np.float64)
    middle = np.median(values)
    noise = 1.4826 * np.median(np.abs(values - middle))
    return middle + low * noise, middle + high * noise


def picture(
    image: np.ndarray,
    title: str,
    *,
    area: tuple[int, int, int, int] | None = None,
    limits: tuple[float, float] | None = None,
    width: int = 440,
) -> figure:
    """A picture in grey, first row on top; pixels without value are striped violet.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Any numbers.
    title : str
        What it shows.
    area : (x0, y0, x1, y1), optional
        Part to show, the last ones exclusive.
    limits : (float, float), optional
        Values drawn black and white; by default from 2 sigma below the sky to 20 above.
    width : int
        Of the figure, screen pixels.
    """
    x0, y0, x1, y1 = area or (0, 0, image.shape[1], image.shape[0])
    cut = image[y0:y1, x0:x1].astype(np.float64)
    bad = np.isnan(cut)
    grey = np.rint((255 - len(_HOLES)) * stretched(np.where(bad, 0, cut), limits or sky_limits(image))).astype(np.uint8)
    stripes = np.where(np.add.outer(np.arange(y1 - y0), np.arange(x1 - x0)) % 6 < 2, 255, 254)
    grey[bad] = stripes[bad]
    figure_ = _canvas(title, (x0, y0, x1, y1), width)
    figure_.image(
        [grey],
        x=x0 - 0.5,
        y=y0 - 0.5,
        dw=x1 - x0,
        dh=y1 - y0,
        color_mapper=LinearColorMapper(_GREYS, low=0, high=255),
        level="image",
    )
    return figure_


def mosaic(
    image: np.ndarray,
    title: str,
    pattern: str,
    area: tuple[int, int, int, int],
    *,
    limits: tuple[float, float] | None = None,
    width: int = 440,
) -> figure:
    """Part of a mosaic, each pixel in the colour of the filter over it."""
    x0, y0, x1, y1 = area
    level = stretched(image.astype(np.float64), limits or sky_limits(image))
    paint = np.zeros((*image.shape, 4), np.uint8)
    paint[..., 3] = 255
    shades = {"red": (1, 0.25, 0.25), "green": (0.3, 1, 0.4), "blue": (0.35, 0.5, 1), "mono": (1, 1, 1)}
    step = 1 if pattern == "none" else 2
    for colour, row, column in colour_planes(pattern):
        part = 255 * level[row::step, column::step, None] * np.array(shades[colour])
        paint[row::step, column::step, :3] = part.astype(np.uint8)
    figure_ = _canvas(title, area, width)
    cut = np.ascontiguousarray(paint[y0:y1, x0:x1]).view(np.uint32)[..., 0]
    figure_.image_rgba([cut], x=x0 - 0.5, y=y0 - 0.5, dw=x1 - x0, dh=y1 - y0, level="image")
    return figure_


def field(
    values: np.ndarray,
    title: str,
    unit: str,
    *,
    kind: str = "map",
    limits: tuple[float, float] | None = None,
    contours: int = 0,
    width: int = 440,
) -> figure:
    """Numbers over the frame as colours, with a bar that says what they mean.

    Parameters
    ----------
    values : ndarray, shape (ny, nx)
        What to show.
    title, unit : str
        What it is, and in which unit.
    kind : str
        "map" and "level" for numbers, "difference" is white at zero, "error" starts at zero.
    limits : (float, float), optional
        Ends of the colours.
    contours : int
        About so many lines of equal value, with their numbers.
    width : int
        Of the figure, screen pixels.
    """
    ny, nx = values.shape
    low, high = limits or _ends(values, kind)
    figure_ = _canvas(title, (0, 0, nx, ny), width, extra=64)
    mapper = LinearColorMapper(_PALETTES[kind], low=low, high=high, nan_color=LIGHT.well)
    figure_.image([values.astype(np.float32)], x=-0.5, y=-0.5, dw=nx, dh=ny, color_mapper=mapper, level="image")
    bar = ColorBar(
        color_mapper=mapper,
        ticker=BasicTicker(desired_num_ticks=5),
        title=unit,
        width=10,
        padding=4,
        bar_line_color=None,
        major_tick_line_color=None,
        major_label_text_color=LIGHT.second,
        title_text_color=LIGHT.second,
        title_text_font_style="normal",
    )
    figure_.add_layout(bar, "right")
    if contours:
        _contours(figure_, values, low, high, contours)
    return figure_


def landscape(
    values: np.ndarray, x: np.ndarray, y: np.ndarray, title: str, names: tuple[str, str], *, width: int = 440
) -> figure:
    """A quantity over two knobs on logarithmic axes, dark where it is small.

    Parameters
    ----------
    values : ndarray, shape (n, m)
        For each x and each y.
    x, y : ndarray, shape (n,) and (m,)
        Values of the knobs, in equal ratios.
    title : str
        What is shown.
    names : (str, str)
        The two knobs.
    width : int
        Of the figure, screen pixels.
    """
    edges = [np.append(knob, knob[-1] ** 2 / knob[-2]) / (knob[1] / knob[0]) ** 0.5 for knob in (x, y)]
    left, bottom = (grid.ravel() for grid in np.meshgrid(edges[0][:-1], edges[1][:-1], indexing="ij"))
    right, top = (grid.ravel() for grid in np.meshgrid(edges[0][1:], edges[1][1:], indexing="ij"))
    low, high = np.nanpercentile(values, (0, 90))
    height = np.sqrt(np.clip((values.ravel() - low) / (high - low), 0, 1))
    paint = np.array(Viridis256)[np.rint(255 * height).astype(int)]
    figure_ = figure(
        title=title, width=width, height=round(width * 0.85), x_axis_type="log", y_axis_type="log",
        x_range=Range1d(edges[0][0], edges[0][-1]), y_range=Range1d(edges[1][0], edges[1][-1]),
        x_axis_label=names[0], y_axis_label=names[1], tools="", toolbar_location=None,
    )  # fmt: skip
    _dress(figure_)
    figure_.axis.ticker = FixedTicker(ticks=[0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 5, 7, 10])
    figure_.quad(left=left, right=right, bottom=bottom, top=top, fill_color=paint, line_color=paint, level="image")
    figure_.grid.visible = False
    return figure_


def _ends(values: np.ndarray, kind: str) -> tuple[float, float]:
    low, high = np.nanpercentile(values, (0.5, 99.5))
    if kind == "difference":
        high = max(abs(low), abs(high), 1e-12)
        return -high, high
    return (0.0, max(high, 1e-12)) if kind == "error" else (low, max(high, low + 1e-12))


def _contours(figure_: figure, values: np.ndarray, low: float, high: float, number: int) -> None:
    step = float(np.format_float_positional((high - low) / number, precision=1, fractional=False))
    levels = np.arange(np.ceil(low / step), high / step) * step
    if len(levels) == 0:
        return
    lines = contour_data(z=values.astype(np.float64), levels=levels, want_fill=False).line_data
    for level, xs, ys in zip(lines.levels, lines.xs, lines.ys, strict=True):
        figure_.line(xs, ys, color="white", line_width=1.1)
        known = np.flatnonzero(np.isfinite(xs))
        if len(known):
            middle = known[len(known) // 2]
            _write(figure_, xs[middle], ys[middle], signed(level, 3), "white", halo="#00000040")


def signed(value: float, digits: int = 3) -> str:
    """A number with a real minus sign."""
    return f"{value:.{digits}g}".replace("-", "\N{MINUS SIGN}")


def _canvas(title: str, area: tuple[int, int, int, int], width: int, extra: int = 0) -> figure:
    """An empty figure in which pixels are square and the first row is on top."""
    x0, y0, x1, y1 = area
    height = round(width * (y1 - y0) / (x1 - x0)) + 60
    figure_ = figure(
        title=title,
        width=width + 40 + extra,
        height=height,
        x_range=Range1d(x0 - 0.5, x1 - 0.5),
        y_range=Range1d(y1 - 0.5, y0 - 0.5),
        match_aspect=True,
        tools="pan,wheel_zoom,reset",
        toolbar_location=None,
    )
    _dress(figure_)
    figure_.grid.visible = False
    figure_.background_fill_color = LIGHT.well
    return figure_


def _dress(figure_: figure) -> None:
    figure_.title.text_color, figure_.title.text_font_style, figure_.title.text_font_size = INK, "normal", "13px"
    figure_.outline_line_color = None
    figure_.axis.axis_label_text_font_style = "normal"
    figure_.axis.axis_label_text_color = figure_.axis.major_label_text_color = LIGHT.second
    figure_.axis.axis_line_color = LIGHT.strong
    figure_.axis.major_tick_line_color = LIGHT.strong
    figure_.axis.minor_tick_line_color = None
    figure_.xgrid.grid_line_color = None
    figure_.ygrid.grid_line_color = LIGHT.grid


def link(*figures: figure) -> None:
    """Let figures move and zoom together."""
    for other in figures[1:]:
        other.x_range, other.y_range = figures[0].x_range, figures[0].y_range


def mark(figure_: figure, x: np.ndarray, y: np.ndarray, state: str = "complete", size: float = 10) -> None:
    """Mark places: complete (ring), partial (dashed ring), lost (cross), rejected (dot), picked (double ring)."""
    line = {"fill_color": None, "line_width": 1.4}
    if state == "complete":
        figure_.scatter(x, y, size=size, line_color=GREEN, **line)
    elif state == "partial":
        figure_.scatter(x, y, size=size, line_color=PARTIAL, line_dash=[3, 2], **line)
    elif state == "lost":
        figure_.scatter(x, y, size=size * 0.8, marker="x", line_color=ORANGE, line_width=1.6)
    elif state == "rejected":
        figure_.scatter(x, y, size=size * 0.45, fill_color=GREY, line_color=HALO, line_width=0.5)
    else:
        for radius in (1.3, 2.1):
            figure_.scatter(x, y, size=size * radius, fill_color=None, line_color=HALO, line_width=4, line_alpha=0.65)
            figure_.scatter(x, y, size=size * radius, fill_color=None, line_color=PICKED, line_width=1.6)


def plot(title: str, x: str, y: str, *, width: int = 440, height: int = 260, **options: object) -> figure:
    """Empty axes with their names."""
    figure_ = figure(
        title=title,
        x_axis_label=x,
        y_axis_label=y,
        width=width,
        height=height,
        tools="pan,wheel_zoom,reset",
        toolbar_location=None,
        **options,
    )
    _dress(figure_)
    return figure_


def line(
    figure_: figure,
    x: Sequence[float],
    y: Sequence[float],
    name: str = "",
    *,
    colour: str = INK,
    dash: str = "solid",
    dots: bool = False,
    at: int = -1,
) -> None:
    """A line with its name written beside one of its points (the last, unless ``at`` says another)."""
    figure_.line(x, y, color=colour, line_width=2, line_dash=dash)
    if dots:
        figure_.scatter(x, y, color=colour, size=5)
    if name:
        _write(figure_, x[at], y[at], name, colour, anchor="right" if at == -1 else "left")


def _write(
    figure_: figure, x: float, y: float, text: str, colour: str, *, halo: str = "", anchor: str = "center"
) -> None:
    figure_.add_layout(
        Label(
            x=float(x),
            y=float(y),
            text=text,
            text_color=colour,
            text_font_size="12px",
            text_align=anchor,
            text_baseline="middle" if anchor == "center" else "bottom",
            y_offset=0 if anchor == "center" else 4,
            background_fill_color=halo or None,
        )
    )


def steps(figure_: figure, x: Sequence[float], y: Sequence[float], name: str, *, colour: str, at: int = -1) -> None:
    """Steps over a light fill, as for what is left of a number."""
    figure_.varea_step(x=x, y1=np.zeros(len(x)), y2=y, color=colour, fill_alpha=0.15, step_mode="center")
    figure_.step(x=x, y=y, color=colour, line_width=1.8, mode="center")
    _write(figure_, x[at], y[at], name, colour, anchor="right" if at == -1 else "left")


def bars(figure_: figure, values: np.ndarray, bins: np.ndarray, *, colour: str = "#8D97A3", alpha: float = 0.7) -> None:
    """A histogram."""
    counts, edges = np.histogram(values[np.isfinite(values)], bins)
    figure_.quad(
        top=counts, bottom=0, left=edges[:-1], right=edges[1:], fill_color=colour, line_color=None, alpha=alpha
    )


def level(figure_: figure, at: float, name: str = "", *, colour: str = INK, across: bool = False) -> None:
    """A dotted line at one value, upright or across."""
    draw = figure_.hspan if across else figure_.vspan
    draw(**{"y" if across else "x": [at]}, line_color=colour, line_dash="dotted", line_width=1.6)
    if name:
        place = (
            {"x": 4, "x_units": "screen", "y": at}
            if across
            else {"x": at, "y": figure_.height - 92, "y_units": "screen"}
        )
        figure_.add_layout(Label(**place, text=f" {name}", text_color=colour, text_font_size="12px"))


def table(columns: dict[str, Sequence[object]]) -> pn.viewable.Viewable:
    """A small table; every column has its heading."""
    heads = "".join(f"<th style='text-align:left;padding:2px 16px 2px 0'>{name}</th>" for name in columns)
    rows = "".join(
        "<tr>" + "".join(f"<td style='padding:2px 16px 2px 0'>{cell}</td>" for cell in row) + "</tr>"
        for row in zip(*columns.values(), strict=True)
    )
    style = "border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px"
    return pn.pane.HTML(f"<table style='{style}'><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>")
