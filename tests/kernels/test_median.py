import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.kernels.median import median, median_variance

finite = st.floats(-1e12, 1e12)


@settings(deadline=None)
@given(arrays(np.float64, st.integers(1, 60), elements=finite))
def test_it_is_numpys_median_to_the_last_bit(values):
    before = values.copy()
    assert median(values) == np.median(values)
    assert np.array_equal(values, before)


@pytest.mark.parametrize("count", [999, 1000, 50_000])
def test_it_is_numpys_median_of_many_values_with_ties(count):
    values = np.random.default_rng(1).poisson(40, count).astype(float)
    assert median(values) == np.median(values)


# Sarhan and Greenberg 1962, Contributions to Order Statistics.
@pytest.mark.parametrize(
    ("count", "variance"),
    [
        (1, 1.0),
        (2, 0.5),
        (3, 0.44867),
        (4, 0.29820),
        (5, 0.28683),
        (6, 0.21474),
        (7, 0.21045),
        (8, 0.16823),
        (9, 0.16610),
    ],
)
def test_the_variance_of_a_median_of_few_is_the_exact_one(count, variance):
    assert median_variance(count) == pytest.approx(variance, rel=0.01)


@pytest.mark.parametrize("count", [3, 10, 25, 40])
def test_the_variance_of_a_median_is_as_found_by_drawing(count):
    drawn = np.random.default_rng(count).normal(size=(100_000, count))
    assert median_variance(count) == pytest.approx(np.median(drawn, axis=1).var(), rel=0.02)
