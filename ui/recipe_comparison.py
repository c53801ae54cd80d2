"""The right column while two recipes are compared: knobs, stars gained and lost, difference of the maps."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import param
from bokeh.document import Document

from pipeline import recipe as recipes
from pipeline.frame import FrameError
from pipeline.graph.request import Night, StaleError, Ticket
from pipeline.knob import KnobError
from pipeline.recipe import Recipe
from ui.colours import GAINED
from ui.courier import Courier
from ui.knobs import title
from ui.part import Part, column, text
from ui.recipe_difference import Rival, StarsApart, knobs_apart, map_apart, stars_apart
from ui.recipe_marks import RecipeMarks
from ui.recipe_menu import Tell, ask_recipe
from ui.recipe_presets import own_preset
from ui.session import Session
from ui.stretch import palette
from ui.theme import RIGHT
from ui.themed import Themed
from ui.worker import Worker

if TYPE_CHECKING:
    from ui.picture import Picture

BEFORE, FILE, OWN = "before", "file", "own"
OTHERS = {
    BEFORE: "that before the last change",
    "default": "our defaults",
    **{name: f"{name} (original notebooks)" for name in recipes.PRESETS},
    FILE: "one from a file\u2026",
}
SAME_MAPS = "The offset maps of this frame are the same."
REFERENCE = "This frame is the reference, whose offsets are zero: step to another to compare the maps."
FAULT = "The comparison stopped by a fault of its own: choose another recipe, or turn the knob back."
# Less than this, in pixels, is rounding.
NOTHING = 1e-6
_STYLE = f":host {{ --gained: {GAINED}; }}" + text("recipe_comparison.css")


class ComparisonCard(Part):
    """What is said of the two recipes."""

    others = param.List([])
    other = param.String("")
    state = param.String("")
    busy = param.Boolean(False)
    problem = param.String("")
    marks = param.List([])
    results = param.List([])
    maps = param.Dict({})
    knobs = param.List([])
    palette = param.String("")
    opened = param.Integer(0)

    _esm = f"{text('element.js')}\n{text('preset_store.js')}\n{text('recipe_comparison.js')}"

    def __init__(self, on_message: Callable[[dict[str, Any]], None], **params: Any) -> None:
        self._on_message = on_message
        super().__init__(stylesheets=[_STYLE], sizing_mode="stretch_width", margin=0, **params)

    def _handle_msg(self, data: Any) -> None:
        if isinstance(data, dict):
            self._on_message(data)


class RecipeComparison(Themed):
    """Compares the recipe in use with another one on the frame shown, and follows both while it is open.

    Parameters
    ----------
    session : Session
        Files, recipe and frame.
    courier : Courier
        Brings a recipe's file.
    picture : Picture
        Gets the marks.
    document : Document or None
        The page's document.
    tell : callable
        Shows a sentence, and whether it is an error.
    on_open : callable
        Called with whether the comparison shall be seen, when that changes.
    theme : str
        "dark" or "light".
    """

    def __init__(
        self,
        session: Session,
        courier: Courier,
        picture: Picture,
        document: Document | None,
        *,
        tell: Tell,
        on_open: Callable[[bool], None],
        theme: str = "dark",
    ) -> None:
        self._session, self._courier, self._tell, self._on_open = session, courier, tell, on_open
        self._theme = theme
        self._worker = Worker(document)
        self._marks = RecipeMarks(picture)
        self._other, self._whole = Recipe(), True
        # A recipe of the visitor's own that has joined the list: its key, its name and what _choose takes.
        self._own: tuple[str, str, Recipe, bool] | None = None
        self._card: ComparisonCard | None = None
        self.is_open = False
        self.panel = column(width=RIGHT, sizing_mode="stretch_height", scroll="y-auto", visible=False)
        session.listen(self._changed)

    def _paint(self) -> None:
        if self._card is not None:
            self._card.theme = self._theme

    def show(self) -> None:
        """Open the comparison, with the recipe before the last change, or our defaults where nothing was changed."""
        if self._card is None:
            colours = "".join(palette("difference")).replace("#", "")
            self._card = ComparisonCard(self._heard, theme=self._theme, palette=colours)
            self.panel.append(self._card)
        self.is_open = True
        self.panel.visible = True
        self._on_open(True)
        self._choose(BEFORE if self._session.can_undo else "default")
        self._card.opened += 1

    def hide(self) -> None:
        """Close the comparison and take its marks away."""
        if self.is_open:
            self.is_open = self.panel.visible = False
            self._worker.cancel()
            self._marks.clear()
            self._on_open(False)

    def close(self) -> None:
        """End what belongs to this visitor."""
        self._worker.close()

    def _heard(self, data: dict[str, Any]) -> None:
        if data.get("close"):
            self.hide()
        elif data.get("cancel"):
            self._worker.cancel()
            self._card.param.update(busy=False, state="Cancelled.")
        elif data.get("use"):
            self._session.use(self._rival())
        elif data.get("other") == FILE:
            # The list shows what is compared until a file is chosen.
            self._card.param.trigger("other")
            ask_recipe(self._courier, self._tell, partial(self._take, FILE))
        elif data.get("other") == OWN:
            recipe = own_preset(data, self._tell)
            if recipe is None:
                self._card.param.trigger("other")
            else:
                self._take(OWN, data["name"], recipe)
        elif data.get("other") in self._names():
            self._choose(data["other"])

    def _choose(self, name: str) -> None:
        if name == BEFORE:
            self._other, self._whole = self._session.before, True
        elif name in OTHERS:
            self._other, self._whole = recipes.preset(name), name == "default"
        else:
            self._other, self._whole = self._own[2:]
        self._ask(name)

    def _take(self, source: str, name: str, recipe: Recipe) -> None:
        """Compare with a recipe from a file or from the visitor's own presets; it joins the list."""
        self._own = (f"{source}/{name}", name, recipe, source == FILE)
        self._choose(self._own[0])

    def _names(self) -> dict[str, str]:
        """What can be compared with, by its key."""
        return {**OTHERS, **({self._own[0]: self._own[1]} if self._own else {})}

    def _rival(self) -> Recipe:
        """The other recipe; a preset leaves alone what belongs to files, as it does where it is used."""
        return self._other if self._whole else self._other.with_files_of(self._session.recipe)

    def _changed(self, names: frozenset[str]) -> None:
        if self.is_open and names & {"recipe", "frame", "night"}:
            self._ask(self._card.other)

    def _ask(self, name: str) -> None:
        session, here, there = self._session, self._session.recipe, self._rival()
        others = [[key, words] for key, words in self._names().items()]
        self._card.param.update(others=others, other=name, knobs=knobs_apart(here, there), problem="")
        if session.night is None or here == there:
            # Nothing is found otherwise: a map without a difference would be a blank sheet.
            self._worker.cancel()
            self._marks.clear()
            self._card.param.update(state="", busy=False, marks=[], results=[], maps={})
            return
        self._card.param.update(state="Comparing", busy=True)
        night, frame = session.night, session.frame
        self._worker.submit(lambda ticket: self._work(night, here, there, frame, ticket))

    # In the worker's thread

    def _work(self, night: Night, here: Recipe, there: Recipe, frame: int, ticket: Ticket) -> None:
        def progress(stage: str, done: int, total: int) -> None:
            self._worker.hand_back(self._progressed, ticket, f"{title(stage)}: frame {done} of {total}")

        told = FAULT
        try:
            self._compare(night, here, there, frame, ticket, progress)
            told = ""
        except StaleError:
            told = ""
            raise
        except (FrameError, KnobError) as error:
            told = str(error)
        finally:
            if told:
                self._worker.hand_back(self._failed, ticket, told)

    def _compare(
        self,
        night: Night,
        here: Recipe,
        there: Recipe,
        frame: int,
        ticket: Ticket,
        progress: Callable[[str, int, int], None],
    ) -> None:
        """Make what is compared, and hand it back part by part."""
        one, other = (Rival(self._session.graph, night, recipe, ticket, progress) for recipe in (here, there))
        file = one.file(frame)
        stars = stars_apart(one.stars(file), other.stars(file))
        self._worker.hand_back(self._show_stars, ticket, stars)
        tracks = one.tracks(), other.tracks()
        maps = one.maps(file), other.maps(file)
        apart = {axis: map_apart(getattr(maps[0], axis), getattr(maps[1], axis)) for axis in "xy"}
        ticket.check()
        rows = [
            ("stars in all frames used", *(str(int(one.complete.sum())) for one in tracks)),
            ("frames used", *(str(int(one.used.sum())) for one in tracks)),
            ("stars that made the map", *(str(len(one.stars)) for one in maps)),
        ]
        reference = all(made.reference == rival.number(file) for made, rival in zip(tracks, (one, other), strict=True))
        same = REFERENCE if reference else SAME_MAPS
        drawn = {f"{axis.upper()} difference": one.drawn() for axis, one in apart.items() if one.rms > NOTHING}
        self._worker.hand_back(self._show_maps, ticket, rows, drawn, "" if drawn else same)

    # On the page's side

    def _progressed(self, ticket: Ticket, words: str) -> None:
        if not ticket.stale() and self._card.busy:
            self._card.state = words

    def _show_stars(self, ticket: Ticket, apart: StarsApart) -> None:
        if ticket.stale() or not self.is_open:
            return
        self._marks.show(apart.gained, apart.lost)
        here, there = apart.counts
        gained, lost = apart.gained.shape[1], apart.lost.shape[1]
        self._card.param.update(
            marks=[
                ["gained", gained, "only in this recipe"],
                ["lost", lost, "only in the other recipe"],
            ],
            results=[("stars in this frame", str(here), str(there)), *self._card.results[1:]],
        )

    def _show_maps(self, ticket: Ticket, rows: list[tuple[str, str, str]], drawn: dict[str, Any], state: str) -> None:
        if ticket.stale() or not self.is_open:
            return
        self._card.param.update(results=[*self._card.results[:1], *rows], maps=drawn, state=state, busy=False)

    def _failed(self, ticket: Ticket, sentence: str) -> None:
        if not ticket.stale() and self.is_open:
            self._marks.clear()
            self._card.param.update(problem=sentence, state="", busy=False, marks=[], results=[], maps={})
