"""An address that is opened in another browser shows the pictures as they were, from the first one on."""

import re
from types import SimpleNamespace
from urllib.parse import unquote

import pytest

from tests.browser.served import settle, spot, visit

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]
# Which limits each picture was drawn with, from the first on, in sigma of the sky.
WATCH = """addEventListener('starshift', ({detail}) => {
    if (detail.name == 'drawn limits') (window.drawn ??= []).push(detail.value.map((one) => one.toFixed(1)))
})"""
PIXELS = """() => {
    let sum = 0
    for (const one of model('picture fine 0').data.image[0]) sum = (31 * sum + one) % 4294967291
    return sum
}"""
DRAWN = """() => ({
    region: ['left', 'right', 'top', 'bottom'].map((end) => model('picture region').data[end].map(Math.round)),
    states: ['complete', 'partial', 'lost', 'rejected'].map((name) => model(`picture ${name}`).indices.length),
})"""


def watched(browser):
    """A browser that takes down the limits of all that its pages draw."""

    def new_page(**options):
        page = browser.new_page(**options)
        page.add_init_script(WATCH)
        return page

    return SimpleNamespace(new_page=new_page)


def chosen(page):
    """What the controls say that is chosen."""
    picked = {name: page.get_by_label(name, exact=True).input_value() for name in ("Stretch", "Colours")}
    picked["Tracks"] = page.get_by_label("Tracks over the picture").input_value()
    buttons = ("Swap dark and bright", "Complete sequences only", "Draw each frame where its stars", "Residual arrows")
    return picked | {name: page.get_by_role("button", name=name).get_attribute("aria-pressed") for name in buttons}


def choose_all(page):
    """Choose of each what is not its default."""
    page.get_by_role("button", name="Next frame").click()
    settle(page)
    page.get_by_label("Stretch", exact=True).select_option("log")
    page.get_by_label("Colours", exact=True).select_option("magma")
    page.get_by_label("Tracks over the picture").select_option("all")
    for name in ("Swap dark and bright", "Complete sequences only", "Draw each frame where", "Residual arrows"):
        page.get_by_role("button", name=name).click()
    page.get_by_label("Drawn white").fill("9")
    page.get_by_role("button", name="region only").click()
    page.mouse.move(*spot(page, 60, 60))
    page.mouse.down()
    page.mouse.move(*spot(page, 400, 300), steps=4)
    page.mouse.up()
    settle(page)


def test_a_second_browser_shows_pictures_and_tracks_as_the_first_has_them(chromium, small_app):
    page = visit(chromium, f"{small_app.address}#folder=turning")
    assert unquote(page.evaluate("() => location.hash")) == "#folder=turning"
    usual = chosen(page), page.evaluate(PIXELS), page.evaluate(DRAWN)
    choose_all(page)
    page.wait_for_function("() => location.hash.includes('region=') && location.hash.includes('arrows=')")
    page.wait_for_timeout(1000)
    address = page.evaluate("() => location.href")
    for words in ("stretch=log", "colours=magma", "invert=yes", "limits=-2.0,9.0", "tracks=all", "states=complete"):
        assert words in address
    mine = chosen(page), page.evaluate(PIXELS), page.evaluate(DRAWN)
    assert all(mine[0][name] != usual[0][name] for name in usual[0])
    assert mine[1] != usual[1]
    assert mine[2]["states"][0] > 20
    assert mine[2]["states"][1:] == [0, 0, 0]

    other = visit(watched(chromium), address)
    other.wait_for_function("() => location.hash.includes('states=')")
    other.wait_for_timeout(1000)
    assert (chosen(other), other.evaluate(PIXELS), other.evaluate(DRAWN)) == mine
    # No picture was drawn in another way first.
    assert {tuple(one) for one in other.evaluate("() => drawn")} == {("-2.0", "9.0")}
    assert other.evaluate("() => location.href") == address

    # An address that says nothing of all this takes it back.
    other.evaluate("() => { location.hash = 'folder=turning' }")
    other.wait_for_function("() => model('picture region').data.left.length == 0")
    settle(other)
    other.wait_for_timeout(1000)
    assert (chosen(other), other.evaluate(PIXELS), other.evaluate(DRAWN)) == usual
    assert unquote(other.evaluate("() => location.hash")) == "#folder=turning"
    for one in (page, other):
        assert one.problems == []
        one.close()


