"""Small displacements of stars over the field, drawn as enlarged arrows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import panel as pn
from bokeh.models import BoxAnnotation, ColumnDataSource, Line, Range1d, Scatter
from bokeh.plotting import figure

from ui.canvas import named
from ui.colours import HALO, PALETTES, PICKED, REJECTED, Palette
from ui.map_facts import arrow_paths, enlargement, round_below
from ui.themed import Themed

_PICK_PIXELS = 10
_SCALE_PIXELS = 40
# Around the field, of its longer side; and how many times smaller all arrows become at most so that none is cut off.
_MARGIN = 0.06
_SMALLER = 5.0


class ArrowPlot(Themed):
    """Arrows at stars over the whole field, with the picked star ringed.

    Parameters
    ----------
    name : str
        Of its sources, so that they can be found in the browser.
    width, height : int
        The largest it may be, screen pixels; the field's own shape decides which is reached.
    theme : str
        "dark" or "light".
    on_pick : callable, optional
        Called with the ``id`` of a star clicked on.
    """

    def __init__(
        self, name: str, width: int, height: int, theme: str, on_pick: Callable[[int], None] | None = None
    ) -> None:
        self._largest = width, height
        self._theme, self._on_pick = theme, on_pick
        self._ids = np.empty(0, int)
        self._places = np.empty((2, 0))
        self._picked: int | None = None
        self.times = 0.0
        self._x_range, self._y_range = Range1d(-0.5, 5.5, syncable=False), Range1d(3.5, -0.5, syncable=False)
        self.arrows = ColumnDataSource(data={"x": [], "y": []}, name=f"{name} arrows")
        self.grey = ColumnDataSource(data={"x": [], "y": []}, name=f"{name} grey")
        self.ring = ColumnDataSource(data={"x": [], "y": []}, name=f"{name} picked")
        self.figure = self._make()
        self.panel = pn.pane.Bokeh(self.figure, margin=0)
        self.theme = theme

    def _make(self) -> figure:
        made = figure(
            x_range=self._x_range, y_range=self._y_range, width=self._largest[0], height=self._largest[1], tools=[],
            toolbar_location=None, min_border=0, outline_line_color=None, html_attributes=named("Arrows"),
        )  # fmt: skip
        made.axis.visible = made.grid.visible = False
        # Under Panel's themes a figure's own background takes the theme's colour.
        self._ground = BoxAnnotation(level="underlay", line_color=None, fill_alpha=1)
        made.add_layout(self._ground)
        made.add_glyph(self.grey, Scatter(x="x", y="y", size=4.5, fill_color=REJECTED, line_color=None))
        self._line = made.add_glyph(self.arrows, Line(x="x", y="y", line_width=1))
        for colour, width in ((HALO, 4.0), (PICKED, 1.6)):
            made.add_glyph(
                self.ring, Scatter(x="x", y="y", size=13, fill_color=None, line_color=colour, line_width=width)
            )
        if self._on_pick is not None:
            made.on_event("tap", lambda event: self._tapped(event.x, event.y))
        return made

    def _paint(self) -> None:
        colours = PALETTES[self._theme]
        self._ground.fill_color = colours.field
        self._line.glyph.line_color = colours.second

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, screen pixels."""
        return self.figure.width, self.figure.height

    @property
    def scale(self) -> tuple[float, float]:
        """A round displacement [px], and how long its arrow is on screen [screen pixels]."""
        on_screen = self.times * self.size[0] / abs(self._x_range.end - self._x_range.start)
        value = round_below(_SCALE_PIXELS / on_screen) if on_screen > 0 else 0.0
        return value, value * on_screen

    def update(
        self,
        ids: np.ndarray,
        places: np.ndarray,
        moves: np.ndarray,
        shape: tuple[int, int],
        grey: np.ndarray | None = None,
    ) -> None:
        """Draw arrows.

        Parameters
        ----------
        ids : ndarray of int, shape (n,)
            The stars.
        places, moves : ndarray, shape (2, n)
            x and y of where they start and of the displacement, pixels.
        shape : tuple of int
            Rows and columns of the field.
        grey : ndarray, shape (2, m), optional
            Stars that are only marked by a grey dot.
        """
        ny, nx = shape
        self._ids, self._places = ids, places
        margin = _MARGIN * max(shape)
        self.times = _fitting(enlargement(*moves, nx), places, moves, shape, margin)
        xs, ys = arrow_paths(*places, *(self.times * moves))
        dots = np.empty((2, 0)) if grey is None else grey
        across, down = nx + 2 * margin, ny + 2 * margin
        shrink = min(self._largest[0] / across, self._largest[1] / down)
        with pn.io.hold():
            self.figure.update(width=round(across * shrink), height=round(down * shrink))
            self._x_range.update(start=-0.5 - margin, end=nx - 0.5 + margin)
            self._y_range.update(start=ny - 0.5 + margin, end=-0.5 - margin)
            self._ground.update(left=-0.5, right=nx - 0.5, top=ny - 0.5, bottom=-0.5)
            self.arrows.data = {"x": xs, "y": ys}
            self.grey.data = {"x": dots[0], "y": dots[1]}
            self.set_picked(self._picked)

    def set_picked(self, star: int | None) -> None:
        """Ring one star; None takes the ring away."""
        self._picked = star
        here = self._places[:, self._ids == (-1 if star is None else star)]
        self.ring.data = {"x": here[0], "y": here[1]}

    def _tapped(self, x: float, y: float) -> None:
        if not len(self._ids):
            return
        away = np.hypot(self._places[0] - x, self._places[1] - y)
        nearest = int(np.argmin(away))
        if away[nearest] * self.size[0] / abs(self._x_range.end - self._x_range.start) <= _PICK_PIXELS:
            self._on_pick(int(self._ids[nearest]))


def _fitting(times: float, places: np.ndarray, moves: np.ndarray, shape: tuple[int, int], margin: float) -> float:
    """So many times, or fewer by a round number, that arrows end within the margin around the field."""
    ends = np.array(shape[::-1])[:, None] - 0.5 + margin
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(moves > 0, ends - places, places + 0.5 + margin) / np.abs(moves)
    room = room[np.isfinite(room)]
    if not room.size or times <= room.min():
        return times
    return round_below(max(float(room.min()), times / _SMALLER), (1.0, 2.0, 2.5, 5.0))


def arrow_sign(length: float, colours: Palette) -> str:
    """An arrow of so many pixels, as HTML: what stands beside the length that it means."""
    return (
        f'<svg width="{length:.0f}" height="8" fill="none" stroke="{colours.second}" aria-hidden="true">'
        f'<path d="M0 4h{length:.0f}m-6-3l6 3-6 3"/></svg>'
    )
