"""All that a file's headers say, as text for people to read, whatever bytes they are made of."""

from __future__ import annotations

import os
import re
import zlib
from dataclasses import dataclass
from typing import IO

from pipeline.frame import FrameError
from pipeline.read import fits, folder, layout, raw

#: Bytes of a header and cards in all that are read; parts that are looked for; bytes to unzip on the way to the next.
LONGEST, MOST_CARDS, MOST_PARTS, FURTHEST = 2**24, 50_000, 200, 2**31
#: Characters of one value.
LONGEST_VALUE = 4000
_CARD, _BLOCK = 80, 2880
#: Cards of the table that a packed image is stored in (FITS standard 4.0, 10.1).
_PACKING = re.compile(
    r"XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS|THEAP|T(?:TYPE|FORM)\d+"
    r"|Z(?:IMAGE|SIMPLE|TENSION|EXTEND|BITPIX|NAXIS\d*|TILE\d+|CMPTYPE|NAME\d+|VAL\d+|PCOUNT|GCOUNT|HECKSUM|DATASUM)"
)


@dataclass(frozen=True)
class CardText:
    """One card or tag.

    Parameters
    ----------
    keyword, value, comment : str
        As the file has them, a text without its quotes. What cannot be printed is spelt in hexadecimal.
    source : str
        The part it comes from, such as "HDU 0".
    """

    keyword: str
    value: str
    comment: str
    source: str


@dataclass(frozen=True)
class HeaderPart:
    """A part of a file with its cards: an HDU of FITS, a directory of EXIF tags.

    Parameters
    ----------
    name : str
        Such as "HDU 1: SCI, 640 x 480".
    cards : tuple of CardText
        In the file's order.
    gathered : bool
        Whether these are cards of other parts, those that belong to the picture.
    """

    name: str
    cards: tuple[CardText, ...]
    gathered: bool = False


@dataclass(frozen=True)
class HeaderText:
    """What a file's headers say.

    Parameters
    ----------
    parts : tuple of HeaderPart
        The one to be read first comes first.
    problem : str
        Why this is not all of it, as a sentence; "" where it is.
    """

    parts: tuple[HeaderPart, ...]
    problem: str = ""


def read_header_text(path: str | os.PathLike[str], file: str = "") -> HeaderText:
    """Every card of every part of a file.

    Parameters
    ----------
    path : path
        A FITS or camera file, however damaged.
    file : str, optional
        Its name for messages.

    Returns
    -------
    HeaderText
        For a picture in an extension a first part has all cards that are its own, those that it inherits from the
        primary HDU among them (FITS standard 4.0, 4.4.2.6). Of a camera file the EXIF tags, and the cards that are made
        of them.

    Raises
    ------
    FrameError
        Where the file cannot be opened, or is neither.
    """
    path, file = os.path.abspath(path), file or folder.printable(os.path.basename(path))
    if not os.path.isfile(path):
        raise FrameError(file, "is not there, or is no file", "check the name")
    try:
        with open(path, "rb") as stream:
            head = stream.read(9)
        zipped = head.startswith(b"\x1f\x8b")
        if zipped or folder.is_fits(path) or head == b"SIMPLE  =":
            return _of_fits(path, file, zipped=zipped)
    except PermissionError:
        raise FrameError(file, "cannot be opened (no permission)", "allow reading it") from None
    except (OSError, EOFError, zlib.error):
        raise layout.damaged(path, file) from None
    return _of_camera(path, file)


def _of_fits(path: str, file: str, *, zipped: bool) -> HeaderText:
    parts: list[HeaderPart] = []
    problem, count = "", 0
    end = FURTHEST if zipped else os.path.getsize(path)
    with layout.open_stream(path, zipped=zipped) as stream:
        while not problem and len(parts) < MOST_PARTS:
            try:
                found, whole = _header(stream)
            except (OSError, EOFError, zlib.error):
                if not parts:
                    raise
                problem = f"HDU {len(parts) - 1} is cut off or damaged, and nothing can be read behind it"
                break
            if not parts and not found.startswith(b"SIMPLE  ="):
                raise layout.damaged(path, file)
            if not found.strip(b"\0 "):
                break
            if parts and not re.match(rb"XTENSION|[A-Z0-9_-]+ *= ", found):
                problem = f"behind HDU {len(parts) - 1} there is something else than a header"
                break
            part, left = _part(found, len(parts), MOST_CARDS - count)
            parts.append(part)
            count += len(part.cards)
            if left:
                problem = f"these are the first {MOST_CARDS:,} cards, {left:,} more are left out"
            elif not whole:
                problem = f"HDU {len(parts) - 1} has no END: its header is cut off or damaged"
            else:
                problem = _skip(stream, found, len(parts) - 1, end)
    return HeaderText((*_picture(path, file, parts), *parts), problem)


def _header(stream: IO[bytes]) -> tuple[bytes, bool]:
    """A header's bytes up to END, and whether there is one."""
    found = bytearray()
    while len(found) < LONGEST:
        block = stream.read(_BLOCK)
        for start in range(0, len(block), _CARD):
            if block[start : start + _CARD].rstrip(b" \0") == b"END":
                return bytes(found + block[:start]), True
        found += block
        if len(block) < _BLOCK:
            break
    return bytes(found), False


