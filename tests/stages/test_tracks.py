"""Tracks against skies whose truth is known."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.frame import Failure, FrameError
from pipeline.stages.selection import selection
from pipeline.stages.tracks import displacement, rotation, scale, tracks
from pipeline.tables import Reason, Status
from tests.stages.motions import CENTRE, SHAPE, drifting, follow_pair
from tests.stages.synthetic import Sky, score, sequence, sky, table, turned


def path(*places):
    """A motion that puts the field at given (dx, dy) or (dx, dy, degrees) in each frame."""

    def motion(frame, position):
        dx, dy, *degrees = places[frame]
        return turned(position, CENTRE, degrees[0] if degrees else 0.0, (dx, dy))

    motion.count = len(places)
    return motion


def real_stars(sky, tracks):
    """For each star kept in the reference its number in the sky, negative where it is none."""
    return sky.owner[tracks.reference][sky.tables[tracks.reference].kept]


def assert_sound(tracks):
    """What holds for any tracks."""
    assert np.array_equal(tracks.row >= 0, tracks.measured)
    measured = tracks.measured
    assert np.isfinite(tracks.y[measured]).all()
    assert (tracks.x_error[measured] > 0).all()
    assert (tracks.y_error[measured] > 0).all()
    assert np.isin(tracks.status[measured], (Status.FOUND, Status.RECOVERED)).all()
    assert (tracks.status[~measured] > Status.RECOVERED).all()
    assert not (tracks.saturated & ~measured).any()
    for row in tracks.row:
        assert len(np.unique(row[row >= 0])) == (row >= 0).sum()
    for frame, used in enumerate(tracks.used):
        assert used == (not tracks.reason[frame])
        assert (tracks.previous[frame] >= 0) == (used or frame == tracks.reference)
        if used:
            assert np.isfinite(tracks.transform[frame]).all()
        else:
            assert frame == tracks.reference or (tracks.status[frame] == Status.FRAME).all()


def test_stars_survive_drift_rotation_distortion_hot_pixels_and_clouds():
    clear = np.ones(40)
    clear[[17, 18]] = 0.02
    night = sky(drifting(40), count=1500, shape=SHAPE, hot=130, noise_peaks=300, transparency=clear)
    result = night.follow()
    assert_sound(result)
    assert np.flatnonzero(~result.used).tolist() == [17, 18]
    survived, wrong = score(night, result)
    assert survived > 0.98
    assert wrong < 0.002
    star = real_stars(night, result)
    hot = result.status[0] == Status.HOT
    assert hot[star == -2].mean() > 0.95
    assert not hot[star >= 0].any()
    assert (result.status[:, hot] == Status.HOT)[result.used].all()


def test_positions_lie_within_their_errors_of_the_truth():
    night = sky(drifting(6), count=800, shape=SHAPE)
    result = night.follow()
    star = real_stars(night, result)
    pull = (result.x - night.truth[:, star, 0]) / result.x_error
    assert np.nanstd(pull) == pytest.approx(1, abs=0.1)
    assert np.nanmax(result.residual) < 0.5


def test_transform_tells_displacement_rotation_and_scale():
    def motion(frame, position):
        return turned(position, CENTRE, 0.4 * frame, (30 * frame, -12 * frame), 1 + 0.001 * frame)

    motion.count = 3
    result = sky(motion, count=500, shape=SHAPE).follow()
    for frame in range(3):
        assert displacement(result, frame) == pytest.approx((30 * frame, -12 * frame), abs=0.05)
        assert rotation(result, frame) == pytest.approx(0.4 * frame, abs=0.001)
        assert scale(result, frame) == pytest.approx(1 + 0.001 * frame, abs=2e-5)


@pytest.mark.parametrize(
    "jump", [(400, -310), (-1100, 700), (25, 11), (3, 400, 1.5), (5, 9, 180.0), (-300, 200, -95.0)]
)
@pytest.mark.parametrize("hot", [0, 200])
def test_jump_and_turn_are_bridged(jump, hot):
    away = [(jump[0] + 2 * i, jump[1] - i, *jump[2:]) for i in range(3)]
    night = sky(path((0, 0), (2, -1), *away), count=1200, shape=SHAPE, hot=hot)
    result = night.follow()
    assert_sound(result)
    assert result.used.all()
    survived, wrong = score(night, result)
    assert survived > 0.97
    assert wrong < 0.003


@settings(max_examples=15, deadline=None)
@given(
    dx=st.floats(-700, 700), dy=st.floats(-700, 700), seed=st.integers(0, 50), hot=st.sampled_from([0, 60])
)  # fmt: skip
def test_moving_every_other_table_moves_the_tracks(dx, dy, seed, hot):
    steps = [(2.0 * i, -1.5 * i) for i in range(3)]
    still = sky(path(*steps), count=500, shape=SHAPE, seed=seed)
    first = still.follow()
    shifted = [still.tables[0]]
    for one in still.tables[1:]:
        columns = {
            name: column + dx if name[0] == "x" and "err" not in name else column
            for name, column in one.columns.items()
        }
        columns = {
            name: column + dy if name[0] == "y" and "err" not in name else column for name, column in columns.items()
        }
        shifted.append(dataclasses.replace(one, columns=columns))
    second = tracks(still.frames, shifted, still.selection)
    assert np.array_equal(first.used, second.used)
    both = first.measured & second.measured
    assert both[1:].sum() >= 0.3 * first.measured[1:].sum()
    np.testing.assert_allclose((second.x - first.x)[1:][both[1:]], dx, atol=1e-9)
    np.testing.assert_allclose((second.y - first.y)[1:][both[1:]], dy, atol=1e-9)


def test_time_reversed_gives_the_same_stars():
    night = sky(drifting(9), count=600, shape=SHAPE, reference=4, hot=60)
    forward = night.follow()
    back = Sky(sequence(9, SHAPE, 4), night.tables[::-1], night.truth[::-1], night.owner[::-1]).follow()
    assert forward.used.all()
    assert np.array_equal(forward.row, back.row[::-1])
    np.testing.assert_allclose(forward.transform, back.transform[::-1], atol=1e-9)


def test_reference_in_the_middle_is_left_on_both_sides():
    night = sky(drifting(7), count=600, shape=SHAPE, reference=3)
    result = night.follow()
    assert result.previous.tolist() == [1, 2, 3, 3, 3, 4, 5]
    assert result.used.all()
    assert score(night, result)[0] > 0.98


def test_frame_that_is_not_used_is_stepped_over():
    night = sky(drifting(5), count=600, shape=SHAPE)
    night.tables[2] = Failure("light_002.fits", "stars", "light_002.fits: cannot be read (0 bytes): copy it again")
    result = night.follow()
    assert result.previous.tolist() == [0, 0, -1, 1, 3]
    assert result.reason[2].startswith("light_002.fits: cannot be read")
    assert (result.status[2] == Status.FRAME).all()


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_few_stars_are_followed(count):
    place = np.array([[700.0, 300.0], [1200.0, 1500.0], [2500.0, 800.0], [300.0, 1700.0], [1800.0, 900.0]])[:count]
    night = [table(place + np.array([3 * i, -2 * i]), np.full(count, 900.0), SHAPE) for i in range(4)]
    result = Sky(sequence(4, SHAPE), night, None).follow()
    assert result.used.all()
    assert (result.status == Status.FOUND).all()
    np.testing.assert_allclose(result.x_offset, np.outer(3 * np.arange(4), np.ones(count)), atol=1e-9)
    assert_sound(result)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_few_stars_are_followed_over_a_jump(count):
    place = np.array([[700.0, 300.0], [1200.0, 1500.0], [2200.0, 800.0], [300.0, 1400.0], [1800.0, 900.0]])[:count]
    night = [table(place + shift, np.full(count, 900.0), SHAPE) for shift in ((0, 0), (400, 250))]
    result = Sky(sequence(2, SHAPE), night, None).follow()
    assert result.used.all()
    np.testing.assert_allclose(result.x_offset[1], 400, atol=1e-9)


@pytest.mark.parametrize("count", [1, 3, 20, 200])
def test_frame_of_another_field_is_not_used_and_says_why(count):
    rng = np.random.default_rng(count)
    for _ in range(5):
        both = [
            table(rng.uniform(5, 155, (n, 2)) * (1, 0.75), rng.uniform(60, 900, n), (120, 160)) for n in (40, count)
        ]
        result = Sky(sequence(2, (120, 160)), both, None).follow()
        assert result.used.tolist() == [True, False]
        assert "light_001.fits" in result.reason[1]
        assert_sound(result)


def test_frame_with_nothing_in_it_is_not_used():
    empty = table(np.empty((0, 2)), [], SHAPE)
    night = sky(drifting(3), count=300, shape=SHAPE)
    night.tables[1] = empty
    result = night.follow()
    assert result.used.tolist() == [True, False, True]
    assert "no stars" in result.reason[1]


def test_reference_without_stars_says_what_to_do():
    night = sky(drifting(2), count=300, shape=SHAPE)
    faint = table([[10.0, 10.0]], [35.0], SHAPE)
    with pytest.raises(FrameError, match=r"light_000.fits: .* no stars .*: lower stars.threshold"):
        Sky(night.frames, [faint, night.tables[1]], None).follow()
    with pytest.raises(FrameError, match=r"choose another frames.reference"):
        tracks(night.frames, [Failure("light_000.fits", "stars", "broken"), night.tables[1]], night.selection)


def test_more_hot_pixels_than_stars_do_not_stop_the_sky():
    night = sky(drifting(8), count=250, shape=SHAPE, hot=400)
    result = night.follow()
    assert result.used.all()
    assert displacement(result, 5)[0] == pytest.approx(30 + 5 * np.sin(5), abs=0.3)
    survived, wrong = score(night, result)
    assert survived > 0.95
    assert wrong < 0.003
    assert "hot pixels" in result.warnings[0]


def test_slow_drift_with_hot_pixels_is_the_drift_of_the_stars():
    night = sky(path(*[(0.4 * i, 0.3 * i) for i in range(25)]), count=400, shape=SHAPE, hot=150)
    result = night.follow()
    for frame in range(25):
        assert displacement(result, frame) == pytest.approx((0.4 * frame, 0.3 * frame), abs=0.06)
    assert (result.status[0] == Status.HOT)[real_stars(night, result) == -2].mean() > 0.9


def test_sequence_that_stands_still_keeps_its_stars():
    night = sky(path(*[(0, 0)] * 6), count=500, shape=SHAPE)
    result = night.follow()
    assert result.used.all()
    assert not (result.status == Status.HOT).any()
    assert not result.stuck.any()
    assert score(night, result)[0] > 0.98


def test_lost_stars_come_back_and_say_so():
    clear = [1, 1, 0.3, 1, 1]
    night = sky(drifting(5), count=800, shape=SHAPE, transparency=clear)
    result = night.follow()
    assert result.used.all()
    faint = result.status[2] == Status.FAINT
    assert faint.sum() > 30
    assert (result.status[3][faint] == Status.RECOVERED).mean() > 0.9


def test_stars_below_the_threshold_are_recovered_only_when_wanted():
    night = sky(drifting(3), count=800, shape=SHAPE, transparency=[1, 0.6, 1])
    with_them, without = night.follow(recover=True), night.follow(recover=False)
    again = with_them.status[1] == Status.RECOVERED
    assert again.sum() > 20
    assert (night.tables[1].reason[with_them.row[1][again]] == Reason.THRESHOLD).all()
    assert (without.status[1][again] == Status.FAINT).mean() > 0.9


def test_moving_all_but_the_hot_pixels_of_a_cloudy_frame_leaves_it_unused():
    night = sky(drifting(8), count=500, shape=SHAPE, hot=250, transparency=[1, 1, 1, 0.001, 1, 1, 1, 1])
    result = night.follow()
    assert np.flatnonzero(~result.used).tolist() == [3]


def test_too_few_stars_leave_a_frame_out():
    result = follow_pair(lambda p, lv: table(p[:16], lv[:16], SHAPE))
    assert not result.used[1]
    assert "16 of 60" in result.reason[1] or "16 of 5" in result.reason[1]


def test_residual_limit_leaves_a_frame_out():
    night = sky(path((0, 0), (3, 1), (6, 2)), count=400, shape=SHAPE)
    bad = night.tables[1]
    noisy = {name: column + np.random.default_rng(1).normal(0, 0.6, len(bad)) if "winpos" in name else column
             for name, column in bad.columns.items()}  # fmt: skip
    night.tables[1] = dataclasses.replace(bad, columns=noisy)
    chosen = selection(night.frames, night.tables, limits={"residual": (0.0, 0.4)})
    result = tracks(night.frames, night.tables, chosen)
    assert result.used.tolist() == [True, False, True]
    assert "residual outside 0 to 0.4 px" in result.reason[1]


@pytest.mark.parametrize("model", ["shift", "similarity", "affine"])
def test_model_does_what_it_says_and_no_more(model):
    night = sky(drifting(3), count=500, shape=SHAPE)
    result = night.follow(model=model, proximity=30.0)
    assert result.used.all()
    assert result.transform.shape[2] == 3
    a, b = result.transform[2][:, 1:3]
    if model == "shift":
        assert rotation(result, 2) == 0
        assert scale(result, 2) == 1
    if model == "similarity":
        assert a[0] == b[1]
        assert a[1] == -b[0]


def test_automatic_model_is_no_richer_than_the_sky():
    still = sky(path((0, 0), (5, 3)), count=500, shape=SHAPE).follow()
    assert rotation(still, 1) == 0
    turning = sky(path((0, 0), (5, 3, 0.05)), count=500, shape=SHAPE).follow()
    assert turning.transform.shape[2] == 3
    bent = sky(drifting(5), count=500, shape=SHAPE).follow()
    assert bent.transform.shape[2] >= 6
    assert sky(drifting(5), count=500, shape=SHAPE).follow(order=0).transform.shape[2] == 3


def test_results_are_read_only_and_inputs_untouched():
    night = sky(drifting(3), count=300, shape=SHAPE)
    result = night.follow()
    for field_ in dataclasses.fields(result):
        value = getattr(result, field_.name)
        if isinstance(value, np.ndarray):
            assert not value.flags.writeable, field_.name


def test_frames_without_times_are_followed_by_their_number():
    night = sky(drifting(5), count=500, shape=SHAPE)
    timeless = tuple(dataclasses.replace(info, time=None) for info in night.frames.frames)
    result = Sky(dataclasses.replace(night.frames, frames=timeless), night.tables, night.truth, night.owner).follow()
    assert result.used.all()
    assert result.previous.tolist() == [0, 0, 1, 2, 3]
