"""Checks of what a reader puts into the empty cells of the lessons."""

from __future__ import annotations

import numpy as np


def check(found: object, expected: object, tolerance: float, unit: str = "") -> None:
    """Say whether a reader's number, or picture, is right.

    Parameters
    ----------
    found : float, array or None
        The reader's; None as long as the cell is empty.
    expected : float or array
        Ours. NaN must stand where NaN stands here.
    tolerance : float
        Largest difference that is right.
    unit : str
        Of both.
    """
    if found is None:
        print("The cell above is still empty: put your result in place of None.")
        return
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    if found.shape != expected.shape:
        print(f"Not yet: the shape is {found.shape}, it should be {expected.shape}.")
        return
    if (np.isnan(found) != np.isnan(expected)).any():
        print("Not yet: values are missing, or stand where there are none.")
        return
    away = float(np.nanmax(np.abs(found - expected)))
    words = f"{away:.2g} {unit}".strip()
    print(f"Right, within {words}." if away <= tolerance else f"Not yet: off by {words}.")
