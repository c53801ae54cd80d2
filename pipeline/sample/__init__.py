"""Skies with known truth, as arrays in memory or written as DNG and FITS files.

>>> from pipeline.sample import SAMPLES, make_frame, make_truth
>>> spec = SAMPLES["rotation"]
>>> truth = make_truth(spec)
>>> frame = make_frame(spec, truth, 3)
>>> frame.shape
(720, 960)
"""

from pipeline.sample.camera import light, make_calibration, make_frame, starlight
from pipeline.sample.detector import Detector, exposures
from pipeline.sample.draw import make_truth
from pipeline.sample.named import SAMPLES
from pipeline.sample.sky import TRUTH_FILE, Truth
from pipeline.sample.spec import SampleSpec, SkyObject
from pipeline.sample.write import named, write, write_named

__all__ = [
    "SAMPLES",
    "TRUTH_FILE",
    "Detector",
    "SampleSpec",
    "SkyObject",
    "Truth",
    "exposures",
    "light",
    "make_calibration",
    "make_frame",
    "make_truth",
    "named",
    "starlight",
    "write",
    "write_named",
]
