"""A candidate that is no star can be picked: its card says why it is none, and a knob turned back makes it a star."""

import dataclasses
import re

import numpy as np
import pytest

pytest.importorskip("panel")

from pipeline import sample
from pipeline.graph.request import Request, Ticket
from pipeline.recipe import Recipe
from pipeline.tables import Reason, Status
from ui.bench import Bench
from ui.colours import DARK
from ui.marks import UNFOLLOWED, places, why_lost
from ui.picked_card import PickedCard
from ui.region import stars_inside, to_reference
from ui.series import star_measures
from ui.session import Session
from ui.star_candidate import WHY, candidate_measures, candidate_place, moved_spot, star_at, star_spot
from ui.star_card import StarCard, cutout_strip
from ui.star_facts import (
    SHARED,
    gaussian,
    measured_limits,
    measures_of,
    over_noise,
    profile_at,
    row_near,
    shape_words,
    star_limits,
)
from ui.tables import star_frame


@pytest.fixture
def bench(graph, turning, tmp_path):
    """The stage Tracks with its plots and card; all that is asked for is there when a turn returns."""
    session = Session(graph, tmp_path)
    made = Bench(session, "tracks")
    made.results.wait_for(lambda: session.open(turning, "sky"))
    yield made
    made.close()


def card_of(bench):
    """What stands on the star's card, without its marks."""
    return re.sub("<[^>]*>", " ", bench._tracks._card.words)


def sharp_star(tracks, stars):
    """A complete star of the first frame that is far from all others, and a limit that rejects it with few others."""
    row = tracks.row[0]
    values = np.where((row >= 0) & tracks.complete, stars["sharpness"][row], -np.inf)
    star = int(np.argmax(values))
    return star, float(values[star]) - 0.005


def test_a_picked_star_that_a_knob_rejects_says_which_and_is_picked_again_when_it_is_turned_back(bench):
    session, scene = bench.session, bench.results.scene
    star, limit = sharp_star(scene["tracks"], scene["stars"])
    value, place = scene["stars"]["sharpness"][scene["tracks"].row[0, star]], scene["tracks"].x[0, star]
    bench.pick(star)
    assert f"Star {star}" in card_of(bench)
    bench.results.wait_for(lambda: session.turn("stars", "sharpness", (0.1, limit)))
    assert session.picked is None
    words = card_of(bench)
    assert f"Star {star} is no longer a star of the reference." in words
    assert f"Sharpness {value:.2f}, above {limit:g}: rejected." in words
    assert bench.picture.picked.data["id"] == [""]
    assert bench.picture.picked.data["x"][0] == pytest.approx(place, abs=0.5)
    bench.results.wait_for(lambda: session.change(frame=2))
    assert f"Star {star} is no longer a star of the reference. Go to frame 1, the reference, to see why." in card_of(
        bench
    )
    # The stars of a frame that is stepped to come a moment later: what is there stays.
    before = card_of(bench)
    bench._tracks.show(bench.results.scene.without(["stars"]))
    assert card_of(bench) == before
    bench.results.wait_for(session.undo)
    assert session.picked == star
    assert session.candidate is None
    assert "no longer" not in card_of(bench)


def test_a_click_on_a_rejected_candidate_shows_its_measures_in_every_frame(bench):
    bench.results.wait_for(lambda: bench.session.turn("stars", "sharpness", (0.1, 0.45)))
    stars = bench.results.scene["stars"]
    sharp = np.flatnonzero(stars.reason == Reason.SHARPNESS)
    # One near the middle of the field is in every frame.
    row = int(sharp[np.argmin(np.hypot(stars["xcentroid"][sharp] - 160, stars["ycentroid"][sharp] - 120))])
    bench.picture.pick.data = {"row": [row], "id": [-1], "x": [0], "y": [0], "reach": [0], "sequence": [7]}
    words = card_of(bench)
    assert "Candidate" in words
    assert "rejected" in words
    assert f"Sharpness {stars['sharpness'][row]:.2f}, above 0.45: rejected." in words
    assert bench._tracks._card.words.count("<img") == 4, "a cut-out a frame"
    bench.results.wait_for(lambda: bench.session.change(frame=2))
    here, tracks = bench.results.scene["stars"], bench.results.scene["tracks"]
    place = candidate_place(here, tracks, 2, bench.session.candidate)
    assert bench.picture.picked.data["x"] == [pytest.approx(place[0])]
    bench.pick(None)
    assert "Click on a star" in card_of(bench)
    assert bench.picture.picked.data["id"] == []


