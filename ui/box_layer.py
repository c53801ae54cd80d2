"""The box about one star that is drawn and dragged on the picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bokeh.models import BoxAnnotation, ColumnDataSource, CustomJS
from bokeh.plotting import figure

from ui.colours import HALO, PICKED
from ui.part import text


class BoxLayer:
    """A square that moves and grows in the browser; the server hears once of each drag, at its end.

    Parameters
    ----------
    figures : sequence of figure
        The pictures; all show the same place of the image.
    on_box : callable
        Called with the middle's x and y and the side, pixels of the frame shown.
    """

    def __init__(self, figures: Sequence[figure], on_box: Callable[[float, float, float], None]) -> None:
        self._on_box = on_box
        self._box: tuple[float, float, float] | None = None
        self.said = ColumnDataSource(data={"x": [], "y": [], "side": [], "sequence": []}, name="box said")
        self._count = 0
        self.set = ColumnDataSource(data=self._columns(None), name="box set")
        look = {"fill_color": None, "visible": False, "syncable": False}
        self._boxes = [
            BoxAnnotation(
                name=f"box {i}", line_color=PICKED, line_width=1.6, line_alpha=1.0, editable=True, symmetric=True,
                resizable="all",
                left=0, right=1, top=0, bottom=1, hover_line_color=PICKED, **look,
            )
            for i in range(len(figures))
        ]  # fmt: skip
        halos = [
            BoxAnnotation(line_color=HALO, line_width=4, line_alpha=0.7, left=0, right=1, top=0, bottom=1, **look)
            for _ in figures
        ]
        self._bare = list(zip(figures, halos, self._boxes, strict=True))
        links = {"boxes": self._boxes, "halos": halos, "set": self.set, "said": self.said}
        script = CustomJS(args=links, code=text("box_layer.js"))
        self.set.js_on_change("data", script)
        for box in self._boxes:
            for end in ("left", "right", "top", "bottom"):
                box.js_on_change(end, script)
        self.said.on_change("data", lambda attribute, old, new: self._hear(new))

    def show(self, x: float, y: float, side: float) -> None:
        """Draw the box about a point."""
        self._put((x, y, side))

    def hide(self) -> None:
        """Take the box away."""
        self._put(None)

    def _put(self, box: tuple[float, float, float] | None) -> None:
        # A figure that is not on screen has no layout yet to put anything into.
        for one, halo, line in [part for part in self._bare if part[0].visible]:
            # Not its centre: a layout that comes before the browser has made their views would look for them there.
            one.renderers = [*one.renderers, halo, line]
        self._bare = [part for part in self._bare if not part[0].visible]
        if box == self._box:
            return
        self._box = box
        # A number makes equal data an event: the hand may have moved the box since.
        self._count += 1
        self.set.data = self._columns(box)

    def _columns(self, box: tuple[float, float, float] | None) -> dict[str, list[float]]:
        if box is None:
            return {"left": [], "right": [], "top": [], "bottom": [], "sequence": []}
        x, y, half = box[0], box[1], box[2] / 2
        ends = {"left": [x - half], "right": [x + half], "top": [y - half], "bottom": [y + half]}
        return {**ends, "sequence": [self._count]}

    def _hear(self, data: dict[str, list[float]]) -> None:
        # What the browser shows is not what was put there last.
        self._box = None
        self._on_box(float(data["x"][0]), float(data["y"][0]), float(data["side"][0]))
