"""Which files are the lights, their order, and the reference."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.time import Time
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.frame import Failure, FrameError, FrameInfo
from pipeline.knob import KnobError
from pipeline.read import read_infos
from pipeline.stage import STAGES
from pipeline.stages.frames import frames

START = Time("2024-03-01T20:00:00")


def light(file, minute=None, *, shape=(40, 60), kind="light", folder="/night", pattern="none"):
    from astropy import units

    time = None if minute is None else START + minute * units.min
    return FrameInfo(f"{folder}/{file}", file, shape, pattern, kind, "IMAGETYP", time)


def files(sequence):
    return [info.file for info in sequence.frames]


def test_lights_go_by_time_then_name_and_those_without_time_come_last():
    named = (light("x"), light("b", 1), light("a", 2), light("c_10", 1), light("c_9", 1), light("a_1"))
    assert files(frames(named)) == ["b", "c_9", "c_10", "a", "a_1", "x"]
    assert frames(named).reference == 0


def test_order_by_name_counts_numbers_and_the_reference_is_still_the_first_by_time():
    sequence = frames((light("f_10", 1), light("f_2", 2), light("f_1")), order="name")
    assert files(sequence) == ["f_1", "f_2", "f_10"]
    assert sequence.reference == 2


@given(st.permutations([light("a", 1), light("b", 0), light("c"), light("d", 1), light("e", 5, shape=(30, 30))]))
@settings(max_examples=40, deadline=None)
def test_the_order_in_which_files_are_named_does_not_matter(named):
    sequence = frames(tuple(named))
    assert files(sequence) == ["b", "a", "d", "e", "c"]
    assert [bool(reason) for reason in sequence.unusable] == [False, False, False, True, False]


def test_one_instant_in_two_zones_is_one_instant():
    east = FrameInfo("/n/b", "b", (40, 60), time=Time("2017-12-20T01:33:43"))
    assert files(frames((light("late", 0), east))) == ["b", "late"]


def test_the_commonest_size_is_usable_and_another_says_why():
    sequence = frames((light("odd", 0, shape=(90, 100)), light("a", 1), light("b", 2)))
    assert sequence.unusable[1:] == ("", "")
    sizes = "100 x 90 pixels, most frames 60 x 40"
    remedy = "run frames of that size by themselves"
    assert sequence.unusable[0] == f"odd: has another size than the others ({sizes}): {remedy}"
    assert sequence.reference == 1
    assert sequence.shape == (40, 60)


def test_of_two_sizes_equally_common_the_references_counts():
    named = (light("a", 0), light("b", 1, shape=(30, 30)))
    assert frames(named).unusable[0] == ""
    assert frames(named, reference="b").unusable[1] == ""


def test_failures_are_left_out_with_their_reason_and_calibration_frames_are_kept_apart():
    broken = Failure("broken", "frames", "broken: is empty (0 bytes): copy it again")
    others = (
        light("f", kind="flat"),
        light("d_10", 1, kind="dark"),
        light("b", kind="bias"),
        light("d_9", kind="dark"),
    )
    sequence = frames((light("a", 0), *others, broken, light("u", 2, kind="")))
    assert files(sequence) == ["a", "u"]
    assert sequence.frames[1].kind == "light"
    assert sequence.left_out == (("broken", broken.message),)
    assert [info.file for info in sequence.calibration] == ["b", "d_9", "d_10", "f"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"shape": (40, 50)}, "is a dark of another size (50 x 40 pixels, the lights 60 x 40)"),
        ({"binning": (1, 1)}, "is a dark of another binning (1 x 1 against 2 x 2)"),
        ({"pattern": "GBRG"}, "is a dark of another mosaic (GBRG, the lights RGGB)"),
        ({"iso": 800.0}, "is a dark of another ISO (800, the lights 1600)"),
        ({"gain": 2.0}, "is a dark of another gain (2, the lights 1)"),
    ],
)
def test_a_calibration_frame_that_does_not_fit_is_left_out_with_its_reason(change, reason):
    taken = replace(light("a", 0, pattern="RGGB"), binning=(2, 2), iso=1600.0, gain=1.0)
    dark = replace(taken, path="/night/d", file="d", kind="dark")
    assert len(frames((taken, dark)).calibration) == 1
    sequence = frames((taken, replace(dark, **change)))
    assert sequence.calibration == ()
    assert sequence.left_out == (("d", f"d: {reason}: give dark frames taken as the lights were"),)


def test_what_a_header_does_not_say_fits_and_takes_the_lights_pattern():
    taken = replace(light("a", 0, pattern="RGGB"), binning=(2, 2), iso=1600.0, gain=1.0)
    (bias,) = frames((taken, light("b", kind="bias"))).calibration
    assert bias.pattern == "RGGB"


def test_a_flat_of_another_gain_is_as_good():
    taken = replace(light("a", 0), gain=1.0)
    assert len(frames((taken, replace(light("f", kind="flat"), gain=2.0))).calibration) == 1


def test_kinds_by_hand_win():
    named = (light("a", 0), light("d", 1, kind="dark"))
    sequence = frames(named, kinds={"d": "light", "a": "flat", "elsewhere": "dark"})
    assert files(sequence) == ["d"]
    assert sequence.frames[0].kind_reason == "by hand"
    assert [(info.file, info.kind, info.kind_reason) for info in sequence.calibration] == [("a", "flat", "by hand")]
    with pytest.raises(KnobError, match=r"frames.kinds.a = 'lihgt': wants one of light, bias, dark, flat"):
        frames(named, kinds={"a": "lihgt"})


def test_a_file_named_twice_is_one_frame():
    assert files(frames((light("a", 0), light("b", 1), light("a", 0)))) == ["a", "b"]


def test_a_link_to_a_file_is_the_same_file(tmp_path):
    (tmp_path / "a.fits").write_bytes(b"")
    (tmp_path / "b.fits").symlink_to(tmp_path / "a.fits")
    assert len(frames((light("a.fits", 0, folder=tmp_path), light("b.fits", 0, folder=tmp_path))).frames) == 1


@pytest.mark.parametrize("name", ["two/a.fits", "/night/two/a.fits", "c.fits", "two/c.fits", "./two/c.fits"])
def test_the_reference_is_found_by_name_or_path(name):
    named = (light("one/a.fits", 0), light("two/a.fits", 1), light("two/c.fits", 2))
    sequence = frames(named, reference=name)
    assert sequence.frames[sequence.reference].path.endswith(name.removeprefix("./"))


def test_the_reference_may_lie_in_another_folder():
    named = (light("a.fits", 5), light("b.fits", 6), light("other.fits", 0, folder="/earlier"))
    assert frames(named, reference="/earlier/other.fits").frames[0].file == "other.fits"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("light_1.fit", "is none of the lights; did you mean light_1.fits"),
        ("a.fits", r"fits several files \(one/a.fits, two/a.fits\): give the folder too"),
        ("odd.fits", "cannot be the reference: odd.fits: has another size"),
        ("dark.fits", "cannot be the reference: dark.fits: is a dark"),
    ],
)
def test_a_reference_that_cannot_be_used_is_said_so(name, sentence):
    named = (
        light("light_1.fits", 0),
        light("one/a.fits", 1),
        light("two/a.fits", 2),
        light("odd.fits", 3, shape=(9, 9)),
        light("dark.fits", kind="dark"),
    )
    with pytest.raises(KnobError, match=f"^frames.reference = '{name}': {sentence}"):
        frames(named, reference=name)


def test_the_pattern_given_replaces_that_of_the_files():
    named = (light("a", 0, pattern="RGGB"), light("b", 1))
    assert [info.pattern for info in frames(named).frames] == ["RGGB", "none"]
    assert [info.pattern for info in frames(named, pattern="GBRG").frames] == ["GBRG", "GBRG"]
    assert [info.pattern for info in frames(named, pattern="none").frames] == ["none", "none"]
    assert named[0].pattern == "RGGB"


@pytest.mark.parametrize("named", [(), (light("d", kind="dark"),), (Failure("x", "frames", "x: is empty: copy it"),)])
def test_without_any_light_there_is_one_sentence(named):
    with pytest.raises(FrameError, match=r"^lights: .*: name other files, or correct their kind with frames.kinds$"):
        frames(named)


def test_knobs_have_the_words_of_the_recipe():
    checked = STAGES["frames"].check({"reference": "auto", "kinds": {"b": "dark", "a": "light"}})
    assert checked["reference"] is None
    assert list(checked["kinds"]) == ["a", "b"]
    assert STAGES["frames"].check({}) == {
        "reference": None,
        "order": "time",
        "pattern": "auto",
        "overscan": "auto",
        "kinds": {},
    }


@pytest.mark.data
def test_a_full_night_with_its_calibration_frames(data):
    sequence = frames(read_infos([data / "pluto"]))
    assert files(sequence) == [f"pluto_V_d{number}.fits.fz" for number in range(2090, 2100)]
    assert sequence.left_out == ()
    assert [info.kind for info in sequence.calibration] == ["bias"] * 3 + ["dark"] * 3 + ["flat"] * 3


@pytest.mark.data
def test_good_frames_go_on_among_broken_ones(data):
    sequence = frames(read_infos([data / "bad"]))
    assert {"good_1.fits", "good_2.fits", "good name with späce.fits"} <= set(files(sequence))
    assert sequence.shape == (120, 160)
    assert sequence.unusable[files(sequence).index("wrong_shape.fits")]
    assert len(sequence.frames) + len(sequence.left_out) + len(sequence.calibration) == len(
        list((data / "bad").iterdir())
    )
    assert np.diff([info.time.mjd for info in sequence.frames if info.time]).min() >= 0
