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
_SAID_OF_ALL = ("OBJECT", "OBJEKT", "EXPOSE", "EXPOSURE", "SCIENCE", "SCI", "OBJ", "STAR", "TARGET")
# A master may be called "mflat" or "masterbias", a flat by what it was taken of and by its filter: "skyflat", "flatv".
_MASTER = "(?:master|super|m)?"
_OF = "(?:sky|dome|twi|twilight|dusk|dawn|evening|morning|lamp|panel|screen|led|tricolor)?"
_FILTER = "(?:[ubvrigzylch]|ha|oiii|sii|red|green|blue|lum|clear)?"
_WORDS = {
    "light": re.compile("lights?(?:frames?)?|hellbild(?:er)?|lichtbild(?:er)?"),
    "bias": re.compile(f"{_MASTER}bias(?:es)?(?:frames?|bild(?:er)?)?|nullbild(?:er)?"),
    "dark": re.compile(
        f"{_MASTER}(?:darks?(?:frames?|flats?)?|flatdarks?|drks?|dunkel(?:bild(?:er)?|str[oö]me?|flats?|frames?)?)"
    ),
    "flat": re.compile(
        f"{_MASTER}{_OF}flats?(?:fields?|feld(?:er)?|frames?|bild(?:er)?)?{_FILTER}|ffields?|hellfeld(?:er)?"
    ),
}
_PLURALS = re.compile("lights|bias|biases|darks|drks|[a-z]*flats|[a-z]*(?:fields|frames|bilder|felder)")
# Words that mean a kind only where nothing else is said: "offset_001", but "offsets of M 31".
_ALONE = {"bias": re.compile("zeros?|offsets?"), "flat": re.compile("twilights?|twi")}
# A folder may be named after what the lights are of.
_LIGHTS = re.compile("science|sci|objects?|targets?")
_NEUTRAL = re.compile(
    "frames?|fields?|master|super|dome|sky|twilight|evening|morning|lamp|screen|image|img|exposure|exp|sec|cal|calib|"
    "calibration|bin|binned|red|green|blue|lum|clear|raw|set|series|run"
)
_FILTER_OR_TIME = re.compile(
    r"[a-z]{1,2}|red|green|blue|lum(?:inance)?|clear|oiii|sii|h_?alpha|(?:exp)?\d+(?:[.,]\d+)? ?(?:s|sec|seconds)?"
)
_BOXES = re.compile("cals?|calibs?|calibrations?|raws?|rohdaten")
_DARK_SKY = re.compile("nebulae?|clouds?|sky|skies|matter|lanes?|horse|energy|stars?|sites?")
# In English and German.
_MONTH = (
    "(?:jan(?:uary?)?|feb(?:ruary?)?|mar(?:ch)?|m[aä]rz?|apr(?:il)?|ma[iy]|jun[ei]?|jul[iy]?|aug(?:ust)?|sept?(?:ember)?"
    "|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)"
)
_NIGHT = re.compile(
    r"(?<!\d)(?:19|20)\d\d[-_. ]?(?:0[1-9]|1[0-2])[-_. ]?(?:0[1-9]|[12]\d|3[01])(?!\d)"
    rf"|(?<![a-z]){_MONTH}[-_. ]?\d{{1,2}}(?!\d)|(?<!\d)\d{{1,2}}[-_. ]?{_MONTH}(?![a-z])"
    r"|(?<![a-z])(?:nights?|nacht|n[aä]e?chte|evening|session)(?![a-z])"
)


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
        ("dark", ("DARK", "DUNKEL")),
        ("flat", ("FLAT", "TWILIGHT")),
        ("bias", ("BIAS", "ZERO", "OFFSET")),
        ("light", ("LIGHT",)),
    ):
        if any(word in letters for word in words):
            return kind, True
    if kind := _alone(text(value)):
        return kind, True
    return ("light" if letters in _SAID_OF_ALL else "", False)


def _tokens(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.findall(r"[a-zäöüß]+", spaced.lower())


def _kind_of_word(token: str) -> str:
    return next((kind for kind, words in _WORDS.items() if words.fullmatch(token)), "")


def _alone(name: str) -> str:
    """Kind where a name says that kind and nothing else: "flat_b", "dark frame 001", but not "Dark Nebula"."""
    tokens = _tokens(name)
    kinds, others = set(), []
    for token in tokens:
        kind = _kind_of_word(token) or next((kind for kind, words in _ALONE.items() if words.fullmatch(token)), "")
        if kind:
            kinds.add(kind)
        elif len(token) > 2 and not _NEUTRAL.fullmatch(token):
            others.append(token)
    if others or not kinds or _is_dark_sky(tokens):
        return ""
    return "dark" if kinds == {"dark", "flat"} else kinds.pop() if len(kinds) == 1 else ""


def _is_dark_sky(tokens: list[str]) -> bool:
    return "dark" in tokens and any(_DARK_SKY.fullmatch(token) for token in tokens)


def _by_folders(folder: Path) -> str:
    """Kind by the folder, or by one above where folders only name a night, a filter or an exposure: "flats/V"."""
    for one in (folder, *folder.parents):
        if kind := folder_kind(one.name):
            return kind
        if not is_part(one.name):
            return ""
    return ""


def folder_kind(name: str) -> str:
    """Kind where a folder says that alone, or says it in the plural among other words: "flats 22 September"."""
    if kind := _alone(name):
        return kind
    tokens = _tokens(name)
    if len(tokens) == 1 and _LIGHTS.fullmatch(tokens[0]):
        return "light"
    kinds = {_kind_of_word(token) for token in tokens if _PLURALS.fullmatch(token)} - {""}
    return kinds.pop() if len(kinds) == 1 and not _is_dark_sky(tokens) else ""


def is_part(name: str) -> bool:
    """Whether a folder holds a part of what lies around it, by its name: that of a night, filter, exposure, "calib"."""
    lower = name.lower()
    return any(words.fullmatch(lower) for words in (_FILTER_OR_TIME, _BOXES)) or _NIGHT.search(lower) is not None


def _by_file_name(name: str) -> str:
    stem = re.sub(r"(\.[A-Za-z]\w{1,3}){1,2}$", "", name)
    if kind := _alone(stem):
        return kind
    tokens = _tokens(stem)
    if _is_dark_sky(tokens):
        return ""
    return next((kind for token in tokens if (kind := _kind_of_word(token))), "")
