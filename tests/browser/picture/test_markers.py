"""What is drawn over a frame, in a real browser: markers while a knob turns, tracks, a region."""

import numpy as np
import pytest

from pipeline.tables import Status
from tests.browser.picture.drawn import COUNTS, SHAPE, SPAN, cut_script, markers, on_server, turn_wheel
from tests.browser.served import spot, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]


def test_markers_follow_the_threshold_without_the_server(page, served):
    assert page.evaluate(COUNTS) == [10, 10, 10, 0, 0, 0]
    for threshold, kept, below in (
        (5.0, [5, 10, 10, 0, 10], 5),
        (25.0, [0, 0, 5, 0, 10], 25),
        (0.0, [10, 10, 10, 0, 10], 0),
    ):
        page.evaluate(f"() => {{ {cut_script(served.picture.channel, f'{{threshold: {threshold}}}')} }}")
        assert page.evaluate(COUNTS) == [*kept, 0]
        assert page.locator(".chip", has_text="below").inner_text().split()[-1] == str(below)


def test_peaks_below_the_threshold_are_drawn_when_asked_for_and_say_how_faint_they_are(page, served):
    cut = {"threshold": None, "resolved": 35.0}
    on_server(served, lambda: served.picture.knobs.update(data={"cut": [cut]}))
    page.mouse.move(*spot(page, float(markers()["x"][31]), 500))
    page.get_by_role("tooltip").get_by_text("31.0 σ, below 35").wait_for(timeout=3000)
    page.locator(".chip", has_text="below").click()
    assert page.evaluate(COUNTS) == [10, 10, 10, 0, 0, 10]
    page.evaluate(f"() => {{ {cut_script(served.picture.channel, '{threshold: 38}')} }}")
    assert page.evaluate(COUNTS) == [0, 0, 0, 0, 2, 38]


def test_what_is_rejected_says_why_on_hover_by_its_measure_or_in_words(page, served):
    rejected = markers() | {"code": np.full(40, 3), "reason": np.tile([2, 3, 4, 10], 10)}
    rejected |= {"sharpness": np.full(40, 0.05), "roundness1": np.full(40, -0.95)}
    # Where both are out it is the one that the star's card shows.
    rejected["roundness2"] = np.where(np.arange(40) == 1, 1.2, 0.0)
    bounds = {"sharpness": [0.1, 0.7], "roundness": [-0.9, 0.9]}
    cut = {"threshold": None, "sharpness": None, "roundness": None, "resolved": 1.0, "bounds": bounds}

    def show():
        served.picture.set_markers(rejected)
        served.picture.knobs.data = {"cut": [cut]}

    on_server(served, show)
    page.wait_for_function("() => model('picture rejected').indices.length == 40")
    told = (
        (0, "Sharpness 0.05, below 0.1"),
        (1, "Roundness 1.20, above 0.9"),
        (5, "Roundness1 −0.95, below −0.9"),
        (2, "Too near the edge of the frame"),
        (3, "A hot pixel"),
    )
    for row, words in told:
        page.mouse.move(*spot(page, float(rejected["x"][row]), 500))
        page.get_by_role("tooltip").get_by_text(words).wait_for(timeout=3000)


def test_a_star_that_is_lost_says_why_on_hover_and_one_beside_the_reference_that_it_is_not_followed(page, served):
    lost = int(Status.OUTSIDE)
    shown = markers() | {"reason": np.full(40, lost), "code": np.repeat([0, 2, 4, 3], 10)}
    shown["strength"] = np.full(40, 2013.7)
    on_server(served, lambda: served.picture.set_markers(shown))
    page.wait_for_function("() => model('picture lost').indices.length == 10")
    page.locator(".chip", has_text="not in").click()
    for row, words in (
        (12, "Star 12, lost. Left the field"),
        (22, "Star. A star of this frame that the reference has not"),
    ):
        page.mouse.move(*spot(page, float(shown["x"][row]), 500))
        page.get_by_role("tooltip").get_by_text(words).wait_for(timeout=3000)
        assert page.get_by_role("tooltip").inner_text().endswith(", 2014 σ")


def test_sharpness_turns_stars_into_rejected_ones_and_the_counts_say_so(page, served):
    page.evaluate(f"() => {{ {cut_script(served.picture.channel, '{sharpness: [0.1, 0.7]}')} }}")
    assert page.evaluate(COUNTS) == [5, 5, 5, 15, 0, 0]
    assert page.locator(".chip", has_text="rejected").inner_text().split() == ["rejected", "15"]


def test_the_server_can_filter_too(page, served):
    cut = {"threshold": 5.0, "sharpness": [0.1, 0.7]}
    on_server(served, lambda: served.picture.knobs.update(data={"cut": [cut]}))
    page.wait_for_function("() => model('picture complete').indices.length == 2")


