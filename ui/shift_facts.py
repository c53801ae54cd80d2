"""Shifts as their tab shows them: sentences, rows, cut-outs. Plain functions, no widgets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from pipeline.alignment import FLAG, Shifts
from pipeline.cutouts import Cutouts, piece
from pipeline.frame import Sequence
from pipeline.read import stem
from pipeline.tables import Tracks
from ui.file_frame import without_name

METHODS = {
    "tracks": "From all stars that were followed.",
    "box": "From the star in the box.",
    "pattern": "From the pattern of the brightest stars.",
}
ImageOf = Callable[[int], np.ndarray | None]


def remains(shifts: Shifts) -> np.ndarray:
    """The larger of what remains in x and in y, with its sign away, shape (frames,), pixels."""
    left = np.abs(np.stack([shifts.x_left, shifts.y_left]))
    return np.fmax(*left)


_ALONE = "This is one frame alone: there is nothing to lay it on."


def verdict(shifts: Shifts) -> tuple[str, bool]:
    """Whether the frames lie on the reference, in words, and whether all do."""
    used, flagged = int(shifts.used.sum()), np.flatnonzero(shifts.flagged)
    if not used:
        return "No frame has a shift.", False
    if used == 1:
        several = len(shifts.used) > 1
        words = "Only the reference is used: no other frame could be laid on it." if several else _ALONE
        return words, not several
    if not flagged.size:
        return f"All {used} frames lie on the reference within {FLAG:g}\u2009px.", True
    named = ", ".join(str(i + 1) for i in flagged[:8]) + (" and more" if flagged.size > 8 else "")
    plural = "s" if flagged.size > 1 else ""
    verb = "lie" if flagged.size > 1 else "lies"
    return f"{flagged.size} of {used} frames {verb} more than {FLAG:g}\u2009px off: frame{plural} {named}.", False


def pair(x: float, y: float, digits: int) -> str:
    """Two numbers with true minuses, or a dash."""
    if not np.isfinite(x) or not np.isfinite(y):
        return "\u2013"
    # A negative nought is nought.
    return ", ".join(f"{round(float(one), digits) + 0.0:.{digits}f}" for one in (x, y)).replace("-", "\u2212")


def shift_frame(sequence: Sequence, shifts: Shifts) -> pd.DataFrame:
    """One row a frame: whether it is used, position, shift, what remains, and why it is left out."""
    # Of a large frame tenths of a pixel of a position take more room than they tell.
    digits = 1 if max(shifts.shape) < 1000 else 0
    return pd.DataFrame(
        {
            "used": shifts.used.astype(object),
            "frame": [stem(info.file) for info in sequence.frames],
            "position": [pair(x, y, digits) for x, y in zip(shifts.x_position, shifts.y_position, strict=True)],
            "shift": [pair(x, y, 2) for x, y in zip(shifts.x, shifts.y, strict=True)],
            "remains": remains(shifts),
            "why not": [without_name(why, info.file) for why, info in zip(shifts.reason, sequence.frames, strict=True)],
        }
    )


def usual_reason(shifts: Shifts, frame: int) -> str:
    """What a frame is left out for by hand where nobody says anything else."""
    if shifts.flagged[frame]:
        return f"{remains(shifts)[frame]:.2f} px off after the shift"
    return "left out by hand"


def before_and_after(
    tracks: Tracks, shifts: Shifts, star: int, image_of: ImageOf, cut: Cutouts | None, whole: bool, step: int = 1
) -> tuple[list[np.ndarray | None], list[np.ndarray | None]]:
    """Cut-outs at one place of the reference, of each frame as it was taken and as it is aligned.

    Parameters
    ----------
    tracks, shifts : Tracks and Shifts
        What came of the stages.
    star : int
        Its place in the reference is the place.
    image_of : callable
        A frame's image without sky, where it is at hand.
    cut : Cutouts or None
        Cut out of the aligned frames.
    whole : bool
        Whether frames move by whole pixels, without being cropped; an aligned frame is then not needed.
    step : int
        Pixels of which frames move by a multiple: 2 on a mosaic.

    Returns
    -------
    before, after : list of (ndarray or None), one a frame
        None where a frame is not used or not at hand.
    """
    home_x, home_y = tracks.x[tracks.reference, star], tracks.y[tracks.reference, star]
    before: list[np.ndarray | None] = []
    after: list[np.ndarray | None] = []
    for frame in range(len(shifts.used)):
        image = image_of(frame) if shifts.used[frame] else None
        before.append(None if image is None else piece(image, home_x, home_y))
        if whole and image is not None:
            x, y = (step * round(float(move[frame]) / step) for move in (shifts.x, shifts.y))
            after.append(piece(image, round(home_x) - x, round(home_y) - y))
            continue
        # Those of another star are of another place.
        there = cut is not None and cut.place == (round(float(home_x)), round(float(home_y)))
        known = there and not whole and len(cut.values) == len(shifts.used) and np.isfinite(cut.values[frame]).any()
        after.append(cut.values[frame] if known else None)
    return before, after
