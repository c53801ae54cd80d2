"""Moments in a window: sampled Gaussians, truncation by small and even windows, and the errors that noise makes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kernels.moments import untruncated, window_moments, window_range

EVEN, NO_PHOTONS = np.ones((2, 2)), np.zeros((2, 2))


def gaussian(sigma_x, sigma_y, x=40.0, y=40.0, size=81, flux=10_000.0):
    rows, columns = np.indices((size, size), sparse=True)
    light = np.exp(-((columns - x) ** 2) / (2 * sigma_x**2) - (rows - y) ** 2 / (2 * sigma_y**2))
    return (flux * light / (2 * np.pi * sigma_x * sigma_y)).astype(np.float32)


def measured(image, window, column=40, row=40, variance=EVEN, photon=NO_PHOTONS):
    return window_moments(
        image, np.array([column]), np.array([row]), window=window, variance=variance, photon=photon
    )  # fmt: skip


def mended(found, window, middle=40, axis="x"):
    low, high = window_range(window)
    return untruncated(found[axis], found[axis * 2], np.array([middle + low]), np.array([middle + high]))[0]


def test_second_moments_of_a_sampled_gaussian_are_its_own_in_ten_sigma():
    found = measured(gaussian(3, 3, 40.3, 39.6), 31)
    assert np.sqrt(found["xx"][0]) == pytest.approx(3, rel=0.01)
    assert np.sqrt(found["yy"][0]) == pytest.approx(3, rel=0.01)
    assert found["x"][0] == pytest.approx(40.3, abs=1e-3)
    assert found["light"][0] == pytest.approx(10_000, rel=1e-5)


def test_an_even_window_runs_from_minus_ten_to_nine_and_pulls_the_mean_to_its_longer_side():
    assert window_range(20) == (-10, 9)
    assert window_range(21) == (-10, 10)
    even, odd = measured(gaussian(3, 3), 20), measured(gaussian(3, 3), 21)
    assert even["x"][0] < 40 - 0.004
    assert odd["x"][0] == pytest.approx(40, abs=1e-6)
    assert even["xx"][0] < odd["xx"][0] < 9


@settings(deadline=None, max_examples=60)
@given(st.floats(0.8, 4.0), st.floats(0.8, 4.0), st.floats(-0.5, 0.5), st.integers(16, 25))
def test_the_widths_that_a_window_cuts_are_given_back(sigma_x, sigma_y, away, window):
    found = measured(gaussian(sigma_x, sigma_y, 40 + away), window)
    assert mended(found, window) == pytest.approx(sigma_x, rel=2e-3)
    assert mended(found, window, axis="y") == pytest.approx(sigma_y, rel=2e-3)


@pytest.mark.parametrize("away", [-0.45, 0.0, 0.3])
def test_a_window_that_cuts_one_side_more_than_the_other_gives_back_the_width_all_the_same(away):
    found = measured(gaussian(2, 2, 40 + away), 8)
    assert np.sqrt(found["xx"][0]) < 1.8
    assert mended(found, 8) == pytest.approx(2, rel=1e-3)


def test_light_as_even_as_a_sky_has_no_width():
    found = measured(np.ones((81, 81), np.float32), 21)
    assert np.isnan(mended(found, 21))


def test_a_window_over_the_edge_is_left_out_and_never_wrapped():
    image = gaussian(2, 2, 5, 40)
    assert np.isnan(measured(image, 20, column=5)["x"][0])
    assert np.isfinite(measured(image, 20, column=10)["x"][0])
    assert np.isfinite(measured(image, 20, column=71)["light"][0])
    assert np.isnan(measured(image, 20, column=72)["light"][0])


@pytest.mark.parametrize("flux", [400.0, 20_000.0])
def test_the_errors_of_mean_and_width_are_their_scatter(flux):
    rng, truth = np.random.default_rng(5), gaussian(2, 2, 20, 20, 41, flux)
    photon = np.full((2, 2), 0.5)
    found = {}
    for image in truth + rng.normal(0, np.sqrt(1 + 0.5 * truth), (1500, 41, 41)):
        one = measured(image.astype(np.float32), 15, 20, 20, photon=photon)
        for name, values in one.items():
            found.setdefault(name, []).append(values[0])
    for moment, error in (("x", "x_error"), ("yy", "yy_error"), ("light", "light_error")):
        assert np.std(found[moment]) == pytest.approx(np.median(found[error]), rel=0.12)
