"""What lies over the pixels of a picture: the glyphs once, drawn on each figure when that is first seen."""

from __future__ import annotations

from dataclasses import dataclass

from bokeh.core.properties import value
from bokeh.models import CDSView, GlyphRenderer, Line, Scatter, Text
from bokeh.plotting import figure

from ui import canvas
from ui.colours import HALO, PICKED, STATE_COLOURS, STATES
from ui.contour_layer import ContourLayer
from ui.picture_marks import Marks
from ui.recipe_marks import EXTRA, triangles

DOT = 4.5
TAIL_ALPHA = 0.45
_RING = 10


@dataclass(frozen=True)
class Drawn:
    """What is drawn on one figure, as far as it is shown and hidden again.

    What was dragged and picked lies at its place in the frame, or at that in the reference.
    """

    markers: tuple[GlyphRenderer, ...]
    map_stars: tuple[GlyphRenderer, ...]
    in_frame: tuple[GlyphRenderer, ...]
    in_reference: tuple[GlyphRenderer, ...]
    contours: ContourLayer


class Glyphs:
    """The glyphs of markers, tails and the picked star, which the figures of a picture have in common.

    Parameters
    ----------
    marks : Marks
        Holds the sources that they draw.
    """

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._markers, self._track, self._rings, self._number = _markers(), _track(), _rings(), _number()
        self.triangles = triangles(_RING)
        self._filtered = {state: CDSView(filter=one) for state, one in zip(STATES, marks.filters, strict=True)}
        self._views: dict[str, CDSView] = {}

    def draw_on(self, made: figure) -> Drawn:
        """Draw everything on a figure, above what it has."""
        add, marks = made.add_glyph, self._marks
        contours = ContourLayer(made)
        map_stars = canvas.add_map_stars(made, marks.map_stars)
        tails = [add(source, self._markers[f"tails of {state}"]) for state, source in marks.tails.items()]
        markers = [add(marks.stars, self._markers[state], view=view) for state, view in self._filtered.items()]
        region, region_home = (canvas.add_region(made, one) for one in (marks.region, marks.region_home))
        track = [add(marks.track_drawn, glyph) for glyph in self._track]
        ringed = (*(ring for _, ring in self._rings), self._number)
        picked = [add(marks.picked, glyph) for glyph in ringed]
        home = [add(marks.picked_home, glyph) for glyph in ringed]
        for one in (*region_home, *home):
            one.visible = False
        canvas.share_views([made], self._views)
        return Drawn((*tails, *markers), tuple(map_stars), (*region, *track, *picked), (*region_home, *home), contours)

    @property
    def turned_by_script(self) -> dict[str, object]:
        """What the browser sizes, dims and places: rings, each with the pixels added to its size, and the others."""
        rings = [(0, self._markers[state]) for state in ("complete", "partial", "star")]
        return {
            "rings": [*rings, *self._rings],
            "triangles": [(EXTRA, glyph) for one in self.triangles.values() for glyph in one.glyphs],
            "marked": [one.source for one in self.triangles.values()],
            "number": self._number,
            "dots": [self._markers[state] for state in STATES[3::2]],
            "tails": {state: self._markers[f"tails of {state}"] for state in self._marks.tails},
            "dot": DOT,
            "tail_alpha": TAIL_ALPHA,
        }


def _markers() -> dict[str, Line | Scatter]:
    """Tails and markers by state."""
    glyphs = {}
    for state in STATES[:3]:
        look = {"line_color": STATE_COLOURS[state], "line_width": 1, "line_alpha": TAIL_ALPHA}
        glyphs[f"tails of {state}"] = Line(x="x", y="y", syncable=False, **look)
    # A stronger edge would draw dark rings into the cores of bright stars.
    dot = {
        "marker": "circle",
        "size": DOT,
        "fill_color": STATE_COLOURS["rejected"],
        "line_width": 0.8,
        "line_alpha": 0.3,
    }
    looks = {
        "complete": {"marker": "circle", "size": _RING, "fill_color": None, "line_width": 1.4},
        "partial": {
            "marker": "circle",
            "size": _RING,
            "fill_color": None,
            "line_width": 1.4,
            "line_dash": value([3, 2]),
        },
        "lost": {"marker": "x", "size": 8, "line_width": 1.6},
        "rejected": dot,
        "star": {"marker": "circle", "size": _RING, "fill_color": None, "line_width": 1},
        "below": dot,
    }
    for state in STATES:
        line = HALO if looks[state] is dot else STATE_COLOURS[state]
        glyphs[state] = Scatter(x="x", y="y", line_color=line, syncable=False, **looks[state])
    return glyphs


def _track() -> list[Line | Scatter]:
    """The picked star's track over a halo."""
    halo, line = (
        Line(x="x", y="y", line_color=colour, line_alpha=alpha, line_width=width)
        for colour, alpha, width in (("#000000", 0.65, 3.5), (PICKED, 1.0, 1.6))
    )
    return [halo, line, Scatter(x="x", y="y", size="dot", marker="circle", fill_color=PICKED, line_color=None)]


def _rings() -> list[tuple[int, Scatter]]:
    """The picked star's rings over a halo, each with the pixels that are added to a ring's size."""
    rings = []
    for colour, alpha, width in (("#000000", 0.65, 4.5), (PICKED, 1.0, 1.6)):
        for extra in (3, 11):
            look = {"line_color": colour, "line_alpha": alpha, "line_width": width, "fill_color": None}
            ring = Scatter(x="x", y="y", marker="circle", size=_RING + extra, syncable=False, **look)
            rings.append((extra, ring))
    return rings


def _number() -> Text:
    """The picked star's number beside its rings."""
    return Text(
        x="x", y="y", text="id", x_offset="right", y_offset="down", text_align="align", text_baseline="middle",
        text_color=PICKED, text_font=value("Roboto"), background_fill_color=HALO, background_fill_alpha=0.62,
        padding=[1, 4], border_radius=3,
        text_font_size="13px", text_font_style="bold", syncable=False, name="picture number",
    )  # fmt: skip
