"""A knob turned on the page reruns the stages of the table, each once, by the log of the graph behind the page."""

import threading

import pytest

from pipeline import sample
from pipeline.graph.run import Graph
from pipeline.graph.store import Store
from pipeline.recipe import Recipe
from pipeline.stage import STAGES
from tests.graph.reruns import CENTROIDS, CURVE_TURNS, SHIFTS, STARS, TURNS, curve_runs_needed, runs, runs_needed
from ui.knobs import drawn
from ui.page import Desk
from ui.session import Session

FRAMES = 4
SHOWN = 2
KINDS = ("subtracted", "x_offset")


class Visit:
    """One visitor's page, whose knobs send what the browser sends, and the log of what the graph did for it."""

    def __init__(self, folder):
        self.graph = Graph(Store(1_000_000_000))
        self.session = Session(self.graph, folder)
        self.desk = Desk(self.session, None)
        self._shown = threading.Event()
        finished = self.desk.results._finished

        def tell(errand, *arguments):
            finished(errand, *arguments)
            if not errand.ticket.stale():
                self._shown.set()

        self.desk.results._finished = tell

    def after(self, change, *arguments):
        """The log of what a change set going, when all of it is on the page."""
        before = len(self.graph.log)
        self._shown.clear()
        change(*arguments)
        assert self._shown.wait(60)
        return list(self.graph.log)[before:]

    def look(self, stage):
        """Open a stage's row and go back to the pictures of before, where its row brought its own."""
        if self.desk.stages.open != stage:
            self.after(self.desk._unfold, stage)
        if self.session.kinds != KINDS:
            self.after(lambda: self.session.change(kinds=KINDS))

    def turn(self, stage, knob, value, live=False):
        """Turn a knob as the browser does; those that are no widget of a stage's own are set in the frame table."""
        if drawn(STAGES[stage].knobs[knob]).hidden:
            self.session.turn(stage, knob, value, live)
        else:
            sent = list(value) if isinstance(value, tuple) else value
            self.desk.stages.panel(stage)._handle_msg({"knob": knob, "value": sent, "live": live})


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sky")
    sample.write_named("drift", folder, frames=FRAMES, size=(240, 320))
    visit = Visit(folder)
    visit.after(visit.session.open, Graph.open([folder], folder), "sky")
    visit.after(lambda: visit.session.change(frame=SHOWN, kinds=KINDS))
    yield visit
    visit.desk.close()


@pytest.fixture
def visit(opened):
    """The page with our defaults, whatever the test before left."""
    if opened.session.recipe != Recipe():
        opened.after(opened.session.use, Recipe())
    return opened


def test_every_stage_with_a_knob_has_a_turn_in_the_table():
    assert {turn.stage for turn in TURNS} == {name for name, stage in STAGES.items() if stage.knobs}


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_a_knob_of_the_page_reruns_what_the_table_says_and_back_again_nothing(visit, turn):
    # What takes long is made for who looks at it.
    looked_at, not_asked = ("psf_photometry", SHIFTS - {"shifts"}) if turn.stage in CENTROIDS else ("stack", CENTROIDS)
    visit.look(looked_at)
    default = STAGES[turn.stage].knobs[turn.knob].default
    ran = visit.after(visit.turn, turn.stage, turn.knob, turn.value)
    needed = runs_needed(turn, FRAMES)
    assert runs(ran) == {stage: times for stage, times in needed.items() if stage not in not_asked}
    assert visit.after(visit.turn, turn.stage, turn.knob, default) == []
    assert visit.after(visit.session.undo) == []
    assert visit.after(visit.session.redo) == []


def test_a_drag_makes_no_result_twice_and_ends_where_the_hand_lets_go(visit):
    before = len(visit.graph.log)
    for step in range(12):
        visit.turn("stars", "threshold", 10.0 + step % 7, live=True)
    visit.after(visit.turn, "stars", "threshold", 13.5)
    events = [event for event in list(visit.graph.log)[before:] if event.state == "ran"]
    assert {event.stage for event in events} <= STARS
    assert sum(event.stage == "tracks" for event in events) >= 1
    assert len({event.key for event in events}) == len(events)
    visit.after(visit.turn, "stars", "threshold", None)


def test_what_is_shown_of_a_frame_or_star_reruns_no_stage_of_another(visit):
    visit.look("stars")
    ran = visit.after(lambda: visit.session.change(frame=1))
    assert {(event.stage, event.frame) for event in ran} == {("offset_map", 1)}
    assert visit.after(lambda: visit.session.change(frame=SHOWN)) == []
    assert visit.after(lambda: visit.session.change(kinds=("raw", "background"))) == []
    visit.after(lambda: visit.session.change(kinds=KINDS))


@pytest.mark.parametrize("turn", CURVE_TURNS, ids=str)
def test_a_knob_of_light_curves_reruns_what_the_table_says_and_back_again_nothing(visit, turn):
    visit.look("lightcurves")
    default = STAGES[turn.stage].knobs[turn.knob].default
    ran = visit.after(visit.turn, turn.stage, turn.knob, turn.value)
    assert runs(ran) == curve_runs_needed(turn, FRAMES)
    assert visit.after(visit.turn, turn.stage, turn.knob, default) == []


def test_in_all_that_a_visitor_did_no_result_was_made_twice(visit):
    made = [event.key for event in visit.graph.log if event.state == "ran"]
    assert len(made) > 100
    assert len(set(made)) == len(made)
