"""The right column in a real browser: tracks, stars, frames, map and truth."""

import re

import pytest

from tests.browser.served import at_rest, drag_threshold, place, settle, spot, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]


def test_a_frame_without_its_tick_is_left_out(page):
    page.get_by_role("tab", name="Frames").click()
    row = page.locator(".tabulator-row").nth(9)
    row.locator("[tabulator-field=used]").click()
    page.locator(".tabulator-row").nth(9).get_by_text("left out by hand").wait_for()
    settle(page)
    assert page.locator(".rail svg path").count() == 1
    page.get_by_role("tab", name="Tracks").click()


def test_the_row_of_the_frame_shown_is_marked_however_one_gets_there_and_whichever_is_clicked_on(page):
    page.get_by_role("tab", name="Frames").click()
    marked = page.locator(".tabulator-row.tabulator-selected:visible")

    def frame_is(number):
        # The browser marks a row that is clicked on before the server knows of it.
        page.wait_for_function(
            "(words) => location.hash.includes(words)", arg=f"frame={number}&" if number > 1 else "#"
        )
        settle(page)
        marked.locator("[tabulator-field=frame]", has_text=re.compile(f"0*{number}$")).wait_for()
        return marked.count() == 1

    rows = page.locator(".tabulator-row:visible")
    rows.nth(0).locator("[tabulator-field=frame]").click()
    assert frame_is(1)
    # A table that was clicked on has the keys to its own ends.
    page.get_by_role("button", name="Next frame").click()
    for key, number in (("End", 24), ("Home", 1), ("ArrowRight", 2)):
        page.keyboard.press(key)
        assert frame_is(number)
        one, room = marked.bounding_box(), page.locator(".tabulator-tableholder:visible").bounding_box()
        assert room["y"] - 1 <= one["y"] <= room["y"] + room["height"] - one["height"] + 1
    rows.nth(4).locator("[tabulator-field=frame]").click()
    assert frame_is(5)
    page.keyboard.press("ArrowRight")
    assert frame_is(6)
    for out in (True, False):
        rows.nth(2).locator("[tabulator-field=used]").click()
        why = rows.nth(2).locator("[tabulator-field='why not']")
        wait_until(page, lambda out=out, why=why: bool(why.inner_text().strip()) == out)
        assert bool(why.inner_text().strip()) == out
        assert frame_is(6)
    rows.nth(0).locator("[tabulator-field=frame]").click()
    assert frame_is(1)
    page.get_by_role("tab", name="Tracks").click()


def test_a_table_stays_where_it_was_scrolled_to_while_another_tab_is_open(page):
    page.get_by_role("tab", name="Stars").click()
    page.locator(".tabulator-row:visible [tabulator-field=sharp]").nth(2).click()
    page.get_by_role("button", name="Close the star's card").filter(visible=True).wait_for()
    table = page.locator(".tabulator-tableholder:visible")
    table.evaluate("(one) => { one.scrollTop = 300 }")
    page.wait_for_timeout(500)
    page.get_by_role("tab", name="Tracks").click()
    table.wait_for(state="hidden")
    page.wait_for_timeout(500)
    page.get_by_role("tab", name="Stars").click()
    table.wait_for()
    page.wait_for_timeout(700)
    assert table.evaluate("(one) => one.scrollTop") == 300
    # Rows that Tabulator did not draw when the tab was opened again are drawn a moment later.
    page.get_by_role("tab", name="Tracks").click()
    table.wait_for(state="hidden")
    page.get_by_role("tab", name="Stars").click()
    table.wait_for()
    page.wait_for_timeout(200)
    table.evaluate("(one) => one.querySelector('.tabulator-table').replaceChildren()")
    page.locator(".tabulator-row:visible [tabulator-field=sharp]").first.wait_for()
    # A part of the sky with fewer rows than that is listed from its first on.
    table.evaluate("(one) => { one.scrollTop = one.scrollHeight }")
    page.wait_for_timeout(500)
    page.get_by_role("tab", name="Tracks").click()
    page.get_by_role("button", name="region only").click()
    (left, right), (bottom, top) = place(page)
    page.mouse.move(*spot(page, left + (right - left) / 4, top + (bottom - top) / 4))
    page.mouse.down()
    page.mouse.move(*spot(page, (left + right) / 2, (bottom + top) / 2), steps=4)
    page.mouse.up()
    every = page.get_by_role("button", name="Show all stars")
    every.wait_for()
    page.get_by_role("tab", name="Stars").click()
    table.wait_for()
    page.wait_for_timeout(1000)
    assert table.evaluate("(one) => [one.scrollTop, one.scrollHeight > one.clientHeight]") == [0, True]
    every.click()
    page.get_by_role("button", name="Close the star's card").filter(visible=True).click()
    page.get_by_role("tab", name="Tracks").click()


