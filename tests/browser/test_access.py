"""The page by keyboard, for screen readers, and for a visitor who comes the first time."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.served import kept, menu, settle, turn, visit

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]

# Tabulator writes roles of its own into its grid that ARIA does not know; nothing of ours is in there.
TABULATOR = {"aria-allowed-attr", "aria-required-children"}

FOCUSED = """() => {
    let one = document.activeElement
    while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement
    return one
}"""
# Material's parts follow the theme a moment after the ground does.
THEMED = """(colour) => {
    const deep = (root) => [...root.querySelectorAll('*')].flatMap((e) => e.shadowRoot ? deep(e.shadowRoot) : [])
        .concat([...root.querySelectorAll('button.MuiButton-text')])
    // An icon has the second text's colour.
    const words = deep(document).filter((one) => !one.innerText.endsWith('_mode'))
    return words.every((one) => getComputedStyle(one).color === colour)
}"""
# What fades has colours between its own and the ground's; what turns for ever has no end to wait for.
RESTED = """() => {
    const roots = (root) => [...root.querySelectorAll('*')].flatMap((e) => e.shadowRoot ? roots(e.shadowRoot) : [])
        .concat([root])
    return roots(document).flatMap((root) => root.getAnimations())
        .every((one) => one.playState !== 'running' || one.effect.getComputedTiming().endTime === Infinity)
}"""
NAMED = f"""() => {{
    const one = ({FOCUSED})()
    return (one.getAttribute('aria-label') || one.innerText || one.title || one.tagName).trim()
}}"""


@pytest.fixture(scope="module")
def opened(chromium, small_app):
    page = visit(chromium, f"{small_app.address}#folder=turning")
    yield page
    assert page.problems == []
    page.close()


@pytest.fixture
def page(opened):
    """The page with our defaults and the focus nowhere."""
    yield opened
    opened.keyboard.press("Escape")
    opened.evaluate("() => { location.hash = 'folder=turning&tab=Tracks' }")
    opened.wait_for_timeout(1000)
    settle(opened)


def findings(page):
    """What axe finds that keeps somebody from using the page, once nothing on it fades or moves any more."""
    page.wait_for_function(RESTED)
    found = Axe().run(page, options={"resultTypes": ["violations"], "preload": False}).response["violations"]
    return [
        f"{one['id']}: {node['target'][-1]} {node['html'][:120]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
        if not (one["id"] in TABULATOR and "tabulator" in node["html"])
    ]


def frame(page):
    return int(page.locator(".count b").inner_text())


def wait_for_frame(page, number):
    page.locator(".count b", has_text=str(number)).wait_for()
    settle(page)


@pytest.mark.parametrize("theme", ["Light theme", "Dark theme"])
def test_axe_finds_nothing_serious_on_the_page_its_tabs_and_its_dialogs(page, theme):
    page.get_by_role("button", name=theme).click()
    page.wait_for_function(THEMED, arg="rgb(27, 31, 36)" if theme == "Light theme" else "rgb(232, 234, 237)")
    page.wait_for_timeout(500)
    found = {"page": findings(page)}
    for tab in ("Map", "Stars", "Frames", "Pixels", "Shifts", "Stack", "Fluxes", "Truth", "Tracks"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(1000)
        found[tab] = findings(page)
    page.get_by_role("button", name="Run all").click()
    page.get_by_role("dialog").wait_for()
    page.wait_for_timeout(1000)
    found["run"] = findings(page)
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.get_by_role("button", name="Help").click()
    page.get_by_role("dialog").locator("th", has_text="star").wait_for()
    found["help"] = findings(page)
    page.get_by_role("button", name="Take the tour").click()
    page.get_by_role("button", name="Next").wait_for()
    # The tour may come while the dialog that it was asked for in is still fading out.
    page.locator(".MuiDialog-root").wait_for(state="detached")
    found["tour"] = findings(page)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.wait_for_timeout(500)
    found["keys"] = findings(page)
    page.keyboard.press("Escape")
    menu(page, "Recipe", "Presets")
    page.get_by_label("Name the knobs as they stand now").fill("mine")
    page.get_by_role("button", name=re.compile("^(Save|Replace)$")).click()
    page.get_by_text("mine is saved.").wait_for()
    found["presets"] = findings(page)
    page.keyboard.press("Escape")
    turn(page, "threshold", "30")
    menu(page, "Recipe", "Compare with another")
    page.get_by_role("button", name="Use the other recipe").wait_for()
    page.wait_for_timeout(1000)
    found["comparison"] = findings(page)
    page.get_by_role("button", name="Close the comparison").click()
    assert {place: faults for place, faults in found.items() if faults} == {}


def test_arrows_step_home_and_end_jump_and_the_space_bar_blinks(page):
    page.evaluate("() => document.activeElement.blur()")
    for key, number in (("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("End", 4), ("Home", 1), ("End", 4)):
        page.keyboard.press(key)
        wait_for_frame(page, number)
    page.keyboard.press("Space")
    blink = page.get_by_role("button", name="Blink against the reference")
    assert blink.get_attribute("aria-pressed") == "true"
    page.locator(".count b", has_text="1").wait_for()
    page.keyboard.press("Space")
    assert blink.get_attribute("aria-pressed") == "false"
    wait_for_frame(page, 4)


def test_plus_and_minus_zoom_and_nought_shows_the_whole_frame(page):
    page.evaluate("() => document.activeElement.blur()")
    width = "() => model('picture x').end - model('picture x').start"
    page.keyboard.press("0")
    page.wait_for_timeout(300)
    whole = page.evaluate(width)
    page.keyboard.press("+")
    page.keyboard.press("+")
    page.wait_for_function(f"() => ({width})() < {0.6 * whole}")
    near = page.evaluate(width)
    page.keyboard.press("-")
    page.wait_for_function(f"() => ({width})() > {1.5 * near}")
    page.keyboard.press("0")
    page.wait_for_function(f"() => Math.abs(({width})() - {whole}) < 1")


def test_fields_and_sliders_keep_their_own_keys(page):
    page.get_by_role("textbox", name="threshold").click()
    for key in ("ArrowRight", "End", "0", "?", "+"):
        page.keyboard.press(key)
    page.wait_for_timeout(500)
    assert frame(page) == 1
    assert page.get_by_role("dialog").count() == 0
    page.keyboard.press("Escape")
    before = kept(page)
    page.get_by_role("slider", name="threshold").focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    settle(page)
    assert frame(page) == 1
    assert kept(page) < before


def test_the_space_bar_presses_the_button_that_has_the_focus(page):
    wait_for_frame(page, 1)
    page.get_by_role("button", name="Next frame").focus()
    page.keyboard.press("Space")
    wait_for_frame(page, 2)
    assert page.get_by_role("button", name="Blink against the reference").get_attribute("aria-pressed") == "false"


@pytest.mark.parametrize("clicked", ["Next frame", "Swap dark and bright"])
def test_the_space_bar_blinks_after_a_click_on_a_button(page, clicked):
    wait_for_frame(page, 1)
    page.evaluate(f"() => ({FOCUSED})()?.blur()")
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name=clicked).click()
    pressed = page.get_by_role("button", name=clicked).get_attribute("aria-pressed")
    page.keyboard.press("Space")
    page.locator(".count b", has_text="1").wait_for()
    assert page.get_by_role("button", name="Blink against the reference").get_attribute("aria-pressed") == "true"
    page.keyboard.press("Space")
    wait_for_frame(page, 3 if clicked == "Next frame" else 2)
    assert page.get_by_role("button", name=clicked).get_attribute("aria-pressed") == pressed
    page.get_by_role("button", name=clicked).click()


def test_control_z_takes_a_turn_back_and_control_y_takes_it_again(page):
    before = kept(page)
    turn(page, "threshold", "40")
    turned = kept(page)
    assert turned < before
    page.evaluate(f"() => ({FOCUSED})()?.blur()")
    page.keyboard.press("Control+z")
    page.locator(".summary b", has_text=str(before)).wait_for()
    page.keyboard.press("Control+y")
    page.locator(".summary b", has_text=str(turned)).wait_for()


def test_the_question_mark_lists_the_keys_and_escape_closes_the_list(page):
    page.evaluate("() => document.activeElement.blur()")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    keys.wait_for()
    assert {"Space", "+", "?", "Home"} <= set(keys.locator("kbd").all_inner_texts())
    page.keyboard.press("Escape")
    keys.wait_for(state="hidden")


def test_everything_on_the_page_is_reached_by_the_tabulator_key_in_reading_order(page):
    page.evaluate("() => { document.activeElement.blur(); window.scrollTo(0, 0) }")
    seen = []
    for _ in range(90):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(NAMED))
    text = "\n".join(seen)
    order = ["Recipe", "Run all", "Frames", "Stars", "threshold", "Next frame", "Tracks"]
    found = [text.find(word) for word in order]
    assert -1 not in found, dict(zip(order, found, strict=True))
    assert found[:2] == sorted(found[:2])
    assert found[2:5] == sorted(found[2:5])


def go_by_tab(page, first, *, upto):
    """Press Tab from an element on until what has the focus fits; how many stops that were."""
    first.focus()
    for stop in range(1, 20):
        page.keyboard.press("Tab")
        if page.evaluate(f"() => ({FOCUSED})().matches('{upto}')"):
            return stop
    return None


def test_a_star_is_picked_in_the_table_by_keys_alone_and_the_focus_stays_on_its_row(page):
    page.evaluate("() => { location.hash = 'folder=turning&tab=Stars' }")
    page.locator(".tabulator-row:visible").nth(3).wait_for()
    settle(page)
    tab = page.get_by_role("tab", name="Stars")
    assert go_by_tab(page, tab, upto=".tabulator-col")
    assert page.evaluate(f"() => getComputedStyle(({FOCUSED})()).outlineStyle") == "solid"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.locator(".tabulator-col[tabulator-field=x][aria-sort=ascending]").wait_for()
    assert go_by_tab(page, tab, upto=".tabulator-tableholder")
    assert page.evaluate(f"() => getComputedStyle(({FOCUSED})()).outlineStyle") == "solid"
    numbers = page.locator(".tabulator-row:visible [tabulator-field=id]")
    for count, key in enumerate(("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp")):
        page.keyboard.press(key)
        page.wait_for_function(f"(row) => ({FOCUSED})().classList.contains('tabulator-row')")
        page.wait_for_timeout(100 if count else 300)
    star = page.evaluate(f"() => ({FOCUSED})().querySelector('[tabulator-field=id]').textContent")
    assert star == numbers.nth(1).inner_text() != ""
    page.keyboard.press("Enter")
    page.wait_for_function("(star) => location.hash.includes(`star=${star}`)", arg=star)
    page.get_by_text(f"Star {star}", exact=True).locator("visible=true").wait_for()
    page.wait_for_timeout(1000)
    assert page.evaluate(f"() => ({FOCUSED})().querySelector('[tabulator-field=id]')?.textContent") == star
    page.keyboard.press("Tab")
    assert page.evaluate(NAMED) == "Previous star"


def test_a_frame_is_left_out_and_gone_to_by_keys_alone(page):
    page.evaluate("() => { location.hash = 'folder=turning&tab=Frames' }")
    page.locator(".tabulator-row:visible").nth(3).wait_for()
    settle(page)
    assert go_by_tab(page, page.get_by_role("tab", name="Frames"), upto=".tabulator-tableholder")
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(300)
    page.keyboard.press("ArrowDown")
    page.wait_for_function(f"() => ({FOCUSED})().textContent.includes('002')")
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.hash.includes('frame=2')")
    page.keyboard.press(" ")
    page.locator(".tabulator-row:visible", has_text="Left out by hand").wait_for()
    page.wait_for_timeout(1000)
    assert "002" in page.evaluate(f"() => ({FOCUSED})().textContent")


def test_the_tabulator_key_goes_round_and_stops_at_nothing_without_a_name(page):
    page.evaluate("() => { location.hash = 'folder=turning&tab=Stars' }")
    page.locator(".tabulator-row:visible").nth(3).wait_for()
    settle(page)
    last = page.locator(".tabulator-tableholder:visible")
    last.focus()
    stops = []
    for _ in range(90):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(f"() => ({FOCUSED})().className.toString()"))
    assert not any("bk-events" in stop for stop in stops)
    assert any("tabulator-tableholder" in stop for stop in stops[1:]), stops[-3:]


# The first visit


def first_visit(chromium, small_app, sent="", **options):
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, **options)
    page = context.new_page()
    page.set_default_timeout(90_000)
    page.goto(small_app.address + sent)
    return page


def leave(page):
    """Close a page that waits for nothing: what is sent to one that has gone stands in the server's log."""
    page.evaluate("() => { location.hash = 'folder=turning' }")
    page.wait_for_timeout(1000)
    settle(page)
    page.context.close()


