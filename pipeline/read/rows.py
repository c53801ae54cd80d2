"""Rows of many frames: each file is opened and decoded once, and its rows are read in bands.

Combining many frames wants a band of rows of every one of them at a time. A plain FITS file is left where it is and
its rows are read from their place. What is packed, or needs the whole frame to be read (an overscan), is decoded once
into one scratch file that has no name and goes when the readers are closed. So memory does not grow with the frames.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from pathlib import Path
from typing import overload

import numpy as np

from pipeline.frame import Frame, FrameError, FrameInfo
from pipeline.kernels.bands import checkpoint, frames_read
from pipeline.read.folder import content_hash

#: Files that stay open at a time; further ones are copied into the scratch file.
MOST_OPEN = 200
AT_A_TIME = 2


class Scratch:
    """One file without a name that several frames are written into, behind each other.

    Parameters
    ----------
    folder : path, optional
        Where it lies; the system's folder for temporary files when not given.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self._folder = folder
        self._file: tempfile._TemporaryFileWrapper | None = None
        self._end = 0
        self._lock = threading.Lock()

    def write(self, array: np.ndarray) -> int:
        """Write an array and return the place of its first byte."""
        with self._lock:
            if self._file is None:
                if self._folder is not None:
                    Path(self._folder).mkdir(parents=True, exist_ok=True)
                # Closed by close(): it outlives this call.
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
            place, self._end = self._end, self._end + array.nbytes
        data, done = memoryview(np.ascontiguousarray(array)).cast("B"), 0
        while done < len(data):
            done += os.pwrite(self._file.fileno(), data[done:], place + done)
        return place

    def read(self, place: int, count: int, kind: np.dtype) -> np.ndarray:
        """``count`` numbers from a place."""
        return _numbers(self._file.fileno(), place, count, kind)

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()
            self._file, self._end = None, 0


def _numbers(descriptor: int, place: int, count: int, kind: np.dtype) -> np.ndarray:
    """Numbers from a place of an open file, whatever other threads read from it."""
    numbers = np.empty(count, kind)
    data, done = memoryview(numbers).cast("B"), 0
    while done < len(data):
        read = os.preadv(descriptor, [data[done:]], place + done)
        if read == 0:
            raise OSError("the file ends before its pixels")
        done += read
    return numbers


