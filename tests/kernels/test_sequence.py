"""Where a frame is expected, and in which order frames are followed."""

import numpy as np

from pipeline.kernels.polynomial import identity
from pipeline.kernels.register import Solution
from pipeline.kernels.sequence import expected, outward

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
