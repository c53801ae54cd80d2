"""Recipes in the browser: undo, presets, two compared, the run copied; and the address that brings it all back."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pipeline import sample
from tests.browser.served import kept, menu, said, served, settle, turn, visit

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    base = tmp_path_factory.mktemp("tools")
    sample.write_named("rotation", base / "root" / "the night's $(frames)", frames=4, size=(360, 480))
    with served(base / "root", base) as server:
        server.home = f"{server.address}#folder=the%20night's%20%24(frames)"
        yield server
        assert said(server.log) == []


@pytest.fixture(scope="module")
def opened(chromium, app):
    page = visit(chromium, app.home)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield page
    assert page.problems == []
    page.close()


@pytest.fixture
def page(opened, app):
    """The page as the address of the folder alone has it."""
    yield opened
    opened.keyboard.press("Escape")
    opened.evaluate("(home) => { location.hash = home + '&tab=Tracks' }", app.home.partition("#")[2])
    opened.wait_for_timeout(1000)
    settle(opened)


def wait_for_address(page, words):
    page.wait_for_function("(words) => location.hash.includes(words)", arg=words)
    return page.evaluate("() => location.href")


def clipboard(page, entry, said):
    menu(page, "Recipe", entry)
    page.get_by_text(said).wait_for()
    return page.evaluate("() => navigator.clipboard.readText()")


def test_undo_and_redo_walk_through_all_turns(page):
    counts = [kept(page)]
    for threshold in ("12", "30", "60"):
        turn(page, "threshold", threshold)
        counts.append(kept(page))
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == 4
    for button, order in (("Undo", counts[-2::-1]), ("Redo", counts[1:])):
        for count in order:
            page.get_by_role("button", name=button).click()
            page.locator(".summary b", has_text=str(count)).first.wait_for()
        assert page.get_by_role("button", name=button).is_disabled()


def test_a_preset_is_used_and_undone_as_one_step(page):
    before = kept(page)
    menu(page, "Recipe", "Presets")
    page.get_by_role("listitem").filter(has_text="classic-6400").get_by_text("original notebooks").wait_for()
    page.get_by_text("Candidates: fwhm 6\u2009px; Stars: threshold adu 1200\u2009ADU").wait_for()
    page.get_by_role("button", name="Use classic-6400").click()
    wait_for_address(page, "candidates.fwhm=6.0")
    settle(page)
    page.get_by_role("button", name="Undo").click()
    page.locator(".summary b", has_text=str(before)).first.wait_for()
    page.wait_for_function("() => !location.hash.includes('candidates.fwhm')")


def test_a_preset_of_ones_own_is_saved_used_replaced_deleted_and_brought_back(page):
    # What is left out by hand belongs to the night, not to the preset.
    page.get_by_role("tab", name="Frames", exact=True).click()
    page.locator(".tabulator-row").nth(3).locator("[tabulator-field=used]").click()
    wait_for_address(page, "selection.rejected")
    kept_by = {}
    for threshold, verb in (("14", "Save"), ("25", "Replace")):
        turn(page, "threshold", threshold)
        kept_by[threshold] = kept(page)
        menu(page, "Recipe", "Presets")
        dialog = page.get_by_role("dialog", name="Presets")
        dialog.get_by_label("Name the knobs as they stand now").fill(" <b>haze</b> ")
        dialog.get_by_role("button", name=verb, exact=True).click()
        dialog.get_by_text("<b>haze</b> is saved.").wait_for()
        dialog.get_by_text(f"Stars: threshold {threshold}\u2009\u03c3", exact=True).wait_for()
        page.keyboard.press("Escape")
    turn(page, "threshold", "40")
    menu(page, "Recipe", "Presets")
    page.get_by_role("button", name="Use <b>haze</b>").click()
    page.locator(".summary b", has_text=str(kept_by["25"])).first.wait_for()
    assert "selection.rejected" in wait_for_address(page, "stars.threshold=25.0")
    menu(page, "Recipe", "Presets")
    dialog.get_by_role("button", name="Delete <b>haze</b>").click()
    dialog.get_by_text("None yet.").wait_for()
    dialog.get_by_role("button", name="Undo").click()
    dialog.get_by_role("button", name="Use <b>haze</b>").wait_for()
    dialog.get_by_label("Name the knobs").fill("classic-6400")
    dialog.get_by_role("button", name="Save", exact=True).click()
    dialog.get_by_text("classic-6400 comes with Starshift.").wait_for()
    page.keyboard.press("Escape")
    stored = page.evaluate("() => Object.keys(JSON.parse(localStorage.getItem('starshift presets')))")
    assert stored == ["<b>haze</b>"]


def test_a_preset_of_ones_own_is_among_those_that_can_be_compared(page):
    text = "[stars]\nthreshold = 33.0\n[frames]\nreference = 'other night.fits'\n"
    page.evaluate("(text) => localStorage.setItem('starshift presets', JSON.stringify({mine: {text}}))", text)
    menu(page, "Recipe", "Compare with another")
    choice = page.get_by_label("This recipe and")
    choice.select_option("mine")
    page.get_by_role("row", name="Stars, threshold auto 33").wait_for()
    assert page.get_by_role("row", name="reference").count() == 0
    assert choice.evaluate(
        "(list) => [list.value, list.options.length, list.options[list.options.length - 2].text]"
    ) == [
        "own/mine",
        7,
        "mine",
    ]
    page.get_by_role("button", name="Use the other recipe").click()
    assert "frames.reference" not in wait_for_address(page, "stars.threshold=33.0")
    page.get_by_role("button", name="Close the comparison").click()
    page.evaluate("() => localStorage.removeItem('starshift presets')")


def test_stars_gained_and_lost_are_counted_and_marked_and_the_maps_are_subtracted(page):
    before = kept(page)
    page.get_by_role("button", name="Last frame").click()
    settle(page)
    before = kept(page)
    turn(page, "threshold", "40")
    menu(page, "Recipe", "Compare with another")
    lost = page.locator(".marks li").nth(1).locator("b")
    lost.wait_for()
    apart = before - kept(page)
    assert int(lost.inner_text()) == apart
    assert page.locator(".marks li").nth(0).locator("b").inner_text() == "0"
    assert page.evaluate("() => model('recipe lost').data.x.length") == apart
    page.locator("figure canvas").nth(1).wait_for()
    assert page.locator("figcaption").first.inner_text().startswith("X difference, rms 0.")
    page.get_by_label("This recipe and").select_option("default")
    page.get_by_role("row", name="Stars, threshold").wait_for()
    # The other one stays while this one turns.
    turn(page, "threshold", "12")
    page.wait_for_function("(most) => model('recipe lost').data.x.length < most", arg=apart)
    page.get_by_role("button", name="Use the other recipe").click()
    page.get_by_text("No knob differs").wait_for()
    page.get_by_role("button", name="Close the comparison").click()
    page.get_by_role("tab", name="Tracks").wait_for()
    assert page.evaluate("() => model('recipe lost').data.x.length") == 0
    settle(page)
    assert kept(page) == before


def test_escape_closes_the_comparison_which_it_opened_with_the_focus_in(page):
    menu(page, "Recipe", "Compare")
    heading = page.get_by_role("heading", name="Compare recipes")
    heading.wait_for()
    page.get_by_label("This recipe and").press("Escape")
    heading.wait_for(state="hidden")
    page.get_by_role("tab", name="Tracks").wait_for()


def test_a_saved_recipe_is_compared_and_a_wrong_one_is_refused(page, tmp_path):
    saved, wrong = tmp_path / "other.toml", tmp_path / "wrong.toml"
    saved.write_text("[stars]\nthreshold = 44.0\n")
    wrong.write_text("[stars]\nthreshold = nan\n")
    menu(page, "Recipe", "Compare with another")
    for file in (wrong, saved):
        with page.expect_file_chooser() as chooser:
            page.get_by_label("This recipe and").select_option("file")
        chooser.value.set_files(file)
        if file is wrong:
            page.get_by_role("alert").filter(has_text="wrong.toml line 2").wait_for()
    page.get_by_role("row", name="Stars, threshold auto 44").wait_for()
    page.get_by_text("This frame is the reference").wait_for()
    page.get_by_role("button", name="Close the comparison").click()


def test_the_copied_line_and_script_make_the_bytes_that_the_page_downloads(page, tmp_path):
    turn(page, "threshold", "9")
    line = clipboard(page, "Copy as command", "The command is on the clipboard.")
    script = clipboard(page, "Copy as Python", "The script is on the clipboard.")
    page.get_by_role("button", name="Run all").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Run", exact=True).click()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "page.zip")
    with zipfile.ZipFile(tmp_path / "page.zip") as archive:
        expected = {name: archive.read(name) for name in archive.namelist() if name != "report.json"}
    assert len(expected) > 8
    for number, words in enumerate((["bash", "-c", line], [sys.executable, "-c", script])):
        place = tmp_path / str(number)
        place.mkdir()
        paths = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        subprocess.run(words, cwd=place, env={**os.environ, **paths}, check=True, capture_output=True, timeout=120)
        made = {p.name: p.read_bytes() for p in (place / "starshift-out").iterdir() if p.name != "report.json"}
        assert made.keys() == expected.keys()
        assert [name for name in made if made[name] != expected[name]] == []


def test_a_copied_address_brings_back_frame_knobs_pictures_stage_tab_star_and_zoom(page, chromium):
    turn(page, "threshold", "11")
    page.get_by_role("button", name="Next frame").click()
    settle(page)
    page.get_by_role("button", name="Two pictures").click()
    page.locator("[data-stage=tracks] .row").click()
    page.get_by_role("tab", name="Stars").click()
    page.locator(".tabulator-row").nth(2).click()
    wait_for_address(page, "star=")
    page.get_by_role("button", name="Larger").click()
    address = wait_for_address(page, "zoom=")
    for words in ("frame=2", "stars.threshold=11.0", "pictures=subtracted,", "stage=tracks", "tab=Stars"):
        assert words in address
    place = "() => ['x', 'y'].map((n) => [model(`picture ${n}`).start, model(`picture ${n}`).end])"
    page.wait_for_timeout(1000)
    address, before = page.evaluate("() => location.href"), page.evaluate(place)
    other = visit(chromium, address)
    other.wait_for_function("() => location.hash.includes('zoom=')")
    assert other.locator(".count b").inner_text() == "2"
    assert other.get_by_role("tab", name="Stars").get_attribute("aria-selected") == "true"
    assert other.locator("[data-stage=tracks] .row").get_attribute("aria-expanded") == "true"
    assert other.get_by_role("button", name="Two pictures").get_attribute("aria-pressed") == "true"
    other.wait_for_function("() => model('picture picked').data.id.length == 1")
    assert np.allclose(other.evaluate(place), before, atol=1)
    other.wait_for_timeout(1000)
    assert other.evaluate("() => location.href") == address
    assert other.evaluate("() => history.length") <= 2
    assert other.problems == []
    other.close()
    page.get_by_role("button", name="One picture").click()
    page.locator("[data-stage=stars] .row").click()
