"""The line above the picture where other marks than the stars' states are drawn."""

from __future__ import annotations

from ui.theme import NARROW

# Where there is no room for all the words give way, and not the last of the signs.
_WORDS = (
    "<style>.signs > span { min-width: 0; flex: 0 1 auto; } "
    ".signs > span > span:first-of-type { overflow: hidden; text-overflow: ellipsis; } "
    f"{NARROW} {{ .signs {{ gap: 5px !important; padding: 0 8px !important; }} }}</style>"
)
_LOOK = (
    "display:flex;gap:9px;height:31px;align-items:center;padding:0 12px 0 16px;overflow:hidden;"
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
    return f'{_WORDS}<div class="signs" role="group" aria-label="{label}" style="{_LOOK}">{cells}</div>'
