"""Words that may come from anywhere (an address, a file's name) in a place that takes Markdown."""

from __future__ import annotations

import panel as pn


def plain(*lines: str) -> str:
    """Lines of text for a Material alert, which else makes pictures and links of what they say.

    Within a block of HTML there is no Markdown; a blank line would end it.
    """
    parts = (part for line in lines for part in line.splitlines() or [""])
    return f"<div>{'<br>'.join(map(pn.util.escape, parts))}</div>"
