"""The median of many values, soon."""

from __future__ import annotations

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
