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


# How a tab says that something is still to come.
WAITS = re.compile(r"\b(being|as soon as|yet|(is|are) (made|drawn|counted|measured|followed|aligned))\b")


def said(page, tab):
    """What can be read in a tab."""
    texts, shown = [], [page.side._made[tab].panel]
    while shown:
        one = shown.pop()
        if one.visible:
            texts += [words(one.object)] if isinstance(getattr(one, "object", None), str) else []
            shown += getattr(one, "objects", [])
    return texts


@pytest.mark.parametrize("tab", ["Map", "Stars", "Frames", "Pixels", "Shifts", "Stack", "Fluxes"])
def test_no_tab_waits_for_what_will_not_come(page, tab):
    page.results.wait_for(lambda: page.side.choose(tab))
    assert not [text for text in said(page, tab) if WAITS.search(text)]


def test_tabs_that_wait_say_so(graph, turning, tmp_path, monkeypatch):
    session = Session(graph, tmp_path)
    made = Desk(session, None)
    # The worker is slow: nothing has come.
    monkeypatch.setattr(made.results, "_work", lambda *asked: None)
    made.results.wait_for(lambda: session.open(turning, "sky"))
    for tab in ("Map", "Shifts", "Fluxes"):
        made.results.wait_for(lambda tab=tab: made.side.choose(tab))
        assert [text for text in said(made, tab) if WAITS.search(text)], tab
    made.close()
