"""The electronics' level comes from the strip that saw no light: smooth along y, deaf to outliers, never from light."""

import numpy as np
import pytest
from astropy.io import fits

from pipeline import read
from pipeline.read.headers import binning, overscan_columns
from pipeline.read.overscan import bias_levels

SHAPE = (200, 160)
STRIP = (slice(0, 200), slice(128, 160))


def frame(seed=2, noise=5.0, light=300.0):
    """Sky on a level that drifts along y, with an overscan on the right."""
    rng = np.random.default_rng(seed)
    y = np.arange(SHAPE[0])
    level = 1000 + 0.02 * y - 4e-4 * (y - 90) ** 2
    pixels = level[:, None] + rng.normal(0, noise, SHAPE)
    pixels[:, :128] += rng.poisson(light, (SHAPE[0], 128))
    return pixels, level


def test_the_level_is_found_to_the_noise_of_all_its_pixels():
    pixels, level = frame()
    found = bias_levels(np.rint(pixels).astype(np.uint16), STRIP)
    assert np.abs(found - level).max() < 0.6
    # 200 rows of 30 columns fitted by four numbers: 5 sqrt(4 / 6000) ADU.
    assert np.std(found - level) < 0.25


def test_a_cosmic_ray_or_a_bad_column_in_the_strip_changes_nothing():
    pixels, level = frame()
    pixels[50, 140:150] += 20_000
    pixels[:, 135] += 700
    pixels[120:124, 130:160] += 3000
    assert np.abs(bias_levels(pixels, STRIP) - level).max() < 0.8


def test_charge_that_lags_into_the_strip_is_left_out():
    pixels, level = frame(light=20_000.0)
    # Too little to be told from noise by clipping, and more in the bright rows below.
    pixels[:, 128] += np.linspace(18, 6, SHAPE[0])
    pixels[:, 129] += np.linspace(15, 5, SHAPE[0])
    found = bias_levels(pixels, STRIP)
    assert np.abs(found - level).max() < 0.6
    assert abs(np.mean(found - level)) < 0.25


def test_a_strip_of_light_is_no_overscan():
    pixels, _ = frame(light=0.0)
    pixels[:, 128:] += 400
    assert bias_levels(pixels, STRIP) is None


def test_without_a_strip_or_a_value_there_is_no_level():
    pixels, _ = frame()
    assert bias_levels(pixels, None) is None
    pixels[:, 128:] = np.nan
    assert bias_levels(pixels, STRIP) is None


@pytest.mark.parametrize(
    ("cards", "columns"),
    [
        ({"BIASSEC": "[129:160,1:200]", "DATASEC": "[1:100,1:200]"}, slice(128, 160)),
        ({"DATASEC": "[1:128,1:200]"}, slice(128, 160)),
        ({"DATASEC": "[21:158,1:200]"}, slice(0, 20)),
        ({"TRIMSEC": "[1:128,1:200]"}, slice(128, 160)),
        ({"DATASEC": "[1:128,1:200]", "TRIMSEC": "[5:100,1:200]"}, slice(128, 160)),
        ({"DATASEC": "[1:160,1:200]"}, None),
        ({"DATASEC": "[1:159,1:200]"}, None),
        ({"BIASSEC": "[1:160,195:200]"}, None),
        ({"BIASSEC": "[1:90,1:200]"}, None),
        ({"BIASSEC": "nonsense"}, None),
        ({}, None),
    ],
)
def test_the_header_names_the_strip(cards, columns):
    found = overscan_columns(cards, SHAPE)
    assert (None if found is None else found[1]) == columns


@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.float32])
def test_a_frame_is_read_without_its_overscans_level(tmp_path, kind):
    pixels, level = frame()
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(np.rint(pixels).astype(kind), fits.Header({"BIASSEC": "[129:160,1:200]"})).writeto(path)
    read_in = read.read_frame(path)
    assert read_in.pixels.dtype == np.float32
    assert read_in.shape == SHAPE
    light = read_in.above_black()
    assert np.isnan(light[:, 128:]).all()
    np.testing.assert_allclose(light[:, :128], np.rint(pixels[:, :128]) - level[:, None], atol=0.7)
    assert read_in.history[0].startswith("overscan: its level, ")
    off = read.read_frame(path, overscan="off")
    assert off.mask is None
    assert off.history == ()


def test_a_full_pixel_is_full_in_every_row_after_the_level_is_off(tmp_path):
    pixels, _ = frame()
    whole = np.rint(pixels).astype(np.uint16)
    whole[::20, 10] = 65535
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(whole, fits.Header({"DATASEC": "[1:128,1:200]"})).writeto(path)
    read_in = read.read_frame(path)
    assert (read_in.pixels[::20, 10] >= read_in.info.saturation).all()
    assert np.count_nonzero(read_in.pixels[:, :128] >= read_in.info.saturation) == 10


@pytest.mark.parametrize(
    ("cards", "found"),
    [
        ({"XBINNING": 2, "YBINNING": 2}, (2, 2)),
        ({"CCDSUM": "2 4"}, (2, 4)),
        ({"BINNING": "3x3"}, (3, 3)),
        ({"BINNING": "1,1"}, (1, 1)),
        ({"CCDXBIN": 1.0, "CCDYBIN": 1.0}, (1, 1)),
        ({"BINNING": "none"}, None),
        ({"XBINNING": 0, "YBINNING": 1}, None),
        ({}, None),
    ],
)
def test_binning_in_its_spellings(cards, found):
    assert binning(cards) == found


@pytest.mark.data
@pytest.mark.parametrize(("name", "sky"), [("pluto/pluto_V_d2095", 52), ("ngc6819/ngc6819_V_d3162", 247)])
def test_the_sky_of_real_lights_stands_on_zero(data, name, sky):
    assert np.nanmedian(read.read_frame(data / f"{name}.fits.fz").above_black()) == pytest.approx(sky, abs=3)
