"""Photometry in a real browser: a mask drawn by hand, fluxes linked with the picture, comparison stars."""

import re
from contextlib import suppress

import pytest

from tests.browser.served import settle

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]
SHAPES = "() => JSON.parse(model('mask held').data.shapes[0])"


def drag(page, start, end):
    """Drag over the first picture, from one place of it to another, screen pixels from its corner."""
    box = page.locator(".bk-Figure").first.bounding_box()
    place = [[box["x"] + x, box["y"] + y] for x, y in (start, end)]
    page.mouse.move(place[0][0] - 3, place[0][1] - 3)
    page.wait_for_timeout(150)
    page.mouse.move(*place[0])
    page.wait_for_timeout(150)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(*(a + (b - a) * step / 8 for a, b in zip(*place, strict=True)))
        page.wait_for_timeout(30)
    page.mouse.up()


@pytest.fixture
def masked(page):
    """The page with the mask's stage open; afterwards the stage that was open before."""
    page.get_by_label("Whole frame").click()
    page.locator(".stage[data-stage=mask] button.row").click()
    page.wait_for_function("() => model('mask held').data.on[0]")
    page.get_by_role("button", name="Ellipse", exact=True).wait_for()
    yield page
    page.locator(".stage[data-stage=stars] button.row").click()


def test_a_shape_drawn_on_the_picture_is_kept_moved_taken_away_and_undone(masked):
    page = masked
    count = f"(n) => ({SHAPES})().length == n"
    page.get_by_role("button", name="Ellipse", exact=True).click()
    drag(page, (200, 250), (330, 350))
    page.wait_for_function(count, arg=1)
    (before,) = page.evaluate(SHAPES)
    assert before["shape"] == "ellipse"
    drag(page, (265, 300), (325, 280))
    page.wait_for_function(f"(x) => ({SHAPES})()[0].x > x + 20", arg=before["x"])
    (after,) = page.evaluate(SHAPES)
    assert (after["a"], after["b"]) == (before["a"], before["b"])
    assert after["y"] < before["y"]
    settle(page)
    page.get_by_role("button", name=re.compile("^Take away")).click()
    page.wait_for_function(count, arg=0)
    for x in (after["x"], before["x"]):
        page.get_by_role("button", name="Undo").click()
        page.wait_for_function(f"(x) => Math.abs((({SHAPES})()[0]?.x ?? 0) - x) < 1e-6", arg=x)
    page.get_by_role("button", name="Undo").click()
    page.wait_for_function(count, arg=0)


def test_an_ellipse_is_turned_by_the_dot_at_its_end_and_by_its_angle_in_the_list(masked):
    page = masked
    page.get_by_role("button", name="Ellipse", exact=True).click()
    drag(page, (220, 260), (380, 320))
    page.wait_for_function(f"() => ({SHAPES})().length == 1")
    (before,) = page.evaluate(SHAPES)
    assert before["theta"] == 0
    # The dot lies at the right end and is drawn to below the middle: y runs down, so a quarter turn is 90 degrees.
    drag(page, (380, 290), (300, 390))
    page.wait_for_function(f"() => Math.abs(({SHAPES})()[0].theta - 90) <= 3")
    (after,) = page.evaluate(SHAPES)
    assert {**after, "theta": 0} == {**before, "theta": 0}
    settle(page)
    angle = page.get_by_role("spinbutton", name=re.compile("^Angle of"))
    angle.fill("30")
    angle.press("Enter")
    page.wait_for_function(f"() => ({SHAPES})()[0].theta == 30")
    settle(page)
    angle.press("ArrowUp")
    page.wait_for_function(f"() => ({SHAPES})()[0].theta == 31")
    page.get_by_role("button", name=re.compile("^Take away")).click()
    page.wait_for_function(f"() => ({SHAPES})().length == 0")


def test_a_polygon_is_closed_by_enter_and_no_star_is_picked_on_the_way(masked):
    page = masked
    page.get_by_role("button", name="Polygon", exact=True).click()
    box = page.locator(".bk-Figure").first.bounding_box()
    for x, y in ((200, 250), (300, 260), (260, 360)):
        page.mouse.move(box["x"] + x, box["y"] + y)
        page.wait_for_timeout(200)
        page.mouse.click(box["x"] + x, box["y"] + y)
        page.wait_for_timeout(450)
    page.keyboard.press("Enter")
    page.wait_for_function(f"() => ({SHAPES})().length == 1")
    (shape,) = page.evaluate(SHAPES)
    assert len(shape["points"]) == 3
    assert page.evaluate("() => model('picture picked').data.id.length") == 0


