"""What the background leaves of the sky: the mean of the pixels between the stars, once the stars are known.

The mode of a box is drawn down where stars' wings are too faint to be clipped, and that of photons' noise lies half an
electron below their mean; a median over boxes flattens a slope at the frame's edge (docs/method.md, Photometry). A
star's light is summed over dozens of pixels, where a twentieth of a pixel's noise counts. Between stars that are masked
the mean itself can be taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.frame import SIGMA_TO_FWHM, Normalized, readonly
from pipeline.kernels.noise import MAD_TO_SIGMA
from pipeline.photometry import Centroids

#: Side of the boxes where no background tells it, pixels; most boxes of a frame, and the blocks that a box must have.
BOX, MOST, LEAST = 100, 600, 20
#: A star is masked as far as a Moffat of its height and of this exponent is above this part of a pixel's noise.
BETA, FAINT = 2.5, 0.05
#: Blocks farther from their median are no sky, sigma: a star too faint to be found fills about one.
CLIP = 3.0
#: Boxes are halved at most so many times, to at most so many, and to a side of at least so many widths of a star.
FINER, FINEST, SMALLEST = 2, 5 * MOST, 8.0
#: The boxes' levels must be larger than their errors explain by so many sigma, or nothing is taken off.
SURE = 3.0


@dataclass(frozen=True, eq=False)
class Boxes:
    """Levels in equal boxes of a frame.

    Parameters
    ----------
    levels : ndarray of float64, shape (rows, columns)
        ADU.
    height, width : float
        Sides of a box, pixels.
    """

    levels: np.ndarray
    height: float
    width: float

    def at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The level at some places, ADU: linear between the boxes' middles and beyond the last ones."""
        x, y = (np.nan_to_num(np.asarray(values, np.float64)) for values in (x, y))
        # A pixel's centre lies half a pixel from its box's edge.
        row, down = _between((y + 0.5) / self.height - 0.5, self.levels.shape[0])
        column, across = _between((x + 0.5) / self.width - 0.5, self.levels.shape[1])
        next_row, next_column = (np.minimum(one + 1, size - 1) for one, size in
                                 zip((row, column), self.levels.shape, strict=True))  # fmt: skip
        above = self.levels[row, column] * (1 - across) + self.levels[row, next_column] * across
        below = self.levels[next_row, column] * (1 - across) + self.levels[next_row, next_column] * across
        return above * (1 - down) + below * down


@dataclass(frozen=True, eq=False)
class SkyLeft:
    """Levels of the sky between the stars: in boxes, and what these leave in smaller ones.

    Parameters
    ----------
    layers : tuple of Boxes
        They add up; none where nothing is left that is surer than chance.
    """

    layers: tuple[Boxes, ...] = ()

    def at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The level at some places, ADU."""
        return sum((layer.at(x, y) for layer in self.layers), np.zeros(np.shape(x)))


def _between(place: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The box before each place and how far the place is on the way to the next; beyond the ends at most half a box."""
    low = np.clip(np.floor(place).astype(np.int64), 0, max(size - 2, 0))
    return low, np.clip(place - low, -0.5, 1.5)


def sky_left(
    normalize: Normalized, centroids: Centroids, places: tuple[np.ndarray, np.ndarray], variance: np.ndarray
) -> SkyLeft:
    """Level of the sky between the stars of a frame whose background was taken off.

    Parameters
    ----------
    normalize : Normalized
        The frame without its background.
    centroids : Centroids
        Its stars, those left out of photometry among them.
    places : tuple of ndarray of float64
        x and y of stars that are known to be here, found or not, pixels.
    variance : ndarray of float64, shape (2, 2)
        Variance of a sky pixel by row and column parity at the stars' scale, ADU squared.

    Returns
    -------
    SkyLeft
        In boxes as large as those of the background, larger ones in a large frame; and as long as these leave more than
        chance does, in boxes of half their side, down to eight widths of a star.

    Notes
    -----
    The frame is looked at in blocks as wide as a star, of an even number of pixels, which hold each colour of a mosaic
    alike. Clipping is symmetric, so that it does not move the mean of noise, and takes out stars that were too faint to
    be found. A box with too little between its stars has the mean of the others.
    """
    image, fwhm = normalize.image, SIGMA_TO_FWHM * centroids.fitted_width
    size = 2 * max(1, int(fwhm / 2 + 0.5))
    blocks = _blocks(image, size)
    if not blocks.size:
        return SkyLeft()
    noise = float(np.sqrt(variance.mean()))
    x, y = (np.concatenate([centroids[f"peak_{axis}"], values]) for axis, values in zip("xy", places, strict=True))
    inside = (x > -0.5) & (y > -0.5) & (x < image.shape[1] - 0.5) & (y < image.shape[0] - 0.5)
    x, y = x[inside], y[inside]
    heights = np.nan_to_num(image[np.rint(y).astype(int), np.rint(x).astype(int)], nan=0.0).astype(np.float64)
    middles = np.meshgrid(*(size * (np.arange(count) + 0.5) - 0.5 for count in blocks.shape[::-1]), sparse=True)
    side = BOX if normalize.background is None else normalize.background.box_size
    side, layers = max(side, np.sqrt(image.size / MOST)), []
    for finer in range(1 + FINER):
        boxes = tuple(max(1, round(extent * 2**finer / side)) for extent in image.shape)
        if finer and (side / 2**finer < SMALLEST * fwhm or np.prod(boxes) > FINEST):
            break
        free = np.isfinite(blocks) & ~_starlit((x, y), heights, fwhm, noise, size, blocks.shape)
        layer = _layer(blocks, free, boxes, noise / size, size, whole=not finer)
        if layer is None:
            break
        layers.append(layer)
        blocks, heights = blocks - layer.at(*middles), heights - layer.at(x, y)
    return SkyLeft(tuple(layers))