def test_the_first_tour_comes_once_has_five_steps_and_can_be_taken_again(chromium, small_app):
    page = first_visit(chromium, small_app)
    card = page.get_by_role("dialog")
    card.get_by_text("1 of 5").wait_for()
    titles = [card.get_by_role("heading").inner_text()]
    assert card.get_by_role("button", name="Back").count() == 0
    for step in range(2, 6):
        # By the keyboard alone: the card has the focus, its last button goes on.
        card.get_by_role("button", name="Next").press("Enter")
        card.get_by_text(f"{step} of 5").wait_for()
        titles.append(card.get_by_role("heading").inner_text())
        box = card.bounding_box()
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= 1440
        assert box["y"] + box["height"] <= 900
    assert len(set(titles)) == 5
    card.get_by_role("button", name="Done").press("Enter")
    card.wait_for(state="detached")
    page.reload()
    page.get_by_role("tab", name="Tracks").wait_for()
    page.wait_for_timeout(4000)
    assert page.get_by_role("dialog").count() == 0
    page.get_by_role("button", name="Help").click()
    page.get_by_role("button", name="Take the tour").click()
    card.get_by_text("1 of 5").wait_for()
    page.wait_for_timeout(500)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    card.wait_for(state="detached")
    leave(page)


def test_the_tour_is_skipped_by_escape_and_blocks_nothing_meanwhile(chromium, small_app):
    page = first_visit(chromium, small_app)
    page.get_by_text("1 of 5").wait_for()
    page.get_by_role("button", name="Next frame").click()
    page.locator(".count b", has_text="2").wait_for()
    page.keyboard.press("Escape")
    page.get_by_text("1 of 5").wait_for(state="detached")
    leave(page)


