"""The rail of a narrow window: opens the right column over the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import param

from ui.part import Part, text
from ui.theme import NARROW_BELOW, RAIL, SLIM_BELOW

_STYLE = f"@media (min-width: {NARROW_BELOW + 1}px) {{ :host {{ display: none !important; }} }}"


class SideRail(Part):
    """The tabs' names under icons; seen in a narrow window only.

    Parameters
    ----------
    on_choose : callable
        Called with the name that is clicked on.
    on_narrow, on_slim : callable
        Called with whether the window is narrow, or so narrow that it has no room for the left column either, when that
        changes and at first where it is.
    """

    names = param.List([])
    open = param.String("")
    below = param.Dict({"narrow": NARROW_BELOW, "slim": SLIM_BELOW})

    _esm = text("rail.js")

    def __init__(
        self,
        on_choose: Callable[[str], None],
        on_narrow: Callable[[bool], None],
        on_slim: Callable[[bool], None],
        **params: Any,
    ) -> None:
        self._on_choose, self._on_narrow, self._on_slim = on_choose, on_narrow, on_slim
        super().__init__(width=RAIL, sizing_mode="stretch_height", margin=0, stylesheets=[_STYLE], **params)

    def _handle_msg(self, data: Any) -> None:
        if "narrow" in data:
            self._on_narrow(bool(data["narrow"]))
        elif "slim" in data:
            self._on_slim(bool(data["slim"]))
        elif data.get("name") in self.names:
            self._on_choose(data["name"])
