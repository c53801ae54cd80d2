"""Draws a sample's sky at random and follows it through the frames."""

from __future__ import annotations

import numpy as np

from pipeline.sample.detector import bias_level, bias_structure, calibration_count, sensitivity
from pipeline.sample.sky import Truth, distort, undistort
from pipeline.sample.spec import SampleSpec


def make_truth(spec: SampleSpec) -> Truth:
    """Draw a sky and follow it through all frames.

    Parameters
    ----------
    spec : SampleSpec
        What to draw.

    Returns
    -------
    Truth
        The same for the same spec.
    """
    rng = np.random.default_rng([spec.seed, 0])
    matrix, displacement = _pointing(spec, rng)
    u, v, base, motion = _objects(spec, *_strew(spec, matrix, displacement, rng))
    count = len(u)
    elapsed = moments(spec)
    truth = Truth(
        name=spec.name,
        story=spec.story,
        pattern=spec.pattern,
        shape=tuple(spec.shape),
        x=np.empty((spec.frames, count)),
        y=np.empty((spec.frames, count)),
        flux=_fluxes(spec, base),
        colours=_colours(spec, base, rng),
        factors=(spec.red, spec.blue),
        inside=np.empty((spec.frames, count), bool),
        moving=motion.any(axis=1),
        labels={item.label: i for i, item in enumerate(spec.objects)},
        matrix=matrix,
        displacement=displacement,
        distortion=spec.distortion,
        fwhm=np.array([spec.seeing.get(i, spec.fwhm) for i in range(spec.frames)]),
        transparency=_transparency(spec),
        sky=spec.sky * np.array(spec.sky_colour) / (spec.red, 1.0, spec.blue),
        gradient=spec.gradient,
        trails=_trails(spec, rng),
        **_hot(spec, rng),
        gain=spec.gain,
        read_noise=spec.read_noise,
        pedestal=float(spec.pedestal),
        saturation=float(spec.full - spec.black + spec.pedestal),
        **_detector(spec),
    )
    for i, moment in enumerate(elapsed):
        truth.x[i], truth.y[i] = truth.to_frame(i, u + motion[:, 0] * moment, v + motion[:, 1] * moment)
    truth.inside[:] = _on_frame(truth.x, truth.y, (spec.shape[0], spec.shape[1] - truth.overscan))
    return truth


def moments(spec: SampleSpec) -> np.ndarray:
    """Number of exposures since the reference, those that are missing too."""
    missing = np.array([spec.gaps.get(i, 0) for i in range(spec.frames)])
    return np.arange(spec.frames) + np.cumsum(missing)


def _transparency(spec: SampleSpec) -> np.ndarray:
    return np.array([spec.clouds.get(i, 1.0) for i in range(spec.frames)])


def _on_frame(x: np.ndarray, y: np.ndarray, shape: tuple[int, int], margin: float = 0.0) -> np.ndarray:
    ny, nx = shape
    return (x >= -0.5 - margin) & (x < nx - 0.5 + margin) & (y >= -0.5 - margin) & (y < ny - 0.5 + margin)


