"""The list of stages in a real browser: it has its place in the window, and folds what is not asked for."""

import pytest

from tests.browser.served import settle

# What was made for another visitor is in the store.
WAITS = {"idle", "stored"}
pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]


def seen(page):
    return [row.get_attribute("data-stage") for row in page.locator(".stage").all() if row.is_visible()]


def test_later_stages_fold_where_the_list_is_longer_than_the_window(page):
    page.set_viewport_size({"width": 1920, "height": 1200})
    page.locator("[data-stage=lightcurves]").wait_for()
    assert page.get_by_role("button", name="more stages").count() == 0
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator("[data-stage=lightcurves]").wait_for(state="hidden")
    assert "offset_map" in seen(page)
    assert "shifts" not in seen(page)
    fold = page.get_by_role("button", name="more stages")
    box = fold.bounding_box()
    assert box["y"] + box["height"] <= 900
    fold.click()
    assert seen(page)[-1] == "lightcurves"
    page.get_by_role("button", name="Fewer stages").click()
    assert "shifts" not in seen(page)


def test_masters_without_files_stand_in_one_grey_row_that_opens(page):
    fold = page.get_by_role("button", name="Bias, dark, flat")
    assert "no files" in fold.inner_text()
    assert "master_dark" not in seen(page)
    fold.click()
    page.locator("[data-stage=master_dark] .row").click()
    settle(page)
    assert "no files" in page.locator("[data-stage=master_dark] .note").inner_text()
    assert page.locator("[data-stage=master_dark] [data-knob=clip]").is_visible()
    page.locator("[data-stage=stars] .row").click()
    page.get_by_role("button", name="Bias, dark, flat").click()
    assert "master_dark" not in seen(page)


def test_stages_that_nothing_shows_are_not_made_until_they_are_opened(page):
    page.get_by_role("button", name="more stages").click()
    late = ("aligned", "stack", "centroids", "psf_photometry", "lightcurves")
    for name in late:
        assert WAITS & set(page.locator(f"[data-stage={name}]").get_attribute("class").split())
    page.locator("[data-stage=aligned] .row").click()
    # Another visitor of the same server may have had it made.
    page.locator("[data-stage=aligned]:is(.fresh, .stored)").wait_for()
    assert WAITS & set(page.locator("[data-stage=stack]").get_attribute("class").split())
    page.locator("[data-stage=stars] .row").click()
    settle(page)
    page.get_by_role("button", name="Fewer stages").click()
