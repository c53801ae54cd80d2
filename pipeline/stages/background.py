"""The sky's level and noise in boxes over the frame, for each colour of the mosaic by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import numpy as np

from pipeline.frame import Background, Frame, FrameError, colour_planes, readonly
from pipeline.knob import Knob
from pipeline.photometry import NOTHING, Mask
from pipeline.stage import stage


@stage(version=2)
def background(
    calibrated: Frame,
    mask: Mask = NOTHING,
    *,
    box_size: Annotated[int, Knob("side of the boxes in which the sky is measured", unit="px", low=8, high=2000)] = 100,
    filter_size: Annotated[int, Knob("boxes across the median filter over the mesh", "boxes", 1, 51, 2, odd=True)] = 3,
    sigma_clip: Annotated[float, Knob("pixels further from a box's median are left out", "sigma", 1, 20, 0.5)] = 5.0,
    estimator: Annotated[
        Literal["mode", "median", "mean", "sextractor", "biweight", "sep"],
        Knob("how a box's level follows from the pixels that are left"),
    ] = "mode",
) -> Background:
    """Measure the sky in boxes, for each colour from its own pixels.

    Parameters
    ----------
    calibrated : Frame
        The frame; masked and non-finite pixels do not count.
    mask : Mask
        Pixels that are no sky.
    box_size, filter_size, sigma_clip, estimator
        Knobs. The mode is 3 median - 2 mean (Pearson), "sextractor" is 2.5 median - 1.5 mean, or the median where the
        two differ by 0.3 sigma or more (Bertin and Arnouts 1996, A&AS 117, 393); "sep" is that program's own
        background, which clips in its own way and does not use ``sigma_clip``.

    Returns
    -------
    Background
        Mesh and noise per colour; :func:`background_image` makes the image. Boxes with less than a tenth of their
        pixels left are filled from the ten nearest boxes.

    Raises
    ------
    FrameError
        Where no box has enough good pixels.

    Notes
    -----
    Mesh, noise, filling and filtering are those of photutils' ``Background2D`` on each colour, with
    ``SigmaClip(sigma_clip, maxiters=10)``.
    """
    calibrated = without_pixels(calibrated, mask.of("background"))
    names = colour_names(calibrated.pattern)
    if estimator == "sep":
        levels, noises = _sep_meshes(calibrated, names, box_size, filter_size)
    else:
        levels, noises = _meshes(calibrated, names, box_size, sigma_clip, estimator)
        levels = [_median_filter(_filled(level, calibrated), filter_size) for level in levels]
        noises = [_median_filter(_filled(noise, calibrated), filter_size) for noise in noises]
    return Background(
        mesh={name: readonly(level.astype(np.float32)) for name, level in zip(names, levels, strict=True)},
        noise={name: readonly(noise.astype(np.float32)) for name, noise in zip(names, noises, strict=True)},
        box_size=box_size,
        shape=calibrated.shape,
        pattern=calibrated.pattern,
    )


def without_pixels(frame: Frame, masked: np.ndarray | None) -> Frame:
    """The frame with some more of its pixels masked; itself where there are none."""
    if masked is None:
        return frame
    return replace(frame, mask=masked if frame.mask is None else frame.mask | masked)


def colour_names(pattern: str) -> tuple[str, ...]:
    """Colours of a pattern in the order of their numbers: mono alone, or red, green, blue."""
    return ("mono",) if pattern == "none" else ("red", "green", "blue")


def colour_numbers(pattern: str) -> np.ndarray:
    """Number of each pixel's colour by row and column parity, uint8, shape (2, 2)."""
    numbers = np.zeros((2, 2), np.uint8)
    for name, row, column in colour_planes(pattern):
        numbers[row, column] = colour_names(pattern).index(name)
    return numbers


