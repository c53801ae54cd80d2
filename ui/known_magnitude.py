"""The picked star's magnitude, typed in by who knows it: it makes the zero point of all."""

from __future__ import annotations

import html
from collections.abc import Callable

import panel as pn
import panel_material_ui as pmui

from pipeline.knob import KnobError
from ui.colours import PALETTES
from ui.part import column

_NO_NUMBER = "A magnitude is a number from \u221230 to 40."


class KnownMagnitude:
    """A field for one star's magnitude.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    on_know : callable
        Called with the star and its magnitude, or None where it shall be forgotten.
    """

    def __init__(self, theme: str, on_know: Callable[[int, float | None], None]) -> None:
        self._on_know, self.theme = on_know, theme
        self._shown: tuple[int, str, float | None] | None = None
        self._field = pmui.TextInput(label="Its magnitude", size="small", margin=(8, 0, 8, 16), width=150)
        self._field.param.watch(lambda event: self._take(), "enter_pressed")
        self._set = self._button("Set the zero point", "outlined", self._take)
        self._forget = self._button("Forget it", "text", lambda: self._tell(None))
        self._words = pn.pane.HTML("", margin=(0, 16, 8, 16), sizing_mode="stretch_width")
        row = pn.Row(self._field, self._set, self._forget, margin=0, sizing_mode="stretch_width")
        self.panel = column(row, self._words, sizing_mode="stretch_width")

    def _button(self, label: str, variant: str, act: Callable[[], None]) -> pmui.Button:
        return pmui.Button(
            label=label, variant=variant, height=32, margin=(12, 0, 8, 8), on_click=lambda *_: act()
        )  # fmt: skip

    def show(self, star: int, filter_name: str, known: float | None) -> None:
        """Ask for a star's magnitude in a filter; what is known of it stands in the field."""
        self._forget.visible = known is not None
        if self._shown == (star, filter_name, known):
            return
        self._shown = star, filter_name, known
        self._field.label = f"Its magnitude in {filter_name}" if filter_name else "Its magnitude"
        self._field.value = self._field.value_input = "" if known is None else f"{known:g}"
        self._say("")

    def _take(self) -> None:
        text = (self._field.value_input or self._field.value or "").strip()
        try:
            self._tell(float(text.replace("\u2212", "-").replace(",", ".")))
        except (ValueError, KnobError):
            self._say(_NO_NUMBER)

    def _tell(self, magnitude: float | None) -> None:
        if self._shown is not None:
            self._say("")
            self._on_know(self._shown[0], magnitude)

    def _say(self, words: str) -> None:
        look = f"color:{PALETTES[self.theme].text};font:12px/16px Roboto,sans-serif"
        self._words.object = f'<div role="alert" style="{look}">{html.escape(words)}</div>' if words else ""
