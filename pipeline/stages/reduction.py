"""The arithmetic of a CCD reduction: (light - bias - dark x scale) / flat, and the error of the result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from pipeline.frame import Frame, FrameInfo, colour_planes, readonly
from pipeline.masters import NO_BIAS, Master, MasterDarks, MasterFlats, same_exposure
from pipeline.stages.combining import median_of, neighbours_scatter, outshines, sample

#: Noise of a dark over that of the light from which on it is told: half adds an eighth to the light's noise.
NOISY = 0.5
#: Share of a light's pixels that masters may leave without a value before that is told.
MANY = 0.1


@dataclass(frozen=True)
class Reduction:
    """What is taken off a light and what it is divided by.

    Parameters
    ----------
    bias, dark, flat : Master or None
        None where there is none, or none that fits. A dark with the bias in it takes the place of both.
    scale : float
        What the dark is multiplied by.
    warnings : tuple of str
        Why something is missing although frames of that kind were given.
    """

    bias: Master | None
    dark: Master | None
    scale: float
    flat: Master | None
    warnings: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing changes."""
        return self.bias is None and self.dark is None and self.flat is None


def reduction_of(frame: Frame, bias: Master, darks: MasterDarks, flats: MasterFlats) -> Reduction:
    """Choose the masters for a light by its exposure and filter.

    Parameters
    ----------
    frame : Frame
        The light. What its header says was done before is not done again.
    bias, darks, flats
        Everything there is.
    """
    there = {"bias": bias.image is not None, "dark": bool(darks.masters), "flat": bool(flats.masters)}
    given = [kind for kind, some in there.items() if some]
    info, done = frame.info, dict(frame.info.done)
    bias = NO_BIAS if "bias" in done else bias
    dark, scale, missing = (None, 1.0, ()) if "dark" in done else _dark_for(frame, bias, darks)
    warnings = [*not_again(info, given), *missing]
    flat = None if "flat" in done else flats.chosen(info.filter)
    if flat is None and flats.masters and "flat" not in done:
        there = ", ".join(one.filter or "no name" for one in flats.masters)
        warnings.append(
            f"{info.file}: is divided by no flat (the light has filter {info.filter or 'no name'}, the flats {there}): "
            "give flats of its filter"
        )
    how = Reduction(None if bias.image is None else bias, dark, scale, flat, tuple(warnings))
    return replace(how, warnings=(*how.warnings, *_noisy(frame, how)))


def not_again(info: FrameInfo, given: Iterable[str]) -> tuple[str, ...]:
    """What to say of a frame whose header says that it was reduced before.

    Parameters
    ----------
    info : FrameInfo
        The frame.
    given : iterable of str
        The kinds of which there are frames, and which would be used if it were raw.
    """
    told: dict[str, list[str]] = {}
    for kind, reason in info.done:
        if kind in given:
            told.setdefault(reason, []).append(kind)
    return tuple(
        f"{info.file}: was reduced before ({reason}), so no {' or '.join(kinds)} is applied again: give the raw frame, "
        "or take that card out of its header where it is wrong"
        for reason, kinds in told.items()
    )


def _dark_for(frame: Frame, bias: Master, darks: MasterDarks) -> tuple[Master | None, float, tuple[str, ...]]:
    """The dark of a light, what it is multiplied by, and what to say; none where none serves."""
    info = frame.info
    dark, scale = darks.chosen(info.exposure) or (None, 1.0)
    if why := _why_no_dark(frame, bias, darks, dark, scale):
        return None, 1.0, (f"{info.file}: {why}",)
    if dark is None or dark.exposure is None or not dark.with_bias or same_exposure(dark.exposure, info.exposure):
        return dark, scale, ()
    return dark, scale, (
        f"{info.file}: its dark is of {dark.exposure:g} s, not of {_seconds(info.exposure)}, and cannot be scaled with "
        "the bias in it: give bias frames, or darks of the light's exposure",
    )  # fmt: skip


def _why_no_dark(frame: Frame, bias: Master, darks: MasterDarks, dark: Master | None, scale: float) -> str:
    """Why a light has no dark although there are some, or ""."""
    if dark is None:
        there = ", ".join(_seconds(one.exposure) for one in darks.masters)
        why = " and master_dark.scale is never" if darks.scale == "never" else ""
        return there and (
            f"no dark is taken off (the light has {_seconds(frame.info.exposure)}, the darks {there}{why}): "
            "give darks of its exposure, or bias frames to scale them"
        )
    if dark.with_bias and "bias" in dict(frame.info.done):
        return (
            "no dark is taken off (its own bias is off already, and is still in the darks): give bias frames too, or "
            "the raw frame"
        )
    if outshines(bias, dark, scale, _sampled(frame), frame.pattern):
        return (
            f"its dark is not taken off (of {dark.level:.0f} ADU, it is more than twice as bright as the light): "
            "give darks of the same camera settings"
        )
    return ""


