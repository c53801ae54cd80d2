"""Star tables of skies whose truth is known, made without pixels."""

from dataclasses import dataclass, field

import numpy as np
from astropy.time import Time, TimeDelta

from pipeline.frame import FrameInfo, Sequence
from pipeline.stages.candidates import CLEARANCE
from pipeline.stages.selection import selection
from pipeline.stages.tracks import tracks
from pipeline.tables import COLUMNS, Reason, StarTable

NOISE, THRESHOLD, FLOOR, FWHM = 10.0, 5.0, 3.0, 4.0
START = Time("2026-01-01T20:00:00")


@dataclass
class Sky:
    """Tables, their truth and everything else that tracks asks for."""

    frames: Sequence
    tables: list
    truth: np.ndarray
    owner: list = field(default_factory=list)

    @property
    def selection(self):
        return selection(self.frames, self.tables)

    def follow(self, **knobs):
        return tracks(self.frames, self.tables, self.selection, **knobs)


def table(position, convolved, shape, error=None, reason=None, fwhm=FWHM, **columns):
    """A StarTable of rows at known places; rows below the threshold say so."""
    position, convolved = np.asarray(position, float).reshape(-1, 2), np.asarray(convolved, float)
    if error is None:
        error = fwhm / 2.3548 * NOISE / np.maximum(convolved, 1e-3)
    if reason is None:
        reason = np.where(convolved < THRESHOLD * NOISE, Reason.THRESHOLD, Reason.STAR)
    x, y = position.T
    made = {name: np.zeros(len(position)) for name in COLUMNS}
    made.update(
        flux=convolved * 20, mag=-2.5 * np.log10(np.maximum(convolved * 20, 1e-9)), convolved=convolved, peak=convolved,
        fwhm=np.full(len(x), fwhm), snr=convolved / NOISE, x_peak=np.rint(x), y_peak=np.rint(y),
        xcentroid_err=np.broadcast_to(error, len(x)).copy(), ycentroid_err=np.broadcast_to(error, len(x)).copy(),
    )  # fmt: skip
    for kind in ("{}centroid", "{}_winpos", "{}_com", "{}_gauss"):
        made[kind.format("x")], made[kind.format("y")] = x.copy(), y.copy()
    made["clear"] = np.full(len(x), CLEARANCE + 1.0)
    made.update({name: np.broadcast_to(value, len(x)).copy() for name, value in columns.items()})
    for array in made.values():
        array.flags.writeable = False
    metrics = {"fwhm": fwhm, "roundness": 0.0, "background": 100.0, "noise": NOISE, "saturated": 0.0}
    return StarTable(
        made, np.asarray(reason, np.int8), fwhm, FLOOR * NOISE, NOISE, 1.0, THRESHOLD, shape, metrics
    )  # fmt: skip


def sequence(count, shape, reference=0, times=None, step=60.0):
    """A Sequence of made-up files a minute apart."""
    times = START + TimeDelta(np.arange(count) * step if times is None else np.asarray(times, float), format="sec")
    frames = tuple(
        FrameInfo(f"/sky/light_{i:03}.fits", f"light_{i:03}.fits", shape, time=times[i]) for i in range(count)
    )
    return Sequence(frames, ("",) * count, reference)


def turned(position, centre, degrees, shift=(0.0, 0.0), stretch=1.0):
    """Positions turned about a centre and moved, in complex numbers rather than the pipeline's polynomials."""
    plane = (position - centre) @ (1, 1j) * stretch * np.exp(1j * np.radians(degrees))
    return np.stack([plane.real, plane.imag], axis=-1) + centre + np.asarray(shift)


def brightness(count, rng):
    """Peaks of the convolved image: ten times fewer stars for each factor of ten, none fainter than half the floor."""
    return np.minimum(1.5 * NOISE / rng.uniform(0, 1, count) ** 1.0, 5000 * NOISE)


def sky(
    motion, count=300, shape=(2000, 3000), seed=0, reference=0, hot=0, noise_peaks=0, transparency=None, noise=1.0,
    times=None, fwhm=FWHM,
):  # fmt: skip
    """A sequence of tables of one field.

    ``motion(frame, position)`` gives true positions; ``transparency`` one factor for each frame. Rows come in random
    order; ``owner`` says for each frame which star each row is, -1 for noise and -2 for a hot pixel.
    """
    rng = np.random.default_rng(seed)
    span = np.array([shape[1] - 1, shape[0] - 1])
    frames = len(transparency) if transparency is not None else motion.count
    transparency = np.ones(frames) if transparency is None else np.asarray(transparency)
    margin = 0.15 * span
    home = rng.uniform(-margin, span + margin, (count, 2))
    light = brightness(count, rng)
    hot_place, hot_light = rng.uniform(0, span, (hot, 2)).round(), brightness(hot, rng) * 3
    truth = np.array([motion(i, home) for i in range(frames)])
    tables, owners = [], []
    for i in range(frames):
        seen = light * transparency[i] + rng.normal(0, NOISE, count)
        error = noise * fwhm / 2.3548 * NOISE / np.maximum(light * transparency[i], 1.0)
        place = truth[i] + rng.normal(0, 1, (count, 2)) * error[:, None]
        within = (place > 3).all(axis=1) & (place < span - 3).all(axis=1) & (seen > FLOOR * NOISE)
        at = np.concatenate([
            place[within], hot_place + rng.normal(0, 0.1, hot_place.shape), rng.uniform(0, span, (noise_peaks, 2)),
        ])  # fmt: skip
        level = np.concatenate([seen[within], hot_light, NOISE * rng.uniform(FLOOR, THRESHOLD + 0.2, noise_peaks)])
        sigma = np.concatenate([error[within], np.full(hot, 0.1), np.full(noise_peaks, fwhm / 2.35 / 4)])
        who = np.concatenate([np.flatnonzero(within), np.full(hot, -2), np.full(noise_peaks, -1)])
        order = rng.permutation(len(at))
        tables.append(table(at[order], level[order], shape, sigma[order], fwhm=fwhm))
        owners.append(who[order])
    return Sky(sequence(frames, shape, reference, times), tables, truth, owners)


def score(sky, tracks):
    """Share of the stars in the field that were measured, and share of the measurements that are another's light."""
    reference = sky.tables[tracks.reference]
    star = sky.owner[tracks.reference][reference.kept]
    real = star >= 0
    survived = should = wrong = measured = 0
    for frame in np.flatnonzero(tracks.used):
        if frame == tracks.reference:
            continue
        place = sky.truth[frame][star[real]]
        rows, columns = tracks.shape
        field = (place > 5).all(axis=1) & (place[:, 0] < columns - 6) & (place[:, 1] < rows - 6)
        row = tracks.row[frame][real]
        should += field.sum()
        survived += (row[field] >= 0).sum()
        owner = sky.owner[frame][row[row >= 0]]
        wrong += (owner != star[real][row >= 0]).sum()
        measured += (row >= 0).sum()
    return survived / max(should, 1), wrong / max(measured, 1)
