"""Results kept between requests: bounded memory, and a folder for those that are small and dear.

A full store lets go first of what is cheap to make for its size (Cao and Irani 1997, "Cost-aware WWW proxy caching
algorithms", GreedyDual-Size): a result's rank is its seconds over its bytes, plus the rank of the last one that went.
"""

from __future__ import annotations

import dataclasses
import heapq
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.graph import records

#: Bytes that every result and value is taken to need beside its numbers.
OVERHEAD = 512


def size_of(result: Any) -> int:
    """Bytes that a result holds: its arrays, and a little for everything else."""
    if isinstance(result, np.ndarray):
        return result.nbytes + OVERHEAD
    if isinstance(result, Mapping):
        return OVERHEAD + sum(size_of(value) for value in result.values())
    if isinstance(result, (tuple, list)):
        return OVERHEAD + sum(size_of(value) for value in result)
    if dataclasses.is_dataclass(result):
        return OVERHEAD + sum(size_of(getattr(result, field.name)) for field in dataclasses.fields(result))
    return OVERHEAD


def freeze(result: Any) -> None:
    """Mark every array of a result as not to be written to: many share it."""
    if isinstance(result, np.ndarray):
        result.flags.writeable = False
    elif isinstance(result, Mapping):
        for value in result.values():
            freeze(value)
    elif isinstance(result, (tuple, list)):
        for value in result:
            freeze(value)
    elif dataclasses.is_dataclass(result):
        for field in dataclasses.fields(result):
            freeze(getattr(result, field.name))


@dataclasses.dataclass
class _Entry:
    result: Any
    size: int
    worth: float
    rank: float


class Store:
    """Bounded memory of results by key, safe for threads.

    Parameters
    ----------
    limit : int
        Bytes that all results together may hold.
    folder : Path, optional
        Where results of ``kept_stages`` are written too and looked for.
    kept_stages : iterable of str
        Stages whose results go to the folder.
    """

    def __init__(
        self, limit: int = 2_000_000_000, *, folder: Path | None = None, kept_stages: Iterable[str] = ()
    ) -> None:
        self.limit, self.folder, self.kept_stages = limit, folder, frozenset(kept_stages)
        self._entries: dict[str, _Entry] = {}
        # A heap of ranks and keys. Where a rank has grown since it says so when its turn comes.
        self._order: list[tuple[float, str]] = []
        self._lock = threading.Lock()
        self._floor = 0.0
        self.size = 0

    def get(self, key: str) -> Any | None:
        """The result of a key, or None."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                entry.rank = self._floor + entry.worth
                return entry.result
        if self.folder is None or key.split("-")[0] not in self.kept_stages:
            return None
        result = records.load(self.folder / f"{key}.npz")
        if result is not None:
            self._put(key, result, seconds=1.0)
        return result

    def put(self, key: str, result: Any, seconds: float) -> None:
        """Keep a result that took some seconds to make; its arrays become read-only."""
        freeze(result)
        self._put(key, result, seconds)
        if self.folder is not None and key.split("-")[0] in self.kept_stages:
            records.save(self.folder / f"{key}.npz", result)

    def done_with(self, keys: Iterable[str]) -> None:
        """Results that will hardly be asked for again: they go first when room is needed."""
        with self._lock:
            for key in keys:
                if key in self._entries:
                    self._rank(key, self._floor)

    def _put(self, key: str, result: Any, seconds: float) -> None:
        size = size_of(result)
        worth = seconds / size
        with self._lock:
            self._drop(key)
            self._entries[key] = _Entry(result, size, worth, self._floor + worth)
            self._rank(key, self._floor + worth)
            self.size += size
            self._shrink()

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.size -= entry.size

    def _rank(self, key: str, rank: float) -> None:
        """Give a key its turn; what is written of keys that are gone is thrown away when it is most of the heap."""
        self._entries[key].rank = rank
        heapq.heappush(self._order, (rank, key))
        if len(self._order) > 1000 + 2 * len(self._entries):
            self._order = [(entry.rank, name) for name, entry in self._entries.items()]
            heapq.heapify(self._order)

    def _shrink(self) -> None:
        while self.size > self.limit:
            rank, key = heapq.heappop(self._order)
            entry = self._entries.get(key)
            if entry is None or entry.rank < rank:
                continue
            if entry.rank > rank:
                heapq.heappush(self._order, (entry.rank, key))
                continue
            self._floor = rank
            self._drop(key)
