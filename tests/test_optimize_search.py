"""The search for the roundest stars on open frames, and its dialog, without a browser."""

import shutil
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline import sample
from pipeline.frame import FrameError
from pipeline.graph.request import Request, StaleError, Ticket
from pipeline.graph.run import Graph
from pipeline.recipe import Recipe
from pipeline.stages.optimize import Cancelled
from ui.objective_plot import ObjectivePlot, between
from ui.optimize_dialog import OptimizeDialog, sentence
from ui.optimize_search import search
from ui.session import Session
from ui.worker import Worker

HIDDEN = sample.named("colours")


def written(folder, frames, size, **changes):
    sample.write(replace(sample.named("colours", frames, size, format="fits"), **changes), folder)
    return folder


@pytest.fixture(scope="module")
def sky(tmp_path_factory):
    return written(tmp_path_factory.mktemp("sky"), 3, (900, 1200))


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return written(tmp_path_factory.mktemp("empty"), 1, (200, 240), stars=6)


def request_on(graph, folder, ticket=None):
    return Request(graph, Graph.open([folder], folder), Recipe(), ticket or Ticket(), None)


def test_the_hidden_factors_are_found_though_one_frame_goes_away(graph, sky, tmp_path):
    told = []
    folder = shutil.copytree(sky, tmp_path / "sky")
    request = request_on(graph, folder)
    sorted(folder.glob("*.fits"))[1].unlink()
    found = search(request, Ticket(), lambda part, words: told.append((part, words)))
    assert found.best.red == pytest.approx(HIDDEN.red, rel=0.02)
    assert found.best.blue == pytest.approx(HIDDEN.blue, rel=0.02)
    assert found.red == pytest.approx(HIDDEN.red, rel=0.05)
    parts = [part for part, _ in told]
    assert parts == sorted(parts)
    assert parts[-1] == 1.0
    assert {"Stars of frame 1, 1 of 3", "Mean roundness for all pairs of factors"} <= {words for _, words in told}


def test_roundness_far_from_the_factors_stays_within_its_bounds(graph, sky):
    best = search(request_on(graph, sky), Ticket(), lambda part, words: None).best
    assert best.objective.max() < 2.0


def test_a_withdrawn_search_ends(graph, sky):
    ticket = Ticket()
    with pytest.raises((StaleError, Cancelled)):
        search(request_on(graph, sky), ticket, lambda part, words: part > 0 and ticket.cancel())


def test_too_few_stars_are_one_sentence(graph, empty):
    with pytest.raises(FrameError, match=r"\.fits: too few bright stars .*: set normalize\.red") as caught:
        search(request_on(graph, empty), Ticket(), lambda part, words: None)
    assert "\n" not in str(caught.value)


class Ended(Worker):
    """Tells when the search has handed back its end."""

    def __init__(self):
        super().__init__(None)
        self.ended = threading.Event()

    def hand_back(self, callback, *arguments):
        super().hand_back(callback, *arguments)
        if callback.__name__ == "_ended":
            self.ended.set()


@pytest.fixture
def searched(graph, tmp_path):
    """A dialog that has searched a folder, and its session."""
    made = []

    def run(folder):
        session = Session(graph, tmp_path)
        session.open(Graph.open([folder], folder), "sky")
        worker = Ended()
        dialog = OptimizeDialog(session, worker)
        made.append(session)
        dialog.show()
        assert worker.ended.wait(60)
        return dialog, session

    yield run
    for session in made:
        session.close()


def test_using_the_factors_turns_both_knobs_in_one_step(searched, sky):
    dialog, session = searched(sky)
    assert dialog._note.object == sentence(dialog._found)
    assert dialog._use.visible
    assert not dialog._bar.visible
    dialog._use.clicks += 1
    assert session.recipe["normalize"]["red"] == pytest.approx(HIDDEN.red, rel=0.02)
    assert session.recipe["normalize"]["blue"] == pytest.approx(HIDDEN.blue, rel=0.02)
    assert not dialog.dialog.open
    session.undo()
    assert session.recipe == Recipe()


def test_the_dialog_says_what_is_wrong_and_offers_nothing(searched, empty):
    dialog, session = searched(empty)
    assert "too few bright stars" in dialog._problem.object
    assert dialog._problem.visible
    assert dialog._close.visible
    assert not dialog._use.visible
    assert session.recipe == Recipe()


def test_the_map_between_its_samples_keeps_the_shape_of_its_minimum():
    factors = np.geomspace(0.5, 2.0, 61)

    def valley(reds, blues):
        x, y = np.log(reds)[:, None], np.log(blues)
        return np.sqrt(x**2 + 0.5 * x * y + y**2)

    best = SimpleNamespace(reds=factors, blues=factors, objective=valley(factors, factors))
    near = np.geomspace(0.98, 1.02, 30)
    np.testing.assert_allclose(between(best, near, near), valley(near, near), atol=1e-6)


def test_marks_that_would_cover_each_other_are_one_with_both_names():
    factors = np.geomspace(0.5, 2.0, 21)
    best = SimpleNamespace(
        reds=factors, blues=factors, objective=np.hypot.outer(np.log(factors), np.log(factors)),
        red=1.0, blue=1.0, red_error=0.01, blue_error=0.01,
    )  # fmt: skip
    plot = ObjectivePlot()
    plot.show(SimpleNamespace(best=best, red=1.01, blue=0.99))
    assert plot.best.data["text"] == ["roundest and in use"]
    assert plot.now.data["text"] == []
    plot.show(SimpleNamespace(best=best, red=1.5, blue=0.99))
    assert (plot.best.data["text"], plot.now.data["text"]) == (["roundest"], ["in use"])
