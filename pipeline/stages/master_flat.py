"""Flat: how much of the light each pixel shows, for dust, vignetting and the pixels themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np

from pipeline.frame import FrameError, FrameInfo, colour_planes, readonly
from pipeline.knob import Knob, KnobError, Rectangle
from pipeline.masters import NO_BIAS, NO_DARKS, Master, MasterDarks, MasterFlats
from pipeline.read.rows import Rows
from pipeline.stage import stage
from pipeline.stages.combining import (
    BAND,
    Clip,
    Combine,
    combine_rows,
    deviation,
    facts,
    few,
    is_levelled,
    median_of,
    neighbours_scatter,
    outshines,
    readable,
    roll,
    sample,
    starts,
)
from pipeline.stages.reduction import not_again

#: A flat with more full pixels than this in its region is saturated.
FULL_SHARE = 0.01
#: Share of a flat's pixels without a value that is told; an overscan may be a tenth.
MANY_EMPTY = 0.2
#: A flat is dark with less light than this, against full, more noise than that, against its level, or no light, ADU.
LEAST_LIGHT, MOST_NOISE, NOTHING = 0.01, 0.1, 1e-3
LIT_PERCENTILE, LIT = 90, 0.5
#: Photon transfer looks at pixels whose light is that of the lit median to this part.
NEAR_ONE = 0.2


@stage(version=3, scope="sequence")
def master_flat(
    calibration: Sequence[Rows],
    master_bias: Master = NO_BIAS,
    master_dark: MasterDarks = NO_DARKS,
    *,
    combine: Combine = "median",
    clip: Clip = 3.0,
    region: Annotated[
        Literal["lit", "frame", "max"] | Rectangle, Knob("pixels whose median (of max: the largest) becomes 1")
    ] = "lit",
    floor: Annotated[
        float,
        Knob("pixels with less light are unexposed", unit="of the lit median", low=0, high=1, step=0.05),
    ] = 0.2,
) -> MasterFlats:
    """Combine the flats of each filter into one, each flat first brought to the same level.

    Parameters
    ----------
    calibration : sequence of Rows
        Rows of the calibration frames; those of kind "flat" are taken.
    master_bias, master_dark
        Taken off each flat, the dark for the flat's own exposure; not off one that is divided by its level already, nor
        what its header says was taken off before.
    combine, clip, region, floor
        Knobs. "lit": pixels above half of the frame's 90th percentile. On a mosaic each colour has a level of its own,
        so that a flat does not change colours.

    Returns
    -------
    MasterFlats
        One master for each filter; NaN where a pixel is unexposed. Empty where there is no flat.

    Raises
    ------
    KnobError
        Where ``region`` is a rectangle outside these frames.
    """
    readers, left_out = readable(one for one in calibration if one.info.kind == "flat")
    masters, warnings = [], []
    medians: dict[str, float] = {}
    for group in _by_filter(readers):
        levelled = []
        for reader in group:
            one, told = _without_dark(reader, master_bias, master_dark)
            stored = reader.rows(0, reader.shape[0])
            medians[reader.info.file] = median_of(stored)
            try:
                one.levels.update(_levels(one, stored, region))
            except FrameError as error:
                left_out.append((error.file, str(error)))
                continue
            levelled.append(one)
            empty = 1 - np.count_nonzero(np.isfinite(stored)) / stored.size
            if empty > MANY_EMPTY:
                problem = f"has no value in {100 * empty:.0f} % of its pixels"
                told += (f"{reader.info.file}: {problem}: leave it out unless the others have values there",)
            warnings += told
        if not levelled:
            name = group[0].info.filter
            of = f" of filter {name}" if name else ""
            those = " of that filter" if name else ""
            warnings.append(f"flats{of}: none can be used: lights{those} keep dust and shading")
            continue
        master = _master(levelled, combine, clip, floor, master_bias.pair_noise)
        warnings += few(f"flat of filter {master.filter}" if master.filter else "flat", levelled)
        masters.append(master)
    frames = roll(calibration, "flat", medians, left_out)
    return MasterFlats(tuple(masters), tuple(left_out), tuple(warnings), frames)


def _without_dark(reader: Rows, bias: Master, darks: MasterDarks) -> tuple[_Levelled, tuple[str, ...]]:
    """A flat with what is taken off it, and what to say of that; nothing that was taken off before."""
    info, levelled = reader.info, is_levelled(reader)
    done = {"bias", "dark"} if levelled else set(dict(info.done))
    kinds = {"bias": bias.image is not None, "dark": bool(darks.masters)}
    warnings = () if levelled else not_again(info, [kind for kind, some in kinds.items() if some])
    left = NO_BIAS if "bias" in done else bias
    dark = None if "dark" in done else darks.chosen(info.exposure)
    if dark is not None and dark[0].with_bias and "bias" in done:
        dark = None
    if dark is not None and outshines(left, *dark, sample(reader), info.pattern):
        warnings += (
            f"{info.file}: no dark is taken off this flat (of {dark[0].level:.0f} ADU, it is more than twice as bright "
            "as the flat): give darks of the same camera settings",
        )
        dark = None
    return _Levelled(reader, left.image, None if dark is None else (dark[0].image, dark[1]), {}), warnings


def _by_filter(readers: Sequence[Rows]) -> list[list[Rows]]:
    groups: dict[str, list[Rows]] = {}
    for reader in readers:
        groups.setdefault(reader.info.filter.strip().casefold(), []).append(reader)
    return [groups[name] for name in sorted(groups)]


@dataclass
class _Levelled:
    """Rows of a flat without bias and dark, each colour divided by its level."""

    reader: Rows
    bias: np.ndarray | None
    dark: tuple[np.ndarray, float] | None
    levels: dict[str, float]

    @property
    def info(self) -> FrameInfo:
        return self.reader.info

    @property
    def shape(self) -> tuple[int, int]:
        return self.reader.shape

    def light(self, start: int, stop: int) -> np.ndarray:
        """Rows in ADU of light."""
        rows = self.reader.rows(start, stop)
        if self.bias is not None:
            rows -= self.bias[start:stop]
        if self.dark is not None:
            image, factor = self.dark
            rows -= image[start:stop] if factor == 1 else image[start:stop] * np.float32(factor)
        return rows

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Rows divided by the level."""
        rows = self.light(start, stop)
        for colour, row, column in colour_planes(self.info.pattern):
            step = 1 if colour == "mono" else 2
            rows[(row - start) % step :: step, column::step] /= np.float32(self.levels[colour])
        return rows


