"""The search for the roundest stars, on the page."""

import re

import pytest

from pipeline import sample
from tests.browser.served import menu, settle

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]

PRESS = "Find roundest stars"
# Clicks on Cancel as soon as it is there, also within shadow roots.
CANCEL_AT_ONCE = """() => {
    const every = (root) => [...root.querySelectorAll("*")]
        .flatMap((one) => one.shadowRoot ? [one, ...every(one.shadowRoot)] : [one])
    const look = setInterval(() => {
        const cancel = every(document).find((one) => one.tagName == "BUTTON" && one.textContent.trim() == "Cancel")
        if (cancel) { clearInterval(look); cancel.click() }
    }, 5)
}"""


@pytest.fixture(scope="module")
def mosaics(opened, app):
    """The page on frames whose colours hide two factors, the stage that removes them open."""
    sample.write_named("colours", app.root / "colours", frames=5, size=(1200, 1600))
    menu(opened, "Sample: drifting", "Open a folder")
    dialog = opened.get_by_role("dialog")
    dialog.get_by_text("colours").click()
    dialog.get_by_role("button", name="Open 5 frames").click()
    opened.get_by_role("button", name="colours, 5 frames").wait_for()
    settle(opened)
    opened.locator("[data-stage=normalize] .row").click()
    opened.get_by_role("button", name=PRESS).wait_for()
    return opened


def knob(page, name):
    return float(page.locator("[data-stage=normalize]").get_by_role("textbox", name=name).input_value())


def test_the_roundest_stars_turn_both_knobs_to_the_hidden_factors(mosaics):
    page, hidden = mosaics, sample.named("colours")
    page.get_by_role("button", name=PRESS).click()
    dialog = page.get_by_role("dialog")
    words = dialog.get_by_text(re.compile(r"red 1\.\d+ ± 0\.\d+, blue 1\.\d+ ± 0\.\d+ from \d+ stars"))
    words.wait_for()
    page.wait_for_function("() => model('objective')?.data.image.length == 1")
    best = page.evaluate("() => [model('optimum').data.x[0], model('optimum').data.y[0]]")
    assert best == pytest.approx([hidden.red, hidden.blue], rel=0.02)
    dialog.get_by_role("progressbar").wait_for(state="hidden")
    width = "() => Bokeh.documents[0].get_model_by_name('objective plot').x_range.end"
    whole = page.evaluate(width)
    dialog.get_by_role("button", name="Look closer").click()
    page.wait_for_function(f"(whole) => ({width})() < 0.8 * whole", arg=whole)
    dialog.get_by_role("button", name="Use these factors").click()
    dialog.wait_for(state="detached")
    settle(page)
    assert knob(page, "red") == pytest.approx(hidden.red, rel=0.02)
    assert knob(page, "blue") == pytest.approx(hidden.blue, rel=0.02)
    page.get_by_role("button", name="Undo").click()
    settle(page)
    assert page.locator("[data-stage=normalize] .row .changed-dot").is_hidden(), "one step takes both back"


def test_a_search_can_be_cancelled_and_leaves_the_knobs(mosaics):
    page = mosaics
    before = knob(page, "red"), knob(page, "blue")
    # At once: a click by hand waits until the dialog stands still, and a quick machine is done by then.
    page.evaluate(CANCEL_AT_ONCE)
    page.get_by_role("button", name=PRESS).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Cancelled.").wait_for()
    dialog.get_by_role("progressbar").wait_for(state="hidden")
    assert dialog.get_by_role("button", name="Use these factors").is_hidden()
    page.wait_for_timeout(1500)
    assert dialog.get_by_text("Cancelled.").is_visible(), "a search that ends late shows nothing"
    dialog.get_by_text("Close", exact=True).click()
    dialog.wait_for(state="detached")
    assert (knob(page, "red"), knob(page, "blue")) == before
    assert not page.locator("[data-stage=normalize] .row .changed-dot").is_visible()


def test_frames_without_colours_offer_no_search(mosaics):
    page = mosaics
    menu(page, "colours, 5 frames", "Open a folder")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("One folder up").click()
    dialog.get_by_text("turning").click()
    dialog.get_by_role("button", name="Open 4 frames").click()
    page.get_by_role("button", name="turning, 4 frames").wait_for()
    settle(page)
    page.get_by_role("button", name=PRESS).wait_for(state="hidden")
