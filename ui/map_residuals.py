"""What a map leaves over at its stars: arrows over the field, and numbers beside them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import panel as pn

from pipeline.tables import OffsetMap, Tracks
from ui.arrows import ArrowPlot, arrow_sign
from ui.colours import PALETTES, REJECTED
from ui.map_facts import median_error, rms
from ui.part import column
from ui.plot_titles import title_line
from ui.region import Region, stars_inside
from ui.stretch import number

_WIDTH, _HEIGHT = 240, 184


class Residuals:
    """Arrows of a map's residuals with their rms, the map's error and the numbers of stars.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    on_pick : callable
        Called with the ``id`` of a star clicked on.
    """

    def __init__(self, theme: str, on_pick: Callable[[int], None]) -> None:
        self._maps: OffsetMap | None = None
        self._left, self._clipped = np.empty((2, 0)), 0
        self.plot = ArrowPlot("map residuals", _WIDTH, _HEIGHT, theme, on_pick)
        self._title = pn.pane.HTML(margin=(0, 16), sizing_mode="stretch_width", height=20)
        self._numbers = pn.pane.HTML(margin=0, sizing_mode="stretch_width")
        row = pn.Row(
            self.plot.panel, self._numbers, margin=(8, 16), sizing_mode="stretch_width", styles={"gap": "16px"}
        )  # fmt: skip
        line = {"border-top": "1px solid var(--starshift-hairline)", "padding-top": "12px"}
        self.panel = column(self._title, row, sizing_mode="stretch_width", styles=line)

    @property
    def theme(self) -> str:
        """Either "dark" or "light"; setting it repaints."""
        return self.plot.theme

    @theme.setter
    def theme(self, theme: str) -> None:
        self.plot.theme = theme
        self._write()

    def update(self, maps: OffsetMap, tracks: Tracks, frame: int, region: Region | None = None) -> None:
        """Draw what is left over at the stars of a map, those of a region alone where one is given."""
        places, seen = np.stack([tracks.x[frame], tracks.y[frame]]), stars_inside(region, tracks)
        chosen, clipped = seen[maps.stars], maps.clipped[seen[maps.clipped]]
        ids = maps.stars[chosen]
        self._maps, self._clipped = maps, len(clipped)
        self._left = np.stack([maps.residual_x, maps.residual_y])[:, chosen]
        with pn.io.hold():
            self.plot.update(ids, places[:, ids], self._left, tracks.shape, places[:, clipped])
            self._write()

    def set_picked(self, star: int | None) -> None:
        """Ring one star; None takes the ring away."""
        self.plot.set_picked(star)

    def _write(self) -> None:
        colours, maps = PALETTES[self.theme], self._maps
        if maps is None:
            return
        times = f", enlarged {self.plot.times:,.10g} times" if self.plot.times else ": nothing"
        self._title.object = title_line("Residuals", f"what the map leaves over{times}", "", colours)
        value, length = self.plot.scale
        across = rms(self._left[0]), rms(self._left[1])
        used = self._left.shape[1]
        texts = (
            ("rms, x and y", f"{number(across[0])}, {number(across[1])}\u2009px"),
            ("median error", f"{number(median_error(maps))}\u2009px"),
            ("stars used", f"{used} of {used + self._clipped}"),
        )
        dot = f'<span style="width:5px;height:5px;border-radius:3px;background:{REJECTED}"></span>'
        keys = (
            (dot, f"{self._clipped} clipped"),
            (arrow_sign(length, colours), f"{value:g}\u2009px" if value else ""),
        )
        rows = "".join(f'<div style="color:{colours.second}">{name}</div><div>{text}</div>' for name, text in texts)
        rows = rows.replace("</div><div style", '</div><div style="height:8px"></div><div style')
        lines = "".join(
            f'<div style="display:flex;gap:8px;align-items:center;margin-top:6px">{sign}<span>{text}</span></div>'
            for sign, text in keys
            if text
        )
        look = f"font:12px/16px Roboto,sans-serif;font-variant-numeric:tabular-nums;color:{colours.text}"
        self._numbers.object = f'<div style="{look}">{rows}{lines}</div>'
