"""The results on screen: asked for in the order in which a visitor wants them, shown one by one as they arrive."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import panel as pn
from bokeh.document import Document

from pipeline import preview, trails
from pipeline.frame import Failure, FrameError
from pipeline.graph.request import Request, StageError, StaleError, Ticket
from pipeline.graph.run import Event
from pipeline.knob import KnobError
from pipeline.recipe import Recipe
from pipeline.stage import STAGES
from ui.errand import Arrived, Errand
from ui.extras import EXTRAS
from ui.marks import aside
from ui.order import AT_ONCE, LATE, ON_THE_WAY, ORDER
from ui.pictures import stages_of
from ui.running import LONG, Running
from ui.scene import Scene, lasts
from ui.session import Session
from ui.stage_list import RowState, StageList, seconds_text
from ui.turnstile import TURNS
from ui.worker import Worker

PATIENCE = 150
# Longest that a long piece of work waits for the page to show what came before it, seconds.
MOMENT = 0.1
UNUSED = "frame not used"
FAULT = "Starshift stopped by a fault of its own. Turn the knob back, or open other frames."


class Results:
    """Asks for what a session wants to see, in its worker, and hands results back to the page.

    Parameters
    ----------
    session, worker : Session, Worker
        Who asks, and who does it.
    stages : StageList
        Where states, times and errors are shown.
    show : callable
        Called on the page's side with a Scene and, for each stage that is new in it, what ``prepare`` made of it: what
        is at hand comes together, as each message costs the page milliseconds and a repaint. Last comes the stage that
        is made next, whose result in the Scene is out of date, or "".
    prepare : callable
        Called in the worker with a Scene and the stage that is new in it, for what takes time before it can be shown.
    looked_at : callable
        Gives the stages that something on screen is made of; what takes long is made for those alone.
    on_stopped : callable, optional
        Called with True when what is being made is cancelled, and with False when something is asked for again.
    on_sum : callable, optional
        Called with how many frames the sum of all has, and how many there are.
    """

    def __init__(
        self,
        session: Session,
        worker: Worker,
        stages: StageList,
        *,
        show: Callable[[Scene, Mapping[str, Any], str], None],
        prepare: Callable[[Scene, str], Any],
        looked_at: Callable[[], Collection[str]],
        on_stopped: Callable[[bool], None] = lambda stopped: None,
        on_sum: Callable[[int, int], None] | None = None,
    ) -> None:
        self._on_sum, self._on_stopped = on_sum, on_stopped
        self._session, self._worker, self._stages = session, worker, stages
        self._show, self._prepare, self._looked_at = show, prepare, looked_at
        self.scene = Scene()
        self._document: Document | None = worker.document
        # The last request, and the last that has got as far as the tracks.
        self._request: Request | None = None
        self._followed: Request | None = None
        self._lock = threading.Lock()
        self._errand: Errand | None = None
        # Stages that the last request met an error at, which their rows go on to say.
        self._blamed: set[str] = set()
        self._thread: threading.Thread | None = None
        self._running = Running()
        self._made: set[str] = set()
        # For each stage the key of the result that its row tells of, and how long that took.
        self._taken: dict[str, tuple[str, float | None]] = {}
        # Of each result that could not be made the sentence that says so.
        self.why: dict[str, str] = {}
        self._flushing = self._waking = False
        self._unlisten = session.graph.listen(self._heard)

    def close(self) -> None:
        """Stop listening."""
        self._unlisten()

    def ask(self) -> None:
        """Ask for everything the session wants to see now."""
        session = self._session
        self._on_stopped(False)
        if session.night is not None:
            self._worker.submit(functools.partial(self._work, session.recipe, session.frame, self._wanted()))

    def wait_for(self, change: Callable[[], None]) -> None:
        """Make a change and stay until all that it asks for is shown."""
        asked, self.ask = self.ask, lambda: None
        try:
            change()
        finally:
            self.ask = asked
        self._work(self._session.recipe, self._session.frame, self._wanted(), Ticket())

    def forget(self) -> None:
        """Other files are open: nothing on screen holds any more."""
        self._worker.cancel()
        self.scene, self._followed = Scene(self._session.frame), None
        self._stages.set_states(dict.fromkeys(STAGES, RowState()), "")

    def again(self, stages: tuple[str, ...]) -> None:
        """Show some results anew, though they are the same."""
        self.scene = self.scene.asked_again(stages)

    def _wanted(self) -> tuple[str, ...]:
        seen = {*stages_of(self._session.kinds), *self._looked_at()}
        named = [stage for stage in self._stages.names if stage not in (*LATE, *ON_THE_WAY)]
        # While a hand is on a knob the preview follows it, and the whole stack is made once it lets go.
        held = {"stack"} if self._session.live and preview.STAGE in seen else set()
        return tuple(stage for stage in ORDER if (stage in named or stage in seen) and stage not in held)

    def image_of(self, frame: int) -> Any | None:
        """A frame's normalized image where it is in the store; nothing is made for it."""
        # A request that has just begun does not know yet what the images of other frames are called.
        request = self._followed or self._request
        key = None if request is None else request.known_key("normalize", frame)
        normalized = None if key is None else self._session.graph.peek(key)
        return getattr(normalized, "image", None)

    def cancel(self) -> None:
        """Withdraw what is being made."""
        self._worker.cancel()
        self._worker.hand_back(self._cancelled)

    # In the worker's thread

    def _work(self, recipe: Recipe, frame: int, wanted: tuple[str, ...], ticket: Ticket) -> None:
        night = self._session.night
        request = Request(self._session.graph, night, recipe, ticket, self._told)
        with self._lock:
            self._request = request
            self._made.clear()
        self._running.clear()
        self.why = {}
        self._thread = threading.current_thread()
        self._errand = errand = Errand(request, frame, ticket, self.scene.at(frame))
        self._blamed = errand.blamed
        whole = False
        if errand.scene["frames"] is None:
            self._flush_soon()
        try:
            for stage in wanted:
                self._one(errand, stage)
                if stage == "tracks":
                    self._followed = request
            if not errand.blamed:
                # What was made for a tab that is closed now is at hand still, and its row says so.
                for stage in LATE:
                    request.key(stage, frame)
            whole = True
        except StaleError:
            whole = True
            raise
        finally:
            self._errand = None
            if not whole:
                self._worker.hand_back(self._broken, errand, wanted)
        arrived, autos = errand.take(), self._autos(request, frame)
        self._worker.hand_back(self._finished, errand, arrived, recipe, autos)

    def _one(self, errand: Errand, stage: str) -> None:
        """Get one result for the page; a failure is told once, at the stage that is to blame."""
        request, place = errand.request, None if lasts(stage) else errand.frame
        try:
            extra = EXTRAS.get(stage)
            asked = (request, errand.frame, self._session)
            key = extra.key(*asked) if extra else request.key(stage, place)
            missing = self._session.graph.peek(key) is None
            if missing:
                self._show_before(stage, errand)
            # What follows from the knobs at once has no turn: it comes while others' tracks are made.
            waits = missing and stage not in AT_ONCE
            with self._turn(stage, place, key, errand.ticket) if waits else nullcontext():
                result = extra.make(*asked) if extra else request.get(stage, place)
        except (FrameError, KnobError) as error:
            self.why[stage] = self._blame(errand, stage, error)
            # What was there before stays on screen, as far as it is of the same frame and that is used still.
            if errand.scene[stage] is None or errand.scene.leaves_out(self.why[stage]):
                errand.add(stage, None, "", None)
            return
        if errand.scene.keys.get(stage) != key:
            errand.add(stage, result, key, self._prepare(errand.scene.with_result(stage, result, key), stage))
        errand.ticket.check()

    @contextmanager
    def _turn(self, stage: str, place: int | None, key: str, ticket: Ticket) -> Iterator[None]:
        """Have one's turn among all visitors; the stage's row runs while one waits for it too."""
        running = Event(stage, place, 0.0, "running", key)
        self._running.heard(running, mine=True)
        self._flush_soon()
        try:
            with TURNS.turn(ticket):
                yield
        finally:
            # Where another visitor has made it meanwhile the graph tells of nothing.
            self._running.heard(replace(running, state="ran"), mine=True)

    def _blame(self, errand: Errand, stage: str, error: FrameError | KnobError) -> str:
        """Tell of an error in the row of the stage that is to blame, where there is one; the sentence that is told."""
        told_by = EXTRAS[stage].told_by if stage in EXTRAS else ""
        where = error.stage if isinstance(error, StageError) else told_by or stage
        if isinstance(error, KnobError):
            where = str(error).partition(".")[0]
            error = FrameError(
                *str(error).partition(": ")[::2], "set the knob back, or undo; what is shown is from before"
            )
        if where not in self._stages.names:
            # Reading a file has no row of its own; one of several that cannot be read is left out, and fails no stage.
            where, frames = "frames", errand.scene["frames"]
            if frames is not None and len(frames.frames) > 1:
                return str(error)
        elif errand.scene.leaves_out(str(error)):
            return str(error)
        where = errand.told.setdefault(str(error), where)
        if where not in errand.blamed:
            errand.blamed.add(where)
            self._worker.hand_back(self._stages.fail, where, error)
        return str(error)

    def _show_before(self, stage: str, errand: Errand) -> None:
        """Have shown what is there before a stage is made, which would else slow the page down."""
        arrived = errand.take()
        if arrived:
            shown = threading.Event()
            self._worker.hand_back(self._arrived, errand, arrived, stage, shown)
            shown.wait(MOMENT)

    def _autos(self, request: Request, frame: int) -> dict[str, dict[str, Any]]:
        """The numbers that stand for auto, of stages that were made and went well."""
        autos = {}
        for name in self._stages.names:
            key = request.known_key(name, frame)
            result = None if key is None else request.graph.peek(key)
            if result is None or isinstance(result, Failure):
                continue
            if name == "stars":
                autos[name] = {"threshold": round(result.threshold, 2)}
            elif STAGES[name].auto is not None:
                autos[name] = request.knobs(STAGES[name])
        return autos

    def _told(self, stage: str, done: int, total: int) -> None:
        self._running.told(stage, done, total)
        self._flush_soon()

    def _heard(self, event: Event) -> None:
        request = self._request
        if request is None:
            return
        # What is made on the way to the reference belongs to requests of its own, in the same thread.
        mine = threading.current_thread() is self._thread or request.owns(event.key)
        self._running.heard(event, mine)
        if event.state != "running":
            with self._lock:
                self._made.add(event.key)
        if mine:
            self._flush_soon()

    def _flush_soon(self) -> None:
        with self._lock:
            if self._flushing:
                return
            self._flushing = True
        self._worker.hand_back(self._wait_and_flush)

    # On the page's side

    def _wait_and_flush(self) -> None:
        # What takes less than this is never seen running: nothing on the page shall blink.
        if self._document is None or self._document.session_context is None:
            self._flush()
        else:
            self._document.add_timeout_callback(self._flush, PATIENCE)

    def _flush(self) -> None:
        with self._lock:
            self._flushing = False
        errand, names = self._errand, self._stages.names
        if errand is not None and errand.ticket.stale():
            # The rows say that it was cancelled, or what comes next is to tell of itself.
            return
        # Each stage that stands on one that failed meets it anew.
        told = [name for name in names if errand is None or name not in errand.blamed]
        first = errand is not None and errand.scene["frames"] is None
        running = self._running.rows(told, self._session.frame, first=first)
        # What another visitor made of the same files may have been withdrawn: no result tells that it is over.
        over = [name for name in names if self._stages.state(name).state == "running" and name not in running]
        made, _ = self._made_states(self._request, self._session.frame)
        made = {name: state for name, state in made.items() if name not in self._blamed}
        self._stages.set_states({**dict.fromkeys(over, RowState()), **made, **running})
        if not all(state.cancellable for state in running.values()):
            self._look_again()
        added, count = self._running.count(trails.STAGE)
        if count and self._on_sum is not None:
            self._on_sum(added, count)

    def _look_again(self) -> None:
        """See once more, when what runs has run for long."""
        if not self._waking and self._document is not None and self._document.session_context is not None:
            self._waking = True
            self._document.add_timeout_callback(self._woken, LONG)

    def _woken(self) -> None:
        self._waking = False
        self._flush()

    def _at_hand(self, request: Request, stage: str, frame: int) -> bool:
        key = request.known_key(stage, frame)
        result = None if key is None else self._session.graph.peek(key)
        return result is not None and not isinstance(result, Failure)

    def _made_states(self, request: Request, frame: int) -> tuple[dict[str, RowState], float]:
        """Rows of the stages that are made, and the time that they took together, seconds."""
        times = {event.key: event.seconds for event in tuple(self._session.graph.log) if event.state == "ran"}
        # The time of "frames" is that of reading the headers, before the graph was asked.
        times[request.known_key("frames", None) or ""] = self._session.reading
        states, total, unused = {}, 0.0, self.scene.unused
        for name in self._stages.names:
            key = request.known_key(name, frame)
            result = None if key is None else self._session.graph.peek(key)
            at_hand = result is not None and not isinstance(result, Failure)
            if unused and not at_hand and not lasts(name) and (result is not None or name not in LATE):
                states[name] = RowState("idle", UNUSED)
                continue
            if key is None or not (at_hand if name in LATE else at_hand or key in times):
                continue
            # The graph's log forgets what was made long ago, which is on screen still.
            held, before = self._taken.get(name, ("", None))
            taken = times.get(key, before if held == key else None)
            self._taken[name] = (key, taken)
            total += taken or 0.0
            if why := aside(name, result):
                states[name] = RowState("idle", why)
                continue
            note = "" if taken is None else seconds_text(taken)
            if name == "frames" and unused:
                note = UNUSED
            states[name] = RowState("fresh" if key in self._made else "stored", note)
        return states, total

    def _arrived(
        self, errand: Errand, arrived: Arrived, making: str = "", shown: threading.Event | None = None
    ) -> None:
        if arrived and not errand.ticket.stale():
            self.scene = self.scene.at(errand.frame)
            for stage, (result, key, _) in arrived.items():
                self.scene = self.scene.with_result(stage, result, key)
            self._show(self.scene, {stage: prepared for stage, (_, _, prepared) in arrived.items()}, making)
        if shown is not None:
            shown.set()

    def _finished(self, errand: Errand, arrived: Arrived, recipe: Recipe, autos: dict[str, dict[str, Any]]) -> None:
        if not errand.ticket.stale():
            self._arrived(errand, arrived)
            # The picture need not wait until all rows are written: each goes out when its callback is over.
            self._worker.hand_back(self._close, errand, recipe, autos)

    def _close(self, errand: Errand, recipe: Recipe, autos: dict[str, dict[str, Any]]) -> None:
        """Say in the rows what became of a request whose results are shown."""
        if errand.ticket.stale():
            return
        request, frame = errand.request, errand.frame
        with pn.io.hold():
            self.scene = self.scene.without([stage for stage in LATE if not self._at_hand(request, stage, frame)])
            made, total = self._made_states(request, frame)
            states = {name: made.get(name, RowState()) for name in self._stages.names if name not in errand.blamed}
            self._stages.set_states(states, seconds_text(total))
            self._stages.show(recipe, autos)

    def _cancelled(self) -> None:
        states = {name: self._stages.state(name) for name in STAGES}
        stopped = {name: RowState("idle", "cancelled") for name, state in states.items() if state.state == "running"}
        self._stages.set_states(stopped)
        self._on_stopped(True)

    def _broken(self, errand: Errand, wanted: tuple[str, ...]) -> None:
        """A fault of ours: say so where it happened, and let nothing wait that will not come; the log has the rest."""
        if not errand.ticket.stale():
            for stage in wanted:
                if stage not in errand.scene.results:
                    self.why[stage] = FAULT
                    errand.add(stage, None, "", None)
            self._arrived(errand, errand.take())
        states = {name: self._stages.state(name) for name in STAGES}
        name = next((name for name, state in states.items() if state.state == "running"), "frames")
        message = FrameError(
            "Starshift", "stopped by a fault of its own", "turn the knob back, or undo; the server's log has more"
        )
        self._stages.fail(name, message)
        self._stages.set_states(
            {n: replace(s, state="idle", note="") for n, s in states.items() if s.state == "running" and n != name}
        )
