"""candidates: every local peak with its measures, against photutils, sep, plain numpy and simulated skies."""

import dataclasses
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.frame import FrameError
from pipeline.stages.candidates import WHOLE_NUMBERS, candidates, seeing
from pipeline.stages.stars import stars
from pipeline.tables import COLUMNS, Reason
from tests.star_fields import grid, normalized, random_field, star_field

PHOTUTILS = {
    "x_centroid": "xcentroid",
    "y_centroid": "ycentroid",
    "sharpness": "sharpness",
    "roundness1": "roundness1",
    "roundness2": "roundness2",
    "n_pixels": "npix",
    "peak": "peak",
    "flux": "flux",
    "mag": "mag",
}


def photutils_stars(image, threshold, fwhm, mask=None, **options):
    """photutils' table in our names; None becomes an empty one."""
    from photutils.detection import DAOStarFinder
    from photutils.utils.exceptions import NoDetectionsWarning

    finder = DAOStarFinder(threshold, fwhm, **{"min_separation": 0, **options})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoDetectionsWarning)
        table = finder(image.astype(np.float64), mask=mask)
    return {ours: np.array([] if table is None else table[theirs]) for theirs, ours in PHOTUTILS.items()}


def assert_same_stars(ours, theirs):
    kept = ours.kept
    order, other = (
        np.lexsort((table["xcentroid"], table["ycentroid"]))
        for table in ({name: ours[name][kept] for name in PHOTUTILS.values()}, theirs)
    )
    assert len(kept) == len(theirs["xcentroid"])
    for name in PHOTUTILS.values():
        # photutils makes roundness1 from its float64 image, we from the float32 one that peaks are sought in.
        tolerance = {"roundness1": 1e-5, "xcentroid": 5e-11, "ycentroid": 5e-11}.get(name, 1e-9)
        np.testing.assert_allclose(ours[name][kept][order], theirs[name][other], rtol=1e-9, atol=tolerance)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    fwhm=st.floats(1.5, 9),
    ratio=st.floats(0.3, 1),
    theta=st.floats(-180, 180),
    sharpness=st.tuples(st.floats(-1, 0.6), st.floats(0.7, 3)),
    roundness=st.tuples(st.floats(-2, -0.1), st.floats(0.1, 2)),
    brightest=st.one_of(st.none(), st.integers(1, 60)),
    threshold=st.floats(40, 400),
)
def test_dao_finds_photutils_stars_with_photutils_measures(
    seed, fwhm, ratio, theta, sharpness, roundness, brightest, threshold
):
    field = random_field(seed, fwhm=4.0).normalized
    table = candidates(field, fwhm=fwhm, ratio=ratio, theta=theta, floor=0.5)
    ours = stars(table, threshold_adu=threshold, sharpness=sharpness, roundness=roundness, brightest=brightest)
    theirs = photutils_stars(
        field.image,
        threshold,
        fwhm,
        ratio=ratio,
        theta=theta,
        sharpness_range=sharpness,
        roundness_range=roundness,
        n_brightest=brightest,
    )
    assert_same_stars(ours, theirs)


@pytest.mark.parametrize("separation", [4, 9, 20])
@pytest.mark.parametrize("seed", [1, 2])
def test_separation_is_photutils_minimum_separation(seed, separation):
    field = random_field(seed, stars=80).normalized
    ours = stars(candidates(field, fwhm=4.0), threshold_adu=80.0, separation=separation)
    bounds = {"sharpness_range": (0.1, 1.0), "roundness_range": (-0.9, 0.9)}
    assert_same_stars(ours, photutils_stars(field.image, 80.0, 4.0, min_separation=separation, **bounds))


def test_border_of_the_filters_radius_is_photutils_exclude_border():
    field = random_field(3, stars=150).normalized
    ours = stars(candidates(field, fwhm=6.0), threshold_adu=60.0, border=3)
    bounds = {"sharpness_range": (0.1, 1.0), "roundness_range": (-0.9, 0.9)}
    assert_same_stars(ours, photutils_stars(field.image, 60.0, 6.0, exclude_border=True, **bounds))


