import itertools

import numpy as np
import pytest

from benchmarks.visitors import Wave, _answered, _memory
from benchmarks.websocket_visitor import CUT, SCREEN, STARS, Known, fitted, hand, token_of
from pipeline.recipe import Recipe

KNOBS = ("threshold", "sharpness", "roundness")


def source(identity, name):
    return {"type": "object", "name": "ColumnDataSource", "id": identity, "attributes": {"name": name}}


def changed(identity, **columns):
    entries = [[name, [value]] for name, value in columns.items()]
    return {
        "kind": "ColumnDataChanged", "model": {"id": identity}, "attr": "data",
        "data": {"type": "map", "entries": entries},
    }  # fmt: skip


def test_a_hand_turns_the_same_way_again_and_every_turn_is_one():
    first, again, other = (list(itertools.islice(hand(seed, KNOBS), 300)) for seed in (5, 5, 6))
    assert first == again != other
    for knob in KNOBS:
        values = [value for name, value in first if name == knob]
        assert all(one != next_one for one, next_one in itertools.pairwise(values))
        for value in values:
            Recipe().with_knobs("stars", **{knob: tuple(value) if isinstance(value, list) else value})


def test_thirty_visitors_who_turn_the_threshold_share_their_values():
    values = {value for seed in range(30) for _, value in itertools.islice(hand(seed), 60)}
    assert len(values) < 40
    assert all(value % 0.5 == 0 for value in values)


@pytest.mark.parametrize("shape", [(6000, 4000), (4000, 6000), (1350, 900), (30, 20)])
def test_a_whole_frame_is_in_the_middle_of_the_screen_and_fills_it_one_way(shape):
    asked = fitted(*shape)
    across, down = asked["x1"] - asked["x0"], asked["y1"] - asked["y0"]
    assert across / SCREEN[0] == pytest.approx(down / SCREEN[1])
    assert min(across - shape[0], down - shape[1]) == pytest.approx(0, abs=1e-9)
    assert (asked["x0"] + asked["x1"] + 1, asked["y0"] + asked["y1"] + 1) == pytest.approx(shape)


def test_the_token_of_a_page_is_that_of_its_session():
    assert token_of('<script>const items = [{"token":"ab.c_d-9","roots":{}}];</script>') == "ab.c_d-9"
    with pytest.raises(ValueError, match="no token"):
        token_of("<html></html>")


def test_a_visitor_knows_models_of_the_document_and_those_that_come_later():
    known = Known()
    component = {
        "type": "object", "name": "panel.models.esm.ReactiveESM", "id": "p2",
        "attributes": {"class_name": "StageList", "data": {"type": "object", "name": "StageList1", "id": "p1"}},
    }  # fmt: skip
    known.learn({"roots": [component, {"deep": [source("p3", CUT)]}]})
    assert known.models == {"StageList": "p2"}
    known.hear(changed("p3", nx=1350, ny=900))
    assert known.shape == (1350, 900)
    assert known.since(0.0, f"{STARS}.data") is None
    new = {"kind": "ModelChanged", "model": {"id": "p9"}, "attr": "children", "new": [source("p4", STARS)]}
    known.hear(new)
    known.hear(changed("p4", x=1.0))
    assert known.since(0.0, f"{STARS}.data") > 0
    assert known.since(known.latest, f"{STARS}.data") is None


def wave(answers):
    return Wave(np.array(answers, float), np.empty(0), server=0.5, crowd=0.1, most=2_000_000_000)


def test_a_turn_without_an_answer_is_longer_than_any_other():
    prompt = [[0.1, 0.2]] * 99
    assert _answered("knob", wave([*prompt, [np.nan, np.nan]]), 0.3).met
    most = _answered("knob", wave([*prompt[:90], *[[np.nan, np.nan]] * 10]), 0.3)
    assert not most.met
    assert "10 without an answer" in most.against


@pytest.mark.parametrize(("second", "pages", "met"), [(420, 0, True), (480, 0, False), (420, 1, False)])
def test_who_comes_again_leaves_no_more_memory_and_no_page(second, pages, met):
    told = {"bytes": 10**9, "results": 100, "pages": 0}
    states = [(300, told), (400, told), (second, {**told, "pages": pages}), (900, told)]
    rows = _memory(30, [wave([[0.1, 0.2]])] * 3, [(size * 10**6, known) for size, known in states])
    assert [row.met for row in rows] == [None, met, None]
