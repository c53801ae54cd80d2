"""Rows of many frames: the very pixels of the whole frame, each file opened once, memory that does not grow."""

import builtins
import os
import tracemalloc

import numpy as np
import pytest
from astropy.io import fits

from pipeline import read, sample
from pipeline.frame import Frame, FrameError, FrameInfo
from pipeline.kernels.combine import combined
from pipeline.read.rows import FileRows, RowReaders, opened

SHAPE = (150, 70)


def write(folder, name, pixels, **cards):
    header = fits.Header()
    header.update({key.replace("_", "-"): value for key, value in cards.items()})
    fits.PrimaryHDU(pixels, header).writeto(folder / name, overwrite=True)
    return read.read_info(folder / name)


def whole_of(reader, step=37):
    return np.vstack([reader.rows(start, start + step) for start in range(0, reader.shape[0], step)])


def numbers(kind, seed=1):
    return np.random.default_rng(seed).integers(100, 30_000, SHAPE).astype(kind)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("name", ["a.fits", "a.fits.gz"])
def test_rows_are_those_of_the_frame(tmp_path, kind, name):
    info = write(tmp_path, name, numbers(kind))
    with RowReaders.of_files([info]) as readers:
        got = whole_of(readers[0])
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, read.read_frame(info).above_black())


def test_rows_of_a_packed_file_and_of_a_camera_file(tmp_path):
    fits.CompImageHDU(numbers(np.int16)).writeto(tmp_path / "a.fits.fz")
    sample.write_named("drift", tmp_path / "raw", frames=1, size=(100, 150), format="dng")
    for path in (tmp_path / "a.fits.fz", next((tmp_path / "raw").glob("*.dng"))):
        info = read.read_info(path)
        with RowReaders.of_files([info]) as readers:
            np.testing.assert_array_equal(whole_of(readers[0], 23), read.read_frame(info).above_black())


def test_a_black_of_each_parity_is_taken_off_wherever_a_band_begins(monkeypatch, tmp_path):
    black = np.array([[10, 20], [30, 40]], np.float32)
    info = write(tmp_path, "a.fits.gz", numbers(np.uint16))
    frame = Frame(info, numbers(np.uint16), black)
    monkeypatch.setattr(read, "read_frame", lambda *_, **__: frame)
    with RowReaders.of_files([info]) as readers:
        np.testing.assert_array_equal(whole_of(readers[0], 37), frame.above_black())


def test_what_has_no_value_is_nan(tmp_path):
    pixels = numbers(np.int16)
    pixels[3, 4] = -1
    info = write(tmp_path, "blank.fits", pixels, BLANK=-1)
    with RowReaders.of_files([info]) as readers:
        assert np.flatnonzero(np.isnan(whole_of(readers[0]))).tolist() == [3 * 70 + 4]
    holes = numbers(np.float32)
    holes[7, 8], holes[9, 9] = np.nan, np.inf
    with RowReaders.of_files([write(tmp_path, "holes.fits", holes)]) as readers:
        assert np.isnan(whole_of(readers[0])).sum() == 2


def test_the_overscan_is_taken_off_and_masked(tmp_path):
    pixels = numbers(np.float32)
    pixels[:, 60:] = 500.0
    info = write(tmp_path, "o.fits", pixels, DATASEC="[1:60,1:150]")
    with RowReaders.of_files([info]) as readers:
        got = whole_of(readers[0])
    np.testing.assert_allclose(got[:, :60], pixels[:, :60] - 500, atol=0.01)
    assert np.isnan(got[:, 60:]).all()
    with RowReaders.of_files([info], overscan="off") as readers:
        np.testing.assert_array_equal(whole_of(readers[0]), pixels)


