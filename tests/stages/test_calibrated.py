"""Mending: only hot pixels change, by what lies around them in their own colour, and bits stay bits."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.frame import PATTERNS, Frame, FrameInfo, HotPixels
from pipeline.graph.run import Graph
from pipeline.masters import NO_BIAS, NO_DARKS, NO_FLATS
from pipeline.recipe import Recipe
from pipeline.stages.background import colour_numbers
from pipeline.stages.calibrated import calibrated, hot_indices
from pipeline.stages.master_bias import master_bias
from pipeline.stages.master_dark import master_dark
from pipeline.stages.master_flat import master_flat
from pipeline.stages.normalize import full_pixels
from tests.stages.ccd import Detector, readers
from tests.stages.test_hot_pixels import sky_frame

SHAPE = (60, 74)
OFF = HotPixels(None, "off")


def mosaic(pattern="none", dtype=np.uint16, seed=1, mask=None):
    """Each colour at its own level with a gentle slope, so that a value of another colour would show at once."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    levels = np.array([1000, 3000, 9000])[colour_numbers(pattern)]
    pixels = levels[y % 2, x % 2] + 2 * x + y
    pixels = pixels + np.random.default_rng(seed).integers(0, 3, SHAPE)
    return Frame(FrameInfo("/n/f.fits", "f.fits", SHAPE, pattern), pixels.astype(dtype), mask=mask)


def spoiled(frame, places, value=60_000):
    pixels = frame.pixels.copy()
    pixels.ravel()[places] = value
    pixels.flags.writeable = False
    return Frame(frame.info, pixels, frame.black, frame.mask)


def hot_mask(places):
    mask = np.zeros(SHAPE, bool)
    mask.ravel()[places] = True
    mask.flags.writeable = False
    return mask


@settings(max_examples=30, deadline=None)
@given(
    pattern=st.sampled_from(PATTERNS),
    dtype=st.sampled_from([np.uint16, np.float32]),
    places=st.sets(st.integers(0, SHAPE[0] * SHAPE[1] - 1), min_size=1, max_size=60),
)
def test_hot_pixels_get_their_own_colours_level_and_no_other_pixel_changes(pattern, dtype, places):
    places = np.array(sorted(places))
    truth = mosaic(pattern, dtype)
    result = calibrated(spoiled(truth, places), HotPixels(hot_mask(places), "sequence"))
    assert result.pixels.dtype == dtype
    # Three pixels along the slope and back are 12 ADU, and colours lie 2000 apart.
    assert np.abs(result.pixels.astype(float) - truth.pixels).max() <= 14
    untouched = ~hot_mask(places)
    np.testing.assert_array_equal(result.pixels[untouched], truth.pixels[untouched])
    assert result.mask is None
    assert not result.pixels.flags.writeable


def test_masking_marks_the_pixels_and_keeps_their_values():
    places = np.array([5, 700, 2000])
    before = np.zeros(SHAPE, bool)
    before[3, 3] = True
    frame = spoiled(mosaic(mask=before), places)
    result = calibrated(frame, HotPixels(hot_mask(places), "sequence", repair="mask"))
    assert result.pixels is frame.pixels
    assert np.flatnonzero(result.mask).tolist() == sorted([*places, 3 * SHAPE[1] + 3])
    assert before.sum() == 1


@pytest.mark.parametrize(
    "hot",
    [
        HotPixels(None, "off"),
        HotPixels(hot_mask([7]), "sequence", repair="keep"),
        HotPixels(np.zeros(SHAPE, bool), "sequence"),
        HotPixels(None, "frame"),
    ],
)
def test_with_nothing_to_do_the_frame_is_the_same_one(hot):
    frame = mosaic()
    assert calibrated(frame, hot) is frame


def test_a_pixel_without_a_good_neighbour_is_masked():
    places = (np.arange(20, 33)[:, None] * SHAPE[1] + np.arange(20, 33)).ravel()
    result = calibrated(spoiled(mosaic(), places), HotPixels(hot_mask(places), "sequence"))
    assert result.mask[26, 26]
    assert not result.mask[20, 20]
    assert result.pixels[20, 20] < 5000


