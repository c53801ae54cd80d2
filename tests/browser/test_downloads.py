"""Files of the frames on screen, saved from the menu of the top bar."""

import zipfile

import pytest

from pipeline import sample
from tests.browser.served import menu, said, served, settle, visit

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    base = tmp_path_factory.mktemp("downloads")
    sample.write_named("rotation", base / "root" / "turning", frames=4, size=(360, 480))
    (base / "root" / "broken").mkdir()
    (base / "root" / "broken" / "light_001.fits").write_bytes(b"no FITS at all")
    with served(base / "root", base) as server:
        yield server
        assert said(server.log) == []


@pytest.fixture(scope="module")
def page(chromium, app):
    page = visit(chromium, f"{app.address}#folder=turning")
    yield page
    assert page.problems == []
    page.close()


def names_in(page, entry, place):
    """What a download of the menu has in it."""
    with page.expect_download() as download:
        menu(page, "Download", entry)
    path = place / download.value.suggested_filename
    download.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        return path.name, sorted(archive.namelist())


def test_fluxes_and_light_curves_are_measured_for_their_download_where_no_tab_has_asked_for_them(page, tmp_path):
    page.get_by_role("button", name="Next frame").click()
    settle(page)
    name, held = names_in(page, "Fluxes of this frame", tmp_path)
    assert name == "light_002.photometry.zip"
    assert held == ["light_002.photometry.ecsv", "light_002.photometry.fits"]
    name, held = names_in(page, "Light curves", tmp_path)
    assert held == ["lightcurves.ecsv", "lightcurves_aavso.txt"]
    settle(page)
    # Nothing waits any more: another frame brings no file.
    files = []
    page.on("download", lambda download: files.append(download.suggested_filename))
    page.get_by_role("button", name="Next frame").click()
    settle(page)
    page.wait_for_timeout(1500)
    assert files == []


def test_where_there_is_nothing_to_save_the_menu_says_so(chromium, app):
    page = visit(chromium, f"{app.address}#folder=broken", stars=False)
    page.locator(".stage.failed").first.wait_for()
    for entry, words in (
        ("Stars of this frame", "There is nothing to save yet"),
        ("Tracks of all frames", "There is nothing to save yet"),
        ("Fluxes of this frame", "light_001.fits: is no FITS file"),
    ):
        menu(page, "Download", entry)
        told = page.locator(".MuiAlert-root").filter(has_text=words)
        told.wait_for()
        told.get_by_role("button", name="Close").click()
        told.wait_for(state="hidden")
    assert page.problems == []
    page.close()
