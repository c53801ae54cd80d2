"""Darks: one for each exposure, without the bias where there is one, and chosen for a light by its exposure."""

import numpy as np
import pytest

from pipeline.stages.master_bias import master_bias
from pipeline.stages.master_dark import master_dark
from tests.stages.ccd import Detector, named, readers


@pytest.fixture(scope="module")
def detector():
    return Detector()


@pytest.fixture(scope="module")
def bias(detector):
    return master_bias(readers(*detector.frames("bias", 9)))


def test_it_is_the_median_less_the_bias(detector, bias):
    frames = detector.frames("dark", 5, exposure=60.0)
    (master,) = master_dark(readers(*frames), bias).masters
    plain = np.median([frame.pixels for frame in frames], axis=0) - bias.image
    np.testing.assert_array_equal(master.image, plain)
    np.testing.assert_allclose(
        master.image, np.median([frame.pixels - bias.image for frame in frames], axis=0), atol=1e-4
    )
    assert not master.with_bias


def test_exposures_go_apart_and_those_that_differ_by_a_shutters_whim_go_together(detector, bias):
    frames = [detector.frame("dark", exposure=seconds) for seconds in (30.0, 10.0, 30.05, 10.0, 120.0)]
    darks = master_dark(readers(*frames), bias)
    assert [(master.exposure, master.count) for master in darks.masters] == [(10.0, 2), (30.0, 2), (120.0, 1)]
    assert len(darks.warnings) == 1
    assert "is the only dark of 120 s" in darks.warnings[0]


def test_its_own_exposure_is_taken_as_it_is_and_another_in_proportion(detector, bias):
    darks = master_dark(readers(*(detector.frame("dark", exposure=s) for s in (10.0, 60.0))), bias)
    assert [darks.chosen(s)[1] for s in (10.0, 60.2)] == [1.0, 1.0]
    master, factor = darks.chosen(120.0)
    assert (master.exposure, factor) == (60.0, 2.0)
    master, factor = darks.chosen(15.0)
    assert (master.exposure, factor) == (10.0, 1.5)


def test_scaled_to_another_exposure_it_is_the_dark_of_that(detector, bias):
    quiet = Detector(read_noise=0.05, gain=100.0)
    quiet_bias = master_bias(readers(*quiet.frames("bias", 5)))
    darks = master_dark(readers(*quiet.frames("dark", 5, exposure=100.0)), quiet_bias)
    master, factor = darks.chosen(300.0)
    np.testing.assert_allclose(master.image * factor, quiet.dark * 300.0, atol=8.0)


def test_never_scaled_it_serves_its_own_exposure_alone(detector, bias):
    darks = master_dark(readers(*detector.frames("dark", 3, exposure=60.0)), bias, scale="never")
    assert darks.chosen(60.0)[1] == 1.0
    assert darks.chosen(120.0) is None


def test_without_a_bias_it_has_the_bias_in_it_and_is_not_scaled(detector):
    frames = detector.frames("dark", 5, exposure=60.0)
    darks = master_dark(readers(*frames))
    np.testing.assert_array_equal(darks.masters[0].image, np.median([frame.pixels for frame in frames], axis=0))
    assert darks.masters[0].with_bias
    assert darks.chosen(60.0)[1] == 1.0
    assert darks.chosen(240.0)[1] == 1.0


def test_darks_of_no_known_exposure_serve_lights_of_none(detector, bias):
    frames = [named(frame, exposure=None) for frame in detector.frames("dark", 3, exposure=5.0)]
    darks = master_dark(readers(*frames), bias)
    assert darks.chosen(None)[0].count == 3
    assert darks.chosen(5.0) is None


def test_without_a_dark_there_is_none(detector, bias):
    darks = master_dark(readers(detector.frame("bias")), bias)
    assert darks.masters == ()
    assert darks.chosen(60.0) is None
