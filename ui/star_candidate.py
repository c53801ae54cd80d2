"""A candidate that is picked though it is no star of the reference: where it lies in a frame, and why it is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pipeline.cutouts import UNSEEN, piece
from pipeline.tables import Reason, StarTable, Tracks
from ui.marks import UNFOLLOWED, judged, places
from ui.region import place_of, spot_of, transform_of
from ui.star_facts import Limits, measured_limits, measures_of, profile_at, row_near, row_of

if TYPE_CHECKING:
    from ui.scene import Scene
    from ui.session import Session
    from ui.star_card import StarCard

Spot = tuple[float, float]
ImageOf = Callable[[int], np.ndarray | None]
#: What is said of a candidate whose reason no measure on the card tells.
WHY = {
    Reason.THRESHOLD: "Fainter than the threshold for the noise around it: rejected.",
    Reason.ROUNDNESS: "Not as round as others of its shape, or on a trail: rejected.",
    Reason.STAR: "A star of this frame that the reference has not, so it is not followed.",
    Reason.BORDER: "Too near the edge of the frame: rejected.",
    Reason.SATURATED: "A pixel of it is full, and stars.saturated drops full stars: rejected.",
    Reason.SEPARATION: "A brighter one is nearer than stars.separation: rejected.",
    Reason.BRIGHTEST: "Not among the brightest that stars.brightest keeps: rejected.",
    Reason.MASKED: "It lies in the mask: rejected.",
    Reason.NEIGHBOURS: "Too few of its neighbours are bright: rejected.",
    Reason.HOT: "A hot pixel: rejected.",
    Reason.MEASURE: "It cannot be measured: rejected.",
}
UNUSED = "A star of this frame, which is not used, so it is not followed."
NOTHING = "In this frame nothing stands out at its place."
NOWHERE = "This frame is not used: where in it that place lies is not known."


def candidate_place(stars: StarTable | None, tracks: Tracks | None, frame: int, spot: Spot | None) -> Spot | None:
    """Where the candidate of a place of the reference lies in a frame, pixels; None where there is none."""
    if spot is None or stars is None:
        return None
    row = row_near(stars, *place_of(tracks, frame, spot))
    return None if row < 0 else tuple(float(at[row]) for at in places(stars))


def pick_in_frame(session: Session, tracks: Tracks | None, frame: int, star: int | None, place: Spot | None) -> None:
    """Pick a star by its id, or a candidate that has none by its place in a frame; None of both lets go."""
    spot = None if place is None or star is not None else spot_of(tracks, frame, *place)
    session.change(picked=star, candidate=spot, unpicked="")


def star_spot(before: Tracks, star: int, tracks: Tracks) -> Spot | None:
    """Where a star of some tracks lies in the reference of others of the same frames, pixels.

    Parameters
    ----------
    before : Tracks
        The tracks in which it has the number ``star``.
    star : int
        Its number there.
    tracks : Tracks
        The other tracks; their reference may be another frame.

    Returns
    -------
    tuple of float or None
        Its place; None where it is not known.
    """
    reference = tracks.reference
    if star >= before.x.shape[1] or reference >= len(before.x):
        return None
    x, y = before.x[reference, star], before.y[reference, star]
    if not np.isfinite(x):
        home = float(before.x[before.reference, star]), float(before.y[before.reference, star])
        return moved_spot(before, tracks, home)
    return float(x), float(y)


def moved_spot(before: Tracks, tracks: Tracks, spot: Spot) -> Spot:
    """A place of the reference of some tracks as one of that of others, which may be another frame."""
    return spot if before.reference == tracks.reference else place_of(before, tracks.reference, spot)


def star_at(tracks: Tracks, spot: Spot, within: float) -> int | None:
    """The star nearest to a place of the reference, None where it is farther away than ``within``, pixels."""
    home = tracks.reference
    away = np.hypot(tracks.x[home] - spot[0], tracks.y[home] - spot[1])
    if not np.isfinite(away).any() or np.nanmin(away) > within:
        return None
    return int(np.nanargmin(away))


def show_candidate(card: StarCard, scene: Scene, session: Session, image_of: ImageOf) -> None:
    """Fill a star's card with the candidate that is picked, or say that there is nothing in its place."""
    stars, tracks, frame, spot = scene["stars"], scene["tracks"], scene.frame, session.candidate
    if stars is None and spot is not None and "stars" not in scene.results:
        # Another frame is shown, whose stars are on their way.
        return
    if spot is None or stars is None:
        card.clear(session.unpicked)
        return
    lead = session.unpicked
    if lead and frame != tracks.reference:
        lead += f" Go to frame {tracks.reference + 1}, the reference, to see why."
    x, y = place_of(tracks, frame, spot)
    row = row_near(stars, x, y)
    pieces = _cutouts(tracks, spot, image_of)
    common = {
        "noise": 1.0 if scene["normalize"] is None else scene["normalize"].noise,
        "reference": tracks.reference, "frame": frame,
    }  # fmt: skip
    known = transform_of(tracks, frame) is not None
    if row < 0:
        card.show(None, "not found", f"{lead} {NOTHING if known else NOWHERE}".strip(), (), pieces, **common)
        return
    x, y = (float(at[row]) for at in places(stars))
    stars = judged(stars, tracks, frame)
    reason, limits = Reason(stars.reason[row]), measured_limits(stars, row, session.recipe)
    why = "" if any(one.words for one in limits.values()) else WHY.get(reason, "")
    state = "rejected"
    if reason == Reason.STAR:
        state, why = (UNFOLLOWED, why) if known else ("star", UNUSED)
    here = pieces[frame] if frame < len(pieces) else None
    card.show(
        None,
        state,
        f"{lead} {why}".strip(),
        candidate_measures(stars, row, limits),
        pieces,
        limits=limits,
        profile=None if reason == Reason.MEASURE else profile_at(here, x, y, float(stars["fwhm"][row])),
        **common,
    )


def _cutouts(tracks: Tracks, spot: Spot, image_of: ImageOf) -> Sequence[np.ndarray | None]:
    """Small squares around a place of the sky, one a frame: UNSEEN where no image is at hand, None beyond it."""
    pieces: list[np.ndarray | None] = []
    for frame in range(len(tracks.used)):
        x, y = place_of(tracks, frame, spot)
        inside = -0.5 < x < tracks.shape[1] - 0.5 and -0.5 < y < tracks.shape[0] - 0.5
        if not inside or transform_of(tracks, frame) is None:
            pieces.append(None)
            continue
        image = image_of(frame)
        pieces.append(UNSEEN if image is None else piece(image, x, y))
    return pieces


def candidate_measures(stars: StarTable, row: int, limits: Mapping[str, Limits]) -> list[tuple[str, str, str]]:
    """Name, value and unit of what was measured of a candidate."""
    place = tuple(float(at[row]) for at in places(stars))
    return measures_of(stars, row, place, both_roundnesses="roundness1" in limits)


def lost_measures(
    stars: StarTable | None, tracks: Tracks, frame: int, star: int, limits: Mapping[str, Limits]
) -> list[tuple[str, str, str]]:
    """What was measured of the candidate where a star that is lost in a frame should be, if there is one."""
    row = row_of(stars, tracks, frame, star)
    return [] if row < 0 else candidate_measures(stars, row, limits)
