"""What a camera makes of a sample sky: light on pixels, noise, counts."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from pipeline.frame import SIGMA_TO_FWHM, Frame, FrameInfo
from pipeline.sample.detector import (
    EVENING,
    PAUSE,
    Exposure,
    add_dark,
    bias_level,
    calibration_count,
    calibration_electrons,
)
from pipeline.sample.draw import moments
from pipeline.sample.sky import Truth, plane_colours, slope
from pipeline.sample.spec import SampleSpec

FIRST_EXPOSURE = datetime(2026, 1, 17, 20, 30, 0)
WINDOW = 6.5  # sigma; a Gaussian has 1e-10 of its light further out
BAND = 256


def starlight(truth: Truth, index: int) -> np.ndarray:
    """Electrons of the stars alone, without sky and noise.

    Each star is a Gaussian integrated over every pixel: differences of the error function at the pixels' edges.

    Parameters
    ----------
    truth : Truth
        The sky.
    index : int
        The frame's number.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        Expected electrons; on a mosaic each pixel has its own colour's.
    """
    image = np.zeros(truth.shape, np.float32)
    ny, nx = truth.shape
    sigma = truth.fwhm[index] / SIGMA_TO_FWHM
    half = int(np.ceil(WINDOW * sigma)) + 1
    seen = (truth.x[index] > -half) & (truth.x[index] < nx + half - 1)
    seen &= (truth.y[index] > -half) & (truth.y[index] < ny + half - 1)
    stars = np.flatnonzero(seen & (truth.flux[index] > 0))
    left, across = _profiles(truth.x[index, stars], sigma, half)
    top, down = _profiles(truth.y[index, stars], sigma, half)
    response = truth.flux[index, stars, None] * truth.response()[stars]
    planes = plane_colours(truth.pattern)
    for star in range(len(stars)):
        x0, y0 = max(left[star], 0), max(top[star], 0)
        row = across[star, x0 - left[star] : nx - left[star]]
        column = down[star, y0 - top[star] : ny - top[star]]
        patch = image[y0 : y0 + len(column), x0 : x0 + len(row)]
        for first_row, first_column, step, colour in planes:
            a, b = (first_row - y0) % step, (first_column - x0) % step
            patch[a::step, b::step] += np.outer(response[star, colour] * column[a::step], row[b::step])
    return image


def _profiles(centres: np.ndarray, sigma: float, half: int) -> tuple[np.ndarray, np.ndarray]:
    """First pixel of each star's window and the share of its light in each of the window's columns."""
    from scipy.special import erf

    first = np.rint(centres).astype(int) - half
    edges = first[:, None] - 0.5 + np.arange(2 * half + 2) - centres[:, None]
    return first, 0.5 * np.diff(erf(edges / (np.sqrt(2.0) * sigma)), axis=1)


def light(truth: Truth, index: int) -> np.ndarray:
    """Expected electrons of one frame: stars, sky, satellites, hot pixels and dark current, without noise.

    Parameters
    ----------
    truth : Truth
        The sky.
    index : int
        The frame's number.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        Electrons.
    """
    image = starlight(truth, index)
    plane = slope(truth.shape, truth.gradient).astype(np.float32)
    for row, column, step, colour in plane_colours(truth.pattern):
        image[row::step, column::step] += np.float32(truth.sky[colour]) * plane[row::step, column::step]
    for trail in truth.trails[truth.trails[:, 0] == index]:
        _draw_trail(image, trail[1:], truth, index)
    if truth.flat.size:
        image *= truth.flat
    add_dark(image, truth)
    return image


def _draw_trail(image: np.ndarray, trail: np.ndarray, truth: Truth, index: int) -> None:
    """Add a straight line of the stars' width, white light as the camera sees it."""
    x0, y0, x1, y1, brightness = trail
    length = np.hypot(x1 - x0, y1 - y0)
    sigma = truth.fwhm[index] / SIGMA_TO_FWHM
    y, x = np.ogrid[: image.shape[0], : image.shape[1]]
    distance = ((x - x0) * (y1 - y0) - (y - y0) * (x1 - x0)) / length
    line = brightness / (np.sqrt(2.0 * np.pi) * sigma) * np.exp(-0.5 * (distance / sigma) ** 2)
    weaken = (1.0 / truth.factors[0], 1.0, 1.0 / truth.factors[1])
    for row, column, step, colour in plane_colours(truth.pattern):
        image[row::step, column::step] += weaken[colour] * line[row::step, column::step]


