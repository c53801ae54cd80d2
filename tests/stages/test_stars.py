"""stars: a pure filter of the candidates' table."""

import dataclasses
import itertools

import numpy as np
import pytest

from pipeline.stage import Rerun
from pipeline.stages.candidates import candidates
from pipeline.stages.stars import stars
from pipeline.tables import Reason
from tests.star_fields import grid, normalized, random_field, star_field


@pytest.fixture(scope="module")
def table():
    return candidates(random_field(21, stars=60).normalized, fwhm=4.0, floor=3.0)


def with_columns(table, **columns):
    """The table with some columns set, everything else harmless."""
    calm = {"sharpness": 0.5, "roundness1": 0.0, "roundness2": 0.0, "flux": 1.0, "convolved": 1e6, "clear": 99.0}
    new = {name: np.full(len(table), value) for name, value in calm.items()} | columns
    return dataclasses.replace(table, columns={**table.columns, **new})


def test_each_candidate_carries_the_first_rule_it_breaks(table):
    n = len(table)
    assert n > 20
    sharpness, roundness1, roundness2, convolved, flux = np.full(n, 0.5), *np.zeros((2, n)), np.full(n, 1e6), np.ones(n)
    convolved[0] = 0.0
    sharpness[[0, 1]] = 5.0
    roundness1[2], roundness2[3] = 0.95, -0.95
    flux[4] = np.nan
    saturated, clear = np.zeros(n, np.int64), np.full(n, 99.0)
    saturated[5], clear[6] = 1, 3.0
    made = with_columns(
        table,
        sharpness=sharpness,
        roundness1=roundness1,
        roundness2=roundness2,
        convolved=convolved,
        flux=flux,
        saturated=saturated,
        clear=clear,
    )
    result = stars(made, threshold=5.0, saturated="drop", separation=3)
    words = [Reason(code).word for code in result.reason[:8]]
    assert words[:7] == ["threshold", "sharpness", "roundness", "roundness", "measure", "saturated", "separation"]
    assert words[7] == "star"
    assert stars(made, threshold=5.0).reason[[5, 6]].tolist() == [Reason.STAR, Reason.STAR]


def test_bounds_include_their_ends_and_the_threshold_does_not(table):
    made = with_columns(table, convolved=np.full(len(table), 10.0 * table.noise), sharpness=np.ones(len(table)))
    assert len(stars(made, threshold=9.999, sharpness=(0.1, 1.0)).kept) == len(table)
    assert len(stars(made, threshold=9.999, sharpness=(0.1, 0.999)).kept) == 0
    assert len(stars(made, threshold=9.999, sharpness=(1.0, 2.0)).kept) == len(table)
    assert len(stars(made, threshold=9.999, sharpness=(1.001, 2.0)).kept) == 0
    assert len(stars(made, threshold=9.999, roundness=(0.0, 1.0)).kept) == len(table)
    assert len(stars(made, threshold=10.0).kept) == 0


def test_brightest_keeps_those_of_most_flux(table):
    everything = stars(table, threshold=6.0)
    few = stars(table, threshold=6.0, brightest=7)
    kept = everything.kept
    assert set(few.kept) == set(kept[np.argsort(table["flux"][kept])[-7:]])
    assert (few.reason[np.setdiff1d(kept, few.kept)] == Reason.BRIGHTEST).all()


def test_border_is_a_distance_from_the_edge(table):
    ny, nx = table.shape
    kept = stars(table, threshold=6.0, border=20).kept
    assert 0 < len(kept) < len(stars(table, threshold=6.0).kept)
    x, y = table["x_peak"][kept], table["y_peak"][kept]
    assert x.min() >= 20
    assert y.min() >= 20
    assert x.max() < nx - 20
    assert y.max() < ny - 20


def test_a_threshold_in_adu_is_daofinds_own_and_wins(table):
    by_adu = stars(table, threshold=50.0, threshold_adu=100.0)
    assert by_adu.threshold == pytest.approx(100.0 * table.relative_error / table.noise)
    np.testing.assert_array_equal(by_adu.reason, stars(table, threshold=by_adu.threshold).reason)


def test_a_higher_threshold_keeps_a_part_of_the_stars(table):
    kept = [set(stars(table, threshold=t).kept) for t in (4.0, 6.0, 10.0, 40.0)]
    assert all(a > b for a, b in itertools.pairwise(kept))


@pytest.mark.parametrize(("threshold", "floor"), [(2.9, 2.5), (2.5, 2.5), (1.2, 1.0), (0.5, 0.5)])
def test_a_threshold_below_the_floor_asks_for_candidates_with_a_lower_one(table, threshold, floor):
    with pytest.raises(Rerun) as asked:
        stars(table, threshold=threshold)
    assert asked.value.stage == "candidates"
    assert asked.value.knobs == {"floor": floor}


@pytest.mark.parametrize("threshold_adu", [0.0, 1.0, 30.0])
def test_asking_once_is_enough(threshold_adu):
    field = random_field(21).normalized
    with pytest.raises(Rerun) as asked:
        stars(candidates(field, fwhm=4.0, floor=9.0), threshold_adu=threshold_adu)
    result = stars(candidates(field, fwhm=4.0, **asked.value.knobs), threshold_adu=threshold_adu)
    assert len(result.kept) > 0


