"""Pixels of one picture that stand above their neighbours, and what is usual for its pixels."""

from __future__ import annotations

import numpy as np


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
    rise, level, noise = usual_heights(image, step)
    candidates = rising_pixels(image, rise + sigma * noise, step)
    excess, scatter = local_excess(image, candidates, step)
    parity = (candidates // nx) & 1, (candidates % nx) & 1
    high = excess - level[parity] > sigma * noise[parity]
    even = excess - level[parity] > 4.0 * scatter
    return candidates[high], excess[high], even[high]


def usual_heights(pixels: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