def test_a_masked_neighbour_is_not_copied_and_stays_masked():
    mask = np.zeros(SHAPE, bool)
    mask[29:32, 28:33] = True
    mask[30, 30] = False
    frame = mosaic(mask=mask)
    pixels = frame.pixels.copy()
    pixels[mask] = 50_000
    place = [30 * SHAPE[1] + 30]
    result = calibrated(
        spoiled(Frame(frame.info, pixels, frame.black, mask), place), HotPixels(hot_mask(place), "sequence")
    )
    assert abs(int(result.pixels[30, 30]) - int(frame.pixels[30, 30])) < 10
    np.testing.assert_array_equal(result.mask, mask)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_lone_pixels_of_a_single_frame_are_found_and_mended(pattern):
    rng = np.random.default_rng(3)
    sky = rng.normal(500, 6, (200, 240))
    frame = Frame(FrameInfo("/n/f.fits", "f.fits", sky.shape, pattern), np.rint(sky).astype(np.uint16))
    grid = (np.arange(10, 190, 15)[:, None] * 240 + np.arange(10, 230, 17)).ravel()
    pixels = frame.pixels.copy()
    pixels.ravel()[grid] += rng.integers(80, 20_000, grid.size).astype(np.uint16)
    noisy = Frame(frame.info, pixels)
    alone = HotPixels(None, "frame")
    assert hot_indices(noisy, alone).tolist() == grid.tolist()
    assert np.abs(calibrated(noisy, alone).pixels.astype(float) - 500).max() < 45


def test_frames_of_another_shape_are_left_alone():
    frame = Frame(FrameInfo("/n/f.fits", "f.fits", (30, 40)), np.zeros((30, 40), np.uint16))
    assert calibrated(frame, HotPixels(hot_mask([1, 2, 3]), "sequence")) is frame


@pytest.fixture(scope="module")
def session():
    """A detector with all of its masters."""
    detector = Detector()
    bias = master_bias(readers(*detector.frames("bias", 9)))
    darks = master_dark(readers(*detector.frames("dark", 7, exposure=60.0)), bias)
    flats = master_flat(
        readers(*detector.frames("flat", 7, light=25_000.0, exposure=5.0, filter_name="V")), bias, darks
    )
    return detector, bias, darks, flats


def test_a_light_is_reduced_by_plain_arithmetic_to_float32_rounding(session):
    detector, bias, darks, flats = session
    light = detector.frame("light", light=500.0, exposure=120.0, filter_name="V")
    result = calibrated(light, OFF, bias, darks, flats)
    plain = (light.pixels.astype(float) - bias.image - darks.masters[0].image * 2.0) / flats.masters[0].image
    np.testing.assert_allclose(result.pixels, plain, rtol=3e-7, atol=3e-4)
    assert np.median(result.pixels) == pytest.approx(500.0 * np.median(detector.flat), rel=0.01)
    assert [step.split(":")[0] for step in result.history] == ["bias", "dark", "flat"]
    assert "times 2" in result.history[1]
    assert result.warnings == ()
    assert not result.pixels.flags.writeable


def test_ccdproc_reduces_it_to_the_same(session):
    ccdproc = pytest.importorskip("ccdproc")
    from astropy import units
    from astropy.nddata import CCDData

    detector, bias, darks, flats = session
    light = detector.frame("light", light=500.0, exposure=120.0, filter_name="V")
    one = ccdproc.subtract_bias(CCDData(light.pixels, unit="adu"), CCDData(bias.image, unit="adu"))
    dark = CCDData(darks.masters[0].image, unit="adu")
    seconds = {"dark_exposure": 60 * units.s, "data_exposure": 120 * units.s}
    one = ccdproc.subtract_dark(one, dark, scale=True, **seconds)
    one = ccdproc.flat_correct(one, CCDData(flats.masters[0].image, unit="adu"), norm_value=1.0)
    result = calibrated(light, OFF, bias, darks, flats)
    np.testing.assert_allclose(result.pixels, one.data, rtol=3e-7, atol=3e-4)


