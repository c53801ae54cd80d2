"""Numbers of pixels in a real browser: of a picture and of a dragged region, of masters, and the flats one by one."""

import re

import numpy as np
import pytest
from astropy.io import fits

from tests.browser.served import spot, visit
from tests.stages.ccd import Detector
from tests.test_cli_calibration import write

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]
LABEL = "() => model('picture cut 0').data.label?.[0]"


@pytest.fixture(scope="module")
def folder(app):
    """A session with a dim flat and a corner that no flat lights."""
    detector, folder = Detector(), app.root / "counted"
    detector.flat[:20, :30] = 0.01
    for kind, light, exposure in (("bias", 0.0, 0.0), ("flat", 20_000.0, 2.0), ("light", 600.0, 60.0)):
        for number in range(3):
            name = f"{kind}_{number}.fits"
            write(folder, detector.frame(kind, light=light, exposure=exposure, filter_name="V", name=name))
    write(folder, detector.frame("flat", light=0.0, exposure=0.5, filter_name="V", name="dim.fits"))
    return folder


@pytest.fixture
def page(chromium, app, folder):
    """The raw frame with its numbers beside it."""
    made = visit(chromium, f"{app.address}#folder=counted&tab=Pixels&pictures=raw", stars=False)
    made.get_by_role("table", name="Statistics").wait_for()
    yield made
    made.close()
    assert made.problems == []


def row(page, name):
    """Numbers of a row of the statistics."""
    words = page.get_by_role("row", name=re.compile(f"^{name}")).locator("td").all_inner_texts()
    return [float(word.replace("\u2212", "-").replace(",", "")) if word != "\u2013" else None for word in words]


def table(page, name):
    """A column of the table that is seen."""
    return [one.inner_text() for one in page.locator(f".tabulator-row:visible [tabulator-field='{name}']").all()]


def test_a_dragged_region_has_the_numbers_of_its_own_pixels(page, folder):
    image = fits.getdata(folder / "light_0.fits").astype(float)
    assert row(page, "Picture")[0] == pytest.approx(np.median(image), abs=0.05)
    assert row(page, "Picture")[2:4] == [pytest.approx(image.min(), abs=1), pytest.approx(image.max(), abs=1)]
    assert row(page, "Region") == [None] * 6
    page.locator("button[aria-label*='region']").click()
    page.mouse.move(*spot(page, 40, 30))
    page.mouse.down()
    page.mouse.move(*spot(page, 60, 45), steps=4)
    page.mouse.move(*spot(page, 90, 70), steps=4)
    page.mouse.up()
    said = page.get_by_text("Region of")
    said.wait_for()
    x0, y0, x1, y1 = map(int, re.search(r"x (\d+), y (\d+) to x (\d+), y (\d+)", said.inner_text()).groups())
    assert (x0, y0, x1, y1) == pytest.approx((40, 30, 90, 70), abs=2)
    inside = image[y0 : y1 + 1, x0 : x1 + 1]
    median, deviation, low, high, missing, full = row(page, "Region")
    assert median == pytest.approx(np.median(inside), abs=0.05)
    assert deviation == pytest.approx(inside.std(), rel=0.1)
    assert (low, high) == (pytest.approx(inside.min(), abs=1), pytest.approx(inside.max(), abs=1))
    assert (missing, full) == (0, 0)
    assert page.evaluate("() => model('pixel lines').data.xs.length") == 1
    whole = row(page, "Picture")
    page.locator("button[aria-label*='whole field']").click()
    page.get_by_text("Drag a region on the picture").wait_for()
    assert row(page, "Region") == [None] * 6
    assert row(page, "Picture") == whole
    assert page.evaluate("() => model('pixel lines').data.xs.length") == 0


def test_the_numbers_follow_the_picture_and_the_frame(page, folder):
    raw = row(page, "Picture")
    page.get_by_role("button", name="Next frame").click()
    page.get_by_text("frame 2", exact=True).wait_for()
    image = fits.getdata(folder / "light_1.fits").astype(float)
    assert row(page, "Picture")[0] == pytest.approx(np.median(image), abs=0.05)
    page.get_by_label("What the picture shows").select_option("master_bias")
    page.get_by_text("Noise of one").wait_for()
    assert row(page, "Picture")[0] < raw[0] - 200
    assert page.evaluate("() => [...model('master noise').data.number]") == [1, 3]
    noise = page.evaluate("() => [...model('master noise').data.noise]")
    assert noise[1] < noise[0]


def test_a_master_flat_shows_where_it_is_levelled_and_unexposed(page):
    page.get_by_label("What the picture shows").select_option("master_flat")
    legend = page.get_by_role("group", name="Marks on the master flat")
    legend.wait_for()
    assert "600 px" in legend.inner_text()
    page.get_by_text("600 pixels").wait_for()
    (xs,) = page.evaluate("() => model('flat outline').data.xs.map((line) => [...line])")
    assert (min(xs), max(xs)) == (-0.5, 129.5)
    assert page.evaluate("() => model('flat unexposed').data.xs.length") == 1
    # 1, and the square root of three less where nothing but noise is in a flat.
    assert row(page, "Picture")[0] == pytest.approx(1, abs=0.02)
    page.get_by_label("What the picture shows").select_option("raw")
    legend.wait_for(state="hidden")


def test_the_table_of_flats_tells_each_ones_light_and_why_one_is_refused(page, folder):
    page.get_by_role("tab", name="Frames").click()
    page.get_by_role("button", name="Calibration").click()
    rows = page.locator(".tabulator-row:visible")
    rows.nth(6).wait_for()
    assert table(page, "file") == ["bias_0", "bias_1", "bias_2", "dim", "flat_0", "flat_1", "flat_2"]
    median = np.median(fits.getdata(folder / "flat_1.fits"))
    light = {name: table(page, name)[5] for name in ("kind", "filter", "s", "median", "% full", "why not")}
    assert light == {
        "kind": "flat", "filter": "V", "s": "2", "median": f"{median:.0f}", "% full": f"{median / 655.35:.1f}",
        "why not": "",
    }  # fmt: skip
    assert "Is a dark flat" in table(page, "why not")[3]


def test_the_difference_is_a_picture_and_the_reference_has_none(chromium, app):
    page = visit(chromium, f"{app.address}#folder=turning&frame=2&pictures=difference&tab=Pixels")
    page.wait_for_function(f"() => ({LABEL})() == 'Difference'")
    page.get_by_role("table", name="Statistics").wait_for()
    assert row(page, "Picture")[0] == pytest.approx(0, abs=3)
    low, high = page.evaluate("() => { const d = model('picture cut 0').data; return [d.bottom[0], d.top[0]] }")
    assert low == -high < 0
    page.get_by_role("button", name="First frame").click()
    page.get_by_text("This frame is the reference").wait_for()
    assert page.problems == []
    page.close()


def test_a_star_is_seen_in_every_aligned_frame_where_frames_are_more_than_moved(chromium, app):
    page = visit(chromium, f"{app.address}#folder=turning&tab=Shifts&star=3&aligned.model=transform")
    page.get_by_text("Star 3", exact=False).last.wait_for()
    after = page.get_by_text("After", exact=True)
    after.wait_for()
    assert after.locator("xpath=following-sibling::div").locator("img").count() == 4
    assert page.problems == []
    page.close()
