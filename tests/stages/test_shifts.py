"""Shifts by tracks, by one star in a box and by pattern: true motions come back, and what fails says why."""

import numpy as np
import pytest
from scipy import ndimage

from pipeline.alignment import FLAG
from pipeline.frame import Failure, FrameError
from pipeline.knob import Point
from pipeline.stages.box_star import _gaussian
from pipeline.stages.selection import selection
from pipeline.stages.shifts import shifts
from tests.stages.synthetic import sequence, sky, table, turned
from tests.star_fields import normalized

SHAPE = (400, 600)
CENTRE = np.array([(SHAPE[1] - 1) / 2, (SHAPE[0] - 1) / 2])
WAYS = ("2dg", "1dg", "com")


def motion(steps, degrees=0.0):
    """A field that moves by so much in each frame, and turns."""

    def move(frame, position):
        return turned(position, CENTRE, degrees * frame, steps[frame])

    move.count = len(steps)
    return move


def pictures(positions, level=0.0, seed=0):
    """Pictures of one bright star each, on noise of one ADU."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((220, 300))
    made = []
    for x, y in positions:
        light = 400 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 1.7**2))
        made.append(normalized(light + level + rng.normal(0, 1, rows.shape)))
    return made


def by_box(positions, frames=None, rejected=(), **knobs):
    """Shifts of pictures of one star; the box begins at the first."""
    frames = frames or sequence(len(positions), (220, 300))
    tables = [table(positions, np.full(len(positions), 100.0), (220, 300)) for _ in positions]
    chosen = selection(frames, tables, rejected=dict.fromkeys(rejected, "by hand"))
    knobs = {"method": "box", "box_center": Point(*np.round(positions[frames.reference]) + 2), **knobs}
    return shifts(frames, chosen, tables, None, pictures(positions), **knobs)


def test_a_shift_is_the_opposite_of_the_centres_displacement():
    steps = np.array([[0, 0], [3.4, -2.2], [10.6, 5.5]])
    made = sky(motion(steps, degrees=0.5), shape=SHAPE, count=200)
    tracks = made.follow()
    found = shifts(made.frames, made.selection, None, tracks, None)
    assert found.used.all()
    np.testing.assert_allclose(np.stack([found.x, found.y], 1), -steps, atol=0.03)
    np.testing.assert_allclose(np.stack([found.x_position, found.y_position], 1), CENTRE + steps, atol=0.03)
    assert found.x[0] == found.y[0] == 0
    assert not np.signbit(found.x[0])
    assert not found.flagged.any()
    assert found.warnings == ()


def test_a_frame_that_tracks_do_not_use_has_no_shift():
    made = sky(motion(np.zeros((3, 2))), shape=SHAPE, count=100)
    tables = list(made.tables)
    tables[1] = Failure("light_001.fits", "stars", "light_001.fits: broken (1): throw it away")
    made.tables[:] = tables
    tracks = made.follow()
    found = shifts(made.frames, made.selection, None, tracks, None)
    assert found.used.tolist() == [True, False, True]
    assert np.isnan([found.x[1], found.y_left[1]]).all()
    assert found.reason[1].startswith("light_001.fits: ")


@pytest.mark.parametrize("centroid", WAYS)
@pytest.mark.parametrize("local_sky", ["box", "frame"])
def test_one_star_in_a_box_tells_the_shift(centroid, local_sky):
    positions = [(100.3, 90.7), (103.8, 88.1), (107.2, 95.5)]
    found = by_box(positions, centroid=centroid, local_sky=local_sky)
    truth = np.array(positions[0]) - positions
    tolerance = 0.02 if centroid != "com" else 0.1
    np.testing.assert_allclose(np.stack([found.x, found.y], 1), truth, atol=tolerance)
    np.testing.assert_allclose(np.stack([found.x_position, found.y_position], 1), positions, atol=tolerance)
    assert np.abs([found.x_left, found.y_left]).max() < tolerance
    assert found.box[2] == 30


def test_the_box_follows_a_star_that_drifts_out_of_it():
    positions = [(40 + 9 * i, 60 + 4.5 * i) for i in range(20)]
    found = by_box(positions)
    np.testing.assert_allclose(found.x, [-9 * i for i in range(20)], atol=0.05)
    assert found.used.all()


def test_the_box_follows_a_star_to_both_sides_of_the_reference():
    positions = [(40 + 9 * i, 60 + 4.5 * i) for i in range(20)]
    found = by_box(positions, sequence(20, (220, 300), reference=10))
    np.testing.assert_allclose(found.x, [9 * (10 - i) for i in range(20)], atol=0.05)


def test_a_jump_of_the_mount_needs_a_rough_pre_shift():
    positions = [(60.0, 60.0), (62.0, 61.0), (200.0, 150.0), (203.0, 152.0)]
    alone = by_box(positions)
    assert alone.used.tolist() == [True, True, False, False]
    assert alone.reason[2].startswith("light_002.fits: there is no star in the box at (62, 61): ")
    assert "pre_shift" in alone.reason[2]
    helped = by_box(positions, pre_shift={"light_002.fits": Point(-144, -86)})
    assert helped.used.all()
    np.testing.assert_allclose(helped.x, [0, -2, -140, -143], atol=0.05)


def test_each_folder_may_have_a_box_of_its_own():
    positions = [(60.0, 60.0), (61.0, 60.0), (220.0, 170.0), (222.0, 171.0)]
    frames = sequence(4, (220, 300))
    infos = list(frames.frames)
    for i, night in enumerate(("monday", "monday", "tuesday", "tuesday")):
        infos[i] = type(infos[i])(f"/sky/{night}/light_{i:03}.fits", f"{night}/light_{i:03}.fits", (220, 300))
    frames = type(frames)(tuple(infos), frames.unusable, 0)
    found = by_box(positions, frames, box_centers={"tuesday": Point(222, 168)}, box_sizes={"tuesday": 40.0})
    assert found.used.all()
    np.testing.assert_allclose(found.x, [0, -1, -160, -162], atol=0.05)


def test_without_a_centre_the_box_stands_about_the_brightest_lonely_star():
    positions = [(100.0, 90.0), (104.0, 93.0)]
    frames = sequence(2, (220, 300))
    tables = [
        table([(100, 90), (12, 30), (200, 100), (206, 103)], [900.0, 5000.0, 4000.0, 3000.0], (220, 300))
        for _ in range(2)
    ]
    found = shifts(frames, selection(frames, tables), tables, None, pictures(positions), method="box")
    np.testing.assert_allclose([found.x[1], found.y[1]], [-4, -3], atol=0.05)
    assert found.box[:2] == pytest.approx((100, 90), abs=0.5)


def test_what_remains_is_flagged():
    # A second star at the edge of the box draws a centre of mass, and no more so when the box is put over the first.
    positions = [(100.0, 90.0), (100.0, 90.0)]
    images = pictures(positions)
    second = ndimage.shift(np.array(images[0].image), (0, 15.5), order=1)
    images[1] = normalized(np.array(images[1].image) + 0.9 * np.where(second > 20, second, 0))
    frames = sequence(2, (220, 300))
    tables = [table(positions, [100.0, 100.0], (220, 300))] * 2
    knobs = {"method": "box", "box_center": Point(100, 90), "centroid": "com"}
    found = shifts(frames, selection(frames, tables), tables, None, images, **knobs)
    assert found.flagged.tolist() == [False, True]
    assert np.hypot(found.x_left[1], found.y_left[1]) > FLAG
    assert "selection.rejected" in found.warnings[0]


@pytest.mark.parametrize("seed", [1, 10, 26])
def test_a_peak_at_the_edge_of_a_box_is_fitted_in_silence(seed):
    """A fit may try surfaces that rise outward: their numbers must not overflow."""
    light = np.random.default_rng(seed).normal(0, 1, (12, 12))
    light[0, 5] += 6
    _gaussian(light, np.ones(light.shape, bool))


def test_another_star_in_the_box_is_not_taken_for_the_first():
    frames = sequence(2, (220, 300))
    images = pictures([(100.0, 90.0), (105.0, 93.0)])
    images[1] = normalized(np.array(images[1].image) / 10)
    tables = [table([(100, 90)], [100.0], (220, 300))] * 2
    knobs = {"method": "box", "box_center": Point(100, 90)}
    found = shifts(frames, selection(frames, tables), tables, None, images, **knobs)
    assert "the star in the box at (105, 93) is not the reference's" in found.reason[1]


def test_a_frame_taken_out_by_hand_is_not_looked_at():
    found = by_box([(60.0, 60.0)] * 3, rejected=["light_001.fits"])
    assert found.used.tolist() == [True, False, True]
    assert "by hand" in found.reason[1]


def test_a_reference_without_its_star_is_an_error():
    with pytest.raises(FrameError, match=r"light_000.fits: there is no star in the box at \(200, 150\): move"):
        by_box([(60.0, 60.0)] * 2, box_center=Point(200, 150))
    with pytest.raises(FrameError, match="is outside the picture"):
        by_box([(60.0, 60.0)] * 2, box_center=Point(2000, 150))


def test_the_pattern_of_stars_tells_shift_and_turn_and_is_not_left_to_chance():
    steps = np.array([[0, 0], [30.4, -12.2], [-60.6, 41.5]])
    made = sky(motion(steps, degrees=1.5), shape=SHAPE, count=900, seed=4)
    first, again = (shifts(made.frames, made.selection, made.tables, None, None, method="pattern") for _ in range(2))
    np.testing.assert_allclose(np.stack([first.x, first.y], 1), -steps, atol=0.05)
    np.testing.assert_array_equal(first.x, again.x)
    np.testing.assert_array_equal(first.y_left, again.y_left)


def test_the_median_star_of_a_pattern_stands_where_the_shift_puts_it():
    made = sky(motion(np.array([[0, 0], [30.4, -12.2]])), shape=SHAPE, count=900, seed=4)
    found = shifts(made.frames, made.selection, made.tables, None, None, method="pattern")
    np.testing.assert_allclose([found.x_left, found.y_left], 0, atol=0.05)


def test_another_field_does_not_fit_the_pattern():
    one = sky(motion(np.zeros((2, 2))), shape=SHAPE, count=60, seed=1)
    other = sky(motion(np.zeros((2, 2))), shape=SHAPE, count=60, seed=2)
    tables = [one.tables[0], other.tables[1]]
    found = shifts(one.frames, selection(one.frames, tables), tables, None, None, method="pattern")
    assert found.used.tolist() == [True, False]
    assert found.reason[1].startswith("light_001.fits: ")
    few = [one.tables[0], table([(10, 10)], [900.0], SHAPE)]
    found = shifts(one.frames, selection(one.frames, few), few, None, None, method="pattern")
    assert "too few stars for a pattern (1)" in found.reason[1]
