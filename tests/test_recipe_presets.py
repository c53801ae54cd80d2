"""Recipes with a name: none of them, used in whatever way, changes what belongs to the files that are open."""

import numpy as np
import pytest

pytest.importorskip("panel")

from pipeline import recipe as recipes
from pipeline.graph.request import Ticket
from pipeline.graph.run import Graph
from pipeline.knob import LONGEST_SHOWN
from pipeline.recipe import Recipe
from ui.courier import LARGEST_TEXT, Courier
from ui.picture import Picture
from ui.recipe_comparison import OTHERS, RecipeComparison
from ui.recipe_difference import StarsApart
from ui.recipe_presets import ABOUT, RecipePresets
from ui.session import Session

NIGHT = {
    "frames": {"reference": "a.fits", "kinds": {"b.fits": "dark"}},
    "selection": {"rejected": {"c.fits": "cloud"}},
    "shifts": {"box_centers": {"n": (5, 6)}, "box_sizes": {"n": 40}, "pre_shift": {"a.fits": (1, 2)}},
    "psf_photometry": {"known": {"3 V": 9.5}, "comparison": [1, 4]},
}
KNOBS = {"stars": {"threshold": 9.0}, "shifts": {"box_size": 50.0}}
OTHER_NIGHT = {**NIGHT, "frames": {"reference": "z.fits"}, "psf_photometry": {"comparison": [7]}, **KNOBS}
OWN = recipes.dumps(Recipe({**OTHER_NIGHT, "shifts": {**NIGHT["shifts"], **KNOBS["shifts"]}}))


def with_night(knobs):
    return Recipe(knobs).with_files_of(Recipe(NIGHT))


@pytest.fixture
def session(tmp_path):
    made = Session(Graph(), tmp_path)
    made.use(Recipe(NIGHT))
    yield made
    made.close()


@pytest.fixture
def told():
    return []


@pytest.fixture
def presets(session, told):
    return RecipePresets(session, lambda sentence, wrong: told.append((sentence, wrong)))


@pytest.fixture
def comparison(session, told):
    made = RecipeComparison(
        session,
        Courier(),
        Picture(),
        None,
        tell=lambda sentence, wrong: told.append((sentence, wrong)),
        on_open=lambda opened: None,
    )
    made.show()
    yield made
    made.close()


def test_every_preset_that_comes_along_says_what_it_is_for_and_can_be_compared():
    assert tuple(ABOUT) == recipes.PRESETS
    assert set(ABOUT) < set(OTHERS)


def test_a_preset_leaves_alone_what_belongs_to_the_files_however_it_is_used(session, presets, comparison):
    for name in recipes.PRESETS:
        wanted = recipes.preset(name).with_files_of(Recipe(NIGHT))
        presets._heard({"name": name})
        assert session.recipe == wanted
        session.undo()
        comparison._heard({"other": name})
        comparison._heard({"use": True})
        assert session.recipe == wanted
        session.undo()
    presets._heard({"name": "haze", "text": OWN})
    assert session.recipe == with_night(KNOBS)
    session.undo()
    comparison._heard({"other": "own", "name": "haze", "text": OWN})
    assert comparison._card.other in dict(map(tuple, comparison._card.others))
    comparison._heard({"use": True})
    assert session.recipe == with_night(KNOBS)
    assert comparison._card.knobs == []


def test_a_preset_of_ones_own_is_kept_without_what_belongs_to_the_files(session, presets, monkeypatch):
    session.use(with_night(KNOBS))
    presets.show()
    sent = []
    monkeypatch.setattr(presets._list, "_send_msg", sent.append)
    presets._heard({"name": "haze", "keep": True})
    assert recipes.loads(sent[0]["text"]) == Recipe(KNOBS)


def test_the_recipe_before_and_one_from_a_file_are_taken_as_a_whole(session, comparison):
    session.use(Recipe())
    comparison._heard({"other": "before"})
    comparison._heard({"use": True})
    assert session.recipe == Recipe(NIGHT)
    comparison._take("file", "other.toml", Recipe(OTHER_NIGHT))
    comparison._heard({"use": True})
    assert session.recipe == Recipe(OTHER_NIGHT)


def test_a_recipe_that_joined_the_list_is_compared_again_after_another(session, comparison):
    comparison._take("file", "default", Recipe(KNOBS))
    rows = comparison._card.knobs
    comparison._heard({"other": "default"})
    assert comparison._card.knobs != rows
    comparison._heard({"other": "file/default"})
    assert comparison._card.knobs == rows


def test_stars_of_one_recipe_alone_are_marked_on_pictures_of_stars_that_have_pixels_and_not_over_maps(session, told):
    picture = Picture()
    picture.views(2)
    comparison = RecipeComparison(
        session, Courier(), picture, None, tell=lambda *said: told.append(said), on_open=lambda opened: None
    )
    comparison.show()
    for kind in ("subtracted", "x_offset", "raw", "stack"):
        picture.show(kind, np.ones((40, 60), np.float32), noise=1.0, key=kind)
    ticket = Ticket()
    comparison._show_stars(ticket, StarsApart(np.zeros((2, 3)), np.ones((2, 5)), 7))
    assert [row[1:] for row in comparison._card.marks] == [[3, "only in this recipe"], [5, "only in the other recipe"]]

    def seen():
        source = picture.triangles["gained"].source
        drawn = [[one for one in made.renderers if one.data_source is source] for made in picture.figures[:2]]
        assert all(len(one) == 2 for one in drawn)
        return [{one.visible for one in made} for made in drawn]

    picture.choose("x_offset", 1)
    assert seen() == [{True}, {False}]
    picture.choose("stack", 0)
    picture.choose("raw", 1)
    assert seen() == [{False}, {True}]
    # Over a picture without pixels are words, which nothing may cross.
    picture.forget("raw", "The file is cut short.")
    assert seen() == [{False}, {False}]
    picture.show("raw", np.ones((40, 60), np.float32), noise=1.0, key="again")
    assert seen() == [{False}, {True}]
    comparison.hide()
    assert seen() == [{False}, {False}]
    assert not any(len(one.source.data["x"]) for one in picture.triangles.values())
    comparison.close()


@pytest.mark.parametrize(
    "text", ["[" + "k" * (LARGEST_TEXT - 2) + "]", "[stars]\n" + "k" * (LARGEST_TEXT - 20) + " = 1", "stars = 3", "["]
)
def test_a_stored_preset_that_is_no_recipe_is_told_in_a_short_sentence(session, presets, comparison, told, text):
    presets._heard({"name": "haze", "text": text})
    comparison._heard({"other": "own", "name": "haze", "text": text})
    assert [wrong for _, wrong in told] == [True, True]
    assert all(sentence.startswith("haze") and len(sentence) < LONGEST_SHOWN + 300 for sentence, _ in told)
    assert session.recipe == Recipe(NIGHT)


@pytest.mark.parametrize(
    "message",
    [{"name": 5, "text": ""}, {"name": "n" * 61, "text": ""}, {"name": "n"}, {"name": "n", "text": "#" * 1_000_001}],
)
def test_a_preset_that_no_browser_keeps_is_passed_over(session, presets, comparison, told, message):
    presets._heard(message)
    comparison._heard({"other": "own", **message})
    assert told == []
    assert session.recipe == Recipe(NIGHT)