def picked_before_tracks(bench, place, frame):
    """Pick a place of frame 2 while there are no tracks, and let those come while another frame may be shown."""
    bench.results.wait_for(lambda: bench.session.change(frame=2))
    bench.results.scene = bench.results.scene.without(["tracks"])
    bench.pick(None, place)
    assert bench.picture.picked.data["x"] == [pytest.approx(place[0], abs=0.1)]
    bench.results.wait_for(lambda: bench.session.change(frame=frame))


@pytest.mark.parametrize("frame", [2, 3])
def test_a_candidate_picked_before_there_are_tracks_keeps_its_place_in_the_sky_when_they_come(bench, graph, frame):
    stars = graph.result(bench.session.night, Recipe(), "stars", 2)
    tracks = bench.results.scene["tracks"]
    x, y = stars["xcentroid"], stars["ycentroid"]
    there = to_reference(tracks, 2, x, y)
    moved = np.hypot(there[0] - x, there[1] - y)
    moved[(stars.reason == Reason.STAR) | np.isin(np.arange(len(stars)), tracks.row[2])] = np.nan
    row = int(np.nanargmax(moved))
    assert moved[row] > 2
    place = float(x[row]), float(y[row])
    picked_before_tracks(bench, place, frame)
    assert bench.session.picked is None
    assert bench.session.candidate == pytest.approx((there[0][row], there[1][row]))


def test_a_star_picked_before_there_are_tracks_has_its_number_when_they_come(bench):
    tracks = bench.results.scene["tracks"]
    star = int(np.flatnonzero(tracks.complete)[7])
    picked_before_tracks(bench, (float(tracks.x[2, star]), float(tracks.y[2, star])), 2)
    assert bench.session.picked == star
    assert bench.session.candidate is None


@pytest.mark.parametrize(
    ("value", "written"), [(2013.7, "2014"), (99.97, "100"), (12.0, "12.0"), (4.567, "4.57"), (31_415.9, "31416")]
)
def test_a_peak_over_the_noise_has_three_digits_and_no_power_of_ten(value, written):
    assert over_noise(value) == written


def test_the_cards_of_a_star_and_of_a_candidate_write_the_same_measures(bench):
    stars, tracks = bench.results.scene["stars"], bench.results.scene["tracks"]
    star = int(np.flatnonzero(tracks.complete)[0])
    row = int(tracks.row[0, star])
    written = star_measures(stars, tracks, 0, star)
    assert written[2][0] == "error"
    assert written[3:] == candidate_measures(stars, row, {})[2:]
    both = candidate_measures(stars, row, {"roundness1": None})
    assert ("roundness1", f"{stars['roundness1'][row]:.2f}".replace("-", "\u2212"), "") in both


def test_what_is_picked_is_a_star_or_a_candidate_and_never_both(bench):
    session = bench.session
    session.change(picked=None, candidate=(40.0, 50.0))
    assert session.candidate == (40.0, 50.0)
    session.change(picked=3)
    assert session.candidate is None
    session.change(picked=None, candidate=(40.0, 50.0))
    session.change(picked=None)
    assert session.candidate is None


def test_the_card_gives_a_reason_for_every_candidate_that_is_no_star(graph, turning):
    recipe = Recipe({"stars": {"brightest": 20, "border": 12, "saturated": "drop", "separation": 12,
                               "sharpness": (0.3, 0.6), "roundness": (-0.2, 0.2)}})  # fmt: skip
    stars = graph.result(turning, recipe, "stars", 0)
    told = set()
    for row, code in enumerate(stars.reason):
        reason = Reason(code)
        if reason != Reason.STAR:
            told.add(reason)
            words = [one.words for one in measured_limits(stars, row, recipe).values() if one.words]
            assert words or reason in WHY
    assert {Reason.THRESHOLD, Reason.SHARPNESS, Reason.ROUNDNESS, Reason.BORDER, Reason.BRIGHTEST} <= told
    assert set(Reason) - {Reason.SHARPNESS} == set(WHY)


