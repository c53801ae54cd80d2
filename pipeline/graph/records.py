"""Records to and from files of plain numbers and JSON; nothing is ever unpickled."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import alignment, cutouts, difference, frame, masters, photometry, preview, tables, trails
from pipeline.frame import readonly

RECORDS = {
    name: kind
    for module in (alignment, cutouts, difference, frame, masters, photometry, preview, tables, trails)
    for name, kind in vars(module).items()
    if dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__
}


def _encode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if dataclasses.is_dataclass(value):
        fields = {field.name: _encode(getattr(value, field.name), arrays) for field in dataclasses.fields(value)}
        return {"record": type(value).__name__, "fields": fields}
    if isinstance(value, Mapping):
        return {"mapping": {key: _encode(item, arrays) for key, item in value.items()}}
    if isinstance(value, (tuple, list)):
        return {"items": [_encode(item, arrays) for item in value]}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise TypeError(f"{type(value).__name__} is no value that a record file holds")


def _decode(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return readonly(arrays[value["array"]])
    if "record" in value:
        fields = {name: _decode(item, arrays) for name, item in value["fields"].items()}
        return RECORDS[value["record"]](**fields)
    if "mapping" in value:
        return {key: _decode(item, arrays) for key, item in value["mapping"].items()}
    return tuple(_decode(item, arrays) for item in value["items"])


def save(path: Path, record: Any) -> None:
    """Write a record beside its final name and rename it into place."""
    arrays: dict[str, np.ndarray] = {}
    tree = json.dumps(_encode(record, arrays))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, tree=np.frombuffer(tree.encode(), np.uint8), **arrays)
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def load(path: Path) -> Any | None:
    """Read a record back; None where there is none or the file is no whole record."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
        return _decode(json.loads(arrays.pop("tree").tobytes()), arrays)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None
