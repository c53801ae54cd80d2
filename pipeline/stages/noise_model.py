"""What a pixel's noise is: the sky's from the frame itself, the photons' from the gain, and what tells the gain.

Two flats of one level differ by noise alone, and the variance of photons over their number of ADU is the gain (Janesick
2007, Photon Transfer, chapter 5). Without flats the sky's own noise tells it, where the sky's level is known to be that
of photons; else the header.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.frame import SIGMA_TO_FWHM, Frame, Normalized, colour_planes
from pipeline.stages.sky_left import Boxes

if TYPE_CHECKING:
    from pipeline.photometry import Centroids
    from pipeline.read.rows import Rows

#: Rows in the middle of a flat that are looked at, and the side of the boxes in which level and noise are compared.
ROWS, BOX = 512, 16
#: A flat tells the gain where its level is at most this part of a full pixel.
NOT_FULL = 0.9
#: A larger gain in a header is the number of a camera's setting, not electrons for an ADU.
LARGEST = 30.0
#: The darkest sky's variance over the usual one: reading makes noise too.
DARKEST = 0.1
#: So many errors from what the stars tell of the noise of photons, what the sky tells is wrong.
SURE = 2.0
#: Words of a frame's history after which zero ADU are no light.
_ZEROED = ("bias", "dark", "overscan")
#: What a user should know where the gain is not known at all.
_NOTHING = (
    "nothing tells the gain, for the sky is taken off or dark: errors hold the noise of the sky alone and those of "
    "bright stars are too small: give psf_photometry.gain"
)
_MADE: dict[tuple[tuple[str, tuple[str, ...] | None], ...], tuple[float | None, float | None]] = {}


@dataclass(frozen=True)
class Detector:
    """Gain and read noise of a detector, and what told them.

    Parameters
    ----------
    gain : float or None
        Electrons for an ADU; None where nothing tells it.
    read_noise : float or None
        Electrons; None where nothing tells it.
    source : str
        What told the gain.
    warning : str
        What a user should know; "" where all is well.
    """

    gain: float | None
    read_noise: float | None
    source: str
    warning: str = ""


def pixel_noise(normalize: Normalized, fwhm: float) -> tuple[np.ndarray, np.ndarray]:
    """Variance of a sky pixel, and of a pixel for each ADU above the sky, both by row and column parity.

    Without a gain all of the sky's variance is taken for that of its photons. The header's is taken where it makes more
    noise than that: a zero level in the sky's makes less, and a number of a camera's setting that is no gain does too.

    Parameters
    ----------
    normalize : Normalized
        The frame without sky.
    fwhm : float
        Width of its stars, pixels: what counts is the noise at their scale.

    Returns
    -------
    variance, photon : ndarray of float64, shape (2, 2)
        ADU squared, and ADU; a colour's factor multiplies both as it does the pixels.
    """
    from pipeline.kernels.noise import pixel_variance, shared_noise

    variance = pixel_variance(normalize.image, normalize.pattern)
    variance *= shared_noise(normalize.image, variance, fwhm / SIGMA_TO_FWHM) ** 2
    level = normalize.background.level() if normalize.background is not None else 0.0
    sky = green_variance(normalize.pattern, variance)
    for_each = sky / level if level > 0 else 0.0
    if normalize.gain is not None:
        # A sky fainter than its own noise tells nothing.
        for_each = max(for_each if level > sky**0.5 else 0.0, 1 / normalize.gain)
    return variance, photon_noise(normalize, for_each)


def sky_noise_at(
    normalize: Normalized, x: np.ndarray, y: np.ndarray, variance: np.ndarray, gain: float | None
) -> np.ndarray:
    """Variance of a sky pixel at some places, over that of the whole frame: a brighter sky has more photons.

    Parameters
    ----------
    normalize : Normalized
        The frame without sky, and the sky that was subtracted.
    x, y : ndarray of float64, shape (n,)
        Places, pixels.
    variance : ndarray of float64, shape (2, 2)
        Variance of a sky pixel by row and column parity, ADU squared.
    gain : float or None
        Electrons for an ADU.

    Returns
    -------
    ndarray of float64, shape (n,)
        Only differences of the level count, so the camera's zero level does not. One where nothing tells the gain.
    """
    usual = green_variance(normalize.pattern, variance)
    if normalize.background is None or gain is None or not usual > 0:
        return np.ones(np.shape(x))
    sky, level = normalize.background, normalize.background.level()
    mesh = sky.mesh.get("green", sky.mesh.get("mono")).astype(np.float64) - level
    # Photons of the sky make no more noise than there is.
    for_each = min(1 / gain, usual / level) if level > 0 else 1 / gain
    return np.maximum(1 + Boxes(mesh, sky.box_size, sky.box_size).at(x, y) * for_each / usual, DARKEST)


def _zeroed(frame: Frame) -> bool:
    """Whether zero ADU are known to be no light."""
    return bool(frame.black.any()) or any(word in line.lower() for line in frame.history for word in _ZEROED)


def gain_of_header(frame: Frame) -> float | None:
    """Electrons for an ADU by the frame's header, where the sky's noise cannot tell it: zero ADU may be no darkness."""
    gain = frame.info.gain
    if _zeroed(frame) or gain is None or not 0 < gain <= LARGEST:
        return None
    return float(gain) * frame.info.averaged


def photon_noise(normalize: Normalized, for_each: float) -> np.ndarray:
    """Variance of photons for each ADU above the sky, by row and column parity: one over the gain, times the factor."""
    photon = np.full((2, 2), for_each)
    factors = {"red": normalize.red, "blue": normalize.blue}
    for colour, row, column in colour_planes(normalize.pattern):
        photon[row, column] *= factors.get(colour, 1.0)
    return photon


def photon_noise_of_stars(
    normalize: Normalized, fits: np.ndarray, fwhm: float, variance: np.ndarray, photon: np.ndarray, lonely: np.ndarray
) -> np.ndarray:
    """The noise of photons as the sky tells it, as far as the stars allow.

    The sky's noise over its level is that of photons only where the level is theirs alone: a frame may hold the
    camera's zero level, or have lost its sky, and where the sky is dark reading makes the noise.

    Parameters
    ----------
    normalize : Normalized
        The frame without sky.
    fits : ndarray of float64, shape (n, 5 + colours)
        Fitted stars (:func:`pipeline.kernels.gaussian.fit_stars`), which began with ``fwhm``, pixels.
    variance, photon : ndarray of float64, shape (2, 2)
        What :func:`pixel_noise` told.
    lonely : ndarray of bool, shape (n,)
        Stars without neighbours, full or bad pixels.

    Returns
    -------
    ndarray of float64, shape (2, 2)
        Variance of a pixel for each ADU above the sky, by row and column parity, ADU.
    """
    from pipeline.kernels.photons import photons_from_stars

    factor = photon_noise(normalize, 1.0)
    told = photons_from_stars(fits, fwhm, normalize.pattern, variance, factor, lonely)
    if told is None:
        return photon
    for_each, unsure = told[0], SURE * told[1]
    sky = float((photon / factor).mean())
    return factor * float(np.clip(sky, for_each - unsure, for_each + unsure))


def green_variance(pattern: str, variance: np.ndarray) -> float:
    """Mean variance of the pixels whose factor is 1."""
    planes = colour_planes(pattern)
    return float(np.mean([variance[row, column] for colour, row, column in planes if colour in ("mono", "green")]))


def detector(
    normalize: Normalized,
    calibrated: Frame,
    calibration: Iterable[Rows],
    *,
    variance: np.ndarray,
    gain: float | None = None,
    read_noise: float | None = None,
) -> Detector:
    """Gain and read noise: given, by photon transfer, from the frame's noise, or from the header, in this order.

    Parameters
    ----------
    normalize, calibrated : Normalized, Frame
        The frame without sky and with it.
    calibration : iterable of Rows
        Bias and flat frames among them tell gain and read noise.
    variance : ndarray of float64, shape (2, 2)
        Variance of a sky pixel by row and column parity, ADU squared.
    gain, read_noise : float, optional
        What the user says.
    """
    info, transferred = calibrated.info, (None, None)
    if gain is None or read_noise is None:
        transferred = _transferred(tuple(calibration), info.filter)
    if read_noise is None:
        read_noise = transferred[1] if transferred[1] is not None else info.read_noise
        # A mean of n frames has n times the electrons in an ADU, and the root of n times one frame's read noise.
        read_noise = None if read_noise is None else read_noise * info.averaged**0.5
    if gain is not None:
        return Detector(gain, read_noise, "given")
    times = f", {info.averaged:.3g} times for {info.combined} frames combined" if info.averaged > 1 else ""
    if transferred[0] is not None:
        return Detector(transferred[0] * info.averaged, read_noise, f"photon transfer from two flats{times}")
    of_sky = _gain_of_sky(normalize, variance, read_noise, info.sky_off)
    if _zeroed(calibrated) and of_sky is not None:
        return Detector(of_sky, read_noise, "the sky's noise")
    if info.gain is not None and 0 < info.gain <= LARGEST:
        return Detector(float(info.gain) * info.averaged, read_noise, f"the header{times}")
    if of_sky is None:
        return Detector(None, read_noise, "", _NOTHING)
    warning = (
        "the gain is a guess from the sky's noise over its level, which may hold the camera's zero level too: give "
        "psf_photometry.gain, or two flats and a bias, for errors of bright stars"
    )
    return Detector(of_sky, read_noise, "the sky's noise, its zero level not known", warning)


def told_by_stars(
    told: Detector, normalize: Normalized, stars: Centroids, lonely: np.ndarray, fwhm: float, variance: np.ndarray
) -> Detector:
    """A gain that is a guess, or not known, put right by the stars as far as they are sure that it is wrong.

    Parameters
    ----------
    told : Detector
        What else told the gain.
    normalize : Normalized
        The frame without sky.
    stars : Centroids
        Its stars.
    lonely : ndarray of bool, shape (n,)
        Those without neighbours, full or bad pixels.
    fwhm : float
        Width of a star, pixels.
    variance : ndarray of float64, shape (2, 2)
        Variance of a sky pixel by row and column parity, ADU squared.
    """
    from pipeline.kernels.gaussian import fit_stars

    if not told.warning:
        return told
    peaks = np.ravel_multi_index((stars["peak_y"], stars["peak_x"]), normalize.image.shape)
    fits = fit_stars(normalize.image, peaks, fwhm, normalize.pattern, variance)
    before = photon_noise(normalize, 0.0 if told.gain is None else 1 / told.gain)
    photon = photon_noise_of_stars(normalize, fits, fwhm, variance, before, lonely)
    if not photon.any() or np.array_equal(photon, before):
        return told
    gain = float(1 / np.mean(photon / photon_noise(normalize, 1.0)))
    return Detector(gain, told.read_noise, "the noise of the stars' own light")


def _gain_of_sky(
    normalize: Normalized, variances: np.ndarray, read_noise: float | None, sky_off: float
) -> float | None:
    """Gain g from variance = level / g + (read noise / g)^2; None where the sky is off, or has no electron a pixel."""
    level = sky_off + (normalize.background.level() if normalize.background is not None else 0.0)
    variance = green_variance(normalize.pattern, variances)
    if not (variance > 0 and level > variance**0.5):
        return None
    return (level + np.sqrt(level**2 + 4 * variance * (read_noise or 0.0) ** 2)) / (2 * variance)


def _transferred(readers: tuple[Rows, ...], filter_name: str) -> tuple[float | None, float | None]:
    """Gain and read noise from two flats and two bias frames, made once for files of the same content read alike."""
    bias = [reader for reader in readers if reader.info.kind == "bias"][:2]
    flats = _pair([reader for reader in readers if reader.info.kind == "flat"], filter_name)
    if not flats and len(bias) < 2:
        return None, None
    key = tuple((reader.info.kind, reader.state) for reader in (*flats, *bias))
    if key not in _MADE or any(state is None for _, state in key):
        _MADE[key] = photon_transfer(*([_middle(reader) for reader in some] for some in (flats, bias)))
    return _MADE[key]


def _pair(flats: list[Rows], filter_name: str) -> list[Rows]:
    """Two flats of one filter and exposure, those of the light's own filter first."""
    same = sorted(flats, key=lambda reader: reader.info.filter != filter_name)
    for i, one in enumerate(same):
        for other in same[i + 1 :]:
            if (one.info.filter, one.info.exposure) == (other.info.filter, other.info.exposure):
                return [one, other]
    return []


