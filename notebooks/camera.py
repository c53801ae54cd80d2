"""A made-up camera of which everything is known: its bias, its dark current and its flat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.frame import Frame, FrameInfo
from pipeline.sample import light, make_truth, named

SESSION = named("reduction")
SHAPE = (SESSION.shape[0], SESSION.shape[1] - SESSION.detector.overscan)
GAIN, READ_NOISE, FULL = SESSION.gain, SESSION.read_noise / SESSION.gain, float(SESSION.full)
COLUMN, DUST = 310, (150, 120)


class Camera:
    """The CCD of the sample "reduction", without its overscan: frames of every kind as I = F S + B + D t says.

    Parameters
    ----------
    seed : int
        Of the noise: same seed, same frames.
    """

    def __init__(self, seed: int = 7) -> None:
        self.random = np.random.default_rng(seed)
        truth, lit = make_truth(SESSION), np.s_[:, : SHAPE[1]]
        self.bias = 1000 + truth.bias[lit]
        self.dark = np.full(SESSION.shape, truth.dark)
        self.dark.flat[truth.hot] += truth.hot_level
        self.dark = self.dark[lit] / (SESSION.exposure * GAIN)
        self.flat = truth.flat[lit]
        # What falls on the camera: the same sky before a pixel is uneven or hot.
        self._sky = replace(
            truth, flat=np.empty((0, 0), np.float32), dark=0.0, hot=truth.hot[:0], hot_level=truth.hot_level[:0]
        )

    def _frame(self, name: str, kind: str, signal: np.ndarray, seconds: float, filter_name: str = "") -> Frame:
        electrons = self.random.poisson(np.maximum(signal + self.dark * seconds, 0) * GAIN)
        counts = electrons / GAIN + self.bias + self.random.normal(0, READ_NOISE, SHAPE)
        info = FrameInfo(
            name, name, SHAPE, kind=kind, kind_reason="made", exposure=seconds, filter=filter_name, saturation=FULL
        )
        return Frame(info, np.rint(np.minimum(counts, FULL)).astype(np.float32))

    def bias_frames(self, count: int) -> list[Frame]:
        """Exposures of no duration, the shutter closed."""
        return [self._frame(f"bias_{i}.fits", "bias", np.zeros(SHAPE), 0.0) for i in range(count)]

    def dark_frames(self, count: int, seconds: float) -> list[Frame]:
        """Long exposures, the shutter closed."""
        return [self._frame(f"dark_{seconds:g}s_{i}.fits", "dark", np.zeros(SHAPE), seconds) for i in range(count)]

    def flat_frames(self, levels: list[float], seconds: float, filter_name: str) -> list[Frame]:
        """Pictures of an evenly lit screen, each with its own brightness, ADU."""
        return [
            self._frame(f"flat_{filter_name}_{seconds:g}s_{i}.fits", "flat", self.flat * level, seconds, filter_name)
            for i, level in enumerate(levels)
        ]

    def sky(self, index: int = 0) -> np.ndarray:
        """The light of the sky that falls on the camera, ADU: what a perfect reduction would find."""
        return light(self._sky, index)[:, : SHAPE[1]] / GAIN

    def light_frame(self, index: int, seconds: float, filter_name: str) -> Frame:
        """A picture of the sky."""
        return self._frame(f"light_{index}.fits", "light", self.flat * self.sky(index), seconds, filter_name)
