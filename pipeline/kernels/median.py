"""The median of many values, soon, and how sure it is."""

from __future__ import annotations

import math

import numpy as np


def median(values: np.ndarray) -> float:
    """The median of at least one value, none of them NaN.

    numpy's own looks for NaN, and parts the values at two places where their number is even: that is up to ten times
    as slow as one place and the highest value below it, which is the same number.

    Parameters
    ----------
    values : ndarray, shape (n,)
        The values.
    """
    half = len(values) // 2
    parted = np.partition(values, half)
    return float(parted[half] if len(values) % 2 else (parted[:half].max() + parted[half]) / 2)


def median_variance(count: int) -> float:
    """Variance of the median of some Gaussian values over that of one of them.

    pi / 2 n for many (Kenney and Keeping 1962, Mathematics of Statistics 1, 14.9); of few it is less, and of an even
    number, whose median is the mean of two, less again. The constants fit the exact values (Rider 1960, Journal of the
    American Statistical Association 55, 148) of three and more to 1 %.

    Parameters
    ----------
    count : int
        Values, at least one; two have their mean for a median.
    """
    return math.pi / (2 * count + (1.0 if count % 2 else 2.6)) if count > 2 else 1 / count
