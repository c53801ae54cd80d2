"""Stacks: numpy's numbers, one for each filter, less noise by the root of the number, and nothing that flew through."""

import os
from dataclasses import replace

import numpy as np
import pytest

from pipeline.alignment import Shifts
from pipeline.frame import Failure, Frame, FrameError
from pipeline.graph.run import Graph
from pipeline.kernels.seeing import star_width
from pipeline.knob import Sides
from pipeline.recipe import Recipe
from pipeline.stages.stack import stack
from pipeline.tables import Selection
from tests.stages.synthetic import sequence

SHAPE = (70, 90)


def night(number, filters=None, exposures=None, used=None, fwhm=None):
    """A sequence, its selection and shifts."""
    frames = sequence(number, SHAPE)
    infos = [
        replace(
            info, filter="" if filters is None else filters[i], exposure=30.0 if exposures is None else exposures[i]
        )
        for i, info in enumerate(frames.frames)
    ]
    frames = replace(frames, frames=tuple(infos))
    used = np.ones(number, bool) if used is None else np.array(used)
    zeros = [np.zeros(number)] * 6
    reasons = tuple("" if one else f"light_{i:03}.fits: cloudy (1): wait" for i, one in enumerate(used))
    metrics = {"fwhm": np.full(number, 3.0) if fwhm is None else np.array(fwhm, float)}
    return frames, Selection(used, reasons, metrics), Shifts(*zeros, used, reasons, 0, SHAPE, "tracks")


def aligned(images, masks=None, pattern="none"):
    made = []
    for i, image in enumerate(images):
        info = replace(sequence(len(images), SHAPE).frames[i], pattern=pattern)
        made.append(Frame(info, image.astype(np.float32), mask=None if masks is None else masks[i]))
    return made


def noise(number, sigma=4.0, seed=0):
    return np.random.default_rng(seed).normal(0, sigma, (number, *SHAPE)).astype(np.float32)


