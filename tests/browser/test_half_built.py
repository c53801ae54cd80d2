"""Parts that come to an open page while it is laid out again and again, as a visitor in a hurry has it."""

import threading
from types import SimpleNamespace

import numpy as np
import panel as pn
import pytest
from bokeh.plotting import figure

from tests.browser.served import serving, visit
from ui.part import column
from ui.picture import Picture

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]

# A figure takes its time to be built, and the page goes on meanwhile.
LAY_OUT = """() => {
    const {PlotView} = Bokeh.require("models/plots/plot_canvas")
    const build = PlotView.prototype.lazy_initialize
    PlotView.prototype.lazy_initialize = async function () {
        await build.call(this)
        await new Promise((go_on) => setTimeout(go_on, 150))
    }
    window.failed = []; setInterval(() => {
    for (const view of Bokeh.index.roots) try { view.compute_layout?.() } catch (error) { failed.push(String(error)) }
}, 0) }"""


def plot(name):
    made = figure(width=200, height=120, name=name)
    made.line([0, 1], [0, 1])
    return pn.pane.Bokeh(made)


@pytest.fixture
def opened(chromium):
    """A page that lays itself out all the time, and the column that parts are put into."""
    held = SimpleNamespace(loaded=threading.Event())

    def app():
        picture = Picture()
        picture.show("subtracted", np.zeros((40, 60), np.float32), noise=1.0, key="nothing")
        held.column, held.document = column(width=300), pn.state.curdoc
        pn.state.onload(held.loaded.set)
        return pn.Row(column(picture.panel, width=600, height=400), held.column)

    with serving(app) as address:
        page = visit(chromium, address, stars=False)
        page.wait_for_function("() => model('picture fine 0')?.data.image.length > 0")
        assert held.loaded.wait(20)
        page.evaluate(LAY_OUT)
        yield page, held
        page.close()
        assert page.problems == []


def put(held, *steps):
    """Do things on the page one after the other, each told to the browser by itself."""
    for step in steps:
        held.document.add_next_tick_callback(step)


SEEN = """() => {
    const all = (view) => [view, ...(view.child_views ?? []).flatMap(all)]
    return [...Bokeh.index.roots].flatMap(all).filter((view) => view.model.name?.startsWith("plot"))
        .map((view) => `${view.model.name}, ${view.el.getBoundingClientRect().height} px`) }"""


def is_seen(page, *names):
    """Wait until the column has some figures, all as high as they are meant to be."""
    expected = [f"{name}, 120 px" for name in names]
    page.wait_for_function(f"(expected) => String(({SEEN})()) == String(expected)", arg=expected)
    assert page.evaluate("() => failed") == []


def test_figures_are_laid_out_when_all_are_there(opened):
    page, held = opened
    put(held, lambda: setattr(held.column, "objects", [plot("plot a"), plot("plot b")]))
    is_seen(page, "plot a", "plot b")


def test_what_is_added_to_a_column_that_is_being_built_is_not_lost(opened):
    page, held = opened
    inner = column(plot("plot a"))
    put(held, lambda: held.column.extend([inner, plot("plot c")]), lambda: inner.append(plot("plot b")))
    is_seen(page, "plot a", "plot b", "plot c")
