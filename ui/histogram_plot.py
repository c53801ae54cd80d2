"""How many pixels of a picture, and of a region of it, have which value."""

from __future__ import annotations

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, FixedTicker, GlyphRenderer, MultiLine, Quad

from pipeline.statistics import Survey
from ui.canvas import share_views
from ui.colours import Palette
from ui.small_plot import SmallPlot

_HEIGHT = 148
#: A mosaic's colours, in the dark theme and in the light one, and the dashes that tell them apart without colour.
INKS = {"red": ("#F28B82", "#C5221F"), "green": ("#81C995", "#137333"), "blue": ("#8AB4F8", "#1A56C4")}
DASHES = {"mono": [], "red": [], "green": [6, 2], "blue": [2, 2]}
#: Decades below the highest bin that are shown, and pixels that a bin of a small region has on average.
_DECADES, _ENOUGH = 5, 4
_LINES = ("xs", "ys", "colour", "dash", "width", "alpha")


class HistogramPlot(SmallPlot):
    """An area for a picture of one colour, a line for each colour of a mosaic, and a strong line for a region.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    """

    def __init__(self, theme: str) -> None:
        self.bars = ColumnDataSource(
            data={name: [] for name in ("left", "right", "bottom", "top")}, name="pixel histogram"
        )
        self.lines = ColumnDataSource(data={name: [] for name in _LINES}, name="pixel lines")
        self._ticker = FixedTicker(ticks=[1])
        self._area: GlyphRenderer | None = None
        self._shown: tuple[Survey, Survey | None, str] | None = None
        super().__init__("Histogram", "", _HEIGHT, theme, log_y=True)
        made = self.figure
        made.yaxis.ticker = made.ygrid.ticker = self._ticker
        quad = Quad(left="left", right="right", bottom="bottom", top="top", line_color=None)
        self._area = made.add_glyph(self.bars, quad)
        look = {"line_color": "colour", "line_dash": "dash", "line_width": "width", "line_alpha": "alpha"}
        made.add_glyph(self.lines, MultiLine(xs="xs", ys="ys", **look))
        share_views([made])
        self._paint()

    def paint_marks(self, colours: Palette) -> None:
        """Colour the area and the lines."""
        if self._area is not None:
            self._area.glyph.fill_color = colours.kept
        if self._shown is not None:
            self._draw(colours)

    def show(self, whole: Survey, part: Survey | None, unit: str) -> None:
        """Show a picture and a region of it, in the picture's bins."""
        self._shown = whole, part, unit
        with pn.io.hold():
            self._paint()

    def _draw(self, colours: Palette) -> None:
        whole, part, unit = self._shown
        shares = {colour: _shares(whole, colour) for colour in whole.counts}
        known = np.concatenate([share[share > 0] for share in shares.values()])
        top = float(known.max()) if known.size else 1.0
        floor = max(float(known.min()) if known.size else 0.1, top * 10.0**-_DECADES) / 1.5
        edges = whole.edges
        alone = "mono" in shares
        none = {name: [] for name in ("left", "right", "bottom", "top")}
        bars = {"left": edges[:-1], "right": edges[1:], "bottom": np.full(edges.size - 1, floor)}
        self.bars.data = {**bars, "top": np.maximum(shares["mono"], floor)} if alone else none
        rows = [] if alone else [(one, edges, share, 1.2, 0.5 if part else 1.0) for one, share in shares.items()]
        for colour in () if part is None else part.counts:
            wide, share = _merged(part, colour)
            rows.append((colour, wide, share, 1.6, 1.0))
            top = max(top, float(share.max(initial=0.0)))
        steps = [_steps(one, share, floor) for _, one, share, _, _ in rows]
        self.lines.data = {
            "xs": [x for x, _ in steps],
            "ys": [y for _, y in steps],
            "colour": [ink(colour, self.theme, colours) for colour, *_ in rows],
            "dash": [DASHES[colour] for colour, *_ in rows],
            "width": [width for *_, width, _ in rows],
            "alpha": [alpha for *_, alpha in rows],
        }
        self._ticker.ticks = _round(floor, top)
        self.span((float(edges[0]), float(edges[-1])), (floor, 1.6 * top))
        self.say(_key(whole, part, self.theme, colours), unit=f"% of the pixels, {_against(unit)}")


def ink(colour: str, theme: str, colours: Palette) -> str:
    """What a colour's line is drawn with."""
    return INKS[colour][theme == "light"] if colour in INKS else colours.text


def _shares(survey: Survey, colour: str) -> np.ndarray:
    """Percent of the pixels of a colour in each bin."""
    one = survey.colours[colour]
    return 100.0 * survey.counts[colour] / max(one.pixels - one.missing, 1)


def _merged(survey: Survey, colour: str) -> tuple[np.ndarray, np.ndarray]:
    """Edges and shares of a region with so few pixels that one bin would have none and the next some."""
    share, edges = _shares(survey, colour), survey.edges
    number = int(survey.counts[colour].sum())
    factor = 1
    while factor < 16 and number < _ENOUGH * share.size / factor:
        factor *= 2
    rest = -share.size % factor
    # A merged bin stands as high as its parts would on average.
    merged = np.append(share, np.zeros(rest)).reshape(-1, factor).sum(axis=1) / factor
    return np.append(edges[:-1:factor], edges[-1]), merged


def _steps(edges: np.ndarray, shares: np.ndarray, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """The outline of a histogram's bins."""
    return np.repeat(edges, 2)[1:-1], np.repeat(np.maximum(shares, floor), 2)


def _round(low: float, high: float) -> list[float]:
    """Powers of ten between two, or round numbers where there is one of them at most."""
    decades = [10.0**k for k in range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)]
    powers = [one for one in decades if low <= one <= 1.6 * high]
    if len(powers) > 1:
        return powers
    return [part * one for one in decades for part in (1, 2, 5) if low <= part * one <= 1.6 * high]


def _against(unit: str) -> str:
    """What the axis has: "by ADU", "by part of its median"."""
    return f"by part {unit}" if unit.startswith("of ") else f"by {unit}"


def _key(whole: Survey, part: Survey | None, theme: str, colours: Palette) -> str:
    """What each mark stands for."""
    if "mono" in whole.counts:
        line = f'&ensp;<span style="color:{colours.text}">\u2501</span> region' if part is not None else ""
        return f'<span style="color:{colours.kept}">\u25a0</span> picture{line}'
    signs = {"red": "\u2501", "green": "\u2505", "blue": "\u2507"}
    names = "&ensp;".join(
        f'<span style="color:{ink(colour, theme, colours)}">{signs[colour]}</span> {colour}' for colour in whole.counts
    )
    return f"{names}{' of the region' if part is not None else ''}"
