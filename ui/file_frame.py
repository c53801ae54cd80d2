"""Every open file with what it was taken for and why, and what most of them have in common."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePath

import pandas as pd

from pipeline.frame import Failure, FrameInfo, Sequence

# What a sentence advises to do with a file, and is void where that is left out already.
_LEAVE = re.compile(r": leave it out$|(?<=: )leave it out,(?: or| and)? |,? or leave it out$")


def as_left_out(reason: str) -> str:
    """Why a file is not used, without the advice to leave it out."""
    return _LEAVE.sub("", reason)


def without_name(reason: str, file: str) -> str:
    """Why a file is left out, where its name stands beside it already."""
    reason = as_left_out(reason)
    for name in (file, PurePath(file).name):
        if reason.startswith(f"{name}: "):
            reason = reason[len(name) + 2 :]
            break
    return reason[:1].upper() + reason[1:]


def file_frame(
    files: tuple[FrameInfo | Failure, ...], kinds: Mapping[str, str], sequence: Sequence | None
) -> pd.DataFrame:
    """Every file with the kind it is taken for and why, or why it is left out, and in what it is unlike most.

    Parameters
    ----------
    files : tuple of FrameInfo or Failure
        The open files.
    kinds : dict of str to str
        Corrections by hand.
    sequence : Sequence or None
        What came of them.
    """
    left_out = {} if sequence is None else dict(sequence.left_out)
    usual = usual_facts(files)
    rows = []
    for info in files:
        why = without_name(left_out.get(info.file, ""), info.file)
        if isinstance(info, Failure):
            rows.append((info.file, "", "", "", None, without_name(info.message, info.file)))
            continue
        source = "by hand" if info.file in kinds else info.kind_reason or "nothing"
        kind = kinds.get(info.file, info.kind) or "light"
        facts = _facts(info)
        odd = ", ".join(words for name, words in facts.items() if words and words != usual[name])
        rows.append((info.file, kind, source, info.filter, info.exposure, ". ".join(one for one in (odd, why) if one)))
    table = pd.DataFrame(rows, columns=["file", "kind", "told by", "filter", "exposure", "why not"])
    if not table["filter"].any():
        table = table.drop(columns="filter")
    return table.astype({"exposure": float})


def _facts(info: FrameInfo) -> dict[str, str]:
    """Size, binning and night of a frame in words; "" for what is not known."""
    return {
        "size": f"{info.shape[1]} x {info.shape[0]}\u2009px",
        "binning": "" if info.binning is None else "binned {} x {}".format(*info.binning),
        "night": info.night and f"night of {info.night}",
    }


def usual_facts(files: tuple[FrameInfo | Failure, ...]) -> dict[str, str]:
    """Size, binning and night of most files."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("size", "binning", "night")}
    for info in files:
        for name, words in _facts(info).items() if isinstance(info, FrameInfo) else ():
            counts[name][words] += bool(words)
    return {name: max(found, key=found.get, default="") for name, found in counts.items()}


def usual_text(files: tuple[FrameInfo | Failure, ...]) -> str:
    """What all or most files have in common: "All files: 640 x 640 px, night of 2019-09-22"; "" of nothing."""
    usual = usual_facts(files)
    odd = any(words not in ("", usual[name]) for info in files if isinstance(info, FrameInfo)
              for name, words in _facts(info).items())  # fmt: skip
    named = ", ".join(words for words in usual.values() if words)
    return named and f"{'Most' if odd else 'All'} files: {named}"
