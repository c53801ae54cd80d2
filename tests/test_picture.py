"""The picture and its parts, without a browser."""

import gc
import json
import re
import subprocess
import sys
import weakref

import numpy as np
import pytest

from ui.part import text, variables
from ui.picture import Picture
from ui.pyramid import PyramidStore
from ui.star_card import StarCard
from ui.stretch import LIMITS, SOFTENING, STRETCHES, number, palette, shares


def image(shape=(300, 400), seed=1):
    return np.random.default_rng(seed).normal(0, 5, shape).astype(np.float32)


def ask(picture, x0, x1, y0, y1, sequence=1):
    picture.request.data = {
        "sequence": [sequence], "x0": [x0], "x1": [x1], "y0": [y0], "y1": [y1], "width": [700], "height": [600],
    }  # fmt: skip


def test_a_request_is_answered_with_the_cut_it_asked_for():
    picture = Picture()
    picture.show("subtracted", image(), noise=5.0, key="a")
    ask(picture, 10, 29, 40, 79, sequence=7)
    cut = picture.cuts[0].data
    assert (cut["x"], cut["y"]) == ([9.5], [39.5])
    assert cut["values"][0].shape == (40, 20)
    assert picture.answer.data["sequence"] == [7]


def test_a_request_is_answered_also_when_nothing_is_there_or_it_lies_outside():
    picture = Picture()
    ask(picture, 0, 10, 0, 10, sequence=1)
    assert picture.answer.data["sequence"] == [1]
    picture.show("subtracted", image(), noise=5.0, key="a")
    ask(picture, 9000, 9100, 0, 10, sequence=2)
    assert picture.answer.data["sequence"] == [2]


def test_the_next_frame_comes_at_the_place_that_is_seen():
    picture = Picture()
    picture.show("subtracted", image(seed=1), noise=5.0, key="frame 1")
    ask(picture, 100, 149, 100, 139)
    start = picture.x_range.start, picture.y_range.start
    picture.show("subtracted", image(seed=2), noise=5.0, key="frame 2")
    cut = picture.cuts[0].data
    assert np.array_equal(cut["exact"][0], image(seed=2)[100:140, 100:150])
    assert (picture.x_range.start, picture.y_range.start) == start


def test_only_the_visible_pictures_are_cut_and_others_when_they_appear():
    picture = Picture()
    picture.choose("x_offset", 1)
    picture.show("x_offset", image(), noise=0.0, key="map")
    assert picture.cuts[1].data["values"] == []
    picture.views(2)
    assert picture.kinds == ("subtracted", "x_offset")
    assert picture.cuts[1].data["colours"] == ["viridis"]
    assert picture.cuts[1].data["unit"] == ["px"]
    assert len(picture._drawn[1].contours.numbers.data["text"]) > 2
    picture.choose("subtracted", 1)
    assert picture._drawn[1].contours.numbers.data["text"] == []


def test_errors_are_coloured_from_zero():
    picture = Picture()
    picture.choose("x_error")
    picture.show("x_error", np.abs(image()) + 1, noise=0.0, key="error")
    assert picture.cuts[0].data["bottom"] == [0.0]
    assert picture.heads[0].low == "0"


def test_the_shell_is_told_which_kinds_are_wanted():
    picture = Picture()
    told = []
    picture.on_kinds(told.append)
    picture.choose("background")
    picture.views(2)
    assert told[-1] == ("background", "x_offset")


def test_a_kind_that_is_no_longer_valid_leaves_its_picture_empty():
    picture = Picture()
    picture.show("subtracted", image(), noise=5.0, key="a")
    assert picture.cuts[0].data["values"]
    picture.forget("subtracted")
    assert picture.cuts[0].data["values"] == []


def test_pixels_that_no_picture_shows_any_more_leave_memory(monkeypatch):
    monkeypatch.setattr("ui.picture.PYRAMIDS", PyramidStore(limit=1))
    picture = Picture()
    picture.show("subtracted", image(), noise=5.0, key="a")
    first = weakref.ref(picture._pyramids["subtracted"][1])
    picture.show("subtracted", image(seed=2), noise=5.0, key="b")
    gc.collect()
    assert first() is None


def test_a_click_on_a_star_tells_its_id_and_on_bare_sky_none():
    picture = Picture()
    told = []
    picture.on_pick(lambda star, place: told.append(star))
    for star in (12, -1):
        picture.pick.data = {"row": [0], "id": [star], "x": [0], "y": [0], "reach": [0], "sequence": [1]}
    assert told == [12, None]


def test_tails_end_at_the_star_and_whole_tracks_at_its_beginning():
    picture = Picture()
    xs = np.arange(20.0).reshape(2, 10)
    picture.set_tracks(xs, xs + 100, np.array([0, 1]))
    assert picture.tails["complete"].data["x"][:-1].tolist() == [6, 7, 8, 9]
    assert np.isnan(picture.tails["complete"].data["x"][-1])
    picture.toolbar.tails = "all"
    assert picture.tails["partial"].data["y"][:-1].tolist() == list(range(110, 120))
    picture.toolbar.tails = "off"
    assert len(picture.tails["partial"].data["x"]) == 0


