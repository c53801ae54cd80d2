"""The difference of a map from the one that another method makes of the same stars, made beside the page's own work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from bokeh.document import Document

from pipeline.frame import FrameError
from pipeline.graph.request import Ticket
from pipeline.tables import OffsetMap
from ui.map_facts import coarse, rms_difference
from ui.pyramid import PYRAMIDS, Pyramid
from ui.session import Session
from ui.worker import Worker


@dataclass(frozen=True, eq=False)
class Difference:
    """What another method says otherwise, the other minus the map shown.

    Parameters
    ----------
    method : str
        The other method.
    maps : OffsetMap
        The map shown.
    small : dict of str to ndarray
        Differences in x and y, sampled.
    rms : dict of str to float
        Over all pixels, in x and y.
    pyramids : dict of str to Pyramid
        All pixels of the differences that a picture shows.
    key : str
        Names both results.
    """

    method: str
    maps: OffsetMap
    small: dict[str, np.ndarray]
    rms: dict[str, float]
    pyramids: dict[str, Pyramid]
    key: str


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
        axes: str,
        *,
        show: Callable[[Difference], None],
        fail: Callable[[FrameError], None],
    ) -> None:
        """Have the difference between a method's map and this one handed to ``show``.

        Parameters
        ----------
        method : str
            The other method.
        maps : OffsetMap
            The map shown.
        key : str
            Its key.
        axes : str
            "", "x", "y" or "xy": the differences of which a picture shows all pixels.
        show, fail : callable
            Called on the page's side.
        """
        session = self._session
        night, frame = session.night, session.frame
        recipe = session.recipe.with_knobs("offset_map", method=method)

        def make(ticket: Ticket) -> None:
            try:
                other = session.graph.result(night, recipe, "offset_map", frame, ticket=ticket)
            except FrameError as error:
                self._worker.hand_back(fail, error)
                return
            made = difference(maps, other, f"{method} minus {key}", axes)
            ticket.check()
            self._worker.hand_back(show, made)

        self._worker.submit(make)

    def cancel(self) -> None:
        """Withdraw what was asked for."""
        self._worker.cancel()

    def close(self) -> None:
        """End the thread."""
        self._worker.close()


def difference(maps: OffsetMap, other: OffsetMap, key: str, axes: str) -> Difference:
    """The other map minus this one; whole differences and their pyramids only of some axes ("", "x", "y", "xy")."""
    pairs = {axis: (getattr(other, axis), getattr(maps, axis)) for axis in "xy"}
    pyramids = {axis: PYRAMIDS.get(f"{axis}_difference {key}", pairs[axis][0] - pairs[axis][1]) for axis in axes}
    return Difference(
        other.method,
        maps,
        small={axis: coarse(one) - coarse(two) for axis, (one, two) in pairs.items()},
        rms={axis: rms_difference(one, two) for axis, (one, two) in pairs.items()},
        pyramids=pyramids,
        key=key,
    )