def test_who_comes_by_an_address_that_was_sent_is_offered_the_tour_beside_all_that_it_shows(chromium, small_app):
    page = first_visit(chromium, small_app, "#folder=turning&frame=2")
    offer = page.get_by_role("group", name="First visit")
    offer.wait_for()
    page.wait_for_timeout(1500)
    assert page.get_by_role("dialog").count() == 0
    box = offer.bounding_box()
    reference = page.get_by_role("button", name="reference light").bounding_box()
    undo = page.get_by_role("button", name="Undo").bounding_box()
    assert box["y"] + box["height"] <= 48
    assert box["x"] >= reference["x"] + reference["width"]
    assert box["x"] + box["width"] <= undo["x"]
    # A telephone's bar has no room for it.
    page.set_viewport_size({"width": 390, "height": 844})
    offer.wait_for(state="hidden")
    page.set_viewport_size({"width": 1400, "height": 900})
    offer.wait_for()
    offer.get_by_role("button", name="Take the tour").press("Enter")
    page.get_by_text("1 of 5").wait_for()
    assert offer.count() == 0
    page.keyboard.press("Escape")
    page.reload()
    page.get_by_role("tab", name="Tracks").wait_for()
    page.wait_for_timeout(4000)
    assert offer.count() == 0
    leave(page)
