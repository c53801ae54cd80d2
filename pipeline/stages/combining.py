"""What the three master stages share: frames that can be read, their level and noise, and their combination."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np

from pipeline.frame import FrameError, readonly
from pipeline.kernels.median import median_variance
from pipeline.knob import Knob
from pipeline.masters import CalibrationFrame

if TYPE_CHECKING:
    from pipeline.masters import Master
    from pipeline.read.rows import Rows

#: A sample of a frame is so many bands of so many rows.
BANDS, BAND = 12, 24
#: Outliers are beyond so many sigma; they are looked for so many times.
CLIP, ROUNDS = 4.0, 3
#: A flat of so few ADU would be refused as too dark; one that is a part of light lies about 1.
LEVELLED = 4.0
Reasons = list[tuple[str, str]]
# The knobs that all masters have.
Combine = Annotated[Literal["median", "clipped"], Knob("middle value of each pixel, or mean without outliers")]
Clip = Annotated[float, Knob("how far off a value may lie; clipped only", unit="sigma", low=1, high=20, step=0.5)]


def readable(readers: Iterable[Rows]) -> tuple[list[Rows], Reasons]:
    """Frames that can be opened and have values, and why the others cannot be used."""
    from pipeline.read.rows import opened

    good, problems = opened(readers)
    left_out = [(problem.file, str(problem)) for problem in problems]
    kept = []
    for reader in good:
        # A few bands tell it of nearly every frame.
        if np.isfinite(sample(reader)).any() or any(np.isfinite(band).any() for band in bands(reader)):
            kept.append(reader)
        else:
            problem = FrameError(reader.info.file, "has no pixel with a value (all are NaN)", "leave it out")
            left_out.append((reader.info.file, str(problem)))
    return kept, left_out


def bands(reader: Rows) -> Iterable[np.ndarray]:
    """A frame's rows from the first to the last, some at a time."""
    ny, nx = reader.shape
    step = max(2, 2**22 // nx // 2 * 2)
    return (reader.rows(start, min(start + step, ny)) for start in range(0, ny, step))


def starts(ny: int) -> np.ndarray:
    """First rows of a few narrow bands, spread over a frame; even ones, so that a mosaic's colours stay in step."""
    return np.unique(np.linspace(0, max(ny - BAND, 0), BANDS).astype(int) // 2 * 2)


def sample(source: Rows | np.ndarray) -> np.ndarray:
    """A few narrow bands of a frame or image, above each other, float32."""
    if isinstance(source, np.ndarray):
        return np.vstack([source[start : start + BAND] for start in starts(source.shape[0])])
    ny = source.shape[0]
    return np.vstack([source.rows(start, min(start + BAND, ny)) for start in starts(ny)])


def deviation(values: np.ndarray) -> float:
    """Standard deviation of what lies within four of it from the median; NaN of nothing.

    The median distance from the median only begins it: of whole numbers that alone would go in steps.
    """
    finite = values[np.isfinite(values)].astype(np.float64)
    if finite.size == 0:
        return float("nan")
    away = np.abs(finite - np.median(finite))
    sigma = 1.4826 * float(np.median(away))
    for _ in range(ROUNDS):
        # Whole numbers that hardly vary have a median distance of 0.
        near = finite[away <= CLIP * sigma] if sigma > 0 else finite
        sigma = float(np.std(near))
    return sigma


def neighbours_scatter(image: np.ndarray, pattern: str) -> float:
    """Scatter of pixels about their neighbours of the same colour: what is smooth over two pixels plays no part."""
    step = 1 if pattern == "none" else 2
    return deviation(image[:, step:] - image[:, :-step]) / 2**0.5


def pair_noise(readers: Sequence[Rows]) -> float:
    """Standard deviation of a pixel from exposure to exposure, from the difference of the first two frames."""
    if len(readers) < 2:
        return float("nan")
    return deviation(sample(readers[0]) - sample(readers[1])) / 2**0.5


def median_of(values: np.ndarray) -> float:
    """Median of what is finite; NaN of nothing."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else float("nan")


def outshines(bias: Master | None, dark: Master, scale: float, light: np.ndarray, pattern: str) -> bool:
    """Whether a dark with its bias is more than twice as bright as a light: then it is none of that light.

    Parameters
    ----------
    bias, dark : Master
        What is taken off; the dark times ``scale``.
    light : ndarray of float32
        A sample of the light, ADU above black.
    pattern : str
        Its colours.
    """
    taken = dark.level * scale + (0.0 if bias is None or bias.image is None else bias.level)
    level = median_of(light)
    return taken > 2 * level and taken - level > 10 * neighbours_scatter(light, pattern)


def combine_rows(readers: Sequence[Rows], combine: str, clip: float) -> np.ndarray:
    """Combine frames pixel by pixel, by bands of rows.

    Parameters
    ----------
    readers : sequence of Rows
        Frames of one shape.
    combine : str
        "median", or "clipped": the mean without what lies more than ``clip`` standard deviations off.
    clip : float
        Sigma.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        NaN where no frame has a value.
    """
    from pipeline.kernels.combine import combined

    image, _, _ = combined(readers, combine, clip=(clip, clip))
    return image


def roll(
    calibration: Iterable[Rows], kind: str, medians: Mapping[str, float], left_out: Reasons
) -> tuple[CalibrationFrame, ...]:
    """Every frame of a kind with its median, by file, and why it is left out."""
    reasons = dict(left_out)
    return tuple(
        CalibrationFrame(
            info.file, kind, info.filter, info.exposure, medians.get(info.file, math.nan), info.saturation,
            reasons.get(info.file, ""),
        )
        for info in (one.info for one in calibration)
        if info.kind == kind
    )  # fmt: skip


def few(kind: str, readers: Sequence[Rows]) -> tuple[str, ...]:
    """What to say of a master that is made of a single exposure."""
    if len(readers) != 1 or readers[0].info.combined > 1:
        return ()
    return (f"{readers[0].info.file}: is the only {kind}, so its noise goes into every light: take ten or more",)


def is_levelled(reader: Rows) -> bool:
    """Whether a flat has been divided by its level already, as a master is: parts of light about 1."""
    values = sample(reader)
    level = median_of(values)
    return 0.1 < level < LEVELLED and bool(np.any(np.mod(values[np.isfinite(values)], 1) > 0))


def facts(readers: Sequence[Rows], image: np.ndarray, combine: str) -> dict[str, object]:
    """What every master says of its frames, and its image."""
    pattern = readers[0].info.pattern
    single, pair = neighbours_scatter(sample(readers[0]), pattern), pair_noise(readers)
    own = single if np.isnan(pair) else pair
    variance = median_variance(len(readers)) if combine == "median" else 1 / len(readers)
    return {
        "image": readonly(image),
        "level": median_of(sample(image)),
        "files": tuple(reader.info.file for reader in readers),
        "single_noise": single,
        "noise": neighbours_scatter(sample(image), pattern),
        "pair_noise": pair,
        "error": own * variance**0.5,
        "full": readers[0].info.saturation,
        "path": readers[0].info.path,
    }
