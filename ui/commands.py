"""The run that the page shows, outside the page: one shell line, or a Python script, that make the same bytes."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline import __version__, products
from pipeline.frame import Failure, FrameError
from pipeline.graph.request import Night
from pipeline.knob import KnobSpec
from pipeline.read import find_files
from pipeline.recipe import Recipe
from pipeline.stage import STAGES
from ui.session import Session

OUT = "starshift-out"
SCRIPT = '''"""The run that Starshift's page showed: the same files, the same knobs, the same bytes.

Made by Starshift {version}; run it with the Python that Starshift is installed in.
"""

{inf}from pathlib import Path

from pipeline.graph import batch
from pipeline.graph.run import Graph
from pipeline.recipe import Recipe

LIGHTS = {lights}
OUT = Path("{out}")

# The knobs that are not at their defaults.
RECIPE = Recipe({knobs})

# Headers are read here, pixels when a stage asks for them.
night = Graph.open(LIGHTS)
report = batch.run(night, RECIPE, OUT, wanted={wanted})
for frame in report["frames"]:
    print(frame["file"], frame["state"], frame["reason"])

# Any one result of any stage, made only as far as it takes:
#     tracks = Graph().result(night, RECIPE, "tracks")
#     stars = Graph().result(night, RECIPE, "stars", frame=0)
'''


def quoted(word: str) -> str:
    r"""A word as a shell reads it back, on one line.

    A name with control characters could end a terminal's paste and run the rest: such a word is spelt byte by byte in
    ``$'\033'``, which bash, zsh and POSIX 2024 read.
    """
    if word.isprintable():
        return shlex.quote(word)
    plain = {ord("'"), ord("\\")}
    spelt = (chr(byte) if 32 <= byte < 127 and byte not in plain else f"\\{byte:03o}" for byte in os.fsencode(word))
    return f"$'{''.join(spelt)}'"


def written(spec: KnobSpec, value: Any) -> str:
    """A knob's value as ``pipeline.recipe.parse_value`` reads it back."""
    if value is None:
        return spec.knob.none
    if spec.kind == "range":
        return ",".join(map(_toml, value))
    return str(value) if spec.kind in ("str", "choice") else _toml(value)


def option(spec: KnobSpec, value: Any) -> list[str]:
    """The words of the command line that set one knob."""
    text = written(spec, value)
    if (spec.stage, spec.name) == ("frames", "reference") and text != text.strip():
        # Around --set's equals sign blanks do not count.
        return ["--reference", text]
    return ["--set", f"{spec.stage}.{spec.name}={text}"]


def _toml(value: Any) -> str:
    """A value as TOML has it on one line; numbers keep all their digits."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_toml(str(key))} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)


def lights(session: Session) -> list[str]:
    """What to name for the same lights: their folder where it holds just these, else each file.

    Uploads lie in a folder that goes with the visit, so they are named as the visitor has them.
    """
    night = session.night
    paths = [_path(night, file) for file in night.files]
    if night.root is None:
        return paths
    if session.holds_upload(night.root):
        names = [os.path.basename(path) for path in paths]
        return [f"./{name}" if name.startswith(("-", "~")) else name for name in names]
    try:
        folder = find_files([night.root])
    except FrameError:
        return paths
    same = sorted(map(os.path.realpath, folder)) == sorted(map(os.path.realpath, paths))
    return [str(night.root)] if same else paths


def _path(night: Night, file: Any) -> str:
    return os.path.join(night.root or "", file.file) if isinstance(file, Failure) else os.fspath(file.path)


def command(session: Session, wanted: Sequence[str] = products.USUAL) -> str:
    """The shell line that makes the products of the page's run.

    Parameters
    ----------
    session : Session
        Files and knobs.
    wanted : sequence of str
        Products, of ``pipeline.products.PRODUCTS``.
    """
    words = ["starshift", "run", *(lights(session) if session.night is not None else ["LIGHTS"]), "--out", OUT]
    for stage, knobs in session.recipe.changed().items():
        for name, value in knobs.items():
            words += option(STAGES[stage].knobs[name], value)
    if set(wanted) != set(products.USUAL):
        words += ["--products", ",".join(wanted)]
    return " ".join(map(quoted, words))


def script(session: Session, wanted: Sequence[str] = products.USUAL) -> str:
    """The Python script that makes the products of the page's run.

    Parameters
    ----------
    session : Session
        Files and knobs.
    wanted : sequence of str
        Products, of ``pipeline.products.PRODUCTS``.
    """
    named = lights(session) if session.night is not None else ["LIGHTS"]
    files = [f"Path({path!a})" for path in named]
    chosen = tuple(name for name in products.PRODUCTS if name in wanted)
    knobs = _knobs(session.recipe)
    # An open end of a limit.
    inf = "from math import inf\n" if re.search(r"\binf\b", knobs) else ""
    return SCRIPT.format(
        inf=inf, version=__version__, lights=_lines("[", files, "]"), out=OUT, knobs=knobs, wanted=repr(chosen)
    )


def _lines(start: str, items: Sequence[str], end: str) -> str:
    if len(items) < 2:
        return start + "".join(items) + end
    return "\n    ".join([start, *(f"{item}," for item in items)]) + f"\n{end}"


def _plain(value: Any) -> Any:
    """A value whose parts a script can spell without knowing our types: a place is a pair of numbers there."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return tuple(map(_plain, value)) if isinstance(value, (tuple, list)) else value


def _knobs(recipe: Recipe) -> str:
    stages = [f"{name!r}: {_plain(knobs)!a}" for name, knobs in recipe.changed().items()]
    return _lines("{", stages, "}")


def file_of(text: str) -> str:
    """The name under which a command or a script is saved where there is no clipboard."""
    return "starshift_run.py" if text.startswith('"""') else "starshift_run.sh"
