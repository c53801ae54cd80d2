"""What tabs of the right column have in common that are made of results: they wait in words, and show all at once."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import panel as pn
import panel_material_ui as pmui

from ui.colours import PALETTES
from ui.file_frame import without_name
from ui.part import column
from ui.themed import Themed

if TYPE_CHECKING:
    from ui.scene import Scene
    from ui.session import Session


#: Where to look when a result cannot be had.
BLAMED = "The stage with a cross at the left says why."


def sentence(words: str, theme: str) -> str:
    """What stands in place of something that is not there yet, or never will be, as HTML."""
    return f'<div style="font:14px/20px Roboto,sans-serif;color:{PALETTES[theme].text}">{words}</div>'


def why_unused(scene: Scene) -> str:
    """That the frame shown is not used, and why; "" where it is used, or nothing is known of it."""
    frames, tracks, frame = scene["frames"], scene["tracks"], scene.frame
    if frames is None or tracks is None or tracks.used[frame]:
        return ""
    why = without_name(tracks.reason[frame], frames.frames[frame].file)
    return f"It is not used. {why.rstrip('.')}."


class WayElsewhere:
    """A button to a frame that has what the one shown has not.

    Parameters
    ----------
    session : Session
        Told of the frame.
    """

    def __init__(self, session: Session) -> None:
        self._frame: int | None = None
        self.button = pmui.Button(
            variant="outlined", height=32, margin=(0, 16), visible=False,
            on_click=lambda *_: session.change(frame=self._frame),
        )  # fmt: skip

    def offer(self, frame: int | None) -> None:
        """Lead to a frame, by its number; None leads nowhere."""
        self._frame = frame
        label = {} if frame is None else {"label": f"Show frame {frame + 1}"}
        self.button.param.update(visible=frame is not None, **label)


class ResultTab(Themed):
    """A tab that says why it waits until it has something to show.

    Parameters
    ----------
    theme : str
        "dark" or "light".
    """

    def __init__(self, theme: str) -> None:
        self._theme = theme
        self._scene: Scene | None = None
        self._wait = pn.pane.HTML(margin=16, sizing_mode="stretch_width")
        self.panel = column(self._wait, sizing_mode="stretch_both", scroll="y-auto")

    def _paint(self) -> None:
        for part in self._themed():
            if part is not None:
                part.theme = self._theme
        if self._scene is not None:
            self.show(self._scene)

    @abstractmethod
    def _themed(self) -> tuple[Any, ...]:
        """Parts that paint themselves in a theme, None for those that are not made yet."""

    @abstractmethod
    def show(self, scene: Scene) -> None:
        """Show what a scene has of the tab's results."""

    def _say_why(self, words: str) -> None:
        """Have a sentence alone in the tab."""
        self._wait.object = sentence(words, self._theme)
        self._place(self._wait)

    def _place(self, *parts: pn.viewable.Viewable) -> None:
        """Have some parts in the tab, all in one message: they come and go together."""
        if list(parts) != list(self.panel.objects):
            self.panel.objects = list(parts)
