"""Mending: only hot pixels change, by what lies around them in their own colour, and bits stay bits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.frame import PATTERNS, Frame, FrameInfo, HotPixels
from pipeline.stages.background import colour_numbers
from pipeline.stages.calibrated import calibrated, hot_indices

SHAPE = (60, 74)


def mosaic(pattern="none", dtype=np.uint16, seed=1, mask=None):
    """Each colour at its own level with a gentle slope, so that a value of another colour would show at once."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    levels = np.array([1000, 3000, 9000])[colour_numbers(pattern)]
    pixels = levels[y % 2, x % 2] + 2 * x + y
    pixels = pixels + np.random.default_rng(seed).integers(0, 3, SHAPE)
    return Frame(FrameInfo("/n/f.fits", "f.fits", SHAPE, pattern), pixels.astype(dtype), mask=mask)


def spoiled(frame, places, value=60_000):
    pixels = frame.pixels.copy()
    pixels.ravel()[places] = value
    pixels.flags.writeable = False
    return Frame(frame.info, pixels, frame.black, frame.mask)


def hot_mask(places):
    mask = np.zeros(SHAPE, bool)
    mask.ravel()[places] = True
    mask.flags.writeable = False
    return mask


@settings(max_examples=30, deadline=None)
@given(
    pattern=st.sampled_from(PATTERNS),
    dtype=st.sampled_from([np.uint16, np.float32]),
    places=st.sets(st.integers(0, SHAPE[0] * SHAPE[1] - 1), min_size=1, max_size=60),
)
def test_hot_pixels_get_their_own_colours_level_and_no_other_pixel_changes(pattern, dtype, places):
    places = np.array(sorted(places))
    truth = mosaic(pattern, dtype)
    result = calibrated(spoiled(truth, places), HotPixels(hot_mask(places), "sequence"))
    assert result.pixels.dtype == dtype
    # Three pixels along the slope and back are 12 ADU, and colours lie 2000 apart.
    assert np.abs(result.pixels.astype(float) - truth.pixels).max() <= 14
    untouched = ~hot_mask(places)
    np.testing.assert_array_equal(result.pixels[untouched], truth.pixels[untouched])
    assert result.mask is None
    assert not result.pixels.flags.writeable


def test_masking_marks_the_pixels_and_keeps_their_values():
    places = np.array([5, 700, 2000])
    before = np.zeros(SHAPE, bool)
    before[3, 3] = True
    frame = spoiled(mosaic(mask=before), places)
    result = calibrated(frame, HotPixels(hot_mask(places), "sequence", repair="mask"))
    assert result.pixels is frame.pixels
    assert np.flatnonzero(result.mask).tolist() == sorted([*places, 3 * SHAPE[1] + 3])
    assert before.sum() == 1


@pytest.mark.parametrize(
    "hot",
    [
        HotPixels(None, "off"),
        HotPixels(hot_mask([7]), "sequence", repair="keep"),
        HotPixels(np.zeros(SHAPE, bool), "sequence"),
        HotPixels(None, "frame"),
    ],
)
def test_with_nothing_to_do_the_frame_is_the_same_one(hot):
    frame = mosaic()
    assert calibrated(frame, hot) is frame


def test_a_pixel_without_a_good_neighbour_is_masked():
    places = (np.arange(20, 33)[:, None] * SHAPE[1] + np.arange(20, 33)).ravel()
    result = calibrated(spoiled(mosaic(), places), HotPixels(hot_mask(places), "sequence"))
    assert result.mask[26, 26]
    assert not result.mask[20, 20]
    assert result.pixels[20, 20] < 5000


def test_a_masked_neighbour_is_not_copied_and_stays_masked():
    mask = np.zeros(SHAPE, bool)
    mask[29:32, 28:33] = True
    mask[30, 30] = False
    frame = mosaic(mask=mask)
    pixels = frame.pixels.copy()
    pixels[mask] = 50_000
    place = [30 * SHAPE[1] + 30]
    result = calibrated(
        spoiled(Frame(frame.info, pixels, frame.black, mask), place), HotPixels(hot_mask(place), "sequence")
    )
    assert abs(int(result.pixels[30, 30]) - int(frame.pixels[30, 30])) < 10
    np.testing.assert_array_equal(result.mask, mask)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_lone_pixels_of_a_single_frame_are_found_and_mended(pattern):
    rng = np.random.default_rng(3)
    sky = rng.normal(500, 6, (200, 240))
    frame = Frame(FrameInfo("/n/f.fits", "f.fits", sky.shape, pattern), np.rint(sky).astype(np.uint16))
    grid = (np.arange(10, 190, 15)[:, None] * 240 + np.arange(10, 230, 17)).ravel()
    pixels = frame.pixels.copy()
    pixels.ravel()[grid] += rng.integers(80, 20_000, grid.size).astype(np.uint16)
    noisy = Frame(frame.info, pixels)
    alone = HotPixels(None, "frame")
    assert hot_indices(noisy, alone).tolist() == grid.tolist()
    assert np.abs(calibrated(noisy, alone).pixels.astype(float) - 500).max() < 45


def test_frames_of_another_shape_are_left_alone():
    frame = Frame(FrameInfo("/n/f.fits", "f.fits", (30, 40)), np.zeros((30, 40), np.uint16))
    assert calibrated(frame, HotPixels(hot_mask([1, 2, 3]), "sequence")) is frame
