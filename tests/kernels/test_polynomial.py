"""Polynomials and transforms against numpy's own and against geometry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kernels import polynomial

SHAPE = (400, 600)


@pytest.mark.parametrize("order", range(6))
def test_terms_stand_by_degree(order):
    u, v = np.random.default_rng(order).uniform(-1, 1, (2, 7))
    expected = np.stack([u ** (degree - j) * v**j for degree in range(order + 1) for j in range(degree + 1)], axis=1)
    np.testing.assert_allclose(polynomial.terms(u, v, order), expected, atol=1e-14)
    assert polynomial.order_of(expected.shape[1]) == order


@settings(max_examples=30, deadline=None)
@given(x=st.floats(-1000, 1000), y=st.floats(-1000, 1000))
def test_identity_leaves_every_place(x, y):
    for order in (0, 1, 3):
        there = polynomial.apply(polynomial.identity(SHAPE, order), np.array([x]), np.array([y]), SHAPE)
        np.testing.assert_allclose(np.ravel(there), [x, y], atol=1e-9)


def bent():
    """A turn of two degrees with a shift and a distortion of some pixels."""
    transform = polynomial.widened(polynomial.identity(SHAPE), 3)
    turn = np.radians(2)
    transform[:, 1:3] = 300 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    transform[:, 0] += (14, -9)
    transform[:, 3:] = np.random.default_rng(1).normal(0, 0.7, (2, 7))
    return transform


def places(count, seed=0):
    return np.random.default_rng(seed).uniform(0, 1, (count, 2)) * (599, 399)


def test_there_and_back_is_the_same_place():
    x, y = places(300).T
    back = polynomial.inverse_apply(bent(), *polynomial.apply(bent(), x, y, SHAPE), SHAPE)
    np.testing.assert_allclose(back, [x, y], atol=1e-9)


def moved(transform, here, noise=0.0, seed=1):
    there = np.stack(polynomial.apply(transform, *here.T, SHAPE), axis=1)
    return there + np.random.default_rng(seed).normal(0, 1, here.shape) * noise


@pytest.mark.parametrize("outliers", [0, 60])
def test_fit_of_a_transform_clips_strangers(outliers):
    here = places(200)
    there = moved(bent(), here, 0.05)
    there[:outliers] += np.random.default_rng(5).uniform(-9, 9, (outliers, 2))
    start = polynomial.identity(SHAPE)
    result = polynomial.fit_transform(here, there, np.full(200, 0.05), start, SHAPE, model="affine", order=3)
    check = places(500, 7)
    np.testing.assert_allclose(moved(result.transform, check), moved(bent(), check), atol=0.15)
    assert result.kept[outliers:].mean() > 0.97
    assert result.kept[:outliers].sum() <= 0.1 * outliers


@pytest.mark.parametrize(("model", "parameters"), [("shift", 2), ("similarity", 4), ("affine", 6)])
def test_model_frees_only_its_own_parameters(model, parameters):
    ways = polynomial.basis(model, 1)
    assert len(ways) == parameters
    here = places(50)
    result = polynomial.fit_transform(
        here, moved(bent(), here), np.full(50, 0.1), polynomial.identity(SHAPE), SHAPE, model=model
    )
    (xx, xy), (yx, yy) = result.transform[:, 1:3] / 300
    if model == "shift":
        assert (xx, xy, yx, yy) == (1, 0, 0, 1)
    if model == "similarity":
        assert (xx, xy) == pytest.approx((yy, -yx), abs=1e-12)
    assert len(polynomial.basis(model, 3)) == parameters + 2 * 7


def test_left_out_residual_is_that_of_a_fit_without_the_point():
    here = places(30)
    there = moved(bent(), here, 0.3)
    error, start = np.full(30, 0.3), polynomial.identity(SHAPE)
    options = {"model": "affine", "clip": 1e9, "passes": 3}
    result = polynomial.fit_transform(here, there, error, start, SHAPE, **options)
    for i in range(5):
        rest = np.arange(30) != i
        other = polynomial.fit_transform(here[rest], there[rest], error[rest], start, SHAPE, **options)
        expected = there[i] - moved(other.transform, here[i : i + 1])[0]
        np.testing.assert_allclose(result.left_out[i], expected, rtol=1e-6)


def test_scatter_beyond_the_errors_is_found():
    here = places(2000)
    start = polynomial.identity(SHAPE)
    there = moved(start, here, 0.5)
    noisy = polynomial.fit_transform(here, there, np.full(2000, 0.3), start, SHAPE, model="shift")
    assert noisy.scatter == pytest.approx(0.4, abs=0.03)
    honest = polynomial.fit_transform(here, there, np.full(2000, 0.55), start, SHAPE, model="shift")
    assert honest.scatter == 0


def test_one_point_gives_a_shift_and_no_nan():
    here = np.array([[10.0, 20.0]])
    result = polynomial.fit_transform(
        here, here + np.array([3, -4]), np.array([0.1]), polynomial.identity(SHAPE), SHAPE, model="shift"
    )  # fmt: skip
    np.testing.assert_allclose(moved(result.transform, here), here + np.array([3, -4]), atol=1e-6)
    assert np.isfinite(result.left_out).all()
