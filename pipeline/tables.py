"""Stars and what became of them: the tables, tracks and maps that stages hand to each other, and their codes.

Units and axis order are those of :mod:`pipeline.frame`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


class Code(enum.IntEnum):
    """What is an integer in files and a word on screen."""

    @property
    def word(self) -> str:
        """The word that users see."""
        return self.name.lower()


class Status(Code):
    """What became of a reference star in one frame."""

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


class Reason(Code):
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


class ColumnTable:
    """Columns of equal length, found by name; rows whose ``reason`` is 0 are kept, the others say why they are not."""

    columns: Mapping[str, np.ndarray]
    reason: np.ndarray

    def __len__(self) -> int:
        return len(self.reason)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    @property
    def kept(self) -> np.ndarray:
        """Rows that are kept, in order; of stars that is the order of their ``id``."""
        return np.flatnonzero(self.reason == 0)


@dataclass(frozen=True, eq=False)
class StarTable(ColumnTable):
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
        auto_threshold (sigma), capped (1 where only the highest candidates are in the table), filter_ratio (minor over
        major axis), and of ``stars`` elongated (the larger roundness of a shape that most stars share, 0 if round).
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
    lean : ndarray of float64, shape (2, frames, stars), or None
        Centre of the fitted Gaussian less the windowed one in x and in y, pixels: skewed stars have some. None where
        another centre is followed.
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
    lean: np.ndarray | None = None

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
    "local_noise": ("adu", "standard deviation of the convolved image about the star"),
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
