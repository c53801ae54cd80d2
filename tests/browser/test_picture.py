"""The picture in a real browser: zoom, single pixels, markers while a knob turns, readout, theme, console."""

from types import SimpleNamespace

import numpy as np
import panel as pn
import pytest

from tests.browser.served import serving, visit
from ui.part import column
from ui.picture import Picture
from ui.player import Player
from ui.pyramid import CODES
from ui.stretch import shares

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]

SHAPE = (1000, 1500)
WIDTH, HEIGHT = 900, 700


def sky():
    rng = np.random.default_rng(4)
    image = np.rint(rng.normal(0, 5, SHAPE)).astype(np.float32)
    image[500, 750] = 4321
    image[0:40, 0:40] = np.nan
    return image


def markers():
    x = np.linspace(50, 1450, 40)
    return {
        "x": x, "y": np.full(40, 500.0), "id": np.arange(40), "code": np.repeat([0, 1, 2, 3], 10),
        "strength": np.arange(40.0), "sharpness": np.tile([0.5, 0.9], 20), "roundness1": np.zeros(40),
        "roundness2": np.zeros(40), "reason": np.repeat([0, 0, 0, 1], 10),
    }  # fmt: skip


def cut_script(channel, cut):
    """JavaScript by which a knob tells the picture what it would cut."""
    detail = f"{{channel: '{channel}', name: 'cut', value: {cut}}}"
    return f"window.dispatchEvent(new CustomEvent('starshift', {{detail: {detail}}}))"


@pytest.fixture(scope="module")
def served():
    """A running server, and the parts of the page opened last."""
    held = SimpleNamespace()

    def stepped(frame):
        held.frames.append(frame)
        if held.drawn:
            held.picture.show("subtracted", sky() + frame, noise=5.0, key=f"frame {frame}")

    def app():
        held.picks, held.frames, held.drawn = [], [], False
        held.picture = Picture()
        held.picture.on_pick(held.picks.append)
        held.player = Player(3, stepped, channel=held.picture.channel)
        held.player.set_frames(["one", "two", "three"], reference=0)
        held.picture.show("subtracted", sky(), noise=5.0, key="sky")
        held.picture.set_markers(markers())
        held.document = pn.state.curdoc
        return column(held.picture.panel, held.player.panel, width=WIDTH, height=HEIGHT)

    with serving(app) as held.address:
        yield held


@pytest.fixture
def page(chromium, served):
    """A newly opened page; the test fails when the console or another address was heard of."""
    page = visit(chromium, served.address, stars=False, viewport={"width": WIDTH, "height": HEIGHT})
    page.wait_for_function("() => window.model('picture fine 0')?.data.image.length > 0")
    page.wait_for_function("() => model('picture x').end - model('picture x').start > 1000")
    page.wait_for_timeout(300)
    yield page
    page.close()
    assert page.problems == []


SEEN = """() => { const d = model('picture fine 0').data, c = model('picture cut 0').data
    return {x: d.x[0], y: d.y[0], width: d.dw[0], columns: d.image[0].shape[1], step: c.step[0]} }"""
SPAN = "() => [model('picture x').start, model('picture x').end, model('picture y').start, model('picture y').end]"
KINDS = "['complete', 'partial', 'lost', 'rejected', 'star', 'below']"
COUNTS = f"() => {KINDS}.map((n) => model('picture ' + n).indices.length)"


def spot(page, x, y):
    """The place on screen of a point of the image."""
    box = page.locator(".bk-Figure").first.bounding_box()
    x0, x1, y0, y1 = page.evaluate(SPAN)
    return box["x"] + (x - x0) / (x1 - x0) * box["width"], box["y"] + (y - y1) / (y0 - y1) * box["height"]


def on_server(served, function):
    served.document.add_next_tick_callback(function)


def turn_wheel(page, x, y, times, by):
    page.mouse.move(*spot(page, x, y))
    for _ in range(times):
        page.mouse.wheel(0, by)
        page.wait_for_timeout(60)
    page.wait_for_timeout(400)


