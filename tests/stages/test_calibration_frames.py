"""What became of every bias, dark and flat that was given, and where a flat is levelled and unexposed."""

import numpy as np
import pytest

from pipeline.frame import PATTERNS, colour_planes
from pipeline.read.rows import RowReaders
from pipeline.stages.master_bias import master_bias
from pipeline.stages.master_dark import master_dark
from pipeline.stages.master_flat import levelling, lit_limit, master_flat
from tests.stages.ccd import SHAPE, Detector, broken, named, readers


def flats(detector, levels=(20_000.0, 24_000.0, 17_000.0), **facts):
    return [
        detector.frame("flat", light=level, exposure=2.0 + i, name=f"flat_{i}.fits", **facts)
        for i, level in enumerate(levels)
    ]


def test_every_flat_is_listed_with_its_own_numbers_and_why_it_is_refused():
    detector = Detector()
    bias = master_bias(readers(*detector.frames("bias", 5)))
    dim = detector.frame("flat", light=0.0, exposure=1.0, filter_name="B", name="dim.fits")
    bright = detector.frame("flat", light=200_000.0, exposure=30.0, filter_name="V", name="bright.fits")
    given = [*flats(detector, filter_name="V"), dim, bright]
    others = readers(detector.frame("light", light=500.0, exposure=60.0))
    made = master_flat(RowReaders([*others, *readers(*given), broken("flat")]), bias)
    assert [one.file for one in made.frames] == [*(frame.info.file for frame in given), "broken.fits"]
    for one, frame in zip(made.frames, given, strict=False):
        assert one.median == pytest.approx(np.median(frame.pixels))
        assert (one.filter, one.exposure, one.full) == (frame.info.filter, frame.info.exposure, detector.full)
        assert one.kind == "flat"
    reasons = [one.reason for one in made.frames]
    assert reasons[:3] == ["", "", ""]
    assert "dark flat" in reasons[3]
    assert "saturated flat" in reasons[4]
    assert "is empty" in reasons[5]
    assert np.isnan(made.frames[5].median)


def test_biases_and_darks_are_listed_too_also_where_none_serves():
    detector = Detector()
    hole = named(detector.frame("bias"), file="hole.fits")
    hole.pixels[:] = np.nan
    for count in (0, 3):
        made = master_bias(RowReaders([*readers(*detector.frames("bias", count), hole), broken("bias")]))
        assert [bool(one.reason) for one in made.frames] == [False] * count + [True, True]
        assert [np.isfinite(one.median) for one in made.frames] == [True] * count + [False, False]
    darks = [detector.frame("dark", exposure=exposure, name=f"d{exposure}.fits") for exposure in (60.0, 20.0, 60.0)]
    made = master_dark(readers(*darks))
    assert [one.exposure for one in made.frames] == [60.0, 20.0, 60.0]
    assert [one.median for one in made.frames] == [pytest.approx(np.median(dark.pixels), abs=1) for dark in darks]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_lit_region_of_a_master_is_that_of_each_flat_without_noise(pattern):
    detector = Detector(pattern, read_noise=0.0)
    detector.flat *= detector.colours()
    detector.flat[:, :30] *= 0.01
    detector.flat[60:64, 70:80] *= 0.3
    detector.flat[80:, 30:] *= np.linspace(0.3, 0.7, 100)
    frame = detector.frame("flat", light=20_000.0, noise=False)
    frame.pixels[:] -= detector.bias.astype(np.float32)
    (master,) = master_flat(readers(frame)).masters
    expected = np.zeros(SHAPE, bool)
    for colour in dict.fromkeys(name for name, _, _ in colour_planes(pattern)):
        own = np.zeros(SHAPE, bool)
        for name, row, column in colour_planes(pattern):
            step = 1 if pattern == "none" else 2
            own[row::step, column::step] |= name == colour
        expected |= own & (frame.pixels > lit_limit(frame.pixels[own]))
    np.testing.assert_array_equal(levelling(master.image, "lit", pattern), expected)
    np.testing.assert_array_equal(master.unexposed, np.isnan(master.image))
    assert master.unexposed[:, :30].all()
    assert not master.unexposed[60:64, 70:80].any()


def test_a_pixel_without_a_value_in_the_flats_is_not_called_unexposed():
    detector = Detector()
    given = flats(detector)
    for frame in given:
        frame.pixels[:, -6:] = np.nan
    (master,) = master_flat(readers(*given)).masters
    assert np.isnan(master.image[:, -6:]).all()
    assert master.unexposed is None


def test_the_other_regions_are_what_their_names_say():
    detector = Detector()
    (master,) = master_flat(readers(*flats(detector))).masters
    assert levelling(master.image, "frame", "none").all()
    inside = levelling(master.image, (30, 40, 60, 71), "none")
    assert inside[40:71, 30:60].all()
    assert inside.sum() == 31 * 30
    (brightest,) = np.argwhere(levelling(master.image, "max", "none"))
    assert master.image[tuple(brightest)] == master.image.max()
