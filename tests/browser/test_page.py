"""The page in a real browser, served as users serve it: open, turn, zoom, step, save, and what an error looks like."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline import recipe, sample

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]

APP = Path(__file__).parents[2] / "app.py"
PATIENCE = 90_000


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """``panel serve app.py`` on a data root of a small sequence and a folder without frames that can be read."""
    root = tmp_path_factory.mktemp("root")
    sample.write_named("rotation", root / "turning", frames=4)
    (root / "broken").mkdir()
    (root / "broken" / "light_001.fits").write_bytes(b"no FITS at all")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = root.parent / "server.log"
    environment = {**os.environ, "XDG_CACHE_HOME": str(root.parent / "cache"), "BOKEH_RESOURCES": "server"}
    command = [sys.executable, "-m", "panel", "serve", str(APP), "--port", str(port), "--address", "127.0.0.1"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--args", "--data", str(root)], stdout=output, stderr=output, env=environment, cwd=APP.parent
        )
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield SimpleNamespace(address=f"http://127.0.0.1:{port}/app", root=root, log=log)
        process.terminate()
        process.wait(20)


def quiet_lines(log):
    """What the server had to say beside its usual."""
    usual = re.compile(r"WebSocket connection|ServerConnection|Bokeh app running|Starting Bokeh server|^\s*$")
    return [line for line in log.read_text().splitlines() if not usual.search(line)]


@pytest.fixture(scope="module")
def opened(chromium, app):
    """One visitor's page on the default sample; at the end neither console nor log has an error or a warning."""
    problems = []
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.on("console", lambda m: m.type in ("error", "warning") and problems.append(m.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda r: "127.0.0.1" in r.url or r.url[:4] in ("data", "blob") or problems.append(r.url))
    page.goto(app.address)
    page.wait_for_function("() => window.Bokeh && Bokeh.documents.length > 0")
    page.evaluate("() => { window.model = (name) => Bokeh.documents[0].get_model_by_name(name) }")
    settle(page)
    yield page
    page.close()
    assert problems == []
    assert quiet_lines(app.log) == []


@pytest.fixture
def page(opened):
    """The page with our defaults, on its first frame."""
    yield opened
    opened.keyboard.press("Escape")
    menu(opened, "Recipe", "Use our defaults")
    if opened.get_by_role("button", name="First frame").is_enabled():
        opened.get_by_role("button", name="First frame").click()
    settle(opened)


def menu(page, button, entry):
    page.get_by_role("button", name=button).click()
    page.get_by_role("menuitem", name=entry).click()


SETTLED = """() => {
    const deep = (root) => [...root.querySelectorAll('*')].flatMap((e) => e.shadowRoot ? deep(e.shadowRoot) : [])
        .concat([...root.querySelectorAll('.stage')])
    const rows = deep(document)
    const unmade = (r) => r.classList.contains('idle') && ['frames', 'stars', 'tracks'].includes(r.dataset.stage)
    return rows.length > 5 && !rows.some((r) => r.classList.contains('running') || unmade(r))
}"""


def settle(page):
    """Wait until the stages that are always on screen have said how long they took, and none is running."""
    page.wait_for_function(SETTLED)
    page.wait_for_timeout(500)


def count(page):
    return int(page.locator(".summary b").first.inner_text())


def circles(page):
    names = ("complete", "partial", "star")
    return sum(page.evaluate(f"() => model('picture {name}').indices.length") for name in names)


def place(page):
    return page.evaluate("() => ['x', 'y'].map((n) => [model(`picture ${n}`).start, model(`picture ${n}`).end])")


def drag_threshold(page, share):
    slider = page.get_by_role("slider", name="threshold")
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    at = float(slider.input_value()) / 1000
    page.mouse.move(box["x"] + 6 + at * (box["width"] - 12), middle)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(box["x"] + 6 + (at + share * step / 8) * (box["width"] - 12), middle)
        page.wait_for_timeout(30)


def test_a_stranger_sees_the_name_the_stages_and_the_stars(page):
    assert page.get_by_role("heading", level=1, name="Starshift").is_visible()
    names = [name.inner_text() for name in page.locator(".stage .name").all()]
    shown = [name.strip() for name in names]
    assert [name for name in shown if name in ("Frames", "Background", "Stars", "Tracks")] == [
        "Frames", "Background", "Stars", "Tracks",
    ]  # fmt: skip
    assert count(page) > 100
    assert circles(page) > 100


def test_count_and_circles_follow_the_threshold_under_the_hand(page):
    before, drawn = count(page), circles(page)
    drag_threshold(page, 0.3)
    page.wait_for_timeout(100)
    live, live_drawn = count(page), circles(page)
    page.mouse.up()
    settle(page)
    assert live < 0.8 * before
    assert live_drawn < 0.8 * drawn
    assert count(page) == live
    assert page.locator("[data-knob=threshold]").get_attribute("class").endswith("changed")


def test_a_double_click_sets_a_knob_back_and_undo_brings_it_again(page):
    before = count(page)
    drag_threshold(page, 0.3)
    page.mouse.up()
    settle(page)
    turned = count(page)
    page.locator("[data-knob=threshold] .label").dblclick()
    settle(page)
    assert count(page) == before
    page.get_by_role("button", name="Undo").click()
    settle(page)
    assert count(page) == turned


def test_zoom_is_kept_while_a_knob_turns_and_frames_step(page):
    page.mouse.move(660, 400)
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(600)
    zoomed = place(page)
    drag_threshold(page, 0.2)
    page.mouse.up()
    settle(page)
    page.get_by_role("button", name="Next frame").click()
    settle(page)
    assert zoomed[0][1] - zoomed[0][0] < 1000
    assert place(page) == zoomed


def test_stepping_shows_the_next_frame_with_its_own_stars(page):
    before = page.evaluate("() => Array.from(model('picture stars').data.x).slice(0, 50)")
    page.get_by_role("button", name="Next frame").click()
    settle(page)
    assert "light_002.dng" in page.locator(".readout").first.inner_text()
    assert page.evaluate("() => Array.from(model('picture stars').data.x).slice(0, 50)") != before


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
    turned = count(page)
    menu(page, "Recipe", "Use our defaults")
    settle(page)
    assert count(page) > turned
    with page.expect_file_chooser() as chooser:
        menu(page, "Recipe", "Load a recipe")
    chooser.value.set_files(saved)
    page.wait_for_timeout(500)
    settle(page)
    assert count(page) == turned


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


def test_an_error_stands_at_its_stage_and_the_rest_stays_usable(page):
    row = page.locator("[data-stage=hot_pixels]")
    row.locator(".row").click()
    row.get_by_label("find").select_option("dark")
    row.get_by_role("alert").wait_for()
    assert "there is no dark frame" in row.get_by_role("alert").inner_text()
    assert row.locator(".note").inner_text() == "failed"
    page.get_by_role("tab", name="Frames").click()
    page.get_by_role("tab", name="Tracks").click()
    row.get_by_label("find").select_option("auto")
    settle(page)
    assert row.get_by_role("alert").count() == 0
    page.locator("[data-stage=stars] .row").click()
    settle(page)


def test_a_number_out_of_bounds_is_marked_and_not_taken(page):
    before = count(page)
    field = page.get_by_role("textbox", name="threshold")
    field.fill("-4")
    field.press("Enter")
    assert field.get_attribute("aria-invalid") == "true"
    assert count(page) == before
    said = page.locator("[data-knob=threshold]").get_by_role("alert")
    assert "from 0.5 to 1000" in said.inner_text()
    field.press("Tab")
    assert float(field.input_value()) > 0
    assert "stays at" in said.inner_text()


def test_a_number_may_carry_the_unit_that_its_field_shows(page):
    field = page.get_by_role("textbox", name="threshold")
    field.fill("31 σ")
    field.press("Enter")
    settle(page)
    assert field.input_value() == "31.0"
    assert page.locator("[data-knob=threshold] .said:not([hidden])").count() == 0


def test_the_low_end_of_a_cut_cannot_pass_the_high_one(page):
    field = page.get_by_role("textbox", name="sharpness, low")
    before = field.input_value()
    field.fill("1.3")
    field.press("Tab")
    assert field.input_value() == before
    assert "above the high one" in page.locator("[data-knob=sharpness]").get_by_role("alert").inner_text()


def test_a_frame_without_its_tick_is_left_out(page):
    page.get_by_role("tab", name="Frames").click()
    row = page.locator(".tabulator-row").nth(9)
    row.locator("[tabulator-field=used]").click()
    page.locator(".tabulator-row").nth(9).get_by_text("left out by hand").wait_for()
    settle(page)
    assert page.locator(".rail svg path").count() == 1
    page.get_by_role("tab", name="Tracks").click()


def test_a_star_picked_in_the_table_is_described(page):
    page.get_by_role("tab", name="Stars").click()
    page.locator(".tabulator-row").nth(2).click()
    page.get_by_role("tab", name="Tracks").click()
    page.get_by_text(re.compile(r"In \d+ of 24 frames used")).wait_for()
    assert page.evaluate("() => model('track star').data.dx.length") == 24


def test_the_map_tab_follows_its_line_and_compares_two_methods(page):
    page.get_by_role("button", name="Last frame").click()
    page.get_by_label("Whole frame").click()
    page.get_by_role("tab", name="Map").click()
    page.get_by_text("X offset from A to B").wait_for()
    page.get_by_role("button", name="X offset", exact=True).click()
    page.wait_for_function("() => model('picture cut 0').data.label?.[0] == 'X offset'")
    page.wait_for_timeout(500)
    figure = page.locator(".bk-Figure").first.bounding_box()
    (x0, x1), (y1, y0) = place(page)
    ends = page.evaluate("() => model('map line').data")
    spot = [
        figure["x"] + (ends["x"][0] - x0) / (x1 - x0) * figure["width"],
        figure["y"] + (ends["y"][0] - y0) / (y1 - y0) * figure["height"],
    ]
    length = "() => model('map profile').data.distance[255]"
    before = page.evaluate(length)
    page.mouse.move(spot[0] + 2, spot[1])
    page.wait_for_timeout(100)
    page.mouse.move(*spot)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(spot[0] + 8 * step, spot[1] - 8 * step)
    page.mouse.up()
    page.wait_for_function(f"() => ({length})() < {before} - 20")
    assert place(page) == [[x0, x1], [y1, y0]], "the picture stays"
    select = page.get_by_label("Compare the map with another method's")
    select.select_option("smooth")
    page.locator(".made", has_text="difference rms").wait_for()
    select.select_option("")
    page.get_by_role("button", name="X error").wait_for()
    page.get_by_label("What the picture shows").select_option("subtracted")
    page.get_by_role("tab", name="Tracks").click()


def test_arrows_over_the_field_take_the_place_of_the_plots_against_frame(page):
    page.get_by_role("tab", name="Tracks").click()
    page.get_by_role("button", name="Last frame").click()
    settle(page)
    drawn = []
    for name in ("Offset", "Residual"):
        page.get_by_role("button", name=f"{name} arrows").click()
        page.get_by_text("over the field").wait_for()
        page.wait_for_function(f"() => (model('field arrows')?.data.x[1] ?? 0) != {drawn[-1] if drawn else 0}")
        drawn.append(page.evaluate("() => model('field arrows').data.x[1]"))
    assert page.evaluate("() => model('field arrows').data.x.length") > 6 * 20
    page.get_by_role("button", name="Against frame").click()
    page.get_by_text("Stars of the reference").wait_for()


def test_completeness_falls_with_the_threshold_under_the_hand_where_the_truth_is_known(page):
    page.get_by_role("tab", name="Truth").click()
    page.wait_for_function("() => model('truth completeness')?.data.x.length > 5")
    page.wait_for_function("() => model('truth followed').data.share.length == 24")
    share = "(name) => Array.from(model('truth completeness').data[name]).filter(Number.isFinite)"
    before = page.evaluate(share, "completeness")
    assert min(before[-3:]) > 50
    sentence = page.get_by_text(re.compile(r"Completeness: \d+ of the \d+ true stars"))
    words = sentence.inner_text()
    drag_threshold(page, 0.3)
    less = 0.8 * sum(before)
    page.wait_for_function(f"(less) => ({share})('completeness').reduce((a, b) => a + b, 0) < less", arg=less)
    assert sentence.inner_text() != words
    page.mouse.up()
    settle(page)
    assert min(page.evaluate(share, "purity")) > 90
    page.get_by_role("button", name="Next frame").click()
    page.wait_for_function("() => model('truth map x').data.image.length == 1")
    page.get_by_role("tab", name="Tracks").click()


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


def test_each_stage_explains_itself(page):
    page.get_by_role("button", name="How it works").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("The knobs").wait_for()
    page.wait_for_timeout(500)
    assert dialog.locator("mjx-container, svg[role=img], mjx-assistive-mml").count() or "$$" not in dialog.inner_text()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")


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
    assert count(page) > 50
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


def test_a_small_window_has_a_rail_that_opens_the_right_column_over_the_picture(chromium, app):
    small = chromium.new_page(viewport={"width": 1024, "height": 768})
    small.set_default_timeout(PATIENCE)
    small.goto(app.address)
    small.wait_for_function("() => window.Bokeh && Bokeh.documents.length > 0")
    small.evaluate("() => { window.model = (name) => Bokeh.documents[0].get_model_by_name(name) }")
    settle(small)
    width = "() => document.documentElement.scrollWidth"
    assert small.evaluate(width) <= 1024
    small.get_by_role("button", name="Next frame").click(timeout=30_000)
    small.get_by_role("button", name="Stars", exact=True).last.click()
    small.get_by_role("tab", name="Stars").wait_for()
    assert small.evaluate(width) <= 1024
    small.get_by_role("button", name="Stars", exact=True).last.click()
    small.get_by_role("tab", name="Stars").wait_for(state="hidden")
    small.close()


def test_theme_and_tabs_clicked_at_once_leave_no_error(page):
    for theme in ("Light theme", "Dark theme"):
        page.get_by_role("button", name=theme).click()
        for tab in ("Map", "Stars", "Tracks"):
            page.get_by_role("tab", name=tab).click()
    settle(page)


def test_a_message_lies_over_the_picture_and_leaves_by_itself(page):
    player = page.get_by_role("button", name="Next frame")
    before = player.bounding_box()
    said = page.get_by_role("alert").filter(has_text="in use")
    menu(page, "Recipe", "Use our defaults")
    said.wait_for()
    assert player.bounding_box() == before
    said.wait_for(state="hidden")
