"""A stage that another visitor runs on the same files is seen running here, until it is over, however it ends."""

import pytest

pytest.importorskip("panel")

from pipeline import sample
from pipeline.graph.request import StaleError, Ticket
from pipeline.graph.run import Graph
from ui.page import Desk
from ui.session import Session

# Bokeh's own, where it takes a table's index.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")


@pytest.fixture
def desk(tmp_path):
    sample.write_named("rotation", tmp_path, frames=2)
    session = Session(Graph(), tmp_path)
    made = Desk(session, None)
    made.results.wait_for(lambda: session.open(Graph.open([tmp_path], tmp_path), "rotation, 2 frames"))
    yield made
    made.close()


def test_a_stage_that_another_visitor_withdraws_does_not_run_for_ever(desk):
    session = desk.session
    seen = []

    def withdrawn(own):
        seen.append(desk.stages.state("offset_map").state)
        raise StaleError

    key = session.graph.key(session.night, session.recipe, "offset_map", session.frame)
    with pytest.raises(StaleError):
        session.graph.make(key, "offset_map", session.frame, Ticket(), withdrawn)
    assert seen == ["running"]
    assert desk.stages.state("offset_map").state == "idle"
    assert desk.stages.state("tracks").state in ("fresh", "stored")