def make_frame(spec: SampleSpec, truth: Truth, index: int) -> Frame:
    """Expose one frame: photon noise (Gaussian, with the light's own variance), read noise, gain, black, full pixels.

    Parameters
    ----------
    spec : SampleSpec
        The camera.
    truth : Truth
        The sky, ``make_truth(spec)``.
    index : int
        The frame's number, from 0.

    Returns
    -------
    Frame
        As a reader of the written file would give it; the same for the same seed and number.
    """
    image = light(truth, index)
    level = truth.bias + truth.bias_level[index] if truth.bias.size else np.float32(spec.black)
    _expose_all(spec, image, (1, index), level)
    mask = None
    if spec.bits == -32:
        pixels = image
        mask = _bad(spec)
        pixels[mask] = np.nan
    else:
        pixels = image.astype(np.uint16)
    black = np.full((2, 2), spec.black - spec.pedestal, np.float32)
    return Frame(frame_info(spec, index), pixels, black, mask)


def make_calibration(spec: SampleSpec, truth: Truth, exposure: Exposure) -> Frame:
    """Expose one bias, dark or flat as :func:`make_frame` exposes a light.

    Parameters
    ----------
    spec : SampleSpec
        The camera, with a detector.
    truth : Truth
        ``make_truth(spec)``.
    exposure : Exposure
        One of ``exposures(spec.detector)``.

    Returns
    -------
    Frame
        Whole numbers as stored, black level 0, overscan and all.
    """
    from astropy.time import Time

    image = calibration_electrons(spec, truth, exposure)
    _expose_all(spec, image, (3, exposure.place), truth.bias + bias_level(spec, exposure.place))
    info = replace(
        frame_info(spec, 0),
        path=exposure.file,
        file=exposure.file,
        kind=exposure.kind,
        time=Time(calibration_start(spec, exposure), scale="utc"),
        exposure=exposure.seconds,
    )
    return Frame(info, image.astype(np.uint16))


def _expose_all(spec: SampleSpec, image: np.ndarray, stream: tuple[int, int], level: np.ndarray | np.float32) -> None:
    """Turn expected electrons into counts, in place, by bands on threads."""
    level = np.broadcast_to(np.asarray(level, np.float32), spec.shape)
    with ThreadPoolExecutor(max(os.cpu_count() or 2, 2)) as pool:
        bands = [slice(row, row + BAND) for row in range(0, spec.shape[0], BAND)]
        list(pool.map(lambda rows: _expose(spec, image[rows], (*stream, rows.start), level[rows]), bands))


def _expose(spec: SampleSpec, band: np.ndarray, number: tuple[int, int, int], level: np.ndarray) -> None:
    """Turn expected electrons into counts, in place; each band has its own stream of random numbers."""
    rng = np.random.default_rng([spec.seed, *number])
    noise = rng.standard_normal(band.shape, np.float32)
    noise *= np.sqrt(band + np.float32(spec.read_noise**2))
    band += noise
    band *= np.float32(1.0 / spec.gain)
    band += level
    if spec.bits != -32:
        np.rint(band, out=band)
    np.clip(band, None if spec.bits == -32 else 0, spec.full, out=band)


def _bad(spec: SampleSpec) -> np.ndarray:
    ny, nx = spec.shape
    mask = np.zeros(spec.shape, bool)
    for x0, y0, x1, y1 in spec.bad:
        mask[round(y0 * ny) : round(y1 * ny), round(x0 * nx) : round(x1 * nx)] = True
    return mask


def start(spec: SampleSpec, index: int) -> datetime:
    """Start of a frame's exposure, UTC."""
    return FIRST_EXPOSURE + timedelta(seconds=float(moments(spec)[index]) * spec.interval)


def calibration_start(spec: SampleSpec, exposure: Exposure) -> datetime:
    """Start of a calibration frame's exposure, UTC: before the first light."""
    left = calibration_count(spec.detector) - exposure.place
    return FIRST_EXPOSURE - timedelta(minutes=EVENING + PAUSE * left)


def file_name(spec: SampleSpec, index: int) -> str:
    """Name of a frame's file: light_001.dng is the reference."""
    return f"light_{index + 1:03d}.{spec.format}"


def frame_info(spec: SampleSpec, index: int) -> FrameInfo:
    """What the header of a frame's file says."""
    from astropy.time import Time

    name = file_name(spec, index)
    return FrameInfo(
        path=name,
        file=name,
        shape=tuple(spec.shape),
        pattern=spec.pattern,
        kind="light",
        kind_reason="sample",
        time=Time(start(spec, index), scale="utc"),
        exposure=spec.exposure,
        gain=spec.gain if spec.format == "fits" else None,
        iso=None if spec.format == "fits" else 800.0,
        filter="Clear" if spec.format == "fits" else "",
        saturation=float(spec.full - spec.black + spec.pedestal),
        camera="Starshift Sample",
    )
