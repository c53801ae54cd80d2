"""Flats: divided by their own level, colour by colour, one for each filter; what is unexposed or bad is refused."""

import numpy as np
import pytest

from pipeline.frame import PATTERNS, colour_planes
from pipeline.knob import KnobError
from pipeline.masters import NO_BIAS, NO_DARKS
from pipeline.read.rows import RowReaders
from pipeline.stage import STAGES
from pipeline.stages.master_bias import master_bias
from pipeline.stages.master_dark import master_dark
from pipeline.stages.master_flat import lit_limit, master_flat
from tests.stages.ccd import SHAPE, Detector, broken, named, readers


@pytest.fixture(scope="module")
def detector():
    return Detector()


@pytest.fixture(scope="module")
def masters(detector):
    bias = master_bias(readers(*detector.frames("bias", 9)))
    return bias, master_dark(readers(*detector.frames("dark", 5, exposure=20.0)), bias)


def flats(detector, levels=(20_000.0, 24_000.0, 17_000.0), **facts):
    return [
        detector.frame("flat", light=level, exposure=20.0, name=f"flat_{i}.fits", **facts)
        for i, level in enumerate(levels)
    ]


def plain(frames, bias, dark):
    """Numpy's own: each flat less bias and dark, divided by the median of what is lit, then the median."""
    light = [frame.pixels - bias - dark for frame in frames]
    return np.median([one / np.median(one[one > 0.5 * np.percentile(one, 90)]) for one in light], axis=0)


def test_it_equals_plain_arithmetic_to_float32_rounding(detector, masters):
    frames = flats(detector, filter_name="V")
    bias, darks = masters
    (master,) = master_flat(readers(*frames), bias, darks).masters
    np.testing.assert_allclose(master.image, plain(frames, bias.image, darks.masters[0].image), rtol=3e-7)
    assert (master.filter, master.count) == ("V", 3)


def test_it_equals_ccdprocs(detector, masters):
    ccdproc = pytest.importorskip("ccdproc")
    from astropy import units
    from astropy.nddata import CCDData

    frames = flats(detector)
    bias, darks = masters
    lit = []
    for frame in frames:
        one = ccdproc.subtract_bias(CCDData(frame.pixels, unit="adu"), CCDData(bias.image, unit="adu"))
        one = ccdproc.subtract_dark(
            one, CCDData(darks.masters[0].image, unit="adu"), dark_exposure=20 * units.s, data_exposure=20 * units.s
        )
        lit.append(one)
    scale = [1 / np.median(one.data[one.data > lit_limit(one.data)]) for one in lit]
    theirs = ccdproc.combine(lit, method="median", scale=scale)
    (master,) = master_flat(readers(*frames), bias, darks).masters
    np.testing.assert_allclose(master.image, theirs.data, rtol=3e-7)


def test_it_is_the_detectors_own_flat(detector, masters):
    (master,) = master_flat(readers(*flats(detector, [25_000.0] * 9)), *masters).masters
    truth = detector.flat / np.median(detector.flat)
    np.testing.assert_allclose(master.image, truth, atol=0.03)
    assert np.std(master.image / truth - 1) < 0.004


def test_dividing_by_it_makes_an_evenly_lit_frame_even(detector, masters):
    (master,) = master_flat(readers(*flats(detector, [25_000.0] * 9)), *masters).masters
    even = (detector.frame("light", light=9000.0, noise=False).pixels - masters[0].image) / master.image
    assert np.std(even) / np.mean(even) < 0.005


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_flat_does_not_change_colours(pattern):
    detector = Detector(pattern)
    detector.flat *= detector.colours()
    bias = master_bias(readers(*detector.frames("bias", 5)))
    (master,) = master_flat(readers(*flats(detector)), bias).masters
    medians = {}
    for colour, row, column in colour_planes(pattern):
        step = 1 if colour == "mono" else 2
        medians.setdefault(colour, []).append(master.image[row::step, column::step].ravel())
    for planes in medians.values():
        values = np.concatenate(planes)
        assert np.median(values[values > lit_limit(values)]) == pytest.approx(1.0, abs=0.002)


