"""The command line: exit status, messages without tracebacks, results on stdout, progress on stderr."""

import json
import os
import signal
import subprocess
import sys

import pytest

from pipeline import recipe as recipes
from pipeline import sample
from pipeline.cli import SAMPLES, main
from pipeline.stage import STAGES
from pipeline.truth import truth_beside


@pytest.fixture(scope="module")
def lights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "lights"
    sample.write_named("rotation", folder, frames=4, size=(240, 320))
    return folder


def run(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    streams = capsys.readouterr()
    assert "Traceback" not in streams.err
    return status, streams.out, streams.err


def test_a_run_ends_well_and_says_what_it_made(capsys, lights, tmp_path):
    status, out, err = run(capsys, "run", lights, "--out", tmp_path / "out")
    assert status == 0
    assert "4 of 4 frames done" in out
    assert "step 8 of 8" in err
    assert "left" in err


def test_quiet_json_is_only_json(capsys, lights, tmp_path):
    status, out, err = run(capsys, "run", lights, "--out", tmp_path / "out", "--quiet", "--json")
    assert status == 0
    assert err == ""
    assert json.loads(out)["frames"][0]["state"] == "done"


def test_products_are_chosen(capsys, lights, tmp_path):
    assert run(capsys, "run", lights, "--out", tmp_path / "out", "--products", "offsets")[0] == 0
    assert list((tmp_path / "out").glob("*_table.fits"))
    assert not list((tmp_path / "out").glob("*_map.fits"))


def test_a_frame_left_out_makes_status_one_and_is_named(capsys, lights, tmp_path):
    (tmp_path / "broken.fits").write_bytes(b"no frame")
    status, _, err = run(capsys, "run", lights, tmp_path / "broken.fits", "--out", tmp_path / "out", "--quiet")
    assert status == 1
    assert err.startswith("broken.fits: ")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--set", "tracks.proximty=3"], "did you mean proximity"),
        (["--set", "stars.threshold=0"], "stars.threshold = 0"),
        (["--products", "mapps"], "did you mean maps"),
        (["--products", ""], "none given"),
        (["--workers", "0"], "wants a whole number"),
        (["--reference", "light_009.fits"], "light_00"),
        (["--recipe", "absent.toml"], "absent.toml"),
        (["--preset", "classic"], "no such recipe"),
    ],
)
def test_a_wrong_call_writes_nothing_and_says_why(capsys, lights, tmp_path, options, says):
    status, out, err = run(capsys, "run", lights, "--out", tmp_path / "out", *options)
    assert status == 2
    assert says in err
    assert out == ""
    assert not (tmp_path / "out").exists()


def test_a_folder_in_use_is_refused(capsys, lights, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    status, _, err = run(capsys, "run", lights, "--out", tmp_path)
    assert status == 2
    assert "--overwrite" in err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_no_lights_are_an_error(capsys, tmp_path):
    assert run(capsys, "run", "--out", tmp_path / "out")[0] == 2
    assert run(capsys, "run", tmp_path / "nowhere", "--out", tmp_path / "out")[0] == 2
    assert not (tmp_path / "out").exists()


def test_the_reference_is_chosen_also_from_another_folder(capsys, lights, tmp_path):
    status, out, _ = run(capsys, "run", lights, "--out", tmp_path / "a", "--reference", "light_003.fits", "--quiet")
    assert status == 0
    assert "reference light_003.fits" in out
    other = tmp_path / "other"
    other.mkdir()
    (other / "base.fits").write_bytes((lights / "light_002.fits").read_bytes())
    status, out, _ = run(capsys, "run", lights, "--out", tmp_path / "b", "--reference", other / "base.fits", "--quiet")
    assert status == 0
    assert "base.fits" in out
    assert "5 of 5" in out


def test_a_run_repeats_from_its_own_recipe(capsys, lights, tmp_path):
    run(capsys, "run", lights, "--out", tmp_path / "a", "--set", "offset_map.order=2", "--quiet")
    run(capsys, "run", lights, "--out", tmp_path / "b", "--recipe", tmp_path / "a" / "recipe.toml", "--quiet")
    for name in ("light_003.offsets_map.fits", "tracks.fits", "frames.ecsv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_an_interrupt_leaves_whole_files_and_status_130(lights, tmp_path):
    command = [sys.executable, "-m", "pipeline", "run", str(lights), "--out", str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert "finding stars" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        err = process.stderr.read()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "--resume" in err


def test_a_run_in_the_background_can_be_ended(lights, tmp_path):
    command = [sys.executable, "-m", "pipeline", "run", str(lights), "--out", str(tmp_path / "out")]
    # A shell gives its background jobs an interrupt signal that is ignored.
    ignore = lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)  # noqa: E731
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=ignore) as process:
        assert "finding stars" in process.stderr.readline()
        process.terminate()
        err = process.stderr.read()
    assert process.returncode == 130, err


def test_info_tells_what_each_file_is(capsys, lights):
    status, out, _ = run(capsys, "info", lights)
    assert status == 0
    assert len(out.splitlines()) == 5
    assert "320 x 240" in out
    status, out, _ = run(capsys, "info", lights, "--json")
    assert {row["kind"] for row in json.loads(out)} == {"light"}


def test_stages_lists_every_knob_with_bounds_and_default(capsys):
    status, out, _ = run(capsys, "stages")
    assert status == 0
    for stage in STAGES.values():
        assert f"\n{stage.name}\n" in f"\n{out}"
        assert all(f"    {knob} = " in out for knob in stage.knobs)
    status, out, _ = run(capsys, "stages", "tracks")
    assert out.startswith("tracks\n")
    assert "background" not in out
    assert run(capsys, "stages", "track")[0] == 2


def test_the_printed_recipe_is_the_default_one(capsys, tmp_path):
    _, out, _ = run(capsys, "recipe")
    assert recipes.loads(out).hash == recipes.Recipe().hash
    run(capsys, "recipe", "--preset", "classic-6400", "--out", tmp_path / "classic.toml")
    assert recipes.load(tmp_path / "classic.toml").hash == recipes.preset("classic-6400").hash


def test_a_sample_is_written_with_its_truth(capsys, tmp_path):
    status, _, _ = run(capsys, "sample", "colours", "--out", tmp_path, "--frames", 2, "--size", "200x150")
    assert status == 0
    assert truth_beside(tmp_path).shape == (150, 200)
    assert len(list(tmp_path.glob("light_*"))) == 2


@pytest.mark.parametrize(
    "options",
    [
        ["nothing"],
        ["drift", "--size", "12"],
        ["drift", "--frames", "0"],
        ["drift", "--seed", "-1"],
        ["drift", "--size", "5000000x5000000"],
    ],
)
def test_a_wrong_sample_is_refused(capsys, tmp_path, options):
    assert run(capsys, "sample", *options, "--out", tmp_path / "s")[0] == 2


def test_a_folder_that_cannot_be_made_is_said_so(capsys, lights):
    status, _, err = run(capsys, "run", lights, "--out", os.devnull + "/out")
    assert status == 2
    assert "cannot be written" in err


def test_an_output_path_that_is_a_file_is_said_so(capsys, lights, tmp_path):
    (tmp_path / "file").write_text("")
    status, _, err = run(capsys, "run", lights, "--out", tmp_path / "file")
    assert status == 2
    assert "another --out" in err


def test_the_help_names_every_sample():
    assert SAMPLES.split(", ") == list(sample.SAMPLES)
