"""One scale for all colours: the fused pass against its formula, and factors found again in skies that hide them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erf

from pipeline.frame import PATTERNS, Frame, FrameError, FrameInfo
from pipeline.stages.background import background, background_image, colour_numbers
from pipeline.stages.normalize import colour_factors, full_pixels, normalize, normalized_image, sky_noise
from pipeline.stages.optimize import Cancelled, optimize, quietest_sky

SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))


def factors_of(pattern, red, blue):
    factors = np.array([red, 1.0, blue]) if pattern != "none" else np.ones(1)
    return factors[colour_numbers(pattern)]


def tiled(by_parity, shape):
    return by_parity[np.ix_(np.arange(shape[0]) % 2, np.arange(shape[1]) % 2)]


def sky_with_stars(
    seed, *, pattern="RGGB", red=1.6, blue=1.39, fwhm=3.6, stars=260, spread=0.1, shape=(600, 800), decades=(3.8, 5.4)
):
    """Stars averaged over their pixels; the camera sees 1 / red and 1 / blue of the light, each star its own colour."""
    rng = np.random.default_rng(seed)
    sigma = fwhm / SIGMA
    factors = factors_of(pattern, red, blue)
    numbers = colour_numbers(pattern)
    image = np.full(shape, 500.0) * tiled(np.array([0.9, 1.0, 1.1])[numbers], shape)
    radius = int(5 * sigma) + 2
    for _ in range(stars):
        x, y = rng.uniform(radius + 1, shape[1] - radius - 2), rng.uniform(radius + 1, shape[0] - radius - 2)
        own = np.exp(rng.normal(0, spread, 3))
        columns, rows = int(x) + np.arange(-radius, radius + 1), int(y) + np.arange(-radius, radius + 1)
        along, across = (
            0.5 * (erf((p + 0.5 - c) / sigma / 2**0.5) - erf((p - 0.5 - c) / sigma / 2**0.5))
            for p, c in ((columns, x), (rows, y))
        )
        parity = np.ix_(rows % 2, columns % 2)
        light = 10 ** rng.uniform(*decades) * np.outer(across, along)
        image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += light * (own[numbers] / factors)[parity]
    image += rng.normal(0, 1, shape) * np.sqrt(np.maximum(image, 0) / 2 + 25)
    info = FrameInfo("/night/light.fits", "light.fits", shape, pattern, saturation=60_000.0)
    return Frame(info, np.clip(np.rint(image + 64), 0, 65535).astype(np.uint16), np.full((2, 2), 64, np.float32))


@pytest.fixture(scope="module")
def coloured():
    frame = sky_with_stars(1)
    return frame, background(frame, box_size=64)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pixel_is_sky_free_times_the_factor_of_its_colour(pattern, dtype):
    rng = np.random.default_rng(2)
    shape = (130, 171)
    pixels = rng.integers(300, 1000, shape).astype(dtype)
    black = np.array([[1, 20], [30, 7]], np.float32)
    mask = rng.random(shape) < 0.01
    frame = Frame(FrameInfo("f", "f", shape, pattern), pixels, black, mask)
    sky = background(frame, box_size=32)
    found = normalize(frame, sky, red=1.7, blue=0.6).image
    expected = (pixels - tiled(black, shape) - background_image(sky)) * tiled(factors_of(pattern, 1.7, 0.6), shape)
    np.testing.assert_allclose(found[~mask], expected[~mask], rtol=0, atol=5e-4)
    assert np.isnan(found[mask]).all()
    assert found.dtype == np.float32


def test_values_that_are_not_finite_become_nan():
    pixels = np.random.default_rng(3).normal(100, 5, (64, 64)).astype(np.float32)
    pixels[5, 5], pixels[6, 7], pixels[9, 9] = np.inf, -np.inf, np.nan
    frame = Frame(FrameInfo("f", "f", pixels.shape), pixels)
    image = normalize(frame, background(frame, box_size=32)).image
    assert np.flatnonzero(~np.isfinite(image)).tolist() == [5 * 64 + 5, 6 * 64 + 7, 9 * 64 + 9]
    assert np.isnan(image[5, 5])


@settings(max_examples=20, deadline=None)
@given(add=st.integers(0, 30_000), red=st.floats(0.2, 5), blue=st.floats(0.2, 5))
def test_a_brighter_sky_changes_nothing(add, red, blue):
    pixels = np.random.default_rng(4).integers(200, 400, (48, 64)).astype(np.uint16)
    info = FrameInfo("f", "f", pixels.shape, "RGGB")
    images = []
    for more in (0, add):
        frame = Frame(info, pixels + np.uint16(more))
        images.append(normalized_image(frame, background(frame, box_size=16), red=red, blue=blue))
    np.testing.assert_allclose(images[1], images[0], rtol=0, atol=max(red, blue, 1) * 5e-3)


def test_full_pixels_are_those_at_or_above_saturation_over_their_own_black():
    pixels = np.zeros((90, 100), np.uint16)
    black = np.array([[0, 10], [20, 30]], np.float32)
    pixels[2, 4], pixels[3, 5], pixels[70, 9], pixels[71, 8] = 1000, 1029, 1010, 1021
    frame = Frame(FrameInfo("f", "f", pixels.shape, saturation=1000.0), pixels, black)
    assert full_pixels(frame).tolist() == [2 * 100 + 4, 70 * 100 + 9, 71 * 100 + 8]
    unknown = Frame(FrameInfo("f", "f", pixels.shape), pixels, black)
    assert full_pixels(unknown).size == 0


@pytest.mark.parametrize("noise", [0.4, 3.0, 80.0])
def test_noise_is_that_of_the_sky_under_stars(noise):
    rng = np.random.default_rng(5)
    image = rng.normal(0, noise, (400, 500)).astype(np.float32)
    image[rng.integers(0, 400, 4000), rng.integers(0, 500, 4000)] += 50 * noise
    assert sky_noise(image) == pytest.approx(noise, rel=0.03)
    whole = np.rint(rng.normal(100, noise, (400, 500)))
    assert sky_noise((whole - 100).astype(np.float32)) == pytest.approx(np.hypot(noise, 12**-0.5), rel=0.06)


def test_noise_of_a_mosaic_is_the_rms_over_its_colours():
    by_parity = np.array([[8.0, 2.0], [2.0, 5.0]])
    image = np.random.default_rng(6).normal(0, 1, (400, 400)) * tiled(by_parity, (400, 400))
    expected = np.sqrt((64 + 4 + 4 + 25) / 4)
    assert sky_noise(image.astype(np.float32), "RGGB") == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("pattern", [pattern for pattern in PATTERNS if pattern != "none"])
def test_hidden_factors_come_out_of_the_stars_colours(pattern):
    frame = sky_with_stars(7, pattern=pattern, red=1.83, blue=0.71)
    found = colour_factors(frame, background(frame, box_size=64))
    assert found["red"] == pytest.approx(1.83, rel=0.03)
    assert found["blue"] == pytest.approx(0.71, rel=0.03)


@pytest.mark.parametrize("fwhm", [2.2, 7.0])
def test_hidden_factors_come_out_in_any_seeing(fwhm):
    frame = sky_with_stars(8, fwhm=fwhm, stars=200)
    found = colour_factors(frame, background(frame, box_size=64))
    assert found["red"] == pytest.approx(1.6, rel=0.04)
    assert found["blue"] == pytest.approx(1.39, rel=0.04)


def test_a_nebula_is_not_taken_for_stars():
    frame = sky_with_stars(9, spread=0.0)
    y, x = np.mgrid[:600, :800]
    glow = (
        3000 * np.exp(-((x - 400) ** 2 + (y - 300) ** 2) / 2 / 60**2) * tiled(np.array([[3, 1], [1, 0.2]]), (600, 800))
    )
    red_cloud = Frame(frame.info, np.rint(frame.pixels + glow).clip(0, 65535).astype(np.uint16), frame.black)
    found = colour_factors(red_cloud, background(red_cloud, box_size=64))
    assert found["red"] == pytest.approx(1.6, rel=0.03)
    assert found["blue"] == pytest.approx(1.39, rel=0.03)


def test_factors_are_1_on_monochrome_frames_and_without_stars():
    empty = Frame(FrameInfo("f", "f", (200, 200), "RGGB"), np.full((200, 200), 500, np.uint16))
    assert colour_factors(empty, background(empty)) == {"red": 1.0, "blue": 1.0}
    mono = Frame(FrameInfo("f", "f", (200, 200)), np.full((200, 200), 500, np.uint16))
    result = normalize(mono, background(mono))
    assert (result.red, result.blue) == (1.0, 1.0)


def test_stars_that_hardly_stand_out_of_their_noise_tell_no_factor():
    frame = sky_with_stars(1, decades=(3.0, 3.4))
    assert colour_factors(frame, background(frame, box_size=64)) == {"red": 1.0, "blue": 1.0}


def test_a_given_factor_stays_and_the_other_is_found(coloured):
    frame, sky = coloured
    result = normalize(frame, sky, red=2.0)
    assert result.red == 2.0
    assert result.blue == pytest.approx(1.39, rel=0.03)


def test_the_record_carries_what_later_stages_need_and_is_read_only(coloured):
    frame, sky = coloured
    result = normalize(frame, sky)
    assert result.background is sky
    assert result.file == "light.fits"
    assert result.saturated == pytest.approx(60_000 - sky.level())
    assert not result.image.flags.writeable
    assert not result.full.flags.writeable


def test_roundest_stars_give_the_hidden_factors_to_two_percent():
    frames = [sky_with_stars(seed, red=1.83, blue=1.27) for seed in (11, 12, 13)]
    parts = []
    best = optimize([(frame, background(frame, box_size=64)) for frame in frames], progress=parts.append)
    assert best.red == pytest.approx(1.83, rel=0.02)
    assert best.blue == pytest.approx(1.27, rel=0.02)
    assert best.stars > 400
    assert parts == sorted(parts)
    assert parts[-1] == 1.0
    assert abs(best.red - 1.83) < 4 * best.red_error
    assert abs(best.blue - 1.27) < 4 * best.blue_error


def test_the_map_of_the_objective_is_lowest_at_the_factors_found(coloured):
    best = optimize([coloured])
    row, column = np.unravel_index(np.argmin(best.objective), best.objective.shape)
    assert best.reds[row] == pytest.approx(best.red, rel=0.02)
    assert best.blues[column] == pytest.approx(best.blue, rel=0.02)
    assert best.objective[row, column] == pytest.approx(best.mean, abs=1e-3)
    assert best.objective.max() > 20 * best.objective.min()


def test_noise_alone_does_not_pull_the_roundest_factors_down():
    frames = [sky_with_stars(seed, fwhm=4.5, stars=500, spread=0.0) for seed in (21, 22)]
    noisy = []
    for seed, frame in enumerate(frames):
        noise = np.random.default_rng(seed).normal(0, 60, frame.shape)
        noisy.append(Frame(frame.info, np.rint(frame.pixels + noise).clip(0, 65535).astype(np.uint16), frame.black))
    best = optimize([(frame, background(frame, box_size=64)) for frame in noisy])
    assert abs(best.red / 1.6 - 1) < max(0.02, 3 * best.red_error / 1.6)
    assert abs(best.blue / 1.39 - 1) < max(0.02, 3 * best.blue_error / 1.39)


def test_the_search_can_be_stopped(coloured):
    with pytest.raises(Cancelled):
        optimize([coloured], cancelled=lambda: True)


def test_the_search_refuses_monochrome_frames_and_empty_skies():
    mono = Frame(FrameInfo("f", "mono.fits", (200, 200)), np.full((200, 200), 500, np.uint16))
    with pytest.raises(FrameError, match=r"mono\.fits: is monochrome"):
        optimize([(mono, background(mono))])
    empty = Frame(FrameInfo("f", "empty.fits", (200, 200), "RGGB"), np.full((200, 200), 500, np.uint16))
    with pytest.raises(FrameError, match=r"empty\.fits: too few bright stars .*\(0\)"):
        optimize([(empty, background(empty))])


def test_the_quietest_sky_makes_the_sky_grey_and_not_the_stars(coloured):
    grey = quietest_sky(coloured[1])
    assert grey["red"] == pytest.approx(1 / 0.9, rel=0.02)
    assert grey["blue"] == pytest.approx(1 / 1.1, rel=0.02)

    quiet = sky_with_stars(31, stars=0)
    best = quietest_sky(background(quiet, box_size=64))
    level = quiet.above_black()
    at = {
        (i, k): np.var(level * tiled(factors_of("RGGB", best["red"] * i, best["blue"] * k), level.shape))
        for i in (0.98, 1.0, 1.02)
        for k in (0.98, 1.0, 1.02)
    }
    assert min(at, key=at.get) == (1.0, 1.0)


@pytest.mark.parametrize("pattern", ["none", "GRBG"])
def test_dead_lines_have_no_value_and_dim_places_keep_theirs(pattern):
    rng = np.random.default_rng(12)
    pixels = rng.poisson(900, (200, 240)).astype(np.float32)
    pixels[60:62] = 0
    pixels[:, 100] = 3
    pixels[120:140, 30:50] *= 0.7
    frame = Frame(FrameInfo("sky.fits", "sky.fits", pixels.shape, pattern), pixels)
    image = normalize(frame, background(frame), red=1.0, blue=1.0).image
    dead = np.zeros(pixels.shape, bool)
    dead[60:62], dead[:, 100] = True, True
    np.testing.assert_array_equal(np.isnan(image), dead)
    # A sky that is all noise has no pixel that noise could not have made.
    dark = Frame(frame.info, rng.poisson(5, pixels.shape).astype(np.float32))
    assert np.isfinite(normalize(dark, background(dark), red=1.0, blue=1.0).image).all()
