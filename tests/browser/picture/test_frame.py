"""A frame in a real browser: zoom, single pixels, readout, stretch, several pictures, theme."""

import numpy as np
import pytest

from tests.browser.picture.drawn import SEEN, SHAPE, SPAN, on_server, sky, turn_wheel
from tests.browser.served import spot, wait_until
from ui.pyramid import CODES
from ui.stretch import shares

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]


def test_the_whole_frame_is_seen_first_undistorted_and_row_0_at_the_top(page):
    x0, x1, y0, y1 = page.evaluate(SPAN)
    assert x0 < -0.4
    assert x1 > SHAPE[1] - 0.6
    assert y1 < -0.4
    assert y0 > SHAPE[0] - 0.6
    assert min(x1 - x0 - SHAPE[1], y0 - y1 - SHAPE[0]) == pytest.approx(0, abs=0.01)
    box = page.locator(".bk-Figure").first.bounding_box()
    assert box["width"] / (x1 - x0) == pytest.approx(box["height"] / (y0 - y1), rel=0.01)


def test_the_scale_bar_stands_within_the_frame_and_beside_a_small_one(page):
    bar = page.locator(".scale-bar").first
    figure = page.locator(".bk-Figure").first.bounding_box()
    for _ in range(4):
        box, (x0, x1, _, y1) = bar.bounding_box(), page.evaluate(SPAN)
        scale = figure["width"] / (x1 - x0)
        end_x, end_y = (figure["x"] + (SHAPE[1] - 0.5 - x0) * scale, figure["y"] + (SHAPE[0] - 0.5 - y1) * scale)
        left, bottom = figure["x"] + max(-0.5 - x0, 0) * scale, min(end_y, figure["y"] + figure["height"])
        if 2 * SHAPE[1] * scale > figure["width"]:
            assert left <= box["x"]
            assert box["x"] + box["width"] < end_x
            assert box["y"] + box["height"] < bottom
        page.get_by_role("button", name="Smaller").click()
        page.wait_for_timeout(300)
    assert box["x"] == pytest.approx(figure["x"] + 10, abs=1)
    assert box["x"] + box["width"] < left


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


def test_where_a_picture_cannot_be_made_nothing_of_another_is_left(page, served):
    drawn = "() => ['fine', 'base'].map((name) => model(`picture ${name} 0`).data.x.length)"
    turn_wheel(page, 750, 500, 10, -300)
    page.mouse.move(*spot(page, 750, 500))
    assert page.evaluate(drawn) == [1, 1]
    assert page.locator(".numbers").inner_text() != ""
    on_server(served, lambda: served.picture.forget("subtracted", "its file is broken"))
    page.get_by_text("its file is broken").wait_for(timeout=3000)
    assert page.evaluate(drawn) == [0, 0]
    assert page.locator(".numbers").inner_text() == ""


def test_stretch_and_colours_ask_the_server_for_nothing(page):
    picture = "() => Array.from(model('picture fine 0').data.image[0].slice(4000, 4400))"
    before = page.evaluate(picture)
    page.evaluate("() => { window.held = model('picture cut 0').data }")
    page.get_by_label("Stretch", exact=True).select_option("linear")
    after = page.evaluate(picture)
    assert after != before
    page.get_by_label("Colours", exact=True).select_option("viridis")
    assert page.evaluate(picture) != after
    assert page.evaluate("() => window.held === model('picture cut 0').data")


def test_where_dark_and_bright_are_swapped_the_colour_bar_is_swapped_too(page, served):
    slope = np.add.outer(np.zeros(1000), np.linspace(-3, 5, 1500))

    def show_map():
        served.picture.show("x_offset", slope, noise=0.0, key="a slope")
        served.picture.choose("x_offset")

    ends = """() => { const image = model('picture fine 0').data.image[0], columns = image.shape[1]
        return [image[0], image[columns - 1]].map((one) => [one & 255, (one >> 8) & 255, (one >> 16) & 255]) }"""
    bar = page.locator(".scale canvas:visible")
    colours = """(bar) => { const copy = new OffscreenCanvas(256, 1).getContext('2d', {willReadFrequently: true})
        copy.drawImage(bar, 0, 0)
        return [0, 255].map((at) => [...copy.getImageData(at, 0, 1, 1).data].slice(0, 3)) }"""
    on_server(served, show_map)
    page.wait_for_function("() => model('picture cut 0').data.key[0]?.includes('slope')")
    bar.wait_for()
    drawn = page.evaluate(ends)
    assert bar.evaluate(colours) == drawn
    page.get_by_label("Swap dark and bright").click()
    wait_until(page, lambda: bar.evaluate(colours) != drawn)
    assert bar.evaluate(colours) == page.evaluate(ends) == drawn[::-1]


def test_what_has_colours_of_its_own_leaves_no_stretch_to_choose(page, served):
    stretch, colours = (page.get_by_label(name, exact=True) for name in ("Stretch", "Colours"))
    on_server(served, lambda: served.picture.choose("x_offset"))
    expect = pytest.importorskip("playwright.sync_api").expect
    expect(stretch).to_be_disabled()
    expect(colours).to_be_disabled()
    assert "colours of its own" in stretch.get_attribute("title")
    page.get_by_label("Two pictures").click()
    on_server(served, lambda: served.picture.choose("subtracted", 1))
    expect(stretch).to_be_enabled()
    assert colours.get_attribute("title") == "Colours"


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


def test_the_theme_changes_without_a_new_picture(page, served):
    page.evaluate("() => { window.one = model('picture fine 0') }")
    on_server(served, lambda: setattr(served.picture, "theme", "light"))
    page.locator(".part.bar.light").wait_for(timeout=30_000)
    assert page.evaluate("() => window.one === model('picture fine 0')")


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


def test_a_background_is_seen_between_its_own_values_until_a_hand_moves_the_limits(page, served):
    slope = np.add.outer(np.zeros(1000), np.linspace(400, 410, 1500)).astype(np.float32)

    def show():
        served.picture.show("background", slope, noise=10.0, level=405.0, key="a slope")
        served.picture.choose("background")

    shades = """() => { const image = model('picture fine 0').data.image[0]
        return [image[0] & 255, image[image.shape[1] - 1] & 255] }"""
    on_server(served, show)
    page.wait_for_function("() => model('picture cut 0').data.key[0]?.includes('slope')")
    assert page.evaluate(shades) == [0, 255]
    values = page.locator(".histogram .value")
    assert values.all_inner_texts() == ["−0.5 σ", "0.5 σ"]
    upper = page.get_by_label("Drawn white, in sigma of the sky")
    upper.focus()
    upper.press("End")
    low, high = page.evaluate(shades)
    assert low == 0
    assert 0 < high < 128
    upper.dispatch_event("dblclick")
    assert page.evaluate(shades) == [0, 255]


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
