"""Steps of the reduction that a file's header says are behind it: not done again, and told."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.frame import HotPixels
from pipeline.masters import NO_BIAS, NO_FLATS
from pipeline.stages.calibrated import calibrated
from pipeline.stages.master_bias import master_bias
from pipeline.stages.master_dark import master_dark
from pipeline.stages.master_flat import master_flat
from tests.stages.ccd import Detector, readers

OFF = HotPixels(None, "off")


def reduced_elsewhere(*kinds):
    """A light without noise of which some steps are behind it, as its header says; and everything that made it."""
    detector = Detector()
    made = {
        "bias": detector.frames("bias", 3, noise=False),
        "dark": detector.frames("dark", 3, exposure=60.0, noise=False),
        "flat": detector.frames("flat", 3, light=20_000.0, exposure=2.0, noise=False),
    }
    light = detector.frame("light", light=800.0, exposure=60.0, noise=False)
    pixels = light.pixels.astype(float)
    pixels -= detector.bias if "bias" in kinds else 0
    pixels -= detector.dark * 60 if "dark" in kinds else 0
    pixels /= detector.flat if "flat" in kinds else 1
    info = replace(light.info, done=tuple((kind, "CALSTAT = 'X'") for kind in kinds))
    return detector, made, replace(light, info=info, pixels=pixels.astype(np.float32))


@pytest.mark.parametrize("kinds", [(), ("bias",), ("bias", "dark"), ("bias", "dark", "flat"), ("flat",)])
def test_what_was_done_elsewhere_is_not_done_again_and_is_said(kinds):
    _, made, light = reduced_elsewhere(*kinds)
    bias = master_bias(readers(*made["bias"]))
    darks = master_dark(readers(*made["dark"]), bias)
    flats = master_flat(readers(*made["flat"]), bias, darks)
    result = calibrated(light, OFF, bias, darks, flats)
    if "flat" not in kinds or len(kinds) == 3:
        level = result.pixels / np.median(result.pixels)
        # An even sky is even again: nothing was left out, nothing done twice.
        np.testing.assert_allclose(level, 1, atol=2e-3)
    said = [one for one in result.warnings if "was reduced before (CALSTAT = 'X')" in one]
    assert len(said) == bool(kinds)
    assert not kinds or f"no {' or '.join(kinds)} is applied again: give the raw frame" in said[0]


def test_a_dark_that_still_has_its_bias_is_not_taken_off_a_light_without():
    _, made, light = reduced_elsewhere("bias")
    darks = master_dark(readers(*made["dark"]))
    result = calibrated(light, OFF, NO_BIAS, darks, NO_FLATS)
    np.testing.assert_array_equal(result.pixels, light.pixels)
    assert any("its own bias is off already, and is still in the darks" in one for one in result.warnings)


def test_a_flat_without_its_bias_loses_no_second_one():
    _, made, _ = reduced_elsewhere()
    bias = master_bias(readers(*made["bias"]))
    raw = master_flat(readers(*made["flat"]), bias)
    bare = [
        replace(one, info=replace(one.info, done=(("bias", "CALSTAT = 'B'"),)), pixels=one.pixels - bias.image)
        for one in made["flat"]
    ]
    again = master_flat(readers(*bare), bias)
    np.testing.assert_allclose(again.masters[0].image, raw.masters[0].image, rtol=1e-6)
    assert "flat_0.fits: was reduced before (CALSTAT = 'B'), so no bias is applied again" in again.warnings[0]
    assert raw.warnings == ()
