"""The browser's address: read when the page opens or somebody changes it, written when something else is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import param

from ui.address_text import AddressError, Place, address_of, place_of
from ui.look import beside
from ui.part import Part, text
from ui.pictures import MADE_OF

if TYPE_CHECKING:
    from pipeline.frame import Sequence
    from ui.picture import Picture
    from ui.session import Session

REFUSED = "The address asks for something that cannot be shown: {why}. The page opens with its defaults."
LEFT_OUT = "The address asks for {what} that cannot be had: {why}. All else is shown as asked."


class Address(Part):
    """What stands after "#" in the address.

    Parameters
    ----------
    root : Path
        Only folders below this one are opened.
    on_arrive : callable
        Called with the Place that an address names, and with what of it was refused and why ("" where nothing was).
    """

    shown = param.String("")
    zoom = param.List([])
    ready = param.Boolean(False)
    written = param.Integer(0)

    _esm = text("address.js")

    def __init__(self, root: Path, on_arrive: Callable[[Place, str], None], **params: Any) -> None:
        self._root, self._on_arrive = root, on_arrive
        super().__init__(width=0, height=0, margin=0, **params)

    def _handle_msg(self, data: Any) -> None:
        try:
            place, wrong = self._place(data)
            why = _left_out(wrong) if wrong else ""
        except AddressError as error:
            place, why = Place(), REFUSED.format(why=error)
        self._on_arrive(place, why)

    def _place(self, data: Any) -> tuple[Place, list[str]]:
        if not isinstance(data, dict) or not isinstance(data.get("text"), str):
            raise AddressError("it is too long")
        return place_of(data["text"], self._root)

    def show(self, place: Place) -> None:
        """Write what the page shows; the browser adds the zoom."""
        # What was refused stands in the browser still, also where nothing else is shown than before.
        self.param.update(shown=address_of(place), ready=True, written=self.written + 1)

    def aim(self, zoom: tuple[float, ...]) -> None:
        """Have the pictures show a part of the frame as soon as there is one."""
        self.zoom = list(zoom)


def place_seen(source: Place, session: Session, picture: Picture, sequence: Sequence | None) -> Place:
    """Where the files come from, with what a session and its pictures show of them; stage and tab are the page's."""
    kinds = tuple(kind if kind in MADE_OF else kind.replace("difference", "offset") for kind in session.kinds)
    # Nobody chose a frame, or the reference.
    usual = not session.placed or (sequence is not None and session.frame == sequence.reference)
    frame = None if usual else session.frame
    look = replace(picture.look, **beside(session))
    picked: dict[str, Any] = {"star": session.picked, "candidate": session.candidate}
    return replace(source, frame=frame, **picked, recipe=session.recipe, kinds=kinds, look=look)


def _left_out(wrong: list[str]) -> str:
    """Say what is wrong with the first of some entries, and how many there are."""
    what, first = ("something", "") if len(wrong) == 1 else (f"{len(wrong)} things", "the first is ")
    return LEFT_OUT.format(what=what, why=first + wrong[0])
