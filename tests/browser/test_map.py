"""The map tab in a real browser: the line under the mouse, the curve that follows, and the comparison."""

from types import SimpleNamespace

import numpy as np
import panel as pn
import pytest

from pipeline.stages.offset_map import offset_map
from tests.browser.served import alone, place, serving, spot, wait_until
from tests.map_of_stars import SHAPE, Maps, scene, tracks
from ui.map_facts import first_ends
from ui.map_tab import MapTab
from ui.part import column
from ui.picture import Picture
from ui.session import Session

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]

WIDTH, HEIGHT, RIGHT = 1200, 852, 420


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A running server, and the parts of the page opened last."""
    held = SimpleNamespace()
    stars = tracks()
    maps = offset_map(stars, 1, order=1)
    root = tmp_path_factory.mktemp("root")

    def app():
        session = Session(Maps(stars), root)
        session.change(frame=1, kinds=("x_offset",))
        picture = Picture()
        picture.choose("x_offset")
        picture.on_kinds(lambda kinds: session.change(kinds=kinds))
        held.tab = MapTab(session, picture, "dark", pn.state.curdoc)
        session.listen(lambda names: held.tab.show_kinds())
        picture.show("x_offset", maps.x, noise=0.0, key="map")
        picture.line.show(True)
        held.tab.show(scene(stars, maps))
        held.session = session
        tab = pn.Column(held.tab.panel, width=RIGHT, height=HEIGHT, margin=0)
        return pn.Row(column(picture.panel, width=WIDTH - RIGHT, height=HEIGHT), tab, margin=0)

    with serving(app) as held.address:
        yield held


@pytest.fixture
def page(chromium, served):
    """A newly opened page; the test fails when the console or another address was heard of."""
    with alone(chromium, served.address, SHAPE[1], width=WIDTH, height=HEIGHT) as page:
        yield page


ENDS = "() => [0, 1].map((k) => [model('map line').data.x[k], model('map line').data.y[k]])"


def drag(page, start, end):
    page.mouse.move(*(at + 2 for at in spot(page, *start)))
    page.wait_for_timeout(100)
    page.mouse.move(*spot(page, *start))
    page.mouse.down()
    for step in range(1, 11):
        share = step / 10
        page.mouse.move(*spot(page, *(a + share * (b - a) for a, b in zip(start, end, strict=True))))
    page.mouse.up()


def test_an_end_of_the_line_follows_the_mouse_and_the_picture_stays(page, served):
    view = place(page)
    a, b = first_ends(SHAPE)
    drag(page, a, (60.0, 60.0))
    ends = page.evaluate(ENDS)
    assert ends[0] == pytest.approx([60, 60], abs=1)
    assert ends[1] == pytest.approx(b)
    assert place(page) == view
    length = np.hypot(*np.subtract(ends[1], ends[0]))
    page.wait_for_function(f"() => Math.abs(model('map profile').data.distance[255] - {length}) < 0.01", timeout=30_000)
    drag(page, b, (20.0, 100.0))
    ends = page.evaluate(ENDS)
    assert ends[1] == pytest.approx([20, 100], abs=1)
    assert page.evaluate("() => model('map line').data.align") == ["left", "right"], "letters stand outside the line"


def test_beside_the_ends_the_mouse_moves_the_picture_and_not_the_line(page):
    before, view = page.evaluate(ENDS), place(page)
    drag(page, (150.0, 30.0), (170.0, 50.0))
    assert page.evaluate(ENDS) == before
    assert place(page) != view


def test_comparing_shows_the_difference_in_place_of_the_errors(page, served):
    select = page.get_by_label("Compare the map with another method's")
    select.select_option("quadrants")
    page.locator(".made", has_text="difference rms").wait_for(timeout=20_000)
    page.get_by_role("button", name="X difference").click()
    page.wait_for_function("() => model('picture cut 0').data.label?.[0] == 'X difference'", timeout=30_000)
    assert page.get_by_role("button", name="X difference").get_attribute("aria-pressed") == "true"
    assert not page.get_by_role("button", name="X error").is_visible()
    select.select_option("")
    page.get_by_role("button", name="X error").wait_for()
    page.wait_for_function("() => model('picture cut 0').data.label?.[0] == 'X offset'", timeout=30_000)


def test_a_click_on_a_small_map_shows_it_in_the_picture(page):
    page.locator(".bk-Figure").nth(2).click()
    page.wait_for_function("() => model('picture cut 0').data.values.length == 0", timeout=30_000)
    assert page.get_by_role("button", name="Y offset").get_attribute("aria-pressed") == "true"
    page.get_by_text("Y offset from A to B").wait_for()


def test_a_click_on_an_arrow_picks_its_star(page, served):
    box = page.locator(".bk-Figure").last.bounding_box()
    star = 5
    x, y = (served.tab.residuals.plot._places[axis][star] for axis in (0, 1))
    page.mouse.click(box["x"] + (x + 0.5) / SHAPE[1] * box["width"], box["y"] + (y + 0.5) / SHAPE[0] * box["height"])
    wait_until(page, lambda: served.session.picked is not None)
    assert served.session.picked == served.tab.residuals.plot._ids[star]


def test_all_of_the_tab_is_seen_at_once(page):
    parts = [page.get_by_text("Residuals", exact=True), page.locator(".bk-Figure").last]
    assert all(part.bounding_box()["y"] + part.bounding_box()["height"] <= HEIGHT for part in parts)
