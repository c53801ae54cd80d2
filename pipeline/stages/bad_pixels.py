"""Bad pixels and columns from calibration frames: hot in the darks, standing out in bias or flats by whole columns."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from pipeline.frame import readonly
from pipeline.read.rows import Rows
from pipeline.stages.combining import combine_rows, is_levelled, median_of, neighbours_scatter, readable, sample
from pipeline.stages.high_pixels import high_pixels

#: Frames of a kind that are looked at.
MOST = 9
#: Rows of a piece of a column, of which so many are looked at, and the columns on which it is compared.
PIECE, LOOKED_AT, WIDTH = 128, 65, 15
#: A piece of a column is bad where it differs from the columns about it by more than a pixel's noise without light, or
#: by more than this part with light; a pixel where its light is less or more than so much of its neighbours'.
UNEVEN, DEAD, BRIGHT = 0.05, 0.5, 1.5
#: No detector has more bad pixels than this.
MOST_BAD = 0.05


def from_darks(calibration: Sequence[Rows], sigma: float) -> np.ndarray | None:
    """Hot pixels of the longest darks.

    Parameters
    ----------
    calibration : sequence of Rows
        All calibration frames.
    sigma : float
        Height above the neighbours of the same colour, standard deviations.

    Returns
    -------
    ndarray of bool, shape (ny, nx), or None
        None where there is no dark.
    """
    group = _longest(calibration)
    if not group:
        return None
    image = combine_rows(group, "median", 3.0)
    mask = np.zeros(image.shape, bool)
    if min(mask.shape) >= 8:
        high, _, even = high_pixels(image, sigma, _step(group[0]))
        mask.ravel()[high[even]] = True
    return readonly(_trusted(mask))


def from_columns_and_flats(calibration: Sequence[Rows]) -> np.ndarray | None:
    """Columns that differ from those about them, in bias or dark and in the flat, and pixels that the flat shows dead.

    Parameters
    ----------
    calibration : sequence of Rows
        All calibration frames.

    Returns
    -------
    ndarray of bool, shape (ny, nx), or None
        None where there is no frame to tell it.
    """
    without_light = _longest(calibration) or _some(calibration, "bias")
    flats = _flats(calibration)
    found = None
    level = 0.0
    if without_light:
        image = combine_rows(without_light, "median", 3.0)
        noise = neighbours_scatter(sample(without_light[0]), without_light[0].info.pattern)
        found = _trusted(_columns(image, _step(without_light[0]), lambda piece, about: np.abs(piece - about) > noise))
        level = median_of(sample(image))
    zero = {id(one): 0.0 if is_levelled(one) else level for one in flats}
    flats = [one for one in flats if median_of(sample(one)) > zero[id(one)]]
    if flats:
        image = combine_rows([_Scaled(one, zero[id(one)]) for one in flats], "median", 3.0)
        step = _step(flats[0])
        uneven = _columns(image, step, lambda piece, about: np.abs(piece - about) > UNEVEN * np.abs(about))
        uneven = _trusted(uneven | _lone(image, step))
        found = uneven if found is None else found | uneven
    return None if found is None else readonly(found)


class _Scaled(Rows):
    """Rows of a flat as a part of its own median."""

    def __init__(self, reader: Rows, level: float) -> None:
        self.info, self._reader, self._level = reader.info, reader, np.float32(level)
        self._light = np.float32(median_of(sample(reader)) - level)

    def rows(self, start: int, stop: int) -> np.ndarray:
        return (self._reader.rows(start, stop) - self._level) / self._light


def _trusted(found: np.ndarray) -> np.ndarray:
    """What was found; nothing where it is so much that the frames, and not the detector, must be bad."""
    return found if np.count_nonzero(found) <= MOST_BAD * found.size else np.zeros_like(found)


def _step(reader: Rows) -> int:
    return 1 if reader.info.pattern == "none" else 2


def _some(calibration: Sequence[Rows], kind: str) -> list[Rows]:
    return readable([one for one in calibration if one.info.kind == kind][:MOST])[0]


def _longest(calibration: Sequence[Rows]) -> list[Rows]:
    """The darks of the longest exposure, in which hot pixels stand highest."""
    darks = [one for one in calibration if one.info.kind == "dark"]
    longest = max((one.info.exposure or 0.0 for one in darks), default=0.0)
    return readable([one for one in darks if (one.info.exposure or 0.0) >= 0.99 * longest][:MOST])[0]


def _flats(calibration: Sequence[Rows]) -> list[Rows]:
    """The flats of the filter that has most of them."""
    groups: dict[str, list[Rows]] = {}
    for one in calibration:
        if one.info.kind == "flat":
            groups.setdefault(one.info.filter, []).append(one)
    chosen = max(groups.values(), key=len, default=[])
    return readable(chosen[:MOST])[0]


Differs = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _columns(image: np.ndarray, step: int, differs: Differs) -> np.ndarray:
    """Pieces of columns whose median differs from that of the columns of their colour about them."""
    from scipy.ndimage import median_filter

    found = np.zeros(image.shape, bool)
    ny = image.shape[0]
    pieces = max(1, ny // PIECE)
    edges = np.linspace(0, ny, pieces + 1).astype(int) // step * step
    edges[-1] = ny
    for first, last in itertools.pairwise(edges):
        for row in range(step):
            rows = image[first + row : last : step]
            some = rows[:: max(1, len(rows) // LOOKED_AT)]
            for column in range(step):
                plane = some[:, column::step]
                known = np.isfinite(plane).any(axis=0)
                if np.count_nonzero(known) < WIDTH:
                    continue
                middle = np.nanmedian(plane[:, known], axis=0)
                about = median_filter(middle, WIDTH, mode="nearest")
                # At the edges the window stays inside: bad columns are commonest there, and repeated would be usual.
                half = WIDTH // 2
                about[:half], about[-half:] = about[half], about[-half - 1]
                places = np.flatnonzero(known)[differs(middle, about)] * step + column
                found[first + row : last : step, places] = True
    return found


def _lone(image: np.ndarray, step: int) -> np.ndarray:
    """Pixels with less than half of the light of the neighbours beside them, or more than one and a half times that."""
    found = np.zeros(image.shape, bool)
    middle, left, right = image[:, step:-step], image[:, : -2 * step], image[:, 2 * step :]
    with np.errstate(invalid="ignore"):
        dead = middle < DEAD * np.minimum(left, right)
        bright = middle > BRIGHT * np.maximum(left, right)
    found[:, step:-step] = dead | bright
    return found
