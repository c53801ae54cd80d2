"""Source Extractor's own background and objects, by sep (Bertin and Arnouts 1996, A&AS 117, 393), which holds the
interpreter's lock.
"""

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


def objects(arrays: list[np.ndarray], *, threshold: float, noise: float, min_area: int) -> list[np.ndarray]:
    """Pixels that hang together above a threshold of the smoothed image.

    Parameters
    ----------
    arrays : list of ndarray
        The image without sky, float32, its mask of bad pixels, and the kernel that it is smoothed with.
    threshold : float
        Sigma of the image's pixels.
    noise : float
        That sigma, ADU.
    min_area : int
        Least number of pixels.

    Returns
    -------
    list of ndarray
        Column and row of each object's peak, its centre x and y (pixels), and its number of pixels.
    """
    import sep

    image, bad, kernel = arrays
    sep.set_extract_pixstack(max(300_000, image.size // 4))
    sep.set_sub_object_limit(8192)
    mask = bad if bad.any() else None
    found = sep.extract(image, threshold, err=noise, mask=mask, minarea=min_area, filter_kernel=kernel)
    return [np.ascontiguousarray(found[name]) for name in ("xpeak", "ypeak", "x", "y", "npix")]
