"""The map along a line, its residuals as arrows, and its difference from another method's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.frame import FrameError
from pipeline.stages.offset_map import offset_map
from tests.map_of_stars import SHAPE, SHIFT, Maps, field, scene, tracks
from ui import map_facts
from ui.arrows import ArrowPlot
from ui.field_plot import FieldPlot
from ui.map_plots import MapPlots
from ui.map_tab import METHODS, MapTab
from ui.picture import Picture
from ui.session import Session


@pytest.fixture(scope="module")
def stars():
    return tracks()


@pytest.fixture(scope="module")
def maps(stars):
    return offset_map(stars, 1, order=1)


@pytest.mark.parametrize(("axis", "place"), [("x", 0), ("y", 1)])
def test_the_curve_from_a_to_b_is_the_map_there(stars, maps, axis, place):
    a, b = (30.0, 150.0), (250.0, 40.0)
    along = map_facts.profile(maps, stars, 1, axis, (a, b))
    values, errors = getattr(maps, axis), getattr(maps, f"{axis}_error")
    assert along.length == pytest.approx(np.hypot(220, 110))
    assert along.value[0] == pytest.approx(float(values[150, 30]), abs=1e-5)
    assert along.value[-1] == pytest.approx(float(values[40, 250]), abs=1e-5)
    assert along.error[0] == pytest.approx(float(errors[150, 30]), rel=1e-4)
    truth = field(np.linspace(30, 250, 256), np.linspace(150, 40, 256))[place]
    assert np.abs(along.value - truth).max() < 5 * along.error.max()


def test_stars_beside_the_line_are_those_within_25_pixels_of_it(stars, maps):
    along = map_facts.profile(maps, stars, 1, "y", ((40.0, 100.0), (260.0, 100.0)))
    x, y = stars.x[1], stars.y[1]
    assert set(along.ids) == set(np.flatnonzero((abs(y - 100) <= 25) & (x >= 40) & (x <= 260)))
    assert along.star_distance == pytest.approx(x[along.ids] - 40)
    assert along.star_value == pytest.approx(stars.y_offset[1, along.ids])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-80, 380), min_size=4, max_size=4))
def test_a_line_anywhere_even_outside_and_of_no_length_can_be_followed(ends):
    stars = tracks(count=30)
    maps = offset_map(stars, 1, order=1)
    along = map_facts.profile(maps, stars, 1, "x", (tuple(ends[:2]), tuple(ends[2:])))
    back = map_facts.profile(maps, stars, 1, "x", (tuple(ends[2:]), tuple(ends[:2])))
    assert np.isfinite(along.value).all()
    assert back.value == pytest.approx(along.value[::-1], abs=1e-4)
    assert set(back.ids) == set(along.ids) or along.length < 1e-6


def test_a_coarse_map_keeps_the_outer_pixels():
    image = np.arange(1000 * 1500, dtype=np.float32).reshape(1000, 1500)
    small = map_facts.coarse(image)
    assert small.shape[1] == 384
    assert small.shape[0] == pytest.approx(384 / 1.5, abs=1)
    assert (small[0, 0], small[0, -1], small[-1, -1]) == (0, 1499, image[-1, -1])
    assert map_facts.coarse(image[:3, :5]).tolist() == image[:3, :5].tolist()


def test_the_rms_of_a_difference_counts_every_pixel_that_both_have():
    rng = np.random.default_rng(1)
    one, other = rng.normal(0, 1, (2, 300, 40)).astype(np.float32)
    one[7, 3] = np.nan
    left = (one - other).astype(float)
    assert map_facts.rms_difference(one, other) == pytest.approx(np.sqrt(np.nanmean(left**2)), rel=1e-6)
    assert np.isnan(map_facts.rms_difference(one * np.nan, other))


@pytest.mark.parametrize(("value", "expected"), [(0.2, 0.2), (0.199, 0.1), (999.0, 500.0), (1e-7, 1e-7), (0.0, 0.0)])
def test_scales_are_round(value, expected):
    assert map_facts.round_below(value) == pytest.approx(expected)


@settings(max_examples=50, deadline=None)
@given(st.floats(1e-6, 1e4), st.floats(10, 1e4))
def test_arrows_are_enlarged_until_they_can_be_seen_and_do_not_crowd(length, span):
    times = map_facts.enlargement(np.full(20, length), np.zeros(20), span)
    assert 0.06 * span / 2.001 <= times * length <= 0.06 * span * 1.001


def test_an_arrow_leads_from_the_star_to_the_tip_and_its_barbs_are_alike():
    xs, ys = map_facts.arrow_paths(*np.array([[10.0], [20.0], [3.0], [4.0]]))
    assert (xs[0], ys[0], xs[1], ys[1]) == (10, 20, 13, 24)
    barbs = [np.hypot(xs[k] - 13, ys[k] - 24) for k in (2, 4)]
    assert barbs[0] == pytest.approx(barbs[1])
    assert np.isnan(xs[5])


def test_a_click_near_an_arrow_picks_its_star_and_one_far_away_none():
    picked = []
    plot = ArrowPlot("arrows", 300, 200, "dark", picked.append)
    places = np.array([[50.0, 200.0], [60.0, 100.0]])
    plot.update(np.array([7, 9]), places, np.ones((2, 2)), SHAPE)
    plot._tapped(203, 102)
    plot._tapped(120, 80)
    assert picked == [9]
    plot.set_picked(7)
    assert plot.ring.data["x"].tolist() == [50]


def test_no_arrow_is_cut_off_at_the_edge():
    plot = ArrowPlot("arrows", 300, 200, "dark")
    places = np.array([[5.0, 150.0, 290.0], [2.0, 100.0, 195.0]])
    plot.update(np.arange(3), places, np.array([[-1.0, 0.5, 2.0], [-3.0, 0.5, 1.0]]), SHAPE)
    xs, ys = plot.arrows.data["x"].reshape(-1, 6)[:, 1], plot.arrows.data["y"].reshape(-1, 6)[:, 1]
    x, y = plot.figure.x_range, plot.figure.y_range
    assert x.start <= xs.min()
    assert xs.max() <= x.end
    assert y.end <= ys.min()
    assert ys.max() <= y.start


@pytest.mark.parametrize("what", ["offset", "residual"])
def test_the_reference_has_no_arrows(stars, what):
    plot = FieldPlot("dark", lambda star: None)
    plot.update(stars, 0, what)
    assert plot.plot.times == 0
    assert "all zero" in plot._title.object


def test_arrows_after_the_transform_are_what_a_shift_leaves(stars):
    plot = FieldPlot("light", lambda star: None)
    plot.update(stars, 1, "residual")
    xs = plot.plot.arrows.data["x"].reshape(-1, 6)
    left = (xs[:, 1] - xs[:, 0]) / plot.plot.times
    assert left == pytest.approx(stars.x_offset[1] - SHIFT[0], abs=1e-6)


def test_a_region_leaves_the_arrows_of_its_own_stars(stars):
    plot = FieldPlot("light", lambda star: None)
    plot.update(stars, 1, "offset")
    everywhere = len(plot.plot.arrows.data["x"])
    middle = float(np.median(stars.x[stars.reference]))
    plot.update(stars, 1, "offset", (-1.0, middle, -1.0, 1e4))
    inside = int((stars.x[stars.reference] <= middle).sum())
    assert 0 < inside < len(stars.x[stars.reference])
    assert len(plot.plot.arrows.data["x"]) * len(stars.x[stars.reference]) == everywhere * inside
    plot.update(stars, 1, "offset", None)
    assert len(plot.plot.arrows.data["x"]) == everywhere


# The tab as a whole; the worker of a page without a document hands back at once.


@pytest.fixture
def tab(stars, maps, tmp_path):
    session = Session(Maps(stars), tmp_path)
    session.recipe = session.recipe.with_knobs("offset_map", order=1)
    session.change(frame=1, kinds=("x_offset",))
    picture = Picture()
    picture.choose("x_offset")
    picture.on_kinds(lambda kinds: session.change(kinds=kinds))
    made = MapTab(session, picture, "dark", None)
    session.listen(lambda names: made.show_kinds())
    made.show(scene(stars, maps))
    yield made
    made.close()


def wait(condition):
    import time

    for _ in range(400):
        if condition():
            return
        time.sleep(0.025)
    raise AssertionError("nothing came")


def test_the_line_lies_in_the_picture_and_the_curve_follows_it(tab):
    before = tab.profile.curve.data["value"].copy()
    line = tab._picture.line
    line.asked.data = {"sequence": [5], "x": [[10.0, 290.0]], "y": [[10.0, 10.0]]}
    assert line.answer.data["sequence"] == [5]
    assert tab.profile.curve.data["distance"][-1] == pytest.approx(280)
    assert not np.array_equal(before, tab.profile.curve.data["value"])


def test_the_curve_is_of_the_map_that_the_picture_shows(tab):
    tab._picture.choose_map("y_error")
    assert "Y offset from A to B" in tab.profile._title.object
    assert tab.small.heads["y_error"].chosen
    assert not tab.small.heads["x_offset"].chosen


def test_the_numbers_beside_the_residuals_are_the_maps(tab, maps):
    written = tab.residuals._numbers.object
    assert f"{len(maps.stars)} of {len(maps.stars) + len(maps.clipped)}" in written
    assert f"{map_facts.rms(maps.residual_x):.4f}"[:5] in written


def test_a_comparison_shows_the_difference_and_its_rms(tab, stars, maps):
    assert METHODS == ["polynomial", "quadrants", "smooth"]
    tab.row.method = "quadrants"
    wait(lambda: "difference" in tab.row.made)
    other = offset_map(stars, 1, method="quadrants")
    assert map_facts.rms_difference(other.x, maps.x) == pytest.approx(float(tab.row.made.split()[2][:-1]), rel=0.01)
    head = tab.small.heads["x_difference"]
    assert head.low.replace("−", "") == head.high, "white is at zero"
    tab._picture.choose_map("x_difference")
    wait(lambda: tab._picture.cuts[0].data.get("colours") == ["difference"])
    tab.row.method = ""
    assert tab._picture.kinds == ("x_offset",)
    assert tab.row.made == "polynomial, order 1"


def test_a_map_is_compared_with_other_methods_alone(tab, stars):
    assert tab.row.methods == ["quadrants", "smooth"]
    tab.row.method = "quadrants"
    wait(lambda: "difference" in tab.row.made)
    tab.show(scene(stars, offset_map(stars, 1, method="quadrants")))
    assert tab.row.methods == ["polynomial", "smooth"]
    assert tab.row.method == ""
    assert tab.row.made.startswith("quadrants")
    assert not tab._picture.kinds[0].endswith("difference")


@pytest.mark.parametrize(
    ("kinds", "label"),
    [(("y_offset", "x_error"), "Y offset"), (("x_error", "y_offset"), "Y offset"), (("raw", "y_error"), "Y offset")],
)
def test_the_line_follows_the_offset_that_is_shown_and_else_that_of_the_error(tab, stars, maps, kinds, label):
    tab.show(scene(stars, maps))
    tab._session.change(kinds=kinds)
    tab.show_kinds()
    assert tab.profile._label == label


def test_on_the_reference_the_tab_leads_to_a_frame_that_has_a_map(tab, stars, maps):
    assert not tab._elsewhere.button.visible
    seen = scene(stars, maps)
    seen.frame = stars.reference
    tab.show(seen)
    assert tab._elsewhere.button.visible
    assert tab._elsewhere.button.label == "Show frame 2"
    tab._session.change(frame=0)
    tab._elsewhere.button.clicks += 1
    assert tab._session.frame == 1
    tab.show(scene(stars, maps))
    assert not tab._elsewhere.button.visible


def test_a_method_that_fails_says_why(tab, monkeypatch):
    def fail(*arguments, **options):
        raise FrameError("light_2", "has no stars (0)", "leave it out")

    monkeypatch.setattr(tab._session.graph, "result", fail)
    tab.row.method = "smooth"
    wait(lambda: "light_2" in tab.row.made)


def test_a_tall_map_is_not_stretched():
    plots = MapPlots()
    plots.update({"x_offset": np.random.default_rng(0).normal(size=(400, 200)).astype(np.float32)})
    x, y = plots._ranges
    made = plots.figures["x_offset"]
    assert (x.end - x.start) / made.width == pytest.approx((y.start - y.end) / made.height, rel=0.02)
    assert y.start - y.end >= 400
