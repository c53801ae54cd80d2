"""Lines of equal value and their numbers over a map."""

from __future__ import annotations

from bokeh.models import ColumnDataSource
from bokeh.plotting import figure

from ui import canvas
from ui.cuts import map_lines
from ui.pyramid import Pyramid
from ui.stretch import number


class ContourLayer:
    """The contours of one figure.

    Parameters
    ----------
    made : figure
        Where they are drawn.
    """

    def __init__(self, made: figure) -> None:
        self.lines = ColumnDataSource(data={"xs": [], "ys": []})
        self.numbers = ColumnDataSource(data={"x": [], "y": [], "text": []})
        canvas.add_contours(made, self.lines, self.numbers)

    def draw(self, pyramid: Pyramid | None) -> None:
        """Draw the contours of a map; None takes them away."""
        if pyramid is None:
            if len(self.lines.data["xs"]):
                self.lines.data, self.numbers.data = {"xs": [], "ys": []}, {"x": [], "y": [], "text": []}
            return
        drawn = map_lines(pyramid)
        if self.lines.data["xs"] is drawn.xs:
            return
        self.lines.data = {"xs": drawn.xs, "ys": drawn.ys}
        span = 10 * (pyramid.high - pyramid.low)
        words = [number(value, span) for value in drawn.values]
        self.numbers.data = {"x": drawn.label_x, "y": drawn.label_y, "text": words}
