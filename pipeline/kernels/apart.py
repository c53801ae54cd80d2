"""Work that holds the interpreter's lock, done in a process of its own so that nobody else has to wait.

Arrays go there by a file without a name and come back through a pipe, in numpy's own format; nothing is pickled, and no
module but the function's own is imported there.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from pipeline.kernels.bands import checkpoint

#: Pixels below which such work is over sooner than a process has started.
LEAST = 2_000_000
_ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 0.2


def apart(
    function: Callable[..., list[np.ndarray]], arrays: Sequence[np.ndarray], *, force: bool = False, **numbers: Any
) -> list[np.ndarray]:
    """Call a function of arrays, in another process where this thread is one of several and the work is long.

    Parameters
    ----------
    function : callable
        A function at the top of a module; takes the list of arrays and the numbers, and returns a list of arrays.
    arrays : sequence of ndarray
        What it works on.
    force : bool
        In another process whatever the thread and the size.
    **numbers
        Numbers and texts.

    Returns
    -------
    list of ndarray

    Raises
    ------
    RuntimeError
        Where the function fails there; the message is the last line that it wrote.
    """
    alone = threading.current_thread() is threading.main_thread() or sum(array.size for array in arrays) < LEAST
    if alone and not force:
        return function(list(arrays), **numbers)
    command = [sys.executable, "-m", __name__, f"{function.__module__}:{function.__name__}", json.dumps(numbers)]
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")]))
    with tempfile.TemporaryFile() as message:
        _pack(message, arrays)
        message.seek(0)
        process = subprocess.Popen(
            command,
            stdin=message,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": path},
        )
        said, problem = _heard(process)
    if process.returncode:
        lines = problem.decode("utf-8", "replace").strip().splitlines()
        raise RuntimeError(lines[-1] if lines else f"ended with {process.returncode}")
    return _unpacked(io.BytesIO(said))


def _heard(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """All that a process says; a caller who waits no more ends it."""
    check = checkpoint.get()
    try:
        while True:
            try:
                return process.communicate(timeout=_PATIENCE)
            except subprocess.TimeoutExpired:
                if check is not None:
                    check()
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def _pack(stream: BinaryIO, arrays: Sequence[np.ndarray]) -> None:
    stream.write(len(arrays).to_bytes(4, "little"))
    for array in arrays:
        np.lib.format.write_array(stream, np.asanyarray(array), allow_pickle=False)


def _unpacked(stream: BinaryIO) -> list[np.ndarray]:
    count = int.from_bytes(stream.read(4), "little")
    return [np.lib.format.read_array(stream, allow_pickle=False) for _ in range(count)]


def main(target: str, numbers: str) -> None:
    """What runs in the other process: arrays from standard input, results to standard output."""
    module, name = target.split(":")
    function = getattr(importlib.import_module(module), name)
    answer = io.BytesIO()
    _pack(answer, function(_unpacked(io.BytesIO(sys.stdin.buffer.read())), **json.loads(numbers)))
    sys.stdout.buffer.write(answer.getbuffer())
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
