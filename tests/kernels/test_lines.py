"""lines: points in a row among points anywhere."""

import numpy as np
import pytest

from pipeline.kernels.lines import distance, lines

SHAPE = (800, 1200)


def strewn(count, seed=1):
    return np.random.default_rng(seed).uniform(0, (SHAPE[1], SHAPE[0]), (count, 2))


def row(angle, middle=(600, 400), count=40, seed=2):
    rng = np.random.default_rng(seed)
    along = rng.uniform(-350, 350, count)
    direction = np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    return middle + along[:, None] * direction + rng.normal(0, 0.5, (count, 2))


@pytest.mark.parametrize("angle", [0.0, 0.3, 33.0, 90.0, 151.0])
def test_points_in_a_row_are_found_among_points_anywhere(angle):
    points = np.concatenate([strewn(400), row(angle)])
    (line, on), *others = lines(points, SHAPE, 2.5)
    assert not others
    assert np.isin(np.arange(400, 440), on).all()
    assert len(on) < 50
    assert distance(points[400:], line).max() < 2.5
    normal = np.rad2deg(np.arctan2(line[1], line[0]))
    assert abs((normal - angle) % 180 - 90) < 0.5


def test_two_rows_that_cross_are_two_lines():
    found = list(lines(np.concatenate([strewn(200), row(20.0), row(75.0)]), SHAPE, 2.5))
    assert len(found) == 2
    assert sum(np.count_nonzero(on >= 200) for _, on in found) >= 78


@pytest.mark.parametrize("count", [0, 1, 11, 200, 1500, 6000])
@pytest.mark.parametrize("seed", [3, 4, 5])
def test_points_anywhere_make_no_line(count, seed):
    assert list(lines(strewn(count, seed), SHAPE, 2.5)) == []


def test_points_in_one_place_make_no_line():
    assert list(lines(np.full((50, 2), 300.0), SHAPE, 2.5)) == []
