"""Find the factors that make stars roundest: progress, cancel, the objective as a picture, and the knobs turned."""

from __future__ import annotations

import threading

import panel as pn
import panel_material_ui as pmui

from pipeline.frame import FrameError
from pipeline.graph.request import Request, StaleError, Ticket
from pipeline.stages.optimize import Cancelled
from ui.knobs import DRAWN
from ui.objective_plot import ObjectivePlot
from ui.optimize_search import Found, search
from ui.plain import plain
from ui.session import Session
from ui.stretch import number
from ui.themed import Themed
from ui.worker import Worker

STAGE = "normalize"
ACTION = "Find roundest stars"
CLOSER, WHOLE = "Look closer", "Show all of the map"


def sentence(found: Found) -> str:
    """What was found, as HTML: "red 1.58 ± 0.01, blue 1.37 ± 0.01 from 412 stars"."""
    best = found.best
    # An error that would be written as 0.00 has both factors written to three decimals.
    decimals = 2 if min(best.red_error, best.blue_error) >= 0.005 else 3
    factors = (
        f"{name} <b>{value:.{decimals}f} ± {max(error, 10.0**-decimals):.{decimals}f}</b>"
        for name, value, error in (("red", best.red, best.red_error), ("blue", best.blue, best.blue_error))
    )
    return f"{', '.join(factors)} from {best.stars} stars"


def explained(found: Found) -> str:
    """How round the stars are there, and the factors in use, as HTML."""
    best = found.best
    return (
        f"Mean roundness {number(best.mean)}, spread {number(best.spread)}. "
        f"In use: red {found.red:.3f}, blue {found.blue:.3f}."
    )


class OptimizeDialog(Themed):
    """The dialog behind "Find roundest stars".

    Parameters
    ----------
    session : Session
        Whose frames are searched and whose knobs are turned.
    worker : Worker
        Hands messages back to the page.
    theme : str
        "dark" or "light".
    """

    def __init__(self, session: Session, worker: Worker, theme: str = "dark") -> None:
        self._session, self._worker, self._theme = session, worker, theme
        self._ticket = Ticket()
        self._found: Found | None = None
        self.plot: ObjectivePlot | None = None
        wide = {"sizing_mode": "stretch_width"}
        self._bar = pmui.LinearProgress(value=0, max=100, margin=(8, 0), **wide)
        words = {"styles": {"font": "14px/20px Roboto,sans-serif"}, **wide}
        self._note = pn.pane.HTML("", margin=0, height=20, **words)
        self._more = pn.pane.HTML("", visible=False, margin=0, height=20, **words)
        self._place = pn.Column(visible=False, margin=0, **wide)
        self._problem = pmui.Alert(severity="error", visible=False, margin=(0, 0, 8, 0), **wide)
        self._use = self._button("Use these factors", "contained", self._apply)
        self._cancel = self._button("Cancel", "outlined", self._stop)
        self._close = self._button("Close", "outlined", self._shut)
        self._look = self._button(CLOSER, "text", self._look_again)
        self.dialog = pmui.Dialog(
            pn.Column(
                self._note,
                self._bar,
                self._more,
                self._place,
                self._problem,
                pn.Row(self._use, self._cancel, self._close, self._look, margin=(8, 0, 0, 0), styles={"gap": "8px"}),
                margin=(0, 0, 16, 0),
                **wide,
            ),
            title="Roundest stars",
            show_close_button=True,
            close_on_click=True,
            width_option="sm",
            **wide,
        )
        # Nobody waits behind a closed dialog.
        self.dialog.param.watch(lambda event: event.new or self._ticket.cancel(), "open")

    @staticmethod
    def _button(label: str, variant: str, press: object) -> pmui.Button:
        return pmui.Button(
            label=label, variant=variant, height=32, margin=0, visible=False, on_click=lambda *_: press()
        )

    def _paint(self) -> None:
        if self.plot is not None:
            self.plot.theme = self._theme

    def show(self) -> None:
        """Open the dialog and search."""
        session = self._session
        if session.night is None:
            return
        self._ticket.cancel()
        self._ticket, self._found = Ticket(), None
        with pn.io.hold():
            self._bar.value = 0
            self._note.object = "Looking for frames"
            self._draw(running=True)
            self.dialog.open = True
        request = Request(session.graph, session.night, session.recipe, self._ticket, None)
        threading.Thread(target=self._work, args=(request, self._ticket), name="optimize", daemon=True).start()

    def close(self) -> None:
        """End a search that is under way."""
        self._ticket.cancel()

    def _draw(self, *, running: bool = False, problem: str = "") -> None:
        done = self._found is not None
        self._bar.visible = self._cancel.visible = running
        self._use.visible = self._look.visible = self._more.visible = self._place.visible = done
        self._close.visible = not running
        self._problem.param.update(object=plain(problem), visible=bool(problem))

    # In a thread of its own

    def _work(self, request: Request, ticket: Ticket) -> None:
        found, problem = None, "The search stopped by a fault of its own."
        try:
            found = search(request, ticket, lambda part, words: self._tell(ticket, part, words))
        except (StaleError, Cancelled):
            problem = ""
        except FrameError as error:
            problem = str(error)
        finally:
            self._worker.hand_back(self._ended, ticket, found, problem)

    def _tell(self, ticket: Ticket, part: float, words: str) -> None:
        self._worker.hand_back(self._progressed, ticket, part, words)

    # On the page's side

    def _progressed(self, ticket: Ticket, part: float, words: str) -> None:
        if ticket is self._ticket and not ticket.stale():
            self._bar.value = round(100 * part)
            self._note.object = words

    def _ended(self, ticket: Ticket, found: Found | None, problem: str) -> None:
        if ticket is not self._ticket or ticket.stale():
            return
        with pn.io.hold():
            self._found = found
            if found is None:
                self._note.object = ""
                self._draw(problem=problem)
                return
            if self.plot is None:
                self.plot = ObjectivePlot(self._theme)
                self._place.append(self.plot.panel)
            self.plot.show(found)
            self._look.label = CLOSER
            self._note.object, self._more.object = sentence(found), explained(found)
            self._draw()

    def _stop(self) -> None:
        self._ticket.cancel()
        with pn.io.hold():
            self._note.object = "Cancelled."
            self._draw()

    def _look_again(self) -> None:
        if self._found is not None:
            closely = self._look.label == CLOSER
            self._look.label = WHOLE if closely else CLOSER
            with pn.io.hold():
                self.plot.look(self._found, closely=closely)

    def _shut(self) -> None:
        self.dialog.open = False

    def _apply(self) -> None:
        if self._found is None:
            return
        decimals = DRAWN[STAGE, "red"].decimals
        best = self._found.best
        factors = {"red": round(best.red, decimals), "blue": round(best.blue, decimals)}
        self._shut()
        self._session.use(self._session.recipe.with_knobs(STAGE, **factors))
