"""The left column: every stage with its state and time; the open one with purpose, knobs, and what went wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import panel as pn
import param
from panel.custom import Child, JSComponent

from pipeline.frame import FrameError
from pipeline.recipe import Recipe
from pipeline.stage import STAGES
from ui.knobs import HERE, STYLE, KnobPanel, has_knobs, title

GROUPS_START_AT = ("background", "candidates", "tracks", "shifts", "centroids")


@dataclass(frozen=True)
class Fold:
    """Stages that stand in one row until somebody opens it, or one of them fails.

    Parameters
    ----------
    title : str
        What the row is called; "{count}" is the number of its stages.
    stages : tuple of str
        The stages, one after the other in the list.
    always : bool
        False: only where the list would be longer than the window.
    """

    title: str
    stages: tuple[str, ...]
    always: bool


MASTERS = ("master_bias", "master_dark", "master_flat")
FOLDS = (
    Fold("Bias, dark, flat", MASTERS, True),
    Fold("{count} more stages", tuple(STAGES)[tuple(STAGES).index("shifts") :], False),
)
STATE_TEXT = {
    "idle": "not needed",
    "fresh": "made just now",
    "stored": "from the store",
    "running": "running",
    "failed": "failed",
}


@dataclass(frozen=True)
class RowState:
    """What a row says: one of STATE_TEXT's states, the words at its end, and what went wrong."""

    state: str = "idle"
    note: str = ""
    error: dict[str, str] | None = None
    cancellable: bool = False


def seconds_text(seconds: float) -> str:
    """A time as a row has it: "9 ms", "0.67 s", "12 s"."""
    if seconds < 0.0995:
        return f"{max(1, round(seconds * 1000))}\u2009ms"
    return f"{seconds:.2f}\u2009s" if seconds < 9.95 else f"{seconds:.0f}\u2009s"


def short(purpose: str) -> str:
    """A purpose without its source in brackets, which the explanation has."""
    return re.sub(r"\s*\([^()]*\d{4}[^()]*\)(?=\.?$)", "", purpose)


def common_state(rows: list[dict[str, Any]]) -> tuple[str, str]:
    """State and words of a row that stands for several: what fails or runs is named, nothing made is not needed."""
    for state in ("failed", "running"):
        for row in rows:
            if row["state"] == state:
                return state, row["note"] if state == "running" else state
    made = [row for row in rows if row["state"] in ("fresh", "stored")]
    if not made:
        notes = {row["note"] for row in rows}
        return "idle", notes.pop() if len(notes) == 1 else ""
    return ("fresh" if any(row["state"] == "fresh" for row in made) else "stored"), f"{len(made)} made"


SET_BACK = "Set its knobs back"
NOTES = {
    "selection": "The tab Frames has the measures that are limited here, and a tick to leave a frame out by hand.",
}


def error_parts(error: FrameError) -> dict[str, str]:
    """An error as file, what is wrong and what to do, each a sentence of its own."""
    file, problem, remedy = error.file, error.problem, error.remedy
    if not remedy:
        file, _, rest = str(error).partition(": ")
        problem, _, remedy = rest.rpartition(": ")
        if not problem:
            problem, remedy = remedy, ""
    remedy = f"{remedy[:1].upper()}{remedy[1:].rstrip('.')}." if remedy else ""
    return {"file": file, "problem": f"{problem.rstrip('.')}.", "remedy": remedy}


