"""Which files are frames, their names, their content."""

import os

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from pipeline.frame import Failure, FrameError
from pipeline.read import content_hash, find_files, folder, read_frame, read_infos, stem


@pytest.fixture
def night(tmp_path):
    for name in ("a_10.fits", "a_2.FIT", "B.Cr2", "c.fits.fz", "notes.txt", ".hidden.fits", "sub/d.fts", "sub/a_2.FIT"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path


def names(files):
    return [file.rsplit("/", 1)[1] for file in files]


def test_a_folder_gives_its_own_frames_in_the_order_people_count(night):
    assert names(find_files([night])) == ["a_2.FIT", "a_10.fits", "B.Cr2", "c.fits.fz"]


def fill(folder, *files):
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def below(folder, files):
    return [os.path.relpath(file, folder) for file in files]


def test_a_folder_brings_along_those_in_it_that_are_named_after_a_kind(night):
    fill(night, "bias/z_1.fits", "Darks 30s/z_2.fit", "flats/V/z_3.fits", "Lights/z_4.fits", "results/z_5.fits")
    assert below(night, find_files([night])) == [
        *("a_2.FIT", "a_10.fits", "B.Cr2", "c.fits.fz"),
        *("bias/z_1.fits", "Darks 30s/z_2.fit", "flats/V/z_3.fits", "Lights/z_4.fits"),
    ]


@pytest.mark.parametrize(
    "files",
    [
        ("BIAS/a.fits", "dark/a.fits", "Flat/a.fits", "LIGHT/a.fits"),
        ("night1/light/a.fits", "night1/flats/V/a.fits", "night2/Lights/B/a.fits", "night2/darks/30/a.fits"),
        ("2024-03-01/bias/a.fits", "2024-03-01/science/a.fits", "20240302/light/a.fits"),
        ("B/flats/a.fits", "B/lights/a.fits", "V/flats/a.fits", "V/lights/a.fits"),
        ("calib/Bias/a.fits", "calib/Flats/R/a.fits", "raw/a.fits"),
        ("Sep22/a.fits", "Sep23/a.fits"),
        ("Dunkelbilder/a.fits", "Flatfelder/a.fits", "Hellbilder/a.fits"),
    ],
)
def test_folders_of_kinds_nights_filters_and_exposures_are_one_set_however_they_lie_in_each_other(tmp_path, files):
    fill(tmp_path, *files, "M13/lights/a.fits", "2023/a.fits", "old/bias/a.fits", "junk 12/a.fits")
    assert sorted(below(tmp_path, find_files([tmp_path]))) == sorted(files)


def test_a_folder_of_one_kind_brings_its_filters_and_exposures_along(tmp_path):
    fill(tmp_path, "flats/V/a.fits", "flats/Ha/a.fits", "darks/300/a.fits")
    assert below(tmp_path, find_files([tmp_path / "flats"])) == ["flats/Ha/a.fits", "flats/V/a.fits"]
    assert below(tmp_path, find_files([tmp_path / "darks"])) == ["darks/300/a.fits"]


def test_nothing_is_taken_from_outside_of_a_root_and_a_loop_of_links_ends(tmp_path):
    fill(tmp_path, "root/set/light/a.fits", "outside/b.fits", "root/other/c.fits")
    at = tmp_path / "root" / "set"
    (at / "flats").symlink_to(tmp_path / "outside")
    (at / "bias").symlink_to("../../outside")
    (at / "light" / "b.fits").symlink_to(tmp_path / "outside" / "b.fits")
    (at / "dark").symlink_to(at)
    (at / "light" / "V").symlink_to(tmp_path / "root" / "other")
    assert below(at, folder.frames_below(at, tmp_path / "root")) == ["light/a.fits", "light/V/c.fits"]
    assert sorted(names(find_files([at]))) == ["a.fits", "b.fits", "c.fits"]


def test_a_folder_whose_folders_have_frames_says_which(tmp_path):
    fill(tmp_path, "M 13/a.fits", "M 31/a.fits", "notes/a.txt")
    with pytest.raises(FrameError, match=r"its folders have \(M 13, M 31\): name those folders, or all"):
        find_files([tmp_path])
    assert names(find_files([f"{tmp_path}/*/*"])) == ["a.fits", "a.fits"]


def test_what_is_named_as_a_frame_and_is_no_file_is_told_and_never_waited_for(tmp_path):
    fill(tmp_path, "a.fits")
    (tmp_path / "b.fits").mkdir()
    (tmp_path / "c.fits").symlink_to("gone.fits")
    os.mkfifo(tmp_path / "d.fits")
    told = [one.message for one in read_infos([tmp_path]) if isinstance(one, Failure)]
    assert told[1:] == [
        "b.fits: is a folder: name the files in it",
        "c.fits: is a link to what is not there (gone.fits): copy the file itself",
    ]
    (pipe,) = read_infos([tmp_path / "d.fits"])
    assert pipe.message == "d.fits: is no file but a pipe or a device: choose a FITS or camera file"
    assert pipe.path == str(tmp_path / "d.fits")


def test_a_name_as_long_as_a_book_is_told_in_a_line(tmp_path):
    with pytest.raises(FrameError, match="is not there") as raised:
        find_files([tmp_path / ("x" * 10_000 + ".fits")])
    assert len(str(raised.value)) < 400


def test_files_of_other_folders_do_not_lengthen_the_names_of_those_alike(tmp_path):
    for name in ("nights/one/a.fits", "nights/two/a.fits", "calibration/bias.fits"):
        (tmp_path / name).parent.mkdir(parents=True)
        fits.PrimaryHDU(np.ones((20, 20), np.uint16)).writeto(tmp_path / name)
    infos = read_infos([tmp_path / "nights/one", tmp_path / "nights/two", tmp_path / "calibration"])
    assert [info.file for info in infos] == ["one/a.fits", "two/a.fits", "bias.fits"]


def test_a_glob_takes_endings_in_any_case(night):
    assert names(find_files([f"{night}/*.fit"])) == ["a_2.FIT"]
    assert names(find_files([f"{night}/*.CR2"])) == ["B.Cr2"]
    assert names(find_files([f"{night}/**/*.fit*"])) == ["a_2.FIT", "a_10.fits", "c.fits.fz", "a_2.FIT"]


def test_a_file_named_twice_counts_once(night):
    (night / "link.fits").symlink_to(night / "a_10.fits")
    assert names(find_files([night / "a_10.fits", night / "link.fits", f"{night}/a_1*.fits"])) == ["a_10.fits"]


def test_a_file_is_taken_whatever_its_name(night):
    assert names(find_files([str(night / "notes.txt")])) == ["notes.txt"]
    (night / "odd[1].fits").write_bytes(b"")
    assert names(find_files([night / "odd[1].fits"])) == ["odd[1].fits"]


@pytest.mark.parametrize(
    ("path", "problem"),
    [("missing.fits", "is not there"), ("*.nef", "matches no FITS or camera file"), ("empty", "has no FITS or camera")],
)
def test_what_is_not_there_is_said(night, path, problem):
    (night / "empty").mkdir()
    with pytest.raises(FrameError, match=problem):
        find_files([night / path])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.fits.fz", "a"), ("a.fit.gz", "a"), ("IMG_1.ARW", "IMG_1"), ("a.b.fts", "a.b"), ("m31.1.FIT", "m31.1")],
)
def test_a_stem_loses_known_endings_only(name, expected):
    assert stem(f"/x/{name}") == expected


