"""A made-up detector: frames of every kind from a known flat F, bias B, dark rate D and sky S, as I = F S + B + D t."""

from dataclasses import dataclass, replace

import numpy as np

from pipeline.frame import Frame, FrameInfo, colour_planes
from pipeline.read.rows import RowReaders, Rows

SHAPE = (96, 130)


@dataclass
class Detector:
    """What the truth is; ``read_noise`` in ADU, ``gain`` in e-/ADU."""

    pattern: str = "none"
    gain: float = 2.0
    read_noise: float = 4.0
    seed: int = 3
    full: float = 60_000.0

    def __post_init__(self):
        self.random = np.random.default_rng(self.seed)
        y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
        self.flat = 1.05 - 0.25 * (((x - 60) / 90) ** 2 + ((y - 50) / 70) ** 2)
        self.flat[20:27, 40:47] *= 0.8
        self.bias = 300 + 2 * np.sin(x / 3) + 0.05 * y
        self.dark = 0.5 + 0.2 * np.cos(y / 9)
        self.dark[70, 90] = 40.0

    def colours(self, red=0.4, blue=0.6):
        """Brightness of a grey lamp in each pixel's colour."""
        image = np.ones(SHAPE)
        for colour, row, column in colour_planes(self.pattern):
            step = 1 if colour == "mono" else 2
            image[row::step, column::step] = {"red": red, "blue": blue}.get(colour, 1.0)
        return image

    def frame(self, kind, light=0.0, exposure=0.0, filter_name="", name="", noise=True):
        """One exposure; ``light`` in ADU where the flat is 1."""
        electrons = (self.flat * light + self.dark * exposure) * self.gain
        counts = self.random.poisson(electrons) if noise else electrons
        image = counts / self.gain + self.bias
        if noise:
            image = image + self.random.normal(0, self.read_noise, SHAPE)
        name = name or f"{kind}_{self.random.integers(10**6):06d}.fits"
        info = FrameInfo(
            f"/n/{name}", name, SHAPE, self.pattern, kind, "made", exposure=exposure, filter=filter_name,
            saturation=self.full,
        )  # fmt: skip
        return Frame(info, np.minimum(image, self.full).astype(np.float32))

    def frames(self, kind, count, **facts):
        return [self.frame(kind, **facts, name=f"{kind}_{i}.fits") for i in range(count)]


def readers(*frames):
    """Rows of frames, in memory."""
    return RowReaders.of_frames(frames)


def numbers(reader):
    """A whole frame of a reader."""
    return reader.rows(0, reader.shape[0])


class Broken(Rows):
    """A frame that cannot be read."""

    def open(self):
        from pipeline.frame import FrameError

        raise FrameError(self.info.file, "is empty (0 bytes)", "copy it again")


def broken(kind, name="broken.fits"):
    return Broken(FrameInfo(f"/n/{name}", name, SHAPE, kind=kind), np.zeros(SHAPE, np.float32))


def named(frame, **facts):
    return replace(frame, info=replace(frame.info, **facts))