def drawn(places, shape, ratio=1.0, degrees=0.0, seed=3):
    """Stars of one elliptical Gaussian shape, and their noise of 5."""
    rows, columns = np.indices(shape)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    image = np.random.default_rng(seed).normal(0, 5, shape)
    for x, y in places:
        along, across = (columns - x) * cosine + (rows - y) * sine, (rows - y) * cosine - (columns - x) * sine
        image += 900 * np.exp(-0.5 * (along**2 * ratio + across**2 / ratio) / 1.7**2)
    return image


@pytest.mark.parametrize("degrees", [0, 45, 90, 135])
def test_stars_of_one_elongated_shape_are_stars(degrees):
    x, y = grid(5, 40, np.random.default_rng(1))
    table = candidates(normalized(drawn(zip(x, y, strict=True), (200, 200), 0.4, degrees), noise=5.0), fwhm=4.0)
    kept, dropped = stars(table), stars(table, elongated="drop")
    assert len(kept.kept) == 25
    assert len(dropped.kept) < 13
    assert kept.metrics["elongated"] > 0.9
    np.testing.assert_allclose(np.sort(table["x_winpos"][kept.kept]), np.sort(x), atol=0.2)


def test_round_stars_share_no_elongated_shape():
    x, y = grid(5, 40, np.random.default_rng(1))
    table = candidates(normalized(drawn(zip(x, y, strict=True), (200, 200)), noise=5.0), fwhm=4.0)
    kept = stars(table)
    assert kept.metrics["elongated"] == 0
    np.testing.assert_array_equal(kept.reason, stars(table, elongated="drop").reason)


def test_pieces_of_a_trail_do_not_make_the_shape_of_the_stars():
    rows, columns = np.indices((600, 600))
    x, y = np.random.default_rng(5).uniform(30, 570, (2, 6))
    image = drawn(zip(x, y, strict=True), (600, 600))
    brightness = 200 * (1 + 0.5 * np.sin((rows + columns) / 13.0))
    image += brightness * np.exp(-((rows - columns) ** 2) / (4 * 1.7**2))
    table = candidates(normalized(image, noise=5.0), fwhm=4.0)
    result = stars(table)
    assert (result.reason == Reason.ROUNDNESS).sum() > 10
    assert result.metrics["elongated"] == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pieces_of_two_trails_alike_are_too_near_each_other_to_outvote_the_stars(seed):
    rows, columns = np.indices((500, 500))
    image = drawn(np.random.default_rng(seed).uniform(30, 470, (18, 2)), (500, 500))
    for x, y in ((150, 100), (350, 400)):
        along, away = (columns - x + rows - y) / np.sqrt(2), (columns - x - rows + y) / np.sqrt(2)
        image += 300 * (1 + 0.35 * np.sin(2 * np.pi * along / 6)) * np.exp(-(away**2) / (4 * 1.7**2))
    assert stars(candidates(normalized(image, noise=5.0), fwhm=4.0)).metrics["elongated"] == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_cluster_of_stars_six_widths_apart_still_tells_its_elongated_shape(seed):
    x, y = grid(5, 22, np.random.default_rng(seed))
    table = candidates(normalized(drawn(zip(x, y, strict=True), (140, 140), 0.4, 30), noise=5.0), fwhm=4.0)
    found = stars(table)
    assert found.metrics["elongated"] == pytest.approx(0.8, abs=0.05)
    assert len(found.kept) == 25


@pytest.mark.parametrize("fwhm", [2.0, 5.0])
def test_noise_alone_has_no_stars_at_the_automatic_threshold(fwhm):
    image = np.random.default_rng(22).normal(0, 5, (1000, 1000))
    result = stars(candidates(normalized(image, noise=5.0), fwhm=fwhm))
    assert len(result) > 10
    assert len(result.kept) <= 1
    assert np.isnan(result.metrics["fwhm"])


def test_blobs_as_often_dark_as_bright_raise_the_automatic_threshold_above_them():
    rng = np.random.default_rng(23)
    x, y = grid(20, 30, rng)
    heights = rng.choice([90.0, -90.0], x.size)
    heights[::10] = 3000.0
    places = np.arange(x.size) % 10 == 0
    light = star_field(1, (600, 600), x[~places], y[~places], heights[~places], 4.0, quiet=True).normalized.image
    field = star_field(23, (600, 600), x[places], y[places], 3000.0, 4.0).normalized
    calm = candidates(field, fwhm=4.0)
    rough = candidates(dataclasses.replace(field, image=field.image + light), fwhm=4.0)
    assert calm.metrics["auto_threshold"] == 6.0
    assert 8.0 < rough.metrics["auto_threshold"] <= 12.0
    # A star's ring is no dark blob.
    assert len(stars(calm).kept) == places.sum()


