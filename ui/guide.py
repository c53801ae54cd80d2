"""What helps a visitor along: explanations in a dialog, the keys and their list, the first tour, a lost server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

from ui.part import Part, style, text
from ui.stage_list import explanation

HELP = "What this page does"
_STYLE = """:host { font: 400 14px/20px Roboto, sans-serif; }
table { border: 0; border-collapse: collapse; }
th, td { border: solid var(--starshift-hairline); border-width: 1px 0; padding: 4px 24px 4px 0; text-align: left; }
th { font-weight: 400; color: var(--starshift-second); }
a, code, a code { color: var(--starshift-text); }
a { text-decoration: underline; }"""


class Keys(Part):
    """Listens for the page's keys; ``opened`` shows their list when it is raised."""

    opened = param.Integer(0)

    _esm = text("keys.js")

    def __init__(self, on_turn: dict[str, Callable[[], None]], **params: Any) -> None:
        self._on_turn = on_turn
        super().__init__(width=0, height=0, margin=0, stylesheets=[text("keys.css")], **params)

    def _handle_msg(self, data: Any) -> None:
        if isinstance(data, dict) and data.get("turn") in self._on_turn:
            self._on_turn[data["turn"]]()


class Tour(Part):
    """Shows the first tour once by itself, and when ``started`` is raised."""

    palettes = param.String(style())
    started = param.Integer(0)

    _esm = text("tour.js")

    def __init__(self, **params: Any) -> None:
        super().__init__(width=0, height=0, margin=0, **params)


class Lost(Part):
    """Covers the page when its server is gone, and opens it again."""

    _esm = text("lost.js")

    def __init__(self, **params: Any) -> None:
        super().__init__(width=0, height=0, margin=0, **params)


class Guide:
    """Explanations, keys and tour of one page, and the word that its server is gone.

    Parameters
    ----------
    channel : str
        The picture's, by which keys reach it and the player.
    undo, redo : callable
        Take the last turn of a knob back, and again.
    theme : str
        "dark" or "light".
    """

    def __init__(
        self, channel: str, *, undo: Callable[[], None], redo: Callable[[], None], theme: str = "dark"
    ) -> None:
        self._keys = Keys({"undo": undo, "redo": redo}, channel=channel, theme=theme)
        self._tour = Tour(channel=channel, theme=theme)
        self._lost = Lost(theme=theme)
        self._dialog = pmui.Dialog(
            show_close_button=True, close_on_click=True, width_option="md", sizing_mode="stretch_width"
        )
        self.parts = (self._keys, self._tour, self._lost, self._dialog)

    @property
    def theme(self) -> str:
        """Either "dark" or "light"."""
        return self._keys.theme

    @theme.setter
    def theme(self, theme: str) -> None:
        self._keys.theme = self._tour.theme = self._lost.theme = theme

    def explain(self, name: str) -> None:
        """Show a stage's explanation."""
        heading, _, rest = explanation(name).partition("\n")
        self._show(heading.lstrip("# "), rest)

    def help(self) -> None:
        """Show what the page does, with ways to the tour and the keys."""
        buttons = (
            pmui.Button(
                label=label, variant="outlined", height=32, margin=0, on_click=lambda *_, go=go: self._leave(go)
            )
            for label, go in (("Take the tour", self._start), ("List the keys", self._list))
        )
        rest = explanation("help").partition("\n")[2]
        self._show(HELP, rest, pn.Row(*buttons, margin=(0, 0, 8, 0), styles={"gap": "8px"}))

    def _show(self, title: str, words: str, *above: pn.viewable.Viewable) -> None:
        body = pn.pane.Markdown(words, sizing_mode="stretch_width", margin=(0, 0, 16, 0), stylesheets=[_STYLE])
        self._dialog.param.update(title=title, objects=[*above, body], open=True)

    def _leave(self, go: Callable[[], None]) -> None:
        self._dialog.open = False
        go()

    def _start(self) -> None:
        self._tour.started += 1

    def _list(self) -> None:
        self._keys.opened += 1
