"""What observers bring that is broken or odd: one sentence with file, value and remedy; the rest done; nothing half."""

import resource
import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits

from pipeline.cli import main
from pipeline.products import TEMPORARY
from tests.stages.ccd import SHAPE, Detector
from tests.test_cli_calibration import write

PRODUCTS = ("--products", "masters,calibrated", "--quiet")


@pytest.fixture(scope="module")
def made():
    """Frames of one night, none of them written yet."""
    detector = Detector(seed=4)
    return {
        "bias": detector.frames("bias", 3),
        "dark": detector.frames("dark", 3, exposure=60.0),
        "flat": [
            detector.frame("flat", light=20_000.0, exposure=2.0, filter_name="V", name=f"flat_{i}.fits")
            for i in range(3)
        ],
        "light": [
            detector.frame("light", light=600.0, exposure=60.0, filter_name="V", name=f"light_{i}.fits")
            for i in range(2)
        ],
    }


@pytest.fixture
def night(made, tmp_path):
    for frames in made.values():
        for frame in frames:
            write(tmp_path / "in", frame)
    return tmp_path / "in"


def put(path, pixels, **cards):
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.PrimaryHDU(pixels, fits.Header(cards)).writeto(path, overwrite=True)


def run(capsys, night, *words):
    """Status, stderr and names of the FITS files of a run; no traceback, nothing half-written."""
    out = night.parent / "out"
    status = main(["run", str(night), "--out", str(out), *PRODUCTS, *words])
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert not list(out.rglob(f"{TEMPORARY}*"))
    return status, said, sorted(path.name for path in out.rglob("*.fits"))


def change(night, pattern, **cards):
    for path in night.glob(pattern):
        with fits.open(path, mode="update") as hdus:
            hdus[0].header.update(cards)


def half_of_each_flat(night):
    for path in night.glob("flat_*.fits"):
        half_of(path)


