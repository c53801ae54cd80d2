"""What stands above a plot, and how its numbers are written."""

from __future__ import annotations

import html

from ui.colours import Palette

# Bokeh writes a hyphen for a minus, and only as many decimals as each number needs by itself.
MINUS = """
const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1
const decimals = Math.min(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)), 9)
return tick.toFixed(decimals).replace(/^-(?=[0.]*$)/, '').replace('-', '−')
"""


def title_line(title: str, unit: str, right: str, colours: Palette, *, wraps: bool = False) -> str:
    """A plot's title with its unit in second text and words at the right, as HTML; or, if it wraps, in two lines."""
    if wraps:
        return (
            f'<div style="font:14px/18px Roboto,sans-serif;color:{colours.text};overflow:hidden;display:-webkit-box;'
            f'-webkit-box-orient:vertical;-webkit-line-clamp:2">{title}&ensp;<span title="{html.escape(unit)}" '
            f'style="font-size:12px;color:{colours.second}">{unit}</span></div>'
        )
    return (
        f'<div style="display:flex;gap:8px;align-items:baseline;font:14px/20px Roboto,sans-serif;color:{colours.text}">'
        f'<span style="white-space:nowrap">{title}</span>'
        f'<span title="{html.escape(unit)}" style="font-size:12px;min-width:0;overflow:hidden;text-overflow:ellipsis;'
        f'white-space:nowrap;color:{colours.second}">{unit}</span>'
        f'<span style="margin-left:auto;white-space:nowrap;font-size:12px;color:{colours.second}">{right}</span></div>'
    )
