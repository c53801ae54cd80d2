"""The page in a real browser, served as users serve it: what a stranger sees, zoom, frames, themes, messages."""

import re

import pytest

from tests.browser.served import PATIENCE, circles, drag_threshold, kept, menu, place, settle, visit

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]


def test_a_stranger_sees_the_name_the_stages_and_the_stars(page):
    assert page.get_by_role("heading", level=1, name="Starshift").is_visible()
    names = [name.inner_text() for name in page.locator(".stage .name").all()]
    shown = [name.strip() for name in names]
    assert [name for name in shown if name in ("Frames", "Background", "Stars", "Tracks")] == [
        "Frames", "Background", "Stars", "Tracks",
    ]  # fmt: skip
    assert kept(page) > 100
    assert circles(page) > 100


def test_zoom_is_kept_while_a_knob_turns_and_frames_step(page):
    page.mouse.move(660, 400)
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(600)
    zoomed = place(page)
    drag_threshold(page, 0.2)
    page.mouse.up()
    settle(page)
    page.get_by_role("button", name="Next frame").click()
    settle(page)
    assert zoomed[0][1] - zoomed[0][0] < 1000
    assert place(page) == zoomed


def test_stepping_shows_the_next_frame_with_its_own_stars(page):
    before = page.evaluate("() => Array.from(model('picture stars').data.x).slice(0, 50)")
    page.get_by_role("button", name="Next frame").click()
    settle(page)
    assert "light_002" in page.locator(".readout").first.inner_text()
    assert page.evaluate("() => Array.from(model('picture stars').data.x).slice(0, 50)") != before


def frames_asked_for(page):
    """How many frames the page asks its browser for within a second."""
    return page.evaluate(
        """() => new Promise((resolve) => {
            const [ask, asked] = [window.requestAnimationFrame, []]
            window.requestAnimationFrame = (draw) => { asked.push(draw); return ask(draw) }
            setTimeout(() => { window.requestAnimationFrame = ask; resolve(asked.length) }, 1000)
        })"""
    )


def test_a_page_at_rest_draws_nothing_and_the_field_for_uploads_does_while_it_is_seen(page):
    page.wait_for_timeout(500)
    assert frames_asked_for(page) < 5
    page.locator("button", has_text="Sample:").first.click()
    page.get_by_role("menuitem", name="Open a folder").click()
    page.locator(".filepond--drop-label").wait_for()
    assert frames_asked_for(page) > 5
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.wait_for_timeout(500)
    assert frames_asked_for(page) < 5


def test_each_stage_explains_itself(page):
    page.get_by_role("button", name="How it works").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("The knobs").wait_for()
    page.wait_for_timeout(500)
    assert dialog.locator("mjx-container, svg[role=img], mjx-assistive-mml").count() or "$$" not in dialog.inner_text()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")


def test_a_small_window_has_a_rail_that_opens_the_right_column_over_the_picture(chromium, app):
    small = chromium.new_page(viewport={"width": 1024, "height": 768})
    small.set_default_timeout(PATIENCE)
    small.goto(app.address)
    small.wait_for_function("() => window.Bokeh && Bokeh.documents.length > 0")
    small.evaluate("() => { window.model = (name) => Bokeh.documents[0].get_model_by_name(name) }")
    settle(small)
    width = "() => document.documentElement.scrollWidth"
    assert small.evaluate(width) <= 1024
    small.get_by_role("button", name="Next frame").click(timeout=30_000)
    small.get_by_role("button", name="Stars", exact=True).last.click()
    small.get_by_role("tab", name="Stars").wait_for()
    assert small.evaluate(width) <= 1024
    small.get_by_role("button", name="Stars", exact=True).last.click()
    small.get_by_role("tab", name="Stars").wait_for(state="hidden")
    small.close()


CUT_OFF = """() => {
    const deep = (root) => [...root.querySelectorAll('*')].flatMap((e) => e.shadowRoot ? deep(e.shadowRoot) : [])
        .concat([...root.querySelectorAll('.part.bar, .part.player, .part.strip')])
    const cut = (one) => one.clientWidth > 0 && one.scrollWidth > one.clientWidth
    return deep(document).filter(cut).map((one) => one.className)
}"""