def test_the_whole_frame_is_seen_first_undistorted_and_row_0_at_the_top(page):
    x0, x1, y0, y1 = page.evaluate(SPAN)
    assert x0 < -0.4
    assert x1 > SHAPE[1] - 0.6
    assert y1 < -0.4
    assert y0 > SHAPE[0] - 0.6
    assert min(x1 - x0 - SHAPE[1], y0 - y1 - SHAPE[0]) == pytest.approx(0, abs=0.01)
    box = page.locator(".bk-Figure").first.bounding_box()
    assert box["width"] / (x1 - x0) == pytest.approx(box["height"] / (y0 - y1), rel=0.01)


def test_the_wheel_brings_single_pixels_and_the_true_value_under_the_pointer(page):
    turn_wheel(page, 750, 500, 25, -300)
    seen = page.evaluate(SEEN)
    assert seen["step"] == 1
    assert seen["columns"] == seen["width"] < 200
    page.mouse.move(*spot(page, 750.1, 500.2))
    readout = page.locator(".numbers")
    readout.get_by_text("4321").wait_for(timeout=3000)
    assert "x 750.1" in readout.inner_text().replace("\n", " ")


def test_the_zoom_stays_when_the_frame_changes(page, served):
    turn_wheel(page, 750, 500, 10, -300)
    before = page.evaluate(SPAN)
    other = sky()
    other[500, 750] = 1234
    on_server(served, lambda: served.picture.show("subtracted", other, noise=5.0, key="other"))
    page.wait_for_function("() => model('picture cut 0').data.key[0].endsWith('other')")
    assert page.evaluate(SPAN) == before


def test_what_has_no_value_is_left_open(page):
    turn_wheel(page, 20, 20, 5, -300)
    alpha = """() => { const d = model('picture fine 0').data, im = d.image[0], c = model('picture cut 0').data
        const cell = (at, start) => Math.floor((at - start) / c.step[0])
        const at = (x, y) => im[cell(y, d.y[0]) * im.shape[1] + cell(x, d.x[0])] >>> 24
        return [at(20, 20), at(45, 20)] }"""
    assert page.evaluate(alpha) == [0, 255]


def test_markers_follow_the_threshold_without_the_server(page, served):
    assert page.evaluate(COUNTS) == [10, 10, 10, 0, 0, 0]
    for threshold, kept, below in (
        (5.0, [5, 10, 10, 0, 10], 5),
        (25.0, [0, 0, 5, 0, 10], 25),
        (0.0, [10, 10, 10, 0, 10], 0),
    ):
        page.evaluate(f"() => {{ {cut_script(served.picture.channel, f'{{threshold: {threshold}}}')} }}")
        assert page.evaluate(COUNTS) == [*kept, 0]
        assert page.locator(".chip", has_text="below").inner_text().split()[-1] == str(below)


def test_peaks_below_the_threshold_are_drawn_when_asked_for_and_say_how_faint_they_are(page, served):
    cut = {"threshold": None, "resolved": 35.0}
    on_server(served, lambda: served.picture.knobs.update(data={"cut": [cut]}))
    page.mouse.move(*spot(page, float(markers()["x"][31]), 500))
    page.get_by_role("tooltip").get_by_text("31.0 σ, below 35").wait_for(timeout=3000)
    page.locator(".chip", has_text="below").click()
    assert page.evaluate(COUNTS) == [10, 10, 10, 0, 0, 10]
    page.evaluate(f"() => {{ {cut_script(served.picture.channel, '{threshold: 38}')} }}")
    assert page.evaluate(COUNTS) == [0, 0, 0, 0, 2, 38]


def test_sharpness_turns_stars_into_rejected_ones_and_the_counts_say_so(page, served):
    page.evaluate(f"() => {{ {cut_script(served.picture.channel, '{sharpness: [0.1, 0.7]}')} }}")
    assert page.evaluate(COUNTS) == [5, 5, 5, 15, 0, 0]
    assert page.locator(".chip", has_text="rejected").inner_text().split() == ["rejected", "15"]


def test_the_server_can_filter_too(page, served):
    cut = {"threshold": 5.0, "sharpness": [0.1, 0.7]}
    on_server(served, lambda: served.picture.knobs.update(data={"cut": [cut]}))
    page.wait_for_function("() => model('picture complete').indices.length == 2")


