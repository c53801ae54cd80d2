"""Files to frames: FITS and camera files, with their facts in all the spellings that real headers have."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.frame import Failure, Frame, FrameError, FrameInfo, readonly
from pipeline.read import fits, folder, headers, raw
from pipeline.read.folder import content_hash, find_files, stem
from pipeline.read.nights import with_nights

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["content_hash", "find_files", "plain_pixels", "read_frame", "read_header", "read_info", "read_infos", "stem"]

Path = str | os.PathLike[str]


def _is_fits(path: str) -> bool:
    """By name; a file of another ending by its first bytes."""
    if folder.is_frame(path):
        return folder.is_fits(path)
    try:
        with open(path, "rb") as stream:
            return stream.read(9) == b"SIMPLE  ="
    except OSError:
        return False


def read_info(path: Path, root: Path | None = None) -> FrameInfo:
    """What a frame's header says, without its pixels.

    Parameters
    ----------
    path : path
        A FITS or camera file.
    root : path, optional
        The data folder: ``file`` is relative to it where the path lies below it, else the bare name.

    Returns
    -------
    FrameInfo
        The facts; what the header does not tell is None or "".

    Raises
    ------
    FrameError
        Where the file holds no single picture, is cut off, or is not what its name says.
    """
    path = os.path.abspath(path)
    name = folder.shown_name(path, root)
    if not os.path.isfile(path):
        raise _no_file(path, name)
    if folder.is_table(path):
        raise FrameError(name, "is a result of an earlier run, no light", "leave it out, or name the light itself")
    return fits.read_info(path, name) if _is_fits(path) else raw.read_info(path, name)


def _no_file(path: str, name: str) -> FrameError:
    """What to say of what lies at a path and is no file."""
    if os.path.isdir(path):
        if not os.access(path, os.R_OK | os.X_OK):
            return FrameError(name, "is a folder that cannot be read (no permission)", "allow reading it")
        return FrameError(name, "is a folder", "name the files in it")
    if os.path.exists(path):
        return FrameError(name, "is no file but a pipe or a device", "choose a FITS or camera file")
    if os.path.islink(path):
        target = folder.printable(os.readlink(path))
        return FrameError(name, f"is a link to what is not there ({target})", "copy the file itself")
    return FrameError(name, "is not there", "check the name")


def read_infos(paths: Iterable[Path], root: Path | None = None) -> tuple[FrameInfo | Failure, ...]:
    """The facts of many files, in order; a file that is no frame becomes a Failure, and the rest goes on.

    Parameters
    ----------
    paths : iterable of path
        Files, folders and globs, as :func:`find_files` takes them.
    root : path, optional
        The data folder; by default the only folder that is named, else the deepest folder of all files where their bare
        names do not tell them apart.

    Raises
    ------
    FrameError
        Where a path is not there, or a folder or glob has no frame.
    """
    paths = [os.path.expanduser(os.fspath(path)) for path in paths]
    files = find_files(paths)
    alone = paths[0] if len(paths) == 1 and os.path.isdir(paths[0]) else folder.common_root(files)
    base = alone if root is None else root
    results: list[FrameInfo | Failure] = []
    for path in files:
        try:
            results.append(read_info(path, base))
        except FrameError as error:
            results.append(Failure(error.file, "frames", str(error), path))
    return tuple(with_nights(results))


def read_frame(source: FrameInfo | Path, *, pattern: str | None = None, overscan: str = "auto") -> Frame:
    """A frame with its pixels.

    Parameters
    ----------
    source : FrameInfo or path
        The file; facts that were corrected by hand in a FrameInfo stay as they are.
    pattern : str, optional
        Colours of the first 2 x 2 pixels, or "none", instead of what the file says; None and "auto" leave that.
    overscan : str
        "auto" masks what the header's sections call overscan and takes off the level that it shows, row by row; "off"
        takes it for sky.

    Returns
    -------
    Frame
        Read-only pixels. ``info.saturation`` is the lowest of the header's level, what the file's numbers can hold, and
        the level at which this frame's pixels pile up.

    Raises
    ------
    FrameError
        Where the file cannot be read, or changed since its facts were read.
    """
    info = source if isinstance(source, FrameInfo) else read_info(source)
    if _is_fits(info.path):
        pixels, black, mask, levels = fits.read_pixels(info.path, info.file, overscan=overscan == "auto")
    else:
        pixels, black, full = raw.read_pixels(info.path, info.file)
        info, mask, levels = replace(info, saturation=full), None, None
    if pixels.shape != info.shape:
        sizes = f"{info.shape[1]} x {info.shape[0]} pixels before, {pixels.shape[1]} x {pixels.shape[0]} now"
        raise FrameError(info.file, f"changed while it was in use ({sizes})", "open the folder again")
    info = replace(
        info,
        pattern=info.pattern if pattern in (None, "auto") else pattern,
        saturation=_saturation(info, pixels, black, mask),
    )
    frame = Frame(info, pixels, black, mask) if levels is None else _levelled(Frame(info, pixels, black, mask), levels)
    for array in (frame.pixels, frame.black, frame.mask):
        if array is not None:
            readonly(array)
    return frame


def _levelled(frame: Frame, levels: np.ndarray) -> Frame:
    """The frame without its overscan's level, which stands on the same black as the pixels."""
    black = float(frame.black[0, 0])
    full = frame.info.saturation
    # The lowest of the rows' own levels, so that a full pixel counts as full in each of them.
    full = None if full is None else full - float(levels.max() - black)
    level = float(np.median(levels)) - black
    return replace(
        frame,
        info=replace(frame.info, saturation=full),
        pixels=frame.pixels - levels[:, None].astype(np.float32),
        black=np.zeros((2, 2), np.float32),
        history=(f"overscan: its level, {level:.2f} ADU in the middle row, was taken off each row",),
    )


def plain_pixels(info: FrameInfo, *, overscan: str = "auto") -> Any:
    """How to read rows of a FITS file in place (:func:`pipeline.read.fits.plain_pixels`); None for other files."""
    if not _is_fits(info.path):
        return None
    return fits.plain_pixels(info.path, info.file, info.shape, overscan=overscan == "auto")


def _saturation(info: FrameInfo, pixels: np.ndarray, black: np.ndarray, mask: np.ndarray | None) -> float | None:
    piled = headers.full_level(pixels if mask is None else np.where(mask, pixels.min(), pixels))
    levels = (info.saturation, None if piled is None else piled - float(black.max()))
    return min((level for level in levels if level is not None and level > 0), default=None)


def read_header(source: FrameInfo | Path) -> Header:
    """A FITS header with the light's own cards, for what is computed from it.

    Cards that describe how the pixels were stored are left out. A camera file's header is made from its EXIF facts.

    Raises
    ------
    FrameError
        Where the file cannot be read.
    """
    info = source if isinstance(source, FrameInfo) else read_info(source)
    return fits.read_header(info.path, info.file) if _is_fits(info.path) else raw.read_header(info)
