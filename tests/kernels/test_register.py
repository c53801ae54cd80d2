"""The transform between two frames, found from lists of points alone."""

import numpy as np
import pytest

from pipeline.kernels.polynomial import identity
from pipeline.kernels.register import Points, moved, register

SHAPE = (900, 1200)


def bent(position, strength, step):
    """Where a wide lens, whose radial shift grows with the third power, shows a sky that moved by ``step``."""
    centre = (np.array(SHAPE[::-1]) - 1) / 2
    radius = np.hypot(*centre)
    seen = (position - centre) / radius
    ideal = seen.copy()
    for _ in range(30):
        ideal = seen - strength / radius * ideal * (ideal**2).sum(axis=1, keepdims=True)
    ideal = ideal + np.array(step) / radius
    return (ideal + strength / radius * ideal * (ideal**2).sum(axis=1, keepdims=True)) * radius + centre


def test_a_wide_lens_that_bends_the_field_without_turning_it_is_followed_to_the_corners():
    rng = np.random.default_rng(3)
    here = rng.uniform(0, 1, (300, 2)) * (1199, 899)
    there = bent(here, 45.0, (36.0, 24.0)) + rng.normal(0, 0.03, here.shape)
    inside = ((there > 0) & (there < (1199, 899))).all(axis=1)
    light = rng.uniform(1, 100, 300)
    one = Points(here, np.full(300, 0.02), light, 4.0)
    other = Points(there[inside], np.full(inside.sum(), 0.02), light[inside], 4.0)
    found = register(one, other, [identity(SHAPE)], SHAPE, reach=10.0)
    assert found.model[1] >= 2
    assert found.matched > 0.97 * inside.sum()
    assert np.abs(moved(found.transform, here, SHAPE) - bent(here, 45.0, (36.0, 24.0)))[inside].max() < 0.6


@pytest.mark.parametrize("shared", [5, 40])
def test_a_few_points_in_common_are_no_sky_in_common(shared):
    rng = np.random.default_rng(5)
    sky = rng.uniform(50, 800, (60, 2))
    other = np.concatenate([sky[:shared] + np.array((7, 3)), rng.uniform(50, 800, (60 - shared, 2))])
    light = np.arange(60, 0.0, -1.0)
    one, two = (Points(place, np.full(60, 0.02), light, 3.0) for place in (sky, other))
    found = register(one, two, [identity(SHAPE)], SHAPE, reach=20.0)
    assert (found is not None) == (shared == 40)
