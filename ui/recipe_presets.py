"""Recipes with a name: those that come with Starshift, and the visitor's own, which the browser keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import param

from pipeline import recipe as recipes
from pipeline.recipe import Recipe
from ui.courier import LARGEST_TEXT
from ui.part import Part, column, text
from ui.recipe_difference import knobs_apart
from ui.recipe_menu import Tell, recipe_of
from ui.session import Session
from ui.themed import Themed

#: What each of those that come with Starshift is for.
ABOUT = {
    "classic-12800": "The settings of the original notebooks for their set 12800: narrow stars, bright ones only.",
    "classic-6400": "The settings of the original notebooks for their set 6400: wider stars, and fainter ones too.",
    "classic-andromeda": "The settings of the original notebooks for their set andromeda: widest and faintest stars.",
}
LONGEST_NAME = 60


def own_preset(data: dict[str, Any], tell: Tell) -> Recipe | None:
    """A preset of the visitor's own as the browser sends it; what is wrong with it is told."""
    name, words = data.get("name"), data.get("text")
    if not isinstance(name, str) or len(name) > LONGEST_NAME or not isinstance(words, str) or len(words) > LARGEST_TEXT:
        return None
    return recipe_of(name, words, tell)


def changes_text(recipe: Recipe) -> str:
    """The knobs of a recipe that are not at their defaults: "Normalize: red 1.6, blue 1.39; Candidates: fwhm 5 px"."""
    stages: dict[str, list[str]] = {}
    for name, _, value in knobs_apart(Recipe(), recipe):
        stage, _, knob = name.partition(", ")
        stages.setdefault(stage, []).append(f"{knob} {value}")
    changed = "; ".join(f"{stage}: {', '.join(knobs)}" for stage, knobs in stages.items())
    return changed or "All knobs at our defaults"


class PresetList(Part):
    """A dialog with all presets; the visitor's own are in the browser's storage."""

    shipped = param.List([])
    longest = param.Integer(LONGEST_NAME)
    opened = param.Integer(0)

    _esm = f"{text('element.js')}\n{text('preset_store.js')}\n{text('recipe_presets.js')}"

    def __init__(self, on_message: Callable[[dict[str, Any]], None], **params: Any) -> None:
        self._on_message = on_message
        super().__init__(stylesheets=[text("recipe_presets.css")], width=0, height=0, margin=0, **params)

    def _handle_msg(self, data: Any) -> None:
        if isinstance(data, dict):
            self._on_message(data)


class RecipePresets(Themed):
    """Uses presets, and gives the browser what it shall keep.

    Parameters
    ----------
    session : Session
        Whose recipe it is.
    tell : callable
        Shows a sentence, and whether it is an error.
    theme : str
        "dark" or "light".
    """

    def __init__(self, session: Session, tell: Tell, theme: str = "dark") -> None:
        self._session, self._tell, self._theme = session, tell, theme
        self._list: PresetList | None = None
        self.panel = column(width=0, height=0)

    def _paint(self) -> None:
        if self._list is not None:
            self._list.theme = self._theme

    def show(self) -> None:
        """Open the dialog, which is made when it is first asked for."""
        if self._list is None:
            shipped = [[name, about, changes_text(recipes.preset(name))] for name, about in ABOUT.items()]
            self._list = PresetList(self._heard, shipped=shipped, theme=self._theme)
            self.panel.append(self._list)
        self._list.opened += 1

    def _heard(self, data: dict[str, Any]) -> None:
        name = data.get("name")
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
            return
        if data.get("keep"):
            recipe = self._session.recipe.with_files_of(Recipe())
            kept = {"text": recipes.dumps(recipe), "changes": changes_text(recipe)}
            self._list._send_msg({"name": name, **kept})
        elif name in ABOUT:
            self._use(name, recipes.preset(name))
        elif (recipe := own_preset(data, self._tell)) is not None:
            self._use(name, recipe)

    def _use(self, name: str, recipe: Recipe) -> None:
        self._session.use(recipe.with_files_of(self._session.recipe))
        self._tell(f"The recipe {name} is in use.", False)
