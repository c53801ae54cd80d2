"""A region of the field: it goes with the sky, and holds the same stars in every frame."""

import dataclasses

import numpy as np
import pytest

from pipeline import sample
from pipeline.graph.request import Request, Ticket
from pipeline.graph.run import Graph
from pipeline.recipe import Recipe
from pipeline.tables import Status
from ui import region as regions
from ui import series
from ui.marks import COMPLETE, OTHER, PARTIAL, markers
from ui.tables import UNFOLLOWED, star_frame


@pytest.fixture(scope="module")
def request_of_rotation(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rotation")
    sample.write_named("rotation", folder, frames=3, size=(300, 400), format="fits")
    return Request(Graph(), Graph.open([folder], folder), Recipe(), Ticket())


@pytest.fixture(scope="module")
def tracks(request_of_rotation):
    return request_of_rotation.get("tracks")


BOX = (100.0, 220.0, 60.0, 200.0)


def test_a_region_goes_with_the_sky_and_comes_back(tracks):
    for frame in range(3):
        there = regions.in_frame(BOX, tracks, frame)
        assert regions.in_reference(there, tracks, frame) == pytest.approx(BOX, abs=1e-6)
        assert there[1] - there[0] == pytest.approx(120)
    assert regions.in_frame(BOX, tracks, tracks.reference) == pytest.approx(BOX, abs=1e-6)
    assert regions.in_frame(BOX, None, 1) == BOX


def test_places_of_a_frame_lie_on_their_stars_of_the_reference(tracks):
    known = tracks.measured[2]
    x, y = regions.to_reference(tracks, 2, tracks.x[2, known], tracks.y[2, known])
    away = np.hypot(x - tracks.x[tracks.reference, known], y - tracks.y[tracks.reference, known])
    assert np.median(away) < 0.2


def test_the_plots_show_the_stars_of_the_region_alone(tracks):
    chosen = regions.stars_inside(BOX, tracks)
    assert 0 < chosen.sum() < len(chosen)
    drawn = series.frame_series(tracks, BOX)
    total = drawn.complete + drawn.partial + drawn.lost
    assert total.tolist() == [chosen.sum()] * 3
    known = chosen & tracks.measured[2]
    assert drawn.dx[2] == pytest.approx(np.median(tracks.x_offset[2, known]))
    nothing = series.frame_series(tracks, (-50.0, -40.0, -50.0, -40.0))
    assert np.isnan(nothing.dx).all()
    assert nothing.complete.tolist() == [0, 0, 0]


def test_the_table_shows_the_candidates_of_the_region_alone(request_of_rotation, tracks):
    stars = request_of_rotation.get("stars", 2)
    there = regions.in_frame(BOX, tracks, 2)
    inside = regions.inside(there, stars["xcentroid"], stars["ycentroid"])
    table = star_frame(stars, tracks, 2, BOX)
    assert len(table) == inside.sum() > 0
    assert table["x"].between(there[0] - 0.1, there[1] + 0.1).all()
    assert len(star_frame(stars, tracks, 2)) == len(stars)


def test_in_a_frame_that_is_not_used_no_star_is_said_to_be_missing_in_the_reference(request_of_rotation, tracks):
    stars, used = request_of_rotation.get("stars", 2), tracks.used.copy()
    used[2] = False
    row = np.full_like(tracks.row, -1)
    left_out = dataclasses.replace(tracks, used=used, row=row, status=np.full_like(tracks.status, Status.FRAME))
    table = star_frame(stars, left_out, 2)
    assert (table["state"] == "star").sum() == len(stars.kept)
    assert (table["state"] != UNFOLLOWED).all()
    assert series.star_sentence(left_out, 0, 2).endswith("This frame, 3, is not used.")
    assert "not used" not in series.star_sentence(tracks, 0, 1)
    # The star is missing in another frame as well, which says nothing of this one.
    x, status = tracks.x.copy(), left_out.status.copy()
    x[1:, 0], status[1, 0] = np.nan, Status.FAINT
    partial = dataclasses.replace(left_out, x=x, status=status)
    assert series.star_sentence(partial, 0, 2).endswith("This frame, 3, is not used.")
    assert series.star_state(partial, 2, 0) == "partial", "it is lost in no frame that is not used"
    assert series.star_state(partial, 1, 0) == "lost"


def test_the_table_names_each_star_by_the_state_that_its_ring_on_the_picture_has(request_of_rotation, tracks):
    stars = request_of_rotation.get("stars", 2)
    states = star_frame(stars, tracks, 2)["state"]
    codes = markers(stars, tracks, 2)["code"][: len(stars)]
    for word, code in (("complete", COMPLETE), ("partial", PARTIAL), (UNFOLLOWED, OTHER)):
        assert (states == word).sum() == (codes == code).sum()
    assert (states == "complete").any()
    assert (star_frame(stars, None, 2)["state"] == "star").sum() == len(stars.kept)
