"""Fluxes of a stack: those of its frames, with errors as much smaller as there are more photons."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from scipy.spatial import cKDTree

from pipeline.graph import batch
from pipeline.graph.run import Graph
from pipeline.recipe import Recipe
from tests.star_fields import grid

FRAMES, GAIN = 6, 2.0


def write_sky(folder, frames=FRAMES):
    """A grid of stars that moves by whole pixels, in the noise of its photons."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    x, y = grid(12, 25, rng)
    flux = 10 ** rng.uniform(3.2, 4.8, x.size)
    for number in range(frames):
        rows, columns = np.indices((360, 380), sparse=True)
        image = np.full((360, 380), 300.0)
        for star_x, star_y, light in zip(x + 3 * number, y + 2 * number, flux, strict=True):
            away = (columns - star_x) ** 2 + (rows - star_y) ** 2
            image += light * np.exp(-away / (2 * 1.8**2)) / (2 * np.pi * 1.8**2)
        header = fits.Header({"DATE-OBS": f"2026-01-17T20:{number:02d}:00", "EXPTIME": 30.0})
        pixels = (rng.poisson(image * GAIN) / GAIN).astype(np.float32)
        fits.writeto(folder / f"light_{number + 1}.fits", pixels, header)
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = write_sky(tmp_path_factory.mktemp("night") / "lights")
    out = tmp_path_factory.mktemp("run") / "out"
    recipe = Recipe().with_knobs("stack", combine="mean").with_knobs("psf_photometry", gain=GAIN, known={"3": 10.0})
    return out, batch.run(Graph.open([folder]), recipe, out, wanted=("photometry", "stack"))


def table(out, stem):
    return Table.read(out / f"{stem}.photometry.ecsv", format="ascii.ecsv")


def test_a_stack_has_the_fluxes_of_its_frames_and_smaller_errors(finished):
    out, report = finished
    assert {"stack.photometry.ecsv", "stack.photometry.fits"} <= set(report["products"])
    frame, stack = table(out, "light_1"), table(out, "stack")
    good = [one[np.isfinite(one["psf_flux"])] for one in (frame, stack)]
    places = [np.stack([one["centroid_x"], one["centroid_y"]], axis=1) for one in good]
    distance, at = cKDTree(places[0]).query(places[1])
    here, there = good[0][at[distance < 0.7]], good[1][distance < 0.7]
    assert len(here) > 80
    assert np.median(there["psf_flux"] / here["psf_flux"]) == pytest.approx(1, abs=0.01)
    assert np.median(here["psf_flux_err"] / there["psf_flux_err"]) == pytest.approx(np.sqrt(FRAMES), rel=0.1)


def test_a_known_star_has_its_magnitude_in_every_table_and_the_stacks_is_at_the_same_place(finished):
    out, _ = finished
    frame, stack = table(out, "light_1"), table(out, "stack")
    assert frame["mag"][3] == pytest.approx(10.0)
    away = np.hypot(*(stack[f"centroid_{axis}"] - frame[f"centroid_{axis}"][3] for axis in "xy"))
    nearest = int(np.nanargmin(away))
    assert away[nearest] < 0.7
    assert stack["mag"][nearest] == pytest.approx(10.0)
    assert frame.meta["ZEROFROM"] == "star 3 of 10 mag"
    curves = Table.read(out / "lightcurves.ecsv", format="ascii.ecsv")
    assert np.median(curves["mag"][curves["id"] == 3]) == pytest.approx(10.0)
    value, error = curves.meta["zero_point"]["none"]
    assert value == pytest.approx(frame.meta["ZEROPNT"], abs=0.02)
    assert 0 < error < 0.02


def test_an_adu_of_a_stack_holds_the_photons_of_all_its_frames(finished):
    facts = table(finished[0], "stack").meta
    assert facts["GAIN"] == pytest.approx(GAIN * FRAMES, rel=0.1)
    assert facts["GAIN"] <= GAIN * FRAMES
    assert facts["GAINFROM"].startswith("given, ")
    with fits.open(finished[0] / "stack.photometry.fits") as hdus:
        assert hdus[0].header["NCOMBINE"] == FRAMES
        assert len(hdus["PHOTOMETRY"].data) == len(table(finished[0], "stack"))
        assert hdus["GROWTH"].data["part"][-1] == pytest.approx(1)
        assert (np.diff(hdus["GROWTH"].data["part"][:8]) > 0).all()


def test_a_run_without_a_stack_has_no_fluxes_of_one(finished, tmp_path):
    folder = write_sky(tmp_path / "lights", frames=2)
    report = batch.run(Graph.open([folder]), Recipe(), tmp_path / "out", wanted=("photometry",))
    assert not [name for name in report["products"] if "stack" in name]


def test_a_stack_by_its_box_alone_has_fluxes_too(tmp_path):
    pixels = np.random.default_rng(0).normal(100, 3, (80, 90)).astype(np.float32)
    rows, columns = np.indices((80, 90), sparse=True)
    (tmp_path / "lights").mkdir()
    for number in range(3):
        away = (columns - 45 - 2 * number) ** 2 + (rows - 40) ** 2
        light = pixels[::-1] if number % 2 else pixels
        fits.writeto(tmp_path / "lights" / f"one_{number}.fits", (light + 900 * np.exp(-away / 8)).astype(np.float32))
    recipe = Recipe().with_knobs("shifts", method="box")
    report = batch.run(
        Graph.open([tmp_path / "lights"]), recipe, tmp_path / "out", wanted=("stack", "photometry")
    )  # fmt: skip
    assert "stack.photometry.ecsv" in report["products"], report["warnings"]
    found = table(tmp_path / "out", "stack")
    assert found["psf_flux"][np.isfinite(found["psf_flux"])].max() == pytest.approx(900 * 8 * np.pi, rel=0.05)


def test_a_comparison_star_that_is_none_costs_the_light_curves_and_nothing_else(tmp_path):
    folder = write_sky(tmp_path / "lights", frames=2)
    recipe = Recipe().with_knobs("psf_photometry", comparison=(1, 99999))
    report = batch.run(Graph.open([folder]), recipe, tmp_path / "out", wanted=("photometry",))
    assert "light_2.photometry.fits" in report["products"]
    assert "lightcurves.ecsv" not in report["products"]
    assert any("comparison star 99999 has no flux" in text for text in report["warnings"])


def test_too_few_stars_for_moments_are_counted_in_words(tmp_path):
    folder = write_sky(tmp_path / "lights", frames=1)
    for brightest, words in ((1, "only one star is bright"), (3, "only 3 stars are bright")):
        graph, recipe = Graph(), Recipe().with_knobs("stars", brightest=brightest)
        made = graph.result(graph.open([folder]), recipe, "psf_photometry", 0)
        assert any(text.startswith(words) for text in made.warnings), made.warnings
