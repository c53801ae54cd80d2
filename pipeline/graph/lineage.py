"""Order, ancestors and the key of any result: a result is named by how it is made, never by its pixels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.stage import STAGES


def ancestors(name: str) -> tuple[str, ...]:
    """Every stage that a stage's result is made from, in order, the stage itself not among them."""
    wanted: set[str] = set()
    waiting = [name]
    while waiting:
        for upstream in STAGES[waiting.pop()].inputs:
            if upstream in STAGES and upstream not in wanted:
                wanted.add(upstream)
                waiting.append(upstream)
    return tuple(stage for stage in STAGES if stage in wanted)


def spread(indices: Iterable[int], count: int) -> tuple[int, ...]:
    """At most ``count`` of some frame numbers, evenly over their order, first and last among them."""
    indices = tuple(indices)
    if len(indices) <= count:
        return indices
    step = (len(indices) - 1) / (count - 1)
    return tuple(indices[round(i * step)] for i in range(count))


def result_key(name: str, version: int, knobs: Mapping[str, Any], inputs: Iterable[str]) -> str:
    """The key of a result: blake2b over stage, version, checked knobs and the keys of its inputs.

    Parameters
    ----------
    name : str
        The stage.
    version : int
        Its declared version.
    knobs : dict
        Its knobs in canonical form.
    inputs : iterable of str
        Keys of its inputs, in the order of its parameters.

    Returns
    -------
    str
        The stage's name, a dash and 32 hexadecimal digits.
    """
    text = json.dumps([name, version, knobs, list(inputs)], sort_keys=True)
    return f"{name}-{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"
