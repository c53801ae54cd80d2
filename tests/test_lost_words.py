"""What plot and legend say of lost stars: those that are marked in the frame, and those beyond its edge."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("panel")

from pipeline.tables import StarTable, Status
from tests import map_of_stars
from ui import marks


def table(tracks):
    """A frame's candidates: the stars of the second frame."""
    ones = np.ones(tracks.x.shape[1])
    places = {"xcentroid": tracks.x[1], "ycentroid": tracks.y[1], "x_peak": tracks.x[1], "y_peak": tracks.y[1]}
    columns = {**places, **dict.fromkeys(("convolved", "sharpness", "roundness1", "roundness2"), ones)}
    return StarTable(columns, np.zeros(len(ones), np.int8), 4.0, 1.0, 1.0, 1.0, 5.0, tracks.shape)


def losing(tracks, *fates):
    """Tracks that have lost stars in the second frame: statuses, how many, and whether their place is in it."""
    order = iter(np.argsort(-tracks.x[0]))
    x, status, row = tracks.x.copy(), tracks.status.copy(), tracks.row.copy()
    for fate, count, inside in sorted(fates, key=lambda one: one[2]):
        for star in (next(order) for _ in range(count)):
            x[1, star], status[1, star], row[1, star] = np.nan, fate, -1
            if not inside:
                x[0, star] += 400
    return dataclasses.replace(tracks, x=x, status=status, row=row)


@pytest.mark.parametrize(
    ("fates", "plot", "chip"),
    [
        (
            [(Status.BLENDED, 2, True), (Status.MOVED, 1, True), (Status.OUTSIDE, 20, False)],
            "3 in the field (2 blended, 1 moved away), 20 left it",
            "their place lies in this frame: 2 blended, 1 moved away; 20 more left the field",
        ),
        (
            [(Status.FAINT, 1, True), (Status.OUTSIDE, 4, False)],
            "1 too faint, 4 left the field",
            "their place lies in this frame: 1 too faint; 4 more left the field",
        ),
        (
            [(Status.OUTSIDE, 3, True), (Status.FAINT, 1, True)],
            "4 in the field (3 at the edge, 1 too faint)",
            "their place lies in this frame: 3 at the edge, 1 too faint",
        ),
        ([(Status.OUTSIDE, 5, False)], "5 left the field", "5 left the field"),
        ([], "", ""),
    ],
)
def test_plot_and_legend_say_the_same_of_the_lost_that_are_marked_and_of_those_beyond_the_field(fates, plot, chip):
    tracks = losing(map_of_stars.tracks(), *fates)
    assert (marks.why_lost(tracks, 1), marks.why_marked_lost(tracks, 1)) == (plot, chip)
    marked = marks.markers(table(map_of_stars.tracks()), tracks, 1)
    assert (marked["code"] == marks.LOST).sum() == sum(count for _, count, inside in fates if inside)


def test_of_a_frame_whose_stars_have_no_known_places_all_are_lost_in_it():
    tracks = losing(map_of_stars.tracks(), (Status.FRAME, 80, True))
    tracks.transform[1] = np.nan
    assert marks.why_lost(tracks, 1) == "80 in a frame that is not used"


def test_the_ring_of_a_star_that_is_lost_is_about_its_cross():
    tracks = losing(map_of_stars.tracks(), (Status.BLENDED, 1, True), (Status.OUTSIDE, 1, False))
    marked = marks.markers(table(map_of_stars.tracks()), tracks, 1)
    (cross,) = np.flatnonzero(marked["code"] == marks.LOST)
    _, x, y, path, _ = marks.picked(tracks, 1, int(marked["id"][cross]))
    assert (x, y) == pytest.approx((marked["x"][cross], marked["y"][cross]))
    assert np.isnan(path[1, 0]), "its track has a gap"
    (gone,) = np.flatnonzero(tracks.status[1] == Status.OUTSIDE)
    assert np.isnan(marks.picked(tracks, 1, int(gone))[1])
