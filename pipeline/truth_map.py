"""Offset maps against the truth: what was found, less the true field, at every place of a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.sample.sky import Truth
from pipeline.tables import OffsetMap

#: Values along a row of the frame.
CELLS = 120


@dataclass(frozen=True, eq=False)
class MapComparison:
    """One frame's offset maps against the true field, on a grid.

    Parameters
    ----------
    x, y : ndarray of float32, shape (rows, columns)
        Found minus true, pixels.
    step : int
        Pixels from one value to the next.
    x_rms, y_rms : float
        Of all values, pixels.
    x_pull, y_pull : float
        Rms of the values over the errors that the map claims; 1 is honest. NaN where it claims none.
    """

    x: np.ndarray
    y: np.ndarray
    step: int
    x_rms: float
    y_rms: float
    x_pull: float
    y_pull: float


def compare_map(truth: Truth, index: int, maps: OffsetMap, reference: int = 0) -> MapComparison:
    """Errors of a frame's offset maps.

    Parameters
    ----------
    truth : Truth
        The sky.
    index, reference : int
        Numbers of the frame and of the reference in it.
    maps : OffsetMap
        What was found.

    Returns
    -------
    MapComparison
        About 120 values along a row.
    """
    ny, nx = maps.x.shape
    step = max(1, nx // CELLS)
    cut = np.s_[step // 2 :: step, step // 2 :: step]
    y, x = np.ogrid[step // 2 : ny : step, step // 2 : nx : step]
    true_x, true_y = truth.offset_field(index, x, y, reference)
    off = [maps.x[cut] - true_x, maps.y[cut] - true_y]
    claimed = [maps.x_error[cut], maps.y_error[cut]]
    return MapComparison(*(one.astype(np.float32) for one in off), step, *map(_rms, off), *map(_pull, off, claimed))


def _pull(off: np.ndarray, claimed: np.ndarray) -> float:
    return _rms(off[claimed > 0] / claimed[claimed > 0])


def _rms(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(np.sqrt(np.mean(np.square(values)))) if len(values) else np.nan
