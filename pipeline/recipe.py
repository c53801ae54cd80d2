"""A recipe: every stage's knobs, checked, from and to TOML. It is data, never evaluated."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pipeline.stages  # noqa: F401  (declares the stages)
from pipeline.knob import KnobError, KnobSpec, cut, nearest, shown
from pipeline.stage import STAGES

FORMAT = 1
LARGEST = 1_000_000
DEEPEST = 4
# What a name with dots is not in: a text, a comment. One that begins always matches, closed or not, and gives nothing
# back: else each quote could be tried as a beginning as far as the end. A long text may end in two quotes of its own.
_TEXTS = re.compile(
    r'''"""(?:\\.|[^"\\]|"(?!""))*+"{0,5}|'{3}(?:[^']|'(?!''))*+'{0,5}|"(?:\\.|[^"\\\n])*+"?|'[^'\n]*+'?|#[^\n]*+''',
    re.DOTALL,
)
_MANY_DOTS = re.compile(r"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){16}")
PRESETS = ("classic-12800", "classic-6400", "classic-andromeda")
# The head of a section and a dot in it, and a name on its left of a dot, an equals sign or a bracket.
_HEAD = re.compile(r"\s*\[\s*\"?([\w-]+)\"?\s*\.?")
_KEY = re.compile(r"\s*(?:\"([^\"]*)\"|'([^']*)'|([\w-]+))\s*[.=\]]")
_DATA = ("lights", "bias", "dark", "flat")
#: Knobs whose values name files, folders or stars: they belong to the night for which they were set.
OF_FILES = {
    "frames": ("reference", "kinds"),
    "selection": ("rejected",),
    "shifts": ("box_centers", "box_sizes", "pre_shift"),
    "psf_photometry": ("known", "comparison"),
}


class RecipeError(ValueError):
    """A recipe is wrong; the message names place, value and remedy."""


@dataclass(frozen=True)
class Recipe:
    """Immutable set of all knobs.

    Parameters
    ----------
    knobs : dict of str to dict
        For each stage its knobs in canonical form, all of them.
    data : dict of str to list of str
        Folders or files of lights, bias, dark and flat, as written in the recipe.
    """

    knobs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    data: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.knobs:
            if name not in STAGES:
                raise KnobError(f"[{cut(name)}]: no such stage" + nearest(name, STAGES))
        full = {name: stage.check(self.knobs.get(name, {})) for name, stage in STAGES.items()}
        object.__setattr__(self, "knobs", full)

    def __getitem__(self, stage: str) -> Mapping[str, Any]:
        return self.knobs[stage]

    def with_knobs(self, stage: str, **knobs: Any) -> Recipe:
        """The same recipe with some knobs of one stage replaced.

        Raises
        ------
        KnobError
            For an unknown name or a wrong value.
        """
        changed = {name: dict(values) for name, values in self.knobs.items()}
        changed.setdefault(stage, {}).update(knobs)
        return Recipe(changed, self.data)

    def with_files_of(self, other: Recipe) -> Recipe:
        """The same recipe with what another one says of single files, folders and stars."""
        theirs = {stage: {knob: other[stage][knob] for knob in knobs} for stage, knobs in OF_FILES.items()}
        return Recipe({stage: {**values, **theirs.get(stage, {})} for stage, values in self.knobs.items()}, self.data)

    def changed(self) -> dict[str, dict[str, Any]]:
        """Knobs that differ from their defaults."""
        different = {
            name: {knob: value for knob, value in values.items() if value != STAGES[name].knobs[knob].default}
            for name, values in self.knobs.items()
        }
        return {name: values for name, values in different.items() if values}

    @property
    def hash(self) -> str:
        """Sixteen hexadecimal digits that are equal for equal knobs."""
        text = json.dumps(self.knobs, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def parse_value(spec: KnobSpec, text: str) -> Any:
    """A knob's value from the text of an option, such as ``5``, ``0.1,1.0`` or ``polynomial``.

    Raises
    ------
    KnobError
        Where the text is no value of that knob.
    """
    written = f"[{text.strip('[]() ')}]" if spec.kind in ("range", "sides", "numbers", "ids", "point") else text
    try:
        value = text if _dotted(written) else tomllib.loads(f"value = {written}")["value"]
    except (ValueError, RecursionError):
        # No TOML, a number of thousands of digits, brackets in brackets: the check says what is wanted.
        value = text
    if spec.kind in ("str", "choice"):
        value = text
    return spec.check(value)


def with_option(recipe: Recipe, option: str) -> Recipe:
    """The recipe with one ``STAGE.KNOB=VALUE`` of the command line put in.

    Raises
    ------
    KnobError
        Where stage, knob or value is wrong.
    """
    match = re.fullmatch(r"\s*([\w-]+)\.([\w-]+)\s*=(.*)", option, re.DOTALL)
    if match is None:
        raise KnobError(f"--set {option}: wants STAGE.KNOB=VALUE")
    stage, knob, text = match[1], match[2], match[3].strip()
    if stage not in STAGES:
        raise KnobError(f"--set {option}: no stage {stage}" + nearest(stage, STAGES))
    if knob not in STAGES[stage].knobs:
        raise KnobError(f"--set {option}: no knob {stage}.{knob}" + nearest(knob, STAGES[stage].knobs))
    return recipe.with_knobs(stage, **{knob: parse_value(STAGES[stage].knobs[knob], text)})


def preset(name: str) -> Recipe:
    """One of the recipes that come with Starshift; "default" is our own defaults.

    Raises
    ------
    RecipeError
        Where there is none of that name.
    """
    if name == "default":
        return Recipe()
    if name not in PRESETS:
        raise RecipeError(f"recipe {name}: no such recipe" + nearest(name, ("default", *PRESETS)))
    return load(Path(__file__).parent / "recipes" / f"{name}.toml")


def load(path: str | Path) -> Recipe:
    """Read a recipe file.

    Raises
    ------
    RecipeError
        Where the file cannot be read or a name or value in it is wrong; the message names file and line.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise RecipeError(f"{path.name}: is no file: choose a recipe")
        if (size := path.stat().st_size) > LARGEST:
            raise RecipeError(f"{path.name}: is larger than a recipe can be ({size} bytes): choose a recipe")
        # Windows editors begin a file with a byte order mark.
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RecipeError(f"{path.name}: cannot be read ({error.strerror}): check the path") from None
    except UnicodeDecodeError:
        raise RecipeError(f"{path.name}: is no text in UTF-8: choose a recipe written by Starshift") from None
    return loads(text, name=path.name)


def loads(text: str, *, name: str = "recipe") -> Recipe:
    """Read a recipe from text.

    Raises
    ------
    RecipeError
        Where it is no TOML or a name or value in it is wrong; the message names the line.
    """
    nested = f"{name}: has sections in sections in sections: a recipe has one section for each stage"
    if _dotted(text):
        raise RecipeError(nested)
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{name}: is not TOML ({cut(str(error))}): mend that line") from None
    if _depth(content) > DEEPEST:
        raise RecipeError(nested)
    version = content.pop("format", FORMAT)
    if version != FORMAT or isinstance(version, bool):
        raise RecipeError(f"{name}{_line(text, None, 'format')}: format {shown(version)}: this version reads {FORMAT}")
    data = _check_data(content.pop("data", {}), text, name)
    for section, values in content.items():
        if section not in STAGES:
            raise RecipeError(f"{name}{_line(text, section)}: no stage [{cut(section)}]{nearest(section, STAGES)}")
        if not isinstance(values, dict):
            raise RecipeError(
                f"{name}{_line(text, None, section)}: {section} = {shown(values)}: wants a section [{section}]"
            )
        for knob, value in values.items():
            try:
                STAGES[section].check({knob: value})
            except KnobError as error:
                raise RecipeError(f"{name}{_line(text, section, knob)}: {error}") from None
    return Recipe(content, data)


def _dotted(text: str) -> bool:
    """Whether a name has more dots than any recipe's: the time to read such a name grows with their square."""
    return _MANY_DOTS.search(_TEXTS.sub("s", text)) is not None


def _depth(content: Any) -> int:
    """How deep tables lie in tables, counted without recursion: the text may come from anywhere."""
    depth, level = 0, [content]
    while level and depth <= DEEPEST:
        level = [item for table in level if isinstance(table, dict) for item in table.values()]
        depth += 1
    return depth


def _check_data(values: Any, text: str, name: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(values, dict):
        raise RecipeError(f"{name}{_line(text, None, 'data')}: data = {shown(values)}: wants a section [data]")
    for key, paths in values.items():
        place = _line(text, "data", key)
        if key not in _DATA:
            raise RecipeError(f"{name}{place}: data.{cut(key)}: no such entry{nearest(key, _DATA)}")
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise RecipeError(f"{name}{place}: data.{key} = {shown(paths)}: wants a list of paths")
    return {key: tuple(paths) for key, paths in values.items()}


def _line(text: str, section: str | None, key: str | None = None) -> str:
    """Where a section's head or a key in it stands, for messages."""
    current = None
    for number, line in enumerate(text.split("\n"), start=1):
        head = _HEAD.match(line)
        current = head[1] if head else current
        if current != section:
            continue
        name = _KEY.match(line[head.end() :] if head else line)
        if head if key is None else name and name[name.lastindex] == key:
            return f" line {number}"
    return ""


def dumps(recipe: Recipe) -> str:
    """The whole recipe as TOML, every knob with what it is for.

    Returns
    -------
    str
        Text that :func:`loads` reads back to an equal recipe.
    """
    import tomlkit

    document = tomlkit.document()
    document.add("format", FORMAT)
    if recipe.data:
        data = tomlkit.table()
        for key, paths in recipe.data.items():
            data.add(key, list(paths))
        document.add("data", data)
    for name, stage in STAGES.items():
        if not stage.knobs:
            continue
        table = tomlkit.table()
        table.comment(stage.purpose)
        for knob, spec in stage.knobs.items():
            value = recipe[name][knob]
            value = spec.knob.none if value is None else value
            item = _tables(value) if spec.kind == "shapes" else tomlkit.item(_listed(value))
            if not isinstance(value, Mapping):
                item.comment(f"{spec.knob.doc}; {spec.rule}")
            table.add(knob, item)
        document.add(name, table)
    return tomlkit.dumps(document)


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _tables(shapes: tuple[dict[str, Any], ...]) -> Any:
    """An array of tables, each on a line of its own."""
    import tomlkit

    array = tomlkit.array()
    for shape in shapes:
        table = tomlkit.inline_table()
        table.update({name: _lists(value) for name, value in shape.items()})
        array.append(table)
    return array.multiline(len(shapes) > 1)


def _lists(value: Any) -> Any:
    return [_lists(item) for item in value] if isinstance(value, tuple) else value
