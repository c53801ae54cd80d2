"""Picture and player alone on a page, without stages and tabs."""

from types import SimpleNamespace

import panel as pn
import pytest

from tests.browser.picture.drawn import HEIGHT, SHAPE, WIDTH, markers, sky
from tests.browser.served import alone, serving
from ui.part import column
from ui.picture import Picture
from ui.player import Player


@pytest.fixture(scope="module")
def served():
    """A running server, and the parts of the page opened last."""
    held = SimpleNamespace(early=False)

    def stepped(frame):
        held.frames.append(frame)
        if frame in held.drawn:
            held.picture.show("subtracted", sky() + frame, noise=5.0, key=f"frame {frame}")
        if frame in held.told:
            held.player.tell_shown(frame)

    def app():
        held.picks, held.frames = [], []
        # The frames of which there is a picture, and those of which is told that all is shown.
        held.drawn = held.told = ()
        held.picture = Picture()
        held.picture.on_pick(lambda star, place: held.picks.append(star))
        held.player = Player(3, stepped, channel=held.picture.channel)
        held.player.set_frames(["one", "two", "three"], reference=0)
        held.picture.show("subtracted", sky(), noise=5.0, key="sky")
        held.picture.set_markers(markers())
        held.document = pn.state.curdoc
        if held.early:
            held.player.stop()
        return column(held.picture.panel, held.player.panel, width=WIDTH, height=HEIGHT)

    with serving(app) as held.address:
        yield held


@pytest.fixture
def page(chromium, served):
    """A newly opened page; the test fails when the console or another address was heard of."""
    with alone(chromium, served.address, SHAPE[1], width=WIDTH, height=HEIGHT) as page:
        yield page