@pytest.mark.parametrize(
    ("region", "level"),
    [
        ("frame", np.median),
        ("max", np.max),
        ((30, 40, 60, 70), lambda image: np.median(image[40:70, 30:60])),
    ],
)
def test_a_region_says_what_becomes_one(detector, masters, region, level):
    frames = flats(detector)
    bias, darks = masters
    (master,) = master_flat(readers(*frames), bias, darks, region=region).masters
    light = [frame.pixels - bias.image - darks.masters[0].image for frame in frames]
    np.testing.assert_allclose(master.image, np.median([one / level(one) for one in light], axis=0), rtol=3e-7)


@pytest.mark.parametrize("pattern", ["RGGB", "GBRG"])
def test_a_rectangle_on_a_mosaic_takes_each_colours_own_pixels(pattern):
    detector = Detector(pattern)
    detector.flat *= detector.colours()
    (master,) = master_flat(readers(*flats(detector)), region=(31, 41, 61, 71)).masters
    for colour, row, column in colour_planes(pattern):
        if colour == "green":
            continue
        inside = np.zeros(SHAPE, bool)
        inside[41:71, 31:61] = True
        own = np.zeros(SHAPE, bool)
        own[row::2, column::2] = True
        assert np.median(master.image[inside & own]) == pytest.approx(1.0, abs=0.002)


@pytest.mark.parametrize("region", ["sky", "0,0,10", "5,5,5,9", (1, 2, 3), ""])
def test_a_region_that_is_none_is_refused(region):
    with pytest.raises(KnobError, match=r"^master_flat.region = .*: wants one of lit, frame, max, x0,y0,x1,y1"):
        STAGES["master_flat"].check({"region": region})


@pytest.mark.parametrize("region", [(0, 0, 9999, 9), (5, 5, 6, 9)])
def test_a_rectangle_outside_the_frame_is_refused(detector, region):
    with pytest.raises(KnobError, match=r"^master_flat.region = .*: wants .* inside the frame of 130 x 96 pixels"):
        master_flat(readers(*flats(detector)), region=region)


def test_unexposed_pixels_have_no_value_and_do_not_count_as_level(masters):
    detector = Detector()
    detector.flat[:, :50] = 0.0
    detector.flat[5, 100] = 0.1
    (master,) = master_flat(readers(*flats(detector)), *masters).masters
    assert np.isnan(master.image[:, :50]).all()
    assert np.isnan(master.image[5, 100])
    assert np.nanmedian(master.image) == pytest.approx(1.0, abs=0.001)
    (lower,) = master_flat(readers(*flats(detector)), *masters, floor=0.0).masters
    assert np.isfinite(lower.image[5, 100])
    (whole,) = master_flat(readers(*flats(detector)), *masters, region="max").masters
    np.testing.assert_array_equal(np.isnan(whole.image), np.isnan(master.image))


def test_filters_go_apart_and_a_light_gets_its_own(detector, masters):
    frames = [*flats(detector, filter_name="V"), *flats(detector, filter_name="B"), *flats(detector, filter_name="b ")]
    made = master_flat(readers(*frames), *masters)
    assert [(master.filter, master.count) for master in made.masters] == [("B", 6), ("V", 3)]
    assert made.chosen("v").filter == "V"
    assert made.chosen("R") is None
    assert made.chosen("") is None
    only = master_flat(readers(*flats(detector, filter_name="V")), *masters)
    assert only.chosen("").filter == "V"


def test_a_flat_that_names_no_filter_serves_where_no_other_does(detector, masters):
    made = master_flat(readers(*flats(detector), *flats(detector, filter_name="V")), *masters)
    assert made.chosen("V").filter == "V"
    assert made.chosen("R").filter == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"light": 200_000.0},
            r"is a saturated flat \(\d+ % of its lit pixels are full, at 60000 ADU\): leave it out, and",
        ),
        ({"light": 0.0}, r"is a dark flat \(-?\d+ ADU above bias and dark, noise \d+\.\d\): leave it out, and take it"),
        ({"light": 120.0}, "is a dark flat"),
    ],
)
def test_a_saturated_or_dark_flat_is_refused_and_the_others_go_on(detector, masters, change, words):
    bad = detector.frame("flat", exposure=20.0, name="bad.fits", **change)
    made = master_flat(readers(*flats(detector), bad), *masters)
    assert made.masters[0].count == 3
    ((file, reason),) = made.left_out
    assert file == "bad.fits"
    import re

    assert re.match(f"bad.fits: {words}", reason), reason


