"""One place of the reference in every aligned frame: whether a star stays where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.frame import Failure, readonly

if TYPE_CHECKING:
    from pipeline.graph.request import Request

STAGE = "cutouts"
#: Pixels to each side of the middle one.
HALF = 7
#: In place of a square of a frame whose image is not at hand.
UNSEEN = readonly(np.empty((0, 0), np.float32))


@dataclass(frozen=True, eq=False)
class Cutouts:
    """A small square about one place, cut out of every aligned frame.

    Parameters
    ----------
    values : ndarray of float32, shape (frames, 15, 15)
        ADU; NaN where a frame has no value, and all over a frame that is not aligned.
    place : tuple of int
        x and y of the middle pixel in the reference.
    """

    values: np.ndarray
    place: tuple[int, int]


def piece(image: np.ndarray, x: float, y: float) -> np.ndarray:
    """A square of an image about a place, pixels; NaN where it reaches beyond."""
    column, row = round(float(x)), round(float(y))
    found = np.full((2 * HALF + 1,) * 2, np.nan, np.float32)
    top, left = max(0, row - HALF), max(0, column - HALF)
    part = image[top : max(top, row + HALF + 1), left : max(left, column + HALF + 1)]
    down, across = top - row + HALF, left - column + HALF
    if part.size:
        found[down : down + part.shape[0], across : across + part.shape[1]] = part
    return found


def key_of(request: Request, x: float, y: float) -> str:
    """The key of the cut-outs about a place of the reference."""
    from pipeline.graph.lineage import result_key

    used = np.flatnonzero(request.get("shifts").used)
    place = {"x": round(float(x)), "y": round(float(y))}
    return result_key(STAGE, 1, place, [request.key("aligned", int(one)) for one in used])


def of_request(request: Request, x: float, y: float) -> Cutouts:
    """The cut-outs about a place of the reference, from the graph's store or made.

    Parameters
    ----------
    request : Request
        Whose recipe and files; it is told of each frame that is aligned.
    x, y : float
        Pixels of the reference.

    Returns
    -------
    Cutouts
        Each frame is aligned as the knobs of that stage say, and only the squares are kept together.
    """

    def run(own: object) -> Cutouts:
        from pipeline.stages.aligned import origin
        from pipeline.stages.stack import band_of

        shifts = request.get("shifts")
        left, top = origin(request.recipe["aligned"], request.get)
        used = np.flatnonzero(shifts.used)
        values = np.full((len(shifts.used), 2 * HALF + 1, 2 * HALF + 1), np.nan, np.float32)
        for done, one in enumerate(used, 1):
            frame = request.entry("aligned", int(one))
            if not isinstance(frame, Failure):
                row = round(float(y)) - top
                first, last = max(0, row - HALF), min(frame.shape[0], row + HALF + 1)
                if first < last:
                    values[one] = piece(band_of(frame, first, last), round(float(x)) - left, row - first)
            request.ticket.check()
            if request.progress is not None:
                request.progress("aligned", done, len(used))
        return Cutouts(readonly(values), (round(float(x)), round(float(y))))

    return request.graph.make(key_of(request, x, y), STAGE, None, request.ticket, run)
