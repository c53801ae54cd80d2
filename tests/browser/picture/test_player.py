"""The player in a real browser: buttons, slider, keys, blink."""

import time

import pytest

from tests.browser.picture.drawn import HEIGHT, SHAPE, WIDTH, on_server, sky
from tests.browser.served import alone, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]


def heard(page, served, count):
    """The frames asked for, when there are so many or three seconds have passed."""
    wait_until(page, lambda: len(served.frames) >= count)
    return served.frames


def test_the_player_steps_and_stops_at_the_ends(page, served):
    assert page.get_by_label("Previous frame").is_disabled()
    page.get_by_label("Next frame").click()
    page.get_by_label("Last frame").click()
    assert heard(page, served, 2) == [1, 2]
    assert page.locator(".count").inner_text() == "3 of 3"


def test_of_steps_made_while_one_is_on_its_way_the_last_alone_is_asked_for(page, served):
    on_server(served, lambda: served.player.set_frames([f"frame {k}" for k in range(9)], reference=0))
    page.locator(".count", has_text="1 of 9").wait_for()
    page.get_by_label("Next frame").evaluate("(next) => { for (let k = 0; k < 6; k++) next.click() }")
    assert page.locator(".count").inner_text() == "7 of 9"
    assert heard(page, served, 2) == [1, 6]
    page.wait_for_timeout(300)
    assert (served.frames, served.player.frame) == ([1, 6], 6)
    page.get_by_label("Next frame").click()
    assert heard(page, served, 3) == [1, 6, 7]


def test_the_slider_goes_to_the_frame_under_the_hand_and_follows_the_arrow_keys(page, served):
    slider = page.get_by_label("Frame", exact=True)
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 9, box["y"] + box["height"] / 2)
    assert heard(page, served, 1) == [2]
    assert slider.input_value() == "2"
    page.wait_for_timeout(100)
    for frames in ([2, 1], [2, 1, 0]):
        page.keyboard.press("ArrowLeft")
        assert heard(page, served, len(frames)) == frames
        # A step made before the server has answered would be joined with the next.
        page.wait_for_timeout(100)
    page.mouse.move(box["x"] + 9, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.up()
    assert heard(page, served, 4) == [2, 1, 0, 1]
    assert page.locator(".count").inner_text() == "2 of 3"


def test_blink_alternates_with_the_reference_and_ends_where_it_began(page, served):
    served.drawn = range(3)
    page.get_by_label("Last frame").click()
    page.get_by_label("Frames per second").select_option("8")
    page.get_by_label("Blink against the reference").click()
    assert heard(page, served, 5)[:5] == [2, 0, 2, 0, 2]
    page.get_by_label("Blink against the reference").click()
    page.wait_for_timeout(300)
    assert page.locator(".count").inner_text() == "3 of 3"
    assert not page.get_by_label("Blink against the reference").is_disabled()


def test_the_film_goes_on_over_frames_without_a_picture_of_their_own(page, served):
    served.told = range(3)
    page.get_by_label("Frames per second").select_option("8")
    page.get_by_role("button", name="Play", exact=True).click()
    assert heard(page, served, 5)[:5] == [1, 2, 0, 1, 2]


def test_the_film_waits_for_a_frame_that_is_being_made(page, served):
    page.get_by_label("Frames per second").select_option("8")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_timeout(1000)
    assert served.frames == [1]


def test_the_film_waits_until_all_pictures_show_the_frame(page, served):
    page.get_by_label("Two pictures").click()
    on_server(served, lambda: served.picture.choose("raw", 1))
    # A picture whose size changes is painted anew, which is no new frame.
    page.wait_for_timeout(1000)
    served.drawn = range(3)
    page.get_by_label("Frames per second").select_option("8")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_timeout(1000)
    assert served.frames == [1]
    on_server(served, lambda: served.picture.show("raw", sky(), noise=5.0, key="late"))
    assert heard(page, served, 2) == [1, 2]


def test_the_film_ends_when_other_frames_are_opened(page, served):
    served.told = range(3)
    page.get_by_role("button", name="Play", exact=True).click()
    heard(page, served, 1)
    on_server(served, served.player.stop)
    page.get_by_role("button", name="Play", exact=True).wait_for(timeout=3000)
    frames = len(served.frames)
    page.wait_for_timeout(600)
    assert len(served.frames) == frames


def test_a_step_that_crosses_with_the_opening_of_other_frames_changes_nothing(page, served):
    # The browser is busy while it is told that other frames are open, and steps before it hears of them.
    busy = "const end = performance.now() + 800; while (performance.now() < end);"
    step = "window.dispatchEvent(new CustomEvent('starshift', {detail: {channel, name: 'press', value: 'next'}}))"
    page.evaluate(f"(channel) => {{ setTimeout(() => {{ {busy} {step} }}) }}", served.picture.channel)
    time.sleep(0.2)
    on_server(served, served.player.stop)
    page.wait_for_timeout(1500)
    assert (served.frames, served.player.frame) == ([], 0)
    page.get_by_label("Next frame").click()
    assert heard(page, served, 1) == [1]


@pytest.fixture
def early(chromium, served):
    """A page whose files were opened before the browser drew the player."""
    served.early = True
    with alone(chromium, served.address, SHAPE[1], width=WIDTH, height=HEIGHT) as page:
        yield page
    served.early = False


def test_a_player_drawn_after_its_files_were_opened_steps(early, served):
    early.get_by_label("Next frame").click()
    assert heard(early, served, 1) == [1]
    assert early.locator(".count").inner_text() == "2 of 3"


def test_the_film_waits_for_a_frame_that_was_shown_before_and_is_being_made_again(page, served):
    served.drawn, served.told = (0,), (2,)
    page.get_by_label("Last frame").click()
    assert heard(page, served, 1) == [2]
    served.told = ()
    page.get_by_label("Frames per second").select_option("8")
    page.get_by_label("Blink against the reference").click()
    page.wait_for_timeout(1500)
    assert served.frames == [2, 0, 2]


def test_the_film_goes_on_from_a_frame_that_is_seen_still_as_the_one_beside_it_never_came(page, served):
    page.get_by_label("Next frame").click()
    assert heard(page, served, 1) == [1]
    page.get_by_label("Previous frame").click()
    assert heard(page, served, 2) == [1, 0]
    page.get_by_label("Frames per second").select_option("8")
    page.get_by_role("button", name="Play", exact=True).click()
    assert heard(page, served, 3) == [1, 0, 1]


def test_a_frame_taken_out_has_a_cross_below_the_slider(page, served):
    on_server(served, lambda: served.player.set_frames(["one", "two", "three"], reference=0, unused=[1]))
    crosses = page.locator(".rail svg path")
    crosses.wait_for(state="attached", timeout=3000)
    assert crosses.count() == 1
    rail, cross = page.locator(".rail").bounding_box(), crosses.bounding_box()
    assert cross["x"] + cross["width"] / 2 == pytest.approx(rail["x"] + rail["width"] / 2, abs=1.5)
