"""The level of the electronics while a frame was read out, from the strip of pixels that saw no light."""

from __future__ import annotations

import numpy as np

#: Degree of the polynomial along y.
ORDER = 3
#: Columns of the strip next to the image that are left out, for charge that lagged behind fills them; a strip narrower
#: than this is used whole.
LAG, ENOUGH_COLUMNS = 2, 8
#: Outliers are beyond so many sigma; they are looked for so many times.
CLIP, ROUNDS = 4.0, 5


def bias_levels(
    pixels: np.ndarray, strip: tuple[slice, slice] | None, mask: np.ndarray | None = None
) -> np.ndarray | None:
    """Level of each row, smooth along y.

    Parameters
    ----------
    pixels : ndarray, shape (ny, nx)
        As stored.
    strip : tuple of slice, or None
        Rows and columns of the overscan.
    mask : ndarray of bool, shape (ny, nx), or None
        The strip must be masked, for what is not is image.

    Returns
    -------
    ndarray of float64, shape (ny,), or None
        A cubic in y through the clipped means of the rows' overscan (outliers beyond 4 sigma left out, five rounds).
        None where the strip holds light or no value: where its level lies above the image's median by more than its own
        scatter allows.

    Notes
    -----
    A fit and not each row's own mean, for a mean of 32 pixels would add its own noise to every row of the image
    (Massey 1997, A User's Guide to CCD Reductions with IRAF, 3.2).
    """
    if strip is None:
        return None
    rows, columns = strip
    width = columns.stop - columns.start
    skipped = LAG if width >= ENOUGH_COLUMNS else 0
    # The side that the image lies on, which is where charge lags.
    inner = slice(columns.start + skipped, columns.stop) if columns.start else slice(0, columns.stop - skipped)
    values = pixels[rows, inner].astype(np.float64)
    means, scatter = _clipped_means(values)
    known = np.isfinite(means)
    if np.count_nonzero(known) <= ORDER + 1:
        return None
    y = np.arange(pixels.shape[0])
    fitted = _fit(y[rows][known], means[known])
    level = fitted(y)
    step = max(1, min(pixels.shape) // 256)
    sample = pixels[::step, ::step]
    sample = sample[~mask[::step, ::step]] if mask is not None else sample.ravel()
    image = float(np.nanmedian(sample)) if sample.size else np.nan
    return level if not np.median(level) > image + 5 * scatter else None


def _clipped_means(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Mean of each row without its outliers, and the usual standard deviation in a row."""
    finite = np.where(np.isfinite(values), values, np.nan)
    with np.errstate(invalid="ignore"):
        middle = np.full(len(finite), np.nan)
        some = np.isfinite(finite).any(axis=1)
        middle[some] = np.nanmedian(finite[some], axis=1)
        away = np.abs(finite - middle[:, None])
        scatter = 1.4826 * float(np.nanmedian(away)) if some.any() else np.nan
        # Whole numbers that hardly vary have a median deviation of 0.
        scatter = max(scatter, 0.5)
        kept = np.where(away <= CLIP * scatter, finite, np.nan)
        sums, counts = np.nansum(kept, axis=1), np.isfinite(kept).sum(axis=1)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan), scatter


def _fit(y: np.ndarray, means: np.ndarray) -> np.polynomial.Polynomial:
    """Cubic through the rows' means, outliers left out."""
    kept = np.ones(y.size, bool)
    for _ in range(ROUNDS):
        curve = np.polynomial.Polynomial.fit(y[kept], means[kept], ORDER, domain=[0, max(float(y[-1]), 1.0)])
        away = np.abs(means - curve(y))
        limit = CLIP * max(1.4826 * float(np.median(away[kept])), 1e-3)
        within = away <= limit
        if np.array_equal(within, kept) or np.count_nonzero(within) <= ORDER + 1:
            break
        kept = within
    return curve
