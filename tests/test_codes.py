"""Whatever can become of a star happens in the sample "codes", and the whole chain calls it by its name."""

import numpy as np
import pytest

from pipeline.graph.run import Graph
from pipeline.recipe import Recipe
from pipeline.sample import SAMPLES, make_truth, write
from pipeline.tables import Status

CLOUDED = 9


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder, spec = tmp_path_factory.mktemp("codes"), SAMPLES["codes"]
    write(spec, folder)
    graph = Graph()
    # A full star keeps its place and carries a flag, unless such stars are unwanted.
    recipe = Recipe().with_knobs("stars", saturated="drop")
    return graph.result(graph.open([folder]), recipe, "tracks"), make_truth(spec)


def words(result, label):
    """What became of one object in every frame."""
    tracks, truth = result
    at = truth.labels[label]
    distance = np.hypot(tracks.x[0] - truth.x[0, at], tracks.y[0] - truth.y[0, at])
    star = np.nanargmin(distance)
    assert distance[star] < 1.0, label
    return [Status(code).word for code in tracks.status[:, star]]


def test_every_code_is_met(result):
    assert {Status(code) for code in result[0].status.ravel()} == set(Status)


@pytest.mark.parametrize(
    ("label", "frames", "word"),
    [
        ("leaves", (8, 10, 11), "outside"),
        ("masked", (7, 8, 10), "masked"),
        ("dims", (4, 5, 6), "recovered"),
        ("dims", (0, 1, 2, 7, 8, 11), "found"),
        ("fades", (6, 7, 8), "faint"),
        ("bright", (7,), "saturated"),
        ("left", (7, 8), "ambiguous"),
        ("right", (7, 8), "ambiguous"),
        ("mover", (3, 4, 5, 6, 7, 8), "moved"),
        ("near", (10,), "blended"),
        ("far", (10,), "blended"),
    ],
)
def test_what_happens_to_a_star_is_told_by_its_name(result, label, frames, word):
    told = words(result, label)
    assert [told[frame] for frame in frames] == [word] * len(frames)


def test_a_cloud_over_everything_takes_the_frame_and_no_star_for_good(result):
    tracks, _ = result
    assert np.flatnonzero(~tracks.used).tolist() == [CLOUDED]
    assert (tracks.status[CLOUDED] == Status.FRAME).all()
    assert tracks.measured[11].sum() > 0.7 * tracks.measured[0].sum()


def test_hot_spots_that_look_like_stars_are_told_by_standing_still(result):
    tracks, _ = result
    hot = (tracks.status == Status.HOT).any(axis=0)
    assert hot.sum() == 3
    assert (tracks.row[:, hot] == -1).all()