def half_of(path):
    header, pixels = fits.getheader(path), fits.getdata(path).astype(np.float32)
    pixels[:, : SHAPE[1] // 2] = np.nan
    put(path, pixels, IMAGETYP="Flat Field", FILTER="V", EXPTIME=header["EXPTIME"])


def other_gain(night):
    change(night, "*.fits", GAIN=2.0)
    put(night / "bias_9.fits", fits.getdata(night / "bias_0.fits"), IMAGETYP="Bias Frame", GAIN=8.0)


def truncated(night):
    (night / "bias_8.fits").write_bytes(b"")
    packed = fits.CompImageHDU(fits.getdata(night / "bias_1.fits"), fits.Header({"IMAGETYP": "Bias Frame"}))
    packed.writeto(night / "bias_7.fits.fz")
    (night / "bias_7.fits.fz").write_bytes((night / "bias_7.fits.fz").read_bytes()[:-4000])


def no_files(night):
    (night / "folder.fits").mkdir()
    (night / "gone.fits").symlink_to("nowhere.fits")


CASES = [
    (lambda night: half_of(night / "flat_1.fits"), 0, ["warning: flat_1.fits: has no value in 50 % of its pixels"]),
    (half_of_each_flat, 0, ["has no value in 50 % of its pixels, for the flat has none: give whole flat frames"]),
    (other_gain, 1, ["bias_9.fits: is a bias of another gain (8, the lights 2): give bias frames taken as"]),
    (truncated, 1, ["bias_8.fits: is empty (0 bytes): copy it again", "bias_7.fits.fz: is cut off or damaged ("]),
    (no_files, 1, ["folder.fits: is a folder: name", "gone.fits: is a link to what is not there (nowhere.fits): copy"]),
    (
        lambda night: change(night, "light*", CALSTAT="BD"), 0,
        ["was reduced before (CALSTAT = 'BD'), so no bias or dark is applied again: give the raw frame"],
    ),
    (lambda night: change(night, "dark*", EXPTIME=-5.0), 0, ["no dark is taken off (the light has 60 s, the darks an"]),
    (
        lambda night: put(night / "flat_9.fits", np.full(SHAPE, -500, np.int16), IMAGETYP="Flat", FILTER="V"), 1,
        ["flat_9.fits: is a dark flat ("],
    ),
    (
        lambda night: put(night / "bias_9.fits", np.full(SHAPE, np.nan, np.float32), IMAGETYP="Bias"), 1,
        ["bias_9.fits: has no pixel with a value (all are NaN): leave it out"],
    ),
    (
        lambda night: put(night / "flat_9.fits", np.ones((3, *SHAPE), np.uint16), IMAGETYP="Flat"), 1,
        ["flat_9.fits: is a cube, not one picture (3 x 96 x 130 pixels): save its planes as single files"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "status", "sentences"), CASES)
def test_each_is_told_in_a_sentence_and_the_rest_is_done(night, capsys, spoil, status, sentences):
    spoil(night)
    found, said, names = run(capsys, night)
    assert found == status, said
    for sentence in sentences:
        assert sentence in said
    assert {"light_0.calibrated.fits", "light_1.calibrated.fits", "master_bias.fits"} <= set(names)


def test_a_refused_flat_is_told_once(night, capsys):
    put(night / "flat_0.fits", np.zeros(SHAPE, np.uint16), IMAGETYP="Flat Field", FILTER="V", EXPTIME=2.0)
    _, said, _ = run(capsys, night)
    assert said.count("flat_0.fits") == 1


def test_equal_names_in_folders_of_kinds_without_any_header(made, tmp_path, capsys):
    for folder, kind in (("BIAS", "bias"), ("darks", "dark"), ("Flats/V", "flat"), ("lights", "light")):
        for i, frame in enumerate(made[kind]):
            write(tmp_path / "in" / folder, frame, card=False)
            place = tmp_path / "in" / folder
            (place / frame.info.file).rename(place / f"IMG_{i}.fits")
    status, said, names = run(capsys, tmp_path / "in")
    assert (status, said) == (0, "")
    assert names == [
        "IMG_0.calibrated.fits", "IMG_1.calibrated.fits",
        "master_bias.fits", "master_dark_60.fits", "master_flat_V.fits",
    ]  # fmt: skip


def test_two_nights_of_folders_of_kinds_are_one_run_and_no_light_takes_the_place_of_another(made, tmp_path, capsys):
    for night in ("night1", "night2"):
        for kind, folder in (("bias", "bias"), ("flat", "flats/V"), ("light", "light")):
            for frame in made[kind]:
                write(tmp_path / "in" / night / folder, frame, card=False)
    status, said, _ = run(capsys, tmp_path / "in")
    assert (status, said) == (0, "")
    out = tmp_path / "out"
    lights = sorted(str(path.relative_to(out)) for path in out.rglob("*.calibrated.fits"))
    assert lights == [f"night{night}/light/light_{i}.calibrated.fits" for night in (1, 2) for i in (0, 1)]
    assert fits.getheader(out / "master_flat_V.fits")["NFRAMES"] == 6


def test_a_file_in_a_folder_of_a_kind_is_named_by_its_path_in_a_recipe(made, tmp_path, capsys):
    for kind, folder in (("bias", "bias"), ("light", "light")):
        for frame in made[kind]:
            write(tmp_path / "in" / folder, frame, card=False)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('format = 1\n[frames.kinds]\n"bias/bias_2.fits" = "dark"\n')
    status, said, names = run(capsys, tmp_path / "in", "--recipe", str(recipe))
    assert "no such file" not in said
    assert {"master_bias.fits", "master_dark_0.fits"} <= set(names)
    assert fits.getheader(tmp_path / "out" / "master_bias.fits")["NFRAMES"] == 2
    assert status == 0


def test_a_fault_of_the_program_is_a_sentence_too_and_its_place_is_shown_on_request(night, capsys, monkeypatch):
    def broken(paths):
        raise IndexError("too many\nlines")

    monkeypatch.setattr("pipeline.read.find_files", broken)
    assert main(["info", str(night)]) == 1
    said = capsys.readouterr().err
    assert (
        said
        == "starshift: a fault of the program (IndexError: too many): run it with --debug and report what it says\n"
    )
    with pytest.raises(IndexError):
        main(["info", str(night), "--debug"])


def test_decimal_commas_are_numbers(night, capsys):
    change(night, "dark*", EXPTIME="60,0")
    change(night, "light*", EXPTIME="60,0")
    status, said, names = run(capsys, night)
    assert (status, said) == (0, "")
    assert "master_dark_60.fits" in names


def test_a_filter_with_a_name_as_long_as_a_page_and_a_path_in_it_is_a_file_like_others(night, capsys):
    for kind in ("light*", "flat*"):
        change(night, kind, FILTER="../" + "V" * 4000)
    status, said, names = run(capsys, night)
    assert (status, said) == (0, "")
    (flat,) = [name for name in names if name.startswith("master_flat")]
    assert len(flat) < 120


def test_a_light_whose_results_no_disk_can_name_says_so_and_the_others_are_done(night, capsys):
    (night / "light_1.fits").rename(night / ("L" * 250 + ".fits"))
    status, said, names = run(capsys, night)
    assert status == 1
    assert "its results cannot be written (File name too long): give the files shorter names and run again" in said
    assert "light_0.calibrated.fits" in names


def test_an_output_that_cannot_be_a_folder_is_refused_before_anything_is_made(night, capsys):
    (night.parent / "file").write_text("no folder")
    status = main(["run", str(night), "--out", str(night.parent / "file" / "out"), *PRODUCTS])
    assert status == 2
    assert "cannot be written to (Not a directory): choose another --out" in capsys.readouterr().err


def test_a_full_disk_ends_the_run_with_a_remedy_and_every_file_that_has_its_name_is_whole(night):
    """No file may be longer than 40 kB: a calibrated frame is, a part of the store is not."""
    out = night.parent / "out"
    words = [sys.executable, "-m", "pipeline", "run", str(night), "--out", str(out), *PRODUCTS]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000)),
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "cannot be written (" in done.stderr
    assert "): free the disk and run with --resume" in done.stderr
    for path in out.glob("*.fits"):
        assert fits.getdata(path).shape == SHAPE
    again = subprocess.run([*words, "--resume"], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert not (out / ".partial").exists()
