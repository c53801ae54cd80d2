"""The card of what is picked, a star or a candidate, as it is in the frame shown."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.tables import Tracks
from ui import series, star_candidate, star_facts
from ui.marks import belongs
from ui.scene import Scene
from ui.session import Session
from ui.star_card import StarCard, seen_of
from ui.themed import Themed

INSTEAD = "In its place in this frame is a candidate that is no star; its measures stand below."
ImageOf = Callable[[int], np.ndarray | None]


class PickedCard(Themed):
    """A star's card that follows what the session has picked.

    Parameters
    ----------
    session : Session
        Told of the star that is stepped to.
    theme : str
        "dark" or "light".
    image_of : callable
        A frame's normalized image where it is at hand.
    """

    def __init__(self, session: Session, theme: str, image_of: ImageOf) -> None:
        self._session, self._theme, self._image_of = session, theme, image_of
        self._told: Tracks | None = None
        self._card = StarCard(theme, lambda star: session.change(picked=star, unpicked=""))
        self.panel = self._card.panel

    @property
    def words(self) -> str:
        """What the card says, as HTML."""
        return self._card.words

    @property
    def wanted(self) -> bool:
        """Whether there is something to say: a star or a candidate is picked, or one was let go."""
        session = self._session
        return session.picked is not None or session.candidate is not None or bool(session.unpicked)

    def _paint(self) -> None:
        self._card.theme = self._theme

    def show(self, scene: Scene) -> None:
        """Show what is picked, where the stars of a scene are followed."""
        tracks, frame, star = scene["tracks"], self._session.frame, self._session.picked
        if tracks is None:
            return
        if star is None or star >= tracks.x.shape[1] or frame >= len(tracks.used):
            star_candidate.show_candidate(self._card, scene, self._session, self._image_of)
            return
        stars, cutouts = scene["stars"], series.cutouts(tracks, star, self._image_of)
        seen = self._card.seen(star, frame)
        fewer = tracks is self._told and seen_of(cutouts) < seen
        if seen and (fewer or (stars is not None and not belongs(tracks, stars, frame))):
            # A knob was turned: what the card says stays until all of it is made anew.
            return
        self._told = tracks
        limits = star_facts.star_limits(stars, tracks, frame, star, self._session.recipe)
        sentence = series.star_sentence(tracks, star, frame)
        measures = series.star_measures(stars, tracks, frame, star)
        row = star_facts.row_of(stars, tracks, frame, star)
        shape = star_facts.shape_words(stars, row, self._session.recipe) if row >= 0 else ""
        instead = [] if measures else star_candidate.lost_measures(stars, tracks, frame, star, limits)
        self._card.show(
            star,
            series.star_state(tracks, frame, star),
            " ".join(filter(None, (sentence, INSTEAD if instead else shape))),
            measures or instead,
            cutouts,
            noise=1.0 if scene["normalize"] is None else scene["normalize"].noise,
            reference=tracks.reference,
            frame=frame,
            count=tracks.x.shape[1],
            limits=limits,
            profile=star_facts.star_profile(cutouts[frame], stars, tracks, frame, star),
        )
