"""How aligned frames, stacks and sums are written in a run: each frame is made once, and waits beside the run.

A frame's pixels lie in ``DIR/.partial`` as plain float32, or in the product that has them anyway, so that any process
may have made them and memory does not grow with their number.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import products, products_stack
from pipeline.frame import FrameError
from pipeline.graph import photometry_writers
from pipeline.graph.run import Event
from pipeline.stages.aligned import noise_gain, origin, shift_done
from pipeline.stages.stack import BAND, Spooled, band_of, frame_noise, stacked

if TYPE_CHECKING:
    from astropy.io.fits import Header

    from pipeline.frame import Frame
    from pipeline.graph.writers import Work


def _keep(work: Work, name: str, make: Callable[[], Frame]) -> None:
    """Put a frame's pixels beside the run, unless an earlier try did that."""
    place = work.job.partial / name / f"{work.frame}.f32"
    facts = place.with_suffix(".json")
    if facts.exists():
        return
    frame = make()
    ny = frame.shape[0]
    with products.written(place) as partial, open(partial, "wb") as file:
        for first in range(0, ny, BAND):
            band_of(frame, first, min(first + BAND, ny)).tofile(file)
    _keep_facts(work, facts, frame, place)


def _keep_facts(work: Work, facts: Path, frame: Frame, place: Path, **where: Any) -> None:
    # A folder may be moved before its run goes on.
    file = place.relative_to(work.job.out).as_posix()
    told = {"file": file, "shape": frame.shape, "pattern": frame.pattern, "noise": frame_noise(frame)}
    products.write_text(facts, json.dumps(told | where))


def _kept(work: Work, name: str) -> list[Spooled]:
    """The frames that wait beside the run, in order."""
    found = []
    for facts in sorted((work.job.partial / name).glob("*.json"), key=lambda path: int(path.stem)):
        told = json.loads(facts.read_text(encoding="utf-8"))
        ny, nx = told["shape"]
        place = work.job.out / told["file"]
        read = _of_product(place, facts, nx, told) if "offset" in told else _reader(place, nx)
        found.append(Spooled(int(facts.stem), (ny, nx), told["pattern"], told["noise"], read))
    return found


def _reader(place: Path, width: int) -> Callable[[int, int], np.ndarray]:
    def read(start: int, stop: int) -> np.ndarray:
        count = (stop - start) * width
        return np.fromfile(place, np.float32, count, offset=start * width * 4).reshape(-1, width)

    return read


def _of_product(place: Path, facts: Path, width: int, told: dict[str, Any]) -> Callable[[int, int], np.ndarray]:
    """Rows of an aligned frame that was written as FITS, in which pixels without a value have one."""
    y0, y1, x0, x1 = told["inside"]
    bad = np.load(facts.with_suffix(".npy"))

    def read(start: int, stop: int) -> np.ndarray:
        stored = np.fromfile(place, np.float32, (stop - start) * width, offset=told["offset"] + start * width * 4)
        if sys.byteorder == "little":
            stored.byteswap(inplace=True)
        low, high = np.searchsorted(bad, (start * width, stop * width))
        stored[bad[low:high] - start * width] = np.nan
        rows = stored.reshape(-1, width)
        rows[: max(y0 - start, 0)] = rows[max(y1 - start, 0) :] = np.nan
        rows[:, :x0] = rows[:, x1:] = np.nan
        return rows

    return read


def _keep_place(work: Work, path: Path) -> None:
    """Say where a frame's pixels lie in its product, and which of them count, unless an earlier try did that."""
    from astropy.io import fits

    facts = work.job.partial / "aligned" / f"{work.frame}.json"
    if facts.exists():
        return
    frame = work.ask("aligned")
    (y0, y1, x0, x1), bad = _without_value(frame.mask, frame.shape)
    with products.written(facts.with_suffix(".npy")) as partial, open(partial, "wb") as file:
        np.save(file, bad)
    with fits.open(path) as hdus:
        offset = hdus.fileinfo(0)["datLoc"]
    _keep_facts(work, facts, frame, path, offset=offset, inside=(y0, y1, x0, x1))


def _without_value(mask: np.ndarray | None, shape: tuple[int, int]) -> tuple[tuple[int, int, int, int], np.ndarray]:
    """First and last rows and columns that have any value, and the flat indices of pixels inside that have none."""
    if mask is None:
        return (0, shape[0], 0, shape[1]), np.empty(0, np.int64)
    rows, columns = (np.flatnonzero(~mask.all(axis=axis)) for axis in (1, 0))
    if rows.size == 0:
        return (0, 0, 0, 0), np.empty(0, np.int64)
    y0, y1, x0, x1 = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    y, x = np.divmod(np.flatnonzero(mask[y0:y1, x0:x1]), x1 - x0)
    return (y0, y1, x0, x1), (y + y0) * shape[1] + x + x0


