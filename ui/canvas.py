"""The Bokeh figures under the picture, and how markers are drawn on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bokeh.core.properties import value
from bokeh.models import (
    AllIndices,
    BoxAnnotation,
    BoxSelectTool,
    CDSView,
    ColumnDataSource,
    GlyphRenderer,
    ImageRGBA,
    MultiLine,
    PanTool,
    Quad,
    Range1d,
    Scatter,
    Text,
    WheelZoomTool,
)
from bokeh.plotting import figure

from ui.colours import HALO, STATE_COLOURS, Palette


def named(words: str) -> dict[str, str]:
    """What has a screen reader say whose figure has the focus: a canvas has no words."""
    return {"role": "group", "aria-label": words}


def picture_figure(x_range: Range1d, y_range: Range1d, base: ColumnDataSource, fine: ColumnDataSource) -> figure:
    """A bare figure with two image layers: the whole frame, and the visible part sharp above it."""
    wheel = WheelZoomTool(zoom_on_axis=False)
    overlay = BoxAnnotation(fill_color=None, line_color="#FFFFFF", line_dash=[5, 3], line_width=1.5, visible=False)
    box = BoxSelectTool(renderers=[], overlay=overlay)
    made = figure(
        x_range=x_range, y_range=y_range, x_axis_type=None, y_axis_type=None,
        tools=[PanTool(), box, wheel], active_scroll=wheel, toolbar_location=None, min_border=0,
        outline_line_color=None, sizing_mode="stretch_both", min_width=100, min_height=100, match_aspect=False,
        lod_threshold=None, lod_interval=0, output_backend="canvas", html_attributes=named("Picture"),
    )  # fmt: skip
    # Under Panel's themes a figure's own background takes the theme's colour.
    made.add_layout(BoxAnnotation(name="well", level="underlay", line_color=None, fill_alpha=1))
    # What has no value is left open by the images, and this shows through.
    made.add_layout(BoxAnnotation(
        name="hatch", level="underlay", left=0, right=0, top=0, bottom=0, visible=False, syncable=False,
        line_color=None, fill_color=None, hatch_pattern="right_diagonal_line", hatch_scale=8, hatch_weight=1,
    ))  # fmt: skip
    for source in (base, fine):
        made.add_glyph(source, ImageRGBA(image="image", x="x", y="y", dw="dw", dh="dh"))
    return made


def add_region(made: figure, region: ColumnDataSource) -> list[GlyphRenderer]:
    """Frame the part of the field whose stars alone tables and plots show."""
    drawn = []
    for colour, alpha, width, dash in ((HALO, 0.8, 3.5, "solid"), ("#FFFFFF", 1.0, 1.5, [5, 3])):
        look = {"line_color": colour, "line_alpha": alpha, "line_width": width, "line_dash": dash, "fill_color": None}
        drawn.append(made.add_glyph(region, Quad(left="left", right="right", top="top", bottom="bottom", **look)))
    return drawn


def add_contours(made: figure, lines: ColumnDataSource, numbers: ColumnDataSource) -> None:
    """Draw lines of equal value, white on a dark halo, and their numbers."""
    for colour, alpha, width in (("#000000", 0.25, 3.0), ("#FFFFFF", 1.0, 1.1)):
        look = {"line_color": colour, "line_alpha": alpha, "line_width": width}
        made.add_glyph(lines, MultiLine(xs="xs", ys="ys", **look))
    write(made, numbers, text="text", font="12px", text_align="center")


def write(made: figure, source: ColumnDataSource, *, text: str, font: str, **look: object) -> list[GlyphRenderer]:
    """Write white words with a dark edge, which can be read on every colour."""
    font_look = {"text_font": value("Roboto"), "text_font_size": font, "text_baseline": "middle", **look}
    edged = Text(x="x", y="y", text=text, text_color=HALO, text_outline_color=HALO, text_outline_width=3, **font_look)
    return [
        made.add_glyph(source, edged),
        made.add_glyph(source, Text(x="x", y="y", text=text, text_color="#FFFFFF", **font_look)),
    ]


def add_map_stars(made: figure, sources: Mapping[str, ColumnDataSource]) -> list[GlyphRenderer]:
    """Draw the stars that made a map as small white dots, those left out in grey; none of them shows yet."""
    looks = {"used": ("#FFFFFF", 3), "clipped": (STATE_COLOURS["rejected"], 5)}
    return [
        made.add_glyph(
            sources[name],
            Scatter(x="x", y="y", size=size, fill_color=fill, line_color=HALO, line_width=0.6),
            visible=False,
        )
        for name, (fill, size) in looks.items()
    ]


def paint_theme(made: figure, palette: Palette, ground: str) -> None:
    """Colour what surrounds the pixels, and hatch what has no value."""
    for box in made.center:
        if box.name == "well":
            box.fill_color = ground
        elif box.name == "hatch":
            box.hatch_color = palette.strong
    made.background_fill_color = ground
    made.border_fill_color = ground


def thin_axes(made: figure) -> None:
    """Leave a plot one line at the bottom, small numbers, and the horizontal lines of its grid."""
    made.xgrid.visible = False
    made.yaxis.axis_line_color = None
    made.axis.major_tick_line_color = made.axis.minor_tick_line_color = None
    made.axis.major_label_text_font_size = "12px"


def paint_plot(made: figure, colours: Palette) -> None:
    """Thin axes and a light grid on the panel's ground."""
    made.background_fill_color = colours.panel
    made.border_fill_color = colours.panel
    made.xaxis.axis_line_color = colours.strong
    made.grid.grid_line_color = colours.grid
    made.axis.major_label_text_color = colours.second


def share_views(figures: Sequence[figure], views: dict[str, CDSView] | None = None) -> None:
    """Give the renderers of one source a view in common; else each has two models of its own that a page waits for.

    Parameters
    ----------
    figures : sequence of figure
        Figures whose renderers are there.
    views : dict of str to CDSView, optional
        The views that are there already, by their source's ``id``; new ones are added.
    """
    views = {} if views is None else views
    for renderer in (renderer for made in figures for renderer in made.renderers):
        if isinstance(renderer.view.filter, AllIndices):
            source = renderer.data_source
            if source.id not in views:
                views[source.id] = CDSView(filter=AllIndices())
            renderer.view = views[source.id]
