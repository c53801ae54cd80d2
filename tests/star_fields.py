"""Small skies of Gaussian stars, already without their level: what candidates and stars are tested on."""

from dataclasses import dataclass

import numpy as np

from pipeline.frame import SIGMA_TO_FWHM, Background, Normalized, colour_planes

FACTORS = {"red": 1.6, "blue": 1.39}


@dataclass
class Field:
    """A normalized sky, its stars' true places, and the smallest error that any method can reach."""

    normalized: Normalized
    x: np.ndarray
    y: np.ndarray
    bound: np.ndarray


def normalized(image, *, pattern="none", full=(), noise=1.0, level=None, file="sky.fits"):
    """An image as ``normalize`` hands it on: read-only float32; ``level`` is that of the sky that was taken off."""
    image = np.array(image, np.float32)
    image.flags.writeable = False
    red, blue = (FACTORS["red"], FACTORS["blue"]) if pattern != "none" else (1.0, 1.0)
    sky = None
    if level is not None:
        names = ("mono",) if pattern == "none" else ("red", "green", "blue")
        mesh = {name: np.full((1, 1), level, np.float32) for name in names}
        sky = Background(mesh, mesh, max(image.shape), image.shape, pattern)
    return Normalized(image, red, blue, pattern, None, np.array(full, np.int64), noise, file, sky)


def parity_table(pattern, values, default=1.0):
    """One number for each row and column parity."""
    table = np.full((2, 2), default)
    for colour, row, column in colour_planes(pattern):
        if colour in values:
            table[row, column] = values[colour]
    return table


def star_field(
    seed, shape, x, y, amplitude, fwhm, *, pattern="none", level=200.0, gain=1.5, colour_scatter=0.0, quiet=False
):
    """Gaussian stars with photon noise on a flat sky that has been taken off; each star with colours of its own.

    Parameters
    ----------
    amplitude
        Height in green, ADU, one number or one a star.
    colour_scatter
        Standard deviation of the logarithm of each star's red and blue, over what the factors make equal.
    quiet
        Without noise.
    """
    rng = np.random.default_rng(seed)
    x, y, amplitude = np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, float)) for v in (x, y, amplitude)))
    sigma = fwhm / SIGMA_TO_FWHM
    factor = parity_table(pattern, FACTORS)
    light, bound = np.zeros(shape), []
    reach = int(6 * sigma) + 2
    for star_x, star_y, height in zip(x, y, amplitude, strict=True):
        row, column = round(star_y), round(star_x)
        rows = np.arange(max(row - reach, 0), min(row + reach + 1, shape[0]))[:, None]
        columns = np.arange(max(column - reach, 0), min(column + reach + 1, shape[1]))[None, :]
        red, blue = np.exp(rng.normal(0, colour_scatter, 2))
        tint = parity_table(pattern, {"red": red, "blue": blue}) / factor
        here = height * np.exp(-((columns - star_x) ** 2 + (rows - star_y) ** 2) / (2 * sigma**2))
        here = here * tint[rows & 1, columns & 1]
        light[rows, columns] += here
        variance = (level / factor[rows & 1, columns & 1] + here) / gain
        slope = here * (columns - star_x) / sigma**2
        # Cramer and Rao: one over the root of the Fisher information of the place.
        bound.append(1 / np.sqrt((slope**2 / variance).sum()))
    rows, columns = np.indices(shape, sparse=True)
    factors = factor[rows & 1, columns & 1]
    sky = level / factors
    raw = light + sky if quiet else rng.poisson((light + sky) * gain) / gain
    noise = float(np.sqrt(np.mean(factor * level / gain)))
    image = (raw - sky) * factors
    return Field(normalized(image, pattern=pattern, noise=noise, level=level), x, y, np.array(bound))


def grid(number, step, rng):
    """Places of number x number stars, each anywhere in its middle pixel."""
    row, column = np.indices((number, number))
    x = column.ravel() * step + step // 2 + rng.uniform(-0.5, 0.5, number**2)
    y = row.ravel() * step + step // 2 + rng.uniform(-0.5, 0.5, number**2)
    return x, y


def random_field(seed, shape=(160, 200), stars=40, fwhm=4.0, **options):
    """Stars of many brightnesses anywhere, also close together and at the edges."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, shape[1] - 1, stars), rng.uniform(0, shape[0] - 1, stars)
    return star_field(seed, shape, x, y, 10 ** rng.uniform(1.5, 4, stars), fwhm, **options)
