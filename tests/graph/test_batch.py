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
from pipeline.graph.lineage import ancestors
from pipeline.graph.output import Job, RunError
from pipeline.graph.request import StaleError, Ticket
from pipeline.graph.run import Graph
from pipeline.graph.tasks import find_stars, graph_of, write_products
from pipeline.knob import KnobError
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
    graph_of.cache_clear()
    report = batch.run(Graph.open([lights]), Recipe(), out, resume=True)
    assert "candidates" not in report["stages"]
    assert "offset_map" in report["stages"]


def test_the_time_of_a_stage_counts_once(lights, tmp_path):
    job = Job(Graph.open([lights]), Recipe(), tmp_path, ("offsets", "maps"))
    stars, written = find_stars(job, 2), write_products(job, 2)
    graph_of.cache_clear()
    assert {"candidates", "stars"} <= set(stars.stages)
    assert "offset_map" in written.stages
    assert not set(stars.stages) & set(written.stages)


def test_the_report_has_the_time_of_every_stage_that_ran(finished):
    _, report = finished
    assert set(report["stages"]) >= {"frame", *ancestors("offset_map"), "offset_map"}
    assert all(report["stages"][stage] > 0 for stage in ("hot_pixels", "background", "tracks", "offset_map"))


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
    assert set(told) | set(report["calibration"]) == {path.name for path in (data / "bad").iterdir()}
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


@pytest.mark.parametrize(
    "hopeless",
    [
        ("selection", {"limits": {"fmhm": (0.0, 3.0)}}),
        ("hot_pixels", {"find": "dark"}),
        ("frames", {"reference": "no"}),
    ],
)
def test_an_overwriting_run_that_cannot_be_done_leaves_the_old_one(lights, tmp_path, hopeless):
    out = tmp_path / "out"
    batch.run(Graph.open([lights]), Recipe(), out, wanted=("offsets",))
    before = sums(out)
    with pytest.raises((FrameError, KnobError)):
        batch.run(Graph.open([lights]), Recipe().with_knobs(hopeless[0], **hopeless[1]), out, overwrite=True)
    assert sums(out) == before
    assert (out / "report.json").exists()


def test_lights_whose_names_collide_in_any_way_keep_apart(lights, tmp_path):
    source = sorted(lights.glob("*.dng"))[0]
    for folder, name in (("a/n", "x"), ("b/n", "x"), ("a/n", "x_2"), ("b/n", "x_2"), ("c", "x_3")):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / f"{name}.dng").write_bytes(source.read_bytes())
    night = Graph.open([tmp_path / "a/n", tmp_path / "b/n", tmp_path / "c"])
    names = products.stems(Graph().result(night, Recipe(), "frames"))
    assert len(set(names)) == 5


def test_what_could_not_be_written_is_written_by_the_next_try(lights, finished, tmp_path, monkeypatch):
    out = tmp_path / "out"

    def full(path, maps, header):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(products, "write_maps", full)
        report = batch.run(Graph.open([lights]), Recipe(), out)
    assert {frame["state"] for frame in report["frames"]} == {"failed"}
    assert all("No space left" in frame["reason"] and "--resume" in frame["reason"] for frame in report["frames"])
    assert "light_001.offsets_table.fits" in report["products"]
    report = batch.run(Graph.open([lights]), Recipe(), out, resume=True)
    assert {frame["state"] for frame in report["frames"]} == {"done"}
    assert "candidates" not in report["stages"]
    assert sums(out) == sums(finished[0])


@pytest.mark.parametrize("address", ["garbage", "tcp://127.0.0.1:1"])
def test_a_scheduler_that_does_not_answer_leaves_nothing_behind(lights, tmp_path, address, monkeypatch):
    monkeypatch.setattr("pipeline.graph.cluster.PATIENCE", "1s")
    with pytest.raises(RunError, match=f"--scheduler {address}: .*tcp://HOST:PORT"):
        batch.run(Graph.open([lights]), Recipe(), tmp_path / "out", scheduler=address)
    assert not (tmp_path / "out").exists()


def test_a_light_that_vanishes_fails_alone(lights, tmp_path):
    copies = tmp_path / "lights"
    copies.mkdir()
    for light in lights.glob("*.dng"):
        (copies / light.name).write_bytes(light.read_bytes())
    night = Graph.open([copies])
    (copies / "light_005.dng").unlink()
    report = batch.run(night, Recipe(), tmp_path / "out")
    states = {frame["file"]: frame["state"] for frame in report["frames"]}
    assert states.pop("light_005.dng") == "left out"
    assert set(states.values()) == {"done"}


@pytest.mark.parametrize(
    "content", ["{", '{"products": 5}', '{"products": {}, "frames": [1], "wanted": 3, "state": 7}']
)
def test_a_damaged_report_does_not_stop_a_new_run(lights, tmp_path, content):
    out = tmp_path / "out"
    out.mkdir()
    (out / "report.json").write_text(content)
    assert batch.run(Graph.open([lights]), Recipe(), out, wanted=("offsets",), overwrite=True)["frames"]


def test_nothing_is_written_through_a_link_out_of_the_folder(lights, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (out / ".partial").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="link"):
        batch.run(Graph.open([lights]), Recipe(), out, overwrite=True)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_light_is_never_removed_whatever_a_report_says(tmp_path):
    out = tmp_path / "night"
    sample.write_named("rotation", out, frames=3, size=(240, 320))
    before = sums(out)
    (out / "report.json").write_text(json.dumps({"products": {"light_002.fits": "written"}}))
    batch.run(Graph.open(sorted(out.glob("light_*"))), Recipe(), out, wanted=("offsets",), overwrite=True)
    assert {name: sums(out)[name] for name in before} == before


def test_what_a_kill_left_half_written_goes(lights, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / f"{products.TEMPORARY}abc.light_001.offsets_map.fits").write_bytes(b"half")
    batch.run(Graph.open([lights]), Recipe(), out, wanted=("offsets",), overwrite=True)
    assert not list(out.glob(".starshift*"))


def test_names_in_the_recipe_that_fit_no_file_are_told(lights, tmp_path):
    recipe = Recipe().with_knobs("selection", rejected={"light_O1.dng": "clouds"})
    report = batch.run(Graph.open([lights]), recipe, tmp_path / "out", wanted=("offsets",))
    assert any("light_O1.dng" in warning for warning in report["warnings"])


def test_what_is_said_of_many_files_is_said_once_with_the_range_of_its_per_cents():
    alike = [
        f"{name}.fits: stars have {part} % less light" for name, part in (("a", 9), ("b", 14), ("c", 9), ("d", 23))
    ]
    pair = ["a.fits: 3 % of it is masked", "b.fits: 4 % of it is masked"]
    gathered = batch._gathered([*alike, *alike[:2], *pair, "the disk is full"])
    assert gathered == ["a.fits and 3 more: stars have 9 to 23 % less light", *pair, "the disk is full"]
