"""Real frames, and every broken one."""

import re

import numpy as np
import pytest

from pipeline.frame import Frame, FrameError, FrameInfo
from pipeline.read import read_frame, read_header, read_info, read_infos

pytestmark = pytest.mark.data

REFUSED = {
    "all_nan.fits": "has no pixel with a value",
    "claims_20_gigabytes.fits": r"is cut off or damaged \(its header promises 20000000000 bytes",
    "cube.fits": r"is a cube, not one picture \(4 x 60 x 80",
    "empty.CR2": r"is empty \(0 bytes\)",
    "empty.fits": r"is empty \(0 bytes\)",
    "jpeg_named.ARW": "is no camera file",
    "multi_extension.fits": r"holds 2 images \(SCI, ERR\)",
    "no_image_empty_primary.fits": "holds no image",
    "no_image_table_only.fits": "holds no image",
    "noise.NEF": "is no camera file",
    "one_dimension.fits": "is a row of numbers",
    "one_pixel.fits": r"is too small to hold stars \(1 x 1",
    "png_named.fits": r"is no FITS file \(it begins with '\\x89PNG",
    "rgb_cube.fits": r"is a cube, not one picture \(3 x 60 x 80",
    "text.fits": "is no FITS file",
    "truncated.dng": "is cut off or damaged",
    "truncated.fits": "is cut off or damaged",
    "truncated.fits.fz": "is cut off or damaged",
    "truncated.fits.gz": "is cut off or damaged",
    "truncated_header.dng": "is cut off or damaged",
    "truncated_header.fits": "is cut off or damaged",
}
READ = (
    "all_saturated constant copy_of_good_1 dark_brighter_than_light date_nonsense date_old_style duplicate_time_1 "
    "duplicate_time_2 exptime_decimal_comma exptime_negative exptime_text_unit exptime_zero flat_of_zeros "
    "flat_with_zero_pixels float64_inf_huge good_1 good_2 header_non_ascii negative_values no_keywords no_stars "
    "one_star other_field some_nan wrong_shape"
)


def test_every_broken_file_has_its_test(data):
    read = {f"{name}.fits" for name in READ.split()} | {"good name with späce.fits"}
    assert {path.name for path in (data / "bad").iterdir()} == read | set(REFUSED)


@pytest.mark.parametrize("name", REFUSED)
def test_a_broken_file_gives_one_sentence_with_a_remedy(data, name):
    with pytest.raises(FrameError, match=rf"^{re.escape(name)}: {REFUSED[name]}[^\n]*: [^\n:]+$"):
        read_frame(data / "bad" / name)


@pytest.mark.parametrize("name", [*READ.split(), "good name with späce"])
def test_an_awkward_file_gives_a_frame(data, name):
    frame = read_frame(data / "bad" / f"{name}.fits")
    assert isinstance(frame, Frame)
    assert frame.shape == frame.info.shape
    assert np.isfinite(frame.above_black()).any()
    assert not np.isinf(frame.above_black()).any()
    assert read_header(frame.info) is not None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("exptime_decimal_comma", 30),
        ("exptime_text_unit", 30),
        ("exptime_zero", 0),
        ("exptime_negative", None),
        ("no_keywords", None),
    ],
)
def test_awkward_exposures(data, name, expected):
    assert read_info(data / "bad" / f"{name}.fits").exposure == expected


def test_awkward_dates_and_values(data):
    assert read_info(data / "bad" / "date_nonsense.fits").time is None
    assert read_info(data / "bad" / "date_old_style.fits").time.isot == "1998-12-31T00:00:00.000"
    negative = read_frame(data / "bad" / "negative_values.fits")
    assert negative.pixels.dtype == np.uint16
    assert negative.above_black().min() < 0


def card_rows(data, folder):
    """File and start of the table in a set's data card."""
    section = (data / "README.md").read_text().split(f"\n## {folder}")[1].split("\n## ")[0]
    return re.findall(r"^\| (\S+) \| (\d{4}-\S+?(?: [\d:]+)?) \|", section, re.MULTILINE)


@pytest.mark.parametrize(
    ("folder", "count"), [("hatp32", 24), ("pluto", 10), ("ngc6819", 4), ("skycamt", 9), ("m27_dng", 6)]
)
def test_lights_start_when_the_data_card_says(data, folder, count):
    rows = card_rows(data, folder)
    assert len(rows) == count
    for name, start in rows:
        info = read_info(data / folder / name)
        assert info.time.isot[: len(start)] == start.replace(" ", "T")
        assert info.kind == "light"


@pytest.mark.parametrize("folder", ["pluto", "ngc6819"])
def test_kinds_and_filters_of_the_calibration_sets_are_those_of_their_names(data, folder):
    for info in read_infos([data / folder]):
        assert isinstance(info, FrameInfo)
        first, colour = info.file.split("_")[:2]
        assert info.kind == (first if first in ("bias", "dark", "flat") else "light"), info.file
        if info.kind in ("light", "flat"):
            assert info.filter == colour


def test_saturation_of_twelve_bits_in_sixteen_shows_in_the_pixels(data):
    frame = read_frame(data / "hatp32" / "light_01.fits.fz")
    assert frame.info.saturation == 4095
    assert 100 < np.count_nonzero(frame.pixels >= 4095) < 200


def test_overscan_of_a_cropped_frame_is_masked(data):
    frame = read_frame(data / "pluto" / "pluto_V_d2090.fits.fz")
    assert frame.shape == (640, 640)
    assert frame.mask[:, 608:].all()
    assert not frame.mask[:, :608].any()


def test_cards_that_break_the_rules_do_not_leak_warnings(data):
    frame = read_frame(data / "single" / "image.fits")
    assert 6566 <= frame.pixels.min() < frame.pixels.max() <= 98216
    assert frame.info.time.isot == "1992-10-26T03:04:08.000"
    assert read_header(frame.info)["OBSERVER"] == "LAPPARENT"
