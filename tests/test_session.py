"""What stands behind the page, without a browser: session, worker, widgets from declarations, folders, markers."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from pipeline import sample
from pipeline.cutouts import HALF
from pipeline.frame import FrameError
from pipeline.graph.request import StaleError
from pipeline.graph.run import Graph
from pipeline.knob import KnobError
from pipeline.recipe import Recipe
from pipeline.stage import STAGES
from pipeline.tables import Reason
from ui import marks, series
from ui.knobs import BINS, DRAWN, described, drawn, histogram, value_text
from ui.open_dialog import below, folders_in, frames_in
from ui.session import Session
from ui.stage_list import error_parts, explanation, seconds_text, short
from ui.star_candidate import star_at, star_spot
from ui.star_facts import gaussian, star_limits, star_profile
from ui.worker import Worker

SPECS = [spec for stage in STAGES.values() for spec in stage.knobs.values()]


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sky")
    sample.write(replace(sample.named("rotation"), frames=4, shape=(300, 400), stars=80, hot=20), folder)
    return Graph.open([folder], folder)


@pytest.fixture
def session(graph, tmp_path):
    session = Session(graph, tmp_path)
    yield session
    session.close()


# The session


def test_a_turn_is_heard_once_and_can_be_taken_back(session):
    heard = []
    session.listen(heard.append)
    session.turn("stars", "threshold", 9.0)
    session.turn("stars", "threshold", 9.0)
    session.undo()
    assert heard == [frozenset({"recipe"})] * 2
    assert session.recipe == Recipe()
    session.redo()
    assert session.recipe["stars"]["threshold"] == 9.0


def test_a_drag_is_one_step_of_the_history(session):
    for value in (6.0, 7.0, 8.0):
        session.turn("stars", "threshold", value, live=True)
    assert session.live
    session.turn("stars", "threshold", 8.0)
    assert not session.live
    session.undo()
    assert session.recipe == Recipe()
    assert not session.can_undo


def test_a_turn_can_be_taken_back_after_other_files_were_opened(session, graph, tmp_path):
    session.turn("stars", "threshold", 9.0)
    session.turn("selection", "rejected", {"light_001.fits": "clouds"})
    session.turn("stars", "threshold", 12.0)
    session.open(graph.open([], tmp_path), "others")
    assert session.recipe == Recipe({"stars": {"threshold": 12.0}})
    session.undo()
    assert session.recipe == Recipe({"stars": {"threshold": 9.0}})
    session.undo()
    assert session.recipe == Recipe()
    assert not session.can_undo
    session.open(graph.open([], tmp_path), "by address", recipe=Recipe({"stars": {"threshold": 30.0}}))
    assert not session.can_undo


def test_clicks_before_a_double_click_are_one_step_with_its_way_back(session):
    session.turn("stars", "sharpness", (0.2, 0.9))
    for value in (15.0, 30.0, 31.0):
        session.turn("stars", "threshold", value)
    session.gather("stars", "threshold", 15.0)
    session.turn("stars", "threshold", None)
    session.undo()
    assert session.recipe.changed() == {"stars": {"threshold": 15.0, "sharpness": (0.2, 0.9)}}
    session.undo()
    assert session.recipe.changed() == {"stars": {"sharpness": (0.2, 0.9)}}


def test_a_double_click_takes_no_turn_of_another_knob_back(session):
    session.turn("stars", "threshold", 15.0)
    session.turn("stars", "sharpness", (0.2, 0.9))
    session.turn("stars", "threshold", 30.0)
    session.gather("stars", "threshold", None)
    session.turn("stars", "threshold", None)
    session.undo()
    assert session.recipe["stars"]["threshold"] == 30.0


def test_a_wrong_value_leaves_the_recipe_as_it_was(session):
    with pytest.raises(KnobError, match=r"stars.threshold = -1"):
        session.turn("stars", "threshold", -1)
    assert session.recipe == Recipe()


def test_other_files_keep_the_knobs_but_no_names_of_files_and_stars(session, night):
    session.turn("stars", "threshold", 9.0)
    session.turn("selection", "rejected", {"light_002.fits": "cloud"})
    session.turn("frames", "reference", "light_002.fits")
    session.turn("shifts", "pre_shift", {"light_002.fits": (9, 0)})
    session.turn("psf_photometry", "comparison", (3, 5))
    session.open(night, "sky")
    assert session.recipe.changed() == {"stars": {"threshold": 9.0}}


def test_the_same_files_opened_again_are_drawn_again(session, night):
    heard = []
    session.open(night, "sky")
    session.listen(heard.append)
    session.open(night, "sky")
    assert heard == [frozenset({"night"})]


def test_uploads_go_with_the_session(graph, tmp_path):
    session = Session(graph, tmp_path)
    folder = session.uploads
    (folder / "light.fits").write_bytes(b"x")
    session.close()
    assert not folder.exists()


# The worker


def test_the_latest_job_wins_and_the_one_before_learns_of_it():
    worker, started, done = Worker(None), threading.Event(), threading.Event()
    seen = []

    def slow(ticket):
        started.set()
        while not ticket.stale():
            time.sleep(0.005)
        seen.append("withdrawn")
        raise StaleError

    worker.submit(slow)
    assert started.wait(5)
    worker.submit(lambda ticket: seen.append("skipped"))
    worker.submit(lambda ticket: (seen.append("last"), done.set()))
    assert done.wait(5)
    worker.close()
    assert seen[0] == "withdrawn"
    assert seen[-1] == "last"


def test_a_fault_in_a_job_is_logged_and_does_not_end_the_page(monkeypatch):
    worker, done, logged = Worker(None), threading.Event(), threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda fault: logged.set())

    def fault(ticket):
        raise ZeroDivisionError

    worker.submit(fault)
    assert logged.wait(5)
    worker.submit(lambda ticket: done.set())
    assert done.wait(5)
    worker.close()


# Knobs from their declaration


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.stage}.{spec.name}")
def test_every_knob_is_drawn_with_its_rule_and_its_default_within_the_slider(spec):
    if drawn(spec).hidden:
        return
    shown = described(spec)
    assert shown["doc"]
    assert shown["default_text"]
    if shown["widget"] == "slider" and spec.default is not None:
        ends = np.atleast_1d(np.array(spec.default, float))
        assert np.all(ends >= shown["low"])
        assert np.all(ends <= shown["high"])
        assert not shown["log"] or shown["low"] > 0


def test_the_table_of_exceptions_names_knobs_that_exist():
    assert {(spec.stage, spec.name) for spec in SPECS} >= set(DRAWN)


def test_a_histogram_counts_along_the_slider():
    spec = STAGES["stars"].knobs["threshold"]
    low, high = described(spec)["low"], described(spec)["high"]
    counts = histogram(spec, np.geomspace(low, high, 10 * BINS, endpoint=False))
    assert len(counts) == BINS
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize(
    ("knob", "value", "text"),
    [("threshold", None, "auto"), ("threshold", 5.0, "5\u2009σ"), ("roundness", (-0.9, 0.9), "\u22120.9 to 0.9")],
)
def test_values_read_as_people_write_them(knob, value, text):
    assert value_text(STAGES["stars"].knobs[knob], value) == text


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_has_an_explanation_with_a_source(name):
    text = explanation(name)
    assert text.startswith("# ")
    assert "What goes wrong in practice" in text
    assert "*Source:*" in text
    assert text.count("$$") % 2 == 0


# Rows


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0002, "1\u2009ms"), (0.009, "9\u2009ms"), (0.67, "0.67\u2009s"), (31.2, "31\u2009s")]
)
def test_times_have_three_digits_at_most(seconds, text):
    assert seconds_text(seconds) == text


def test_an_error_is_file_fault_and_remedy():
    error = FrameError("light_09.fits", "has 650 x 480 pixels", "leave it out")
    assert error_parts(error) == {
        "file": "light_09.fits",
        "problem": "has 650 x 480 pixels.",
        "remedy": "Leave it out.",
    }


def test_the_line_on_a_stage_leaves_the_source_to_the_explanation():
    assert short("Keep stars (Stetson 1987, PASP 99, 191).") == "Keep stars."


# Only below the data root


def test_no_way_leads_out_of_the_data_root(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root / "night", outside):
        folder.mkdir(parents=True)
        (folder / "light_1.fits").write_bytes(b"x")
    (root / "link").symlink_to(outside)
    (root / "night" / "light_2.fits").symlink_to(outside / "light_1.fits")
    assert below(root, root / "night")
    assert not below(root, root / "night" / ".." / ".." / "outside")
    assert [path.name for path in folders_in(root, root)] == ["night"]
    assert [path.name for path in frames_in(root, root / "night")] == ["light_1.fits"]
    with pytest.raises(FrameError, match="below the data root"):
        frames_in(root, root / "link")


# Results as markers


@pytest.fixture(scope="module")
def results(graph, night):
    recipe = Recipe()
    tracks = graph.result(night, recipe, "tracks")
    return tracks, [graph.result(night, recipe, "stars", frame) for frame in range(4)]


def test_every_reference_star_has_one_marker_in_every_frame_or_lies_outside(results):
    tracks, tables = results
    for frame, stars in enumerate(tables):
        columns = marks.markers(stars, tracks, frame)
        ids = columns["id"][columns["id"] >= 0]
        assert len(set(ids.tolist())) == len(ids)
        assert set(np.flatnonzero(tracks.measured[frame])) <= set(ids.tolist())
        assert (columns["code"] == marks.LOST).sum() <= (~tracks.measured[frame]).sum()


def test_markers_of_a_table_made_with_other_knobs_take_no_tracks(results, graph, night):
    tracks, _ = results
    other = graph.result(night, Recipe({"candidates": {"fwhm": 9.0}}), "stars", 1)
    columns = marks.markers(other, tracks, 1)
    assert set(columns["code"].tolist()) <= {marks.REJECTED, marks.OTHER}


def test_stars_found_anew_keep_their_state_until_their_tracks_are_made(results, graph, night):
    tracks, _ = results
    recipe = Recipe({"candidates": {"fwhm": 7.0}})
    anew = graph.result(night, recipe, "stars", 1)
    assert not marks.belongs(tracks, anew, 1)
    meanwhile = marks.markers(anew, tracks, 1, old=True)["code"][: len(anew)]
    then = marks.markers(anew, graph.result(night, recipe, "tracks"), 1)["code"][: len(anew)]
    followed = np.isin(then, (marks.COMPLETE, marks.PARTIAL))
    assert followed.sum() > 50
    assert (meanwhile == then)[followed].mean() > 0.9
    assert (meanwhile[anew.reason != Reason.STAR] == marks.REJECTED).all()


def test_tracks_whose_places_lie_beside_their_rows_keep_the_states_of_their_stars(results, graph, night):
    """Method previous follows the centre of the light about a place, and names the row that is nearest."""
    tracks, _ = results
    stars = graph.result(night, Recipe(), "stars", 1)
    aside = replace(tracks, x=tracks.x + 1.5)
    assert marks.belongs(aside, stars, 1)
    known = (marks.markers(one, two, 1)["code"] for one, two in ((stars, tracks), (stars, aside)))
    assert (next(known) == next(known)).all()
    other = graph.result(night, Recipe({"candidates": {"fwhm": 9.0}}), "stars", 1)
    assert not marks.belongs(aside, other, 1)


def test_a_star_whose_centre_could_not_be_told_takes_no_state_from_others(results):
    tracks, tables = results
    row = int(tracks.row[1][tracks.row[1] >= 0][0])
    columns = dict(tables[1].columns)
    for name in ("xcentroid", "ycentroid"):
        columns[name] = columns[name].copy()
        columns[name][row] = np.nan
    blank = marks.markers(replace(tables[1], columns=columns), tracks, 1)
    whole = marks.markers(tables[1], tracks, 1)
    assert (blank["code"] == whole["code"]).all()
    assert (blank["id"] == whole["id"]).all()
    assert np.isfinite(blank["x"]).all()


def test_while_tracks_are_made_anew_stars_keep_their_state_and_those_rejected_lose_it(results, graph, night):
    tracks, tables = results
    fewer = graph.result(night, Recipe({"stars": {"brightest": 60}}), "stars", 1)
    codes, before = marks.markers(fewer, tracks, 1, old=True)["code"], marks.markers(tables[1], tracks, 1)["code"]
    codes, before = codes[: len(fewer)], before[: len(fewer)]
    kept = fewer.reason == Reason.STAR
    assert kept.sum() == 60
    assert (codes[kept] == before[kept]).all()
    assert (codes[~kept] == marks.REJECTED).all()


def test_a_picked_star_is_the_one_at_its_place_when_other_stars_change_the_numbers(results, graph, night):
    tracks, _ = results
    fewer = graph.result(night, Recipe({"stars": {"brightest": 40}}), "tracks")
    here = [star_at(fewer, star_spot(tracks, star, fewer), 1.0) for star in range(tracks.x.shape[1])]
    known = [(star, new) for star, new in enumerate(here) if new is not None]
    assert len(known) == fewer.x.shape[1] < tracks.x.shape[1]
    assert any(star != new for star, new in known)
    assert all(abs(tracks.x[0, star] - fewer.x[0, new]) < 0.1 for star, new in known)


def test_a_picked_star_stays_when_another_frame_is_the_reference(results, graph, night):
    tracks, _ = results
    other = graph.result(night, Recipe({"frames": {"reference": night.files[3].file}}), "tracks")
    assert other.reference != tracks.reference
    star = int(np.flatnonzero(tracks.complete)[0])
    new = star_at(other, star_spot(tracks, star, other), 1.0)
    assert abs(other.x[3, new] - tracks.x[3, star]) < 0.1


def test_a_measure_outside_the_knobs_limits_is_said_in_words(results):
    tracks, tables = results
    star = int(np.flatnonzero(tracks.complete)[0])
    value = float(tables[1]["sharpness"][tracks.row[1, star]])
    limits = star_limits(tables[1], tracks, 1, star, Recipe())
    assert all(one.words == "" and one.start <= one.place <= one.end for one in limits.values())
    narrow = Recipe({"stars": {"sharpness": (value + 0.25, 9.0)}})
    words = star_limits(tables[1], tracks, 1, star, narrow)["sharpness"].words
    assert words == f"sharpness {value:.2f}, below {value + 0.25:g}: rejected"


def test_the_profile_of_a_gaussian_is_that_gaussian(results):
    tracks, tables = results
    star = int(np.flatnonzero(tracks.complete)[0])
    row, x, y = tracks.row[1, star], tracks.x[1, star], tracks.y[1, star]
    rows, columns = np.indices((15, 15)) - 7
    away = np.hypot(columns - (x - round(x)), rows - (y - round(y)))
    profile = star_profile(500 * gaussian(away, tables[1]["fwhm"][row]), tables[1], tracks, 1, star)
    assert profile.height == pytest.approx(500)
    assert profile.value == pytest.approx(500 * gaussian(profile.distance, profile.fwhm))


def test_why_rejected_counts_what_is_above_the_threshold_and_no_star(results):
    _, tables = results
    reason = np.zeros_like(tables[0].reason)
    reason[:3], reason[3:5], reason[5:9] = Reason.SHARPNESS, Reason.BORDER, Reason.THRESHOLD
    assert marks.why_rejected(replace(tables[0], reason=reason)) == "3 sharpness, 2 border"


def test_series_count_every_star_once_in_every_frame(results):
    tracks, _ = results
    counts = series.frame_series(tracks)
    assert np.all(counts.complete + counts.partial + counts.lost == tracks.x.shape[1])
    assert counts.dx[tracks.reference] == pytest.approx(0, abs=1e-9)


def test_a_cut_out_shows_its_star_in_the_middle(results, graph, night):
    tracks, _ = results
    star = int(np.flatnonzero(tracks.complete)[0])
    images = [graph.result(night, Recipe(), "normalize", frame).image for frame in range(4)]
    for piece in series.cutouts(tracks, star, images.__getitem__):
        peak = np.unravel_index(np.nanargmax(piece), piece.shape)
        assert np.allclose(peak, HALF, atol=2)
