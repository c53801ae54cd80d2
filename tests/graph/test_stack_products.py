"""Aligned frames, stacks and sums as files: true of the reference's pixels, the same bytes wherever they are made."""

import hashlib
import subprocess

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from pipeline import sample
from pipeline.graph import batch
from pipeline.graph.run import Graph
from pipeline.products_stack import blink_frame, moved_header, stack_names
from pipeline.recipe import Recipe
from pipeline.stages.background import background_image

WANTED = ("aligned", "sum", "stack")
SHAPE = (200, 300)


@pytest.fixture(scope="module")
def lights(tmp_path_factory):
    """Five frames in two filters, with a world of their own in the header, an offset and a level from before."""
    folder = tmp_path_factory.mktemp("night") / "lights"
    sample.write_named("drift", folder, frames=5, size=SHAPE, format="fits")
    for number, path in enumerate(sorted(folder.glob("*.fits"))):
        with fits.open(path, mode="update") as hdus:
            header = hdus[0].header
            header["FILTER"] = "BV"[number % 2]
            header["XOFFSET"] = 10.0
            header["BKGSUB"] = 100.0
            header["TRIMSEC"] = "[1:290,1:200]"
            for axis, middle, kind in ((1, 150.0, "RA---TAN"), (2, 100.0, "DEC--TAN")):
                header[f"CTYPE{axis}"], header[f"CRPIX{axis}"], header[f"CRVAL{axis}"] = kind, middle, 30.0
                header[f"CDELT{axis}"] = 0.001
    return folder


@pytest.fixture(scope="module")
def finished(lights, tmp_path_factory):
    out = tmp_path_factory.mktemp("threads") / "out"
    return out, batch.run(Graph.open([lights]), Recipe(), out, wanted=WANTED)


def result(lights, stage, frame=None, recipe=None):
    graph = Graph()
    return graph.result(graph.open([lights]), recipe or Recipe(), stage, frame)


def sums(folder):
    files = [path for path in folder.rglob("*") if path.suffix in (".fits", ".gif")]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_every_product_is_there_and_nothing_else(lights, finished):
    out, report = finished
    stems = [path.stem for path in sorted(lights.glob("*.fits"))]
    names = {f"{stem}.aligned.fits" for stem in stems}
    names |= {"blink.gif", "sum_subtracted.fits", "stack_B.fits", "stack_V.fits"}
    assert set(report["products"]) == names
    assert {path.name for path in out.iterdir()} == {*names, "recipe.toml", "report.json"}
    assert "stack" in report["stages"]


def test_files_hold_what_the_stages_made(lights, finished):
    out, _ = finished
    aligned, stacks, shifts = (result(lights, *what) for what in (("aligned", 3), ("stack",), ("shifts",)))
    path = sorted(out.glob("*.aligned.fits"))[3]
    with fits.open(path) as hdus:
        np.testing.assert_array_equal(hdus[0].data, aligned.pixels)
        header = hdus[0].header
        assert header["XOFFSET"] == 10 + 2 * round(shifts.x[3] / 2)
        assert header["YOFFSET"] == 2 * round(shifts.y[3] / 2)
        assert header["BKGSUB"] == pytest.approx(100 + result(lights, "background", 3).level(), abs=1e-3)
        assert header["CRPIX1"] == 150 + header["XOFFSET"] - 10
        assert header["CRPIX2"] == 100 + header["YOFFSET"]
        assert "TRIMSEC" not in header
        assert any("aligned: shift" in line for line in header["HISTORY"])
    for stack, name in zip(stacks.stacks, ("stack_B.fits", "stack_V.fits"), strict=True):
        with fits.open(out / name) as hdus:
            np.testing.assert_array_equal(hdus[0].data, stack.image)
            np.testing.assert_array_equal(hdus["COUNT"].data, stack.count)
            np.testing.assert_array_equal(hdus["REJECTED"].data, stack.rejected)
            assert hdus[0].header["NCOMBINE"] == len(stack.files)
            assert hdus[0].header["EXPTOTAL"] == pytest.approx(stack.exposure)
            assert hdus[0].header["CRPIX1"] == 150


def test_the_sum_is_that_of_the_subtracted_frames(lights, finished):
    total = np.zeros(SHAPE)
    for index in range(5):
        frame, sky = result(lights, "calibrated", index), result(lights, "background", index)
        total += frame.above_black() - background_image(sky)
    found = fits.getdata(finished[0] / "sum_subtracted.fits")
    known = np.isfinite(total) & np.isfinite(found)
    assert known.mean() > 0.9
    np.testing.assert_allclose(found[known], total[known], rtol=1e-4, atol=0.1)


def test_an_aligned_frame_read_again_lies_on_the_reference(finished):
    graph = Graph()
    moves = graph.result(graph.open(sorted(finished[0].glob("*.aligned.fits"))), Recipe(), "shifts")
    assert moves.used.sum() == 5
    # A mosaic moves by even pixels.
    assert np.abs([moves.x, moves.y]).max() < 1.1


