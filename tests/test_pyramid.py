import threading
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ui.pyramid import CODES, CUT_VALUES, NAN_CODE, Pyramid, PyramidStore


def decoded(cut):
    values = cut.low + (cut.high - cut.low) * (cut.values.astype(float) / CODES) ** cut.power
    return np.where(cut.values == NAN_CODE, np.nan, values)


def noise_image(shape, seed=1):
    return np.random.default_rng(seed).normal(100, 5, shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(700, 900), (701, 901), (1, 2000), (2000, 1)])
def test_each_level_is_the_mean_of_the_pixels_below_it(shape):
    image = noise_image(shape)
    for depth, level in enumerate(Pyramid(image).levels):
        step = 2**depth
        for j, i in ((0, 0), (level.shape[0] - 1, 0), (0, level.shape[1] - 1)):
            block = image[j * step : (j + 1) * step, i * step : (i + 1) * step]
            if block.shape == (step, step):
                assert level[j, i] == pytest.approx(block.mean(dtype=float), abs=1e-3)
        assert level.shape == tuple(-(-n // step) for n in shape)


def test_light_is_neither_lost_nor_made_on_the_way_up():
    image = noise_image((1024, 2048))
    for level in Pyramid(image).levels:
        assert level.mean(dtype=float) == pytest.approx(image.mean(dtype=float), rel=1e-6)


def test_a_pixel_without_value_does_not_spread():
    image = noise_image((800, 800))
    image[10, 11] = np.nan
    image[100:164, 100:164] = np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pyramid = Pyramid(image, noise=5, level=100)
    first = pyramid.levels[1]
    assert first[5, 5] == pytest.approx(np.mean([image[10, 10], image[11, 10], image[11, 11]]), rel=1e-6)
    assert np.isnan(first[51:81, 51:81]).all()
    assert np.isnan(first).sum() == 32 * 32
    cut = pyramid.cut(90, 180, 90, 180, 900, 900)
    assert (cut.values == NAN_CODE).sum() == 64 * 64


def test_an_image_without_any_value_is_all_nan():
    pyramid = Pyramid(np.full((40, 50), np.nan))
    assert (pyramid.cut(0, 49, 0, 39, 100, 100).values == NAN_CODE).all()
    assert pyramid.percentiles(1, 99) == (0.0, 0.0)


def test_whole_adu_come_back_exactly_where_every_pixel_is_seen():
    image = np.random.default_rng(2).integers(0, 65000, (300, 400)).astype(np.uint16)
    cut = Pyramid(image, noise=3, level=500).cut(9.6, 80.2, 19.7, 60.1, 900, 600)
    assert (cut.x, cut.y, cut.step) == (9.5, 19.5, 1)
    assert np.array_equal(decoded(cut), image[20:61, 10:81])


@settings(max_examples=30, deadline=None)
@given(noise=st.floats(0.01, 100), bright=st.floats(1e3, 1e6), seed=st.integers(0, 99))
def test_coding_is_far_below_the_noise_at_the_sky_and_relative_at_stars(noise, bright, seed):
    rng = np.random.default_rng(seed)
    image = rng.normal(0, noise, (60, 60)).astype(np.float32)
    image[3, 4] = bright
    cut = Pyramid(image, noise=noise).cut(0, 59, 0, 59, 600, 600)
    error = np.abs(decoded(cut) - image)
    assert error[3, 4] <= 1e-4 * bright
    sky = np.delete(error.ravel(), 3 * 60 + 4)
    assert sky.max() <= max(0.1 * noise, 2 * np.sqrt(35 * noise * bright) / CODES)


def test_what_is_sent_exactly_is_the_image_itself():
    image = noise_image((500, 500))
    cut = Pyramid(image, noise=5).cut(100, 199, 50, 149, 900, 600)
    assert np.array_equal(cut.exact, image[50:150, 100:200])


@settings(max_examples=60, deadline=None)
@given(
    x=st.tuples(st.floats(-2000, 4000), st.floats(-2000, 4000)),
    y=st.tuples(st.floats(-2000, 4000), st.floats(-2000, 4000)),
    screen=st.tuples(st.floats(1, 4000), st.floats(1, 3000)),
)
def test_a_cut_is_small_and_covers_what_is_seen(x, y, screen):
    pyramid = _SHARED
    cut = pyramid.cut(*x, *y, *screen)
    ny, nx = pyramid.shape
    assert cut.values.size <= CUT_VALUES * 1.02 + 4 * max(cut.values.shape)
    low, high = max(min(x), -0.5), min(max(x), nx - 0.5)
    bottom, top = max(min(y), -0.5), min(max(y), ny - 0.5)
    if low < high and bottom < top:
        assert cut.x <= low
        assert cut.x + cut.width >= high
        assert cut.y <= bottom
        assert cut.y + cut.height >= top
        assert cut.values.shape == (cut.height / cut.step, cut.width / cut.step)


_SHARED = Pyramid(noise_image((1500, 2100)), noise=5, level=100)


def test_a_cut_outside_the_image_is_one_missing_value():
    cut = _SHARED.cut(5000, 6000, 0, 100, 900, 600)
    assert cut.values.tolist() == [[NAN_CODE]]


def test_an_image_that_is_no_image_is_refused():
    with pytest.raises(ValueError, match="wants two axes with pixels"):
        Pyramid(np.zeros((3, 0)))


def test_the_input_is_not_written_to():
    image = noise_image((600, 600))
    image[4, 5] = np.inf
    image.flags.writeable = False
    kept = image.copy()
    Pyramid(image, noise=5).cut(0, 599, 0, 599, 300, 300)
    assert np.array_equal(image, kept)


def test_the_store_keeps_within_its_bytes_and_drops_the_longest_unused():
    image = noise_image((600, 600))
    size = Pyramid(image).nbytes
    store = PyramidStore(limit=2 * size + 1)
    first = store.get("first", image)
    second = store.get("second", image)
    assert store.get("first", image) is first
    store.get("third", image)
    assert store.get("first", image) is first
    assert store.get("second", image) is not second


def test_the_store_may_be_asked_by_many_threads_at_once():
    image = noise_image((300, 300))
    store = PyramidStore(limit=10**9)
    found = []
    threads = [threading.Thread(target=lambda: found.append(store.get("one", image).shape)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(300, 300)] * 8


@pytest.mark.parametrize("shape", [(900, 1202), (901, 1203)])
def test_factors_of_a_cell_act_as_if_the_pixels_had_them(shape):
    image, cell = noise_image(shape), np.array([[0.5, 1.0], [1.0, 1.7]], np.float32)
    image[3, 5] = np.nan
    scaled = image * np.tile(cell, (shape[0] // 2 + 1, shape[1] // 2 + 1))[: shape[0], : shape[1]]
    shared, own = Pyramid(image, noise=5, level=100, factors=cell), Pyramid(scaled, noise=5, level=100)
    assert (shared.low, shared.high) == pytest.approx((own.low, own.high), rel=1e-6)
    assert shared.histogram(50, 150, 20).tolist() == own.histogram(50, 150, 20).tolist()
    for place in ((-0.5, 1300, -0.5, 950), (100, 299, 51, 149), (101, 299, 50, 149)):
        np.testing.assert_allclose(decoded(shared.cut(*place, 900, 600)), decoded(own.cut(*place, 900, 600)), rtol=1e-5)


@pytest.mark.parametrize("sky", [0.0, 0.37])
def test_the_histogram_of_whole_numbers_has_no_comb(sky):
    image = np.rint(np.random.default_rng(6).normal(1000, 4, (300, 300))) - sky
    counts = Pyramid(image, noise=4.0, level=1000.0).histogram(998, 1002, 11).astype(float)
    assert np.abs(counts / counts.mean() - 1).max() < 0.15


def test_a_frame_is_drawn_where_its_stars_are_in_the_reference():
    rng = np.random.default_rng(2)
    image = rng.normal(0, 1, (300, 400)).astype(np.float32)
    shift = np.roll(image, (7, -11), (0, 1))
    cut = Pyramid(shift, noise=1.0).cut(-0.5, 399.5, -0.5, 299.5, 400, 300, lambda x, y: (x - 11, y + 7))
    still = Pyramid(image, noise=1.0).cut(-0.5, 399.5, -0.5, 299.5, 400, 300)
    values = [one.low + (one.high - one.low) * (one.values / CODES) ** one.power for one in (cut, still)]
    np.testing.assert_allclose(values[0][:293, 11:], values[1][:293, 11:], atol=0.01)
    assert (cut.values[:, :11] == NAN_CODE).all(), "what lies outside the frame has no value"
    assert (cut.values[293:] == NAN_CODE).all()


def test_a_moved_mosaic_keeps_each_colours_own_factor():
    image = np.ones((40, 60), np.float32)
    factors = np.array([[2.0, 1.0], [1.0, 3.0]])
    pyramid = Pyramid(image, factors=factors)
    cut = pyramid.cut(-0.5, 59.5, -0.5, 39.5, 600, 400, lambda x, y: (x + 1, y))
    still = pyramid.cut(-0.5, 59.5, -0.5, 39.5, 600, 400)
    np.testing.assert_array_equal(cut.values[:, :-1], still.values[:, 1:])
