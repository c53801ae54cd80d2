"""The sky taken off and the colours brought to one scale, so that stars can be measured on the mosaic itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from pipeline.frame import Background, Frame, Normalized, readonly
from pipeline.knob import Knob
from pipeline.photometry import NOTHING, Mask
from pipeline.stage import stage
from pipeline.stages.background import colour_numbers, without_pixels
from pipeline.stages.noise_model import gain_of_header

if TYPE_CHECKING:
    from pipeline.kernels.bright import BrightStars

#: Stars that a colour's factor wants, and how many of the brightest are asked.
_LEAST_STARS, _MOST_STARS = 5, 300
#: The lowest and the highest factor.
FACTORS = (0.1, 10.0)
#: So far below the sky, sigma, and at less than half of its light, a pixel does not see it.
DEAD = 20.0


def colour_factors(
    calibrated: Frame,
    background: Background,
    mask: Mask = NOTHING,
    **knobs: float | None,
) -> dict[str, float]:
    """Factors from the bright stars: the median over stars of green's flux per pixel over red's and over blue's.

    Parameters
    ----------
    calibrated : Frame
        The reference frame.
    background : Background
        Its sky.
    mask : Mask
        Pixels that are no stars.
    knobs
        The stage's knobs, which play no part: what one factor is set to by hand says nothing of the other.

    Returns
    -------
    dict of str to float
        ``red`` and ``blue``; 1 on monochrome frames and where fewer than five stars tell.
    """
    if calibrated.pattern == "none":
        return {"red": 1.0, "blue": 1.0}
    ratios = star_colours(without_pixels(calibrated, mask.of("stars")), background)
    return {
        name: float(np.clip(np.median(ratios[name]), *FACTORS)) if ratios[name].size >= _LEAST_STARS else 1.0
        for name in ("red", "blue")
    }


@stage(version=2, auto=colour_factors)
def normalize(
    calibrated: Frame,
    background: Background,
    mask: Mask = NOTHING,
    *,
    red: Annotated[
        float | None, Knob("factor on red pixels, green being 1", low=0.05, high=20, step=0.01, none="auto")
    ] = None,
    blue: Annotated[
        float | None, Knob("factor on blue pixels, green being 1", low=0.05, high=20, step=0.01, none="auto")
    ] = None,
) -> Normalized:
    """Take off the sky and multiply each colour so that a star has one smooth profile across the mosaic.

    Parameters
    ----------
    calibrated : Frame
        The frame.
    background : Background
        Its sky.
    mask : Mask
        Pixels that are no stars.
    red, blue
        Knobs; "auto" takes the bright stars' own ratio (:func:`colour_factors`).

    Returns
    -------
    Normalized
        (pixel - black - sky) x factor in float32, NaN where bad or masked, and where a pixel is dead: dark under
        a bright sky.
    """
    calibrated = without_pixels(calibrated, mask.of("stars"))
    if red is None or blue is None:
        auto = colour_factors(calibrated, background)
        red, blue = auto["red"] if red is None else red, auto["blue"] if blue is None else blue
    image = normalized_image(calibrated, background, red=red, blue=blue)
    full = full_pixels(calibrated)
    saturation = calibrated.info.saturation
    return Normalized(
        image=readonly(image),
        red=red,
        blue=blue,
        pattern=calibrated.pattern,
        saturated=None if saturation is None else saturation - background.level(),
        full=readonly(full),
        noise=sky_noise(image, calibrated.pattern),
        file=calibrated.info.file,
        background=background,
        gain=gain_of_header(calibrated),
    )


def normalized_image(calibrated: Frame, background: Background, *, red: float, blue: float) -> np.ndarray:
    """(pixel - black - sky) x factor of the pixel's colour, float32, shape (ny, nx); NaN where bad or dead."""
    from pipeline.kernels.spline import subtract_surface

    numbers = colour_numbers(calibrated.pattern)
    factors = np.array([red, 1.0, blue], np.float32) if len(background.mesh) == 3 else np.ones(1, np.float32)
    meshes = np.stack([mesh.astype(np.float64) for mesh in background.mesh.values()])
    darkest = np.array([-DEAD * np.median(noise) for noise in background.noise.values()], np.float32)
    return subtract_surface(
        calibrated.pixels,
        calibrated.mask,
        calibrated.black,
        meshes,
        numbers,
        factors[numbers],
        darkest[numbers],
        background.box_size,
    )


def full_pixels(frame: Frame) -> np.ndarray:
    """Flat indices, in order, of pixels at or above the frame's saturation level, int64; none where it is unknown."""
    if frame.full is not None:
        return frame.full
    if frame.info.saturation is None:
        return np.empty(0, np.int64)
    from pipeline.kernels.bands import map_bands

    nx = frame.shape[1]
    limits = frame.black + np.float32(frame.info.saturation)
    lowest = limits.min()
    if frame.pixels.dtype == np.uint16:
        # Pixels need not be turned into other numbers to be compared with a whole one.
        lowest = int(np.ceil(np.clip(lowest, 0, 65536)))

    def work(first: int, last: int) -> np.ndarray:
        index = np.flatnonzero(frame.pixels[first:last] >= lowest) + first * nx
        row, column = index // nx, index % nx
        return index[frame.pixels[row, column] >= limits[row & 1, column & 1]]

    return np.concatenate(map_bands(work, frame.shape[0]))


