"""What skewed stars do to a map: against profiles drawn here, and fields of lean that are known."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from pipeline.kernels.field import polynomial
from pipeline.kernels.lean import SKEW, moved_by_shape
from pipeline.kernels.polynomial import terms

SIGMA = 1.5
VARIANCE = np.full(200, 0.02**2)


def centres(tail):
    """Of a star with a tail along x: centres of all light, of a window of 1.8 sigma^2, and of a fitted Gaussian."""
    y, x = np.mgrid[-12:12.01:0.1, -12:12.01:0.1]
    light = sum(
        height * np.exp(-((x - i * tail) ** 2 + y**2) / (2 * SIGMA**2))
        for i, height in enumerate((1, 0.45, 0.25, 0.15))
    )
    windowed = 0.0
    for _ in range(60):
        weight = light * np.exp(-((x - windowed) ** 2 + y**2) / (2 * 1.8 * SIGMA**2))
        windowed += (1 + 1 / 1.8) * (weight * (x - windowed)).sum() / weight.sum()
    middle = np.hypot(x, y) < 4
    fitted, _ = curve_fit(
        lambda at, height, centre, sigma: height * np.exp(-((at[0] - centre) ** 2 + at[1] ** 2) / (2 * sigma**2)),
        (x[middle], y[middle]), light[middle], p0=(1, 0, SIGMA),
    )  # fmt: skip
    return (light * x).sum() / light.sum(), windowed, fitted[1]


@pytest.mark.parametrize("tail", [0.5, 1.0])
def test_all_light_lies_off_the_window_by_a_multiple_of_what_the_window_lies_off_the_fit(tail):
    light, windowed, fitted = centres(tail)
    assert light > windowed > fitted
    assert 0.6 * SKEW < (light - windowed) / (windowed - fitted) < 2 * SKEW


def test_noise_is_no_change_of_shape():
    rng = np.random.default_rng(1)
    grown = 0
    for _ in range(100):
        u, v = rng.uniform(-1, 1, (2, 200))
        grown += moved_by_shape(u, v, rng.normal(0, 0.01, 200), VARIANCE, 3).any()
    assert grown <= 4


@pytest.mark.parametrize("order", [1, 3])
def test_a_change_of_shape_over_the_field_is_found_through_noise_and_blends(order):
    rng = np.random.default_rng(2)
    u, v = rng.uniform(-1, 1, (2, 200))
    lean = 0.01 * u - 0.004 * v
    seen = lean + rng.normal(0, 0.005, 200)
    seen[:15] += rng.uniform(-0.5, 0.5, 15)
    seen[15] = np.nan
    form = moved_by_shape(u, v, seen, VARIANCE, order)
    moved = np.sqrt(np.maximum(terms(u, v, 2 * min(order, 2)) @ form, 0))
    np.testing.assert_allclose(moved, SKEW * np.abs(lean), atol=0.008)
    assert moved.mean() == pytest.approx(SKEW * np.abs(lean).mean(), rel=0.2)


def test_few_stars_tell_no_shape():
    u, v = np.random.default_rng(3).uniform(-1, 1, (2, 7))
    assert not moved_by_shape(u, v, np.ones(7), VARIANCE[:7], 3).any()


def test_stars_in_one_line_tell_no_shape():
    u = np.linspace(-1, 1, 200)
    assert not moved_by_shape(u, 0.5 * u, 0.1 * u, VARIANCE, 3).any()


@pytest.mark.parametrize(("lean", "told"), [(0.03, True), (0.0, False)])
def test_a_map_whose_error_is_mostly_of_the_shape_says_so_and_how_much(lean, told):
    rng = np.random.default_rng(4)
    position = rng.uniform(0, 1, (2, 200)) * [[399], [299]]
    offset = 2 + rng.normal(0, 0.02, (2, 200))
    change = np.full((2, 200), lean) + rng.normal(0, 0.003, (2, 200))
    made = polynomial(position, offset, np.stack([VARIANCE] * 2), np.ones(200, bool), (300, 400), 1, 4.0, change)
    said = [text for text in made.warnings if "shape" in text]
    assert len(said) == told
    if told:
        assert float(said[0].split()[-2]) == pytest.approx(SKEW * lean, rel=0.1)
        assert np.sqrt((made.images[2] ** 2).mean()) == pytest.approx(SKEW * lean, rel=0.15)
