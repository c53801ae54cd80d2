"""The way of following from the last two positions, on skies that show its faults."""

import numpy as np

from pipeline.frame import Normalized
from pipeline.stages.tracks import tracks
from tests.stages.motions import SHAPE, drifting
from tests.stages.synthetic import NOISE, Sky, sequence, sky, table


def images(night, shape, sigma=1.7):
    """Frames of Gaussian stars at the true places, without noise."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    result = []
    for place in night.truth:
        image = np.zeros(shape, np.float32)
        for at_x, at_y in place:
            image += 500 * np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * sigma**2))
        result.append(Normalized(image, 1.0, 1.0, "none", None, np.empty(0, np.int64), 1.0))
    return result


def grid_sky(steps, shape=(150, 200)):
    """Well separated stars, the same in every frame."""
    place = np.stack(np.meshgrid(np.arange(25.0, 180, 25), np.arange(25.0, 130, 25)), -1).reshape(-1, 2)
    truth = np.array([place + step for step in steps])
    tables = [table(one, np.full(len(place), 50 * NOISE), shape) for one in truth]
    return Sky(sequence(len(steps), shape), tables, truth)


def test_previous_follows_a_slow_drift_but_never_row_0():
    night = grid_sky([(0, 0), (1.5, 0.5), (3, 1), (4.5, 1.5)])
    pictures = images(night, (150, 200))
    result = tracks(night.frames, night.tables, night.selection, pictures, method="previous")
    assert result.method == "previous"
    assert not result.measured[1:, 0].any()
    assert result.measured[1:, 1:].all()
    np.testing.assert_allclose(result.x[1, 1:], night.truth[1, 1:, 0], atol=0.3)


def test_previous_steps_backwards_and_loses_what_predict_keeps():
    steps = [(3.0 * i, 0.0) for i in range(6)]
    night = grid_sky(steps)
    old = tracks(
        night.frames, night.tables, night.selection, images(night, (150, 200)), method="previous", proximity=3.5
    )
    new = night.follow()
    assert new.measured.all()
    assert old.measured[-1].mean() < 0.7 or np.nanmax(np.abs(old.x_offset[-1] - 15.0)) > 1


def test_previous_is_stuck_on_what_does_not_move_and_stops():
    night = grid_sky([(0, 0), (4, 3), (8, 6), (12, 9)])
    frozen = [images(night, (150, 200))[0]] * 4
    result = tracks(night.frames, night.tables, night.selection, frozen, method="previous")
    assert result.stuck.tolist() == [False, True, False, False]
    assert "stuck" in result.warnings[0]
    assert result.used.tolist() == [True, True, False, False]
    assert "stuck at light_001.fits" in result.reason[2]


def test_predict_never_looks_at_pixels():
    class Untouchable:
        def __len__(self):
            return 3

        def __getitem__(self, index):
            raise AssertionError("a pixel was looked at")

    night = sky(drifting(3), count=300, shape=SHAPE)
    assert tracks(night.frames, night.tables, night.selection, Untouchable()).used.all()
