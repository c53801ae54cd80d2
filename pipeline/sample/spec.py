"""What a sample sky is made from: the sky, the mount, the weather and the camera, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.frame import PATTERNS
from pipeline.sample.detector import Detector

FORMATS = ("dng", "fits")


@dataclass(frozen=True)
class SkyObject:
    """One object placed on purpose, beside the stars strewn at random.

    Parameters
    ----------
    label : str
        Its name in the story and in the truth.
    place : tuple of float
        Where it stands in the reference frame, as fractions of the width and of the height.
    flux : float
        Electrons of one exposure, summed over pixels that all have green's response.
    beside : tuple of float
        Pixels to add to the place, x and y.
    motion : tuple of float
        Own motion against the stars, pixels per exposure, x and y.
    brightness : tuple of float
        A factor on the flux for each frame in turn; frames past its end keep the last. Empty: steady light.
    """

    label: str
    place: tuple[float, float]
    flux: float
    beside: tuple[float, float] = (0.0, 0.0)
    motion: tuple[float, float] = (0.0, 0.0)
    brightness: tuple[float, ...] = ()


@dataclass(frozen=True)
class SampleSpec:
    """A sky, a mount, the weather and a camera; frame 0 is the reference.

    Parameters
    ----------
    name : str
        The sample's name.
    story : str
        What there is to find in it.
    frames : int
        Number of frames.
    shape : tuple of int
        Rows and columns.
    pattern : str
        One of PATTERNS.
    format : str
        "dng" or "fits".
    seed : int
        Same seed, same bytes.
    stars : int
        Stars in the reference frame; others of the same density come into the field as it moves.
    separation : float
        Least distance between any two of the random stars, pixels; those that stand nearer are left out.
    faintest, brightest : float
        Bounds of the stars' fluxes, electrons per exposure in green's response, between which dN/dm ~ 10^(0.3 m).
    colour_spread : float
        Standard deviation of the stars' red minus blue colour, magnitudes.
    red, blue : float
        The factors that a perfect normalization would find: the camera sees 1 / red of the red light.
    objects : tuple of SkyObject
        Placed on purpose.
    fwhm : float
        Full width at half maximum of a star's light before the pixels average it, pixels.
    seeing : dict of int to float
        The width in frames where it differs.
    drift : tuple of float
        Pixels per exposure, x and y.
    wander : float
        Guiding error of each frame, rms pixels in x and in y.
    rotation : float
        Degrees per exposure about the frame's centre.
    scale : float
        Scale of each exposure over the one before.
    distortion : float
        Radial shift at the corner by the optics, pixels; grows with the third power of the radius.
    jumps : dict of int to tuple of float
        From this frame on everything stands that many pixels further, x and y.
    gaps : dict of int to int
        So many exposures are missing before this frame; time and motion went on.
    clouds : dict of int to float
        Transparency of frames in which it is not 1.
    satellites : tuple of int
        Frames with a trail.
    sky : float
        Electrons per pixel and exposure at the centre, in green.
    sky_colour : tuple of float
        The sky's light in red, green and blue, green = 1.
    gradient : tuple of float
        How much the sky rises from the first column to the last, and from the first row to the last, over its level.
    hot : int
        Hot pixels.
    clusters : int
        Hot spots of 3 x 3 pixels, which look like stars and stay where they are.
    bad : tuple of (float, float, float, float)
        Rectangles x0, y0, x1, y1 without values, as fractions of the width and the height; NaN in the pixels.
    gain : float
        Electrons per ADU.
    read_noise : float
        Electrons, rms.
    bits : int
        Bits of the stored pixels, 8 to 16, or -32 for floats (FITS only).
    black : int
        Level added by the camera, ADU. A DNG says so; in FITS it is a part of what one sees as background.
    saturation : int or None
        Level, as stored, at which pixels are full; None: the highest of the bits.
    exposure, interval : float
        Seconds of an exposure, and from one to the next.
    detector : Detector, optional
        A CCD with its calibration frames (FITS only); without it a pixel differs from the next by ``hot`` alone.
    """

    name: str
    story: str = ""
    frames: int = 8
    shape: tuple[int, int] = (400, 600)
    pattern: str = "none"
    format: str = "fits"
    seed: int = 1
    stars: int = 150
    separation: float = 0.0
    faintest: float = 2_000.0
    brightest: float = 800_000.0
    colour_spread: float = 0.0
    red: float = 1.0
    blue: float = 1.0
    objects: tuple[SkyObject, ...] = ()
    fwhm: float = 4.0
    seeing: Mapping[int, float] = field(default_factory=dict)
    drift: tuple[float, float] = (0.0, 0.0)
    wander: float = 0.0
    rotation: float = 0.0
    scale: float = 1.0
    distortion: float = 0.0
    jumps: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    gaps: Mapping[int, int] = field(default_factory=dict)
    clouds: Mapping[int, float] = field(default_factory=dict)
    satellites: tuple[int, ...] = ()
    sky: float = 400.0
    sky_colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gradient: tuple[float, float] = (0.0, 0.0)
    hot: int = 0
    clusters: int = 0
    bad: tuple[tuple[float, float, float, float], ...] = ()
    gain: float = 1.5
    read_noise: float = 4.0
    bits: int = 14
    black: int = 0
    saturation: int | None = None
    exposure: float = 60.0
    interval: float = 75.0
    detector: Detector | None = None

    def __post_init__(self) -> None:
        rules = {
            "frames": (self.frames >= 1, "wants at least 1"),
            "shape": (min(self.shape) >= 32, "wants at least 32 rows and columns"),
            "pattern": (self.pattern in PATTERNS, "wants one of " + ", ".join(PATTERNS)),
            "format": (self.format in FORMATS, "wants one of " + ", ".join(FORMATS)),
            "bits": (self.bits == -32 or 8 <= self.bits <= 16, "wants 8 to 16, or -32 for floats"),
        }
        for name, (right, rule) in rules.items():
            if not right:
                raise ValueError(f"{self.name}.{name} = {getattr(self, name)!r}: {rule}")
        if self.format == "dng" and (self.pattern == "none" or self.bits == -32 or self.bad):
            raise ValueError(f"{self.name}.format = 'dng': a DNG holds a whole-number colour mosaic; take fits")
        if self.detector is not None and (self.format == "dng" or self.pattern != "none" or self.bits == -32):
            raise ValueError(f"{self.name}.format = {self.format!r}: calibration frames are monochrome FITS; take fits")
        if self.detector is not None and not 0 <= self.detector.overscan <= self.shape[1] - 32:
            raise ValueError(f"{self.name}.shape = {self.shape!r}: wants 32 columns beside the overscan")

    @property
    def full(self) -> int:
        """Stored level at which a pixel is full."""
        if self.saturation is not None:
            return self.saturation
        return 65535 if self.bits == -32 else 2**self.bits - 1

    @property
    def pedestal(self) -> int:
        """The part of ``black`` that no reader of the file can know of, ADU."""
        return self.black if self.format == "fits" and self.detector is None else 0
