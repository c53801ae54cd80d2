"""Photometry on the page without a browser: what is drawn of stars, of a mask, and the files that are saved."""

import base64
import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as some

pytest.importorskip("panel")

from pipeline import sample
from pipeline.graph.run import Graph
from pipeline.photometry import Flag, Left
from pipeline.recipe import Recipe
from pipeline.shapes import checked, covered
from ui.flux_facts import (
    MARKS,
    WORDS,
    Modelled,
    chequered,
    counts_of,
    curve_frame,
    cutout,
    flux_frame,
    gallery_rows,
    kinds_of,
    modelled,
    toggled,
)
from ui.flux_files import write_curves, write_table
from ui.flux_marks import LOOKS
from ui.flux_signs import legend
from ui.light_curve import LightPlots, hours, noise_line, round_numbers
from ui.mask_layer import outlines
from ui.mask_list import words
from ui.page import Desk
from ui.session import Session
from ui.star_model import coloured


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Results of a small sequence."""
    folder = tmp_path_factory.mktemp("sky")
    sample.write_named("drift", folder, frames=3, size=(300, 400))
    graph, night = Graph(), Graph.open([folder], folder)
    names = ("frames", "normalize", "stars", "centroids", "psf_photometry", "lightcurves")
    return {name: graph.result(night, Recipe(), name, 0) for name in names}


def test_what_the_model_leaves_of_bright_single_stars_is_noise_and_a_hundredth_of_their_light(made):
    photometry, normalized = made["psf_photometry"], made["normalize"]
    with np.errstate(invalid="ignore"):
        bright = (photometry["psf_flux"] > 100 * photometry["psf_flux_err"]) & (photometry.flag == 0)
    stars = np.flatnonzero(bright)
    assert len(stars) >= 3
    for star in stars:
        shown = modelled(photometry, int(star), normalized.image, normalized.noise)
        peak = np.nanmax(shown.data)
        assert np.nanstd(shown.residual) < 2 * normalized.noise + 0.02 * peak
        # The profile integrates to 1 over the plane, and nearly so over ten of its widths.
        assert np.nansum(shown.model) == pytest.approx(shown.flux, rel=0.01)
        np.testing.assert_allclose(shown.data - shown.model, shown.residual)
        inside = photometry.apertures[0]
        here = float(shown.growth[shown.radius == inside][0])
        assert here == pytest.approx(float(photometry[f"aperture_flux_{inside:g}"][star]), rel=1e-9)


@pytest.mark.parametrize(("fault", "told"), [("colour", True), ("width", False), ("place", False), ("noise", False)])
def test_only_a_colour_that_is_not_the_others_leaves_chequers(fault, told):
    y, x = np.indices((21, 21)) - 10.0
    star = np.exp(-(x**2 + y**2) / 8)
    green = (x + y) % 2 == 0
    left = {
        "colour": np.where(green, -0.1, 0.1) * star,
        "width": star - np.exp(-(x**2 + y**2) / 10),
        "place": star - np.exp(-((x - 0.3) ** 2 + y**2) / 8),
        "noise": 0.1 * np.random.default_rng(5).normal(size=star.shape) * np.sqrt(star),
    }[fault]
    empty = np.zeros(0)
    assert chequered(Modelled(star, star - left, left, 10, 10, 0.001, empty, empty, 1.0, 0.1)) == told


def test_a_star_without_a_flux_or_a_number_that_is_none_has_no_model(made):
    photometry, normalized = made["psf_photometry"], made["normalize"]
    assert modelled(photometry, len(photometry), normalized.image, 1.0) is None
    assert modelled(photometry, -1, normalized.image, 1.0) is None
    assert modelled(photometry, 0, None, 1.0) is None


@given(some.integers(0, 63), some.sampled_from(list(Left)))
def test_every_reason_and_flag_is_drawn_as_one_kind_with_a_colour_a_shape_and_words(flag, left):
    (kind,) = kinds_of(np.array([left]), np.array([flag]))
    assert kind in MARKS
    assert kind in LOOKS
    assert WORDS[kind]
    if left != Left.KEPT:
        assert kind not in ("measured", "background", "neighbour", "saturated")
    elif flag & int(Flag.SATURATED):
        assert kind == "saturated"
    assert kind in legend(counts_of(np.array([kind])))


def test_no_two_kinds_share_a_shape():
    shapes = [shape for _, shape in LOOKS.values()]
    assert len(set(shapes)) == len(shapes)


def test_tables_have_the_brightest_star_first_and_name_each_star_once(made):
    table = flux_frame(made["psf_photometry"])
    flux = table["flux"].dropna().to_numpy()
    assert (np.diff(flux) <= 0).all()
    assert sorted(table["id"]) == list(range(len(table)))
    curves = curve_frame(made["lightcurves"])
    assert set(curves["id"][curves["compare"]]) == set(made["lightcurves"].comparison)


@given(some.sets(some.integers(0, 50)), some.integers(0, 50))
def test_a_comparison_star_toggled_twice_is_as_it_was(held, star):
    before = tuple(sorted(held))
    assert (star in toggled(before, star)) != (star in held)
    assert toggled(toggled(before, star), star) == before


def test_the_gallery_shows_each_star_once_from_the_brightest_to_the_faintest(made):
    rows = gallery_rows(made["centroids"], np.arange(len(made["centroids"])))
    light = made["centroids"]["snr"][rows]
    assert len(rows) == min(25, len(made["centroids"])) == len(set(rows.tolist()))
    assert (np.diff(light[np.isfinite(light)]) <= 0).all()


@given(some.floats(-5, 25), some.floats(-5, 15))
def test_a_cutout_has_its_star_in_the_middle_wherever_it_lies(x, y):
    image = np.arange(20.0)[None, :] + 100 * np.arange(12.0)[:, None]
    piece = cutout(image, x, y, 3)
    column, row = round(x), round(y)
    assert piece.shape == (7, 7)
    if 0 <= column < 20 and 0 <= row < 12:
        assert piece[3, 3] == image[row, column]
    else:
        assert np.isnan(piece[3, 3])


def test_the_noise_line_rises_toward_the_faint_and_hours_begin_at_zero(made):
    line = noise_line(made["lightcurves"])
    assert (np.diff(line["mag"]) > 0).all()
    assert line["expected"][-1] > line["expected"][0]
    x, unit = hours(made["lightcurves"])
    assert (x.min(), unit) == (0, "hours")


def test_a_star_without_a_light_curve_has_no_axes_and_one_of_two_frames_no_scatter(made):
    curves, plots = made["lightcurves"], LightPlots("dark", lambda frame: None, lambda star: None)
    star = int(curves.comparison[0])
    mag, scatter = curves.mag.copy(), curves.scatter.copy()
    scatter[star] = np.nan
    axes = plots._above.figure.axis
    plots.show(replace(curves, scatter=scatter), star, 0)
    assert "fewer than three frames" in plots._above._title.object
    assert all(axis.visible for axis in axes)
    mag[:, star] = np.nan
    for shown, picked in ((replace(curves, mag=mag), star), (curves, None)):
        plots.show(shown, picked, 0)
        assert not any(axis.visible for axis in axes)
    plots.show(curves, star, 0)
    assert all(axis.visible for axis in axes)


@given(some.floats(1e-3, 1e3), some.floats(3, 1e5))
def test_an_axis_of_ratios_has_few_round_numbers(low, ratio):
    found = round_numbers(low, low * ratio)
    assert 1 <= len(found) <= 7
    assert low <= min(found) <= max(found) <= low * ratio
    assert {f"{number:.0e}"[0] for number in found} <= {"1", "2", "3", "5"}


@pytest.mark.parametrize(("theme", "ground"), [("dark", (0, 40)), ("light", (250, 255))])
def test_a_residual_of_nothing_looks_like_the_page_and_its_colours_tell_the_sign(theme, ground):
    from PIL import Image

    address = coloured(np.array([[-0.6, 0.0, 0.6, np.nan]]), theme)
    ((below, zero, above, unknown),) = np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))))
    assert ground[0] <= int(zero.min()) <= int(zero.max()) <= ground[1]
    assert below[2] > below[0] + 40
    assert above[0] > above[2] + 40
    assert np.ptp(unknown.astype(int)) < 30


def test_files_that_are_saved_can_be_read_and_hold_what_is_seen(made, tmp_path):
    sequence = made["frames"]
    light = sequence.frames[0]
    with zipfile.ZipFile(write_table(tmp_path, made["psf_photometry"], light, "0123", light.file)) as packed:
        assert {name.rpartition(".")[2] for name in packed.namelist()} == {"ecsv", "fits"}
        packed.extractall(tmp_path / "table")
    table = Table.read(next((tmp_path / "table").glob("*.ecsv")))
    np.testing.assert_allclose(table["psf_flux"], made["psf_photometry"]["psf_flux"])
    files = [info.file for info in sequence.frames]
    with zipfile.ZipFile(write_curves(tmp_path, made["lightcurves"], files)) as packed:
        assert any("aavso" in name for name in packed.namelist())
    assert {path.suffix for path in tmp_path.iterdir() if path.is_file()} == {".zip"}


def test_a_mask_is_outlined_with_the_area_that_it_covers():
    shape = checked({"shape": "ellipse", "x": 200, "y": 150, "a": 90, "b": 60})
    hole = checked({"shape": "ellipse", "x": 200, "y": 150, "a": 40, "b": 30})
    image = covered([shape], (300, 400)) & ~covered([hole], (300, 400))
    (xs,), (ys,) = outlines(image)
    (rings_x,), (rings_y,) = xs, ys
    assert len(rings_x) == 2
    area = sum(0.5 * np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) for x, y in zip(rings_x, rings_y, strict=True))
    assert abs(area) == pytest.approx(image.sum(), rel=0.04)


@given(some.floats(1, 500), some.floats(1, 500), some.floats(0, 2000), some.floats(0, 2000))
@settings(deadline=None)
def test_shapes_of_one_size_and_place_are_described_alike(across, down, x, y):
    half = across / 2, down / 2
    corners = [[x + i * half[0], y + j * half[1]] for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    box = {"shape": "rectangle", "x0": x - half[0], "x1": x + half[0], "y0": y - half[1], "y1": y + half[1]}
    ellipse = {"shape": "ellipse", "x": x, "y": y, "a": half[0], "b": half[1], "theta": 0}
    texts = {words(box), words(ellipse), words({"shape": "polygon", "points": corners})}
    numbers = np.array(
        [[float(part) for part in text.replace("\u2009px at", " ×").replace(",", " ×").split("×")] for text in texts]
    )
    assert np.ptp(numbers, axis=0).max() <= 1


# Bokeh's own, where it takes a table's index.
@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_marks_of_fluxes_lie_on_pictures_of_the_frames_stars_and_not_on_maps_and_stacks(graph, turning, tmp_path):
    session = Session(graph, tmp_path)
    desk = Desk(session, None)
    desk.results.wait_for(lambda: session.open(turning, "sky"))
    desk.results.wait_for(lambda: desk.side.choose("Fluxes"))
    desk.picture.views(4)
    source = desk.side._made["Fluxes"]._marks.source

    def seen():
        drawn = [[one for one in made.renderers if one.data_source is source] for made in desk.picture.figures]
        assert all(len(one) == 2 for one in drawn)
        return [{one.visible for one in made} for made in drawn]

    for kinds, marked in (
        (("subtracted", "stack", "x_offset", "raw"), [True, False, False, True]),
        (("aligned", "normalized", "raw", "stack"), [False, True, True, False]),
    ):
        for i, kind in enumerate(kinds):
            desk.results.wait_for(lambda kind=kind, i=i: desk.picture.choose(kind, i))
        assert seen() == [{one} for one in marked]
    desk.results.wait_for(lambda: desk.side.choose("Tracks"))
    desk.picture.choose("raw", 0)
    assert seen() == [{False}] * 4
    desk.close()
