"""One star's card: what became of it, its cut-outs and measures."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

import numpy as np
import panel as pn

from ui.colours import LOST, PALETTES, REFERENCE, Palette
from ui.part import column
from ui.stretch import LIMITS, shares


class StarCard:
    """What is known of one star, as words, cut-outs and numbers.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    """

    def __init__(self, theme: str = "dark") -> None:
        self._theme = theme
        self._shown: tuple | None = None
        self._why = ""
        self._pane = pn.pane.HTML("", margin=0, sizing_mode="stretch_width")
        self.panel = column(self._pane, sizing_mode="stretch_width")

    @property
    def theme(self) -> str:
        """Either "dark" or "light"; setting it repaints."""
        return self._theme

    @theme.setter
    def theme(self, theme: str) -> None:
        self._theme = theme
        self._draw()

    def show(
        self,
        star: int,
        state: str,
        sentence: str,
        measures: Sequence[tuple[str, str, str]],
        cutouts: Sequence[np.ndarray | None] = (),
        *,
        noise: float = 1.0,
        reference: int = 0,
        frame: int = 0,
    ) -> None:
        """Fill the card.

        Parameters
        ----------
        star : int
            The star's id.
        state : str
            "complete", "partial", "lost", "rejected" or "star".
        sentence : str
            What became of it, in words.
        measures : sequence of (str, str, str)
            Name, value and unit.
        cutouts : sequence of ndarray or None
            Small square pieces around it, one a frame, without their sky; None where it was not measured.
        noise : float
            Of a sky pixel, for the stretch of the cut-outs.
        reference, frame : int
            Numbers of the frames that are outlined.
        """
        self._shown = (star, state, sentence, tuple(measures), tuple(cutouts), noise, reference, frame)
        self._draw()

    def clear(self, why: str = "") -> None:
        """Empty the card, and say why, where nobody asked for it."""
        self._shown, self._why = None, why
        self._draw()

    def _draw(self) -> None:
        colours = PALETTES[self._theme]
        if self._shown is None:
            look = f"padding:16px;color:{colours.second};font:14px/20px Roboto,sans-serif"
            words = f"{html.escape(self._why)} Click on a star to see what became of it.".strip()
            self._pane.object = f'<div style="{look}">{words}</div>'
            return
        star, state, sentence, measures, cutouts, noise, reference, frame = self._shown
        rows = "".join(
            f'<span style="color:{colours.second}">{html.escape(name)}</span>'
            f'<span>{html.escape(value)} <span style="color:{colours.second}">{html.escape(unit)}</span></span>'
            for name, value, unit in measures
        )
        chip = (
            f'<span style="background:{colours.field};border-radius:12px;padding:2px 10px;font-size:13px">'
            f"{html.escape(state)}</span>"
        )
        self._pane.object = (
            f'<div style="padding:12px 16px;color:{colours.text};font:14px/20px Roboto,sans-serif">'
            f'<div style="display:flex;gap:12px;align-items:center"><b>Star {star}</b>{chip}</div>'
            f'<div style="font-size:12px;color:{colours.second};margin:4px 0 8px">{html.escape(sentence)}</div>'
            f"{_strip(cutouts, noise, reference, frame, colours)}"
            f'<div style="display:grid;grid-template-columns:auto 1fr auto 1fr;gap:2px 12px;font-size:12px;'
            f'margin-top:8px">{rows}</div></div>'
        )


def _strip(cutouts: Sequence[np.ndarray | None], noise: float, reference: int, frame: int, colours: Palette) -> str:
    cells = []
    for k, cutout in enumerate(cutouts):
        outline = REFERENCE if k == reference else colours.text if k == frame else "transparent"
        look = f"width:28px;height:28px;outline:2px solid {outline};border-radius:2px;display:block"
        if cutout is None:
            cells.append(f'<span style="{look};color:{LOST};text-align:center;line-height:28px">×</span>')
        else:
            picture = png(shares(cutout, "asinh", LIMITS[0] * noise, max(LIMITS[1] * noise, float(np.nanmax(cutout)))))
            cells.append(f'<img alt="frame {k + 1}" src="{picture}" style="{look};image-rendering:pixelated">')
    return f'<div style="display:grid;grid-template-columns:repeat(12,28px);gap:4px">{"".join(cells)}</div>'


def png(brightness: np.ndarray) -> str:
    """A grey picture from values between 0 and 1 as a data address; NaN is black."""
    from PIL import Image as Picture

    grey = (255 * np.nan_to_num(np.clip(brightness, 0, 1))).astype(np.uint8)
    written = io.BytesIO()
    Picture.fromarray(grey).save(written, "png")
    return "data:image/png;base64," + base64.b64encode(written.getvalue()).decode()
