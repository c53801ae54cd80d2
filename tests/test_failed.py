"""What the page says where files cannot be used: once, at the stage that failed, and in the tabs that stay empty."""

import numpy as np
import pytest

pytest.importorskip("panel")

from pipeline import sample
from pipeline.graph.request import Request
from pipeline.graph.run import Graph
from ui.address_text import Place
from ui.opener import Opened
from ui.page import Desk
from ui.results import FAULT, UNUSED
from ui.session import Session
from ui.stage_list import SET_BACK
from ui.viewer import NOT_USED

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


def test_the_next_step_for_files_that_cannot_be_used_is_to_open_others_and_for_a_turned_knob_to_set_it_back(desk):
    row = next(row for row in desk.stages.rows if row["name"] == "frames")
    assert row["mend"].startswith("Open other frames")
    desk.stages._handle_msg({"mend": "frames"})
    assert desk.open_dialog.dialog.open
    desk.results.wait_for(lambda: desk.session.turn("frames", "kinds", {"light_001.fits": "dark"}))
    row = next(row for row in desk.stages.rows if row["name"] == "frames")
    assert row["mend"] == SET_BACK
    desk.results.wait_for(lambda: desk.stages._handle_msg({"mend": "frames"}))
    assert desk.session.recipe.changed() == {}
    assert desk.session.can_undo
    others = [row["mend"] for row in desk.stages.rows if row["name"] != "frames"]
    assert not any(others), "a stage that did not fail has no next step"


def test_where_no_file_can_be_used_nothing_of_those_before_is_left_on_the_page(tmp_path):
    sample.write_named("rotation", tmp_path / "good", frames=2, size=(240, 320))
    (tmp_path / "broken.fits").write_bytes(b"no FITS at all")
    session = Session(Graph(), tmp_path)
    desk = Desk(session, None)
    stars = desk.stages.panel("stars")
    for files, count in (("good", 2), ("broken.fits", 0), ("good", 2)):
        opened = Opened(Graph.open([tmp_path / files], tmp_path), "frames", 0.1, None, Place(sample=""), None)
        desk.results.wait_for(lambda opened=opened: desk._opened(opened))
        assert desk.player._part.count == count
        assert bool(desk.player._part.facts) == bool(count)
        assert desk.top._reference.visible == bool(count)
        assert bool(stars.histograms) == bool(count)
    desk.close()


def test_over_a_frame_that_cannot_be_used_no_marks_of_another_are_left(tmp_path):
    from astropy.io import fits

    sample.write_named("rotation", tmp_path, frames=3, size=(120, 160))
    files = sorted(tmp_path.glob("light_*.fits"))
    with fits.open(files[1], mode="update") as opened:
        opened[0].data = opened[0].data[:80, :100].copy()
    session = Session(Graph(), tmp_path)
    desk = Desk(session, None)
    desk.results.wait_for(lambda: session.open(Graph.open(files, tmp_path), "turning", frame=2))
    desk.results.wait_for(lambda: session.change(picked=0))

    def drawn():
        sources = (desk.picture.picked, *desk.picture.tails.values())
        return [np.isfinite(np.asarray(source.data["x"], float)).any() for source in sources]

    assert drawn()[0]
    assert any(drawn()[1:])
    desk.results.wait_for(lambda: session.change(frame=1))
    assert not any(drawn())
    desk.results.wait_for(lambda: session.change(frame=2))
    assert drawn()[0]
    assert any(drawn()[1:])
    desk.close()


def test_a_frame_that_is_left_out_says_so_at_a_stage_that_did_not_fail_and_leads_to_another(tmp_path):
    from astropy.io import fits

    sample.write_named("rotation", tmp_path, frames=3, size=(120, 160))
    files = sorted(tmp_path.glob("light_*.fits"))
    with fits.open(files[1]) as opened:
        blank = np.full_like(opened[0].data, np.nan, np.float32)
        fits.PrimaryHDU(blank, opened[0].header).writeto(tmp_path / "nan.fits")
    files[1].unlink()
    session = Session(Graph(), tmp_path)
    desk = Desk(session, None)
    night = Graph.open([tmp_path], tmp_path)
    desk.results.wait_for(lambda: session.open(night, "turning"))
    which = [info.file for info in desk.results.scene["frames"].frames].index("nan.fits")
    desk.results.wait_for(lambda: session.change(frame=which))
    # What is told late of other rows leaves this one.
    desk.results._flush()
    row = desk.stages.state("frames")
    assert (row.error, row.note) == (None, UNUSED)
    assert row.state in ("fresh", "stored")
    assert {desk.stages.state(name).note for name in ("background", "candidates", "stars")} == {UNUSED}
    assert not any(one["mend"] for one in desk.stages.rows)
    assert desk.player.note == NOT_USED
    assert desk.player.panel.unused == [which]
    note = desk.picture._notes[0]
    assert (note.state, note.elsewhere) == ("failed", which + 2)
    desk.results.wait_for(lambda: setattr(note, "goes", note.goes + 1))
    assert session.frame == which + 1
    assert (desk.stages.state("frames").note, desk.player.note) != (UNUSED, NOT_USED)
    desk.close()


