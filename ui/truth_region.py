"""What was found in a region that the visitor has dragged, and what is true there. Plain functions, no widgets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.tables import Reason, StarTable, Tracks
from pipeline.truth import Truth
from ui.marks import places
from ui.region import Region, in_frame, inside, stars_inside

_OF_STARS = ("x", "y", "x_error", "y_error", "status", "row", "saturated", "blended")


def truth_in(region: Region | None, truth: Truth, reference: int) -> Truth:
    """The sky of a region alone: of the stars that lie in it in the reference, a frame's number in the truth."""
    if region is None:
        return truth
    return replace(truth, inside=truth.inside & inside(region, truth.x[reference], truth.y[reference]))


def stars_in(region: Region | None, stars: StarTable, tracks: Tracks | None, frame: int) -> StarTable:
    """A frame's table in which no star is kept outside of a region of the reference."""
    if region is None:
        return stars
    here = inside(in_frame(region, tracks, frame), *places(stars))
    masked = np.where(here | (stars.reason != Reason.STAR), stars.reason, Reason.MASKED)
    return replace(stars, reason=masked.astype(stars.reason.dtype))


def tracks_in(region: Region | None, tracks: Tracks) -> Tracks:
    """Tracks of the stars of a region of the reference alone."""
    if region is None:
        return tracks
    chosen = stars_inside(region, tracks)
    return replace(tracks, lean=None, **{name: getattr(tracks, name)[:, chosen] for name in _OF_STARS})
