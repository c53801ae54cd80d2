"""What stands beside each of two pictures, one above the other: its kind, the star states, the limits, the colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ui.cuts import bars, limits
from ui.part import column
from ui.picture_parts import Beside, LimitStrip, StateChips
from ui.pyramid import Pyramid
from ui.stretch import VIEWS

WIDTH = 240
_HEAD, _STRIP, _STATES = 52, 84, 224
# Its parts ask how high it is, and what has no room in a low window gives way to the rest.
_LOOK = {"padding": "4px 0 8px", "min-height": "0", "container-type": "size"}


class PictureSide:
    """The column beside one picture; its parts are made when it is shown first.

    Parameters
    ----------
    index : int
        Number of the picture, from 0.
    on_kind : callable
        Called with the kind chosen for it.
    common : dict of str to object
        What all parts of the picture have in common: channel, theme, margin, sizing mode.
    """

    def __init__(self, index: int, on_kind: Callable[[str], None], common: dict[str, Any]) -> None:
        self._index, self._on_kind, self._common = index, on_kind, dict(common)
        self._about: dict[str, Any] = {"options": {}, "caption": ""}
        self._frame = ""
        self._hints: dict[str, str] = {}
        self._map_facts: list[str] = []
        self._head: Beside | None = None
        self.panel = column(width=WIDTH, sizing_mode="stretch_height", visible=False, styles=_LOOK)

    def _make(self) -> None:
        self._head = Beside(index=self._index, **self._common, **self._about)
        self._states = StateChips(tall=True, height=_STATES, hints=self._hints, **self._common)
        self._strip = LimitStrip(tall=True, height=_STRIP, **self._common)
        self._head.param.watch(lambda event: self._on_kind(event.new), "kind")
        self.panel.objects = [self._head, self._states, self._strip]

    def set_theme(self, theme: str) -> None:
        """Take the theme "dark" or "light"."""
        self._common["theme"] = theme
        if self._head is not None:
            for part in (self._head, self._states, self._strip):
                part.theme = theme

    def set_options(self, options: dict[str, str]) -> None:
        """Name the kinds that can be chosen."""
        self._about["options"] = options
        if self._head is not None:
            self._head.options = options

    def set_caption(self, frame: str, time: str) -> None:
        """Say which frame is shown, and when it was taken."""
        self._frame = frame
        self._about["caption"] = ", ".join(filter(None, (frame, time)))
        if self._head is not None:
            is_map = VIEWS[self._head.kind].is_map
            self._head.caption = self._map_caption() if is_map else self._about["caption"]

    def _map_caption(self) -> str:
        return f"{self._frame} minus reference" if self._frame else ""

    def set_hints(self, hints: dict[str, str]) -> None:
        """Say more about a state on hover."""
        self._hints = hints
        if self._head is not None:
            self._states.hints = hints

    def set_map_facts(self, facts: list[str]) -> None:
        """Say how the offset map was made."""
        self._map_facts = facts
        if self._head is not None and VIEWS[self._head.kind].is_map:
            self._head.facts = facts

    def show(self, kind: str, pyramid: Pyramid | None, *, states: bool, shades: str) -> None:
        """Stand beside a picture.

        Parameters
        ----------
        kind : str
            What the picture shows.
        pyramid : Pyramid or None
            Its pixels.
        states : bool
            Whether the star states are listed here.
        shades : str
            256 colours of six hexadecimal digits each, from the lowest value to the highest.
        """
        if self._head is None:
            self._make()
        view = VIEWS[kind]
        grey = view.sky
        self._states.visible, self._strip.visible = grey and states, grey
        if grey:
            values = {"palette": "", "facts": [], "caption": self._about["caption"]}
            if pyramid is not None:
                self._strip.counts = bars(pyramid)
        else:
            values = {
                "palette": shades,
                "facts": self._map_facts if view.is_map else [],
            }
            values["low"], values["high"] = (0.0, 0.0) if pyramid is None else limits(pyramid, view)
            values["unit"] = view.unit
            values["caption"] = self._map_caption() if view.is_map else self._about["caption"]
        self._head.sizing_mode, self._head.height = ("stretch_width", _HEAD) if grey else ("stretch_both", None)
        self._head.param.update(kind=kind, **values)
        self.panel.visible = True

    def hide(self) -> None:
        """Stand aside."""
        if self.panel.visible:
            self.panel.visible = False
