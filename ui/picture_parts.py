"""The controls around the picture: toolbar, star states, the head of each picture, the limits' strip."""

from __future__ import annotations

import param

from ui.part import Part, text
from ui.stretch import COLOURS, LIMITS, STRETCHES, VIEWS

# What the browser runs for a picture: how it does so, and what it needs of Bokeh otherwise.
SCRIPT = "".join(
    text(f"{name}.js")
    for name in (
        "picture", "picture_place", "picture_pixels", "picture_marks", "picture_pointer", "quick_paint",
        "bokeh_repairs", "table_rows", "table_keys",
    )
)  # fmt: skip
PICTURES = 4
# What the limits' strip spans, in sigma of the sky.
STRIP = (-6.0, 29.0)


class PictureControls(Part):
    """What is shown, in how many pictures, how it is stretched and how large."""

    options = param.Dict({})
    kinds = param.List(["raw"] * PICTURES)
    count = param.Integer(1)
    stretches = param.Dict(STRETCHES)
    stretch = param.String("asinh")
    colour_maps = param.Dict(COLOURS)
    colours = param.String("grey")
    invert = param.Boolean(False)
    own_colours = param.List([name for name, view in VIEWS.items() if not view.sky])
    tails = param.Selector(default="tails", objects=["off", "tails", "all"])
    swipe = param.Boolean(False)

    _esm = text("toolbar.js")


class Swipe(Part):
    """Over one picture: another kind of picture, left of a line that is dragged; "" is none."""

    options = param.Dict({})
    kind = param.String("")

    _esm = text("swipe.js")


class StateChips(Part):
    """The star states with their counts; a click hides a kind."""

    hints = param.Dict({})
    marked = param.Boolean(True)
    tall = param.Boolean(False)

    _esm = text("legend.js")


class PictureHead(Part):
    """What one picture shows, and its colour bar; over a small one the title is a button."""

    options = param.Dict({})
    index = param.Integer(0)
    kind = param.String("raw")
    choice = param.Boolean(True)
    small = param.Boolean(False)
    chosen = param.Boolean(False)
    clicks = param.Integer(0)
    palette = param.String("")
    low = param.String("")
    high = param.String("")

    _esm = text("head.js")


class LimitStrip(Part):
    """The histogram of the pixels, with the values drawn black and white."""

    counts = param.List([])
    low = param.Number(STRIP[0])
    high = param.Number(STRIP[1])
    limits = param.List(list(LIMITS))
    tall = param.Boolean(False)

    _esm = text("limits.js")


class Beside(Part):
    """Beside one of two pictures: what it shows, of which frame, and a map's colours with their values."""

    options = param.Dict({})
    index = param.Integer(0)
    kind = param.String("raw")
    caption = param.String("")
    facts = param.List([])
    palette = param.String("")
    low = param.Number(0.0)
    high = param.Number(0.0)
    unit = param.String("")

    _esm = text("beside.js")


class PictureNote(Part):
    """Over a picture without pixels: that it is being made, or why there is none, and the next step."""

    options = param.Dict({})
    kind = param.String("raw")
    state = param.Selector(default="", objects=["", "waiting", "stopped", "failed"])
    raw = param.Boolean(True)
    detail = param.String("")
    # The number of a frame that has this picture, counted from 1; 0 where none is known.
    elsewhere = param.Integer(0)
    goes = param.Integer(0)

    _esm = text("note.js")
