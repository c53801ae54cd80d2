"""What a stranger may try on the page: hostile addresses, uploads of others, leaving in the middle of a job."""

import re
import time
from types import SimpleNamespace
from urllib.parse import quote

import pytest

from pipeline import sample
from tests.browser.served import kept, menu, served, visit

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]

SECONDS = 40


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    base = tmp_path_factory.mktemp("safety")
    sample.write_named("rotation", base / "root" / "turning", frames=4, size=(360, 480))
    (base / "outside").mkdir()
    sample.write_named("rotation", base / "outside", frames=2, size=(120, 160))
    (base / "root" / "link").symlink_to(base / "outside")
    with served(base / "root", base) as server:
        server.outside = base / "outside"
        yield server


def upload(page, title, files):
    """Drop files on the field of the open dialog, and wait until they are shown."""
    menu(page, title, "Open a folder")
    page.locator("input.filepond--browser").set_input_files(files)
    page.get_by_role("button", name=f"Uploaded frames, {len(files)} frames").wait_for()


def wait_until(holds):
    end = time.monotonic() + SECONDS
    while not holds() and time.monotonic() < end:
        time.sleep(0.2)
    return holds()


@pytest.mark.parametrize(
    "text",
    [
        "folder=link",
        "folder=..%2Foutside",
        "stage=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
        "tab=!%5Bx%5D(http://outside.example/x.png)%20%5Bhere%5D(http://outside.example)",
        "x" * 1_000_000,
    ],
    ids=["link", "escape", "script", "picture", "megabyte"],
)
def test_a_hostile_address_is_refused_with_a_message_and_the_page_opens_with_its_defaults(chromium, app, text):
    page = visit(chromium, f"{app.address}#{text}")
    alarms = []
    page.on("dialog", lambda dialog: (alarms.append(dialog.message), dialog.dismiss()))
    alert = page.get_by_role("alert").filter(
        has_text=re.compile("The address asks for something that cannot be (shown|had)")
    )
    alert.filter(visible=True).wait_for()
    assert alert.locator("a, img").count() == 0
    page.get_by_role("button", name="Sample: drifting field").wait_for()
    assert kept(page) > 100
    page.wait_for_function("() => location.hash === ''")
    assert alarms == []
    assert page.problems == []
    page.close()


def test_visitors_do_not_see_each_others_uploads_which_go_when_they_leave(chromium, app):
    files = sorted((app.root / "turning").glob("*.fits"))[:3]
    one, other = (visit(chromium, f"{app.address}#folder=turning") for _ in range(2))
    upload(one, "turning, 4", files)
    one.wait_for_function("() => !location.hash.includes('folder')")
    (folder,) = app.temporary.glob("starshift-*")
    assert sorted(path.name for path in folder.rglob("*.fits")) == [path.name for path in files]
    # The other visitor neither sees it in the dialog nor gets there by an address.
    menu(other, "turning, 4", "Open a folder")
    other.get_by_role("dialog").wait_for()
    assert folder.name not in other.get_by_role("dialog").inner_text()
    other.keyboard.press("Escape")
    other.evaluate("(hash) => { location.hash = hash }", f"folder={quote(str(folder))}")
    other.get_by_role("alert").filter(has_text="there is no such folder below the data root").wait_for()
    other.get_by_role("button", name="Sample: drifting").wait_for()
    upload(other, "Sample: drifting", files[:2])
    assert len(list(app.temporary.glob("starshift-*"))) == 2
    assert one.get_by_role("button", name="Uploaded frames, 3 frames").is_visible()
    assert one.problems == []
    one.close()
    assert wait_until(lambda: not folder.exists())
    assert len(list(app.temporary.glob("starshift-*"))) == 1
    other.close()
    assert wait_until(lambda: not list(app.temporary.glob("starshift-*")))


def test_an_upload_that_is_no_frame_is_said_and_not_kept(chromium, app, tmp_path):
    page = visit(chromium, f"{app.address}#folder=turning")
    (tmp_path / "script.py").write_text("import os")
    menu(page, "turning, 4", "Open a folder")
    page.locator("input.filepond--browser").set_input_files([tmp_path / "script.py"])
    page.get_by_role("alert").filter(has_text="script.py: is no FITS or camera file by its name").wait_for()
    assert not list(app.temporary.rglob("script.py"))
    (tmp_path / "promise.fits").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(5000))
    page.locator("input.filepond--browser").set_input_files([tmp_path / "promise.fits"])
    page.locator("[data-stage=frames]").get_by_role("alert").filter(has_text="promise.fits").wait_for()
    page.close()


def test_a_visitor_who_leaves_in_the_middle_of_a_run_leaves_no_job_and_no_folder(chromium, app):
    page = visit(chromium, app.address)
    page.get_by_role("button", name="Run all").click()
    page.get_by_role("dialog").get_by_role("button", name="Run", exact=True).click()
    assert wait_until(lambda: list(app.temporary.glob("starshift-*/products")))
    page.close()
    assert wait_until(lambda: not list(app.temporary.glob("starshift-*")))
    import psutil

    server = psutil.Process(app.process.pid)

    def idle():
        return server.cpu_percent(1.0) < 20

    assert wait_until(idle)
    time.sleep(1)
    assert not list(app.temporary.glob("starshift-*"))


def test_a_session_that_ended_before_its_browser_came_back_is_made_anew_without_an_outside_address(chromium, tmp_path):
    (tmp_path / "root").mkdir()
    with served(tmp_path / "root", tmp_path, patience=0.5) as server:

        def slow(**options):
            page = chromium.new_page(**options)
            # The browser gets to know of its session when the server has forgotten it.
            page.route("**/bokeh.min.js*", lambda route: (time.sleep(4), route.continue_()))
            return page

        page = visit(SimpleNamespace(new_page=slow), server.address)
        assert server.log.read_text().count("WebSocket connection opened") == 1
        assert kept(page) > 100
        assert page.problems == []
        page.close()
