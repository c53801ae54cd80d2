"""The records that stages hand to each other; units and axis order are said here once.

A pixel's centre has whole coordinates and the first pixel is (0, 0); ``x`` runs along a row (second array axis),
``y`` along a column (first axis); arrays are indexed ``[y, x]``. Pixels are ADU above the camera's black level,
positions are full pixels of the frame, also on a colour mosaic. NaN means "no scientific value"; a mask is True where a
pixel is bad. An offset is "here minus reference".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from astropy.time import Time

PATTERNS = ("none", "RGGB", "BGGR", "GRBG", "GBRG")
KINDS = ("light", "bias", "dark", "flat")
SIGMA_TO_FWHM = 2.3548200450309493


class FrameError(Exception):
    """One frame cannot be used; the rest goes on.

    Parameters
    ----------
    file : str
        The file's name, as a user knows it.
    problem : str
        What is wrong, with the value in brackets.
    remedy : str
        What to do about it.
    """

    def __init__(self, file: str, problem: str, remedy: str) -> None:
        super().__init__(file, problem, remedy)
        self.file, self.problem, self.remedy = file, problem, remedy

    def __str__(self) -> str:
        # A stage that was given arrays does not know the file; whoever does puts it in front.
        return f"{self.file}: {self.problem}: {self.remedy}".removeprefix(": ")


def not_used(file: str, reason: str) -> FrameError:
    """What is raised where something of a frame is asked for that is not used.

    Parameters
    ----------
    file : str
        The frame's file, "" where whoever asked does not know it.
    reason : str
        Why it is not used, as a table of tracks or shifts has it: "FILE: what is wrong (value): what to do about it".
    """
    named, _, rest = reason.partition(": ")
    problem, _, remedy = rest.rpartition(": ")
    if not problem:
        return FrameError(file, f"is not used ({reason or 'no reason is known'})", "choose a frame that is used")
    return FrameError(named, problem, remedy)


@dataclass(frozen=True)
class FrameInfo:
    """What a file's header says, without its pixels.

    Parameters
    ----------
    path : str
        Absolute path of the file.
    file : str
        Its name as shown: relative to the data folder, or the bare name.
    shape : tuple of int
        Rows and columns, (ny, nx).
    pattern : str
        Colours of the first 2 x 2 pixels, row by row, or "none" for a monochrome frame.
    kind : str
        One of KINDS, or "" where nothing tells it.
    kind_reason : str
        What told the kind ("IMAGETYP = 'Light Frame'", "file name").
    time : astropy.time.Time or None
        Start of the exposure, UTC.
    exposure : float or None
        Seconds.
    gain : float or None
        Camera gain as the header has it (e-/ADU or the camera's own number).
    iso : float or None
        Sensitivity of a raw file.
    filter : str
        Name of the filter, "" when there is none.
    saturation : float or None
        Level at which a pixel is full, ADU above black.
    camera : str
        Instrument or camera model, "" when unknown.
    binning : tuple of int, or None
        Detector pixels in a pixel, along x and y.
    read_noise : float or None
        Electrons, as the header has it.
    combined : int
        Frames that were combined into this one: 1 of a single exposure, more of a master.
    averaged : float
        How many exposures' photons one ADU holds: 1 of a single exposure and of a sum, more of a mean.
    sky_off : float
        Level of the sky that was taken off before the file was written, ADU.
    bias_off : bool
        A dark that says that there is no bias in it.
    done : tuple of (str, str)
        Of "bias", "dark" and "flat" what was taken off before, each with what says so ("CALSTAT = 'BDF'").
    noons : tuple of float
        When it may be noon where the frame was taken, hours UTC; the first counts. Empty: as at Greenwich.
    """

    path: str
    file: str
    shape: tuple[int, int]
    pattern: str = "none"
    kind: str = ""
    kind_reason: str = ""
    time: Time | None = None
    exposure: float | None = None
    gain: float | None = None
    iso: float | None = None
    filter: str = ""
    saturation: float | None = None
    camera: str = ""
    binning: tuple[int, int] | None = None
    read_noise: float | None = None
    combined: int = 1
    averaged: float = 1.0
    sky_off: float = 0.0
    bias_off: bool = False
    done: tuple[tuple[str, str], ...] = ()
    noons: tuple[float, ...] = ()

    @property
    def night(self) -> str:
        """The date of the evening: that of the noon before at the site; "" where the time is not known."""
        if self.time is None:
            return ""
        from astropy.time import Time

        ahead = 12.0 - self.noons[0] if self.noons else 0.0
        return Time(self.time.mjd + ahead / 24 - 0.5, format="mjd").isot[:10]


def readonly(array: np.ndarray) -> np.ndarray:
    """The same array, marked as not to be written to."""
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture as read or calibrated: stored pixels, the black level under them, and what the header says.

    Parameters
    ----------
    info : FrameInfo
        The header's facts.
    pixels : ndarray of uint16 or float32, shape (ny, nx)
        As stored: camera files and 16-bit FITS stay uint16, all else is float32. C-contiguous, native byte order.
    black : ndarray of float32, shape (2, 2)
        Level to subtract from ``pixels``, by row and column parity.
    mask : ndarray of bool, shape (ny, nx), or None
        True where a pixel is bad.
    uncertainty : ndarray of float32, shape (ny, nx), or None
        Standard deviation of each pixel, ADU.
    history : tuple of str
        What was done to the pixels, a sentence for each step.
    full : ndarray of int64, shape (n,), or None
        Flat indices of the pixels that were full before the calibration; None: those at or above ``info.saturation``.
    warnings : tuple of str
        What a user should know of these pixels.
    """

    info: FrameInfo
    pixels: np.ndarray
    black: np.ndarray = field(default_factory=lambda: np.zeros((2, 2), np.float32))
    mask: np.ndarray | None = None
    uncertainty: np.ndarray | None = None
    history: tuple[str, ...] = ()
    full: np.ndarray | None = None
    warnings: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.pixels.shape

    @property
    def pattern(self) -> str:
        """Colours of the first 2 x 2 pixels, or "none"."""
        return self.info.pattern

    def above_black(self) -> np.ndarray:
        """Pixels above black, float32 ADU, shape (ny, nx); bad pixels are NaN."""
        data = self.pixels.astype(np.float32)
        if self.black.any():
            for row in (0, 1):
                for column in (0, 1):
                    data[row::2, column::2] -= self.black[row, column]
        if self.mask is not None:
            data[self.mask] = np.nan
        return data


def colour_planes(pattern: str) -> tuple[tuple[str, int, int], ...]:
    """Colour, first row and first column of each plane of a mosaic.

    Parameters
    ----------
    pattern : str
        One of PATTERNS.

    Returns
    -------
    tuple of (str, int, int)
        For "none" a single plane ("mono", 0, 0), which has every pixel; else four planes that each take every second
        row and column: "red", "green" (twice) and "blue".
    """
    if pattern == "none":
        return (("mono", 0, 0),)
    names = {"R": "red", "G": "green", "B": "blue"}
    return tuple((names[letter], i // 2, i % 2) for i, letter in enumerate(pattern))


@dataclass(frozen=True)
class Failure:
    """A frame's result that could not be made; it stands in its place so that the rest goes on.

    Parameters
    ----------
    file : str
        The frame's file.
    stage : str
        The stage that failed.
    message : str
        The whole sentence: file, what is wrong, what to do.
    path : str
        Where the file lies, "" where that is not told.
    """

    file: str
    stage: str
    message: str
    path: str = ""


@dataclass(frozen=True, eq=False)
class Sequence:
    """The lights of one field in the order in which they are followed.

    Parameters
    ----------
    frames : tuple of FrameInfo
        Every light that was named, in order; its index is the frame's number from 0.
    unusable : tuple of str
        For each frame "" or why it cannot be used (the whole sentence).
    reference : int
        Index of the reference frame.
    left_out : tuple of (str, str)
        Files that fit nowhere or could not be read, and why.
    calibration : tuple of FrameInfo
        Bias, dark and flat frames that fit the lights, by kind and name.
    """

    frames: tuple[FrameInfo, ...]
    unusable: tuple[str, ...]
    reference: int
    left_out: tuple[tuple[str, str], ...] = ()
    calibration: tuple[FrameInfo, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of every usable frame."""
        return self.frames[self.reference].shape


@dataclass(frozen=True, eq=False)
class HotPixels:
    """Pixels that shine without light.

    Parameters
    ----------
    mask : ndarray of bool, shape (ny, nx), or None
        True where a pixel is hot in every frame. None: each frame is searched by itself, or none is.
    source : str
        "sequence", "dark", "frame" (each by itself) or "off".
    sigma : float
        How far above its neighbourhood a pixel is hot.
    repair : str
        "interpolate", "mask" or "keep".
    moved : bool
        Whether the stars were seen to move while these pixels stayed.
    contrast : float
        For "frame": how many times its highest neighbour a pixel must be, more than any star of these frames can.
    red, blue : float
        For "frame": factors that bring the colours to green's scale while neighbours are compared.
    bad : ndarray of bool, shape (ny, nx), or None
        True where bias, darks or flats show a bad column or a pixel that sees no light.
    steady : ndarray of int64, shape (n,), or None
        Flat indices, in order, of pixels that are higher than they should be by the same in every frame.
    excess : ndarray of float32, shape (n,), or None
        By how much, ADU.
    exposure : float or None
        Exposure of the frames that ``excess`` is true of, seconds.
    """

    mask: np.ndarray | None
    source: str
    sigma: float = 8.0
    repair: str = "interpolate"
    moved: bool = False
    contrast: float = 2.5
    red: float = 1.0
    blue: float = 1.0
    bad: np.ndarray | None = None
    steady: np.ndarray | None = None
    excess: np.ndarray | None = None
    exposure: float | None = None


@dataclass(frozen=True, eq=False)
class Background:
    """The sky's level as a mesh per colour; the image is made from it when asked for.

    Parameters
    ----------
    mesh : dict of str to ndarray of float32, shape (boxes in y, boxes in x)
        Level of each box, ADU, after the mesh's own median filter; keys "mono", or "red", "green", "blue".
    noise : dict of str to ndarray of float32
        Standard deviation of each box's clipped pixels, ADU; same shapes.
    box_size : int
        Side of a box, full pixels.
    shape : tuple of int
        Rows and columns of the frame.
    pattern : str
        Colours of the frame.
    """

    mesh: Mapping[str, np.ndarray]
    noise: Mapping[str, np.ndarray]
    box_size: int
    shape: tuple[int, int]
    pattern: str

    def level(self) -> float:
        """Median level of the frame, green where there are colours, ADU."""
        return float(np.median(self.mesh.get("green", self.mesh.get("mono"))))

    def rms(self) -> float:
        """Median noise of the frame, green where there are colours, ADU."""
        return float(np.median(self.noise.get("green", self.noise.get("mono"))))


@dataclass(frozen=True, eq=False)
class Normalized:
    """A frame without its sky, its colours brought to one scale.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        (pixel - background) x factor of the pixel's colour, ADU of green. NaN where masked.
    red, blue : float
        The factors used; green is 1.
    pattern : str
        Colours of the frame.
    saturated : float or None
        Raw level above sky at which pixels are full, times no factor, ADU.
    full : ndarray of int64, shape (n,)
        Flat indices of pixels at or above saturation in the frame.
    noise : float
        Standard deviation of a sky pixel in this image, ADU.
    file : str
        The frame's file, for messages.
    background : Background or None
        The sky that was subtracted.
    gain : float or None
        Electrons for an ADU as the header has it, where the level without light is not known, so that the sky's noise
        cannot tell it.
    """

    image: np.ndarray
    red: float
    blue: float
    pattern: str
    saturated: float | None
    full: np.ndarray
    noise: float
    file: str = ""
    background: Background | None = None
    gain: float | None = None
