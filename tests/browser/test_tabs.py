"""The right column in a real browser: tracks, stars, frames, map and truth."""

import re

import pytest

from tests.browser.served import drag_threshold, place, settle

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]


def test_a_frame_without_its_tick_is_left_out(page):
    page.get_by_role("tab", name="Frames").click()
    row = page.locator(".tabulator-row").nth(9)
    row.locator("[tabulator-field=used]").click()
    page.locator(".tabulator-row").nth(9).get_by_text("left out by hand").wait_for()
    settle(page)
    assert page.locator(".rail svg path").count() == 1
    page.get_by_role("tab", name="Tracks").click()


def test_a_star_picked_in_the_table_is_described(page):
    page.get_by_role("tab", name="Stars").click()
    page.locator(".tabulator-row").nth(2).click()
    page.get_by_role("tab", name="Tracks").click()
    page.get_by_text(re.compile(r"In \d+ of 24 frames used")).wait_for()
    assert page.evaluate("() => model('track star').data.dx.length") == 24


def test_the_map_tab_follows_its_line_and_compares_two_methods(page):
    page.get_by_role("button", name="Last frame").click()
    page.get_by_label("Whole frame").click()
    page.get_by_role("tab", name="Map").click()
    page.get_by_text("X offset from A to B").wait_for()
    page.get_by_role("button", name="X offset", exact=True).click()
    page.wait_for_function("() => model('picture cut 0').data.label?.[0] == 'X offset'")
    page.wait_for_timeout(500)
    figure = page.locator(".bk-Figure").first.bounding_box()
    (x0, x1), (y1, y0) = place(page)
    ends = page.evaluate("() => model('map line').data")
    spot = [
        figure["x"] + (ends["x"][0] - x0) / (x1 - x0) * figure["width"],
        figure["y"] + (ends["y"][0] - y0) / (y1 - y0) * figure["height"],
    ]
    length = "() => model('map profile').data.distance[255]"
    before = page.evaluate(length)
    page.mouse.move(spot[0] + 2, spot[1])
    page.wait_for_timeout(100)
    page.mouse.move(*spot)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(spot[0] + 8 * step, spot[1] - 8 * step)
    page.mouse.up()
    page.wait_for_function(f"() => ({length})() < {before} - 20")
    assert place(page) == [[x0, x1], [y1, y0]], "the picture stays"
    select = page.get_by_label("Compare the map with another method's")
    select.select_option("smooth")
    page.locator(".made", has_text="difference rms").wait_for()
    select.select_option("")
    page.get_by_role("button", name="X error").wait_for()
    page.get_by_label("What the picture shows").select_option("subtracted")
    page.get_by_role("tab", name="Tracks").click()


def test_arrows_over_the_field_take_the_place_of_the_plots_against_frame(page):
    page.get_by_role("tab", name="Tracks").click()
    page.get_by_role("button", name="Last frame").click()
    settle(page)
    drawn = []
    for name in ("Offset", "Residual"):
        page.get_by_role("button", name=f"{name} arrows").click()
        page.get_by_text("over the field").wait_for()
        page.wait_for_function(f"() => (model('field arrows')?.data.x[1] ?? 0) != {drawn[-1] if drawn else 0}")
        drawn.append(page.evaluate("() => model('field arrows').data.x[1]"))
    assert page.evaluate("() => model('field arrows').data.x.length") > 6 * 20
    page.get_by_role("button", name="Against frame").click()
    page.get_by_text("Stars of the reference").wait_for()


def test_completeness_falls_with_the_threshold_under_the_hand_where_the_truth_is_known(page):
    page.get_by_role("tab", name="Truth").click()
    page.wait_for_function("() => model('truth completeness')?.data.x.length > 5")
    page.wait_for_function("() => model('truth followed').data.share.length == 24")
    share = "(name) => Array.from(model('truth completeness').data[name]).filter(Number.isFinite)"
    before = page.evaluate(share, "completeness")
    assert min(before[-3:]) > 50
    sentence = page.get_by_text(re.compile(r"Completeness: \d+ of the \d+ true stars"))
    words = sentence.inner_text()
    drag_threshold(page, 0.3)
    less = 0.8 * sum(before)
    page.wait_for_function(f"(less) => ({share})('completeness').reduce((a, b) => a + b, 0) < less", arg=less)
    assert sentence.inner_text() != words
    page.mouse.up()
    settle(page)
    assert min(page.evaluate(share, "purity")) > 90
    page.get_by_role("button", name="Next frame").click()
    page.wait_for_function("() => model('truth map x').data.image.length == 1")
    page.get_by_role("tab", name="Tracks").click()
