"""The aligned frames of each filter combined into one picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Sequence as ListLike
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

import numpy as np

from pipeline.alignment import Shifts, Stack, Stacks
from pipeline.frame import Failure, Frame, FrameError, Sequence, readonly
from pipeline.kernels.bands import checkpoint
from pipeline.kernels.median import median_variance
from pipeline.knob import Knob, Sides
from pipeline.read.rows import Scratch
from pipeline.stage import stage
from pipeline.stages.normalize import sky_noise
from pipeline.tables import Selection

#: Frames that are aligned at a time.
AT_A_TIME = 2
#: Rows that are written to the disk at a time.
BAND = 256
#: Pixels that are looked at for the noise, and pairs of frames.
_MEASURED, _PAIRS = 1_000_000, 12
#: Exposures of one stack that differ by more than this part make a warning.
_UNLIKE = 0.01


class Layer(Protocol):
    """A picture among those that are combined: its shape and colours, its noise, and its rows."""

    shape: tuple[int, int]
    pattern: str
    noise: float
    read: Callable[[int, int], np.ndarray]


@dataclass(frozen=True, eq=False)
class Spooled:
    """An aligned frame that waits on the disk, read by bands of rows.

    Parameters
    ----------
    index : int
        Its number in the Sequence.
    shape : tuple of int
        Rows and columns.
    pattern : str
        Its colours.
    noise : float
        Standard deviation of a sky pixel, ADU.
    read : callable
        Takes the first row and the row after the last, gives float32 ADU, NaN where there is no value.
    """

    index: int
    shape: tuple[int, int]
    pattern: str
    noise: float
    read: Callable[[int, int], np.ndarray]

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Rows from ``start`` to ``stop`` (exclusive)."""
        return self.read(start, stop)


EQUAL_SIDES = Sides(3.0, 3.0)


@stage(version=4, scope="sequence", lazy=("aligned",))
def stack(
    frames: Sequence,
    selection: Selection,
    shifts: Shifts,
    aligned: ListLike[Frame | Failure],
    *,
    combine: Annotated[
        Literal["median", "mean", "clipped", "winsorized"],
        Knob("how the frames' values of a pixel become one; the last two leave out what lies far off"),
    ] = "median",
    clip: Annotated[Sides, Knob("how far below and above a value may lie", "sigma", 0.5, 20, 0.1)] = EQUAL_SIDES,
    weights: Annotated[
        Literal["none", "noise", "seeing"],
        Knob("share of a frame in a mean: equal, by its noise, or by the width of its stars"),
    ] = "none",
) -> Stacks:
    """Combine the aligned frames, those of each filter by themselves.

    Parameters
    ----------
    frames : Sequence
        The lights.
    selection : Selection
        Has the width of each frame's stars.
    shifts : Shifts
        Which frames are used.
    aligned : list of Frame or Failure
        One for each frame, made when indexed: once, then it waits on the disk.
    combine, clip, weights
        The knobs; see :func:`pipeline.kernels.combine.combined`. Weights are 1 over the noise's square, or over the
        square of the stars' width, and act on means; a median takes all frames alike.

    Returns
    -------
    Stacks
        One for each filter, in the order of their names.

    Raises
    ------
    FrameError
        Where no frame is aligned, or there is no room for them on the disk.
    """
    scratch = Scratch(getattr(aligned, "scratch", None))
    try:
        spooled, left_out = spool(frames, shifts, aligned, scratch)
        return stacked(frames, selection, spooled, left_out, combine=combine, clip=clip, weights=weights)
    finally:
        scratch.close()


def spool(
    frames: Sequence, shifts: Shifts, aligned: ListLike[Frame | Failure], scratch: Scratch
) -> tuple[list[Spooled], list[tuple[str, str]]]:
    """Make every aligned frame once, a few at a time, and put it on the disk.

    Returns
    -------
    spooled : list of Spooled
        Those that are used, in order.
    left_out : list of (str, str)
        Those that could not be aligned, and why.
    """
    check = checkpoint.get()

    def one(index: int) -> Spooled | Failure:
        if check is not None:
            check()
        frame = aligned[index]
        return frame if isinstance(frame, Failure) else _put(index, frame, scratch)

    used = [int(i) for i in np.flatnonzero(shifts.used)]
    with ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="frames") as pool:
        waiting = [pool.submit(copy_context().run, one, index) for index in used]
        try:
            made = [future.result() for future in waiting]
        except BaseException:
            for future in waiting:
                future.cancel()
            raise
    left_out = [(frames.frames[i].file, why) for i, why in enumerate(shifts.reason) if not shifts.used[i]]
    left_out += [(frame.file, frame.message) for frame in made if isinstance(frame, Failure)]
    return [frame for frame in made if isinstance(frame, Spooled)], left_out


