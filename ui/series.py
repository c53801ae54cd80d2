"""Tracks as the plots against frame and the star card show them. Plain functions, no widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pipeline.cutouts import UNSEEN, piece
from pipeline.frame import Sequence as Frames
from pipeline.kernels import polynomial
from pipeline.stages.tracks import displacement
from pipeline.tables import COLUMNS, StarTable, Status, Tracks
from ui.marks import SENTENCES, belongs
from ui.plots import FrameSeries
from ui.region import Region, stars_inside
from ui.star_facts import measures_of

OWN_COLUMNS = 14


def files_text(sequence: Frames) -> str:
    """How many lights there are, and of how many files where some were left out: "25 lights of 47 files"."""
    count, rest = len(sequence.frames), len(sequence.left_out)
    if rest:
        every = count + rest + len(sequence.calibration)
        return f"{count} light{'s' if count > 1 else ''} of {every} files"
    return f"{count} frame{'s' if count > 1 else ''}"


def residuals(tracks: Tracks, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the stars are against where the frame's transform puts them, pixels, each of shape (stars,)."""
    if not np.isfinite(tracks.transform[frame]).all():
        blank = np.full(tracks.x.shape[1], np.nan)
        return blank, blank
    there = tracks.reference
    x, y = polynomial.apply(tracks.transform[frame], tracks.x[there], tracks.y[there], tracks.shape)
    return tracks.x[frame] - x, tracks.y[frame] - y


def frame_series(tracks: Tracks, region: Region | None = None) -> FrameSeries:
    """What the plots against frame show, of the stars of a region alone where one is given.

    A frame that is not used leaves a gap. The offset is that of the field's centre, of a region the median of its
    stars' offsets.
    """
    chosen = stars_inside(region, tracks)
    count = len(tracks.used)
    moves, bands = np.full((count, 2), np.nan), np.full((count, 2), np.nan)
    for frame in np.flatnonzero(tracks.used):
        moves[frame] = displacement(tracks, frame) if region is None else _middle(tracks, frame, chosen)
        left = np.concatenate([one[chosen] for one in residuals(tracks, frame)])
        left = left[np.isfinite(left)]
        if left.size:
            bands[frame] = np.percentile(left, (16, 84))
    complete = tracks.complete[chosen]
    measured = tracks.measured[:, chosen]
    return FrameSeries(
        dx=moves[:, 0],
        dy=moves[:, 1],
        low=bands[:, 0],
        high=bands[:, 1],
        complete=(measured & complete).sum(axis=1),
        partial=(measured & ~complete).sum(axis=1),
        lost=(~measured).sum(axis=1),
        reference=tracks.reference,
    )


def _middle(tracks: Tracks, frame: int, chosen: np.ndarray) -> np.ndarray:
    """The median offset of some stars in a frame, of shape (2,); NaN where none was measured."""
    known = chosen & tracks.measured[frame]
    moves = np.stack([tracks.x_offset[frame, known], tracks.y_offset[frame, known]])
    return np.median(moves, axis=1) if known.any() else np.full(2, np.nan)


def star_series(tracks: Tracks, star: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One star's displacement and residual against frame: dx, dy, rx, ry, pixels."""
    left = np.array([[one[star] for one in residuals(tracks, frame)] for frame in range(len(tracks.used))])
    return tracks.x_offset[:, star], tracks.y_offset[:, star], left[:, 0], left[:, 1]


def star_state(tracks: Tracks, frame: int, star: int) -> str:
    """Tell a star's state in a frame: complete, partial or lost."""
    # Of a frame that is not used no star is lost.
    if tracks.used[frame] and not tracks.measured[frame, star]:
        return "lost"
    return "complete" if tracks.complete[star] else "partial"


def star_sentence(tracks: Tracks, star: int, frame: int) -> str:
    """Say what became of a star: in how many frames it is, what happened in the others, and why nothing in this one."""
    used = np.flatnonzero(tracks.used)
    measured = tracks.measured[used, star]
    if not len(used):
        return "No frame is used."
    sentence = f"In {int(measured.sum())} of {len(used)} frames used."
    words: dict[str, list[str]] = {}
    for missing in used[~measured]:
        status = Status(tracks.status[missing, star])
        words.setdefault(SENTENCES.get(status, status.word), []).append(str(missing + 1))
    for word, frames in words.items():
        listed = ", ".join(frames[:6]) + (" and more" if len(frames) > 6 else "")
        sentence += f" {word.capitalize()}: frame{'s' if len(frames) > 1 else ''} {listed}."
    return sentence if tracks.used[frame] else f"{sentence} This frame, {frame + 1}, is not used."


def star_measures(stars: StarTable | None, tracks: Tracks, frame: int, star: int) -> list[tuple[str, str, str]]:
    """Name, value and unit of what was measured of a star in a frame."""
    if stars is None or not belongs(tracks, stars, frame) or tracks.row[frame, star] < 0:
        return []
    place = float(tracks.x[frame, star]), float(tracks.y[frame, star])
    return measures_of(stars, int(tracks.row[frame, star]), place, float(tracks.x_error[frame, star]))


def cutouts(tracks: Tracks, star: int, image_of: Callable[[int], np.ndarray | None]) -> Sequence[np.ndarray | None]:
    """Small squares around a star, one a frame: None where it was not measured, UNSEEN where no image is at hand."""
    pieces: list[np.ndarray | None] = []
    for frame in range(len(tracks.used)):
        if not tracks.measured[frame, star]:
            pieces.append(None)
            continue
        image = image_of(frame)
        pieces.append(UNSEEN if image is None else piece(image, tracks.x[frame, star], tracks.y[frame, star]))
    return pieces


def stars_text(stars: StarTable) -> str:
    """The stars of a frame as comma separated values, columns as in the products."""
    names = tuple(COLUMNS)[:OWN_COLUMNS]
    rows = [",".join(("id", *names))]
    values = [stars[name][stars.kept] for name in names]
    rows += [
        f"{number}," + ",".join(f"{value:.10g}" for value in row)
        for number, row in enumerate(zip(*values, strict=True))
    ]
    return "\n".join(rows) + "\n"


def tracks_text(tracks: Tracks) -> str:
    """All tracks as comma separated values: one row for each frame and star, empty where it was not measured."""
    rows = ["frame,id,xcentroid,ycentroid,xoffset,yoffset,status"]
    for frame, star in np.ndindex(tracks.x.shape):
        numbers = (each[frame, star] for each in (tracks.x, tracks.y, tracks.x_offset, tracks.y_offset))
        cells = ",".join(f"{value:.4f}" if np.isfinite(value) else "" for value in numbers)
        rows.append(f"{frame},{star},{cells},{Status(tracks.status[frame, star]).word}")
    return "\n".join(rows) + "\n"
