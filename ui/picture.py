"""The picture: one, two or four linked figures that show any place of a large image at once.

The server keeps a mean pyramid and sends 16-bit cuts of the visible range; the browser (picture.js) asks for them,
colours them and filters the markers, so that stretch, colours and the stars' knobs need no answer from the server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import panel as pn
from bokeh.models import BoxSelectTool, ColumnDataSource, CustomJS, PanTool, Range1d

from pipeline.kernels import polynomial
from ui import canvas
from ui.colours import PALETTES
from ui.cuts import Held, cut_columns
from ui.look import Look
from ui.map_line import MapLine
from ui.overlay import Overlay
from ui.part import column, new_channel
from ui.picture_dress import Dressed, look_columns
from ui.picture_glyphs import Drawn, Glyphs
from ui.picture_layers import BESIDE, EMPTY_CUT, OF_ONE_FRAME, Layers
from ui.picture_marks import FATES, REASONS, Marks
from ui.picture_parts import PICTURES, SCRIPT, LimitStrip, PictureControls, PictureHead, PictureNote, StateChips, Swipe
from ui.picture_side import PictureSide
from ui.pyramid import PYRAMIDS, Moved, Pyramid
from ui.recipe_marks import Triangles
from ui.region import Region
from ui.stretch import COLOURS, LIMITS, VIEWS, palette
from ui.themed import Themed

NOTE_STYLE = {"position": "absolute", "inset": "0", "width": "100%", "height": "100%", "pointer-events": "none"}


class Picture(Dressed, Layers, Marks, Themed):
    """Linked pictures of a frame with markers on its stars.

    Methods that change what is seen must be called with the document's lock (in a callback, or by
    ``add_next_tick_callback``).

    Parameters
    ----------
    theme : str
        "dark" or "light".
    """

    def __init__(self, theme: str = "dark") -> None:
        super().__init__()
        self.channel = new_channel()
        self._theme = theme
        self._pyramids: dict[str, Held] = {}
        self._failed: dict[str, tuple[str, int]] = {}
        self._stopped = False
        self._states_shown = True
        self._overlays: list[Overlay] = []
        self._other_legend: pn.pane.HTML | None = None
        self._transform: np.ndarray | None = None
        self._moved: Moved | None = None
        self._home_callbacks: list[Callable[[float, float, float], None]] = []
        self._region_callbacks: list[Callable[[Region | None], None]] = []
        self._pick_callbacks: list[Callable[[int | None, tuple[float, float] | None], None]] = []
        self._kind_callbacks: list[Callable[[tuple[str, ...]], None]] = []
        self._frame_callbacks: list[Callable[[int], None]] = []
        self._make_sources()
        self._make_figures()
        self._make_parts()
        self._link()
        self.views(1)

    # What it is made of

    def _make_sources(self) -> None:
        empty = {"image": [], "x": [], "y": [], "dw": [], "dh": []}
        self.cuts = [ColumnDataSource(data=dict(EMPTY_CUT), name=f"picture cut {i}") for i in range(PICTURES)]
        self.under = ColumnDataSource(data=dict(EMPTY_CUT), name="picture under")
        self.fine = [
            ColumnDataSource(data=dict(empty), syncable=False, name=f"picture fine {i}") for i in range(PICTURES)
        ]
        self.base = [
            ColumnDataSource(data=dict(empty), syncable=False, name=f"picture base {i}") for i in range(PICTURES)
        ]
        self.request = ColumnDataSource(data={name: [] for name in ("sequence", "x0", "x1", "y0", "y1")})
        self.answer = ColumnDataSource(data={"sequence": [0]})
        self.dragged = ColumnDataSource(data={"box": [], "home": [], "sequence": []}, name="picture dragged")
        self.pick = ColumnDataSource(data={"row": [-1], "id": [-1], "x": [0], "y": [0], "reach": [0], "sequence": [0]})
        self.knobs = ColumnDataSource(data={"cut": [{}]})
        self.look_asked = ColumnDataSource(data=look_columns(Look(), 0), name="picture look")
        self.x_range = Range1d(-0.5, 599.5, syncable=False, min_interval=16, name="picture x")
        self.y_range = Range1d(399.5, -0.5, syncable=False, min_interval=10, name="picture y")

    def _make_figures(self) -> None:
        self.figures = [
            canvas.picture_figure(self.x_range, self.y_range, self.base[i], self.fine[i]) for i in range(PICTURES)
        ]
        self.line = MapLine(self.figures, self.x_range)
        self._glyphs = Glyphs(self)
        # A page need not wait for what lies over pictures that it does not show.
        self._drawn: list[Drawn] = []

    def _make_parts(self) -> None:
        labels = {name: view.label for name, view in VIEWS.items()}
        common = {"channel": self.channel, "theme": self._theme, "sizing_mode": "stretch_width", "margin": 0}
        # Four stand in columns: both offsets side by side below the frame.
        kinds = ["subtracted", "x_offset", "x_error", "y_offset"]
        self.toolbar = PictureControls(options=labels, kinds=kinds, height=48, **common)
        self.legend = StateChips(height=32, **common)
        self.heads = [PictureHead(options=labels, index=i, kind=kinds[i], height=32, **common) for i in range(PICTURES)]
        self._sides = [
            PictureSide(i, lambda kind, i=i: self._choose(_put(self.kinds, i, kind)), common) for i in (0, 1)
        ]
        note = {**common, "sizing_mode": None, "styles": NOTE_STYLE}
        self._notes = [PictureNote(options=labels, kind=kinds[i], **note) for i in range(PICTURES)]
        self.swipe = Swipe(**note)
        self._cells = [column(sizing_mode="stretch_both") for _ in range(PICTURES)]
        look = {"margin": 0, "sizing_mode": "stretch_both", "styles": {"gap": "1px"}}
        self._rows = [pn.Row(self._cells[i], self._cells[i + 2], self._sides[i].panel, **look) for i in (0, 1)]
        self._well = column(*self._rows, sizing_mode="stretch_both", styles={"gap": "1px"})
        self.strip = LimitStrip(height=64, **common)
        self.panel = column(self.toolbar, self.legend, self._well, self.strip, sizing_mode="stretch_both")
        self.toolbar.param.watch(lambda event: self._choose(event.new), "kinds")
        self.toolbar.param.watch(lambda event: self.views(event.new), "count")
        self.toolbar.param.watch(lambda event: self._swipe(event.new), "swipe")
        self.toolbar.param.watch(lambda event: self._dress_all(), "invert")
        self.swipe.param.watch(lambda event: self._swiped(), "kind")
        self.toolbar.param.watch(lambda event: self.show_tails(event.new), "tails")
        for i, (head, one) in enumerate(zip(self.heads, self._notes, strict=True)):
            one.param.watch(lambda event, i=i: self._choose(_put(self.kinds, i, event.new)), "kind")
            one.param.watch(lambda event, one=one: self._go(one.elsewhere - 1), "goes")
            head.param.watch(lambda event, i=i: self._choose(_put(self.kinds, i, event.new)), "kind")

    def _link(self) -> None:
        args = {
            "request": self.request, "answer": self.answer, "pick": self.pick, "knobs": self.knobs,
            "stars": self.stars, "filters": self.filters, "figures": self.figures, "cuts": self.cuts,
            "hatches": [next(box for box in figure.center if box.name == "hatch") for figure in self.figures],
            "fine": self.fine, "base": self.base, "x_range": self.x_range, "y_range": self.y_range,
            "palettes": {name: "".join(palette(name)).replace("#", "") for name in (*COLOURS, "difference")},
            **self._glyphs.turned_by_script,
            "dragged": self.dragged, "region": self.region,
            "boxes": [tool for figure in self.figures for tool in figure.tools if isinstance(tool, BoxSelectTool)],
            "pans": [tool for figure in self.figures for tool in figure.tools if isinstance(tool, PanTool)],
            "picked": self.picked, "track": self.track, "track_drawn": self.track_drawn,
            "limits": list(LIMITS), "cut": {},
            "under": self.under, "look": self.look_asked,
            "channel": self.channel, "reasons": list(REASONS), "fates": list(FATES),
        }  # fmt: skip
        callback = CustomJS(args=args, code=SCRIPT)
        for source in (
            self.answer,
            self.knobs,
            self.stars,
            self.picked,
            self.track,
            self.region,
            self.under,
            self.look_asked,
            *self.cuts,
            *(one.source for one in self.triangles.values()),
        ):
            source.js_on_change("data", callback)
        for axis in (self.x_range, self.y_range):
            axis.js_on_change("start", callback)
            axis.js_on_change("end", callback)
        for figure in self.figures:
            figure.js_on_change("inner_width", callback)
            figure.js_on_change("inner_height", callback)
            for event in ("mousemove", "mouseleave", "tap", "doubletap", "selectiongeometry"):
                figure.js_on_event(event, callback)
        self.request.on_change("data", lambda attribute, old, new: self._answer())
        self.dragged.on_change("data", lambda attribute, old, new: self._dragged())
        self.pick.on_change("data", lambda attribute, old, new: self._picked())

    # What the shell calls

    @property
    def triangles(self) -> dict[str, Triangles]:
        """What marks of a comparison are drawn with, so that they are as large as the rings are."""
        return self._glyphs.triangles

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds that the visible pictures show, the first picture first."""
        return tuple(self.toolbar.kinds)[: self.toolbar.count]

    def offer(self, kinds: Sequence[str]) -> None:
        """Name the kinds that can be chosen."""
        labels = {name: VIEWS[name].label for name in kinds}
        for part in (self.toolbar, self.swipe, *self.heads, *self._notes):
            part.options = labels
        for side in self._sides:
            side.set_options(labels)

    def choose(self, kind: str, picture: int = 0) -> None:
        """Show a kind in one of the pictures; callbacks of :meth:`on_kinds` are told."""
        self._choose(_put(tuple(self.toolbar.kinds), picture, kind))

    def choose_map(self, kind: str) -> None:
        """Show a map in the first picture that shows one already, else in the second, where there is one."""
        shown = self.kinds
        held = next((i for i, other in enumerate(shown) if VIEWS[other].is_map), None)
        self.choose(kind, min(1, len(shown) - 1) if held is None else held)

    def on_kinds(self, callback: Callable[[tuple[str, ...]], None]) -> None:
        """Have a function called with the kinds wanted whenever the user asks for others."""
        self._kind_callbacks.append(callback)

    def views(self, count: int) -> None:
        """Show one, two (one above the other) or four pictures."""
        # Bokeh would look for new models after each glyph.
        with pn.io.hold(freeze=True):
            self._drawn += [self._glyphs.draw_on(made) for made in self.figures[len(self._drawn) : count]]
            for i, (cell, head, made) in enumerate(zip(self._cells, self.heads, self.figures, strict=True)):
                if i < count and not cell.objects:
                    cell.objects = [head, pn.pane.Bokeh(made, margin=0, sizing_mode="stretch_both"), self._notes[i]]
                made.visible = cell.visible = i < count
            self._rows[1].visible = count > 1
            self.legend.visible = self._states_shown and count != BESIDE
            if count > 1:
                self.toolbar.swipe = False
            self.toolbar.count = count
            self._paint_ground()
            self._push(range(count))
        self._tell_kinds()

    def show(self, kind: str, image: np.ndarray, *, noise: float, level: float = 0.0, key: str) -> None:
        """Give the pixels of a kind of picture; pictures that show that kind are redrawn, the zoom stays.

        Where the image is large make its pyramid beforehand in a worker thread, for :meth:`show_pyramid`.

        Parameters
        ----------
        kind : str
            One of ``ui.stretch.VIEWS``.
        image : ndarray, shape (ny, nx)
            Pixels; NaN is drawn hatched.
        noise, level : float
            Of the sky; limits are counted in them. Offset maps and errors take no notice.
        key : str
            The result's key: equal keys mean equal pixels.
        """
        sky = VIEWS[kind].sky
        name = f"{kind} {key}"
        self.show_pyramid(kind, PYRAMIDS.get(name, image, noise=noise if sky else 0.0, level=level), key)

    def show_pyramid(self, kind: str, pyramid: Pyramid, key: str) -> None:
        """Give the pixels of a kind of picture as :meth:`show` does; takes a few milliseconds."""
        if kind in self._pyramids and self._pyramids[kind][1] is pyramid:
            return
        self._pyramids[kind] = (key, pyramid, kind)
        self._failed.pop(kind, None)
        with pn.io.hold():
            self._push([i for i, shown in enumerate(self.kinds) if shown == kind])

    def forget(self, kind: str, why: str = "", elsewhere: int | None = None) -> None:
        """Drop the pixels of a kind that could not be made; its pictures say so, and lead to a frame that has it."""
        known = self._pyramids.pop(kind, None) is not None
        told = (why, 0 if elsewhere is None else elsewhere + 1)
        if known or self._failed.get(kind) != told:
            self._failed[kind] = told
            with pn.io.hold():
                self._push([i for i, shown in enumerate(self.kinds) if shown == kind])

    def set_progress(self, kind: str, detail: str) -> None:
        """Say how far a kind of picture is that takes long."""
        for shown, note in zip(self.toolbar.kinds, self._notes, strict=True):
            note.detail = detail if shown == kind else ""

    def set_stopped(self, stopped: bool) -> None:
        """Say that nothing is being made any more, or that it is again."""
        self._stopped = stopped
        before, after = ("waiting", "stopped") if stopped else ("stopped", "waiting")
        for note in self._notes:
            if note.state == before:
                note.state = after

    def set_hints(self, hints: Mapping[str, str]) -> None:
        """Say more about a state on hover, such as ``{"lost": "4 too faint; 99 more left the field"}``."""
        self.legend.hints = dict(hints)
        for side in self._sides:
            side.set_hints(dict(hints))

    def set_caption(self, frame: str, time: str) -> None:
        """Say which frame is shown, and when it was taken."""
        for side in self._sides:
            side.set_caption(frame, time)

    def set_map_facts(self, *facts: str) -> None:
        """Say how the offset map was made."""
        for side in self._sides:
            side.set_map_facts(list(facts))

    def on_pick(self, callback: Callable[[int | None, tuple[float, float] | None], None]) -> None:
        """Have a function called with the ``id`` of a star clicked on, or with None and the place of a candidate.

        For bare sky both are None. The place is where the candidate is drawn, pixels.
        """
        self._pick_callbacks.append(callback)

    def on_pick_home(self, callback: Callable[[float, float, float], None]) -> None:
        """Have a function called with a place of the reference that is clicked on, and how far a star may be from it.

        All are in pixels. Pictures on the reference's pixels, as stacks are, do not show where the frame's stars are.
        """
        self._home_callbacks.append(callback)

    @property
    def dragged_home(self) -> bool:
        """Whether the last box was dragged on a picture of the reference's pixels."""
        return bool(self.dragged.data["home"][0])

    def on_frame(self, callback: Callable[[int], None]) -> None:
        """Have a function called with the number of a frame that is asked for in place of a picture that is none."""
        self._frame_callbacks.append(callback)

    def on_region(self, callback: Callable[[Region | None], None]) -> None:
        """Have a function called with the box dragged on the picture, or None where it shall go."""
        self._region_callbacks.append(callback)

    def align(self, transform: np.ndarray | None, shape: tuple[int, ...]) -> None:
        """Draw frames where a transform from the reference finds their pixels; None draws them as they are."""
        held = self._transform
        if held is transform or (held is not None and transform is not None and np.array_equal(transform, held)):
            return
        self._transform = transform
        self._moved = None if transform is None else lambda x, y: polynomial.apply(transform, x, y, shape)
        with pn.io.hold():
            self._push([i for i, kind in enumerate(self.kinds) if kind in OF_ONE_FRAME])

    # How it works

    def _choose(self, kinds: Sequence[str]) -> None:
        kinds = [*kinds, *self.toolbar.kinds[len(kinds) :]]
        with pn.io.hold():
            self.toolbar.kinds = kinds
            for head, note, kind in zip(self.heads, self._notes, kinds, strict=True):
                head.kind = note.kind = kind
            self._push(range(self.toolbar.count))
        self._tell_kinds()

    def _asked(self) -> dict[str, float]:
        return {name: values[0] for name, values in self.request.data.items() if len(values)}

    def _tell_kinds(self) -> None:
        for callback in self._kind_callbacks:
            callback(self.kinds)

    def _go(self, frame: int) -> None:
        for callback in self._frame_callbacks:
            callback(frame)

    def _dragged(self) -> None:
        box = self.dragged.data["box"][0]
        for callback in self._region_callbacks:
            callback(tuple(box) if box else None)

    def _picked(self) -> None:
        reach = float(self.pick.data["reach"][0])
        if reach > 0:
            for callback in self._home_callbacks:
                callback(float(self.pick.data["x"][0]), float(self.pick.data["y"][0]), reach)
            return
        star, row = int(self.pick.data["id"][0]), int(self.pick.data["row"][0])
        x, y = (self.stars.data[axis] for axis in "xy")
        known = star < 0 <= row < len(x) and np.isfinite(x[row]) and np.isfinite(y[row])
        place = (float(x[row]), float(y[row])) if known else None
        for callback in self._pick_callbacks:
            callback(None if star < 0 else star, place)

    def _answer(self) -> None:
        with pn.io.hold():
            try:
                self._push(range(self.toolbar.count))
            finally:
                self.answer.data = {"sequence": [int(self.request.data["sequence"][0])]}

    def _push(self, pictures: Sequence[int]) -> None:
        asked = self._asked()
        if self.swipe.kind:
            self._push_under()
        for i in pictures:
            kind = self.toolbar.kinds[i]
            held = self._pyramids.get(kind)
            self._dress(i, held and held[1])
            missing = "stopped" if self._stopped else "waiting"
            state = "" if held is not None else "failed" if kind in self._failed else missing
            raw = kind != "raw" and "raw" not in self._failed
            why, elsewhere = self._failed.get(kind, ("", 0))
            self._notes[i].param.update(state=state, detail=why, raw=raw, elsewhere=elsewhere)
            if held is None:
                if self.cuts[i].data["values"]:
                    self.cuts[i].data = dict(EMPTY_CUT)
                continue
            self.cuts[i].data = cut_columns(held, asked, self._moved if kind in OF_ONE_FRAME else None)

    def _paint(self) -> None:
        """Take the theme's colours; nothing is made anew."""
        for part in (self.toolbar, self.legend, self.strip, self.swipe, *self.heads, *self._notes):
            part.theme = self._theme
        for side in self._sides:
            side.set_theme(self._theme)
        self._paint_ground()

    def _paint_ground(self) -> None:
        palette = PALETTES[self._theme]
        # In one picture the sky stands in a well, of several each has the panel's ground.
        ground = palette.panel if self.toolbar.count == BESIDE else palette.well
        for figure in self.figures:
            canvas.paint_theme(figure, palette, ground)


def _put(kinds: Sequence[str], index: int, kind: str) -> list[str]:
    return [kind if i == index else held for i, held in enumerate(kinds)]
