"""Where the visitor has left frames out, tabs, rows and pictures say so and wait for nothing."""

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
    assert "No frame is used." in words(tab._card.words)
    page.results.wait_for(page.session.undo)
    assert not tab._alone.visible
    assert "of 4 frames used" in words(tab._card.words)


def test_one_frame_that_is_used_is_told_from_none(page):
    page.results.wait_for(page.session.undo)
    names = {info.file: "clouds" for info in page.results.scene["frames"].frames[1:]}
    page.results.wait_for(lambda: page.session.turn("selection", "rejected", names))
    page.results.wait_for(lambda: page.side.choose("Tracks"))
    assert "Only one frame is used." in words(page.side._made["Tracks"]._alone.object)


# How a tab says that something is still to come.
WAITS = re.compile(r"\b(being|as soon as|yet|(is|are) (made|drawn|counted|measured|followed|aligned))\b")


def html_of(page, tab):
    """What is shown in a tab, as HTML."""
    texts, shown = [], [page.side._made[tab].panel]
    while shown:
        one = shown.pop()
        if one.visible:
            texts += [one.object] if isinstance(getattr(one, "object", None), str) else []
            shown += getattr(one, "objects", [])
    return texts


@pytest.mark.parametrize("tab", ["Map", "Stars", "Frames", "Pixels", "Shifts", "Stack", "Fluxes"])
def test_no_tab_waits_for_what_will_not_come(page, tab):
    page.results.wait_for(lambda: page.side.choose(tab))
    assert not [text for text in html_of(page, tab) if WAITS.search(words(text))]


def test_tabs_that_wait_say_so(graph, turning, tmp_path, monkeypatch):
    session = Session(graph, tmp_path)
    made = Desk(session, None)
    # The worker is slow: nothing has come.
    monkeypatch.setattr(made.results, "_work", lambda *asked: None)
    made.results.wait_for(lambda: session.open(turning, "sky"))
    for tab in ("Map", "Shifts", "Fluxes"):
        made.results.wait_for(lambda tab=tab: made.side.choose(tab))
        assert [text for text in html_of(made, tab) if WAITS.search(words(text))], tab
    made.close()


def test_a_frame_that_is_left_out_fails_no_stage_and_its_picture_says_once_why(page):
    """The map of such a frame has a sentence in its place, a way to another frame, and a row that is not red."""
    page.results.wait_for(page.session.undo)
    file = page.results.scene["frames"].frames[2].file
    page.results.wait_for(lambda: page.picture.choose("x_offset"))
    page.results.wait_for(lambda: page.session.change(frame=2))
    assert page.stages.state("offset_map").state in ("fresh", "stored")
    page.results.wait_for(lambda: page.session.turn("selection", "rejected", {file: "clouds"}))
    page.results.wait_for(lambda: page.side.choose("Map"))
    tab = page.side._made["Map"]
    assert tab._none.visible
    assert tab._none.object.startswith("This frame has no offset map. It is not used. Left out by hand (clouds): tick")
    assert (tab._elsewhere.button.visible, tab._elsewhere.button.label) == (True, "Show frame 4")
    assert not any(one.visible for one in page.picture.line._glyphs.get(0, ())), "no line over the words"
    row, note = page.stages.state("offset_map"), page.picture._notes[0]
    assert (row.state, row.note, row.error) == ("idle", "frame not used", None)
    assert note.state == "failed"
    assert note.detail.count("clouds") == note.detail.count(file) == 1
    assert note.elsewhere == 4
    page.results.wait_for(page.session.undo)
    assert page.stages.state("offset_map").state in ("fresh", "stored")
    assert note.state == ""
    assert not tab._none.visible
    assert all(one.visible for one in page.picture.line._glyphs[0])


def test_a_reason_that_an_address_brings_is_text_in_every_tab(page):
    page.results.wait_for(page.session.undo)
    file = page.results.scene["frames"].frames[2].file
    page.results.wait_for(lambda: page.session.change(frame=2))
    page.results.wait_for(lambda: page.session.turn("selection", "rejected", {file: "<img src=x>"}))
    for tab in ("Map", "Fluxes"):
        page.results.wait_for(lambda tab=tab: page.side.choose(tab))
        way = page.side._made[tab]._elsewhere.button
        assert (way.visible, way.label) == (True, "Show frame 4")
        told = " ".join(text for text in html_of(page, tab) if "It is not used." in text)
        assert "Left out by hand (&lt;img src=x&gt;)" in told
        assert "<img" not in told
    page.results.wait_for(page.session.undo)
    assert not way.visible