def test_a_file_is_opened_once_however_many_bands_are_read(tmp_path, monkeypatch):
    infos = [write(tmp_path, f"{i}.fits", numbers(np.uint16, i)) for i in range(3)]
    fits.CompImageHDU(numbers(np.int16)).writeto(tmp_path / "p.fits.fz")
    infos.append(read.read_info(tmp_path / "p.fits.fz"))
    decoded, held = [], []
    whole, plain, real = read.read_frame, os.open, builtins.open
    monkeypatch.setattr(read, "read_frame", lambda info, **k: decoded.append(info.file) or whole(info, **k))
    monkeypatch.setattr(os, "open", lambda path, *a, **k: held.append(os.path.basename(path)) or plain(path, *a, **k))
    with RowReaders.of_files(infos) as readers:
        opened(readers)
        monkeypatch.setattr(builtins, "open", lambda *a, **k: pytest.fail(f"opened again: {a}") or real(*a, **k))
        for reader in readers:
            whole_of(reader, 11)
        monkeypatch.setattr(builtins, "open", real)
    assert decoded == ["p.fits.fz"]
    # Two at a time, in whichever order their threads come to it.
    assert sorted(name for name in held if name.endswith(".fits")) == ["0.fits", "1.fits", "2.fits"]


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path):
    shape = (2048, 512)
    pixels = np.random.default_rng(1).integers(0, 60_000, shape).astype(np.uint16)
    pixels[:, 480:] = 700

    def most(count):
        infos = [write(tmp_path, f"{i}.fits", pixels, DATASEC="[1:480,1:2048]") for i in range(count)]
        with RowReaders.of_files(infos, scratch=tmp_path / "scratch") as readers:
            opened(readers)
            # A few rows at a time, as a machine with many large frames would.
            tracemalloc.start()
            for start in range(0, shape[0], 64):
                for reader in readers:
                    reader.rows(start, start + 64)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return peak

    few, many = most(2), most(12)
    assert many < 1.5 * few
    assert many < pixels.nbytes


def test_nothing_is_left_behind(tmp_path):
    info = write(tmp_path, "a.fits.gz", numbers(np.uint16))
    with RowReaders.of_files([info], scratch=tmp_path / "scratch") as readers:
        whole_of(readers[0])
    assert list((tmp_path / "scratch").iterdir()) == []
    # A closed reader opens its file again where it is asked.
    assert whole_of(readers[0]).shape == SHAPE
    readers.close()


def test_a_frame_that_cannot_be_read_is_told_and_the_rest_goes_on(tmp_path):
    good = write(tmp_path, "good.fits", numbers(np.uint16))
    gone = write(tmp_path, "gone.fits.gz", numbers(np.uint16))
    (tmp_path / "gone.fits.gz").unlink()
    with RowReaders.of_files([gone, good]) as readers:
        usable, problems = opened(readers)
        assert [one.info.file for one in usable] == ["good.fits"]
        assert [str(one) for one in problems] == ["gone.fits.gz: is not there: check the name"]


def test_a_file_that_is_cut_while_it_is_read_says_so(tmp_path):
    info = write(tmp_path, "a.fits", numbers(np.uint16))
    with RowReaders.of_files([info]) as readers:
        readers[0].rows(0, 2)
        with open(tmp_path / "a.fits", "r+b") as stream:
            stream.truncate(4000)
        with pytest.raises(FrameError, match=r"^a.fits: changed while it was in use"):
            readers[0].rows(100, 150)


def test_beyond_the_files_that_may_stay_open_they_are_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.read.rows.MOST_OPEN", 1)
    infos = [write(tmp_path, f"{i}.fits", numbers(np.uint16, i)) for i in range(3)]
    with RowReaders.of_files(infos) as readers:
        for reader, info in zip(readers, infos, strict=True):
            np.testing.assert_array_equal(whole_of(reader), read.read_frame(info).above_black())
        assert sum(isinstance(one, FileRows) and one._descriptor >= 0 for one in readers) == 1


def test_arrays_and_frames_in_memory_are_read_alike():
    image = numbers(np.float32)
    readers = RowReaders.of_arrays([image, image + 2, image + 7])
    np.testing.assert_array_equal(combined(readers, "median")[0], image + 2)
    frame = Frame(FrameInfo("f", "f", SHAPE), numbers(np.uint16), np.full((2, 2), 64, np.float32))
    np.testing.assert_array_equal(RowReaders.of_frames([frame])[0].rows(5, 9), frame.above_black()[5:9])


@pytest.mark.data
def test_rows_of_real_calibration_frames(data):
    for info in read.read_infos([data / "pluto", data / "m27_dng"])[:5]:
        with RowReaders.of_files([info]) as readers:
            np.testing.assert_array_equal(whole_of(readers[0]), read.read_frame(info).above_black())
