"""The records that stages hand to each other; units and axis order are said here once.

A pixel's centre has whole coordinates and the first pixel is (0, 0); ``x`` runs along a row (second array axis),
``y`` along a column (first axis); arrays are indexed ``[y, x]``. Pixels are ADU above the camera's black level,
positions are full pixels of the frame, also on a colour mosaic. NaN means "no scientific value"; a mask is True where a
pixel is bad. An offset is "here minus reference".
"""

from __future__ import annotations

import enum
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
        return f"{self.file}: {self.problem}: {self.remedy}"


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
    """

    info: FrameInfo
    pixels: np.ndarray
    black: np.ndarray = field(default_factory=lambda: np.zeros((2, 2), np.float32))
    mask: np.ndarray | None = None

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


class Status(enum.IntEnum):
    """What became of a reference star in one frame (integers in files, words on screen)."""

    FOUND = 0
    RECOVERED = 1
    FAINT = 2
    OUTSIDE = 3
    BLENDED = 4
    SATURATED = 5
    MASKED = 6
    AMBIGUOUS = 7
    MOVED = 8
    FRAME = 9
    HOT = 10

    @property
    def word(self) -> str:
        """The word that users see."""
        return self.name.lower()


class Reason(enum.IntEnum):
    """Why a candidate is not a star; STAR is one."""

    STAR = 0
    THRESHOLD = 1
    SHARPNESS = 2
    ROUNDNESS = 3
    BORDER = 4
    SATURATED = 5
    SEPARATION = 6
    BRIGHTEST = 7
    MASKED = 8
    NEIGHBOURS = 9
    HOT = 10
    MEASURE = 11

    @property
    def word(self) -> str:
        """The word that users see."""
        return self.name.lower()


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
    """

    file: str
    stage: str
    message: str


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
        Files that are no lights or could not be read, and why.
    """

    frames: tuple[FrameInfo, ...]
    unusable: tuple[str, ...]
    reference: int
    left_out: tuple[tuple[str, str], ...] = ()

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
    """

    mask: np.ndarray | None
    source: str
    sigma: float = 8.0
    repair: str = "interpolate"
    moved: bool = False
    contrast: float = 2.5
    red: float = 1.0
    blue: float = 1.0


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


@dataclass(frozen=True, eq=False)
class StarTable:
    """Peaks of one frame with their measures, stars or not.

    Parameters
    ----------
    columns : dict of str to ndarray, each of shape (n,)
        Names and units as in COLUMNS, sorted as the finder gives them (by row, then column of the peak).
    reason : ndarray of int8, shape (n,)
        A Reason for each row; 0 is a star. All 0 in the result of ``candidates``, but for NEIGHBOURS.
    fwhm : float
        Width of the filter that found them, pixels.
    floor : float
        Lowest peak of the convolved image in the table, ADU.
    noise : float
        Standard deviation of the convolved image, ADU; thresholds in sigma are multiples of it.
    relative_error : float
        DAOFIND's factor between a threshold in ADU and the convolved image's (photutils' ``rel_err``).
    threshold : float
        The threshold that was used, in sigma of the convolved image (0 in the result of ``candidates``).
    shape : tuple of int
        Rows and columns of the frame.
    metrics : dict of str to float
        Facts of the frame for the frame table: fwhm, roundness, background, noise, saturated; and for ``stars``
        auto_threshold (sigma) and capped (1 where only the highest candidates are in the table).
    blind : ndarray of bool, shape (cells in y, cells in x), or None
        Equal cells of a few pixels that cover the frame; True where most of one has no value. None: not known.
    """

    columns: Mapping[str, np.ndarray]
    reason: np.ndarray
    fwhm: float
    floor: float
    noise: float
    relative_error: float
    threshold: float
    shape: tuple[int, int]
    metrics: Mapping[str, float] = field(default_factory=dict)
    blind: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.reason)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    @property
    def kept(self) -> np.ndarray:
        """Rows that are stars, in the order of their ``id``."""
        return np.flatnonzero(self.reason == Reason.STAR)


