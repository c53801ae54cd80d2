"""The bar over everything: data, reference, history, recipe, run, theme, help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui

from pipeline.frame import Sequence
from pipeline.read import stem
from ui.bar_button import BarButton
from ui.colours import REFERENCE
from ui.session import Session
from ui.theme import SLIM

LOGO = """<div class="brand"><svg width="24" height="24" viewBox="0 0 24 24" aria-hidden="true" fill="currentColor">
<circle cx="4.5" cy="18.5" r="1.3" opacity=".5"/><circle cx="9.3" cy="15.2" r="1.7" opacity=".75"/>
<circle cx="16" cy="9.5" r="2.4"/>
<circle cx="16" cy="9.5" r="5.6" fill="none" stroke="currentColor" stroke-width="1.6"/></svg>
<h1>Starshift</h1></div>"""
LOGO_STYLE = """.brand { display: flex; align-items: center; gap: 10px; color: var(--starshift-text); }
h1 { font: 700 20px/24px Roboto, sans-serif !important; margin: 0; }
"""
LOGO_STYLE += f"{SLIM} {{ h1 {{ position: absolute; width: 1px; overflow: hidden; clip-path: inset(50%); }} }}"
DIAMOND = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none">'
    f'<path d="M12 4l8 8-8 8-8-8z" stroke="{REFERENCE}" stroke-width="2"/></svg>'
)


# So many letters of what is open and of the reference's name have their place, in a narrow window and in a wide one;
# and in a slim one, whose bar has no room for words that a sign stands beside, and none for what keys do too.
ROOM = {True: 44, False: 80}
SLIM_ROOM = 30
_HIDDEN = f"{SLIM} {{ :host {{ display: none !important; }} }}"


def fitting(title: str, reference: str, room: int) -> tuple[str, str]:
    """What is open and the reference's name, cut to so many letters together where that can be.

    Of a folder's name the end goes; of a file's the beginning, for the files of a night differ in their ends.
    """
    name, comma, count = title.rpartition(", ")
    over = len(title) + len(reference) - room
    if over > 0 and len(reference) > 10:
        reference = "\u2026" + reference[-max(9, len(reference) - over - 1) :]
        over = len(title) + len(reference) - room
    if over > 0 and len(name) > 12:
        name = name[: max(11, len(name) - over - 1)] + "\u2026"
    return f"{name}{comma}{count}", reference


def _line() -> pn.pane.HTML:
    return pn.pane.HTML("", width=1, height=28, margin=(0, 8), styles={"background": "var(--starshift-hairline)"})


def menu(label: str, items: list[tuple[str, Callable[[], Any]]], **options: Any) -> pmui.MenuButton:
    """A button that opens a menu of verbs."""
    button = pmui.MenuButton(
        label=label, items=[{"label": text} for text, _ in items], variant="text", margin=0, **options
    )
    actions = dict(items)

    def choose(item: dict[str, Any]) -> None:
        actions[item["label"]]()

    button.on_click(choose)
    return button


class TopBar:
    """The header's parts, and what they show of the session.

    Parameters
    ----------
    session : Session
        What is shown.
    data, recipe, download : list of (str, callable)
        Entries of the menus.
    on_run, on_help, on_theme : callable
        The buttons.
    """

    def __init__(
        self,
        session: Session,
        *,
        data: list[tuple[str, Callable[[], Any]]],
        recipe: list[tuple[str, Callable[[], Any]]],
        download: list[tuple[str, Callable[[], Any]]],
        on_run: Callable[[], Any],
        on_help: Callable[[], Any],
        on_theme: Callable[[], Any],
    ) -> None:
        self._session = session
        self._named, self._narrow, self._slim = "", False, False
        self._data = menu("Open", data, icon="folder_outlined", icon_size="18px")
        self._reference = pmui.MenuButton(
            label="reference",
            items=[],
            variant="text",
            margin=0,
            icon=DIAMOND,
            icon_size="16px",
            sx={"& .MuiButton-startIcon": {"color": REFERENCE}},
            visible=False,
        )
        self._reference.on_click(self._choose_reference)
        self._undo = BarButton("undo", "Undo the last turn", session.undo, stylesheets=[_HIDDEN])
        self._redo = BarButton("redo", "Redo", session.redo, stylesheets=[_HIDDEN])
        self._theme = BarButton("light", "", on_theme)
        self._help = BarButton("help", "Help", on_help)
        self._run = pmui.Button(
            label="Run all", variant="contained", margin=(0, 8), height=32, on_click=lambda *_: on_run()
        )
        self.show_theme(dark=True)
        self.parts = [
            pn.pane.HTML(LOGO, stylesheets=[LOGO_STYLE], margin=(4, 8, 4, 0)),
            _line(),
            self._data,
            self._reference,
            pn.Spacer(sizing_mode="stretch_width"),
            self._undo,
            self._redo,
            menu("Recipe", recipe),
            menu("Download", download),
            self._run,
            _line(),
            self._theme,
            self._help,
        ]
        self.draw()

    def say(self, text: str) -> None:
        """Show what is being done in place of the title."""
        self._data.label = text

    def _choose_reference(self, item: dict[str, Any]) -> None:
        self._session.turn("frames", "reference", item["label"])

    def draw(self) -> None:
        """Show the session's title and whether there is something to take back."""
        session = self._session
        self._draw_names()
        self._undo.barred = not session.can_undo
        self._redo.barred = not session.can_redo

    @property
    def narrow(self) -> bool:
        """Whether the window is narrow, so that long names are cut; setting it writes them anew."""
        return self._narrow

    @narrow.setter
    def narrow(self, narrow: bool) -> None:
        self._narrow = narrow
        self._draw_names()

    @property
    def slim(self) -> bool:
        """Whether the window has no room for the stages beside the picture; setting it writes the names anew."""
        return self._slim

    @slim.setter
    def slim(self, slim: bool) -> None:
        self._slim = slim
        self._draw_names()

    def _draw_names(self) -> None:
        room = SLIM_ROOM if self._slim else ROOM[self._narrow]
        title, reference = fitting(self._session.title, self._named, room)
        named = reference if self._slim else f"reference {reference}"
        for button, label in ((self._data, title or "Open"), (self._reference, named)):
            if button.label != label:
                button.label = label

    def show_sequence(self, sequence: Sequence | None) -> None:
        """Offer the frames as references; there are none where no file can be used."""
        if sequence is None:
            self._reference.visible = False
            return
        files = [info.file for info, why in zip(sequence.frames, sequence.unusable, strict=True) if not why]
        self._named = stem(sequence.frames[sequence.reference].file)
        self._reference.param.update(items=[{"label": file} for file in files], visible=True)
        self._draw_names()

    def show_theme(self, dark: bool) -> None:
        """Take a theme's colours, and show the other one, which a click would bring."""
        for button in (self._undo, self._redo, self._theme, self._help):
            button.theme = "dark" if dark else "light"
        other = "light" if dark else "dark"
        self._theme.param.update(icon=other, label=f"{other.capitalize()} theme")
