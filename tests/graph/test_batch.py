"""A night's products are the same bytes however they are made: by threads, by a cluster, after a kill, by the page."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from astropy.io import fits

from pipeline import products, read, sample
from pipeline.frame import FrameError
from pipeline.graph import batch
from pipeline.graph.output import RunError
from pipeline.graph.request import StaleError, Ticket
from pipeline.graph.run import Graph
from pipeline.recipe import Recipe

NAMES_ONCE_WRITTEN = ("recipe.toml", "report.json")


@pytest.fixture(scope="module")
def lights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("night") / "lights"
    sample.write_named("drift", folder, frames=6, size=(200, 300))
    return folder


@pytest.fixture(scope="module")
def finished(lights, tmp_path_factory):
    out = tmp_path_factory.mktemp("threads") / "out"
    report = batch.run(Graph.open([lights]), Recipe(), out)
    return out, report


def sums(folder):
    """Hash of every product by name; the report has times in it and is left out."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in NAMES_ONCE_WRITTEN]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_every_product_is_there_and_nothing_else(finished):
    out, report = finished
    stems = [f"light_{i:03d}" for i in range(1, 7)]
    expected = {f"{stem}.offsets_{kind}.fits" for stem in stems for kind in ("table", "map")}
    assert {path.name for path in out.iterdir()} == expected | {"tracks.fits", "frames.ecsv", *NAMES_ONCE_WRITTEN}
    assert set(report["products"]) == expected | {"tracks.fits", "frames.ecsv"}
    assert all(frame["state"] == "done" for frame in report["frames"])
    assert json.loads((out / "report.json").read_text()) == report


def test_a_second_run_makes_equal_bytes(lights, finished, tmp_path):
    batch.run(Graph.open([lights]), Recipe(), tmp_path / "out")
    assert sums(tmp_path / "out") == sums(finished[0])


def test_processes_of_a_cluster_make_equal_bytes_and_each_does_frames(lights, finished, tmp_path):
    report = batch.run(Graph.open([lights]), Recipe(), tmp_path / "out", workers=2)
    assert sums(tmp_path / "out") == sums(finished[0])
    frames = [file for files in report["workers"].values() for file in files]
    assert sorted(frames) == [f"light_{i:03d}.dng" for i in range(1, 7)]
    assert not any(str(os.getpid()) in worker for worker in report["workers"])


def test_a_running_scheduler_lists_our_keys_as_its_tasks(lights, finished, tmp_path):
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        seen = set()

        def remember(what, done, total):
            seen.update(str(key) for key in client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.tasks)))

        night = Graph.open([lights])
        batch.run(night, Recipe(), tmp_path / "out", scheduler=cluster.scheduler_address, progress=remember)
        assert sums(tmp_path / "out") == sums(finished[0])
    graph = Graph()
    keys = {graph.key(night, Recipe(), "stars", i) for i in range(6)}
    # A finished task may leave the list before the next look at it.
    assert len(keys & seen) >= 4


def test_a_killed_worker_loses_nothing(lights, finished, tmp_path):
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        victims = []

        def kill_one(what, done, total):
            if done == 1 and not victims:
                pid = next(iter(client.run(os.getpid).values()))
                victims.append(pid)
                os.kill(pid, signal.SIGKILL)

        batch.run(
            Graph.open([lights]), Recipe(), tmp_path / "out", scheduler=cluster.scheduler_address, progress=kill_one
        )
    assert victims
    assert sums(tmp_path / "out") == sums(finished[0])


