"""Pixels that shine without light, or too little: they stay while the stars move, or stand alone as no star can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from pipeline.frame import Failure, Frame, FrameError, HotPixels, readonly
from pipeline.knob import Knob
from pipeline.read.rows import Rows
from pipeline.stage import stage
from pipeline.stages.bad_pixels import from_columns_and_flats, from_darks
from pipeline.stages.first_look import first_look, first_sky

if TYPE_CHECKING:
    from pipeline.kernels.bright import BrightStars

MOST_FRAMES = 9
LEAST_FRAMES = 3
LEAST_STARS = 8
#: A well-sampled star's peak is at most 1.8 times its highest neighbour (fwhm 2.2 pixels, centred on the pixel).
CONTRAST = 2.5
#: A hot pixel is steady where its height varies by less than so many times the noise of a sky pixel.
UNSTEADY = 2.0
#: How far a pixel stands above neighbours that are uneven, in standard deviations of its own from frame to
#: frame, and in every frame, as a part of its height in their median.
UNEVEN, STANDS = 5.0, 0.7
#: Light of the pixels on each side of a star's highest, as a part of it.
BESIDE = 0.15
#: Bad pixels in a line that are a piece of a bad column; twice as many are the longest gap between two of them.
PIECE = 10
#: Height of a pixel that goes on and off, over that of any other, from which on it is told from a star by its shape; in
#: how many frames it must be on, of at least so many, and in which part of those sharper than a star.
FLICKER, ON, ENOUGH, SHARP = 2.5, 3, 5, 0.7


def without(knobs: Mapping[str, Any]) -> tuple[str, ...]:
    """Inputs that a way of looking does not need."""
    return {"auto": (), "dark": ("frame",), "off": ("frame", "calibration")}.get(knobs["find"], ("calibration",))


@stage(version=5, scope="sequence", sample=MOST_FRAMES, without=without)
def hot_pixels(
    frame: Sequence[Frame | Failure] | None,
    calibration: Sequence[Rows] | None = (),
    *,
    find: Annotated[
        Literal["auto", "off", "dark", "sequence", "frame"],
        Knob(
            "where they are looked for: darks and flats, what stays in a sequence that moves, or each frame by itself"
        ),
    ] = "auto",
    sigma: Annotated[
        float, Knob("height above the neighbours of the same colour", unit="sigma", low=3, high=100, step=0.5)
    ] = 8.0,
    repair: Annotated[
        Literal["interpolate", "mask", "keep"],
        Knob("take off what they add where that is steady, else fill from neighbours; mark as bad; or leave them"),
    ] = "interpolate",
) -> HotPixels:
    """Find pixels that shine without light.

    Parameters
    ----------
    frame : sequence of Frame or Failure
        The lights as read, in order of time. Up to nine of them, spread over the sequence, are looked at.
    calibration : sequence of Rows
        Bias, dark and flat frames.
    find, sigma, repair
        Knobs. "auto" looks at the darks where there are some; else it takes what stays, bright or dark, in the median
        of unaligned frames where the stars are seen to move, and else searches each frame by itself. With "auto" and
        "dark" columns that stand out in bias, dark or flat are bad too.

    Returns
    -------
    HotPixels
        The mask, or for "frame" what :func:`pipeline.stages.calibrated.calibrated` needs to search each frame. Of a
        sequence of one exposure also what pixels add that are too high by the same in every frame.

    Raises
    ------
    FrameError
        For "dark" where there is no dark frame, and where no frame can be read.
    """
    if find == "off":
        return HotPixels(None, "off", sigma, repair)
    bad = None
    if find in ("auto", "dark"):
        dark = from_darks(calibration, sigma)
        bad = from_columns_and_flats(calibration)
        if dark is not None:
            return HotPixels(dark, "dark", sigma, repair, bad=bad)
        if find == "dark":
            raise FrameError(
                "hot_pixels.find = dark", "there is no dark frame among the files", "choose sequence or frame"
            )
    samples = _samples(frame) if find in ("auto", "sequence") else []
    if len(samples) >= LEAST_FRAMES:
        moved = _StarMotion(samples)
        if moved.any or find == "sequence":
            mask, steady, excess = _staying(samples, sigma, moved)
            found = HotPixels(readonly(mask), "sequence", sigma, repair, moved.any, bad=bad)
            exposures = {one.info.exposure for one in samples}
            if len(exposures) > 1:
                return found
            return replace(found, steady=readonly(steady), excess=readonly(excess), exposure=exposures.pop())
    elif find == "sequence":
        raise FrameError(
            "hot_pixels.find = sequence",
            f"wants {LEAST_FRAMES} frames of one shape ({len(samples)})",
            "add frames, or choose frame",
        )
    single = samples[0] if samples else _first_readable(frame)
    contrast, factors = _star_contrast(single)
    return HotPixels(None, "frame", sigma, repair, False, contrast, factors["red"], factors["blue"], bad)


def _samples(frame: Sequence[Frame | Failure]) -> list[Frame]:
    """Up to nine frames of one kind, an odd number, evenly spread over the sequence."""
    wanted = min(MOST_FRAMES, len(frame))
    chosen = np.unique(np.rint(np.linspace(0, len(frame) - 1, wanted)).astype(int)) if wanted else ()
    read = [one for one in (frame[int(i)] for i in chosen) if isinstance(one, Frame)]
    alike = [one for one in read if one.shape == read[0].shape and one.pixels.dtype == read[0].pixels.dtype]
    return alike[: len(alike) - 1 + len(alike) % 2] if len(alike) >= LEAST_FRAMES else alike


def _first_readable(frame: Sequence[Frame | Failure]) -> Frame:
    for one in frame:
        if isinstance(one, Frame):
            return one
    raise FrameError("hot_pixels", "no frame can be read", "check the files")


def _picture(frame: Frame) -> tuple[np.ndarray, float, int]:
    """A frame without its sky, binned by 2 where it is a mosaic; its noise, and the bin's size."""
    if frame.pattern == "none":
        look = first_look(frame)
        return look.image, float(np.sqrt(np.mean(look.noise**2))), 1
    from pipeline.kernels.bright import binned_frame
    from pipeline.kernels.spline import subtract_surface
    from pipeline.stages.background import colour_numbers

    sky, numbers = first_sky(frame), colour_numbers(frame.pattern).ravel()
    mesh = np.stack(list(sky.mesh.values()))[numbers].mean(axis=0, dtype=np.float64)
    noise = np.array([np.median(one) for one in sky.noise.values()])[numbers]
    image = subtract_surface(
        binned_frame(frame.pixels, frame.mask),
        None,
        np.full((2, 2), frame.black.mean(), np.float32),
        mesh[None],
        np.zeros((2, 2), np.uint8),
        np.ones((2, 2), np.float32),
        np.full((2, 2), -np.inf, np.float32),
        sky.box_size // 2,
    )
    return image, float(np.sqrt(np.mean(noise**2))) / 2, 2


