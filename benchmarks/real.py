"""Real frames, untouched defaults, against what was measured of them independently (the data's own card)."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

import pipeline.stages  # noqa: F401
from benchmarks.table import Row, within
from pipeline.stages.tracks import displacement, rotation
from tests.test_real_frames import card, follow

SETS = {
    "hatp32": ("light_*", 0.2, 0.02),
    "skycamt": ("t_e_*", np.inf, 0.01),
    "m27_dng": ("*.dng", 0.2, np.inf),
    "pluto": ("pluto_*", np.inf, np.inf),
}
RESIDUAL = {"skycamt": 0.12}


def rows(options: argparse.Namespace) -> list[Row]:
    """Each set's motion; one row that says so where there is no data."""
    folder = os.environ.get("STARSHIFT_DATA")
    if not folder:
        print("  STARSHIFT_DATA does not name a folder of real frames", flush=True)
        return [Row("real frames", "", "not measured: STARSHIFT_DATA names no folder")]
    measured = card(Path(folder))
    return [row for name in SETS for row in _set(Path(folder), name, measured)]


def _set(folder: Path, name: str, measured: dict[str, tuple[float, ...]]) -> list[Row]:
    pattern, pixels, degrees = SETS[name]
    sequence, tracks = follow(folder / name, pattern)
    zero = np.array(measured[sequence.frames[sequence.reference].file])
    apart = np.array([
        np.array([*displacement(tracks, i), rotation(tracks, i)]) - (np.array(measured[info.file]) - zero)
        for i, info in enumerate(sequence.frames)
    ])  # fmt: skip
    shift = np.nanmax(np.abs(apart[:, :2]))
    moved = max(np.hypot(*displacement(tracks, i)) for i in range(len(sequence.frames)) if tracks.used[i])
    stars = tracks.x.shape[1]
    print(
        f"  {name}: image {sequence.shape[1]} x {sequence.shape[0]}, {tracks.used.sum()} of {len(tracks.used)} frames, "
        f"{stars} stars, {tracks.complete.sum()} complete, moved up to {moved:.1f} px, shifts within {shift:.3f} px",
        flush=True,
    )
    all_used = Row(
        f"{name}: frames followed", f"{len(tracks.used)}", f"{tracks.used.sum()}",
        f"moved up to {moved:.0f} px; {stars} stars, {tracks.complete.sum()} complete", bool(tracks.used.all()),
    )  # fmt: skip
    return [
        all_used,
        _limit(f"{name}: largest shift from the card's", pixels, float(shift), "px"),
        _limit(f"{name}: largest rotation from the card's", degrees, float(np.nanmax(np.abs(apart[:, 2]))), "degrees"),
        _limit(f"{name}: largest residual", RESIDUAL.get(name, np.inf), float(np.nanmax(tracks.residual)), "px"),
    ]


def _limit(step: str, limit: float, value: float, unit: str) -> Row:
    if np.isinf(limit):
        return Row(step, "", f"{value:.3g} {unit}")
    return within(step, -np.inf, limit, value, unit)
