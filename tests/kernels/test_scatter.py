"""Variances that grow to the scatter seen, against draws whose variances are known."""

import numpy as np
import pytest

from pipeline.kernels.polynomial import terms
from pipeline.kernels.scatter import FINEST, about_surface, bearable, growth, neighbouring, shared


def kinds_of(rng, count):
    """Variance claimed and what photons make, of stars of many brightnesses."""
    light = rng.uniform(0, 1, count) ** -1.0
    return np.column_stack([0.1 / light**2 + 0.01 / light, 1 / light, np.ones(count)])


@pytest.mark.parametrize("truth", [(4.0, 0.0, 0.0), (1.0, 0.0, 0.01), (1.0, 0.05, 0.0)])
def test_each_kind_of_variance_is_found_again(truth):
    rng = np.random.default_rng(1)
    kinds = kinds_of(rng, 2000)
    parts = growth(rng.normal(0, np.sqrt(kinds @ truth)) ** 2, np.zeros(2000), kinds)
    np.testing.assert_allclose(np.median((kinds @ parts) / (kinds @ truth)), 1, atol=0.1)
    bright = kinds[:, 1] < np.percentile(kinds[:, 1], 20)
    np.testing.assert_allclose(np.median((kinds @ parts)[bright] / (kinds @ truth)[bright]), 1, atol=0.25)


def test_a_factor_alone_is_found_where_it_explains_all():
    rng = np.random.default_rng(9)
    alone = 0
    for _ in range(40):
        kinds = kinds_of(rng, 300)
        parts = growth(rng.normal(0, 3 * np.sqrt(kinds[:, 0])) ** 2, np.zeros(300), kinds)
        alone += not parts[1:].any()
        assert parts[0] < 16
    assert alone >= 30


def test_honest_variances_hardly_ever_grow():
    rng = np.random.default_rng(2)
    grown = 0
    for _ in range(200):
        kinds = kinds_of(rng, 300)
        grown += growth(rng.normal(0, np.sqrt(kinds[:, 0])) ** 2, np.zeros(300), kinds) is not None
    assert grown <= 6


def test_values_that_share_an_error_count_for_fewer():
    rng = np.random.default_rng(3)
    kinds = kinds_of(rng, 300)
    squared, missed = rng.normal(0, np.sqrt(1.5 * kinds[:, 0])) ** 2, np.zeros(300)
    assert growth(squared, missed, kinds, 1.0) is not None
    assert growth(squared, missed, kinds, 10.0) is None


def test_a_tenth_of_outliers_is_no_scatter_of_the_rest():
    rng = np.random.default_rng(4)
    kinds = kinds_of(rng, 1000)
    values = rng.normal(0, np.sqrt(kinds[:, 0]))
    values[:100] += 3.0
    parts = growth(values**2, np.zeros(1000), kinds)
    seen = kinds[:, 0] if parts is None else np.maximum(kinds @ parts, kinds[:, 0])
    assert np.median(seen[100:] / kinds[100:, 0]) < 1.3


def test_few_values_tell_nothing():
    assert growth(np.full(7, 100.0), np.zeros(7), np.ones((7, 1))) is None
    assert bearable(terms(*np.random.default_rng(0).uniform(-1, 1, (2, 5)), FINEST), 1) is None
    in_line = np.linspace(-1, 1, 40)
    design = terms(in_line, in_line, FINEST)
    assert bearable(design, 1) == 3
    assert about_surface(design[:, :3], in_line, np.ones(40)) is None
    # The only value beside the line is an outlier.
    beside, far = np.append(in_line, 0.3), np.append(np.sin(9 * in_line), 50.0)
    assert about_surface(terms(beside, np.append(in_line, -0.3), 1), far, np.ones(41)) is None


def test_squares_make_up_for_what_a_fit_takes_away():
    rng = np.random.default_rng(5)
    u, v = rng.uniform(-1, 1, (2, 14))
    variance = rng.uniform(0.2, 5, 14)
    design = terms(u, v, 1)
    draws = [about_surface(design, rng.normal(0, np.sqrt(variance)), variance)[2:] for _ in range(3000)]
    squared, unsure = np.mean(draws, axis=0)
    np.testing.assert_allclose((squared - unsure) / variance, 1, atol=0.3)


def test_what_neighbours_share_is_told_from_noise():
    rng = np.random.default_rng(6)
    place = rng.uniform(-1, 1, (500, 2))
    pairs, variance = neighbouring(place), np.full(500, 0.01)
    noise = rng.normal(0, 0.1, 500)
    assert shared(noise, variance, pairs) < 0.002
    bend = 0.1 * np.sqrt(2) * np.sin(4 * place[:, 0])
    assert shared(noise + bend, variance, pairs) == pytest.approx(0.01 * bend.var() / 0.01, rel=0.25)
    assert len(np.unique(pairs, axis=0)) == len(pairs)
    assert (pairs[:, 0] < pairs[:, 1]).all()


def test_errors_claimed_too_small_are_not_taken_for_what_neighbours_share():
    rng = np.random.default_rng(8)
    told = []
    for _ in range(60):
        variance = rng.uniform(0.001, 0.1, 100) ** 2
        residual = rng.normal(0, np.sqrt(variance + 0.1**2))
        told.append(shared(residual, variance, neighbouring(rng.uniform(-1, 1, (100, 2)))))
    assert np.mean(np.array(told) > 0) < 0.1
    assert max(told) < 0.5 * 0.1**2


def test_a_surface_finer_than_the_fit_is_found_in_its_residuals():
    rng = np.random.default_rng(7)
    u, v = rng.uniform(-1, 1, (2, 400))
    values = 0.3 * u**4 * v - 0.2 * v**5 + rng.normal(0, 0.02, 400)
    values[:10] += 0.5
    design = terms(u, v, FINEST)
    assert bearable(design, 3) == 21
    coefficients, _, squared, _ = about_surface(design, values, np.full(400, 0.0004))
    assert coefficients[-1] == pytest.approx(-0.2, abs=0.03)
    assert np.mean(squared[10:]) == pytest.approx(0.0004, rel=0.2)
    assert np.median(squared[:10]) == pytest.approx(0.25, rel=0.2)
