"""Pictures of masters, masks and stacks: of the frame's own exposure and filter, or a sentence where there is none."""

import numpy as np
import pytest

pytest.importorskip("panel")

from pipeline.difference import Difference
from pipeline.frame import Frame, FrameInfo, Sequence
from pipeline.masters import NO_BIAS, NO_DARKS, NO_FLATS, Master, MasterDarks, MasterFlats
from pipeline.photometry import Mask
from pipeline.stage import STAGES
from pipeline.stages.background import background
from tests import map_of_stars
from ui import marks
from ui.cuts import limits
from ui.order import ORDER
from ui.pictures import FOLLOWS, MADE_OF, frame_beside, prepare
from ui.scene import Scene
from ui.stretch import VIEWS

SHAPE = (20, 30)


def scene_of(stage, result, **facts):
    """A scene with one result, of a light with these facts."""
    frames = Sequence((FrameInfo("a", "a", SHAPE, **facts),), ("",), 0)
    return Scene().with_result("frames", frames, "frames").with_result(stage, result, f"{stage} {facts} {id(result)}")


def image(value):
    return np.full(SHAPE, value, np.float32)


def test_every_kind_of_picture_is_drawn_in_some_way_and_asked_for():
    assert set(MADE_OF) <= set(VIEWS)
    assert set(MADE_OF.values()) <= {*ORDER, "frame", "sum"}
    assert {FOLLOWS.get(made_of, made_of) for made_of in MADE_OF.values()} <= set(STAGES)


@pytest.mark.parametrize(
    ("stage", "nothing"),
    [("master_bias", NO_BIAS), ("master_dark", NO_DARKS), ("master_flat", NO_FLATS), ("mask", Mask())],
)
def test_a_stage_with_nothing_to_do_says_so_in_place_of_its_picture(stage, nothing):
    (one,) = prepare(scene_of(stage, nothing), stage, (stage,))
    assert one.pyramid is None
    assert one.why.endswith(".")
    assert marks.summary(stage, nothing)[1]


def test_the_dark_is_that_of_the_exposure_and_the_flat_that_of_the_filter():
    darks = MasterDarks(tuple(Master("dark", image(t), ("d",), exposure=t) for t in (10.0, 30.0)), "never")
    for exposure in (10.0, 30.0):
        (one,) = prepare(scene_of("master_dark", darks, exposure=exposure), "master_dark", ("master_dark",))
        assert one.pyramid.high == exposure
    (one,) = prepare(scene_of("master_dark", darks, exposure=60.0), "master_dark", ("master_dark",))
    assert "60" in one.why
    flats = MasterFlats(tuple(Master("flat", image(v), ("f",), filter=f) for f, v in (("B", 1.0), ("V", 2.0))))
    (one,) = prepare(scene_of("master_flat", flats, filter="v"), "master_flat", ("master_flat",))
    assert one.pyramid.high == 2.0
    (one,) = prepare(scene_of("master_flat", flats, filter="R"), "master_flat", ("master_flat",))
    assert "R" in one.why


def test_the_calibrated_frame_is_drawn_about_its_sky():
    pixels = np.random.default_rng(1).normal(100, 5, SHAPE).astype(np.float32)
    frame = Frame(FrameInfo("a", "a", SHAPE), pixels)
    (one,) = prepare(scene_of("calibrated", frame), "calibrated", ("calibrated",))
    assert one.pyramid.level == pytest.approx(100, abs=1)
    assert one.pyramid.noise == pytest.approx(5, rel=0.2)


def test_a_sky_that_slopes_and_has_colours_is_not_drawn_black():
    sky = np.linspace(400, 600, 200)[None, :] * np.tile([[0.6, 1.0], [1.0, 0.7]], (50, 100))
    pixels = (sky + np.random.default_rng(2).normal(0, 5, sky.shape)).astype(np.float32)
    frame = Frame(FrameInfo("a", "a", sky.shape, pattern="RGGB"), pixels)
    whole = background(frame, box_size=32)
    assert 2 * whole.rms() < np.ptp(sky) / 10
    scene = scene_of("frame", frame).with_result("background", whole, "background")
    for stage, kind in (("frame", "raw"), ("background", "background")):
        (one,) = prepare(scene, stage, (kind,))
        low = one.pyramid.level - 2 * one.pyramid.noise
        assert np.mean(pixels < low) < 0.05


def test_the_masters_row_tells_noise_of_one_of_all_and_what_independent_noise_would_leave():
    bias = Master("bias", image(2), ("a", "b", "c", "d"), level=2.0, single_noise=8.0, noise=4.5)
    number, words = marks.summary("master_bias", bias)
    assert number == "4"
    assert "8 to 4.5" in words
    assert "1/√4 would be 4" in words


def test_the_flats_row_tells_light_against_full():
    flat = Master("flat", image(1), ("a",), filter="V", exposure=2.0, levels=(30000.0,), full=60000.0)
    assert "50\u2009% of full" in marks.summary("master_flat", MasterFlats((flat,)))[1]


def test_a_difference_has_its_noise_in_even_colours_about_nought_however_bright_what_moved_is():
    pixels = np.random.default_rng(1).normal(0, 5, SHAPE).astype(np.float32)
    pixels[3, 4:6] = 20_000, -9_000
    frames = Sequence((FrameInfo("a", "a", SHAPE), FrameInfo("b", "b", SHAPE)), ("", ""), 0)
    scene = Scene(frame=1).with_result("frames", frames, "frames")
    (one,) = prepare(scene.with_result("difference", Difference(pixels, 5.0), "d"), "difference", ("difference",))
    low, high = limits(one.pyramid, VIEWS["difference"])
    assert low == -high
    assert 30 < high < 50


def test_the_reference_less_itself_is_no_picture():
    (one,) = prepare(scene_of("difference", Difference(image(0), 5.0)), "difference", ("difference",))
    assert one.pyramid is None
    assert one.why == "This frame is the reference: its difference from itself is zero. Go to another frame."
    assert one.elsewhere is None


@pytest.mark.parametrize(
    ("used", "reference", "beside"),
    [("1111", 0, 1), ("1011", 0, 2), ("1111", 2, 3), ("1110", 2, 1), ("1001", 3, 0), ("0100", 1, None)],
)
def test_from_the_reference_the_nearest_frame_used_has_the_picture(used, reference, beside):
    assert frame_beside(np.array([one == "1" for one in used]), reference) == beside


@pytest.mark.parametrize("stage", ["difference", "offset_map"])
def test_the_picture_that_the_reference_has_not_is_shown_where_there_is_one(stage):
    frames = Sequence((FrameInfo("a", "a", SHAPE), FrameInfo("b", "b", SHAPE)), ("", ""), 0)
    scene = Scene().with_result("frames", frames, "frames").with_result("tracks", map_of_stars.tracks(), "tracks")
    kind = "x_offset" if stage == "offset_map" else stage
    (one,) = prepare(scene.with_result(stage, Difference(image(0), 5.0), "d"), stage, (kind,))
    assert (one.pyramid, one.elsewhere) == (None, 1)
