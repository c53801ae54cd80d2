"""The names of the right column's tabs, in one row."""

from __future__ import annotations

from typing import Any

import panel_material_ui as pmui

# All tabs are seen at once, as far apart as the column lets them be.
CLOSE = {
    "& .MuiTabs-flexContainer, & .MuiTabs-list": {"justifyContent": "space-between"},
    "& .MuiTab-root": {"marginRight": 0, "padding": "0 2px", "fontSize": "13px"},
    # With the truth's they are nine, whose words would else read as one sentence.
    "& .MuiTab-root:first-of-type:nth-last-of-type(n + 9), & .MuiTab-root:nth-last-of-type(n + 9) ~ .MuiTab-root": {
        "fontSize": "12px"
    },
}


class Tabs(pmui.TabMenu):
    """The tabs' names; what a click opens is told by ``active`` alone.

    The message of a click may be heard when another tab is open already, and Material would then go back to the first.
    """

    def _process_click(self, msg: dict[str, Any], index: int, value: Any) -> None:
        pass
