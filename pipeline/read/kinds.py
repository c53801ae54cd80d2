"""Whether a frame is a light, bias, dark or flat, by header, object, file or folder name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pipeline.read.cards import Cards, number, text

_KEYS = (
    "IMAGETYP",
    "IMAGETYPE",
    "IMGTYPE",
    "FRAME",
    "FRAMETYP",
    "PICTTYPE",
    "OBSTYPE",
    "OBS-TYPE",
    "OBS_TYPE",
    "EXPTYPE",
    "DATA-TYP",
    "ESO DPR TYPE",
)
# SBIG's FITS extensions: PICTTYPE is 1 light, 2 bias, 3 dark, 4 flat.
_NUMBERS = {1: "light", 2: "bias", 3: "dark", 4: "flat"}
_WORDS = {
    word: kind
    for kind, words in {
        "light": "light lights",
        "bias": "bias biases",
        "dark": "dark darks darkflat flatdark",
        "flat": "flat flats flatfield flatfields domeflat skyflat",
    }.items()
    for word in words.split()
}
_PLURALS = ("lights", "bias", "biases", "darks", "flats", "flatfields")
# Words that mean a bias only where nothing else is said: "offset_001", but "offsets of M 31".
_ALONE = dict.fromkeys(("zero", "zeros", "offset", "offsets"), "bias")
_NEUTRAL = re.compile(
    "frames?|fields?|master|super|dome|sky|twilight|evening|morning|lamp|screen|image|img|exposure|exp|sec|cal|calib|"
    "calibration|bin|binned|red|green|blue|lum|clear|raw|set|series|run"
)
_FILTER_OR_TIME = re.compile(
    r"[a-z]{1,2}|red|green|blue|lum(?:inance)?|clear|oiii|sii|h_?alpha|(?:exp)?\d+(?:[.,]\d+)? ?(?:s|sec|seconds)?"
)
_DARK_SKY = re.compile("nebulae?|clouds?|sky|skies|matter|lanes?|horse|energy|stars?|sites?")


def kind_of(cards: Cards, path: str, exposure: float | None) -> tuple[str, str]:
    """Kind of a frame and what told it.

    Parameters
    ----------
    cards : mapping
        The header's cards, empty for camera files.
    path : str
        The file's path; its name and its folder count where the header does not say it.
    exposure : float or None
        Seconds; a dark of no duration is a bias.

    Returns
    -------
    kind : str
        "light", "bias", "dark", "flat", or "" where nothing tells it.
    reason : str
        Such as "IMAGETYP = 'Light Frame'" or "file name".
    """
    weak = ("", "")
    for key in _KEYS:
        kind, sure = _by_type(key, cards.get(key))
        reason = f"{key} = {cards.get(key)!r}"
        if kind == "dark" and exposure == 0:
            return "bias", f"{reason}, exposure 0 s"
        if sure:
            return kind, reason
        if kind and not weak[0]:
            weak = (kind, reason)
    name = text(cards.get("OBJECT"))
    if kind := _alone(name):
        return _no_duration(kind, f"OBJECT = {name!r}", exposure)
    if kind := _by_file_name(Path(path).name):
        return _no_duration(kind, "file name", exposure)
    if kind := _by_folders(Path(path).parent):
        return _no_duration(kind, "folder name", exposure)
    return weak


def _no_duration(kind: str, reason: str, exposure: float | None) -> tuple[str, str]:
    return ("bias", f"{reason}, exposure 0 s") if kind == "dark" and exposure == 0 else (kind, reason)


def _by_type(key: str, value: Any) -> tuple[str, bool]:
    """Kind by a type card, and whether it is sure: OBJECT and EXPOSE are also said of flats."""
    if key == "PICTTYPE" and (found := number(value)) is not None:
        return _NUMBERS.get(int(found), ""), int(found) in _NUMBERS
    letters = re.sub("[^A-Z]", "", text(value).upper())
    for kind, words in (
        ("dark", ("DARK",)),
        ("flat", ("FLAT", "TWILIGHT")),
        ("bias", ("BIAS", "ZERO", "OFFSET")),
        ("light", ("LIGHT",)),
    ):
        if any(word in letters for word in words):
            return kind, True
    return (
        ("light", False)
        if letters in ("OBJECT", "EXPOSE", "EXPOSURE", "SCIENCE", "SCI", "OBJ", "STAR")
        else ("", False)
    )


def _tokens(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.findall(r"[a-z]+", spaced.lower())


def _alone(name: str) -> str:
    """Kind where a name says that kind and nothing else: "flat_b", "dark frame 001", but not "Dark Nebula"."""
    tokens = _tokens(name)
    words = _WORDS | _ALONE
    kinds = {words[token] for token in tokens if token in words}
    others = [token for token in tokens if token not in words and len(token) > 2 and not _NEUTRAL.fullmatch(token)]
    if others or not kinds or _is_dark_sky(tokens):
        return ""
    return "dark" if kinds == {"dark", "flat"} else kinds.pop() if len(kinds) == 1 else ""


def _is_dark_sky(tokens: list[str]) -> bool:
    return "dark" in tokens and any(_DARK_SKY.fullmatch(token) for token in tokens)


def _by_folders(folder: Path) -> str:
    """Kind by the folder, or by the one above where a folder only names a filter or an exposure: "flats/V"."""
    if kind := folder_kind(folder.name):
        return kind
    return folder_kind(folder.parent.name) if _FILTER_OR_TIME.fullmatch(folder.name.lower()) else ""


def folder_kind(name: str) -> str:
    """Kind where a folder says that alone, or says it in the plural among other words: "flats 22 September"."""
    if kind := _alone(name):
        return kind
    tokens = _tokens(name)
    kinds = {_WORDS[token] for token in tokens if token in _PLURALS}
    return kinds.pop() if len(kinds) == 1 and not _is_dark_sky(tokens) else ""


def _by_file_name(name: str) -> str:
    stem = re.sub(r"(\.[A-Za-z]\w{1,3}){1,2}$", "", name)
    if kind := _alone(stem):
        return kind
    tokens = _tokens(stem)
    if _is_dark_sky(tokens):
        return ""
    return next((_WORDS[token] for token in tokens if token in _WORDS), "")
