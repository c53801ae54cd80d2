"""Shifts and the stack in a real browser: a frame out by hand, the box, a pre-shift, and the preview."""

import re
from urllib.parse import unquote

import pytest

from tests.browser.served import settle, spot, visit

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]

BOX = "() => { const b = model('box 0'); return b && b.visible ? [b.left, b.right, b.top, b.bottom] : null }"


@pytest.fixture(scope="module")
def page(chromium, app):
    """A page on the sequence that turns, with the shifts open and one star in a box."""
    made = visit(chromium, f"{app.address}#folder=turning&tab=Shifts&stage=shifts&shifts.method=box")
    made.wait_for_function("() => model('box 0')?.visible")
    yield made
    made.close()
    assert made.problems == []


def recipe(page):
    """What the address says of the recipe, after it followed."""
    page.wait_for_timeout(700)
    return unquote(page.evaluate("() => location.hash"))


def drag_box(page, by, rest=0):
    """Drag the box by its middle, a while after the button went down."""
    left, right, top, bottom = page.evaluate(BOX)
    x, y = (left + right) / 2, (top + bottom) / 2
    page.mouse.move(*spot(page, x, y))
    page.mouse.down()
    # A hand may rest before it drags, or the page be busy.
    page.wait_for_timeout(rest)
    for step in range(1, 7):
        page.mouse.move(*spot(page, x + by[0] * step / 6, y + by[1] * step / 6))
        page.wait_for_timeout(40)
    moved = page.evaluate(BOX)
    page.mouse.up()
    settle(page)
    return (x, y), moved


def undo(page):
    page.get_by_role("button", name="Undo").click()
    settle(page)


def test_a_page_that_is_laid_out_before_the_box_is_there_has_no_error(chromium, app):
    page = visit(chromium, f"{app.address}#folder=turning&tab=Shifts&stage=shifts")
    page.evaluate(
        """() => {
          const shows = (view) => view.model.x_range?.name == "picture x"
          const find = (view) => shows(view) ? view : [...view.children()].map(find).find(Boolean)
          const view = [...Bokeh.index].map(find).find(Boolean)
          const build = view._build_renderers.bind(view)
          view._build_renderers = async () => {
            await new Promise((done) => setTimeout(done, 300))
            view.update_layout()
            window.laid = true
            return await build()
          }
        }"""
    )
    page.locator("[data-stage=shifts]").get_by_label("method").select_option("box")
    page.wait_for_function("() => model('box 0')?.visible && window.laid")
    settle(page)
    page.close()
    assert page.problems == []


@pytest.mark.parametrize("rest", [0, 500])
def test_the_box_moves_under_the_hand_and_the_recipe_hears_of_it_once(page, rest):
    before = recipe(page)
    (x, y), moved = drag_box(page, (12, 8), rest)
    assert (moved[0] + moved[1]) / 2 == pytest.approx(x + 12, abs=1.5)
    page.wait_for_function("() => location.hash.includes('shifts.box_center=')")
    found = re.search(r"shifts\.box_center=\[([\d.]+), ([\d.]+)\]", recipe(page))
    assert float(found[1]) == pytest.approx(x + 12, abs=1.5)
    assert float(found[2]) == pytest.approx(y + 8, abs=1.5)
    undo(page)
    assert recipe(page) == before


def test_a_frame_dragged_over_the_reference_has_a_pre_shift(page):
    before = recipe(page)
    page.get_by_role("button", name="Next frame").click()
    settle(page)
    well = page.locator(".laid-over")
    well.scroll_into_view_if_needed()
    box = well.bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 70, box["y"] + 64, steps=4)
    page.mouse.up()
    settle(page)
    assert re.search(r"shifts\.pre_shift=\{", recipe(page))
    undo(page)
    page.get_by_role("button", name="First frame").click()
    settle(page)
    assert recipe(page) == before


def test_a_frame_is_taken_out_with_a_reason_and_taken_back(page):
    before = recipe(page)
    page.get_by_role("textbox", name="Why it is left out").fill("a cloud")
    page.get_by_role("button", name="Next frame").click()
    settle(page)
    page.get_by_role("button", name="Leave frame 2 out").click()
    settle(page)
    assert "a cloud" in recipe(page)
    page.get_by_role("button", name="Use frame 2 again").click()
    settle(page)
    page.get_by_role("button", name="First frame").click()
    settle(page)
    assert recipe(page) == before


def test_the_box_is_on_the_picture_only_with_its_tab(page):
    page.get_by_role("tab", name="Frames").click()
    page.wait_for_function("() => !model('box 0').visible")
    page.get_by_role("tab", name="Shifts").click()
    page.wait_for_function("() => model('box 0').visible")


def test_the_stack_says_what_it_gained_and_its_preview_follows_the_knob(page):
    page.get_by_role("tab", name="Stack").click()
    page.get_by_text("median of 4 frames").wait_for()
    page.get_by_role("img", name="Stack of 4").wait_for()
    first = page.get_by_role("img", name="Stack of 4").get_attribute("src")
    numbers = page.evaluate("() => [...model('stack noise').data.number]")
    noise = page.evaluate("() => [...model('stack noise').data.noise]")
    assert numbers == [1, 2, 4]
    assert noise[0] > noise[-1]
    row = page.locator("[data-stage=stack]")
    row.locator(".row").click()
    row.get_by_label("combine").select_option("mean")
    settle(page)
    page.get_by_text("mean of 4 frames").wait_for()
    assert page.get_by_role("img", name="Stack of 4").get_attribute("src") != first
