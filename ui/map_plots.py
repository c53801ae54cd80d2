"""The offset maps, their errors and their difference from another method's, in small."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, Image, LinearColorMapper, Range1d
from bokeh.plotting import figure

from ui.canvas import named
from ui.colours import PALETTES
from ui.map_facts import coarse
from ui.part import column
from ui.picture_parts import PictureHead
from ui.stretch import VIEWS, limits_of, number, palette
from ui.themed import Themed

OFFSETS = ("x_offset", "y_offset")
ERRORS = ("x_error", "y_error")
DIFFERENCES = ("x_difference", "y_difference")
_WIDTH, _HEIGHT, _GAP = 186, 144, 16


class MapPlots(Themed):
    """Two rows of small maps with colour bars: the offsets, and below them their errors or differences.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    on_choose : callable, optional
        Called with the kind of a map that was clicked on.
    """

    def __init__(self, theme: str = "dark", on_choose: Callable[[str], None] | None = None) -> None:
        self._theme, self._on_choose = theme, on_choose
        self._chosen: frozenset[str] = frozenset()
        self._ranges = Range1d(-0.5, 5.5, syncable=False), Range1d(3.5, -0.5, syncable=False)
        self.sources: dict[str, ColumnDataSource] = {}
        self.heads: dict[str, PictureHead] = {}
        self.figures: dict[str, figure] = {}
        self._panes: dict[str, pn.pane.Bokeh] = {}
        self._mappers: dict[str, LinearColorMapper] = {}
        self._rows = {pair: self._row(pair) for pair in (OFFSETS, ERRORS)}
        self.panel = column(*self._rows.values(), sizing_mode="stretch_width", styles={"padding": "8px 16px 0"})

    def _row(self, kinds: tuple[str, str]) -> pn.Row:
        made = pn.Row(*(self._cell(kind) for kind in kinds), margin=(0, 0, 8, 0), styles={"gap": f"{_GAP}px"})
        self._paint()
        return made

    def _cell(self, kind: str) -> pn.Column:
        x_range, y_range = self._ranges
        self.sources[kind] = ColumnDataSource(
            data={name: [] for name in ("image", "x", "y", "dw", "dh")}, name=f"map {kind}"
        )
        self.heads[kind] = PictureHead(
            options={kind: VIEWS[kind].label}, kind=kind, choice=False, small=True, theme=self._theme, margin=0,
            height=24, width=_WIDTH,
        )  # fmt: skip
        self._mappers[kind] = LinearColorMapper(palette=palette(VIEWS[kind].colours), nan_color="#00000000")
        self.figures[kind] = made = figure(
            x_range=x_range, y_range=y_range, width=_WIDTH, height=_HEIGHT, toolbar_location=None, tools=[],
            min_border=0, outline_line_color=None, html_attributes=named(VIEWS[kind].label),
        )  # fmt: skip
        made.axis.visible = made.grid.visible = False
        image = Image(image="image", x="x", y="y", dw="dw", dh="dh", color_mapper=self._mappers[kind])
        made.add_glyph(self.sources[kind], image)
        if self._on_choose is not None:
            made.on_event("tap", lambda event: self._on_choose(kind))
            self.heads[kind].param.watch(lambda event: self._on_choose(kind), "clicks")
        self._panes[kind] = pn.pane.Bokeh(made, margin=0)
        return column(self.heads[kind], self._panes[kind])

    def _paint(self) -> None:
        colours = PALETTES[self._theme]
        for kind, made in self.figures.items():
            chosen = kind in self._chosen
            self.heads[kind].param.update(theme=self._theme, chosen=chosen)
            made.update(background_fill_color=colours.well, border_fill_color=colours.panel)
            self._panes[kind].styles = {
                "outline": f"2px solid {colours.text}" if chosen else "none",
                "outline-offset": "1px",
            }

    def set_chosen(self, kinds: Collection[str]) -> None:
        """Outline the maps that the pictures show."""
        if frozenset(kinds) != self._chosen:
            self._chosen = frozenset(kinds)
            with pn.io.hold():
                self._paint()

    def compare(self, on: bool) -> None:
        """Show differences from another method below the offsets, or else the errors."""
        if on and DIFFERENCES not in self._rows:
            self._rows[DIFFERENCES] = self._row(DIFFERENCES)
            self.panel.append(self._rows[DIFFERENCES])
        for pair, row in self._rows.items():
            row.visible = pair == OFFSETS or (pair == DIFFERENCES) == on

    def update(self, maps: Mapping[str, np.ndarray], places: np.ndarray | None = None) -> None:
        """Show maps by kind.

        Parameters
        ----------
        maps : mapping of str to ndarray, shape (ny, nx)
            "x_offset", "y_offset", "x_error", "y_error", pixels.
        places : ndarray, shape (2, n), optional
            x and y of the stars that made them: a map may be highest or lowest there.
        """
        with pn.io.hold():
            for kind, image in maps.items():
                ny, nx = image.shape
                small = coarse(image)
                seen = small
                if places is not None and places.size:
                    x, y = (
                        np.clip(np.rint(one).astype(int), 0, n - 1) for one, n in zip(places, (nx, ny), strict=True)
                    )
                    seen = np.append(small, image[y, x])
                self.show_small(kind, small, (ny, nx), _least(seen, np.fmin), _least(seen, np.fmax))

    def show_small(self, kind: str, small: np.ndarray, shape: tuple[int, int], low: float, high: float) -> None:
        """Show a map that is sampled already, with the lowest and highest value of the whole."""
        ny, nx = shape
        low, high = limits_of(VIEWS[kind], low, high)
        self._mappers[kind].update(low=low, high=high if high > low else low + 1e-9)
        # The outer samples are the outer pixels: the image ends half a sample farther out.
        half_x, half_y = ((n - 1) / max(count - 1, 1) / 2 for n, count in zip((nx, ny), small.shape[::-1], strict=True))
        place = {"x": [-half_x], "y": [-half_y], "dw": [nx - 1 + 2 * half_x], "dh": [ny - 1 + 2 * half_y]}
        self.sources[kind].data = {"image": [small], **place}
        self.heads[kind].param.update(
            low=number(low, 10 * (high - low)), high=number(high, 10 * (high - low)),
            palette="".join(palette(VIEWS[kind].colours)).replace("#", ""),
        )  # fmt: skip
        height = min(_HEIGHT, max(_HEIGHT // 2, round(_WIDTH * ny / nx)))
        # A field taller than its place leaves ground at its sides.
        wide, high_ = max(nx, ny * _WIDTH / height), max(ny, nx * height / _WIDTH)
        self._ranges[0].update(start=(nx - 1 - wide) / 2, end=(nx - 1 + wide) / 2)
        self._ranges[1].update(start=(ny - 1 + high_) / 2, end=(ny - 1 - high_) / 2)
        for made in self.figures.values():
            made.height = height


def _least(values: np.ndarray, order: np.ufunc) -> float:
    extreme = float(order.reduce(values, axis=None))
    return extreme if np.isfinite(extreme) else 0.0
