"""The stages' rows without a browser: what stands aside says so, and several rows in one say what any of them has."""

import numpy as np
import pytest

pytest.importorskip("panel")

from pipeline.frame import HotPixels, Normalized
from pipeline.masters import Master, MasterDarks, MasterFlats
from pipeline.photometry import Mask
from pipeline.stage import STAGES
from ui.knobs import KnobPanel
from ui.marks import aside
from ui.stage_list import MASTERS, RowState, StageList

IMAGE = np.zeros((4, 6), np.float32)


def _normalized(pattern):
    return Normalized(IMAGE, 1.0, 1.0, pattern, None, np.empty(0, np.int64), 1.0)


@pytest.fixture
def rows():
    nothing = dict.fromkeys(("on_open", "on_explain", "on_cancel"), lambda name: None)
    return StageList(lambda *turn: None, on_fold=lambda: None, **nothing)


@pytest.mark.parametrize(
    ("name", "result", "said"),
    [
        ("master_bias", Master("bias", None), "no files"),
        ("master_bias", Master("bias", IMAGE), ""),
        ("master_dark", MasterDarks(), "no files"),
        ("master_flat", MasterFlats((Master("flat", IMAGE),)), ""),
        ("mask", Mask(), "nothing masked"),
        ("mask", Mask(IMAGE > 0), ""),
        ("hot_pixels", HotPixels(None, "off"), "off"),
        ("hot_pixels", HotPixels(None, "frame"), ""),
        ("normalize", _normalized("none"), "one colour"),
        ("normalize", _normalized("RGGB"), ""),
        ("stars", None, ""),
    ],
)
def test_a_stage_that_had_nothing_to_do_says_why(name, result, said):
    assert aside(name, result) == said


def test_masters_share_a_row_that_is_grey_without_files_and_tells_what_fails_or_runs(rows):
    rows.set_states(dict.fromkeys(MASTERS, RowState("idle", "no files")))
    masters, later = rows.folds
    assert (masters["state"], masters["note"]) == ("idle", "no files")
    assert later["title"] == f"{len(later['stages'])} more stages"
    rows.set_states({"master_dark": RowState("stored", "3 ms")})
    assert (rows.folds[0]["state"], rows.folds[0]["note"]) == ("stored", "1 made")
    rows.set_states({"master_flat": RowState("running", "frame 2 of 3")})
    assert (rows.folds[0]["state"], rows.folds[0]["note"]) == ("running", "frame 2 of 3")
    rows.set_states({"master_bias": RowState("failed", "failed")})
    assert rows.folds[0]["state"] == "failed"


def test_every_stage_has_one_row_and_folds_hold_neighbours(rows):
    assert [row["name"] for row in rows.rows] == list(STAGES)
    for fold in rows.folds:
        first = list(STAGES).index(fold["stages"][0])
        assert list(STAGES)[first : first + len(fold["stages"])] == fold["stages"]


def test_a_notebooks_panel_of_few_stages_has_no_row_for_one_alone():
    nothing = dict.fromkeys(("on_open", "on_explain", "on_cancel"), lambda name: None)
    rows = StageList(lambda *turn: None, on_fold=lambda: None, names=("frames", "master_bias", "shifts"), **nothing)
    assert rows.folds == []


def test_a_turn_that_is_taken_back_before_its_results_came_is_drawn_back():
    """The browser shows a turn by itself, so that the values here are the same before and after."""
    panel = KnobPanel(STAGES["stars"], lambda *turned: None)
    values = {name: spec.default for name, spec in STAGES["stars"].knobs.items()}
    panel.show(values, {})
    before, shown = panel.values, panel.again
    panel._handle_msg({"knob": "threshold", "value": 15, "live": False})
    panel.show(values, {})
    assert panel.values == before
    assert panel.again == shown + 1
    panel.show(values, {})
    assert panel.again == shown + 1
