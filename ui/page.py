"""The page: top bar, stages, picture and tabs, put together and drawn from a Session."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import panel as pn
import panel_material_ui as pmui
from bokeh.document import Document
from panel.util import edit_readonly

from pipeline.frame import FrameError, Sequence
from pipeline.graph.run import Graph
from pipeline.stage import STAGES, KnobError
from ui import marks
from ui.courier import Courier
from ui.knobs import histogram, measures
from ui.open_dialog import OpenDialog, sample_folder
from ui.picture import Picture
from ui.pictures import MADE_OF, Pixels, prepare, stages_of
from ui.player import Player
from ui.recipe_menu import recipe_menu
from ui.results import Results, Scene
from ui.run_dialog import RunDialog
from ui.session import Session
from ui.side import Side
from ui.stage_list import StageList, explanation
from ui.theme import LEFT, RIGHT, THEME, root_style
from ui.top_bar import TopBar
from ui.worker import Worker

SAMPLES = {
    "drift": "Sample: drifting field",
    "rotation": "Sample: turning field",
    "codes": "Sample: one star for each fate",
}
FIRST_OPEN = "stars"


class Desk:
    """One visitor's page.

    Parameters
    ----------
    session : Session
        What is shown.
    document : Document or None
        The page's document.
    """

    def __init__(self, session: Session, document: Document | None) -> None:
        self.session = session
        self.worker = Worker(document)
        self.dark = True
        self._cuts_cleared = 0
        self._most_marks = 0
        self._tailed: tuple[int, int] | None = None
        self._make_parts()
        self._make_page()
        self.results = Results(session, self.worker, self.stages, show=self._show, prepare=self._prepare)
        session.listen(self._changed)

    # What it is made of

    def _make_parts(self) -> None:
        session = self.session
        self.picture = Picture("dark")
        self.picture.offer(MADE_OF)
        self.picture.on_pick(lambda star: session.change(picked=star))
        self.picture.on_kinds(lambda kinds: session.change(kinds=tuple(kinds)))
        self.player = Player(1, lambda frame: session.change(frame=frame), channel=self.picture.channel)
        self.stages = StageList(
            self._turn,
            on_open=lambda name: self.stages.unfold("" if self.stages.open == name else name),
            on_explain=self._explain,
            on_cancel=lambda name: self.results.cancel(),
            on_fold=lambda: self._fold(left=False),
        )
        self.stages.channel = self.picture.channel
        self.stages.unfold(FIRST_OPEN)
        self.side = Side(
            session,
            "dark",
            image_of=lambda frame: self.results.image_of(frame),
            on_map=self.picture.choose,
            on_fold=lambda: self._fold(right=False),
        )
        self.courier = Courier()
        self.message = pmui.Alert(visible=False, closeable=True, margin=0, sizing_mode="stretch_width")
        self.text_dialog = pmui.Dialog(
            show_close_button=True, close_on_click=True, width_option="md", sizing_mode="stretch_width"
        )
        self.open_dialog = OpenDialog(session, self.open_files)
        self.run_dialog = RunDialog(session, self.courier, self.worker)
        self.top = TopBar(
            session,
            data=[
                ("Open a folder\u2026", self.open_dialog.show),
                *((title, functools.partial(self.open_sample, name)) for name, title in SAMPLES.items()),
            ],
            recipe=recipe_menu(session, self.courier, self._tell),
            on_run=self.run_dialog.show,
            on_help=lambda: self._read("help", "What this page does"),
            on_theme=self._swap_theme,
        )

    def _make_page(self) -> None:
        dialogs = (self.courier, self.text_dialog, self.open_dialog.dialog, self.run_dialog.dialog)
        middle = pn.Column(
            self.message,
            self.picture.panel,
            self.player.panel,
            pn.Column(*dialogs, width=0, height=0, margin=0),
            sizing_mode="stretch_both",
            margin=0,
        )
        self.page = pmui.Page(
            header=self.top.parts,
            sidebar=[self.stages],
            main=[middle],
            contextbar=[self.side.panel],
            meta_title="Starshift",
            sidebar_width=LEFT,
            sidebar_variant="persistent",
            sidebar_resizable=False,
            contextbar_width=RIGHT,
            contextbar_variant="persistent",
            contextbar_open=True,
            theme_toggle=False,
            busy_indicator=None,
            theme_config=THEME,
            sx=root_style(left_open=True, right_open=True),
            dark_theme=True,
        )
        # Material's page follows the server's busy state: each event then has Panel walk every model of the page twice,
        # for 50 ms. What is busy says so at its own stage here.
        with edit_readonly(self.page):
            self.page.busy = False
        self.page.param.watch(lambda *_: self._folded(), ["sidebar_open", "contextbar_open"])

    # What the visitor does

    def open_files(self, title: str, files: list[Path], root: Path) -> None:
        """Read the headers of some files in a thread, then show them."""

        def read() -> None:
            try:
                night = Graph.open(files, root)
            except FrameError as error:
                self.worker.hand_back(self.stages.fail, "frames", error)
                return
            self.worker.hand_back(functools.partial(self._opened, night, title))

        threading.Thread(target=read, name="open", daemon=True).start()

    def open_sample(self, name: str) -> None:
        """Open a sample, which is written first where it is not there yet."""
        self.top.say("Making the sample\u2026")

        def write() -> None:
            folder = sample_folder(name)
            self.worker.hand_back(self.open_files, SAMPLES[name], [folder], folder)

        threading.Thread(target=write, name="sample", daemon=True).start()

    def _opened(self, night: Any, title: str) -> None:
        self.results.forget()
        count = len(night.files)
        self.session.open(night, f"{title}, {count} frame{'s' if count > 1 else ''}")

    def _turn(self, stage: str, knob: str, value: Any, live: bool) -> None:
        try:
            self.session.turn(stage, knob, value, live)
        except KnobError as error:
            place, _, rule = str(error).partition(": ")
            self.stages.fail(stage, FrameError(place, rule, "The knob keeps its value"))

    def _fold(self, *, left: bool | None = None, right: bool | None = None) -> None:
        if left is not None:
            self.page.sidebar_open = left
        if right is not None:
            self.page.contextbar_open = right

    def _folded(self) -> None:
        self.page.sx = root_style(left_open=self.page.sidebar_open, right_open=self.page.contextbar_open)

    def _swap_theme(self) -> None:
        self.dark = not self.dark
        self.page.dark_theme = self.dark
        theme = "dark" if self.dark else "light"
        for part in (self.picture, self.player, self.side):
            part.theme = theme
        self.top.show_theme(self.dark)

    def _explain(self, name: str) -> None:
        self._read(name, "")

    def _read(self, name: str, title: str) -> None:
        text = explanation(name)
        heading, _, rest = text.partition("\n")
        self.text_dialog.param.update(
            title=title or heading.lstrip("# "),
            objects=[pn.pane.Markdown(rest, sizing_mode="stretch_width", margin=(0, 0, 16, 0))],
            open=True,
        )

    def _tell(self, sentence: str, wrong: bool = False) -> None:
        severity = "error" if wrong else "success"
        self.message.param.update(object=pn.util.escape(sentence), severity=severity, visible=True, closed=False)

    # What is drawn from the session

    def _changed(self, names: frozenset[str]) -> None:
        session = self.session
        with pn.io.hold():
            if "recipe" in names:
                self.stages.show(session.recipe, None)
            if names & {"recipe", "title"}:
                self.top.draw()
            if "frame" in names:
                self.player.frame = session.frame
                self._show_facts(self.results.scene["frames"])
                self.side.show_frame(self.results.scene)
            if "picked" in names:
                self._show_picked(self.results.scene)
        if "kinds" in names:
            self.results.again(stages_of(session.kinds))
        if names & {"night", "recipe", "frame", "kinds"}:
            self.results.ask()

    def _prepare(self, scene: Scene, stage: str) -> list[Pixels]:
        return prepare(scene, stage, self.session.kinds)

    def _show(self, scene: Scene, stage: str, pixels: list[Pixels] | None) -> None:
        with pn.io.hold():
            for one in pixels or ():
                self.picture.show(one.kind, one.image, noise=one.noise, level=one.level, key=one.key)
            if pixels is None:
                for kind in (kind for kind, made_of in MADE_OF.items() if made_of == stage):
                    self.picture.forget(kind)
            self._show_summary(scene, stage)
            if stage == "frames" and scene[stage] is not None:
                self._show_sequence(scene)
            if stage in ("stars", "tracks"):
                self._show_marks(scene)
            self.side.show(scene, stage)

    def _show_sequence(self, scene: Scene) -> None:
        sequence = scene["frames"]
        self.top.show_sequence(sequence)
        labels = [info.file for info in sequence.frames]
        self.player.set_frames(labels, sequence.reference, [i for i, why in enumerate(sequence.unusable) if why])
        self._show_facts(sequence)

    def _show_facts(self, sequence: Sequence | None) -> None:
        if sequence is not None and self.session.frame < len(sequence.frames):
            info = sequence.frames[self.session.frame]
            time = "" if info.time is None else f"{info.time.strftime('%H:%M:%S')} UT"
            exposure = "" if info.exposure is None else f"{info.exposure:g}\u2009s"
            self.player.set_facts(info.file.rsplit("/", 1)[-1], info.filter, time, exposure)

    def _show_marks(self, scene: Scene) -> None:
        stars, tracks = scene["stars"], scene["tracks"]
        columns = {} if stars is None else marks.markers(stars, tracks, scene.frame)
        # Never fewer rows than before: the browser's filters still name those when the new ones arrive.
        columns = marks.padded(columns, self._most_marks)
        self._most_marks = len(columns["x"])
        self.picture.set_markers(columns)
        if stars is None:
            return
        if not self.session.live:
            self._clear_cut()
        hints = {"rejected": marks.why_rejected(stars)}
        if tracks is not None:
            hints["lost"] = marks.why_lost(tracks, scene.frame)
            if self._tailed != (id(tracks), scene.frame):
                self._tailed = (id(tracks), scene.frame)
                self.picture.set_tracks(*marks.tails(tracks, scene.frame))
        self.picture.set_hints(hints)
        self._show_picked(scene)

    def _clear_cut(self) -> None:
        # The server's markers are up to date: the browser need not cut them. The number makes equal data an event.
        self._cuts_cleared += 1
        none = dict.fromkeys(("threshold", "sharpness", "roundness"))
        self.picture.knobs.data = {"cut": [{**none, "sequence": self._cuts_cleared}]}

    def _show_picked(self, scene: Scene) -> None:
        self.picture.set_picked(*marks.picked(scene["tracks"], scene.frame, self.session.picked))
        self.side.show_picked(scene)

    def _show_summary(self, scene: Scene, stage: str) -> None:
        if stage not in STAGES:
            return
        panel = self.stages.panel(stage)
        panel.summary = marks.summary(stage, scene.results)
        if stage == "stars" and scene[stage] is not None:
            stars = scene[stage]
            panel.histograms = {
                name: histogram(STAGES[stage].knobs[name], marks.measured(stars, measure))
                for name, measure in measures(STAGES[stage]).items()
            }

    def close(self) -> None:
        """End what belongs to this visitor."""
        self.worker.close()
        self.results.close()
        self.run_dialog.close()
        self.session.close()


def build(session: Session, *, on_ready: Callable[[Desk], None] | None = None) -> pmui.Page:
    """The page of a session, for ``panel serve``.

    Parameters
    ----------
    session : Session
        What is shown.
    on_ready : callable, optional
        Called with the Desk once the shell is drawn in the browser.
    """
    desk = Desk(session, pn.state.curdoc)
    pn.state.on_session_destroyed(lambda context: desk.close())
    pn.state.onload(lambda: (on_ready or (lambda d: d.open_sample("drift")))(desk))
    return desk.page
