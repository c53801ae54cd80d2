"""The line from A to B that is dragged over the map pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bokeh.models import ColumnDataSource, CustomJS, GlyphRenderer, Line, Range1d, Scatter
from bokeh.plotting import figure

from ui import canvas
from ui.colours import HALO
from ui.map_facts import Ends, first_ends
from ui.part import text

_WHITE = "#FFFFFF"


class MapLine:
    """A line with two handles over some figures; it moves in the browser, and the server hears where it is.

    Parameters
    ----------
    figures : sequence of figure
        The pictures; all show the same place of the image.
    x_range : Range1d
        Their common range.
    """

    def __init__(self, figures: Sequence[figure], x_range: Range1d) -> None:
        self._shape: tuple[int, int] | None = None
        self._ends: Ends = ((0.0, 0.0), (0.0, 0.0))
        self._wanted = False
        self._callbacks: list[Callable[[Ends], None]] = []
        empty = {name: [] for name in ("x", "y", "name", "align", "away")}
        self.source = ColumnDataSource(data=empty, syncable=False, name="map line")
        self.asked = ColumnDataSource(data={"sequence": [], "x": [], "y": []})
        self.answer = ColumnDataSource(data={"sequence": [0]})
        self._figures = tuple(figures)
        # Made where the line is first seen: a page without a map need not wait for them.
        self._glyphs: dict[int, list[GlyphRenderer]] = {}
        self._over_map = [False] * len(figures)
        callback = CustomJS(
            args={
                "ends": self.source, "asked": self.asked, "answer": self.answer, "x_range": x_range,
            },
            code=text("map_line.js"),
        )  # fmt: skip
        self.answer.js_on_change("data", callback)
        for one in figures:
            one.js_on_event("mousemove", callback)
        self.asked.on_change("data", lambda attribute, old, new: self._moved())

    def _draw(self, made: figure) -> list[GlyphRenderer]:
        handles = Scatter(x="x", y="y", size=9, fill_color=_WHITE, line_color=HALO, line_width=1.5)
        dark = Line(x="x", y="y", line_color=HALO, line_alpha=0.65, line_width=3.5)
        dashes = Line(x="x", y="y", line_color=_WHITE, line_width=1.5, line_dash=[5, 3])
        drawn = [made.add_glyph(self.source, glyph) for glyph in (dark, dashes, handles)]
        letters = {"font": "13px", "text_font_style": "bold", "text_align": "align", "x_offset": "away"}
        return drawn + canvas.write(made, self.source, text="name", **letters)

    @property
    def ends(self) -> Ends:
        """(x, y) of A and of B, pixels."""
        return self._ends

    def on_move(self, callback: Callable[[Ends], None]) -> None:
        """Have a function called with the ends while they are dragged."""
        self._callbacks.append(callback)

    def fit(self, shape: tuple[int, int]) -> None:
        """Lay the line over an image of some shape; where it was dragged to stays while the shape does."""
        if shape == self._shape:
            return
        self._shape = shape
        self._ends = first_ends(shape)
        x, y = zip(*self._ends, strict=True)
        sides = {"name": ["A", "B"], "align": ["right", "left"], "away": [-10, 10]}
        self.source.data = {"x": list(x), "y": list(y), **sides}

    def show(self, wanted: bool) -> None:
        """Draw the line over maps, or nowhere."""
        self._wanted = wanted
        self._draw_where()

    def set_map(self, picture: int, is_map: bool) -> None:
        """Say whether a picture shows a map."""
        self._over_map[picture] = is_map
        self._draw_where()

    def _draw_where(self) -> None:
        for i, is_map in enumerate(self._over_map):
            seen = self._wanted and is_map
            if seen and i not in self._glyphs:
                self._glyphs[i] = self._draw(self._figures[i])
            for renderer in self._glyphs.get(i, ()):
                renderer.visible = seen

    def _moved(self) -> None:
        try:
            self._ends = tuple(zip(self.asked.data["x"][0], self.asked.data["y"][0], strict=True))
            for callback in self._callbacks:
                callback(self._ends)
        finally:
            self.answer.data = {"sequence": [int(self.asked.data["sequence"][0])]}
