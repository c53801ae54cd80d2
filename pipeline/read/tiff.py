"""How long a TIFF-based camera file must be: DNG, NEF, CR2 and ARW hold their pictures as TIFF 6.0 says."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

ENDINGS = (".dng", ".nef", ".cr2", ".arw")
_DIRECTORIES = 32
_STRIPS = 2**20  # more of them than any picture has; a damaged count must not take memory
_SIZES = {3: "H", 4: "I", 13: "I"}  # SHORT, LONG and IFD
_STARTS, _LENGTHS = (273, 324), (279, 325)  # of strips and of tiles
_CHILDREN = 330


def promised_length(path: str) -> int:
    """Bytes that the largest picture of a file reaches to.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    int
        End of its only strip; of many the start of the last, for some cameras count the last as long as the others.
        0 where the file does not say.
    """
    if not path.lower().endswith(ENDINGS):
        return 0
    largest = (0, 0)
    with open(path, "rb") as stream:
        try:
            for tags in _directories(stream):
                for start, length in zip(_STARTS, _LENGTHS, strict=True):
                    starts, lengths = tags.get(start, ()), tags.get(length, ())
                    if starts and len(starts) == len(lengths):
                        end = starts[0] + lengths[0] if len(starts) == 1 else max(starts)
                        largest = max(largest, (sum(lengths), end))
        except struct.error:
            # The directories themselves are cut off: the decoder says so.
            return 0
    return largest[1]


def _directories(stream: IO[bytes]) -> Iterator[dict[int, tuple[int, ...]]]:
    """Whole-number tags of each directory, with those that directories hold inside."""
    mark = stream.read(4)
    if mark not in (b"II*\0", b"MM\0*"):
        return
    order = "<" if mark.startswith(b"I") else ">"

    def unpack(form: str) -> tuple[int, ...]:
        form = order + form
        return struct.unpack(form, stream.read(struct.calcsize(form)))

    waiting, seen = [unpack("I")[0]], set()
    while waiting and len(seen) < _DIRECTORIES:
        place = waiting.pop(0)
        if place == 0 or place in seen:
            continue
        seen.add(place)
        stream.seek(place)
        entries = [unpack("HHI4s") for _ in range(unpack("H")[0])]
        waiting += unpack("I")
        tags = {}
        for tag, kind, count, value in entries:
            if tag not in (*_STARTS, *_LENGTHS, _CHILDREN) or kind not in _SIZES or count > _STRIPS:
                continue
            form = f"{count}{_SIZES[kind]}"
            size = struct.calcsize(order + form)
            if size <= 4:
                tags[tag] = struct.unpack(order + form, value[:size])
            else:
                stream.seek(struct.unpack(order + "I", value)[0])
                tags[tag] = unpack(form)
        waiting += tags.get(_CHILDREN, ())
        yield tags
