"""Samples as files: pixels, cards and truth come back as they were written."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from pipeline.sample import Truth, make_frame, make_truth, write, write_named
from pipeline.truth import truth_beside
from tests.sample.specs import BENT, LONE, MOSAIC


def test_a_dng_holds_the_pixels_black_level_pattern_and_time(tmp_path):
    import exifread
    import rawpy

    spec = replace(MOSAIC, exposure=12.5, interval=20.25)
    paths = write(spec, tmp_path)
    assert [path.name for path in paths] == ["light_001.dng", "light_002.dng", "light_003.dng"]
    frame = make_frame(spec, make_truth(spec), 1)
    with rawpy.imread(str(paths[1])) as raw:
        np.testing.assert_array_equal(raw.raw_image_visible, frame.pixels)
        assert raw.black_level_per_channel == [300] * 4
        assert raw.white_level == 2**14 - 1
        letters = raw.raw_pattern.ravel()
        assert "".join(raw.color_desc.decode()[i] for i in letters) == "GRBG"
        assert raw.other.iso_speed == 800
    with open(paths[1], "rb") as file:
        tags = exifread.process_file(file)
    assert str(tags["EXIF DateTimeOriginal"]) == "2026:01:17 20:30:20"
    assert str(tags["EXIF SubSecTimeOriginal"]) == "250"
    assert float(tags["EXIF ExposureTime"].values[0]) == 12.5
    assert frame.info.time.isot == "2026-01-17T20:30:20.250"


@pytest.mark.parametrize(("pattern", "bits"), [("none", 16), ("BGGR", 16), ("none", -32)])
def test_a_fits_file_holds_the_pixels_and_the_cards(tmp_path, pattern, bits):
    spec = replace(LONE, pattern=pattern, bits=bits, gaps={1: 2})
    paths = write(spec, tmp_path)
    frame = make_frame(spec, make_truth(spec), 1)
    with fits.open(paths[1]) as hdus:
        hdus.verify("exception")
        header = hdus[0].header
        np.testing.assert_array_equal(hdus[0].data, frame.pixels)
    assert header["IMAGETYP"] == "Light Frame"
    assert header["DATE-OBS"] == "2026-01-17T20:33:45.000"
    assert (header["EXPTIME"], header["GAIN"], header["SATURATE"]) == (60.0, 1.5, 65535)
    assert header.get("BAYERPAT", "none") == pattern


def test_a_truth_file_reads_back_whole(tmp_path):
    write(replace(BENT, hot=10, satellites=(1,), objects=LONE.objects), tmp_path)
    truth, back = make_truth(replace(BENT, hot=10, satellites=(1,), objects=LONE.objects)), truth_beside(tmp_path)
    for name in Truth.__dataclass_fields__:
        wanted, found = getattr(truth, name), getattr(back, name)
        if isinstance(wanted, np.ndarray):
            np.testing.assert_array_equal(wanted, found)
        else:
            assert (wanted, type(wanted)) == (found, type(found)), name


def test_a_folder_without_truth_has_none(tmp_path):
    assert truth_beside(tmp_path) is None


def test_same_seed_same_bytes_and_another_seed_another_sky(tmp_path):
    for folder, seed in (("a", 5), ("b", 5), ("c", 6)):
        write_named("drift", tmp_path / folder, frames=2, size=200, seed=seed)
    for name in ("light_001.dng", "light_002.dng", "truth.npz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert truth_beside(tmp_path / "a").x.tolist() != truth_beside(tmp_path / "c").x.tolist()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["light_001.dng", "light_002.dng", "truth.npz"]