def test_shading_and_dust_are_gone(session):
    detector, bias, darks, flats = session
    light = detector.frame("light", light=5000.0, exposure=60.0, filter_name="V")
    dust, about = np.s_[20:27, 40:47], np.s_[10:40, 30:60]
    assert np.median(light.pixels[dust]) / np.median(light.pixels[about]) < 0.85
    result = calibrated(light, OFF, bias, darks, flats)
    assert np.median(result.pixels[dust]) / np.median(result.pixels[about]) == pytest.approx(1.0, abs=0.01)
    assert np.std(result.pixels) / np.mean(result.pixels) < 0.015


def test_without_a_bias_the_dark_takes_off_both(session):
    detector = session[0]
    darks = master_dark(readers(*detector.frames("dark", 7, exposure=60.0)))
    light = detector.frame("light", light=500.0, exposure=60.0)
    result = calibrated(light, OFF, NO_BIAS, darks)
    np.testing.assert_array_equal(result.pixels, light.pixels - darks.masters[0].image)
    assert "dark with its bias" in result.history[0]
    other = calibrated(detector.frame("light", light=500.0, exposure=90.0, name="l.fits"), OFF, NO_BIAS, darks)
    (said,) = other.warnings
    assert said.startswith(
        "l.fits: its dark is of 60 s, not of 90 s, and cannot be scaled with the bias in it: give bias"
    )


def test_a_dark_that_may_not_be_scaled_and_a_flat_of_another_filter_are_left_out_with_a_warning(session):
    detector, bias, darks, flats = session
    light = detector.frame("light", light=500.0, exposure=120.0, filter_name="R", name="l.fits")
    result = calibrated(light, OFF, bias, replace(darks, scale="never"), flats)
    np.testing.assert_array_equal(result.pixels, light.pixels - bias.image)
    assert result.warnings == (
        "l.fits: no dark is taken off (the light has 120 s, the darks 60 s and master_dark.scale is never): "
        "give darks of its exposure, or bias frames to scale them",
        "l.fits: is divided by no flat (the light has filter R, the flats V): give flats of its filter",
    )


def test_a_light_darker_than_its_dark_says_so(session):
    detector, bias, darks, flats = session
    light = detector.frame("light", light=0.0, exposure=60.0, filter_name="V", name="l.fits")
    light = Frame(light.info, light.pixels - 100)
    (said,) = calibrated(light, OFF, bias, darks, flats).warnings
    assert said.startswith("l.fits: is darker than its bias")


def test_a_light_without_any_sky_is_not_called_darker_than_its_dark(session):
    detector, bias, darks, flats = session
    light = detector.frame("light", light=0.0, exposure=60.0, filter_name="V", name="l.fits")
    assert calibrated(light, OFF, bias, darks, flats).warnings == ()


@pytest.mark.parametrize(("exposure", "told"), [(20.0, False), (300.0, True)])
def test_a_dark_is_called_noisy_where_it_brings_half_of_the_lights_own_noise(session, exposure, told):
    detector, bias, darks, flats = session
    light = detector.frame("light", light=10.0, exposure=exposure, filter_name="V", name="l.fits")
    noisy = replace(darks, masters=(replace(darks.masters[0], exposure=20.0, error=1.0),))
    warnings = calibrated(light, OFF, bias, noisy, flats).warnings
    assert [text for text in warnings if "times and brings noise, more than half" in text] == list(warnings)[:told]


def test_without_masters_camera_integers_stay_what_they_are():
    frame = mosaic()
    assert calibrated(frame, OFF, NO_BIAS, NO_DARKS, NO_FLATS) is frame


def test_a_pixel_that_the_flat_does_not_know_is_masked(session):
    detector, bias, darks, flats = session
    hole = flats.masters[0].image.copy()
    hole[3, 5], hole[4, 6] = np.nan, 0.0
    changed = replace(flats, masters=(replace(flats.masters[0], image=hole),))
    result = calibrated(detector.frame("light", light=500.0, filter_name="V"), OFF, bias, darks, changed)
    assert np.flatnonzero(result.mask).tolist() == [3 * 130 + 5, 4 * 130 + 6]
    assert np.isnan(result.pixels[result.mask]).all()


