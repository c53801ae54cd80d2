"""Frames left out by hand and by limits, and what the reasons say."""

import dataclasses

import numpy as np
import pytest

from pipeline.frame import Failure
from pipeline.knob import KnobError
from pipeline.stages.selection import selection
from tests.stages.synthetic import sequence, table

SHAPE = (100, 120)


def night(fwhm=(3.0, 4.0, 5.0)):
    tables = [
        table([[20.0, 30.0], [60.0, 50.0], [90.0, 80.0]], [900.0, 100.0, 40.0], SHAPE, fwhm=width) for width in fwhm
    ]
    return sequence(len(fwhm), SHAPE), tables


def test_everything_is_used_when_nothing_is_asked():
    frames, tables = night()
    chosen = selection(frames, tables)
    assert chosen.used.all()
    assert chosen.reason == ("", "", "")
    assert chosen.metrics["stars"].tolist() == [2, 2, 2]
    assert chosen.metrics["fwhm"].tolist() == [3, 4, 5]
    assert chosen.residual_limit is None
    assert not chosen.used.flags.writeable


def test_frame_rejected_by_hand_keeps_its_reason():
    frames, tables = night()
    rejected = {"light_001.fits": "satellite", "light_002.fits": "left out by hand", "not_here.fits": "old"}
    chosen = selection(frames, tables, rejected=rejected)
    assert chosen.used.tolist() == [True, False, False]
    remedy = "tick it in the table of frames, or take it out of selection.rejected, to use it again"
    assert chosen.reason[1] == f"light_001.fits: left out by hand (satellite): {remedy}"
    assert chosen.reason[2] == f"light_002.fits: left out by hand: {remedy}"


def test_bare_name_serves_only_where_it_is_the_only_one():
    frames, tables = night()
    named = [
        dataclasses.replace(info, file=f"{folder}/a.fits") for info, folder in zip(frames.frames, "xyz", strict=True)
    ]
    frames = dataclasses.replace(frames, frames=tuple(named))
    assert selection(frames, tables, rejected={"a.fits": "which?"}).used.all()
    assert selection(frames, tables, rejected={"y/a.fits": "this"}).used.tolist() == [True, False, True]
    single = dataclasses.replace(frames, frames=(named[0], *sequence(3, SHAPE).frames[1:]))
    assert selection(single, tables, rejected={"a.fits": "this"}).used.tolist() == [False, True, True]


def test_limit_leaves_out_what_lies_outside_and_names_the_value():
    frames, tables = night()
    chosen = selection(frames, tables, limits={"fwhm": (0.0, 4.0)})
    assert chosen.used.tolist() == [True, True, False]
    assert chosen.reason[2] == "light_002.fits: fwhm above 4 (5): widen selection.limits to use it"
    assert selection(frames, tables, limits={"fwhm": (3.0, 5.0)}).used.all(), "the ends are within"


def test_limit_on_what_is_not_known_says_so():
    frames, tables = night()
    chosen = selection(frames, tables, limits={"exposure": (1.0, 60.0)})
    assert not chosen.used.any()
    assert "exposure is not known" in chosen.reason[0]


def test_residual_limit_is_handed_on():
    frames, tables = night()
    chosen = selection(frames, tables, limits={"residual": (0.0, 0.3)})
    assert chosen.used.all()
    assert chosen.residual_limit == (0.0, 0.3)


def test_unknown_metric_names_the_nearest():
    frames, tables = night()
    with pytest.raises(KnobError, match="no metric fwmh; did you mean fwhm"):
        selection(frames, tables, limits={"fwmh": (0.0, 1.0)})


def test_frames_that_failed_stay_out_with_their_own_sentence():
    frames, tables = night()
    tables[2] = Failure("light_002.fits", "stars", "light_002.fits: is cut off (3 bytes): copy it again")
    frames = dataclasses.replace(frames, unusable=("", "light_001.fits: has another size (1 x 1): run it alone", ""))
    chosen = selection(frames, tables)
    assert chosen.used.tolist() == [True, False, False]
    assert chosen.reason[1].startswith("light_001.fits: has another size")
    assert chosen.reason[2].startswith("light_002.fits: is cut off")
    assert np.isnan(chosen.metrics["fwhm"][1:]).all()
