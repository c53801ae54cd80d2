"""What is true of every stage, read from the registry."""

import inspect

import pytest

import pipeline.stages  # noqa: F401
from pipeline.graph.lineage import ancestors
from pipeline.knob import KnobError
from pipeline.stage import STAGES

KNOBS = [spec for stage in STAGES.values() for spec in stage.knobs.values()]


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_a_stage_says_what_it_is_for_and_needs_only_what_comes_before(stage):
    assert stage.purpose.endswith(".")
    assert "Parameters" in inspect.getdoc(stage.function)
    before = list(STAGES)[: list(STAGES).index(stage.name)]
    assert set(stage.inputs) <= {*before, "files", "frame", "index", "calibration"}
    assert stage.scope in ("frame", "sequence")
    assert inspect.getmodule(stage.function).__name__ == f"pipeline.stages.{stage.name}"


@pytest.mark.parametrize("spec", KNOBS, ids=lambda spec: f"{spec.stage}.{spec.name}")
def test_a_knob_has_a_doc_bounds_and_a_default_inside_them(spec):
    assert spec.knob.doc
    assert spec.check(spec.default) == spec.default
    if spec.kind in ("float", "int", "range", "sides"):
        assert spec.knob.low is not None
        assert spec.knob.high is not None
        assert spec.knob.low < spec.knob.high


@pytest.mark.parametrize("spec", [k for k in KNOBS if k.kind in ("float", "int")], ids=lambda k: f"{k.stage}.{k.name}")
@pytest.mark.parametrize("value", [True, "many", float("nan"), float("inf"), [1], {}])
def test_a_number_refuses_what_is_none(spec, value):
    with pytest.raises(KnobError, match=f"{spec.stage}.{spec.name} = "):
        spec.check(value)


@pytest.mark.parametrize("spec", [k for k in KNOBS if k.kind in ("float", "int")], ids=lambda k: f"{k.stage}.{k.name}")
def test_a_number_outside_its_bounds_is_refused_with_bounds_and_unit(spec):
    for value in (spec.knob.low - 1, spec.knob.high + 1):
        with pytest.raises(KnobError) as caught:
            spec.check(value)
        assert f"{spec.knob.high:.10g}" in str(caught.value)
        assert spec.knob.unit in str(caught.value)


def test_ancestors_are_all_that_a_result_is_made_from():
    assert {"hot_pixels", "calibrated", "mask"} <= set(ancestors("background"))
    assert "normalize" not in ancestors("background")
    assert "offset_map" in [name for name in STAGES if "tracks" in ancestors(name)]
    assert "candidates" in ancestors("offset_map")
