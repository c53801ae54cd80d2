"""The recipe menu: save, load, presets, the same on the command line."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from pipeline import recipe as recipes
from pipeline.recipe import Recipe, RecipeError
from pipeline.stage import KnobError
from ui.courier import LARGEST_TEXT, Courier
from ui.session import Session

FILE = "recipe.toml"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(f"{end:g}" for end in value)
    return str(value)


def command(session: Session) -> str:
    """The command line that does with the same files what the page shows.

    Returns
    -------
    str
        ``starshift run ...``; tables of files are left to the recipe, which says so.
    """
    words = ["starshift", "run"]
    root = session.night.root if session.night is not None else None
    words.append(str(root) if root is not None else "LIGHTS")
    words += ["--out", "starshift-out"]
    for stage, knobs in session.recipe.changed().items():
        for name, value in knobs.items():
            if not isinstance(value, Mapping):
                spec = recipes.STAGES[stage].knobs[name]
                words += ["--set", f"{stage}.{name}={spec.knob.none if value is None else _toml(value)}"]
    return shlex.join(words)


def recipe_menu(
    session: Session, courier: Courier, tell: Callable[[str, bool], None]
) -> list[tuple[str, Callable[[], Any]]]:
    """Entries of the recipe menu.

    Parameters
    ----------
    session : Session
        Whose recipe it is.
    courier : Courier
        Carries the file.
    tell : callable
        Shows a sentence, and whether it is an error.
    """

    def load(name: str, size: int, text: str | None) -> None:
        if text is None:
            tell(f"{name}: larger than a recipe can be ({size} bytes, at most {LARGEST_TEXT}): choose a recipe", True)
            return
        try:
            session.use(recipes.loads(text, name=name))
        except (RecipeError, KnobError) as error:
            tell(str(error), True)
        else:
            tell(f"{name} is in use.", False)

    def take(name: str) -> None:
        session.use(Recipe() if name == "default" else recipes.preset(name))
        tell(f"The recipe {name} is in use.", False)

    def copy() -> None:
        courier.copy(command(session))
        tell("The command is on the clipboard.", False)

    presets = [(f"Use {name}", lambda name=name: take(name)) for name in recipes.PRESETS]
    return [
        ("Save recipe", lambda: courier.save(FILE, recipes.dumps(session.recipe))),
        ("Load a recipe\u2026", lambda: courier.ask(".toml", load)),
        ("Copy as command", copy),
        ("Use our defaults", lambda: take("default")),
        *presets,
    ]
