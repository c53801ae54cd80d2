"""The page: top bar, stages, picture and tabs, put together and drawn from a Session."""

from __future__ import annotations

import functools
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import panel as pn
import panel_material_ui as pmui
from bokeh.document import Document
from panel.util import edit_readonly

from pipeline.frame import FrameError
from pipeline.graph.lineage import ancestors
from pipeline.graph.request import Night
from pipeline.graph.run import Graph
from pipeline.read import stem
from ui import series
from ui.courier import Courier
from ui.open_dialog import OpenDialog, sample_folder
from ui.optimize_dialog import ACTION, OptimizeDialog
from ui.optimize_dialog import STAGE as OPTIMIZED
from ui.pictures import Pixels
from ui.recipe_menu import recipe_menu
from ui.results import Scene
from ui.run_dialog import RunDialog
from ui.session import Session
from ui.side import COMPARED, NEEDS, TRUTH, Side, TracksTab
from ui.stage_list import explanation
from ui.theme import FIRST_PAINT, LEFT, RIGHT, THEME, root_style
from ui.top_bar import TopBar
from ui.viewer import Viewer

if TYPE_CHECKING:
    from pipeline.sample import Truth

SAMPLES = {
    "drift": "Sample: drifting field",
    "rotation": "Sample: turning field",
    "codes": "Sample: one star for each fate",
}
FIRST_OPEN = "stars"
# A message lies over the picture; one that is no error leaves by itself.
TOAST = {
    "position": "fixed",
    "top": "136px",
    "left": "calc(50% - 260px)",
    "z-index": "1200",
    "border-radius": "6px",
    "background": "var(--starshift-raised)",
}
TOAST_STAYS = 6000
FIRST_PICTURE = {
    "frames": "raw",
    "hot_pixels": "raw",
    "calibrated": "raw",
    "background": "background",
    "offset_map": "x_offset",
}


