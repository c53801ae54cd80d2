"""How wide the stars are, told by the frame itself: what tells it, and what stars out of focus are searched with."""

import dataclasses

import numpy as np
import pytest

from pipeline.frame import FrameError
from pipeline.kernels.seeing import agreed_width
from pipeline.stages.candidates import candidates, seeing
from pipeline.stages.stars import stars
from tests.star_fields import grid, normalized, star_field


@pytest.mark.parametrize("pattern", ["none", "RGGB"])
@pytest.mark.parametrize("fwhm", [1.6, 2.3, 4.0, 6.5, 12.0])
def test_seeing_is_the_width_of_the_stars(fwhm, pattern):
    step = max(16, int(6 * fwhm)) // 2 * 2
    x, y = grid(6, step, np.random.default_rng(1))
    field = star_field(1, (6 * step, 6 * step), x, y, np.geomspace(300, 3000, 36), fwhm, pattern=pattern)
    found = seeing(field.normalized, fwhm=None)["fwhm"]
    assert found == pytest.approx(max(fwhm, 3.0) if pattern != "none" else fwhm, rel=0.05, abs=0.1)


def test_seeing_is_told_by_a_few_stars_among_hot_pixels_bad_columns_and_nebulae():
    rng = np.random.default_rng(2)
    x, y = grid(3, 80, rng)
    field = star_field(2, (240, 240), x, y, 600.0, 7.0)
    image = np.array(field.normalized.image)
    image[rng.integers(0, 240, 60), rng.integers(0, 240, 60)] += rng.uniform(200, 3000, 60)
    image[:, 110] += 400
    rows, columns = np.indices(image.shape)
    for _ in range(12):
        width = rng.uniform(12, 30, 2)
        middle = rng.uniform(120, 230, 2)
        image += 80 * np.exp(-(((rows - middle[0]) / width[0]) ** 2) - ((columns - middle[1]) / width[1]) ** 2)
    assert seeing(normalized(image), fwhm=None)["fwhm"] == pytest.approx(7.0, abs=0.4)


def test_hot_pixels_of_a_mosaic_tell_no_width():
    rng = np.random.default_rng(8)
    x, y = grid(3, 80, rng)
    field = star_field(8, (240, 240), x, y, 1500.0, 5.0, pattern="RGGB").normalized
    image = np.array(field.image)
    image[rng.integers(0, 240, 120), rng.integers(0, 240, 120)] += rng.uniform(2000, 9000, 120)
    assert seeing(normalized(image, pattern="RGGB"), fwhm=None)["fwhm"] == pytest.approx(5.0, abs=0.3)


@pytest.mark.parametrize("pattern", ["none", "RGGB", "GRBG"])
def test_a_frame_of_hot_pixels_alone_has_no_width(pattern):
    rng = np.random.default_rng(13)
    image = rng.normal(0, 5, (400, 500))
    image[rng.integers(0, 400, 400), rng.integers(0, 500, 400)] += 10 ** rng.uniform(2.3, 4, 400)
    with pytest.raises(FrameError, match="no star bright enough"):
        seeing(normalized(image, pattern=pattern, noise=5.0), fwhm=None)


def some_at(rng, places, count):
    """So many places of a grid by chance, and the others."""
    order = rng.permutation(places[0].size)
    return [[axis[rows] for axis in places] for rows in (order[:count], order[count:])]


def test_the_width_is_that_of_stars_that_are_not_full_however_faint():
    rng = np.random.default_rng(1)
    bright, faint = some_at(rng, grid(10, 40, rng), 36)
    noise = np.sqrt(200 / 1.5)
    places = [np.concatenate(pair) for pair in zip(bright, faint, strict=True)]
    field = star_field(1, (400, 400), *places, np.repeat([60_000, 8 * noise], [36, 64]), 4.0).normalized
    image = np.minimum(field.image, 4000)
    width, telling = agreed_width(image, np.flatnonzero(image == 4000), "none")
    assert width == pytest.approx(4.0, abs=0.15)
    assert telling > 50


def test_faint_wide_knots_do_not_outvote_fewer_sharp_stars():
    rng = np.random.default_rng(2)
    sharp, knots = some_at(rng, grid(7, 90, rng), 14)
    field = star_field(2, (630, 630), *sharp, 1500.0, 4.0).normalized
    light = star_field(2, (630, 630), *knots, 50.0, 16.0, quiet=True).normalized.image
    width, telling = agreed_width(field.image + light, np.empty(0, np.int64), "none")
    assert width == pytest.approx(4.0, abs=0.1)
    assert telling == 14


def test_trailed_stars_have_a_width_too():
    x, y = grid(5, 60, np.random.default_rng(6))
    trail = np.linspace(-7, 7, 15)
    along = [np.ravel(v) for v in (x[:, None] + trail, np.broadcast_to(y[:, None], (x.size, 15)))]
    field = star_field(6, (300, 300), *along, 300.0, 3.0).normalized
    assert 3.0 < seeing(field, fwhm=None)["fwhm"] < 14.0
    assert len(stars(candidates(field), roundness=(-2.0, 2.0)).kept) >= 25