def test_fewer_markers_can_follow_more(page, served):
    few = {name: values[15:18] for name, values in markers().items()}
    on_server(served, lambda: served.picture.set_markers(few))
    page.wait_for_function("() => model('picture complete').indices.length == 0")
    assert page.evaluate(COUNTS) == [0, 3, 0, 0, 0, 0]
    page.evaluate(f"() => {{ {cut_script(served.picture.channel, '{sharpness: [0.1, 1.7]}')} }}")
    assert page.evaluate(COUNTS) == [0, 3, 0, 0, 0, 0], "rows without a star stay out of every count"


def test_a_click_on_a_chip_hides_its_kind_and_the_count_stays(page):
    chip = page.locator(".chip", has_text="lost")
    chip.click()
    assert page.evaluate(COUNTS) == [10, 10, 0, 0, 0, 0]
    assert chip.get_attribute("aria-pressed") == "false"
    assert chip.inner_text().split() == ["lost", "10"]
    chip.click()
    assert page.evaluate(COUNTS) == [10, 10, 10, 0, 0, 0]


def test_a_click_picks_the_nearest_star(page, served):
    x = float(markers()["x"][12])
    page.mouse.click(*spot(page, x + 3, 503))
    wait_until(page, lambda: served.picks)
    assert served.picks == [12]


def test_a_click_picks_what_the_tooltip_tells_of_also_where_its_mark_is_hidden(page, served):
    x, faint = float(markers()["x"][12]), np.arange(40) == 11
    pixel = 100 / (spot(page, x + 100, 500)[0] - spot(page, x, 500)[0])
    shown = markers() | {"reason": np.where(faint, 1, 0), "code": np.where(faint, 3, 0)}
    # So near to a star that is drawn that a click on bare sky would pick that.
    shown |= {"x": np.where(faint, x - 10 * pixel, shown["x"]), "id": np.where(faint, -1, shown["id"])}
    on_server(served, lambda: served.picture.set_markers(shown))
    page.wait_for_function("() => model('picture complete').indices.length == 39")
    assert page.locator(".chip", has_text="below").get_attribute("aria-pressed") == "false"
    for away, told, picked in ((9, "Rejected.", None), (4, "Star 12, complete.", 12)):
        at = spot(page, x - away * pixel, 500)
        page.mouse.move(*at)
        page.get_by_role("tooltip").get_by_text(told).wait_for(timeout=3000)
        before = len(served.picks)
        page.mouse.click(*at)
        wait_until(page, lambda count=before: len(served.picks) > count)
        assert served.picks[-1] == picked
        # Two clicks in one place at once would be a double one.
        page.wait_for_timeout(500)


def test_a_click_draws_no_frame_round_the_picture(page):
    page.mouse.click(*spot(page, 700, 200))
    outline = """() => { let at = document.activeElement
        while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement
        return at.className + ' ' + getComputedStyle(at).outlineStyle }"""
    assert page.evaluate(outline) == "bk-layer bk-events none"


RINGS = """() => {
    const made = [...Bokeh.documents[0]._all_models.values()].filter((one) => one.type == 'GlyphRenderer')
    return ['complete', 'partial'].map((name) => {
        const {glyph} = made.find((one) => one.view.filter.name == `picture ${name}`)
        return [glyph.size, glyph.line_width, glyph.line_alpha].map(({value}) => value)
    })
}"""


def test_rings_of_a_crowded_field_leave_the_sky_to_be_seen_and_are_as_usual_close_by(page, served):
    usual = page.evaluate(RINGS)
    assert usual == [[10, 1.4, 1], [10, 1.4, 1]]
    rng = np.random.default_rng(3)
    count = 4000
    crowd = {name: np.full(count, value) for name, value in (("sharpness", 0.5), ("strength", 50.0), ("reason", 0))}
    crowd |= {name: np.zeros(count) for name in ("roundness1", "roundness2")}
    crowd |= {"x": rng.uniform(0, SHAPE[1], count), "y": rng.uniform(0, SHAPE[0], count)}
    crowd |= {"id": np.arange(count), "code": np.arange(count) % 2}
    on_server(served, lambda: served.picture.set_markers(crowd))
    page.wait_for_function("() => model('picture complete').indices.length == 2000")
    complete, partial = page.evaluate(RINGS)
    assert complete[0] == partial[0] == 6
    assert complete[1] == partial[1] < 1
    assert 0.5 < complete[2] < partial[2] < 1
    turn_wheel(page, 750, 500, 12, -300)
    assert [ring[1:] for ring in page.evaluate(RINGS)] == [[1.4, 1], [1.4, 1]]
    few = {name: values[:100] for name, values in crowd.items()}
    page.get_by_role("button", name="Whole frame").click()
    on_server(served, lambda: served.picture.set_markers(few))
    page.wait_for_function("() => model('picture complete').indices.length == 50")
    assert page.evaluate(RINGS) == usual


