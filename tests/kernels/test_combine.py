"""Combining pictures: numpy's and astropy's own numbers, laws of order, and stars that are thrown out."""

import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from astropy.stats import sigma_clip
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kernels import combine
from pipeline.kernels.combine import METHODS, combined, network


@dataclass
class Rows:
    """An array that is read by rows, and remembers how many at most were asked for."""

    array: np.ndarray
    most: int = 0

    @property
    def shape(self):
        return self.array.shape

    @property
    def dtype(self):
        return self.array.dtype

    def rows(self, start, stop):
        self.most = max(self.most, stop - start)
        return self.array[start:stop]


def readers(stack):
    return [Rows(picture) for picture in stack]


def pictures(number, shape=(70, 150), seed=0, holes=0.0):
    rng = np.random.default_rng(seed)
    stack = rng.normal(100, 5, (number, *shape)).astype(np.float32)
    stack[rng.random(stack.shape) < holes] = np.nan
    return stack


@pytest.mark.parametrize("middle", [False, True])
def test_the_network_brings_every_value_to_its_place(middle):
    rng = np.random.default_rng(3)
    for number in (1, 2, 3, 7, 8, 20, 33):
        values = rng.permuted(np.tile(np.arange(number), (200, 1)), axis=1).T.copy()
        for low, high in network(number, middle):
            values[[low, high]] = np.minimum(values[low], values[high]), np.maximum(values[low], values[high])
        for place in ((number - 1) // 2, number // 2) if middle else range(number):
            assert (values[place] == place).all()
    assert len(network(20, True)) < len(network(20, False))


@pytest.mark.parametrize("number", [1, 2, 3, 10, 21])
@pytest.mark.parametrize("holes", [0.0, 0.3])
def test_median_and_mean_are_numpys(number, holes):
    stack = pictures(number, holes=holes)
    stack[:, 5, 7] = np.nan
    for how, numpys in (("median", np.nanmedian), ("mean", np.nanmean)):
        image, count, rejected = combined(readers(stack), how)
        valid = np.isfinite(stack).sum(axis=0)
        with warnings.catch_warnings(action="ignore"):
            np.testing.assert_allclose(image, numpys(stack.astype(np.float64), axis=0), rtol=1e-7)
        np.testing.assert_array_equal(count, valid)
        assert not rejected.any()
        assert image.dtype == np.float32
        assert count.dtype == rejected.dtype == np.int16
        assert np.isnan(image[5, 7])


@pytest.mark.parametrize("number", [2, 9, 20])
def test_whole_numbers_have_numpys_median(number):
    stack = np.random.default_rng(1).integers(0, 65536, (number, 40, 300)).astype(np.uint16)
    image, count, _ = combined(readers(stack), "median")
    np.testing.assert_array_equal(image, np.median(stack, axis=0))
    assert (count == number).all()


@pytest.mark.parametrize("clip", [(3.0, 3.0), (1.5, 2.5)])
def test_clipping_is_astropys(clip):
    stack = pictures(15, holes=0.1)
    stack[4, :30] += 300
    image, count, rejected = combined(readers(stack), "clipped", clip=clip)
    with warnings.catch_warnings(action="ignore"):
        kept = sigma_clip(stack.astype(np.float64), sigma_lower=clip[0], sigma_upper=clip[1], maxiters=None, axis=0)
    np.testing.assert_allclose(image, kept.mean(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(count, kept.count(axis=0))
    np.testing.assert_array_equal(count + rejected, np.isfinite(stack).sum(axis=0))


def test_of_few_frames_only_winsorizing_throws_out_a_cosmic_ray():
    stack = pictures(6)
    stack[2, 10:20, 10:20] += 1000
    _, _, clipped = combined(readers(stack), "clipped")
    image, _, winsorized = combined(readers(stack), "winsorized")
    assert not clipped[10:20, 10:20].any()
    assert (winsorized[10:20, 10:20] >= 1).all()
    assert abs(image[10:20, 10:20].mean() - 100) < 1


@pytest.mark.parametrize("height", [1e3, 1e5, 1e7])
def test_winsorizing_throws_out_a_value_however_far_it_lies(height):
    stack = pictures(6)
    stack[2] += height
    image, _, rejected = combined(readers(stack), "winsorized")
    assert (rejected >= 1).all()
    assert abs(image.mean() - 100) < 1


@pytest.mark.parametrize(("number", "most"), [(5, 0.03), (10, 0.015), (24, 0.01)])
def test_of_noise_alone_winsorizing_throws_out_little_and_costs_little(number, most):
    stack = np.random.default_rng(number).normal(100, 9, (number, 200, 300)).astype(np.float32)
    image, _, rejected = combined(readers(stack), "winsorized")
    assert rejected.sum() < most * stack.size
    assert image.std() < 1.07 * 9 / number**0.5


def test_equal_whole_numbers_are_not_thrown_out_for_one_step():
    stack = np.full((10, 64, 64), 1000, np.float32)
    stack[:4] = 1001
    image, _, rejected = combined(readers(stack), "winsorized")
    assert not rejected.any()
    np.testing.assert_allclose(image, 1000.4, rtol=1e-6)


@pytest.mark.parametrize("how", ["mean", "clipped", "winsorized"])
def test_weights_by_variance_give_the_smallest_noise(how):
    rng = np.random.default_rng(5)
    sigma = np.array([1, 1, 1, 1, 4, 4, 4, 4.0])
    stack = (rng.normal(0, 1, (8, 200, 300)) * sigma[:, None, None]).astype(np.float32)
    weighted = combined(readers(stack), how, clip=(20, 20), weights=sigma**-2)[0].std()
    assert weighted == pytest.approx((sigma**-2).sum() ** -0.5, rel=0.02)
    equal = combined(readers(stack), how, clip=(20, 20))[0]
    np.testing.assert_allclose(equal, combined(readers(stack), how, clip=(20, 20), weights=np.full(8, 7.0))[0], 1e-5)


def test_a_weighted_mean_is_numpys_average():
    stack, weights = pictures(5), np.array([1, 2, 3, 4, 5.0])
    expected = np.average(stack.astype(np.float64), axis=0, weights=weights)
    for how in ("mean", "clipped"):
        np.testing.assert_allclose(combined(readers(stack), how, weights=weights, clip=(9, 9))[0], expected, rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.sampled_from(METHODS), st.integers(0, 1000))
def test_the_order_of_the_frames_does_not_matter(number, how, seed):
    stack = pictures(number, (8, 40), seed, holes=0.2)
    one, other = combined(readers(stack), how), combined(readers(stack[::-1]), how)
    np.testing.assert_allclose(one[0], other[0], rtol=1e-6)
    np.testing.assert_array_equal(one[1:], other[1:])


def test_the_result_does_not_depend_on_how_many_rows_are_held(monkeypatch):
    stack = pictures(7, (150, 60), holes=0.1)
    for how in METHODS:
        whole = combined(readers(stack), how)
        monkeypatch.setattr(combine, "HELD", 7 * 60 * 4 * 3)
        few = readers(stack)
        for one, other in zip(whole, combined(few, how), strict=True):
            np.testing.assert_array_equal(one, other)
        assert max(reader.most for reader in few) <= 3
        monkeypatch.undo()


@pytest.mark.parametrize(
    ("stack", "options", "words"),
    [
        ([], {}, "no picture"),
        ([np.zeros((2, 2)), np.zeros((2, 3))], {}, "one shape"),
        ([np.zeros((2, 2))], {"weights": np.zeros(1)}, "positive"),
        ([np.zeros((2, 2))], {"how": "mode"}, "median, mean"),
    ],
)
def test_what_cannot_be_combined_says_why(stack, options, words):
    with pytest.raises(ValueError, match=words):
        combined(readers(stack), **{"how": "median", **options})
