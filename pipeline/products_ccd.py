"""Masters and calibrated frames to files."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.frame import Frame
from pipeline.header import coordinates
from pipeline.masters import Master
from pipeline.products import write_fits
from pipeline.read.cards import plain

if TYPE_CHECKING:
    from astropy.io.fits import Header

UNIT = "adu"
#: Characters of a filter's name or the like in a file's name.
LONGEST_PART = 80
_NAMES = {"bias": "Master Bias", "dark": "Master Dark", "flat": "Master Flat"}


def file_names(parts: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Names of FITS files, each once on every system.

    Parameters
    ----------
    parts : iterable of (str, str)
        For each file a word and what tells it from others of that word, "" where nothing does: ("stack", "V").

    Returns
    -------
    tuple of str
        ``stack_V.fits``, or ``stack.fits`` of the word alone; of two equal ones the second is ``stack_V_2.fits``.
    """
    names: list[str] = []
    for word, own in parts:
        part = re.sub(r"[^A-Za-z0-9.+-]+", "_", own.strip())[:LONGEST_PART].strip("_.")
        wished = f"{word}_{part}" if part else word
        # Two filters may differ in what no file's name can have.
        tries = itertools.chain([wished], (f"{wished}_{number}" for number in itertools.count(2)))
        taken = {name.lower() for name in names}
        names.append(next(name for one in tries if (name := f"{one}.fits").lower() not in taken))
    return tuple(names)


def master_names(masters: Iterable[Master]) -> tuple[str, ...]:
    """File names of masters: ``master_bias.fits``, ``master_dark_15.fits``, ``master_flat_V.fits``."""
    return file_names((f"master_{master.kind}", _own(master)) for master in masters)


def _own(master: Master) -> str:
    """What tells a master from others of its kind."""
    if master.kind == "flat":
        return master.filter
    return "" if master.kind == "bias" or master.exposure is None else f"{master.exposure:g}"


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
        header.add_history(plain(f"of {file}"))
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
        header.add_history(plain(step))
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
