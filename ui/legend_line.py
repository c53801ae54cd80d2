"""The line above the picture where other marks than the stars' states are drawn."""

from __future__ import annotations

# Where there is no room for all, first the gaps give way, then the numbers, the words last.
_WORDS = (
    "<style>.signs { gap: 12px; } .signs > span { min-width: 0; flex: 0 1 auto; } "
    ".signs > span > span:first-of-type { overflow: hidden; text-overflow: ellipsis; } "
    "@container (max-width: 760px) { .signs { gap: 6px; } } "
    "@container (max-width: 700px) { .signs > span > span:nth-of-type(2) { display: none; } } "
    "@container (max-width: 700px) { .signs:has(> span > span) { gap: 10px; } }</style>"
)
_LOOK = (
    "display:flex;height:31px;align-items:center;padding:0 12px 0 16px;overflow:hidden;"
    "font:12px/20px Roboto,sans-serif;font-variant-numeric:tabular-nums;color:var(--starshift-text);"
    "border-bottom:1px solid var(--starshift-hairline);background:var(--starshift-panel)"
)


def legend_line(label: str, cells: str) -> str:
    """Signs and words side by side, as HTML.

    Parameters
    ----------
    label : str
        What they are the signs of.
    cells : str
        HTML of all of them.
    """
    line = f'<div class="signs" role="group" aria-label="{label}" style="{_LOOK}">{cells}</div>'
    return f'{_WORDS}<div style="container-type:inline-size">{line}</div>'
