"""What the background leaves of the sky is found between the stars, and nothing where nothing is left."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.stages.background import background
from pipeline.stages.candidates import candidates
from pipeline.stages.centroids import centroids
from pipeline.stages.normalize import normalize
from pipeline.stages.psf_photometry import psf_photometry
from pipeline.stages.sky_left import Boxes, sky_left
from pipeline.stages.stars import stars
from tests.stages.test_psf_photometry import GAIN, Alone, few_bright, matched, sky

SIGMA = 2.0


def looked_at(normalized, x, y):
    found = centroids(normalized, stars(candidates(normalized, fwhm=2.3548 * SIGMA), threshold=6.0))
    return sky_left(normalized, found, (x, y), np.full((2, 2), normalized.noise**2))


def test_an_exact_sky_leaves_nothing_at_all():
    _, normalized, x, y, _ = sky(0, SIGMA, few_bright(SIGMA, 30))
    left = looked_at(normalized, x, y)
    assert not left.layers
    assert not left.at(x, y).any()


@pytest.mark.parametrize("level", [-3.0, 0.8, 5.0])
def test_a_level_that_is_left_is_found_to_a_hundredth_of_a_pixels_noise(level):
    _, normalized, x, y, _ = sky(1, SIGMA, few_bright(SIGMA, 30))
    left = looked_at(replace(normalized, image=normalized.image + np.float32(level)), x, y)
    assert np.mean(left.at(x, y)) == pytest.approx(level, abs=0.01 * normalized.noise)


def test_a_slope_is_followed_to_the_edge():
    _, normalized, x, y, _ = sky(2, SIGMA, few_bright(SIGMA, 30))
    rows, columns = np.indices(normalized.image.shape)
    slope = (0.02 * columns - 0.01 * rows).astype(np.float32)
    small = replace(normalized.background, box_size=100)
    left = looked_at(replace(normalized, image=normalized.image + slope, background=small), x, y)
    np.testing.assert_allclose(left.at(x, y), 0.02 * x - 0.01 * y, atol=0.12 * normalized.noise)


def test_a_sky_that_bends_within_a_box_is_followed_in_smaller_ones():
    _, normalized, x, y, truth = sky(2, SIGMA, np.where(np.arange(400) % 7, 0.0, few_bright(SIGMA, 30)))
    x, y = x[truth > 0], y[truth > 0]
    columns = np.indices(normalized.image.shape)[1]

    def bent(at):
        return 2 * normalized.noise * np.cos(np.pi * at / 133)

    small = replace(normalized.background, box_size=100)
    image = normalized.image + bent(columns).astype(np.float32)
    left = looked_at(replace(normalized, image=image, background=small), x, y)
    assert len(left.layers) == 2
    off = [np.std(found - bent(x)) for found in (left.layers[0].at(x, y), left.at(x, y))]
    assert off[1] < 0.5 * off[0]
    assert off[1] < 0.4 * normalized.noise


def test_levels_between_boxes_lie_on_the_line_through_their_middles():
    left = Boxes(np.array([[0.0, 10.0], [20.0, 30.0]]), 100.0, 50.0)
    found = left.at(np.array([24.5, 74.5, 49.5, -0.5, np.nan]), np.array([49.5, 49.5, 99.5, 49.5, 0.0]))
    np.testing.assert_allclose(found[:4], [0.0, 10.0, 15.0, -5.0])
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(Boxes(np.array([[7.0]]), 60.0, 60.0).at(np.array([0.0, 59.0]), np.zeros(2)), 7.0)


def test_fluxes_with_the_usual_background_are_unbiased_though_its_mode_is_not():
    # A sky that slopes, in boxes whose median flattens the edge, and a mode that wings draw down.
    frame, _, x, y, truth = sky(3, SIGMA, few_bright(SIGMA, 40))
    rows, columns = np.indices(frame.pixels.shape)
    slope = (0.1 * columns + 0.05 * rows).astype(np.float32)
    sloped = replace(frame, pixels=frame.pixels + slope)
    found = normalize(sloped, background(sloped))
    table = stars(candidates(found, fwhm=2.3548 * SIGMA), threshold=6.0)
    off = {}
    for way in ("measured", "background"):
        photometry = psf_photometry(found, sloped, centroids(found, table), Alone(), 0, gain=GAIN, sky=way)
        kept, at = matched(photometry, x, y)
        faint = truth[at] == truth.min()
        off[way] = (photometry["psf_flux"][kept] / truth[at] - 1)[faint]
        pull = (off[way] * truth.min() / photometry["psf_flux_err"][kept][faint]).std()
        assert (0.9 < pull < 1.15) == (way == "measured")
    assert abs(np.mean(off["measured"])) < 0.01
    assert abs(np.mean(off["background"])) > 0.01


def test_a_frame_without_room_between_its_stars_has_nothing_taken_off():
    _, normalized, *_ = sky(4, SIGMA, few_bright(SIGMA, 30))
    found = centroids(normalized, stars(candidates(normalized, fwhm=2.3548 * SIGMA), threshold=6.0))
    columns = {name: values[:0] for name, values in found.columns.items()}
    none = replace(found, columns=columns, reason=found.reason[:0], flag=found.flag[:0])
    tiny = replace(normalized, image=np.ascontiguousarray(normalized.image[:40, :40]) + np.float32(9))
    crowd = [values.ravel() for values in np.meshgrid(np.arange(2, 40, 6.0), np.arange(2, 40, 6.0))]
    variance = np.full((2, 2), normalized.noise**2)
    assert sky_left(tiny, none, crowd, variance).layers == ()
    assert sky_left(tiny, none, (np.empty(0), np.empty(0)), variance).layers
