"""A frame's stars with a known field of offsets, and the maps made from them."""

from types import SimpleNamespace

import numpy as np

from pipeline.stages.offset_map import offset_map
from pipeline.tables import Status, Tracks

SHAPE = (200, 300)
SHIFT = (12.0, -7.0)


def field(x, y):
    """The true offsets: a shift and a slight turn."""
    return SHIFT[0] - 0.004 * y, SHIFT[1] + 0.004 * x


def tracks(count=80, noise=0.02, seed=3):
    """Stars in a reference and one other frame, with Gaussian errors in the other."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(20, 280, count), rng.uniform(20, 180, count)
    dx, dy = field(x, y)
    there = np.stack([x - dx, y - dy])
    here = np.stack([x, y]) + rng.normal(0, noise, (2, count))
    zeros = np.zeros((2, count))
    transform = np.zeros((2, 2, 3))
    half = max(SHAPE) / 2
    transform[:, 0, 1] = transform[:, 1, 2] = half
    transform[:, 0, 0], transform[:, 1, 0] = (SHAPE[1] - 1) / 2, (SHAPE[0] - 1) / 2
    transform[1, :, 0] += SHIFT
    return Tracks(
        x=np.stack([there[0], here[0]]), y=np.stack([there[1], here[1]]),
        x_error=np.full((2, count), noise), y_error=np.full((2, count), noise),
        status=np.full((2, count), Status.FOUND, np.int8),
        row=np.tile(np.arange(count), (2, 1)), previous=np.array([0, 0]), used=np.ones(2, bool), reason=("", ""),
        transform=transform, residual=np.zeros(2), reference=0, shape=SHAPE,
        saturated=zeros.astype(bool), blended=zeros.astype(bool), stuck=np.zeros(2, bool),
    )  # fmt: skip


class Maps:
    """Answers for a graph: the offset map of the second frame by the recipe's method."""

    def __init__(self, stars):
        self.stars = stars

    def result(self, night, recipe, stage, frame, *, ticket):
        return offset_map(self.stars, frame, **recipe[stage])


def scene(stars, maps):
    """What the map tab reads of a Scene."""
    results = {"tracks": stars, "offset_map": maps}
    return type("Seen", (SimpleNamespace,), {"__getitem__": lambda self, stage: results.get(stage)})(
        frame=1, results=results, keys={"offset_map": f"map {maps.method}"}
    )
