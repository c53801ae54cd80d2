"""The line above the picture where other marks than the stars' states are drawn."""

from __future__ import annotations

_LOOK = (
    "display:flex;gap:11px;height:31px;align-items:center;padding:0 16px;overflow:hidden;"
    "font:13px/20px Roboto,sans-serif;font-variant-numeric:tabular-nums;color:var(--starshift-text);"
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
    return f'<div role="group" aria-label="{label}" style="{_LOOK}">{cells}</div>'
