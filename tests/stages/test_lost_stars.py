"""What became of a star that is not where it should be: every fate has a sky of its own."""

import dataclasses

import numpy as np
import pytest

from pipeline.tables import Reason, Status
from tests.stages.motions import SHAPE, drifting, field, follow_pair, without
from tests.stages.synthetic import Sky, sequence, sky, table


def test_star_that_stands_elsewhere_is_moved():
    def change(place, level):
        place[7] += (35.0, -20.0)
        return table(place, level, SHAPE)

    assert follow_pair(change).status[1, 7] == Status.MOVED


@pytest.mark.parametrize(("strangers", "taken"), [(0, True), (1500, False)])
def test_a_star_off_its_place_is_taken_where_nothing_else_can_be_meant_and_not_in_a_crowd(strangers, taken):
    def change(place, level):
        place[7] += (6.0, 5.0)
        other = np.random.default_rng(3).uniform((0, 0), (2999, 1999), (strangers, 2))
        other = other[np.hypot(*(other - place[7]).T) > 40]
        light = np.concatenate([level, np.full(len(other), level[7])])
        return table(np.concatenate([place, other]), light, SHAPE)

    assert (follow_pair(change).row[1, 7] >= 0) == taken


def test_a_trailed_reference_says_what_to_turn():
    place, level = field()
    reason = np.where(np.arange(60) % 3 == 0, Reason.STAR, Reason.ROUNDNESS)
    trailed = table(place, level, SHAPE, reason=reason)
    result = Sky(sequence(2, SHAPE), [trailed, table(place + 5, level, SHAPE)], None).follow()
    (warning,) = (text for text in result.warnings if "not round" in text)
    assert warning.startswith("light_000.fits: most of its peaks are not round (40 of 60)")
    assert "frames.reference" in warning
    assert "stars.roundness" in warning
    assert not any("not round" in text for text in follow_pair(lambda p, lv: table(p, lv, SHAPE)).warnings)


def test_star_that_is_not_there_has_faded():
    assert follow_pair(lambda p, lv: without(p, lv, 7)).status[1, 7] == Status.FAINT


def test_star_too_faint_for_the_frame_did_not_move_to_a_stranger():
    place, level = field()
    level[12] = 70.0
    dim = level * 0.5
    stranger = place[12] + (5.0 + 40.0, 5.0)
    there = np.concatenate([np.delete(place, 12, axis=0) + 5, [stranger]])
    light = np.append(np.delete(dim, 12), 51.0)
    result = Sky(sequence(2, SHAPE), [table(place, level, SHAPE), table(there, light, SHAPE)], None).follow()
    assert result.status[1, 12] == Status.FAINT


