"""The right column without a browser: limits end by end, measures, kinds by hand, and tabs of files that are closed."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

pytest.importorskip("panel")

from pipeline.frame import Failure, FrameInfo
from pipeline.stage import STAGES
from pipeline.stages.selection import LIMITED
from ui.file_frame import file_frame, usual_text
from ui.frame_tab import measure, with_limit
from ui.knobs import ANY, DRAWN, FAR, KnobPanel, described, limits_text
from ui.metric_plot import Measured
from ui.region import spot_of
from ui.scene import Scene
from ui.session import Session
from ui.side import Side

# Bokeh's own, where it takes a table's index.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")
NUMBERS = some.floats(-1e6, 1e6)


@given(
    some.lists(some.tuples(some.sampled_from(LIMITED[:3]), some.sampled_from(["low", "high"]), NUMBERS | some.none()))
)
@settings(deadline=None)
def test_limits_stay_in_order_whatever_end_is_moved_and_none_is_left_that_limits_nothing(moves):
    limits = {}
    for name, edge, value in moves:
        limits = with_limit(limits, name, edge, value)
        assert all(low <= high for low, high in limits.values())
        assert (-ANY, ANY) not in limits.values()
    checked = STAGES["selection"].check({"limits": limits})["limits"]
    assert checked == limits
    for name in LIMITED:
        for edge in ("low", "high"):
            limits = with_limit(limits, name, edge, None)
    assert limits == {}


@pytest.mark.parametrize(
    ("pair", "words"),
    [((2, 6), "2 to 6"), ((-ANY, 6), "at most 6"), ((2, ANY), "at least 2"), ((-1, ANY), "at least \u22121")],
)
def test_a_limit_with_one_end_is_said_by_that_end(pair, words):
    assert limits_text(*pair) == words


def test_the_table_of_limits_offers_what_the_stage_can_limit():
    shown = described(STAGES["selection"].knobs["limits"])
    assert shown["widget"] == "rows"
    assert tuple(shown["choices"]) == DRAWN["selection", "limits"].names == LIMITED


def test_a_row_of_limits_reaches_the_recipe_as_the_stage_wants_it():
    turned = []
    panel = KnobPanel(STAGES["selection"], lambda *turn: turned.append(turn))
    panel._handle_msg({"knob": "limits", "value": {"fwhm": [-FAR, 6]}, "live": False})
    (stage, knob, value, live) = turned[0]
    assert (stage, knob, live) == ("selection", "limits", False)
    assert STAGES[stage].check({knob: value})[knob] == {"fwhm": (-ANY, 6.0)}


def test_lines_without_a_limit_lie_inside_the_plot_and_beyond_every_frame():
    shown = Measured(np.array([3.0, 7.0, np.nan]), ("", "", "no stars"))
    (bottom, top), (low, high) = shown.span, shown.lines
    assert bottom < low < 3.0 < 7.0 < high < top


@pytest.mark.parametrize("values", [(3.0, 7.0, np.nan), (np.nan, np.nan), (5.0, np.nan)])
def test_the_cross_of_a_frame_without_a_value_is_whole_and_apart_from_the_line(values):
    shown = Measured(np.array(values), ("",) * len(values))
    (bottom, top), low = shown.span, shown.lines[0]
    # Half a cross, with the width of its strokes, against the height of the axes.
    half = 4.5 / (168 - 8 - 24) * (top - bottom)
    assert bottom + half < shown.nowhere < low - half


def test_a_limit_far_from_all_frames_is_on_the_plot():
    shown = Measured(np.array([3.0, 7.0]), ("", ""), high=20.0)
    assert shown.lines[1] == 20.0 < shown.span[1]


def test_every_file_says_what_told_its_kind_and_a_correction_says_so():
    light = FrameInfo("/a/one.fits", "one.fits", (8, 8), kind="light", kind_reason="IMAGETYP = 'Light'", exposure=30.0)
    odd = FrameInfo("/a/two.fits", "two.fits", (8, 8))
    broken = Failure("three.fits", "frames", "three.fits: is cut off: copy it again")
    table = file_frame((light, odd, broken), {"two.fits": "dark"}, None)
    assert table["kind"].tolist() == ["light", "dark", ""]
    assert table["told by"].tolist() == ["IMAGETYP = 'Light'", "by hand", ""]
    assert table["why not"].tolist() == ["", "", "Is cut off: copy it again"]
    assert "filter" not in table


def test_a_file_unlike_most_says_in_what():
    alike = [FrameInfo(f"/a/{i}.fits", f"{i}.fits", (8, 9), kind="light", binning=(1, 1)) for i in range(3)]
    odd = FrameInfo("/a/odd.fits", "odd.fits", (4, 4), kind="flat", binning=(2, 2))
    assert usual_text((*alike, Failure("x", "frames", "x: no"))) == "All files: 9 x 8\u2009px, binned 1 x 1"
    assert usual_text((*alike, odd)) == "Most files: 9 x 8\u2009px, binned 1 x 1"
    assert usual_text(()) == ""
    table = file_frame((*alike, odd), {}, None)
    assert table["why not"].tolist() == ["", "", "", "4 x 4\u2009px, binned 2 x 2"]


SHOWN = ("frames", "stars", "selection", "tracks")


class Held:
    """What a Side asks of a picture."""

    class line:
        @staticmethod
        def show(on):
            pass


@pytest.fixture
def side(graph, turning, tmp_path):
    """The right column of a session, with the tab Frames open."""
    session = Session(graph, tmp_path)
    session.open(turning, "sky")
    idle = lambda *_: None  # noqa: E731
    side = Side(
        session, "dark", image_of=idle, picture=Held(), document=None,
        on_open=idle, on_fold=idle, on_choose=idle, on_narrow=idle, on_slim=idle,
    )  # fmt: skip
    side.choose("Frames")
    yield side
    session.close()


def draw(side, *names):
    """Show what the session's recipe gives; all of it, or some stages."""
    session = side._session
    made = {name: session.graph.result(session.night, session.recipe, name, 0) for name in names or SHOWN}
    for name in made:
        side.show(Scene(0, made, dict.fromkeys(made, "key")), name)
    return side._made["Frames"], made


