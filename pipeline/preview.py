"""The stack of a small part of the field, quick enough to follow a knob that turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.frame import Failure, Frame, FrameError, readonly

if TYPE_CHECKING:
    from pipeline.graph.request import Request
    from pipeline.knob import Rectangle, Sides

STAGE = "preview"
#: Side of the part that is looked at where nobody chose one, and the longest that one may have, pixels.
SIDE, LONGEST = 300, 400


@dataclass(frozen=True, eq=False)
class Cube:
    """A part of every aligned frame of one filter.

    Parameters
    ----------
    values : ndarray of float32, shape (frames, ny, nx)
        ADU; NaN where a frame has no value.
    noise : ndarray of float64, shape (frames,)
        Standard deviation of a sky pixel in each whole frame, ADU.
    fwhm : ndarray of float64, shape (frames,)
        Width of each frame's stars, pixels.
    indices : tuple of int
        Their numbers in the Sequence.
    filter, pattern : str
        Of the frames.
    region : tuple of int
        x0, y0, x1, y1 in the aligned frames' pixels, the last two not in it.
    origin : tuple of int
        The reference's pixel at which the aligned frames begin.
    """

    values: np.ndarray
    noise: np.ndarray
    fwhm: np.ndarray
    indices: tuple[int, ...]
    filter: str
    pattern: str
    region: tuple[int, int, int, int]
    origin: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Preview:
    """What becomes of a part of the field in the stack.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        ADU; NaN where no frame has a value.
    count, rejected : ndarray of int16, shape (ny, nx)
        Frames that made each pixel, and values that were left out because they lie far off.
    single : ndarray of float32, shape (ny, nx)
        The same part of one frame.
    numbers : ndarray of int64, shape (n,)
        1, 2, 4, ... frames, and all of them.
    noises : ndarray of float64, shape (n,)
        Standard deviation of a sky pixel in a stack of so many frames, ADU; NaN where it cannot be told.
    cube : Cube
        What it was made of.
    """

    image: np.ndarray
    count: np.ndarray
    rejected: np.ndarray
    single: np.ndarray
    numbers: np.ndarray
    noises: np.ndarray
    cube: Cube


@dataclass(frozen=True, eq=False)
class _Layer:
    """A part of one frame, read by bands of rows."""

    index: int
    pattern: str
    noise: float
    values: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        return self.values.shape

    def read(self, start: int, stop: int) -> np.ndarray:
        return self.values[start:stop]

    rows = read


def part_of(shape: tuple[int, int], wanted: tuple[float, float, float, float] | None = None) -> Rectangle:
    """The part that is looked at: about the middle of what is wanted, at most LONGEST pixels each way.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the aligned frames.
    wanted : tuple of float, optional
        x from and to, y from and to, pixels; None: SIDE pixels about the middle of the frame.

    Returns
    -------
    tuple of int
        x0, y0, x1, y1; even, so that the colours of a mosaic stay where they are.
    """
    ny, nx = shape
    if wanted is None:
        wanted = ((nx - SIDE) / 2, (nx + SIDE) / 2, (ny - SIDE) / 2, (ny + SIDE) / 2)
    ends = []
    for low, high, size in ((*wanted[:2], nx), (*wanted[2:], ny)):
        length = min(max(int(high - low), 2), LONGEST, size)
        first = int(min(max((low + high - length) / 2, 0), size - length)) // 2 * 2
        ends.append((first, max(first + length // 2 * 2, first + min(2, size))))
    (x0, x1), (y0, y1) = ends
    return x0, y0, x1, y1


def preview(cube: Cube, *, combine: str, clip: Sides, weights: str) -> Preview:
    """Combine a part of the frames as the stack does with the whole.

    Parameters
    ----------
    cube : Cube
        The part of each frame.
    combine, clip, weights
        The knobs of :func:`pipeline.stages.stack.stack`.

    Returns
    -------
    Preview
    """
    from pipeline.kernels.combine import combined
    from pipeline.stages.stack import noise_before_and_after, shares

    layers = [
        _Layer(index, cube.pattern, float(noise), values)
        for index, noise, values in zip(cube.indices, cube.noise, cube.values, strict=True)
    ]
    share = None
    if weights != "none" and combine != "median":
        share = shares(cube.noise if weights == "noise" else cube.fwhm)

    def made(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return combined(layers[:number], combine, clip=clip, weights=None if share is None else share[:number])

    def noise_of(number: int) -> float:
        image, count, _ = made(number)
        part = None if share is None else share[:number]
        return noise_before_and_after(layers[:number], image, count, combine, clip, part)[1]

    total = len(layers)
    image, count, rejected = made(total)
    numbers = sorted({total, *(2**k for k in range(1, total.bit_length()) if 2**k < total)} - {1})
    single = noise_before_and_after(layers, image, count, combine, clip, share)[0]
    return Preview(
        image=readonly(image),
        count=readonly(count),
        rejected=readonly(rejected),
        single=readonly(layers[0].values),
        numbers=readonly(np.array([1, *numbers])),
        noises=readonly(np.array([single, *map(noise_of, numbers)])),
        cube=cube,
    )


def _frames_of(request: Request, index: int) -> tuple[list[int], str]:
    """Numbers of the frames that are stacked with one of them, the one itself first, and their filter."""
    shifts, frames = request.get("shifts"), request.sequence().frames
    name = frames[index].filter
    used = [int(i) for i in np.flatnonzero(shifts.used) if frames[int(i)].filter == name]
    if not used:
        raise FrameError(f"stack {name}".strip(), "no frame is aligned (0)", "look at the shifts")
    return used, name


def _cube_key(request: Request, index: int, wanted: tuple[float, ...] | None) -> str:
    from pipeline.graph.lineage import result_key

    used, name = _frames_of(request, index)
    knobs = {"filter": name, "region": None if wanted is None else tuple(float(end) for end in wanted)}
    return result_key("preview frames", 1, knobs, [request.key("selection", None)] + [
        request.key("aligned", one) for one in used
    ])  # fmt: skip


def _cube(request: Request, index: int, wanted: tuple[float, float, float, float] | None) -> Cube:
    """The part of each frame, from the graph's store or made: each frame is aligned once, and a piece of it kept."""

    def run(own: object) -> Cube:
        from pipeline.stages.aligned import origin
        from pipeline.stages.stack import band_of, frame_noise

        used, name = _frames_of(request, index)
        x, y = origin(request.recipe["aligned"], request.get)
        there = None if wanted is None else (wanted[0] - x, wanted[1] - x, wanted[2] - y, wanted[3] - y)
        kept, pieces, noises = [], [], []
        pattern, part = "none", (0, 0, 2, 2)
        for done, one in enumerate(used, 1):
            frame: Frame | Failure = request.entry("aligned", one)
            if not isinstance(frame, Failure):
                pattern, part = frame.pattern, part_of(frame.shape, there)
                x0, y0, x1, y1 = part
                pieces.append(band_of(frame, y0, y1)[:, x0:x1])
                noises.append(frame_noise(frame))
                kept.append(one)
            request.ticket.check()
            if request.progress is not None:
                request.progress(STAGE, done, len(used))
        if not pieces:
            raise FrameError(f"stack {name}".strip(), "no frame is aligned (0)", "look at the shifts")
        fwhm = request.get("selection").metrics["fwhm"][kept]
        values = readonly(np.ascontiguousarray(np.stack(pieces), np.float32))
        return Cube(values, readonly(np.array(noises)), readonly(fwhm), tuple(kept), name, pattern, part, (x, y))

    return request.graph.make(_cube_key(request, index, wanted), STAGE, None, request.ticket, run)


def key_of(request: Request, index: int, wanted: tuple[float, float, float, float] | None) -> str:
    """The key of the preview of a frame's filter."""
    from pipeline.graph.lineage import result_key

    return result_key(STAGE, 1, request.recipe["stack"], [_cube_key(request, index, wanted)])


def of_request(request: Request, index: int, wanted: tuple[float, float, float, float] | None = None) -> Preview:
    """The stack of a part of the field with a request's knobs, of the frames that have one frame's filter.

    Parameters
    ----------
    request : Request
        Whose recipe and files; it is told of each frame of which a piece is taken, the first time.
    index : int
        Number of a frame of that filter.
    wanted : tuple of float, optional
        x from and to, y from and to, pixels of the reference; see :func:`part_of`.

    Returns
    -------
    Preview

    Raises
    ------
    FrameError
        Where no frame of that filter is aligned.
    """

    def run(own: object) -> Preview:
        return preview(_cube(request, index, wanted), **request.recipe["stack"])

    return request.graph.make(key_of(request, index, wanted), STAGE, None, request.ticket, run)
