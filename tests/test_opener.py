"""Of several things that are opened at once the one asked for last is shown."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

pytest.importorskip("panel")

from pipeline import sample
from pipeline.graph.run import Graph
from ui import opener as module
from ui.address_text import Place
from ui.look import Look
from ui.opener import Opener

NAMES = ("slow", "quick")


@pytest.fixture
def folders(tmp_path):
    for name in NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "light_001.fits").write_bytes(b"not read before it is looked at")
    return {name: tmp_path / name for name in NAMES}


def test_what_was_asked_for_last_is_what_is_opened_however_long_the_other_takes(folders, tmp_path, monkeypatch):
    go_on, done, shown = threading.Event(), threading.Semaphore(0), []

    def waiting(files, folder):
        if folder.name == "slow":
            assert go_on.wait(20)
        return Graph.open(files, folder)

    def hand_back(callback, *given):
        callback(*given)
        done.release()

    monkeypatch.setattr(module, "Graph", SimpleNamespace(open=waiting))
    told = {"failed": shown.append, "tell": lambda words, wrong: shown.append(words)}
    session = SimpleNamespace(root=tmp_path, graph=Graph())
    made = Opener(session, SimpleNamespace(hand_back=hand_back), opened=lambda one: shown.append(one.title), **told)
    assert not made.busy
    made.files("slow", [folders["slow"] / "light_001.fits"], folders["slow"])
    assert made.busy
    made.files("quick", [folders["quick"] / "light_001.fits"], folders["quick"])
    assert done.acquire(timeout=20)
    assert (shown, made.busy) == (["quick"], False)
    go_on.set()
    assert done.acquire(timeout=20)
    assert (shown, made.busy) == (["quick"], False)


@pytest.mark.parametrize(("frame", "seen"), [(9, None), (1, 1)])
def test_of_an_address_with_a_frame_that_is_not_there_all_else_is_kept(tmp_path, frame, seen):
    """What is picked, and a region, lie in the reference, whatever frame is shown."""
    sample.write_named("rotation", tmp_path, frames=2, size=(120, 160))
    night = Graph.open([tmp_path], tmp_path)
    session = SimpleNamespace(root=tmp_path, graph=Graph())
    nothing = dict.fromkeys(("opened", "failed", "tell"), print)
    place = Place(frame=frame, star=3, look=Look(colours="magma", region=(1.0, 9.0, 1.0, 9.0)))
    found, said = Opener(session, None, **nothing)._checked(night, place)
    assert found == replace(place, frame=seen)
    assert ("frame 10, and there are 2" in said) == (seen is None)
