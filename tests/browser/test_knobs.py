"""The knobs in a real browser: under the hand, set back, written into, refused, and what an error looks like."""

import pytest

from tests.browser.served import circles, drag_threshold, kept, settle, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]


def test_count_and_circles_follow_the_threshold_under_the_hand(page):
    before, drawn = kept(page), circles(page)
    drag_threshold(page, 0.3)
    page.wait_for_timeout(100)
    live, live_drawn = kept(page), circles(page)
    page.mouse.up()
    settle(page)
    assert live < 0.8 * before
    assert live_drawn < 0.8 * drawn
    assert kept(page) == live
    assert page.locator("[data-knob=threshold]").get_attribute("class").endswith("changed")


def test_a_double_click_sets_a_knob_back_and_undo_brings_it_again(page):
    before = kept(page)
    drag_threshold(page, 0.3)
    page.mouse.up()
    settle(page)
    turned = kept(page)
    page.locator("[data-knob=threshold] .label").dblclick()
    settle(page)
    assert kept(page) == before
    page.get_by_role("button", name="Undo").click()
    settle(page)
    assert kept(page) == turned


def test_undo_by_the_keyboard_is_the_pages_where_a_number_was_entered_and_the_fields_while_one_is_written(page):
    field, slider = page.get_by_role("textbox", name="threshold"), page.get_by_role("slider", name="threshold")
    first = field.input_value()

    def undone(by):
        settle(page)
        assert field.input_value() != first
        page.keyboard.press("Control+z")
        wait_until(page, lambda: field.input_value() == first)
        assert field.input_value() == first, by
        settle(page)

    field.fill("15")
    field.press("Enter")
    undone("a field")
    # A slider has no undo of its own.
    slider.press("ArrowRight")
    undone("a slider")
    redo = page.get_by_role("button", name="Redo")
    field.press_sequentially("7")
    assert field.input_value() != first
    page.keyboard.press("Control+z")
    wait_until(page, lambda: field.input_value() == first)
    assert field.input_value() == first
    page.wait_for_timeout(500)
    assert redo.is_enabled(), "nothing but what was being written is taken back"


def test_a_double_click_on_a_sliders_rail_is_one_step_of_undo(page):
    field = page.get_by_role("textbox", name="threshold")
    field.fill("15")
    field.press("Enter")
    settle(page)
    rail = page.get_by_role("slider", name="threshold").bounding_box()
    page.mouse.dblclick(rail["x"] + 0.8 * rail["width"], rail["y"] + rail["height"] / 2)
    settle(page)
    knob = page.locator("[data-knob=threshold]")
    assert "changed" not in knob.get_attribute("class").split()
    page.get_by_role("button", name="Undo").click()
    settle(page)
    assert field.input_value() == "15.0"
    page.get_by_role("button", name="Undo").click()
    settle(page)
    assert "changed" not in knob.get_attribute("class").split()


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
    before = kept(page)
    field = page.get_by_role("textbox", name="threshold")
    field.fill("-4")
    field.press("Enter")
    assert field.get_attribute("aria-invalid") == "true"
    assert kept(page) == before
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


def test_a_number_that_is_being_typed_stays_when_results_arrive(page):
    field = page.get_by_role("textbox", name="sharpness, low")
    field.click()
    field.press("Control+a")
    field.press_sequentially("0.2")
    # A hand that types does not leave the field for this.
    page.get_by_role("button", name="Next frame").evaluate("(button) => button.click()")
    page.locator(".count b", has_text="2").wait_for()
    settle(page)
    assert field.input_value() == "0.2"
    field.press_sequentially("5")
    field.press("Enter")
    settle(page)
    assert field.input_value() == "0.25"
    field.press_sequentially("9")
    field.press("Escape")
    assert field.input_value() == "0.25"
