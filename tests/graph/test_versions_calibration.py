"""Masters and what is made with them: results that move raise the version of their stage, as those of the lights do."""

import numpy as np
import pytest

from pipeline.graph.run import Graph
from pipeline.recipe import Recipe
from pipeline.stage import STAGES
from tests.stages.ccd import Detector
from tests.test_cli_calibration import write

# For each stage its version and what its result on one session came to. Change a number and its version together.
KNOWN = {
    "master_bias": (2, 9.0629616),
    "master_dark": (3, 11.829911),
    "master_flat": (3, 5.6430917),
    "hot_pixels": (5, 1.0),
    "calibrated": (6, 676.50763),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("session")
    detector = Detector(seed=21)
    for kind, facts in (("bias", {}), ("dark", {"exposure": 30.0}), ("flat", {"light": 20_000.0})):
        for frame in detector.frames(kind, 5, **facts):
            write(folder, frame)
    write(folder, detector.frame("light", light=500.0, exposure=60.0, name="m1.fits"))
    graph = Graph()
    night, recipe = graph.open([folder]), Recipe().with_knobs("calibrated", uncertainty=True, cosmic_rays="lacosmic")
    bias, hot = graph.result(night, recipe, "master_bias"), graph.result(night, recipe, "hot_pixels")
    light = graph.result(night, recipe, "calibrated", 0)
    return {
        "master_bias": float(bias.image.std() + bias.pair_noise + bias.error),
        "master_dark": float(graph.result(night, recipe, "master_dark").masters[0].image.std()),
        "master_flat": float(graph.result(night, recipe, "master_flat").masters[0].image.std() * 100),
        "hot_pixels": float(hot.mask.sum() + 1000 * hot.bad.sum()),
        "calibrated": float(np.nanmean(light.pixels) + np.nanstd(light.pixels) + 10 * np.nanmean(light.uncertainty)),
    }


@pytest.mark.parametrize("stage", KNOWN)
def test_results_move_only_with_their_version(stage, found):
    version, value = KNOWN[stage]
    assert STAGES[stage].version == version, f"the version of {stage} moved: write down what its result comes to now"
    assert found[stage] == pytest.approx(value, rel=1e-4, abs=1e-6), f"the result of {stage} moved: raise its version"
