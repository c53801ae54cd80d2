"""The plain sum of the subtracted frames: what is added, what is not, and where nothing is."""

import numpy as np
import pytest

from pipeline import sample, trails
from pipeline.frame import FrameError, Normalized
from pipeline.graph.request import Request, Ticket
from pipeline.graph.run import Graph
from pipeline.recipe import Recipe


def normalized(image, pattern="none", red=1.0, blue=1.0, noise=3.0):
    return Normalized(np.float32(image), red, blue, pattern, None, np.empty(0, np.int64), noise, "a.fits", None)


def test_the_sum_is_the_frames_added_and_its_noise_grows_with_the_root_of_their_number():
    rng = np.random.default_rng(1)
    frames = rng.normal(0, 3, (9, 12, 16)).astype(np.float32)
    total = trails.Trails()
    for frame in frames:
        total.add(normalized(frame))
    result = total.result()
    np.testing.assert_allclose(result.image, frames.sum(axis=0, dtype=float), rtol=1e-5, atol=1e-5)
    assert result.noise == pytest.approx(9.0)
    assert result.frames == 9


def test_a_masked_pixel_adds_nothing_and_one_masked_in_all_frames_has_no_value():
    one, other = np.ones((4, 4)), np.full((4, 4), 2.0)
    one[0, 0] = one[1, 1] = other[1, 1] = np.nan
    total = trails.Trails()
    total.add(normalized(one))
    total.add(normalized(other))
    image = total.result().image
    assert image[0, 0] == 2
    assert np.isnan(image[1, 1])
    assert np.delete(image.ravel(), [0, 5]).tolist() == [3.0] * 14


def test_the_colours_factors_are_taken_off_before_frames_are_added():
    flat = np.full((4, 6), 10.0)
    scaled = flat.copy()
    scaled[0::2, 0::2] *= 2.0
    scaled[1::2, 1::2] *= 0.5
    total = trails.Trails()
    total.add(normalized(scaled, "RGGB", red=2.0, blue=0.5))
    np.testing.assert_allclose(total.result().image, flat)


def test_no_frame_has_no_sum():
    assert trails.Trails().result() is None


def test_the_graph_adds_the_frames_that_nobody_left_out_once(tmp_path):
    sample.write_named("drift", tmp_path, frames=3, size=(120, 160), format="fits")
    graph = Graph()
    night = Graph.open([tmp_path], tmp_path)
    name = night.files[1].file
    counted = []
    request = Request(graph, night, Recipe(), Ticket(), lambda stage, done, count: counted.append((stage, done, count)))
    total = trails.of_request(request)
    assert total.frames == 3
    assert [one for one in counted if one[0] == "sum"] == [("sum", 1, 3), ("sum", 2, 3), ("sum", 3, 3)]
    assert trails.of_request(request) is total
    alone = trails.Trails()
    for frame in range(3):
        alone.add(request.get("normalize", frame))
    np.testing.assert_array_equal(total.image, alone.result().image)
    recipe = Recipe().with_knobs("selection", rejected={name: "cloud"})
    fewer = trails.of_request(Request(graph, night, recipe, Ticket()))
    assert fewer.frames == 2
    recipe = recipe.with_knobs("selection", rejected={one.file: "cloud" for one in night.files})
    with pytest.raises(FrameError, match="no frame could be subtracted"):
        trails.of_request(Request(graph, night, recipe, Ticket()))
