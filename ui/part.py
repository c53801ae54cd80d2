"""What the page's own small components have in common: colours, a channel to each other in the browser, a style."""

from __future__ import annotations

from dataclasses import asdict
from itertools import count
from pathlib import Path

import panel as pn
import param
from panel.custom import JSComponent

from ui.colours import LOST, PALETTES, PARTIAL, PICKED, REFERENCE, REJECTED, STATE_COLOURS

_HERE = Path(__file__).parent
_numbers = count(1)
# What scrolls has a narrow bar in the page's colours, which its root says for all.
SCROLLED = ":host { scrollbar-width: thin; }"


def variables(theme: str) -> str:
    """The palette of "dark" or "light" and the state colours as CSS custom properties."""
    states = STATE_COLOURS | {"lost": LOST, "partial": PARTIAL, "rejected": REJECTED}
    colours = asdict(PALETTES[theme]) | states | {"picked": PICKED, "reference": REFERENCE}
    return "".join(f"--{name.replace('_', '-')}:{value};" for name, value in colours.items())


def text(name: str) -> str:
    """A script or style sheet that lies beside this module."""
    return (_HERE / name).read_text(encoding="utf-8")


def style() -> str:
    """The style sheet of all parts, with both palettes."""
    palettes = "".join(f".{theme}{{color-scheme:{theme};{variables(theme)}}}" for theme in PALETTES)
    return palettes + text("part.css")


def new_channel() -> str:
    """A name for the events by which the parts of one page speak to each other in the browser."""
    return f"picture-{next(_numbers)}"


class Part(JSComponent):
    """A component written in plain JavaScript."""

    __abstract = True

    channel = param.String(default="")
    theme = param.Selector(default="dark", objects=list(PALETTES))

    # Panel else waits 50 ms before it looks at a change made in the browser.
    _debounce = 0
    _stylesheets = [style()]  # noqa: RUF012  (Panel reads a class attribute)


def column(*parts: pn.viewable.Viewable, **options: object) -> pn.Column:
    """A column without gaps; Panel's own, because Material's leaves plots blank."""
    return pn.Column(*parts, margin=0, stylesheets=[SCROLLED] if options.get("scroll") else [], **options)