def test_what_an_address_asks_for_and_cannot_be_is_told_and_the_rest_is_shown(chromium, small_app):
    asked = "folder=turning&stretch=%3Cimg%3E&colours=viridis&region=0,nan,0,5&states=complete,star"
    page = visit(chromium, f"{small_app.address}#{asked}")
    page.get_by_text("The address asks for 2 things that cannot be had: the first is stretch").wait_for()
    picked = chosen(page)
    assert (picked["Stretch"], picked["Colours"]) == ("asinh", "viridis")
    page.wait_for_function("() => !location.hash.includes('stretch') && location.hash.includes('states=')")
    # Tracks hide what the reference has not, unless it is asked for.
    assert page.evaluate("() => location.hash").endswith("states=complete,star")
    assert page.problems == []
    page.close()


def test_an_address_that_is_wrong_in_many_ways_says_so_at_once_and_opens_its_folder(chromium, small_app):
    page = visit(chromium, f"{small_app.address}#folder=turning&frame=99&star=abc&stars.threshold=zz&tab=Stars")
    told = page.get_by_role("alert").filter(visible=True)
    told.get_by_text("The address names frame 99, and there are 4: the reference is shown.").wait_for()
    assert "2 things that cannot be had: the first is star 'abc'" in told.inner_text()
    page.wait_for_function("() => location.hash == '#folder=turning&tab=Stars'")
    assert page.problems == []
    page.close()


def test_a_candidate_that_is_picked_is_so_in_another_browser(chromium, small_app):
    page = visit(chromium, f"{small_app.address}#folder=turning&frame=3&stars.threshold=12&states=complete,below")
    x, y = page.evaluate("""() => {
        const d = model('picture stars').data
        const drawn = [...d.x.keys()].filter((k) => d.code[k] != 255)
        const far = (k) => drawn.every((i) => i == k || Math.hypot(d.x[i] - d.x[k], d.y[i] - d.y[k]) > 25)
        const k = drawn.find((k) => d.code[k] == 3 && d.reason[k] == 1 && far(k))
        return [d.x[k], d.y[k]]
    }""")
    page.mouse.click(*spot(page, x, y))
    page.get_by_text("Candidate", exact=True).filter(visible=True).wait_for()
    page.wait_for_function("() => location.hash.includes('candidate=')")
    address = page.evaluate("() => location.href")
    # The third frame is turned: in the reference it lies elsewhere.
    home = [float(one) for one in re.search(r"candidate=([\d.]+),([\d.]+)", address).groups()]
    assert abs(home[0] - x) + abs(home[1] - y) > 1
    other = visit(chromium, address)
    other.get_by_text("Candidate", exact=True).filter(visible=True).wait_for()
    other.wait_for_function("() => model('picture picked').data.x.length == 1")
    for one in (page, other):
        ring = one.evaluate("() => ['x', 'y'].map((axis) => model('picture picked').data[axis][0])")
        assert ring == pytest.approx([x, y], abs=1e-3)
        assert one.evaluate("() => location.href") == address
        assert one.problems == []
        one.close()


def test_an_address_that_is_changed_by_hand_is_one_step_of_the_browsers_history(chromium, small_app):
    page = visit(chromium, f"{small_app.address}#folder=turning&frame=2")
    before = page.evaluate("() => history.length")
    page.evaluate("() => { location.hash = 'folder=turning&frame=3' }")
    page.locator(".count b", has_text="3").wait_for()
    settle(page)
    # The page says where it is a moment after it shows it.
    page.wait_for_timeout(2000)
    assert page.evaluate("() => history.length") == before + 1
    page.go_back()
    page.locator(".count b", has_text="2").wait_for()
    settle(page)
    page.wait_for_timeout(2000)
    page.go_forward()
    page.locator(".count b", has_text="3").wait_for()
    assert page.evaluate("() => history.length") == before + 1
    page.close()
    assert page.problems == []


def test_back_goes_back_also_before_the_page_has_followed_the_address(chromium, small_app):
    page = visit(chromium, f"{small_app.address}#folder=turning&frame=2")
    page.wait_for_timeout(1500)
    page.evaluate("() => { location.hash = 'folder=turning&frame=3' }")
    page.wait_for_timeout(60)
    page.go_back()
    # Long enough for both to be opened, and for the address to follow.
    page.wait_for_timeout(4000)
    settle(page)
    assert page.evaluate("() => location.hash") == "#folder=turning&frame=2"
    assert page.locator(".count b").inner_text() == "2"
    page.close()
    assert page.problems == []


def test_a_zoom_beside_the_frame_is_the_whole_frame(chromium, small_app):
    page = visit(chromium, f"{small_app.address}#folder=turning&zoom=9e5,9e5,1")
    page.wait_for_function("() => !location.hash.includes('zoom')")
    assert page.evaluate("() => model('picture x').start < 0 && model('picture x').end > 479")
    page.close()
    assert page.problems == []
