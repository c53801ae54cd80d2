"""What a header says was taken off before, and what only sounds like it."""

import numpy as np
import pytest
from astropy.io import fits

from pipeline.read import read_info
from pipeline.read.earlier import done_before

ALL = ("bias", "dark", "flat")


@pytest.mark.parametrize(
    ("cards", "kinds"),
    [
        ({"CALSTAT": "BDF"}, ALL),
        ({"CALSTAT": "B"}, ("bias",)),
        ({"CALSTAT": "DF"}, ALL),
        ({"CALSTAT": "UNCALIBRATED"}, ()),
        ({"CALSTAT": ""}, ()),
        ({"ZEROCOR": "Sep 22 12:00 Zero level correction image is Zero.fits"}, ("bias",)),
        ({"BIASCOR": True, "FLATCOR": True}, ("bias", "flat")),
        ({"BIASCOR": False, "DARKCOR": "F", "FLATCOR": "no"}, ()),
        ({"BIASCORR": "COMPLETE", "DARKCORR": "PERFORM", "FLATCORR": "OMIT"}, ("bias",)),
        ({"DARKCOR": "T"}, ("bias", "dark")),
        ({"SUBBIAS": "ccd=<CCDData>, master=<CCDData>"}, ("bias",)),
        ({"L1STATBI": 1, "L1STATDA": 1, "L1STATFL": 0}, ("bias", "dark")),
        ({"HISTORY": "Bias corrected with mbias.fits"}, ("bias",)),
        ({"HISTORY": "Bias Subtraction (Bias 1)\nDark Subtraction (Dark 3)\nFlat field divided"}, ALL),
        ({"HISTORY": "subtracted master dark m_30s.fit"}, ("bias", "dark")),
        ({"HISTORY": "divided by the master flat of 12 frames"}, ("flat",)),
        ({"HISTORY": "ImageCalibration.masterFlat.enabled: true"}, ("flat",)),
        ({"HISTORY": "ImageCalibration.masterFlat.enabled: false"}, ()),
        ({"HISTORY": "bias: 3 frames (b_1.fits and others) taken off"}, ("bias",)),
        ({"HISTORY": "bias not subtracted"}, ()),
        ({"HISTORY": "overscan bias subtracted"}, ()),
        ({"HISTORY": "Original file: biases__d2051.fits"}, ()),
        ({"HISTORY": "taken in the dark. Cosmic rays removed. Flat fields at dawn"}, ()),
        ({"HISTORY": "corrected for the dark nebula in front"}, ()),
        ({}, ()),
    ],
)
def test_headers_say_what_was_taken_off(cards, kinds):
    done = done_before(cards)
    assert tuple(kind for kind, _ in done) == kinds
    assert all(reason for _, reason in done)


def test_all_lines_of_the_history_are_read_those_of_both_headers_too(tmp_path):
    primary, image = fits.PrimaryHDU(), fits.ImageHDU(np.ones((20, 20), np.uint16))
    primary.header["HISTORY"] = "made by hand"
    for line in ("opened", "Bias subtracted", "closed"):
        image.header["HISTORY"] = line
    fits.HDUList([primary, image]).writeto(tmp_path / "a.fits")
    assert read_info(tmp_path / "a.fits").done == (("bias", "HISTORY Bias subtracted"),)
    image.header["HISTORY"] = "nothing"
    primary.header["HISTORY"] = "divided by flat_V"
    fits.HDUList([primary, image]).writeto(tmp_path / "a.fits", overwrite=True)
    assert dict(read_info(tmp_path / "a.fits").done)["flat"] == "HISTORY divided by flat_V"
    (tmp_path / "dark.fits").write_bytes((tmp_path / "a.fits").read_bytes())
    assert read_info(tmp_path / "dark.fits").bias_off
