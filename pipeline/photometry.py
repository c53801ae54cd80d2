"""What the photometry stages hand to each other: mask, centroids, fluxes and light curves, and their codes.

Units and axis order are those of :mod:`pipeline.frame`; columns are those of COLUMNS.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.tables import ColumnTable, Status


class Left(enum.IntEnum):
    """Why a star has no flux; KEPT has one (integers in records, sentences in files and on screen)."""

    KEPT = 0
    EDGE = 1
    CROWDED = 2
    MERGED = 3
    WIDTH = 4
    LOST = 5
    MASKED = 6

    @property
    def word(self) -> str:
        """The word that users see; "" for a star that has a flux."""
        return "" if self is Left.KEPT else self.name.lower()


class Flag(enum.IntFlag):
    """What should be known of a star that has a flux; several may be true."""

    SATURATED = 1
    NEIGHBOUR = 2
    BACKGROUND = 4
    MASKED = 8
    EDGE = 16
    WINDOWED = 32
    FORCED = 64

    @property
    def words(self) -> tuple[str, ...]:
        """The words that users see."""
        return tuple(flag.name.lower() for flag in Flag if flag in self)


FLAGS: dict[str, str] = {
    "saturated": "a pixel of its core is full: its flux is too low",
    "neighbour": "another star's light lies in its window",
    "background": "the sky's noise limits its centre and width",
    "masked": "bad pixels lie in its window",
    "edge": "its window reaches over the edge of the frame",
    "windowed": "its light-weighted mean was not to be trusted; the Gaussian-windowed centre stands",
    "forced": "too faint to be found here; measured where the other stars say that it is",
}


@dataclass(frozen=True, eq=False)
class Mask:
    """Pixels that are not to be used.

    Parameters
    ----------
    image : ndarray of bool, shape (ny, nx), or None
        True where a pixel is masked; None where nothing is.
    applies_to : str
        "background", "stars" or "both".
    extended : int
        Number of extended sources that were found.
    """

    image: np.ndarray | None = None
    applies_to: str = "both"
    extended: int = 0

    def of(self, use: str) -> np.ndarray | None:
        """The masked pixels for a use, "background" or "stars"; None where there are none."""
        return self.image if self.applies_to in (use, "both") else None


#: Nothing is masked.
NOTHING = Mask()


@dataclass(frozen=True, eq=False)
class Centroids(ColumnTable):
    """Stars of one frame with the centre and the widths of their light, those left out among them.

    Parameters
    ----------
    columns : dict of str to ndarray, each of shape (n,)
        ``row`` (in the StarTable), ``peak_x``, ``peak_y``, ``centroid_x``, ``centroid_y`` and their errors
        ``centroid_x_err``, ``centroid_y_err``; the centres by each method, used or not: ``com_x``, ``com_y``,
        ``winpos_x``, ``winpos_y``, ``gauss_x``, ``gauss_y``; ``width_x``, ``width_y`` (square roots of the second
        moments) and their errors, ``snr`` (light over its error in the window). NaN where not measured.
    reason : ndarray of int8, shape (n,)
        A Left for each star.
    flag : ndarray of int64, shape (n,)
        Flags.
    method : str
        "com", "winpos" or "gauss".
    window : int
        Side of the window, pixels.
    fitted_width : float
        Median sigma of the Gaussians fitted to the stars, pixels.
    separation : float
        Stars nearer to each other than this are crowded, pixels.
    crowded : str
        "drop" or "merge".
    """

    columns: Mapping[str, np.ndarray]
    reason: np.ndarray
    flag: np.ndarray
    method: str
    window: int
    fitted_width: float
    separation: float = 0.0
    crowded: str = "drop"


@dataclass(frozen=True, eq=False)
class Photometry(ColumnTable):
    """Fluxes of the stars of one frame.

    Parameters
    ----------
    columns : dict of str to ndarray, each of shape (n,)
        As in COLUMNS and ``aperture_flux_R`` for each radius R; NaN where a star has none.
    reason : ndarray of int8, shape (n,)
        A Left for each star.
    status : ndarray of int8, shape (n,)
        What became of the star in this frame (``pipeline.tables.Status``); 0 on a frame alone.
    flag : ndarray of int64, shape (n,)
        Flags.
    psf : str
        What the stars were weighted with, in words.
    width_x, width_y : float
        Sigma of the frame's Gaussian, or scale of its Moffat, pixels.
    beta : float
        The Moffat's exponent; 0 for a Gaussian.
    gain : float or None
        Electrons for an ADU; None where nothing tells it.
    gain_source : str
        What told it.
    read_noise : float or None
        Electrons.
    zero_point, zero_point_err : float
        Magnitude of a star of 1 ADU, and its 1 sigma.
    zero_point_source : str
        What told it; "" where nobody asked for one.
    known : tuple of (int, float)
        ``id`` and magnitude of each star whose magnitude is known in this frame's filter.
    apertures : tuple of float
        Radii, pixels.
    growth_radius, growth : ndarray of float64, shape (m,)
        Part of a bright star's light within a radius, over that within the largest; empty where no star tells.
    warnings : tuple of str
        What a user should know.
    """

    columns: Mapping[str, np.ndarray]
    reason: np.ndarray
    status: np.ndarray
    flag: np.ndarray
    psf: str
    width_x: float
    width_y: float
    beta: float
    gain: float | None
    gain_source: str
    read_noise: float | None
    zero_point: float
    zero_point_err: float
    zero_point_source: str
    known: tuple[tuple[int, float], ...]
    apertures: tuple[float, ...]
    growth_radius: np.ndarray
    growth: np.ndarray
    warnings: tuple[str, ...] = ()

    def reasons(self) -> list[str]:
        """For each star why it has no flux, or what should be known of it; "" where nothing is."""
        texts = []
        for reason, status, flag in zip(self.reason, self.status, self.flag, strict=True):
            if reason == Left.LOST:
                texts.append(Status(status).word)
            else:
                texts.append(Left(reason).word if reason else ", ".join(Flag(int(flag)).words))
        return texts


@dataclass(frozen=True, eq=False)
class LightCurves:
    """Brightness of every reference star through the frames that are used.

    Arrays of shape (frames, stars) have a row for each entry of ``frame`` and a column for each star's ``id``.

    Parameters
    ----------
    frame : ndarray of int64, shape (frames,)
        Numbers of the frames in the Sequence.
    time : ndarray of float64, shape (frames,)
        Middle of the exposure, Julian date (UTC); NaN where not known.
    flux, flux_error : ndarray of float64, shape (frames, stars)
        By the profile, ADU.
    instrumental, instrumental_error : ndarray of float64, shape (frames, stars)
        Magnitudes as measured in each frame, without a zero point.
    flag : ndarray of int64, shape (frames, stars)
        Flags.
    mag, mag_error : ndarray of float64, shape (frames, stars)
        Brightness against the comparison stars, magnitudes; NaN where not measured. A comparison star is measured
        against the others. Frames of each filter are compared among themselves; the filter's zero point is in it.
    comparison : ndarray of int64, shape (m,)
        Ids of the comparison stars.
    ensemble, ensemble_error : ndarray of float64, shape (frames,)
        How much fainter than on average in its filter the comparison stars look in each frame, magnitudes.
    scatter, expected : ndarray of float64, shape (stars,)
        Standard deviation of ``mag`` about the star's mean in each filter, and what photons, sky and the comparison
        stars' errors let expect; NaN where fewer than three frames have the star.
    level : ndarray of float64, shape (stars,)
        Mean of ``mag`` in the filter of most frames.
    zero_point, zero_point_err : ndarray of float64, shape (frames,)
        Of each frame's filter, and its 1 sigma, which is in no star's own error: it moves all alike.
    known : tuple of tuple of (int, float)
        For each frame ``id`` and magnitude of each star that is known in its filter.
    filter : tuple of str
        Filter of each frame.
    exposure : ndarray of float64, shape (frames,)
        Seconds; NaN where not known.
    warnings : tuple of str
        What a user should know.
    """

    frame: np.ndarray
    time: np.ndarray
    flux: np.ndarray
    flux_error: np.ndarray
    instrumental: np.ndarray
    instrumental_error: np.ndarray
    flag: np.ndarray
    mag: np.ndarray
    mag_error: np.ndarray
    comparison: np.ndarray
    ensemble: np.ndarray
    ensemble_error: np.ndarray
    scatter: np.ndarray
    expected: np.ndarray
    level: np.ndarray
    zero_point: np.ndarray
    zero_point_err: np.ndarray
    known: tuple[tuple[tuple[int, float], ...], ...]
    filter: tuple[str, ...]
    exposure: np.ndarray
    warnings: tuple[str, ...] = ()


COLUMNS: dict[str, tuple[str, str]] = {
    "id": ("", "number of the star, the reference's in a sequence"),
    "peak_x": ("px", "column of the peak pixel"),
    "peak_y": ("px", "row of the peak pixel"),
    "centroid_x": ("px", "where the star was measured"),
    "centroid_y": ("px", "where the star was measured"),
    "com_x": ("px", "light-weighted mean in the window of centroids, used or not"),
    "com_y": ("px", "light-weighted mean in the window of centroids, used or not"),
    "winpos_x": ("px", "Gaussian-windowed centre"),
    "winpos_y": ("px", "Gaussian-windowed centre"),
    "gauss_x": ("px", "centre of a fitted Gaussian"),
    "gauss_y": ("px", "centre of a fitted Gaussian"),
    "width_x": ("px", "sigma of its own light along x"),
    "width_y": ("px", "sigma of its own light along y"),
    "sky_left": ("adu", "level of the sky that the background left at the star; it is taken off all sums"),
    "psf_flux": ("adu", "light by the star's profile"),
    "psf_flux_err": ("adu", "1 sigma of psf_flux"),
    "mag": ("mag", "zero_point - 2.5 log10(psf_flux)"),
    "mag_err": ("mag", "1 sigma of mag, the zero point's with it"),
    "instrumental_mag": ("mag", "-2.5 log10(psf_flux)"),
    "instrumental_mag_err": ("mag", "1 sigma of instrumental_mag"),
}