class Rows:
    """Rows of a frame that is in memory.

    Parameters
    ----------
    info : FrameInfo
        The frame's facts.
    image : ndarray, shape (ny, nx)
        ADU above black; NaN where there is no value.
    """

    def __init__(self, info: FrameInfo, image: np.ndarray) -> None:
        self.info, self._image = info, image

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.info.shape

    @property
    def state(self) -> tuple[str, ...] | None:
        """What its rows follow from, for whoever keeps what was made of them; None of a frame in memory."""
        return None

    def open(self) -> Rows:
        """Make ready to read; itself."""
        return self

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Rows from ``start`` to ``stop`` (exclusive), float32 ADU above black; bad pixels are NaN. A fresh array."""
        return np.array(self._image[start:stop], np.float32)

    def close(self) -> None:
        """Nothing is held open."""


class FileRows(Rows):
    """Rows of a frame in a file, which is opened and decoded at first use.

    Parameters
    ----------
    info : FrameInfo
        The file.
    pattern, overscan : str
        As for :func:`pipeline.read.read_frame`.
    scratch : Scratch
        Takes what cannot be read in place.
    in_place : bool
        Whether a plain file may stay open.
    """

    def __init__(self, info: FrameInfo, pattern: str, overscan: str, scratch: Scratch, in_place: bool) -> None:
        self.info = info
        self._pattern, self._overscan, self._scratch, self._in_place = pattern, overscan, scratch, in_place
        self._read: Callable[[int, int], np.ndarray] | None = None
        self._descriptor = -1
        self._lock = threading.Lock()

    @property
    def state(self) -> tuple[str, ...]:
        """The file's content, and how it is read.

        Raises
        ------
        FrameError
            Where the file cannot be read.
        """
        return content_hash(self.info.path), self._pattern, self._overscan

    def open(self) -> FileRows:
        """Decode the file where that is not done yet; itself.

        Raises
        ------
        FrameError
            Where it cannot be read, or there is no room to unpack it.
        """
        with self._lock:
            if self._read is None:
                self._read = (self._plain() if self._in_place else None) or self._unpacked()
        return self

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Rows from ``start`` to ``stop`` (exclusive), float32 ADU above black; bad pixels are NaN. A fresh array."""
        self.open()
        try:
            return self._read(start, min(stop, self.shape[0]))
        except OSError as error:
            raise FrameError(
                self.info.file, f"changed while it was in use ({error})", "open the folder again"
            ) from None

    def _plain(self) -> Callable[[int, int], np.ndarray] | None:
        from pipeline import read

        plain = read.plain_pixels(self.info, overscan=self._overscan)
        if plain is None:
            return None
        kind, offset, convert = plain
        self._descriptor = os.open(self.info.path, os.O_RDONLY)
        width = self.shape[1]

        def rows(start: int, stop: int) -> np.ndarray:
            place, count = offset + start * width * kind.itemsize, (stop - start) * width
            return convert(_numbers(self._descriptor, place, count, kind).reshape(-1, width))

        return rows

    def _unpacked(self) -> Callable[[int, int], np.ndarray]:
        from pipeline import read

        frame = read.read_frame(self.info, pattern=self._pattern, overscan=self._overscan)
        # What was seen of the pixels is worth keeping: at which level they are full.
        self.info = frame.info
        try:
            place = self._scratch.write(frame.pixels)
            masked = None if frame.mask is None else self._scratch.write(np.packbits(frame.mask, axis=1))
        except OSError as error:
            problem = f"cannot be unpacked ({error.strerror or error})"
            raise FrameError(self.info.file, problem, "free the disk") from None
        kind, black, width = frame.pixels.dtype, frame.black, frame.shape[1]

        def rows(start: int, stop: int) -> np.ndarray:
            count = stop - start
            stored = self._scratch.read(place + start * width * kind.itemsize, count * width, kind).reshape(-1, width)
            data = stored.astype(np.float32)
            for row in (0, 1) if black.any() else ():
                for column in (0, 1):
                    data[(row - start) % 2 :: 2, column::2] -= black[row, column]
            if masked is not None:
                bits = -(-width // 8)
                packed = self._scratch.read(masked + start * bits, count * bits, np.dtype(np.uint8)).reshape(-1, bits)
                data[np.unpackbits(packed, axis=1, count=width).view(bool)] = np.nan
            return data

        return rows

    def close(self) -> None:
        """Let the file go; at the next use it is opened again."""
        with self._lock:
            self._read = None
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1


class RowReaders(Sequence):
    """Row readers of several frames, with what they hold open in common.

    Parameters
    ----------
    readers : iterable of Rows
        One for each frame.
    scratch : Scratch, optional
        What they write into.
    """

    def __init__(self, readers: Iterable[Rows], scratch: Scratch | None = None) -> None:
        self._readers, self._scratch = tuple(readers), scratch

    @classmethod
    def of_files(
        cls,
        infos: Iterable[FrameInfo],
        *,
        pattern: str = "auto",
        overscan: str = "auto",
        scratch: str | os.PathLike[str] | None = None,
    ) -> RowReaders:
        """Readers of files, which are opened at first use.

        Parameters
        ----------
        infos : iterable of FrameInfo
            The files.
        pattern, overscan : str
            As for :func:`pipeline.read.read_frame`.
        scratch : path, optional
            Folder for what must be unpacked.
        """
        shared = Scratch(scratch)
        readers = (FileRows(info, pattern, overscan, shared, i < MOST_OPEN) for i, info in enumerate(infos))
        return cls(readers, shared)

    @classmethod
    def of_arrays(cls, images: Iterable[np.ndarray], infos: Iterable[FrameInfo] | None = None) -> RowReaders:
        """Readers of images in memory, ADU above black with NaN where there is no value."""
        images = tuple(images)
        if infos is None:
            infos = (FrameInfo(f"{i}", f"{i}", image.shape) for i, image in enumerate(images))
        return cls(Rows(info, image) for info, image in zip(infos, images, strict=True))

    @classmethod
    def of_frames(cls, frames: Iterable[Frame]) -> RowReaders:
        """Readers of frames in memory."""
        return cls(Rows(replace(frame.info, shape=frame.shape), frame.above_black()) for frame in frames)

    @overload
    def __getitem__(self, index: int) -> Rows: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Rows, ...]: ...
    def __getitem__(self, index: int | slice) -> Rows | tuple[Rows, ...]:
        return self._readers[index]

    def __len__(self) -> int:
        return len(self._readers)

    def close(self) -> None:
        """Let go of everything that is held open."""
        for reader in self._readers:
            reader.close()
        if self._scratch is not None:
            self._scratch.close()

    def __enter__(self) -> RowReaders:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def opened(readers: Iterable[Rows]) -> tuple[list[Rows], list[FrameError]]:
    """Open frames, a few at a time; what cannot be read is told, and the rest goes on.

    Parameters
    ----------
    readers : iterable of Rows
        Frames in files or in memory.

    Returns
    -------
    good : list of Rows
        Those that can be read, in order.
    problems : list of FrameError
        What is wrong with the others.
    """
    check, tell = checkpoint.get(), frames_read.get()
    readers = list(readers)
    done = itertools.count(1)

    def attempt(reader: Rows) -> Rows | FrameError:
        if check is not None:
            check()
        try:
            return reader.open()
        except FrameError as error:
            return error
        finally:
            if tell is not None:
                tell(next(done), len(readers))

    with ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="rows") as pool:
        results = [future.result() for future in [pool.submit(copy_context().run, attempt, one) for one in readers]]
    return (
        [one for one in results if isinstance(one, Rows)],
        [one for one in results if isinstance(one, FrameError)],
    )
