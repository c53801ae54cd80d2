"""Files and recipes in a real browser: open, save, load, run and download."""

import shutil

import pytest

from pipeline import recipe
from tests.browser.served import kept, menu, settle

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]


def test_a_saved_recipe_holds_the_knobs_and_loads_again(page, tmp_path):
    field = page.get_by_role("textbox", name="threshold")
    field.fill("17")
    field.press("Enter")
    settle(page)
    with page.expect_download() as download:
        menu(page, "Recipe", "Save recipe")
    saved = tmp_path / "recipe.toml"
    download.value.save_as(saved)
    assert recipe.load(saved)["stars"]["threshold"] == 17.0
    turned = kept(page)
    menu(page, "Recipe", "Use our defaults")
    settle(page)
    assert kept(page) > turned
    with page.expect_file_chooser() as chooser:
        menu(page, "Recipe", "Load a recipe")
    chooser.value.set_files(saved)
    page.wait_for_timeout(500)
    settle(page)
    assert kept(page) == turned


def test_a_wrong_recipe_is_refused_with_its_line(page, tmp_path):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[stars]\nthreshhold = 3\n")
    with page.expect_file_chooser() as chooser:
        menu(page, "Recipe", "Load a recipe")
    chooser.value.set_files(wrong)
    alert = page.get_by_role("alert").filter(has_text="wrong.toml line 2")
    alert.wait_for()
    assert "did you mean threshold" in alert.inner_text()
    alert.get_by_role("button").click()


def test_there_is_no_truth_tab_where_none_is_known(page, app):
    folder = app.root / "unknown"
    shutil.copytree(app.root / "turning", folder, ignore=shutil.ignore_patterns("truth.npz"))
    page.get_by_role("tab", name="Truth").click()
    menu(page, "Sample: drifting", "Open a folder")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("unknown").click()
    dialog.get_by_role("button", name="Open 4 frames").click()
    page.get_by_role("button", name="unknown, 4 frames").wait_for()
    settle(page)
    assert page.get_by_role("tab", name="Truth").count() == 0
    assert page.get_by_role("tab", name="Tracks").get_attribute("aria-selected") == "true"
    menu(page, "unknown, 4 frames", "Open a folder")
    dialog.get_by_text("One folder up").click()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    menu(page, "unknown, 4 frames", "Sample: drifting")
    page.get_by_role("tab", name="Truth").wait_for()
    settle(page)


def test_a_folder_below_the_root_opens_and_a_broken_one_says_why(page):
    menu(page, "Sample: drifting", "Open a folder")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("broken").click()
    dialog.get_by_role("button", name="Open 1 frame").click()
    alert = page.locator("[data-stage=frames]").get_by_role("alert")
    alert.wait_for()
    assert "light_001.fits" in alert.inner_text()
    menu(page, "broken", "Open a folder")
    dialog.get_by_text("One folder up").click()
    dialog.get_by_text("turning").click()
    dialog.get_by_role("button", name="Open 4 frames").click()
    page.get_by_role("button", name="turning, 4 frames").wait_for()
    settle(page)
    assert kept(page) > 50
    menu(page, "turning, 4 frames", "Sample: drifting")
    page.get_by_role("button", name="Sample: drifting").wait_for()
    settle(page)


def test_a_run_downloads_the_products(page, tmp_path):
    menu(page, "Sample: drifting", "Open a folder")
    dialog = page.get_by_role("dialog")
    if dialog.get_by_text("One folder up").count() == 0:
        dialog.get_by_text("turning").click()
    dialog.get_by_role("button", name="Open 4 frames").click()
    page.get_by_role("button", name="turning, 4 frames").wait_for()
    settle(page)
    page.get_by_role("button", name="Run all").click()
    dialog.get_by_role("button", name="Run", exact=True).click()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download").click()
    path = tmp_path / "products.zip"
    download.value.save_as(path)
    import zipfile

    names = zipfile.ZipFile(path).namelist()
    assert {"tracks.fits", "frames.ecsv", "recipe.toml", "report.json"} <= set(names)
    assert sum(name.endswith("offsets_map.fits") for name in names) == 4
