"""The files that are open, and what names them."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path

from pipeline.frame import Failure, FrameError, FrameInfo
from pipeline.graph.lineage import result_key


@dataclass(frozen=True)
class Night:
    """The files that are open: what their headers say, or why they cannot be read.

    Parameters
    ----------
    files : tuple of FrameInfo or Failure
        One for each file, in the order given.
    root : Path or None
        The folder that names are relative to.
    """

    files: tuple[FrameInfo | Failure, ...]
    root: Path | None = None

    @functools.cached_property
    def key(self) -> str:
        """Names these files as they were on the disk when this was first asked."""
        states = []
        for file in self.files:
            if isinstance(file, Failure):
                states.append(file.message)
                continue
            try:
                status = os.stat(file.path)
            except OSError as error:
                states.append(f"{file.path} {error.strerror}")
                continue
            # A kind may have been given by whoever named the file.
            states.append(f"{file.path} {status.st_size} {status.st_mtime_ns} {file.kind}")
        return result_key("files", 2, {}, states)


def content_of(info: FrameInfo) -> str:
    """What tells a file's content apart; a file that cannot be read has a key too: reading it is what fails."""
    from pipeline import read

    try:
        return read.content_hash(info.path)
    except FrameError as error:
        return str(error)
