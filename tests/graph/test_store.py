"""What goes first when a store is full."""

import numpy as np
import pytest

from pipeline.graph import tasks
from pipeline.graph.store import Store, size_of
from pipeline.stage import STAGES


def test_what_nobody_asks_for_again_goes_before_what_was_cheaper():
    store = Store(3_500_000)
    for name, seconds in (("dear", 9.0), ("cheap", 0.1), ("dearest", 10.0)):
        store.put(name, np.zeros(250_000, np.float32), seconds)
    store.done_with(["dear", "unknown"])
    store.put("new", np.zeros(250_000, np.float32), 1.0)
    assert "dear" not in store
    assert all(name in store for name in ("cheap", "dearest", "new"))


def test_what_is_asked_for_after_all_stays():
    store = Store(3_500_000)
    for name in ("first", "second", "third"):
        store.put(name, np.zeros(250_000, np.float32), 1.0)
    store.done_with(["first"])
    assert store.get("first") is not None
    store.done_with(["second"])
    store.put("new", np.zeros(250_000, np.float32), 1.0)
    assert "first" in store
    assert "second" not in store


def test_what_was_dear_to_make_goes_too_when_it_is_not_asked_for_any_more():
    store = Store(3_500_000)
    store.put("dear", np.zeros(250_000, np.float32), 2.5)
    for number in range(12):
        store.put(f"passing {number}", np.zeros(250_000, np.float32), 1.0)
        assert store.size <= store.limit
        # Three rounds of what takes a second weigh more than what took two and a half.
        assert ("dear" in store) == (number < 8)


def test_a_run_lets_go_of_results_by_the_names_of_stages():
    assert {*tasks.AFTER_STARS, *tasks.AFTER_PRODUCTS} <= {"frame", *STAGES}


class SortedStore:
    """The same, which looks through all that it has whenever it is full."""

    def __init__(self, limit):
        self.limit, self.entries, self.floor = limit, {}, 0.0

    def put(self, key, size, seconds):
        self.entries.pop(key, None)
        self.entries[key] = [size, seconds / size, self.floor + seconds / size]
        for name, (_, _, rank) in sorted(self.entries.items(), key=lambda item: (item[1][2], item[0])):
            if sum(entry[0] for entry in self.entries.values()) <= self.limit:
                break
            self.floor = rank
            del self.entries[name]

    def get(self, key):
        if key in self.entries:
            self.entries[key][2] = self.floor + self.entries[key][1]

    def done_with(self, key):
        if key in self.entries:
            self.entries[key][2] = self.floor


@pytest.mark.parametrize("seed", range(6))
def test_what_goes_first_is_what_a_look_through_everything_finds(seed):
    random = np.random.default_rng(seed)
    store, plain = Store(60_000), SortedStore(60_000)
    for _ in range(4000):
        key = f"stars-{random.integers(80)}"
        match random.integers(8):
            case 0 | 1 | 2:
                result, seconds = np.zeros(random.integers(1, 400)), random.uniform(0.1, 9)
                store.put(key, result, seconds)
                plain.put(key, size_of(result), seconds)
            case 3 | 4 | 5 | 6:
                store.get(key)
                plain.get(key)
            case _:
                store.done_with([key])
                plain.done_with(key)
        assert store._entries.keys() == plain.entries.keys()
    assert store.size <= 60_000
    assert len(store._order) <= 1002 + 2 * len(store)
