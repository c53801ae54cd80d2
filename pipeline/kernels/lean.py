"""What a change of the stars' shape does to their offsets, told by two ways of finding their centres.

A star that is skewed, as by coma, has no one centre. In the expansion of a profile about a Gaussian of variance s^2 the
first skew term puts the windowed centre (window of variance (1 + b) s^2) off the centre of all light by 2 / b times
what it lies off the fitted Gaussian's; b is 0.5 to 1 for the bright stars that a map is made of. The change of that
between two frames is in no star's scatter, for neighbours share it.
"""

from __future__ import annotations

import numpy as np

from pipeline.kernels.field import NORMAL_MEDIAN, inverse_gram, least_squares
from pipeline.kernels.polynomial import count, terms
from pipeline.kernels.surface import squared_form

#: The windowed centre's distance from that of all light over its distance from the fitted Gaussian's.
SKEW = 3.0
#: A shape changes over the field no faster than this order; so many values a term tell it, and so many standard
#: deviations of noise alone are no change.
ORDER, FOR_A_TERM, BEYOND_CHANCE = 2, 8, 3.0


def moved_by_shape(u: np.ndarray, v: np.ndarray, lean: np.ndarray, variance: np.ndarray, order: int) -> np.ndarray:
    """Variance of a map by what the change of the stars' shape may have moved them, as a polynomial.

    Parameters
    ----------
    u, v : ndarray of float64, shape (n,)
        Normalized positions.
    lean, variance : ndarray of float64, shape (n,)
        Fitted Gaussian less windowed centre, here less in the reference, pixels, and the variances of the offsets.
    order : int
        Of the map; the change is sought up to this order.

    Returns
    -------
    ndarray of float64, shape (terms,)
        Of twice the order; zero where the shape has not changed beyond noise.
    """
    lower = min(order, ORDER)
    while lower > 0 and len(u) < FOR_A_TERM * count(lower):
        lower -= 1
    parts = count(lower)
    zero = np.zeros(count(2 * lower))
    known = np.isfinite(lean)
    if known.sum() < FOR_A_TERM * parts:
        return zero
    design = terms(u[known], v[known], lower)
    lean, variance = lean[known], variance[known]
    # What lies far off is another star's light.
    far = np.abs(lean - np.median(lean)) / np.sqrt(variance)
    near = far <= 5 * np.median(far) / NORMAL_MEDIAN**0.5
    told = near.sum() >= FOR_A_TERM * parts
    if not told or inverse_gram(design[near] / np.sqrt(variance[near])[:, None]) is None:
        return zero
    fit = least_squares(design[near], lean[near], variance[near])
    # How the lean's noise goes with that of the offsets is not known: left-out residuals tell it (MacKinnon and White
    # 1985, J. Econometrics 29, 305).
    pulled = design[near] * (fit.left_out / variance[near])[:, None]
    spread = fit.covariance @ np.einsum("np,nq->pq", pulled, pulled) @ fit.covariance
    seen = float(np.mean((design[near] @ fit.coefficients) ** 2))
    noise = float(np.mean(((design[near] @ spread) * design[near]).sum(axis=1)))
    if seen <= noise * (1 + BEYOND_CHANCE * np.sqrt(2 / parts)):
        return zero
    return SKEW**2 * (1 - noise / seen) * squared_form(np.outer(fit.coefficients, fit.coefficients))
