"""Matches against brute force and against skies that were moved on purpose."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.kernels import match

points = st.integers(0, 25).flatmap(lambda n: arrays(np.float64, (n, 2), elements=st.floats(-50, 50, width=16)))


@settings(max_examples=60, deadline=None)
@given(here=points, there=points, reach=st.floats(0, 40))
def test_pairs_are_those_of_brute_force(here, there, reach):
    near = (np.abs(there[None] - here[:, None]) <= reach).all(axis=2)
    expected = np.argwhere(near)
    found = np.stack(match.pairs_within(here, there, reach), axis=1)
    # A difference that rounds to just the reach may fall on either side.
    edge = np.abs(np.abs(there[None] - here[:, None]) - reach).min(axis=2) < 1e-9
    certain = {tuple(pair) for pair in expected if not edge[tuple(pair)]}
    assert certain <= {tuple(pair) for pair in found}
    assert {tuple(pair) for pair in found if not edge[tuple(pair)]} == certain
    assert found.tolist() == sorted(found.tolist())


def test_pairs_by_tree_are_the_same(monkeypatch):
    rng = np.random.default_rng(1)
    here, there = rng.uniform(0, 100, (300, 2)), rng.uniform(0, 100, (400, 2))
    plain = match.pairs_within(here, there, 9.0)
    monkeypatch.setattr(match, "_MOST_PAIRS", 10)
    for one, other in zip(plain, match.pairs_within(here, there, 9.0), strict=True):
        assert np.array_equal(one, other)


@settings(max_examples=60, deadline=None)
@given(here=points, there=points)
def test_one_to_one_is_the_greedy_choice(here, there):
    first, second = match.pairs_within(here, there, 20.0)
    distance = np.hypot(*(there[second] - here[first]).T)
    chosen = match.one_to_one(first, second, distance)
    taken_first, taken_second, expected = set(), set(), []
    for k in np.argsort(distance, kind="stable"):
        if first[k] not in taken_first and second[k] not in taken_second:
            expected.append(k)
            taken_first.add(first[k])
            taken_second.add(second[k])
    assert chosen.tolist() == sorted(expected)


@settings(max_examples=25, deadline=None)
@given(dx=st.floats(-2000, 2000), dy=st.floats(-2000, 2000), seed=st.integers(0, 99))
def test_shift_is_found_among_strangers(dx, dy, seed):
    rng = np.random.default_rng(seed)
    here = rng.uniform(0, 3000, (60, 2))
    there = np.concatenate(
        [here[:40] + np.array([dx, dy]) + rng.normal(0, 0.1, (40, 2)), rng.uniform(0, 3000, (40, 2))]
    )
    np.testing.assert_allclose(match.common_shifts(here, there, None, 4.0)[0], (dx, dy), atol=0.2)


def test_no_edge_of_a_cell_divides_a_peak():
    rng = np.random.default_rng(2)
    differences = np.concatenate([rng.uniform(-0.9, 0.9, (12, 2)) + 8.0, rng.uniform(-0.9, 0.9, (7, 2)) + 22.0])
    np.testing.assert_allclose(match.common_shifts(np.zeros((1, 2)), differences, None, 4.0)[0], 8.0, atol=0.7)


@pytest.mark.parametrize("degrees", [0, 0.3, 7, 90, 179.9, -120])
@pytest.mark.parametrize("stretch", [1.0, 1.1])
def test_turn_and_scale_are_found_among_strangers(degrees, stretch):
    rng = np.random.default_rng(int(degrees + 200))
    here = rng.uniform(0, 3000, (50, 2))
    turn = stretch * np.exp(1j * np.radians(degrees))
    plane = here @ (1, 1j) * turn + (200 - 340j)
    there = np.stack([plane.real, plane.imag], axis=1) + rng.normal(0, 0.2, (50, 2))
    there[40:] = rng.uniform(0, 3000, (10, 2))
    found = match.common_turns(here, there[rng.permutation(50)])[0]
    expected = [[200, turn.real, -turn.imag], [-340, turn.imag, turn.real]]
    np.testing.assert_allclose(found[:, 1:], np.array(expected)[:, 1:], atol=2e-3)
    centre = np.array([1, 1500, 1500])
    np.testing.assert_allclose(found @ centre, expected @ centre, atol=2.0)


def test_mirrored_sky_is_no_turn():
    here = np.random.default_rng(4).uniform(0, 3000, (40, 2))
    for found in match.common_turns(here, here * (-1, 1) + (3000, 0)):
        there = here @ found[:, 1:].T + found[:, 0]
        assert len(match.nearest_one_to_one(there, here * (-1, 1) + (3000, 0), 5.0)[0]) < 10


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_points_give_no_trouble(count):
    here = np.arange(2.0 * count).reshape(count, 2) ** 2
    assert isinstance(match.common_turns(here, here), list)
    assert isinstance(match.common_shifts(here, here, 5.0, 2.0), list)
    assert len(match.nearest_one_to_one(here, here, 1.0)[0]) == count


def test_chance_is_the_frequency_among_unrelated_points():
    rng = np.random.default_rng(8)
    hits = rng.random((20000, 30)) < 0.05
    seen = (hits.sum(axis=1) >= 4).mean()
    assert match.chance(4, 30, 0.05) == pytest.approx(seen, rel=0.1)
    assert match.chance(3, 3, 1e-5, free=1, trials=9) == pytest.approx(9e-10, rel=1e-3)
    assert match.chance(1, 1, 0.5, free=1, trials=0.02) == 0.02