def test_star_behind_dead_pixels_is_masked():
    blind = np.zeros((20, 30), bool)
    there = field()[0][7] + (20, -9)
    blind[int(there[1] // 100), int(there[0] // 100)] = True
    result = follow_pair(lambda p, lv: dataclasses.replace(without(p, lv, 7), blind=blind))
    assert result.status[1, 7] == Status.MASKED


def test_star_that_left_the_field_is_outside():
    result = follow_pair(lambda p, lv: table(p[p[:, 0] < 2990], lv[p[:, 0] < 2990], SHAPE), shift=(200.0, 0.0))
    gone = field()[0][:, 0] + 200 > 2999
    assert gone.any()
    assert (result.status[1, gone] == Status.OUTSIDE).all()


def test_star_too_faint_to_be_seen_is_faint():
    place, level = field()
    level[12] = 55.0

    def change(there, _):
        keep = np.arange(60) != 12
        return table(there[keep], level[keep] * 0.4, SHAPE)

    first = table(place, level, SHAPE)
    result = Sky(sequence(2, SHAPE), [first, change(place + 5, level)], None).follow()
    assert result.status[1, 12] == Status.FAINT


@pytest.mark.parametrize(
    ("reason", "status"),
    [(Reason.SATURATED, Status.SATURATED), (Reason.MASKED, Status.MASKED), (Reason.BORDER, Status.OUTSIDE)],
)
def test_star_left_out_of_its_frame_says_why(reason, status):
    def change(place, level):
        reasons = np.where(np.arange(60) == 20, reason, Reason.STAR)
        return table(place, level, SHAPE, reason=reasons)

    assert follow_pair(change).status[1, 20] == status


def test_two_stars_that_run_together_are_blended():
    place, level = field()
    place[31] = place[30] + (6.0, 0.0)
    level[30], level[31] = 2000.0, 500.0
    there = place + np.array([20, -9])
    there[30] += (1.2, 0.0)
    keep = np.arange(60) != 31
    both = [table(place, level, SHAPE), table(there[keep], level[keep], SHAPE)]
    result = Sky(sequence(2, SHAPE), both, None).follow()
    assert result.status[1, 30] == Status.FOUND
    assert result.status[1, 31] == Status.BLENDED
    assert result.blended[0, [30, 31]].all()
    assert not result.blended[1, 30]


@pytest.mark.parametrize(("share", "status"), [(0.6, Status.BLENDED), (0.2, Status.FAINT)])
def test_a_star_whose_light_has_not_the_shape_of_one_star_is_blended_and_not_too_faint(share, status):
    place, level = field()
    level[7] = 20_000.0

    def change(there, _):
        reason = np.where(np.arange(60) == 7, Reason.ROUNDNESS, Reason.STAR)
        there[7] += (3.0, 2.0)
        return table(there, np.where(np.arange(60) == 7, share * level, level), SHAPE, reason=reason)

    both = [table(place, level, SHAPE), change(place + 5, level)]
    assert Sky(sequence(2, SHAPE), both, None).follow().status[1, 7] == status


def test_blend_of_two_equal_stars_is_neither():
    place, level = field()
    place[31] = place[30] + (3.6, 0.0)
    level[30] = level[31] = 900.0
    there = place + np.array([20, -9])
    there[30] += (1.8, 0.0)
    keep = np.arange(60) != 31
    both = [table(place, level, SHAPE), table(there[keep], level[keep], SHAPE)]
    result = Sky(sequence(2, SHAPE), both, None).follow()
    assert (result.status[1, [30, 31]] == Status.BLENDED).all()


def test_two_stars_that_claim_one_place_are_ambiguous():
    place, level = field()
    place[31] = place[30] + (12.0, 0.0)
    level[30] = level[31] = 900.0
    there = place + np.array([20, -9])
    there[30] += (6.0, 0.0)
    keep = np.arange(60) != 31
    both = [table(place, level, SHAPE), table(there[keep], level[keep], SHAPE)]
    result = Sky(sequence(2, SHAPE), both, None).follow()
    assert (result.status[1, [30, 31]] == Status.AMBIGUOUS).all()


def test_second_peak_of_a_star_is_no_star_of_its_own():
    place, level = field()
    place[31] = place[30] + (0.4, 0.3)
    level[30], level[31] = 900.0, 700.0
    result = Sky(sequence(2, SHAPE), [table(place + step, level, SHAPE) for step in (0, 7)], None).follow()
    assert result.status[:, 30].tolist() == [Status.FOUND] * 2
    assert result.status[:, 31].tolist() == [Status.FOUND, Status.BLENDED]
    assert result.complete[30]
    assert not result.complete[31]
    assert not result.blended[:, 30].any()


def test_bright_light_a_little_off_its_place_is_the_star_however_sure_its_centre():
    def change(place, level, factor=1.0):
        place[7] += (0.8, 0.0)
        level[7] *= factor
        return table(place, level, SHAPE, reason=np.where(np.arange(60) == 7, Reason.SHARPNESS, Reason.STAR))

    assert follow_pair(change).status[1, 7] == Status.RECOVERED
    assert follow_pair(lambda place, level: change(place, level, 0.05)).row[1, 7] < 0


def test_a_reference_of_another_field_names_a_better_one():
    night, other = sky(drifting(6), count=400, shape=SHAPE), sky(drifting(6), count=400, shape=SHAPE, seed=9)
    mixed = Sky(night.frames, [other.tables[0], *night.tables[1:]], None).follow()
    assert mixed.used.tolist() == [True] + [False] * 5
    assert mixed.warnings[-1] == (
        "light_000.fits: shows another field than most frames (5 of 5 fit one another): "
        "choose frames.reference = light_001.fits"
    )
    one_stray = Sky(night.frames, [*night.tables[:5], other.tables[5]], None).follow()
    assert not any("another field" in text for text in one_stray.warnings)


def test_a_reference_of_elongated_stars_says_so():
    place, level = field()
    trailed = table(place, level, SHAPE)
    trailed = dataclasses.replace(trailed, metrics={**trailed.metrics, "elongated": 1.1})
    result = Sky(sequence(2, SHAPE), [trailed, table(place + 5, level, SHAPE)], None).follow()
    (warning,) = (text for text in result.warnings if "not round" in text)
    assert warning.startswith("light_000.fits: its stars are not round but alike (roundness 1.1)")
    assert "frames.reference" in warning


def test_saturated_star_that_is_measured_carries_a_flag():
    full = np.arange(60) == 3
    result = follow_pair(lambda p, lv: table(p, lv, SHAPE, saturated=full))
    assert result.status[1, 3] == Status.FOUND
    assert result.saturated[1].tolist() == full.tolist()


def test_star_with_a_motion_of_its_own_is_taken_within_proximity_only():
    def change(place, level):
        place[9] += (5.0, 3.0)
        return table(place, level, SHAPE)

    near, far = follow_pair(change), follow_pair(change, proximity=4.0)
    assert near.status[1, 9] == Status.FOUND
    assert near.x_offset[1, 9] == pytest.approx(25.0, abs=0.01)
    assert far.status[1, 9] == Status.MOVED