def test_what_cannot_be_measured_has_no_place_between_limits(graph, turning):
    stars = graph.result(turning, Recipe(), "stars", 0)
    row = int(np.flatnonzero(stars.reason == Reason.STAR)[0])
    columns = {name: np.array(stars[name]) for name in stars.columns}
    columns["roundness1"][row] = columns["roundness2"][row] = np.nan
    reason = np.array(stars.reason)
    reason[row] = Reason.MEASURE
    stars = dataclasses.replace(stars, columns=columns, reason=reason)
    limits = measured_limits(stars, row, Recipe())
    assert set(limits) == {"sharpness", "over noise"}
    assert not any(one.words for one in limits.values())
    told = measures_of(stars, row, (1.0, 2.0), both_roundnesses=True)
    assert "sharpness" in [name for name, _, _ in told]
    assert not any("nan" in value for _, value, _ in told)


def test_in_a_frame_of_elongated_stars_roundness_is_named_where_it_is_the_reason(graph, turning):
    recipe = Recipe({"stars": {"roundness": (-0.02, 0.02)}})
    stars = graph.result(turning, recipe, "stars", 0)
    stars = dataclasses.replace(stars, metrics={**stars.metrics, "elongated": 1.0})
    outside = np.abs(stars["roundness2"]) > 0.02
    for reason in (Reason.ROUNDNESS, Reason.THRESHOLD):
        row = int(np.flatnonzero(outside & (stars.reason == reason))[0])
        assert bool(measured_limits(stars, row, recipe)["roundness"].words) == (reason == Reason.ROUNDNESS)


def test_the_other_roundness_is_named_where_it_alone_rejects(graph, turning):
    stars = graph.result(turning, Recipe(), "stars", 0)
    own, other = np.abs(stars["roundness2"]), np.abs(stars["roundness1"])
    row = int(np.argmax(np.where(stars.reason == Reason.STAR, other - own, -np.inf)))
    bound = float((own[row] + other[row]) / 2)
    recipe = Recipe({"stars": {"roundness": (-bound, bound)}})
    limits = measured_limits(graph.result(turning, recipe, "stars", 0), row, recipe)
    assert limits["roundness"].words == ""
    assert limits["roundness1"].words.startswith("roundness1 ")


def test_a_lost_star_tells_of_the_candidate_in_its_place(graph, turning):
    recipe = Recipe({"tracks": {"recover": False}})
    tracks = graph.result(turning, recipe, "tracks")
    tables = [graph.result(turning, recipe, "stars", frame) for frame in range(4)]
    lost = [(frame, star) for frame in range(1, 4) for star in np.flatnonzero(~tracks.measured[frame])]
    told = [star_limits(tables[frame], tracks, frame, int(star), recipe) for frame, star in lost]
    wrong = [one for limits in told if limits for one in limits.values() if one.words]
    assert wrong
    assert all(one.words.endswith(": rejected") for one in wrong)


def test_the_card_of_a_lost_star_says_whose_measures_it_shows(bench):
    session, words = bench.session, "a candidate that is no star; its measures stand below"
    bench.results.wait_for(lambda: session.turn("tracks", "recover", False))
    tracks, seen = bench.results.scene["tracks"], set()
    for frame in range(1, 4):
        bench.results.wait_for(lambda frame=frame: session.change(frame=frame))
        for star in map(int, np.flatnonzero(~tracks.measured[frame])):
            session.change(picked=star)
            measured = "sharpness" in card_of(bench)
            assert (words in card_of(bench)) == measured
            seen.add(measured)
        session.change(picked=int(np.flatnonzero(tracks.measured[frame])[0]))
        assert "sharpness" in card_of(bench)
        assert words not in card_of(bench)
    assert True in seen


def test_a_place_keeps_its_candidate_when_another_frame_is_the_reference(graph, turning):
    tracks = graph.result(turning, Recipe(), "tracks")
    other = graph.result(turning, Recipe({"frames": {"reference": turning.files[3].file}}), "tracks")
    star = int(np.flatnonzero(tracks.complete)[0])
    spot = moved_spot(tracks, other, (float(tracks.x[0, star]), float(tracks.y[0, star])))
    assert star_at(other, spot, 1.0) == star_at(other, star_spot(tracks, star, other), 1.0) is not None


