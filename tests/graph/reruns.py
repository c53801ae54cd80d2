"""Which stages must run again when a knob is turned: the one table that the graph and the page are held to.

Written by hand from what each stage works on; neither the declarations nor the graph's own idea of ancestors is asked.
A name with ``.auto`` is the search for the numbers that stand for a stage's knobs at "auto".
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from pipeline.graph.run import Event
from pipeline.stage import STAGES

MAP = {"offset_map"}
PHOTOMETRY = {"psf_photometry"}
CENTROIDS = {"centroids"} | PHOTOMETRY
CURVES = {"lightcurves"}
STACK = {"stack"}
ALIGNED = {"aligned"} | STACK
SHIFTS = {"shifts"} | ALIGNED
TRACKS = {"tracks"} | MAP | SHIFTS | PHOTOMETRY
SELECTION = {"selection"} | TRACKS
STARS = {"stars"} | SELECTION | CENTROIDS
CANDIDATES = {"candidates"} | STARS
NORMALIZE = {"normalize", "candidates.auto"} | CANDIDATES
BACKGROUND = {"background", "normalize.auto"} | NORMALIZE
MASK = {"mask"} | BACKGROUND
CALIBRATED = {"calibrated"} | MASK
HOT_PIXELS = {"hot_pixels"} | CALIBRATED
MASTER_FLAT = {"master_flat"} | CALIBRATED
MASTER_DARK = {"master_dark"} | MASTER_FLAT
MASTER_BIAS = {"master_bias"} | MASTER_DARK
# Without calibration frames the masters have nothing to read anew.
FRAME = {"frame"} | HOT_PIXELS


class Turn(NamedTuple):
    """A knob of a stage, what it is turned to, the stages that must run, and how many frames are not used then."""

    stage: str
    knob: str
    value: object
    must: frozenset[str]
    left_out: int = 0

    def __str__(self) -> str:
        return f"{self.stage}.{self.knob}-{self.value}"


def turn(stage: str, knob: str, value: object, must: set[str], left_out: int = 0) -> Turn:
    """A row of the table."""
    return Turn(stage, knob, value, frozenset(must), left_out)


# The last file of the sequence becomes the reference: pixels, hot pixels and backgrounds are the same, but the colour
# factors and the width of the stars are measured in another frame.
REFERENCE = "light_004.dng"
TURNS = (
    turn("frames", "reference", REFERENCE, {"frames", "normalize.auto"} | NORMALIZE),
    turn("frames", "pattern", "RGGB", {"frames", "reference"} | FRAME),
    turn("hot_pixels", "sigma", 12.0, HOT_PIXELS),
    turn("hot_pixels", "find", "off", HOT_PIXELS),
    turn("master_bias", "combine", "clipped", MASTER_BIAS),
    turn("master_dark", "scale", "never", MASTER_DARK),
    turn("master_flat", "floor", 0.3, MASTER_FLAT),
    turn("calibrated", "uncertainty", True, CALIBRATED),
    turn("mask", "shapes", ({"shape": "ellipse", "x": 90.0, "y": 80.0, "a": 30.0, "b": 20.0, "theta": 0.0},), MASK),
    turn("background", "box_size", 64, BACKGROUND),
    turn("background", "estimator", "median", BACKGROUND),
    # The other factor stays at auto, whose number is known.
    turn("normalize", "red", 1.4, NORMALIZE),
    turn("candidates", "method", "peaks", CANDIDATES),
    # A width by hand leaves the look for frames out of focus at auto.
    turn("candidates", "fwhm", 4.0, {"candidates.auto"} | CANDIDATES),
    turn("stars", "threshold", 9.0, STARS),
    turn("stars", "sharpness", (0.2, 1.0), STARS),
    # Fainter than the candidates go: they are made anew.
    turn("stars", "threshold", 3.2, CANDIDATES),
    turn("selection", "rejected", {"light_002.dng": "cloud"}, SELECTION, left_out=1),
    turn("selection", "limits", {"fwhm": (0.5, 30.0)}, SELECTION),
    turn("tracks", "proximity", 7.0, TRACKS),
    turn("tracks", "method", "previous", TRACKS),
    # Frames that are moved as a whole need no map.
    turn("offset_map", "order", 1, MAP),
    turn("shifts", "method", "pattern", SHIFTS),
    turn("aligned", "fill", "nan", ALIGNED),
    turn("stack", "combine", "mean", STACK),
    turn("centroids", "method", "winpos", CENTROIDS),
    turn("psf_photometry", "zero_point", 20.0, PHOTOMETRY),
    # No frame is measured by what the others are compared with.
    turn("psf_photometry", "comparison", (0, 1, 2), set()),
)
# The same where light curves are looked at, for which every frame is measured; to other values, for those are stored.
CURVE_TURNS = (
    turn("centroids", "separation", 7.0, CENTROIDS | CURVES),
    turn("psf_photometry", "zero_point", 21.0, PHOTOMETRY | CURVES),
    turn("psf_photometry", "known", {"1": 12.0}, PHOTOMETRY | CURVES),
    turn("psf_photometry", "comparison", (0, 2), CURVES),
)


def runs(events: Iterable[Event]) -> dict[str, int]:
    """How often each stage ran."""
    return dict(Counter(event.stage for event in events if event.state == "ran"))


def runs_needed(turn: Turn, frames: int) -> dict[str, int]:
    """How often each stage must run after a turn: once for each frame, or once.

    A map and photometry are made for the frame shown alone, numbers that stand for auto come from the reference, and
    only frames that are used are aligned.
    """
    of_frames = {"frame", *(name for name, stage in STAGES.items() if stage.scope == "frame")} - MAP - CENTROIDS
    needed = {name: frames if name in of_frames else 1 for name in turn.must}
    return needed | {name: frames - turn.left_out for name in ("aligned",) if name in needed}


def curve_runs_needed(turn: Turn, frames: int) -> dict[str, int]:
    """How often each stage must run after a turn where light curves are looked at."""
    return {name: 1 if name in CURVES else frames for name in turn.must}
