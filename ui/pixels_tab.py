"""The pixels of the picture that is shown: statistics and histogram, of all of it and of a region; a master's noise."""

from __future__ import annotations

import functools
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import panel as pn
from bokeh.document import Document

from pipeline.graph.request import Ticket
from pipeline.masters import Master
from pipeline.statistics import Survey, survey
from ui import pixel_facts
from ui.colours import PALETTES
from ui.picture_layers import OF_ONE_FRAME
from ui.plot_titles import title_line
from ui.region import in_frame, pixels_inside
from ui.session import Session
from ui.stretch import VIEWS
from ui.tab import ResultTab
from ui.worker import Worker

if TYPE_CHECKING:
    from pipeline.knob import Rectangle
    from ui.cuts import Held
    from ui.histogram_plot import HistogramPlot
    from ui.noise_plot import NoisePlot
    from ui.picture import Picture
    from ui.scene import Scene

#: Surveys of whole pictures that are kept, and when those on screen are dimmed, ms.
_KEPT, _PATIENCE = 64, 250
#: Pixels of a large picture, which is surveyed after it has been on screen for so long, seconds.
_LARGE, _REST = 4_000_000, 0.3
_PER_FRAME = (*OF_ONE_FRAME, "aligned", "difference", "x_offset", "y_offset", "x_error", "y_error")


@dataclass(frozen=True, eq=False)
class Seen:
    """What is asked for, and drawn when it is there.

    Parameters
    ----------
    name : str
        Names the pixels.
    kind : str
        What they show.
    frame : int
        Number of the frame shown.
    region : tuple of int, or None
        x0, y0, x1, y1 of the region.
    master : Master or None
        The master that they are.
    """

    name: str
    kind: str
    frame: int
    region: Rectangle | None
    master: Master | None

    def is_like(self, other: Seen | None) -> bool:
        """Whether both are of the same pixels."""
        return other is not None and (self.name, self.region) == (other.name, other.region)


