"""Headers in a browser: from a click or the keyboard to any card of any file, as text, in both themes and sizes."""

import numpy as np
import pytest
from astropy.io import fits

from pipeline import sample
from tests.browser.served import menu, said, served, settle, visit
from tests.browser.test_access import findings

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    base = tmp_path_factory.mktemp("header")
    lights = base / "root" / "set" / "lights"
    sample.write_named("rotation", lights, frames=3, size=(240, 320))
    (base / "root" / "set" / "Bias").mkdir()
    primary, image = fits.PrimaryHDU(), fits.ImageHDU(np.full((240, 320), 300, np.uint16))
    primary.header["OBSERVER"] = (HOSTILE, "nobody")
    image.header["EXPTIME"] = 0.0
    fits.HDUList([primary, image]).writeto(base / "root" / "set" / "Bias" / "one.fits")
    with served(base / "root", base) as server:
        yield server
        assert said(server.log) == []


@pytest.fixture
def page(chromium, app):
    page = visit(chromium, f"{app.address}#folder=set&tab=Frames")
    yield page
    assert page.problems == []
    page.close()


def test_a_click_on_a_name_shows_its_cards_as_text_and_typing_finds_them_in_every_part(page):
    page.get_by_role("button", name="All files").click()
    page.locator(".tabulator-row:visible [tabulator-field=file]", has_text="Bias/one").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("row", name="OBSERVER").wait_for()
    whole = "(one) => one.textContent.length > 9 && one.scrollHeight <= one.clientHeight && one.clientHeight >= 32"
    assert dialog.locator("p.of-file").evaluate(whole)
    assert HOSTILE in dialog.get_by_role("row", name="OBSERVER").inner_text()
    assert "HDU 0" in dialog.get_by_role("row", name="OBSERVER").inner_text()
    assert "HDU 1" in dialog.get_by_role("row", name="EXPTIME").inner_text()
    assert dialog.locator("img").count() == 0
    page.keyboard.type("nobody")
    dialog.get_by_text("1 card with").wait_for()
    assert dialog.get_by_role("row").count() == 2


def test_any_file_and_part_is_reached_by_the_keyboard_and_escape_leads_back(page):
    page.get_by_role("button", name="Header of the frame shown").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("row", name="NAXIS1").wait_for()
    file = dialog.get_by_label("File")
    assert "light_001" in file.evaluate("(one) => one.selectedOptions[0].text")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    file.select_option(label="Bias/one.fits")
    dialog.get_by_role("row", name="OBSERVER").wait_for()
    dialog.get_by_label("Part").select_option(label="HDU 1: IMAGE, 320 x 240")
    dialog.get_by_role("row", name="OBSERVER").wait_for(state="detached")
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768)])
def test_axe_finds_nothing_serious_in_either_theme_and_size(page, width, height):
    # A tab that is not drawn yet would pass for one that is folded away.
    page.get_by_role("button", name="Header of the frame shown").wait_for()
    page.set_viewport_size({"width": width, "height": height})
    if width < 1440:
        # The column folds away once the server has heard how wide the window is.
        page.get_by_role("button", name="Header of the frame shown").wait_for(state="hidden")
    found = {}
    for theme in ("light", "dark"):
        page.get_by_role("button", name=f"{theme.title()} theme").click()
        page.wait_for_timeout(1000)
        if not page.get_by_role("button", name="Header of the frame shown").is_visible():
            page.locator(".tab-rail").get_by_text("Frames").click()
        page.get_by_role("button", name="Header of the frame shown").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("row", name="NAXIS1").wait_for()
        dialog.locator(f"section.{theme}").wait_for()
        page.wait_for_timeout(500)
        found[theme] = findings(page)
        box = dialog.locator(".scroll").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        page.keyboard.press("Escape")
        dialog.wait_for(state="detached")
    assert found == {"light": [], "dark": []}


def test_a_folder_of_kinds_opens_as_one_set_and_says_how_many_of_each(page):
    menu(page, "set, 3 frames", "Open a folder")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("set", exact=True).click()
    dialog.get_by_text("3 lights, 1 bias frame").wait_for()
    assert findings(page) == []
    dialog.get_by_role("button", name="Open 4 frames").click()
    dialog.wait_for(state="detached")
    settle(page)
    page.get_by_role("button", name="All files").click()
    page.locator(".tabulator-row:visible", has_text="Bias/one").wait_for()
