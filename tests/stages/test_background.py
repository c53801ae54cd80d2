"""The sky per colour: photutils' mesh and image on every colour, known skies, and laws that hold for any picture."""

import numpy as np
import pytest
from astropy.stats import SigmaClip
from hypothesis import given, settings
from hypothesis import strategies as st
from photutils.background import (
    Background2D,
    BiweightLocationBackground,
    MeanBackground,
    MedianBackground,
    ModeEstimatorBackground,
    SExtractorBackground,
)

from pipeline.frame import PATTERNS, Frame, FrameError, FrameInfo
from pipeline.stages.background import background, background_image, colour_names, colour_numbers

PHOTUTILS = {
    "mode": ModeEstimatorBackground,
    "median": MedianBackground,
    "mean": MeanBackground,
    "sextractor": SExtractorBackground,
    "biweight": BiweightLocationBackground,
}


def make_frame(pixels, pattern="none", black=None, mask=None, saturation=None):
    info = FrameInfo("/night/light.fits", "light.fits", pixels.shape, pattern, saturation=saturation)
    black = np.zeros((2, 2), np.float32) if black is None else np.asarray(black, np.float32)
    pixels = np.ascontiguousarray(pixels)
    pixels.flags.writeable = False
    return Frame(info, pixels, black, mask)


def star_field(seed, shape=(157, 202), dtype=np.uint16):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = 500 + 0.3 * x + 0.1 * y + rng.normal(0, 12, shape)
    image[rng.integers(0, shape[0], 300), rng.integers(0, shape[1], 300)] += rng.exponential(3000, 300)
    mask = rng.random(shape) < 0.02
    mask[:60, 50:80] = True
    image = np.clip(image, 0, 65535)
    return (np.rint(image) if dtype == np.uint16 else image).astype(dtype), mask


def colour_map(pattern, shape):
    return colour_numbers(pattern)[np.ix_(np.arange(shape[0]) % 2, np.arange(shape[1]) % 2)]


def photutils_background(pixels, wrong, share, box_size, filter_size, sigma, estimator):
    # A box is kept from a tenth of its colour's pixels on; photutils counts the other colours as masked.
    return Background2D(
        pixels.astype(np.float64),
        box_size,
        mask=wrong,
        exclude_percentile=100 * (1 - 0.1 * share),
        filter_size=filter_size,
        sigma_clip=SigmaClip(sigma, maxiters=10),
        bkg_estimator=PHOTUTILS[estimator](sigma_clip=None),
    )


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("pattern", ["none", "RGGB", "GBRG"])
@pytest.mark.parametrize("estimator", sorted(PHOTUTILS))
def test_mesh_noise_and_image_are_those_of_photutils_for_each_colour(estimator, pattern, dtype):
    pixels, mask = star_field(1, dtype=dtype)
    found = background(make_frame(pixels, pattern, mask=mask), box_size=25, sigma_clip=3.0, estimator=estimator)
    image = background_image(found)
    colours = colour_map(pattern, pixels.shape)
    for number, name in enumerate(colour_names(pattern)):
        share = np.mean(colour_numbers(pattern) == number)
        other = photutils_background(pixels, mask | (colours != number), share, 25, 3, 3.0, estimator)
        # Our records keep float32, whose steps near 500 ADU are 3e-5.
        np.testing.assert_allclose(found.mesh[name], other.background_mesh, rtol=0, atol=4e-5)
        np.testing.assert_allclose(found.noise[name], other.background_rms_mesh, rtol=0, atol=4e-5)
        mine = colours == number
        np.testing.assert_allclose(image[mine], other.background[mine], rtol=0, atol=1.5e-3)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(20, 90),
    columns=st.integers(20, 90),
    box=st.integers(8, 100),
    size=st.sampled_from([1, 3, 5]),
    sigma=st.floats(1.5, 6.0),
)
def test_mesh_is_that_of_photutils_whatever_the_boxes(seed, rows, columns, box, size, sigma):
    pixels, mask = star_field(seed, (rows, columns))
    mask[:] = np.random.default_rng(seed).random(mask.shape) < 0.05
    found = background(make_frame(pixels, mask=mask), box_size=box, filter_size=size, sigma_clip=sigma)
    other = photutils_background(pixels, mask, 1.0, box, size, sigma, "mode")
    # Our records keep float32, whose steps are 1.2e-7 of a level; stars fill a small box.
    np.testing.assert_allclose(found.mesh["mono"], other.background_mesh, rtol=1.2e-7, atol=1e-4)


def test_a_value_clipped_early_comes_back_where_the_median_moved_as_in_astropy():
    # Clipping at 2.3 sigma ends at 480.9 to 531.1, and two values of 481 were clipped a round before at 481.1.
    pixels, mask = star_field(439, (33, 33))
    mask[:] = np.random.default_rng(439).random(mask.shape) < 0.05
    found = background(make_frame(pixels, mask=mask), box_size=50, filter_size=1, sigma_clip=2.3125)
    other = photutils_background(pixels, mask, 1.0, 50, 1, 2.3125, "mode")
    np.testing.assert_allclose(found.mesh["mono"], other.background_mesh, rtol=0, atol=1e-4)


