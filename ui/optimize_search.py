"""The search for the roundest stars on the frames that are open, one frame in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from pipeline.frame import Background, Frame, FrameError
from pipeline.graph.lineage import spread
from pipeline.graph.request import Request, Ticket
from pipeline.kernels.bands import checkpoint
from pipeline.stage import STAGES
from pipeline.stages.optimize import FRAMES_SHARE, Optimum, optimize

FRAMES = 5
Progress = Callable[[float, str], None]


class Found(NamedTuple):
    """What was found, and the factors that the frames have now."""

    best: Optimum
    red: float
    blue: float


class Exposures(Sequence):
    """Calibrated frames and their skies, made when asked for; walking over them leaves out those that fail.

    Parameters
    ----------
    request : Request
        Makes them.
    indices : tuple of int
        Numbers of the frames.
    tell : callable
        Called with a frame's place in ``indices`` before it is made.
    """

    def __init__(self, request: Request, indices: Sequence[int], tell: Callable[[int], None]) -> None:
        self._request, self._tell = request, tell
        self._indices = list(indices)

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, position: int) -> tuple[Frame, Background]:
        index = self._indices[position]
        return self._request.get("calibrated", index), self._request.get("background", index)

    def __iter__(self) -> Iterator[tuple[Frame, Background]]:
        good, problem = [], None
        for position, index in enumerate(tuple(self._indices)):
            self._tell(position)
            try:
                made = self[position]
            except FrameError as error:
                problem = error
                continue
            good.append(index)
            yield made
        if problem is not None and not good:
            raise problem
        self._indices = good


def search(request: Request, ticket: Ticket, progress: Progress) -> Found:
    """Search on at most FRAMES frames, evenly over the sequence.

    Parameters
    ----------
    request : Request
        The files and the recipe.
    ticket : Ticket
        Withdraws the search.
    progress : callable
        Called with the part done, 0 to 1, and with what is being done.

    Raises
    ------
    FrameError
        Where no frame can be used, and where there are too few stars.
    StaleError, Cancelled
        Where the ticket was withdrawn.
    """
    before = checkpoint.set(ticket.check)
    try:
        progress(0.0, "Looking for frames")
        usable = [index for index, why in enumerate(request.sequence().unusable) if not why]
        indices = spread(usable, FRAMES)
        if not indices:
            raise FrameError(request.sequence().frames[0].file, "no frame can be used", "open other frames")

        def tell(place: int) -> None:
            progress(
                FRAMES_SHARE * place / len(indices),
                f"Stars of frame {indices[place] + 1}, {place + 1} of {len(indices)}",
            )

        def done(part: float) -> None:
            if part >= FRAMES_SHARE:
                progress(part, "Mean roundness for all pairs of factors")

        best = optimize(Exposures(request, indices, tell), progress=done, cancelled=ticket.stale)
        now = request.knobs(STAGES["normalize"])
        return Found(best, now["red"], now["blue"])
    finally:
        checkpoint.reset(before)