def test_markers_travel_as_numbers_never_as_colours():
    picture = Picture()
    picture.set_markers({"x": np.arange(3.0), "y": np.arange(3.0), "id": np.arange(3), "code": np.array([0, 3, 4])})
    assert {values.dtype.kind for values in picture.stars.data.values()} <= {"f", "i"}


def test_fewer_markers_leave_rows_that_are_not_drawn():
    picture = Picture()
    columns = {"x": np.arange(3.0), "y": np.arange(3.0), "id": np.arange(3), "code": np.array([0, 3, 4])}
    picture.set_markers(columns)
    for count in (1, 0):
        picture.set_markers({name: values[:count] for name, values in columns.items()})
        data = picture.stars.data
        assert len(data["x"]) == 3
        assert np.isnan(data["x"][count:]).all()
        assert np.isnan(data["sharpness"]).all(), "a cut would count it as rejected"
        assert (data["code"][count:] == 255).all()
        assert (data["id"][count:] == -1).all()


def test_a_change_of_theme_makes_no_figure_anew():
    picture = Picture("dark")
    before = [id(figure) for figure in picture.figures]
    picture.theme = "light"
    assert [id(figure) for figure in picture.figures] == before
    assert picture.toolbar.theme == picture.heads[3].theme == "light"


def test_every_value_of_a_stretch_is_between_dark_and_bright_and_grows():
    values = np.linspace(-5, 30, 200)
    for stretch in STRETCHES:
        bright = shares(values, stretch, *LIMITS)
        assert bright[0] == 0
        assert bright[-1] == pytest.approx(1)
        assert (np.diff(bright) >= 0).all()
    assert np.isnan(shares(np.array([np.nan]), "asinh", *LIMITS))


def test_browser_and_server_stretch_alike():
    assert f"const SOFTENING = {SOFTENING}" in text("picture_pixels.js")
    assert set(re.findall(r"^  (\w+): \(t\)", text("picture_pixels.js"), re.M)) == set(STRETCHES)


def test_a_difference_map_is_white_at_zero():
    middle = palette("difference")[126:130]
    assert all(int(colour[i : i + 2], 16) > 245 for colour in middle for i in (1, 3, 5))


@pytest.mark.parametrize(
    ("value", "span", "written"),
    [(-89.123, 2.0, "−89.12"), (0.0, 5.0, "0"), (1035.4, 0.0, "1035"), (0.0123, 0.0, "0.0123"), (-1e-9, 1.0, "0.00")],
)
def test_numbers_have_a_true_minus_and_digits_that_mean_something(value, span, written):
    assert number(value, span) == written


def test_both_themes_define_the_same_colours():
    names = [re.findall(r"--([\w-]+):", variables(theme)) for theme in ("dark", "light")]
    assert names[0] == names[1]


def test_the_card_writes_words_as_words():
    card = StarCard()
    card.show(7, "lost", "<b>not a tag</b>", [("peak", "812", "ADU")], [image((9, 9)), None], noise=5)
    written = card.panel[1].object
    assert "&lt;b&gt;not a tag" in written
    assert "data:image/png;base64," in written
    card.clear("Star 7 is no longer a star of the reference.")
    assert "no longer a star of the reference. Click on a star" in card.panel[1].object


def test_the_page_s_parts_start_no_astronomy():
    code = "import sys, json, ui.picture, ui.player, ui.plots; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"astropy", "photutils", "rawpy", "scipy", "holoviews"} & set(json.loads(done.stdout))


def test_a_picture_that_could_not_be_made_says_so_until_it_is_there():
    picture = Picture()
    assert picture._notes[0].state == "waiting"
    picture.show("subtracted", np.zeros((20, 30), np.float32), noise=1.0, key="beside one")
    assert picture._notes[0].state == ""
    assert any(picture.strip.counts)
    picture.forget("subtracted", "light_03.fits: it is dark: leave it out")
    assert picture.strip.counts == [], "the histogram of another frame"
    assert picture._notes[0].state == "failed"
    assert picture._notes[0].detail == "light_03.fits: it is dark: leave it out"
    assert picture._notes[0].elsewhere == 0
    assert picture.cuts[0].data["values"] == []
    picture._notes[0].kind = "raw"
    assert picture.kinds == ("raw",)
    assert picture._notes[0].state == "waiting"
    picture.show("subtracted", np.ones((20, 30), np.float32), noise=1.0, key="beside two")
    picture.choose("subtracted")
    assert picture._notes[0].state == ""


