"""The stars' mean roundness over both factors, the factors that make it least, and those in use."""

from __future__ import annotations

import functools

import numpy as np
import panel as pn
from bokeh.models import (
    BasicTicker,
    ColorBar,
    ColumnDataSource,
    CustomJSTickFormatter,
    Image,
    LinearColorMapper,
    Range1d,
    Scatter,
    Segment,
)
from bokeh.plotting import figure

from pipeline.stages.optimize import Optimum
from ui.canvas import add_contours, named, paint_plot, write
from ui.colours import HALO, PALETTES
from ui.contours import contours
from ui.optimize_search import Found
from ui.part import column
from ui.plot_titles import MINUS, title_line
from ui.stretch import palette
from ui.themed import Themed

HEIGHT = 380
_FINE = 121
_CLOSE = 0.04
_NOTHING = {"image": [], "x": [], "y": [], "dw": [], "dh": []}


class ObjectivePlot(Themed):
    """A picture of the objective on axes of equal ratios, with contours, a ring on the optimum and a diamond.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    """

    def __init__(self, theme: str = "dark") -> None:
        self._theme = theme
        self.image = ColumnDataSource(data=_NOTHING, name="objective")
        self.best = ColumnDataSource(
            data={name: [] for name in ("x", "y", "x0", "x1", "y0", "y1", "text", "below")}, name="optimum"
        )
        self.now = ColumnDataSource(data={"x": [], "y": [], "text": [], "below": []}, name="factors in use")
        self._lines = ColumnDataSource(data={"xs": [], "ys": []})
        self._numbers = ColumnDataSource(data={"x": [], "y": [], "text": []})
        self._mapper = LinearColorMapper(palette=palette("viridis"), low=0, high=1)
        self.figure = self._make()
        self._title = pn.pane.HTML(margin=(8, 0, 0, 0), height=20, sizing_mode="stretch_width")
        picture = pn.pane.Bokeh(self.figure, margin=0, sizing_mode="stretch_width", height=HEIGHT)
        self.panel = column(self._title, picture, sizing_mode="stretch_width")
        self.theme = theme

    def _make(self) -> figure:
        made = figure(
            name="objective plot", x_axis_type="log", y_axis_type="log", x_range=Range1d(1, 2), y_range=Range1d(1, 2),
            tools=[],
            height=HEIGHT, sizing_mode="stretch_width", toolbar_location=None, outline_line_color=None,
            min_border_top=8, min_border_right=8, min_border_left=60, html_attributes=named("Both factors tried"),
        )  # fmt: skip
        made.grid.visible = False
        for axis, word in ((made.xaxis, "factor on red"), (made.yaxis, "factor on blue")):
            axis.update(
                axis_label=word, axis_label_text_font_style="normal", axis_label_text_font_size="12px",
                axis_label_text_font="Roboto", major_label_text_font_size="12px", minor_tick_line_color=None,
                axis_line_color=None, major_tick_in=0, ticker=BasicTicker(desired_num_ticks=6),
                formatter=CustomJSTickFormatter(code=MINUS),
            )  # fmt: skip
        picture = Image(image="image", x="x", y="y", dw="dw", dh="dh", color_mapper=self._mapper)
        made.add_glyph(self.image, picture)
        add_contours(made, self._lines, self._numbers)
        self._add_marks(made)
        self._bar = ColorBar(
            color_mapper=self._mapper, width=8, location=(12, 0), padding=0, margin=0, label_standoff=6,
            bar_line_color=None, ticker=BasicTicker(desired_num_ticks=5), major_label_text_font_size="12px",
            major_tick_line_color=None, background_fill_color=None, border_line_color=None,
        )  # fmt: skip
        made.add_layout(self._bar, "right")
        return made

    def _add_marks(self, made: figure) -> None:
        for colour, width in ((HALO, 4.0), ("#FFFFFF", 1.6)):
            look = {"line_color": colour, "line_width": width}
            made.add_glyph(self.best, Segment(x0="x0", x1="x1", y0="y", y1="y", **look))
            made.add_glyph(self.best, Segment(x0="x", x1="x", y0="y0", y1="y1", **look))
            made.add_glyph(self.best, Scatter(x="x", y="y", marker="circle", size=13, fill_color=None, **look))
            made.add_glyph(self.now, Scatter(x="x", y="y", marker="diamond", size=14, fill_color=None, **look))
        write(made, self.best, text="text", font="12px", x_offset=11, y_offset="below")
        write(made, self.now, text="text", font="12px", x_offset=11, y_offset="below")

    def _paint(self) -> None:
        colours = PALETTES[self._theme]
        paint_plot(self.figure, colours)
        # The dialog's ground shows through.
        self.figure.update(background_fill_alpha=0, border_fill_alpha=0)
        self._title.object = title_line("Mean roundness", "by factor, 0 is best", "", colours)
        for axis in self.figure.axis:
            axis.update(axis_label_text_color=colours.second, major_tick_line_color=colours.strong)
        self._bar.update(major_label_text_color=colours.second)

    def show(self, found: Found) -> None:
        """Show what a search found."""
        self.look(found, closely=False)

    def look(self, found: Found, *, closely: bool) -> None:
        """Show all of the map, or so much of it that the errors can be seen and the factors in use lie in it."""
        best = found.best
        if closely:
            reds = _near(best.reds, best.red, best.red_error, found.red)
            blues = _near(best.blues, best.blue, best.blue_error, found.blue)
            self._draw(reds, blues, between(best, reds, blues))
        else:
            reds, blues = best.reds, best.blues
            self._draw(reds, blues, best.objective)
        self._show_marks(found, together=_close(best.red, found.red, reds) and _close(best.blue, found.blue, blues))

    def _draw(self, reds: np.ndarray, blues: np.ndarray, objective: np.ndarray) -> None:
        # An image's rows go up, along blue.
        image = objective.T
        sides = {}
        for name, size, factors, range_ in (
            ("x", "dw", reds, self.figure.x_range),
            ("y", "dh", blues, self.figure.y_range),
        ):
            # The outer samples are the middles of the outer pixels, which are equal ratios.
            half = (factors[1] / factors[0]) ** 0.5
            low, high = float(factors[0] / half), float(factors[-1] * half)
            sides |= {name: [low], size: [high - low]}
            range_.update(start=low, end=high)
        self._mapper.update(low=0, high=float(image.max()))
        self.image.data = {"image": [image], **sides}
        lines = contours(image, 1)
        red, blue = (functools.partial(_factor, factors) for factors in (reds, blues))
        self._lines.data = {"xs": [red(one) for one in lines.xs], "ys": [blue(one) for one in lines.ys]}
        self._numbers.data = {
            "x": red(lines.label_x),
            "y": blue(lines.label_y),
            "text": [f"{value:.3g}" for value in lines.values],
        }

    def _show_marks(self, found: Found, *, together: bool) -> None:
        best = found.best
        # Each name stands on the far side of the other mark.
        below = 13 if found.blue > best.blue else -13
        self.best.data = {
            "x": [best.red], "x0": [best.red - best.red_error], "x1": [best.red + best.red_error],
            "y": [best.blue], "y0": [best.blue - best.blue_error], "y1": [best.blue + best.blue_error],
            "text": ["roundest and in use" if together else "roundest"], "below": [below],
        }  # fmt: skip
        now = {"x": [found.red], "y": [found.blue], "text": ["in use"], "below": [-below]}
        self.now.data = {name: [] for name in now} if together else now