def test_fewer_markers_can_follow_more(page, served):
    few = {name: values[15:18] for name, values in markers().items()}
    on_server(served, lambda: served.picture.set_markers(few))
    page.wait_for_function("() => model('picture complete').indices.length == 0")
    assert page.evaluate(COUNTS) == [0, 3, 0, 0, 0, 0]
    page.evaluate(f"() => {{ {cut_script(served.picture.channel, '{sharpness: [0.1, 1.7]}')} }}")
    assert page.evaluate(COUNTS) == [0, 3, 0, 0, 0, 0], "rows without a star stay out of every count"


def test_a_click_on_a_chip_hides_its_kind_and_the_count_stays(page):
    chip = page.locator(".chip", has_text="lost")
    chip.click()
    assert page.evaluate(COUNTS) == [10, 10, 0, 0, 0, 0]
    assert chip.get_attribute("aria-pressed") == "false"
    assert chip.inner_text().split() == ["lost", "10"]
    chip.click()
    assert page.evaluate(COUNTS) == [10, 10, 10, 0, 0, 0]


def test_a_click_picks_the_nearest_star(page, served):
    x = float(markers()["x"][12])
    page.mouse.click(*spot(page, x + 3, 503))
    for _ in range(60):
        if served.picks:
            break
        page.wait_for_timeout(50)
    assert served.picks == [12]


def test_a_click_draws_no_frame_round_the_picture(page):
    page.mouse.click(*spot(page, 700, 200))
    outline = """() => { let at = document.activeElement
        while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement
        return at.className + ' ' + getComputedStyle(at).outlineStyle }"""
    assert page.evaluate(outline) == "bk-layer bk-events none"


def test_stretch_and_colours_ask_the_server_for_nothing(page):
    picture = "() => Array.from(model('picture fine 0').data.image[0].slice(4000, 4400))"
    asked = page.evaluate("() => model('picture cut 0').data.values[0].length")
    before = page.evaluate(picture)
    page.evaluate("() => { window.held = model('picture cut 0').data }")
    page.get_by_label("Stretch", exact=True).select_option("linear")
    after = page.evaluate(picture)
    assert after != before
    page.get_by_label("Colours", exact=True).select_option("viridis")
    assert page.evaluate(picture) != after
    assert page.evaluate("() => window.held === model('picture cut 0').data")
    assert asked


def test_the_table_in_the_browser_is_the_stretch_of_the_server(page):
    turn_wheel(page, 300, 700, 25, -300)
    codes, shades, facts = page.evaluate("""() => { const c = model('picture cut 0').data
        return [Array.from(c.values[0]), Array.from(model('picture fine 0').data.image[0]).map((v) => v & 255),
                [c.low[0], c.high[0], c.power[0]]] }""")
    low, high, power = facts
    values = low + (high - low) * (np.array(codes) / CODES) ** power
    expected = np.round(255 * shares(values, "asinh", -10.0, 100.0))
    assert np.abs(np.array(shades) - expected).max() <= 1


def test_two_and_four_pictures_share_their_place(page, served):
    on_server(
        served,
        lambda: served.picture.show(
            "x_offset", np.add.outer(np.zeros(1000), np.linspace(-3, 5, 1500)), noise=0.0, key="a map beside"
        ),
    )
    page.get_by_label("Two pictures").click()
    page.wait_for_function("() => model('picture fine 1').data.image.length > 0")
    assert page.locator(".bk-Figure:visible").count() == 2
    turn_wheel(page, 750, 500, 6, -300)
    # Each picture's cut comes by itself, and is a little larger than what its own room shows.
    places = "[0, 1].map((i) => model('picture fine ' + i).data).map((d) => [d.x[0], d.y[0], d.dw[0], d.dh[0]])"
    alike = "one.every((value, k) => Math.abs(value - other[k]) < 0.05 * one[2])"
    page.wait_for_function(f"() => {{ const [one, other] = {places}; return {alike} }}")
    page.get_by_label("Four pictures").click()
    expect = pytest.importorskip("playwright.sync_api").expect
    seen = page.locator(".bk-Figure:visible")
    expect(seen).to_have_count(4)
    page.get_by_label("One picture").click()
    expect(seen).to_have_count(1)


