"""Statistics of pictures: numpy's and astropy's own numbers, colour by colour, in a region, whatever has no value."""

import numpy as np
import pytest
from astropy.stats import sigma_clipped_stats
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays

from pipeline.frame import PATTERNS, colour_planes
from pipeline.statistics import BINS, survey

NUMBERS = some.floats(-1e4, 1e5, width=32) | some.sampled_from([float("nan"), float("inf"), 7.0])
IMAGES = arrays.arrays(np.float32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=NUMBERS)


@pytest.fixture(scope="module")
def sky():
    """A sky with stars, hot pixels and holes."""
    random = np.random.default_rng(5)
    image = random.normal(300, 12, (150, 211)).astype(np.float32)
    image[random.random(image.shape) < 0.03] += 4000
    image[random.random(image.shape) < 0.01] = np.nan
    image[3, 4] = np.inf
    return image


def of_colour(image, pattern, colour):
    """Pixels of a colour, by plain slicing."""
    planes = [(row, column) for name, row, column in colour_planes(pattern) if name == colour]
    step = 1 if pattern == "none" else 2
    return np.concatenate([image[row::step, column::step].ravel() for row, column in planes])


@pytest.mark.parametrize("pattern", PATTERNS)
def test_numbers_of_each_colour_are_those_of_numpy_and_astropy(sky, pattern):
    found = survey(sky, pattern)
    assert sum(one.pixels for one in found.colours.values()) == sky.size
    for colour, one in found.colours.items():
        values = of_colour(sky, pattern, colour).astype(np.float64)
        finite = values[np.isfinite(values)]
        assert one.missing == values.size - finite.size
        assert one.full is None
        assert one.median == np.median(finite)
        assert (one.low, one.high) == (finite.min(), finite.max())
        assert one.deviation == pytest.approx(sigma_clipped_stats(finite)[2], rel=1e-9)


@pytest.mark.parametrize("pattern", ["none", "GRBG"])
def test_a_region_has_the_numbers_of_its_own_pixels_and_keeps_their_colours(sky, pattern):
    x0, y0, x1, y1 = 33, 21, 90, 61
    full = np.array([20 * 211 + 40, 21 * 211 + 33, 60 * 211 + 89, 61 * 211 + 40])
    found = survey(sky, pattern, region=(x0, y0, x1, y1), full=full)
    inside = np.zeros(sky.shape, bool)
    inside[y0:y1, x0:x1] = True
    for colour, one in found.colours.items():
        values = of_colour(sky, pattern, colour)[of_colour(inside, pattern, colour)]
        assert one.pixels == values.size
        assert one.median == np.median(values[np.isfinite(values)].astype(np.float64))
    assert sum(one.full for one in found.colours.values()) == 2


@given(IMAGES)
@settings(deadline=None)
def test_every_pixel_is_in_one_bin_or_beyond_or_has_no_value(image):
    found = survey(image)
    one = found.colours["mono"]
    assert found.counts["mono"].sum() + found.beyond + one.missing == image.size
    assert found.beyond >= 0
    assert (np.diff(found.edges) > 0).all()
    assert len(found.edges) <= BINS + 2
    known = image[np.isfinite(image)].astype(np.float64)
    np.testing.assert_array_equal(found.counts["mono"], np.histogram(known, found.edges)[0])
    if known.size:
        assert one.low <= one.median <= one.high


@given(IMAGES, some.floats(-3, 3), some.sampled_from([0.5, 2.0, 4.0]))
@settings(deadline=None)
def test_numbers_go_with_the_pixels_when_they_are_shifted_and_scaled(image, shift, factor):
    image = np.round(image.astype(np.float64))
    shift = round(shift)
    one, other = (survey(given).colours["mono"] for given in (image, image * factor + shift))
    if np.isfinite(image).any():
        assert other.median == one.median * factor + shift
        assert other.deviation == pytest.approx(one.deviation * factor, rel=1e-6, abs=1e-9)


def test_a_histogram_of_whole_numbers_does_not_comb():
    image = np.round(np.random.default_rng(2).normal(1000, 40, (400, 500))).astype(np.uint16)
    counts = survey(image).counts["mono"]
    middle = counts[counts > 0.3 * counts.max()]
    assert middle.size > 20
    assert np.abs(np.diff(middle)).max() < 0.2 * counts.max()


def test_a_region_is_compared_in_the_bins_of_the_whole(sky):
    whole = survey(sky)
    part = survey(sky, region=(0, 0, 50, 40), edges=whole.edges)
    assert part.edges is whole.edges
    assert (part.counts["mono"] <= whole.counts["mono"]).all()


def test_the_sky_fills_the_histogram_however_bright_the_stars_are(sky):
    image = np.where(sky > 3000, sky * 15, sky)
    image[np.random.default_rng(1).random(image.shape) < 0.97] = 300
    image += np.random.default_rng(3).normal(0, 12, image.shape).astype(np.float32)
    edges = survey(image).edges
    assert edges[0] > 300 - 10 * 12
    assert edges[-1] < 1000


def test_nothing_with_a_value_has_no_numbers():
    one = survey(np.full((4, 5), np.nan, np.float32)).colours["mono"]
    assert (one.pixels, one.missing) == (20, 20)
    assert np.isnan([one.median, one.deviation, one.low, one.high]).all()


@pytest.mark.parametrize("value", [0.0, 1e-9, 12345.0, 1e20])
def test_pixels_that_are_all_alike_stand_in_one_bin(value):
    found = survey(np.full((8, 9), value, np.float64))
    assert found.counts["mono"].sum() == 72
    assert found.colours["mono"].deviation == 0


def test_a_mask_counts_as_nought_and_one():
    mask = np.zeros((10, 10), bool)
    mask[:3] = True
    one = survey(mask).colours["mono"]
    assert (one.median, one.low, one.high) == (0, 0, 1)
