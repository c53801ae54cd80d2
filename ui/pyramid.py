"""An image in halving sizes, and screen-sized cuts of it in 16 bits for the browser."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.kernels.bands import map_bands

NAN_CODE = 65535
CODES = 65534
CUT_VALUES = 540_000
EXACT_VALUES = 40_000
_BAND_ROWS = 64
# Eight frames of 24 megapixels, which are explored at once.
_STORE_BYTES = 1_500_000_000


Moved = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Cut:
    """A piece of an image at one sampling.

    Parameters
    ----------
    values : ndarray of uint16, shape (rows, columns)
        Codes c: the value is ``low + (high - low) * (c / 65534) ** power``; 65535 stands for NaN.
    low, high : float
        Values of the lowest and the highest code.
    power : int
        1, or 2 where fine steps are wanted near ``low``.
    exact : ndarray of float32
        The values themselves where the cut is small and not thinned, else of length 0.
    step : int
        Image pixels along the side of one value.
    x, y, width, height : float
        The place of the cut's outer edge in image pixels.
    """

    values: np.ndarray
    low: float
    high: float
    power: int
    exact: np.ndarray
    step: int
    x: float
    y: float
    width: float
    height: float


class Pyramid:
    """Mean pyramid of one image.

    Each level averages 2 x 2 values of the one below; NaN is left out of the mean and remains where all four are NaN.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Any real dtype; taken as float32. Infinite values count as NaN.
    noise : float
        Standard deviation of a sky pixel; sets how finely the sky is coded. 0 where there is none (offset maps).
    level : float
        The sky's level.
    factors : ndarray, shape (2, 2), optional
        Positive numbers by which the pixels of each 2 x 2 cell are multiplied; the image itself stays as it is, and
        can be shared.
    """

    def __init__(
        self, image: np.ndarray, *, noise: float = 0.0, level: float = 0.0, factors: np.ndarray | None = None
    ) -> None:
        image = np.asarray(image, np.float32)
        if image.ndim != 2 or 0 in image.shape:
            raise ValueError(f"image of shape {image.shape}: wants two axes with pixels")
        self.factors = None if factors is None else np.asarray(factors, np.float32)
        half, low, high, self.has_nan = _halve(image, self.factors)
        if math.isinf(low) or math.isinf(high):
            image = np.where(np.isfinite(image), image, np.float32(np.nan))
            half, low, high, self.has_nan = _halve(image, self.factors)
        self.shape = image.shape
        self.noise, self.level = float(noise), float(level)
        self.low, self.high = (low, high) if math.isfinite(low) else (0.0, 1.0)
        self.whole = factors is None and _is_whole(image) and self.high - self.low <= CODES
        self.levels = [image]
        while self.levels[-1].size > CUT_VALUES // 4 and min(self.levels[-1].shape) > 1:
            self.levels.append(half if len(self.levels) == 1 else _halve(self.levels[-1])[0])

    @property
    def nbytes(self) -> int:
        """Bytes held, the image itself included."""
        return sum(level.nbytes for level in self.levels)

    @property
    def pixels(self) -> np.ndarray:
        """The image as it is drawn: its own pixels, times the factors where there are any."""
        return _times(self.levels[0], self.factors)

    def percentiles(self, *percents: float) -> tuple[float, ...]:
        """Percentiles of the coarsest level's values, 0 where all are NaN."""
        values = self.levels[-1][np.isfinite(self.levels[-1])]
        return tuple(np.percentile(values, percents).tolist()) if values.size else (0.0,) * len(percents)

    def sample(self, count: int) -> np.ndarray:
        """About so many pixels of the image itself, evenly spread, without NaN."""
        # An odd stride meets all four colours of a mosaic.
        stride = max(1, math.isqrt(self.levels[0].size // count)) | 1
        values = _times(self.levels[0][::stride, ::stride], self.factors)
        return values[np.isfinite(values)]

    def histogram(self, low: float, high: float, bins: int) -> np.ndarray:
        """Counts of about 60,000 pixels of the image itself between two values.

        Each value is moved by up to half of the noise: bins would else hold unequal numbers of whole ADU, and comb.
        """
        values = self.sample(60_000)
        width = max(self.noise, 1.0 if self.whole else 0.0)
        dither = np.random.default_rng(0).random(len(values), np.float32) - np.float32(0.5)
        return np.histogram(values + np.float32(width) * dither, bins, (low, high))[0]

    def cut(
        self, x0: float, x1: float, y0: float, y1: float, width: float, height: float, moved: Moved | None = None
    ) -> Cut:
        """The visible piece, sampled for a screen.

        Parameters
        ----------
        x0, x1, y0, y1 : float
            Visible range in image pixels, in any order.
        width, height : float
            Pixels of the screen that show it.
        moved : callable, optional
            Gives for places x, y of the picture those of the image that are drawn there, all pixels; the nearest pixel
            is taken. What lies outside the image is NaN.

        Returns
        -------
        Cut
            At most 540,000 values; a single NaN where the range lies outside the image.
        """
        (x0, x1), (y0, y1) = sorted((x0, x1)), sorted((y0, y1))
        ny, nx = self.shape
        x0, x1 = max(x0, -0.5), min(x1, nx - 0.5)
        y0, y1 = max(y0, -0.5), min(y1, ny - 0.5)
        if not (x0 < x1 and y0 < y1):
            return Cut(np.full((1, 1), NAN_CODE, np.uint16), 0.0, 1.0, 1, np.empty(0, np.float32), 1, 0, 0, 0, 0)
        wanted = min(CUT_VALUES, 1.5 * max(width, 1.0) * max(height, 1.0))
        depth = math.ceil(math.log(max((x1 - x0) * (y1 - y0) / wanted, 1.0), 4))
        depth = min(depth, len(self.levels) - 1)
        step = 1 << depth
        level = self.levels[depth]
        i0, i1 = int((x0 + 0.5) // step), min(math.ceil((x1 + 0.5) / step), level.shape[1])
        j0, j1 = int((y0 + 0.5) // step), min(math.ceil((y1 + 0.5) / step), level.shape[0])
        if moved is not None:
            piece = self._moved_piece(depth, np.arange(i0, i1), np.arange(j0, j1), moved)
        elif depth == 0 and self.factors is not None:
            piece = _times(level[j0:j1, i0:i1], np.roll(self.factors, (-j0, -i0), (0, 1)))
        else:
            piece = level[j0:j1, i0:i1]
        values, low, high, power = self._encode(piece, exactly=depth == 0, holes=self.has_nan or moved is not None)
        exact = piece.copy() if depth == 0 and piece.size <= EXACT_VALUES else np.empty(0, np.float32)
        place = (i0 * step - 0.5, j0 * step - 0.5, (i1 - i0) * step, (j1 - j0) * step)
        return Cut(values, low, high, power, exact, step, *map(float, place))

    def _moved_piece(self, depth: int, columns: np.ndarray, rows: np.ndarray, moved: Moved) -> np.ndarray:
        """What a level has at the places from where each column and row of a piece is drawn."""
        level, step = self.levels[depth], 1 << depth
        x, y = np.meshgrid((columns + 0.5) * step - 0.5, (rows + 0.5) * step - 0.5)
        x, y = (np.floor((place + 0.5) / step) for place in moved(x.ravel(), y.ravel()))
        inside = (x >= 0) & (y >= 0) & (x < level.shape[1]) & (y < level.shape[0])
        i, j = x[inside].astype(np.intp), y[inside].astype(np.intp)
        piece = np.full(len(rows) * len(columns), np.nan, np.float32)
        piece[inside] = level[j, i]
        if depth == 0 and self.factors is not None:
            piece[inside] *= self.factors[j % 2, i % 2]
        return piece.reshape(len(rows), len(columns))

    def _encode(self, piece: np.ndarray, *, exactly: bool, holes: bool) -> tuple[np.ndarray, float, float, int]:
        low, high, power = self.low, self.high, 1
        if exactly and self.whole:
            high = low + CODES
        elif self.noise > 0:
            # The square root gives steps far below the noise at the sky and relative ones at bright stars.
            low, power = max(low, self.level - 30 * self.noise), 2
        span = max(high - low, np.finfo(np.float32).tiny * CODES)
        share = np.clip((piece - np.float32(low)) * np.float32(1 / span), 0, 1)
        if power == 2:
            np.sqrt(share, out=share)
        share *= np.float32(CODES)
        share += np.float32(0.5)
        if holes:
            share[np.isnan(share)] = NAN_CODE
        return share.astype(np.uint16), float(low), float(low + span), power


def _times(image: np.ndarray, factors: np.ndarray | None) -> np.ndarray:
    """Multiply each 2 x 2 cell, from the first pixel on, by factors; new pixels where there are any."""
    if factors is None:
        return image
    columns = image.shape[1]
    scaled = image * np.tile(factors[0], columns // 2 + 1)[:columns]
    scaled[1::2] = image[1::2] * np.tile(factors[1], columns // 2 + 1)[:columns]
    return scaled


def _is_whole(image: np.ndarray) -> bool:
    sample = image[:: max(1, image.shape[0] // 64)]
    sample = sample[np.isfinite(sample)]
    return bool(np.array_equal(sample, np.rint(sample)))


def _halve(image: np.ndarray, factors: np.ndarray | None = None) -> tuple[np.ndarray, float, float, bool]:
    """Means of 2 x 2 values, at an odd edge of the one or two that are there; and what one pass tells of the image.

    Returns
    -------
    ndarray of float32
        The means.
    low, high : float
        Ends of the values times their factors; NaN where there is none.
    has_nan : bool
        Whether a value is NaN.
    """
    ny, nx = image.shape
    half = np.empty(((ny + 1) // 2, (nx + 1) // 2), np.float32)

    def work(start: int, stop: int) -> list[tuple[float, float, bool]]:
        return [
            _halve_band(_times(image[row : min(row + _BAND_ROWS, stop)], factors), half[row // 2 :])
            for row in range(start, stop, _BAND_ROWS)
        ]

    lows, highs, holes = zip(*(facts for band in map_bands(work, ny) for facts in band), strict=True)
    return half, float(np.fmin.reduce(lows)), float(np.fmax.reduce(highs)), any(holes)


def _halve_band(band: np.ndarray, out: np.ndarray) -> tuple[float, float, bool]:
    """Write the means of some rows, and tell their lowest and highest value and whether one is NaN."""
    out = out[: (len(band) + 1) // 2]
    # NaN is lower and higher than everything here, so that a look for it costs nothing.
    low, high = float(np.minimum.reduce(band, axis=None)), float(np.maximum.reduce(band, axis=None))
    if not math.isnan(low):
        out[...] = _pairs(_pairs(band).T).T
        return low, high, False
    good = ~np.isnan(band)
    weight = _pairs(_pairs(good.astype(np.float32)).T).T
    total = _pairs(_pairs(np.where(good, band, np.float32(0))).T).T
    out[...] = np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0)
    return float(np.fmin.reduce(band, axis=None)), float(np.fmax.reduce(band, axis=None)), True


def _pairs(band: np.ndarray) -> np.ndarray:
    """Means of neighbouring rows; a last single row as it is."""
    paired = len(band) // 2 * 2
    means = (band[0:paired:2] + band[1:paired:2]) * np.float32(0.5)
    return np.concatenate([means, band[paired:]]) if paired < len(band) else means


class PyramidStore:
    """Pyramids by key, shared by all sessions, the longest unused dropped first.

    Parameters
    ----------
    limit : int
        Bytes to hold.
    """

    def __init__(self, limit: int = _STORE_BYTES) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Pyramid] = OrderedDict()

    def known(self, key: str) -> Pyramid | None:
        """The pyramid of a key where it is held; may be called from any thread."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
            return self._held.get(key)

    def get(
        self,
        key: str,
        image: np.ndarray,
        *,
        noise: float = 0.0,
        level: float = 0.0,
        factors: np.ndarray | None = None,
    ) -> Pyramid:
        """The pyramid of an image, made when the key is new; may be called from any thread.

        Parameters
        ----------
        key : str
            Names the pixels and their noise: equal keys mean equal pixels.
        image : ndarray, shape (ny, nx)
            The pixels.
        noise, level, factors
            As for Pyramid.
        """
        held = self.known(key)
        if held is not None:
            return held
        made = Pyramid(image, noise=noise, level=level, factors=factors)
        with self._lock:
            self._held[key] = made
            while len(self._held) > 1 and sum(pyramid.nbytes for pyramid in self._held.values()) > self.limit:
                self._held.popitem(last=False)
        return made


PYRAMIDS = PyramidStore()
