"""The browser that the page's tests drive."""

import functools
import os
import shutil

import pytest


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
