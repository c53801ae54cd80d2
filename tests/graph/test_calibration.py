"""Calibration frames in the graph: who is made anew when one is added, and what a knob makes needless."""

import numpy as np
import pytest

from pipeline.graph import records
from pipeline.graph.run import Graph
from pipeline.recipe import Recipe
from tests.stages.ccd import Detector
from tests.test_cli_calibration import write

STAGES = ("frame", "hot_pixels", "master_bias", "master_dark", "master_flat", "calibrated")


@pytest.fixture
def folder(tmp_path):
    detector = Detector()
    for kind, facts in (("bias", {}), ("dark", {"exposure": 30.0}), ("flat", {"light": 20_000.0})):
        for frame in detector.frames(kind, 3, **facts):
            write(tmp_path, frame)
    write(tmp_path, detector.frame("light", light=500.0, exposure=30.0, name="m1.fits"))
    return tmp_path


def keys(graph, folder, recipe=None):
    night = graph.open([folder])
    return {stage: graph.key(night, recipe or Recipe(), stage, 0) for stage in STAGES}


def changed(before, after):
    return {stage for stage in STAGES if before[stage] != after[stage]}


def test_another_flat_makes_the_masters_anew_and_not_the_frame(folder):
    graph = Graph()
    before = keys(graph, folder)
    assert changed(before, keys(graph, folder)) == set()
    write(folder, Detector(seed=8).frame("flat", light=22_000.0, name="flat_9.fits"))
    assert changed(before, keys(graph, folder)) == {*STAGES} - {"frame"}


def test_a_file_of_other_content_makes_them_anew(folder):
    graph = Graph()
    before = keys(graph, folder)
    write(folder, Detector(seed=8).frame("bias", name="bias_0.fits"))
    assert "master_bias" in changed(before, keys(graph, folder))


def test_the_overscan_knob_reaches_the_masters(folder):
    graph = Graph()
    off = Recipe().with_knobs("frames", overscan="off")
    assert changed(keys(graph, folder), keys(graph, folder, off)) == set(STAGES)


def test_an_input_that_knobs_do_not_need_is_not_in_the_key(folder):
    graph = Graph()
    for find in ("frame", "off"):
        recipe = Recipe().with_knobs("hot_pixels", find=find)
        before = keys(graph, folder, recipe)
        write(folder, Detector(seed=8).frame("flat", light=22_000.0, name=f"flat_{find}.fits"))
        assert "hot_pixels" not in changed(before, keys(graph, folder, recipe))


def test_kinds_by_hand_reach_the_masters(folder):
    graph, recipe = Graph(), Recipe().with_knobs("frames", kinds={"dark_0.fits": "bias"})
    night = graph.open([folder])
    assert graph.result(night, Recipe(), "master_bias").count == 3
    assert graph.result(night, recipe, "master_bias").count == 4
    assert graph.result(night, recipe, "master_dark").masters[0].count == 2


def test_a_kind_that_was_named_is_another_night(folder):
    graph = Graph()
    mixed = graph.open([folder])
    named = graph.open([folder], calibration={"dark": [folder / "bias_0.fits"]})
    assert mixed.key != named.key
    assert graph.result(named, Recipe(), "master_bias").count == 2
    assert len(named.files) == len(mixed.files)


def test_masters_and_frames_come_back_from_a_file_as_they_were(folder, tmp_path):
    graph = Graph()
    night = graph.open([folder])
    recipe = Recipe().with_knobs("calibrated", uncertainty=True)
    darks = graph.result(night, recipe, "master_dark")
    records.save(tmp_path / "darks.npz", darks)
    back = records.load(tmp_path / "darks.npz")
    np.testing.assert_array_equal(back.masters[0].image, darks.masters[0].image)
    assert (back.masters[0].exposure, back.masters[0].files) == (30.0, darks.masters[0].files)
    assert back.chosen(60.0)[1] == 2.0


def test_without_calibration_frames_they_step_aside(tmp_path):
    light = Detector().frame("light", light=500.0, exposure=30.0, name="m1.fits")
    write(tmp_path, light)
    graph = Graph()
    night = graph.open([tmp_path])
    assert graph.result(night, Recipe(), "master_bias").image is None
    assert graph.result(night, Recipe(), "master_dark").masters == ()
    assert graph.result(night, Recipe(), "master_flat").masters == ()
    assert graph.result(night, Recipe(), "calibrated", 0).pixels.dtype == np.uint16
