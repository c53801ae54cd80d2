"""A frame laid over the reference by hand, for a rough shift where the mount jumped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import param

from ui.colours import COMPLETE, REFERENCE
from ui.part import Part, text
from ui.star_card import png
from ui.stretch import LIMITS, shares

_STYLE = """
.part.laid { display: block; }
.laid-over { position: relative; overflow: hidden; width: 100%; background: #07080A; cursor: move; border-radius: 4px;
  touch-action: none; }
.laid-over img { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none;
  mix-blend-mode: screen; }
.laid-words { font: 12px/16px Roboto, sans-serif; font-variant-numeric: tabular-nums; color: var(--second);
  padding-top: 4px; }
"""
#: Longer side of the pictures, pixels.
_SIDE = 600


class LayOver(Part):
    """The reference, and a frame over it that is dragged.

    Parameters
    ----------
    on_shift : callable
        Called with x and y, pixels, when the hand lets go.
    """

    reference = param.String("")
    picture = param.String("")
    across = param.Integer(3)
    down = param.Integer(2)
    shift = param.List([0.0, 0.0])

    _esm = text("lay_over.js")

    def __init__(self, on_shift: Callable[[float, float], None], **params: Any) -> None:
        self._on_shift = on_shift
        self._seen: tuple[Any, Any] | None = None
        super().__init__(stylesheets=[_STYLE], **params)

    def _handle_msg(self, data: Any) -> None:
        if {"x", "y"} <= set(data):
            self._on_shift(float(data["x"]), float(data["y"]))

    def show(
        self, reference: np.ndarray, frame: np.ndarray, noises: tuple[float, float], shift: tuple[float, float]
    ) -> None:
        """Show two frames.

        Parameters
        ----------
        reference, frame : ndarray, shape (ny, nx)
            Pixels above the sky.
        noises : tuple of float
            Of a sky pixel in each.
        shift : tuple of float
            x and y that bring the frame onto the reference, pixels.
        """
        if self._seen is None or self._seen[0] is not reference or self._seen[1] is not frame:
            self._seen = (reference, frame)
            ny, nx = reference.shape
            pictures = [
                tinted(image, noise, colour)
                for image, noise, colour in zip((reference, frame), noises, (REFERENCE, COMPLETE), strict=True)
            ]
            self.param.update(reference=pictures[0], picture=pictures[1], across=nx, down=ny)
        self.shift = [float(shift[0]), float(shift[1])]


def tinted(image: np.ndarray, noise: float, colour: str) -> str:
    """A small picture of a frame in one colour, as a data address."""
    step = max(1, -(-max(image.shape) // _SIDE))
    ny, nx = (size // step for size in image.shape)
    # The brightest of a few pixels, so that no star is lost between them.
    blocks = image[: ny * step, : nx * step].reshape(ny, step, nx, step)
    small = np.nan_to_num(blocks, nan=-np.inf).max(axis=(1, 3))
    bright = np.nan_to_num(shares(small, "asinh", LIMITS[0] * noise, 2 * LIMITS[1] * noise))
    ink = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return png(bright[..., None] * ink)
