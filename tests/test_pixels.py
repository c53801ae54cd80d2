"""Pixels of a picture as the page tells them: numbers with their digits, what is full, the flats' table, flat marks."""

import numpy as np
import pytest

pytest.importorskip("panel")

from pipeline.frame import Frame, FrameInfo, Sequence
from pipeline.graph.request import StaleError, Ticket
from pipeline.graph.run import Graph
from pipeline.masters import CalibrationFrame, Master, MasterDarks, MasterFlats
from pipeline.statistics import Statistics, survey
from ui import pixel_facts, pixels_tab
from ui.calibration_table import calibration_frame
from ui.colours import PALETTES
from ui.flat_layer import traced
from ui.histogram_plot import HistogramPlot
from ui.pixels_tab import PixelsTab
from ui.pyramid import Pyramid
from ui.region import pixels_inside
from ui.results import Scene
from ui.session import Session

SHAPE = (40, 60)


def scene_of(**results):
    """A scene of one light with some results."""
    info = FrameInfo("a", "a", SHAPE, "RGGB", saturation=1000.0, filter="V", exposure=30.0)
    scene = Scene().with_result("frames", Sequence((info,), ("",), 0), "frames")
    for name, result in results.items():
        scene = scene.with_result(name, result, name)
    return scene, info


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ((2.2, 7.0, 3.0, 4.4), (3, 3, 8, 5)),
        ((-20, 900, -3, 900), (0, 0, 60, 40)),
        ((5.1, 5.9, 3, 9), None),
        ((70, 90, 3, 9), None),
    ],
)
def test_a_region_holds_the_pixels_whose_centres_lie_in_it(region, expected):
    assert pixels_inside(region, SHAPE) == expected


def test_a_median_has_the_digits_that_its_deviation_gives_a_meaning():
    cells = pixel_facts.cells(Statistics(2400, 1234, 5, 1021.4567, 4.9312, -3.0, 65535.0))
    assert cells == ["1021.46", "4.93", "\u22123", "65535", "1,234", "5"]
    assert pixel_facts.cells(Statistics(9, 9, None, *(float("nan"),) * 4))[:4] == ["\u2013"] * 4


def test_full_pixels_are_those_of_the_frame_or_the_bias_and_not_known_of_other_pictures():
    pixels = np.full(SHAPE, 100, np.uint16)
    pixels[3, 4:7] = 1000
    scene, info = scene_of()
    full = pixel_facts.full_of(scene.with_result("frame", Frame(info, pixels), "f"), "raw")
    np.testing.assert_array_equal(full, 3 * 60 + np.array([4, 5, 6]))
    bias = Master("bias", pixels.astype(np.float32), ("b",), full=1000.0)
    assert pixel_facts.full_of(scene.with_result("master_bias", bias, "b"), "master_bias").size == 3
    flat = MasterFlats((Master("flat", pixels.astype(np.float32), ("f",), filter="V", full=1000.0),))
    assert pixel_facts.full_of(scene.with_result("master_flat", flat, "f"), "master_flat") is None
    assert pixel_facts.full_of(scene, "stack") is None


def test_a_mosaics_colours_are_told_one_by_one_and_those_of_maps_are_not():
    scene, _ = scene_of()
    for kind in ("raw", "subtracted", "master_flat", "difference"):
        assert pixel_facts.pattern_of(scene, kind) == "RGGB"
    for kind in ("x_offset", "mask", "stack_count", "stack"):
        assert pixel_facts.pattern_of(scene, kind) == "none"


@pytest.mark.parametrize("theme", PALETTES)
@pytest.mark.parametrize("pattern", ["none", "GBRG"])
def test_the_table_has_rows_of_picture_and_region_whether_there_is_one_or_not(theme, pattern):
    image = np.random.default_rng(1).normal(size=SHAPE)
    whole = survey(image, pattern)
    part = survey(image, pattern, region=(0, 0, 10, 10), edges=whole.edges)
    rows = 3 if pattern == "none" else 9
    for one in (None, part):
        assert pixel_facts.table(whole, one, PALETTES[theme]).count("<tr") == rows