def test_every_measure_of_every_frame_is_known_or_nan(side):
    _, made = draw(side)
    for name in LIMITED:
        values = measure(name, made["frames"], made["selection"], made["tracks"])
        assert values.shape == (4,)
    assert np.isfinite(measure("fwhm", made["frames"], made["selection"], None)).all()
    assert np.isfinite(measure("exposure", made["frames"], made["selection"], None)).all()
    assert np.isnan(measure("residual", made["frames"], made["selection"], None)).all()


def test_a_limit_dragged_on_the_plot_leaves_frames_out_and_goes_with_a_double_click(side):
    tab, made = draw(side)
    tab.panel.get_root()
    tab._measure.value = "stars"
    counts = made["selection"].metrics["stars"]
    limit = float(np.sort(counts)[:2].mean())
    before = side._session.recipe
    tab._plot.said.data = {"edge": ["low"], "value": [limit - 1], "live": [True], "count": [1]}
    tab._plot.said.data = {"edge": ["low"], "value": [limit], "live": [False], "count": [2]}
    assert side._session.recipe["selection"]["limits"] == {"stars": (pytest.approx(limit, rel=1e-3), ANY)}
    tab, made = draw(side)
    out = ~made["selection"].used
    assert out.sum() == 1
    assert [bool(why) for why in tab.table.value["why not"]] == out.tolist()
    assert tab._plot.lines[0].location == pytest.approx(limit, rel=1e-3)
    tab._plot.said.data = {"edge": ["low"], "value": [float("nan")], "live": [False], "count": [3]}
    assert side._session.recipe == before
    side._session.undo()
    side._session.undo()
    assert side._session.recipe == before


def test_a_kind_corrected_by_hand_is_kept_in_the_recipe_and_taken_back(side):
    tab, made = draw(side)
    assert len(made["frames"].frames) == 4
    file = made["frames"].frames[2].file
    row = tab.files.value["file"].tolist().index(file)

    class Edit:
        column, value = "kind", "dark"

    Edit.row = row
    tab._edited(Edit)
    assert side._session.recipe["frames"]["kinds"] == {file: "dark"}
    tab, made = draw(side)
    assert file not in [info.file for info in made["frames"].frames]
    assert tab.files.value["told by"][row] == "by hand"
    Edit.value = "light"
    tab._edited(Edit)
    assert side._session.recipe["frames"]["kinds"] == {}
    tab, made = draw(side)
    assert len(made["frames"].frames) == 4