def _put(index: int, frame: Frame, scratch: Scratch) -> Spooled:
    ny, nx = frame.shape
    places = []
    try:
        for first in range(0, ny, BAND):
            places.append(scratch.write(band_of(frame, first, min(first + BAND, ny))))
    except OSError as error:
        problem = f"no room for the aligned frames ({error.strerror or error})"
        raise FrameError(frame.info.file, problem, "free the disk, or stack fewer frames") from None

    def read(start: int, stop: int) -> np.ndarray:
        parts = []
        for band in range(start // BAND, -(-stop // BAND)):
            low, high = max(start, band * BAND), min(stop, (band + 1) * BAND)
            place = places[band] + (low - band * BAND) * nx * 4
            parts.append(scratch.read(place, (high - low) * nx, np.dtype(np.float32)))
        return np.concatenate(parts).reshape(-1, nx)

    return Spooled(index, frame.shape, frame.pattern, frame_noise(frame), read)


def band_of(frame: Frame, first: int, last: int) -> np.ndarray:
    """Rows of an aligned frame, float32 ADU; NaN where nothing counts. A fresh array."""
    band = np.array(frame.pixels[first:last], np.float32)
    if frame.mask is not None:
        band[frame.mask[first:last]] = np.nan
    return band


def frame_noise(frame: Frame) -> float:
    """Standard deviation of a sky pixel, from differences of near pixels: no faint stars and no gradients, ADU."""
    ny, nx = frame.shape
    # Pairs of rows, so that a mosaic has all its colours.
    step = 2 * max(1, round(ny * nx / _MEASURED))
    some = np.concatenate([band_of(frame, first, first + 2) for first in range(0, ny - 1, step)])
    return sky_noise(some[:, 2:] - some[:, :-2], frame.pattern) / 2**0.5


def stacked(
    frames: Sequence,
    selection: Selection,
    spooled: Iterable[Spooled],
    left_out: Iterable[tuple[str, str]],
    *,
    combine: str,
    clip: Sides,
    weights: str,
) -> Stacks:
    """Combine frames that wait on the disk.

    Parameters
    ----------
    frames, selection, combine, clip, weights
        As for :func:`stack`.
    spooled : iterable of Spooled
        The aligned frames, in order.
    left_out : iterable of (str, str)
        Frames that are not among them, and why.

    Raises
    ------
    FrameError
        Where there is none.
    """
    groups: dict[str, list[Spooled]] = {}
    for frame in spooled:
        groups.setdefault(frames.frames[frame.index].filter, []).append(frame)
    if not groups:
        raise FrameError("lights", "no frame is aligned (0)", "look at the shifts, and at the frames left out")
    fwhm = selection.metrics["fwhm"]
    made = [_stack(frames, fwhm, name, groups[name], combine, clip, weights) for name in sorted(groups)]
    return Stacks(tuple(made), tuple(left_out), combine)


def _stack(
    frames: Sequence, fwhm: np.ndarray, name: str, group: list[Spooled], combine: str, clip: Sides, weights: str
) -> Stack:
    from pipeline.kernels.combine import combined

    infos = [frames.frames[frame.index] for frame in group]
    noises = np.array([frame.noise for frame in group])
    share = None
    if weights != "none" and combine != "median":
        share = shares(noises if weights == "noise" else fwhm[[frame.index for frame in group]])
    image, count, rejected = combined(group, combine, clip=clip, weights=share)
    single_noise, noise = noise_before_and_after(group, image, count, combine, clip, share)
    exposures = [info.exposure for info in infos]
    return Stack(
        filter=name,
        image=readonly(image),
        count=readonly(count),
        rejected=readonly(rejected),
        pattern=group[0].pattern,
        files=tuple(info.file for info in infos),
        indices=tuple(frame.index for frame in group),
        weights=None if share is None else tuple(float(value) for value in share / share.sum()),
        exposure=None if None in exposures else float(sum(exposures)),
        single_noise=single_noise,
        noise=noise,
        warnings=tuple(_warnings(name, exposures, combine, clip, weights)),
    )


def noise_before_and_after(
    group: ListLike[Layer],
    image: np.ndarray,
    count: np.ndarray,
    combine: str,
    clip: Sides,
    share: np.ndarray | None,
) -> tuple[float, float]:
    """Noise of one aligned frame and of the stack, from what differs between frames.

    Faint stars are no noise: they are alike in all frames, and no stack makes them less. So the stack's noise is that
    of the difference of two half stacks, and a frame's that of the difference of neighbours, in the middle rows where
    most frames are.

    Parameters
    ----------
    group : sequence of Layer
        The aligned frames.
    image, count : ndarray, shape (ny, nx)
        Their stack, and how many frames made each pixel.
    combine, clip
        How they were combined.
    share : ndarray of float64, shape (frames,), or None
        The frames' weights.

    Returns
    -------
    single, stack : float
        Standard deviation of a sky pixel, ADU.
    """
    from pipeline.kernels.combine import combined

    number, pattern = len(group), group[0].pattern
    if number == 1:
        return group[0].noise, group[0].noise
    ny, nx = image.shape
    rows = min(ny, max(16, _MEASURED // nx))
    first = (ny - rows) // 4 * 2
    bands = [_Band((rows, nx), frame.read, first) for frame in group]
    middle, seen = image[first : first + rows], count[first : first + rows]
    # Stars are not alike in all frames either, where the seeing changes.
    unfit = (seen < 0.95 * seen.max()) | (middle > np.nanmedian(middle) + 2 * sky_noise(middle, pattern))
    pairs = range(0, number - 1, max(1, number // _PAIRS))
    single = [
        sky_noise(np.where(unfit, np.nan, bands[i].rows(0, rows) - bands[i + 1].rows(0, rows)), pattern) for i in pairs
    ]
    halves = [
        combined(bands[half::2], combine, clip=clip, weights=None if share is None else share[half::2])[0]
        for half in (0, 1)
    ]
    difference = np.where(unfit, np.nan, halves[0] - halves[1])
    # Of halves of n and m frames the difference has n + m over the root of n m times the noise of all.
    sizes = len(bands[0::2]), len(bands[1::2])
    scale = np.sqrt(sizes[0] * sizes[1]) / number
    if combine == "median":
        scale *= np.sqrt(median_variance(number) / (sum(map(median_variance, sizes)) * scale**2))
    return float(np.sqrt(np.mean(np.square(single)) / 2)), sky_noise(difference, pattern) * float(scale)


@dataclass(frozen=True, eq=False)
class _Band:
    """Some rows of a frame as a picture of its own."""

    shape: tuple[int, int]
    read: Callable[[int, int], np.ndarray]
    first: int

    def rows(self, start: int, stop: int) -> np.ndarray:
        return self.read(self.first + start, self.first + stop)


def shares(widths: np.ndarray) -> np.ndarray:
    """Weights by the square of one over the frames' noise or width; an unknown one is as large as the median."""
    known = np.isfinite(widths) & (widths > 0)
    usual = np.median(widths[known]) if known.any() else 1.0
    return np.where(known, widths, usual) ** -2.0


def _warnings(name: str, exposures: list[float | None], combine: str, clip: Sides, weights: str) -> Iterable[str]:
    """What a user should know of a stack before they trust it."""
    title = f"stack {name}".strip()
    number = len(exposures)
    if number == 1:
        yield f"{title}: has one frame: there is nothing to combine"
    known = [exposure for exposure in exposures if exposure is not None]
    if known and max(known) - min(known) > _UNLIKE * max(known):
        yield f"{title}: exposures differ ({min(known):g} to {max(known):g} s): stack those of one length by themselves"
    farthest = number / max(number - 1, 1) ** 0.5
    if combine == "clipped" and number > 1 and farthest <= min(clip):
        yield (
            f"{title}: of {number} frames none can lie {min(clip):g} sigma off (at most {farthest:.1f}): "
            "use winsorized or median, or a lower stack.clip"
        )
    if combine == "median" and weights != "none":
        yield f"{title}: a median takes all frames alike: use mean, clipped or winsorized for weights by {weights}"
