"""Row bands of an image on a shared pool of threads: how every kernel uses all processor cores.

Kernels are serial and release the interpreter's lock; a band is a range of rows that one call of a kernel works on. The
split depends on the image alone, never on the machine, so sums over bands are the same bytes everywhere.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import TypeVar

import numpy as np

Result = TypeVar("Result")

BANDS = 16
#: Called before each band in the caller's name; it raises to stop work that nobody waits for any more.
checkpoint: ContextVar[Callable[[], None] | None] = ContextVar("checkpoint", default=None)
#: Told how many of how many frames are read, by a stage that reads them itself.
frames_read: ContextVar[Callable[[int, int], None] | None] = ContextVar("frames_read", default=None)
_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_inside = threading.local()


def frozen(array: np.ndarray) -> np.ndarray:
    """A read-only view, so that a kernel is compiled once for fresh and for stored arrays alike."""
    view = array.view()
    view.flags.writeable = False
    return view


def threads() -> int:
    """Number of threads that work on one image: one per processor core, at least two."""
    return max(2, os.cpu_count() or 2)


def split(rows: int, *, least: int = 64, multiple: int = 2) -> list[tuple[int, int]]:
    """Ranges of rows that cover an image.

    Parameters
    ----------
    rows : int
        Number of rows.
    least : int
        Least height of a band, rows; short bands cost more than they gain.
    multiple : int
        Every band starts at a multiple of this (2 keeps the colours of a mosaic in step).

    Returns
    -------
    list of (int, int)
        First row and the row after the last of each band, at most BANDS of them.
    """
    height = max(least, -(-rows // BANDS))
    height = -(-height // multiple) * multiple
    return [(start, min(start + height, rows)) for start in range(0, rows, height)]


def map_bands(function: Callable[[int, int], Result], rows: int, *, least: int = 64, multiple: int = 2) -> list[Result]:
    """Call ``function(start, stop)`` for every band of rows, on all cores.

    Parameters
    ----------
    function : callable
        Takes the first row and the row after the last. It should spend its time where the lock is released.
    rows : int
        Number of rows.
    least, multiple : int
        As for :func:`split`.

    Returns
    -------
    list
        What the calls returned, in the order of the bands.

    Raises
    ------
    Exception
        The first band's error, after all bands have ended.
    """
    bands = split(rows, least=least, multiple=multiple)
    check = checkpoint.get()

    def work(band: tuple[int, int]) -> Result:
        _inside.pool = True
        if check is not None:
            check()
        return function(*band)

    if len(bands) == 1 or getattr(_inside, "pool", False):
        if check is not None:
            check()
        return [function(*band) for band in bands]
    futures = [_shared_pool().submit(work, band) for band in bands]
    # Every band must have ended before the caller may reuse the arrays that bands write into.
    errors = [future.exception() for future in futures]
    for error in errors:
        if error is not None:
            raise error
    return [future.result() for future in futures]


def _shared_pool() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(threads(), thread_name_prefix="band")
        return _pool


def _forget_pool() -> None:
    """After a fork the child has the pool's record but none of its threads."""
    global _pool, _lock
    _pool, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