def test_a_row_clicked_between_a_step_and_its_arrival_is_that_of_the_frame_listed(side, turning):
    side.choose("Stars")
    session = side._session
    made = {name: session.graph.result(turning, session.recipe, name, 1) for name in SHOWN}
    session.change(frame=1)
    scene = Scene(1, made, dict.fromkeys(made, "key"))
    for name in made:
        side.show(scene, name)
    tab = side._made["Stars"]
    listed = tab.table.value
    row = int(np.flatnonzero((listed["id"] == "") & (listed["x"] < 100))[0])
    place = spot_of(made["tracks"], 1, listed["x"][row], listed["y"][row])
    assert np.hypot(place[0] - listed["x"][row], place[1] - listed["y"][row]) > 1
    session.change(frame=3)
    for now in (scene, scene.at(3)):
        side.show(now, "frame")
        assert tab.table.value.equals(listed)
        tab._clicked(SimpleNamespace(row=row))
        assert session.candidate == pytest.approx(place)
        session.change(picked=None)


def seen(side, name):
    """Whether a tab that is open shows what it has drawn."""
    panel = side._made[name].panel
    return panel.visible and panel.styles.get("visibility") != "hidden"


def test_what_was_drawn_of_other_files_is_not_seen_once_new_ones_are_open(side, turning):
    draw(side)
    for name in ("Stars", "Tracks"):
        side.choose(name)
        assert seen(side, name)
    side._session.open(replace(turning, files=turning.files[:3]), "three")
    assert not seen(side, "Tracks")
    draw(side, "frames", "stars")
    assert not seen(side, "Tracks")
    side.choose("Stars")
    assert seen(side, "Stars")
    side.choose("Tracks")
    assert not seen(side, "Tracks")
    draw(side)
    assert seen(side, "Tracks")
    assert len(side._made["Tracks"]._plots.series.data["dx"]) == 3


def test_the_table_of_lights_waits_for_the_new_ones_and_all_files_are_listed_at_once(side, turning):
    tab, _ = draw(side)
    assert tab._lights_part.visible
    side._session.open(replace(turning, files=turning.files[:2]), "two")
    assert not tab._lights_part.visible
    assert len(tab.files.value) == 2
    tab, _ = draw(side)
    assert tab._lights_part.visible
    assert len(tab.table.value) == 2


class Waiting:
    """A document that keeps what shall be done later."""

    def __init__(self):
        self.later = []

    def add_timeout_callback(self, call, wait):
        self.later.append(call)


def test_a_tab_that_is_opened_the_first_time_says_so_and_the_one_before_is_not_under_its_name(side):
    draw(side)
    side._document, side._ready = Waiting(), True
    side.choose("Stars")
    assert side._none.visible
    assert "Stars" in side._none.object
    assert not any(tab.panel.visible for tab in side._made.values())
    # A result may come meanwhile, and another click.
    draw(side, "stars")
    side.choose("Shifts")
    for call in side._document.later:
        call()
    assert "Stars" not in side._made
    assert not side._none.visible
    assert [name for name, tab in side._made.items() if tab.panel.visible] == ["Shifts"]
    side.choose("Frames")
    assert len(side._document.later) == 2, "what was opened before is there at once"
    assert side._made["Frames"].panel.visible


def test_plots_and_table_of_a_region_say_so_and_give_all_stars_back(side):
    draw(side)
    side.choose("Tracks")
    assert side._part_of is None
    side._session.change(region=(10.0, 60.0, 10.0, 50.0))
    assert side._part_of.visible
    assert "region" in side._part_of[0].object
    side.choose("Frames")
    assert not side._part_of.visible
    side.choose("Stars")
    assert side._part_of.visible
    side._part_of[1].clicks += 1
    assert side._session.region is None
    assert not side._part_of.visible


def test_a_tab_says_what_will_stand_there_before_the_first_result_and_keeps_its_table_while_frames_are_stepped(side):
    side.choose("Tracks")
    assert "once the stars are followed" in side._none.object
    assert side._none.visible
    side.choose("Stars")
    assert "once they are found" in side._none.object
    draw(side)
    assert not side._none.visible
    # A frame that is stepped to: no result is there for a moment.
    side.show(side._scene.at(1), "frame")
    assert not side._none.visible
    assert side._made["Stars"].panel.visible
