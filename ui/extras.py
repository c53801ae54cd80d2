"""What the page shows beside the results of stages: made of them on request, and kept in the same store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline import cutouts, difference, preview, trails
from pipeline.graph.request import Request
from ui.session import Session


@dataclass(frozen=True)
class Extra:
    """How one of them is asked for.

    Parameters
    ----------
    key, make : callable
        Called with the request, the number of the frame shown and the session.
    lasts : bool
        Whether it is of the sequence, and stays when another frame is shown.
    told_by : str
        The stage whose row tells what went wrong, "" for its own.
    """

    key: Callable[[Request, int, Session], str]
    make: Callable[[Request, int, Session], Any]
    lasts: bool = False
    told_by: str = ""


def _place(request: Request, session: Session) -> tuple[float, float]:
    """Where the star picked is in the reference; the middle of the field where it is no longer one."""
    tracks, star = request.get("tracks"), session.picked
    if star is None or star >= tracks.x.shape[1]:
        return tracks.shape[1] / 2, tracks.shape[0] / 2
    return tracks.x[tracks.reference, star], tracks.y[tracks.reference, star]


EXTRAS = {
    trails.STAGE: Extra(
        lambda request, frame, session: trails.key_of(request),
        lambda request, frame, session: trails.of_request(request),
        lasts=True,
    ),
    difference.STAGE: Extra(
        lambda request, frame, session: difference.key_of(request, frame),
        lambda request, frame, session: difference.of_request(request, frame),
        told_by="aligned",
    ),
    cutouts.STAGE: Extra(
        lambda request, frame, session: cutouts.key_of(request, *_place(request, session)),
        lambda request, frame, session: cutouts.of_request(request, *_place(request, session)),
        lasts=True,
        told_by="aligned",
    ),
    preview.STAGE: Extra(
        lambda request, frame, session: preview.key_of(request, frame, session.region),
        lambda request, frame, session: preview.of_request(request, frame, session.region),
        lasts=True,
        told_by="stack",
    ),
}
