"""Photometry of 5,000 stars on a 24-megapixel frame, beside photutils, and its figures on synthetic stars."""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np

import pipeline.stages  # noqa: F401
from benchmarks.table import Row, measured, seconds
from pipeline.kernels.bands import frozen
from pipeline.kernels.photometry import aperture_fluxes, profile_fluxes

SHAPE, STARS, SIGMA = (4000, 6000), 5000, 2.0
WINDOW, RADII = 25, (3.0, 5.0, 7.0)
TARGET = 0.060
SIMULATED, AT_ONCE, SIDE = 40_000, 4000, 31
SLOW = 200


def rows(options: argparse.Namespace) -> list[Row]:
    """Agreement first, then times."""
    image, x, y = sky()
    even, none = np.full((2, 2), 9.0), np.full((2, 2), 0.5)
    ours = partial(profile_fluxes, image, window=WINDOW, variance=even, photon=none)
    some = np.arange(x.size) if options.whole else np.arange(SLOW)

    def whole() -> None:
        ours(x, y, SIGMA, SIGMA)
        aperture_fluxes(image, x, y, RADII)

    def theirs() -> tuple[np.ndarray, np.ndarray]:
        return photutils_fluxes(image, x[some], y[some]), photutils_apertures(image, x[some], y[some])

    profile, circles = theirs()
    apart = np.abs(ours(x[some], y[some], SIGMA, SIGMA)["flux"] / profile - 1).max()
    sums = aperture_fluxes(image, x[some], y[some], RADII)
    away = np.abs(sums / circles - 1).max()
    time, slow = measured(whole), measured(theirs, 1)
    scaled = slow.wall * x.size / some.size
    beside = f"photutils {seconds(scaled)}" + ("" if options.whole else f", from {some.size} stars")
    return [
        Row("profile fluxes against photutils' PSFPhotometry", "1e-4", f"{apart:.1e}", met=bool(apart < 1e-4)),
        Row("aperture sums against photutils", "1e-5", f"{away:.1e}", met=bool(away < 1e-5)),
        Row(
            "5,000 stars: profile, errors and three circles", "60 ms", str(time),
            f"{beside}, {scaled / time.wall:,.0f} x", time.wall <= TARGET,
        ),
        *synthetic(),
    ]  # fmt: skip


def sky() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A frame without its sky, and the places of its stars, none of which lies on another or on the edge."""
    rng = np.random.default_rng(0)
    image = rng.normal(0, 3, SHAPE).astype(np.float32)
    cells = rng.choice((SHAPE[0] // 40 - 2) * (SHAPE[1] // 40 - 2), STARS, replace=False)
    row, column = np.divmod(cells, SHAPE[1] // 40 - 2)
    x, y = column * 40 + 60 + rng.uniform(-8, 8, STARS), row * 40 + 60 + rng.uniform(-8, 8, STARS)
    away = np.arange(-12, 13)
    for star_x, star_y, flux in zip(x, y, 10 ** rng.uniform(3, 5, STARS), strict=True):
        columns, lines = round(star_x) + away, round(star_y) + away
        light = np.outer(
            np.exp(-((lines - star_y) ** 2) / 2 / SIGMA**2), np.exp(-((columns - star_x) ** 2) / 2 / SIGMA**2)
        )
        image[np.ix_(lines, columns)] += flux * light / (2 * np.pi * SIGMA**2)
    return frozen(image), x, y


def photutils_fluxes(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """PSFPhotometry with the same Gaussian at fixed places."""
    from astropy.table import Table
    from photutils.psf import CircularGaussianPSF, PSFPhotometry

    model = CircularGaussianPSF(fwhm=SIGMA * 2 * np.sqrt(2 * np.log(2)))
    model.x_0.fixed = model.y_0.fixed = True
    start = Table({"x_init": x, "y_init": y, "flux_init": np.full(x.size, 1e4)})
    return np.asarray(PSFPhotometry(model, (WINDOW, WINDOW), aperture_radius=5)(image, init_params=start)["flux_fit"])


def photutils_apertures(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Exact circles about the same places."""
    from photutils.aperture import CircularAperture, aperture_photometry

    circles = [CircularAperture(np.transpose([x, y]), radius) for radius in RADII]
    table = aperture_photometry(image.astype(np.float64), circles)
    return np.stack([table[f"aperture_sum_{k}"].value for k in range(len(RADII))], axis=1)


def synthetic() -> list[Row]:
    """Bias, scatter over the Cramer-Rao bound and pulls of stars of known flux, place and profile."""
    found, unsure = [], 1 / np.sqrt(2 * SIMULATED)
    for sigma in (1.5, 3.0):
        for snr in (10, 100, 1000):
            bias, over, least, pull = one_brightness(sigma, snr)
            # In photon noise alone such a sum scatters by the square root of 4/3, 1.155 times the bound, and nothing
            # that weighs by the profile alone can do better: the brightest come to what stands in brackets.
            good = abs(bias) < 0.01 and over - unsure < 1.15 and 0.95 < pull < 1.05
            found.append(
                Row(f"flux, sigma {sigma:g} px, SNR {snr}", "1 %, 1.15 x bound, pull 0.95-1.05",
                    f"{100 * bias:+.2f} %, {over:.3f} +- {unsure:.3f} x (the sum can: {least:.3f}), {pull:.3f}",
                    met=bool(good))
            )  # fmt: skip
    return found


def one_brightness(
    sigma: float, snr: float, *, count: int = SIMULATED, level: float = 200.0, gain: float = 1.5
) -> tuple[float, float, float, float]:
    """Of many stars of one flux: relative bias, scatter over the bound and the least that the sum can have, pulls."""
    rng = np.random.default_rng(int(10 * sigma + snr))
    flux, bound, least = expected(sigma, snr, level, gain)
    off, pulls = [], []
    for _ in range(count // AT_ONCE):
        x, y = SIDE // 2 + rng.uniform(-0.5, 0.5, (2, AT_ONCE))
        images = rng.poisson((level + flux * profiles(x, y, sigma)) * gain) / gain - level
        mosaic = frozen(np.ascontiguousarray(images.reshape(AT_ONCE * SIDE, SIDE), np.float32))
        noise = {"variance": np.full((2, 2), level / gain), "photon": np.full((2, 2), 1 / gain)}
        made = profile_fluxes(mosaic, x, y + SIDE * np.arange(AT_ONCE), sigma, sigma, window=25, **noise)
        off.append(made["flux"] - flux)
        pulls.append(off[-1] / made["error"])
    away = np.concatenate(off)
    return float(away.mean() / flux), float(away.std() / bound), least, float(np.concatenate(pulls).std())


def profiles(x: np.ndarray, y: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussians that integrate to 1, each in a square of its own."""
    rows, columns = np.indices((SIDE, SIDE))
    away = (columns - x[:, None, None]) ** 2 + (rows - y[:, None, None]) ** 2
    return np.exp(-away / 2 / sigma**2) / (2 * np.pi * sigma**2)


def expected(sigma: float, snr: float, level: float, gain: float) -> tuple[float, float, float]:
    """The flux of that signal over noise, its Cramer-Rao bound, and the scatter of the weighted sum over the bound."""
    (p,) = profiles(np.array([SIDE // 2]), np.array([SIDE // 2]), sigma)
    flux = snr * np.sqrt(level / gain * 4 * np.pi) * sigma
    for _ in range(50):
        variance = (level + flux * p) / gain
        bound = 1 / np.sqrt((p**2 / variance).sum())
        flux = snr * bound
    return float(flux), float(bound), float(np.sqrt((p**2 * variance).sum()) / (p**2).sum() / bound)