def _skip(stream: IO[bytes], found: bytes, number: int, end: int) -> str:
    """Go to the next part; why that cannot be done, or ""."""
    size = layout.data_size(found)
    if size is None:
        return f"HDU {number} does not say how long its data are, so what follows is not read"
    if stream.tell() + size > end:
        return f"HDU {number} promises {size:,} bytes of data, and the file ends before them"
    try:
        stream.seek(stream.tell() + -(-size // _BLOCK) * _BLOCK)
    except (OSError, EOFError, zlib.error):
        return f"HDU {number} is cut off or damaged, and nothing can be read behind it"
    return ""


def _part(found: bytes, number: int, most: int) -> tuple[HeaderPart, int]:
    """One HDU, and how many cards too many it has."""
    source = f"HDU {number}"
    texts = _texts(found)
    cards = tuple(_card(one, source) for one in texts[:most])
    first = {card.keyword: card.value for card in reversed(cards)}
    packed = first.get("ZIMAGE") == "T"
    key = "ZNAXIS" if packed else "NAXIS"
    sides = [first.get(f"{key}{axis}", "") for axis in range(1, 10)]
    size = " x ".join(side for side in sides if side.isdecimal())
    word = first.get("EXTNAME") or (first.get("XTENSION", "") if number else "primary")
    what = f"{'packed image' if packed else ''} {size}".strip() or "no data"
    return HeaderPart(f"{source}: {word or 'extension'}, {what}", cards), len(texts) - len(cards)


def _texts(found: bytes) -> list[str]:
    """The cards as texts, each with those that continue it; blank ones are left out."""
    texts: list[str] = []
    for start in range(0, len(found), _CARD):
        text = _readable(found[start : start + _CARD])
        if not text.strip():
            continue
        goes_on = text.startswith("CONTINUE  ") and texts and re.search(r"&'\s*(?:/.*)?$", texts[-1])
        if goes_on:
            texts[-1] = texts[-1].ljust(-(-len(texts[-1]) // _CARD) * _CARD) + text
        else:
            texts.append(text)
    return texts


def _readable(card: bytes) -> str:
    """Bytes as text that can be printed: UTF-8, else Latin-1."""
    card = card.rstrip(b"\0 ")
    if card.isascii() and card.decode("ascii").isprintable():
        return card.decode("ascii")
    try:
        text = card.decode("utf-8")
    except UnicodeDecodeError:
        text = card.decode("latin-1")
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)


def _card(text: str, source: str) -> CardText:
    """Keyword, value and comment of a card that may break any rule."""
    from astropy.io.fits import Card, VerifyError

    keyword, value, comment = text[:8].strip(), text[8:].strip(), ""
    if text[8:10] == "= " or text.startswith("HIERARCH "):
        before, _, after = (text[8:] if text.startswith("HIERARCH ") else text).partition("=")
        keyword = before.strip() or keyword
        # A text that goes on is known by astropy alone; of all else what stands before the comment is the value.
        value, _, comment = (part.strip() for part in after.partition("/"))
        if after.lstrip().startswith("'"):
            try:
                card = Card.fromstring(text)
                value, comment = str(card.value).rstrip(), str(card.comment).strip()
            except (VerifyError, ValueError, TypeError, AttributeError):
                value = value.strip("' ")
    return CardText(_short(keyword), _short(value), _short(comment), source)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}\u2026 ({len(text):,} characters)"


def _picture(path: str, file: str, parts: list[HeaderPart]) -> tuple[HeaderPart, ...]:
    """All cards of a picture that lies in an extension; nothing where there is none, or it is the primary HDU."""
    try:
        where, _ = fits.scan(path, file)
    except FrameError:
        return ()
    if not 0 < where.hdu < len(parts):
        return ()
    own = parts[where.hdu].cards
    if where.packed:
        own = tuple(card for card in own if not _PACKING.fullmatch(card.keyword))
    names = {card.keyword for card in own} - {"", "COMMENT", "HISTORY"}
    inherited = [
        card for card in parts[0].cards if card.keyword not in names and not fits.STORED.fullmatch(card.keyword)
    ]
    return (HeaderPart("The picture: its own cards and those of HDU 0", (*own, *inherited), gathered=True),)


def _of_camera(path: str, file: str) -> HeaderText:
    """EXIF tags by their directories, after the cards that are made of them."""
    groups: dict[str, list[CardText]] = {}
    for name, tag in raw.exif_tags(path).items():
        group, _, key = name.partition(" ")
        comment = f"tag 0x{tag.tag:04X}" if isinstance(getattr(tag, "tag", None), int) else ""
        value = _readable(str(tag).encode("utf-8", "backslashreplace"))
        groups.setdefault(group, []).append(CardText(_short(key or group), _short(value), comment, group))
    parts = [HeaderPart(f"{group} tags", tuple(cards)) for group, cards in groups.items()]
    try:
        header = raw.read_header(raw.read_info(path, file))
    except FrameError as error:
        if not parts:
            raise
        return HeaderText(tuple(parts), f"the picture itself {error.problem}")
    made = tuple(
        CardText(card.keyword, str(card.value), str(card.comment), "made of the tags") for card in header.cards
    )
    problem = "" if parts else "it has no EXIF tags"
    return HeaderText((HeaderPart("Cards made of the tags", made), *parts), problem)


def found(header: HeaderText, words: str, part: int | None = None) -> list[CardText]:
    """Cards in which all of some words occur, in any case.

    Parameters
    ----------
    header : HeaderText
        Where to look.
    words : str
        What to look for, in keyword, value and comment; "" finds every card.
    part : int, optional
        The only part to look into; else all of them, each card once.
    """
    wanted = words.casefold().split()
    parts = [one for one in header.parts if not one.gathered] if part is None else [header.parts[part]]
    return [
        card
        for one in parts
        for card in one.cards
        if all(word in f"{card.keyword} {card.value} {card.comment}".casefold() for word in wanted)
    ]
