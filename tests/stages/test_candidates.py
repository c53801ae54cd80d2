"""candidates: every local peak with its measures, against photutils, sep, plain numpy and simulated skies."""

import dataclasses
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stages.candidates import WHOLE_NUMBERS, candidates
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


def claimed_over_bound(x, y, field, fwhm):
    """Errors that are claimed for the stars of a grid, over the least that they could have if they were alone."""
    table = candidates(field.normalized, fwhm=fwhm)
    distance = np.hypot(table["x_peak"][:, None] - x, table["y_peak"][:, None] - y)
    own = distance.min(axis=1) < 0.7 * fwhm
    assert own.sum() > 0.95 * x.size
    return table["xcentroid_err"][own] / field.bound[distance.argmin(axis=1)[own]]


@pytest.mark.parametrize("fwhm", [3.6, 5.0, 7.0])
def test_a_faint_star_is_as_sure_as_it_can_be_and_not_far_surer_beside_a_bright_one(fwhm):
    x, y = grid(9, 60, np.random.default_rng(1))
    alone = star_field(1, (540, 540), x, y, 120.0, fwhm)
    assert np.median(claimed_over_bound(x, y, alone, fwhm)) == pytest.approx(1.0, abs=0.06)
    angle = np.arange(x.size)
    places = np.r_[x, x + 2 * fwhm * np.cos(angle)], np.r_[y, y + 2 * fwhm * np.sin(angle)]
    pairs = star_field(2, (540, 540), *places, np.repeat([200.0, 6000.0], x.size), fwhm)
    assert claimed_over_bound(x, y, pairs, fwhm).min() > 0.5