def spool(work: Work) -> None:
    """One aligned frame that waits for the stack: in its own product where that is written."""
    if "aligned" in work.job.products:
        _keep_place(work, work.job.out / _aligned_name(work))
    else:
        _keep(work, "aligned", lambda: work.ask("aligned"))


def _aligned_name(work: Work) -> str:
    return f"{work.stem}.aligned.fits"


def aligned(work: Work) -> None:
    """One frame on the reference's pixels, and its picture for the blink."""
    knobs = work.job.recipe["aligned"]
    sequence, shifts = work.ask("frames"), work.ask("shifts")

    def write(path: Path) -> None:
        frame, background = work.ask("aligned"), work.ask("background")
        pattern, model, resample = sequence.frames[work.frame].pattern, knobs["model"], knobs["resample"]
        products_stack.write_aligned(
            path,
            frame,
            work.header(),
            origin=_origin(work),
            shift=shift_done(shifts, work.frame, model, resample, pattern),
            level=background.level() if knobs["sky"] == "subtract" else 0.0,
            noise_gain=noise_gain(shifts, work.frame, model, resample, pattern),
            sky_from=None if model == "shift" else work.header(sequence.frames[sequence.reference]),
        )

    work.write(_aligned_name(work), write)
    _keep_blink(work)


def _keep_blink(work: Work) -> None:
    sequence = work.ask("frames")
    place = work.job.partial / "blink" / f"{work.frame}.npy"
    if place.exists():
        return
    frame: Frame = work.ask("aligned")
    noise = work.ask("background", sequence.reference).rms()
    with products.written(place) as partial, open(partial, "wb") as file:
        np.save(file, products_stack.blink_frame(frame.pixels, noise))


def blink(work: Work) -> None:
    """All aligned frames as an animation, and a word on those that still lie off."""
    work.warnings += work.ask("shifts").warnings
    places = sorted((work.job.partial / "blink").glob("*.npy"), key=lambda path: int(path.stem))
    if places:
        work.write("blink.gif", lambda path: products_stack.write_blink(path, [np.load(place) for place in places]))


def _origin(work: Work) -> tuple[int, int]:
    """Column and row of the reference at which the aligned frames begin."""
    return origin(work.job.recipe["aligned"], work.ask)


def stack(work: Work) -> None:
    """One stack for each filter, from the frames that wait, and its fluxes where they are wanted."""
    sequence, knobs = work.ask("frames"), work.job.recipe["stack"]
    start = time.perf_counter()
    try:
        made = stacked(sequence, work.ask("selection"), _kept(work, "aligned"), (), **knobs)
    except FrameError as error:
        # The other products are as good as before.
        work.warnings.append(str(error))
        return
    work.graph.tell(Event("stack", None, time.perf_counter() - start, "ran", "stack"))
    work.warnings += made.warnings
    names = products_stack.stack_names(one.filter for one in made.stacks)
    for one, name in zip(made.stacks, names, strict=True):
        header = _stack_header(work, one.indices[0], one.pattern)
        products_stack.write_stack(work.job.out / name, one, header, made.combine)
        work.written.append(name)
        if "photometry" in work.job.products:
            photometry_writers.of_stack(work, one, name, _origin(work))


def _stack_header(work: Work, first: int, pattern: str) -> Header:
    sequence = work.ask("frames")
    header, reference = work.header(sequence.frames[first]), work.header(sequence.frames[sequence.reference])
    level = 0.0
    if work.job.recipe["aligned"]["sky"] == "subtract":
        level = work.ask("background", first).level()
    header = products_stack.moved_header(header, pattern=pattern, origin=_origin(work), level=level, sky_from=reference)
    header["BKGSUB"] = (round(level, 4), "[adu] level taken off (green of colours)")
    return header


def spool_subtracted(work: Work) -> None:
    """One frame without its sky that waits for the sum."""

    def make() -> Frame:
        from pipeline.stages.normalize import normalized_image

        frame = work.ask("calibrated")
        image = normalized_image(frame, work.ask("background"), red=1.0, blue=1.0)
        return replace(frame, pixels=image, black=np.zeros((2, 2), np.float32))

    _keep(work, "subtracted", make)


def total(work: Work) -> None:
    """The plain sum of the subtracted, unaligned frames that are used."""
    from pipeline.kernels.combine import combined

    sequence, selection = work.ask("frames"), work.ask("selection")
    kept = [frame for frame in _kept(work, "subtracted") if selection.used[frame.index]]
    if not kept:
        work.warnings.append("lights: there is no frame to add up (0): look at the frames left out")
        return
    # A pixel that is bad in some frames counts there as in the others.
    image = combined(kept, "mean")[0] * np.float32(len(kept))
    header = work.header(sequence.frames[sequence.reference])
    products_stack.write_sum(work.job.out / "sum_subtracted.fits", image, len(kept), header)
    work.written.append("sum_subtracted.fits")
