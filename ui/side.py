"""The right column: its tabs, each made when it is first opened, and what each of them is drawn from."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
from bokeh.document import Document

from pipeline import cutouts
from ui.pictures import MADE_OF as PICTURES
from ui.pixel_facts import MASTERS
from ui.rail import SideRail
from ui.scene import Scene
from ui.session import Session
from ui.star_candidate import candidate_place, pick_in_frame
from ui.tab import sentence
from ui.tab_menu import CLOSE, Tabs
from ui.theme import RIGHT
from ui.themed import Themed

if TYPE_CHECKING:
    from ui.picture import Picture

ImageOf = Callable[[int], np.ndarray | None]
TABS = ("Tracks", "Map", "Stars", "Frames", "Pixels", "Shifts", "Stack", "Fluxes")
TRUTH = "Truth"
COMPARED = ("stars", "tracks", "offset_map")
DIFFERENCES = {"x_difference", "y_difference"}
BY_HAND = "left out by hand"
# They show the stars of a region alone where one is dragged on the picture; others say so themselves.
REGIONAL = ("Tracks", "Map", "Stars", "Fluxes", TRUTH)
NEEDS = {
    "Tracks": ("stars", "tracks", "frame", "picked", "region"),
    "Map": ("offset_map", "picked", "region", "kinds"),
    "Stars": ("stars", "tracks", "frame", "picked", "region"),
    "Frames": ("frames", "selection", "tracks", "frame", *MASTERS),
    "Pixels": (*dict.fromkeys(PICTURES.values()), "tracks", "frame", "region", "kinds"),
    "Shifts": ("frames", "selection", "tracks", "shifts", cutouts.STAGE, "frame", "picked"),
    "Stack": ("shifts", "preview", "stack", "frame"),
    "Fluxes": ("centroids", "psf_photometry", "lightcurves", "normalize", "tracks", "frame", "picked", "region"),
    TRUTH: (*COMPARED, "frame", "picked", "region"),
}
# Without this result a tab has nothing to show of the files that are open.
MADE_OF = {"Tracks": "tracks", "Map": "offset_map", "Stars": "stars", TRUTH: "stars"}
# So long the browser is given to show that a tab opens before it is made, which keeps the server busy, ms.
MOMENT = 30
# What stands in place of a tab whose result cannot be had.
NONE = {
    "Tracks": "No tracks. The stars of no frame could be followed; the list of stages says what is missing.",
    "Stars": "No stars. This frame could not be searched; the list of stages says why.",
}
# What stands there before the first result has come.
WAIT = {
    "Tracks": "How the field moved, and what became of each star, shows here once the stars are followed.",
    "Stars": "The stars of this frame are listed here once they are found.",
    TRUTH: "What is found stands beside the truth here once the stars are found and followed.",
}


class Side(Themed):
    """The tabs.

    Parameters
    ----------
    session : Session
        Told of stars and frames that are clicked on.
    theme : str
        "dark" or "light".
    image_of : callable
        A frame's normalized image where it is at hand.
    picture : Picture
        Shows what is chosen in the map tab, and the line along which a map is followed.
    document : Document or None
        The page's document.
    on_open : callable
        Called when another tab is open.
    on_fold : callable
        Called when the column shall fold away.
    on_choose : callable
        Called with the name that is clicked on in the rail of a narrow window.
    on_narrow, on_slim : callable
        Called with whether the window is narrow, or too narrow for the stages.
    on_save : callable, optional
        Called with "table" or "curves" where photometry that is seen shall be saved.
    on_header : callable, optional
        Called with the name of a file whose header is asked for.
    """

    def __init__(
        self,
        session: Session,
        theme: str,
        *,
        image_of: ImageOf,
        picture: Picture,
        document: Document | None,
        on_open: Callable[[], None],
        on_fold: Callable[[], None],
        on_choose: Callable[[str], None],
        on_narrow: Callable[[bool], None],
        on_slim: Callable[[bool], None],
        on_save: Callable[[str], None] = lambda what: None,
        on_header: Callable[[str], None] = lambda file: None,
    ) -> None:
        self._session, self._theme = session, theme
        self._image_of, self._on_open = image_of, on_open
        self._on_save, self._on_header = on_save, on_header
        self._picture, self._document = picture, document
        self._names = TABS
        self._ready = document is None
        self._followed = True
        self._scene = Scene()
        self._made: dict[str, Any] = {}
        self._part_of: pn.Row | None = None
        # Tabs that show other files than those that are open.
        self._outdated: set[str] = set()
        session.listen(lambda names: self._forget() if "night" in names else None)
        session.listen(lambda names: self._say_region() if names & {"region", "night"} else None)
        self._menu = Tabs(
            items=[{"label": name} for name in TABS], active=0, margin=0, sizing_mode="stretch_width", sx=CLOSE
        )
        self._menu.param.watch(lambda event: self._switch(self._names[event.new]), "active")
        fold = pmui.IconButton(
            icon="keyboard_tab",
            description="Fold away",
            icon_size="18px",
            margin=(7, 6, 7, 0),
            width=32,
            sx={"color": "var(--starshift-second) !important"},
            on_click=lambda *_: on_fold(),
        )
        line = {"border-bottom": "1px solid var(--starshift-hairline)"}
        self._none = pn.pane.HTML(margin=16, sizing_mode="stretch_width", visible=False)
        self._body = pn.Column(self._none, sizing_mode="stretch_both", margin=0)
        self.panel = pn.Column(
            pn.Row(self._menu, fold, sizing_mode="stretch_width", margin=0, height=48, styles=line),
            self._body,
            width=RIGHT,
            sizing_mode="stretch_height",
            margin=0,
        )
        self.rail = SideRail(on_choose, on_narrow, on_slim, names=list(TABS), theme=theme)
        self._open(TABS[0])

    @property
    def active(self) -> str:
        """The open tab."""
        return self._names[self._menu.active]

    @property
    def needs(self) -> tuple[str, ...]:
        """What the open tab shows."""
        return getattr(self._made.get(self.active), "needs", NEEDS[self.active])

    def takes(self, star: int | None) -> bool:
        """Whether a click on a star of the picture is for the open tab, and does not pick it."""
        tab = self._made.get(self.active)
        return hasattr(tab, "takes") and tab.takes(star)

    def _paint(self) -> None:
        self.rail.theme = self._theme
        for tab in self._made.values():
            if hasattr(tab, "theme"):
                tab.theme = self._theme
        self._say_none(self.active)
        if self._part_of is not None:
            self._say_region()

    def choose(self, name: str) -> None:
        """Open a tab by its name."""
        self._menu.active = self._names.index(name)

    def _switch(self, name: str) -> None:
        if not self._ready:
            return
        if name in self._made or self._document is None:
            self._open_whole(name)
            return
        # What it is made with may have to be read first: the tab before it shall not stand under its name meanwhile.
        with pn.io.hold():
            for tab in self._made.values():
                tab.panel.visible = False
            self._none.param.update(object=sentence(f"Opening {name}\u2026", self._theme), visible=True)
        self._document.add_timeout_callback(functools.partial(self._open_whole, name), MOMENT)

    def _open_whole(self, name: str) -> None:
        """Open a tab in one message, or what is taken away may be told of before it was said to be there."""
        if name == self.active:
            with pn.io.hold():
                self._open(name)
                self._on_open()

    def loaded(self) -> None:
        """The page is drawn: a tab that was clicked on before it is opened now, for it would not have come across."""
        self._ready = True
        if self.active not in self._made:
            self._switch(self.active)

    def _open(self, name: str) -> None:
        if name not in self._made:
            self._made[name] = getattr(self, f"_make_{name.lower()}")()
            self._body.append(self._made[name].panel)
        for other, tab in self._made.items():
            tab.panel.visible = other == name
        self._picture.line.show(name == "Map")
        if name != "Fluxes" and "Fluxes" in self._made:
            self._made["Fluxes"].hide()
        if "Shifts" in self._made:
            self._made["Shifts"].seen(name == "Shifts")
        self._draw(name)
        self._say_region()

    def _say_region(self) -> None:
        """Say over what shows the stars of a region alone that it does, with a way back to all of them."""
        wanted = self._session.region is not None and self.active in REGIONAL
        if self._part_of is None:
            if not wanted:
                return
            words = pn.pane.HTML(margin=(14, 8, 0, 16), sizing_mode="stretch_width")
            every = pmui.Button(
                label="Show all stars", variant="outlined", height=32, margin=(8, 16, 0, 0),
                on_click=lambda *_: self._session.change(region=None),
            )  # fmt: skip
            self._part_of = pn.Row(words, every, sizing_mode="stretch_width", margin=0)
            self._body.insert(0, self._part_of)
        of_maps = "The maps are made of all stars; only those in the region that you dragged are drawn."
        words = of_maps if self.active == "Map" else "Only stars in the region that you dragged."
        self._part_of[0].object = sentence(words, self._theme)
        self._part_of.visible = wanted

    def _forget(self) -> None:
        """Other files are open: what the tabs have drawn is of no use, and is not seen until they draw anew."""
        self._scene = Scene()
        self._outdated = set(MADE_OF) & set(self._made)
        for name in self._outdated:
            self._made[name].panel.styles = {**self._made[name].panel.styles, "visibility": "hidden"}
        self._draw(self.active)

    def _renew(self, name: str) -> None:
        """Let a tab be seen again that has something to draw; only the map's and the truth's say why they have not."""
        results = self._scene.results
        if name not in self._outdated or MADE_OF[name] not in results:
            return
        if results[MADE_OF[name]] is not None or name in ("Map", TRUTH):
            self._outdated.discard(name)
            # A style that is not named any more would stay in the browser.
            self._made[name].panel.styles = {**self._made[name].panel.styles, "visibility": "visible"}

    def offer_truth(self, known: bool) -> None:
        """Have the truth's tab, or take it away where no truth is known."""
        names = (*TABS, TRUTH) if known else TABS
        if names == self._names:
            return
        if self.active not in names:
            self._menu.active = 0
        self._names = names
        self._menu.items = [{"label": name} for name in names]
        self.rail.names = list(names)

    def prepare(self, scene: Scene, stage: str) -> None:
        """Make in the worker what takes time before a new result can be shown."""
        tab = self._made.get(self.active)
        if hasattr(tab, "prepare"):
            tab.prepare(scene, stage)

    def _make_truth(self) -> Any:
        from ui.truth_tab import TruthTab

        return TruthTab(self._session, self._theme)

    def _make_shifts(self) -> Any:
        from ui.shifts_tab import ShiftsTab

        return ShiftsTab(
            self._session, self._theme, picture=self._picture, image_of=self._image_of, on_use=self._use
        )  # fmt: skip

    def _make_stack(self) -> Any:
        from ui.stack_tab import StackTab

        return StackTab(self._session, self._theme, self._picture)

    def _make_pixels(self) -> Any:
        from ui.pixels_tab import PixelsTab

        return PixelsTab(self._session, self._theme, self._picture, self._document)

    def _make_fluxes(self) -> Any:
        from ui.flux_tab import FluxTab

        return FluxTab(
            self._session, self._theme, image_of=self._image_of, picture=self._picture, on_view=self._on_open,
            on_save=self._on_save,
        )  # fmt: skip

    def _make_tracks(self) -> Any:
        from ui.tracks_tab import TracksTab

        return TracksTab(self._session, self._theme, self._image_of)

    def _make_map(self) -> Any:
        from ui.map_tab import MapTab

        return MapTab(self._session, self._picture, self._theme, self._document)

    def _make_stars(self) -> Any:
        from ui.picked_card import PickedCard
        from ui.tables import StarTab

        card = PickedCard(self._session, self._theme, self._image_of)
        return StarTab(lambda *listed: pick_in_frame(self._session, self._scene["tracks"], *listed), card)

    def _make_frames(self) -> Any:
        from ui.frame_tab import FrameTab

        session = self._session
        return FrameTab(
            self._theme,
            on_frame=lambda frame: session.change(frame=frame),
            on_use=self._use,
            on_limits=lambda limits, live: session.turn("selection", "limits", limits, live),
            on_kind=self._correct,
            on_header=self._show_header,
        )

    def _show_header(self, file: str) -> None:
        """Show the header of a file, or of the frame shown."""
        sequence = self._scene["frames"]
        if file or sequence is not None:
            self._on_header(file or sequence.frames[self._session.frame].file)

    def _correct(self, file: str, kind: str) -> None:
        """Say of which kind a file is, by its name in the recipe; "" goes back to what the file itself tells."""
        kinds = {name: word for name, word in self._session.recipe["frames"]["kinds"].items() if name != file}
        self._session.turn("frames", "kinds", {**kinds, file: kind} if kind else kinds)

    def _use(self, frame: int, use: bool, reason: str = BY_HAND) -> None:
        """Take a frame in or leave it out, by its name in the recipe."""
        file = self._scene["frames"].frames[frame].file
        rejected = dict(self._session.recipe["selection"]["rejected"])
        if use:
            rejected.pop(file, None)
        else:
            rejected[file] = reason
        self._session.turn("selection", "rejected", rejected)

    def show(self, scene: Scene, stage: str) -> None:
        """Show a new result (or another "frame" or "picked" star) where the open tab needs it."""
        self._scene = scene
        # Of a new selection the tracks come later.
        self._followed = stage != "selection"
        if stage in NEEDS[self.active]:
            self._draw(self.active)
        elif stage in NEEDS["Map"] and DIFFERENCES & set(self._session.kinds):
            # A picture shows what the map's tab makes.
            self._draw("Map")

    def close(self) -> None:
        """End what belongs to this visitor."""
        for tab in self._made.values():
            if hasattr(tab, "close"):
                tab.close()

    def _draw(self, name: str) -> None:
        if name not in self._made:
            return
        tab, scene, session = self._made[name], self._scene, self._session
        if name == "Stars":
            tab.pick(session.picked, candidate_place(scene["stars"], scene["tracks"], scene.frame, session.candidate))
            tab.show(scene["stars"], scene["tracks"], scene.frame, session.region)
            tab.describe(scene)
        elif name == "Frames":
            tab.show(
                scene["frames"],
                scene["selection"],
                scene["tracks"],
                files=() if session.night is None else session.night.files,
                kinds=session.recipe["frames"]["kinds"],
                limits=session.recipe["selection"]["limits"],
                frame=session.frame,
                current=self._followed,
                masters=tuple(scene[name] for name in MASTERS),
            )
        else:
            tab.show(scene)
        self._renew(name)
        self._say_none(name)

    def _say_none(self, name: str) -> None:
        """Have a sentence in place of the open tab where its result cannot be had."""
        if name != self.active or name not in self._made:
            return
        there = MADE_OF.get(name) in self._scene.results
        failed = name in NONE and there and self._scene[MADE_OF[name]] is None
        # A frame that is stepped to has no result for a moment: what stands there is seen until it comes.
        waits = name in WAIT and not there and (name in self._outdated or not self._made[name].panel.objects)
        words = NONE[name] if failed else WAIT[name] if waits else ""
        self._none.param.update(object=sentence(words, self._theme) if words else "", visible=bool(words))
        self._made[name].panel.visible = not failed