class StageList(JSComponent):
    """The rows, and the open stage's knobs among them.

    Parameters
    ----------
    on_turn : callable
        Called as that of a KnobPanel.
    names : tuple of str
        The stages that have a row.
    channel : str
        Where the picture listens for cuts of its markers.
    on_open, on_explain, on_cancel : callable
        Called with a stage's name.
    on_fold : callable
        Called when the column shall fold away.
    on_mend : callable, optional
        Called with the name of a failed stage whose next step is taken.
    """

    rows = param.List(doc="What each row shows.")
    folds = param.List(doc="The rows that stand for several stages.")
    open = param.String("", doc="The open stage.")
    total = param.String("", doc="Time of all stages.")
    content = Child(doc="The open stage's knobs.")

    _esm = HERE / "stage_list.js"
    _render_policy = "manual"

    def __init__(
        self,
        on_turn: Callable[..., None],
        *,
        names: tuple[str, ...] = tuple(STAGES),
        channel: str = "",
        on_open: Callable[[str], None],
        on_explain: Callable[[str], None],
        on_cancel: Callable[[str], None],
        on_fold: Callable[[], None],
        on_mend: Callable[[str], None] = lambda name: None,
        **params: Any,
    ) -> None:
        self._on_turn, self._on_fold = on_turn, on_fold
        self._names, self._channel = names, channel
        self._recipe = Recipe()
        self._auto: dict[str, dict[str, Any]] = {}
        self._on = {"open": on_open, "explain": on_explain, "cancel": on_cancel, "mend": on_mend}
        self._elsewhere = ""
        self._states = dict.fromkeys(STAGES, RowState())
        self._changed: frozenset[str] = frozenset()
        self._panels: dict[str, KnobPanel] = {}
        self._actions: dict[str, tuple[str, Callable[[], None]]] = {}
        self._below: dict[str, pn.viewable.Viewable] = {}
        rows = self._rows()
        super().__init__(rows=rows, folds=self._folds(rows), stylesheets=[STYLE], sizing_mode="stretch_width", **params)

    def _handle_msg(self, data: Any) -> None:
        if data.get("fold"):
            self._on_fold()
        for word, callback in self._on.items():
            if data.get(word) in self._names:
                callback(data[word])
        if data.get("act") in self._actions:
            self._actions[data["act"]][1]()

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "title": title(name),
                "purpose": short(stage.purpose),
                "hint": NOTES.get(name, ""),
                "group": name in GROUPS_START_AT,
                "changed": name in self._changed,
                "state": state.state,
                "state_text": STATE_TEXT[state.state],
                "note": state.note,
                "error": state.error,
                "cancellable": state.cancellable,
                "action": self._actions[name][0] if name in self._actions else "",
                "mend": self._next_step(name),
            }
            for name in self._names
            for stage, state in ((STAGES[name], self._states[name]),)
        ]

    def _next_step(self, name: str) -> str:
        """What a click can do about a stage that failed, "" where nothing."""
        if self._states[name].error is None or self._states[name].state != "failed":
            return ""
        if name in self._changed:
            return SET_BACK
        return self._elsewhere if name == "frames" else ""

    def _folds(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        folds = []
        for fold in FOLDS:
            stages = [row for row in rows if row["name"] in fold.stages]
            if len(stages) > 1:
                state, note = common_state(stages)
                folds.append(
                    {
                        "title": fold.title.format(count=len(stages)),
                        "stages": [row["name"] for row in stages],
                        "always": fold.always,
                        "group": stages[0]["group"],
                        "state": state,
                        "state_text": STATE_TEXT[state],
                        "note": note if fold.always or state in ("failed", "running") else "",
                        "cancel": next((row["name"] for row in stages if row["cancellable"]), ""),
                        "changed": any(row["changed"] for row in stages),
                    }
                )
        return folds

    def _draw(self) -> None:
        rows = self._rows()
        if rows != self.rows:
            self.param.update(rows=rows, folds=self._folds(rows))

    @property
    def names(self) -> tuple[str, ...]:
        """The stages that have a row."""
        return self._names

    def panel(self, name: str) -> KnobPanel:
        """The knobs of a stage, made when first asked for."""
        if name not in self._panels:
            channel = self._channel if name == "stars" else ""
            self._panels[name] = KnobPanel(STAGES[name], self._on_turn, channel=channel)
            self._panels[name].show(self._recipe[name], self._auto.get(name, {}))
        return self._panels[name]

    def offer_others(self, label: str) -> None:
        """Have a way to other frames where those that are open cannot be used."""
        self._elsewhere = label
        self._draw()

    def offer(self, name: str, label: str, on_press: Callable[[], None]) -> None:
        """Put a button below a stage's knobs."""
        self._actions[name] = (label, on_press)
        self._draw()

    def withdraw(self, name: str) -> None:
        """Take the button below a stage's knobs away."""
        self._actions.pop(name, None)
        self._draw()

    def attach(self, name: str, part: pn.viewable.Viewable) -> None:
        """Put a part below a stage's knobs, which is seen while the stage is open."""
        self._below[name] = part

    def unfold(self, name: str) -> None:
        """Open one stage, or none with an empty name."""
        content = self.panel(name) if name and has_knobs(name) else None
        if name in self._below:
            content = pn.Column(*([] if content is None else [content]), self._below[name], margin=0)
        self.param.update(open=name, content=content)

    def state(self, name: str) -> RowState:
        """What a row says now."""
        return self._states[name]

    def set_states(self, states: dict[str, RowState], total: str | None = None) -> None:
        """Say how some stages are doing."""
        self._states.update(states)
        self._draw()
        if total is not None and total != self.total:
            self.total = total

    def fail(self, name: str, error: FrameError) -> None:
        """Show an error at the stage that failed."""
        self._states[name] = replace(
            self._states[name], state="failed", note="failed", error=error_parts(error), cancellable=False
        )
        self._draw()

    def show(self, recipe: Recipe, auto: dict[str, dict[str, Any]] | None) -> None:
        """Show a recipe in the knobs, and mark the stages in which one is changed.

        Parameters
        ----------
        recipe : Recipe
            The knobs.
        auto : dict or None
            For each stage the numbers that stand for auto; None leaves those that are shown.
        """
        self._changed = frozenset(recipe.changed())
        self._recipe = recipe
        self._auto = self._auto if auto is None else auto
        for name, panel in self._panels.items():
            panel.show(recipe[name], self._auto.get(name, {}))
        self._draw()


def explanation(name: str) -> str:
    """What a stage does, in words and formulas, as Panel's Markdown takes them."""
    words = (HERE / "text" / f"{name}.md").read_text(encoding="utf-8")
    return re.sub(r"(\$\$?)(.+?)\1", lambda found: f"$${_kept(found[2])}$$", words, flags=re.DOTALL)


def _kept(formula: str) -> str:
    r"""A formula from which Markdown, to which ``\,`` is an escaped comma, takes nothing."""
    return re.sub(r"\\(?=[^\w\s])", r"\\\\", formula)