def test_stars_that_are_all_full_have_a_width_too():
    x, y = grid(4, 50, np.random.default_rng(7))
    field = star_field(7, (200, 200), x, y, 9000.0, 5.0).normalized
    full = np.flatnonzero(field.image > 6000)
    image = np.minimum(field.image, 6000)
    clipped = dataclasses.replace(normalized(image), full=full)
    assert 4.0 < seeing(clipped, fwhm=None)["fwhm"] < 7.0


@pytest.mark.parametrize("fwhm", [3.4, 4.6, 7.3])
def test_stars_of_all_colours_are_found_on_a_mosaic_whatever_their_width(fwhm):
    x, y = grid(9, 46, np.random.default_rng(29))
    heights = np.geomspace(400, 4000, 81)
    field = star_field(29, (414, 414), x, y, heights, fwhm, pattern="GRBG", colour_scatter=0.5).normalized
    found = stars(candidates(field))
    assert found.fwhm == pytest.approx(fwhm, rel=0.12)
    assert found.kept.size >= 64


def out_of_focus(fwhm=7.5):
    x, y = grid(9, 45, np.random.default_rng(19))
    return star_field(19, (405, 405), x, y, np.geomspace(25, 2500, 81), fwhm).normalized


def test_stars_of_a_frame_out_of_focus_are_found_with_their_own_width():
    own = candidates(out_of_focus(), fwhm=3.5, defocus=seeing(out_of_focus(), fwhm=None)["defocus"])
    assert own.fwhm == pytest.approx(7.5, abs=0.4)
    narrow, known = (stars(table).kept.size for table in (candidates(out_of_focus(), fwhm=3.5), own))
    assert known > narrow + 15
    assert known >= stars(candidates(out_of_focus(), fwhm=7.5)).kept.size


@pytest.mark.parametrize("pattern", ["none", "RGGB"])
@pytest.mark.parametrize(("fwhm", "part"), [(4.3, 0.93), (5.2, 0.92), (7.0, 0.78)])
def test_a_frame_out_of_focus_shows_nearly_as_many_stars_as_the_reference(fwhm, part, pattern):
    x, y = grid(12, 45, np.random.default_rng(31))
    light = np.geomspace(40, 900, x.size) * 3.5**2
    sharp, soft = (
        star_field(31, (540, 540), x, y, light / width**2, width, pattern=pattern).normalized for width in (3.5, fwhm)
    )
    seen = stars(candidates(sharp, fwhm=3.6)).kept.size
    assert seen < 0.95 * x.size
    assert stars(candidates(soft, fwhm=3.6, defocus=1.15)).kept.size >= part * seen


def test_a_wider_filter_leaves_centres_of_stars_out_of_focus_as_sure_as_they_can_be():
    x, y = grid(9, 60, np.random.default_rng(37))
    field = star_field(37, (540, 540), x, y, 400.0, 7.0)
    table = candidates(field.normalized, fwhm=3.6, defocus=1.15)
    distance = np.hypot(table["x_winpos"][:, None] - x, table["y_winpos"][:, None] - y)
    star, own = distance.argmin(axis=1), distance.min(axis=1) < 1.5
    off = (table["x_winpos"] - x[star])[own]
    assert own.sum() == 81
    assert np.sqrt(np.mean((off / field.bound[star[own]]) ** 2)) < 1.2
    assert 0.8 < np.std(off / table["xcentroid_err"][own]) < 1.2


@pytest.mark.parametrize("width", [3.1, 3.8, 7.5])
def test_stars_nearly_as_wide_as_those_of_the_reference_are_found_with_its_width(width):
    assert candidates(out_of_focus(3.5), fwhm=width, defocus=1.15).fwhm == width


def test_neither_clouds_nor_hot_pixels_are_stars_out_of_focus():
    rng = np.random.default_rng(23)
    rows, columns = np.indices((405, 405))
    image = rng.normal(0, 5, rows.shape)
    for _ in range(30):
        at, width = rng.uniform(0, 405, 2), rng.uniform(6, 50, 2)
        image += 60 * np.exp(-(((rows - at[0]) / width[0]) ** 2) - ((columns - at[1]) / width[1]) ** 2)
    image[rng.integers(0, 405, 60), rng.integers(0, 405, 60)] += rng.uniform(100, 3000, 60)
    assert candidates(normalized(image, noise=5.0), fwhm=3.5, defocus=1.15).fwhm == 3.5


def test_a_width_that_is_given_is_left_alone():
    assert candidates(out_of_focus(), fwhm=3.5).fwhm == 3.5
    assert seeing(normalized(np.zeros((9, 9))), fwhm=3.3) == {}


def test_a_frame_without_stars_says_that_the_width_must_be_given():
    field = normalized(np.random.default_rng(3).normal(0, 5, (200, 200)), file="cloud.fits")
    with pytest.raises(FrameError, match=r"^cloud.fits: .*width.*: set candidates.fwhm"):
        candidates(field)


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "low", "high"),
    [("skycamt/t_e_20150608_381_1_1_1.fits.fz", 1.9, 2.4), ("ngc6819/ngc6819_V_d3162.fits.fz", 5.9, 6.9)],
)
def test_seeing_of_real_frames_is_what_their_radial_profiles_show(data, file, low, high):
    from pipeline.read import read_frame
    from pipeline.stages.background import background
    from pipeline.stages.normalize import normalize

    frame = read_frame(data / file)
    assert low <= seeing(normalize(frame, background(frame)), fwhm=None)["fwhm"] <= high
