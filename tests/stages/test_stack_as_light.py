"""A stack that is given as a light: its gain, and errors of its fluxes that are their scatter."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from scipy.spatial import cKDTree

from pipeline.graph import batch
from pipeline.graph.run import Graph
from pipeline.photometry import Flag
from pipeline.read import headers
from pipeline.recipe import Recipe
from tests.star_fields import grid

FRAMES, GAIN, LEVEL, SIGMA = 8, 1.5, 400.0, 1.8
SIDE, STEP = 20, 36


def write_sky(folder, seed):
    """A grid of stars that moves by whole pixels, in the noise of its photons; the header has the gain."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    x, y = (values + 20 for values in grid(SIDE, STEP, rng))
    flux = 10 ** rng.uniform(3.3, 5.0, x.size)
    size = SIDE * STEP + 80
    for number in range(FRAMES):
        rows, columns = np.indices((size, size), sparse=True)
        image = np.full((size, size), LEVEL)
        for star_x, star_y, light in zip(x + 2 * number, y + 3 * number, flux, strict=True):
            near = slice(int(star_y) - 12, int(star_y) + 13), slice(int(star_x) - 12, int(star_x) + 13)
            away = (columns[:, near[1]] - star_x) ** 2 + (rows[near[0]] - star_y) ** 2
            image[near] += light * np.exp(-away / (2 * SIGMA**2)) / (2 * np.pi * SIGMA**2)
        header = fits.Header({"DATE-OBS": f"2026-01-17T20:{number:02d}:00", "EXPTIME": 30.0, "EGAIN": GAIN})
        pixels = (rng.poisson(image * GAIN) / GAIN).astype(np.float32)
        fits.writeto(folder / f"light_{number + 1}.fits", pixels, header)
    return x, y, flux


@pytest.fixture(scope="module", params=["mean", "median"])
def stacked(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("night")
    x, y, flux = write_sky(folder / "lights", 3)
    recipe = Recipe().with_knobs("stack", combine=request.param)
    batch.run(Graph.open([folder / "lights"]), recipe, folder / "out", wanted=("stack", "photometry"))
    return folder / "out" / "stack.fits", x, y, flux, request.param


def pulls(columns, x, y, flux):
    spoilt = int(Flag.SATURATED | Flag.NEIGHBOUR | Flag.MASKED | Flag.EDGE)
    known = np.isfinite(columns["psf_flux"]) & (columns["flag"] & spoilt == 0)
    places = np.stack([columns["centroid_x"], columns["centroid_y"]], axis=1)[known]
    distance, at = cKDTree(np.stack([x, y], axis=1)).query(places)
    off = (columns["psf_flux"][known] - flux[at]) / columns["psf_flux_err"][known]
    return off[(distance < 1) & (flux[at] > 3000)]


def test_errors_of_a_stack_are_its_scatter_when_it_is_made_and_when_it_is_opened_again(stacked):
    path, x, y, flux, combine = stacked
    made = Table.read(path.parent / "stack.photometry.ecsv", format="ascii.ecsv")
    graph = Graph()
    again = graph.result(graph.open([path]), Recipe(), "psf_photometry", 0)
    columns = {**again.columns, "flag": again.flag}
    for found in ({name: np.asarray(made[name]) for name in made.colnames}, columns):
        pull = pulls(found, x, y, flux)
        assert pull.size > 250
        assert np.std(pull) == pytest.approx(1, abs=0.05 + 1.5 / np.sqrt(2 * pull.size))
    # The median of 8 Gaussian values has 0.168 of their variance.
    many = FRAMES if combine == "mean" else 1 / 0.168
    assert again.gain == pytest.approx(GAIN * many, rel=0.05)
    assert "times for 8 frames combined" in again.gain_source


def test_a_stack_without_a_gain_says_so_or_has_it_from_its_stars(stacked, tmp_path):
    path, *_ = stacked
    with fits.open(path) as hdus:
        del hdus[0].header["EGAIN"]
        assert hdus[0].header["BKGSUB"] == pytest.approx(LEVEL, abs=3)
        hdus.writeto(tmp_path / "known_sky.fits")
        del hdus[0].header["BKGSUB"]
        hdus.writeto(tmp_path / "no_sky.fits")
    graph = Graph()
    known = graph.result(graph.open([tmp_path / "known_sky.fits"]), Recipe(), "psf_photometry", 0)
    assert known.gain == pytest.approx(GAIN * FRAMES * (1 if stacked[-1] == "mean" else 0.74), rel=0.1)
    assert any("gain is a guess" in text for text in known.warnings)
    nothing = graph.result(graph.open([tmp_path / "no_sky.fits"]), Recipe(), "psf_photometry", 0)
    assert nothing.gain_source == "the noise of the stars' own light"
    assert nothing.gain == pytest.approx(known.gain, rel=0.35)
    assert not any("gain" in text for text in nothing.warnings)
    faint = np.isfinite(known["psf_flux"]) & (known["psf_flux"] < 3000)
    np.testing.assert_allclose(nothing["psf_flux_err"][faint], known["psf_flux_err"][faint], rtol=0.5)


def test_what_an_adu_of_a_combined_frame_holds_is_read_from_its_cards():
    assert headers.averaged({}) == 1
    assert headers.averaged({"NCOMBINE": 9}) == 9
    assert headers.averaged({"NCOMBINE": 9, "COMBINE": "sum"}) == 1
    assert headers.averaged({"NCOMBINE": 9, "COMBINE": "median", "NOISEONE": 10.0, "NOISE": 4.0}) == pytest.approx(6.25)
    assert headers.averaged({"NCOMBINE": 9, "NOISEONE": 10.0, "NOISE": 1.0}) == 9
    assert headers.averaged({"NCOMBINE": 9, "NOISEONE": 10.0, "NOISE": 0.0}) == 9
    assert headers.sky_off({"BKGSUB": 12.5}) == 12.5
    assert headers.sky_off({"BKGSUB": "none"}) == 0
