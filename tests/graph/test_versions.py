"""A stage whose results move must raise its version, or stored results of before would be taken for those of now."""

import numpy as np
import pytest

from pipeline import sample
from pipeline.graph.run import Graph
from pipeline.recipe import Recipe
from pipeline.stage import STAGES

# For each stage its version and what its result on one sky came to. Change a number and its version together.
KNOWN = {
    "hot_pixels": (5, 4.0187366),
    "calibrated": (6, 910.99142),
    "background": (2, 369.83118),
    "normalize": (2, 88.019394),
    "candidates": (11, 71694.413),
    "stars": (5, 102),
    "selection": (3, 24.051331),
    "tracks": (5, 190.90493),
    "offset_map": (3, 0.46526667),
    "shifts": (1, -1.6558691),
    "aligned": (2, 77.914017),
    "stack": (4, 76.274382),
    "mask": (1, 0.041349794),
    "centroids": (3, 29817.038),
    "psf_photometry": (6, 19264.046),
    "lightcurves": (4, 477.07208),
}


def statistics(folder):
    graph = Graph()
    night = graph.open([folder])

    def made(stage, frame=None):
        return graph.result(night, Recipe(), stage, frame)

    tracks, maps, candidates = made("tracks"), made("offset_map", 2), made("candidates", 1)
    moves, moved, (stacked,) = made("shifts"), made("aligned", 3), made("stack").stacks
    centres, fluxes = made("centroids", 1), made("psf_photometry", 1)
    glow = ({"shape": "ellipse", "x": 300.2, "y": 200.0, "a": 80.0, "b": 50.0, "theta": 30.0},)
    extended = graph.result(night, Recipe().with_knobs("mask", shapes=glow), "mask", 1).image
    return {
        "hot_pixels": float(made("hot_pixels").contrast + made("hot_pixels").red),
        "calibrated": float(made("calibrated", 1).pixels.mean()),
        "background": float(np.mean([mesh.mean() for mesh in made("background", 1).mesh.values()])),
        "normalize": float(np.nanstd(made("normalize", 1).image)),
        "candidates": float(np.sum(candidates["x_winpos"] + candidates["y_winpos"])),
        "stars": float(len(made("stars", 1).kept)),
        "selection": float(made("selection").metrics["fwhm"].sum()),
        "tracks": float(np.nansum(tracks.x_offset + 2 * tracks.y_offset)),
        "shifts": float(np.nansum(moves.x + 2 * moves.y)),
        "aligned": float(np.nanstd(moved.pixels) + np.nanmean(moved.pixels)),
        "mask": float(extended.mean()),
        "centroids": float(np.nansum(centres["centroid_x"] + centres["width_x"])),
        "psf_photometry": float(np.nansum(fluxes["psf_flux"] / 1000 + fluxes["psf_flux_err"])),
        "lightcurves": float(np.nansum(made("lightcurves").scatter) + made("lightcurves").comparison.sum()),
        "stack": float(np.nanstd(stacked.image) + stacked.count.mean()),
        "offset_map": float(maps.x.mean() + 2 * maps.y.mean() + 10 * maps.x_error.mean()),
    }


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("golden")
    sample.write_named("drift", folder, frames=5, size=(450, 675))
    return statistics(folder)


@pytest.mark.parametrize("stage", KNOWN)
def test_results_move_only_with_their_version(stage, found):
    version, value = KNOWN[stage]
    assert STAGES[stage].version == version, f"the version of {stage} moved: write down what its result comes to now"
    assert found[stage] == pytest.approx(value, rel=1e-4), f"the result of {stage} moved: raise its version"
