"""Samples as files: frames that any raw or FITS reader opens, and the truth beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.frame import Frame
from pipeline.sample.camera import calibration_start, file_name, make_calibration, make_frame, start
from pipeline.sample.detector import Exposure, exposures
from pipeline.sample.dng import write_dng
from pipeline.sample.draw import make_truth
from pipeline.sample.named import SAMPLES
from pipeline.sample.sky import TRUTH_FILE
from pipeline.sample.spec import SampleSpec


def write(spec: SampleSpec, folder: str | Path) -> list[Path]:
    """Write a sample's frames, and its truth as ``truth.npz``.

    Parameters
    ----------
    spec : SampleSpec
        What to write.
    folder : path
        Made when it does not exist; files of the same names are replaced.

    Returns
    -------
    list of Path
        The lights' files in order, and behind them those of the calibration frames.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    truth = make_truth(spec)
    paths = [folder / file_name(spec, index) for index in range(spec.frames)]
    for index, path in enumerate(paths):
        with _whole(path) as partial:
            write_frame(spec, make_frame(spec, truth, index), index, partial)
    for exposure in exposures(spec.detector):
        paths.append(folder / exposure.file)
        with _whole(paths[-1]) as partial:
            _write_fits(spec, make_calibration(spec, truth, exposure), _calibration_cards(spec, exposure), partial)
    with _whole(folder / TRUTH_FILE) as partial:
        truth.save(partial)
    return paths


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A name to write under; what was written there gets its own name once it is whole."""
    # The ending stays the last: NumPy adds it where it is missing.
    partial = path.with_name(f".partial.{path.name}")
    yield partial
    os.replace(partial, path)


def write_frame(spec: SampleSpec, frame: Frame, index: int, path: Path) -> None:
    """Write one frame in the spec's format."""
    if spec.format == "fits":
        _write_fits(spec, frame, _light_cards(spec, index), path)
        return
    write_dng(
        path,
        frame.pixels,
        pattern=spec.pattern,
        black=spec.black,
        white=spec.full,
        neutral=(1.0 / spec.red, 1.0, 1.0 / spec.blue),
        time=start(spec, index),
        exposure=spec.exposure,
        iso=int(frame.info.iso),
    )


def _light_cards(spec: SampleSpec, index: int) -> list[tuple[str, object, str]]:
    return [
        ("IMAGETYP", "Light Frame", "type of exposure"),
        ("DATE-OBS", start(spec, index).isoformat(timespec="milliseconds"), "[UTC] start of the exposure"),
        ("EXPTIME", spec.exposure, "[s] exposure"),
    ]


def _calibration_cards(spec: SampleSpec, exposure: Exposure) -> list[tuple[str, object, str]]:
    time = calibration_start(spec, exposure).isoformat(timespec="milliseconds")
    return [
        ("IMAGETYP", f"{exposure.kind.capitalize()} Frame", "type of exposure"),
        ("DATE-OBS", time, "[UTC] start of the exposure"),
        ("EXPTIME", exposure.seconds, "[s] exposure"),
    ]


def _write_fits(spec: SampleSpec, frame: Frame, own: list[tuple[str, object, str]], path: Path) -> None:
    from astropy.io import fits

    cards = [
        *own,
        ("FILTER", frame.info.filter, "filter"),
        ("GAIN", spec.gain, "[e-/adu] electrons per count"),
        ("RDNOISE", spec.read_noise, "[e-] read noise"),
        ("SATURATE", spec.full, "[adu] level of a full pixel"),
        ("INSTRUME", frame.info.camera, "camera"),
        ("OBJECT", spec.name, "sample"),
        ("BUNIT", "adu", "unit of the pixels"),
    ]
    if spec.pattern != "none":
        cards += [
            ("BAYERPAT", spec.pattern, "colours of the first 2 x 2 pixels"),
            ("XBAYROFF", 0, "[pix] columns to the pattern's first"),
            ("YBAYROFF", 0, "[pix] rows to the pattern's first"),
        ]
    if spec.detector is not None and spec.detector.overscan:
        (ny, nx), lit = spec.shape, spec.shape[1] - spec.detector.overscan
        cards += [
            ("BIASSEC", f"[{lit + 1}:{nx},1:{ny}]", "columns without light"),
            ("TRIMSEC", f"[1:{lit},1:{ny}]", "columns with light"),
        ]
    hdu = fits.PrimaryHDU(np.array(frame.pixels))
    hdu.header.extend(cards)
    hdu.writeto(path, overwrite=True)


def named(
    name: str,
    frames: int | None = None,
    size: int | tuple[int, int] | None = None,
    seed: int | None = None,
    format: str | None = None,
) -> SampleSpec:
    """A sample with some of its numbers changed.

    Parameters
    ----------
    name : str
        One of ``SAMPLES``.
    frames : int, optional
        Number of frames.
    size : int or tuple of int, optional
        Rows and columns; or columns alone, and rows keep the sample's proportion. Stars and hot pixels keep their
        density. In a smaller frame drift, jumps and distortion shrink in proportion, so that as much of the sky stays.
    seed : int, optional
        Another sky of the same kind.
    format : str, optional
        "dng" or "fits". A monochrome sky gets a colour mosaic in a DNG.

    Returns
    -------
    SampleSpec

    Raises
    ------
    ValueError
        For an unknown name or a number that makes no sense.
    """
    if name not in SAMPLES:
        raise ValueError(f"{name}: no such sample; there are " + ", ".join(SAMPLES))
    spec = SAMPLES[name]
    changes: dict[str, object] = {}
    if frames is not None:
        changes |= {"frames": frames, "satellites": tuple(index for index in spec.satellites if index < frames)}
    if size is not None:
        changes |= _resized(spec, size)
    if seed is not None:
        changes["seed"] = seed
    if format is not None:
        changes["format"] = format
        if format == "dng" and spec.pattern == "none":
            changes["pattern"] = "RGGB"
    return replace(spec, **changes)


def _resized(spec: SampleSpec, size: int | tuple[int, int]) -> dict[str, object]:
    """The numbers that another size changes."""
    ny, nx = spec.shape
    rows, columns = (round(ny * size / nx / 2) * 2, size) if isinstance(size, int) else size
    area = rows * columns / (ny * nx)
    less = min(rows / ny, columns / nx, 1.0)
    return {
        "shape": (rows, columns),
        "stars": round(spec.stars * area),
        "hot": round(spec.hot * area),
        "drift": (spec.drift[0] * less, spec.drift[1] * less),
        "jumps": {index: (x * less, y * less) for index, (x, y) in spec.jumps.items()},
        "distortion": spec.distortion * less,
    }


def write_named(
    name: str,
    folder: str | Path,
    frames: int | None = None,
    size: int | tuple[int, int] | None = None,
    seed: int | None = None,
    format: str | None = None,
) -> list[Path]:
    """Write a sample by name; parameters as in ``named`` and ``write``."""
    return write(named(name, frames, size, seed, format), folder)
