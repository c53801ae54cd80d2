"""The quadrant map pixel by pixel: the definition, and the notebooks' own way with each of its faults as an option.

A readable twin of ``pipeline.kernels.quadrants``: a minute for what takes that a millisecond.
"""

import numpy as np


def offset_at(x, y, stars_x, stars_y, offsets, *, first_star_dropped=False):
    """Offset at pixel (x, y): the nearest star in each open quadrant, weighted by inverse distance.

    Parameters
    ----------
    x, y : int
        The pixel.
    stars_x, stars_y : ndarray of float64, shape (n,)
        Positions in the order of the ids.
    offsets : ndarray of float64, shape (n,)
        What is to be spread over the frame.
    first_star_dropped : bool
        The notebooks' fault: a star's number is asked like a yes or no, so that the offset of star 0 is not added,
        while its weight is.
    """
    along, across = stars_x - x, stars_y - y
    distance = np.hypot(along, across)
    squared = along**2 + across**2
    if (squared == 0).any():
        return offsets[np.argmax(squared == 0)]
    total, weights = 0.0, 0.0
    for east in (False, True):
        for south in (False, True):
            inside = (along > 0 if east else along < 0) & (across > 0 if south else across < 0)
            if not inside.any():
                continue
            nearest = int(np.argmin(np.where(inside, squared, np.inf)))
            weight = 1 / distance[nearest]
            weights += weight
            if nearest or not first_star_dropped:
                total += weight * offsets[nearest]
    return total / weights if weights else offsets[np.argmin(squared)]


def offset_map(shape, stars_x, stars_y, offsets, *, step=1, first_star_dropped=False, zero_is_gap=False):
    """Offsets of every pixel.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    stars_x, stars_y, offsets, first_star_dropped
        As in :func:`offset_at`.
    step : int
        The notebooks compute every third pixel of every third row and fill the others with the mean of those within
        9 x 9 pixels.
    zero_is_gap : bool
        The notebooks take a value of exactly 0 for a pixel not computed: it does not count in a mean, and is filled.

    Returns
    -------
    ndarray of float64, shape (ny, nx)
    """
    values = np.zeros(shape)
    known = np.zeros(shape, bool)
    for y in range(0, shape[0], step):
        for x in range(0, shape[1], step):
            values[y, x] = offset_at(x, y, stars_x, stars_y, offsets, first_star_dropped=first_star_dropped)
            known[y, x] = True
    if zero_is_gap:
        known &= values != 0
    return _filled(values, known)


def _filled(values, known):
    """Pixels not known take the mean of the known ones within 9 x 9 pixels about them."""
    result = values.copy()
    for y, x in np.argwhere(~known):
        window = np.s_[max(y - 4, 0) : y + 5, max(x - 4, 0) : x + 5]
        near = known[window]
        result[y, x] = values[window][near].mean() if near.any() else 0.0
    return result