def test_dead_pixels_do_not_hide_the_stars():
    rng = np.random.default_rng(24)
    field = random_field(24, shape=(300, 300), stars=60).normalized
    image = np.array(field.image)
    image[rng.integers(0, 300, 40), rng.integers(0, 300, 40)] = -3000.0
    plain, pitted = (stars(candidates(dataclasses.replace(field, image=i), fwhm=4.0)) for i in (field.image, image))
    assert len(pitted.kept) > 0.6 * len(plain.kept)


def test_metrics_are_the_medians_of_the_stars(table):
    result = stars(table, threshold=8.0)
    assert result.metrics["fwhm"] == np.median(table["fwhm"][result.kept]) == pytest.approx(4.0, abs=0.3)
    assert abs(result.metrics["roundness"]) < 0.15
    assert result.metrics["noise"] == table.metrics["noise"]


def test_the_candidates_stay_as_they_are(table):
    before = table.reason.copy()
    result = stars(table, threshold=6.0)
    np.testing.assert_array_equal(table.reason, before)
    assert result.columns is table.columns
    assert not result.reason.flags.writeable


def with_trails(lanes, height, seed=31, shape=(500, 700)):
    """Stars of a frame, and the light of satellites along lines (a point, degrees)."""
    x, y = np.random.default_rng(seed).uniform(20, np.array(shape[::-1]) - 20, (60, 2)).T
    field = star_field(seed, shape, x, y, 400.0, 4.0)
    image, (rows, columns) = np.array(field.normalized.image), np.indices(shape)
    for at, angle in lanes:
        along = np.deg2rad(angle)
        away = (columns - at[0]) * np.sin(along) - (rows - at[1]) * np.cos(along)
        image += np.float32(height * np.exp(-(away**2) / (2 * 1.7**2)))
    return candidates(normalized(image, noise=field.normalized.noise), fwhm=4.0), np.stack([x, y], axis=1)


@pytest.mark.parametrize("height", [30.0, 80.0, 150.0])
@pytest.mark.parametrize("angle", [0.0, 17.0, 41.0, 90.0, 128.0])
def test_pieces_of_a_satellites_trail_are_no_stars(angle, height):
    table, real = with_trails([((300, 200), angle), ((420, 330), angle + 25)], height)
    found = stars(table, threshold=6.0)
    places = np.stack([found["x_peak"], found["y_peak"]], axis=1)[found.kept]
    near = np.hypot(*(places[:, None] - real[None]).transpose(2, 0, 1)) < 2.5
    assert (~near.any(axis=1)).sum() <= 1
    assert near.any(axis=0).sum() >= 56
    kept = stars(table, threshold=6.0, trails="keep")
    assert np.isin(found.kept, kept.kept).all()
    assert set(np.unique(found.reason[np.setdiff1d(kept.kept, found.kept)])) <= {Reason.ROUNDNESS}


def test_a_crowd_of_stars_and_peaks_that_are_not_round_loses_none_to_lines():
    table = candidates(random_field(5, shape=(400, 500), stars=2500, fwhm=4.0).normalized, fwhm=4.0)
    every, none = (stars(table, threshold=5.0, roundness=(-0.3, 0.3), trails=trails) for trails in ("keep", "drop"))
    assert (every.reason == Reason.ROUNDNESS).sum() > 200
    assert np.array_equal(every.reason, none.reason)


def drawn_out(length, degrees, seed=3, fwhm=3.0):
    """Stars on a grid, each drawn out by so many pixels, as where guiding failed; their places."""
    rng = np.random.default_rng(seed)
    x, y = grid(7, 50, rng)
    along = np.linspace(-0.5, 0.5, 41) * length
    across, down = (along * np.cos(np.radians(degrees)), along * np.sin(np.radians(degrees)))
    places = np.add.outer(x, across).ravel(), np.add.outer(y, down).ravel()
    height = np.repeat(10 ** rng.uniform(2.3, 3.6, x.size), along.size) * 3.0 / along.size
    return star_field(seed, (350, 350), *places, height, fwhm), np.stack([x, y], axis=1)


@pytest.mark.parametrize("degrees", [0, 30, 45])
def test_a_star_drawn_out_over_several_peaks_is_one_star(degrees):
    field, places = drawn_out(10.0, degrees)
    table = candidates(field.normalized, fwhm=5.6)
    found = stars(table)
    peaks = np.stack([found["x_peak"], found["y_peak"]], axis=1)[found.kept]
    owner = np.hypot(*np.moveaxis(peaks[:, None] - places, -1, 0)).argmin(axis=1)
    assert len(np.unique(owner)) == len(owner) == len(places)
    adu = stars(table, threshold_adu=found.threshold * table.noise / table.relative_error)
    assert len(adu.kept) > len(places)


def test_two_stars_that_can_be_told_apart_are_two():
    x, y = grid(6, 60, np.random.default_rng(5))
    field = star_field(5, (360, 360), np.append(x, x[:8] + 4.4), np.append(y, y[:8]), 3000.0, 4.0)
    assert len(stars(candidates(field.normalized, fwhm=4.0)).kept) == 44
