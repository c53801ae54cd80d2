"""What is drawn on a master flat: the outline of the pixels that level it, and those that are unexposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, GlyphRenderer, MultiLine, MultiPolygons, Scatter
from bokeh.plotting import figure

from pipeline.knob import Rectangle
from pipeline.masters import Master
from pipeline.stages.master_flat import levelling
from ui.colours import HALO, LOST
from ui.mask_layer import Outlines, outlines

_INK = "#FFFFFF"
#: Blocks along the longer side, areas that are drawn at most, and pixels of a group that is too small to be seen.
_BLOCKS, _MOST, _SMALL = 800, 1000, 25
_Places = tuple[np.ndarray, np.ndarray]


def _nowhere() -> _Places:
    return np.empty(0), np.empty(0)


@dataclass(frozen=True, eq=False)
class Traced:
    """What is drawn of a flat, in pixels.

    Parameters
    ----------
    outline : (list, list)
        x and y of the lines about the pixels that level it.
    brightest : (ndarray, ndarray)
        x and y of the brightest pixels, where they level it.
    unexposed : Outlines
        Areas of unexposed pixels.
    lone : (ndarray, ndarray)
        x and y of groups of them that are too small to be seen when the whole frame is.
    """

    outline: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    brightest: _Places = field(default_factory=_nowhere)
    unexposed: Outlines = ([], [])
    lone: _Places = field(default_factory=_nowhere)


def traced(flat: Master, region: str | Rectangle, pattern: str) -> Traced:
    """Find what is drawn of a flat; takes tenths of a second on a large one, so call it in a thread."""
    inside = levelling(flat.image, region, pattern)
    areas, lone = (([], []), _nowhere()) if flat.unexposed is None else (_areas(flat.unexposed), _lone(flat.unexposed))
    if region == "max":
        y, x = np.nonzero(inside)
        return Traced(brightest=(x, y), unexposed=areas, lone=lone)
    return Traced(_edge(inside) if region == "lit" else _rectangle(inside), unexposed=areas, lone=lone)


def _block(shape: tuple[int, ...]) -> int:
    """Side of a block, even, so that it has all colours of a mosaic."""
    return max(2, -(-max(shape) // _BLOCKS) // 2 * 2)


def _edge(inside: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Lines where half of the pixels of a block are inside."""
    import contourpy

    side = _block(inside.shape)
    ny, nx = (size // side * side for size in inside.shape)
    share = inside[:ny, :nx].reshape(ny // side, side, nx // side, side).mean(axis=(1, 3), dtype=np.float32)
    share = np.pad(share, 1)
    x, y = (np.arange(-1, size - 1) * side + (side - 1) / 2 for size in share.shape[::-1])
    lines = contourpy.contour_generator(x, y, share).lines(0.5)
    # Of single pixels that noise has put on the other side no more than a dot would be seen.
    lines = [line for line in lines if np.ptp(line, axis=0).max() > 3 * side]
    return [line[:, 0] for line in lines], [line[:, 1] for line in lines]


def _rectangle(inside: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The line about all pixels inside."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not rows.size:
        return [], []
    left, right, top, bottom = columns[0] - 0.5, columns[-1] + 0.5, rows[0] - 0.5, rows[-1] + 0.5
    return [np.array([left, right, right, left, left])], [np.array([top, top, bottom, bottom, top])]


def _areas(lost: np.ndarray) -> Outlines:
    """Areas of blocks that have such pixels, in larger blocks where they are many."""
    side = _block(lost.shape) // 2
    while True:
        ny, nx = (-(-size // side) * side for size in lost.shape)
        blocks = np.zeros((ny, nx), bool)
        blocks[: lost.shape[0], : lost.shape[1]] = lost
        xs, ys = outlines(blocks.reshape(ny // side, side, nx // side, side).any(axis=(1, 3)), 1)
        if len(xs) <= _MOST:
            break
        side *= 2
    place = [[[[side * ring + (side - 1) / 2 for ring in rings] for rings in area] for area in one] for one in (xs, ys)]
    return place[0], place[1]


def _lone(lost: np.ndarray) -> _Places:
    """Middles of the small groups of pixels; none where they are too many to be ringed."""
    from scipy.ndimage import label

    groups, number = label(lost, np.ones((3, 3)))
    y, x = np.nonzero(lost)
    group = groups[y, x] - 1
    sizes = np.bincount(group, minlength=number)
    small = sizes <= _SMALL
    if not 0 < small.sum() <= _MOST:
        return _nowhere()
    return tuple((np.bincount(group, places, number) / sizes)[small] for places in (x, y))


class FlatLayer:
    """Lines, areas and rings on those figures that show a master flat.

    Parameters
    ----------
    figures : sequence of figure
        The pictures.
    """

    def __init__(self, figures: Sequence[figure]) -> None:
        self.figures = tuple(figures)
        self._renderers: list[list[GlyphRenderer]] = []
        self.outline = ColumnDataSource(data={"xs": [], "ys": []}, name="flat outline")
        self.unexposed = ColumnDataSource(data={"xs": [], "ys": []}, name="flat unexposed")
        self.brightest = ColumnDataSource(data={"x": [], "y": []}, name="flat brightest")
        self.lone = ColumnDataSource(data={"x": [], "y": []}, name="flat lone")

    def show(self, found: Traced, on: Sequence[bool]) -> None:
        """Draw a flat's marks on some of the figures; they are made where the first are drawn."""
        if not self._renderers and not any(on):
            return
        if any(on):
            lists = {self.outline: found.outline, self.unexposed: found.unexposed}
            for source, (xs, ys) in lists.items():
                source.data = {"xs": xs, "ys": ys}
            for source, (x, y) in {self.brightest: found.brightest, self.lone: found.lone}.items():
                source.data = {"x": x, "y": y}
        # As with an overlay: what is told of a glyph outside would overtake the glyph.
        with pn.io.hold(freeze=not self._renderers):
            self._renderers = self._renderers or [self._make(made) for made in self.figures]
            for renderers, seen in zip(self._renderers, on, strict=True):
                for renderer in renderers:
                    renderer.visible = seen

    def _make(self, made: figure) -> list[GlyphRenderer]:
        hatch = {
            "fill_color": LOST, "fill_alpha": 0.45, "hatch_pattern": "right_diagonal_line", "hatch_scale": 8,
            "hatch_weight": 1.5, "hatch_color": LOST, "line_color": LOST, "line_width": 1.2,
        }  # fmt: skip
        add = made.add_glyph
        drawn = [add(self.unexposed, MultiPolygons(xs="xs", ys="ys", **hatch))]
        for colour, dash, width in ((HALO, [], 3.6), (_INK, [6, 3], 1.4)):
            look = {"line_color": colour, "line_dash": dash, "line_width": width}
            drawn.append(add(self.outline, MultiLine(xs="xs", ys="ys", **look)))
            ring = {"size": 14, "fill_color": None, "line_width": width}
            drawn.append(add(self.brightest, Scatter(x="x", y="y", marker="circle", line_color=colour, **ring)))
            vermilion = colour if colour == HALO else LOST
            drawn.append(add(self.lone, Scatter(x="x", y="y", marker="square", line_color=vermilion, **ring)))
        return drawn