def test_bad_pixels_count_as_sky_and_are_never_peaks():
    field = random_field(4).normalized
    mask = np.random.default_rng(4).random(field.image.shape) < 0.02
    image = np.where(mask, np.nan, field.image)
    ours = stars(candidates(normalized(image), fwhm=4.0, floor=0.5), threshold_adu=80.0)
    bounds = {"sharpness_range": (0.1, 1.0), "roundness_range": (-0.9, 0.9)}
    assert_same_stars(ours, photutils_stars(np.where(mask, 0, field.image), 80.0, 4.0, mask=mask, **bounds))


def test_a_plateau_has_the_peaks_that_float64_sums_give_it():
    image = np.zeros((60, 60))
    image[20:23, 20:24] = 5000.0
    image[40, 40] = image[40, 41] = 300.0
    field = normalized(image + np.random.default_rng(1).normal(0, 1e-3, image.shape))
    ours = stars(candidates(field, fwhm=3.0), threshold_adu=100.0, sharpness=(-10, 10), roundness=(-10, 10))
    assert_same_stars(ours, photutils_stars(field.image, 100.0, 3.0, sharpness_range=None, roundness_range=None))


def test_peaks_are_the_highest_of_nine_pixels_with_bright_neighbours():
    hot = np.random.default_rng(5).choice(160 * 200, 30)
    image = np.array(random_field(5).normalized.image)
    image.ravel()[hot] += 900
    field = normalized(image)
    table = candidates(field, method="peaks", fwhm=4.0, neighbours=4, neighbour_level=0.5)
    image = np.pad(field.image, 1, constant_values=-np.inf)
    around = np.stack([image[1 + dy : 161 + dy, 1 + dx : 201 + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
    highest = (field.image >= around.max(axis=0)) & (field.image > table.floor)
    y, x = np.nonzero(highest)
    bright = (around[:, y, x] > 0.5 * field.image[y, x]).sum(axis=0) - 1
    expected = dict(zip(zip(x, y, strict=True), bright >= 4, strict=True))
    found = list(zip(table["x_peak"], table["y_peak"], strict=True))
    assert len(found) > 20
    assert [expected[place] for place in found] == list(table.reason == Reason.STAR)
    assert set(np.unique(table.reason)) == {Reason.STAR, Reason.NEIGHBOURS}
    assert (table["convolved"] > table.floor).all()
    assert np.isin(hot, table["y_peak"][table.kept] * 200 + table["x_peak"][table.kept]).mean() < 0.2


def test_sep_gives_seps_own_positions_in_the_same_columns():
    import sep

    field = random_field(6).normalized
    table = candidates(field, method="sep", fwhm=4.0, min_area=5)
    objects = sep.extract(np.array(field.image), 5.0, err=field.noise, minarea=5)
    kept = table.kept
    near = np.hypot(objects["x"][:, None] - table["xcentroid"][kept], objects["y"][:, None] - table["ycentroid"][kept])
    bright = objects["peak"] > 20 * field.noise
    assert bright.sum() > 10
    assert (near.min(axis=1)[bright] < 0.5).mean() > 0.9
    assert set(table.columns) == set(COLUMNS)
    assert (table["npix"] >= 5).all()


@pytest.mark.parametrize("method", ["dao", "peaks", "sep"])
def test_every_column_is_finite_typed_and_read_only(method):
    table = candidates(random_field(7, pattern="RGGB").normalized, method=method, fwhm=4.0)
    assert tuple(table.columns) == tuple(COLUMNS)
    for name, values in table.columns.items():
        assert values.dtype == (np.int64 if name in WHOLE_NUMBERS else np.float64), name
        assert values.shape == (len(table),)
        assert not values.flags.writeable, name
    good = stars(table).kept
    assert len(good) > 10
    assert all(np.isfinite(table[name][good]).all() for name in table.columns)
    assert (np.diff(table["y_peak"] * 200 + table["x_peak"]) >= 0).all()


@settings(max_examples=15, deadline=None)
@given(dx=st.integers(0, 12), dy=st.integers(0, 12), pattern=st.sampled_from(["none", "RGGB"]))
def test_a_sky_moved_by_whole_pixels_moves_every_position_alike(dx, dy, pattern):
    step = 1 if pattern == "none" else 2
    dx, dy = step * dx, step * dy
    field = random_field(8, shape=(90, 110), stars=25, pattern=pattern).normalized
    tables = []
    for left, top in ((30, 30), (30 + dx, 30 + dy)):
        image = np.zeros((180, 200), np.float32)
        image[top : top + 90, left : left + 110] = field.image
        tables.append(candidates(dataclasses.replace(field, image=image), fwhm=4.0, floor=5.0))
    first, second = tables
    # The noise is measured on a lattice that does not move along, so the lowest rows may come and go.
    first, second = (np.flatnonzero(t["convolved"] > 1.2 * max(first.floor, second.floor)) for t in tables)
    assert len(first) == len(second) > 10
    for name in ("xcentroid", "x_winpos", "x_com", "x_gauss"):
        tolerance = 1e-9 if name in ("xcentroid", "x_com") else 2e-3
        np.testing.assert_allclose(tables[1][name][second], tables[0][name][first] + dx, atol=tolerance)


def test_a_lower_floor_only_adds_rows():
    field = random_field(9).normalized
    low, high = candidates(field, fwhm=4.0, floor=3.0), candidates(field, fwhm=4.0, floor=6.0)
    rows = np.flatnonzero(low["convolved"] > high.floor)
    assert len(low) > len(high) == len(rows)
    for name in COLUMNS:
        np.testing.assert_array_equal(low[name][rows], high[name])


def test_convolved_noise_is_the_pixels_noise_times_the_relative_error():
    rng = np.random.default_rng(10)
    image = rng.normal(0, 7, (600, 600))
    table = candidates(normalized(image, noise=7.0), fwhm=5.0)
    assert table.noise == pytest.approx(7.0 * table.relative_error, rel=0.02)
    flux_error = table["flux"] / table["snr"]
    np.testing.assert_allclose(flux_error, 7.0 * np.sqrt(table["npix"]), rtol=0.02)


def test_full_and_bad_pixels_in_a_stars_core_are_flagged():
    field = star_field(11, (60, 90), [20.2, 45.1, 70.4], [30.3, 30.8, 29.6], 4000.0, 4.0)
    image = np.array(field.normalized.image)
    image[31, 46] = np.nan
    sky = dataclasses.replace(field.normalized, image=image, full=np.array([31 * 90 + 20]))
    table = stars(candidates(sky, fwhm=4.0))
    order = np.argsort(table["x_peak"][table.kept])
    assert table["saturated"][table.kept][order].tolist() == [1, 0, 0]
    assert table["masked"][table.kept][order].tolist() == [0, 1, 0]


def test_the_highest_candidates_stay_when_there_are_too_many(monkeypatch):
    field = random_field(12).normalized
    whole = candidates(field, fwhm=4.0, floor=1.0)
    monkeypatch.setattr("pipeline.stages.candidates.MOST", 50)
    table = candidates(field, fwhm=4.0, floor=1.0)
    assert len(table) == 50
    assert table.metrics["capped"] == 1
    assert table.floor == np.sort(whole["convolved"])[-50] == table["convolved"].min()
    assert len(stars(table, threshold=1.0)) == 50


@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (40, 50)])
@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_frame_without_any_light_gives_an_empty_table(shape, value):
    field = normalized(np.full(shape, value), noise=0.0)
    table = stars(candidates(field, fwhm=4.0))
    assert len(table) == len(table.kept) == 0
    assert tuple(table.columns) == tuple(COLUMNS)


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


def test_a_dead_half_of_the_frame_leaves_the_noise_of_the_rest_and_is_told():
    rng = np.random.default_rng(11)
    image = rng.normal(0, 7, (400, 400))
    whole = candidates(normalized(image, noise=7.0), fwhm=5.0)
    image[:, 170:] = np.nan
    table = candidates(normalized(image, noise=7.0), fwhm=5.0)
    assert table.noise == pytest.approx(whole.noise, rel=0.04)
    assert whole.blind is None
    columns = table.blind.shape[1]
    x = np.arange(400)
    seen = table.blind[0, x * columns // 400]
    assert not seen[:160].any()
    assert seen[180:].all()
    assert (table.blind == table.blind[0]).all()
