"""What the dialog of a run says when it is over."""

import pytest

pytest.importorskip("panel")

from pipeline.graph.run import Graph
from ui.courier import Courier
from ui.run_dialog import CANCELLED, FAULT, NONE_MADE, NOTHING, RunDialog
from ui.session import Session
from ui.worker import Worker


@pytest.fixture
def dialog(tmp_path):
    session, worker = Session(Graph(), tmp_path), Worker(None)
    yield RunDialog(session, Courier(), worker)
    worker.close()
    session.close()


def test_a_run_that_its_visitor_cancelled_is_no_error_and_offers_no_file(dialog):
    dialog._draw(running=True)
    dialog._ended(CANCELLED, {})
    assert dialog._note.object == CANCELLED
    assert not dialog._problem.visible
    assert not dialog._save.visible
    assert dialog._start.visible


@pytest.mark.parametrize(
    ("problem", "said"), [("<b>.fits: is damaged: leave it out", "&lt;b&gt;.fits: is damaged"), ("", FAULT[:30])]
)
def test_a_run_that_failed_says_why_and_offers_no_file(dialog, problem, said):
    dialog._draw(running=True)
    dialog._ended(problem, {})
    assert dialog._problem.visible
    assert said in dialog._problem.object
    assert not dialog._save.visible


def test_nothing_chosen_is_nothing_to_run_and_what_is_chosen_anew_is_not_what_was_made(dialog, turning):
    dialog._session.change(night=turning)
    dialog.show()
    assert not dialog._start.disabled
    dialog._draw(running=False, done=True)
    assert dialog._save.visible
    dialog._what.value = []
    assert (dialog._start.disabled, dialog._note.object, dialog._save.visible) == (True, NOTHING, False)
    dialog._what.value = ["sum"]
    assert (dialog._start.disabled, dialog._note.object, dialog._save.visible) == (False, "", False)


def test_a_run_that_made_nothing_says_so_and_offers_no_file(dialog):
    dialog._draw(running=True)
    left = {"file": "<a>.fits", "state": "left out", "reason": "is no light"}
    dialog._ended("", {"products": {}, "frames": [{"file": "b.fits", "state": "done"}], "left_out": [left]})
    assert dialog._problem.visible
    assert dialog._problem.object == NONE_MADE
    assert "&lt;a&gt;.fits: is no light" in dialog._note.object
    assert not dialog._save.visible
