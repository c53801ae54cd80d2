"""A CCD of which everything is known: its bias, its dark current and its flat, and the frames that show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pipeline.sample.sky import Truth
    from pipeline.sample.spec import SampleSpec

#: Minutes between two calibration frames, and from the last of them to the first light.
PAUSE, EVENING = 2.0, 30.0


@dataclass(frozen=True)
class Detector:
    """What a CCD adds to the light and takes from it, and how often it is asked.

    Parameters
    ----------
    bias, dark, flat : int
        Calibration frames of each kind.
    dark_exposure, flat_exposure : float
        Seconds.
    flat_level : float
        Electrons of a flat in a pixel of median sensitivity; each flat is a little darker than the one before.
    overscan : int
        Columns at the right that see no light and no dark current.
    structure : float
        Height of the bias at the first column over that of the others, ADU; it falls off within some tens of columns.
    drift : float
        How far the bias level falls from one frame to the next, ADU, calibration frames first.
    current : float
        Dark current of a usual pixel, electrons a second.
    hot_current : tuple of float
        Least and most of that of a hot pixel.
    vignetting : float
        Part of the light that is missing in the corners.
    response : float
        Scatter of the pixels' sensitivity, rms.
    dust : tuple of (float, float, float, float)
        Rings: place as fractions of the lit width and the height, outer radius in pixels, part of the light they take.
    columns : tuple of (float, float)
        Bad columns: place as a fraction of the lit width, part of the light they see.
    """

    bias: int = 0
    dark: int = 0
    flat: int = 0
    dark_exposure: float = 60.0
    flat_exposure: float = 4.0
    flat_level: float = 30_000.0
    overscan: int = 0
    structure: float = 0.0
    drift: float = 0.0
    current: float = 0.0
    hot_current: tuple[float, float] = (5.0, 100.0)
    vignetting: float = 0.0
    response: float = 0.0
    dust: tuple[tuple[float, float, float, float], ...] = ()
    columns: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Exposure:
    """One frame of the session.

    Parameters
    ----------
    kind : str
        "bias", "dark" or "flat".
    number : int
        Among its kind, from 0.
    place : int
        Among all frames of the session, from 0.
    seconds : float
        Exposure.
    """

    kind: str
    number: int
    place: int
    seconds: float

    @property
    def file(self) -> str:
        """Its name: bias_01.fits."""
        return f"{self.kind}_{self.number + 1:02d}.fits"


def exposures(detector: Detector | None) -> Iterator[Exposure]:
    """The calibration frames of a session in the order in which they are taken: bias, dark, flat."""
    if detector is None:
        return
    place = 0
    for kind, seconds in (("bias", 0.0), ("dark", detector.dark_exposure), ("flat", detector.flat_exposure)):
        for number in range(getattr(detector, kind)):
            yield Exposure(kind, number, place, seconds)
            place += 1


def calibration_count(detector: Detector) -> int:
    """Number of calibration frames."""
    return detector.bias + detector.dark + detector.flat


def sensitivity(spec: SampleSpec, rng: np.random.Generator) -> np.ndarray:
    """What part of the light each pixel turns into electrons; the median of the lit pixels is 1.

    Parameters
    ----------
    spec : SampleSpec
        With a detector.
    rng : numpy Generator
        Draws the pixels' own response.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        0 in the overscan.
    """
    detector, (ny, nx) = spec.detector, spec.shape
    lit = nx - detector.overscan
    y, x = np.mgrid[:ny, :lit]
    corner = np.hypot(lit / 2, ny / 2)
    flat = 1 - detector.vignetting * ((x - (lit - 1) / 2) ** 2 + (y - (ny - 1) / 2) ** 2) / corner**2
    flat *= rng.normal(1.0, detector.response, (ny, lit))
    for across, down, radius, deep in detector.dust:
        ring = np.hypot(x - across * (lit - 1), y - down * (ny - 1))
        flat *= 1 - deep * ((ring < radius) & (ring > 0.3 * radius))
    for across, share in detector.columns:
        flat[:, round(across * (lit - 1))] *= share
    image = np.zeros(spec.shape, np.float32)
    image[:, :lit] = flat / np.median(flat)
    return image


def bias_structure(spec: SampleSpec) -> np.ndarray:
    """The bias over its level in the overscan, ADU, float32, shape (ny, nx): the same in every frame."""
    detector, (ny, nx) = spec.detector, spec.shape
    image = np.zeros(spec.shape, np.float32)
    lit = nx - detector.overscan
    image[:, :lit] = detector.structure * np.exp(-np.arange(lit) / 25.0)[None, :]
    image[:, :lit] += 0.25 * detector.structure * np.sin(np.arange(ny) / 7.0)[:, None]
    return image


def bias_level(spec: SampleSpec, place: int) -> float:
    """Level of the bias in the session's frame of that number, ADU as stored."""
    return spec.black - spec.detector.drift * place


def calibration_electrons(spec: SampleSpec, truth: Truth, exposure: Exposure) -> np.ndarray:
    """Expected electrons of a calibration frame, float32, shape (ny, nx)."""
    image = np.zeros(spec.shape, np.float32)
    if exposure.kind == "flat":
        image += truth.flat * np.float32(spec.detector.flat_level * (1 - 0.03 * exposure.number))
    add_dark(image, truth, exposure.seconds / spec.exposure)
    return image


def add_dark(image: np.ndarray, truth: Truth, share: float = 1.0) -> None:
    """Add the electrons that gather without light in such a part of a light's exposure, in place."""
    if truth.dark:
        image[:, : truth.shape[1] - truth.overscan] += np.float32(truth.dark * share)
    image.flat[truth.hot] += truth.hot_level * share
