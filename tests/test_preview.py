"""The stack of a small part: the same pixels as the whole stack has, and noise that falls with the number of frames."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from pipeline import difference, preview, sample
from pipeline.frame import FrameError
from pipeline.graph.request import Request, Ticket
from pipeline.graph.run import Graph
from pipeline.preview import LONGEST, Cube, part_of
from pipeline.recipe import Recipe

PART = (20.0, 80.0, 30.0, 70.0)


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """A graph and five frames of a field that drifts."""
    folder = tmp_path_factory.mktemp("drift")
    sample.write_named("drift", folder, frames=5, size=(120, 160), format="fits")
    return Graph(), Graph.open([folder], folder)


def asked(night, recipe):
    return Request(*night, recipe, Ticket())


@pytest.mark.parametrize("combine", ["median", "mean", "clipped", "winsorized"])
@pytest.mark.parametrize("weights", ["none", "noise", "seeing"])
def test_a_part_has_the_pixels_that_the_whole_stack_has_there(night, combine, weights):
    recipe = Recipe().with_knobs("stack", combine=combine, weights=weights, clip=(1.5, 1.5))
    request = asked(night, recipe)
    part = preview.of_request(request, 1, PART)
    (whole,) = request.get("stack").stacks
    x0, y0, x1, y1 = part.cube.region
    assert (x0, y0, x1, y1) == (20, 30, 80, 70)
    np.testing.assert_array_equal(part.image, whole.image[y0:y1, x0:x1])
    np.testing.assert_array_equal(part.count, whole.count[y0:y1, x0:x1])
    np.testing.assert_array_equal(part.rejected, whole.rejected[y0:y1, x0:x1])


def test_a_knob_that_turns_aligns_no_frame_again(night):
    request = asked(night, Recipe())
    preview.of_request(request, 1, PART)
    made = []
    forget = night[0].listen(lambda event: made.append(event.stage))
    preview.of_request(asked(night, Recipe().with_knobs("stack", combine="clipped", clip=(2.0, 2.5))), 1, PART)
    forget()
    assert set(made) == {"preview"}


def test_a_part_follows_the_crop(night):
    recipe = Recipe().with_knobs("aligned", crop=(10, 20, 150, 110))
    whole = preview.of_request(asked(night, Recipe()), 0, PART)
    cropped = preview.of_request(asked(night, recipe), 0, PART)
    assert cropped.cube.origin == (10, 20)
    np.testing.assert_array_equal(cropped.image, whole.image)


def test_noise_falls_with_the_root_of_the_number_of_frames():
    rng = np.random.default_rng(5)
    values = rng.normal(0, 4, (16, 120, 120)).astype(np.float32)
    cube = Cube(values, np.full(16, 4.0), np.full(16, 3.0), tuple(range(16)), "", "none", (0, 0, 120, 120), (0, 0))
    made = preview.preview(cube, combine="mean", clip=(3, 3), weights="none")
    assert made.numbers.tolist() == [1, 2, 4, 8, 16]
    np.testing.assert_allclose(made.noises, 4 / np.sqrt(made.numbers), rtol=0.06)


def test_of_one_frame_there_is_one_noise():
    cube = Cube(
        np.ones((1, 20, 20), np.float32), np.array([4.0]), np.array([3.0]), (0,), "", "none", (0, 0, 20, 20), (0, 0)
    )
    made = preview.preview(cube, combine="median", clip=(3, 3), weights="none")
    assert made.numbers.tolist() == [1]
    assert made.noises.tolist() == [4.0]


ENDS = some.floats(-500, 5000)


@given(some.tuples(some.integers(2, 3000), some.integers(2, 3000)), some.none() | some.tuples(ENDS, ENDS, ENDS, ENDS))
@settings(deadline=None)
def test_a_part_lies_inside_the_frame_whatever_was_dragged(shape, wanted):
    if wanted is not None:
        wanted = (*sorted(wanted[:2]), *sorted(wanted[2:]))
    x0, y0, x1, y1 = part_of(shape, wanted)
    assert 0 <= x0 < x1 <= shape[1]
    assert 0 <= y0 < y1 <= shape[0]
    assert max(x1 - x0, y1 - y0) <= LONGEST
    assert x0 % 2 == y0 % 2 == 0


def test_a_difference_is_the_frame_less_the_reference(night):
    request = asked(night, Recipe())
    made = difference.of_request(request, 2)
    expected = request.get("aligned", 2).pixels - request.get("aligned", request.sequence().reference).pixels
    known = np.isfinite(made.image)
    np.testing.assert_array_equal(made.image[known], expected[known])
    assert known.mean() > 0.5
    assert made.noise == pytest.approx(float(np.std(expected[known & (abs(expected) < 5 * made.noise)])), rel=0.2)
    own = difference.of_request(request, request.sequence().reference)
    assert np.nanmax(abs(own.image)) == 0


def test_frames_of_unlike_size_have_no_difference(night):
    one = asked(night, Recipe()).get("aligned", 1)
    other = asked(night, Recipe().with_knobs("aligned", crop=(0, 0, 40, 40))).get("aligned", 0)
    with pytest.raises(FrameError, match="not as large as the reference"):
        difference.difference(one, other)
