"""The page: top bar, stages, picture and tabs, put together and drawn from a Session."""

from __future__ import annotations

import functools
from dataclasses import replace

import panel as pn
import panel_material_ui as pmui
from bokeh.document import Document
from panel.io.resources import LOCAL_DIST

from pipeline.frame import FrameError
from ui import choice, gallery, lay_over, map_tab, series
from ui.address import Address, place_seen
from ui.address_text import Place
from ui.bench import stage_panel
from ui.courier import Courier
from ui.downloads import Downloads
from ui.flux_files import FluxFiles
from ui.guide import Guide
from ui.header_dialog import HeaderDialog
from ui.look import beside
from ui.mask_drawing import MaskDrawing
from ui.master_drawing import MasterDrawing
from ui.open_dialog import SAMPLES, OpenDialog
from ui.opener import Opened, Opener
from ui.optimize_dialog import ACTION, OptimizeDialog
from ui.optimize_dialog import STAGE as OPTIMIZED
from ui.pictures import Pixels
from ui.pixel_facts import MASTERS
from ui.plain import plain
from ui.recipe_comparison import RecipeComparison
from ui.recipe_menu import recipe_menu
from ui.recipe_presets import RecipePresets
from ui.run_dialog import RunDialog
from ui.scene import Scene
from ui.session import Session
from ui.shell import shell
from ui.side import COMPARED, TABS, TRUTH, Side
from ui.theme import TOAST, root_style
from ui.top_bar import TopBar
from ui.viewer import Viewer

__all__ = ["Desk", "build", "stage_panel"]

# A tab's module is read when the tab is opened, but a component of the browser must be defined before the first page
# is: Panel else sends its class into the open page, whose models are then not serializable, and no other page has it.
COMPONENTS = (choice.Choice, gallery.StarGallery, lay_over.LayOver, map_tab.CompareRow)

