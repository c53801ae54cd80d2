"""Facts from cards."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.frame import KINDS, PATTERNS
from pipeline.read import headers
from pipeline.read.kinds import kind_of
from pipeline.read.times import start_time


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ({"EXPTIME": 30.0}, 30.0),
        ({"EXPOSURE": "30 s"}, 30.0),
        ({"EXPTIME": "30,0"}, 30.0),
        ({"EXPTIME": 0}, 0.0),
        ({"EXPTIME": -5, "EXPOSURE": 5}, 5.0),
        ({"EXPTIME": -5}, None),
        ({"EXPOINUS": 2_500_000}, 2.5),
        ({}, None),
    ],
)
def test_exposure_in_seconds(cards, expected):
    assert headers.exposure(cards) == expected


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ({"FILTER": "V"}, "V"),
        ({"FILTNAM": " B "}, "B"),
        ({"ACAMFILT": "R"}, "R"),
        ({"INSFLNAM": "Ha"}, "Ha"),
        ({"FILTER1": "Clear", "FILTER2": "r'"}, "r'"),
        ({"FILTER1": "OIII", "FILTER2": "ND1"}, "OIII+ND1"),
        ({"FILTER": "None"}, ""),
        ({}, ""),
    ],
)
def test_filter_in_every_spelling(cards, expected):
    assert headers.filter_name(cards) == expected


def test_gain_iso_camera_and_saturation():
    cards = {"GAIN": 180, "EGAIN": 0.37, "ISOSPEED": "1600", "INSTRUME": "ZWO", "SATURATE": 4095, "DATAMAX": 900}
    assert headers.gain(cards) == 0.37
    assert headers.iso(cards) == 1600
    assert headers.camera(cards) == "ZWO"
    assert headers.saturation(cards) == 4095
    assert headers.saturation({"DATAMAX": 900, "SATURATE": 0}) is None


def colours(letters, rows, columns):
    """The letters of a whole mosaic whose first row and column are those of the pattern."""
    return np.array([[letters[y % 2 * 2 + x % 2] for x in range(columns)] for y in range(rows)])


@given(
    st.sampled_from(PATTERNS[1:]),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(4, 9),
    st.sampled_from(["TOP-DOWN", "BOTTOM-UP", "bottom-up ", None]),
)
@settings(max_examples=100, deadline=None)
def test_pattern_is_that_of_the_arrays_first_pixels(letters, right, down, rows, order):
    picture = colours(letters, rows + 4, 12)[down : down + rows, right : right + 4]
    stored = picture[::-1] if order is not None and "bottom" in order.lower() else picture
    cards = {"BAYERPAT": letters.lower(), "XBAYROFF": right, "YBAYROFF": str(down)}
    if order is not None:
        cards["ROWORDER"] = order
    assert headers.bayer_pattern(cards, rows) == "".join(stored[:2, :2].ravel())


@pytest.mark.parametrize("cards", [{}, {"BAYERPAT": ""}, {"BAYERPAT": "CMYG"}, {"COLORTYP": "RGGR"}, {"BAYERPAT": 1}])
def test_without_a_bayer_pattern_a_frame_is_monochrome(cards):
    assert headers.bayer_pattern(cards, 10) == "none"


def test_colortyp_names_the_pattern_too():
    assert headers.bayer_pattern({"COLORTYP": "BAYER_GBRG"}, 10) == "GBRG"


@pytest.mark.parametrize(
    ("cards", "image"),
    [
        ({"DATASEC": "[1:90,1:40]"}, np.s_[:40, :90]),
        ({"TRIMSEC": "[11:90,3:40]", "DATASEC": "[1:100,1:40]"}, np.s_[2:40, 10:90]),
        ({"BIASSEC": "[91:100,1:40]"}, np.s_[:40, :90]),
        ({"DATASEC": "[1:100,1:40]", "BIASSEC": "[91:100, 1:40]"}, np.s_[:40, :90]),
    ],
)
def test_overscan_is_what_lies_outside_the_sections(cards, image):
    outside = headers.outside_sections(cards, (40, 100))
    assert not outside[image].any()
    assert outside.sum() == outside.size - outside[image].size


@pytest.mark.parametrize(
    "cards",
    [{}, {"DATASEC": "[1:2048,1:2048]"}, {"DATASEC": "[1:10,1:40]"}, {"DATASEC": "all"}, {"TRIMSEC": "[200:300,1:40]"}],
)
def test_sections_of_another_array_are_not_believed(cards):
    assert headers.outside_sections(cards, (40, 100)) is None


@pytest.mark.parametrize("full", [4095, 16383, 65504, 65535])
def test_a_camera_that_stops_at_its_limit_shows_it(full):
    rng = np.random.default_rng(1)
    pixels = rng.poisson(300, (200, 300)).astype(np.uint16)
    pixels[rng.integers(0, 200, 400), rng.integers(0, 300, 400)] = rng.integers(400, full - 1, 400)
    pixels[50:53, 70:73] = full
    assert headers.full_level(pixels) == full
    assert headers.full_level(pixels.astype(np.float32) + np.float32(0.25)) == full + 0.25


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("level", [3, 30, 300])
def test_noise_alone_is_not_saturated(seed, level):
    pixels = np.random.default_rng(seed).poisson(level, (500, 500)).astype(np.uint16)
    assert headers.full_level(pixels) is None


def test_a_bright_star_below_the_limit_is_not_saturated():
    y, x = np.mgrid[:200, :200]
    star = 30000 * np.exp(-((x - 99.7) ** 2 + (y - 80.2) ** 2) / 18)
    pixels = np.random.default_rng(4).poisson(star + 500).astype(np.uint16)
    assert headers.full_level(pixels) is None


def test_constant_and_empty_frames_have_no_limit():
    assert headers.full_level(np.full((20, 20), 7, np.uint16)) is None
    assert headers.full_level(np.full((20, 20), np.nan, np.float32)) is None


KEYS = "EXPTIME FILTER GAIN DATE-OBS TIME-OBS MJD-OBS TM-START UTC TIMESYS IMAGETYP PICTTYPE OBJECT BAYERPAT XBAYROFF "
KEYS += "YBAYROFF ROWORDER DATASEC TRIMSEC BIASSEC SATURATE INSTRUME ISOSPEED EXPOINUS"
scribbles = st.one_of(
    st.text(max_size=30),
    st.floats(),
    st.integers(),
    st.booleans(),
    st.none(),
    st.from_regex(
        r"\d{1,5}[-/:.]\d{1,3}[-/:.]\d{1,5}([T ]\d{1,3}:\d{1,3}(:\d{1,3}(\.\d)?)?([-+]\d{1,4})?)?", fullmatch=True
    ),
    st.from_regex(r"\[-?\d{1,6}:\d{1,6},\d{1,6}:\d{1,6}\]", fullmatch=True),
)


@given(st.dictionaries(st.sampled_from(KEYS.split()), scribbles))
@settings(max_examples=200, deadline=None)
def test_no_header_however_scribbled_raises(cards):
    exposure = headers.exposure(cards)
    assert exposure is None or 0 <= exposure < np.inf
    assert headers.bayer_pattern(cards, 20) in PATTERNS
    assert kind_of(cards, "/x/a.fits", exposure)[0] in ("", *KINDS)
    time = start_time(cards)
    assert time is None or time.isot[:2] in ("19", "20")
    outside = headers.outside_sections(cards, (20, 20))
    assert outside is None or 0 < outside.sum() < 200
    for fact in (headers.gain, headers.iso, headers.saturation):
        assert fact(cards) is None or np.isfinite(fact(cards))
    assert isinstance(headers.filter_name(cards) + headers.camera(cards), str)