class Desk(Viewer):
    """One visitor's page.

    Parameters
    ----------
    session : Session
        What is shown.
    document : Document or None
        The page's document.
    """

    def __init__(self, session: Session, document: Document | None) -> None:
        super().__init__(session, document)
        self._narrow = self._loaded = False
        self._told = 0
        self.stages.unfold(FIRST_OPEN)
        self._make_parts(document)
        self._make_page()

    # What it is made of

    def _make_parts(self, document: Document | None) -> None:
        session = self.session
        self.side = Side(
            session,
            "dark",
            image_of=lambda frame: self.results.image_of(frame),
            picture=self.picture,
            document=document,
            on_open=self._tab_opened,
            on_fold=lambda: self.page.param.update(contextbar_open=False),
            on_choose=self._open_beside,
            on_narrow=self._window_is,
        )
        self.courier = Courier()
        self.message = pmui.Alert(visible=False, closeable=True, margin=0, width=520, styles=TOAST)
        self.text_dialog = pmui.Dialog(
            show_close_button=True, close_on_click=True, width_option="md", sizing_mode="stretch_width"
        )
        self.open_dialog = OpenDialog(session, self.open_files)
        self.run_dialog = RunDialog(session, self.courier, self.worker)
        self.optimize_dialog = OptimizeDialog(session, self.worker, self.theme)
        self.top = TopBar(
            session,
            data=[
                ("Open a folder\u2026", self.open_dialog.show),
                *((title, functools.partial(self.open_sample, name)) for name, title in SAMPLES.items()),
            ],
            recipe=recipe_menu(session, self.courier, self._tell, wanted=lambda: self.run_dialog.wanted),
            download=[
                ("Stars of this frame (CSV)", self._download_stars),
                ("Tracks of all frames (CSV)", self._download_tracks),
                ("Offset tables and maps (FITS)\u2026", self.run_dialog.show),
            ],
            on_run=self.run_dialog.show,
            on_help=lambda: self._read("help", "What this page does"),
            on_theme=self._swap_theme,
        )

    def _make_page(self) -> None:
        opened = (self.open_dialog, self.run_dialog, self.optimize_dialog)
        dialogs = (self.courier, self.text_dialog, *(one.dialog for one in opened))
        middle = pn.Column(
            self.message,
            self.picture.panel,
            self.player.panel,
            pn.Column(*dialogs, width=0, height=0, margin=0),
            sizing_mode="stretch_both",
            margin=0,
            styles={"min-width": "0"},
        )
        self.page = pmui.Page(
            header=self.top.parts,
            sidebar=[self.stages],
            main=[pn.Row(middle, self.side.rail, sizing_mode="stretch_both", margin=0)],
            contextbar=[self.side.panel],
            meta_title="Starshift",
            raw_css=[FIRST_PAINT],
            sidebar_width=LEFT,
            sidebar_variant="persistent",
            sidebar_resizable=False,
            contextbar_width=RIGHT,
            contextbar_variant="persistent",
            contextbar_open=True,
            theme_toggle=False,
            busy_indicator=None,
            theme_config=THEME,
            sx=root_style(left_open=True, right_open=True, drawn=False),
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
            start = time.perf_counter()
            try:
                night = Graph.open(files, root)
            except FrameError as error:
                self.worker.hand_back(self.stages.fail, "frames", error)
                return
            seconds = time.perf_counter() - start
            self.worker.hand_back(self._opened, night, title, seconds, self._truth_of(night, root))

        threading.Thread(target=read, name="open", daemon=True).start()

    def open_sample(self, name: str) -> None:
        """Open a sample, which is written first where it is not there yet."""
        self.top.say("Making the sample\u2026")

        def write() -> None:
            folder = sample_folder(name)
            self.worker.hand_back(self.open_files, SAMPLES[name], [folder], folder)

        threading.Thread(target=write, name="sample", daemon=True).start()

    def _truth_of(self, night: Night, root: Path) -> Truth | None:
        from ui.truth_tab import truth_of

        try:
            return truth_of(night, root)
        except FrameError as error:
            self.worker.hand_back(self._tell, str(error), True)
            return None

    def _opened(self, night: Night, title: str, seconds: float, truth: Truth | None) -> None:
        self.results.forget()
        count = len(night.files)
        self.session.open(night, f"{title}, {count} frame{'s' if count > 1 else ''}", seconds, truth)

    def fold(self) -> None:
        """Fold the stages away."""
        self.page.sidebar_open = False

    def _window_is(self, narrow: bool) -> None:
        """Fold the right column away in a narrow window, where it opens over the picture."""
        self._narrow = narrow
        if self._loaded:
            self.page.contextbar_open = not narrow

    def _open_beside(self, name: str) -> None:
        """Open a tab from the rail, or close the column where that tab is open."""
        if self.page.contextbar_open and self.side.active == name:
            self.page.contextbar_open = False
        else:
            self.side.choose(name)
            self.page.contextbar_open = True
        self._show_rail()

    def _show_rail(self) -> None:
        self.side.rail.open = self.side.active if self.page.contextbar_open else ""

    def loaded(self) -> None:
        """The shell is drawn: open the first sample. What was changed before would not have reached the browser."""
        self._loaded = True
        if self._narrow:
            self._window_is(True)
        self.open_sample(next(iter(SAMPLES)))

    def _folded(self) -> None:
        self.page.sx = root_style(left_open=self.page.sidebar_open, right_open=self.page.contextbar_open)
        self._show_rail()

    def _swap_theme(self) -> None:
        self.theme = "light" if self.theme == "dark" else "dark"
        self.page.dark_theme = self.theme == "dark"
        for part in (self.picture, self.player, self.side, self.optimize_dialog):
            part.theme = self.theme
        self.top.show_theme(self.theme == "dark")

    def explain(self, name: str) -> None:
        """Show a stage's explanation in a dialog."""
        self._read(name, "")

    def _read(self, name: str, title: str) -> None:
        text = explanation(name)
        heading, _, rest = text.partition("\n")
        self.text_dialog.param.update(
            title=title or heading.lstrip("# "),
            objects=[pn.pane.Markdown(rest, sizing_mode="stretch_width", margin=(0, 0, 16, 0))],
            open=True,
        )

    def _download_stars(self) -> None:
        scene = self.results.scene
        if scene["stars"] is not None:
            name = stem(scene["frames"].frames[scene.frame].file)
            self.courier.save(f"{name}.stars.csv", series.stars_text(scene["stars"]))

    def _download_tracks(self) -> None:
        tracks = self.results.scene["tracks"]
        if tracks is not None:
            self.courier.save("tracks.csv", series.tracks_text(tracks))

    def _tell(self, sentence: str, wrong: bool = False) -> None:
        severity = "error" if wrong else "success"
        self.message.param.update(object=pn.util.escape(sentence), severity=severity, visible=True, closed=False)
        self._told += 1
        if not wrong and self.worker.document is not None:
            self.worker.document.add_timeout_callback(functools.partial(self._hush, self._told), TOAST_STAYS)

    def _hush(self, told: int) -> None:
        """Take a message away, unless another came after it."""
        if told == self._told and self.message.severity != "error":
            self.message.visible = False

    # What is drawn from the session

    def looked_at(self) -> set[str]:
        """Stages that something beside the pictures shows."""
        return {*super().looked_at(), *NEEDS[self.side.active]}

    def _changed(self, names: frozenset[str]) -> None:
        if names & {"recipe", "title"}:
            self._hush(self._told)
            self.top.draw()
        if "night" in names:
            self.side.offer_truth(self.session.truth is not None)
        super()._changed(names)

    def _tab_opened(self) -> None:
        self._show_rail()
        if self.side.active == TRUTH:
            # What is on screen already was not compared while another tab was open.
            self.results.again(COMPARED)
        self.results.ask()

    def _prepare(self, scene: Scene, stage: str) -> list[Pixels]:
        self.side.prepare(scene, stage)
        return super()._prepare(scene, stage)

    def show_side(self, scene: Scene, stage: str) -> None:
        """Show a new result, frame or star in the right column and the top bar."""
        if stage == "frames" and scene[stage] is not None:
            self.top.show_sequence(scene[stage])
            self.session.change(title=f"{self.session.title.rpartition(', ')[0]}, {series.files_text(scene[stage])}")
        if stage == OPTIMIZED:
            self._offer_search(scene)
        self.side.show(scene, stage)

    def _offer_search(self, scene: Scene) -> None:
        normalized = scene[OPTIMIZED]
        if normalized is not None and normalized.pattern != "none":
            self.stages.offer(OPTIMIZED, ACTION, self.optimize_dialog.show)
        else:
            self.stages.withdraw(OPTIMIZED)

    def close(self) -> None:
        """End what belongs to this visitor."""
        self.run_dialog.close()
        self.optimize_dialog.close()
        self.side.close()
        super().close()


def build(session: Session) -> pmui.Page:
    """The page of a session, for ``panel serve``.

    Parameters
    ----------
    session : Session
        What is shown.
    """
    desk = Desk(session, pn.state.curdoc)
    pn.state.on_session_destroyed(lambda context: desk.close())
    pn.state.onload(desk.loaded)
    return desk.page


@functools.cache
def _notebook_graph() -> Graph:
    return Graph()


class Bench(Viewer):
    """One stage and what it stands on, for a notebook.

    Parameters
    ----------
    session : Session
        What is shown.
    name : str
        The stage.
    """

    def __init__(self, session: Session, name: str) -> None:
        super().__init__(session, None, theme="light", names=dict.fromkeys(("frames", *ancestors(name), name)))
        self._tracks = TracksTab(session, "light", self.results.image_of) if name in ("selection", "tracks") else None
        self._text = pn.pane.Markdown("", sizing_mode="stretch_width", visible=False)
        self.stages.unfold(name)
        beside = [self._tracks.panel] if self._tracks is not None else []
        picture = pn.Column(self.picture.panel, self.player.panel, height=560, sizing_mode="stretch_width", margin=0)
        columns = pn.Row(pn.Column(self.stages, width=LEFT, margin=0), picture, *beside, sizing_mode="stretch_width")
        self.panel = pn.Column(columns, self._text, sizing_mode="stretch_width")
        self.worker.after = lambda: pn.io.push_notebook(self.panel)

    def explain(self, name: str) -> None:
        """Show a stage's explanation below."""
        self._text.param.update(object=explanation(name), visible=True)

    def show_side(self, scene: Scene, stage: str) -> None:
        """Show tracks beside the picture."""
        if self._tracks is not None and scene["tracks"] is not None:
            self._tracks.show(scene)


def stage_panel(name: str, *, sample: str = "drift") -> pn.viewable.Viewable:
    """The live panel of one stage on a sample: its knobs, those of the stages before it, and the picture.

    Parameters
    ----------
    name : str
        The stage.
    sample : str
        Name of the sample, which is written into the cache folder when it is not there.

    Returns
    -------
    panel.viewable.Viewable
        Shows itself at the end of a notebook's cell.
    """
    folder = sample_folder(sample)
    session = Session(_notebook_graph(), folder)
    bench = Bench(session, name)
    bench.picture.choose(FIRST_PICTURE.get(name, "subtracted"))
    night = Graph.open([folder], folder)
    bench.results.wait_for(lambda: session.open(night, SAMPLES[sample]))
    return bench.panel
