"""A session with bias, dark and flat frames: what its detector adds and takes is what the reduction gives back."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from pipeline.graph.run import Graph
from pipeline.read import read_info
from pipeline.recipe import Recipe
from pipeline.sample import SAMPLES, light, make_truth, named, write_named
from pipeline.truth import truth_beside


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """The sample with calibration frames, on disk."""
    folder = tmp_path_factory.mktemp("reduction")
    return folder, write_named("reduction", folder)


def test_a_session_has_calibration_frames_whose_bias_level_falls_from_frame_to_frame(session):
    folder, paths = session
    spec = SAMPLES["reduction"]
    kinds = [read_info(path).kind for path in paths]
    assert kinds == ["light"] * 8 + ["bias"] * 9 + ["dark"] * 7 + ["flat"] * 7
    taken = sorted(paths, key=lambda path: read_info(path).time.mjd)
    levels = [np.median(fits.getdata(path)[:, -spec.detector.overscan :]) for path in taken]
    assert np.diff(levels) == pytest.approx(np.full(30, -spec.detector.drift), abs=1.01)
    assert truth_beside(folder).bias_level[-1] == pytest.approx(levels[-1], abs=1)


def test_a_session_reduced_with_all_its_frames_is_the_light_that_fell_on_it(session):
    folder, _ = session
    truth = truth_beside(folder)
    graph = Graph()
    recipe = Recipe().with_knobs("calibrated", uncertainty=True)
    frame = graph.result(graph.open([folder]), recipe, "calibrated", 5)
    clean = replace(truth, flat=np.empty((0, 0)), dark=0.0, hot=truth.hot[:0], hot_level=truth.hot_level[:0])
    away = (frame.above_black() - light(clean, 5) / truth.gain) / frame.uncertainty
    away = away[~truth.hot_mask & np.isfinite(away)]
    assert away.size > 0.9 * truth.shape[0] * (truth.shape[1] - truth.overscan)
    assert np.median(away) == pytest.approx(0, abs=0.05)
    assert np.std(away[np.abs(away) < 5]) == pytest.approx(1, abs=0.03)


def test_stars_of_a_session_are_inside_only_where_its_pixels_see_light():
    truth = make_truth(SAMPLES["reduction"])
    assert truth.x[truth.inside].max() < truth.shape[1] - truth.overscan - 0.5
    assert (truth.flat[:, -truth.overscan :] == 0).all()
    assert (truth.hot % truth.shape[1] < truth.shape[1] - truth.overscan).all()


def test_calibration_frames_are_fits_alone():
    with pytest.raises(ValueError, match="calibration frames are monochrome FITS; take fits"):
        named("reduction", format="dng")
