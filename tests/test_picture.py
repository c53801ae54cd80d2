import gc
import json
import re
import subprocess
import sys
import weakref

import numpy as np
import pytest
from bokeh.core.serialization import Deserializer, Serialized, Serializer
from bokeh.server.views.ws import WSHandler

from ui import nodelay
from ui.contours import contours, round_levels
from ui.map_plots import MapPlots
from ui.part import text, variables
from ui.picture import Picture
from ui.player import Player
from ui.plots import FrameSeries, TrackPlots, frame_ticks
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
    picture.on_pick(told.append)
    for star in (12, -1):
        picture.pick.data = {"row": [0], "id": [star], "x": [0], "y": [0], "sequence": [1]}
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


def test_contours_are_where_the_map_has_their_value():
    y, x = np.mgrid[0:200, 0:300].astype(float)
    plane = -88 + 0.004 * x + 0.002 * y
    step = 4
    small = plane.reshape(50, step, 75, step).mean((1, 3))
    drawn = contours(small, step)
    assert len(drawn.values) >= 3
    found = set()
    for xs, ys in zip(drawn.xs, drawn.ys, strict=True):
        values = -88 + 0.004 * xs + 0.002 * ys
        # A line is left open where its number stands.
        drawn_values = values[np.isfinite(values)]
        assert np.ptp(drawn_values) < 1e-6
        found.add(round(drawn_values[0], 6))
    assert found >= {round(value, 6) for value in drawn.values}


@pytest.mark.parametrize("low_high", [(-89.1, -87.6), (0.0, 1e-4), (-5.0, 5.0), (0.0, 1234.0)])
def test_contours_are_few_and_round(low_high):
    levels = round_levels(*low_high)
    assert 3 <= len(levels) <= 8
    assert low_high[0] < levels[0]
    assert levels[-1] < low_high[1]
    step = float(np.diff(levels)[0])
    assert f"{step:.3e}"[:5] in ("1.000", "2.000", "5.000")


def test_a_flat_map_and_an_empty_one_have_no_contours():
    assert contours(np.zeros((20, 20)), 1).values == []
    assert contours(np.full((20, 20), np.nan), 1).xs == []


@pytest.mark.parametrize(
    ("value", "span", "written"),
    [(-89.123, 2.0, "−89.12"), (0.0, 5.0, "0"), (1035.4, 0.0, "1035"), (0.0123, 0.0, "0.0123"), (-1e-9, 1.0, "0.00")],
)
def test_numbers_have_a_true_minus_and_digits_that_mean_something(value, span, written):
    assert number(value, span) == written


def test_both_themes_define_the_same_colours():
    names = [re.findall(r"--([\w-]+):", variables(theme)) for theme in ("dark", "light")]
    assert names[0] == names[1]


def test_websockets_send_at_once_and_the_patch_is_put_on_only_once(monkeypatch):
    called = []
    monkeypatch.setattr(WSHandler, "open", lambda handler: called.append("open"))
    monkeypatch.setattr(WSHandler, "set_nodelay", lambda handler, on: called.append(on))
    assert nodelay.install()
    once = WSHandler.open
    assert nodelay.install()
    assert WSHandler.open is once
    once(object.__new__(WSHandler))
    assert called == [True, "open"]


def test_a_bokeh_without_that_handler_is_left_alone(monkeypatch):
    monkeypatch.delattr(WSHandler, "open")
    assert nodelay.install() is False


@pytest.mark.parametrize(
    "given", [np.arange(6, dtype=np.float32).reshape(2, 3)[:, ::-1], np.empty(0), np.arange(4001, dtype=np.int32)]
)
def test_small_arrays_go_within_the_message_and_long_ones_apart(given):
    assert nodelay.install()
    serializer = Serializer()
    sent = serializer.encode({"column": given})
    assert len(serializer.buffers) == (given.nbytes > nodelay.WITHIN)
    if not serializer.buffers:
        json.dumps(sent)
    back = Deserializer().deserialize(Serialized(sent, serializer.buffers))["column"]
    np.testing.assert_array_equal(back, given)
    assert back.dtype == given.dtype


def test_the_player_tells_the_users_choice_and_not_the_programs():
    told = []
    player = Player(5, told.append)
    player.frame = 3
    assert told == []
    player.panel.frame = 4
    assert told == [4]


def test_the_player_does_not_stay_beyond_the_last_frame():
    player = Player(5, lambda frame: None)
    player.frame = 4
    player.set_frames(["a", "b"], reference=1, unused=[0])
    assert player.frame == 0
    assert player.panel.count == 2