@dataclass(frozen=True, eq=False)
class Tracks:
    """Every reference star through every frame.

    Arrays of shape (frames, stars) have a row for each frame of the Sequence, used or not, and a column for each star
    kept in the reference, whose number is the star's ``id``.

    Parameters
    ----------
    x, y : ndarray of float64, shape (frames, stars)
        Positions, pixels; NaN where not measured.
    x_error, y_error : ndarray of float64, shape (frames, stars)
        1 sigma of the positions, pixels.
    status : ndarray of int8, shape (frames, stars)
        A Status for each.
    row : ndarray of int64, shape (frames, stars)
        Row in that frame's StarTable (all its candidates), -1 where not measured.
    previous : ndarray of int64, shape (frames,)
        Index of the frame followed before this one; the reference points to itself, an unused frame to -1.
    used : ndarray of bool, shape (frames,)
        Whether the frame counts from here on.
    reason : tuple of str
        For each frame "" or why it is not used.
    transform : ndarray of float64, shape (frames, 2, terms)
        Polynomial coefficients of x and y here in the reference's position (``pipeline.kernels.polynomial``), terms in
        the order 1, u, v, u2, uv, v2, ... with u = (x - cx) / s, v = (y - cy) / s, c the centre ((nx - 1) / 2, (ny -
        1) / 2) and s half of the longer side. NaN where the frame was not solved.
    residual : ndarray of float64, shape (frames,)
        Rms of the matched stars about the transform, pixels.
    reference : int
        Index of the reference frame.
    shape : tuple of int
        Rows and columns.
    saturated, blended : ndarray of bool, shape (frames, stars)
        Flags of measured stars.
    stuck : ndarray of bool, shape (frames,)
        Frames whose offsets all equal the previous frame's although the stars moved.
    method : str
        "predict" or "previous".
    warnings : tuple of str
        What a user should know.
    """

    x: np.ndarray
    y: np.ndarray
    x_error: np.ndarray
    y_error: np.ndarray
    status: np.ndarray
    row: np.ndarray
    previous: np.ndarray
    used: np.ndarray
    reason: tuple[str, ...]
    transform: np.ndarray
    residual: np.ndarray
    reference: int
    shape: tuple[int, int]
    saturated: np.ndarray
    blended: np.ndarray
    stuck: np.ndarray
    method: str = "predict"
    warnings: tuple[str, ...] = ()

    @property
    def measured(self) -> np.ndarray:
        """Where a star has a position, shape (frames, stars)."""
        return np.isfinite(self.x)

    @property
    def complete(self) -> np.ndarray:
        """Stars that are in every frame used, shape (stars,)."""
        return self.measured[self.used].all(axis=0)

    @property
    def x_offset(self) -> np.ndarray:
        """Here minus reference, pixels, shape (frames, stars)."""
        return self.x - self.x[self.reference]

    @property
    def y_offset(self) -> np.ndarray:
        """Here minus reference, pixels, shape (frames, stars)."""
        return self.y - self.y[self.reference]


@dataclass(frozen=True, eq=False)
class Selection:
    """Which frames are used from here on.

    Parameters
    ----------
    used : ndarray of bool, shape (frames,)
        One for each frame of the Sequence.
    reason : tuple of str
        "" or why a frame is left out.
    metrics : dict of str to ndarray of float64, shape (frames,)
        What the limits act on: stars, fwhm, roundness, background, noise, saturated; NaN where a frame has none.
    residual_limit : tuple of float or None
        A limit on the residual, which is known only after the frames were followed.
    """

    used: np.ndarray
    reason: tuple[str, ...]
    metrics: Mapping[str, np.ndarray]
    residual_limit: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class OffsetMap:
    """Offsets of every pixel of one frame against the reference, here minus reference.

    Parameters
    ----------
    x, y : ndarray of float32, shape (ny, nx)
        Offsets, pixels.
    x_error, y_error : ndarray of float32, shape (ny, nx)
        1 sigma, pixels.
    stars : ndarray of int64, shape (n,)
        Ids of the stars that made the map.
    clipped : ndarray of int64, shape (m,)
        Ids of the stars that were taken out.
    residual_x, residual_y : ndarray of float64, shape (n,)
        Star minus map made without that star, pixels.
    method : str
        How it was made.
    order : int
        Order of the polynomial that was used (0 for the other methods).
    warnings : tuple of str
        What a user should know.
    """

    x: np.ndarray
    y: np.ndarray
    x_error: np.ndarray
    y_error: np.ndarray
    stars: np.ndarray
    clipped: np.ndarray
    residual_x: np.ndarray
    residual_y: np.ndarray
    method: str
    order: int = 0
    warnings: tuple[str, ...] = ()


COLUMNS: dict[str, tuple[str, str]] = {
    "xcentroid": ("px", "position along the row (the finder's own)"),
    "ycentroid": ("px", "position along the column (the finder's own)"),
    "sharpness": ("", "peak above its neighbours over the filter's own"),
    "roundness1": ("", "difference of the two-fold and four-fold symmetry"),
    "roundness2": ("", "difference of the marginal fits' heights"),
    "npix": ("pix", "pixels in the finder's window"),
    "peak": ("adu", "highest pixel"),
    "flux": ("adu", "sum above the sky in the finder's window"),
    "mag": ("mag", "-2.5 log10(flux)"),
    "sky": ("adu", "level under the star that was subtracted"),
    "fwhm": ("px", "width of the star"),
    "snr": ("", "flux over its error"),
    "xcentroid_err": ("px", "1 sigma of the Gaussian-windowed position"),
    "ycentroid_err": ("px", "1 sigma of the Gaussian-windowed position"),
    "convolved": ("adu", "peak of the convolved image"),
    "x_winpos": ("px", "Gaussian-windowed centroid"),
    "y_winpos": ("px", "Gaussian-windowed centroid"),
    "x_com": ("px", "centre of mass in the window"),
    "y_com": ("px", "centre of mass in the window"),
    "x_gauss": ("px", "centre of a fitted Gaussian"),
    "y_gauss": ("px", "centre of a fitted Gaussian"),
    "x_peak": ("px", "column of the peak pixel"),
    "y_peak": ("px", "row of the peak pixel"),
    "neighbours": ("", "neighbours of the peak above neighbour_level"),
    "clear": ("px", "distance to the nearest higher pixel of the convolved image, as far as is looked"),
    "saturated": ("", "1 where a pixel of the star's core is full"),
    "masked": ("", "1 where the star's core touches a bad pixel"),
}
