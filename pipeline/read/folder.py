"""Which files are frames, how they are named, and what tells their content apart."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from pipeline.frame import FrameError
from pipeline.read.kinds import folder_kind, is_part

_FITS = re.compile(r"\.(?:(?:fits?|fts)(?:\.(?:fz|gz))?|fz)$", re.IGNORECASE)
_RAW = re.compile(
    r"\.(?:3fr|arw|cr[23w]|dcr|dng|erf|fff|iiq|kdc|mef|mos|mrw|nef|nrw|orf|pef|raf|raw|rw[2l]|sr[2fw]|x3f)$",
    re.IGNORECASE,
)
_TABLE = re.compile(r"\.(?:offsets_(?:table|map)|photometry)\.fits$", re.IGNORECASE)
_PICTURE = re.compile(
    r"(?:^master_(?:bias|dark|flat)(?:_.+)?|\.(?:calibrated|aligned)|^(?:stack|drizzle)(?:_.+)?|^sum_subtracted)\.fits$",
    re.IGNORECASE,
)

#: How many folders lie in each other at most; how many are looked into to say where frames are.
DEEPEST, MOST_TRIED = 5, 100
#: Characters of a name in a message.
LONGEST_NAME = 300

_hashes: dict[tuple[str, int, int], str] = {}
_hashes_lock = threading.Lock()


def is_fits(path: str | os.PathLike[str]) -> bool:
    """Whether a file is named as a FITS file."""
    return _FITS.search(os.fspath(path)) is not None


def is_frame(path: str | os.PathLike[str]) -> bool:
    """Whether a file is named as a FITS or camera file, in any case."""
    return is_fits(path) or _RAW.search(os.fspath(path)) is not None


def is_table(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a table or map of an earlier run, which is no picture of the sky."""
    name = os.path.basename(path)
    return _TABLE.search(name) is not None or (name.lower() == "tracks.fits" and _is_ours(path))


def is_product(path: str | os.PathLike[str]) -> bool:
    """Whether an earlier run wrote a file; of a folder such files are not taken: whoever wants one names it."""
    return is_table(path) or (_PICTURE.search(os.path.basename(path)) is not None and _is_ours(path))


def _is_ours(path: str | os.PathLike[str]) -> bool:
    """Whether a file says that we wrote it; any picture may have the name of one of ours."""
    try:
        with open(path, "rb") as stream:
            return b"CREATOR = 'Starshift " in stream.read(2**20)
    except OSError:
        return False


def printable(name: str) -> str:
    """A file's name as text that every file and screen can hold; bytes that are no UTF-8 are spelt in hexadecimal."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def stem(path: str | os.PathLike[str]) -> str:
    """A frame's bare name without its known ending: "a.b.fits.fz" gives "a.b"."""
    name = Path(path).name
    return _RAW.sub("", _FITS.sub("", name)) or name


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sorting key that counts as people do: light_2 before light_10, in any case."""
    parts = re.findall(r"\d+|\D+", name)
    return tuple((0, int(part), part) if part.isdecimal() else (1, 0, part.lower()) for part in parts)


def find_files(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Frames among files, folders and globs.

    Parameters
    ----------
    paths : iterable of path
        A file is taken whatever its name; of a folder what :func:`frames_below` takes; a glob may have ``**``. Endings
        count in any case. What an earlier run wrote into a folder is not taken with it.

    Returns
    -------
    list of str
        Absolute paths in the order given, each file once; those of a folder or glob in natural order.

    Raises
    ------
    FrameError
        Where a path is not there, or a folder or glob has no frame.
    """
    found: dict[str, str] = {}
    for path in [paths] if isinstance(paths, (str, os.PathLike)) else paths:
        for file in _expand(os.path.expanduser(os.fspath(path))):
            found.setdefault(os.path.realpath(file), os.path.abspath(file))
    return list(found.values())


def _expand(path: str) -> list[str]:
    if os.path.isdir(path):
        return frames_below(path) or _none_in(path)
    if os.path.lexists(path):
        return [path]
    if not glob.has_magic(path):
        raise FrameError(_short(printable(path)), "is not there", "check the path")
    matches = [match for match in glob.glob(_any_case(path), recursive=True) if os.path.isfile(match)]
    frames = sorted((match for match in matches if is_frame(match) and not is_product(match)), key=natural_key)
    if not frames:
        problem = f"matches no FITS or camera file ({len(matches)} other files)"
        raise FrameError(_short(printable(path)), problem, "check the pattern")
    return frames