class _StarMotion:
    """Where in the field the bright stars of a sample's first clear frame left their pixels in the others."""

    def __init__(self, samples: Sequence[Frame]) -> None:
        from pipeline.kernels.bright import bright_stars

        self.places, self.left = np.empty((0, 2)), np.zeros(0, bool)
        first, heights, light = None, [], []
        for frame in samples:
            picture, noise, size = _picture(frame)
            stars = bright_stars(picture, noise)
            if first is None and stars.x.size >= LEAST_STARS:
                first = stars
                reach = int(np.ceil(max(1.5, 1.5 * float(np.median(stars.fwhm)))))
            if first is not None:
                heights.append(stars.peak)
                light.append(_light(picture, first, reach))
        if first is None:
            return
        # A frame that shows far fewer stars is clouded; a star that is faint or missing there has not moved.
        clear = [k for k in range(1, len(light)) if heights[k].size >= max(LEAST_STARS, heights[0].size / 2)]
        if len(clear) < 2:
            return
        away = np.zeros(first.x.size, int)
        for k in clear:
            number = min(heights[k].size, heights[0].size)
            clearness = np.median(heights[k][:number]) / np.median(heights[0][:number])
            away += ~(light[k] > 0.5 * min(clearness, 1.0) * light[0])
        self.left = away >= max(2, len(clear) / 3)
        self.places = np.column_stack([first.x, first.y]) * size + (size - 1) / 2

    @property
    def any(self) -> bool:
        """Whether at least half of the field's stars left their places."""
        return bool(self.left.size and self.left.mean() >= 0.5)

    def at(self, indices: np.ndarray, nx: int) -> np.ndarray:
        """For each pixel, whether most of the eight nearest bright stars left their places."""
        from scipy.spatial import cKDTree

        places = np.column_stack([indices % nx, indices // nx])
        near = cKDTree(self.places).query(places, k=LEAST_STARS)[1]
        return self.left[near].mean(axis=1) > 0.5


def _light(picture: np.ndarray, stars: BrightStars, reach: int) -> np.ndarray:
    """Sum of the pixels within ``reach`` of each star's place, bad ones left out."""
    grid = np.arange(-reach, reach + 1)
    row = np.clip(np.rint(stars.y).astype(int)[:, None, None] + grid[:, None], 0, picture.shape[0] - 1)
    column = np.clip(np.rint(stars.x).astype(int)[:, None, None] + grid, 0, picture.shape[1] - 1)
    return np.nansum(picture[row, column], axis=(1, 2), dtype=np.float64)


def _staying(samples: Sequence[Frame], sigma: float, moved: _StarMotion) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels that stand above, or below, their neighbours in the median of the frames and in nearly each of them.

    Also those among them that are too high by the same in every frame, and by how much.
    """
    from pipeline.kernels.hot import local_excess, ranked_images

    mask = np.zeros(samples[0].shape, bool)
    steady, level = np.empty(0, np.int64), np.empty(0, np.float32)
    if not moved.any or min(mask.shape) < 8:
        return mask, steady, level
    nx, step = mask.shape[1], 1 if samples[0].pattern == "none" else 2
    # On frames of one colour the pixels beside a pixel tell a star's profile.
    flickers = step == 1 and len(samples) >= ENOUGH
    middle, *often = ranked_images([frame.pixels for frame in samples], (0, -ON) if flickers else (0,))
    for sign, picture in ((1, middle), (-1, _upside_down(middle))):
        candidates, excess, even = high_pixels(picture, sigma, step)
        worth = even.copy()
        if sign > 0:
            # Most of what is not even is stars that moved slowly: the first and the last frame tell.
            odd, ends = candidates[~even], (samples[0], samples[-1])
            stands = [local_excess(frame.pixels, odd, step)[0] > STANDS * excess[~even] for frame in ends]
            worth[~even] = np.logical_and(*stands)
        candidates, excess, even = candidates[worth], excess[worth], even[worth]
        if candidates.size == 0:
            continue
        each = np.sort([sign * local_excess(frame.pixels, candidates, step)[0] for frame in samples], axis=0)
        if sign > 0:
            # A star that left shows it in two frames at least; noise or a passing star's wings may lower a single one.
            second = each[1 if len(samples) >= 5 else 0]
            stays = (each[0] > 0.3 * excess) & (second > 0.5 * excess)
            # Among uneven neighbours, as at a detector's edge, it must be the steadier.
            stays &= even | ((excess > UNEVEN * _deviation(each)) & (each[0] > STANDS * excess))
        else:
            # Nothing in the sky is dark; but stars that pass over a dark pixel hide it.
            stays = each[len(samples) // 3] > 0.5 * excess
        stays &= moved.at(candidates, nx)
        if sign > 0:
            stays[stays] = ~_like_star(middle, candidates[stays], excess[stays], step)
            same = stays & (_deviation(each) < UNSTEADY * _usual(samples[0].pixels, step)[2].max())
            steady, level = candidates[same], excess[same].astype(np.float32)
        mask.ravel()[candidates[stays]] = True
    for picture in often:
        mask.ravel()[_flickering(samples, picture, sigma, moved)] = True
    _close_gaps(mask)
    _close_gaps(mask.T)
    return mask, steady, level


def _like_star(middle: np.ndarray, places: np.ndarray, excess: np.ndarray, step: int) -> np.ndarray:
    """What lights the pixels on all of its sides: a spot that stands still like this is told by following stars."""
    from pipeline.kernels.hot import local_excess

    ny, nx = middle.shape
    least = np.maximum(3 * _usual(middle, step)[2].max(), BESIDE * excess)
    lit = np.ones(places.size, bool)
    for j, i in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        beside = np.clip(places // nx + j, 0, ny - 1) * nx + np.clip(places % nx + i, 0, nx - 1)
        lit &= local_excess(middle, beside, step)[0] > least
    return lit


def _deviation(each: np.ndarray) -> np.ndarray:
    """Standard deviation of each pixel's heights, told by their median distance from the median."""
    return 1.4826 * np.median(np.abs(each - np.median(each, axis=0)), axis=0)


def _flickering(samples: Sequence[Frame], often: np.ndarray, sigma: float, moved: _StarMotion) -> np.ndarray:
    """Pixels that are high in some frames and no star's: a defect that traps a charge goes on and off.

    ``often`` is what a pixel reaches in three frames. Only where that stands far above its noise, for faint stars may
    seem as sharp.
    """
    from pipeline.kernels.hot import local_excess

    ny, nx = often.shape
    found, excess, even = high_pixels(often, FLICKER * sigma, 1)
    near = moved.at(found, nx) & even
    found, excess = found[near], excess[near]
    if found.size == 0:
        return found
    contrast = _star_contrast(samples[0])[0]
    around = [(j, i) for j in (-1, 0, 1) for i in (-1, 0, 1) if (j, i) != (0, 0)]

    def beside(image: np.ndarray, places: np.ndarray) -> np.ndarray:
        y, x = places // nx, places % nx
        indices = [np.clip(y + j, 0, ny - 1) * nx + np.clip(x + i, 0, nx - 1) for j, i in around]
        return np.max([local_excess(image, index, 1)[0] for index in indices], axis=0)

    lone = excess > contrast * beside(often, found)
    found, excess = found[lone], excess[lone]
    on, sharp = np.zeros((2, found.size), int)
    for frame in samples:
        here = local_excess(frame.pixels, found, 1)[0]
        high = here > 0.5 * excess
        on += high
        sharp += high & (here > contrast * beside(frame.pixels, found))
    return found[(sharp >= ON) & (sharp >= SHARP * on)]


def _close_gaps(mask: np.ndarray) -> None:
    """Mark what lies between two pieces of a bad column, in place: a star there hid it."""
    from scipy.ndimage import binary_closing, binary_opening

    columns = np.flatnonzero(np.count_nonzero(mask, axis=0) >= 2 * PIECE)
    pieces = binary_opening(mask[:, columns], np.ones((PIECE, 1), bool))
    mask[:, columns] |= binary_closing(pieces, np.ones((2 * PIECE + 1, 1), bool))


def _upside_down(image: np.ndarray) -> np.ndarray:
    """The image in which what was dark is bright."""
    return np.iinfo(image.dtype).max - image if image.dtype == np.uint16 else -image


def high_pixels(image: np.ndarray, sigma: float, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels that stand above their neighbours of the same colour.

    Parameters
    ----------
    image : ndarray of uint16 or float32, shape (ny, nx)
        At least 8 pixels each way.
    sigma : float
        How far, in standard deviations of the whole image.
    step : int
        Distance to the next pixel of the same colour.

    Returns
    -------
    indices : ndarray of int64, shape (n,)
        Flat indices in order.
    excess : ndarray of float64, shape (n,)
        Height above the neighbours' median.
    even : ndarray of bool, shape (n,)
        Whether that is also four times the standard deviation of the neighbours themselves.
    """
    from pipeline.kernels.hot import local_excess, rising_pixels

    nx = image.shape[1]
    rise, level, noise = _usual(image, step)
    candidates = rising_pixels(image, rise + sigma * noise, step)
    excess, scatter = local_excess(image, candidates, step)
    parity = (candidates // nx) & 1, (candidates % nx) & 1
    high = excess - level[parity] > sigma * noise[parity]
    even = excess - level[parity] > 4.0 * scatter
    return candidates[high], excess[high], even[high]


def _usual(pixels: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is usual for a pixel, by row and column parity, from a sample of the frame.

    Returns the median height above the second lowest of the four nearest, the median height above the 24 nearest, and
    the standard deviation of the latter, from what lies below its median. The medians are near 0, unless a mosaic is
    taken for monochrome.
    """
    from pipeline.kernels.hot import local_excess
    from pipeline.stages.normalize import clipped_deviation

    rise, level, noise = np.zeros((3, 2, 2), np.float32)
    ny, nx = pixels.shape
    stride = 2 * max(1, round((pixels.size / 4e4) ** 0.5 / 2))
    for row in (0, 1):
        for column in (0, 1):
            y, x = np.meshgrid(
                np.arange(step + row, ny - step, stride), np.arange(step + column, nx - step, stride), indexing="ij"
            )
            excess = local_excess(pixels, (y * nx + x).ravel(), step)[0]
            nearest = [pixels[y + j, x + i] for j, i in ((-step, 0), (step, 0), (0, -step), (0, step))]
            above = pixels[y, x].astype(np.float64) - np.sort(nearest, axis=0)[1]
            finite = np.isfinite(above)
            if finite.any():
                at = (step + row) & 1, (step + column) & 1
                rise[at], level[at] = np.median(above[finite]), np.nanmedian(excess)
                # What shines lies above: stars that passed, and warm pixels. The lower half tells the noise.
                below = excess[excess <= level[at]]
                noise[at] = clipped_deviation(np.concatenate([below, 2 * level[at] - below]))
    # Whole numbers that hardly vary may show no noise at all.
    least = 0.3 if pixels.dtype == np.uint16 else 1e-6 * max(float(np.abs(level).max()), 1e-3)
    return rise, level, np.maximum(noise, np.float32(least))


def _star_contrast(frame: Frame) -> tuple[float, dict[str, float]]:
    """How much a star of this frame can stand above its highest neighbour, with a margin, and the colours' factors."""
    from pipeline.kernels.bright import bright_stars
    from pipeline.stages.normalize import colour_factors

    factors = colour_factors(frame, first_look(frame).sky)
    look = first_look(frame, **factors)
    stars = bright_stars(look.image, float(look.noise.max()))
    if stars.x.size < LEAST_STARS:
        return CONTRAST, factors
    return max(CONTRAST, 1.3 * float(np.percentile(stars.contrast, 98))), factors
