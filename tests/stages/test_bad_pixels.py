"""Hot pixels from darks, bad columns from bias, darks and flats: all that are there, and hardly any that are not."""

import numpy as np
import pytest

from pipeline.frame import FrameError
from pipeline.read.rows import RowReaders
from pipeline.stages.bad_pixels import from_columns_and_flats, from_darks
from pipeline.stages.calibrated import calibrated
from pipeline.stages.hot_pixels import hot_pixels, without
from tests.stages.ccd import SHAPE, Detector, readers


def detector(pattern="none", seed=5):
    made = Detector(pattern, seed=seed)
    made.bias[:] = 300.0
    made.dark[:] = 0.05
    return made


def hot(made, count=60, rate=5.0):
    """Some pixels with a large dark current."""
    places = np.random.default_rng(2).choice(made.dark.size, count, replace=False)
    made.dark.flat[places] = rate
    return np.sort(places)


@pytest.mark.parametrize("pattern", ["none", "RGGB", "GBRG"])
def test_hot_pixels_of_the_darks_are_found_and_no_others(pattern):
    made = detector(pattern)
    places = hot(made)
    found = hot_pixels([made.frame("light", light=300.0)], readers(*made.frames("dark", 5, exposure=60.0)))
    assert found.source == "dark"
    right = np.isin(np.flatnonzero(found.mask), places)
    assert right.sum() >= 0.98 * len(places)
    assert (~right).sum() <= 2


def test_a_cosmic_ray_in_one_dark_is_no_hot_pixel():
    made = detector()
    frames = made.frames("dark", 5, exposure=60.0)
    frames[2].pixels[40, 50] += 5000
    assert not from_darks(readers(*frames), 8.0)[40, 50]


@pytest.mark.parametrize(("exposure", "rate"), [(4.0, 1.5), (100.0, 0.18)])
def test_the_longest_darks_tell_most_and_are_not_combined_with_shorter_ones(exposure, rate):
    made = detector()
    places = hot(made, rate=rate)
    short, long = made.frames("dark", 6, exposure=exposure), made.frames("dark", 3, exposure=300.0)
    assert np.isin(places, np.flatnonzero(from_darks(readers(*short, *long), 8.0))).mean() > 0.9
    assert np.isin(places, np.flatnonzero(from_darks(readers(*short), 8.0))).mean() < 0.2


@pytest.mark.parametrize("pattern", ["none", "RGGB"])
@pytest.mark.parametrize("column", [0, 45, 46, 128, 129])
def test_a_column_that_stands_out_without_light_is_bad(pattern, column):
    made = detector(pattern)
    made.bias[:, column] += 30
    found = from_columns_and_flats(readers(*made.frames("bias", 3)))
    assert found[:, column].all()
    assert found.sum() == SHAPE[0]


@pytest.mark.parametrize("part", [0.9, 1.1])
def test_a_column_with_another_part_of_the_light_is_bad(part):
    made = detector()
    made.flat[:, 70] *= part
    flats = [made.frame("flat", light=20_000.0, filter_name="V") for _ in range(3)]
    found = from_columns_and_flats(readers(*made.frames("bias", 3), *flats))
    assert np.flatnonzero(found.any(axis=0)).tolist() == [70]


def test_half_a_column_is_bad_where_it_is(tmp_path):
    made = Detector(seed=5)
    rng = np.random.default_rng(3)
    tall = rng.normal(300, 4, (3, 640, 100)).astype(np.float32)
    tall[:, 320:, 30] += 60
    found = from_columns_and_flats(RowReaders.of_frames([as_bias(made, image) for image in tall]))
    assert found[330:, 30].all()
    assert not found[:256, 30].any()


def as_bias(made, image):
    from dataclasses import replace

    frame = made.frame("bias")
    return replace(frame, info=replace(frame.info, shape=image.shape), pixels=image)


def test_dust_shading_and_noise_are_no_bad_pixels():
    made = Detector()
    flats = [made.frame("flat", light=20_000.0, filter_name="V") for _ in range(3)]
    assert from_columns_and_flats(readers(*made.frames("bias", 3), *flats)).mean() < 0.001


@pytest.mark.parametrize(("part", "bad"), [(0.1, True), (0.4, True), (0.65, False), (1.3, False), (1.9, True)])
def test_a_pixel_with_half_of_its_neighbours_light_or_half_as_much_again_is_bad(part, bad):
    made = detector()
    made.flat[33, 44] *= part
    flats = [made.frame("flat", light=20_000.0) for _ in range(3)]
    assert np.flatnonzero(from_columns_and_flats(readers(*flats))).tolist() == [33 * SHAPE[1] + 44] * bad


@pytest.mark.parametrize(("share", "trusted"), [(0.02, True), (0.1, False)])
def test_no_detector_has_a_tenth_of_its_pixels_hot(share, trusted):
    made = detector()
    hot(made, count=round(share * made.dark.size))
    assert from_darks(readers(*made.frames("dark", 5, exposure=60.0)), 8.0).any() == trusted


def test_frames_that_are_bad_all_over_say_nothing_of_the_detector():
    made = detector()
    noise = made.frame("flat", light=50.0)
    noise.pixels[:] = np.random.default_rng(1).choice([0, 60_000], SHAPE)
    assert not from_columns_and_flats(readers(noise)).any()


def test_a_bad_column_is_filled_and_leaves_nothing_behind():
    made = detector()
    made.bias[:, 60] += 2000
    light = made.frame("light", light=500.0)
    light.pixels[:, 60] = 60_000
    mended = calibrated(light, hot_pixels([light], readers(*made.frames("dark", 3, exposure=5.0))))
    about = mended.pixels[:, 50:70]
    assert abs(np.median(mended.pixels[:, 60]) - np.median(about)) < 5


def test_without_darks_columns_are_bad_and_hot_pixels_are_looked_for_in_the_lights():
    made = detector()
    made.bias[:, 60] += 200
    lights = [made.frame("light", light=200.0) for _ in range(3)]
    found = hot_pixels(lights, readers(*made.frames("bias", 3)))
    assert found.source == "frame"
    assert found.bad[:, 60].all()
    assert calibrated(lights[0], found).pixels[:, 60].max() < 700


@pytest.mark.parametrize(
    ("find", "spared"),
    [("auto", ()), ("dark", ("frame",)), ("off", ("frame", "calibration")), ("frame", ("calibration",))],
)
def test_a_way_of_looking_is_made_from_what_it_looks_at(find, spared):
    assert tuple(without({"find": find})) == spared


def test_where_darks_are_asked_for_and_none_is_there_it_says_so():
    with pytest.raises(FrameError, match=r"^hot_pixels.find = dark: there is no dark frame among the files: choose"):
        hot_pixels(None, readers(detector().frame("bias")), find="dark")