def test_a_run_that_was_killed_goes_on(lights, finished, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "pipeline", "run", str(lights), "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while not list((out / ".partial" / "store").glob("stars-*.npz")) and process.poll() is None:
            time.sleep(0.02)
        process.kill()
    left = sums(out)
    assert all(not name.endswith(".fits") or finished[1]["products"].get(name) for name in left if "/" not in name)
    done = subprocess.run([*command, "--resume", "--quiet"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sums(out) == sums(finished[0])
    assert not (out / ".partial").exists()


def test_whole_tables_are_not_made_again_when_a_run_goes_on(lights, tmp_path):
    out, ticket = tmp_path / "out", Ticket()

    def stop_in_the_middle(what, done, total):
        if what == "products":
            ticket.cancel()

    with pytest.raises(StaleError):
        batch.run(Graph.open([lights]), Recipe(), out, progress=stop_in_the_middle, ticket=ticket)
    tables = {path: path.stat().st_mtime_ns for path in (out / ".partial" / "store").glob("stars-*.npz")}
    assert len(tables) == 6
    batch._graph.cache_clear()
    report = batch.run(Graph.open([lights]), Recipe(), out, resume=True)
    assert "candidates" not in report["stages"]
    assert "offset_map" in report["stages"]


def test_a_finished_run_has_nothing_left_to_do(lights, finished):
    out, report = finished
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert batch.run(Graph.open([lights]), Recipe(), out, resume=True) == report
    assert before == {path: path.stat().st_mtime_ns for path in out.iterdir()}


@pytest.mark.parametrize("options", [{}, {"resume": True}])
def test_a_folder_with_other_results_is_refused(lights, finished, options):
    out, _ = finished
    before = sums(out)
    with pytest.raises(RunError, match="overwrite"):
        batch.run(Graph.open([lights]), Recipe().with_knobs("tracks", proximity=5), out, **options)
    assert sums(out) == before


def test_overwriting_removes_what_a_run_wrote_and_nothing_else(lights, tmp_path):
    out = tmp_path / "out"
    batch.run(Graph.open([lights]), Recipe(), out)
    (out / "notes.txt").write_text("mine")
    batch.run(Graph.open([lights]), Recipe(), out, wanted=("offsets",), overwrite=True)
    assert (out / "notes.txt").read_text() == "mine"
    assert not list(out.glob("*.offsets_map.fits"))


def test_a_report_that_names_files_outside_is_not_believed(lights, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "precious.txt").write_text("keep me")
    (out / "report.json").write_text(json.dumps({"products": {"../precious.txt": "written"}}))
    batch.run(Graph.open([lights]), Recipe(), out, wanted=("offsets",), overwrite=True)
    assert (tmp_path / "precious.txt").read_text() == "keep me"


def test_the_page_and_the_command_line_make_the_same_numbers(lights, finished):
    out, _ = finished
    graph = Graph()
    night = graph.open([lights])
    maps = graph.result(night, Recipe(), "offset_map", 3)
    with fits.open(out / "light_004.offsets_map.fits") as hdus:
        np.testing.assert_array_equal(hdus["XOFFSET"].data, maps.x)
        np.testing.assert_array_equal(hdus["YERROR"].data, maps.y_error)
    tracks = graph.result(night, Recipe(), "tracks")
    table = products.read_offsets(out / "light_004.offsets_table.fits")
    np.testing.assert_array_equal(table["xoffset"], tracks.x_offset[3][tracks.measured[3]])


def test_lights_of_one_name_from_two_folders_keep_apart(lights, tmp_path):
    for night in ("monday", "tuesday"):
        folder = tmp_path / night
        folder.mkdir()
        for light in sorted(lights.glob("*.dng"))[:2]:
            (folder / light.name).write_bytes(light.read_bytes())
    report = batch.run(Graph.open([tmp_path / "monday", tmp_path / "tuesday"]), Recipe(), tmp_path / "out")
    assert "monday/light_001.offsets_table.fits" in report["products"]
    assert "tuesday/light_002.offsets_map.fits" in report["products"]


def test_nothing_is_left_behind_where_no_frame_can_be_used(tmp_path):
    (tmp_path / "lights").mkdir()
    (tmp_path / "lights" / "empty.fits").write_bytes(b"")
    with pytest.raises(FrameError):
        batch.run(Graph.open([tmp_path / "lights"]), Recipe(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.data
def test_every_broken_file_is_named_and_the_good_ones_are_done(data, tmp_path):
    report = batch.run(Graph.open([data / "bad"]), Recipe(), tmp_path / "out")
    told = {entry["file"]: entry["reason"] for entry in (*report["frames"], *report["left_out"])}
    assert set(told) == {path.name for path in (data / "bad").iterdir()}
    for good in ("good_1.fits", "good_2.fits", "good name with späce.fits"):
        assert told[good] == ""
        assert f"{read.stem(good)}.offsets_map.fits" in report["products"]
    broken = (
        "empty.fits",
        "truncated.dng",
        "cube.fits",
        "claims_20_gigabytes.fits",
        "other_field.fits",
        "all_nan.fits",
    )
    for name in broken:
        assert told[name].startswith(f"{name}: ")
        assert told[name].count(": ") >= 2, told[name]