class PixelsTab(ResultTab):
    """Statistics and histogram of the first picture and of the region dragged on it.

    Parameters
    ----------
    session : Session
        What is shown, and which region.
    theme : str
        "dark" or "light".
    picture : Picture
        Holds the pixels.
    document : Document or None
        The page's document.
    """

    #: It looks at what is on screen, and asks for nothing itself.
    needs: tuple[str, ...] = ()

    def __init__(self, session: Session, theme: str, picture: Picture, document: Document | None) -> None:
        super().__init__(theme)
        self._session, self._picture = session, picture
        # Of its own: the page's worker makes the results, which shall not wait for this.
        self._worker = Worker(document)
        self._surveys: OrderedDict[str, Survey] = OrderedDict()
        self._asked: Seen | None = None
        self._drawn: tuple[Seen, Survey, Survey | None] | None = None
        self._plot: HistogramPlot | None = None
        self._noise: NoisePlot | None = None
        self._numbers = pn.pane.HTML(margin=(12, 16, 0, 16), sizing_mode="stretch_width")
        self._words = pn.pane.HTML(margin=(12, 16, 0, 16), sizing_mode="stretch_width")

    def _themed(self) -> tuple[Any, ...]:
        return self._plot, self._noise

    def close(self) -> None:
        """End the thread."""
        self._worker.close()

    def show(self, scene: Scene) -> None:
        """Show the numbers of the picture that is on screen."""
        self._scene = scene
        kind = self._session.kinds[0]
        held = self._picture.held(kind)
        if held is None:
            self._asked = self._drawn = None
            self._say_why(f"Numbers of the picture \u201c{VIEWS[kind].label}\u201d come when it is there.")
            return
        seen = Seen(
            f"{kind} {held[0]}", kind, scene.frame, self._region(kind, held), pixel_facts.master_of(scene, kind)
        )
        if seen.is_like(self._asked):
            if self._drawn is not None:
                self._write()
            return
        self._asked = seen
        pattern = pixel_facts.pattern_of(scene, kind)
        # Where full pixels are is looked up in the worker too.
        full = functools.partial(pixel_facts.full_of, scene, kind)
        self._worker.submit(lambda ticket: self._work(seen, held, pattern, full, ticket))
        if self._worker.document is not None and pn.state.curdoc is not None:
            self._worker.document.add_timeout_callback(functools.partial(self._dim, seen), _PATIENCE)

    def _region(self, kind: str, held: Held) -> Rectangle | None:
        """The pixels of a picture that lie in the region as it is drawn on it."""
        region, scene = self._session.region, self._scene
        if region is None:
            return None
        # A frame's own pixels lie elsewhere than where they are drawn while frames are drawn aligned.
        if kind in OF_ONE_FRAME or not self._session.aligned:
            region = in_frame(region, scene["tracks"], scene.frame)
        return pixels_inside(region, held[1].shape)

    # In the worker

    def _work(self, seen: Seen, held: Held, pattern: str, full: functools.partial[Any], ticket: Ticket) -> None:
        whole = self._surveys.get(seen.name)
        if whole is None and held[1].levels[0].size > _LARGE:
            # While frames are stepped through both processors are for them.
            time.sleep(_REST)
            ticket.check()
        image, filled = held[1].pixels, full()
        if filled is not None and filled.size and filled.max() >= image.size:
            # The result that knows them is of other files already.
            filled = None
        if whole is None:
            whole = survey(image, pattern, full=filled)
            self._surveys[seen.name] = whole
            while len(self._surveys) > _KEPT:
                self._surveys.popitem(last=False)
        ticket.check()
        part = None
        if seen.region is not None:
            part = survey(image, pattern, region=seen.region, full=filled, edges=whole.edges)
        ticket.check()
        self._worker.hand_back(self._draw, seen, whole, part)

    # Back on the page

    def _dim(self, seen: Seen) -> None:
        """What is shown belongs to another picture, or is nothing yet, and the new one takes its time."""
        if self._asked is not seen or (self._drawn is not None and self._drawn[0] is seen):
            return
        if self._drawn is None:
            self._say_why("The pixels are being counted.")
        else:
            self._fade(0.55)

    def _fade(self, share: float) -> None:
        for part in (self._numbers, self._words):
            part.styles = {"opacity": str(share)}

    def _draw(self, seen: Seen, whole: Survey, part: Survey | None) -> None:
        if seen is not self._asked:
            return
        self._drawn = seen, whole, part
        with pn.io.hold():
            self._make(seen.master is not None)
            self._plot.show(whole, part, VIEWS[seen.kind].unit)
            self._write()
            self._fade(1.0)
            shown = [self._numbers, self._plot.panel]
            if seen.master is not None:
                master = seen.master
                if master.count > 1:
                    noises = np.array([master.single_noise, master.noise])
                    self._noise.show(np.array([1, master.count]), noises, VIEWS[seen.kind].unit)
                shown += [self._words, *([self._noise.panel] if master.count > 1 else [])]
            self._place(*shown)

    def _make(self, master: bool) -> None:
        if self._plot is None:
            from ui.histogram_plot import HistogramPlot

            self._plot = HistogramPlot(self._theme)
        if master and self._noise is None:
            from ui.noise_plot import NoisePlot

            self._noise = NoisePlot(self._theme, "master noise")

    def _write(self) -> None:
        """All words, in the theme's colours."""
        seen, whole, part = self._drawn
        colours, view = PALETTES[self._theme], VIEWS[seen.kind]
        of = f"frame {seen.frame + 1}" if seen.kind in _PER_FRAME else ""
        small = f"font:12px/16px Roboto,sans-serif;font-variant-numeric:tabular-nums;color:{colours.second}"
        self._numbers.object = (
            f"{title_line(view.label, view.unit, of, colours)}{pixel_facts.table(whole, part, colours)}"
            f'<div style="{small};padding-top:6px">{pixel_facts.place(seen.region, whole.beyond, whole.pixels)}</div>'
        )
        if seen.master is not None:
            words = pixel_facts.master_words(seen.master, self._session.recipe["master_flat"]["region"])
            self._words.object = f'<div style="{small}">{words}</div>'
