"""The map tab: small maps, the map along the line, what it leaves over, and its difference from another method's."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np
import panel as pn
import param
from bokeh.document import Document

from pipeline.frame import FrameError
from pipeline.stage import STAGES
from pipeline.tables import OffsetMap, Tracks
from ui.colours import PALETTES
from ui.map_comparison import Comparison, Difference
from ui.map_facts import Ends, profile
from ui.map_plots import DIFFERENCES, ERRORS, OFFSETS, MapPlots
from ui.map_profile import ProfilePlot
from ui.map_residuals import Residuals
from ui.part import Part, column, text
from ui.pictures import frame_beside
from ui.region import Region
from ui.stretch import VIEWS, number
from ui.tab import BLAMED, WayElsewhere, why_unused

if TYPE_CHECKING:
    from ui.picture import Picture
    from ui.scene import Scene
    from ui.session import Session

_WAIT = "The map is drawn as soon as the stars are followed to this frame."
_REFERENCE = (
    "This frame is the reference: its offsets and their errors are zero everywhere. "
    "Go to another frame to see how the field moved."
)
_ALONE = "This is one frame alone. A map of offsets needs the same stars in another frame: open a sequence."
METHODS = list(STAGES["offset_map"].knobs["method"].choices)


class CompareRow(Part):
    """How the map was made or how far another is from it, and the method to compare it with; "" stands for none."""

    methods = param.List(METHODS)
    method = param.String("")
    made = param.String("")
    hint = param.String("")

    _esm = text("compare.js")


class MapTab:
    """Everything beside the picture that is about the frame's offset map.

    Parameters
    ----------
    session : Session
        What is shown; told of stars that are clicked on.
    picture : Picture
        Shows the map that is clicked on, the line from A to B and the map's stars.
    theme : str
        "dark" or "light".
    document : Document or None
        The page's document.
    """

    def __init__(self, session: Session, picture: Picture, theme: str, document: Document | None) -> None:
        self._session, self._picture = session, picture
        self._maps: OffsetMap | None = None
        self._tracks: Tracks | None = None
        self._frame, self._key = 0, ""
        self._picked: int | None = None
        self._region: Region | None = None
        self._difference: Difference | None = None
        pick = lambda star: session.change(picked=star)  # noqa: E731
        self.small = MapPlots(theme, picture.choose_map)
        self.row = CompareRow(theme=theme, margin=0, height=40, sizing_mode="stretch_width")
        self.profile = ProfilePlot(theme, pick)
        self.residuals = Residuals(theme, pick)
        self._comparison = Comparison(session, document)
        self._axis = "x"
        self.row.param.watch(lambda event: self._compare(), "method")
        picture.line.on_move(lambda ends: self._follow(ends))
        self._parts = column(sizing_mode="stretch_width", visible=False)
        self._none = pn.pane.HTML(_WAIT, margin=16, sizing_mode="stretch_width")
        # The reference has no map to look at.
        self._elsewhere = WayElsewhere(session)
        self.panel = column(
            self._none, self._elsewhere.button, self._parts, sizing_mode="stretch_both", scroll="y-auto"
        )
        self.theme = theme

    @property
    def theme(self) -> str:
        """Either "dark" or "light"; setting it repaints."""
        return self.small.theme

    @theme.setter
    def theme(self, theme: str) -> None:
        for part in (self.small, self.row, self.profile, self.residuals):
            part.theme = theme
        self._none.styles = {"color": PALETTES[theme].second, "font": "14px/20px Roboto, sans-serif"}

    def close(self) -> None:
        """End what belongs to this visitor."""
        self._comparison.close()

    def show(self, scene: Scene) -> None:
        """Show the maps of a scene, the kinds that the pictures show and the star picked."""
        self.show_kinds()
        maps, tracks, key = scene["offset_map"], scene["tracks"], scene.keys.get("offset_map", "")
        if "offset_map" in scene.results:
            words = _why_none(scene)
            # A reason may come from an address.
            self._none.object = html.escape(words)
            self._parts.visible, self._none.visible = not words, bool(words)
            none_here = words == _REFERENCE or (maps is None and tracks is not None and not tracks.used[scene.frame])
            self._elsewhere.offer(frame_beside(tracks.used, scene.frame) if none_here else None)
            if maps is None:
                for kind in DIFFERENCES:
                    self._picture.forget(kind)
        if maps is None or tracks is None:
            return
        # New tracks come before the map made from them: until then the old two belong together.
        if maps is not self._maps:
            self._maps, self._tracks, self._frame, self._key = maps, tracks, scene.frame, key
            self._region = self._session.region
            self._draw()
            if self._parts.visible and not self._parts.objects:
                # A plot that is shown before it has values finds no ranges for its axes.
                self._parts.extend([self.small.panel, self.row, self.profile.panel, self.residuals.panel])
        elif self._session.region != self._region:
            self._region = self._session.region
            self._follow(self._picture.line.ends)
            self.residuals.update(self._maps, self._tracks, self._frame, self._region)
        if self._session.picked != self._picked:
            self._picked = self._session.picked
            self.profile.set_picked(self._picked)
            self.residuals.set_picked(self._picked)

    def show_kinds(self) -> None:
        """Outline the maps that the pictures show; the line follows the first of them."""
        kinds = self._session.kinds
        self.small.set_chosen(kinds)
        # The line follows an offset, of which an error only tells the axis.
        axis = next((one[0] for maps in ((*OFFSETS, *DIFFERENCES), ERRORS) for one in kinds if one in maps), self._axis)
        if axis != self._axis:
            self._axis = axis
            self._follow(self._picture.line.ends)
        self._give_difference()

    def _draw(self) -> None:
        maps, tracks, frame = self._maps, self._tracks, self._frame
        places = np.stack([tracks.x[frame], tracks.y[frame]])
        images = {"x_offset": maps.x, "y_offset": maps.y, "x_error": maps.x_error, "y_error": maps.y_error}
        self._picture.line.fit(tracks.shape)
        self.small.update(images, places[:, maps.stars])
        self._follow(self._picture.line.ends)
        self.residuals.update(maps, tracks, frame, self._region)
        self._write()
        self.row.methods = [name for name in METHODS if name != maps.method]
        if self.row.method == maps.method:
            # A map is not compared with itself; what is set here calls for the rest.
            self.row.method = ""
        else:
            self._compare()

    def _follow(self, ends: Ends) -> None:
        if self._maps is not None:
            along = profile(self._maps, self._tracks, self._frame, self._axis, ends, self._region)
            self.profile.update(VIEWS[f"{self._axis}_offset"].label, along)

    # The difference from another method

    def _compare(self) -> None:
        if not self.row.method:
            self._comparison.cancel()
            self._difference = None
            self.small.compare(False)
            for offset, difference in zip(OFFSETS, DIFFERENCES, strict=True):
                for place in (i for i, kind in enumerate(self._session.kinds) if kind == difference):
                    self._picture.choose(offset, place)
                self._picture.forget(difference)
            self._offer(())
            self._write()
        elif self._maps is not None:
            axes = "".join(kind[0] for kind in DIFFERENCES if kind in self._session.kinds)
            self._comparison.ask(
                self.row.method, self._maps, self._key, axes, show=self._show_difference, fail=self._failed
            )

    def _show_difference(self, difference: Difference) -> None:
        if difference.maps is not self._maps or difference.method != self.row.method:
            return
        self._difference = difference
        self.small.compare(True)
        self._offer(DIFFERENCES)
        for axis, kind in zip("xy", DIFFERENCES, strict=True):
            small = difference.small[axis]
            finite = small[np.isfinite(small)]
            low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
            self.small.show_small(kind, small, self._maps.x.shape, low, high)
        self._write()
        self._give_difference()

    def _offer(self, differences: tuple[str, ...]) -> None:
        """Let the pictures' menus name the differences, or not."""
        others = [kind for kind in self._picture.toolbar.options if kind not in DIFFERENCES]
        if [*others, *differences] != list(self._picture.toolbar.options):
            self._picture.offer([*others, *differences])

    def _give_difference(self) -> None:
        """Hand the picture the pixels of a difference that it shows."""
        wanted = [kind for kind in DIFFERENCES if kind in self._session.kinds]
        if self._difference is None or not wanted:
            return
        pyramids = self._difference.pyramids
        if any(kind[0] not in pyramids for kind in wanted):
            self._compare()
            return
        for kind in wanted:
            self._picture.show_pyramid(kind, pyramids[kind[0]], self._difference.key)

    def _failed(self, error: FrameError) -> None:
        self.row.made = str(error)

    def _write(self) -> None:
        maps, difference = self._maps, self._difference
        if maps is None:
            return
        if difference is None:
            made, hint = (f"{maps.method}, order {maps.order}" if maps.order else maps.method), " ".join(maps.warnings)
        else:
            apart = ", ".join(number(difference.rms[axis]) for axis in "xy")
            made = f"difference rms {apart}\u2009px"
            hint = f"{difference.method} minus {maps.method}, x and y, over all pixels"
        self.row.param.update(made=made, hint=hint)


def _why_none(scene: Scene) -> str:
    """Why there is no map to look at in a frame, "" where there is one."""
    maps, tracks, frame = scene["offset_map"], scene["tracks"], scene.frame
    if maps is None:
        return f"This frame has no offset map. {why_unused(scene) or BLAMED}"
    if tracks is None or frame != tracks.reference:
        return ""
    return _REFERENCE if len(tracks.used) > 1 else _ALONE
