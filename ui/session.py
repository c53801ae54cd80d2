"""What one visitor sees: the data opened, the recipe, the frame shown, the star picked. Everything is drawn from it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.graph.request import Night
from pipeline.graph.run import Graph
from pipeline.recipe import Recipe

if TYPE_CHECKING:
    from pipeline.sample import Truth

LONGEST_HISTORY = 200
# Turns that a double click can make before it is one.
CLICKS = 2
Listener = Callable[[frozenset[str]], None]


class Session:
    """The one mutable object of a page.

    Parameters
    ----------
    graph : Graph
        Makes and keeps results, shared with all other sessions.
    root : Path
        Only files below this folder are opened.

    Attributes
    ----------
    night : Night or None
        The files that are open.
    title : str
        What they are called in the top bar.
    reading : float
        How long it took to read their headers, seconds.
    truth : Truth or None
        What is known of a sample's sky.
    recipe : Recipe
        All knobs.
    frame : int
        Number of the frame shown, from 0.
    placed : bool
        Whether somebody chose it; else the reference is shown as soon as that is known.
    picked : int or None
        The ``id`` of the star picked.
    candidate : tuple of float or None
        The place, x and y in pixels of the reference, of a candidate that is picked and is no star of the reference.
    unpicked : str
        Why a star is not picked any more, where its visitor has not let go of it.
    kinds : tuple of str
        The kinds of pictures shown, of ``ui.stretch.VIEWS``.
    region : tuple of float or None
        The part of the field whose stars alone tables and plots show: x from and to, y from and to, pixels of the
        reference.
    aligned : bool
        Whether each frame is drawn where its stars are in the reference.
    arrows : str
        What the tab of tracks draws, of ``ui.look.ARROWS``.
    """

    def __init__(self, graph: Graph, root: Path) -> None:
        self.graph, self.root = graph, root.resolve()
        self.night: Night | None = None
        self.title = ""
        self.truth: Truth | None = None
        self.reading = 0.0
        self.recipe = Recipe()
        self.frame, self.placed = 0, True
        self.picked: int | None = None
        self.candidate: tuple[float, float] | None = None
        self.unpicked = ""
        self.kinds: tuple[str, ...] = ("subtracted",)
        self.region: tuple[float, float, float, float] | None = None
        self.aligned = False
        self.arrows = "frames"
        self._undo: list[Recipe] = []
        self._redo: list[Recipe] = []
        self._before_drag: Recipe | None = None
        self._listeners: list[Listener] = []
        self._uploads: Path | None = None

    def listen(self, listener: Listener) -> None:
        """Call back after every change with the names of what changed."""
        self._listeners.append(listener)

    def change(self, **state: Any) -> None:
        """Set some attributes together; listeners hear once of those that differ."""
        if "picked" in state:
            # What is picked is either a star or a candidate that is none.
            state = {"candidate": None, **state}
        changed = frozenset(name for name, value in state.items() if getattr(self, name) != value)
        for name, value in state.items():
            setattr(self, name, value)
        if changed:
            for listener in tuple(self._listeners):
                listener(changed)

    def open(
        self,
        night: Night,
        title: str,
        reading: float = 0.0,
        truth: Truth | None = None,
        *,
        recipe: Recipe | None = None,
        frame: int | None = 0,
        picked: int | None = None,
        **seen: Any,
    ) -> None:
        """Show other files, whose headers took so many seconds.

        The recipe stays, but for names of files and stars in it, unless one comes with the files, as frame, star and
        other attributes that are ``seen`` may. A frame that is None is the reference, as soon as that is known.
        """
        self.reading, self.truth = reading, truth
        if recipe is None:
            # The knobs stay, and what was turned can be turned back.
            *_, recipe = kept = [one.with_files_of(Recipe()) for one in (*self._undo, self.recipe)]
            self._undo = [one for one, after in pairwise(kept) if one != after]
        else:
            self._undo = []
        self._redo, self._before_drag = [], None
        # The same files opened again are drawn again.
        self.night = None
        self.placed = frame is not None
        frame = frame or 0
        seen = {"unpicked": "", "region": None, **seen}
        self.change(night=night, title=title, recipe=recipe, frame=frame, picked=picked, **seen)

    @property
    def live(self) -> bool:
        """Whether a hand is on a knob."""
        return self._before_drag is not None

    def turn(self, stage: str, knob: str, value: Any, live: bool = False) -> None:
        """Turn a knob; while the hand is on it (``live``) the way is one step of the history.

        Raises
        ------
        KnobError
            Where the knob does not take that value.
        """
        recipe = self.recipe.with_knobs(stage, **{knob: value})
        before = self.recipe if self._before_drag is None else self._before_drag
        self._before_drag = before if live else None
        if not live and recipe != before:
            self._remember(before)
        self.change(recipe=recipe)

    def gather(self, stage: str, knob: str, since: Any) -> None:
        """Make the clicks that turned a knob away from a value one step of the history with the turn that follows."""
        for count, before in enumerate(reversed(self._undo[-CLICKS:]), 1):
            if before.with_knobs(stage, **{knob: self.recipe[stage][knob]}) != self.recipe:
                return
            if before[stage][knob] == since:
                del self._undo[-count:]
                self._before_drag = before
                return

    def use(self, recipe: Recipe) -> None:
        """Take another recipe as a whole; can be undone."""
        if recipe != self.recipe:
            self._remember(self.recipe)
            self.change(recipe=recipe)

    def _remember(self, recipe: Recipe) -> None:
        self._undo = [*self._undo, recipe][-LONGEST_HISTORY:]
        self._redo = []

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to take again."""
        return bool(self._redo)

    @property
    def before(self) -> Recipe:
        """The recipe before the last change, or this one where nothing was changed."""
        return self._undo[-1] if self._undo else self.recipe

    def undo(self) -> None:
        """Take the last turn back."""
        if self._undo:
            self._redo.append(self.recipe)
            self.change(recipe=self._undo.pop())

    def redo(self) -> None:
        """Take again what was taken back."""
        if self._redo:
            self._undo.append(self.recipe)
            self.change(recipe=self._redo.pop())

    @property
    def uploads(self) -> Path:
        """A folder for this session's uploads, which goes when the session ends."""
        if self._uploads is None:
            self._uploads = Path(tempfile.mkdtemp(prefix="starshift-"))
        return self._uploads

    def holds_upload(self, folder: Path) -> bool:
        """Whether a folder lies in that of this session's uploads."""
        return self._uploads is not None and folder.is_relative_to(self._uploads)

    def close(self) -> None:
        """Give back what the session holds."""
        self._listeners.clear()
        if self._uploads is not None:
            shutil.rmtree(self._uploads, ignore_errors=True)
            self._uploads = None
