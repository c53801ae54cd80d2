"""Found against true, on tables made up so that the answer is known."""

import dataclasses

import numpy as np
import pytest

from pipeline import sample
from pipeline.cramer_rao import brightness, centroid_bounds
from pipeline.frame import SIGMA_TO_FWHM, FrameError
from pipeline.tables import OffsetMap, Reason, StarTable, Tracks
from pipeline.truth import compare_stars, compare_tracks, frame_number, known, pairs, truth_beside
from pipeline.truth_map import compare_map

SPEC = sample.SampleSpec(
    "made", frames=4, shape=(300, 400), stars=80, separation=15.0, fwhm=4.0, drift=(6.0, 2.0), rotation=0.1,
    distortion=1.0,
)  # fmt: skip
EFFICIENCY = 0.25


@pytest.fixture(scope="module")
def truth():
    return sample.make_truth(SPEC)


def table(truth, index, off=(0.0, 0.0), extra=(), error=0.02):
    """A star table with every true star, moved by ``off``, and false ones at the places of ``extra`` (x, y, height)."""
    sky = known(truth, index)
    false = np.array(extra, float).reshape(-1, 3)
    x, y = np.concatenate([sky.place + off, false[:, :2]]).T
    height = np.concatenate([EFFICIENCY * sky.brightness, false[:, 2]])
    columns = {"x_peak": x, "y_peak": y, "convolved": 3.0 * height}
    columns |= dict.fromkeys(("xcentroid", "x_winpos", "x_com", "x_gauss"), x)
    columns |= dict.fromkeys(("ycentroid", "y_winpos", "y_com", "y_gauss"), y)
    columns |= {"xcentroid_err": np.full(len(x), error), "ycentroid_err": np.full(len(x), error)}
    columns["saturated"] = np.zeros(len(x))
    reason = np.zeros(len(x), np.int8)
    return StarTable(columns, reason, 4.0, 1.0, 3.0, 1.0, 5.0, truth.shape)


def without(stars, rows, reason=Reason.THRESHOLD):
    changed = stars.reason.copy()
    changed[rows] = reason
    return dataclasses.replace(stars, reason=changed)


def test_a_table_that_is_the_truth_is_complete_and_pure(truth):
    result = compare_stars(truth, 0, table(truth, 0))
    assert result.true == result.found == result.matched == len(known(truth, 0).star)
    assert np.nanmin(result.completeness) == np.nanmin(result.purity) == 1.0
    assert np.array_equal(result.star, known(truth, 0).star)
    assert result.distance.max() == 0.0