def _seconds(exposure: float | None) -> str:
    return "an unknown exposure" if exposure is None else f"{exposure:g} s"


def _noisy(frame: Frame, how: Reduction) -> tuple[str, ...]:
    """A warning where a dark that is multiplied brings so much noise that a light is better off without."""
    if how.dark is None or how.scale <= 1:
        return ()
    noise = neighbours_scatter(_sampled(frame), frame.pattern)
    if not _masters_variance(how) ** 0.5 > NOISY * noise:
        return ()
    return (
        f"{frame.info.file}: its dark of {how.dark.exposure:g} s is taken {how.scale:.3g} times and brings noise, "
        "more than half of the light's own and the same in every light: give darks of the light's exposure, or set "
        "master_dark.scale = never",
    )


def _sampled(frame: Frame) -> np.ndarray:
    """A few bands of a light, ADU above black; what is masked has no value."""
    bands = sample(frame.pixels).astype(np.float32) - float(frame.black.mean())
    return bands if frame.mask is None else np.where(sample(frame.mask), np.float32(np.nan), bands)


def reduced(frame: Frame, how: Reduction) -> Frame:
    """(light - bias - dark x scale) / flat.

    Parameters
    ----------
    frame : Frame
        As read, overscan taken off.
    how : Reduction
        What to do.

    Returns
    -------
    Frame
        Pixels float32 ADU above the sky's zero, NaN and masked where there is no value. ``full`` are the pixels that
        were full before, and ``info.saturation`` is that level less the medians of what was taken off.
    """
    from pipeline.kernels.bands import map_bands
    from pipeline.stages.normalize import full_pixels

    data = frame.above_black()
    bias = None if how.bias is None else how.bias.image
    dark = None if how.dark is None else how.dark.image
    flat = None if how.flat is None else how.flat.image

    def work(first: int, last: int) -> None:
        rows = data[first:last]
        if bias is not None:
            rows -= bias[first:last]
        if dark is not None:
            rows -= dark[first:last] if how.scale == 1 else dark[first:last] * np.float32(how.scale)
        if flat is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                rows /= flat[first:last]
            np.putmask(rows, np.isinf(rows), np.nan)

    map_bands(work, data.shape[0])
    bad = np.isnan(data)
    level = frame.info.saturation
    if level is not None:
        taken = 0.0 if bias is None else median_of(sample(bias))
        taken += 0.0 if dark is None else how.scale * median_of(sample(dark))
        level -= taken
    return replace(
        frame,
        info=replace(frame.info, saturation=level),
        pixels=readonly(data),
        black=np.zeros((2, 2), np.float32),
        mask=readonly(bad) if bad.any() else None,
        full=readonly(full_pixels(frame)),
        history=(*frame.history, *_told(how)),
        warnings=(*frame.warnings, *how.warnings, *_darker(frame, data, how), *_holes(frame, bad, how)),
    )


def _told(how: Reduction) -> tuple[str, ...]:
    """A sentence for each step."""
    told = []
    if how.bias is not None:
        told.append(f"bias: {_of(how.bias)} taken off")
    if how.dark is not None:
        kind = "dark with its bias" if how.dark.with_bias else "dark"
        exposure = "" if how.dark.exposure is None else f" of {how.dark.exposure:g} s"
        factor = "" if how.scale == 1 else f" times {how.scale:.4g}"
        told.append(f"{kind}: {_of(how.dark)}{exposure}{factor} taken off")
    if how.flat is not None:
        named = f" in filter {how.flat.filter}" if how.flat.filter else ""
        told.append(f"flat: divided by {_of(how.flat)}{named}")
    return tuple(told)


def _of(master: Master) -> str:
    first = f"{master.files[0]}" + (" and others" if master.count > 1 else "")
    return f"{master.count} frame{'s' if master.count > 1 else ''} ({first})"


def _holes(frame: Frame, bad: np.ndarray, how: Reduction) -> tuple[str, ...]:
    """A warning where the masters have no value for many of the light's pixels."""
    if np.count_nonzero(bad) <= MANY * bad.size:
        return ()
    there = np.isfinite(frame.above_black()) & bad
    share = np.count_nonzero(there) / bad.size
    if share <= MANY:
        return ()
    shares = {
        one.kind: np.count_nonzero(there & ~np.isfinite(one.image)) for one in (how.bias, how.dark, how.flat) if one
    }
    kind = max(shares, key=shares.get)
    remedy = f"give whole {kind} frames" + (", or lower master_flat.floor" if kind == "flat" else "")
    return (f"{frame.info.file}: has no value in {100 * share:.0f} % of its pixels, for the {kind} has none: {remedy}",)


