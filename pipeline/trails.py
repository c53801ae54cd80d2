"""The plain sum of the subtracted, unaligned frames, in which stars that move draw trails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.frame import Failure, FrameError, Normalized, colour_planes, readonly

if TYPE_CHECKING:
    from pipeline.graph.request import Request

STAGE = "sum"


@dataclass(frozen=True, eq=False)
class TrailSum:
    """The sum of some frames.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Sum of the pixels above the sky, ADU; NaN where no frame has a value.
    noise : float
        Standard deviation of a sky pixel in it, ADU.
    frames : int
        How many frames it is the sum of.
    """

    image: np.ndarray
    noise: float
    frames: int


class Trails:
    """Adds frames up one by one: memory does not grow with their number."""

    def __init__(self) -> None:
        self._total: np.ndarray | None = None
        self._variance, self._frames = 0.0, 0

    def add(self, normalized: Normalized) -> None:
        """Add a frame; its colours' factors are taken off again, and a masked pixel adds nothing.

        Parameters
        ----------
        normalized : Normalized
            A frame without its sky; all have one shape.
        """
        if self._total is None:
            self._total = np.zeros(normalized.image.shape)
            self._seen = np.zeros(normalized.image.shape, bool)
        factors = {"red": normalized.red, "blue": normalized.blue}
        planes = colour_planes(normalized.pattern)
        step = 1 if len(planes) == 1 else 2
        for colour, row, column in planes:
            place = np.s_[row::step, column::step]
            image, factor = normalized.image[place], factors.get(colour, 1.0)
            known = np.isfinite(image)
            self._seen[place] |= known
            np.add(self._total[place], image / np.float32(factor), out=self._total[place], where=known)
        self._variance += normalized.noise**2
        self._frames += 1

    def result(self) -> TrailSum | None:
        """The sum so far; None of no frames."""
        if self._total is None:
            return None
        image = self._total.astype(np.float32)
        image[~self._seen] = np.nan
        return TrailSum(readonly(image), self._variance**0.5, self._frames)


def frames_of(request: Request) -> tuple[int, ...]:
    """Numbers of the frames that are added up: all that can be used and that nobody left out by hand."""
    sequence, rejected = request.sequence(), request.recipe["selection"]["rejected"]
    pairs = enumerate(zip(sequence.frames, sequence.unusable, strict=True))
    return tuple(i for i, (info, unusable) in pairs if not unusable and info.file not in rejected)


def key_of(request: Request) -> str:
    """The key of a request's sum: what its frames' keys say."""
    from pipeline.graph.lineage import result_key

    return result_key(STAGE, 1, {}, [request.key("normalize", frame) for frame in frames_of(request)])


def of_request(request: Request) -> TrailSum:
    """Add up a request's frames, from the graph's store where it is there.

    Parameters
    ----------
    request : Request
        Whose recipe and files; it is told of each frame added.

    Returns
    -------
    TrailSum
        Their sum.

    Raises
    ------
    FrameError
        Where no frame can be added.
    """

    def run(own: object) -> TrailSum:
        trails, frames = Trails(), frames_of(request)
        for done, frame in enumerate(frames, 1):
            one = request.entry("normalize", frame)
            if not isinstance(one, Failure):
                trails.add(one)
            request.ticket.check()
            if request.progress is not None:
                request.progress(STAGE, done, len(frames))
        total = trails.result()
        if total is None:
            raise FrameError("the sum of all frames", "no frame could be subtracted", "the tab Frames says why of each")
        return total

    return request.graph.make(key_of(request), STAGE, None, request.ticket, run)