@pytest.mark.parametrize(
    ("kinds", "marked"),
    [
        (["subtracted"], True),
        (["aligned"], False),
        (["stack"], False),
        (["x_offset"], False),
        (["master_dark"], False),
        (["x_offset", "aligned", "raw", "stack"], True),
    ],
)
def test_the_legend_counts_states_where_a_picture_has_their_marks(kinds, marked):
    picture = Picture()
    picture.views(len(kinds))
    for i, kind in enumerate(kinds):
        picture.choose(kind, i)
        picture.show(kind, image(), noise=5.0, key="a")
    assert picture.legend.marked == marked
    seen = [all(renderer.visible for renderer in drawn.markers) for drawn in picture._drawn[: len(kinds)]]
    assert any(seen) == marked


def test_of_two_pictures_the_states_stand_beside_the_one_that_has_their_marks():
    picture = Picture()
    picture.views(2)
    picture.choose("stack", 0)
    picture.choose("subtracted", 1)
    assert [side._states.visible for side in picture._sides] == [False, True]


def test_the_note_in_place_of_a_picture_leads_to_a_frame_that_has_it():
    picture, gone = Picture(), []
    picture.on_frame(gone.append)
    picture.forget("subtracted", "it is the reference", 4)
    assert picture._notes[0].elsewhere == 5
    picture._notes[0].goes += 1
    assert gone == [4]


def test_two_pictures_have_a_column_beside_each_and_one_or_four_have_none():
    picture = Picture()
    picture.show("subtracted", np.zeros((200, 300), np.float32), noise=1.0, key="beside one")
    picture.show("x_offset", np.linspace(-3, 5, 60_000).reshape(200, 300), noise=0, key="beside map")
    picture.set_caption("frame 3", "21:04:15 UT")
    picture.set_map_facts("polynomial, order 3", "416 stars, 5 clipped")
    picture.views(2)
    above, below = (side._head for side in picture._sides)
    assert [side.panel.visible for side in picture._sides] == [True, True]
    assert (above.caption, below.caption) == ("frame 3, 21:04:15 UT", "frame 3 minus reference")
    assert (below.low, below.high, below.unit) == (pytest.approx(-3), pytest.approx(5), "px")
    assert below.facts == ["polynomial, order 3", "416 stars, 5 clipped"]
    assert not picture.legend.visible
    above.kind = "raw"
    assert picture.kinds == ("raw", "x_offset")
    for count in (4, 1):
        picture.views(count)
        assert not any(side.panel.visible for side in picture._sides)
        assert picture.legend.visible
        assert set(picture._cells[0].styles.values()) == {None}


def test_on_a_picture_of_the_references_pixels_a_click_tells_a_place_and_the_picked_star_stands_where_it_is_there():
    picture, told, clicked = Picture(), [], []
    picture.on_pick(lambda star, place: told.append(star))
    picture.on_pick_home(lambda *place: clicked.append(place))
    picture.pick.data = {"row": [-1], "id": [-1], "x": [7.5], "y": [3.0], "reach": [2.0], "sequence": [1]}
    assert (told, clicked) == ([], [(7.5, 3.0, 2.0)])
    picture.set_picked(4, 20.0, 30.0, np.array([[10.0, 28.0], [20.0, 30.0]]), home=(10.0, 28.0))
    assert (picture.picked.data["x"], picture.picked.data["y"]) == ([20.0], [30.0])
    assert (picture.picked_home.data["x"], picture.picked_home.data["y"]) == ([10.0], [28.0])
    for kind, home in (("aligned", True), ("stack", True), ("subtracted", False), ("master_flat", False)):
        picture.choose(kind)
        picture.show(kind, image(), noise=5.0, key="a")
        assert {one.visible for one in picture._drawn[0].in_reference} == {home}
        assert {one.visible for one in picture._drawn[0].in_frame} == {not home}
    picture.set_picked(None)
    assert picture.picked_home.data["x"] == []


@pytest.mark.parametrize("kind", ["subtracted", "x_offset", "aligned"])
def test_nothing_is_drawn_over_the_words_of_a_picture_that_could_not_be_made(kind):
    picture = Picture()
    picture.choose(kind)
    picture.show(kind, image(), noise=5.0, key="a")
    drawn = picture._drawn[0]
    over = (*drawn.markers, *drawn.map_stars, *drawn.in_frame, *drawn.in_reference)
    assert any(one.visible for one in over)
    picture.forget(kind, "clouds")
    assert picture._notes[0].detail == "clouds"
    assert not any(one.visible for one in over)


def test_what_is_let_go_or_whose_box_is_taken_away_stays_nowhere():
    picture = Picture()
    # A candidate that this frame does not have is ringed at its place in the reference alone.
    picture.set_picked(-1, np.nan, np.nan, home=(10.0, 28.0))
    assert (len(picture.picked.data["x"]), len(picture.picked_home.data["x"])) == (0, 1)
    picture.set_picked(None)
    assert len(picture.picked_home.data["x"]) == 0
    picture.set_region((1.0, 9.0, 2.0, 8.0), home=(11.0, 19.0, 22.0, 28.0))
    assert (picture.region.data["left"], picture.region_home.data["left"]) == ([1.0], [11.0])
    picture.set_region(None)
    assert (picture.region.data["left"], picture.region_home.data["left"]) == ([], [])
