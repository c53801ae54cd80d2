"""The truth tab without a browser: which data have a truth, and what is drawn of it."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline import sample
from pipeline.frame import FrameError
from pipeline.graph.run import Graph
from pipeline.sample import TRUTH_FILE
from pipeline.truth import compare_stars
from ui.region import spot_of
from ui.scene import Scene
from ui.session import Session
from ui.side import COMPARED
from ui.truth_stars import medians
from ui.truth_tab import TruthTab, truth_of

SPEC = replace(sample.named("rotation"), frames=3, shape=(240, 320), stars=60, hot=10, rotation=0.1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sky")
    sample.write(SPEC, folder)
    return folder


@pytest.fixture(scope="module")
def night(folder):
    return Graph.open([folder], folder)


@pytest.fixture
def session(graph, night, folder):
    session = Session(graph, folder)
    session.open(night, "sky", truth=truth_of(night, folder))
    session.change(frame=1)
    yield session
    session.close()


def scene_of(session, *stages):
    """The results of some stages; others are still being made."""
    made = ("frames", *stages)
    frame = session.frame
    results = {stage: session.graph.result(session.night, session.recipe, stage, frame) for stage in made}
    return Scene(frame, results, dict.fromkeys(made, "key"))


def shown(tab, scene):
    for stage in scene.results:
        tab.prepare(scene, stage)
    tab.show(scene)
    return tab._plots


def test_every_plot_shows_its_comparison(session):
    tab = TruthTab(session, "dark")
    scene = scene_of(session, *COMPARED)
    plots = shown(tab, scene)
    result = compare_stars(session.truth, 1, scene["stars"])
    assert plots.shares.curves.data["completeness"].tolist() == pytest.approx(100 * result.completeness, nan_ok=True)
    assert f"{result.matched} of the {result.true} true stars" in plots.shares._head.object
    assert 0 < len(plots.centroids.dots.data["x"]) <= result.matched
    assert plots.maps.sources["x"].data["image"][0].shape == (120, 160)
    assert "pull" in plots.maps._numbers.object
    assert len(plots.followed.source.data["share"]) == 3
    assert plots.followed._line.location == 1


def test_a_row_picked_between_a_step_and_its_arrival_is_that_of_the_frame_listed(session):
    tab = TruthTab(session, "dark")
    scene = scene_of(session, *COMPARED)
    shown(tab, scene)
    stars, tracks = scene["stars"], scene["tracks"]
    star = int(np.flatnonzero(tracks.row[1] >= 0)[-1])
    others = np.setdiff1d(np.flatnonzero(np.isfinite(stars["xcentroid"])), tracks.row[1])
    row = int(others[np.argmin(stars["xcentroid"][others])])
    place = spot_of(tracks, 1, float(stars["xcentroid"][row]), float(stars["ycentroid"][row]))
    session.change(frame=2)
    for now in (scene, scene.at(2)):
        tab.show(now)
        tab._pick_row(int(tracks.row[1, star]))
        assert (session.picked, session.candidate) == (star, None)
        tab._pick_row(row)
        assert session.picked is None
        assert session.candidate == pytest.approx(place)


def test_a_higher_threshold_lowers_completeness(session):
    tab = TruthTab(session, "dark")
    before = shown(tab, scene_of(session, "stars")).shares.curves.data
    session.turn("stars", "threshold", 25.0)
    after = shown(tab, scene_of(session, "stars")).shares.curves.data
    assert np.nansum(after["completeness"]) < np.nansum(before["completeness"]) - 50
    assert tab._plots.shares._threshold.location == pytest.approx(np.log10(25))


def test_what_is_being_made_keeps_its_place_and_what_failed_is_emptied(session):
    tab = TruthTab(session, "dark")
    scene = scene_of(session, *COMPARED)
    plots = shown(tab, scene)
    tab.show(scene.at(2))
    assert len(plots.shares.curves.data["x"]) > 0
    assert len(plots.maps.sources["x"].data["image"]) == 1
    tab.show(scene.with_result("offset_map", None, "").with_result("stars", None, "").with_result("tracks", None, ""))
    assert len(plots.shares.curves.data["x"]) == 0
    assert len(plots.centroids.dots.data["x"]) == 0
    assert len(plots.maps.sources["x"].data["image"]) == 0
    assert len(plots.followed.source.data["share"]) == 0


def test_results_that_were_not_compared_are_not_shown_as_if(session):
    tab = TruthTab(session, "dark")
    shown(tab, scene_of(session, "stars"))
    before = tab._plots.shares.curves.data
    session.turn("stars", "threshold", 25.0)
    scene = scene_of(session, "stars")
    tab.show(scene)
    assert tab._plots.shares.curves.data is before
    tab.show(scene.with_result("stars", None, ""))
    tab.show(scene)
    assert len(tab._plots.shares.curves.data["x"]) == 0


def test_the_reference_says_why_its_map_is_empty(session):
    session.change(frame=0)
    plots = shown(TruthTab(session, "light"), scene_of(session, *COMPARED))
    assert "This is the reference" in plots.maps._head.object
    assert plots.maps.sources["y"].data["image"] == []
    assert not plots.maps._pictures.visible
    session.change(frame=1)
    tab = TruthTab(session, "light")
    assert shown(tab, scene_of(session, *COMPARED)).maps._pictures.visible


def test_a_frame_that_is_not_used_says_so_in_place_of_its_map_and_leaves_a_gap_in_the_stars_followed(session):
    scene = scene_of(session, *COMPARED)
    tab = TruthTab(session, "dark")
    plots = shown(tab, scene)
    file = scene["frames"].frames[1].file
    session.turn("selection", "rejected", {file: "clouds"})
    scene = scene_of(session, "frames", "stars", "selection", "tracks").with_result("offset_map", None, "")
    plots = shown(tab, scene)
    assert "This frame is not used" in plots.maps._head.object
    assert not plots.maps._pictures.visible
    share = plots.followed.source.data["share"]
    assert np.isnan(share[1])
    assert np.isfinite(np.delete(share, 1)).all()


def test_with_a_region_the_map_says_that_it_is_of_the_whole_frame(session):
    tab = TruthTab(session, "dark")
    scene = scene_of(session, *COMPARED)
    assert "region" not in shown(tab, scene).maps._head.object
    session.change(region=(20.0, 90.0, 20.0, 80.0))
    assert "Of the whole frame, not the region" in shown(tab, scene).maps._head.object


def test_where_no_star_shines_the_words_do_not_count_none_of_none(session):
    result = compare_stars(session.truth, 1, scene_of(session, "stars")["stars"])
    plot = shown(TruthTab(session, "dark"), scene_of(session, *COMPARED)).shares
    plot.update(replace(result, true=0, matched=0))
    assert "No true star shines in this frame. Purity: 0 of the" in plot._head.object


def test_another_centroid_is_compared_when_the_tracks_use_it(session):
    tab = TruthTab(session, "dark")
    winpos = shown(tab, scene_of(session, "stars", "tracks")).centroids.dots.data["y"]
    session.turn("tracks", "centroid", "dao")
    dao = shown(tab, scene_of(session, "stars", "tracks")).centroids.dots.data["y"]
    assert np.median(dao) > np.median(winpos)


def test_an_empty_sky_draws_without_a_word_of_nan(session):
    session.turn("stars", "sharpness", (1.99, 2.0))
    plots = shown(TruthTab(session, "dark"), scene_of(session, "stars"))
    assert "nan" not in plots.shares._head.object + plots.centroids._head.object
    assert len(plots.centroids.dots.data["x"]) == 0


def test_both_themes_paint_every_plot(session):
    tab = TruthTab(session, "dark")
    plots = shown(tab, scene_of(session, *COMPARED))
    dark = plots.shares.figure.background_fill_color
    tab.theme = "light"
    assert {plots.shares.figure.background_fill_color, plots.followed.figure.background_fill_color} == {"#FFFFFF"}
    assert dark != "#FFFFFF"


def test_medians_are_those_of_bins_with_enough_stars():
    x = np.array([0.1] * 5 + [1.1] * 4 + [2.1] * 6)
    values = np.arange(15.0)
    assert medians(x, values, np.array([0.0, 1, 2, 3])).tolist() == [2.0, 11.5]


# Which data have a truth


def test_a_truth_beside_the_lights_is_theirs(night, folder):
    assert truth_of(night, folder).shape == SPEC.shape


def test_there_is_no_truth_for_lights_of_another_shape_or_name(folder, tmp_path):
    sample.write(replace(SPEC, shape=(200, 300)), tmp_path / "other")
    (tmp_path / "other" / TRUTH_FILE).write_bytes((folder / TRUTH_FILE).read_bytes())
    assert truth_of(Graph.open([tmp_path / "other"], tmp_path), tmp_path) is None
    (tmp_path / "renamed").mkdir()
    (tmp_path / "renamed" / "M31.fits").write_bytes((folder / "light_001.fits").read_bytes())
    (tmp_path / "renamed" / TRUTH_FILE).write_bytes((folder / TRUTH_FILE).read_bytes())
    assert truth_of(Graph.open([tmp_path / "renamed"], tmp_path), tmp_path) is None


def test_a_truth_outside_the_data_root_is_not_read(folder, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "light_001.fits").write_bytes((folder / "light_001.fits").read_bytes())
    (inside / TRUTH_FILE).symlink_to(folder / TRUTH_FILE)
    assert truth_of(Graph.open([inside], inside), inside) is None


def test_a_broken_truth_is_an_error_with_its_name(folder, tmp_path):
    (tmp_path / "light_001.fits").write_bytes((folder / "light_001.fits").read_bytes())
    (tmp_path / TRUTH_FILE).write_bytes(b"no archive")
    with pytest.raises(FrameError, match=r"truth\.npz"):
        truth_of(Graph.open([tmp_path], tmp_path), tmp_path)


HALF = (-1.0, 160.0, -1.0, 240.0)


def test_a_region_counts_its_own_true_stars_and_those_found_in_it(session):
    tab, scene = TruthTab(session, "dark"), scene_of(session, *COMPARED)
    whole = shown(tab, scene)
    every, followed = whole.shares._shown, whole.followed._shown
    session.change(region=HALF)
    tab.show(scene)
    left, there = tab._plots.shares._shown, tab._plots.followed._shown
    session.change(region=(160.0, 321.0, -1.0, 240.0))
    tab.show(scene)
    right = tab._plots.shares._shown
    # A star beside the border may be counted on one side and found on the other.
    for name in ("true", "found", "matched"):
        parts = getattr(left, name), getattr(right, name)
        assert min(parts) > 5
        assert sum(parts) == pytest.approx(getattr(every, name), abs=3)
    assert 5 < there.stars < followed.stars
    assert np.nanmin(there.followed) > 0.8
    session.change(region=None)
    tab.show(scene)
    assert tab._plots.shares._shown.true == every.true


def test_a_knob_turned_while_a_region_is_dragged_counts_there(session):
    session.change(region=HALF)
    tab = TruthTab(session, "dark")
    before = shown(tab, scene_of(session, *COMPARED)).shares._shown
    session.turn("stars", "threshold", 25.0)
    after = shown(tab, scene_of(session, *COMPARED)).shares._shown
    assert after.true == before.true
    assert after.found < before.found


def test_a_region_without_a_star_draws_without_a_word_of_nan(session):
    session.change(region=(-90.0, -80.0, -90.0, -80.0))
    plots = shown(TruthTab(session, "dark"), scene_of(session, *COMPARED))
    assert "nan" not in plots.shares._head.object + plots.centroids._head.object + plots.followed._head.object
    assert plots.shares._shown.true == 0


def test_a_star_is_picked_by_its_dot_and_ringed_wherever_it_was_picked(session):
    tab, scene = TruthTab(session, "dark"), scene_of(session, *COMPARED)
    plot, tracks = shown(tab, scene).centroids, scene["tracks"]
    plot.figure.set_from_json("inner_width", 340)
    plot.figure.set_from_json("inner_height", 140)
    for dot in (3, 11):
        plot._tapped(plot.dots.data["x"][dot], plot.dots.data["y"][dot])
        row = plot.dots.data["row"][dot]
        ids = np.flatnonzero(tracks.row[1] == row)
        assert session.picked == (int(ids[0]) if ids.size else None)
        assert (session.candidate is None) == bool(ids.size)
        tab.show(scene)
        assert plot.ring.data["x"].tolist() == [plot.dots.data["x"][dot]]
    plot._tapped(-50.0, -50.0)
    assert plot.ring.data["x"].tolist() == [plot.dots.data["x"][11]], "nothing is near"
    session.change(picked=None)
    tab.show(scene)
    assert plot.ring.data["x"].tolist() == []