def _layer(
    blocks: np.ndarray, free: np.ndarray, boxes: tuple[int, ...], noise: float, size: int, *, whole: bool
) -> Boxes | None:
    """What is left in boxes of one size, None where that is no more than chance; ``whole`` where it has a mean."""
    levels, errors = _levels(blocks, free, boxes, noise)
    good = np.isfinite(levels)
    count = int(good.sum())
    if not count or np.mean((levels[good] / errors[good]) ** 2) < 1 + SURE * np.sqrt(2 / count):
        return None
    mean = np.average(levels[good], weights=errors[good] ** -2) if whole else 0.0
    height, width = (size * extent / number for extent, number in zip(blocks.shape, boxes, strict=True))
    return Boxes(readonly(np.where(good, levels, mean)), height, width)


def _blocks(image: np.ndarray, size: int) -> np.ndarray:
    """Means of blocks of pixels; NaN where a pixel has no value."""
    ny, nx = (extent // size for extent in image.shape)
    rows = image[: ny * size, : nx * size].reshape(ny, size, -1).sum(axis=1)
    return rows.reshape(ny, nx, size).sum(axis=2) / np.float32(size**2)


def _levels(
    blocks: np.ndarray, free: np.ndarray, boxes: tuple[int, ...], noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each box's free blocks near their median, and its error; NaN where they are too few."""
    levels, errors = np.full(boxes, np.nan), np.full(boxes, np.nan)
    rows, columns = (
        np.linspace(0, extent, number + 1).round().astype(int)
        for extent, number in zip(blocks.shape, boxes, strict=True)
    )
    for row in range(boxes[0]):
        for column in range(boxes[1]):
            part = slice(rows[row], rows[row + 1]), slice(columns[column], columns[column + 1])
            values = blocks[part][free[part]]
            if values.size < LEAST:
                continue
            middle = np.median(values)
            reach = CLIP * MAD_TO_SIGMA * np.median(np.abs(values - middle))
            kept = values[np.abs(values - middle) <= reach] if reach > 0 else values
            levels[row, column] = np.mean(kept, dtype=np.float64)
            # Stars too faint to be found make blocks differ by more than a pixel's noise explains.
            errors[row, column] = max(noise, reach / CLIP, 1e-9) / np.sqrt(kept.size)
    return levels, errors


def _starlit(
    places: tuple[np.ndarray, np.ndarray],
    heights: np.ndarray,
    fwhm: float,
    noise: float,
    size: int,
    shape: tuple[int, int],
) -> np.ndarray:
    """Blocks in which the light of known stars of some heights may be more than a part of a pixel's noise."""
    lit = np.zeros(shape, bool)
    scale = fwhm / (2 * np.sqrt(2 ** (1 / BETA) - 1))
    ratio = np.maximum(heights / max(FAINT * noise, 1e-9), 1.0)
    reach = np.maximum(scale * np.sqrt(ratio ** (1 / BETA) - 1), 1.5 * fwhm) / size + 0.5
    # A block's middle lies half a block from its first pixel's edge.
    for at_x, at_y, radius in zip(*((values + 0.5) / size - 0.5 for values in places), reach, strict=True):
        left, right = max(0, int(at_x - radius)), min(shape[1], int(at_x + radius) + 2)
        top, bottom = max(0, int(at_y - radius)), min(shape[0], int(at_y + radius) + 2)
        down, across = np.ogrid[top:bottom, left:right]
        lit[top:bottom, left:right] |= (across - at_x) ** 2 + (down - at_y) ** 2 <= radius**2
    return lit
