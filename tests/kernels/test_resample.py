"""Resampling: scipy's own numbers, flux that stays, noise as foretold, and what there is no value for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.kernels.polynomial import apply, geometry, identity
from pipeline.kernels.resample import METHODS, noise_gain, resampled, shift_transform
from pipeline.kernels.whole_pixels import moved, whole_steps

BETWEEN = METHODS[1:]
INNER = (slice(15, -15), slice(15, -15))


def smooth(shape=(140, 180), seed=0):
    noise = np.random.default_rng(seed).normal(0, 1, shape)
    return (ndimage.gaussian_filter(noise, 2) * 1000).astype(np.float32)


def star(x, y, shape=(90, 120), fwhm=4.0, flux=1e5):
    rows, columns = np.indices(shape)
    sigma = fwhm / 2.3548
    light = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return (flux * light / (2 * np.pi * sigma**2)).astype(np.float32)


def turned(shape, degrees, stretch=1.0, shift=(0.0, 0.0), bend=0.0):
    """A transform that turns about the centre, stretches, moves, and bends."""
    transform = np.zeros((2, 6))
    transform[:, :3] = identity(shape)
    scale = geometry(shape)[2] * stretch
    cosine, sine = np.cos(np.radians(degrees)) * scale, np.sin(np.radians(degrees)) * scale
    transform[:, 1:3] = [[cosine, -sine], [sine, cosine]]
    transform[:, 0] += shift
    transform[0, 3] = bend
    return transform


@pytest.mark.parametrize(("method", "order"), [("linear", 1), ("cubic", 3)])
@pytest.mark.parametrize("shift", [(0.3, -0.45), (7.8, 3.1), (-2.0, 5.0)])
def test_a_shift_is_scipys(method, order, shift):
    image = smooth()
    found = resampled(image, method, transform=shift_transform(*shift, image.shape))
    theirs = ndimage.shift(image.astype(np.float64), (-shift[1], -shift[0]), order=order, mode="mirror")
    inside = np.isfinite(found)
    # Half a pixel beyond the outermost row there is but that row, which scipy's linear weights mirror.
    assert (np.abs(found - theirs)[inside] > 1e-3).mean() < (0.02 if order == 1 else 1e-9)
    assert inside.mean() > 0.85


def test_a_turned_and_bent_picture_is_scipys():
    image = smooth()
    transform = turned(image.shape, 3.0, 1.02, (2.2, -1.4), bend=1.5)
    rows, columns = np.indices(image.shape)
    x, y = apply(transform, columns.ravel(), rows.ravel(), image.shape)
    theirs = ndimage.map_coordinates(image.astype(np.float64), [y, x], order=3, mode="mirror").reshape(image.shape)
    ahead, beside = apply(transform, columns.ravel() + 1e-3, rows.ravel(), image.shape)
    above, below = apply(transform, columns.ravel(), rows.ravel() + 1e-3, image.shape)
    area = ((ahead - x) * (below - y) - (beside - y) * (above - x)).reshape(image.shape) * 1e6
    found = resampled(image, "cubic", transform=transform)
    np.testing.assert_allclose(found[INNER], (theirs * area)[INNER], atol=2e-2)


@pytest.mark.parametrize("method", METHODS)
def test_a_whole_shift_changes_no_value(method):
    image = np.random.default_rng(1).normal(0, 100, (60, 80)).astype(np.float32)
    found = resampled(image, method, transform=shift_transform(5, -3, image.shape))
    np.testing.assert_allclose(found, moved(image, 5, -3), atol=1e-3)
    if method == "integer":
        np.testing.assert_array_equal(found, moved(image, 5, -3))


@settings(max_examples=30, deadline=None)
@given(st.integers(-100, 100), st.integers(-100, 100))
def test_moving_back_and_forth_leaves_what_stayed_inside(x, y):
    image = np.arange(40 * 50, dtype=np.float32).reshape(40, 50)
    there = moved(image, x, y)
    again = moved(there, -x, -y)
    inside = np.isfinite(again)
    np.testing.assert_array_equal(again[inside], image[inside])
    assert np.isfinite(there).sum() == max(0, 40 - abs(y)) * max(0, 50 - abs(x)) == inside.sum()


@settings(max_examples=50, deadline=None)
@given(st.floats(-50, 50), st.sampled_from(["none", "GRBG"]))
def test_whole_steps_are_the_nearest_that_keep_the_colours(shift, pattern):
    step = 1 if pattern == "none" else 2
    found, _ = whole_steps(shift, 0.0, pattern)
    assert found % step == 0
    assert abs(found - shift) <= step / 2


@pytest.mark.parametrize("method", BETWEEN)
@pytest.mark.parametrize("stretch", [1.0, 0.8, 1.25])
def test_the_flux_of_a_star_is_kept(method, stretch):
    image = star(62.3, 41.8)
    found = resampled(image, method, transform=turned(image.shape, 12.0, stretch, (1.3, -2.6)))
    assert np.nansum(found) == pytest.approx(image.sum(dtype=np.float64), rel=3e-3)


@pytest.mark.parametrize("method", BETWEEN)
def test_a_star_comes_to_its_place_in_the_reference(method):
    transform = turned((90, 120), 4.0, 1.0, (3.3, -2.2), bend=0.8)
    here = apply(transform, np.array([70.0]), np.array([30.0]), (90, 120))
    found = np.nan_to_num(resampled(star(here[0][0], here[1][0]), method, transform=transform))
    rows, columns = np.indices(found.shape)
    window = np.hypot(columns - 70, rows - 30) < 9
    total = found[window].sum()
    assert (found * columns)[window].sum() / total == pytest.approx(70, abs=0.02)
    assert (found * rows)[window].sum() / total == pytest.approx(30, abs=0.02)


def test_an_offset_map_moves_as_the_transform_it_was_made_of():
    image = smooth()
    transform = turned(image.shape, 2.0, 1.01, (4.0, -3.0))
    turn = transform[:, 1:3] / geometry(image.shape)[2]
    rows, columns = np.indices(image.shape)
    centre = np.array(geometry(image.shape)[:2])
    here = np.stack([columns, rows], -1)
    there = (here - transform[:, 0]) @ np.linalg.inv(turn).T + centre
    offsets = here - there
    found = resampled(image, "cubic", offsets=(offsets[..., 0], offsets[..., 1]))
    expected = resampled(image, "cubic", transform=transform)
    np.testing.assert_allclose(found[INNER], expected[INNER], atol=0.05)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("pattern", ["none", "RGGB"])
@pytest.mark.parametrize("shift", [(0.5, 0.5), (0.2, 1.9), (0.0, 0.7)])
def test_noise_becomes_what_is_foretold(method, pattern, shift):
    image = np.random.default_rng(2).normal(0, 1, (500, 600)).astype(np.float32)
    found = resampled(image, method, transform=shift_transform(*shift, image.shape), pattern=pattern)
    assert found[INNER].std() == pytest.approx(noise_gain(method, *shift, pattern), rel=0.01)


def test_a_turned_picture_has_the_mean_of_all_parts_of_a_pixel():
    image = np.random.default_rng(2).normal(0, 1, (600, 600)).astype(np.float32)
    for method in BETWEEN:
        found = resampled(image, method, transform=turned(image.shape, 5.0))
        assert found[100:-100, 100:-100].std() == pytest.approx(noise_gain(method), rel=0.02)


@pytest.mark.parametrize("method", METHODS)
def test_the_colours_of_a_mosaic_never_mix(method):
    level = np.array([[1.0, 100.0], [100.0, 10000.0]], np.float32)
    image = np.tile(level, (40, 50))
    found = resampled(image, method, transform=shift_transform(1.3, -2.7, image.shape), pattern="RGGB")
    inside = np.isfinite(found)
    np.testing.assert_allclose(found[inside], image[inside], rtol=1e-5)
    assert inside.mean() > 0.85


@pytest.mark.parametrize("method", METHODS)
def test_a_bad_pixel_leaves_one_hole_and_nothing_else(method):
    image = smooth()
    broken = image.copy()
    broken[50, 60], broken[:, 100], broken[90] = np.nan, np.inf, np.nan
    transform = shift_transform(0.3, 0.2, image.shape)
    found, whole = resampled(broken, method, transform=transform), resampled(image, method, transform=transform)
    assert np.isnan(found[50, 60])
    assert np.isnan(found[:, 100]).all()
    lost = np.isnan(found) & np.isfinite(whole)
    assert lost.sum() <= 1 + 140 + 180
    far = ndimage.distance_transform_edt(np.isfinite(broken)) > 7
    np.testing.assert_allclose(found[far], whole[far], atol=0.05 if method == "cubic" else 1e-3)
    near = np.isfinite(found)
    # Straight lines over a hole miss a smooth picture by no more than it changes within a few pixels.
    assert np.abs(found - whole)[near].max() < 0.5 * image.std() * 4


def test_a_picture_without_any_value_stays_so():
    image = np.full((20, 30), np.nan, np.float32)
    for method in METHODS:
        assert np.isnan(resampled(image, method, transform=shift_transform(0.5, 0.5, image.shape))).all()
