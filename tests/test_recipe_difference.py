"""Two recipes compared: the stars that one finds and the other does not, and maps that are apart by a known field."""

import dataclasses
from math import inf

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline import sample
from pipeline.frame import FrameError
from pipeline.graph.request import Ticket
from pipeline.graph.run import Graph
from pipeline.recipe import Recipe, preset
from ui.recipe_difference import Rival, knobs_apart, map_apart, stars_apart


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sky")
    spec = dataclasses.replace(sample.named("rotation"), frames=3, shape=(300, 400), stars=80, hot=20)
    sample.write(spec, folder)
    return Graph(), Graph.open([folder], folder)


def rival(opened, recipe):
    return Rival(*opened, recipe, Ticket())


def test_a_higher_threshold_loses_the_faint_stars_and_gains_none(opened):
    low, high = (rival(opened, Recipe({"stars": {"threshold": at}})) for at in (6.0, 40.0))
    file = low.file(1)
    faint, bright = low.stars(file), high.stars(file)
    apart = stars_apart(bright, faint)
    assert apart.gained.shape == (2, 0)
    assert apart.counts == (len(bright.kept), len(faint.kept))
    lost = faint.kept[faint["convolved"][faint.kept] / faint.noise < 40.0]
    assert 0 < len(lost) == apart.lost.shape[1]
    assert np.allclose(np.sort(apart.lost[0]), np.sort(faint["xcentroid"][lost]))


def test_gained_and_lost_change_places_with_the_recipes(opened):
    one, other = (
        rival(opened, r) for r in (Recipe({"stars": {"sharpness": (0.5, 1.0)}}), Recipe({"stars": {"brightest": 9}}))
    )
    file = one.file(0)
    there, back = stars_apart(one.stars(file), other.stars(file)), stars_apart(other.stars(file), one.stars(file))
    assert there.both == back.both
    assert np.array_equal(there.gained, back.lost)
    assert np.array_equal(there.lost, back.gained)


def test_a_recipe_against_itself_has_nothing_apart(opened):
    one = rival(opened, Recipe())
    stars, maps = one.stars(one.file(2)), one.maps(one.file(2))
    assert stars_apart(stars, stars).counts == (len(stars.kept), len(stars.kept))
    assert map_apart(maps.x, maps.x).rms == 0
    assert knobs_apart(Recipe(), Recipe()) == []


@settings(deadline=None, max_examples=25)
@given(st.floats(-3, 3), st.floats(-3, 3), st.integers(2, 900), st.integers(2, 900))
@example(0.0, 1.0, 2, 371)
def test_the_rms_of_a_difference_is_that_of_the_field_between_the_maps(shift, slope, ny, nx):
    y, x = np.indices((ny, nx), np.float32)
    field = np.float32(shift) + np.float32(slope) * (x / nx - y / ny)
    base = np.sin(x / 50) + np.cos(y / 70)
    apart = map_apart((base + field).astype(np.float32), base.astype(np.float32))
    assert apart.rms == pytest.approx(float(np.sqrt(np.mean(np.square(field, dtype=np.float64)))), rel=1e-3, abs=1e-5)
    assert apart.low == -apart.high
    values = apart.low + apart.codes[apart.codes < 255] / 254 * (apart.high - apart.low)
    assert abs(values.max() - field.max()) < 0.02 * apart.high + 1e-5
    assert abs(values.min() - field.min()) < 0.02 * apart.high + 1e-5


def test_pixels_without_a_value_are_left_open():
    one = np.zeros((6, 9), np.float32)
    one[2, 3] = np.nan
    apart = map_apart(one, np.ones((6, 9), np.float32))
    assert (apart.codes == 255).sum() == 1
    assert apart.rms == pytest.approx(1)


def test_knobs_are_told_in_words_with_their_units():
    rows = {name: (here, there) for name, here, there in knobs_apart(Recipe(), preset("classic-6400"))}
    assert rows["Candidates, fwhm"] == ("auto", "6\u2009px")
    rejected = Recipe({"selection": {"rejected": {"a.fits": "cloud", "b.fits": "cloud"}}})
    assert knobs_apart(rejected, Recipe()) == [("Selection, rejected", "a.fits: cloud; b.fits: cloud", "none")]
    many = Recipe({"selection": {"rejected": {f"{number}.fits": "cloud" for number in range(9)}}})
    assert knobs_apart(many, Recipe()) == [("Selection, rejected", "9 named", "none")]
    shape = {"shape": "ellipse", "x": 3, "y": 4, "a": 5, "b": 6, "theta": 0}
    masked = Recipe({"mask": {"shapes": [shape, shape]}})
    assert knobs_apart(masked, Recipe()) == [("Mask, shapes", "2 shapes", "none")]
    limited = Recipe({"selection": {"limits": {"fwhm": (-inf, 4.2)}}})
    assert knobs_apart(limited, Recipe()) == [("Selection, limits", "fwhm at most 4.2", "none")]


def test_a_frame_that_the_other_recipe_leaves_out_is_said(opened):
    file = rival(opened, Recipe()).file(1)
    other = rival(opened, Recipe({"frames": {"kinds": {file: "dark"}}}))
    with pytest.raises(FrameError, match="left out by one of the two recipes"):
        other.stars(file)
