"""Gain and read noise from flats and bias frames: they are those of the files as they are now."""

import numpy as np
import pytest
from astropy.io import fits

from pipeline.frame import Frame, FrameInfo, Normalized
from pipeline.read import read_infos
from pipeline.read.rows import RowReaders
from pipeline.stages.noise_model import detector

SHAPE = (128, 160)


def write_calibration(folder, gain):
    """Two flats of 20,000 electrons and two bias frames with a read noise of 6, on files of the same names."""
    rng = np.random.default_rng(11)
    for kind, light in (("bias", 0.0), ("flat", 20_000.0)):
        for number in (1, 2):
            electrons = rng.normal(light, np.hypot(6.0, light**0.5), SHAPE)
            hdu = fits.PrimaryHDU(np.rint(electrons / gain + 500).astype(np.uint16))
            hdu.header["IMAGETYP"] = kind
            hdu.writeto(folder / f"{kind}_{number}.fits", overwrite=True)


def told(folder):
    info = FrameInfo("light", "light", SHAPE)
    light = Frame(info, np.zeros(SHAPE, np.float32))
    picture = Normalized(light.pixels, 1.0, 1.0, "none", None, np.empty(0, np.int64), 1.0)
    with RowReaders.of_files(read_infos([folder])) as readers:
        return detector(picture, light, readers, variance=np.ones((2, 2)))


def test_photon_transfer_follows_files_that_are_written_anew(tmp_path):
    for gain in (2.0, 4.0):
        write_calibration(tmp_path, gain)
        found = told(tmp_path)
        assert found.gain == pytest.approx(gain, rel=0.03)
        # Whole numbers add their rounding.
        assert found.read_noise == pytest.approx(6.0, rel=0.03)
