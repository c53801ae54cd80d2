"""The truth of a sample's sky: where every star stands, how any pixel has moved, what colours and fluxes there are."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.sample import SAMPLES, SkyObject, make_truth
from tests.sample.specs import BENT, LONE, MOSAIC


def test_bright_stars_are_white_in_the_median_so_that_factors_are_well_defined():
    truth = make_truth(SAMPLES["colours"])
    bright = truth.flux[0] >= np.median(truth.flux[0])
    assert truth.colours[:, 0].std() > 0.03
    np.testing.assert_allclose(np.median(truth.colours[bright], axis=0), 1.0, rtol=1e-3)


def test_offset_field_at_the_stars_is_their_offset():
    truth = make_truth(BENT)
    for frame in range(BENT.frames):
        x, y = truth.offset_field(frame, truth.x[frame], truth.y[frame])
        np.testing.assert_allclose(x, truth.x[frame] - truth.x[0], atol=1e-9)
        np.testing.assert_allclose(y, truth.y[frame] - truth.y[0], atol=1e-9)


def test_offset_field_against_another_reference_is_the_way_there():
    truth = make_truth(BENT)
    x, y = truth.offset_field(5, truth.x[5], truth.y[5], reference=2)
    np.testing.assert_allclose(x, truth.x[5] - truth.x[2], atol=1e-9)
    np.testing.assert_allclose(y, truth.y[5] - truth.y[2], atol=1e-9)


def test_offsets_without_distortion_are_rotation_scale_and_drift():
    truth = make_truth(replace(BENT, distortion=0.0, wander=0.0))
    exposures = 5 + 3
    angle, scale = np.radians(0.7) * exposures, 1.0004**exposures
    u, v = truth.x[0] - 199.5, truth.y[0] - 149.5
    x = 199.5 + scale * (np.cos(angle) * u - np.sin(angle) * v) + 4.3 * exposures + 37.0
    y = 149.5 + scale * (np.sin(angle) * u + np.cos(angle) * v) - 2.2 * exposures - 21.0
    np.testing.assert_allclose(truth.x[5], x, atol=1e-9)
    np.testing.assert_allclose(truth.y[5], y, atol=1e-9)


def test_distortion_at_the_corner_has_its_amplitude():
    truth = make_truth(BENT)
    x, y = truth.to_frame(0, np.array([199.5]), np.array([149.5]))
    assert np.hypot(x - 199.5, y - 149.5) == pytest.approx(np.hypot(199.5, 149.5) - 5.0)


def test_stars_come_in_from_everywhere_the_field_moves_to():
    truth = make_truth(replace(BENT, stars=4_000))
    assert truth.inside[0].sum() == 4_000
    seen = truth.inside[-1]
    cell = 8 * (truth.y[-1, seen] // 37.5).astype(int) + (truth.x[-1, seen] // 50).astype(int)
    assert np.abs(np.bincount(cell.clip(0, 63), minlength=64) - 62.5).max() < 5 * np.sqrt(62.5)


def test_separation_keeps_random_stars_apart():
    spec = replace(BENT, separation=12.0, distortion=0.0, scale=1.0)
    assert make_truth(spec).nearest(3).min() >= 12.0


def test_the_sky_rises_by_its_gradient_and_has_the_colour_the_camera_sees():
    spec = replace(MOSAIC, gradient=(0.3, -0.2), sky=340.0, sky_colour=(1.3, 1.0, 0.6), gain=2.0)
    truth = make_truth(spec)
    green = truth.background("green")
    np.testing.assert_allclose(green[[0, 0, -1, -1], [0, -1, 0, -1]], 170.0 * np.array([0.95, 1.25, 0.75, 1.05]))
    np.testing.assert_allclose(truth.background("red") / green, 1.3 / 1.7)
    np.testing.assert_allclose(truth.background("blue") / green, 0.6 / 1.2)


def test_moving_and_varying_objects_do_as_told():
    objects = (
        SkyObject("steady", (0.5, 0.5), 1_000.0),
        SkyObject("mover", (0.2, 0.2), 1_000.0, motion=(2.0, 1.0)),
        SkyObject("fading", (0.8, 0.8), 1_000.0, brightness=(1.0, 0.5)),
    )
    truth = make_truth(replace(LONE, objects=objects))
    assert truth.labels == {"steady": 0, "mover": 1, "fading": 2}
    assert truth.moving.tolist() == [False, True, False]
    np.testing.assert_allclose(np.diff(truth.x[:, 1]) - np.diff(truth.x[:, 0]), 2.0)
    np.testing.assert_allclose(truth.flux[:, 2], [1_000.0, 500.0, 200.0])
