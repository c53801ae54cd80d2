"""Where nothing came from is filled, where a value is not known is not, and both are masked."""

import numpy as np
import pytest

from pipeline.kernels.whole_pixels import fill, marked, moved

SHAPE = (150, 61)


@pytest.fixture
def picture():
    image = np.random.default_rng(4).normal(0, 1, SHAPE).astype(np.float32)
    image[70, 5:9] = np.nan
    image[:, 58:] = np.inf
    image[140:] = np.inf
    return image


def test_the_mask_is_what_is_not_finite(picture):
    mask, beyond = marked(picture)
    np.testing.assert_array_equal(mask, ~np.isfinite(picture))
    assert beyond == np.isposinf(picture).sum()
    assert marked(np.zeros(SHAPE, np.float32)) == (None, 0)


def test_each_place_of_the_pattern_is_filled_with_its_own_level(picture):
    levels = np.array([[1, 2], [3, 4]], np.float32)
    filled = picture.copy()
    fill(filled, levels)
    beyond = np.isposinf(picture)
    np.testing.assert_array_equal(filled[beyond], np.tile(levels, (75, 31))[:, :61][beyond])
    np.testing.assert_array_equal(filled[~beyond], picture[~beyond])


@pytest.mark.parametrize("step", [(0, 0), (3, -2), (-60, 149), (61, 0), (0, -150), (-700, 5)])
def test_a_whole_step_moves_every_value_and_makes_none(step):
    image = np.arange(SHAPE[0] * SHAPE[1], dtype=np.float32).reshape(SHAPE)
    y, x = np.indices(SHAPE)
    inside = (y + step[1] >= 0) & (y + step[1] < SHAPE[0]) & (x + step[0] >= 0) & (x + step[0] < SHAPE[1])
    expected = np.where(inside, image + step[1] * SHAPE[1] + step[0], np.inf)
    np.testing.assert_array_equal(moved(image, *step, beyond=np.inf), expected)
