"""Work in a process of its own: the same result, nobody waits, failures are told and nothing is left behind."""

import threading
import time

import numpy as np
import pytest

from pipeline.graph.request import StaleError, Ticket
from pipeline.kernels.apart import apart
from pipeline.kernels.bands import checkpoint
from pipeline.kernels.source_extractor import plane_backgrounds


def doubled(arrays, *, by):
    return [array * by for array in arrays]


def hold(arrays, *, seconds):
    time.sleep(seconds)
    return arrays


def fail(arrays):
    raise ValueError(f"no good ({len(arrays)})")


def test_the_other_process_gives_the_same_bytes_for_every_kind_of_array():
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array([True, False]), np.empty((0, 4))]
    for here, there in zip(doubled(arrays, by=3), apart(doubled, arrays, force=True, by=3), strict=True):
        assert here.dtype == there.dtype
        np.testing.assert_array_equal(here, there)


def test_the_background_of_sep_is_the_same_there():
    plane = np.random.default_rng(0).normal(100, 5, (300, 300)).astype(np.float32)
    arrays, numbers = [plane, plane > 115], {"box_size": 50, "step": 1, "filter_size": 3, "shape": [300, 300]}
    here, there = plane_backgrounds(arrays, **numbers), apart(plane_backgrounds, arrays, force=True, **numbers)
    np.testing.assert_array_equal(here, there)


def test_a_failure_there_is_told_here():
    with pytest.raises(RuntimeError, match=r"ValueError: no good \(2\)"):
        apart(fail, [np.zeros(1), np.zeros(1)], force=True)


def test_a_caller_who_waits_no_more_ends_it():
    ticket, before = Ticket(), time.monotonic()
    threading.Timer(0.3, ticket.cancel).start()
    token = checkpoint.set(ticket.check)
    try:
        with pytest.raises(StaleError):
            apart(hold, [np.zeros(1)], force=True, seconds=60)
    finally:
        checkpoint.reset(token)
    assert time.monotonic() - before < 50


def test_long_work_of_a_thread_leaves_this_process_and_short_work_does_not():
    import os

    found = {}

    def ask(name, size):
        found[name] = int(apart(process_number, [np.zeros(size, np.uint8)])[0])

    for name, size in (("short", 10), ("long", 3_000_000)):
        thread = threading.Thread(target=ask, args=(name, size))
        thread.start()
        thread.join()
    assert found["short"] == os.getpid()
    assert found["long"] != os.getpid()


def process_number(arrays):
    import os

    return [np.array(os.getpid())]
