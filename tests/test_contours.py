"""Lines of equal value over a map."""

import numpy as np
import pytest

from ui.contours import contours, round_levels


def test_contours_are_where_the_map_has_their_value():
    y, x = np.mgrid[0:200, 0:300].astype(float)
    plane = -88 + 0.004 * x + 0.002 * y
    step = 4
    small = plane.reshape(50, step, 75, step).mean((1, 3))
    drawn = contours(small, step)
    assert len(drawn.values) >= 3
    found = set()
    for xs, ys in zip(drawn.xs, drawn.ys, strict=True):
        values = -88 + 0.004 * xs + 0.002 * ys
        # A line is left open where its number stands.
        drawn_values = values[np.isfinite(values)]
        assert np.ptp(drawn_values) < 1e-6
        found.add(round(drawn_values[0], 6))
    assert found >= {round(value, 6) for value in drawn.values}


@pytest.mark.parametrize("low_high", [(-89.1, -87.6), (0.0, 1e-4), (-5.0, 5.0), (0.0, 1234.0)])
def test_contours_are_few_and_round(low_high):
    levels = round_levels(*low_high)
    assert 3 <= len(levels) <= 8
    assert low_high[0] < levels[0]
    assert levels[-1] < low_high[1]
    step = float(np.diff(levels)[0])
    assert f"{step:.3e}"[:5] in ("1.000", "2.000", "5.000")


def test_a_flat_map_and_an_empty_one_have_no_contours():
    assert contours(np.zeros((20, 20)), 1).values == []
    assert contours(np.full((20, 20), np.nan), 1).xs == []
