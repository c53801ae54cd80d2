"""The master bias is numpy's plain median or clipped mean, and its noise is that of fewer photons than none."""

import numpy as np
import pytest

from pipeline.read.rows import RowReaders
from pipeline.stages.combining import deviation
from pipeline.stages.master_bias import master_bias
from tests.stages.ccd import Detector, broken, named, readers


def test_the_median_is_numpys_own():
    frames = Detector().frames("bias", 7)
    master = master_bias(readers(*frames))
    np.testing.assert_array_equal(master.image, np.median([frame.pixels for frame in frames], axis=0))
    assert master.files == tuple(f"bias_{i}.fits" for i in range(7))
    assert master.image.dtype == np.float32
    assert not master.image.flags.writeable


def test_the_clipped_mean_leaves_out_what_ccdproc_leaves_out():
    ccdproc = pytest.importorskip("ccdproc")
    from astropy.nddata import CCDData

    frames = Detector().frames("bias", 12)
    frames[4].pixels[10, 20] += 5000
    master = master_bias(readers(*frames), combine="clipped", clip=3.0)
    combiner = ccdproc.Combiner([CCDData(frame.pixels.astype(np.float64), unit="adu") for frame in frames])
    before = -1
    while before != (before := int(combiner.data_arr.mask.sum())):
        combiner.sigma_clipping(low_thresh=3, high_thresh=3, func=np.ma.median, dev_func=np.ma.std)
    np.testing.assert_allclose(master.image, combiner.average_combine().data, rtol=2e-7)
    assert abs(master.image[10, 20] - 300) < 10


def test_only_bias_frames_are_taken_and_what_cannot_be_read_is_told():
    detector = Detector()
    frames = detector.frames("bias", 3)
    hole = named(detector.frame("bias"), file="hole.fits")
    hole.pixels[:] = np.nan
    others = [detector.frame("dark", exposure=30.0), detector.frame("flat", light=9000.0)]
    master = master_bias(RowReaders([*readers(*others, *frames, hole), broken("bias")]))
    assert master.count == 3
    assert dict(master.left_out) == {
        "broken.fits": "broken.fits: is empty (0 bytes): copy it again",
        "hole.fits": "hole.fits: has no pixel with a value (all are NaN): leave it out",
    }


def test_without_a_bias_it_steps_aside():
    master = master_bias(readers(Detector().frame("dark", exposure=3.0)))
    assert master.image is None
    assert (master.count, master.left_out, master.warnings) == (0, (), ())


def test_a_single_bias_serves_and_says_what_that_costs():
    master = master_bias(readers(*Detector().frames("bias", 1)))
    (said,) = master.warnings
    assert said == "bias_0.fits: is the only bias, so its noise goes into every light: take ten or more"
    assert np.isnan(master.pair_noise)


def test_the_noise_goes_down_with_the_number_of_frames_and_read_noise_is_found():
    detector = Detector(read_noise=6.0)
    detector.bias[:] = 300.0
    master = master_bias(readers(*detector.frames("bias", 16)), combine="clipped", clip=10)
    assert master.pair_noise == pytest.approx(6.0, rel=0.03)
    assert master.single_noise == pytest.approx(6.0, rel=0.03)
    assert master.noise == pytest.approx(6.0 / 4, rel=0.04)
    assert master.error == pytest.approx(6.0 / 4, rel=0.04)


def test_a_deviation_hears_no_outliers_and_has_no_steps():
    rng = np.random.default_rng(5)
    values = np.rint(rng.normal(0, 1.3, 40_000))
    values[:400] = 1e6
    assert deviation(values) == pytest.approx((1.3**2 + 1 / 12) ** 0.5, rel=0.01)
    assert np.isnan(deviation(np.full(3, np.nan)))
