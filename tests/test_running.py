"""What runs is seen running in its row, counts its frames, and can be cancelled once it is long."""

from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("panel")

from pipeline import sample
from pipeline.graph.request import Request, StaleError, Ticket
from pipeline.graph.run import Event, Graph
from pipeline.recipe import Recipe
from pipeline.stage import STAGES
from ui import running
from ui.page import Desk
from ui.running import Running
from ui.session import Session

# Bokeh's own, where it takes a table's index.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")
FRAMES = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sky")
    sample.write_named("rotation", folder, frames=FRAMES)
    return folder


@pytest.fixture(scope="module")
def reduced(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reduced")
    sample.write_named("reduction", folder)
    return folder


def _rows(*stages, told=(), frame=0, first=False):
    rows = Running()
    for stage in stages:
        rows.heard(Event(stage, 0, 0.0, "running", stage), True)
    for one in told:
        rows.told(*one)
    return rows.rows(STAGES, frame, first=first)


def test_of_stages_that_wait_for_one_another_the_first_is_seen_running():
    assert set(_rows("normalize", "calibrated", "hot_pixels")) == {"hot_pixels"}
    assert set(_rows("calibrated", "frame")) == {"frames"}
    assert set(_rows("candidates.auto")) == {"candidates"}


def test_a_stage_that_counts_frames_is_seen_while_these_are_made():
    rows = _rows("calibrated", "hot_pixels", "frame", told=[("hot_pixels", 2, 8)])
    assert set(rows) == {"frames", "hot_pixels"}
    assert (rows["hot_pixels"].note, rows["hot_pixels"].cancellable) == ("frame 3 of 8", True)
    assert _rows("hot_pixels", told=[("hot_pixels", 8, 8)])["hot_pixels"].note == "all 8 frames"


def test_what_is_made_of_another_frame_has_no_row():
    assert _rows("normalize", frame=1) == {}


def test_what_is_over_is_not_seen_running():
    rows = Running()
    rows.heard(Event("tracks", None, 0.0, "running", "key"), True)
    rows.heard(Event("tracks", None, 0.1, "failed", "key"), False)
    assert rows.rows(STAGES, 0, first=False) == {}


def test_what_runs_for_long_can_be_cancelled(monkeypatch):
    monkeypatch.setattr(running, "LONG", 3_600_000)
    assert not _rows("background")["background"].cancellable
    monkeypatch.setattr(running, "LONG", 0)
    assert _rows("background")["background"].cancellable


def _seen(folder, stage):
    """Every state and note that the rows of a page have while it opens a folder and shows a stage."""
    session = Session(Graph(), folder)
    desk = Desk(session, None)
    seen = set()
    show = desk.stages.set_states

    def set_states(states, total=None):
        show(states, total)
        seen.update((name, state.state, state.note, state.cancellable) for name, state in states.items())

    desk.stages.set_states = set_states
    desk.results._wanted = lambda: ("frames", "tracks", stage)
    try:
        desk.results.wait_for(lambda: session.open(Graph.open([folder], folder), "sky"))
    finally:
        desk.close()
    return seen


def test_a_folder_that_is_opened_shows_what_runs_and_counts_frames(folder):
    seen = _seen(folder, "stack")
    assert any(row[:2] == ("frames", "running") for row in seen)
    for stage in ("hot_pixels", "tracks", "stack"):
        assert (stage, "running", f"frame {FRAMES} of {FRAMES}", True) in seen, stage


def _told(folder, stage):
    told = []
    graph = Graph()
    request = Request(graph, Graph.open([folder], folder), Recipe(), Ticket(), lambda *count: told.append(count))
    request.get(stage)
    return {(name, total): sorted(done for one, done, all_ in told if (one, all_) == (name, total))
            for name, _, total in told}  # fmt: skip


def test_masters_count_the_frames_that_they_read(reduced):
    told = _told(reduced, "master_bias")
    ((_, total),) = [key for key in told if key[0] == "master_bias"]
    assert total > 1
    assert told["master_bias", total][-1] == total


def test_a_row_that_stands_for_several_can_be_cancelled_too():
    from ui.stage_list import RowState, StageList

    calls = {name: lambda *_: None for name in ("on_open", "on_explain", "on_cancel", "on_fold")}
    rows = StageList(lambda *turn: None, **calls)
    rows.set_states({"stack": RowState("running", "frame 2 of 3", cancellable=True)})
    assert [fold["cancel"] for fold in rows.folds] == ["", "stack"]


def test_what_is_cancelled_is_not_seen_running_again(folder):
    session = Session(Graph(), folder)
    desk = Desk(session, None)
    results, ticket = desk.results, Ticket()
    night = Graph.open([folder], folder)
    states = []

    def cancelled(event):
        if event.stage == "hot_pixels" and event.state == "running":
            ticket.cancel()
            results._cancelled()
            results._flush()
            states.extend(desk.stages.state(name).state for name in STAGES)

    session.night = night
    session.graph.listen(cancelled)
    with ThreadPoolExecutor(1) as pool, pytest.raises(StaleError):
        pool.submit(results._work, session.recipe, 0, ("frames", "tracks"), ticket).result()
    assert states
    assert "running" not in states
    # Nothing waits any more for what will not come, until it is asked for again.
    assert desk.picture._notes[0].state == "stopped"
    session.night = None
    results.ask()
    assert desk.picture._notes[0].state == "waiting"
    desk.close()
