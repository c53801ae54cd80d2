"""The samples that come with Starshift, their sizes and formats, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.sample import SAMPLES, make_frame, make_truth, named
from tests.sample.specs import LONE


def test_names_sizes_and_formats_of_named_samples():
    assert next(iter(SAMPLES)) == "drift"
    assert {"drift", "rotation", "codes", "survival", "large", "colours"} <= set(SAMPLES)
    spec = named("rotation", frames=3, size=480, format="dng")
    assert (spec.frames, spec.shape, spec.pattern, spec.stars) == (3, (360, 480), "RGGB", 100)
    assert named("rotation", size=(240, 480)).shape == (240, 480)
    assert all(sample.story for sample in SAMPLES.values())


def test_a_smaller_sample_keeps_as_much_of_the_sky_in_the_field():
    share = []
    for size in (None, 600):
        truth = make_truth(named("drift", size=size))
        share.append(truth.inside.all(axis=0).sum() / truth.inside[0].sum())
    assert share[0] > 0.75
    assert share[1] == pytest.approx(share[0], abs=0.1)


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "large"])
def test_every_named_sample_exposes_and_keeps_most_stars_unsaturated(name):
    spec = named(name, size=320)
    truth = make_truth(spec)
    frame = make_frame(spec, truth, spec.frames - 1)
    assert frame.shape == spec.shape
    assert np.nanmean(frame.above_black() >= frame.info.saturation) < 0.01


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"frames": 0}, "lone.frames = 0: wants at least 1"),
        ({"pattern": "RGBG"}, "wants one of none, RGGB"),
        ({"format": "dng"}, "a DNG holds a whole-number colour mosaic; take fits"),
        ({"bits": 20}, "lone.bits = 20: wants 8 to 16"),
    ],
)
def test_a_spec_that_makes_no_sense_is_refused_in_a_sentence(change, sentence):
    with pytest.raises(ValueError, match="lone") as caught:
        replace(LONE, **change)
    assert sentence in str(caught.value)


def test_an_unknown_sample_names_those_there_are():
    with pytest.raises(ValueError, match="no such sample; there are drift"):
        named("drfit")


def test_codes_tells_of_every_thing_that_can_become_of_a_star():
    spec = SAMPLES["codes"]
    truth = make_truth(spec)
    star = truth.labels
    assert not truth.inside[-1, star["leaves"]]
    assert (truth.flux[6:9, star["fades"]] == 0).all()
    assert truth.flux[9].max() == 0
    bad = make_frame(spec, truth, 0).mask
    at = [bad[round(truth.y[i, star["masked"]]), round(truth.x[i, star["masked"]])] for i in range(spec.frames)]
    assert not at[0]
    assert any(at)
    bright = make_frame(spec, truth, 7).pixels
    assert bright[round(truth.y[7, star["bright"]]), round(truth.x[7, star["bright"]])] == spec.full
    gap = np.hypot(
        truth.x[:, star["left"]] - truth.x[:, star["right"]], truth.y[:, star["left"]] - truth.y[:, star["right"]]
    )
    assert gap[0] > 3 * spec.fwhm
    assert gap.min() < 0.5 * spec.fwhm
    apart = np.hypot(
        truth.x[:, star["overrun"]] - truth.x[:, star["intruder"]],
        truth.y[:, star["overrun"]] - truth.y[:, star["intruder"]],
    )
    assert apart[0] > 20
    assert apart[-2:].min() < 1.5 * spec.fwhm