def test_a_star_picked_in_the_table_is_described(page):
    page.get_by_role("tab", name="Stars").click()
    page.locator(".tabulator-row").nth(2).click()
    page.get_by_role("tab", name="Tracks").click()
    page.get_by_text(re.compile(r"In \d+ of 24 frames used")).filter(visible=True).wait_for()
    page.wait_for_function("() => model('track star').data.dx.length == 24")


def test_the_card_of_a_row_that_is_clicked_on_opens_below_the_table_and_the_row_stays_in_sight(page):
    page.get_by_role("tab", name="Stars").click()
    page.locator(".tabulator-row:visible").first.wait_for()
    close = page.get_by_role("button", name="Close the star's card").filter(visible=True)
    if close.count():
        close.click()
        close.wait_for(state="hidden")
        page.wait_for_timeout(500)
    # The last that is whole, where the card will stand.
    rows = page.locator(".tabulator-row:visible")
    lowest = page.locator(".tabulator-tableholder:visible").bounding_box()
    floor = lowest["y"] + lowest["height"]
    row = max(k for k, box in enumerate(one.bounding_box() for one in rows.all()) if box["y"] + box["height"] <= floor)
    star = rows.nth(row).locator("[tabulator-field=id]").inner_text()
    rows.nth(row).click()
    page.get_by_text(re.compile(rf"^(Star {star}|Candidate)$")).filter(visible=True).wait_for()
    marked, table = page.locator(".tabulator-selected:visible"), page.locator(".tabulator-tableholder:visible")

    def in_sight():
        one, room = marked.bounding_box(), table.bounding_box()
        end = room["y"] + room["height"]
        return end < floor - 100 and room["y"] - 1 <= one["y"] <= end + 1 - one["height"]

    wait_until(page, in_sight)
    assert in_sight()
    # The card is as high whatever it says: the table's rows and height never change at once.
    height = table.bounding_box()["height"]
    for _ in range(2):
        page.keyboard.press("ArrowRight")
        settle(page)
        assert table.bounding_box()["height"] == height
    page.keyboard.press("Home")
    settle(page)
    close.click()
    close.wait_for(state="hidden")
    page.get_by_role("tab", name="Tracks").click()


def test_a_click_on_a_rejected_candidate_tells_why_it_is_none_and_its_row_is_marked(page):
    page.get_by_role("tab", name="Tracks").click()
    page.get_by_label("Whole frame").click()
    page.wait_for_timeout(300)
    # One whose sharpness rejects it, with nothing drawn near it.
    x, y, sharpness = page.evaluate("""() => {
        const d = model('picture stars').data
        const drawn = [...d.x.keys()].filter((k) => d.code[k] != 255 && d.reason[k] != 1)
        const far = (k) => drawn.every((i) => i == k || Math.hypot(d.x[i] - d.x[k], d.y[i] - d.y[k]) > 40)
        const k = drawn.find((k) => d.code[k] == 3 && d.reason[k] == 2 && far(k))
        return [d.x[k], d.y[k], d.sharpness[k]]
    }""")
    page.mouse.click(*spot(page, x, y))
    value = f"{sharpness:.2f}".replace("-", "\u2212")
    page.get_by_text(re.compile(rf"Sharpness {value}, (above|below) [\d.]+: rejected")).wait_for()
    assert page.evaluate("() => [...model('picture picked').data.id]") == [""]
    page.get_by_role("tab", name="Stars").click()
    marked = page.locator(".tabulator-row.tabulator-selected:visible")
    marked.locator("[tabulator-field=state]", has_text="sharpness").wait_for()
    assert float(marked.locator("[tabulator-field=x]").inner_text()) == pytest.approx(x, abs=0.06)
    page.get_by_role("tab", name="Tracks").click()
    # The table's card has such a button too, which may go away under the pointer.
    marked.wait_for(state="hidden")
    page.get_by_role("button", name="Close the star's card").click()
    page.get_by_text("Click on a star to see what became of it").wait_for()


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


