"""What the tabs of shifts and of the stack tell, without a browser."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("panel")

from pipeline.alignment import Shifts, Stack
from pipeline.cutouts import Cutouts
from pipeline.preview import Cube, preview
from tests.stages.synthetic import sequence
from ui.colours import LOST
from ui.shift_facts import before_and_after, pair, remains, shift_frame, usual_reason, verdict
from ui.stack_facts import (
    also_stacked,
    levels_of,
    marked,
    number,
    preview_facts,
    promise,
    share_rejected,
    stack_facts,
)

SHAPE = (60, 80)


def shifts(left, used=None, reason=None, x=None, y=None):
    count = len(left)
    left = np.array(left, float)
    used = np.ones(count, bool) if used is None else np.array(used)
    reasons = reason or ("",) * count
    x = np.zeros(count) if x is None else np.array(x, float)
    y = np.zeros(count) if y is None else np.array(y, float)
    return Shifts(x, y, 40 - x, 30 - y, left[:, 0], left[:, 1], used, reasons, 0, SHAPE, "tracks")


def test_a_frame_that_lies_off_in_either_direction_is_named_as_the_user_counts():
    off = shifts([(0, 0), (0.2, -0.7), (0.1, 0.3)])
    assert verdict(off) == ("1 of 3 frames lies more than 0.5\u2009px off: frame 2.", False)
    assert verdict(shifts([(0, 0), (0.2, 0.4)])) == ("All 2 frames lie on the reference within 0.5\u2009px.", True)
    assert verdict(shifts([(0, 0)], used=[False])) == ("No frame has a shift.", False)
    alone, well = verdict(shifts([(0, 0), (0, 0)], used=[True, False]))
    assert (alone.partition(":")[0], well) == ("Only the reference is used", False)
    assert verdict(shifts([(0, 0)])) == ("This is one frame alone: there is nothing to lay it on.", True)
    assert usual_reason(off, 1) == "0.70 px off after the shift"
    assert usual_reason(off, 2) == "left out by hand"


def test_the_larger_of_both_remains_and_one_that_is_not_known_hides_none():
    np.testing.assert_allclose(remains(shifts([(0.1, -0.4), (-0.3, 0.2), (np.nan, 0.2)])), [0.4, 0.3, 0.2])


def test_the_check_table_has_a_row_for_each_frame_and_says_why_one_is_left_out():
    why = ("", "light_001.fits: cloudy (1): wait")
    table = shift_frame(sequence(2, SHAPE), shifts([(0, 0), (np.nan, np.nan)], [True, False], why, x=[0, -3.25]))
    assert table["used"].tolist() == [True, False]
    assert table["shift"].tolist() == ["0.00, 0.00", "\u22123.25, 0.00"]
    assert table["position"].tolist() == ["40.0, 30.0", "43.2, 30.0"]
    assert table["why not"].tolist() == ["", "Cloudy (1): wait"]


@pytest.mark.parametrize(
    ("numbers", "words"),
    [((1, -2), "1.0, \u22122.0"), ((-0.001, 0), "0.0, 0.0"), ((0, -0.04), "0.0, 0.0"), ((np.nan, 1), "\u2013")],
)
def test_a_pair_has_true_minuses_and_no_negative_nought(numbers, words):
    assert pair(*numbers, 1) == words


def test_a_star_leaves_its_place_before_the_shift_and_stands_in_it_after():
    x, y = np.array([0, -6.2, 4.4]), np.array([0, 3.0, -5.6])
    images = []
    for dx, dy in zip(x, y, strict=True):
        image = np.zeros(SHAPE, np.float32)
        image[round(30 - dy), round(40 - dx)] = 100
        images.append(image)
    tracks = SimpleNamespace(x=np.full((3, 1), 40.0), y=np.full((3, 1), 30.0), reference=0, shape=SHAPE)
    before, after = before_and_after(tracks, shifts(np.zeros((3, 2)), x=x, y=y), 0, images.__getitem__, None, True)
    middle = before[0].shape[0] // 2
    assert [one[middle, middle] for one in before] == [100, 0, 0]
    assert [one[middle, middle] for one in after] == [100, 100, 100]


def test_aligned_frames_are_shown_of_the_star_that_is_picked_and_of_no_other():
    tracks = SimpleNamespace(x=np.array([[40.2, 9.0]] * 2), y=np.array([[29.8, 9.0]] * 2), reference=0, shape=SHAPE)
    values = np.stack([np.full((15, 15), 7, np.float32), np.full((15, 15), np.nan, np.float32)])
    cut = Cutouts(values, (40, 30))
    for star, expected in ((0, [7, None]), (1, [None, None])):
        _, after = before_and_after(tracks, shifts(np.zeros((2, 2))), star, lambda frame: None, cut, False)
        assert [None if one is None else one[7, 7] for one in after] == expected


def test_statistics_are_of_what_has_a_value():
    rng = np.random.default_rng(3)
    image = rng.normal(10, 2, (200, 200)).astype(np.float32)
    image[0, 0], image[1, 1] = np.nan, 5000
    found = levels_of(image)
    assert found.median == pytest.approx(10, abs=0.1)
    assert found.deviation == pytest.approx(2, rel=0.05)
    assert found.high == 5000
    assert np.isnan(levels_of(np.full((4, 4), np.nan)).median)


def test_the_share_of_what_was_rejected_is_of_all_values():
    assert share_rejected(np.full((2, 2), 9), np.array([[1, 0], [0, 0]])) == pytest.approx(1 / 37)
    assert share_rejected(np.zeros((2, 2)), np.zeros((2, 2))) == 0


def test_what_was_rejected_is_coloured_and_the_rest_stays_grey():
    rejected = np.zeros((3, 3), np.int16)
    rejected[1, 1] = 10
    painted = marked(np.full((3, 3), 0.5), rejected, 10)
    assert painted[0, 0].tolist() == [0.5, 0.5, 0.5]
    np.testing.assert_allclose(painted[1, 1], [int(LOST[k : k + 2], 16) / 255 for k in (1, 3, 5)])


def test_a_preview_counts_the_trail_of_one_frame_as_rejected():
    rng = np.random.default_rng(2)
    values = rng.normal(0, 4, (8, 60, 60)).astype(np.float32)
    values[3, 30] += 500
    cube = Cube(values, np.full(8, 4.0), np.full(8, 3.0), tuple(range(8)), "", "none", (0, 0, 60, 60), (0, 0))
    kept = preview_facts(preview(cube, combine="mean", clip=(3, 3), weights="none"), 3)
    clipped = preview_facts(preview(cube, combine="winsorized", clip=(3, 3), weights="none"), 3)
    assert kept.rejected == 0
    assert 60 / values.size <= clipped.rejected < 0.05
    assert clipped.levels.high < 30 < kept.levels.high
    assert clipped.single_levels.high > 400


def test_a_stack_is_told_with_its_own_frames_widths():
    image = np.zeros(SHAPE, np.float32)
    count = np.full(SHAPE, 2, np.int16)
    stack = Stack("V", image, count, np.zeros_like(count), "none", ("a", "b"), (1, 2), None, 60.0, 4.0, 2.8)
    assert stack_facts(stack, np.array([9.0, 2.0, 3.0])).single_width == 2.5
    assert np.isnan(stack_facts(stack, np.array([9.0, np.nan, np.nan])).single_width)


def test_numbers_keep_their_digits():
    assert [number(one) for one in (0.287, 1.9, -12.34, 3743.2, 0.0, None)] == [
        "0.287", "1.90", "\u221212.3", "3743", "0", "\u2013",
    ]  # fmt: skip
    assert "\u221a24 = 4.90" in promise(24)
    assert "3.91" in promise(24)


def test_other_stacks_are_named_also_that_of_frames_without_a_filter():
    assert also_stacked(["", "V"], "V") == " Also stacked: frames without a filter; go to such a frame to see it."
    assert also_stacked(["B", "R", "V"], "R") == " Also stacked: B, V; go to such a frame to see it."
    assert also_stacked(["R"], "R") == also_stacked([], "") == ""