def _factor(factors: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Factors at places counted in samples, which are equal ratios."""
    return factors[0] * (factors[1] / factors[0]) ** np.asarray(places)


def _close(one: float, other: float, factors: np.ndarray) -> bool:
    """Whether marks at two factors would cover each other on an axis of these."""
    return abs(np.log(one / other)) < _CLOSE * np.log(factors[-1] / factors[0])


def _near(factors: np.ndarray, best: float, error: float, now: float) -> np.ndarray:
    """Factors about the best, to eight errors from it or beyond those in use, and no farther than the map goes."""
    ratio = max(1.0 + 8.0 * error / best, max(now / best, best / now) ** 1.25)
    ratio = min(ratio, best / factors[0])
    return best * np.geomspace(1.0 / ratio, ratio, _FINE)


def between(best: Optimum, reds: np.ndarray, blues: np.ndarray) -> np.ndarray:
    """The mean roundness between the map's samples: its square is smooth where it is least, and is interpolated.

    Parameters
    ----------
    best : Optimum
        Has the map.
    reds, blues : ndarray of float64, shape (n,), (m,)
        Factors within the map, rising.

    Returns
    -------
    ndarray of float64, shape (n, m)
    """
    from scipy.interpolate import RectBivariateSpline

    square = RectBivariateSpline(np.log(best.reds), np.log(best.blues), best.objective**2)
    return np.sqrt(np.clip(square(np.log(reds), np.log(blues)), 0.0, None))