def sky_noise(image: np.ndarray, pattern: str = "none") -> float:
    """Standard deviation of a sky pixel, rms over the colours, from the pixels that 3-sigma clipping leaves.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Picture without its sky; NaN where bad.
    pattern : str
        Its colours; each plane has its own noise.

    Returns
    -------
    float
        The Gaussian of which the clipping leaves that deviation.
    """
    step = 1 if pattern == "none" else 2
    # A quarter of a million pixels give the noise to 0.2 %.
    stride = step * max(1, round((image.size / 2.5e5) ** 0.5 / step))
    variances = []
    for row in range(step):
        for column in range(step):
            variances.append(clipped_deviation(image[row::stride, column::stride]) ** 2)
    return float(np.sqrt(np.mean(variances)))


def clipped_deviation(values: np.ndarray) -> float:
    """Standard deviation of the Gaussian bulk of some values, by 3-sigma clipping; 0 where none is finite."""
    # Once sorted, what a clipping leaves is a slice, and its median the middle of that.
    values = np.sort(values[np.isfinite(values)]).astype(np.float64)
    if values.size == 0:
        return 0.0
    ranks = np.array([0.1587, 0.5, 0.8413]) * (values.size - 1)
    low, middle, high = np.interp(ranks, np.arange(values.size), values)
    # Stars lie above the sky, so its lower half is the better first guess.
    deviation = min(high - low, 2.0 * (middle - low)) / 2.0
    for _ in range(20):
        reach = 3.0 * deviation if deviation > 0 else np.inf
        kept = values[np.searchsorted(values, middle - reach) : np.searchsorted(values, middle + reach, "right")]
        middle, previous = (kept[(kept.size - 1) // 2] + kept[kept.size // 2]) / 2.0, deviation
        # A Gaussian cut at 3 sigma has 0.98658 of its standard deviation.
        deviation = np.std(kept) / 0.98658
        if abs(deviation - previous) <= 1e-4 * deviation:
            break
    return float(deviation)


def bright_mosaic_stars(calibrated: Frame, image: np.ndarray, most: int) -> BrightStars:
    """Bright stars that are not full, on the 2 x 2 binned picture of a mosaic, where colours play no part.

    Parameters
    ----------
    calibrated : Frame
        A mosaic.
    image : ndarray of float32, shape (ny, nx)
        The same without its sky; full pixels become NaN in it.
    most : int
        How many stars at most.

    Returns
    -------
    BrightStars
        In pixels of the binned picture.
    """
    from pipeline.kernels.bright import binned_frame, bright_stars

    image.ravel()[full_pixels(calibrated)] = np.nan
    picture = binned_frame(image, None)
    return bright_stars(picture, sky_noise(picture), most=most)


def star_colours(calibrated: Frame, background: Background) -> dict[str, np.ndarray]:
    """Ratio of green's flux per pixel to red's and blue's in the bright stars of a mosaic.

    Parameters
    ----------
    calibrated : Frame
        A mosaic.
    background : Background
        Its sky.

    Returns
    -------
    dict of str to ndarray of float64
        ``red`` and ``blue``, each with a value for every star in which both fluxes have 10 sigma or more, of at most
        the 300 brightest that are not full.
    """
    image = normalized_image(calibrated, background, red=1.0, blue=1.0)
    stars = bright_mosaic_stars(calibrated, image, _MOST_STARS)
    if stars.x.size == 0:
        return {"red": np.empty(0), "blue": np.empty(0)}
    reach = int(np.clip(np.ceil(1.5 * np.median(stars.fwhm)), 2, 6))
    flux: dict[str, np.ndarray] = {"red": 0.0, "green": 0.0, "blue": 0.0}
    error: dict[str, np.ndarray] = {"red": 0.0, "green": 0.0, "blue": 0.0}
    numbers, names = colour_numbers(calibrated.pattern), ("red", "green", "blue")
    for row in (0, 1):
        for column in (0, 1):
            name = names[numbers[row, column]]
            share = 0.5 if name == "green" else 1.0
            plane = image[row::2, column::2]
            here, scatter = _aperture(plane, stars.x, stars.y, reach)
            flux[name] = flux[name] + share * here
            error[name] = error[name] + share * scatter
    bright = {name: flux[name] > 10.0 * error[name] for name in names}
    return {name: (flux["green"] / flux[name])[bright["green"] & bright[name]] for name in ("red", "blue")}


def _aperture(plane: np.ndarray, x: np.ndarray, y: np.ndarray, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Flux of each star in one plane above the ring around it, and its error; NaN where a pixel is bad."""
    outer = reach + 3
    grid = np.arange(-outer, outer + 1)
    dy, dx = np.meshgrid(grid, grid, indexing="ij")
    distance = np.hypot(dx, dy)
    inside, ring = distance <= reach + 0.5, (distance > reach + 1) & (distance <= outer + 0.5)
    row = np.clip(np.rint(y).astype(int)[:, None, None] + dy, 0, plane.shape[0] - 1)
    column = np.clip(np.rint(x).astype(int)[:, None, None] + dx, 0, plane.shape[1] - 1)
    windows = plane[row, column].astype(np.float64)
    around = windows[:, ring]
    sky = np.median(around, axis=1)
    scatter = 1.4826 * np.median(np.abs(around - sky[:, None]), axis=1)
    return (windows[:, inside] - sky[:, None]).sum(axis=1), scatter * np.sqrt(inside.sum())