def background_image(background: Background) -> np.ndarray:
    """The sky's level at every pixel.

    Parameters
    ----------
    background : Background
        What :func:`background` returned.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        Cubic B-spline through each colour's mesh at that colour's pixels, ADU.
    """
    from pipeline.kernels.spline import surface

    meshes = np.stack([mesh.astype(np.float64) for mesh in background.mesh.values()])
    return readonly(surface(meshes, colour_numbers(background.pattern), background.box_size, background.shape))


def _meshes(
    frame: Frame, names: tuple[str, ...], box_size: int, sigma_clip: float, estimator: str
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    from pipeline.kernels.box_statistics import box_statistics

    numbers = colour_numbers(frame.pattern)
    black = [np.unique(frame.black[numbers == number]) for number in range(len(names))]
    if all(level.size == 1 for level in black):
        pixels, mask = frame.pixels, frame.mask
    else:
        pixels, mask, black = frame.above_black(), None, [np.zeros(1)] * len(names)
    result = box_statistics(pixels, mask, numbers, box_size=box_size, sigma=sigma_clip, estimator=estimator)
    levels = [result[number, :, :, 0] - float(black[number][0]) for number in range(len(names))]
    return levels, [result[number, :, :, 1] for number in range(len(names))]


def _filled(mesh: np.ndarray, frame: Frame) -> np.ndarray:
    """Boxes without a value from the ten nearest that have one, weighted by inverse distance (Shepard 1968)."""
    bad = np.isnan(mesh)
    if bad.all():
        raise _no_box(frame, mesh.size)
    if not bad.any():
        return mesh
    from scipy.spatial import cKDTree

    good = np.argwhere(~bad)
    distance, index = cKDTree(good, leafsize=10).query(np.argwhere(bad), k=np.arange(1, min(10, len(good)) + 1))
    weight = 1.0 / distance
    filled = mesh.copy()
    filled[bad] = (weight * mesh[~bad][index]).sum(axis=1) / weight.sum(axis=1)
    return filled


def _no_box(frame: Frame, boxes: int) -> FrameError:
    problem = f"no box of the background has enough good pixels ({boxes} boxes)"
    return FrameError(frame.info.file, problem, "check the file and the mask, or raise background.box_size")


def _median_filter(mesh: np.ndarray, size: int) -> np.ndarray:
    """Median of the boxes around each box that exist."""
    if size == 1:
        return mesh
    half = size // 2
    padded = np.pad(mesh, half, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size))
    ordered = np.sort(windows.reshape(*mesh.shape, size * size), axis=-1)
    number = np.isfinite(ordered).sum(axis=-1, keepdims=True)
    upper = np.take_along_axis(ordered, number // 2, axis=-1)
    lower = np.take_along_axis(ordered, (number - 1) // 2, axis=-1)
    return (0.5 * (lower + upper))[..., 0]


def _sep_meshes(
    frame: Frame, names: tuple[str, ...], box_size: int, filter_size: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Background of each plane by sep, read off at the boxes' centres; both greens are averaged."""
    from pipeline.kernels.apart import apart
    from pipeline.kernels.source_extractor import plane_backgrounds

    data = frame.above_black()
    bad = ~np.isfinite(data)
    step = 1 if frame.pattern == "none" else 2
    planes = colour_planes(frame.pattern)
    arrays = [
        np.ascontiguousarray(array[row::step, column::step]) for _, row, column in planes for array in (data, bad)
    ]
    if any(mask.all() for mask in arrays[1::2]):
        raise _no_box(frame, 0)
    # sep holds the interpreter's lock.
    made = apart(
        plane_backgrounds, arrays, box_size=box_size, step=step, filter_size=filter_size, shape=list(frame.shape)
    )
    meshes = []
    for kind in (0, 1):
        found = {
            name: [made[2 * i + kind] for i, (colour, _, _) in enumerate(planes) if colour == name] for name in names
        }
        meshes.append([np.mean(found[name], axis=0) for name in names])
    return meshes[0], meshes[1]