def test_the_track_of_the_picked_star_leaves_its_rings_free_at_every_zoom(page, served):
    path = np.column_stack([np.arange(700.0, 801.0), np.full(101, 500.0)])
    on_server(served, lambda: served.picture.set_picked(7, 750.0, 500.0, path))
    page.wait_for_function("() => model('picture track drawn').data.x.length > 50")
    free = """() => { const d = model('picture track drawn').data, near = d.x.filter((x) => x <= 750 && !isNaN(x))
        return [Math.max(...near), d.x.filter((x) => x >= 750).reduce((a, b) => Math.min(a, b))] }"""
    for _ in range(2):
        left, right = page.evaluate(free)
        x0, x1, *_ = page.evaluate(SPAN)
        radius = (750 - left) * page.locator(".bk-Figure").first.bounding_box()["width"] / (x1 - x0)
        assert right - 750 == pytest.approx(750 - left)
        assert 8 < radius < 40
        turn_wheel(page, 750, 500, 8, -300)


def test_what_is_said_of_a_star_goes_with_the_frame_it_was_said_of(page, served):
    page.mouse.move(*spot(page, float(markers()["x"][31]), 500))
    tip = page.get_by_role("tooltip")
    tip.wait_for()
    on_server(served, lambda: served.picture.set_markers(markers() | {"y": np.full(40, 520.0)}))
    tip.wait_for(state="hidden", timeout=3000)


NUMBER = "() => ['x_offset', 'y_offset', 'text_align'].map((name) => model('picture number')[name].value).join()"
# Brings a place of the frame so many pixels of the frame from the picture's upper edge and from its right one.
TO_CORNER = """([x, y, away]) => {
    const [across, down] = [model('picture x'), model('picture y')]
    const [width, height] = [across.end - across.start, down.start - down.end]
    across.setv({start: x + away - width, end: x + away})
    down.setv({start: y - away + height, end: y - away})
}"""


@pytest.mark.parametrize(
    ("along", "usual", "at_the_corner"), [("x", "0,-22,center", "0,22,right"), ("y", "16,0,left", "-16,0,right")]
)
def test_the_number_of_the_picked_star_keeps_off_its_track_and_the_edges(page, served, along, usual, at_the_corner):
    path = np.full((101, 2), 500.0)
    path[:, "xy".index(along)] = np.arange(450.0, 551.0)
    on_server(served, lambda: served.picture.set_picked(7, 500.0, 500.0, path))
    page.wait_for_function(f"() => ({NUMBER})() == '{usual}'")
    page.evaluate(TO_CORNER, [500, 500, 10])
    page.wait_for_function(f"() => ({NUMBER})() == '{at_the_corner}'")
    page.get_by_role("button", name="Whole frame").click()
    page.wait_for_function(f"() => ({NUMBER})() == '{usual}'")


def test_a_region_is_dragged_once_and_taken_away_again(page, served):
    regions = []
    on_server(served, lambda: served.picture.on_region(regions.append))
    button = page.locator("button[aria-label*='region']")
    button.click()
    before = page.evaluate(SPAN)
    page.mouse.move(*spot(page, 300, 200))
    page.mouse.down()
    page.mouse.move(*spot(page, 500, 350), steps=5)
    page.mouse.move(*spot(page, 700, 600), steps=5)
    page.mouse.up()
    wait_until(page, lambda: regions)
    assert regions[0] == pytest.approx((300, 700, 200, 600), abs=4)
    assert page.evaluate(SPAN) == before, "the picture itself stays where it is"
    on_server(served, lambda: served.picture.set_region(regions[0]))
    page.wait_for_function("() => model('picture region').data.left.length == 1")
    page.mouse.move(*spot(page, 300, 200))
    page.mouse.down()
    page.mouse.move(*spot(page, 400, 300), steps=5)
    page.mouse.up()
    assert page.evaluate(SPAN) != before, "the next drag moves the picture again"
    page.locator("button[aria-label*='whole field']").click()
    wait_until(page, lambda: len(regions) == 2)
    assert regions[1:] == [None]


def test_a_region_ends_at_the_frame_and_beside_it_is_none(page, served):
    regions = []
    on_server(served, lambda: served.picture.on_region(regions.append))
    page.get_by_label("Smaller").click()
    page.wait_for_timeout(300)
    for corner, other in (((300, -200), (600, -50)), ((1300, 800), (1499, 1100))):
        page.locator("button[aria-label*='region']").click()
        page.mouse.move(*spot(page, *corner))
        page.mouse.down()
        page.mouse.move(*spot(page, *other), steps=5)
        page.mouse.up()
        page.wait_for_timeout(300)
    assert len(regions) == 1
    assert regions[0] == pytest.approx((1300, 1499, 800, SHAPE[0] - 0.5), abs=6)


def test_complete_sequences_only_hides_every_other_state_and_brings_them_back(page):
    only = page.get_by_label("Complete sequences only")
    only.click()
    assert page.evaluate(COUNTS) == [10, 0, 0, 0, 0, 0]
    assert only.get_attribute("aria-pressed") == "true"
    only.click()
    assert page.evaluate(COUNTS) == [10, 10, 10, 0, 0, 0]
