"""What stays while the stars of a sequence move over it: pixels that are too high, too low, or high now and then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pipeline.frame import Frame
from pipeline.stages.high_pixels import high_pixels, usual_heights
from pipeline.stages.raw_stars import StarMotion, star_contrast

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
#: Rows and columns from a pixel to those at its sides, and to all about it.
SIDES = ((-1, 0), (1, 0), (0, -1), (0, 1))
ABOUT = (*SIDES, (-1, -1), (-1, 1), (1, -1), (1, 1))


class Staying(NamedTuple):
    """Pixels that stay.

    Parameters
    ----------
    mask : ndarray of bool, shape (ny, nx)
        All of them.
    steady : ndarray of int64, shape (n,)
        Flat indices, in order, of those that are too high by the same in every frame.
    excess : ndarray of float32, shape (n,)
        By how much, ADU.
    """

    mask: np.ndarray
    steady: np.ndarray
    excess: np.ndarray


def staying(samples: Sequence[Frame], sigma: float, moved: StarMotion) -> Staying:
    """Pixels that stand above, or below, their neighbours in the median of the frames and in nearly each of them.

    Parameters
    ----------
    samples : sequence of Frame
        An odd number of frames as read, of one shape and dtype, in order of time.
    sigma : float
        Height above the neighbours of the same colour, standard deviations.
    moved : StarMotion
        Where the stars left their places: elsewhere nothing is told from a star.
    """
    from pipeline.kernels.hot import ranked_images

    mask = np.zeros(samples[0].shape, bool)
    if not moved.any or min(mask.shape) < 8:
        return Staying(mask, np.empty(0, np.int64), np.empty(0, np.float32))
    # On frames of one colour the pixels beside a pixel tell a star's profile.
    flickers = samples[0].pattern == "none" and len(samples) >= ENOUGH
    middle, *often = ranked_images([frame.pixels for frame in samples], (0, -ON) if flickers else (0,))
    bright, steady, excess = _bright(samples, middle, sigma, moved)
    mask.ravel()[bright] = True
    mask.ravel()[_dark(samples, middle, sigma, moved)] = True
    for picture in often:
        mask.ravel()[_flickering(samples, picture, sigma, moved)] = True
    _close_gaps(mask)
    _close_gaps(mask.T)
    return Staying(mask, steady, excess)


def _step(frame: Frame) -> int:
    """Distance to the next pixel of the same colour."""
    return 1 if frame.pattern == "none" else 2


def _heights(samples: Sequence[Frame], places: np.ndarray) -> np.ndarray:
    """Height of some pixels above their neighbours in every frame, shape (frames, n)."""
    from pipeline.kernels.hot import local_excess

    return np.array([local_excess(frame.pixels, places, _step(frame))[0] for frame in samples])


def _bright(
    samples: Sequence[Frame], middle: np.ndarray, sigma: float, moved: StarMotion
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels that are too high; those among them that are so by the same in every frame, and by how much."""
    step = _step(samples[0])
    high, excess, even = high_pixels(middle, sigma, step)
    # Most of what is not even is stars that moved slowly: the first and the last frame tell.
    worth = even.copy()
    worth[~even] = (_heights((samples[0], samples[-1]), high[~even]) > STANDS * excess[~even]).all(axis=0)
    high, excess, even = high[worth], excess[worth], even[worth]
    if high.size == 0:
        return high, high, np.empty(0, np.float32)
    each = np.sort(_heights(samples, high), axis=0)
    # A star that left shows it in two frames at least; noise or a passing star's wings may lower a single one.
    second = each[1 if len(samples) >= 5 else 0]
    stays = (each[0] > 0.3 * excess) & (second > 0.5 * excess)
    # Among uneven neighbours, as at a detector's edge, it must be the steadier.
    deviation = 1.4826 * np.median(np.abs(each - np.median(each, axis=0)), axis=0)
    stays &= even | ((excess > UNEVEN * deviation) & (each[0] > STANDS * excess))
    stays &= moved.at(high, middle.shape[1])
    stays[stays] = ~_like_star(middle, high[stays], excess[stays], step)
    same = stays & (deviation < UNSTEADY * usual_heights(samples[0].pixels, step)[2].max())
    return high[stays], high[same], excess[same].astype(np.float32)


def _dark(samples: Sequence[Frame], middle: np.ndarray, sigma: float, moved: StarMotion) -> np.ndarray:
    """Pixels that are too low."""
    upside_down = np.iinfo(middle.dtype).max - middle if middle.dtype == np.uint16 else -middle
    low, depth, even = high_pixels(upside_down, sigma, _step(samples[0]))
    low, depth = low[even], depth[even]
    if low.size == 0:
        return low
    # Nothing in the sky is dark; but stars that pass over a dark pixel hide it.
    often = np.sort(-_heights(samples, low), axis=0)[len(samples) // 3]
    return low[(often > 0.5 * depth) & moved.at(low, middle.shape[1])]


def _beside(places: np.ndarray, shape: tuple[int, int], offsets: Iterable[tuple[int, int]]) -> Iterator[np.ndarray]:
    """Flat indices of the pixels beside some others, for each offset; none beyond the picture's edge."""
    y, x = np.divmod(places, shape[1])
    return (np.clip(y + j, 0, shape[0] - 1) * shape[1] + np.clip(x + i, 0, shape[1] - 1) for j, i in offsets)


def _like_star(middle: np.ndarray, places: np.ndarray, excess: np.ndarray, step: int) -> np.ndarray:
    """What lights the pixels on all of its sides: a spot that stands still like this is told by following stars."""
    from pipeline.kernels.hot import local_excess

    least = np.maximum(3 * usual_heights(middle, step)[2].max(), BESIDE * excess)
    lit = [local_excess(middle, index, step)[0] > least for index in _beside(places, middle.shape, SIDES)]
    return np.logical_and.reduce(lit)


def _flickering(samples: Sequence[Frame], often: np.ndarray, sigma: float, moved: StarMotion) -> np.ndarray:
    """Pixels that are high in some frames and no star's: a defect that traps a charge goes on and off.

    ``often`` is what a pixel reaches in three frames. Only where that stands far above its noise, for faint stars may
    seem as sharp.
    """
    from pipeline.kernels.hot import local_excess

    found, excess, even = high_pixels(often, FLICKER * sigma, 1)
    near = moved.at(found, often.shape[1]) & even
    found, excess = found[near], excess[near]
    if found.size == 0:
        return found
    contrast = star_contrast(samples[0])[0]

    def highest_beside(image: np.ndarray, places: np.ndarray) -> np.ndarray:
        return np.max([local_excess(image, index, 1)[0] for index in _beside(places, image.shape, ABOUT)], axis=0)

    lone = excess > contrast * highest_beside(often, found)
    found, excess = found[lone], excess[lone]
    on, sharp = np.zeros((2, found.size), int)
    for frame in samples:
        here = local_excess(frame.pixels, found, 1)[0]
        high = here > 0.5 * excess
        on += high
        sharp += high & (here > contrast * highest_beside(frame.pixels, found))
    return found[(sharp >= ON) & (sharp >= SHARP * on)]


def _close_gaps(mask: np.ndarray) -> None:
    """Mark what lies between two pieces of a bad column, in place: a star there hid it."""
    from scipy.ndimage import binary_closing, binary_opening

    columns = np.flatnonzero(np.count_nonzero(mask, axis=0) >= 2 * PIECE)
    pieces = binary_opening(mask[:, columns], np.ones((PIECE, 1), bool))
    mask[:, columns] |= binary_closing(pieces, np.ones((2 * PIECE + 1, 1), bool))
