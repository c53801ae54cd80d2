"""Drawing the mask: its shapes on the pictures, their list in the stage, and the knob that keeps them."""

from __future__ import annotations

from typing import Any

from pipeline.photometry import Mask
from pipeline.shapes import covered
from ui.mask_layer import MaskLayer, Outlines, outlines
from ui.mask_list import MaskList
from ui.picture import Picture
from ui.scene import Scene
from ui.session import Session
from ui.stage_list import StageList

STAGE = "mask"
_MOVED = "Frames are drawn aligned: turn Aligned off to draw on the frame's own pixels."


class MaskDrawing:
    """What joins picture, stage and recipe.

    Parameters
    ----------
    session : Session
        Whose recipe keeps the shapes.
    picture : Picture
        Where they are drawn.
    stages : StageList
        Where they are listed.
    theme : str
        "dark" or "light".
    """

    def __init__(self, session: Session, picture: Picture, stages: StageList, theme: str) -> None:
        self._session, self._stages = session, stages
        # What the worker traced last, and of which mask; and what is drawn of it.
        self._traced: tuple[Mask | None, Outlines | None] = (None, None)
        self._found: Outlines | None = None
        self.layer = MaskLayer(picture.figures, picture.x_range, picture.channel, self._turn)
        self.list = MaskList(channel=picture.channel, theme=theme)
        stages.attach(STAGE, self.list)
        stages.param.watch(lambda event: self.show(), "open")
        session.listen(lambda names: self.show() if names & {"recipe", "aligned"} else None)

    @property
    def theme(self) -> str:
        """Either "dark" or "light"; setting it repaints."""
        return self.list.theme

    @theme.setter
    def theme(self, theme: str) -> None:
        self.list.theme = theme

    def show(self) -> None:
        """Draw and list the recipe's shapes; they can be changed while their stage is open."""
        shapes, aligned = self._session.recipe[STAGE]["shapes"], self._session.aligned
        self.list.why = _MOVED if aligned else ""
        self.list.show(shapes)
        self.layer.show(() if aligned else shapes, drawing=self._stages.open == STAGE and not aligned)
        self.layer.show_found(None if aligned else self._found)

    def prepare(self, scene: Scene) -> None:
        """Trace what was masked by itself, beyond the shapes; called in the worker."""
        mask: Mask | None = scene[STAGE]
        found = None
        if mask is not None and mask.image is not None and mask.extended:
            shapes = self._session.recipe[STAGE]["shapes"]
            found = outlines(mask.image & ~covered(shapes, mask.image.shape) if shapes else mask.image)
        self._traced = mask, found

    def show_found(self, scene: Scene) -> None:
        """Draw what was traced of a scene's mask."""
        mask, found = self._traced
        self._found = found if mask is scene[STAGE] else None
        self.layer.show_found(None if self._session.aligned else self._found)

    def _turn(self, shapes: list[dict[str, Any]]) -> None:
        self._session.turn(STAGE, "shapes", shapes)
