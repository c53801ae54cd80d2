"""What is neither sky nor star: drawn shapes and extended sources, and what they keep out of sky and stars."""

import numpy as np
import pytest
from photutils.segmentation import detect_sources
from scipy import ndimage

from pipeline.frame import Frame, FrameError, FrameInfo
from pipeline.photometry import NOTHING
from pipeline.stages.background import background, background_image
from pipeline.stages.candidates import candidates
from pipeline.stages.mask import mask
from pipeline.stages.normalize import normalize

GLOW = {"shape": "ellipse", "x": 150.0, "y": 110.0, "a": 70.0, "b": 55.0, "theta": 0.0}


def sky(seed=0, shape=(240, 320), pattern="none", galaxy=0.0, stars=40):
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    light = np.full(shape, 300.0)
    for star_x, star_y, height in zip(
        rng.uniform(20, shape[1] - 20, stars), rng.uniform(20, shape[0] - 20, stars), 10 ** rng.uniform(2, 4.5, stars),
        strict=True,
    ):  # fmt: skip
        light += height * np.exp(-((x - star_x) ** 2 + (y - star_y) ** 2) / (2 * 1.8**2))
    light += galaxy * np.exp(-np.hypot((x - 150) / 1.3, y - 110) / 14)
    pixels = rng.normal(light, np.sqrt(light / 1.5)).astype(np.float32)
    pixels.flags.writeable = False
    return Frame(FrameInfo("/night/light.fits", "light.fits", shape, pattern), pixels)


def test_nothing_asked_is_nothing_masked_and_costs_nothing():
    found = mask(sky())
    assert found.image is None
    assert found.of("background") is None
    assert NOTHING.of("stars") is None


def test_a_masked_galaxy_does_not_raise_the_sky_under_it():
    frame = sky(galaxy=400.0)
    off = {}
    for name, shapes in (("without", ()), ("with", (GLOW,))):
        level = background_image(background(frame, mask(frame, shapes=shapes), box_size=40))
        off[name] = np.abs(level[60:160, 80:220] - 300).max()
    assert off["without"] > 10
    assert off["with"] < 0.4 * off["without"]


@pytest.mark.parametrize("use", ["background", "stars", "both"])
def test_a_mask_acts_where_it_should_and_nowhere_else(use):
    frame = sky(galaxy=0.0)
    found = mask(frame, shapes=(GLOW,), applies_to=use)
    level = background(frame, found, box_size=40)
    plain = background(frame, box_size=40)
    assert np.array_equal(level.mesh["mono"], plain.mesh["mono"]) == (use == "stars")
    image = normalize(frame, level, found)
    assert np.isnan(image.image[110, 150]) == (use != "background")
    assert np.isfinite(image.image[10, 10])
    table = candidates(image, fwhm=4.2)
    inside = ((table["x_peak"] - 150) / 68) ** 2 + ((table["y_peak"] - 110) / 53) ** 2 < 1
    assert inside.any() == (use == "background")


@pytest.mark.parametrize("pattern", ["none", "RGGB"])
@pytest.mark.parametrize("seed", range(4))
def test_extended_sources_are_masked_and_stars_are_not(seed, pattern):
    found = mask(sky(seed, galaxy=400.0, pattern=pattern), extended="auto")
    assert found.extended == 1
    y, x = np.indices(found.image.shape)
    away = np.hypot((x - 150) / 1.3, y - 110)
    assert found.image[away < 30].mean() > 0.9
    assert found.image[away > 90].mean() < 0.04
    stars_alone = mask(sky(seed, pattern=pattern), extended="auto")
    assert stars_alone.extended == 0


@pytest.mark.parametrize("height", [1e4, 1e6])
@pytest.mark.parametrize("exponent", [2.0, 3.0])
def test_the_wings_of_a_bright_star_are_no_extended_source(height, exponent):
    frame = sky(stars=0)
    y, x = np.indices(frame.shape)
    light = height * (1 + (np.hypot(x - 160, y - 120) / 3) ** 2) ** -exponent
    noise = np.random.default_rng(1).normal(0, np.sqrt(light / 1.5))
    assert mask(Frame(frame.info, (frame.pixels + light + noise).astype(np.float32)), extended="auto").extended == 0


def test_the_mask_reaches_sixteen_pixels_beyond_what_is_seen_of_a_source():
    frame = sky(stars=0)
    y, x = np.indices(frame.shape)
    away = np.hypot(x - 160, y - 120)
    disc = Frame(frame.info, frame.pixels + 300 * (away < 50).astype(np.float32))
    found = mask(disc, extended="auto").image
    assert found[away < 58].all()
    assert not found[away > 50 + 16 + 8].any()


def test_extended_sources_are_among_the_segments_that_photutils_finds():
    frame = sky(galaxy=400.0)
    found = mask(frame, extended="auto").image
    smooth = ndimage.median_filter(frame.pixels, 28)
    # Well above where our own search ends.
    segments = detect_sources(smooth, 315.0, 28**2)
    inside = segments.data == segments.data[110, 150]
    assert segments.data[110, 150]
    assert found[inside].mean() > 0.99
    assert inside.mean() > 0.1


def test_a_mask_after_the_sky_was_taken_off_is_refused_with_the_right_order():
    frame = sky()
    done = normalize(frame, background(frame))
    with pytest.raises(FrameError, match=r"light.fits: its sky is already taken off: mask the calibrated frame"):
        mask(done)


def test_a_mask_of_everything_is_refused():
    with pytest.raises(FrameError, match="every pixel is masked"):
        mask(sky(), shapes=({"shape": "rectangle", "x0": -1.0, "y0": -1.0, "x1": 9e5, "y1": 9e5},))
