"""What goes first when a store is full."""

import numpy as np

from pipeline.graph import tasks
from pipeline.graph.store import Store
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
