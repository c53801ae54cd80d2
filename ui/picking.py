"""What is picked, a star or a candidate: kept through new tracks, and ringed on the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.tables import Tracks
from ui import marks
from ui.region import spot_of, to_reference
from ui.star_candidate import Spot, candidate_place, moved_spot, pick_in_frame, star_at, star_spot

if TYPE_CHECKING:
    from ui.picture import Picture
    from ui.scene import Scene
    from ui.session import Session


class Picking:
    """Picks stars and candidates of a session.

    Parameters
    ----------
    session : Session
        Holds what is picked.
    picture : Picture
        Shows it.
    """

    def __init__(self, session: Session, picture: Picture) -> None:
        self._session, self._picture = session, picture
        # The tracks in which the picked star has its number, and the frame in whose pixels a candidate's place is
        # until there are tracks; None where that is the reference.
        self._tracks: Tracks | None = None
        self._frame: int | None = 0

    def pick(self, scene: Scene, star: int | None, place: Spot | None) -> None:
        """Pick a star, or a candidate at a place of the picture; None of both lets go."""
        # Where frames are aligned a place of the picture is one of the reference.
        tracks = None if self._session.aligned else scene["tracks"]
        pick_in_frame(self._session, tracks, scene.frame, star, place)

    def ask(self, star: int | None, candidate: Spot | None) -> None:
        """Pick a star, or the candidate at a place of the reference, before there are tracks."""
        self._session.change(picked=star, candidate=None if star is not None else candidate)
        self._frame = None

    def changed(self, scene: Scene) -> None:
        """Something else is picked in a scene: ring it."""
        self._tracks, self._frame = scene["tracks"], scene.frame
        self.ring(scene)

    def follow(self, scene: Scene) -> None:
        """Keep the star picked, whatever its number is in new tracks; where they have it no more, what is in its place.

        A candidate that is picked is a star again when new tracks have one there, and so is what was picked before
        there were any.
        """
        session, before, tracks = self._session, self._tracks, scene["tracks"]
        star, spot = session.picked, session.candidate
        if (star is None and spot is None) or tracks is None or tracks is before:
            return
        self._tracks = tracks
        if before is None and star is not None:
            count = tracks.x.shape[1]
            if star >= count:
                known = f"its stars are 0 to {count - 1}" if count else "it has none"
                session.change(picked=None, unpicked=f"The reference has no star {star}: {known}.")
            return
        # A candidate becomes a star in its own place; beside it may be others.
        within = 1.0 if star is None or scene["stars"] is None else max(1.0, scene["stars"].fwhm / 2)
        if before is not None:
            spot = moved_spot(before, tracks, spot) if star is None else star_spot(before, star, tracks)
        elif self._frame is not None:
            spot = spot_of(tracks, self._frame, *spot)
        here = None if spot is None else star_at(tracks, spot, within)
        if here is not None:
            session.change(picked=here, unpicked="")
        elif star is not None:
            session.change(picked=None, candidate=spot, unpicked=f"Star {star} is no longer a star of the reference.")
        else:
            session.change(candidate=spot)

    def ring(self, scene: Scene) -> None:
        """Draw what is picked where it is in a scene."""
        session, tracks, spot = self._session, scene["tracks"], self._session.candidate
        if spot is not None:
            unplaced = tracks is None and self._frame is None
            place = None if unplaced else candidate_place(scene["stars"], tracks, scene.frame, spot)
            # Where frames are aligned it is drawn where it lies in the reference.
            drawn = place or (np.nan, np.nan) if place is None or not session.aligned else spot
            self._picture.set_picked(-1, *drawn, home=spot)
            return
        star, x, y, track, home = marks.picked(tracks, scene.frame, session.picked)
        if star is not None and session.aligned:
            (x,), (y,) = to_reference(tracks, scene.frame, np.array([x]), np.array([y]))
            track = None
        self._picture.set_picked(star, x, y, track, home)