@pytest.mark.parametrize("pattern", ["none", "RGGB"])
def test_the_histogram_draws_every_share_of_picture_and_region(pattern):
    image = np.random.default_rng(1).normal(50, 3, SHAPE)
    whole = survey(image, pattern)
    plot = HistogramPlot("dark")
    plot.show(whole, None, "ADU")
    if pattern == "none":
        shares = np.maximum(100 * whole.counts["mono"] / image.size, plot.bars.data["bottom"][0])
        np.testing.assert_allclose(plot.bars.data["top"], shares)
    assert len(plot.lines.data["xs"]) == (0 if pattern == "none" else 3)
    plot.show(whole, survey(image, pattern, region=(5, 5, 9, 9), edges=whole.edges), "ADU")
    plot.theme = "light"
    assert len(plot.lines.data["xs"]) == (1 if pattern == "none" else 6)
    for x, y in zip(plot.lines.data["xs"], plot.lines.data["ys"], strict=True):
        assert (x[0], x[-1]) == (whole.edges[0], whole.edges[-1])
        assert (np.asarray(y) > 0).all()


def test_nothing_with_a_value_is_drawn_as_an_empty_plot():
    empty = survey(np.full(SHAPE, np.nan))
    HistogramPlot("dark").show(empty, empty, "ADU")


def test_the_words_of_a_master_tell_noise_of_one_of_all_and_what_is_left_by_the_root():
    bias = Master("bias", np.zeros(SHAPE), tuple("abcd"), single_noise=8.0, noise=4.2, error=4.1)
    words = pixel_facts.master_words(bias, "lit")
    assert "Noise of one 8\u2009ADU, of the master 4.2\u2009ADU; 1/\u221a4 of one is 4\u2009ADU" in words
    assert "Chance alone" not in words
    unexposed = np.zeros(SHAPE, bool)
    unexposed[:2, :3] = True
    flat = Master("flat", np.ones(SHAPE), tuple("abcd"), filter="<V>", single_noise=0.01, noise=0.01, error=0.005,
                  unexposed=unexposed)  # fmt: skip
    words = pixel_facts.master_words(flat, "lit")
    assert "&lt;V&gt;" in words
    assert "Chance alone would leave 0.005; the rest is a pattern" in words
    assert "6 pixels (0.25\u2009%) are unexposed" in words


def test_the_table_of_calibration_frames_has_median_against_full_and_the_reason():
    frames = (
        CalibrationFrame("n/f1.fits", "flat", "V", 2.0, 30_000.0, 60_000.0),
        CalibrationFrame(
            "n/f2.fits", "flat", "V", None, 59_000.0, None, "n/f2.fits: is a saturated flat: leave it out"
        ),
    )
    bias = Master("bias", frames=(CalibrationFrame("b.fits", "bias", "", 0.0, 300.0, 60_000.0),))
    table = calibration_frame(bias, MasterDarks(), MasterFlats(frames=frames), None)
    assert table["kind"].tolist() == ["bias", "flat", "flat"]
    assert table["file"].tolist() == ["b", "f1", "f2"]
    assert table["% full"].tolist()[:2] == [0.5, 50.0]
    assert np.isnan(table["% full"][2])
    assert np.isnan(table["s"][2])
    assert table["used"].tolist() == [True, True, False]
    assert table["why not"].tolist() == ["", "", "Is a saturated flat: leave it out"]
    assert "filter" not in calibration_frame(bias)
    assert calibration_frame(None, None).empty


def flat_of(image, unexposed=None):
    return Master("flat", image.astype(np.float32), ("f",), unexposed=unexposed)


def test_the_outline_of_a_flat_goes_round_what_is_lit_and_not_round_single_pixels():
    image = np.ones((200, 300), np.float32)
    image[:, :100] = 0.3
    image[50:52, 200:202] = 0.1
    xs, ys = traced(flat_of(image), "lit", "none").outline
    assert len(xs) == 1
    assert min(xs[0]) == pytest.approx(99.5, abs=1)
    assert (max(xs[0]), min(ys[0]), max(ys[0])) == (299.5, -0.5, 199.5)
    (x,), (y,) = traced(flat_of(image), (30, 40, 60, 71), "none").outline
    assert (min(x), max(x), min(y), max(y)) == (29.5, 59.5, 39.5, 70.5)
    image[120, 250] = 5
    brightest = traced(flat_of(image), "max", "none")
    assert (brightest.brightest[0].tolist(), brightest.brightest[1].tolist()) == ([250], [120])
    assert brightest.outline == ([], [])