def test_no_candidate_is_taken_for_one_that_is_farther_than_half_a_width(graph, turning):
    stars = graph.result(turning, Recipe(), "stars", 0)
    x, y = float(stars["xcentroid"][5]), float(stars["ycentroid"][5])
    assert row_near(stars, x, y) == 5
    assert row_near(stars, -50.0, -50.0) == -1


@pytest.mark.parametrize("fwhm", [2.2, 5.0, 9.0, 13.0])
def test_the_width_written_in_the_profile_is_not_cut_off(fwhm):
    rows, columns = np.indices((15, 15)) - 7
    profile = profile_at(500 * gaussian(np.hypot(columns, rows), fwhm), 0.0, 0.0, fwhm)
    card = StarCard()
    card.show(3, "complete", "", (), profile=profile)
    x, anchor = re.search(r'<text x="([\d.]+)" y="[\d.]+" (text-anchor="end" )?fill', card._pane.object).groups()
    assert float(x) + (0 if anchor else 62) <= 176


def test_a_profile_is_as_high_as_its_star_also_beside_a_bright_one():
    rows, columns = np.indices((15, 15)) - 7
    light = 30 * gaussian(np.hypot(columns, rows), 3.0)
    highest = []
    for neighbour in (0.0, 9000.0):
        light[0, 0] = neighbour
        card = StarCard()
        card.show(3, "complete", "", (), profile=profile_at(light, 0.0, 0.0, 3.0))
        highest.append(max(map(float, re.findall(r'<text x="36" y="[\d.]+">([\d.]+)<', card._pane.object))))
    assert highest[1] == highest[0] <= 40


def test_a_card_has_the_cut_outs_and_the_profile_of_the_frames_that_are_at_hand(bench):
    """Of a long sequence of large frames not all images stay in memory."""
    session, scene, image_of = bench.session, bench.results.scene, bench.results.image_of
    bench.results.wait_for(lambda: session.change(frame=2))
    star, scene = int(np.flatnonzero(scene["tracks"].complete)[0]), bench.results.scene
    gone = {0, 3}
    card = PickedCard(session, "dark", lambda frame: None if frame in gone else image_of(frame))
    session.change(picked=star)
    card.show(scene)
    assert card.words.count("<img") == 2
    assert card.words.count("step to it to see the star there") == 2
    assert "\N{MULTIPLICATION SIGN}" not in card.words
    assert "Profile, ADU against px" in card.words
    # A knob was turned, and no image is made anew yet: what stands there stays until the tracks are.
    before = card.words
    card._image_of = lambda frame: None
    card.show(scene)
    assert card.words == before
    card.show(scene.with_result("tracks", dataclasses.replace(scene["tracks"]), "new"))
    assert card.words.count("<img") == 0
    assert f"Star {star}" in card.words


def test_a_star_picked_while_a_request_has_just_begun_has_its_cut_outs(bench):
    session, results = bench.session, bench.results
    results._request = Request(session.graph, session.night, session.recipe, Ticket(), lambda *told: None)
    assert all(results.image_of(frame) is not None for frame in range(4))
    bench.pick(int(np.flatnonzero(results.scene["tracks"].complete)[0]))
    assert card_of(bench).count("is not in memory") == 0
    assert bench._tracks._card.words.count("<img") == 4
    results.forget()
    results._request = None
    assert results.image_of(0) is None


def test_over_the_counts_stands_why_stars_are_lost_in_the_frame_shown_and_in_the_region(bench):
    tab, session = bench._tracks, bench.session
    bench.results.wait_for(lambda: session.turn("tracks", "recover", False))
    bench.results.wait_for(lambda: session.turn("stars", "sharpness", (0.3, 0.5)))
    bench.results.wait_for(lambda: session.change(frame=3))
    tracks = bench.results.scene["tracks"]
    lost = ~tracks.measured[3]
    assert lost.sum() > 2
    assert tab._plots._lost in tab._plots._titles[2].object.replace("\N{NO-BREAK SPACE}", " ")
    whole = re.sub(r" \(.*?\)", "", tab._plots._lost)
    assert sum(int(number) for number in re.findall(r"\d+", whole)) == lost.sum()
    half = (-1.0, float(np.median(tracks.x[tracks.reference, lost])) + 0.1, -1.0, 240.0)
    bench.results.wait_for(lambda: session.change(region=half))
    here = lost & stars_inside(half, tracks)
    assert tab._plots._lost == why_lost(tracks, 3, here)
    assert 0 < here.sum() < lost.sum()
    bench.results.wait_for(lambda: session.change(frame=0))
    assert tab._plots._lost == ""


