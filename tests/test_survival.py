"""A field that drifts, turns and bends through hot pixels and clouds: which stars are still followed at the end."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.graph.run import Graph
from pipeline.recipe import Recipe
from pipeline.sample import SAMPLES, make_truth, write


def short(seed):
    """The sample "survival" with every third frame and a quarter of its area, star for star as dense."""
    full = SAMPLES["survival"]
    return replace(
        full,
        seed=seed,
        frames=14,
        shape=(400, 600),
        stars=150,
        hot=75,
        drift=tuple(3 * step for step in full.drift),
        rotation=3 * full.rotation,
        clouds={5: 0.3, 6: 0.08},
    )


@pytest.mark.parametrize("seed", [20260120, 5])
def test_stars_that_stay_in_the_field_are_followed_to_the_end_and_taken_for_no_other(tmp_path, seed):
    from scipy.spatial import cKDTree

    spec = short(seed)
    truth = make_truth(spec)
    write(spec, tmp_path)
    graph = Graph()
    tracks = graph.result(graph.open([tmp_path]), Recipe(), "tracks")
    distance, star = cKDTree(np.column_stack([truth.x[0], truth.y[0]])).query(
        np.column_stack([tracks.x[0], tracks.y[0]]), distance_upper_bound=2.0
    )
    real = np.isfinite(distance)
    assert real.mean() > 0.98
    star = star[real]
    clear = np.flatnonzero(tracks.used & (truth.transparency > 0.9))
    assert len(clear) == spec.frames - len(spec.clouds)
    ny, nx = spec.shape
    x, y = truth.x[:, star][clear], truth.y[:, star][clear]
    stays = ((x > 4) & (y > 4) & (x < nx - 5) & (y < ny - 5)).all(axis=0)
    measured = tracks.measured[:, real][clear]
    assert measured[:, stays].mean() > 0.98
    off = np.hypot(tracks.x[:, real][clear] - x, tracks.y[:, real][clear] - y)
    assert (off[measured] > 2.0).mean() < 0.002