# A message that is no error leaves by itself, ms.
TOAST_STAYS = 6000
# The address follows what is shown after a moment, not while a hand is on a knob.
ADDRESS_WAITS = 200


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
        self._narrow = self._loaded = self._address_due = self._swap_due = False
        self._told = 0
        # The tab that was open when the address was read, and the one that was asked for before the page was drawn.
        self._tab_before, self._beside_due = TABS[0], ""
        # Where the files come from that are open, and what the address asked for when the page was opened.
        self._source = Place(sample="")
        self._asked: tuple[Place, str] | None = None
        self.stages.unfold(Place().stage)
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
            on_slim=self._window_is_slim,
            on_save=lambda what: self.downloads.ask(what),
            on_header=lambda file: self.header_dialog.show(file),
        )
        self.mask = MaskDrawing(session, self.picture, self.stages, self.theme)
        self.drawings = {"mask": self.mask, **dict.fromkeys(MASTERS, MasterDrawing(session, self.picture))}
        self.courier = Courier()
        self.message = pmui.Alert(visible=False, closeable=True, margin=0, width=520, styles=TOAST)
        channel = self.picture.channel
        self.flux_files = FluxFiles(session, self.courier, self.worker, self._tell)
        self.downloads = Downloads(session, self.courier, self.flux_files, self.results, self._tell)
        self.guide = Guide(channel, undo=session.undo, redo=session.redo)
        self.address = Address(session.root, self._arrived_at, channel=channel)
        self.opener = Opener(session, self.worker, opened=self._opened, failed=self._not_opened, tell=self._tell)
        self.comparison = RecipeComparison(
            session, self.courier, self.picture, document, tell=self._tell, on_open=self._comparing
        )
        self.presets = RecipePresets(session, self._tell)
        self.open_dialog = OpenDialog(session, self.opener.files, self.worker.hand_back)
        self.stages.offer_others("Open other frames\u2026")
        self.header_dialog = HeaderDialog(session, self.worker, self.theme)
        self.run_dialog = RunDialog(session, self.courier, self.worker)
        self.optimize_dialog = OptimizeDialog(session, self.worker, self.theme)
        self.top = TopBar(
            session,
            data=[
                ("Open a folder\u2026", self.open_dialog.show),
                *((title, functools.partial(self.open_sample, name)) for name, title in SAMPLES.items()),
            ],
            recipe=recipe_menu(
                session,
                self.courier,
                self._tell,
                wanted=lambda: self.run_dialog.wanted,
                compare=self.comparison.show,
                presets=self.presets.show,
            ),
            download=[
                *self.downloads.entries,
                ("Offset tables and maps (FITS)\u2026", self.run_dialog.show),
            ],
            on_run=self.run_dialog.show,
            on_help=self.guide.help,
            on_theme=self._swap_theme,
        )

    def _make_page(self) -> None:
        opened = (self.open_dialog, self.header_dialog, self.run_dialog, self.optimize_dialog)
        dialogs = (self.courier, self.address, *self.guide.parts, self.presets.panel, *(one.dialog for one in opened))
        middle = pn.Column(
            self.message,
            self.picture.panel,
            self.player.panel,
            pn.Column(*dialogs, width=0, height=0, margin=0),
            sizing_mode="stretch_both",
            margin=0,
            styles={"min-width": "0"},
        )
        self.page = shell(
            header=self.top.parts,
            left=[self.stages],
            middle=[pn.Row(middle, self.side.rail, sizing_mode="stretch_both", margin=0)],
            right=[self.side.panel, self.comparison.panel],
        )
        self.page.param.watch(lambda *_: self._folded(), ["sidebar_open", "contextbar_open"])
        self.picture.toolbar.param.watch(lambda *_: self._say_where(), ["stretch", "colours", "invert", "tails"])

    # What the visitor does

    def open_sample(self, name: str) -> None:
        """Open a sample, which is written first where it is not there yet."""
        self.top.say("Making the sample\u2026")
        self.opener.sample(name)

    def _not_opened(self, error: FrameError) -> None:
        self.stages.fail("frames", error)
        self.top.draw()

    def _opened(self, opened: Opened) -> None:
        self.results.forget()
        self._source = opened.source
        count = len(opened.night.files)
        title = f"{opened.title}, {count} file{'s' if count != 1 else ''}"
        place = opened.place
        seen = {"frame": None} if place is None else {"recipe": place.recipe, "frame": place.frame} | beside(place.look)
        self.session.open(opened.night, title, opened.seconds, opened.truth, **seen)
        if opened.place is not None:
            self.picking.ask(opened.place.star, opened.place.candidate)
            # A tab that was clicked on meanwhile stays open.
            known = opened.place.tab != TRUTH or opened.truth is not None
            if known and self.side.active == self._tab_before:
                self.side.choose(opened.place.tab)
        self._say_where()

    # Where the page is

    def _arrived_at(self, place: Place, refused: str) -> None:
        self._asked = (place, refused)
        if self._loaded:
            self._tab_before = self.side.active
            self._go_there()

    def _go_there(self) -> None:
        """Show what the address names."""
        place, refused = self._asked
        self._asked = None
        self.message.visible = False
        if place.kinds != self.picture.kinds:
            self.picture.views(len(place.kinds))
            for index, kind in enumerate(place.kinds):
                self.picture.choose(kind, index)
        self.picture.take_look(place.look)
        self.stages.unfold(place.stage)
        self.address.aim(place.zoom)
        self.top.say("Making the sample\u2026" if place.sample else "Opening\u2026")
        self.opener.place(place, refused)

    def _say_where(self) -> None:
        """Have the address follow what is shown, a moment later."""
        document = self.worker.document
        if not self._address_due and document is not None:
            self._address_due = True
            document.add_timeout_callback(self._write_address, ADDRESS_WAITS)

    def _write_address(self) -> None:
        self._address_due = False
        session = self.session
        if session.night is None or self.opener.busy:
            # What is opened is where the page will be.
            return
        seen = place_seen(self._source, session, self.picture, self.results.scene["frames"])
        self.address.show(replace(seen, stage=self.stages.open, tab=self.side.active))

    def _unfold(self, name: str) -> None:
        super()._unfold(name)
        self._say_where()

    # The right column

    def _comparing(self, seen: bool) -> None:
        """Have the comparison take the place of the tabs, or give it back."""
        self.side.panel.visible = not seen
        if seen:
            self.page.contextbar_open = True
            self._show_rail()

    def fold(self) -> None:
        """Fold the stages away."""
        self.page.sidebar_open = False

    def _window_is(self, narrow: bool) -> None:
        """Fold the right column away in a narrow window, where it opens over the picture."""
        if narrow != self._narrow:
            self._narrow = self.top.narrow = narrow
            if self._loaded:
                self.page.contextbar_open = not narrow or self.comparison.is_open

    def _window_is_slim(self, slim: bool) -> None:
        """Fold the stages away in a slim window, where they open over the picture."""
        if slim != self.top.slim:
            self.top.slim = slim
            if self._loaded:
                self.page.sidebar_open = not slim

    def _open_beside(self, name: str) -> None:
        """Open a tab from the rail, or close the column where that tab is open."""
        if not self._loaded and self.worker.document is not None:
            self._beside_due = name
            return
        # There is a rail in a narrow window alone, whose own message may come later.
        seen, self._narrow = self._narrow and self.page.contextbar_open, True
        if seen and self.side.active == name and not self.comparison.is_open:
            self.page.contextbar_open = False
        else:
            self.comparison.hide()
            self.side.choose(name)
            self.page.contextbar_open = True
        self._show_rail()

    def _show_rail(self) -> None:
        self.side.rail.open = self.side.active if self.page.contextbar_open else ""

    def loaded(self) -> None:
        """The shell is drawn, and what is changed from now on reaches the browser: show what the address names."""
        self._loaded = True
        self.side.loaded()
        if self._swap_due:
            self._swap_theme()
        if self.top.slim:
            self.page.sidebar_open = False
        if self._narrow or self._beside_due:
            self.page.contextbar_open = False
        if self._beside_due:
            self._open_beside(self._beside_due)
        if self._asked is not None:
            self._go_there()

    def _folded(self) -> None:
        self.page.sx = root_style(left_open=self.page.sidebar_open, right_open=self.page.contextbar_open)
        self._show_rail()

    def _swap_theme(self) -> None:
        if not self._loaded and self.worker.document is not None:
            self._swap_due = not self._swap_due
            return
        self.theme = "light" if self.theme == "dark" else "dark"
        # All in one message: parts would else change one after the other.
        with pn.io.hold():
            self.page.dark_theme = self.theme == "dark"
            parts = (self.picture, self.player, self.side, self.optimize_dialog, self.guide, self.comparison, self.mask)
            for part in (*parts, self.header_dialog, self.presets):
                part.theme = self.theme
            self.top.show_theme(self.theme == "dark")

    def explain(self, name: str) -> None:
        """Show a stage's explanation in a dialog."""
        self.guide.explain(name)

    def _tell(self, sentence: str, wrong: bool = False) -> None:
        severity = "error" if wrong else "success"
        self.message.param.update(object=plain(sentence), severity=severity, visible=True, closed=False)
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
        return {*super().looked_at(), *self.side.needs, *self.downloads.needs}

    def open_others(self) -> None:
        """Let the visitor open other frames."""
        self.open_dialog.show()

    def cancel(self) -> None:
        """Withdraw what is being made, and the file that waits for it."""
        self.downloads.withdraw()
        super().cancel()

    def pick(self, star: int | None, place: tuple[float, float] | None = None) -> None:
        """Pick what is clicked on in the picture, unless the open tab has another use for it."""
        if not self.side.takes(star):
            super().pick(star, place)

    def _changed(self, names: frozenset[str]) -> None:
        if names & {"recipe", "title"}:
            self._hush(self._told)
            self.top.draw()
        if "night" in names:
            self.side.offer_truth(self.session.truth is not None)
        super()._changed(names)
        self._say_where()

    def _tab_opened(self) -> None:
        self._show_rail()
        if self.side.active == TRUTH:
            # What is on screen already was not compared while another tab was open.
            self.results.again(COMPARED)
        if self.side.active == "Stack":
            # Noise and widths are measured in the worker, for this tab alone.
            self.results.again(("preview", "stack"))
        self.results.ask()
        self._say_where()

    def _prepare(self, scene: Scene, stage: str) -> list[Pixels]:
        self.side.prepare(scene, stage)
        if stage in self.drawings:
            self.drawings[stage].prepare(scene)
        return super()._prepare(scene, stage)

    def show_side(self, scene: Scene, stage: str) -> None:
        """Show a new result, frame or star in the right column and the top bar."""
        if stage == "frames":
            self.top.show_sequence(scene[stage])
        if stage == "frames" and scene[stage] is not None:
            self.session.change(title=f"{self.session.title.rpartition(', ')[0]}, {series.files_text(scene[stage])}")
        if stage in self.drawings:
            self.drawings[stage].show_found(scene)
        if stage == OPTIMIZED:
            self._offer_search(scene)
        self.side.show(scene, stage)
        self.downloads.show(stage)

    def _offer_search(self, scene: Scene) -> None:
        normalized = scene[OPTIMIZED]
        if normalized is not None and normalized.pattern != "none":
            self.stages.offer(OPTIMIZED, ACTION, self.optimize_dialog.show)
        else:
            self.stages.withdraw(OPTIMIZED)

    def close(self) -> None:
        """End what belongs to this visitor."""
        self.open_dialog.close()
        self.run_dialog.close()
        self.optimize_dialog.close()
        self.comparison.close()
        self.side.close()
        super().close()


def build(session: Session) -> pmui.Page:
    """The page of a session, for ``panel serve``.

    Parameters
    ----------
    session : Session
        What is shown.
    """
    document = pn.state.curdoc
    if document is not None:
        # Panel says where its own files are when it writes a page. One whose session ended before the browser came back
        # is made anew without that, and would then ask an address outside the server.
        prefix = f"{pn.state.rel_path}/" if pn.state.rel_path else ""
        document.template_variables.setdefault("dist_url", f"{prefix}{LOCAL_DIST}")
    desk = Desk(session, document)
    pn.state.on_session_destroyed(lambda context: desk.close())
    pn.state.onload(desk.loaded)
    return desk.page
