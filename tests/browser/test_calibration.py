"""The reduction in a real browser: pictures of masters in their rows, and the line between two kinds of picture."""

import numpy as np
import pytest

from tests.browser.served import visit
from tests.stages.ccd import Detector
from tests.test_cli_calibration import write

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]
LINE = "Where one picture ends"
LABEL = "() => model('picture cut 0').data.label?.[0]"
# Packed colours of the first row of the picture as it is drawn.
ROW = """() => {
    const drawn = model('picture fine 0').data.image[0]
    const columns = drawn.shape[1]
    return [columns, Array.from(drawn.slice(50 * columns, 51 * columns))]
}"""


def test_the_line_is_dragged_and_moved_by_keys_without_the_server(page):
    page.get_by_label("What the picture shows").select_option("raw")
    page.wait_for_function(f"() => ({LABEL})() == 'Raw'")
    page.get_by_role("button", name="Compare two kinds of picture").click()
    line = page.get_by_role("slider", name=LINE)
    line.wait_for()
    page.get_by_label("What the picture shows").select_option("calibrated")
    page.get_by_label("What is left of the line").select_option("background")
    page.wait_for_function("() => model('picture under').data.label?.[0] == 'Background'")
    page.wait_for_function(f"() => ({LABEL})() == 'Calibrated'")
    columns, half = page.evaluate(ROW)
    asked = page.evaluate("() => model('picture cut 0').data.values[0]")
    box = line.bounding_box()
    page.mouse.move(box["x"] + 12, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] - 140, box["y"] + 60, steps=4)
    page.mouse.up()
    assert int(line.get_attribute("aria-valuenow")) < 45
    page.keyboard.press("Home")
    assert line.get_attribute("aria-valuenow") == "0"
    right = page.evaluate(ROW)[1]
    page.keyboard.press("End")
    left = page.evaluate(ROW)[1]
    # The sky is smooth and the frame is noisy: greys side by side differ less.
    assert np.abs(np.diff(np.bitwise_and(left, 255))).mean() < 0.5 * np.abs(np.diff(np.bitwise_and(right, 255))).mean()
    middle = columns // 2
    assert half[: middle - 4] == left[: middle - 4]
    assert half[middle + 4 :] == right[middle + 4 :]
    assert page.evaluate("() => model('picture cut 0').data.values[0]") == asked
    page.get_by_role("button", name="Compare two kinds of picture").click()
    page.wait_for_function("() => model('picture under').data.values.length == 0")
    assert page.evaluate(ROW)[1] == right
    page.get_by_label("What the picture shows").select_option("subtracted")


def test_a_masters_row_shows_its_picture_and_what_it_did_to_the_noise(chromium, app):
    detector, folder = Detector(), app.root / "reduced"
    for kind, light, exposure in (("bias", 0.0, 0.0), ("flat", 20_000.0, 2.0), ("light", 600.0, 60.0)):
        for number in range(3):
            name = f"{kind}_{number}.fits"
            write(folder, detector.frame(kind, light=light, exposure=exposure, filter_name="V", name=name))
    page = visit(chromium, f"{app.address}#folder=reduced", stars=False)
    page.get_by_text("2 made").wait_for()
    page.get_by_role("button", name="Bias, dark, flat").click()
    page.get_by_role("button", name="Master bias").click()
    page.wait_for_function(f"() => ({LABEL})() == 'Master bias'")
    page.get_by_text("1/√3 would be").wait_for()
    page.get_by_role("button", name="Master flat").click()
    page.wait_for_function(f"() => ({LABEL})() == 'Master flat'")
    page.get_by_text("of full").wait_for()
    page.get_by_role("button", name="Master flat").click()
    page.wait_for_function(f"() => ({LABEL})() != 'Master flat'")
    assert page.get_by_label("What the picture shows").input_value() == "subtracted"
    page.close()
