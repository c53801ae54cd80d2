"""Errors in tracks against what positions are off from a known truth, where the star tables claim other errors."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.frame import readonly
from tests.stages.motions import CENTRE, SHAPE, drifting
from tests.stages.synthetic import sky, table, turned
from tests.stages.test_tracks import path, real_stars

AXES = ("x", "y")


def altered(night, change):
    """The same night with each table's columns changed by ``change(frame, columns)``."""
    for frame, one in enumerate(night.tables):
        columns = {name: np.array(values) for name, values in one.columns.items()}
        change(frame, columns)
        night.tables[frame] = replace(one, columns={name: readonly(values) for name, values in columns.items()})
    return night


def claiming(factor):
    def change(_, columns):
        for name in ("xcentroid_err", "ycentroid_err"):
            columns[name] *= factor

    return change


def shaking(size, seed=1):
    """Disturb what is found by as much for bright stars as for faint ones."""
    rng = np.random.default_rng(seed)

    def change(_, columns):
        for axis in AXES:
            columns[f"{axis}_winpos"] += rng.normal(0, size, columns[f"{axis}_winpos"].size)

    return change


def photons_unknown(seed=1):
    """Disturb what is found as a wrong gain would: the less, the more light, but less so than the sky's noise."""
    rng = np.random.default_rng(seed)

    def change(_, columns):
        size = 1.5 / np.sqrt(columns["convolved"])
        for axis in AXES:
            columns[f"{axis}_winpos"] += rng.normal(0, 1, size.size) * size

    return change


def pulls(night, tracks):
    """Offsets less true ones over both errors, shape (2, frames but the first, stars), and the stars' brightness."""
    star = real_stars(night, tracks)
    found = np.stack([tracks.x_offset, tracks.y_offset])
    true = np.moveaxis(night.truth[:, star] - night.truth[:1, star], -1, 0)
    errors = np.stack([tracks.x_error, tracks.y_error])
    return ((found - true) / np.hypot(errors, errors[:, :1]))[:, 1:], night.tables[0]["convolved"][night.tables[0].kept]


@pytest.mark.parametrize("frames", [2, 6])
@pytest.mark.parametrize("change", [claiming(0.5), claiming(0.2), shaking(0.08), photons_unknown()])
def test_errors_that_are_claimed_too_small_grow_to_what_is_seen(change, frames):
    night = altered(sky(drifting(frames), count=1500, shape=SHAPE), change)
    pull, light = pulls(night, night.follow())
    assert np.nanstd(pull) == pytest.approx(1, abs=0.15)
    for part in np.array_split(np.argsort(light), 3):
        assert np.nanstd(pull[..., part]) == pytest.approx(1, abs=0.25)


def test_few_stars_tell_it_through_many_frames():
    night = altered(sky(path(*((4.0 * i, -2.0 * i) for i in range(12))), count=70, shape=SHAPE, seed=2), claiming(0.3))
    tracks = night.follow()
    assert len(tracks.complete) < 20
    pull, _ = pulls(night, tracks)
    assert np.nanstd(pull) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("seed", range(3))
def test_honest_errors_stay_as_they_are(seed):
    night = sky(drifting(5), count=1500, shape=SHAPE, seed=seed)
    tracks = night.follow()
    for frame in range(5):
        star = np.flatnonzero(tracks.row[frame] >= 0)
        claimed = night.tables[frame]["xcentroid_err"][tracks.row[frame, star]]
        ratio = tracks.x_error[frame, star] / claimed
        assert (ratio >= 1 - 1e-12).all()
        assert np.median(ratio) < 1.03
        assert np.mean(ratio > 1.2) < 0.03


def test_errors_of_a_shaken_frame_alone_grow():
    def change(frame, columns):
        if frame == 3:
            shaking(0.15)(frame, columns)

    night = altered(sky(path(*((4.0 * i, -2.0 * i) for i in range(6))), count=3000, shape=SHAPE), change)
    tracks = night.follow()
    bright = np.argsort(-night.tables[0]["convolved"][night.tables[0].kept])[:100]
    usual = np.nanmedian(tracks.x_error[:, bright], axis=1)
    assert usual[3] == pytest.approx(0.15, rel=0.25)
    assert np.delete(usual, 3).max() < 0.06


def alone(offset):
    """Many equal stars, the first of which is off by ``offset(frame)`` in x, and their tracks."""
    rng = np.random.default_rng(4)
    home = rng.uniform(100, 1900, (150, 2))
    night = sky(path(*((3.0 * i, 1.0 * i) for i in range(8))), count=1, shape=SHAPE)
    for frame in range(8):
        place = turned(home, CENTRE, 0.0, (3.0 * frame, 1.0 * frame)) + rng.normal(0, 0.02, home.shape)
        place[0, 0] += offset(frame)
        night.tables[frame] = table(place, np.full(150, 2000.0), SHAPE, 0.02)
    return night.follow()


def test_a_star_that_scatters_by_itself_has_larger_errors_than_others():
    tracks = alone(lambda frame: (-1) ** frame * 0.2)
    assert (tracks.x_error[:, 0] > 0.1).all()
    assert np.nanmax(tracks.x_error[:, 1:]) < 0.03


def test_a_star_whose_place_in_the_reference_is_wrong_has_a_larger_error_there_alone():
    tracks = alone(lambda frame: 0.3 if frame == 0 else 0.0)
    assert 0.15 < tracks.x_error[0, 0] < 0.4
    assert np.nanmax(tracks.x_error[1:, 0]) < 0.03
    assert np.nanmax(tracks.x_error[:, 1:]) < 0.03


def test_a_field_that_bends_more_than_a_transform_is_the_error_of_no_star():
    def motion(frame, position):
        u, v = ((position - CENTRE) / 1500).T
        return position + frame * np.stack([2 + 1.5 * u**5, -1 + 2.0 * u**4 * v], axis=1)

    motion.count = 3
    night = sky(motion, count=1500, shape=SHAPE)
    pull, light = pulls(night, night.follow())
    assert np.nanstd(pull[..., light > np.median(light)]) == pytest.approx(1, abs=0.12)


def test_a_skewed_stars_two_centres_are_kept():
    def change(_, columns):
        columns["x_gauss"] += 0.1

    night = altered(sky(drifting(2), count=300, shape=SHAPE), change)
    lean = night.follow().lean
    measured = np.isfinite(lean)
    assert measured.any()
    assert np.allclose(lean[0][measured[0]], 0.1)
    assert np.allclose(lean[1][measured[1]], 0.0)
    assert night.follow(centroid="gauss").lean is None
