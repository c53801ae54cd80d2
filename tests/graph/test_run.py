"""The graph runs what a knob touches and nothing else, once, and lets go when nobody waits."""

import json
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from pipeline import sample
from pipeline.frame import FrameError, readonly
from pipeline.graph.request import StageError, StaleError, Ticket
from pipeline.graph.run import Graph
from pipeline.graph.store import Store
from pipeline.recipe import Recipe
from tests.graph.reruns import CURVE_TURNS, TURNS, curve_runs_needed, runs, runs_needed

FRAMES = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drift")
    sample.write_named("drift", folder, frames=FRAMES, size=(240, 320))
    return folder


@pytest.fixture
def graph():
    return Graph(Store(500_000_000))


def run_all(graph, night, recipe):
    """A map and photometry of the last frame and the stack of all; the stages that had to run for it."""
    before = len(graph.log)
    graph.result(night, recipe, "offset_map", FRAMES - 1)
    graph.result(night, recipe, "psf_photometry", FRAMES - 1)
    graph.result(night, recipe, "stack")
    return [event for event in list(graph.log)[before:] if event.state == "ran"]


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_a_knob_reruns_exactly_what_depends_on_it(graph, folder, turn):
    night = graph.open([folder])
    run_all(graph, night, Recipe())
    ran = run_all(graph, night, Recipe().with_knobs(turn.stage, **{turn.knob: turn.value}))
    assert runs(ran) == runs_needed(turn, FRAMES)
    assert len({event.key for event in ran}) == len(ran)


@pytest.mark.parametrize("turn", CURVE_TURNS, ids=str)
def test_light_curves_are_made_anew_without_measuring_a_frame_twice(graph, folder, turn):
    night = graph.open([folder])
    graph.result(night, Recipe(), "lightcurves")
    before = len(graph.log)
    graph.result(night, Recipe().with_knobs(turn.stage, **{turn.knob: turn.value}), "lightcurves")
    assert runs(list(graph.log)[before:]) == curve_runs_needed(turn, FRAMES)


def test_turning_a_knob_back_runs_nothing(graph, folder):
    night = graph.open([folder])
    run_all(graph, night, Recipe())
    run_all(graph, night, Recipe().with_knobs("stars", threshold=9.0))
    assert run_all(graph, night, Recipe()) == []


def test_equal_numbers_written_differently_run_nothing(graph, folder):
    night = graph.open([folder])
    run_all(graph, night, Recipe().with_knobs("tracks", proximity=8))
    assert run_all(graph, night, Recipe().with_knobs("tracks", proximity=8.0)) == []


def test_a_threshold_below_the_floor_makes_fainter_candidates(graph, folder):
    night = graph.open([folder])
    usual = graph.result(night, Recipe(), "stars", 0)
    faint = graph.result(night, Recipe().with_knobs("stars", threshold=1.5), "stars", 0)
    assert len(faint.kept) > len(usual.kept)
    assert faint.floor < usual.floor