def pick_row(page, number):
    """Click on a row of the table that is seen until its star is picked; the star.

    Whoever clicks while a table is written anew clicks again.
    """
    return click_row(page, number, "id", "(star) => model('picture picked').data.id[0] == star")


def click_row(page, number, column, done, argument=None):
    """Click on a row's cell until something is so; the row's star, which is told to it without another argument."""
    from playwright.sync_api import TimeoutError as TooLateError

    row = page.locator(".tabulator-row:visible").nth(number)
    for _ in range(4):
        row.wait_for()
        settle(page)
        star = row.locator("[tabulator-field=id]").inner_text()
        row.locator(f"[tabulator-field={column}]").click()
        with suppress(TooLateError):
            page.wait_for_function(done, arg=star if argument is None else argument, timeout=10_000)
            return star
    pytest.fail(f"a click on {column} of row {number} does nothing")


def test_the_table_of_fluxes_and_the_picture_pick_the_same_star_and_its_model_is_beside_it(page):
    page.get_by_role("tab", name="Fluxes").click()
    page.wait_for_function("() => model('flux marks')?.data.x.length > 50")
    star = pick_row(page, 3)
    page.get_by_role("button", name="Star", exact=True).click()
    for what in ("data", "model", "residual"):
        page.get_by_alt_text(f"{what} of star {star}").wait_for()
    assert page.evaluate("() => model('flux growth').data.sum.length") > 8
    page.get_by_role("button", name="Shapes", exact=True).click()
    gallery = page.get_by_role("group", name=re.compile("^25 of"))
    cut = gallery.get_by_role("button", name=re.compile("^star")).nth(7)
    other = re.match(r"star (\d+)", cut.get_attribute("aria-label")).group(1)
    assert other != star
    cut.click()
    page.wait_for_function("(star) => model('picture picked').data.id[0] == star", arg=other)
    page.wait_for_function("() => document.activeElement !== document.body")
    assert cut.get_attribute("aria-pressed") == "true"
    page.get_by_role("tab", name="Tracks").click()
    page.get_by_role("group", name="Measured stars in the picture").wait_for(state="hidden")


def test_a_stars_magnitude_typed_in_is_the_zero_point_of_all(page):
    page.get_by_role("tab", name="Fluxes").click()
    page.get_by_role("button", name="Fluxes", exact=True).click()
    star = pick_row(page, 2)
    page.get_by_role("button", name="Star", exact=True).click()
    field = page.get_by_label(re.compile("^Its magnitude"))
    field.wait_for()
    for words in ("bright", "11,5"):
        field.fill(words)
        # Panel waits a moment before it hears of a field.
        page.wait_for_timeout(400)
        page.get_by_role("button", name="Set the zero point").click()
        if words == "bright":
            page.get_by_text("A magnitude is a number").wait_for()
    page.get_by_text(re.compile(rf"^Zero point .*star {star} of 11.5 mag")).wait_for()
    settle(page)
    page.get_by_role("button", name="Fluxes", exact=True).click()
    page.locator(".tabulator-row:visible [tabulator-field=mag]").get_by_text("11.500").first.wait_for()
    page.get_by_role("button", name="Star", exact=True).click()
    page.get_by_role("button", name="Forget it").click()
    page.get_by_text(re.compile("^Zero point")).wait_for(state="hidden")
    settle(page)
    page.get_by_role("tab", name="Tracks").click()


def test_a_comparison_star_is_taken_in_by_its_tick_and_the_light_curve_follows(page):
    page.get_by_role("tab", name="Fluxes").click()
    page.get_by_role("button", name="Light curve", exact=True).click()
    pick_row(page, 3)
    page.wait_for_function("() => model('light curve').data.mag.length > 15")
    page.locator(".running").first.wait_for(state="detached")
    settle(page)
    before = page.evaluate(
        "() => [model('light scatter').data.marker, model('light curve').data.mag].map((a) => [...a])"
    )
    follows = "(mag) => { const now = model('light curve').data.mag; return now.length && now[0] != mag }"
    click_row(page, 3, "compare", follows, before[1][0])
    compared = "() => [...model('light scatter').data.marker].filter((one) => one == 'diamond').length"
    assert abs(page.evaluate(compared) - before[0].count("diamond")) == 1
    settle(page)
    page.get_by_role("button", name="Fluxes", exact=True).click()
    page.get_by_role("tab", name="Tracks").click()
