"""The signs of measured stars, as they stand in a line of words."""

from __future__ import annotations

from collections.abc import Mapping

from ui.colours import HALO
from ui.flux_facts import WORDS
from ui.flux_marks import LOOKS
from ui.legend_line import legend_line

_PATHS = {
    "circle": '<circle cx="7" cy="7" r="4.6"/>',
    "circle_dot": '<circle cx="7" cy="7" r="4.6"/><circle cx="7" cy="7" r=".6"/>',
    "triangle": '<path d="M7 2.4l4.8 8.4H2.2z"/>',
    "star": '<path d="M7 1.6l1.6 3.6 3.8.4-2.8 2.6.8 3.8L7 10.1 3.6 12l.8-3.8L1.6 5.6l3.8-.4z"/>',
    "hex": '<path d="M7 1.8l4.6 2.6v5.2L7 12.2 2.4 9.6V4.4z"/>',
    "x": '<path d="M3 3l8 8M11 3l-8 8"/>',
    "square": '<path d="M2.8 2.8h8.4v8.4H2.8z"/>',
    "cross": '<path d="M7 2.4v9.2M2.4 7h9.2"/>',
    "diamond": '<path d="M7 1.6L12.4 7 7 12.4 1.6 7z"/>',
}


def sign(kind: str) -> str:
    """The mark that the picture has at stars of a kind."""
    colour, marker = LOOKS[kind]
    path = _PATHS[marker]
    return (
        '<svg width="14" height="14" aria-hidden="true" fill="none" style="flex:none">'
        f'<g stroke="{HALO}" stroke-width="3">{path}</g><g stroke="{colour}" stroke-width="1.5">{path}</g></svg>'
    )


def legend(counts: Mapping[str, int]) -> str:
    """How stars of each kind are drawn, and how many there are, in one line."""
    cells = "".join(
        f'<span title="{number} {kind}: {WORDS[kind]}" '
        f'style="display:inline-flex;gap:5px;align-items:center;white-space:nowrap">'
        f'{sign(kind)}<span>{kind}</span><span style="color:var(--starshift-second)">{number}</span></span>'
        for kind, number in counts.items()
    )
    return legend_line("Measured stars in the picture", cells)
