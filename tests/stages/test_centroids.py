"""Centres and widths of stars, and which of them must go."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.photometry import Flag, Left
from pipeline.stages.candidates import candidates
from pipeline.stages.centroids import centroids, crowds
from pipeline.stages.stars import stars
from tests.star_fields import grid, star_field


def found_in(field, fwhm=5.0, **knobs):
    table = stars(candidates(field.normalized, fwhm=fwhm), threshold=8.0)
    return table, centroids(field.normalized, table, **knobs)


@pytest.mark.parametrize("method", ["com", "winpos", "gauss"])
def test_centres_of_bright_stars_are_where_the_light_is(method):
    x, y = grid(8, 40, np.random.default_rng(0))
    field = star_field(1, (320, 320), x, y, 20_000, 5.0)
    _, found = found_in(field, method=method)
    assert len(found.kept) == 64
    off = np.hypot(found["centroid_x"][:, None] - x, found["centroid_y"][:, None] - y).min(axis=1)
    assert off.max() < 0.05


def test_a_light_weighted_mean_that_noise_moves_is_not_taken_and_its_star_is_flagged():
    x, y = grid(8, 40, np.random.default_rng(0))
    field = star_field(1, (320, 320), x, y, 200, 5.0)
    table, found = found_in(field)
    flagged = found.flag & int(Flag.WINDOWED) != 0
    assert flagged.mean() > 0.9
    np.testing.assert_array_equal(found["centroid_x"][flagged], table["x_winpos"][found["row"][flagged]])


def test_the_mean_of_a_narrow_star_is_its_own_wherever_it_falls_on_its_pixel():
    x, y = grid(8, 40, np.random.default_rng(0))
    field = star_field(1, (320, 320), x, y, 200_000, 1.6)
    _, found = found_in(field, 1.6)
    assert (found.flag & int(Flag.WINDOWED) == 0).all()


def test_a_mean_that_lies_at_a_neighbour_is_not_the_stars_though_its_window_walked_there_too():
    x, y = grid(6, 60, np.random.default_rng(0))
    heights = np.repeat([600.0, 60_000.0], x.size)
    field = star_field(4, (360, 360), np.r_[x, x + 9], np.r_[y, y], heights, 3.0)
    table, found = found_in(field, 3.0)
    faint = found["row"][np.abs(found["com_x"] - found["peak_x"]) > 6]
    assert faint.size > 30
    walked = {name: np.array(table[name]) for name in ("x_winpos", "y_winpos")}
    for axis in "xy":
        walked[f"{axis}_winpos"][found["row"]] = found[f"com_{axis}"]
    again = centroids(field.normalized, replace(table, columns={**table.columns, **walked}))
    told = again.flag[np.isin(again["row"], faint)]
    assert (told & int(Flag.WINDOWED) != 0).all()
    assert (told & int(Flag.NEIGHBOUR) != 0).all()


@pytest.mark.parametrize(("method", "flux"), [("com", 200), ("com", 20_000), ("winpos", 200), ("gauss", 20_000)])
def test_all_three_centres_stand_beside_each_other_whichever_is_used(method, flux):
    x, y = grid(8, 40, np.random.default_rng(0))
    field = star_field(1, (320, 320), x, y, flux, 5.0)
    table, found = found_in(field, method=method)
    for star in range(0, len(found), 5):
        column, row = (int(found[f"peak_{axis}"][star]) for axis in "xy")
        light = field.normalized.image[row - 10 : row + 10, column - 10 : column + 10].astype(float)
        away = np.arange(-10, 10)
        assert found["com_x"][star] == pytest.approx(column + (light * away).sum() / light.sum(), abs=1e-6)
        assert found["com_y"][star] == pytest.approx(row + (light * away[:, None]).sum() / light.sum(), abs=1e-6)
    for way in ("winpos", "gauss"):
        np.testing.assert_array_equal(found[f"{way}_x"], table[f"x_{way}"][found["row"]])
    used = found.flag & int(Flag.WINDOWED) == 0
    np.testing.assert_array_equal(found["centroid_x"][used], found[f"{method}_x"][used])
    np.testing.assert_array_equal(found["centroid_x"][~used], found["winpos_x"][~used])


def test_a_star_too_near_the_edge_is_left_out_with_its_reason():
    field = star_field(2, (200, 200), [9.0, 10.0, 100.0, 190.0, 191.0], [100.0, 50.0, 100.0, 100.0, 150.0], 9000, 5.0)
    table, found = found_in(field)
    order = np.argsort(table["x_peak"][found["row"]])
    assert found.reason[order].tolist() == [Left.EDGE, Left.KEPT, Left.KEPT, Left.KEPT, Left.EDGE]
    assert Left.EDGE.word == "edge"


def pair(distance, crowded, separation):
    field = star_field(3, (200, 200), [60.0, 60.0 + distance, 140.0], [100.0, 100.0, 100.0], [9000, 4000, 9000], 3.0)
    return found_in(field, 3.0, crowded=crowded, separation=separation, window=21)[1]


def test_stars_nearer_than_separation_leave_the_list_or_become_one():
    apart = pair(7, "drop", 5.0)
    assert len(apart.kept) == 3
    dropped = pair(7, "drop", 8.0)
    assert len(dropped.kept) == 1
    assert (dropped.reason == Left.CROWDED).sum() == 2
    merged = pair(7, "merge", 8.0)
    assert len(merged.kept) == 2
    assert (merged.reason == Left.MERGED).sum() == 1
    one = merged.kept[np.argmin(merged["centroid_x"][merged.kept])]
    assert merged["centroid_x"][one] == pytest.approx(60 + 7 * 4 / 13, abs=0.1)


def test_crowds_are_chains_of_stars_nearer_than_a_separation_and_know_no_star_without_a_place():
    x = np.array([0.0, 4.0, np.nan, 8.0, 13.0, 50.0])
    assert [group.tolist() for group in crowds(x, np.zeros(6), 5.0)] == [[0, 1, 3]]
    assert crowds(x, np.zeros(6), 0.0) == []
    assert crowds(x[2:3], np.zeros(1), 5.0) == []


def test_widths_have_errors_and_those_the_sky_limits_are_flagged():
    x, y = grid(8, 40, np.random.default_rng(0))
    for amplitude, share in ((300, 1.0), (100_000, 0.0)):
        field = star_field(5, (320, 320), x, y, amplitude, 5.0)
        _, found = found_in(field)
        flagged = found.flag & int(Flag.BACKGROUND) != 0
        assert abs(flagged.mean() - share) < 0.15
    off = found["width_x"] - 5 / 2.3548
    assert np.median(np.abs(off)) < 0.02
    assert np.std(off) < 2 * np.median(found["width_x_err"])
