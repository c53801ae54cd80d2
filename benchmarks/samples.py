"""Samples on disk, written once."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline import sample

FOLDER = Path(__file__).parents[1] / "build" / "bench"


def files(name: str) -> list[Path]:
    """Files of a sample in order; written when they, or a part of them, are not there."""
    folder = FOLDER / name
    spec = sample.SAMPLES[name]
    if not (folder / sample.TRUTH_FILE).is_file():
        shutil.rmtree(folder, ignore_errors=True)
        return sample.write(spec, folder)
    return sorted(folder.glob(f"*.{spec.format}"))