def test_unexposed_pixels_are_areas_and_small_groups_have_a_ring_each():
    image, lost = np.ones((900, 1800), np.float32), np.zeros((900, 1800), bool)
    lost[:, :300] = True
    lost[500:502, 1000:1003] = True
    lost[100, 1700] = True
    image[lost] = np.nan
    found = traced(flat_of(image, lost), "lit", "none")
    places = sorted(zip(found.lone[0].tolist(), found.lone[1].tolist(), strict=True))
    assert places == [(1001.0, 500.5), (1700.0, 100.0)]
    assert len(found.unexposed[0]) == 3
    widest = max((ring for area in found.unexposed[0] for rings in area for ring in rings), key=np.ptp)
    assert (min(widest), max(widest)) == (pytest.approx(-0.5, abs=1), pytest.approx(299.5, abs=2))
    assert traced(flat_of(image), "lit", "none").unexposed == ([], [])


def test_many_scattered_unexposed_pixels_are_drawn_in_larger_areas():
    random = np.random.default_rng(4)
    image = np.ones((600, 800), np.float32)
    lost = random.random(image.shape) < 0.05
    image[lost] = np.nan
    found = traced(flat_of(image, lost), "lit", "none")
    assert 0 < len(found.unexposed[0]) <= 1000
    assert found.lone[0].size == 0


class Shown:
    """What the tab asks of a picture."""

    def __init__(self):
        self.pyramids = {}

    def held(self, kind):
        return self.pyramids.get(kind)


@pytest.fixture
def tab(tmp_path, monkeypatch):
    """The tab of a session whose pictures are given by hand, and what it has surveyed."""
    session, picture = Session(Graph(), tmp_path), Shown()
    made = PixelsTab(session, "dark", picture, None)
    made.surveyed = []
    monkeypatch.setattr(pixels_tab, "survey", lambda image, *rest, **more: (
        made.surveyed.append(more.get("region")), survey(image, *rest, **more)
    )[1])  # fmt: skip
    # Without a document nobody else draws: what a thread would do is done at once.
    monkeypatch.setattr(made._worker, "submit", lambda job: job(Ticket()))
    yield made
    made.close()
    session.close()


def test_pixels_are_counted_anew_only_where_picture_or_region_change(tab):
    scene, info = scene_of()
    image = np.random.default_rng(2).normal(300, 5, SHAPE).astype(np.float32)
    scene = scene.with_result("frame", Frame(info, image), "f")
    tab._session.change(kinds=("raw",))
    tab.show(scene)
    assert "come when it is there" in tab._wait.object
    tab._picture.pyramids["raw"] = ("key", Pyramid(image), "raw")
    for _ in range(3):
        tab.show(scene)
    assert tab.surveyed == [None]
    tab._session.change(region=(2.0, 9.0, 4.0, 8.0))
    tab.show(scene)
    tab.show(scene)
    assert tab.surveyed == [None, (2, 4, 10, 9)]
    assert "8 \u00d7 5\u2009px" in tab._numbers.object
    tab.theme = "light"
    tab._session.change(region=None)
    tab.show(scene)
    assert tab.surveyed == [None, (2, 4, 10, 9)]
    tab._picture.pyramids["raw"] = ("other", Pyramid(image + 1), "raw")
    tab.show(scene)
    assert tab.surveyed[2:] == [None]
    median = np.median((image + 1)[1::2, 1::2])
    assert f"{median:.2f}" in tab._numbers.object


def test_a_large_picture_that_is_left_at_once_is_not_counted(tab, monkeypatch):
    ticket = Ticket()
    monkeypatch.setattr(pixels_tab.time, "sleep", lambda seconds: ticket.cancel())
    monkeypatch.setattr(pixels_tab, "_LARGE", 100)
    monkeypatch.setattr(tab._worker, "submit", lambda job: job(ticket))
    scene, info = scene_of()
    tab._picture.pyramids["raw"] = ("key", Pyramid(np.ones(SHAPE, np.float32)), "raw")
    tab._session.change(kinds=("raw",))
    with pytest.raises(StaleError):
        tab.show(scene.with_result("frame", Frame(info, np.ones(SHAPE, np.float32)), "f"))
    assert tab.surveyed == []
