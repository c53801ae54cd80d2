"""From folders of raw frames to masters and calibrated frames by one command; what is bad is named, the rest done."""

import json
import shutil
import subprocess
import warnings

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData

from pipeline.cli import main
from tests.stages.ccd import Detector

CARDS = {"bias": "Bias Frame", "dark": "Dark Frame", "flat": "Flat Field", "light": "Light Frame"}


def write(folder, frame, *, card=True, **more):
    folder.mkdir(parents=True, exist_ok=True)
    header = fits.Header({"EXPTIME": frame.info.exposure, "FILTER": frame.info.filter, **more})
    if card:
        header["IMAGETYP"] = CARDS[frame.info.kind]
    fits.PrimaryHDU(np.rint(frame.pixels).clip(0, 65535).astype(np.uint16), header).writeto(
        folder / frame.info.file, overwrite=True
    )


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A night in two filters; masters' truth beside it."""
    folder = tmp_path_factory.mktemp("session") / "all"
    detector = Detector()
    sets = {
        "bias": detector.frames("bias", 3),
        "dark": detector.frames("dark", 3, exposure=30.0),
        "flat": [
            detector.frame("flat", light=20_000.0, exposure=2.0, filter_name=name, name=f"flat_{name}_{i}.fits")
            for name in ("V", "R ice")
            for i in range(3)
        ],
        "light": [
            detector.frame(
                "light", light=600.0, exposure=60.0, filter_name=name, name=f"m1_{name}.fits".replace(" ", "_")
            )
            for name in ("V", "R ice")
        ],
    }
    for frames in sets.values():
        for frame in frames:
            write(folder, frame)
    return folder, sets


def run(capsys, *words):
    status = main([str(word) for word in words])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return status, said


def names(folder):
    return sorted(path.name for path in folder.rglob("*.fits"))


def test_one_mixed_folder_is_sorted_and_reduced(session, tmp_path, capsys):
    status, said = run(
        capsys, "run", session[0], "--out", tmp_path / "out", "--products", "masters,calibrated", "--quiet"
    )
    assert status == 0, said.err
    assert names(tmp_path / "out") == [
        "m1_R_ice.calibrated.fits",
        "m1_V.calibrated.fits",
        "master_bias.fits",
        "master_dark_30.fits",
        "master_flat_R_ice.fits",
        "master_flat_V.fits",
    ]
    header = fits.getheader(tmp_path / "out" / "master_flat_V.fits")
    assert (header["NFRAMES"], header["IMAGETYP"], header["FILTER"]) == (3, "Master Flat", "V")


def test_what_is_written_is_plain_arithmetic_on_what_was_read(session, tmp_path, capsys):
    run(capsys, "run", session[0], "--out", tmp_path / "out", "--products", "masters,calibrated", "--quiet")
    data = {name: fits.getdata(tmp_path / "out" / name) for name in names(tmp_path / "out")}
    read = {
        kind: [fits.getdata(session[0] / frame.info.file).astype(float) for frame in session[1][kind]] for kind in CARDS
    }
    bias = np.median(read["bias"], axis=0)
    dark = np.median(read["dark"], axis=0) - bias
    np.testing.assert_array_equal(data["master_bias.fits"], bias.astype(np.float32))
    np.testing.assert_array_equal(data["master_dark_30.fits"], dark.astype(np.float32))
    plain = (read["light"][0] - bias - 2.0 * dark) / data["master_flat_V.fits"]
    result = data["m1_V.calibrated.fits"]
    mended = np.abs(result - plain) > 1e-2
    assert mended.mean() < 0.001
    np.testing.assert_allclose(result[~mended], plain[~mended], rtol=1e-6, atol=1e-3)


def test_folders_by_option_win_over_what_headers_say(session, tmp_path, capsys):
    for kind, frames in session[1].items():
        for frame in frames:
            write(tmp_path / kind, frame, card=False)
            (tmp_path / kind / frame.info.file).rename(tmp_path / kind / f"IMG_{frame.info.file.split('_', 1)[1]}")
    options = [part for kind in ("bias", "dark", "flat") for part in (f"--{kind}", tmp_path / kind)]
    words = [
        "run",
        tmp_path / "light",
        *options,
        "--out",
        tmp_path / "out",
        "--products",
        "masters",
        "--quiet",
        "--json",
    ]
    status, said = run(capsys, *words)
    assert status == 0, said.err
    assert "master_dark_30.fits" in names(tmp_path / "out")
    kinds = json.loads(said.out)["calibration"]
    assert sorted(kinds.values()) == ["bias"] * 3 + ["dark"] * 3 + ["flat"] * 6


