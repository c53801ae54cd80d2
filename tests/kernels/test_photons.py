"""The noise of photons as the stars tell it, whatever level the sky seems to have."""

import dataclasses

import numpy as np
import pytest

from pipeline.frame import Frame, FrameInfo
from pipeline.kernels.gaussian import fit_stars
from pipeline.kernels.noise import pixel_variance
from pipeline.kernels.photons import photons_from_stars
from pipeline.stages.candidates import candidates
from pipeline.stages.noise_model import gain_of_header, photon_noise, pixel_noise
from tests.star_fields import grid, normalized, star_field

GAIN, FWHM = 1.5, 3.6


def field(pattern, seed=3, level=400.0, number=18):
    """Isolated stars from faint ones to such as have eighty times the sky's light in their peaks."""
    rng = np.random.default_rng(seed)
    x, y = grid(number, 30, rng)
    heights = level * 10 ** rng.uniform(-0.5, 1.9, x.size)
    return star_field(
        seed, (number * 30,) * 2, x, y, heights, FWHM, pattern=pattern, level=level, gain=GAIN, colour_scatter=0.2
    )


def told(sky, lonely=None):
    image = sky.normalized.image
    index = np.rint(sky.y).astype(np.int64) * image.shape[1] + np.rint(sky.x).astype(np.int64)
    variance = pixel_variance(image, sky.normalized.pattern)
    fits = fit_stars(image, index, FWHM, sky.normalized.pattern, variance)
    lonely = np.ones(index.size, bool) if lonely is None else lonely
    return photons_from_stars(fits, FWHM, sky.normalized.pattern, variance, photon_noise(sky.normalized, 1.0), lonely)


@pytest.mark.parametrize("pattern", ["none", "RGGB", "GBRG"])
def test_residuals_of_stars_tell_the_noise_of_photons_within_their_error(pattern):
    for_each, error = told(field(pattern))
    assert error < 0.15 / GAIN
    assert abs(for_each - 1 / GAIN) < 3 * error + 0.1 / GAIN


def test_a_few_stars_tell_nothing():
    sky = field("none")
    assert told(sky, np.arange(sky.x.size) < 20) is None


def test_stars_in_the_sky_s_noise_alone_are_unsure():
    rng = np.random.default_rng(1)
    x, y = grid(12, 30, rng)
    result = told(star_field(1, (360, 360), x, y, 60.0, FWHM, level=400.0, gain=GAIN))
    assert result is None or result[1] > 0.3 / GAIN


@pytest.mark.parametrize(
    ("gain", "level", "expected"),
    [(None, 2000.0, 0.2), (1.5, 2000.0, 1 / 1.5), (26.0, 2000.0, 0.2), (1.5, 3.0, 1 / 1.5), (1.5, None, 1 / 1.5)],
    ids=["none", "zero level", "a setting", "no sky left", "unknown"],
)
def test_few_stars_leave_the_header_to_tell_a_gain_that_the_sky_hides(gain, level, expected):
    rng = np.random.default_rng(2)
    image = rng.normal(0, 20, (300, 300))
    frame = dataclasses.replace(normalized(image, noise=20.0, level=level), gain=gain)
    assert pixel_noise(frame, FWHM)[1] == pytest.approx(expected, rel=0.05)


def test_a_header_tells_the_gain_only_of_a_frame_whose_darkness_is_not_known():
    info = FrameInfo(path="/a.fits", file="a.fits", shape=(4, 4), gain=1.5)
    plain = Frame(info, np.zeros((4, 4), np.float32))
    assert gain_of_header(plain) == 1.5
    assert gain_of_header(dataclasses.replace(plain, black=np.full((2, 2), 100, np.float32))) is None
    assert gain_of_header(dataclasses.replace(plain, history=("bias subtracted",))) is None
    assert gain_of_header(dataclasses.replace(plain, info=dataclasses.replace(info, gain=120.0))) is None
    assert gain_of_header(dataclasses.replace(plain, info=dataclasses.replace(info, averaged=8.0))) == 12.0


@pytest.mark.parametrize("pattern", ["none", "RGGB"])
@pytest.mark.parametrize("level", [400.0, 3000.0, 0.5, None], ids=["photons", "zero level", "no sky left", "unknown"])
def test_errors_of_centres_do_not_depend_on_the_level_that_the_sky_seems_to_have(pattern, level):
    sky = field(pattern, seed=8)
    again = normalized(sky.normalized.image, pattern=pattern, noise=sky.normalized.noise, level=level)
    table = candidates(again, fwhm=FWHM)
    from scipy.spatial import cKDTree

    distance, star = cKDTree(np.column_stack([sky.x, sky.y])).query(
        np.column_stack([table["x_winpos"], table["y_winpos"]])
    )
    near = (distance < 1) & (table["convolved"] > 8 * table.noise)
    pulls = np.concatenate(
        [
            (table["x_winpos"] - sky.x[star])[near] / table["xcentroid_err"][near],
            (table["y_winpos"] - sky.y[star])[near] / table["ycentroid_err"][near],
        ]
    )
    assert pulls.size > 400
    assert 0.88 < np.sqrt(np.mean(pulls**2)) < 1.12