def _pointing(spec: SampleSpec, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and displacement of every frame."""
    elapsed = moments(spec)
    angle = np.radians(spec.rotation) * elapsed
    scale = spec.scale**elapsed
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    matrix = np.moveaxis(np.array([[cosine, -sine], [sine, cosine]]), 2, 0)
    jumps = np.cumsum([spec.jumps.get(i, (0.0, 0.0)) for i in range(spec.frames)], axis=0)
    wander = rng.normal(0.0, spec.wander, (spec.frames, 2))
    wander[0] = 0.0
    return matrix, elapsed[:, None] * np.array(spec.drift) + jumps + wander


def _strew(
    spec: SampleSpec, matrix: np.ndarray, displacement: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sky coordinates and fluxes of random stars that some frame sees."""
    ny, nx = spec.shape
    margin = 3.0 * max([spec.fwhm, *spec.seeing.values()])
    x, y = rng.uniform(-0.5, nx - 0.5, spec.stars), rng.uniform(-0.5, ny - 0.5, spec.stars)
    u, v = undistort(x, y, spec.shape, spec.distortion)
    # The sky that any frame sees, as a rectangle: stars of the same density wait around the reference.
    corners = np.array(
        undistort(
            *np.array([[-margin, nx + margin] * 2, [-margin] * 2 + [ny + margin] * 2]), spec.shape, spec.distortion
        )
    )
    seen = np.linalg.inv(matrix) @ (corners[None] - displacement[:, :, None])
    low, high = seen.min(axis=(0, 2)), seen.max(axis=(0, 2))
    around = rng.uniform(low, high, (round(spec.stars / (nx * ny) * np.prod(high - low)), 2)).T
    outside = ~_on_frame(*distort(*around, spec.shape, spec.distortion), spec.shape)
    u, v = np.append(u, around[0, outside]), np.append(v, around[1, outside])
    keep = _apart(u, v, spec.separation) & _ever_seen(spec, matrix, displacement, u, v, margin)
    flux = _power_law(spec.faintest, spec.brightest, len(u), rng)
    return u[keep], v[keep], flux[keep]


def _apart(u: np.ndarray, v: np.ndarray, separation: float) -> np.ndarray:
    """True for points of which no earlier one is nearer than ``separation``."""
    keep = np.ones(len(u), bool)
    if separation > 0:
        from scipy.spatial import cKDTree

        pairs = cKDTree(np.column_stack([u, v])).query_pairs(separation, output_type="ndarray")
        keep[pairs.max(axis=1)] = False
    return keep


def _ever_seen(
    spec: SampleSpec, matrix: np.ndarray, displacement: np.ndarray, u: np.ndarray, v: np.ndarray, margin: float
) -> np.ndarray:
    seen = np.zeros(len(u), bool)
    for turn, shift in zip(matrix, displacement, strict=True):
        point = turn @ np.array([u, v]) + shift[:, None]
        seen |= _on_frame(*distort(*point, spec.shape, spec.distortion), spec.shape, margin)
    return seen


def _power_law(faintest: float, brightest: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """Fluxes with dN/dm ~ 10^(0.3 m), that is N(> F) ~ F^-0.75, between two bounds."""
    steepness = 0.75
    low, high = faintest**-steepness, brightest**-steepness
    return (high + (low - high) * rng.uniform(size=count)) ** (-1.0 / steepness)


def _objects(
    spec: SampleSpec, u: np.ndarray, v: np.ndarray, flux: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Put the objects placed on purpose first, and clear the random stars from around them."""
    ny, nx = spec.shape
    x = np.array([item.place[0] * (nx - 1) + item.beside[0] for item in spec.objects])
    y = np.array([item.place[1] * (ny - 1) + item.beside[1] for item in spec.objects])
    placed = np.array(undistort(x, y, spec.shape, spec.distortion)).reshape(2, -1)
    clear = np.ones(len(u), bool)
    elapsed = moments(spec)
    for item, (a, b) in zip(spec.objects, placed.T, strict=True):
        way = np.outer(elapsed, item.motion) + np.array([a, b])
        distance = np.hypot(u[:, None] - way[:, 0], v[:, None] - way[:, 1])
        clear &= (distance > 5.0 * spec.fwhm).all(axis=1)
    motion = np.zeros((len(spec.objects) + clear.sum(), 2))
    motion[: len(spec.objects)] = np.array([item.motion for item in spec.objects]).reshape(-1, 2)
    base = np.append([item.flux for item in spec.objects], flux[clear])
    return np.append(placed[0], u[clear]), np.append(placed[1], v[clear]), base, motion


def _fluxes(spec: SampleSpec, base: np.ndarray) -> np.ndarray:
    """Electrons of each star in each frame."""
    flux = np.outer(_transparency(spec), base)
    for star, item in enumerate(spec.objects):
        if item.brightness:
            last = len(item.brightness) - 1
            flux[:, star] *= [item.brightness[min(i, last)] for i in range(spec.frames)]
    return flux


def _colours(spec: SampleSpec, base: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Red, green and blue light over green; the median of the brighter half is white: the factors refer to it."""
    colour = rng.normal(0.0, 1.0, len(base)) * spec.colour_spread
    if len(base):
        colour -= np.median(colour[base >= np.median(base)])
    # Half of the colour lies on each side of green.
    return 10.0 ** (0.2 * np.outer(colour, (1.0, 0.0, -1.0)))


def _hot(spec: SampleSpec, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Hot pixels and clusters, from just above the noise to full."""
    ny, nx = spec.shape
    noise = np.hypot(np.sqrt(spec.sky), spec.read_noise)
    full = spec.gain * (spec.full - spec.black)
    single = rng.choice(nx * ny, spec.hot, replace=False)
    least, most = 15.0 * noise, full
    if spec.detector is not None:
        least, most = (current * spec.exposure for current in spec.detector.hot_current)
    level = np.exp(rng.uniform(np.log(least), np.log(most), spec.hot))
    row, column = rng.integers(8, ny - 8, spec.clusters), rng.integers(8, nx - 8, spec.clusters)
    step = np.array([(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
    spot = (row[:, None] + step[:, 0]) * nx + column[:, None] + step[:, 1]
    glow = 0.4 * full * 0.5 ** np.abs(step).sum(axis=1)
    hot, first = np.unique(np.append(spot.ravel(), single), return_index=True)
    levels = np.append(np.tile(glow, spec.clusters), level)[first]
    lit = hot % nx < nx - (0 if spec.detector is None else spec.detector.overscan)
    return {"hot": hot[lit].astype(np.int64), "hot_level": levels[lit]}


def _detector(spec: SampleSpec) -> dict[str, object]:
    """What a CCD adds to the light and takes from it; nothing where there is none."""
    if spec.detector is None:
        return {}
    before = calibration_count(spec.detector)
    return {
        "flat": sensitivity(spec, np.random.default_rng([spec.seed, 2])),
        "bias": bias_structure(spec),
        "bias_level": np.array([bias_level(spec, before + i) for i in range(spec.frames)]),
        "dark": spec.detector.current * spec.exposure,
        "overscan": spec.detector.overscan,
    }


def _trails(spec: SampleSpec, rng: np.random.Generator) -> np.ndarray:
    """A line from the left edge to the right for each satellite, as bright as 15 times the noise."""
    ny, nx = spec.shape
    noise = np.hypot(np.sqrt(spec.sky), spec.read_noise)
    ends = rng.uniform(0.1 * ny, 0.9 * ny, (len(spec.satellites), 2))
    rows = [
        (f, -0.5, a, nx - 0.5, b, 15.0 * noise * spec.fwhm) for f, (a, b) in zip(spec.satellites, ends, strict=True)
    ]
    return np.array(rows, np.float64).reshape(-1, 6)
