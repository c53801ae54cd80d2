"""The live panel of one stage, for a notebook."""

from __future__ import annotations

import functools

import panel as pn

from pipeline.graph.lineage import ancestors
from pipeline.graph.request import Night
from pipeline.graph.run import Graph
from ui.open_dialog import SAMPLES, sample_folder
from ui.pictures import MADE_OF, OF_NOTHING
from ui.scene import Scene
from ui.session import Session
from ui.stage_list import explanation
from ui.theme import LEFT
from ui.tracks_tab import TracksTab
from ui.viewer import REDUCED, Viewer

FIRST_PICTURE = {
    "frames": "raw",
    "hot_pixels": "raw",
    "background": "background",
    "offset_map": "x_offset",
    # What they make is a picture.
    **{name: name for name in REDUCED},
}

# Stages that step aside where there are no calibration frames.
REDUCTION = ("master_bias", "master_dark", "master_flat", "calibrated")


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


def stage_panel(name: str, *, sample: str = "") -> pn.viewable.Viewable:
    """The live panel of one stage on a sample: its knobs, those of the stages before it, and the picture.

    Parameters
    ----------
    name : str
        The stage.
    sample : str
        Name of the sample, which is written into the cache folder when it is not there; by default one on which the
        stage has something to do.

    Returns
    -------
    panel.viewable.Viewable
        Shows itself at the end of a notebook's cell.
    """
    sample = sample or ("reduction" if name in REDUCTION else "drift")
    folder = sample_folder(sample)
    session = Session(_notebook_graph(), folder)
    bench = Bench(session, name)
    kind = FIRST_PICTURE.get(name, "subtracted")
    bench.picture.choose(kind)
    night = Graph.open([folder], folder)
    frame = _last_frame(session, night) if MADE_OF[kind] in OF_NOTHING else 0
    bench.results.wait_for(lambda: session.open(night, SAMPLES[sample], frame=frame))
    return bench.panel


def _last_frame(session: Session, night: Night) -> int:
    """The last frame beside the reference, which has no map of its own."""
    sequence = session.graph.result(night, session.recipe, "frames")
    return max((k for k in range(len(sequence.frames)) if k != sequence.reference), default=0)
