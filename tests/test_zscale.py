"""The limits of a display by IRAF's zscale."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.zscale import zscale


def sky(seed=3):
    rng = np.random.default_rng(seed)
    values = rng.normal(500, 10, 10_000)
    values[:100] += rng.exponential(3000, 100)
    return values


def test_the_sky_fills_the_span_and_stars_do_not_widen_it():
    low, high = zscale(sky())
    assert 460 < low < 490
    assert 510 < high < 600


@settings(deadline=None, max_examples=20)
@given(st.floats(0.1, 100), st.floats(-1e4, 1e4))
def test_limits_go_with_the_values_scale_and_level(scale, level):
    low, high = zscale(sky())
    assert zscale(sky() * scale + level) == pytest.approx(
        (low * scale + level, high * scale + level), rel=1e-6, abs=1e-3
    )


def test_what_has_no_value_plays_no_part():
    values = sky()
    holes = np.concatenate([values, np.full(500, np.nan)])
    assert zscale(holes) == zscale(values)
    assert zscale(np.full(9, np.nan)) == (0.0, 0.0)
    assert zscale(np.array([4.0, np.nan])) == (4.0, 4.0)
    assert zscale(np.full(100, 7.0)) == (7.0, 7.0)
