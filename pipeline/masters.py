"""Master frames: bias, darks by exposure and flats by filter, as the calibration hands them on, and their frames."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


def same_exposure(one: float | None, other: float | None) -> bool:
    """Whether two exposures, seconds, are the same to 1 %; what is not known is the same as nothing that is."""
    return one == other if None in (one, other) else abs(one - other) <= 0.01 * max(one, other)


@dataclass(frozen=True)
class CalibrationFrame:
    """A bias, dark or flat as it was given, and what became of it.

    Parameters
    ----------
    file : str
        Its name.
    kind : str
        "bias", "dark" or "flat".
    filter : str
        "" where it has none.
    exposure : float or None
        Seconds.
    median : float
        Of all its pixels, ADU above black and overscan (of a bias or dark: of twelve bands spread over it); NaN of a
        file that cannot be read.
    full : float or None
        Level at which its pixels are full, ADU above black.
    reason : str
        Why it is in no master (the whole sentence), "" where it is.
    """

    file: str
    kind: str
    filter: str = ""
    exposure: float | None = None
    median: float = math.nan
    full: float | None = None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Master:
    """Several calibration frames of one kind combined into one.

    Parameters
    ----------
    kind : str
        "bias", "dark" or "flat".
    image : ndarray of float32, shape (ny, nx), or None
        A bias or dark in ADU above black; a flat with 1 as the median of its lit pixels. NaN where there is no value.
        None: there is no such frame, and the stages that would need it step aside.
    files : tuple of str
        The frames that were combined.
    left_out : tuple of (str, str)
        Frames that were not, and why (the whole sentence).
    warnings : tuple of str
        What a user should know.
    exposure : float or None
        Seconds, of a dark.
    filter : str
        Of a flat.
    with_bias : bool
        A dark made without a bias to take off, which therefore has the bias in it.
    level : float
        Median of the image.
    levels : tuple of float
        For each of ``files`` its median before combining, ADU; of a flat what it was divided by (on a mosaic: green's).
    single_noise, noise : float
        Scatter of neighbouring pixels in the first frame and in the master, ADU (of a flat: of its lit median).
        Independent noise makes the second the first over the root of the number of frames; what it is more is the
        detector's own pattern.
    pair_noise : float
        Standard deviation of one frame's pixel from exposure to exposure, from the difference of two frames, ADU: of a
        bias the read noise. NaN where there is only one frame.
    error : float
        Standard deviation that this noise leaves in a pixel of the master, ADU (of a flat: of its lit median). With a
        single frame that is told by its neighbours' scatter.
    gain : float or None
        Of a flat: electrons per ADU by photon transfer, from two frames and the bias's ``pair_noise``.
    full : float or None
        Level at which a pixel of these frames is full, ADU.
    path : str
        The first of the files; its header is the master's.
    unexposed : ndarray of bool, shape (ny, nx), or None
        Of a flat: True where a pixel has too little light, and is NaN for that. None: no pixel has.
    frames : tuple of CalibrationFrame
        Of a bias: every such frame that was given, in their order. Those of darks and flats stand in what holds them.
    """

    kind: str
    image: np.ndarray | None = None
    files: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    exposure: float | None = None
    filter: str = ""
    with_bias: bool = False
    level: float = math.nan
    levels: tuple[float, ...] = ()
    single_noise: float = math.nan
    noise: float = math.nan
    pair_noise: float = math.nan
    error: float = math.nan
    gain: float | None = None
    full: float | None = None
    path: str = ""
    unexposed: np.ndarray | None = None
    frames: tuple[CalibrationFrame, ...] = ()

    @property
    def count(self) -> int:
        """Number of frames combined."""
        return len(self.files)


@dataclass(frozen=True, eq=False)
class MasterDarks:
    """Darks by exposure.

    Parameters
    ----------
    masters : tuple of Master
        One for each exposure, the shortest first; empty where there is no dark.
    scale : str
        "auto" or "never": whether a dark may stand for another exposure.
    left_out, warnings, frames
        As in :class:`Master`, for all of them.
    """

    masters: tuple[Master, ...] = ()
    scale: str = "auto"
    left_out: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    frames: tuple[CalibrationFrame, ...] = ()

    def chosen(self, exposure: float | None) -> tuple[Master, float] | None:
        """The dark for an exposure, and the factor to take it by; None where none serves.

        That of the same exposure (to 1 %) as it is. Else, unless ``scale`` says never, the one nearest in ratio: by the
        ratio of the exposures where its bias is taken off, and as it is where the bias is in it, for that does not grow
        with the exposure.
        """
        known = [master for master in self.masters if master.exposure is not None]
        if exposure is None:
            return (self.masters[0], 1.0) if len(self.masters) == 1 else None
        for master in known:
            if same_exposure(master.exposure, exposure):
                return master, 1.0
        usable = [master for master in known if master.exposure > 0]
        if self.scale == "never" or not usable or exposure <= 0:
            return None
        nearest = min(usable, key=lambda master: abs(math.log(master.exposure / exposure)))
        return nearest, 1.0 if nearest.with_bias else exposure / nearest.exposure


@dataclass(frozen=True, eq=False)
class MasterFlats:
    """Flats by filter.

    Parameters
    ----------
    masters : tuple of Master
        One for each filter, in the order of their names; empty where there is no flat.
    left_out, warnings, frames
        As in :class:`Master`, for all of them.
    """

    masters: tuple[Master, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    frames: tuple[CalibrationFrame, ...] = ()

    def chosen(self, filter_name: str) -> Master | None:
        """The flat for a light's filter, names compared without case; None where there is none.

        A flat that names no filter serves where none names the light's; a light that names none takes the only flat.
        """
        wanted = filter_name.strip().casefold()
        named = {master.filter.strip().casefold(): master for master in self.masters}
        if wanted in named:
            return named[wanted]
        if "" in named:
            return named[""]
        return self.masters[0] if not wanted and len(self.masters) == 1 else None


#: What stands where no such frame was given.
NO_BIAS, NO_DARKS, NO_FLATS = Master("bias"), MasterDarks(), MasterFlats()
