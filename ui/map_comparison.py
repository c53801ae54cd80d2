"""The difference of a map from the one that another method makes of the same stars, made beside the page's own work."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from bokeh.document import Document

from pipeline.frame import FrameError, OffsetMap
from pipeline.graph.request import Ticket
from ui.map_facts import coarse, rms_difference
from ui.session import Session
from ui.worker import Worker


@dataclass(frozen=True, eq=False)
class Difference:
    """What another method says otherwise, the other minus the map shown.

    Parameters
    ----------
    method : str
        The other method.
    maps, other : OffsetMap
        Both maps.
    small : dict of str to ndarray
        Differences in x and y, sampled.
    rms : dict of str to float
        Over all pixels, in x and y.
    key : str
        Names both results.
    """

    method: str
    maps: OffsetMap
    other: OffsetMap
    small: dict[str, np.ndarray]
    rms: dict[str, float]
    key: str

    def image(self, axis: str) -> np.ndarray:
        """All pixels of one difference, "x" or "y"."""
        return getattr(self.other, axis) - getattr(self.maps, axis)


class Comparison:
    """Makes the other method's map in a thread of its own; the last one asked for is handed back.

    Parameters
    ----------
    session : Session
        Whose files, recipe and frame count.
    document : Document or None
        Where the difference is shown.
    """

    def __init__(self, session: Session, document: Document | None) -> None:
        self._session = session
        self._worker = Worker(document)

    def ask(
        self,
        method: str,
        maps: OffsetMap,
        key: str,
        *,
        show: Callable[[Difference], None],
        fail: Callable[[FrameError], None],
    ) -> None:
        """Have the difference between a method's map and this one handed to ``show``."""
        session = self._session
        recipe = session.recipe.with_knobs("offset_map", method=method)
        job = functools.partial(self._make, session.night, recipe, session.frame, maps, key, show, fail)
        self._worker.submit(job)

    def _make(
        self,
        night: object,
        recipe: object,
        frame: int,
        maps: OffsetMap,
        key: str,
        show: Callable[[Difference], None],
        fail: Callable[[FrameError], None],
        ticket: Ticket,
    ) -> None:
        method = recipe["offset_map"]["method"]
        try:
            other = self._session.graph.result(night, recipe, "offset_map", frame, ticket=ticket)
        except FrameError as error:
            self._worker.hand_back(fail, error)
            return
        small = {axis: coarse(getattr(other, axis)) - coarse(getattr(maps, axis)) for axis in "xy"}
        apart = {axis: rms_difference(getattr(other, axis), getattr(maps, axis)) for axis in "xy"}
        difference = Difference(method, maps, other, small, apart, f"{method} minus {key}")
        ticket.check()
        self._worker.hand_back(show, difference)

    def cancel(self) -> None:
        """Withdraw what was asked for."""
        self._worker.cancel()

    def close(self) -> None:
        """End the thread."""
        self._worker.close()
