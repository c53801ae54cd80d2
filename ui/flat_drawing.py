"""Where a master flat is levelled and unexposed, on the pictures that show it, with its legend above them."""

from __future__ import annotations

from pipeline.knob import KnobError
from pipeline.masters import Master
from ui.colours import HALO, LOST
from ui.flat_layer import FlatLayer, Traced, traced
from ui.legend_line import legend_line
from ui.picture import Picture
from ui.pixel_facts import count, master_of, pattern_of, unexposed_of
from ui.results import Scene
from ui.session import Session

STAGE = "master_flat"
_BOX = '<path d="M2 2h14v10H2z" stroke="{}" stroke-width="{}" {}/>'
_WORDS = {
    "lit": "levels the flats: above half of the 90th percentile",
    "frame": "levels the flats: the whole frame",
    "max": "levels the flats: the brightest pixel",
}


class FlatDrawing:
    """What joins the flat's marks, the pictures and the recipe.

    Parameters
    ----------
    session : Session
        Which pictures are shown, and by which region flats are levelled.
    picture : Picture
        Where the marks are drawn.
    """

    def __init__(self, session: Session, picture: Picture) -> None:
        self._session, self._picture = session, picture
        # What the worker traced last, and of which flat and region; and what is drawn.
        self._traced: tuple[Master | None, str, Traced] = (None, "", Traced())
        self._found: tuple[Master | None, str, Traced] = self._traced
        self._legend = ""
        self.layer = FlatLayer(picture.figures)
        picture.on_kinds(lambda kinds: self._show())

    def prepare(self, scene: Scene) -> None:
        """Trace the flat of the frame shown where a picture shows it; called in the worker."""
        flat, region = master_of(scene, STAGE), self._session.recipe[STAGE]["region"]
        if flat is None or STAGE not in self._session.kinds or (self._traced[0] is flat and self._traced[1] == region):
            return
        try:
            self._traced = flat, region, traced(flat, region, pattern_of(scene, STAGE))
        except KnobError:
            # The knob was turned on since; of its new value the stage says itself what is wrong.
            self._traced = flat, region, Traced()

    def show_found(self, scene: Scene) -> None:
        """Draw what was traced of a scene's flat."""
        flat = master_of(scene, STAGE)
        self._found = self._traced if flat is not None and self._traced[0] is flat else (None, "", Traced())
        self._show()

    def _show(self) -> None:
        flat, region, found = self._found
        kinds = self._picture.kinds
        on = [flat is not None and i < len(kinds) and kinds[i] == STAGE for i in range(len(self.layer.figures))]
        self.layer.show(found, on)
        wanted = _legend(flat, region) if on[0] else ""
        if self._picture.other_legend in ("", self._legend) and self._picture.other_legend != wanted:
            self._picture.show_other_marks(wanted)
        self._legend = wanted


def _legend(flat: Master, region: str) -> str:
    """What the marks stand for."""
    number = unexposed_of(flat)
    line = _sign(_BOX.format(HALO, 3.4, ""), _BOX.format("#FFFFFF", 1.4, 'stroke-dasharray="6 3"'))
    area = _sign(_BOX.format(LOST, 1.4, f'fill="{LOST}" fill-opacity=".45"'))
    share = f" ({100 * number / flat.image.size:.2g}\u2009%)" if number else ""
    quiet = 'style="color:var(--starshift-second)"'
    return legend_line(
        "Marks on the master flat",
        f"{line}<span>{_WORDS.get(region, 'levels the flats: a rectangle')}</span>{area}<span>unexposed</span>"
        f"<span {quiet}>{count(number)} px{share}</span>",
    )


def _sign(*paths: str) -> str:
    return f'<svg width="18" height="14" aria-hidden="true" fill="none" style="flex:none">{"".join(paths)}</svg>'
