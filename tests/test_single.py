"""A frame with a catalogue by Source Extractor: its objects are found, and its fluxes are ours."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from pipeline.graph.run import Graph
from pipeline.kernels.photometry import aperture_fluxes
from pipeline.recipe import Recipe

RECIPE = {
    "background": {"estimator": "sep", "box_size": 64},
    "candidates": {"method": "sep", "min_area": 5},
    "stars": {"threshold": 1.5, "sharpness": (-10, 10), "roundness": (-10, 10)},
    "psf_photometry": {"apertures": (5,)},
}


@pytest.fixture(scope="module")
def catalogue(data):
    path = data / "single" / "image.cat"
    columns, table = np.loadtxt(path).T, {}
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            _, number, name = line.split()[:3]
            table[name] = columns[int(number) - 1]
    # Their first pixel is (1, 1).
    return table | {"x": table["X_IMAGE"] - 1, "y": table["Y_IMAGE"] - 1}


@pytest.fixture(scope="module")
def ask(data):
    graph = Graph()
    night = graph.open([data / "single" / "image.fits"])
    return lambda stage: graph.result(night, Recipe(RECIPE), stage, 0)


def test_nine_in_ten_objects_of_the_catalogue_are_found_at_its_threshold(catalogue, ask):
    stars = ask("stars")
    ours = np.stack([stars["xcentroid"][stars.kept], stars["ycentroid"][stars.kept]], axis=1)
    distance, _ = cKDTree(ours).query(np.stack([catalogue["x"], catalogue["y"]], axis=1))
    assert (distance < 1).mean() >= 0.9
    assert len(ours) < 1.1 * len(catalogue["x"])


def test_fluxes_in_its_circles_are_the_catalogues(catalogue, ask):
    alone = catalogue["FLAGS"] == 0
    ours = aperture_fluxes(ask("normalize").image, catalogue["x"], catalogue["y"], (5.0,))[:, 0]
    off = ours[alone] / catalogue["FLUX_APER"][alone] - 1
    assert abs(np.median(off)) < 0.002
    # The rest are the faintest, where a level of half an ADU is 2 %.
    assert (np.abs(off) < 0.02).mean() > 0.9