def _short(name: str) -> str:
    """A name that a message can hold."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME // 2]}...{name[-LONGEST_NAME // 2 :]}"


def frames_below(folder: str | os.PathLike[str], root: str | os.PathLike[str] | None = None) -> list[str]:
    """Frames of a folder, and of the folders in it that belong to the same set.

    Those are the folders whose names say a kind ("bias", "Flats"), a night ("night1", "2024-03-01"), a filter or an
    exposure ("V", "30s"), in any case, and such folders in them: ``night1/flats/V``. Others are left alone.

    Parameters
    ----------
    folder : path
        Where to look.
    root : path, optional
        Nothing is taken that does not lie below this folder when links are followed.

    Returns
    -------
    list of str
        Paths below ``folder``, in natural order: its own frames, then those of each folder in it. What is named as a
        frame and cannot be one (a folder, a link to nothing) is among them, as is a folder that may not be read, so
        that whoever reads them says so. What an earlier run wrote is not.

    Raises
    ------
    FrameError
        Where the folder itself cannot be read.
    """
    path = os.fspath(folder)
    try:
        place = os.path.realpath(path)
        inside = folder_kind(os.path.basename(place)) != ""
        return _walk(path, None if root is None else os.path.realpath(root), {place}, inside, DEEPEST)
    except OSError as error:
        raise FrameError(printable(path), f"cannot be read ({error.strerror})", "check its permissions") from None


def _walk(folder: str, root: str | None, seen: set[str], inside: bool, deeper: int) -> list[str]:
    """Frames of a folder and of its parts; ``inside`` a folder that is named after a kind a number is an exposure."""
    frames, parts = [], []
    for entry in os.scandir(folder):
        outside = root is not None and entry.is_symlink() and not _is_below(os.path.realpath(entry.path), root)
        if entry.name.startswith(".") or outside:
            continue
        if is_frame(entry.name):
            # A pipe or a device is no file, and reading it might never end.
            if (entry.is_file() or entry.is_dir() or entry.is_symlink()) and not is_product(entry.path):
                frames.append(entry.path)
        elif entry.is_dir() and deeper and _belongs(entry.name, inside):
            parts.append(entry.path)
    frames.sort(key=natural_key)
    for part in sorted(parts, key=natural_key):
        place = os.path.realpath(part)
        if place not in seen:
            seen.add(place)
            within = inside or folder_kind(os.path.basename(part)) != ""
            try:
                frames += _walk(part, root, seen, within, deeper - 1)
            except OSError:
                frames.append(part)
    return frames


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _belongs(name: str, inside: bool) -> bool:
    """Whether a folder's name says that it holds a part of the set around it."""
    if folder_kind(name):
        return True
    # Outside of "darks" a short number is no exposure: a year, or the number of something else.
    return is_part(name) and (inside or not (name.isdecimal() and len(name) < len("20240301")))


def _none_in(path: str) -> NoReturn:
    """Say that a folder has no frames; those of its folders that have some are told."""
    entries = sorted(os.scandir(path), key=lambda entry: natural_key(entry.name))
    others = sum(entry.is_file() and not entry.name.startswith(".") for entry in entries)
    problem = f"has no FITS or camera file ({others} other files)"
    folders = [entry for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    full = [entry.name for entry in folders[:MOST_TRIED] if os.access(entry.path, os.R_OK) and frames_below(entry.path)]
    if not full:
        raise FrameError(printable(path), problem, "name another folder")
    named = printable(", ".join(full[:4]) + (" and others" if len(full) > 4 else ""))
    problem = f"has no FITS or camera file itself, its folders have ({named})"
    raise FrameError(printable(path), problem, "name those folders, or all of them by a pattern that ends in /*/*")


def _any_case(pattern: str) -> str:
    """The glob with its ending spelt for both cases: "*.cr2" to "*.[cC][rR]2"."""
    folders, name = os.path.split(pattern)
    start, dot, ending = name.partition(".")
    if "[" in ending:
        return pattern
    both = "".join(f"[{c.lower()}{c.upper()}]" if c.isalpha() else c for c in ending)
    return os.path.join(folders, start + dot + both)


def shown_name(path: str, root: str | os.PathLike[str] | None) -> str:
    """The path relative to ``root`` where it lies below it, with "/" between folders, else the bare name; printable."""
    if root is not None:
        relative = os.path.relpath(path, os.path.abspath(root))
        if not relative.startswith(os.pardir) and not os.path.isabs(relative):
            return printable(Path(relative).as_posix())
    return printable(os.path.basename(path))


def common_root(paths: Iterable[str]) -> str | None:
    """Deepest common folder of the files of equal names, for names relative to it; None where there are none."""
    files = list(paths)
    counts = Counter(os.path.basename(file) for file in files)
    alike = [file for file in files if counts[os.path.basename(file)] > 1]
    return os.path.commonpath([os.path.dirname(os.path.abspath(file)) for file in alike]) if alike else None


def content_hash(path: str | os.PathLike[str]) -> str:
    """Hash of a file's bytes, remembered for its path, size and time of change.

    Returns
    -------
    str
        Thirty-two hexadecimal digits (BLAKE2b).

    Raises
    ------
    FrameError
        Where the file cannot be read.
    """
    path = os.path.abspath(path)
    try:
        state = os.stat(path)
        key = (path, state.st_size, state.st_mtime_ns)
        with _hashes_lock:
            known = _hashes.get(key)
        if known is None:
            with open(path, "rb") as stream:
                known = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
            with _hashes_lock:
                _hashes[key] = known
        return known
    except OSError as error:
        raise FrameError(
            printable(os.path.basename(path)), f"cannot be read ({error.strerror})", "check the file"
        ) from None
