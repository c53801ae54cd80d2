"""Masters on the pictures: what a flat is levelled by and where it is unexposed, and what each was made of."""

from __future__ import annotations

import html

from pipeline.knob import KnobError, Rectangle
from pipeline.masters import Master
from ui.colours import HALO, LOST
from ui.flat_layer import FlatLayer, Traced, traced
from ui.legend_line import legend_line
from ui.picture import Picture
from ui.pixel_facts import MASTERS, count, master_of, pattern_of, unexposed_of
from ui.scene import Scene
from ui.session import Session

FLAT = "master_flat"
_BOX = '<path d="M2 2h14v10H2z" stroke="{}" stroke-width="{}" {}/>'
_WORDS = {
    "lit": "levels the flats: above half of the 90th percentile",
    "frame": "levels the flats: the whole frame",
    "max": "levels the flats: the brightest pixel",
}


class MasterDrawing:
    """What joins the masters' marks, the pictures and the recipe.

    Parameters
    ----------
    session : Session
        Which pictures are shown, and by which region flats are levelled.
    picture : Picture
        Where the marks are drawn.
    """

    def __init__(self, session: Session, picture: Picture) -> None:
        self._session, self._picture = session, picture
        # What the worker traced last, and of which flat and region.
        self._traced: tuple[Master | None, str | Rectangle, Traced] = (None, "", Traced())
        self._masters: dict[str, Master | None] = {}
        self._legend = ""
        self.layer = FlatLayer(picture.figures)
        picture.on_kinds(lambda kinds: self._show())

    def prepare(self, scene: Scene) -> None:
        """Trace the flat of the frame shown where a picture shows it; called in the worker."""
        flat, region = master_of(scene, FLAT), self._session.recipe[FLAT]["region"]
        if flat is None or FLAT not in self._session.kinds or (self._traced[0] is flat and self._traced[1] == region):
            return
        try:
            self._traced = flat, region, traced(flat, region, pattern_of(scene, FLAT))
        except KnobError:
            # The knob was turned on since; of its new value the stage says itself what is wrong.
            self._traced = flat, region, Traced()

    def show_found(self, scene: Scene) -> None:
        """Draw what was traced of a scene's flat, and say what its masters were made of."""
        self._masters = {kind: master_of(scene, kind) for kind in MASTERS}
        self._show()

    def _show(self) -> None:
        kinds = self._picture.kinds
        flat, region, found = self._traced
        known = flat is not None and self._masters.get(FLAT) is flat
        on = [known and i < len(kinds) and kinds[i] == FLAT for i in range(len(self.layer.figures))]
        self.layer.show(found, on)
        master = self._masters.get(kinds[0])
        wanted = "" if master is None else _legend(master, region if on[0] else "")
        if self._picture.other_legend in ("", self._legend) and self._picture.other_legend != wanted:
            self._picture.show_other_marks(wanted)
        self._legend = wanted


def _legend(master: Master, region: str | Rectangle) -> str:
    """What a master was made of, and what the marks on a flat stand for."""
    quiet = 'style="color:var(--starshift-second);white-space:nowrap"'
    if master.kind != "flat" or not region:
        plural = "s" if master.count > 1 else ""
        time = "" if master.exposure is None else f" of {master.exposure:.3g}\u2009s"
        name = f" of filter {html.escape(master.filter)}" if master.filter else ""
        made = f"Made of {master.count} {master.kind} frame{plural}{name}{time}"
        return legend_line("What the master is made of", f"<span {quiet}>{made}</span>")
    number = unexposed_of(master)
    line = _sign(_BOX.format(HALO, 3.4, ""), _BOX.format("#FFFFFF", 1.4, 'stroke-dasharray="6 3"'))
    area = _sign(_BOX.format(LOST, 1.4, f'fill="{LOST}" fill-opacity=".45"'))
    share = f" ({100 * number / master.image.size:.2g}\u2009%)" if number else ""
    return legend_line(
        "Marks on the master flat",
        f"{line}<span>{_WORDS.get(region, 'levels the flats: a rectangle')}</span>{area}<span>unexposed</span>"
        f"<span {quiet}>{count(number)} px{share}</span>",
    )


def _sign(*paths: str) -> str:
    return f'<svg width="18" height="14" aria-hidden="true" fill="none" style="flex:none">{"".join(paths)}</svg>'