def test_a_fault_of_our_own_leaves_nothing_waiting_for_what_will_not_come(tmp_path, monkeypatch):
    sample.write_named("rotation", tmp_path, frames=3, size=(120, 160))
    session = Session(Graph(), tmp_path)
    desk = Desk(session, None)
    given = Request.get

    def get(self, stage, frame=None):
        if stage == "tracks":
            raise ZeroDivisionError
        return given(self, stage, frame)

    monkeypatch.setattr(Request, "get", get)
    night = Graph.open([tmp_path / f"light_00{number}.fits" for number in (1, 2, 3)], tmp_path)
    with pytest.raises(ZeroDivisionError):
        desk.results.wait_for(lambda: session.open(night, "turning"))
    assert desk.results.scene["stars"] is not None
    assert desk.side._none.visible
    assert "No tracks." in desk.side._none.object
    assert "failed" in {desk.stages.state(name).state for name in desk.stages.names}
    with pytest.raises(ZeroDivisionError):
        desk.results.wait_for(lambda: desk.picture.choose("x_offset"))
    assert (desk.picture._notes[0].state, desk.picture._notes[0].detail) == ("failed", FAULT)
    desk.close()


def test_a_region_without_stars_is_told_in_place_of_empty_plots(tmp_path):
    sample.write_named("rotation", tmp_path, frames=3, size=(120, 160))
    session = Session(Graph(), tmp_path)
    desk = Desk(session, None)
    desk.results.wait_for(lambda: session.open(Graph.open([tmp_path], tmp_path), "turning"))
    tab = desk.side._made["Tracks"]
    tracks = desk.results.scene["tracks"]
    x, y = tracks.x[tracks.reference], tracks.y[tracks.reference]
    everything = (np.nanmin(x) - 1, np.nanmax(x) + 1, np.nanmin(y) - 1, np.nanmax(y) + 1)
    beside = (np.nanmax(x) + 1, np.nanmax(x) + 2, 0.0, 10.0)
    for region, empty in ((everything, False), (beside, True), (everything, False), (beside, True), (None, False)):
        session.change(region=region)
        assert tab._alone.visible == empty
        assert tab._plots.panel.visible != empty
        assert ("No star of the reference lies in the region" in tab._alone.object) == empty
        assert np.isfinite(tab._plots.series.data["dx"]).any()
    desk.close()


@pytest.mark.parametrize("stepped", [True, False])
@pytest.mark.parametrize("wrong", ["no value", "another size", "another field"])
def test_a_frame_that_is_not_used_is_told_in_one_way_however_one_gets_there(tmp_path, wrong, stepped):
    from astropy.io import fits

    sample.write_named("rotation", tmp_path, frames=4, size=(240, 320))
    files = sorted(tmp_path.glob("light_*.fits"))
    with fits.open(files[2], mode="update") as opened:
        if wrong == "no value":
            opened[0] = fits.PrimaryHDU(np.full((240, 320), np.nan, np.float32), opened[0].header)
        elif wrong == "another size":
            opened[0].data = opened[0].data[:80, :100].copy()
        else:
            blocks = opened[0].data.reshape(24, 10, 320)
            opened[0].data = np.random.default_rng(1).permutation(blocks).reshape(240, 320)
    session = Session(Graph(), tmp_path)
    desk = Desk(session, None)
    night = Graph.open([tmp_path], tmp_path)
    desk.results.wait_for(lambda: session.open(night, "turning", frame=0 if stepped else 2))
    if stepped:
        desk.results.wait_for(lambda: session.change(frame=2))
    states = {name: desk.stages.state(name) for name in desk.stages.names}
    assert [name for name, row in states.items() if row.state == "failed" or row.error] == []
    assert states["frames"].note == UNUSED
    assert desk.player.note == NOT_USED
    assert desk.player.panel.unused == [2]
    if wrong != "another field":
        assert desk.picture._notes[0].elsewhere == 4
        assert states["candidates"].note == UNUSED
    desk.close()
