"""The pipeline's table of contents: importing this package declares every stage, in the order of the graph."""

import importlib

ORDER = (
    "frames",
    "hot_pixels",
    "master_bias",
    "master_dark",
    "master_flat",
    "calibrated",
    "mask",
    "background",
    "normalize",
    "candidates",
    "stars",
    "selection",
    "tracks",
    "offset_map",
    "shifts",
    "aligned",
    "stack",
    "centroids",
    "psf_photometry",
    "lightcurves",
)

for _name in ORDER:
    importlib.import_module(f"pipeline.stages.{_name}")
