"""From the stars' offsets to the offset of every pixel, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from pipeline.frame import FrameError, not_used, readonly
from pipeline.knob import Knob
from pipeline.stage import stage
from pipeline.tables import OffsetMap, Tracks

FEW_STARS = 10
ENOUGH_STARS = 20
LEAST_ERROR = 1e-4 / 2**0.5


@stage(version=3)
def offset_map(
    tracks: Tracks,
    index: int,
    *,
    method: Annotated[
        Literal["polynomial", "quadrants", "smooth"],
        Knob("how the space between the stars is filled: one smooth surface, four nearest stars, or a thin plate"),
    ] = "polynomial",
    order: Annotated[
        int, Knob("highest power in the polynomial; lower by itself when stars are few", low=1, high=5, step=1)
    ] = 3,
    clip: Annotated[
        float,
        Knob("a star farther off the surface than this is left out; quadrants keep all", "sigma", 2, 20, 0.5),
    ] = 4.0,
    stars: Annotated[
        Literal["complete", "all"], Knob("stars that are in every frame used, or all that this frame has")
    ] = "complete",
) -> OffsetMap:
    """Give every pixel of a frame its offset against the reference, with an error.

    ``polynomial`` fits one polynomial of the position to all offsets, weighted by their errors, and clips what lies
    off. ``quadrants`` takes the nearest star in each of the four open quadrants about a pixel (a star on the pixel's
    own row or column is in none), weights them by inverse distance and leaves empty quadrants out; a pixel exactly on
    a star has that star's offset; where all four are empty the nearest star counts. ``smooth`` is a thin plate spline
    as stiff as the stars' own leave-one-out residuals ask for.

    Parameters
    ----------
    tracks : Tracks
        Positions of the stars through the frames.
    index : int
        Number of the frame in the sequence.
    method, order, clip, stars
        The knobs.

    Returns
    -------
    OffsetMap
        At pixel (x, y) of this frame: x here minus x in the reference, and the same for y.

    Raises
    ------
    FrameError
        Where the frame is not used or none of its stars was measured.

    Notes
    -----
    The errors are derived in ``docs/method.md``, Offset maps. Thin plate: Wahba 1990, *Spline Models for Observational
    Data*, chapter 1.
    """
    chosen, warnings = _choose(tracks, index, stars)
    if index == tracks.reference:
        return _unmoved(chosen, tracks.shape, method, warnings)
    from pipeline.kernels import field
    from pipeline.kernels.thin_plate import thin_plate

    if method == "quadrants":
        made = field.quadrants(chosen.position, chosen.offset, chosen.variance, tracks.shape)
    elif method == "smooth":
        made = thin_plate(chosen.position, chosen.offset, chosen.variance, chosen.good, tracks.shape, clip)
    else:
        made = field.polynomial(
            chosen.position, chosen.offset, chosen.variance, chosen.good, tracks.shape, order, clip, chosen.lean
        )
    return OffsetMap(
        *(readonly(image) for image in made.images),
        stars=readonly(chosen.ids[made.kept]),
        clipped=readonly(chosen.ids[~made.kept]),
        residual_x=readonly(made.left_out[0].copy()),
        residual_y=readonly(made.left_out[1].copy()),
        method=method,
        order=made.order,
        warnings=warnings + made.warnings,
    )


@dataclass(frozen=True, eq=False)
class _Stars:
    """Stars of one frame that may make a map; arrays of shape (n,) or (2, n) for x and y."""

    ids: np.ndarray
    position: np.ndarray
    offset: np.ndarray
    variance: np.ndarray
    good: np.ndarray
    lean: np.ndarray | None


def _choose(tracks: Tracks, index: int, stars: str) -> tuple[_Stars, tuple[str, ...]]:
    """Stars of the frame that the map is to be made from, and what a user should know about the choice."""
    measured = tracks.measured[index] & tracks.measured[tracks.reference]
    if not tracks.used[index]:
        raise not_used("", tracks.reason[index])
    if not measured.any():
        raise FrameError("", "none of its stars was followed (0)", "leave it out, or widen tracks.proximity")
    warnings: tuple[str, ...] = ()
    taken = measured
    if stars == "complete":
        complete = measured & tracks.complete
        if complete.sum() >= FEW_STARS:
            taken = complete
        else:
            warnings = (
                f"{complete.sum()} stars are in every frame used, fewer than {FEW_STARS}: "
                f"all {measured.sum()} of this frame make the map",
            )
    ids = np.flatnonzero(taken)
    here, there = index, tracks.reference
    flagged = (tracks.saturated | tracks.blended)[[here, there]][:, ids].any(axis=0)
    good = ~flagged
    if good.sum() < max(ENOUGH_STARS, len(ids) // 2):
        good = np.ones(len(ids), bool)
    errors = np.stack([tracks.x_error, tracks.y_error])[:, [here, there]][..., ids]
    variance = (_known(errors) ** 2).sum(axis=1)
    position = np.stack([tracks.x[here, ids], tracks.y[here, ids]])
    offset = position - np.stack([tracks.x[there, ids], tracks.y[there, ids]])
    lean = None if tracks.lean is None else tracks.lean[:, here, ids] - tracks.lean[:, there, ids]
    return _Stars(ids, position, offset, variance, good, lean), warnings


def _known(errors: np.ndarray) -> np.ndarray:
    """Errors of x and y, here and there; an unknown one is as large as the median of the known."""
    finite = np.isfinite(errors)
    usual = np.median(errors[finite]) if finite.any() else 0.0
    return np.maximum(np.where(finite, errors, usual), LEAST_ERROR)


def _unmoved(chosen: _Stars, shape: tuple[int, int], method: str, warnings: tuple[str, ...]) -> OffsetMap:
    """The reference against itself: zero everywhere, without error."""
    zeros = [readonly(np.zeros(shape, np.float32)) for _ in range(4)]
    none = np.zeros(len(chosen.ids))
    return OffsetMap(
        *zeros,
        stars=readonly(chosen.ids),
        clipped=readonly(np.zeros(0, np.int64)),
        residual_x=readonly(none),
        residual_y=readonly(none.copy()),
        method=method,
        warnings=warnings,
    )