def _levels(flat: _Levelled, stored: np.ndarray, region: str | Rectangle) -> dict[str, float]:
    """What each colour of a flat, whose pixels are given as they were read, is divided by, ADU.

    Raises
    ------
    FrameError
        Where the flat is saturated or dark.
    """
    ny, _ = flat.shape
    image = flat.light(0, ny)
    step = 1 if flat.info.pattern == "none" else 2
    levels: dict[str, list[np.ndarray]] = {}
    for colour, row, column in colour_planes(flat.info.pattern):
        levels.setdefault(colour, []).append(image[row::step, column::step])
    inside = _inside(region, flat.shape)
    _check_exposed(flat, image, stored)
    found = {}
    for colour, planes in levels.items():
        values = np.concatenate([plane.ravel() for plane in planes])
        if region == "lit":
            chosen = values[values > lit_limit(values)]
        elif inside is not None:
            places = [(r, c) for name, r, c in colour_planes(flat.info.pattern) if name == colour]
            cut = [_cut(image, inside, row, column, step) for row, column in places]
            chosen = np.concatenate([part.ravel() for part in cut])
        else:
            chosen = values
        chosen = chosen[np.isfinite(chosen)]
        level = float("nan") if not chosen.size else float(chosen.max() if region == "max" else np.median(chosen))
        if not level > 0:
            problem = f"has no light in the region that levels it ({region}; {level:.0f} ADU above bias and dark)"
            raise FrameError(flat.info.file, problem, "leave it out, or choose another master_flat.region")
        found[colour] = level
    return found


def lit_limit(values: np.ndarray) -> float:
    """Half of the 90th percentile of what is finite: a pixel above it is lit."""
    finite = values[np.isfinite(values)]
    return LIT * float(np.percentile(finite, LIT_PERCENTILE)) if finite.size else float("nan")


def _check_exposed(flat: _Levelled, image: np.ndarray, stored: np.ndarray) -> None:
    """Refuse a flat that is saturated or dark."""
    info = flat.info
    lit = image > lit_limit(image)
    level = float(np.median(image[lit])) if lit.any() else 0.0
    if lit.any():
        # Whatever a header says, a camera that is full has many pixels at its highest number.
        top = float(np.nanmax(stored))
        top = top if info.saturation is None else min(top, info.saturation)
        share = np.count_nonzero(stored[lit] >= np.float32(top)) / np.count_nonzero(lit)
        # A frame of one number everywhere, overscan too, has no light left above it.
        # Where an overscan's rows have levels of their own, the median of full pixels lies a little above their lowest.
        if share > FULL_SHARE and top > 0.9 * level:
            problem = f"is a saturated flat ({100 * share:.0f} % of its lit pixels are full, at {top:.0f} ADU)"
            raise FrameError(info.file, problem, "leave it out, and take it again with less light")
    noise = neighbours_scatter(sample(image), info.pattern)
    least = 0.0 if info.saturation is None or is_levelled(flat.reader) else LEAST_LIGHT * info.saturation
    if not level > max(least, NOTHING) or noise > MOST_NOISE * level:
        problem = f"is a dark flat ({level:.0f} ADU above bias and dark, noise {noise:.1f})"
        raise FrameError(info.file, problem, "leave it out, and take it again with more light")


