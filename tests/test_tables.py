"""What the frame table and the run's dialog say of files that are left out."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("panel")

from pipeline.frame import FrameInfo, Sequence
from pipeline.tables import Selection
from ui.file_frame import without_name
from ui.frame_tab import frame_frame
from ui.run_dialog import reasons_text
from ui.series import files_text


def sequence(left_out=()):
    lights = tuple(FrameInfo(path=f"/data/{name}", file=name, shape=(8, 8)) for name in ("a.fits", "b.fits"))
    return Sequence(lights, ("", ""), 0, left_out)


def test_files_that_are_no_lights_stand_below_the_lights_with_their_reason():
    shown = sequence((("c.txt", "c.txt: is no FITS file: choose another"),))
    selection = Selection(np.array([True, False]), ("", "b.fits: has no stars: leave it out"), {})
    table = frame_frame(shown, selection, None)
    assert table["frame"].tolist() == ["a", "b", "c.txt"]
    assert table["used"].tolist() == [True, False, None]
    assert table["why not"].tolist() == ["", "Has no stars", "Is no FITS file: choose another"]


def test_a_reason_does_not_repeat_the_name_of_its_file():
    assert without_name("night/a.fits: is cut off", "night/a.fits") == "Is cut off"
    assert without_name("a.fits: is cut off", "night/a.fits") == "Is cut off"
    assert without_name("nothing is known", "a.fits") == "Nothing is known"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("a.fits: has no pixel with a value: leave it out", "Has no pixel with a value"),
        ("a.fits: no stars found: lower stars.threshold or leave it out", "No stars found: lower stars.threshold"),
        ("a.fits: is off: leave it out, or choose a nearer reference", "Is off: choose a nearer reference"),
        ("a.fits: is off: leave it out, lower stars.threshold, or wait", "Is off: lower stars.threshold, or wait"),
        ("a.fits: is too dark: leave it out, and take it again with more light",
         "Is too dark: take it again with more light"),
        ("left out by hand", "Left out by hand"),
    ],
)  # fmt: skip
def test_a_file_that_is_left_out_is_not_advised_to_be_left_out(told, said):
    assert without_name(told, "a.fits") == said


def test_lights_are_counted_of_all_files_where_some_are_left_out():
    assert files_text(sequence()) == "2 frames"
    some = sequence((("c.txt", "c.txt: is no FITS file"),))
    assert files_text(some) == "2 lights of 3 files"
    assert files_text(replace(some, calibration=some.frames[:1] * 4)) == "2 lights of 7 files"


def test_the_run_lists_every_file_that_gave_nothing():
    frames = [
        {"file": "a.fits", "state": "done", "reason": ""},
        {"file": "b.fits", "state": "left out", "reason": "b.fits: has <2 stars"},
    ]
    text = reasons_text({"frames": frames, "left_out": [{"file": "c.txt", "reason": "is no FITS file"}]})
    assert "a.fits" not in text
    assert "<li>b.fits: has &lt;2 stars</li>" in text
    assert "<li>c.txt: is no FITS file</li>" in text
    assert reasons_text({"frames": frames[:1], "left_out": []}) == ""
