"""What a sample's camera makes of its sky: the light on each pixel, its noise, hot, full and bad pixels."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.frame import colour_planes
from pipeline.sample import SampleSpec, SkyObject, light, make_frame, make_truth, starlight
from tests.sample.specs import LONE, MOSAIC

SIGMA = 1 / np.sqrt(8 * np.log(2))


def moments(image):
    """Sum and centroid of an image, by the definition."""
    y, x = np.indices(image.shape)
    total = image.sum(dtype=np.float64)
    return total, (image * x).sum(dtype=np.float64) / total, (image * y).sum(dtype=np.float64) / total


@pytest.mark.parametrize("index", range(3))
def test_flux_and_centroid_of_a_noiseless_star_are_the_truth(index):
    truth = make_truth(LONE)
    total, x, y = moments(starlight(truth, index))
    assert total == pytest.approx(truth.flux[index, 0], rel=1e-6)
    assert (x, y) == pytest.approx((truth.x[index, 0], truth.y[index, 0]), abs=1e-5)


def test_a_star_is_as_wide_as_the_seeing_and_its_pixels():
    truth = make_truth(LONE)
    image = starlight(truth, 0).astype(np.float64)
    _, x = np.indices(image.shape)
    variance = (image * (x - truth.x[0, 0]) ** 2).sum() / image.sum()
    assert variance == pytest.approx((LONE.fwhm * SIGMA) ** 2 + 1 / 12, rel=1e-5)


def test_peak_pixel_of_a_star_is_the_integral_over_its_square():
    from scipy.integrate import dblquad

    truth = make_truth(LONE)
    image = starlight(truth, 1)
    row, column = np.unravel_index(image.argmax(), image.shape)
    sigma = truth.fwhm[1] * SIGMA
    x, y, flux = truth.x[1, 0], truth.y[1, 0], truth.flux[1, 0]

    def density(v, u):
        return np.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)

    share = dblquad(density, column - 0.5, column + 0.5, row - 0.5, row + 0.5)[0]
    assert image[row, column] == pytest.approx(flux * share, rel=1e-6)


def test_a_star_over_the_edge_leaves_the_rest_of_its_light():
    spec = replace(LONE, objects=(SkyObject("edge", (0.0, 0.5), 10_000.0, beside=(-0.5, 0.0)),), drift=(0.0, 0.0))
    assert starlight(make_truth(spec), 0).sum() == pytest.approx(5_000.0, rel=1e-5)


def test_each_colour_of_a_mosaic_is_weakened_by_its_hidden_factor():
    truth = make_truth(MOSAIC)
    mono = starlight(replace(truth, pattern="none"), 0)
    image = starlight(truth, 0)
    factor = {"red": MOSAIC.red, "green": 1.0, "blue": MOSAIC.blue}
    for name, row, column in colour_planes(MOSAIC.pattern):
        np.testing.assert_allclose(image[row::2, column::2] * factor[name], mono[row::2, column::2], rtol=1e-5)


def test_noise_is_photons_and_readout():
    spec = SampleSpec(name="flat", frames=1, shape=(400, 500), stars=0, sky=300.0, gain=1.7, read_noise=6.0)
    pixels = make_frame(spec, make_truth(spec), 0).above_black()
    count = pixels.size
    assert pixels.mean() == pytest.approx(300 / 1.7, abs=5 * np.sqrt(336 / count))
    variance = (300 + 36) / 1.7**2 + 1 / 12
    assert pixels.var() == pytest.approx(variance, rel=5 * np.sqrt(2 / count))


def test_noise_is_independent_between_frames_and_rows():
    spec = SampleSpec(name="flat", frames=2, shape=(600, 500), stars=0)
    truth = make_truth(spec)
    first, second = (make_frame(spec, truth, i).above_black() - 400 / 1.5 for i in (0, 1))
    limit = 5 / np.sqrt(first.size / 2)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < limit
    assert abs(np.corrcoef(first[:256].ravel(), first[256:512].ravel())[0, 1]) < limit


def test_background_of_the_truth_is_that_of_the_pixels_in_each_colour():
    spec = replace(MOSAIC, stars=0, objects=(), shape=(200, 300), gradient=(0.3, -0.2), sky_colour=(1.3, 1.0, 0.6))
    truth = make_truth(spec)
    data = make_frame(spec, truth, 1).above_black()
    for name, row, column in colour_planes(spec.pattern):
        rest = (data - truth.background(name))[row::2, column::2]
        assert abs(rest.mean()) < 5 * rest.std() / np.sqrt(rest.size)
        slope = np.polyfit(np.arange(rest.shape[1]), rest.mean(axis=0), 1)[0]
        assert abs(slope) < 5 * rest.std() / np.sqrt(rest.size * rest.shape[1] ** 2 / 12)


def test_the_black_level_of_a_fits_file_is_a_part_of_its_background():
    spec = replace(MOSAIC, format="fits", stars=0, objects=())
    truth = make_truth(spec)
    frame = make_frame(spec, truth, 0)
    assert not frame.black.any()
    assert np.median(frame.above_black()[::2, ::2]) == pytest.approx(400 / 1.5 + 300, abs=2)
    assert truth.background().mean() == pytest.approx(400 / 1.5 + 300)


def test_hot_pixels_shine_in_every_frame_where_the_truth_says():
    spec = replace(LONE, hot=20, clusters=2, objects=())
    truth = make_truth(spec)
    dark = make_truth(replace(spec, hot=0, clusters=0))
    for index in range(3):
        extra = light(truth, index) - light(dark, index)
        np.testing.assert_allclose(extra[truth.hot_mask], truth.hot_level, rtol=1e-4)
        assert not extra[~truth.hot_mask].any()


def test_a_satellite_crosses_its_frame_alone():
    spec = replace(LONE, satellites=(1,), objects=())
    truth = make_truth(spec)
    clear = light(truth, 0)
    assert (light(truth, 2) == clear).all()
    trail = truth.trails[0]
    length = np.hypot(trail[3] - trail[1], trail[4] - trail[2])
    assert (light(truth, 1) - clear).sum() == pytest.approx(trail[5] * length, rel=1e-3)


def test_full_pixels_stop_at_the_saturation_level():
    spec = replace(LONE, objects=(SkyObject("bright", (0.5, 0.5), 1e7),), black=200, saturation=9_000)
    frame = make_frame(spec, make_truth(spec), 0)
    assert frame.pixels.max() == 9_000
    assert frame.info.saturation == 9_000


def test_bad_rectangles_are_nan_and_masked():
    spec = replace(LONE, bits=-32, bad=((0.25, 0.5, 0.5, 0.75),))
    frame = make_frame(spec, make_truth(spec), 0)
    assert frame.pixels.dtype == np.float32
    assert np.isnan(frame.pixels[32:48, 24:48]).all()
    assert (np.isnan(frame.pixels) == frame.mask).all()
    assert frame.mask.sum() == 16 * 24
