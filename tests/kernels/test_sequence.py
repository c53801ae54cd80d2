"""Where a frame is expected, in which order frames are followed, and what does not move with the sky."""

import numpy as np

from pipeline.kernels.polynomial import identity
from pipeline.kernels.register import Points, Solution
from pipeline.kernels.sequence import expected, outward, standing

SHAPE = (400, 600)


def at(dx, dy=0.0):
    transform = identity(SHAPE)
    transform[:, 0] += (dx, dy)
    return Solution(transform, 9, 0.1, 0.0, ("shift", 1))


def shift(transform):
    return (transform - identity(SHAPE))[:, 0]


def test_frames_are_followed_outward_nearest_in_time_first():
    assert outward(np.array([-5.0, -1.0, 0.0, 2.0, 3.0]), 2) == [1, 3, 4, 0]
    assert outward(np.zeros(4), 1) == [0, 2, 3]


def test_steady_motion_is_carried_on_in_time_not_in_frames():
    times = np.array([0.0, 1.0, 2.0, 4.5])
    solved = {0: at(0), 1: at(3, 1), 2: at(6, 2)}
    np.testing.assert_allclose(shift(expected(solved, times, 3)[0]), (13.5, 4.5))


def test_frame_between_known_ones_lies_between_them():
    times = np.array([0.0, 1.0, 2.0])
    np.testing.assert_allclose(shift(expected({0: at(0), 2: at(8, -4)}, times, 1)[0]), (4, -2))


def test_motion_is_not_carried_over_a_night():
    times = np.array([0.0, 1.0, 500.0])
    np.testing.assert_allclose(shift(expected({0: at(0), 1: at(3)}, times, 2)[0]), (3, 0))


def points(position):
    count = len(position)
    return Points(np.array(position, float), np.full(count, 0.05), np.arange(count, 0.0, -1.0), 3.0)


def test_what_stays_while_the_sky_moves_is_a_hot_pixel_and_a_star_whose_place_the_next_one_takes_is_none():
    row = [(100.0 + 20 * step, 200.0) for step in range(6)]
    hot = (300.0, 50.0)
    here = points([*row, hot])
    there = points([*((x + 20, y) for x, y in row), hot])
    solved = {0: at(0), 1: at(20)}
    found = standing([here, there], solved, 0, SHAPE)
    np.testing.assert_array_equal(found, [False] * 6 + [True])


def test_where_the_sky_stands_still_nothing_is_called_hot():
    stars = points([(100, 100), (300, 50), (50, 350)])
    assert not standing([stars, stars], {0: at(0), 1: at(0)}, 0, SHAPE).any()