def test_a_whole_frame_stays_whole_when_another_picture_takes_half_of_the_room(page, served):
    wide = sky()[:500]
    on_server(served, lambda: served.picture.show("subtracted", wide, noise=5.0, key="wide"))
    page.wait_for_function("() => model('picture y').start < 800")
    page.get_by_label("Two pictures").click()
    page.wait_for_timeout(600)
    x0, x1, y0, y1 = page.evaluate(SPAN)
    page.get_by_label("One picture").click()
    assert x0 < -0.4
    assert y1 < -0.4
    assert x1 > 1499.4
    assert y0 > 499.4


def test_zoom_buttons_and_whole_frame(page):
    whole = page.evaluate(SPAN)
    page.get_by_label("Larger").click()
    page.wait_for_timeout(300)
    assert page.locator(".percent").inner_text() == "50 %"
    page.get_by_label("Larger").click()
    page.wait_for_timeout(300)
    assert page.locator(".percent").inner_text() == "100 %"
    assert page.evaluate(SEEN)["step"] == 1
    page.get_by_label("Whole frame").click()
    page.wait_for_timeout(300)
    assert page.evaluate(SPAN) == pytest.approx(whole)


def test_the_player_steps_and_stops_at_the_ends(page, served):
    assert page.get_by_label("Previous frame").is_disabled()
    page.get_by_label("Next frame").click()
    page.get_by_label("Last frame").click()
    for _ in range(60):
        if len(served.frames) == 2:
            break
        page.wait_for_timeout(50)
    assert served.frames == [1, 2]
    assert page.locator(".count").inner_text() == "3 of 3"


def heard(page, served, count):
    """The frames asked for, when there are so many or three seconds have passed."""
    for _ in range(60):
        if len(served.frames) >= count:
            break
        page.wait_for_timeout(50)
    return served.frames


