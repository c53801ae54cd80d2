"""Which model of how one frame lies on another its stars bear out."""

from __future__ import annotations

import numpy as np

from pipeline.kernels.polynomial import Fit, basis, count, fit_transform

_HIGHEST_AUTOMATIC_ORDER = 3


def best_model(
    here: np.ndarray,
    there: np.ndarray,
    error: np.ndarray,
    start: np.ndarray,
    shape: tuple[int, int],
    model: str = "auto",
    order: int | None = None,
) -> tuple[str, int]:
    """The model that predicts stars best that were left out of its fit.

    From a shift over similarity and affine to polynomials of order 2 and 3, a richer model is taken where its
    leave-one-out residuals are smaller than the simpler one's by more than three standard errors of that difference
    (the rule of one standard error, Hastie, Tibshirani and Friedman 2009, 7.10, made stricter), and where four stars
    stand behind each of its terms.

    Parameters
    ----------
    here, there, error, start, shape
        As in :func:`pipeline.kernels.polynomial.fit_transform`.
    model : str
        "auto", or the only one wanted; a simpler one is taken only where the stars are fewer than its parameters.
    order : int or None
        Of the distortion: None chooses, 0 and 1 mean none.

    Returns
    -------
    str, int
        Model and order, as :func:`pipeline.kernels.polynomial.fit_transform` takes them.
    """
    if model != "auto":
        wanted = [(model, max(order or 1, 1)), (model, 1), ("shift", 1)]
        return next(rung for rung in wanted if rung == wanted[-1] or len(here) >= len(basis(*rung)))
    rungs = [rung for rung in _rungs(order) if len(here) >= _stars_needed(*rung)] or [("shift", 1)]
    chosen, best, misses, usual = rungs[0], None, 0, float(np.median(error))
    for rung in rungs:
        result = fit_transform(here, there, error, start, shape, model=rung[0], order=rung[1], passes=4)
        if best is None or _better(result, best, error):
            chosen, best, misses = rung, result, 0
        else:
            misses += 1
        # A field that is bent, not turned, shows it at order 2 alone: go on while the errors leave some of it open.
        if misses == 2 and best.scatter < usual:
            break
    return chosen


def _rungs(order: int | None) -> list[tuple[str, int]]:
    """Models to choose from, the simplest first."""
    if order is None:
        higher = [("affine", degree) for degree in range(2, _HIGHEST_AUTOMATIC_ORDER + 1)]
        return [("shift", 1), ("similarity", 1), ("affine", 1), *higher]
    if order >= 2:
        return [("shift", 1), ("similarity", 1), ("affine", order)]
    return [("shift", 1), ("similarity", 1), ("affine", 1)]


def _stars_needed(model: str, order: int) -> int:
    if order >= 2:
        return 4 * count(order)
    return {"shift": 1, "similarity": 4, "affine": 8}[model]


def _better(rich: Fit, simple: Fit, error: np.ndarray) -> bool:
    """Whether the richer model predicts left-out points better, beyond doubt."""
    variance = error**2 + rich.scatter**2 + 1e-8
    # A blend must not choose the model: no point counts for more than five sigma.
    of_simple = np.minimum((simple.left_out**2).sum(axis=1) / variance, 50.0)
    of_rich = np.minimum((rich.left_out**2).sum(axis=1) / variance, 50.0)
    gain = of_simple - of_rich
    return float(gain.mean()) > 3 * float(gain.std()) / np.sqrt(len(gain))