def test_a_faint_star_is_seen_as_well_beside_a_very_bright_one_as_beside_a_bright_one():
    def drawn(neighbour):
        cutout = np.zeros((15, 15), np.float32)
        cutout[7, 7], cutout[2, 2] = 30.0, neighbour
        return cutout_strip([cutout], 1.0, 0, 0, DARK)

    assert drawn(90.0) == drawn(9000.0) != drawn(0.0)


def test_a_star_that_an_address_names_and_nobody_has_is_told_of(graph, turning, tmp_path):
    session = Session(graph, tmp_path)
    made = Bench(session, "tracks")

    def arrive():
        session.open(turning, "sky")
        session.change(picked=99999)

    made.results.wait_for(arrive)
    count = made.results.scene["tracks"].x.shape[1]
    assert session.picked is None
    assert f"The reference has no star 99999: its stars are 0 to {count - 1}." in card_of(made)
    made.close()


def test_no_measure_of_a_card_is_minus_nothing(graph, turning):
    stars = graph.result(turning, Recipe(), "stars", 0)
    nearly = np.full(len(stars), -0.001, np.float32)
    shown = measures_of(dataclasses.replace(stars, columns={**stars.columns, "roundness2": nearly}), 0, (-0.001, 5.0))
    assert {"x": "0.00", "roundness": "0.00"}.items() <= {name: value for name, value, _ in shown}.items()


def test_a_kept_star_whose_roundness_is_beyond_its_limits_says_why(bench):
    stars, tracks = bench.results.scene["stars"], bench.results.scene["tracks"]
    star = int(np.flatnonzero(tracks.complete)[0])
    row, usual = int(tracks.row[bench.session.frame, star]), Recipe()
    drawn_out = dataclasses.replace(stars, metrics={**stars.metrics, "elongated": 0.8})
    assert shape_words(drawn_out, row, usual) == ""
    beyond = {**stars.columns, "roundness2": np.full(len(stars), 1.2)}
    drawn_out = dataclasses.replace(drawn_out, columns=beyond)
    assert shape_words(drawn_out, row, usual) == SHARED
    assert shape_words(dataclasses.replace(drawn_out, metrics=stars.metrics), row, usual) == ""


def test_in_the_reference_a_hot_pixel_is_no_star_that_the_reference_has_not(graph, tmp_path):
    """The sample "codes" has hot pixels that look like stars and stand still while the stars move."""
    sample.write_named("codes", tmp_path)
    session = Session(graph, tmp_path)
    bench = Bench(session, "tracks")
    bench.results.wait_for(lambda: session.open(graph.open([tmp_path], tmp_path), "codes"))
    tracks, stars = bench.results.scene["tracks"], bench.results.scene["stars"]
    hot = int((tracks.status[tracks.reference] == Status.HOT).sum())
    assert hot > 0
    listed = star_frame(stars, tracks, session.frame)
    assert (listed["state"] == UNFOLLOWED).sum() == 0
    assert (listed["state"] == Reason.HOT.word).sum() == hot
    assert f"{hot} {Reason.HOT.word}" in bench.picture.legend.hints["rejected"]
    row = int(np.setdiff1d(np.flatnonzero(stars.reason == Reason.STAR), tracks.row[session.frame])[0])
    bench.pick(None, tuple(float(at[row]) for at in places(stars)))
    assert "hot pixel" in card_of(bench).lower()
    unused = int(np.flatnonzero(~tracks.used)[0])
    bench.results.wait_for(lambda: session.change(frame=unused))
    assert "A star of this frame, which is not used" in card_of(bench)
    assert UNFOLLOWED not in card_of(bench)
    bench.pick(None, (5.0, 5.0))
    assert "This frame is not used" in card_of(bench)
    bench.close()
