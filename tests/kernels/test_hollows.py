"""How high a star must stand, told by the frame's hollows."""

import numpy as np
import pytest

from pipeline.stages.candidates import candidates
from pipeline.stages.stars import stars
from tests.star_fields import grid, normalized, star_field


def field(pattern="none"):
    x, y = grid(9, 40, np.random.default_rng(3))
    return star_field(3, (360, 360), x, y, np.geomspace(60, 3000, x.size), 3.6, pattern=pattern, level=400.0)


def changed(sky, image):
    same = sky.normalized
    return normalized(image, pattern=same.pattern, noise=same.noise, level=400.0)


@pytest.mark.parametrize("pattern", ["none", "RGGB"])
def test_dead_pixels_and_columns_hide_no_star(pattern):
    sky, rng = field(pattern), np.random.default_rng(7)
    before = stars(candidates(sky.normalized, fwhm=3.6))
    image = np.array(sky.normalized.image)
    image.ravel()[rng.choice(image.size, 300, replace=False)] -= rng.uniform(200, 400, 300)
    image[100:, 51] -= 300
    image[:200, 222] -= 250
    after = stars(candidates(changed(sky, image), fwhm=3.6))
    assert after.threshold == pytest.approx(before.threshold, rel=1e-9)
    distance = np.hypot(after["x_peak"][after.kept][:, None] - sky.x, after["y_peak"][after.kept][:, None] - sky.y)
    known = set(distance.argmin(axis=1)[distance.min(axis=1) < 2])
    assert len(known) > 0.9 * len(before.kept)
    assert (distance.min(axis=1) > 3).sum() <= 6


def test_folds_as_wide_as_stars_raise_the_threshold():
    from scipy.ndimage import gaussian_filter

    sky, rng = field(), np.random.default_rng(11)
    folds = gaussian_filter(rng.normal(0, 1, sky.normalized.image.shape), 2.0)
    assert candidates(sky.normalized, fwhm=3.6).metrics["auto_threshold"] == 6.0
    sharp = np.where(np.abs(folds) > 2.2 * folds.std(), 400 * np.sign(folds), 0.0)
    image = np.array(sky.normalized.image) + gaussian_filter(sharp, 1.5)
    assert candidates(changed(sky, image), fwhm=3.6).metrics["auto_threshold"] > 8.0