def test_a_full_pixel_stays_full_wherever_the_flat_puts_it(session):
    detector, bias, darks, flats = session
    light = detector.frame("light", light=500.0, exposure=60.0, filter_name="V")
    light.pixels[50, 60] = light.pixels[90, 3] = detector.full
    result = calibrated(light, OFF, bias, darks, flats)
    assert full_pixels(result).tolist() == [50 * 130 + 60, 90 * 130 + 3]
    assert result.info.saturation == pytest.approx(detector.full - 300 - 30, abs=15)


@pytest.mark.parametrize("level", [200.0, 8000.0])
def test_the_errors_are_those_that_repeated_exposures_show(level):
    detector = Detector(seed=8)
    bias = master_bias(readers(*detector.frames("bias", 25)))
    darks = master_dark(readers(*detector.frames("dark", 25, exposure=60.0)), bias)
    lamps = detector.frames("flat", 25, light=25_000.0, exposure=5.0, filter_name="V")
    flats = master_flat(readers(*lamps), bias, darks)
    pulls = []
    for _ in range(12):
        light = detector.frame("light", light=level, exposure=60.0, filter_name="V")
        result = calibrated(light, OFF, bias, darks, flats, uncertainty=True)
        pulls.append((result.pixels - level * np.median(detector.flat)) / result.uncertainty)
    # The masters' own part, which all lights share, is small with 25 frames of a kind.
    spread = np.var(pulls, axis=0, ddof=1)
    assert spread.mean() ** 0.5 == pytest.approx(1.0, abs=0.03)
    shaded = detector.flat < 0.85 * np.median(detector.flat)
    assert spread[shaded].mean() ** 0.5 == pytest.approx(1.0, abs=0.05), "where the flat divides by less than 1"
    assert result.uncertainty.dtype == np.float32
    assert "photon transfer" in result.history[-1]


def test_errors_hold_what_few_biases_and_a_dark_that_is_multiplied_bring():
    """Each session has masters of its own: bias and dark of three frames, the dark taken 2.5 times."""
    detector, pulls = Detector(seed=9, read_noise=8.0), []
    for _ in range(12):
        bias = master_bias(readers(*detector.frames("bias", 3)))
        darks = master_dark(readers(*detector.frames("dark", 3, exposure=24.0)), bias)
        light = detector.frame("light", light=40.0, exposure=60.0)
        result = calibrated(light, OFF, bias, darks, NO_FLATS, uncertainty=True)
        pulls.append((result.pixels - 40.0 * detector.flat) / result.uncertainty)
    dim = detector.dark < 1
    assert np.std(np.array(pulls)[:, dim]) == pytest.approx(1.0, abs=0.05)


def test_errors_without_any_master_come_from_the_skys_own_noise():
    detector = Detector(gain=1.5, read_noise=0.0)
    detector.bias[:] = 0.0
    light = detector.frame("light", light=900.0)
    light = Frame(light.info, np.rint(light.pixels).astype(np.uint16))
    result = calibrated(light, OFF, uncertainty=True)
    assert result.pixels is light.pixels
    assert "from the sky's own noise" in result.history[-1]
    assert np.median(result.uncertainty) == pytest.approx((900.0 / 1.5) ** 0.5, rel=0.08)


@pytest.mark.parametrize("fwhm", [1.6, 2.3, 3.3])
@pytest.mark.parametrize("pattern", ["none", "RGGB"])
def test_stars_as_narrow_as_a_cosmic_ray_are_kept(pattern, fwhm):
    """In one colour of a mosaic a star of 3.3 pixels is as sharp as one of 1.6 without."""
    frame = sky_frame(1, pattern=pattern, fwhm=fwhm)
    random, pixels, hit = np.random.default_rng(1), frame.pixels.astype(int), np.zeros(frame.shape, bool)
    for y, x in zip(random.integers(5, 290, 100), random.integers(5, 410, 100), strict=True):
        track = np.arange(random.integers(1, 7)) + x
        pixels[y, track[track < 420]] += random.integers(300, 4000)
        hit[y, track[track < 420]] = True
    light = replace(frame, pixels=np.clip(pixels, 0, 65535).astype(np.uint16))
    result = calibrated(light, OFF, cosmic_rays="lacosmic")
    changed = result.pixels != light.pixels
    assert changed[hit].mean() > 0.85
    lost = np.abs(result.pixels.astype(float) - light.pixels)[changed & ~hit].sum()
    # Of 5 to 8 million ADU in the stars.
    assert lost < 0.02 * np.sum(frame.pixels - 400.0)


