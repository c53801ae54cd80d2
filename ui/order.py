"""The order in which a visitor wants results, and which of them are made only where something shows them."""

from __future__ import annotations

from pipeline import cutouts, difference, preview, trails

ORDER = (
    "frames", "hot_pixels", "mask", "background", "frame", "master_bias", "master_dark", "master_flat", "calibrated",
    "normalize",
    "candidates", "stars", "tracks", "selection", "offset_map", "shifts", preview.STAGE, "aligned",
    difference.STAGE, cutouts.STAGE, "stack", "centroids", "psf_photometry", "lightcurves", trails.STAGE,
)  # fmt: skip
# For what one frame alone is needed.
AT_ONCE = ORDER[: ORDER.index("tracks")]
# A map of a large frame takes all processors for half a second and as much memory as eight frames: one is made when
# something shows it, else each turn of a knob would push what is on screen out of the store.
LATE = ("offset_map", "aligned", "stack", "centroids", "psf_photometry", "lightcurves")
# Made on the way to others: asked for when something shows them.
ON_THE_WAY = ("master_bias", "master_dark", "master_flat", "calibrated")