def test_no_tool_of_the_picture_is_cut_off_in_windows_of_any_width(page):
    for width in (1440, 1421, 1366, 1300, 1024):
        page.set_viewport_size({"width": width, "height": 768})
        page.wait_for_timeout(1500)
        assert page.evaluate(CUT_OFF) == [], width
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("tab", name="Tracks").wait_for()


def test_theme_and_tabs_clicked_at_once_leave_no_error(page):
    for theme in ("Light theme", "Dark theme"):
        page.get_by_role("button", name=theme).click()
        for tab in ("Map", "Stars", "Tracks"):
            page.get_by_role("tab", name=tab).click()
    settle(page)


def test_a_message_lies_over_the_picture_and_leaves_by_itself(page):
    player = page.get_by_role("button", name="Next frame")
    before = player.bounding_box()
    said = page.get_by_role("alert").filter(has_text="our defaults")
    menu(page, "Recipe", "Use our defaults")
    said.wait_for()
    assert player.bounding_box() == before
    said.wait_for(state="hidden")


def test_a_tab_clicked_before_the_page_is_whole_is_open_once_it_is(chromium, app):
    hasty = visit(chromium, app.address, stars=False)
    hasty.get_by_role("tab", name="Frames").click()
    settle(hasty)
    hasty.get_by_role("button", name="All files").wait_for()
    assert hasty.get_by_role("tab", name="Frames").get_attribute("aria-selected") == "true"
    narrow = visit(chromium, app.address, stars=False, viewport={"width": 1024, "height": 768})
    rail = narrow.get_by_role("navigation", name="Right column")
    rail.get_by_role("button", name="Stars").click()
    settle(narrow)
    narrow.get_by_role("combobox", name="State").wait_for()
    assert rail.get_by_role("button", name="Stars").get_attribute("aria-expanded") == "true"
    assert narrow.get_by_role("tab", name="Stars").get_attribute("aria-selected") == "true"
    rail.get_by_role("button", name="Stars").click()
    narrow.locator("nav[aria-label='Right column'] [aria-expanded=true]").wait_for(state="detached")
    for page in (hasty, narrow):
        page.close()
        assert page.problems == []


def test_a_visitor_in_a_hurry_clicks_twenty_times_before_the_page_is_whole_and_breaks_nothing(chromium, app):
    hasty = visit(chromium, app.address, stars=False)
    hasty.get_by_role("button", name="Light theme").wait_for()
    names = ("Map", "Frames", "Shifts", "Stack", "Fluxes", "Stars", "Tracks", "Frames", "Shifts", "Map")
    for k in range(2 * len(names)):
        # Not one click waits for what the one before it does.
        hasty.get_by_role("tab", name=names[k % len(names)]).click(force=True, no_wait_after=True)
        if k in (3, 9, 14):
            hasty.get_by_role("button", name=re.compile("theme")).click(force=True, no_wait_after=True)
        hasty.wait_for_timeout(20 * (k % 4))
    settle(hasty)
    assert hasty.get_by_role("tab", name="Map").get_attribute("aria-selected") == "true"
    seen = {"Frames": "All files", "Shifts": "Leave frame", "Stars": "State", "Tracks": "Against frame"}
    for name, part in seen.items():
        hasty.get_by_role("tab", name=name).click()
        hasty.locator(f"text={part} >> visible=true").first.wait_for()
        settle(hasty)
        assert hasty.get_by_role("tab", name=name).get_attribute("aria-selected") == "true"
        # A figure without a layout is as high as nothing.
        heights = hasty.locator(".bk-Figure:visible").evaluate_all("(all) => all.map((one) => one.offsetHeight)")
        assert min(heights, default=41) > 40
    hasty.close()
    assert hasty.problems == []


def test_the_words_of_the_theme_lie_over_nothing(page):
    for theme in ("Light theme", "Dark theme"):
        button = page.get_by_role("button", name=theme)
        assert button.get_attribute("title") == theme
        button.click()
        page.wait_for_timeout(1200)
        assert page.get_by_role("tooltip").count() == 0
