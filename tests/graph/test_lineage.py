"""Samples of frames, and the keys of results."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.graph.lineage import result_key, spread


@settings(deadline=None)
@given(st.integers(2, 400), st.integers(2, 60))
def test_a_sample_of_frames_is_even_and_has_the_first_and_the_last(frames, count):
    chosen = spread(range(frames), count)
    assert len(chosen) == min(frames, count)
    assert (chosen[0], chosen[-1]) == (0, frames - 1)
    step = (frames - 1) / (len(chosen) - 1)
    assert all(abs(frame - place * step) <= 0.5 for place, frame in enumerate(chosen))


def test_a_key_hears_version_knobs_and_the_order_of_inputs_not_that_of_knobs():
    key = result_key("stars", 1, {"a": 1, "b": 2}, ["one", "two"])
    assert key == result_key("stars", 1, {"b": 2, "a": 1}, ["one", "two"])
    others = [
        result_key("tracks", 1, {"a": 1, "b": 2}, ["one", "two"]),
        result_key("stars", 2, {"a": 1, "b": 2}, ["one", "two"]),
        result_key("stars", 1, {"a": 1, "b": 3}, ["one", "two"]),
        result_key("stars", 1, {"a": 1, "b": 2}, ["two", "one"]),
    ]
    assert len({key, *others}) == 5