def test_the_slider_goes_to_the_frame_under_the_hand_and_follows_the_arrow_keys(page, served):
    slider = page.get_by_label("Frame", exact=True)
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 9, box["y"] + box["height"] / 2)
    assert heard(page, served, 1) == [2]
    assert slider.input_value() == "2"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert heard(page, served, 3) == [2, 1, 0]
    page.mouse.move(box["x"] + 9, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.up()
    assert heard(page, served, 4) == [2, 1, 0, 1]
    assert page.locator(".count").inner_text() == "2 of 3"


def test_blink_alternates_with_the_reference_and_ends_where_it_began(page, served):
    served.drawn = True
    page.get_by_label("Last frame").click()
    page.get_by_label("Frames per second").select_option("8")
    page.get_by_label("Blink against the reference").click()
    assert heard(page, served, 5)[:5] == [2, 0, 2, 0, 2]
    page.get_by_label("Blink against the reference").click()
    page.wait_for_timeout(300)
    assert page.locator(".count").inner_text() == "3 of 3"
    assert not page.get_by_label("Blink against the reference").is_disabled()


def test_a_frame_taken_out_has_a_cross_below_the_slider(page, served):
    on_server(served, lambda: served.player.set_frames(["one", "two", "three"], reference=0, unused=[1]))
    crosses = page.locator(".rail svg path")
    crosses.wait_for(state="attached", timeout=3000)
    assert crosses.count() == 1
    rail, cross = page.locator(".rail").bounding_box(), crosses.bounding_box()
    assert cross["x"] + cross["width"] / 2 == pytest.approx(rail["x"] + rail["width"] / 2, abs=1.5)


def test_the_theme_changes_without_a_new_picture(page, served):
    page.evaluate("() => { window.one = model('picture fine 0') }")
    on_server(served, lambda: setattr(served.picture, "theme", "light"))
    page.locator(".part.bar.light").wait_for(timeout=30_000)
    assert page.evaluate("() => window.one === model('picture fine 0')")


def test_the_track_of_the_picked_star_leaves_its_rings_free_at_every_zoom(page, served):
    path = np.column_stack([np.arange(700.0, 801.0), np.full(101, 500.0)])
    on_server(served, lambda: served.picture.set_picked(7, 750.0, 500.0, path))
    page.wait_for_function("() => model('picture track drawn').data.x.length > 50")
    free = """() => { const d = model('picture track drawn').data, near = d.x.filter((x) => x <= 750 && !isNaN(x))
        return [Math.max(...near), d.x.filter((x) => x >= 750).reduce((a, b) => Math.min(a, b))] }"""
    for _ in range(2):
        left, right = page.evaluate(free)
        x0, x1, *_ = page.evaluate(SPAN)
        radius = (750 - left) * page.locator(".bk-Figure").first.bounding_box()["width"] / (x1 - x0)
        assert right - 750 == pytest.approx(750 - left)
        assert 8 < radius < 40
        turn_wheel(page, 750, 500, 8, -300)


def test_a_region_is_dragged_once_and_taken_away_again(page, served):
    regions = []
    on_server(served, lambda: served.picture.on_region(regions.append))
    button = page.locator("button[aria-label*='region']")
    button.click()
    before = page.evaluate(SPAN)
    page.mouse.move(*spot(page, 300, 200))
    page.mouse.down()
    page.mouse.move(*spot(page, 500, 350), steps=5)
    page.mouse.move(*spot(page, 700, 600), steps=5)
    page.mouse.up()
    for _ in range(60):
        if regions:
            break
        page.wait_for_timeout(50)
    assert regions[0] == pytest.approx((300, 700, 200, 600), abs=4)
    assert page.evaluate(SPAN) == before, "the picture itself stays where it is"
    on_server(served, lambda: served.picture.set_region(regions[0]))
    page.wait_for_function("() => model('picture region').data.left.length == 1")
    page.mouse.move(*spot(page, 300, 200))
    page.mouse.down()
    page.mouse.move(*spot(page, 400, 300), steps=5)
    page.mouse.up()
    assert page.evaluate(SPAN) != before, "the next drag moves the picture again"
    page.locator("button[aria-label*='whole field']").click()
    for _ in range(60):
        if len(regions) == 2:
            break
        page.wait_for_timeout(50)
    assert regions[1:] == [None]


def test_zscale_and_percentiles_move_the_handles_and_a_hand_moves_them_further(page):
    values = page.locator(".histogram .value")
    assert values.all_inner_texts() == ["−2 σ", "20 σ"]
    page.get_by_label("Stretch", exact=True).select_option("zscale")
    low, high = (float(text.removesuffix(" σ").replace("−", "-")) for text in values.all_inner_texts())
    assert -5 < low < -1
    assert 1 < high < 8
    upper = page.get_by_label("Drawn white, in sigma of the sky")
    upper.focus()
    for _ in range(3):
        upper.press("ArrowRight")
    moved = float(values.all_inner_texts()[1].removesuffix(" σ"))
    assert moved == pytest.approx(high + 0.3, abs=0.11)
    upper.dispatch_event("dblclick")
    assert float(values.all_inner_texts()[1].removesuffix(" σ")) == high
    page.get_by_label("Stretch", exact=True).select_option("asinh")
    assert values.all_inner_texts() == ["−2 σ", "20 σ"]


def test_complete_sequences_only_hides_every_other_state_and_brings_them_back(page):
    only = page.get_by_label("Complete sequences only")
    only.click()
    assert page.evaluate(COUNTS) == [10, 0, 0, 0, 0, 0]
    assert only.get_attribute("aria-pressed") == "true"
    only.click()
    assert page.evaluate(COUNTS) == [10, 10, 10, 0, 0, 0]


def test_a_frame_is_drawn_where_its_stars_are_in_the_reference(page, served):
    place = """() => { const c = model('picture cut 0').data, v = c.values[0], columns = v.shape[1]
        let best = 0
        for (let k = 0; k < v.length; k++) if (v[k] != 65535 && v[k] > v[best] || v[best] == 65535) best = k
        const [column, row] = [best % columns, Math.floor(best / columns)]
        return [c.x[0] + (column + 0.5) * c.step[0], c.y[0] + (row + 0.5) * c.step[0]] }"""
    transform = np.array([[749.5 + 60, 750.0, 0.0], [499.5 - 40, 0.0, 750.0]])
    on_server(served, lambda: served.picture.align(transform, SHAPE))
    page.wait_for_function(f"() => Math.abs(({place})()[0] - 690) < 2")
    assert page.evaluate(place) == pytest.approx([690, 540], abs=1.6)
    on_server(served, lambda: served.picture.align(None, ()))
    page.wait_for_function(f"() => Math.abs(({place})()[0] - 750) < 2")
