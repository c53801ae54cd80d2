"""Fluxes of synthetic stars: unbiased, as sure as they can be, and with errors that are their scatter."""

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.special import erf

from pipeline.frame import Background, Frame, FrameError, FrameInfo, Normalized
from pipeline.photometry import Flag, Left
from pipeline.read.rows import RowReaders
from pipeline.stages.candidates import candidates
from pipeline.stages.centroids import centroids
from pipeline.stages.noise_model import photon_transfer
from pipeline.stages.psf_photometry import psf_photometry
from pipeline.stages.stars import stars
from pipeline.tables import Tracks
from tests.star_fields import grid

LEVEL, GAIN, READ = 200.0, 1.5, 5.0


def sky(seed, sigma, flux, side=20, step=40, gain=GAIN, pattern_history=("bias subtracted",)):
    """A grid of stars of one flux, pixel by pixel integrated, with the noise of photons and of reading."""
    rng = np.random.default_rng(seed)
    x, y = grid(side, step, rng)
    flux = np.broadcast_to(flux, x.shape)
    shape = (side * step, side * step)
    light, reach = np.zeros(shape), 14
    for star_x, star_y, star_flux in zip(x, y, flux, strict=True):
        rows, columns = round(star_y) + np.arange(-reach, reach + 1), round(star_x) + np.arange(-reach, reach + 1)
        down, across = (
            np.diff(erf((np.append(at, at[-1] + 1) - 0.5 - middle) / sigma / np.sqrt(2))) / 2
            for at, middle in ((rows, star_y), (columns, star_x))
        )
        light[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += star_flux * np.outer(down, across)
    image = rng.poisson((light + LEVEL) * gain) / gain + rng.normal(0, READ / gain, shape)
    pixels = image.astype(np.float32)
    mesh = {"mono": np.full((1, 1), LEVEL, np.float32)}
    noise = float(np.sqrt(LEVEL / gain + (READ / gain) ** 2))
    background = Background(mesh, {"mono": np.full((1, 1), noise, np.float32)}, max(shape), shape, "none")
    frame = Frame(FrameInfo("/sky.fits", "sky.fits", shape), pixels, history=pattern_history)
    normalized = Normalized(
        pixels - np.float32(LEVEL), 1.0, 1.0, "none", None, np.empty(0, np.int64), noise, "sky.fits", background
    )
    return frame, normalized, x, y, flux


class Alone:
    """Tracks of a frame alone."""

    used, reason = np.array([True]), ("",)


def followed(x, y):
    """Tracks of two frames whose stars stand at known places."""
    found = np.zeros((2, x.size), np.int8)
    return Tracks(
        x=np.stack([x, x]), y=np.stack([y, y]), x_error=found + 0.01, y_error=found + 0.01, status=found,
        row=found.astype(np.int64) - 1, previous=np.zeros(2, np.int64), used=np.ones(2, bool), reason=("", ""),
        transform=np.zeros((2, 2, 3)), residual=np.zeros(2), reference=0, shape=(800, 800),
        saturated=found != 0, blended=found != 0, stuck=np.zeros(2, bool),
    )  # fmt: skip


def measured(frame, normalized, sigma, tracks=None, calibration=(), centroid=None, **knobs):
    table = stars(candidates(normalized, fwhm=2.3548 * sigma), threshold=6.0)
    found = centroids(normalized, table, **(centroid or {}))
    return found, psf_photometry(normalized, frame, found, tracks or Alone(), 0, calibration, **knobs)


def matched(photometry, x, y):
    """Rows that have a flux and the true star of each."""
    kept = photometry.kept
    found = np.stack([photometry["centroid_x"][kept], photometry["centroid_y"][kept]], axis=1)
    distance, truth = cKDTree(np.stack([x, y], axis=1)).query(found)
    return kept[distance < 1], truth[distance < 1]


def bound(sigma, flux):
    """Cramer and Rao's bound of the flux of a star whose place and profile are known."""
    rows, columns = np.indices((41, 41)) - 20
    p = np.exp(-(rows**2 + columns**2) / (2 * (sigma**2 + 1 / 12))) / (2 * np.pi * (sigma**2 + 1 / 12))
    variance = (LEVEL + flux * p) / GAIN + (READ / GAIN) ** 2
    return 1 / np.sqrt((p**2 / variance).sum())


def flux_of(sigma, snr):
    """The flux whose bound is that signal over noise."""
    low, high = 1.0, 1e9
    for _ in range(80):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if middle / bound(sigma, middle) < snr else (low, middle)
    return low


def few_bright(sigma, snr):
    """One star in ten is bright, as in any field, and tells the width; the others have the signal that is asked for."""
    return np.where(np.arange(400) % 10 == 0, flux_of(sigma, 1000), flux_of(sigma, snr))


@pytest.mark.parametrize("sigma", [1.5, 2.0, 3.0])
@pytest.mark.parametrize("snr", [10, 30, 100, 1000])
def test_fluxes_at_known_places_are_unbiased_near_the_bound_and_as_wrong_as_they_say(sigma, snr):
    flux, offs, pulls = flux_of(sigma, snr), [], []
    for seed in range(3):
        frame, normalized, x, y, truth = sky(seed, sigma, few_bright(sigma, snr))
        _, photometry = measured(frame, normalized, sigma, followed(x, y), gain=GAIN)
        of_interest = truth == flux
        offs.append(photometry["psf_flux"][of_interest] - flux)
        pulls.append(offs[-1] / photometry["psf_flux_err"][of_interest])
    off, pull = np.concatenate(offs), np.concatenate(pulls)
    count, scatter = off.size, np.std(off)
    assert abs(off.mean()) < 0.01 * flux
    assert scatter < 1.15 * bound(sigma, flux) * (1 + 2 / np.sqrt(2 * count))
    assert 0.95 - 2 / np.sqrt(2 * count) < pull.std() < 1.05 + 2 / np.sqrt(2 * count)


@pytest.mark.parametrize("sigma", [1.5, 2.0, 3.0])
@pytest.mark.parametrize("snr", [30, 100, 1000])
def test_fluxes_at_own_centroids_are_unbiased_too(sigma, snr):
    flux = flux_of(sigma, snr)
    frame, normalized, x, y, truth = sky(7, sigma, few_bright(sigma, snr))
    _, photometry = measured(frame, normalized, sigma, gain=GAIN)
    rows, at = matched(photometry, x, y)
    rows = rows[truth[at] == flux]
    assert len(rows) > 300
    off = photometry["psf_flux"][rows] - flux
    assert abs(off.mean()) < 0.01 * flux + 2 * bound(sigma, flux) / np.sqrt(len(rows))
    assert np.std(off) < 1.25 * bound(sigma, flux)
