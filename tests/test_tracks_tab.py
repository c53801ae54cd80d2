"""The tab that shows how the field moved, and its star's card while a knob turns."""

from ui.scene import Scene
from ui.session import Session
from ui.tracks_tab import TracksTab

STAGES = ("normalize", "stars", "tracks")


def test_a_picked_star_keeps_its_card_until_all_of_it_is_made_anew(graph, turning, tmp_path):
    session = Session(graph, tmp_path)
    session.open(turning, "sky")
    made = {name: graph.result(turning, session.recipe, name, 0) for name in STAGES}
    images = {frame: graph.result(turning, session.recipe, "normalize", frame).image for frame in range(4)}
    tab = TracksTab(session, "dark", images.get)
    star = int(made["tracks"].complete.nonzero()[0][3])
    session.change(picked=star)
    tab.show(Scene(0, made))
    card = tab._card.words
    assert "base64" in card

    # Another sky, of which no image is there yet; then other stars, which the tracks do not name.
    seen = dict(images)
    images.clear()
    tab.show(Scene(0, made))
    assert tab._card.words == card
    images.update(seen)
    stars = graph.result(turning, session.recipe, "stars", 2)
    tab.show(Scene(0, {**made, "stars": stars}))
    assert tab._card.words == card

    # New tracks without images, as of a night too long to be kept, are told all the same.
    images.clear()
    session.turn("tracks", "proximity", 4.0)
    tab.show(Scene(0, {**made, "tracks": graph.result(turning, session.recipe, "tracks", 0)}))
    assert "base64" not in tab._card.words
    session.close()
