"""Noise of an image from its own pixels, whatever stars, gradients or nebulae lie in it."""

from __future__ import annotations

import numpy as np

from pipeline.kernels.median import median

MAD_TO_SIGMA = 1.482602218505602
SAMPLES = 50_000
#: Pixels that are looked at for the noise which neighbours share.
MOMENTS = 1_500_000
#: Side of the cells in which the noise is told, pixels, and pixels that are looked at in each; of their differences
#: this part counts, which leaves the stars out; noise that nowhere exceeds the usual by more is even.
CELL, IN_CELL, BULK, EVEN = 64, 512, 0.8, 1.25


def spread(values: np.ndarray) -> float:
    """Standard deviation of the Gaussian bulk of some values: median absolute deviation, clipped at 3 sigma.

    Parameters
    ----------
    values : ndarray
        Values of any shape; those that are not finite do not count.

    Returns
    -------
    float
        0 where there are no two different values.
    """
    values = values[np.isfinite(values)].astype(np.float64)
    sigma = 0.0
    for _ in range(5):
        if values.size < 2:
            break
        away = np.abs(values - median(values))
        # Coarsely quantised values may have a median deviation of zero.
        sigma = median(away) * MAD_TO_SIGMA or float(np.mean(away))
        near = away <= 3 * sigma
        if near.all():
            break
        values = values[near]
    return sigma


def sampled_spread(values: np.ndarray, image: np.ndarray | None = None) -> float:
    """:func:`spread` of every so many rows and columns, all colours of a mosaic alike.

    Parameters
    ----------
    values : ndarray, shape (ny, nx)
        Pixels.
    image : ndarray of the same shape, optional
        Where it is not finite, the values do not count.
    """
    step = max(1, int(np.sqrt(values.size / SAMPLES))) | 1
    some = values[::step, ::step]
    return spread(some if image is None else some[np.isfinite(image[::step, ::step])])


def pixel_variance(image: np.ndarray, pattern: str) -> np.ndarray:
    """Variance of a sky pixel by row and column parity, from differences of pixels two columns apart.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Pixels; bad ones are not finite.
    pattern : str
        Colours of the first 2 x 2 pixels, or "none".

    Returns
    -------
    ndarray of float64, shape (2, 2)
        ADU squared. Differences leave out what is smooth: sky, nebulae, haloes.
    """
    result = np.empty((2, 2))
    for row in (0, 1):
        for column in (0, 1):
            plane = image[row::2, column::2]
            step = max(1, plane.size // SAMPLES)
            rows = plane[::step]
            result[row, column] = spread(rows[:, 1:] - rows[:, :-1]) ** 2 / 2
    if pattern == "none":
        result[:] = np.median(result)
    return result


def shared_noise(image: np.ndarray, variance: np.ndarray, sigma: float) -> float:
    """How much more the sky moves a star's centre than pixels of independent noise would.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        The image without sky; bad pixels are not finite.
    variance : ndarray of float64, shape (2, 2)
        Variance of a sky pixel by row and column parity.
    sigma : float
        Of the Gaussian window in which a centre is measured, pixels.

    Returns
    -------
    float
        Scatter of the window's first moments over what ``variance`` gives: 1 for independent noise, more where
        neighbours share it (resampled or stacked images) or rounding hides it from single pixels. 1 where that lies
        within four times the error with which it can be told.
    """
    reach = int(np.ceil(3 * sigma))
    away = np.arange(-reach, reach + 1)
    window = np.exp(-(away**2) / (2 * sigma**2))
    least = max(1, int(np.sqrt(image.size * away.size**2 / MOMENTS))) | 1
    row, column = (np.arange(reach, size - reach, least) for size in image.shape)
    if row.size * column.size < 100 or not variance.min() > 0:
        return 1.0
    patches = np.lib.stride_tricks.sliding_window_view(image, (away.size, away.size))[::least, ::least]
    patches = patches.astype(np.float64)
    along = patches @ window
    light = along @ window
    moments = np.stack([patches @ (window * away) @ window, along @ (window * away)])
    square = (window * away) ** 2
    expected = np.empty((2, 2, 2))
    for i in (0, 1):
        for j in (0, 1):
            around = variance[(i + away[:, None]) & 1, (j + away) & 1]
            expected[:, i, j] = window**2 @ around @ square, square @ around @ window**2
    pull = moments / np.sqrt(expected[:, (row & 1)[:, None], (column & 1)[None, :]])
    # Stars are in the lighter half; a window's moments do not depend on its light where there is only noise.
    pull = pull[:, light <= np.nanmedian(light)] if np.isfinite(light).any() else pull
    found = spread(pull)
    error = 0.83 * found / np.sqrt(max(np.isfinite(pull).sum(), 1))
    return found if abs(found - 1) > 4 * error and found > 0 else 1.0


def uneven_noise(image: np.ndarray) -> np.ndarray | None:
    """Noise in square cells of the frame over that of the usual cell where it is more: the moon or the amplifier glows.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Pixels; bad ones are not finite.

    Returns
    -------
    ndarray of float64, shape (ny // CELL, nx // CELL), or None
        At least 1, the median over nine cells; the last cells also stand for what is left at the edges. None where
        the noise is even, or the frame too small to tell. Differences of pixels two columns apart leave out what is
        smooth.
    """
    from scipy.ndimage import median_filter

    rows, columns = (size // CELL for size in image.shape)
    if min(rows, columns) < 3:
        return None
    step = max(1, CELL * CELL // IN_CELL)
    lines = image[: rows * CELL : step, : columns * CELL].reshape(rows, -1, columns, CELL).swapaxes(1, 2)
    away = np.empty((*lines.shape[:-1], CELL - 2), np.float32)
    np.abs(np.subtract(lines[..., 2:], lines[..., :-2], out=away), out=away)
    away = away.reshape(rows, columns, -1)
    bulk = round(BULK * away.shape[-1])
    away.partition(bulk, axis=-1)
    noise = away[..., :bulk].mean(axis=-1, dtype=np.float64)
    known = np.isfinite(noise) & (noise > 0)
    if not known.any():
        return None
    noise = median_filter(np.where(known, noise / np.median(noise[known]), 1.0), 3, mode="nearest")
    return np.maximum(noise, 1.0) if np.percentile(noise, 98) > EVEN else None


def at_pixels(cells: np.ndarray | None, index: np.ndarray, nx: int) -> np.ndarray:
    """Value of :func:`uneven_noise`'s cells at some pixels, given by their flat indices; 1 where the noise is even."""
    if cells is None:
        return np.ones(index.size)
    row, column = np.minimum(index // nx // CELL, len(cells) - 1), index % nx // CELL
    return cells[row, np.minimum(column, cells.shape[1] - 1)]
