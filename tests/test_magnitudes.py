"""The zero point from stars of known magnitude: what it makes of them and of the others, and how sure that is."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from pipeline.knob import KnobError
from pipeline.magnitudes import (
    NAMES,
    calibrated_magnitudes,
    instrumental,
    known_stars,
    place_and_filter,
    zero_point_of,
    zero_points,
)
from pipeline.recipe import Recipe, with_option

X, Y = np.array([10.0, 50.0, np.nan, 90.0]), np.array([10.0, 20.0, np.nan, 80.0])


@given(some.floats(1, 1e7), some.floats(1, 1e7), some.floats(-5, 25))
def test_a_known_star_has_its_magnitude_and_another_differs_by_the_ratio_of_their_light(one, other, known):
    mag, error = instrumental(np.array([one, other]), np.array([0.01 * one, 0.02 * other]))
    zero = zero_point_of(mag, error, {0: known}, 0.0)
    found, sure = calibrated_magnitudes(mag, error, zero)
    assert found[0] == pytest.approx(known)
    assert found[1] - found[0] == pytest.approx(-2.5 * np.log10(other / one), abs=1e-9)
    # What is known has no error; that of the other holds the known star's own.
    assert sure[0] == pytest.approx(0, abs=1e-7)
    assert sure[1] == pytest.approx(np.hypot(error[0], error[1]))


def test_errors_of_magnitudes_on_a_zero_point_of_several_stars_are_their_scatter():
    rng = np.random.default_rng(0)
    truth, error = np.array([10.0, 11.0, 12.0, 12.5]), np.array([0.01, 0.02, 0.02, 0.05])
    known = {0: 10.0, 1: 11.0}
    found, sure = [], []
    for _ in range(4000):
        mag = truth - 20 + rng.normal(0, error)
        one = calibrated_magnitudes(mag, error, zero_point_of(mag, error, known, 0.0))
        found.append(one[0])
        sure.append(one[1])
    assert np.mean(found, axis=0) == pytest.approx(truth, abs=2e-3)
    scatter, said = np.std(found, axis=0), np.sqrt(np.mean(np.square(sure), axis=0))
    np.testing.assert_allclose(scatter[2:], said[2:], rtol=0.06)
    # Where the two disagree by chance their error grows, so on average it is too large.
    assert (scatter[:2] < said[:2]).all()
    assert (said[:2] < 2 * scatter[:2]).all()


def test_stars_that_disagree_make_an_unsure_zero_point():
    mag, error = np.array([-10.0, -9.0, -8.0]), np.full(3, 0.001)
    assert zero_point_of(mag, error, {0: 10.0, 1: 11.0}, 0.0).error == pytest.approx(0.001 / np.sqrt(2))
    assert zero_point_of(mag, error, {0: 10.0, 1: 11.2}, 0.0).error == pytest.approx(0.1, rel=0.01)


def test_without_a_measured_known_star_the_given_zero_point_stands():
    mag, error = np.array([-10.0, np.nan]), np.array([0.01, np.nan])
    for known in ({}, {1: 9.0}):
        zero = zero_point_of(mag, error, known, 21.5)
        assert (zero.value, zero.error, zero.source, zero.share) == (21.5, 0.0, "given", None)
    assert zero_point_of(mag, error, {}, 0.0).source == ""


def test_stars_are_named_by_id_or_place_and_by_the_filter_in_which_they_are_so_bright():
    known = {"0": 9.0, "0 V": 9.5, "51,21.5": 12.0, "90, 80 B": 13.0, "3 V": 11.0}
    assert known_stars(known, "V", X, Y, 3.0) == ({0: 9.5, 1: 12.0, 3: 11.0}, ())
    assert known_stars(known, "B", X, Y, 3.0) == ({0: 9.0, 1: 12.0, 3: 13.0}, ())
    assert place_and_filter(" 90 , 80  Sloan g") == ("90,80", "Sloan g")


def test_a_name_that_is_no_star_is_told_and_the_others_count():
    known, warnings = known_stars({"1": 9.0, "77": 8.0, "30,60": 7.0}, "", X, Y, 3.0)
    assert known == {1: 9.0}
    assert any("77 is no star here (ids go from 0 to 3)" in text for text in warnings)
    assert any("30,60 is no star here (none lies within 3.0 px)" in text for text in warnings)
    assert known_stars({"5,5": 9.0}, "", np.empty(0), np.empty(0), 3.0)[0] == {}


@pytest.mark.parametrize("name", ["", "V", "1.5", "-1", "12V", "1,2,3", "a,b"])
def test_a_name_of_no_known_form_is_refused_where_the_recipe_is_read(name):
    with pytest.raises(KnobError, match=r"psf_photometry.known = "):
        Recipe({"psf_photometry": {"known": {name: 9.0}}})


def test_a_known_star_can_be_given_on_the_command_line():
    recipe = with_option(Recipe(), "psf_photometry.known={12 = 11.35, '103.5,88 V' = 12}")
    assert recipe["psf_photometry"]["known"] == {"12": 11.35, "103.5,88 V": 12.0}


@given(some.from_regex(NAMES, fullmatch=True))
def test_every_name_that_is_taken_can_be_read(name):
    place, _ = place_and_filter(name)
    assert re.fullmatch(r"\d+|[-+\d.]+,[-+\d.]+", place)
    known_stars({name: 9.0}, "", X, Y, 3.0)


def test_in_a_sequence_the_median_of_each_filter_has_the_known_magnitude():
    rng = np.random.default_rng(1)
    mag = np.array([-10.0, -8.0]) + rng.normal(0, 0.01, (9, 2))
    mag[1::2] += 1.5
    mag[4, 0] = np.nan
    parts = [np.arange(0, 9, 2), np.arange(1, 9, 2)]
    known = [{0: 12.0} if row % 2 == 0 else {0: 11.0} for row in range(9)]
    value, _ = zero_points(mag, np.full(mag.shape, 0.01), known, np.zeros(9), parts)
    for rows, magnitude in zip(parts, (12.0, 11.0), strict=True):
        assert np.nanmedian(mag[rows, 0] + value[rows]) == pytest.approx(magnitude)
        assert np.ptp(value[rows]) == 0
    none = zero_points(mag, np.full(mag.shape, 0.01), [{}] * 9, np.full(9, 20.0), parts)
    np.testing.assert_array_equal(none[0], 20.0)
    np.testing.assert_array_equal(none[1], 0.0)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 9, 30])
def test_the_zero_point_of_a_sequence_errs_as_much_as_it_says(frames):
    rng = np.random.default_rng(frames)
    error, given, parts = np.full((frames, 1), 0.01), np.zeros(frames), [np.arange(frames)]
    found = [
        zero_points(mag, error, [{0: 12.0}] * frames, given, parts) for mag in rng.normal(-10, 0.01, (3000, frames, 1))
    ]
    off, said = np.array([(value[0] - 22.0, sure[0]) for value, sure in found]).T
    assert np.std(off) == pytest.approx(said[0], rel=0.04)
