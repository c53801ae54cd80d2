"""Source Extractor's own background, by sep (Bertin and Arnouts 1996, A&AS 117, 393), which holds the lock."""

from __future__ import annotations

import numpy as np


def plane_backgrounds(
    arrays: list[np.ndarray], *, box_size: int, step: int, filter_size: int, shape: list[int]
) -> list[np.ndarray]:
    """Level and noise of planes at the centres of the frame's boxes.

    Parameters
    ----------
    arrays : list of ndarray
        For each plane its pixels, float32, and then its mask of bad ones.
    box_size : int
        Side of a box, pixels of the frame.
    step : int
        Pixels of the frame from one of the plane to the next.
    filter_size : int
        Boxes across the median filter over the mesh.
    shape : list of int
        Rows and columns of the frame.

    Returns
    -------
    list of ndarray of float64
        For each plane level and noise in each box, ADU.
    """
    import sep

    side, found = max(1, round(box_size / step)), []
    for plane, mask in zip(arrays[::2], arrays[1::2], strict=True):
        filled = np.where(mask, np.float32(0), plane)
        result = sep.Background(filled, mask=mask, bw=side, bh=side, fw=filter_size, fh=filter_size)
        rows, columns = (
            np.minimum(((np.arange(-(-full // box_size)) + 0.5) * box_size / step).astype(int), size - 1)
            for full, size in zip(shape, plane.shape, strict=True)
        )
        found += [result.back()[np.ix_(rows, columns)], result.rms()[np.ix_(rows, columns)]]
    return found
