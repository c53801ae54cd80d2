"""The browser that the page's tests drive."""

import functools
import os
import shutil

import pytest

from pipeline import sample
from tests.browser.served import menu, said, served, settle, visit


def no_first_visit(new_page, **options):
    """A page of somebody who was here before: the first tour's card lies over nothing."""
    page = new_page(**options)
    page.add_init_script("localStorage.setItem('starshift tour', 'seen')")
    return page


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium, or a visible skip where there is none."""
    compulsory = os.environ.get("STARSHIFT_BROWSER") == "required"
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        (pytest.fail if compulsory else pytest.skip)("no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as runner:
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = runner.chromium.launch(executable_path=path, args=options)
        browser.new_page = functools.partial(no_first_visit, browser.new_page)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def app(tmp_path_factory):
    """The app on a data root of a small sequence and a folder without frames that can be read."""
    base = tmp_path_factory.mktemp("page")
    sample.write_named("rotation", base / "root" / "turning", frames=4)
    (base / "root" / "broken").mkdir()
    (base / "root" / "broken" / "light_001.fits").write_bytes(b"no FITS at all")
    with served(base / "root", base) as server:
        yield server


@pytest.fixture(scope="module")
def small_app(tmp_path_factory):
    """The app on one small sequence; at the end its log has neither an error nor a warning."""
    base = tmp_path_factory.mktemp("small")
    sample.write_named("rotation", base / "root" / "turning", frames=4, size=(360, 480))
    with served(base / "root", base) as server:
        yield server
        assert said(server.log) == []


@pytest.fixture(scope="module")
def opened(chromium, app):
    """One visitor's page on the default sample; at the end neither console nor log has an error or a warning."""
    page = visit(chromium, app.address)
    yield page
    page.close()
    assert page.problems == []
    assert said(app.log) == []


@pytest.fixture
def page(opened):
    """The page with our defaults, on its first frame."""
    yield opened
    opened.keyboard.press("Escape")
    menu(opened, "Recipe", "Use our defaults")
    if opened.get_by_role("button", name="First frame").is_enabled():
        opened.get_by_role("button", name="First frame").click()
    settle(opened)