def _darker(frame: Frame, data: np.ndarray, how: Reduction) -> tuple[str, ...]:
    """A warning where more was taken off than the light has."""
    if how.bias is None and how.dark is None:
        return ()
    values = sample(data)
    level, noise = median_of(values), neighbours_scatter(values, frame.pattern)
    if not level < -3 * noise:
        return ()
    taken = "bias and dark" if how.bias is not None and how.dark is not None else "bias" if how.dark is None else "dark"
    return (
        f"{frame.info.file}: is darker than its {taken} (median {level:.0f} ADU after taking off): "
        "give frames of the same camera settings, and keep frames.overscan at auto",
    )


@dataclass(frozen=True)
class Detector:
    """Gain and read noise, and where they come from.

    Parameters
    ----------
    gain : float
        Electrons per ADU.
    read_noise : float
        ADU.
    source : str
        A sentence part.
    """

    gain: float
    read_noise: float
    source: str


def detector_of(frame: Frame, data: np.ndarray, bias: Master, how: Reduction) -> Detector:
    """Gain and read noise of a frame.

    Parameters
    ----------
    frame : Frame
        The light as read.
    data : ndarray of float32, shape (ny, nx)
        Its pixels without bias and dark, ADU.
    bias : Master
        Its ``pair_noise`` is the read noise; else the header's counts, else none.
    how : Reduction
        The flat's ``gain`` by photon transfer comes first; else that of the frame's own sky, whose noise is that of its
        light and of the dark's, once those of reading and of the masters are taken off; else the header's; else 1.
    """
    info = frame.info
    noise = bias.pair_noise
    if how.flat is not None and how.flat.gain:
        gain, source = how.flat.gain, "gain by photon transfer from two flats"
    else:
        # The bands of a sample begin at even rows, so its colours lie as in the frame.
        _, row, column = next(plane for plane in colour_planes(frame.pattern) if plane[0] in ("mono", "green"))
        step = 1 if frame.pattern == "none" else 2
        values = sample(data)[row::step, column::step]
        sky = median_of(values)
        variance = neighbours_scatter(values, "none") ** 2 - (0.0 if np.isnan(noise) else noise**2)
        variance -= _masters_variance(how)
        dark = 0.0 if how.dark is None or how.dark.with_bias else how.scale * how.dark.level
        if sky > 0 and variance > 0:
            gain, source = (sky + dark) / variance, "gain from the sky's own noise"
        elif info.gain and info.gain > 0:
            gain, source = info.gain, "gain from the header"
        else:
            gain, source = 1.0, "gain not known"
    if not np.isnan(noise):
        return Detector(float(gain), float(noise), f"{source}, read noise from two bias frames")
    if info.read_noise is not None:
        return Detector(float(gain), info.read_noise / gain, f"{source}, read noise from the header")
    return Detector(float(gain), 0.0, f"{source}, read noise not known")


def error_image(data: np.ndarray, how: Reduction, detector: Detector) -> np.ndarray:
    """Standard deviation of each calibrated pixel, ADU.

    Parameters
    ----------
    data : ndarray of float32, shape (ny, nx)
        Calibrated pixels D, ADU.
    how : Reduction
        What was taken off, and the flat F they were divided by.
    detector : Detector
        Gain g and read noise R.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        sqrt(max(D F + T, 0) / g + R^2 + M^2 + (D E)^2) / F, with the dark T that was taken off, the errors M of bias
        and dark, and E of the flat (Howell 2006, Handbook of CCD Astronomy, 4.4 and 4.5). NaN where there is no value.
    """
    from pipeline.kernels.bands import map_bands

    flat = None if how.flat is None else how.flat.image
    # A dark with the bias in it does not tell its electrons from what the electronics added.
    dark = None if how.dark is None or how.dark.with_bias else how.dark.image
    # What all pixels share, and what the flat's error makes of a pixel's own light.
    common = np.float32(detector.read_noise**2 + _masters_variance(how))
    uneven = np.float32(0.0 if how.flat is None or np.isnan(how.flat.error) else how.flat.error**2)
    error = np.empty(data.shape, np.float32)

    def work(first: int, last: int) -> None:
        rows = data[first:last]
        light = rows if flat is None else rows * flat[first:last]
        if dark is not None:
            light = light + dark[first:last] * np.float32(how.scale)
        variance = np.maximum(light, np.float32(0)) / np.float32(detector.gain) + common + uneven * rows * rows
        np.sqrt(variance, out=variance)
        error[first:last] = variance if flat is None else variance / flat[first:last]

    map_bands(work, data.shape[0])
    return error


def _masters_variance(how: Reduction) -> float:
    """Variance that bias and dark leave in a light, ADU^2: their sum is (1 - scale) bias + scale (dark with bias)."""
    dark = 0.0 if how.dark is None else (how.scale * how.dark.error) ** 2
    bias = 0.0 if how.bias is None else ((1 if how.dark is None else 1 - how.scale) * how.bias.error) ** 2
    return sum(part for part in (bias, dark) if np.isfinite(part))
