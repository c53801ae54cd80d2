"""The recipe menu: save, load, presets, compare, the same run outside the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pipeline import recipe as recipes
from pipeline.knob import KnobError
from pipeline.recipe import Recipe, RecipeError
from ui import commands
from ui.courier import LARGEST_TEXT, Courier
from ui.session import Session

FILE = "recipe.toml"
Tell = Callable[[str, bool], None]


def recipe_of(name: str, text: str, tell: Tell) -> Recipe | None:
    """A visitor's recipe without the folders it names, or None where it is told what is wrong with it."""
    try:
        return Recipe(recipes.loads(text, name=name).knobs)
    except (RecipeError, KnobError) as error:
        tell(str(error), True)
        return None


def ask_recipe(courier: Courier, tell: Tell, use: Callable[[str, Recipe], None]) -> None:
    """Let the visitor choose a recipe's file; what is wrong with it is told.

    Parameters
    ----------
    courier : Courier
        Carries the file.
    tell : callable
        Shows a sentence, and whether it is an error.
    use : callable
        Called with the file's name and the recipe. Folders that it names are left out: here files are opened apart.
    """

    def answered(name: str, text: str | None, large: bool) -> None:
        if large:
            most = LARGEST_TEXT // 1_000_000
            tell(f"{name}: is larger than a recipe can be (at most {most} MB): choose a recipe", True)
        elif text is None:
            tell(f"{name}: cannot be read: choose it again", True)
        elif (recipe := recipe_of(name, text, tell)) is not None:
            use(name, recipe)

    courier.ask(".toml", answered)


def recipe_menu(
    session: Session,
    courier: Courier,
    tell: Tell,
    *,
    wanted: Callable[[], Sequence[str]],
    compare: Callable[[], None],
    presets: Callable[[], None],
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
    wanted : callable
        Gives the products that a run writes.
    compare : callable
        Shows what another recipe makes otherwise.
    presets : callable
        Shows the recipes that have a name.
    """

    def use(name: str, recipe: Recipe) -> None:
        session.use(recipe)
        tell(f"{name} is in use.", False)

    def reset() -> None:
        session.use(Recipe())
        tell("All knobs are at our defaults.", False)

    def copy(what: str, text: str) -> None:
        def copied(done: bool) -> None:
            if done:
                tell(f"The {what} is on the clipboard.", False)
            else:
                courier.save(commands.file_of(text), text)
                tell(f"The browser gives this page no clipboard: the {what} is among your downloads.", False)

        courier.copy(text, copied)

    return [
        ("Save recipe", lambda: courier.save(FILE, recipes.dumps(session.recipe))),
        ("Load a recipe\u2026", lambda: ask_recipe(courier, tell, use)),
        ("Presets\u2026", presets),
        ("Use our defaults", reset),
        ("Compare with another\u2026", compare),
        ("Copy as command", lambda: copy("command", commands.command(session, wanted()))),
        ("Copy as Python", lambda: copy("script", commands.script(session, wanted()))),
    ]
