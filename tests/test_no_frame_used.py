"""Where the visitor has left every frame out, tabs say so and wait for nothing."""

import re

import pytest

pytest.importorskip("panel")

from ui.page import Desk
from ui.session import Session

# Bokeh's own, where it takes a table's index.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")


@pytest.fixture
def page(graph, turning, tmp_path):
    """A page on which a star is picked and a limit leaves all frames out."""
    session = Session(graph, tmp_path)
    made = Desk(session, None)
    made.results.wait_for(lambda: session.open(turning, "sky"))
    made.results.wait_for(lambda: session.change(picked=3))
    made.results.wait_for(lambda: session.turn("selection", "limits", {"fwhm": (0.0, 0.5)}))
    yield made
    made.close()


def words(html):
    return re.sub("<[^>]*>", " ", html)


def test_tracks_and_the_stars_card_say_that_no_frame_is_used(page):
    page.results.wait_for(lambda: page.side.choose("Tracks"))
    tab = page.side._made["Tracks"]
    assert not page.results.scene["tracks"].used.any()
    assert "No frame is used." in words(tab._alone.object)
    assert tab._alone.visible
    assert not tab._plots.panel.visible
    assert "No frame is used." in words(tab._card._pane.object)
    page.results.wait_for(page.session.undo)
    assert not tab._alone.visible
    assert "of 4 frames used" in words(tab._card._pane.object)


def test_one_frame_that_is_used_is_told_from_none(page):
    page.results.wait_for(page.session.undo)
    names = {info.file: "clouds" for info in page.results.scene["frames"].frames[1:]}
    page.results.wait_for(lambda: page.session.turn("selection", "rejected", names))
    page.results.wait_for(lambda: page.side.choose("Tracks"))
    assert "Only one frame is used." in words(page.side._made["Tracks"]._alone.object)


@pytest.mark.parametrize("tab", ["Map", "Stars", "Frames", "Pixels", "Shifts", "Stack", "Fluxes"])
def test_no_tab_waits_for_what_will_not_come(page, tab):
    page.results.wait_for(lambda: page.side.choose(tab))
    shown = page.side._made[tab].panel
    said = [words(str(pane.object)) for pane in shown.select() if hasattr(pane, "object") and pane.visible]
    assert not [text for text in said if "being" in text], said