def test_the_star_table_sorts_by_a_click_on_its_head_and_shows_one_state_alone(page):
    page.get_by_role("tab", name="Stars").click()
    rows = page.locator(".tabulator-row:visible")
    rows.nth(2).wait_for()

    def cells(name):
        return [one.inner_text() for one in page.locator(f".tabulator-row:visible [tabulator-field='{name}']").all()]

    strengths = [float(text) for text in cells("over σ")]
    assert strengths == sorted(strengths, reverse=True), "the strongest first"
    head = page.locator(".tabulator-col:visible[tabulator-field=sharp]")
    for order in ("ascending", "descending"):
        head.click()
        page.locator(f".tabulator-col[tabulator-field=sharp][aria-sort={order}]").wait_for()
        values = [float(text.replace("\u2212", "-")) for text in cells("sharp")]
        assert len(values) > 10
        assert values == sorted(values, reverse=order == "descending")
    page.get_by_role("combobox", name="State").click()
    page.locator(".MuiListItemText-root", has_text="sharpness").click()
    complete = page.locator(".tabulator-row:visible [tabulator-field=state]", has_text="complete")
    complete.first.wait_for(state="detached")
    assert set(cells("state")) == {"sharpness"}
    page.get_by_role("combobox", name="State").click()
    page.locator(".MuiListItemText-root", has_text="every state").click()
    complete.first.wait_for()
    page.get_by_role("tab", name="Tracks").click()


def test_a_line_dragged_over_the_measures_leaves_frames_out_and_a_double_click_takes_them_in_again(page):
    page.get_by_role("tab", name="Frames").click()
    page.wait_for_function("() => model('metric set')?.data.values?.[0].length == 24")
    plot = page.locator(".bk-Figure:visible").last
    # Those of the tab before go first.
    page.locator(".tabulator-row:visible").first.wait_for()
    settle(page)
    box = at_rest(page, plot)
    inner = """() => {
        const one = [...Bokeh.documents[0].all_models].find((m) => m.center?.includes(model('metric low')))
        return [one.y_range.start, one.y_range.end, one.inner_height] }"""

    def height(value):
        start, end, pixels = page.evaluate(inner)
        return box["y"] + 8 + (end - value) / (end - start) * pixels

    lines = "() => ['low', 'high'].map((edge) => model(`metric ${edge}`).location)"
    low, high = page.evaluate(lines)
    across = box["x"] + box["width"] / 2
    page.mouse.move(across, height(high))
    page.wait_for_timeout(200)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(across, height(high + (low - high) * 0.5 * step / 8))
        page.wait_for_timeout(40)
    page.mouse.up()
    page.wait_for_function("() => model('metric set').data.given[0][1]")
    settle(page)
    out = page.locator(".tabulator-row:visible", has_text="Fwhm above")
    values, limit = page.evaluate("() => [model('metric set').data.values[0], model('metric high').location]")
    beyond = sum(value > limit for value in values)
    assert 0 < beyond < 12
    assert out.count() == beyond
    assert page.locator(".rail svg path:visible").count() == beyond
    page.mouse.dblclick(across, height(limit))
    page.wait_for_function("() => !model('metric set').data.given[0][1]")
    settle(page)
    assert out.count() == 0
    page.get_by_role("tab", name="Tracks").click()


def test_a_file_of_the_wrong_kind_is_corrected_in_the_list_of_all_files(page):
    page.get_by_role("tab", name="Frames").click()
    page.get_by_role("button", name="All files").click()
    row = page.locator(".tabulator-row:visible").nth(4)
    row.locator("[tabulator-field=kind]").click()
    page.locator(".tabulator-edit-list-item", has_text="dark").click()
    page.get_by_role("button", name="23 frames").wait_for()
    page.locator(".tabulator-row:visible", has_text="by hand").wait_for()
    settle(page)
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="24 frames").wait_for()
    settle(page)
    page.get_by_role("button", name="Lights", exact=True).click()
    page.get_by_role("tab", name="Tracks").click()


def test_after_a_click_on_a_tab_the_arrows_step_through_the_frames_and_by_keys_they_choose_a_tab(page):
    page.get_by_role("tab", name="Map").click()
    page.get_by_role("tab", name="Map", selected=True).wait_for()
    before = page.locator(".count").inner_text()
    page.keyboard.press("End")
    page.locator(".count", has_text=re.compile("24 of 24")).wait_for()
    page.keyboard.press("Home")
    page.locator(".count", has_text=before).wait_for()
    tracks = page.get_by_role("tab", name="Tracks")
    tracks.focus()
    page.keyboard.press("Enter")
    page.get_by_role("tab", name="Tracks", selected=True).wait_for()
    assert tracks.evaluate("(tab) => tab.matches(':focus')")
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", name="Map").evaluate("(tab) => tab.matches(':focus')")
    assert page.locator(".count").inner_text() == before
