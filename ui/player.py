"""The player below the picture: steps, plays and blinks the frames, and reads out what lies under the pointer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import panel as pn
import param

from ui.part import Part, text


class FramePlayer(Part):
    """The player's buttons, slider and readout."""

    count = param.Integer(0)
    frame = param.Integer(0)
    shown = param.Integer(-1)
    openings = param.Integer(0)
    heard = param.Integer(0)
    taken = param.Integer(0)
    labels = param.List([])
    reference = param.Integer(0)
    unused = param.List([])
    speed = param.Integer(4)
    blink = param.Boolean(False)
    aligned = param.Boolean(False)
    facts = param.List([])
    note = param.String("")

    _esm = text("player.js")


class Player:
    """Chooses the frame.

    Parameters
    ----------
    count : int
        Number of frames.
    on_frame : callable
        Called with the frame's number, from 0, when the user chooses another.
    channel : str
        The picture's ``channel``, so that the readout follows the pointer there.
    theme : str
        "dark" or "light".
    """

    def __init__(self, count: int, on_frame: Callable[[int], None], *, channel: str = "", theme: str = "dark") -> None:
        self._part = FramePlayer(
            count=count, channel=channel, theme=theme, height=80, margin=0, sizing_mode="stretch_width"
        )
        self._on_frame = on_frame
        self._quiet = False
        self._part.param.watch(self._stepped, "frame")

    @property
    def panel(self) -> pn.viewable.Viewable:
        """The layout, 80 pixels high."""
        return self._part

    @property
    def frame(self) -> int:
        """Number of the frame shown, from 0; setting it calls nobody."""
        return self._part.frame

    @frame.setter
    def frame(self, frame: int) -> None:
        self._quiet = True
        try:
            self._part.frame = frame
        finally:
            self._quiet = False

    @property
    def aligned(self) -> bool:
        """Whether each frame is drawn where its stars are in the reference."""
        return self._part.aligned

    @aligned.setter
    def aligned(self, aligned: bool) -> None:
        self._part.aligned = aligned

    def on_align(self, callback: Callable[[bool], None]) -> None:
        """Have a function called when the user asks for aligned frames, or for frames as they are."""
        self._part.param.watch(lambda event: callback(event.new), "aligned")

    @property
    def note(self) -> str:
        """What is said before the facts, where something is not as asked for."""
        return self._part.note

    @note.setter
    def note(self, note: str) -> None:
        self._part.note = note

    @property
    def theme(self) -> str:
        """Either "dark" or "light"."""
        return self._part.theme

    @theme.setter
    def theme(self, theme: str) -> None:
        self._part.theme = theme

    def set_frames(self, labels: Sequence[str], reference: int, unused: Sequence[int] = ()) -> None:
        """Say which frames there are.

        Parameters
        ----------
        labels : sequence of str
            A name for each frame.
        reference : int
            Number of the reference frame, marked by a long tick.
        unused : sequence of int
            Numbers of frames that are not used, marked by a cross.
        """
        values = {"count": len(labels), "labels": list(labels), "reference": reference, "unused": list(unused)}
        if self.frame >= len(labels):
            self.frame = 0
        self._part.param.update(**values)

    def stop(self) -> None:
        """Other files are open: what the browser played and chose before it hears of that is void."""
        self._part.openings += 1

    def tell_shown(self, frame: int) -> None:
        """Say that all is shown of a frame that there is to show, also where none of it is a picture."""
        self._part.shown = frame

    def set_facts(self, *facts: str) -> None:
        """Words at the right of the readout: file, filter, time, exposure; empty ones are left out."""
        self._part.facts = [fact for fact in facts if fact]

    def _stepped(self, event: param.parameterized.Event) -> None:
        if self._quiet:
            return
        try:
            if self._part.heard != self._part.openings:
                # The browser had not heard yet that other frames are open when it stepped.
                self.frame = event.old
            else:
                self._on_frame(event.new)
        finally:
            # The browser sends no other step before: it would be shown frames that nobody waits for any more.
            self._part.taken += 1
