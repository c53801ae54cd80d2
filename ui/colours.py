"""The page's colours in both themes, and the colours that mean a star's state."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Palette:
    """Colours of one theme, as CSS text.

    Parameters
    ----------
    page, panel, raised, field, well : str
        Surfaces: behind everything, columns, the open stage, input fields and chips, around the picture.
    hairline, strong, grid : str
        Lines: between parts, slider rails and axes, under plots.
    text, second, third : str
        Words: plain, labels, stages that are not needed.
    accent, accent_text : str
        Sliders, the main button, the focus ring; and the ink on them.
    kept, cut : str
        Bars of a knob's histogram inside and outside its range.
    failed, failed_ground : str
        An error's words and what lies behind them.
    """

    page: str
    panel: str
    raised: str
    field: str
    well: str
    hairline: str
    strong: str
    grid: str
    text: str
    second: str
    third: str
    accent: str
    accent_text: str
    kept: str
    cut: str
    failed: str
    failed_ground: str


DARK = Palette(
    page="#0E1013", panel="#14171A", raised="#1B1F24", field="#22272D", well="#07080A",
    hairline="#262B31", strong="#3B434C", grid="#22272D",
    text="#E8EAED", second="#A6AEB8", third="#858E99",
    accent="#D3D9E0", accent_text="#14171A", kept="#4A535E", cut="#2B3138", failed="#FF8A80", failed_ground="#2A1B1B",
)  # fmt: skip
LIGHT = Palette(
    page="#F4F5F6", panel="#FFFFFF", raised="#FFFFFF", field="#F1F3F5", well="#E9EBEE",
    hairline="#E1E4E8", strong="#B9C0C8", grid="#ECEEF1",
    text="#1B1F24", second="#545D68", third="#68717C",
    accent="#333B45", accent_text="#FFFFFF", kept="#8D97A3", cut="#D9DEE3", failed="#B3261E", failed_ground="#FDF1F0",
)  # fmt: skip
PALETTES = {"dark": DARK, "light": LIGHT}

# Okabe and Ito (2008), "Color universal design": told apart by colour-blind eyes. Each state has its own shape too.
COMPLETE = "#009E73"
PARTIAL = "#56B4E9"
LOST = "#D55E00"
REJECTED = "#8A8A8A"
STAR = "#B9C0C8"
PICKED = "#F0E442"
REFERENCE = "#CC79A7"
# Of two recipes compared: stars that only this one keeps, and stars that only the other one keeps.
GAINED = "#E69F00"
MISSED = "#FFFFFF"
HALO = "#1B1F24"

# A marker's code is its place in this tuple.
STATES = ("complete", "partial", "lost", "rejected", "star", "below")
STATE_COLOURS = dict(zip(STATES, (COMPLETE, PARTIAL, LOST, REJECTED, STAR, REJECTED), strict=True))
