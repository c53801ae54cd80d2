import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.kernels.median import median

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
