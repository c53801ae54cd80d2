"""A made-up camera of which everything is known: its bias, its dark current and its flat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.frame import Frame, FrameInfo
from pipeline.sample import light, make_truth, named

SHAPE = (300, 440)
GAIN, READ_NOISE, FULL = 1.8, 5.0, 60_000.0
COLUMN, DUST = 310, (150, 120)


class Camera:
    """Frames of every kind as the formula I = F S + B + D t says, with the noise of light and of reading out.

    Parameters
    ----------
    seed : int
        Same seed, same frames.
    """

    def __init__(self, seed: int = 7) -> None:
        self.random = np.random.default_rng(seed)
        y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
        self.bias = 1000 + 6 * np.exp(-x / 25) + 2 * np.sin(y / 7)
        self.dark = np.full(SHAPE, 0.08)
        hot = self.random.choice(self.dark.size, 120, replace=False)
        self.dark.flat[hot] = self.random.uniform(3, 60, hot.size)
        self.flat = (1 - 0.3 * (((x - 230) / 300) ** 2 + ((y - 150) / 220) ** 2)) * self.random.normal(1, 0.01, SHAPE)
        for row, column, deep in ((*DUST, 0.18), (60, 330, 0.1), (230, 250, 0.12)):
            ring = np.hypot(y - row, x - column)
            self.flat *= 1 - deep * ((ring < 11) & (ring > 3))
        self.flat[:, COLUMN] *= 0.4
        self.flat /= np.median(self.flat)
        spec = replace(named("rotation", frames=5, size=SHAPE), stars=70, sky=400.0, hot=0, clouds={}, satellites=())
        self._sky = make_truth(replace(spec, pattern="none"))

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
        return light(self._sky, index) / GAIN

    def light_frame(self, index: int, seconds: float, filter_name: str) -> Frame:
        """A picture of the sky."""
        return self._frame(f"light_{index}.fits", "light", self.flat * self.sky(index), seconds, filter_name)
