"""Uploads: pieces go straight to a folder of the visit, and what is too much or no frame by its name is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import panel as pn

from pipeline.frame import FrameError
from pipeline.knob import cut
from pipeline.read.folder import is_frame

LARGEST_VISIT = 1_000_000_000
LARGEST_FILE = 250_000_000
LONGEST_NAME = 200
# Files come in pieces of so many bytes: on a slow line a larger one takes longer than what follows.
PIECE = 1_000_000
# A file of which nothing more has come for so long, seconds, was given up by its visitor.
PATIENCE = 30.0


def bare(name: Any) -> str:
    """A file's own name, whatever folders a browser says it lies in.

    Raises
    ------
    FrameError
        Where it is no name of a frame.
    """
    own = name.replace("\\", "/").rpartition("/")[2] if isinstance(name, str) else ""
    readable = (letter if letter.isprintable() else "\ufffd" for letter in own[:LONGEST_NAME])
    shown = cut("".join(readable)) or "A file without a name"
    if not is_frame(own):
        raise FrameError(shown, "is no FITS or camera file by its name", "upload frames only")
    if own.startswith("."):
        raise FrameError(shown, "is a hidden file, for its name begins with a dot", "upload frames only")
    if not own.isprintable() or len(own.encode()) > LONGEST_NAME:
        raise FrameError(shown, "has too long a name, or signs in it that cannot be written", "give it another name")
    return own


class Inbox:
    """Writes pieces of files into a folder; nothing is kept in memory, nothing lies outside the folder.

    Parameters
    ----------
    folder : callable
        Gives the folder of the files that arrive now.
    """

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder
        self._open: dict[str, tuple[Path, BinaryIO, int]] = {}
        self._held = 0
        self._last = 0.0

    @property
    def busy(self) -> bool:
        """Whether a file is on its way."""
        return bool(self._open) and time.monotonic() - self._last < PATIENCE

    def take(self, name: Any, piece: Any, number: Any, count: Any) -> Path | None:
        """Write one piece of a file, the first of which has the number 1.

        Returns
        -------
        Path or None
            The file when it is whole.

        Raises
        ------
        FrameError
            Where it is no frame by its name, or more than may be uploaded; what was there of it goes.
        """
        own = bare(name)
        self._last = time.monotonic()
        try:
            self._check(own, piece, number, count)
            if number == 1:
                self._drop(own)
                path = self._folder() / own
                self._open[own] = (path, path.open("wb"), 0)
            path, stream, size = self._open[own]
            stream.write(piece)
            self._open[own] = (path, stream, size + len(piece))
            self._held += len(piece)
        except OSError as error:
            self._drop(own)
            raise FrameError(own, f"cannot be kept ({error.strerror})", "open a folder instead") from None
        except FrameError:
            self._drop(own)
            raise
        if number < count:
            return None
        stream.close()
        del self._open[own]
        return path

    def _check(self, own: str, piece: Any, number: Any, count: Any) -> None:
        whole = isinstance(number, int) and isinstance(count, int) and 1 <= number <= count
        if not (isinstance(piece, bytes) and whole and (number == 1 or own in self._open)):
            raise FrameError(own, "did not arrive whole", "upload it again")
        size = len(piece) + (self._open[own][2] if number > 1 else 0)
        if size > LARGEST_FILE:
            raise FrameError(own, f"is larger than {LARGEST_FILE // 1_000_000} MB", "open a folder instead")
        if self._held + len(piece) > LARGEST_VISIT:
            problem = f"is too much for one visit (at most {LARGEST_VISIT // 1_000_000} MB)"
            raise FrameError(own, problem, "open a folder instead")

    def _drop(self, own: str) -> None:
        """Forget a file that is not whole."""
        if own in self._open:
            path, stream, size = self._open.pop(own)
            stream.close()
            path.unlink(missing_ok=True)
            self._held -= size

    def close(self) -> list[str]:
        """Forget every file that is not whole.

        Returns
        -------
        list of str
            Their names.
        """
        unfinished = list(self._open)
        for own in unfinished:
            self._drop(own)
        return unfinished


class DropField(pn.widgets.FileDropper):
    """Panel's field to drop files on, which hands pieces on instead of keeping files in memory.

    Parameters
    ----------
    on_piece : callable
        Called with name, bytes, number of the piece and how many there are; all of it comes from a browser.
    """

    def __init__(self, on_piece: Callable[[Any, Any, Any, Any], None], **params: Any) -> None:
        self._on_piece = on_piece
        super().__init__(multiple=True, chunk_size=PIECE, max_file_size=f"{LARGEST_FILE // 1_000_000}MB", **params)

    def _process_event(self, event: Any) -> None:
        data = event.data
        if event.event_name == "upload_event" and isinstance(data, dict):
            self._on_piece(data.get("name"), data.get("data"), data.get("chunk"), data.get("total_chunks"))
