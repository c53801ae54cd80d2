"""An aligned frame less the aligned reference: what moved, what varies, and what the alignment left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.frame import Frame, FrameError, readonly

if TYPE_CHECKING:
    from pipeline.graph.request import Request

STAGE = "difference"


@dataclass(frozen=True, eq=False)
class Difference:
    """Two aligned frames, one taken off the other.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The frame less the reference, ADU; NaN where one of them has no value.
    noise : float
        Standard deviation of a sky pixel in it, ADU.
    """

    image: np.ndarray
    noise: float


def difference(frame: Frame, reference: Frame) -> Difference:
    """Take the reference off a frame.

    Parameters
    ----------
    frame, reference : Frame
        Both aligned and of one shape.

    Returns
    -------
    Difference
        A star that was left behind is a bright and a dark spot side by side; a rounder ring is another seeing.

    Raises
    ------
    FrameError
        Where the shapes differ.
    """
    from pipeline.stages.stack import band_of, frame_noise

    if frame.shape != reference.shape:
        problem = f"is not as large as the reference ({frame.shape} and {reference.shape})"
        raise FrameError(frame.info.file, problem, "align both with the same recipe")
    rows = frame.shape[0]
    image = band_of(frame, 0, rows) - band_of(reference, 0, rows)
    noise = float(np.hypot(frame_noise(frame), frame_noise(reference)))
    return Difference(readonly(image), noise)


def key_of(request: Request, index: int) -> str:
    """The key of a frame's difference."""
    from pipeline.graph.lineage import result_key

    reference = request.sequence().reference
    return result_key(STAGE, 1, {}, [request.key("aligned", one) for one in (index, reference)])


def of_request(request: Request, index: int) -> Difference:
    """A frame's difference from the graph's store, or made; raises a FrameError where one of the two is not aligned."""

    def run(own: object) -> Difference:
        reference = request.sequence().reference
        return difference(request.get("aligned", index), request.get("aligned", reference))

    return request.graph.make(key_of(request, index), STAGE, index, request.ticket, run)
