"""Aligned frames: values that do not change, stars on their places in the reference, and what comes in from outside."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, median_filter

from pipeline.alignment import Shifts
from pipeline.frame import Background, Frame, FrameError, FrameInfo
from pipeline.graph import batch
from pipeline.graph.run import Graph
from pipeline.kernels.polynomial import identity
from pipeline.recipe import Recipe
from pipeline.stages.aligned import aligned, noise_gain, pattern_from, region, shift_done
from pipeline.stages.offset_map import offset_map
from pipeline.tables import OffsetMap, Tracks

SHAPE = (96, 128)
LEVEL = 100.0


def background(pattern="none", levels=(LEVEL,), shape=SHAPE):
    names = ("mono",) if pattern == "none" else ("red", "green", "blue")
    levels = levels if len(levels) == len(names) else levels * len(names)
    mesh = {name: np.full((1, 1), level, np.float32) for name, level in zip(names, levels, strict=True)}
    noise = {name: np.ones((1, 1), np.float32) for name in names}
    return Background(mesh, noise, max(shape), shape, pattern)


def frame(image, pattern="none", **facts):
    info = FrameInfo("/sky/light_001.fits", "light_001.fits", image.shape, pattern)
    return Frame(info, np.ascontiguousarray(image), **facts)


def shifts(x, y, used=True, reason=""):
    """The reference, and one frame that is to be shifted by x and y."""
    columns = np.array([[0, x], [0, y], [0, 0], [0, 0], [0, 0], [0, 0]], float)
    return Shifts(*columns, np.array([True, used]), ("", reason), 0, SHAPE, "tracks")


def tracks(transform):
    """Tracks of no stars: only the transform plays a part."""
    none = np.zeros((2, 0))
    return Tracks(
        none, none, none, none, none.astype(np.int8), none.astype(int), np.zeros(2, int), np.ones(2, bool), ("", ""),
        np.stack([identity(SHAPE), transform]), np.zeros(2), 0, SHAPE, none.astype(bool), none.astype(bool),
        np.zeros(2, bool),
    )  # fmt: skip


def star(x, y, height=500.0, shape=SHAPE):
    rows, columns = np.indices(shape)
    return (LEVEL + height * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 1.8**2))).astype(np.float32)


def place(image):
    rows, columns = np.indices(image.shape)
    light = np.where(np.nan_to_num(image) > 5, image, 0)
    return (light * columns).sum() / light.sum(), (light * rows).sum() / light.sum()


def align(light, moves, model_input=None, index=1, **knobs):
    pattern = light.pattern
    made = isinstance(model_input, OffsetMap)
    return aligned(
        light, background(pattern), moves, None if made else model_input, model_input if made else None, index, **knobs
    )


@settings(max_examples=20, deadline=None)
@given(st.floats(-60, 60), st.floats(-60, 60), st.sampled_from(["none", "RGGB"]))
def test_whole_pixels_change_no_value(x, y, pattern):
    image = np.random.default_rng(0).integers(90, 300, SHAPE).astype(np.uint16)
    moves = shifts(x, y)
    found = align(frame(image, pattern), moves, fill="nan")
    right, down = shift_done(moves, 1, "shift", None, pattern)
    assert abs(right - x) <= (0.5 if pattern == "none" else 1.0)
    rows, columns = np.nonzero(np.isfinite(found.pixels))
    np.testing.assert_array_equal(
        found.pixels[rows, columns], image[rows - int(down), columns - int(right)].astype(np.float32) - LEVEL
    )
    assert found.pixels.dtype == np.float32
    assert rows.size == (SHAPE[0] - abs(down)) * (SHAPE[1] - abs(right))


@pytest.mark.parametrize("resample", ["linear", "cubic", "lanczos"])
def test_a_shifted_star_comes_to_its_place_in_the_reference(resample):
    found = align(frame(star(64.0 + 3.4, 48.0 - 2.7)), shifts(-3.4, 2.7), resample=resample)
    assert place(found.pixels) == pytest.approx((64, 48), abs=0.02)
    assert found.pixels.sum() == pytest.approx((star(67.4, 45.3) - LEVEL).sum(), rel=1e-2)


def test_transform_and_map_bring_a_turned_star_to_its_place():
    angle = np.radians(2.0)
    transform = identity(SHAPE)
    scale = transform[0, 1]
    transform[:, 1:3] = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    transform[:, 0] += 1.3, -0.8
    centre = np.array([63.5, 47.5])
    turn = transform[:, 1:3] / scale
    here = turn @ (np.array([110.0, 20.0]) - centre) + transform[:, 0]
    light = frame(star(*here))
    moves = shifts(-1.3, 0.8)
    found = align(light, moves, tracks(transform), model="transform")
    assert place(found.pixels) == pytest.approx((110, 20), abs=0.02)
    columns, rows = np.meshgrid(np.arange(SHAPE[1]), np.arange(SHAPE[0]))
    there = np.einsum("ij,jyx->iyx", np.linalg.inv(turn), np.stack([columns, rows]) - transform[:, 0, None, None])
    offset = (np.stack([columns, rows]) - there - centre[:, None, None]).astype(np.float32)
    maps = OffsetMap(*offset, *offset, *[np.zeros(0)] * 4, "polynomial")
    by_map = align(light, moves, maps, model="map")
    assert place(by_map.pixels) == pytest.approx((110, 20), abs=0.02)
    # One shift alone leaves the corner where the turn has put it.
    assert abs(place(align(light, moves).pixels)[1] - 20) > 0.5


def test_the_reference_stays_as_it_is():
    image = star(60, 50)
    moves = shifts(5, 5)
    for knobs in ({}, {"model": "transform"}, {"resample": "lanczos"}):
        found = align(frame(image), moves, tracks(identity(SHAPE)), index=0, **knobs)
        np.testing.assert_allclose(found.pixels, image - LEVEL, atol=2e-3)


def test_what_comes_in_is_filled_but_never_counts():
    light = frame(star(60, 50))
    found = align(light, shifts(10.0, -4.0), sky="keep")
    assert np.isfinite(found.pixels).all()
    assert found.pixels[:, :10] == pytest.approx(LEVEL, abs=1)
    assert np.isnan(found.above_black()[:, :10]).all()
    assert np.isnan(found.above_black()[-4:]).all()
    assert found.mask.sum() == SHAPE[0] * 10 + SHAPE[1] * 4 - 40


def test_a_bad_pixel_inside_is_not_filled():
    mask = np.zeros(SHAPE, bool)
    mask[30, 40] = True
    found = align(frame(star(60, 50), mask=mask), shifts(2.0, 3.0))
    assert np.isnan(found.pixels[33, 42])
    assert np.isfinite(found.pixels).sum() == found.pixels.size - 1


@pytest.mark.parametrize("resample", ["integer", "cubic"])
def test_the_colours_of_a_mosaic_stay_apart(resample):
    image = np.tile(np.array([[400, 900], [900, 2500]], np.uint16), (48, 64))
    found = align(frame(image, "RGGB"), shifts(3.3, -5.1), resample=resample, sky="keep")
    np.testing.assert_allclose(found.pixels, image, rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(32, 90), st.integers(32, 90))
def test_a_rectangle_is_cut_with_its_colours(x0, y0, x1, y1):
    colours = np.tile(np.array([[1, 2], [3, 4]], np.float32), (48, 64))
    found = align(frame(colours, "GRBG"), shifts(0, 0), crop=(x0, y0, x1, y1), sky="keep")
    assert found.shape == found.info.shape == (min(y1, 96) - y0, x1 - x0)
    np.testing.assert_array_equal(found.pixels, colours[y0:y1, x0:x1])
    kept = dict(zip([1, 2, 3, 4], "GRBG", strict=True))
    assert found.pattern == "".join(kept[int(value)] for value in found.pixels[:2, :2].ravel())
    assert pattern_from("none", 1, 1) == "none"


@settings(max_examples=30, deadline=None)
@given(st.floats(-30, 30), st.floats(-30, 30))
def test_the_common_area_is_inside_every_frame(x, y):
    moves = shifts(x, y)
    image = star(60, 50)
    for resample in ("integer", "cubic"):
        for index in (0, 1):
            found = align(frame(image), moves, index=index, crop="common", resample=resample, fill="nan")
            assert np.isfinite(found.pixels).all()
    assert_no_more_is_cut(region("common", moves, None, "shift"), np.array([[0, 0], [-x, -y]]))


@pytest.mark.parametrize("degrees", [-20.0, 0.3, 2.0])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (7.2, -4.6), (-5.5, 3.1)])
def test_the_common_area_of_turned_frames_is_inside_every_frame(degrees, shift):
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    transform = identity(SHAPE)
    transform[:, 1:3] = transform[0, 1] * turn
    transform[:, 0] += shift
    moves, followed = shifts(-shift[0], -shift[1]), tracks(transform)
    for index in (0, 1):
        found = align(frame(star(60, 50)), moves, followed, index, model="transform", crop="common", fill="nan")
        assert np.isfinite(found.pixels).all()
    corners = np.array([[0, 0], [127, 0], [0, 95], [127, 95]])
    reach = (corners - (63.5, 47.5)) @ turn.T + (63.5, 47.5) + shift - corners
    assert_no_more_is_cut(region("common", moves, followed, "transform"), np.concatenate([reach, [[0, 0]]]))


def assert_no_more_is_cut(area, reach):
    """At each side no more is lost than by how far the points of the frames lie beyond it, one pixel and even ends."""
    x0, y0, x1, y1 = area
    for first, last, size, moved in ((x0, x1, 128, reach[:, 0]), (y0, y1, 96, reach[:, 1])):
        assert first < max(0, -moved.min()) + 3
        assert size - last < max(0, moved.max()) + 3


def test_the_noise_that_is_foretold_is_that_of_the_pixels():
    noise = np.random.default_rng(3).normal(LEVEL, 5, SHAPE).astype(np.float32)
    moves = shifts(0.5, -7.3)
    for resample in ("linear", "cubic", "lanczos"):
        found = align(frame(noise), moves, resample=resample, fill="nan").above_black()
        inner = found[15:-15, 10:-10]
        assert inner.std() == pytest.approx(5 * noise_gain(moves, 1, "shift", resample, "none"), rel=0.03)
    assert noise_gain(moves, 1, "shift", None, "none") == 1
    assert noise_gain(moves, 1, "transform", None, "none") < 1


def test_frames_that_cannot_be_aligned_say_why():
    light = frame(star(60, 50))
    with pytest.raises(FrameError, match=r"light_001.fits: has no stars \(0\): leave it out"):
        align(light, shifts(0, 0, used=False, reason="light_001.fits: has no stars (0): leave it out"))
    with pytest.raises(FrameError, match=r"light_001.fits: nothing of it lies on the reference \(shift 500"):
        align(light, shifts(500, 0))
    with pytest.raises(FrameError, match="outside the frame"):
        align(light, shifts(0, 0), crop=(200, 0, 210, 10))
    with pytest.raises(FrameError, match="no area in common"):
        align(light, shifts(127, 95), crop="common")


def test_history_tells_what_was_done():
    light = replace(frame(star(60, 50)), history=("flat: V",))
    story = align(light, shifts(1.25, -2.0), resample="cubic").history
    assert story == ("flat: V", "aligned: shift (+1.250, -2.000 px, by tracks), cubic B-spline")


def test_a_map_of_a_real_field_is_one_that_aligned_can_use():
    from tests.stages.synthetic import sky

    def motion(index, position):
        return position + np.array([3.5, -2.5]) * index

    motion.count = 2
    made = sky(motion, shape=SHAPE, count=60, seed=2)
    followed = made.follow()
    maps = offset_map(followed, 1)
    found = align(frame(star(67.5, 45.5)), shifts(-3.5, 2.5), maps, model="map")
    assert place(found.pixels) == pytest.approx((64, 48), abs=0.3)


def apart(one, other):
    """How far one picture lies from another, by the peak of their correlation."""
    correlation = np.fft.fftshift(np.fft.ifft2(np.fft.fft2(one).conj() * np.fft.fft2(other)).real)
    row, column = np.unravel_index(correlation.argmax(), correlation.shape)
    found = []
    for line, middle, size in (
        (correlation[row, column - 1 : column + 2], column, one.shape[1]),
        (correlation[row - 1 : row + 2, column], row, one.shape[0]),
    ):
        found.append(middle - size // 2 + (line[0] - line[2]) / (2 * (line[0] - 2 * line[1] + line[2])))
    return np.array(found)


@pytest.mark.data
def test_real_frames_lie_on_each_other(data):
    graph = Graph()
    night, recipe = graph.open([data / "pluto"]), Recipe().with_knobs("aligned", resample="cubic")
    pixels = [graph.result(night, recipe, "aligned", index).pixels[40:600, 40:560] for index in range(10)]
    # Full stars would rule the correlation, and so would columns of the detector, which were moved with the sky.
    light = [gaussian_filter(np.clip(np.nan_to_num(median_filter(image, 5)), 40, 2000), 2) for image in pixels]
    light = [image - image.mean() for image in light]
    assert max(np.abs(apart(light[0], one)).max() for one in light[1:]) < 0.3


@pytest.mark.data
def test_whole_pixels_leave_half_a_pixel_of_real_frames(data, tmp_path):
    batch.run(Graph.open([data / "pluto"]), Recipe(), tmp_path / "out", wanted=("aligned",))
    graph = Graph()
    left = graph.result(graph.open(sorted((tmp_path / "out").glob("*.fits"))), Recipe(), "shifts")
    assert left.used.all()
    assert np.abs([left.x, left.y]).max() < 0.6