def series(count=24):
    x = np.arange(count, dtype=float)
    return FrameSeries(-5 * x, 2 * x, -0.01 - x, 0.01 + x, np.full(count, 40), 20 - x // 2, x // 2, reference=3)


def test_the_states_of_the_reference_s_stars_are_stacked():
    plots = TrackPlots()
    plots.update(series())
    assert plots.series.data["complete"].tolist() == [40] * 24
    assert plots.series.data["lost"].tolist() == [60] * 24


@pytest.mark.parametrize(
    ("partial", "lost", "named"),
    [
        (0, 0, ["complete"]),
        (2, 0, ["complete", "partial"]),
        (0, 2, ["complete", "lost"]),
        (1, 1, ["complete", "partial", "lost"]),
    ],
)
def test_each_state_that_a_star_is_in_is_named_within_its_plot_and_no_name_covers_another(partial, lost, named):
    plots = TrackPlots()
    counts = [np.full(3, count, float) for count in (90, partial, lost)]
    plots.update(FrameSeries(*np.zeros((4, 3)), *counts, reference=0))
    ends = plots._count_ends
    words = [ends.major_label_overrides[place] for place in ends.ticker.ticks]
    assert words == named
    total = 90 + partial + lost
    assert max(ends.ticker.ticks) <= total
    assert all(gap > 0.1 * total for gap in np.diff(ends.ticker.ticks))


def test_the_line_tells_only_what_the_user_dragged():
    told = []
    plots = TrackPlots(on_frame=told.append)
    plots.update(series())
    plots.set_frame(5)
    assert told == []
    plots.chosen.data = {"frame": [7], "count": [24]}
    assert told == [7]


def test_the_plots_take_back_a_star_and_a_sequence():
    plots = TrackPlots("light")
    plots.update(series())
    plots.set_picked(393, *np.zeros((4, 24)))
    plots.set_picked(None)
    assert len(plots.star.data["dx"]) == 0
    plots.update(None)
    assert len(plots.series.data["dx"]) == 0


@pytest.mark.parametrize(
    ("count", "shown"), [(24, [1, 6, 12, 18, 24]), (1, [1]), (2, [1, 2]), (100, [1, 25, 50, 75, 100])]
)
def test_the_frames_under_the_plots_are_numbered_as_users_count(count, shown):
    assert [tick + 1 for tick in frame_ticks(count)] == shown


def test_the_small_maps_carry_their_own_limits():
    plots = MapPlots()
    plots.update({"x_offset": np.linspace(-89, -87, 600 * 400, dtype=np.float32).reshape(400, 600)})
    assert (plots.heads["x_offset"].low, plots.heads["x_offset"].high) == ("−89.0", "−87.0")
    data = plots.sources["x_offset"].data
    sample = data["dw"][0] / data["image"][0].shape[1]
    first, last = data["x"][0] + sample / 2, data["x"][0] + data["dw"][0] - sample / 2
    assert (first, last) == pytest.approx((0, 599)), "the outer samples are the outer pixels"
    assert data["image"][0][0, 0] == -89
    assert data["image"][0][-1, -1] == -87


def test_a_map_without_slope_and_one_without_values_can_be_drawn():
    plots = MapPlots()
    plots.update({"x_offset": np.zeros((40, 60)), "y_offset": np.full((40, 60), np.nan)})
    assert all(len(plots.sources[name].data["image"]) == 1 for name in ("x_offset", "y_offset"))


def test_the_card_writes_words_as_words():
    card = StarCard()
    card.show(7, "lost", "<b>not a tag</b>", [("peak", "812", "ADU")], [image((9, 9)), None], noise=5)
    written = card.panel[1].object
    assert "&lt;b&gt;not a tag" in written
    assert "data:image/png;base64," in written
    card.clear("Star 7 is no longer among the stars.")
    assert "no longer among the stars. Click on a star" in card.panel[1].object


def test_the_page_s_parts_start_no_astronomy():
    code = "import sys, json, ui.picture, ui.player, ui.plots; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"astropy", "photutils", "rawpy", "scipy", "holoviews"} & set(json.loads(done.stdout))


def test_a_picture_that_could_not_be_made_says_so_until_it_is_there():
    picture = Picture()
    assert picture._notes[0].state == "waiting"
    picture.show("subtracted", np.zeros((20, 30), np.float32), noise=1.0, key="beside one")
    assert picture._notes[0].state == ""
    picture.forget("subtracted", "light_03.fits: it is dark: leave it out")
    assert picture._notes[0].state == "failed"
    assert picture._notes[0].detail == "light_03.fits: it is dark: leave it out"
    assert picture.cuts[0].data["values"] == []
    picture._notes[0].kind = "raw"
    assert picture.kinds == ("raw",)
    assert picture._notes[0].state == "waiting"
    picture.show("subtracted", np.ones((20, 30), np.float32), noise=1.0, key="beside two")
    picture.choose("subtracted")
    assert picture._notes[0].state == ""


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
