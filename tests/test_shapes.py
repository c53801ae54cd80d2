"""Shapes drawn on a picture: what they cover, and their way into a recipe and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.knob import Knob, KnobError, KnobSpec
from pipeline.recipe import Recipe, dumps, loads, parse_value
from pipeline.shapes import checked, covered

SPEC = KnobSpec("mask", "shapes", "shapes", (), Knob("drawn"))


def test_a_rectangle_ends_before_its_second_corner_and_at_the_edge_of_the_frame():
    mask = covered(SPEC.check([{"shape": "rectangle", "x0": 2, "y0": -5, "x1": 6, "y1": 3}]), (10, 12))
    assert mask.sum() == 12
    assert mask[2, 5]
    assert not mask[3, 5]
    assert not mask[2, 6]


@settings(deadline=None, max_examples=30)
@given(st.floats(2, 20), st.floats(2, 20), st.floats(-360, 360))
def test_an_ellipse_has_its_own_area_and_turns_from_x_toward_y(a, b, theta):
    mask = covered([checked({"shape": "ellipse", "x": 60.2, "y": 50.7, "a": a, "b": b, "theta": theta})], (110, 120))
    assert mask.sum() == pytest.approx(np.pi * a * b, abs=0.3 * np.pi * (a + b) + 4)
    along = np.radians(theta)
    tip = round(50.7 + 0.9 * a * np.sin(along)), round(60.2 + 0.9 * a * np.cos(along))
    if min(a, b) > 8:
        assert mask[tip]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.floats(-10, 50), st.floats(-10, 40)), min_size=3, max_size=3))
def test_a_triangle_covers_the_pixels_on_the_same_side_of_its_three_lines(points):
    mask = covered([checked({"shape": "polygon", "points": points})], (30, 40))
    y, x = np.indices((30, 40))
    ends = [*points[1:], points[0]]
    side = np.array(
        [(bx - ax) * (y - ay) - (by - ay) * (x - ax) for (ax, ay), (bx, by) in zip(points, ends, strict=True)]
    )
    near = (np.abs(side) < 1e-6 * (1 + np.abs(side).max())).any(axis=0)
    inside = (side > 0).all(axis=0) | (side < 0).all(axis=0)
    assert (mask == inside)[~near].all()


@pytest.mark.parametrize(
    "shape",
    [
        {"shape": "circle", "x": 1, "y": 1, "a": 1},
        {"shape": "rectangle", "x0": 5, "y0": 0, "x1": 5, "y1": 3},
        {"shape": "rectangle", "x0": 5, "y0": 0, "x1": 9},
        {"shape": "ellipse", "x": 1, "y": 1, "a": -1, "b": 2},
        {"shape": "ellipse", "x": 1, "y": float("nan"), "a": 1, "b": 2},
        {"shape": "polygon", "points": [[1, 2], [3, 4]]},
        {"shape": "polygon"},
        {"shape": "rectangle", "x0": 0, "y0": 0, "x1": 2, "y1": 2, "theta": 5},
        {"shape": ["rectangle"]},
        "rectangle",
        5,
    ],
)
def test_what_is_no_shape_is_refused_with_the_forms_that_are(shape):
    with pytest.raises(KnobError, match=r"mask.shapes = .* wants a list of shapes: \{shape = "):
        SPEC.check([shape])


def test_shapes_live_in_the_recipe_and_can_be_set_from_the_command_line():
    drawn = parse_value(SPEC, '[{shape = "rectangle", x0 = 1, y0 = 2, x1 = 30, y1 = 40}]')
    assert drawn == ({"shape": "rectangle", "x0": 1.0, "y0": 2.0, "x1": 30.0, "y1": 40.0},)
    more = (*drawn, {"shape": "polygon", "points": [[0, 0], [9, 0], [0.5, 9]]}, {"shape": "ellipse", "x": 5, "y": 6,
            "a": 7, "b": 8})  # fmt: skip
    for shapes in ((), drawn, more):
        recipe = Recipe().with_knobs("mask", shapes=shapes)
        again = loads(dumps(recipe))
        assert again.knobs == recipe.knobs
        assert again.hash == recipe.hash
    tables = "[[mask.shapes]]\nshape = 'rectangle'\nx0 = 1\ny0 = 2\nx1 = 30\ny1 = 40\n"
    assert loads(tables)["mask"]["shapes"] == drawn