def test_many_who_ask_at_once_get_one_run(graph, folder):
    night = graph.open([folder])
    results = []
    askers = [
        threading.Thread(target=lambda: results.append(graph.result(night, Recipe(), "stars", 1))) for _ in range(8)
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len({id(result) for result in results}) == 1
    assert sum(event.stage == "stars" and event.frame == 1 for event in graph.log) == 1


def test_a_cancelled_owner_never_fails_a_waiter(graph):
    started, go_on = threading.Event(), threading.Event()
    owner, results = Ticket(), []

    def slow(own):
        started.set()
        go_on.wait(5)
        owner.check()
        return own(lambda: {"made by": "owner"})

    def ask_as_owner():
        with pytest.raises(StaleError):
            graph.make("key-1", "stars", 0, owner, slow)

    def ask_as_waiter():
        results.append(graph.make("key-1", "stars", 0, Ticket(), lambda own: {"made by": "waiter"}))

    first = threading.Thread(target=ask_as_owner)
    first.start()
    started.wait(5)
    second = threading.Thread(target=ask_as_waiter)
    second.start()
    time.sleep(0.1)
    owner.cancel()
    go_on.set()
    first.join(5)
    second.join(5)
    assert results == [{"made by": "waiter"}]


def test_a_withdrawn_ticket_ends_the_request(graph, folder):
    night = graph.open([folder])
    ticket = Ticket()
    ticket.cancel()
    with pytest.raises(StaleError):
        graph.result(night, Recipe(), "tracks", ticket=ticket)


def test_results_cannot_be_written_to(graph, folder):
    night = graph.open([folder])
    stars = graph.result(night, Recipe(), "stars", 0)
    with pytest.raises(ValueError, match="read-only"):
        stars["flux"][0] = 0.0
    image = graph.result(night, Recipe(), "normalize", 0).image
    with pytest.raises(ValueError, match="read-only"):
        image[0, 0] = 0.0


def test_a_changed_file_is_read_anew(graph, folder, tmp_path):
    sample.write_named("drift", tmp_path, frames=3, size=(240, 320), format="fits")
    first = graph.result(graph.open([tmp_path]), Recipe(), "frame", 0)
    sample.write_named("drift", tmp_path, frames=3, size=(240, 320), format="fits", seed=99)
    second = graph.result(graph.open([tmp_path]), Recipe(), "frame", 0)
    assert not np.array_equal(first.pixels, second.pixels)


def test_a_frame_that_breaks_fails_alone(graph, folder, tmp_path):
    sample.write_named("rotation", tmp_path, frames=4, size=(240, 320))
    lights = sorted(tmp_path.glob("*.fits"))
    lights[2].write_bytes(lights[2].read_bytes()[:30_000])
    night = graph.open(lights)
    sequence = graph.result(night, Recipe(), "frames")
    tracks = graph.result(night, Recipe(), "tracks")
    names = [info.file for info in sequence.frames]
    broken = [i for i, name in enumerate(names) if name == lights[2].name]
    assert [bool(used) for used in tracks.used] == [i not in broken for i in range(len(names))]
    for i in broken:
        with pytest.raises((StageError, FrameError), match=lights[2].name):
            graph.result(night, Recipe(), "stars", i)


def test_the_store_stays_within_its_bounds():
    store = Store(10_000_000)
    for i in range(50):
        store.put(f"stars-{i}", readonly(np.zeros(250_000, np.float32)), seconds=0.1)
        assert store.size <= 10_000_000
    assert 5 <= len(store) <= 10


def test_the_store_keeps_what_is_dear_for_its_size():
    store = Store(10_000_000)
    store.put("tracks-dear", readonly(np.zeros(1000)), seconds=5.0)
    store.put("normalize-cheap", readonly(np.zeros(250_000, np.float32)), seconds=0.01)
    for i in range(50):
        store.put(f"normalize-{i}", readonly(np.zeros(250_000, np.float32)), seconds=0.1)
    assert store.get("tracks-dear") is not None
    assert store.get("normalize-cheap") is None


def test_kept_results_survive_the_process(tmp_path, folder):
    first = Graph(Store(folder=tmp_path, kept_stages=("stars", "tracks", "candidates.auto", "normalize.auto")))
    night = first.open([folder])
    tracks = first.result(night, Recipe(), "tracks")
    second = Graph(Store(folder=tmp_path, kept_stages=("stars", "tracks", "candidates.auto", "normalize.auto")))
    again = second.result(second.open([folder]), Recipe(), "tracks")
    np.testing.assert_array_equal(tracks.x, again.x)
    assert {event.stage for event in second.log} <= {"frames", "reference", "frame", "hot_pixels", "selection"}


def test_a_half_written_result_is_made_anew(tmp_path):
    store = Store(folder=tmp_path, kept_stages=("stars",))
    store.put("stars-1", {"a": readonly(np.arange(5.0))}, seconds=1.0)
    file = tmp_path / "stars-1.npz"
    file.write_bytes(file.read_bytes()[:100])
    assert Store(folder=tmp_path, kept_stages=("stars",)).get("stars-1") is None


def test_a_withdrawn_ticket_stops_a_stage_between_its_bands(graph, folder):
    night = graph.open([folder])
    graph.result(night, Recipe(), "background", 1)
    ticket = Ticket()
    stop = graph.listen(lambda event: ticket.cancel() if event.stage == "normalize" and event.frame == 1 else None)
    with pytest.raises(StaleError):
        graph.result(night, Recipe(), "normalize", 1, ticket=ticket)
    stop()
    assert not any(event.stage == "normalize" and event.frame == 1 and event.state == "ran" for event in graph.log)


THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@pytest.mark.parametrize("wish", [None, *THREADS])
def test_linear_algebra_has_no_threads_of_its_own_unless_the_environment_says_so(wish):
    code = (
        "import json, numpy; from threadpoolctl import threadpool_info; before = threadpool_info();"
        "from pipeline.graph.run import Graph; Graph(); import scipy.linalg;"
        "threads = lambda libraries: [one['num_threads'] for one in libraries if one['user_api'] == 'blas'];"
        "print(json.dumps([threads(before), threads(threadpool_info())]))"
    )
    environment = {name: value for name, value in os.environ.items() if name not in THREADS}
    environment |= {} if wish is None else {wish: "2"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    before, after = json.loads(done.stdout)
    assert before, "a library of linear algebra is seen"
    assert set(after) == ({1} if wish is None else set(before))