def _middle(reader: Rows) -> np.ndarray:
    """Rows about the middle of a frame, a whole number of colour pairs; full pixels have no value."""
    rows = reader.shape[0]
    start = max(0, rows // 2 - ROWS // 2) // 2 * 2
    data = reader.rows(start, min(rows, start + ROWS))
    if reader.info.saturation is not None:
        data[data >= NOT_FULL * reader.info.saturation] = np.nan
    return data


def photon_transfer(
    flats: list[np.ndarray], bias: list[np.ndarray], *, box: int = BOX
) -> tuple[float | None, float | None]:
    """Gain and read noise from the differences of two flats and of two bias frames.

    Parameters
    ----------
    flats, bias : list of ndarray of float32, shape (ny, nx)
        None or two flats, none to two bias frames, ADU; pixels without value are NaN.
    box : int
        Side of the boxes in which level and noise are compared, so that gradients do not count; each of the 2 x 2
        pixel parities has boxes of its own.

    Returns
    -------
    gain : float or None
        Electrons for an ADU: the median over boxes; None without two flats.
    read_noise : float or None
        Electrons; None without two bias frames or without a gain.

    Notes
    -----
    With levels m1, m2 above bias and r = m1 / m2 the variance of f1 - r f2 is m1 (1 + r) / g + R (1 + r^2), R that of
    a bias frame.
    """
    from pipeline.stages.combining import deviation

    read_variance = deviation(bias[0] - bias[1]) ** 2 / 2 if len(bias) == 2 else 0.0
    if len(flats) < 2:
        return None, None
    zero = np.nanmedian(bias[0]) if bias else 0.0
    one, other = (_boxes(flat - zero, box) for flat in flats[:2])
    good = np.isfinite(one).all(axis=1) & np.isfinite(other).all(axis=1)
    if good.sum() < 4:
        return None, None
    one, other = one[good], other[good]
    level, beside = np.median(one, axis=1), np.median(other, axis=1)
    lit = (level > 0) & (beside > 0)
    ratio = np.where(lit, level / np.where(lit, beside, 1), 1.0)
    variance = np.var(one - ratio[:, None] * other, axis=1, ddof=1) - read_variance * (1 + ratio**2)
    if not lit.any() or not np.median(variance[lit]) > 0:
        return None, None
    # The median of ratios of noisy variances is biased; a ratio of medians over boxes of like level is not.
    gain = float(np.median((level * (1 + ratio))[lit]) / np.median(variance[lit]))
    # A variance from n differences has its median below its mean by the part 2 / (3 n).
    gain *= 1 - 2 / (3 * (one.shape[1] - 1))
    return gain, gain * float(np.sqrt(read_variance)) if len(bias) == 2 else None


def _boxes(image: np.ndarray, box: int) -> np.ndarray:
    """Square boxes of each 2 x 2 parity, flattened: shape (boxes, box * box)."""
    parts = []
    for row in (0, 1):
        for column in (0, 1):
            plane = image[row::2, column::2]
            ny, nx = (size // box for size in plane.shape)
            cut = plane[: ny * box, : nx * box].reshape(ny, box, nx, box).swapaxes(1, 2)
            parts.append(cut.reshape(ny * nx, box * box))
    return np.concatenate(parts).astype(np.float64)
