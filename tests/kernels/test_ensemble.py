"""Comparison stars: clouds cancel, variables are not chosen, a star is never compared with itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kernels.ensemble import against, quiet_stars, scatter, weights, zero_points


def night(seed=0, frames=40, stars=30, variable=(3, 11), gaps=0.0, clouds=0.3):
    """Magnitudes of stars under passing clouds; some stars vary, some measurements are missing."""
    rng = np.random.default_rng(seed)
    level = rng.uniform(-12, -8, stars)
    error = 0.002 * 10 ** (0.2 * (level + 12))
    cloud = rng.uniform(0, clouds, frames)
    own = np.zeros((frames, stars))
    own[:, list(variable)] = 0.1 * np.sin(np.arange(frames) / 4)[:, None]
    mag = level + cloud[:, None] + own + rng.normal(0, 1, (frames, stars)) * error
    mag[rng.random((frames, stars)) < gaps] = np.nan
    return mag, np.broadcast_to(error, mag.shape).copy(), cloud, own


@pytest.mark.parametrize("gaps", [0.0, 0.15])
def test_clouds_cancel_and_a_variable_star_shows_its_own_curve(gaps):
    mag, error, cloud, own = night(gaps=gaps)
    chosen = quiet_stars(mag, error, np.ones(30, bool))
    relative, errors, of_frame, _ = against(mag, error, chosen, weights(mag, error, chosen))
    assert np.std(of_frame - cloud) < 0.003
    found = relative[:, 3] - np.nanmean(relative[:, 3]) - own[:, 3] + own[:, 3].mean()
    assert np.nanstd(found) < 1.3 * errors[0, 3] + 0.002


def test_the_quietest_stars_are_chosen_and_variables_are_not():
    mag, error, _, _ = night(variable=(0, 1, 2))
    error[:, :3] = mag[:, :3] * 0 + 1e-4
    chosen = quiet_stars(mag, error, np.ones(30, bool))
    assert len(chosen) == 10
    assert not set(chosen) & {0, 1, 2}
    usable = np.ones(30, bool)
    usable[chosen[:4]] = False
    assert not set(quiet_stars(mag, error, usable)) & set(chosen[:4])


def test_scatter_of_every_star_is_its_error():
    mag, error, _, _ = night(1, frames=400, stars=40, variable=())
    chosen = quiet_stars(mag, error, np.ones(40, bool))
    relative, errors, *_ = against(mag, error, chosen, weights(mag, error, chosen))
    assert np.median(scatter(relative) / errors.mean(axis=0)) == pytest.approx(1, abs=0.05)


def test_a_comparison_star_is_measured_against_the_others():
    mag, error, _, _ = night(2, stars=6, variable=())
    chosen = np.arange(5)
    weight = weights(mag, error, chosen)
    relative, *_ = against(mag, error, chosen, weight)
    alone = np.delete(chosen, 2)
    without, *_ = against(mag, error, alone, np.delete(weight, 2))
    difference = relative[:, 2] - without[:, 2]
    assert np.ptp(difference) < 1e-9


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.floats(-3, 3))
def test_haze_over_one_frame_changes_its_zero_point_and_nothing_else(seed, haze):
    mag, error, _, _ = night(seed, frames=8, stars=6, variable=())
    chosen = np.arange(4)
    before, _, first, _ = against(mag, error, chosen, np.ones(4))
    mag[3] += haze
    after, _, second, _ = against(mag, error, chosen, np.ones(4))
    assert np.ptp(after - before) < 1e-9
    assert (second - first)[3] - (second - first)[2] == pytest.approx(haze, abs=1e-9)


def test_a_frame_without_comparison_stars_has_no_zero_point():
    mag, error, _, _ = night(frames=5, stars=4, variable=())
    mag[2, :3] = np.nan
    of_frame, _ = zero_points(mag[:, :3], np.ones(3))
    assert np.isnan(of_frame[2])
    relative, *_ = against(mag, error, np.arange(3), np.ones(3))
    assert np.isnan(relative[2]).all()
    assert np.isfinite(relative[[0, 1, 3, 4]]).all()


def test_a_star_that_most_frames_have_is_preferred_to_a_quieter_one_that_comes_and_goes():
    mag, error, _, _ = night(4, variable=())
    quietest = quiet_stars(mag, error, np.ones(30, bool))[:3]
    mag[::2, quietest] = np.nan
    assert not set(quiet_stars(mag, error, np.ones(30, bool))) & set(quietest.tolist())