def test_files_keep_to_the_standard(finished):
    paths = list(finished[0].glob("*.fits"))
    assert len(paths) == 8
    for path in paths:
        checked = subprocess.run(["fitsverify", "-q", str(path)], capture_output=True, text=True, check=False)
        assert "verification OK" in checked.stdout, checked.stdout


def test_the_blink_has_every_frame_with_stars_that_stand_still(finished):
    with Image.open(finished[0] / "blink.gif") as animation:
        assert animation.n_frames == 5
        frames = []
        for number in range(5):
            animation.seek(number)
            frames.append(np.asarray(animation.convert("L"), float)[20:-20, 20:-20])
    assert np.corrcoef(frames[0].ravel(), frames[4].ravel())[0, 1] > 0.5


def test_processes_of_a_cluster_make_equal_bytes(lights, finished, tmp_path):
    batch.run(Graph.open([lights]), Recipe(), tmp_path / "out", wanted=WANTED, workers=2)
    assert sums(tmp_path / "out") == sums(finished[0])


@pytest.mark.parametrize(("model", "fill"), [("shift", "median"), ("transform", "median"), ("transform", "nan")])
def test_a_stack_has_the_same_bytes_whether_its_frames_are_written_or_not(tmp_path, model, fill):
    """A field that turns leaves corners of each frame's own, which are filled but do not count."""
    sample.write_named("rotation", tmp_path / "lights", frames=4, size=(240, 320))
    recipe = Recipe().with_knobs("aligned", model=model, fill=fill)
    for name, wanted in (("alone", ("stack",)), ("both", ("stack", "aligned"))):
        batch.run(Graph.open([tmp_path / "lights"]), recipe, tmp_path / name, wanted=wanted)
    alone, both = sums(tmp_path / "alone"), sums(tmp_path / "both")
    assert len(alone) == 1
    assert alone.items() < both.items()


def test_a_turned_frame_takes_the_references_world(lights, tmp_path):
    recipe = Recipe().with_knobs("aligned", model="transform", crop="common", fill="nan")
    batch.run(Graph.open([lights]), recipe, tmp_path / "out", wanted=("aligned",))
    headers = [fits.getheader(path) for path in sorted((tmp_path / "out").glob("*.aligned.fits"))]
    assert len({(header["CRPIX1"], header["CRPIX2"], header["NAXIS1"]) for header in headers}) == 1
    assert headers[0]["CRPIX1"] < 150
    assert headers[1]["NOISGAIN"] < 1


def test_names_of_stacks_are_the_same_on_every_system():
    assert stack_names(["", "V"]) == ("stack.fits", "stack_V.fits")
    assert stack_names(["V", "v", "H alpha/2"]) == ("stack_V.fits", "stack_v_2.fits", "stack_H_alpha_2.fits")


def test_levels_and_patterns_are_those_of_the_new_pixels():
    light = fits.Header([("SATURATE", 60000), ("BAYERPAT", "RGGB"), ("XBAYROFF", 1), ("BIASSEC", "[1:9,1:9]")])
    moved = moved_header(light, pattern="GRBG", level=100.5)
    assert (moved["SATURATE"], moved["BAYERPAT"]) == (59899.5, "GRBG")
    assert not {"XBAYROFF", "BIASSEC"} & set(moved)
    assert light["SATURATE"] == 60000


def test_a_large_frame_blinks_small():
    image = np.random.default_rng(0).normal(0, 1, (1000, 1700)).astype(np.float32)
    image[500:520, 800:830] = np.nan
    small = blink_frame(image, 1.0)
    assert max(small.shape) <= 800
    assert small.dtype == np.uint8


def test_one_star_is_enough_for_a_stack_by_its_box(tmp_path):
    rng = np.random.default_rng(0)
    rows, columns = np.indices((160, 200))
    (tmp_path / "lights").mkdir()
    for number, (x, y) in enumerate([(90, 80), (97, 76), (103, 85)]):
        light = 800 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8) + rng.normal(500, 3, rows.shape)
        header = fits.Header([("IMAGETYP", "Light Frame"), ("DATE-OBS", f"2026-01-01T20:0{number}:00")])
        fits.PrimaryHDU(light.astype(np.uint16), header).writeto(tmp_path / "lights" / f"light_{number}.fits")
    night = Graph.open([tmp_path / "lights"])
    report = batch.run(
        night, Recipe().with_knobs("shifts", method="box"), tmp_path / "out", wanted=("aligned", "stack")
    )
    assert [frame["state"] for frame in report["frames"]] == ["done"] * 3
    with fits.open(tmp_path / "out" / "stack.fits") as hdus:
        assert hdus[0].data[80, 90] == pytest.approx(800, rel=0.05)
        assert hdus["COUNT"].data.max() == 3


def test_what_cannot_be_stacked_leaves_the_rest(lights, tmp_path):
    recipe = Recipe().with_knobs("aligned", crop=(5000, 5000, 6000, 6000))
    report = batch.run(Graph.open([lights]), recipe, tmp_path / "out", wanted=("sum", "stack"))
    assert list(report["products"]) == ["sum_subtracted.fits"]
    assert any("no frame is aligned" in warning for warning in report["warnings"])
    assert all("outside the frame" in frame["reason"] for frame in report["frames"])
