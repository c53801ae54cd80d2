"""Masters and calibrated frames to files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.frame import Frame
from pipeline.header import coordinates
from pipeline.masters import Master
from pipeline.products import write_fits

if TYPE_CHECKING:
    from astropy.io.fits import Header

UNIT = "adu"
_NAMES = {"bias": "Master Bias", "dark": "Master Dark", "flat": "Master Flat"}


def name_part(word: str) -> str:
    """A filter's name or the like as a part of a file's name, the same on every system."""
    return re.sub(r"[^A-Za-z0-9.+-]+", "_", word.strip()).strip("_.")


def master_names(masters: tuple[Master, ...]) -> tuple[str, ...]:
    """File names of masters: ``master_bias.fits``, ``master_dark_15.fits``, ``master_flat_V.fits``."""
    names: list[str] = []
    for master in masters:
        part = f"{master.exposure:g}" if master.kind == "dark" and master.exposure is not None else ""
        part = name_part(master.filter) if master.kind == "flat" else part
        wished = f"master_{master.kind}_{part}" if part else f"master_{master.kind}"
        # Two filters may differ in what no file's name can have.
        number, name = 1, wished
        while f"{name}.fits".lower() in (known.lower() for known in names):
            number += 1
            name = f"{wished}_{number}"
        names.append(f"{name}.fits")
    return tuple(names)


def write_master(path: Path, master: Master, header: Header) -> None:
    """Write a master as FITS.

    Parameters
    ----------
    path : path
        Its place.
    master : Master
        One with an image.
    header : Header
        Cards of the first of its frames, with ours.
    """
    from astropy.io import fits

    header = header.copy()
    header["IMAGETYP"] = (_NAMES[master.kind], "kind of frame")
    header["NFRAMES"] = (master.count, "frames combined")
    header["BUNIT"] = ("" if master.kind == "flat" else UNIT, "unit of the pixels")
    if master.kind == "dark":
        header["BIASIN"] = (master.with_bias, "whether the bias is in this dark")
    if master.gain is not None:
        header["PHOTGAIN"] = (round(master.gain, 4), "[e-/adu] gain by photon transfer")
    if np.isfinite(master.pair_noise) and master.kind == "bias":
        header["PAIRNOIS"] = (round(master.pair_noise, 4), "[adu] read noise, from two frames")
    header.add_history(f"master {master.kind} of {master.count} frames")
    for file in master.files:
        header.add_history(_ascii(f"of {file}"))
    write_fits(path, fits.HDUList([fits.PrimaryHDU(np.asarray(master.image, np.float32), header)]))


def write_calibrated(path: Path, frame: Frame, header: Header) -> None:
    """Write a calibrated frame as FITS: the image, and its errors and mask as CCDData has them, where it has errors.

    Parameters
    ----------
    path : path
        Its place.
    frame : Frame
        The frame.
    header : Header
        The light's own cards, with ours.
    """
    from astropy.io import fits

    header = header.copy()
    header["BUNIT"] = (UNIT, "unit of the pixels")
    if frame.info.saturation is not None:
        header["SATURATE"] = (round(float(frame.info.saturation), 3), "[adu] level at which pixels are full")
    for step in frame.history:
        header.add_history(_ascii(step))
    hdus = fits.HDUList([fits.PrimaryHDU(frame.above_black(), header)])
    if frame.uncertainty is not None:
        error = fits.ImageHDU(np.asarray(frame.uncertainty, np.float32), coordinates(header), name="UNCERT")
        error.header["UTYPE"] = ("StdDevUncertainty", "kind of error")
        error.header["BUNIT"] = (UNIT, "unit of the errors")
        bad = ~np.isfinite(hdus[0].data)
        mask = fits.ImageHDU(bad.astype(np.uint8), coordinates(header), name="MASK")
        hdus.append(error)
        hdus.append(mask)
    write_fits(path, hdus)


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()
