"""How frames lie on the reference, and what becomes of them together: shifts and stacks.

Units and axis order are those of :mod:`pipeline.frame`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Shifts:
    """The shift that brings each frame onto the reference, and what remains after it.

    Arrays of shape (frames,) have an entry for each frame of the Sequence, NaN where nothing was measured.

    Parameters
    ----------
    x, y : ndarray of float64, shape (frames,)
        Position in the reference less position here, pixels.
    x_position, y_position : ndarray of float64, shape (frames,)
        What was measured: the star in its box, or where the reference's centre lies in the frame, pixels.
    x_left, y_left : ndarray of float64, shape (frames,)
        What remains: the position measured again after the shift (of the median star, or of the star in a box of half
        the size) less that in the reference, pixels.
    used : ndarray of bool, shape (frames,)
        Whether the frame counts from here on.
    reason : tuple of str
        For each frame "" or why it is not used.
    reference : int
        Index of the reference frame.
    shape : tuple of int
        Rows and columns.
    method : str
        "tracks", "box" or "pattern".
    box : tuple of float, or None
        Centre x, y and side of the reference's box, pixels.
    """

    x: np.ndarray
    y: np.ndarray
    x_position: np.ndarray
    y_position: np.ndarray
    x_left: np.ndarray
    y_left: np.ndarray
    used: np.ndarray
    reason: tuple[str, ...]
    reference: int
    shape: tuple[int, int]
    method: str
    box: tuple[float, float, float] | None = None

    @property
    def flagged(self) -> np.ndarray:
        """Frames of which more than FLAG pixels remain in x or in y, shape (frames,)."""
        left = np.nan_to_num(np.stack([self.x_left, self.y_left]))
        return self.used & (np.abs(left) > FLAG).any(axis=0)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know of the frames that are flagged."""
        flagged = int(self.flagged.sum())
        if not flagged:
            return ()
        plural = "s" if flagged > 1 else ""
        return (
            f"{flagged} frame{plural} off the reference by more than {FLAG:g} px after the shift: look at the blink; "
            "turned frames want aligned.model = transform, others leave out with selection.rejected",
        )


#: What may remain after a shift, pixels.
FLAG = 0.5


@dataclass(frozen=True, eq=False)
class Stack:
    """The aligned frames of one filter combined into one picture.

    Parameters
    ----------
    filter : str
        Its name, "" where frames have none.
    image : ndarray of float32, shape (ny, nx)
        ADU; NaN where no frame has a value.
    count : ndarray of int16, shape (ny, nx)
        Frames that made each pixel.
    rejected : ndarray of int16, shape (ny, nx)
        Values that were left out because they lie far off.
    pattern : str
        Colours of the first 2 x 2 pixels, or "none".
    files : tuple of str
        The frames, in order.
    indices : tuple of int
        Their numbers in the Sequence.
    weights : tuple of float, or None
        The share of each frame; None where all count alike.
    exposure : float or None
        Seconds, of all frames together.
    single_noise : float
        Standard deviation of a sky pixel in one aligned frame (rms over the frames), ADU.
    noise : float
        The same in the stack. Both are told by what differs between frames: noise that all have alike, such as that of
        a master that was taken off each, is in neither as far as the frames lie on the same pixels.
    warnings : tuple of str
        What a user should know.
    """

    filter: str
    image: np.ndarray
    count: np.ndarray
    rejected: np.ndarray
    pattern: str
    files: tuple[str, ...]
    indices: tuple[int, ...]
    weights: tuple[float, ...] | None
    exposure: float | None
    single_noise: float
    noise: float
    warnings: tuple[str, ...] = ()

    @property
    def gain(self) -> float:
        """How many times less noise the stack has than one frame."""
        return self.single_noise / self.noise if self.noise > 0 else float("nan")


@dataclass(frozen=True, eq=False)
class Stacks:
    """One stack for each filter.

    Parameters
    ----------
    stacks : tuple of Stack
        In the order of the filters' names.
    left_out : tuple of (str, str)
        Frames that could not be aligned, and why.
    combine : str
        How frames were combined.
    """

    stacks: tuple[Stack, ...]
    left_out: tuple[tuple[str, str], ...]
    combine: str

    def of(self, filter_name: str) -> Stack | None:
        """The stack of a filter, or None."""
        return next((stack for stack in self.stacks if stack.filter == filter_name), None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know, of all stacks."""
        return tuple(warning for stack in self.stacks for warning in stack.warnings)
