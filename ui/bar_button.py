"""Buttons of the top bar that are icons. Their words come with the pointer and go with it, as the toolbar's do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import param

from ui.part import Part, text


class BarButton(Part):
    """An icon that can be pressed, unless it is ``barred``.

    Parameters
    ----------
    icon, label : str
        One of the icons of ``bar_button.js``, and what a click does.
    click : callable
        Called at each click.
    """

    icon = param.String("")
    label = param.String("")
    barred = param.Boolean(False)
    clicks = param.Integer(0)

    _esm = text("bar_button.js")

    def __init__(self, icon: str, label: str, click: Callable[[], Any], **params: Any) -> None:
        super().__init__(icon=icon, label=label, width=34, height=32, margin=0, **params)
        self.param.watch(lambda event: click(), "clicks")