def test_a_median_stack_is_numpys():
    images = noise(7)
    masks = np.random.default_rng(1).random(images.shape) < 0.1
    (made,) = stack(*night(7), aligned(images, masks)).stacks
    expected = np.nanmedian(np.where(masks, np.nan, images).astype(np.float64), axis=0)
    np.testing.assert_allclose(made.image, expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(made.count, (~masks).sum(axis=0))
    assert made.exposure == 210
    assert made.files == tuple(f"light_{i:03}.fits" for i in range(7))


def test_filters_are_stacked_by_themselves():
    images = noise(5)
    images[[1, 3]] += 1000
    result = stack(*night(5, filters=["V", "B", "V", "B", "V"]), aligned(images), combine="mean")
    assert [one.filter for one in result.stacks] == ["B", "V"]
    np.testing.assert_allclose(result.of("B").image, images[[1, 3]].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(result.of("V").image, images[[0, 2, 4]].mean(axis=0), rtol=1e-3, atol=1e-4)
    assert result.of("R") is None


@pytest.mark.parametrize("number", [8, 15])
def test_independent_noise_falls_with_the_root_of_the_number(number):
    images = noise(number) + 200 * (np.indices(SHAPE)[0] % 9 == 0)
    (made,) = stack(*night(number), aligned(images), combine="mean").stacks
    # What is alike in all frames is no noise, however rough.
    assert made.single_noise == pytest.approx(4, rel=0.03)
    assert made.gain == pytest.approx(number**0.5, rel=0.04)
    (median,) = stack(*night(number), aligned(images), combine="median").stacks
    assert made.gain > median.gain > made.gain / 1.3


@pytest.mark.parametrize("combine", ["median", "clipped", "winsorized"])
def test_a_satellite_is_thrown_out(combine):
    images = noise(12)
    images[5, 30] += 3000
    (made,) = stack(*night(12), aligned(images), combine=combine).stacks
    assert np.abs(made.image[30]).mean() < 3
    if combine != "median":
        assert (made.rejected[30] >= 1).all()
        np.testing.assert_array_equal(made.count + made.rejected, 12)
    (mean,) = stack(*night(12), aligned(images), combine="mean").stacks
    assert mean.image[30].mean() > 200


def test_weights_favour_quiet_and_sharp_frames():
    images = np.concatenate([noise(4, 2.0), noise(4, 8.0, seed=1)])
    (made,) = stack(*night(8), aligned(images), combine="mean", weights="noise").stacks
    np.testing.assert_allclose(np.array(made.weights[:4]) / made.weights[-1], 16, rtol=0.15)
    assert sum(made.weights) == pytest.approx(1)
    assert made.image.std() == pytest.approx((4 / 4 + 4 / 64) ** -0.5, rel=0.05)
    (sharp,) = stack(*night(2, fwhm=[2, 4]), aligned(images[:2]), combine="mean", weights="seeing").stacks
    assert sharp.weights == pytest.approx((0.8, 0.2))
    (unknown,) = stack(*night(2, fwhm=[2, np.nan]), aligned(images[:2]), combine="mean", weights="seeing").stacks
    assert unknown.weights == pytest.approx((0.5, 0.5))


def test_a_user_is_told_what_a_stack_cannot_do():
    (one,) = stack(*night(1), aligned(noise(1))).stacks
    assert "has one frame" in one.warnings[0]
    (few,) = stack(*night(4), aligned(noise(4)), combine="clipped").stacks
    assert few.warnings == (
        "stack: of 4 frames none can lie 3 sigma off (at most 2.3): use winsorized or median, or a lower stack.clip",
    )
    (mixed,) = stack(*night(2, exposures=[10.0, 60.0]), aligned(noise(2)), weights="noise").stacks
    assert "exposures differ (10 to 60 s)" in mixed.warnings[0]
    assert "a median takes all frames alike" in mixed.warnings[1]
    (unknown,) = stack(*night(2, exposures=[None, 60.0]), aligned(noise(2))).stacks
    assert unknown.exposure is None


@pytest.mark.parametrize(("exposure", "told"), [(60.3, False), (62.0, True)])
def test_exposures_that_differ_by_more_than_a_hundredth_are_told(exposure, told):
    (made,) = stack(*night(2, exposures=[60.0, exposure]), aligned(noise(2))).stacks
    assert any("exposures differ" in text for text in made.warnings) == told


def test_a_clip_that_one_side_can_reach_is_no_reason_for_a_warning():
    images = noise(10)
    images[3, 30, 40] -= 3000
    (made,) = stack(*night(10), aligned(images), combine="clipped", clip=Sides(2.0, 5.0)).stacks
    assert made.warnings == ()
    assert made.rejected[30, 40] >= 1


def test_the_noise_of_a_stack_is_told_where_most_frames_are():
    images, masks = noise(12), np.zeros((12, *SHAPE), bool)
    masks[3:, :, :50] = True
    (made,) = stack(*night(12), aligned(images, masks), combine="mean").stacks
    assert made.image[:, :50].std() == pytest.approx(4 / 3**0.5, rel=0.05)
    assert made.noise == pytest.approx(4 / 12**0.5, rel=0.06)


def test_frames_that_are_not_used_or_fail_are_named():
    images = aligned(noise(4))
    images[2] = Failure("light_002.fits", "aligned", "light_002.fits: lies elsewhere (9): leave it out")
    result = stack(*night(4, used=[True, False, True, True]), images)
    assert result.stacks[0].indices == (0, 3)
    assert dict(result.left_out)["light_001.fits"] == "light_001.fits: cloudy (1): wait"
    assert "lies elsewhere" in dict(result.left_out)["light_002.fits"]
    with pytest.raises(FrameError, match="no frame is aligned"):
        stack(*night(2, used=[False, False]), images[:2])


def test_each_frame_is_made_once_and_nothing_stays_on_the_disk(tmp_path):
    class Lazy:
        scratch = tmp_path
        made = ()

        def __getitem__(self, index):
            self.made += (index,)
            return frames[index]

    frames, lazy = aligned(noise(6)), Lazy()
    stack(*night(6), lazy)
    assert sorted(lazy.made) == [0, 1, 2, 3, 4, 5]
    assert os.listdir(tmp_path) == []


def test_the_bytes_do_not_depend_on_chance():
    frames = aligned(noise(9))
    for combine in ("median", "mean", "clipped", "winsorized"):
        one, other = (stack(*night(9), frames, combine=combine, weights="noise").stacks[0] for _ in range(2))
        assert one.image.tobytes() == other.image.tobytes()
        assert one.noise == other.noise


@pytest.mark.data
def test_a_real_night_gains_what_its_frames_promise(data):
    """The motion of 142 px turns, the stars are undersampled, and hot pixels stand everywhere."""
    graph = Graph()
    open_night = graph.open([data / "hatp32"])
    recipe = Recipe().with_knobs("aligned", model="transform").with_knobs("stack", combine="mean")
    (made,) = graph.result(open_night, recipe, "stack").stacks
    assert made.gain == pytest.approx(24**0.5, rel=0.1)
    none = np.zeros(0, np.int64)
    single = [graph.result(open_night, recipe, "normalize", i).image for i in range(0, 24, 3)]
    widths = [star_width(image, none, "none") for image in single]
    assert star_width(made.image, none, "none") == pytest.approx(np.median(widths), abs=0.3)
    # A hot pixel that was left would be drawn out along the motion, a twenty-fourth as high as it was.
    still = np.median([graph.result(open_night, recipe, "frame", i).pixels for i in range(24)], axis=0)
    rows, columns = np.nonzero(still - np.median(still) > 50)
    moves = graph.result(open_night, recipe, "shifts")
    y, x = (np.rint(start[:, None] + move).astype(int) for start, move in ((rows, moves.y), (columns, moves.x)))
    inside = (y > 5) & (y < 490) & (x > 5) & (x < 630)
    trail, beside = (np.median(made.image[y[inside], x[inside] + step]) for step in (0, 6))
    assert rows.size > 50
    assert abs(trail - beside) < 0.5 * made.noise


@pytest.mark.data
def test_two_filters_come_out_of_one_folder(data):
    graph = Graph()
    result = graph.result(graph.open([data / "ngc6819"]), Recipe(), "stack")
    assert [(one.filter, len(one.files)) for one in result.stacks] == [("B", 1), ("V", 3)]