def _inside(region: str | Rectangle, shape: tuple[int, int]) -> Rectangle | None:
    """The rectangle of a region, or None for one of the words."""
    if isinstance(region, str):
        return None
    x0, y0, x1, y1 = region
    if not (x0 + 2 <= x1 <= shape[1] and y0 + 2 <= y1 <= shape[0]):
        told = f"master_flat.region = {x0},{y0},{x1},{y1}"
        wants = f"wants two pixels or more each way, inside the frame of {shape[1]} x {shape[0]} pixels"
        raise KnobError(f"{told}: {wants}")
    return region


def levelling(master: np.ndarray, region: str | Rectangle, pattern: str) -> np.ndarray:
    """The pixels whose median (of "max": the largest of which) became 1, as the master has them.

    Parameters
    ----------
    master : ndarray of float32, shape (ny, nx)
        A master flat. Each flat has a region of its own, which is this one but for its noise.
    region : str or tuple of int
        The knob.
    pattern : str
        Colours of the flats.

    Returns
    -------
    ndarray of bool, shape (ny, nx)

    Raises
    ------
    KnobError
        Where ``region`` is a rectangle outside these frames.
    """
    inside = _inside(region, master.shape)
    found = np.isfinite(master)
    if inside is not None:
        x0, y0, x1, y1 = inside
        found[:y0], found[y1:], found[:, :x0], found[:, x1:] = False, False, False, False
    if region not in ("lit", "max"):
        return found
    step = 1 if pattern == "none" else 2
    for colour in dict.fromkeys(name for name, _, _ in colour_planes(pattern)):
        planes = [(slice(row, None, step), slice(column, None, step))
                  for name, row, column in colour_planes(pattern) if name == colour]  # fmt: skip
        # What is unexposed has no value any more, and had hardly any light.
        values = np.nan_to_num(np.concatenate([master[plane].ravel() for plane in planes]))
        limit = lit_limit(values) if region == "lit" else np.nextafter(values.max(), np.float32(-1))
        for plane in planes:
            found[plane] = master[plane] > limit
    return found


def _cut(image: np.ndarray, inside: tuple[int, int, int, int], row: int, column: int, step: int) -> np.ndarray:
    """Pixels of one colour in a rectangle."""
    x0, y0, x1, y1 = inside
    return image[y0 + (row - y0) % step : y1 : step, x0 + (column - x0) % step : x1 : step]


def _master(flats: list[_Levelled], combine: str, clip: float, floor: float, read_noise: float) -> Master:
    image = combine_rows(flats, combine, clip)
    pattern = flats[0].info.pattern
    step = 1 if pattern == "none" else 2
    unexposed = np.zeros(image.shape, bool)
    for _, row, column in colour_planes(pattern):
        plane = image[row::step, column::step]
        lit = plane[plane > lit_limit(plane)]
        if lit.size:
            dim = plane < floor * np.float32(np.median(lit))
            unexposed[row::step, column::step] = dim
            plane[dim] = np.nan
    told: Mapping[str, Any] = facts(flats, image, combine)
    main = "green" if "green" in flats[0].levels else "mono"
    return Master(
        "flat",
        filter=flats[0].info.filter,
        exposure=flats[0].info.exposure,
        levels=tuple(flat.levels[main] for flat in flats),
        gain=photon_transfer(flats, image, read_noise),
        unexposed=readonly(unexposed) if unexposed.any() else None,
        **told,
    )


def photon_transfer(flats: Sequence[_Levelled], master: np.ndarray, read_noise: float) -> float | None:
    """Electrons per ADU from the noise of two flats.

    Parameters
    ----------
    flats : sequence of _Levelled
        The first two are compared.
    master : ndarray of float32, shape (ny, nx)
        The master flat, for where pixels are lit.
    read_noise : float
        ADU; NaN where it is not known, and then it counts as nothing.

    Returns
    -------
    float or None
        Light over its variance, for n electrons have a variance of n (Janesick 2001, Scientific Charge-Coupled Devices,
        2.2): that of a difference L1 - r L2 with r = L1 / L2 is L1 (1 + r) / gain + R^2 (1 + r^2). None where there are
        not two flats, or the noise is not that of light.
    """
    if len(flats) < 2:
        return None
    _, row, column = next(plane for plane in colour_planes(flats[0].info.pattern) if plane[0] in ("mono", "green"))
    step = 1 if flats[0].info.pattern == "none" else 2
    first, second, lit = (
        bands[row::step, column::step] for bands in (*(_sample_light(flat) for flat in flats[:2]), sample(master))
    )
    even = np.abs(lit - 1) < NEAR_ONE
    if not even.any():
        return None
    level = float(np.median(first[even]))
    # The lamp may have changed between the two; the second is brought to the first's level.
    ratio = level / float(np.median(second[even]))
    known = 0.0 if np.isnan(read_noise) else read_noise**2
    variance = deviation((first - second * np.float32(ratio))[even]) ** 2 - known * (1 + ratio**2)
    return level * (1 + ratio) / variance if variance > 0 and level > 0 else None


def _sample_light(flat: _Levelled) -> np.ndarray:
    """A few bands of a flat in ADU of light."""
    ny = flat.shape[0]
    return np.vstack([flat.light(start, min(start + BAND, ny)) for start in starts(ny)])
