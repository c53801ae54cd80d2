"""Stars whose middle is full: one centre for the whole flat top."""

import numpy as np
import pytest

from pipeline.frame import colour_planes
from pipeline.kernels.full import REACH, full_centres
from pipeline.stages.candidates import candidates
from pipeline.stages.stars import stars
from tests.star_fields import FACTORS, normalized, parity_table

FWHM, LEVEL, FULL = 3.6, 200.0, 9000.0


def sky(x, y, height, pattern="none", seed=5, size=120):
    """One star under a sky of LEVEL, cut at FULL before the sky is taken off and the colours are made equal."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((size, size))
    sigma = FWHM / 2.3548
    light = height * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    factor = np.ones((2, 2)) if pattern == "none" else parity_table(pattern, FACTORS)
    factors = factor[rows & 1, columns & 1]
    raw = np.minimum(rng.poisson(light / factors + LEVEL) + rng.normal(0, 5, light.shape), FULL)
    full = np.flatnonzero(raw >= FULL)
    return normalized((raw - LEVEL) * factors, pattern=pattern, full=full, noise=15.0, level=LEVEL), full


@pytest.mark.parametrize("pattern", ["none", "RGGB"])
def test_all_peaks_of_a_flat_top_have_the_star_s_one_centre_within_its_error(pattern):
    rng, offs, errors = np.random.default_rng(9), [], []
    for seed in range(12):
        x, y = rng.uniform(55, 65, 2)
        field, full = sky(x, y, 10 ** rng.uniform(6, 8), pattern, seed)
        at = np.rint([x, y]).astype(int) + rng.integers(-2, 3, (4, 2))
        step = len({colour for colour, *_ in colour_planes(pattern)}) > 1
        found = full_centres(field.image, full, at[:, 1] * 120 + at[:, 0], FWHM, 1 + step)
        assert np.ptp(found, axis=0) == pytest.approx(0, abs=2e-3)
        offs.append(found[0, :2] - (x, y))
        errors.append(found[0, 2])
    assert np.abs(offs).max() < 0.3
    assert 0.2 < np.std(np.array(offs) / np.array(errors)[:, None]) < 1.5


def test_a_star_that_is_hardly_full_a_column_that_bled_and_a_plain_keep_their_own_centres():
    field, full = sky(60.0, 60.0, 1.1 * FULL)
    assert 0 < full.size < 10
    assert np.isnan(full_centres(field.image, full, np.array([60 * 120 + 60]), FWHM, 1)).all()
    image = np.array(field.image)
    image[10:110, 58:63] = FULL
    bled = np.flatnonzero(image >= FULL)
    assert np.isnan(full_centres(image, bled, np.array([60 * 120 + 60]), FWHM, 1)).all()
    plain = np.arange(image.size)
    assert REACH < 60
    assert np.isnan(full_centres(np.full_like(image, FULL), plain, np.array([60 * 120 + 60]), FWHM, 1)).all()


@pytest.mark.parametrize("x", [3.0, 8.5, 60.0])
def test_a_flat_top_at_the_edge_has_its_middle_or_its_old_centre(x):
    field, full = sky(x, 60.3, 1e7)
    centre = full_centres(field.image, full, np.array([60 * 120 + round(x)]), FWHM, 1)[0]
    cut = (full % 120 == 0).any()
    assert np.isnan(centre).all() if cut else np.hypot(*(centre[:2] - (x, 60.3))) < 0.3


@pytest.mark.parametrize("pattern", ["none", "GBRG"])
def test_the_table_has_the_flat_top_s_centre_for_each_of_its_peaks(pattern):
    field, _ = sky(60.4, 61.7, 3e7, pattern)
    table = stars(candidates(field, fwhm=FWHM), sharpness=(-10, 10), roundness=(-10, 10))
    near = np.hypot(table["x_peak"] - 60.4, table["y_peak"] - 61.7) < 6
    assert near.any()
    assert np.hypot(table["x_winpos"][near] - 60.4, table["y_winpos"][near] - 61.7).max() < 0.3
