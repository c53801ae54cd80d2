"""The frame of the page: a bar, a column at each side and the middle, as Material draws them."""

from __future__ import annotations

from collections.abc import Sequence

import panel as pn
import panel_material_ui as pmui
from panel.util import edit_readonly
from panel.viewable import Viewable
from param.parameterized import Watcher

from ui.theme import FIRST_PAINT, LEFT, RIGHT, THEME, root_style


def shell(
    *, header: Sequence[Viewable], left: Sequence[Viewable], middle: Sequence[Viewable], right: Sequence[Viewable]
) -> pmui.Page:
    """The page of some parts, dark and with both columns open.

    Parameters
    ----------
    header, left, middle, right : sequence of Viewable
        What stands in the bar, in the columns at the sides and between them.
    """
    before = set(_busy_watchers())
    page = pmui.Page(
        header=list(header),
        sidebar=list(left),
        main=list(middle),
        contextbar=list(right),
        meta_title="Starshift",
        raw_css=[FIRST_PAINT],
        sidebar_width=LEFT,
        sidebar_variant="persistent",
        sidebar_resizable=False,
        contextbar_width=RIGHT,
        contextbar_variant="persistent",
        contextbar_open=True,
        theme_toggle=False,
        busy_indicator=None,
        theme_config=THEME,
        sx=root_style(left_open=True, right_open=True, drawn=False),
        dark_theme=True,
    )
    # Material's page follows the server's busy state: each event then has Panel walk every model of the page twice, for
    # 50 ms, and the server holds every page that was ever open. What is busy says so at its own stage here.
    for watcher in set(_busy_watchers()) - before:
        pn.state.param.unwatch(watcher)
    with edit_readonly(page):
        page.busy = False
    return page


def _busy_watchers() -> list[Watcher]:
    return pn.state.param.watchers.get("busy", {}).get("value", [])