def test_stars_below_the_threshold_are_missing_from_their_own_bins(truth):
    stars = table(truth, 0)
    height = EFFICIENCY * known(truth, 0).brightness
    cut = np.sort(height)[len(height) // 2]
    result = compare_stars(truth, 0, without(stars, height < cut))
    assert result.matched == (height >= cut).sum()
    assert np.nanmax(result.completeness[result.edges[1:] <= cut], initial=0) == 0.0
    assert np.nanmin(result.completeness[result.edges[:-1] >= cut]) == 1.0
    assert np.nanmin(result.purity) == 1.0
    every = np.histogram(height, result.edges)[0]
    assert np.nansum(result.completeness * every) == pytest.approx(result.matched)


def test_false_stars_lower_the_purity_of_the_bin_they_look_like(truth):
    sky = known(truth, 0)
    far = [(x, y) for x in range(20, 380, 10) for y in range(20, 280, 10)]
    far = [place for place in far if np.hypot(*(sky.place - place).T).min() > 6]
    faint = 1.2 * EFFICIENCY * sky.brightness.min()
    result = compare_stars(truth, 0, table(truth, 0, extra=[(*place, faint) for place in far[:5]]))
    assert (result.true, result.found, result.matched) == (len(sky.star), len(sky.star) + 5, len(sky.star))
    bad = np.flatnonzero(result.purity < 1)
    assert bad.tolist() == [np.searchsorted(result.edges, faint) - 1]
    real = np.histogram(EFFICIENCY * sky.brightness, result.edges)[0][bad[0]]
    assert result.purity[bad[0]] == pytest.approx(real / (real + 5))
    assert np.nanmin(result.completeness) == 1.0


def test_two_detections_of_one_star_are_one_true_and_one_false(truth):
    x, y = known(truth, 0).place[7]
    result = compare_stars(truth, 0, table(truth, 0, extra=[(x + 0.4, y, 50.0)]))
    assert (result.found - result.matched, result.true - result.matched) == (1, 0)
    assert result.distance.max() == 0.0


def test_a_position_off_by_more_than_the_radius_is_false_and_its_star_missing(truth):
    result = compare_stars(truth, 0, table(truth, 0, off=(2.1, 0.0)))
    assert known(truth, 0).radius == 2.0
    assert result.matched == 0
    assert np.isnan(result.over_bound)
    assert np.nanmax(result.completeness) == np.nanmax(result.purity) == 0.0


def test_offsets_are_found_minus_true_and_come_with_their_bounds(truth):
    result = compare_stars(truth, 1, table(truth, 1, off=(0.03, -0.04), error=0.05))
    assert result.off == pytest.approx(np.tile([0.03, -0.04], (result.matched, 1)))
    assert np.array_equal(result.bound, centroid_bounds(truth, 1, result.star))
    assert np.array_equal(result.error, np.full((result.matched, 2), 0.05))


def test_noise_at_the_bound_scores_one(truth):
    stars = table(truth, 0)
    bound = known(truth, 0).bound
    rng = np.random.default_rng(3)
    scores, pulls = [], []
    for _ in range(40):
        x, y = known(truth, 0).place.T + (rng.standard_normal(bound.shape) * bound).T
        moved = {"x_winpos": x, "y_winpos": y, "xcentroid_err": bound[:, 0], "ycentroid_err": bound[:, 1]}
        result = compare_stars(truth, 0, dataclasses.replace(stars, columns={**stars.columns, **moved}))
        scores.append(result.over_bound)
        pulls.append(result.pull)
    assert np.mean(scores) == pytest.approx(1, abs=0.04)
    assert np.mean(pulls) == pytest.approx(1, abs=0.04)


def test_full_stars_do_not_count_against_the_bound(truth):
    stars = table(truth, 0)
    x = stars["x_winpos"].copy()
    x[:3] += 1.0
    full = np.zeros(len(x))
    full[:3] = 1
    stars = dataclasses.replace(stars, columns={**stars.columns, "x_winpos": x, "saturated": full})
    result = compare_stars(truth, 0, stars)
    assert result.saturated.sum() == 3
    assert result.distance.max() == pytest.approx(1.0)
    assert result.over_bound == 0.0


def test_an_empty_table_and_an_empty_sky_are_no_error(truth):
    empty = without(table(truth, 0), slice(None))
    result = compare_stars(truth, 0, empty)
    assert (result.found, result.matched) == (0, 0)
    assert np.isnan(result.purity).all()
    dark = dataclasses.replace(truth, flux=np.zeros_like(truth.flux))
    result = compare_stars(dark, 0, table(truth, 0))
    assert (result.true, result.matched) == (0, 0)
    assert np.nanmax(result.purity) == 0.0


def test_pairs_are_one_to_one_and_the_nearest_first():
    first, second = np.array([[0.0, 0], [1, 0], [9, 9]]), np.array([[0.6, 0], [0.9, 0], [5, 5]])
    assert [rows.tolist() for rows in pairs(first, second, 1.0)] == [[0, 1], [0, 1]]
    assert [rows.tolist() for rows in pairs(first, second[:1], 1.0)] == [[1], [0]]


# The bound


def star_alone(truth, **changes):
    """A sky of one star in the middle of a pixel's quarter, over and over."""
    one = {"x": np.full((1, 1), 40.3), "y": np.full((1, 1), 35.8), "inside": np.ones((1, 1), bool)}
    one |= {"flux": np.full((1, 1), 1e4), "colours": np.ones((1, 3)), "fwhm": np.full(1, 4.0), "shape": (80, 90)}
    return dataclasses.replace(truth, hot=np.empty(0, int), hot_level=np.empty(0), **{**one, **changes})


@pytest.mark.parametrize("pattern", ["none", "RGGB", "GBRG"])
def test_the_bound_is_that_of_the_star_as_the_sample_draws_it(truth, pattern):
    sky = star_alone(
        truth, pattern=pattern, factors=(1.6, 1.3), colours=np.array([[1.4, 1.0, 0.7]]), gradient=(0.2, -0.1)
    )  # fmt: skip
    step = 0.01

    def slope(name):
        up, down = (dataclasses.replace(sky, **{name: getattr(sky, name) + s}) for s in (step, -step))
        return (sample.starlight(up, 0) - sample.starlight(down, 0)).astype(float) / (2 * step)

    drawn = sample.starlight(sky, 0).astype(float)
    planes = {"none": [[1, 1], [1, 1]], "RGGB": [[0, 1], [1, 2]], "GBRG": [[1, 2], [0, 1]]}[pattern]
    colour = np.tile(planes, (40, 45))
    slopes = [slope("x"), slope("y")] + [np.where(colour == c, drawn, 0) for c in np.unique(colour)]
    variance = sample.light(sky, 0) + sky.read_noise**2 + sky.gain**2 / 12
    fisher = [[(a * b / variance).sum() for a in slopes] for b in slopes]
    expected = np.sqrt(np.diag(np.linalg.inv(fisher))[:2])
    assert centroid_bounds(sky, 0, np.array([0]))[0] == pytest.approx(expected, rel=1e-3)


def test_faint_stars_are_bound_by_the_sky_and_bright_ones_by_their_own_photons(truth):
    sigma = 6.0 / SIGMA_TO_FWHM
    faint = star_alone(truth, flux=np.full((1, 1), 20.0), fwhm=np.full(1, 6.0), gradient=(0.0, 0.0))
    bright = star_alone(truth, flux=np.full((1, 1), 1e9), fwhm=np.full(1, 6.0))
    # A pixel's own width widens the star by 1 / 12 square pixel.
    wide = np.hypot(sigma, np.sqrt(1 / 12))
    bounds = [centroid_bounds(sky, 0, np.array([0]))[0] for sky in (faint, bright)]
    assert bounds[0] == pytest.approx(np.sqrt(2) * wide / brightness(faint, 0)[0], rel=0.02)
    assert bounds[1] == pytest.approx(wide / np.sqrt(1e9), rel=0.02)


def test_there_is_no_bound_without_light_or_outside(truth):
    dark = star_alone(truth, flux=np.zeros((1, 1)))
    gone = star_alone(truth, inside=np.zeros((1, 1), bool), x=np.full((1, 1), -30.0))
    assert np.isnan(centroid_bounds(dark, 0, np.array([0]))).all()
    assert np.isnan(centroid_bounds(gone, 0, np.array([0]))).all()


def test_brightness_is_the_signal_over_noise_of_a_perfect_filter(truth):
    sky = star_alone(truth, gradient=(0.0, 0.0))
    shape = sample.starlight(sky, 0).astype(float)
    variance = truth.sky[1] + truth.read_noise**2 + truth.gain**2 / 12
    assert brightness(sky, 0)[0] == pytest.approx(np.sqrt((shape**2).sum() / variance), rel=2e-3)


# Maps and tracks


def maps_of(truth, index, reference, add=(0.0, 0.0), error=0.01):
    y, x = np.mgrid[: truth.shape[0], : truth.shape[1]]
    off = truth.offset_field(index, x, y, reference)
    claimed = np.full(truth.shape, error, np.float32)
    none = np.empty(0, np.int64)
    return OffsetMap(off[0] + add[0], off[1] + add[1], claimed, claimed, none, none, none, none, "polynomial")


def test_a_true_map_has_no_error_against_any_reference(truth):
    for reference in (0, 2):
        result = compare_map(truth, 3, maps_of(truth, 3, reference), reference)
        assert np.abs(result.x).max() == np.abs(result.y).max() == 0.0
    assert compare_map(truth, 3, maps_of(truth, 3, 0), 2).x_rms > 1


def test_a_map_off_by_two_claimed_errors_has_pulls_of_two(truth):
    result = compare_map(truth, 1, maps_of(truth, 1, 0, add=(0.02, -0.03)))
    assert (result.x_rms, result.y_rms) == pytest.approx((0.02, 0.03))
    assert (result.x_pull, result.y_pull) == pytest.approx((2, 3), rel=1e-4)
    assert result.y.mean() == pytest.approx(-0.03)


def test_a_map_without_claimed_errors_has_no_pull(truth):
    assert np.isnan(compare_map(truth, 0, maps_of(truth, 0, 0, error=0.0)).x_pull)


def test_values_of_the_grid_belong_to_their_pixels(truth):
    # What is wrong in one corner alone shows in that corner of the grid alone.
    maps = maps_of(truth, 1, 0)
    wrong = maps.x.copy()
    wrong[:100, 300:] += 1.0
    result = compare_map(truth, 1, dataclasses.replace(maps, x=wrong))
    rows, columns = result.x.shape
    assert result.x[: rows // 3 - 1, 3 * columns // 4 + 1 :].min() == pytest.approx(1, abs=1e-6)
    assert result.x[rows // 3 + 1 :].max() == pytest.approx(0, abs=1e-6)


def tracks_of(truth, stars):
    """Tracks that are the truth for some columns of it."""
    frames, n = len(truth.x), len(stars)
    x = np.where(truth.inside[:, stars], truth.x[:, stars], np.nan)
    y = np.where(truth.inside[:, stars], truth.y[:, stars], np.nan)
    zeros, flags = np.zeros((frames, n)), np.zeros((frames, n), bool)
    return Tracks(
        x, y, zeros, zeros, zeros.astype(np.int8), zeros.astype(int), np.zeros(frames, int),
        used=np.ones(frames, bool), reason=("",) * frames, transform=np.zeros((frames, 2, 3)),
        residual=np.zeros(frames), reference=0, shape=truth.shape, saturated=flags, blended=flags,
        stuck=np.zeros(frames, bool),
    )  # fmt: skip


def test_true_tracks_survive_whole(truth):
    result = compare_tracks(truth, tracks_of(truth, known(truth, 0).star), range(4))
    assert result.survival == 1.0
    assert result.false_share == 0.0
    assert result.followed.tolist() == [1.0] * 4
    ny, nx = truth.shape
    margin = 4.0
    x, y = truth.x[:, known(truth, 0).star], truth.y[:, known(truth, 0).star]
    stay = (x > margin) & (x < nx - 1 - margin) & (y > margin) & (y < ny - 1 - margin)
    assert result.stars == stay.all(axis=0).sum() < len(known(truth, 0).star)


def test_a_lost_star_is_not_followed_and_a_strayed_one_is_false_too(truth):
    whole = tracks_of(truth, known(truth, 0).star)
    middle = np.argsort(np.hypot(whole.x[0] - 200, whole.y[0] - 150))
    x = whole.x.copy()
    x[3, middle[0]] = np.nan
    x[3, middle[1]] += 5.0
    x[1, middle[2]] += 1.9
    result = compare_tracks(truth, dataclasses.replace(whole, x=x), range(4))
    assert result.followed.tolist() == pytest.approx([1, 1, 1, 1 - 2 / result.stars])
    assert result.survival == result.followed[3]
    assert result.false[3] == pytest.approx(1 / np.isfinite(x[3]).sum())
    assert result.false_share == pytest.approx(1 / np.isfinite(x).sum())


def test_an_object_that_moves_by_itself_need_not_be_followed(truth):
    whole = tracks_of(truth, known(truth, 0).star)
    moving = np.zeros(truth.x.shape[1], bool)
    moving[known(truth, 0).star[:9]] = True
    here = dataclasses.replace(truth, moving=moving)
    assert 0 < compare_tracks(truth, whole, range(4)).stars - compare_tracks(here, whole, range(4)).stars <= 9


def test_frames_in_another_order_keep_their_truth(truth):
    whole = tracks_of(truth, known(truth, 0).star)
    order = [2, 0, 3, 1]
    turned = dataclasses.replace(whole, x=whole.x[order], y=whole.y[order], reference=1)
    assert compare_tracks(truth, turned, order).followed.tolist() == [1.0] * 4
    assert compare_tracks(truth, whole, [0, 2, 1, 3]).followed[1] < 0.1


def test_a_hot_pixel_among_the_stars_is_false_in_every_frame(truth):
    whole = tracks_of(truth, known(truth, 0).star)
    far = next(
        (x, y) for x in range(20, 380, 7) for y in range(20, 280, 7)
        if np.hypot(truth.x - x, truth.y - y).min() > 8
    )  # fmt: skip
    x, y = (np.column_stack([old, np.full(4, new)]) for old, new in zip((whole.x, whole.y), far, strict=True))
    result = compare_tracks(truth, dataclasses.replace(whole, x=x, y=y), range(4))
    assert result.false_stars == 1
    assert result.survival == 1.0
    assert result.false == pytest.approx(1 / np.isfinite(x).sum(axis=1))


def test_frames_not_used_do_not_count(truth):
    whole = tracks_of(truth, known(truth, 0).star)
    x = whole.x.copy()
    x[3] = np.nan
    used = np.array([True, True, True, False])
    result = compare_tracks(truth, dataclasses.replace(whole, x=x, used=used), range(4))
    assert result.survival == 1.0
    assert result.followed[3] == 0.0


# Files


def test_the_truth_lies_beside_the_lights_and_the_names_tell_the_frames(tmp_path, truth):
    paths = sample.write(dataclasses.replace(SPEC, shape=(60, 80), stars=5), tmp_path)
    beside = truth_beside(tmp_path)
    assert [frame_number(path.name, beside) for path in paths] == [0, 1, 2, 3]
    assert frame_number("light_005.fits", beside) is None
    assert frame_number("flat.fits", beside) is None
    assert truth_beside(tmp_path.parent / "nothing") is None


@pytest.mark.parametrize("content", [b"", b"not an archive at all", b"PK\x03\x04"])
def test_a_file_of_that_name_that_is_no_truth_says_so(tmp_path, content):
    (tmp_path / "truth.npz").write_bytes(content)
    with pytest.raises(FrameError, match=r"truth\.npz: is no sample's truth"):
        truth_beside(tmp_path)


def test_an_archive_of_other_arrays_is_no_truth(tmp_path):
    np.savez(tmp_path / "truth.npz", x=np.zeros(3))
    with pytest.raises(FrameError, match=r"truth\.npz: is no sample's truth"):
        truth_beside(tmp_path)