@pytest.mark.parametrize(("light", "refused"), [(45.0, True), (150.0, False)])
def test_a_flat_whose_noise_is_more_than_a_tenth_of_its_light_is_dark(detector, masters, light, refused):
    lamp = named(detector.frame("flat", light=light, exposure=2.0, name="lamp.fits"), saturation=None)
    made = master_flat(readers(lamp), *masters)
    assert [file for file, _ in made.left_out] == ["lamp.fits"] * refused


@pytest.mark.parametrize(("share", "refused"), [(0.003, False), (0.05, True)])
def test_a_flat_may_have_a_few_full_pixels(detector, masters, share, refused):
    lamp = detector.frame("flat", light=20_000.0, exposure=2.0, name="lamp.fits")
    lamp.pixels[np.random.default_rng(2).random(SHAPE) < share] = detector.full
    assert [file for file, _ in master_flat(readers(lamp), *masters).left_out] == ["lamp.fits"] * refused


def test_a_flat_that_is_full_in_rows_of_their_own_overscan_is_saturated(detector, masters):
    frames = flats(detector)
    height = 12 * np.cos(np.arange(SHAPE[0]) / 30)[:, None].astype(np.float32)
    full = named(frames[0], file="full.fits", saturation=float(59_000 + height.min()))
    full.pixels[:] = 59_000 + height
    result = master_flat(readers(full, *frames[1:]), NO_BIAS, NO_DARKS)
    assert result.masters[0].count == 2
    assert "saturated flat" in dict(result.left_out)["full.fits"]


def test_a_flat_that_is_full_below_what_its_header_says_is_saturated_all_the_same(detector, masters):
    bad = detector.frame("flat", light=30_000.0, exposure=20.0, name="bad.fits")
    bad = named(bad, saturation=None)
    np.minimum(bad.pixels, 16_383, out=bad.pixels)
    ((_, reason),) = master_flat(readers(bad), *masters).left_out
    assert "saturated flat" in reason


def test_zeros_nan_and_broken_flats_leave_the_filter_without_a_flat_and_say_so(detector, masters):
    zeros = named(detector.frame("flat", noise=False), file="zeros.fits", filter="V")
    zeros.pixels[:] = 0
    hole = named(detector.frame("flat"), file="hole.fits", filter="V")
    hole.pixels[:] = np.nan
    made = master_flat(RowReaders([*readers(zeros, hole), broken("flat")]), NO_BIAS, NO_DARKS)
    assert made.masters == ()
    assert {file for file, _ in made.left_out} == {"zeros.fits", "hole.fits", "broken.fits"}
    assert made.warnings == ("flats of filter V: none can be used: lights of that filter keep dust and shading",)


def test_photon_transfer_finds_the_gain(masters):
    for gain in (0.7, 2.0, 5.0):
        detector = Detector(gain=gain, seed=11)
        detector.bias = Detector().bias
        (master,) = master_flat(readers(*flats(detector, (20_000.0, 21_500.0))), *masters).masters
        assert master.gain == pytest.approx(gain, rel=0.04)
    (single,) = master_flat(readers(*flats(Detector(), (20_000.0,))), *masters).masters
    assert single.gain is None


def test_photon_transfer_is_right_where_the_field_is_deeply_shaded(masters):
    gains = []
    for seed in range(8):
        detector = Detector(seed=seed)
        detector.flat = np.broadcast_to(np.exp(np.linspace(-2, 1, SHAPE[1])), SHAPE)
        (master,) = master_flat(readers(*flats(detector, (20_000.0, 21_500.0))), *masters).masters
        gains.append(master.gain)
    assert np.mean(gains) == pytest.approx(2.0, rel=0.04)


def test_a_light_that_fell_on_two_flats_at_different_brightness_weighs_the_same(detector, masters):
    bright, faint = flats(detector, (40_000.0, 5_000.0))
    (both,) = master_flat(readers(bright, faint), *masters).masters
    (one,) = master_flat(readers(bright), *masters).masters
    assert abs(np.median(both.image / one.image) - 1) < 0.002
