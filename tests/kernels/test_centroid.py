"""Centroids against the Cramer-Rao bound, their errors against their scatter, all against noise-free truth."""

import dataclasses

import numpy as np
import pytest
from scipy.special import erf

from pipeline.frame import SIGMA_TO_FWHM
from pipeline.stages.candidates import candidates
from pipeline.stages.stars import stars
from tests.star_fields import grid, normalized, star_field

NUMBER = 18


def measured(fwhm, amplitude, pattern, *, seed=1, colour_scatter=0.25, quiet=False):
    """Stars of a grid: the table's rows, and the true x, y and bound of each."""
    step = max(28, int(8 * fwhm)) // 2 * 2
    x, y = grid(NUMBER, step, np.random.default_rng(seed))
    field = star_field(
        seed, (NUMBER * step,) * 2, x, y, amplitude, fwhm, pattern=pattern, colour_scatter=colour_scatter, quiet=quiet
    )
    table = candidates(field.normalized, fwhm=fwhm, floor=5.0)
    result = stars(table, threshold=6.0, sharpness=(-10, 10), roundness=(-10, 10))
    kept = result.kept
    cell = (table["y_peak"][kept] // step) * NUMBER + table["x_peak"][kept] // step
    near = np.hypot(table["x_peak"][kept] - x[cell], table["y_peak"][kept] - y[cell]) < 1 + fwhm / 2
    rows, cell = kept[near], cell[near]
    assert len(np.unique(cell)) > 0.95 * NUMBER**2
    return {name: values[rows] for name, values in table.columns.items()}, x[cell], y[cell], field.bound[cell]


@pytest.mark.parametrize("pattern", ["none", "RGGB"])
@pytest.mark.parametrize("amplitude", [400, 3000, 30000])
@pytest.mark.parametrize("fwhm", [2.2, 3.3, 5.0, 7.0])
def test_windowed_centroid_reaches_the_cramer_rao_bound_and_knows_its_error(fwhm, amplitude, pattern):
    table, x, y, bound = measured(fwhm, amplitude, pattern, colour_scatter=0.2)
    residual = np.concatenate([table["x_winpos"] - x, table["y_winpos"] - y])
    error = np.concatenate([table["xcentroid_err"], table["ycentroid_err"]])
    # The scatter of 600 values is itself known to 3 %.
    assert np.sqrt(np.mean(residual**2)) < 1.2 * 1.03 * np.sqrt(np.mean(bound**2))
    assert np.std(residual / error) == pytest.approx(1.0, abs=0.1)
    assert abs(np.mean(residual / error)) < 5 / np.sqrt(residual.size)


@pytest.mark.parametrize("fwhm", [5.0, 7.0])
def test_faint_stars_of_strong_colour_know_their_error_on_a_mosaic(fwhm):
    table, x, y, _ = measured(fwhm, 400, "RGGB", colour_scatter=1.0)
    residual = np.concatenate([table["x_winpos"] - x, table["y_winpos"] - y])
    error = np.concatenate([table["xcentroid_err"], table["ycentroid_err"]])
    assert np.std(residual / error) == pytest.approx(1.0, abs=0.09)


@pytest.mark.parametrize("fwhm", [2.5, 4.0, 8.0])
def test_noise_free_round_stars_are_found_where_they_are(fwhm):
    table, x, y, _ = measured(fwhm, 5000, "none", quiet=True)
    for name, tolerance in {"winpos": 2e-3, "gauss": 2e-3, "com": 0.12}.items():
        assert np.abs(table[f"x_{name}"] - x).max() < tolerance
        assert np.abs(table[f"y_{name}"] - y).max() < tolerance
    np.testing.assert_allclose(table["fwhm"], fwhm, rtol=0.01)


def test_pixels_coarser_than_the_stars_do_not_pull_bright_ones_to_their_middles():
    rng = np.random.default_rng(8)
    x, y = grid(12, 24, rng)
    edges, sigma = (np.arange(289) - 0.5) / np.sqrt(2), 1.3 / SIGMA_TO_FWHM
    image = np.zeros((288, 288))
    for star_x, star_y in zip(x, y, strict=True):
        along = [np.diff(erf((edges - at / np.sqrt(2)) / sigma)) / 2 for at in (star_x, star_y)]
        image += 20_000 * np.outer(along[1], along[0])
    table = candidates(normalized(image + rng.normal(0, 1, image.shape)), fwhm=1.5, floor=100.0)
    cell = (table["y_peak"] // 24) * 12 + table["x_peak"] // 24
    error = np.hypot(table["x_winpos"] - x[cell], table["y_winpos"] - y[cell])
    assert len(np.unique(cell)) == len(x)
    assert np.median(error) < 0.01


@pytest.mark.parametrize(("smoothing", "step"), [(1.2, 0.0), (0.0, 6.0)])
def test_errors_hold_where_neighbours_share_their_noise_and_where_rounding_hides_it(smoothing, step):
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(9)
    x, y = grid(14, 30, rng)
    field = star_field(9, (420, 420), x, y, 300.0, 4.0, quiet=True)
    noise = rng.normal(0, 3, (420, 420))
    image = gaussian_filter(field.normalized.image + noise, smoothing)
    image = np.round((image + 0.3 * step) / step) * step - 0.3 * step if step else image
    table = candidates(normalized(image), fwhm=float(np.hypot(4.0, smoothing * SIGMA_TO_FWHM)))
    kept = stars(table, threshold=20.0).kept
    cell = (table["y_peak"][kept] // 30) * 14 + table["x_peak"][kept] // 30
    pull = (table["x_winpos"][kept] - x[cell]) / table["xcentroid_err"][kept]
    assert len(np.unique(cell)) > 190
    assert np.std(pull) == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("fwhm", [2.5, 5.0])
def test_a_stars_colour_does_not_move_it_on_a_mosaic(fwhm):
    table, x, y, _ = measured(fwhm, 20000, "GRBG", colour_scatter=0.4, quiet=True)
    for name in ("winpos", "gauss"):
        assert np.std(table[f"x_{name}"] - x) < 4e-3
        assert np.std(table[f"y_{name}"] - y) < 4e-3


@pytest.mark.parametrize("pattern", ["none", "RGGB"])
def test_stars_cut_by_the_edge_or_by_bad_pixels_are_found_within_their_errors(pattern):
    rng = np.random.default_rng(4)
    number, step = 60, 40
    x = np.arange(number) * step + 20 + rng.uniform(-0.5, 0.5, number)
    y = np.tile([1.0, 2.0, 4.0, 18.0], number // 4) + rng.uniform(-0.5, 0.5, number)
    field = star_field(4, (36, number * step), x, y, 3000.0, 5.0, pattern=pattern, colour_scatter=0.2)
    image = np.array(field.normalized.image)
    for star in range(3, number, 4):
        image[round(y[star]) + 1, round(x[star]) + (1, 2)[star % 2]] = np.nan
    table = candidates(dataclasses.replace(field.normalized, image=image), fwhm=5.0)
    kept = stars(table, threshold=10.0, sharpness=(-10, 10), roundness=(-10, 10)).kept
    star = table["x_peak"][kept] // step
    assert len(np.unique(star)) == number
    pull_x = (table["x_winpos"][kept] - x[star]) / table["xcentroid_err"][kept]
    pull_y = (table["y_winpos"][kept] - y[star]) / table["ycentroid_err"][kept]
    assert np.sqrt(np.mean(pull_x**2)) < 1.5
    assert np.sqrt(np.mean(pull_y**2)) < 2.5
    assert max(abs(pull_x).max(), abs(pull_y).max()) < 8


def test_a_blend_keeps_the_finders_own_position():
    rng = np.random.default_rng(3)
    x, y = grid(8, 60, rng)
    angle = rng.uniform(0, 2 * np.pi, x.size)
    both_x, both_y = np.concatenate([x, x + 7.5 * np.cos(angle)]), np.concatenate([y, y + 7.5 * np.sin(angle)])
    field = star_field(3, (480, 480), both_x, both_y, 3000.0, 5.0)
    table = candidates(field.normalized, fwhm=5.0)
    kept = stars(table, threshold=20.0).kept
    distance = np.hypot(table["x_winpos"][kept, None] - both_x, table["y_winpos"][kept, None] - both_y).min(axis=1)
    assert len(kept) > 110
    assert np.sqrt(np.mean(distance**2)) < 0.2
    assert (table["x_winpos"][kept] == table["xcentroid"][kept]).mean() > 0.9


def test_centre_of_mass_is_that_of_the_box_of_twice_the_width():
    table, _, _, _ = measured(4.0, 3000, "none", seed=5)
    step = 32
    x, y = grid(NUMBER, step, np.random.default_rng(5))
    field = star_field(5, (NUMBER * step,) * 2, x, y, 3000, 4.0, colour_scatter=0.25)
    for row in range(0, len(table["x_com"]), 40):
        px, py = table["x_peak"][row], table["y_peak"][row]
        box = field.normalized.image[py - 4 : py + 5, px - 4 : px + 5].astype(float)
        along = np.arange(-4, 5)
        assert table["x_com"][row] == pytest.approx(px + (box.sum(axis=0) * along).sum() / box.sum(), abs=1e-9)
        assert table["y_com"][row] == pytest.approx(py + (box.sum(axis=1) * along).sum() / box.sum(), abs=1e-9)


def test_stars_out_of_focus_are_found_in_their_middle_not_on_their_ring():
    rng = np.random.default_rng(4)
    x, y = grid(6, 50, rng)
    rows, columns = np.indices((300, 300))
    image = rng.normal(0, 3, (300, 300))
    for star_x, star_y in zip(x, y, strict=True):
        away = np.hypot(columns - star_x, rows - star_y)
        image += 150 / (1 + np.exp((away - 7) / 0.7)) - 120 / (1 + np.exp((away - 3) / 0.9))
    table = candidates(normalized(image, noise=3.0), fwhm=12.0)
    rows = stars(table, threshold=20.0, sharpness=(-10, 10), roundness=(-10, 10)).kept
    near = np.hypot(table["x_peak"][rows, None] - x, table["y_peak"][rows, None] - y).argmin(axis=1)
    assert set(near) == set(range(36))
    assert np.median(np.hypot(table["xcentroid"][rows] - x[near], table["ycentroid"][rows] - y[near])) > 0.5
    off = np.hypot(table["x_winpos"][rows] - x[near], table["y_winpos"][rows] - y[near])
    assert np.median(off) < 0.1
    assert off.max() < 0.5


def test_a_faint_star_beside_a_bright_one_is_as_unsure_as_it_is_faint():
    x, y = grid(8, 60, np.random.default_rng(6))
    amplitude = np.concatenate([np.full(64, 6000.0), np.full(64, 90.0)])
    pairs = star_field(6, (480, 480), np.concatenate([x, x + 9]), np.concatenate([y, y + 3]), amplitude, 4.0)
    table = candidates(pairs.normalized, fwhm=4.0)
    away = np.hypot(table["x_peak"][:, None] - pairs.x[64:], table["y_peak"][:, None] - pairs.y[64:])
    rows = np.flatnonzero(away.min(axis=1) < 2)
    off = table["x_winpos"][rows] - pairs.x[64:][away[rows].argmin(axis=1)]
    assert len(rows) > 40
    assert np.median(np.abs(off) / table["xcentroid_err"][rows]) < 4
    assert table["xcentroid_err"][rows].min() > 0.05
