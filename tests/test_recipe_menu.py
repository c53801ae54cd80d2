"""Recipes that come from a visitor: what is no recipe, or larger than one can be, is told and changes nothing."""

import pytest

pytest.importorskip("panel")

from ui.courier import LARGEST_TEXT, Courier
from ui.recipe_menu import ask_recipe


@pytest.fixture
def answer(monkeypatch):
    """Answers a recipe's question as a browser would; gives what was told and which recipes were taken."""
    courier = Courier()
    monkeypatch.setattr(courier, "_send_msg", lambda message: None)

    def answered(message):
        told, used = [], []
        ask_recipe(
            courier, lambda sentence, wrong: told.append((sentence, wrong)), lambda name, recipe: used.append(recipe)
        )
        courier._handle_msg(message)
        return told, used

    return answered


def test_a_recipe_is_taken(answer):
    told, (recipe,) = answer({"name": "night.toml", "text": "[stars]\nthreshold = 7"})
    assert recipe["stars"]["threshold"] == 7
    assert told == []


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ({"name": "night.toml", "large": True}, "is larger than a recipe can be (at most 1 MB): choose a recipe"),
        ({"name": "night.toml", "text": "#" * (LARGEST_TEXT + 1)}, "night.toml: is larger than a recipe can be"),
        ({"name": "night.toml", "text": 5}, "night.toml: cannot be read: choose it again"),
        ({"name": "night.toml"}, "night.toml: cannot be read"),
        ({"name": ["x"], "text": "stars = 3"}, "wants a section [stars]"),
        ({"name": "n" * 9999, "text": "[stars]\n" + "k" * 9999 + " = 1"}, "nnnn"),
    ],
    ids=["large", "larger than allowed", "no text", "nothing", "no name", "long names"],
)
def test_what_is_no_recipe_is_told_in_a_sentence(answer, message, sentence):
    ((told, wrong),), used = answer(message)
    assert sentence in told
    assert len(told) <= 700
    assert wrong
    assert used == []


@pytest.mark.parametrize("message", [None, [], "text", {}, {"piece": "x"}, {"copied": 5}])
def test_an_answer_that_no_page_gives_is_passed_over(answer, message):
    assert answer(message) == ([], [])
