"""Motions of a field and checks that hold for any tracks, shared by the tests of tracks."""

import numpy as np

from tests.stages.synthetic import Sky, sequence, table, turned

SHAPE = (2000, 3000)

CENTRE = np.array([1499.5, 999.5])


def drifting(count, step=(6.0, -3.5), degrees=0.03):
    """A steady drift with rotation, a wobble, and a distortion that grows."""

    def motion(frame, position):
        moved = turned(position, CENTRE, degrees * frame, (step[0] * frame + 5 * np.sin(frame), step[1] * frame))
        u, v = ((position - CENTRE) / 1500).T
        return moved + 0.02 * frame * np.stack([3 * u**2 - 2 * u * v, 2 * v**3], axis=1)

    motion.count = count
    return motion


def field(count=60, seed=5):
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.linspace(150, 2850, 10), np.linspace(150, 1850, 6)), -1).reshape(-1, 2)
    return grid[:count] + rng.uniform(-40, 40, (count, 2)), rng.uniform(300, 3000, count)


def follow_pair(change, *, shift=(20.0, -9.0), **knobs):
    """Two frames of a field, the second changed by ``change(place, level, reason)``."""
    place, level = field()
    first = table(place, level, SHAPE)
    there = place + shift
    second = change(there, level.copy())
    return Sky(sequence(2, SHAPE), [first, second], None).follow(**knobs)


def without(place, level, star, **columns):
    keep = np.arange(len(place)) != star
    return table(place[keep], level[keep], SHAPE, **columns)