@pytest.mark.parametrize("estimator", ["mode", "median", "mean", "sextractor", "biweight", "sep"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_known_sky_of_each_colour_is_found(pattern, estimator):
    rng = np.random.default_rng(7)
    shape = (240, 320)
    y, x = np.mgrid[: shape[0], : shape[1]]
    colours = colour_map(pattern, shape)
    truth = np.array([700.0, 1000.0, 850.0])[colours] * (1 + 1e-4 * (x - 160) - 2e-4 * (y - 120))
    pixels = np.rint(truth + 256 + rng.normal(0, 15, shape)).astype(np.uint16)
    frame = make_frame(pixels, pattern, black=np.full((2, 2), 256))
    found = background(frame, box_size=40, filter_size=1, estimator=estimator)
    error = background_image(found) - truth
    assert abs(error.mean()) < 0.5
    assert error[40:-40, 40:-40].std() < 4.0
    assert found.rms() == pytest.approx(15, rel=0.06)


def test_black_levels_that_differ_between_the_two_greens_leave_no_pattern():
    rng = np.random.default_rng(3)
    black = np.array([[100, 200], [340, 400]])
    sky = rng.normal(600, 5, (120, 120))
    pixels = np.rint(sky + black[np.ix_(np.arange(120) % 2, np.arange(120) % 2)]).astype(np.uint16)
    found = background(make_frame(pixels, "RGGB", black), box_size=30, estimator="median")
    for mesh in found.mesh.values():
        np.testing.assert_allclose(mesh, 600, atol=1.5)
    assert found.rms() == pytest.approx(5, rel=0.1)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), constant=st.integers(1, 20_000), estimator=st.sampled_from(sorted(PHOTUTILS)))
def test_a_brighter_sky_moves_the_mesh_by_as_much(seed, constant, estimator):
    pixels, mask = star_field(seed, (64, 80))
    pixels = np.minimum(pixels, 40_000)
    here, there = (
        background(make_frame(pixels + np.uint16(add), mask=mask), box_size=20, estimator=estimator)
        for add in (0, constant)
    )
    np.testing.assert_allclose(there.mesh["mono"], here.mesh["mono"] + constant, rtol=1e-6)
    np.testing.assert_allclose(there.noise["mono"], here.noise["mono"], rtol=1e-5, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), power=st.integers(-8, 8), estimator=st.sampled_from(sorted(PHOTUTILS)))
def test_another_unit_scales_mesh_and_noise(seed, power, estimator):
    pixels, mask = star_field(seed, (64, 80), np.float32)
    scaled = (pixels * np.float32(2.0**power)).astype(np.float32)
    here, there = (background(make_frame(p, mask=mask), box_size=20, estimator=estimator) for p in (pixels, scaled))
    np.testing.assert_allclose(there.mesh["mono"], here.mesh["mono"] * 2.0**power, rtol=1e-6)
    np.testing.assert_allclose(there.noise["mono"], here.noise["mono"] * 2.0**power, rtol=1e-6)


def test_bad_pixels_and_what_is_not_finite_do_not_count():
    pixels, _ = star_field(4, dtype=np.float32)
    clean = background(make_frame(pixels), box_size=25)
    spoiled, mask = pixels.copy(), np.zeros(pixels.shape, bool)
    spoiled[10, 10], spoiled[30, 40], spoiled[50, 60] = np.nan, np.inf, -np.inf
    spoiled[70, 80], mask[70, 80] = 6e4, True
    found = background(make_frame(spoiled, mask=mask), box_size=25)
    np.testing.assert_allclose(found.mesh["mono"], clean.mesh["mono"], atol=0.5)
    mask[10, 10] = mask[30, 40] = mask[50, 60] = True
    np.testing.assert_array_equal(
        background(make_frame(pixels, mask=mask), box_size=25).mesh["mono"], found.mesh["mono"]
    )


def test_negative_values_sort_below_positive_ones():
    pixels = np.random.default_rng(2).normal(0, 5, (64, 64)).astype(np.float32)
    found = background(make_frame(pixels), box_size=64, estimator="median", sigma_clip=20)
    assert found.mesh["mono"][0, 0] == pytest.approx(np.median(pixels), abs=1e-6)


def test_a_hidden_box_is_filled_from_its_neighbours():
    pixels = np.full((90, 90), 400, np.uint16)
    mask = np.zeros(pixels.shape, bool)
    mask[30:60, 30:60] = True
    found = background(make_frame(pixels, mask=mask), box_size=30, filter_size=1)
    np.testing.assert_array_equal(found.mesh["mono"], 400)


def test_a_constant_frame_has_that_level_and_no_noise():
    found = background(make_frame(np.full((50, 70), 1234, np.uint16), "RGGB"), box_size=16)
    assert {float(mesh.min()) for mesh in found.mesh.values()} == {1234.0}
    assert found.rms() == 0
    np.testing.assert_array_equal(background_image(found), 1234)


@pytest.mark.parametrize("estimator", ["mode", "sep"])
def test_a_frame_without_a_good_pixel_is_refused_in_one_sentence(estimator):
    frame = make_frame(np.full((40, 40), np.nan, np.float32))
    with pytest.raises(FrameError, match=r"light\.fits: no box of the background has enough good pixels"):
        background(frame, box_size=20, estimator=estimator)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (9, 200), (64, 64), (65, 129)])
def test_every_shape_of_frame_has_a_background(shape):
    pixels = np.random.default_rng(1).integers(300, 320, shape).astype(np.uint16)
    found = background(make_frame(pixels), box_size=16)
    assert background_image(found).shape == shape
    assert 300 <= found.level() <= 320


def test_the_result_is_read_only_and_the_frame_untouched():
    pixels, mask = star_field(5)
    before = pixels.copy()
    found = background(make_frame(pixels, "RGGB", mask=mask))
    np.testing.assert_array_equal(pixels, before)
    for array in (*found.mesh.values(), *found.noise.values(), background_image(found)):
        assert not array.flags.writeable
