"""What the page says where files cannot be used: once, at the stage that failed, and in the tabs that stay empty."""

import pytest

pytest.importorskip("panel")

from pipeline.graph.run import Graph
from ui.page import Desk
from ui.session import Session

# Bokeh's own, where it takes a table's index.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")


@pytest.fixture
def desk(tmp_path):
    (tmp_path / "light_001.fits").write_bytes(b"no FITS at all")
    session = Session(Graph(), tmp_path)
    made = Desk(session, None)
    night = Graph.open([tmp_path / "light_001.fits"], tmp_path)
    made.results.wait_for(lambda: session.open(night, "broken, 1 frame"))
    yield made
    made.close()


def test_an_error_is_told_at_the_stage_where_it_was_met_first(desk):
    states = {name: desk.stages.state(name).state for name in desk.stages.names}
    assert [name for name, state in states.items() if state == "failed"] == ["frames"]


def test_a_tab_without_its_result_says_so_in_words(desk):
    for tab in ("Tracks", "Stars"):
        desk.results.wait_for(lambda tab=tab: desk.side.choose(tab))
        assert desk.side._none.visible
        assert f"No {tab.lower()}." in desk.side._none.object
    desk.results.wait_for(lambda: desk.side.choose("Frames"))
    assert not desk.side._none.visible
