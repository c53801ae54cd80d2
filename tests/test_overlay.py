"""What lies over pictures: nothing is told of a glyph before it is there."""

from types import SimpleNamespace

import pytest

pytest.importorskip("panel")

from bokeh.document import Document
from bokeh.models import ColumnDataSource, GlyphRenderer, Scatter
from bokeh.plotting import figure
from panel.io.state import set_curdoc

from ui.flat_layer import FlatLayer
from ui.overlay import Overlay


def overlay(figures):
    source = ColumnDataSource(data={"x": [1], "y": [1]})
    made = Overlay(figures, lambda one: [one.add_glyph(source, Scatter()) for _ in range(2)])
    made.lie_on(0, True)
    return lambda: made.show(True)


def flat_layer(figures):
    made = FlatLayer(figures)
    lines, points = ([[1, 2]], [[1, 2]]), ([1], [1])
    traced = SimpleNamespace(outline=lines, unexposed=lines, brightest=points, lone=points)
    return lambda: made.show(traced, [True, False])


@pytest.mark.parametrize("layer", [overlay, flat_layer])
def test_new_glyphs_come_as_they_are_seen_and_nothing_is_told_of_them_apart(layer):
    document, figures = Document(), [figure(), figure()]
    for one in figures:
        document.add_root(one)
    show, told = layer(figures), []
    document.on_change(told.append)
    with set_curdoc(document):
        show()
    assert [{renderer.visible for renderer in one.renderers} for one in figures] == [{True}, {False}]
    assert [event.model for event in told if isinstance(event.model, GlyphRenderer)] == []