@pytest.mark.parametrize("pattern", ["none", "RGGB"])
def test_cosmic_rays_are_filled_and_stars_are_kept(pattern):
    detector = Detector(pattern, seed=4)
    light = detector.frame("light", light=800.0)
    y, x = np.mgrid[: light.shape[0], : light.shape[1]]
    for a, b in ((30, 40), (70, 100), (60, 20)):
        light.pixels[:] += 9000 * np.exp(-((y - a) ** 2 + (x - b) ** 2) / (2 * 2.2**2))
    before = light.pixels.copy()
    hits = [(12, 90), (12, 91), (13, 92), (50, 50), (88, 15)]
    for a, b in hits:
        light.pixels[a, b] += 4000
    result = calibrated(light, OFF, cosmic_rays="lacosmic")
    for place in hits:
        assert abs(result.pixels[place] - before[place]) < 120, place
    stars = np.hypot(y - 30, x - 40) < 3
    np.testing.assert_array_equal(result.pixels[stars], before[stars])
    assert "pixels hit by cosmic rays filled" in result.history[-1]


@pytest.mark.data
def test_pluto_loses_its_dust_and_its_sky_stands_on_zero(data):
    graph = Graph()
    night = graph.open([data / "pluto"])

    def median_of(stage):
        return np.median([graph.result(night, Recipe(), stage, i).above_black() for i in range(10)], axis=0)

    def depth(image):
        about = image[292:343, 459:510].copy()
        about[20:31, 20:31] = np.nan
        return np.nanmean(image[312:323, 479:490]) / np.nanmedian(about)

    raw, result = median_of("frame"), median_of("calibrated")
    assert depth(raw) == pytest.approx(0.84, abs=0.015)
    assert 0.97 <= depth(result) <= 1.02
    assert np.nanmedian(result) == pytest.approx(52, abs=2.5)
    bad = graph.result(night, Recipe(), "hot_pixels").bad
    assert bad[:, [367, 368, 606]].mean() > 0.9
    stars = graph.result(night, Recipe(), "stars", 3)
    near = np.abs(np.asarray(stars["xcentroid"])[stars.kept][:, None] - [367.5, 586, 607]).min(axis=1)
    assert near.min() > 1.0


@pytest.mark.data
def test_ngc6819_has_no_star_on_its_bad_column(data):
    graph = Graph()
    night = graph.open([data / "ngc6819"])
    sequence = graph.result(night, Recipe(), "frames")
    v = next(i for i, info in enumerate(sequence.frames) if info.filter == "V")
    result = graph.result(night, Recipe(), "calibrated", v)
    assert "of 30 s times 4" in " ".join(result.history)
    assert np.nanmedian(result.above_black()) == pytest.approx(247, abs=5)
    stars = graph.result(night, Recipe(), "stars", v)
    x = np.asarray(stars["xcentroid"])[stars.kept]
    assert len(x) > 300
    # Real stars may lie near a column that is filled; as many as elsewhere, and none on it for all its length.
    assert np.count_nonzero(np.abs(x - 256) < 1) <= 4


def test_a_dark_that_is_multiplied_says_so_where_its_noise_counts():
    detector = Detector()
    bias = master_bias(readers(*detector.frames("bias", 9)))
    short, long = (
        master_dark(readers(*detector.frames("dark", count, exposure=exposure)), bias)
        for count, exposure in ((3, 5.0), (15, 60.0))
    )
    light = detector.frame("light", light=100.0, exposure=120.0, name="light.fits")
    said = calibrated(light, OFF, bias, short).warnings
    assert any("its dark of 5 s is taken 24 times and brings noise, more than half" in sentence for sentence in said)
    assert any("set master_dark.scale = never" in sentence for sentence in said)
    assert calibrated(light, OFF, bias, long).warnings == ()