@given(st.lists(st.integers(0, 10**6), max_size=8))
def test_numbers_in_names_count_as_numbers(values):
    files = sorted((f"light_{value}.fits" for value in values), key=folder.natural_key)
    assert files == [f"light_{value}.fits" for value in sorted(values)]


def test_content_hash_tells_content_not_names(night):
    (night / "copy.fits").write_bytes((night / "a_10.fits").read_bytes())
    assert content_hash(night / "copy.fits") == content_hash(night / "a_10.fits")
    assert content_hash(night / "copy.fits") != content_hash(night / "c.fits.fz")
    (night / "copy.fits").write_bytes(b"something else")
    assert content_hash(night / "copy.fits") != content_hash(night / "a_10.fits")
    with pytest.raises(FrameError, match="cannot be read"):
        content_hash(night / "missing.fits")


def test_files_of_one_name_are_named_by_their_folders(tmp_path):
    for night in ("one", "two"):
        (tmp_path / night).mkdir()
        fits.PrimaryHDU(np.ones((20, 20), np.uint16)).writeto(tmp_path / night / "a.fits")
    (tmp_path / "two" / "broken.fits").write_bytes(b"")
    infos = read_infos([tmp_path / "one", tmp_path / "two"])
    assert [info.file for info in infos] == ["one/a.fits", "two/a.fits", "two/broken.fits"]
    assert isinstance(infos[2], Failure)
    assert infos[2].message == "two/broken.fits: is empty (0 bytes): copy it again"
    assert [info.file for info in read_infos([tmp_path / "one"])] == ["a.fits"]
    assert [info.file for info in read_infos([tmp_path / "one"], root=tmp_path)] == ["one/a.fits"]
    assert [info.file for info in read_infos([tmp_path / "one"], root=tmp_path / "two")] == ["a.fits"]


def test_what_an_earlier_run_wrote_is_no_light(tmp_path):
    light = fits.PrimaryHDU(np.zeros((20, 20), np.int16))
    made = fits.PrimaryHDU(header=fits.Header({"CREATOR": "Starshift 0.1.0"}))
    light.writeto(tmp_path / "a.fits")
    for name in ("a.offsets_table.fits", "a.offsets_map.fits", "tracks.fits"):
        made.writeto(tmp_path / name)
        problem = rf"{name}: is a result of an earlier run, no light: leave it out"
        assert problem in read_infos([tmp_path / name])[0].message
    assert names(find_files([tmp_path])) == ["a.fits"]
    assert names(find_files([f"{tmp_path}/*.fits"])) == ["a.fits"]


def test_a_picture_of_tracks_is_a_light(tmp_path):
    fits.PrimaryHDU(np.zeros((20, 20), np.int16)).writeto(tmp_path / "tracks.fits")
    assert names(find_files([tmp_path])) == ["tracks.fits"]


def test_a_name_that_is_no_text_is_shown_as_one_that_is(tmp_path):
    fits.PrimaryHDU(np.zeros((20, 20), np.int16)).writeto(tmp_path / "a.fits")
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff\xfe\xc3\xa4.fits")
    os.rename(tmp_path / "a.fits", odd)
    (info,) = read_infos([tmp_path])
    assert info.file == "bad\\xff\\xfe\u00e4.fits"
    assert info.file.encode("utf-8")
    assert info.path == odd
    assert read_frame(info).pixels.shape == (20, 20)
