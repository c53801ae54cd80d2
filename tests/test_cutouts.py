"""Cut-outs of the aligned frames: pixels of those frames about one place, whatever they are cropped to."""

import numpy as np
import pytest

from pipeline import cutouts
from pipeline.graph.request import Request, Ticket
from pipeline.recipe import Recipe


def request(graph, night, told=None, **knobs):
    return Request(graph, night, Recipe().with_knobs("aligned", **knobs), Ticket(), told)


def test_they_are_the_pixels_of_each_aligned_frame_about_the_place(graph, turning):
    told = []
    asked = request(graph, turning, lambda *words: told.append(words), model="transform", sky="subtract")
    found = cutouts.of_request(asked, 150.3, 120.6)
    assert found.place == (150, 121)
    assert found.values.shape == (4, 15, 15)
    for number in range(4):
        frame = asked.get("aligned", number)
        expected = frame.pixels[114:129, 143:158].astype(np.float32)
        if frame.mask is not None:
            expected[frame.mask[114:129, 143:158]] = np.nan
        np.testing.assert_array_equal(found.values[number], expected)
    assert told[-1] == ("aligned", 4, 4)
    assert cutouts.of_request(asked, 150.4, 120.7) is found
    assert cutouts.key_of(asked, 152, 120) != cutouts.key_of(asked, 150, 120)


def test_a_crop_does_not_move_them(graph, turning):
    whole = cutouts.of_request(request(graph, turning, model="transform"), 150, 120)
    cropped = cutouts.of_request(request(graph, turning, model="transform", crop=(100, 60, 260, 200)), 150, 120)
    np.testing.assert_array_equal(whole.values, cropped.values)


@pytest.mark.parametrize(("x", "y", "known"), [(0, 0, 64), (319, 239, 64), (-30, 100, 0), (150, 900, 0)])
def test_beyond_the_frame_nothing_has_a_value(graph, turning, x, y, known):
    asked = request(graph, turning)
    found = cutouts.of_request(asked, x, y)
    assert np.isfinite(found.values[asked.sequence().reference]).sum() == known


def test_a_piece_at_the_edge_has_no_value_beyond_it():
    image = np.ones((60, 80), np.float32)
    assert np.isfinite(cutouts.piece(image, 40, 30)).all()
    assert np.isnan(cutouts.piece(image, 0, 0)).sum() == 15 * 15 - 8 * 8
    assert np.isnan(cutouts.piece(image, 300, 300)).all()
    assert np.isnan(cutouts.piece(image, -50, 10)).all()
