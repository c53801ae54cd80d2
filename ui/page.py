"""The page: top bar, stages, picture and tabs, put together and drawn from a Session."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ui.colours import PALETTES, Palette


def _scheme(palette: Palette) -> dict[str, Any]:
    return {
        "palette": {
            "primary": {"main": palette.accent, "contrastText": palette.accent_text},
            "background": {"default": palette.page, "paper": palette.panel},
            "text": {"primary": palette.text, "secondary": palette.second},
            "divider": palette.hairline,
            "error": {"main": palette.failed},
        }
    }


THEME = {
    "dark": _scheme(PALETTES["dark"]),
    "light": _scheme(PALETTES["light"]),
    "typography": {"fontFamily": "Roboto, sans-serif", "fontSize": 14},
    "shape": {"borderRadius": 6},
}


def root_style() -> dict[str, Any]:
    """Style of the page's root: the palettes as variables, and the measures of bars and columns."""
    names = {
        mode: {f"--starshift-{name}": colour for name, colour in asdict(p).items()} for mode, p in PALETTES.items()
    }
    return {
        "&.mui-dark": names["dark"],
        "&.mui-light": names["light"],
        "& .MuiToolbar-root": {"minHeight": "48px !important", "height": "48px"},
    }