def test_several_files_may_follow_an_option(session, tmp_path, capsys):
    bias = sorted(session[0].glob("bias_*.fits"))
    light = session[0] / "m1_V.fits"
    status, _ = run(
        capsys, "run", light, "--bias", *bias, "--out", tmp_path / "out", "--products", "masters", "--quiet"
    )
    assert status == 0
    assert fits.getheader(tmp_path / "out" / "master_bias.fits")["NFRAMES"] == 3


def test_two_nights_with_equal_names_both_come_out(session, tmp_path, capsys):
    for night in ("monday", "tuesday"):
        shutil.copytree(session[0], tmp_path / night)
    nights = [tmp_path / "monday", tmp_path / "tuesday"]
    status, said = run(capsys, "run", *nights, "--out", tmp_path / "out", "--products", "masters,calibrated", "--quiet")
    assert status == 0, said.err
    assert (tmp_path / "out" / "monday" / "m1_V.calibrated.fits").exists()
    assert (tmp_path / "out" / "tuesday" / "m1_R_ice.calibrated.fits").exists()
    assert fits.getheader(tmp_path / "out" / "master_bias.fits")["NFRAMES"] == 6


def test_every_product_passes_fitsverify_and_ccddata_reads_it(session, tmp_path, capsys):
    if shutil.which("fitsverify") is None:
        pytest.skip("fitsverify is not installed")
    words = ["--products", "masters,calibrated", "--set", "calibrated.uncertainty=true", "--quiet"]
    run(capsys, "run", session[0], "--out", tmp_path / "out", *words)
    paths = list((tmp_path / "out").glob("*.fits"))
    assert len(paths) == 6
    for path in paths:
        done = subprocess.run(["fitsverify", "-e", "-q", path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = CCDData.read(tmp_path / "out" / "m1_V.calibrated.fits")
    assert frame.unit == "adu"
    assert frame.uncertainty.array.shape == frame.mask.shape == frame.data.shape
    told = " ".join(frame.header["HISTORY"])
    for word in ("bias: 3 frames", "dark: 3 frames", "times 2", "flat: divided by 3 frames", "uncertainty: "):
        assert word in told


def test_a_master_may_be_named_as_the_only_frame_of_its_kind(session, tmp_path, capsys):
    run(capsys, "run", session[0], "--out", tmp_path / "one", "--products", "masters", "--quiet")
    light = session[0] / "m1_V.fits"
    options = ["--bias", tmp_path / "one" / "master_bias.fits", "--products", "calibrated", "--quiet"]
    status, said = run(capsys, "run", light, "--out", tmp_path / "two", *options)
    assert status == 0, said.err
    bias = fits.getdata(tmp_path / "one" / "master_bias.fits")
    result = fits.getdata(tmp_path / "two" / "m1_V.calibrated.fits")
    # But for the pixels that are mended.
    assert np.mean(np.abs(result - (fits.getdata(light) - bias)) < 1e-2) > 0.98


def test_masters_given_for_single_frames_calibrate_as_those_did(session, tmp_path, capsys):
    light, products = session[0] / "m1_V.fits", ["--products", "masters,calibrated", "--quiet"]
    single = [path for kind in ("bias", "dark", "flat_V") for path in sorted(session[0].glob(f"{kind}*"))]
    assert run(capsys, "run", light, *single, "--out", tmp_path / "one", *products)[0] == 0
    masters = [f"--{name.split('_')[1].split('.')[0]}" for name in ("master_bias", "master_dark", "master_flat")]
    files = [tmp_path / "one" / f"{name}.fits" for name in ("master_bias", "master_dark_30", "master_flat_V")]
    given = [word for pair in zip(masters, files, strict=True) for word in pair]
    status, said = run(capsys, "run", light, *given, "--out", tmp_path / "two", *products)
    assert status == 0, said.err
    assert "is the only" not in said.err
    for name in ("m1_V.calibrated.fits", "master_dark_30.fits", "master_flat_V.fits"):
        first, second = (fits.getdata(tmp_path / run_ / name) for run_ in ("one", "two"))
        # The flat is levelled once more; pixels that stand out are found in the masters in another way.
        assert np.mean(np.isclose(first, second, rtol=1e-3, atol=1e-2, equal_nan=True)) > 0.98, name


def test_a_master_dark_without_bias_beside_single_darks_is_left_out(session, tmp_path, capsys):
    run(capsys, "run", session[0], "--out", tmp_path / "one", "--products", "masters", "--quiet")
    options = ["--dark", tmp_path / "one" / "master_dark_30.fits", "--products", "masters", "--quiet"]
    status, said = run(capsys, "run", session[0], "--out", tmp_path / "two", *options)
    assert status == 1
    assert "master_dark_30.fits: has no bias in it, and single frames make the dark of 30 s: give one or" in said.err
    first, second = (fits.getdata(tmp_path / name / "master_dark_30.fits") for name in ("one", "two"))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("with_bias", [False, True])
def test_a_flat_that_is_full_everywhere_its_overscan_too_is_refused_in_words(session, tmp_path, capsys, with_bias):
    flat = fits.PrimaryHDU(np.full((96, 130), 65535, np.uint16))
    flat.header.update({"IMAGETYP": "Flat Field", "FILTER": "V", "BIASSEC": "[121:130,1:96]"})
    flat.writeto(tmp_path / "full.fits")
    others = [session[0] / "m1_V.fits", *(sorted(session[0].glob("bias*")) if with_bias else [])]
    options = ["--flat", tmp_path / "full.fits", "--products", "calibrated", "--quiet"]
    status, said = run(capsys, "run", *others, *options, "--out", tmp_path / "out")
    assert status == 1
    assert "full.fits: is a dark flat (" in said.err
    assert "nan" not in said.err
    assert "at -0 ADU" not in said.err


def test_frames_that_do_not_fit_are_named_and_the_rest_is_done(session, tmp_path, capsys):
    detector = Detector(seed=9)
    odd = tmp_path / "odd"
    write(odd, detector.frame("flat", light=20_000.0, exposure=2.0, filter_name="B", name="flat_B.fits"))
    write(odd, detector.frame("flat", light=0.0, exposure=2.0, filter_name="V", name="flat_dark.fits"))
    write(odd, detector.frame("flat", light=90_000.0, exposure=2.0, filter_name="V", name="flat_full.fits"))
    write(odd, detector.frame("bias", name="bias_binned.fits"), XBINNING=2, YBINNING=2)
    small = detector.frame("dark", exposure=30.0, name="dark_small.fits")
    fits.PrimaryHDU(small.pixels[:50, :60], fits.Header({"IMAGETYP": "Dark Frame"})).writeto(odd / "dark_small.fits")
    (odd / "bias_empty.fits").write_bytes(b"")
    for light in session[0].glob("m1_*.fits"):
        with fits.open(light) as hdus:
            hdus[0].header.update({"XBINNING": 1, "YBINNING": 1})
            hdus.writeto(odd / light.name)
    calibration = [path for path in session[0].glob("*.fits") if not path.name.startswith("m1")]
    words = ["--out", tmp_path / "out", "--products", "masters,calibrated", "--quiet"]
    status, said = run(capsys, "run", odd, *calibration, *words)
    assert status == 1
    for start in (
        "flat_B.fits: is a flat of another filter (B, the lights ",
        "flat_dark.fits: is a dark flat (",
        "flat_full.fits: is a saturated flat (",
        "bias_binned.fits: is a bias of another binning (2 x 2 against 1 x 1)",
        "dark_small.fits: is a dark of another size (60 x 50 pixels, the lights 130 x 96)",
        "bias_empty.fits: is empty (0 bytes)",
    ):
        assert start in said.err
    assert fits.getheader(tmp_path / "out" / "master_flat_V.fits")["NFRAMES"] == 3
    assert len(list((tmp_path / "out").glob("*.calibrated.fits"))) == 2


def test_one_bias_serves_with_a_warning(session, tmp_path, capsys):
    light, bias = session[0] / "m1_V.fits", session[0] / "bias_0.fits"
    status, said = run(capsys, "run", light, bias, "--out", tmp_path / "out", "--products", "calibrated", "--quiet")
    assert status == 0
    assert "warning: bias_0.fits: is the only bias, so its noise goes into every light: take ten or more" in said.err


def test_darks_of_another_exposure_that_may_not_be_scaled_are_not_taken_off(session, tmp_path, capsys):
    words = ["--set", "master_dark.scale=never", "--products", "calibrated", "--quiet"]
    status, said = run(capsys, "run", session[0], "--out", tmp_path / "out", *words)
    assert status == 0
    assert "no dark is taken off (the light has 60 s, the darks 30 s and master_dark.scale is never)" in said.err


@pytest.mark.parametrize(
    "words", [["--bias", "{folder}/bias_0.fits"], ["{folder}/bias_0.fits", "{folder}/dark_0.fits"]]
)
def test_without_lights_there_is_one_sentence_and_nothing_is_written(session, tmp_path, capsys, words):
    status, said = run(capsys, "run", *(word.format(folder=session[0]) for word in words), "--out", tmp_path / "out")
    assert status == 2
    assert said.err.startswith(("LIGHTS: none given", "lights: none of the 2 files is a light"))
    assert not (tmp_path / "out").exists()


def test_a_region_that_is_none_ends_the_run_with_one_sentence(session, tmp_path, capsys):
    words = ["--set", "master_flat.region=corner", "--products", "masters", "--quiet"]
    status, said = run(capsys, "run", session[0], "--out", tmp_path / "out", *words)
    assert status == 2
    assert said.err.startswith("master_flat.region = 'corner': wants one of lit, frame, max, x0,y0,x1,y1")


def test_a_field_that_cannot_be_followed_has_its_calibrated_frames_all_the_same(session, tmp_path, capsys):
    status, said = run(
        capsys, "run", session[0], "--out", tmp_path / "out", "--products", "offsets,calibrated", "--quiet"
    )
    assert status == 1
    assert len(list((tmp_path / "out").glob("*.calibrated.fits"))) == 2
    assert "m1_V.fits: " in said.err


def test_products_in_a_folder_of_lights_are_no_lights(session, tmp_path, capsys):
    shutil.copytree(session[0], tmp_path / "all")
    words = ["--out", tmp_path / "out", "--products", "masters,calibrated", "--quiet"]
    run(capsys, "run", tmp_path / "all", *words)
    for path in (tmp_path / "out").glob("*.fits"):
        shutil.copy(path, tmp_path / "all")
    words[1] = tmp_path / "again"
    _, said = run(capsys, "run", tmp_path / "all", *words, "--json")
    report = json.loads(said.out)
    assert sorted(frame["file"] for frame in report["frames"]) == ["m1_R_ice.fits", "m1_V.fits"]
    assert len(report["calibration"]) == 12


def test_the_same_bytes_by_threads_and_by_processes(session, tmp_path, capsys):
    words = ["--products", "masters,calibrated", "--quiet"]
    run(capsys, "run", session[0], "--out", tmp_path / "a", *words)
    run(capsys, "run", session[0], "--out", tmp_path / "b", *words, "--workers", 2)
    for name in names(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_info_tells_kind_filter_and_why(session, capsys):
    status, said = run(capsys, "info", session[0], "--json")
    assert status == 0
    told = {row["file"]: row for row in json.loads(said.out)}
    assert told["flat_V_0.fits"]["kind"] == "flat"
    assert told["flat_V_0.fits"]["filter"] == "V"
    assert told["dark_1.fits"]["told by"] == "IMAGETYP = 'Dark Frame'"


@pytest.mark.data
def test_ngc6819_in_two_filters_comes_out_of_one_command(data, tmp_path, capsys):
    words = ["--out", tmp_path / "out", "--products", "masters,calibrated", "--quiet"]
    status, said = run(capsys, "run", data / "ngc6819", *words)
    assert status == 0, said.err
    assert {"master_flat_B.fits", "master_flat_V.fits", "ngc6819_B_d3166.calibrated.fits"} <= set(
        names(tmp_path / "out")
    )
