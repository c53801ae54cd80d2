"""Noise that is not the same all over the frame."""

import numpy as np
import pytest

from pipeline.kernels.noise import CELL, at_pixels, uneven_noise
from pipeline.stages.candidates import candidates
from pipeline.stages.stars import stars
from tests.star_fields import grid, normalized


def glowing(shape, times, seed=1):
    """Noise of 5, and so many times as much in the quarter of the frame at its end."""
    image = np.random.default_rng(seed).normal(0, 5, shape)
    image[shape[0] // 2 :, shape[1] // 2 :] *= times
    return image.astype(np.float32)


@pytest.mark.parametrize("times", [1.6, 4.0])
def test_noise_of_a_glow_is_told_by_its_cells(times):
    cells = uneven_noise(glowing((640, 960), times))
    assert cells.shape == (640 // CELL, 960 // CELL)
    assert cells[0, 0] == pytest.approx(1, abs=0.1)
    assert cells[-1, -1] == pytest.approx(times, rel=0.1)
    corner = np.array([0, 959, 640 * 960 - 1])
    np.testing.assert_array_equal(at_pixels(cells, corner, 960), [cells[0, 0], cells[0, -1], cells[-1, -1]])


def test_even_noise_is_even_whatever_stars_gradients_and_holes_are_in_it():
    rows, columns = np.indices((640, 640))
    image = glowing((640, 640), 1.0)
    assert uneven_noise(image) is None
    image += 3.0 * columns + 0.01 * rows**1.5
    for x, y in np.random.default_rng(2).uniform(20, 620, (300, 2)):
        near = np.s_[int(y) - 12 : int(y) + 13, int(x) - 12 : int(x) + 13]
        image[near] += 5000 * np.exp(-((rows[near] - y) ** 2 + (columns[near] - x) ** 2) / (2 * 1.7**2))
    image[:90], image[:, 400:404] = np.nan, 0
    assert uneven_noise(image) is None


@pytest.mark.parametrize("shape", [(100, 900), (10, 10), (0, 0)])
def test_a_frame_too_small_to_tell_is_even(shape):
    assert uneven_noise(np.zeros(shape, np.float32)) is None
    np.testing.assert_array_equal(at_pixels(None, np.arange(3), 5), 1)


def test_the_noise_of_a_glow_makes_no_stars_and_hides_none_elsewhere():
    rows, columns = np.indices((640, 640))
    away = np.hypot(rows - 640, columns - 640)
    image = glowing((640, 640), 1.0) * (1 + 4 * np.exp(-((away / 220) ** 2)))
    x, y = grid(6, 50, np.random.default_rng(3))
    for star_x, star_y in zip(x, y, strict=True):
        image += 80 * np.exp(-((rows - star_y) ** 2 + (columns - star_x) ** 2) / (2 * 1.7**2))
    table = candidates(normalized(image, noise=5.0), fwhm=4.0)
    result = stars(table)
    assert 36 <= len(result.kept) <= 38
    assert (table["x_peak"][result.kept] < 310).sum() == 36
    assert len(stars(table, threshold=result.threshold).kept) > 60


def test_centres_in_a_glow_know_how_unsure_they_are():
    image = glowing((1280, 1280), 3.0)
    x, y = grid(40, 32, np.random.default_rng(4))
    rows, columns = np.arange(1280)[:, None], np.arange(1280)
    for star_x, star_y in zip(x, y, strict=True):
        near = np.s_[int(star_y) - 12 : int(star_y) + 13, int(star_x) - 12 : int(star_x) + 13]
        away = (rows[near[0]] - star_y) ** 2 + (columns[near[1]] - star_x) ** 2
        image[near] += 400 * np.exp(-away / (2 * 1.7**2))
    table = candidates(normalized(image, noise=5.0), fwhm=4.0, floor=8.0)
    star = (table["y_peak"] // 32) * 40 + table["x_peak"] // 32
    pull = (table["x_winpos"] - x[star]) / table["xcentroid_err"]
    loud = (table["x_peak"] > 704) & (table["y_peak"] > 704) & (table["convolved"] > 200)
    assert loud.sum() > 250
    assert np.std(pull[loud]) == pytest.approx(1, abs=0.15)
