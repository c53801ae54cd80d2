"""How fluxes are written in a run: a table for each frame and for each stack, and the light curves."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline import products_photometry
from pipeline.frame import FrameError
from pipeline.magnitudes import place_and_filter

if TYPE_CHECKING:
    from pipeline.alignment import Stack
    from pipeline.frame import FrameInfo
    from pipeline.graph.writers import Work
    from pipeline.photometry import Photometry
    from pipeline.recipe import Recipe


def fluxes(work: Work) -> None:
    """One frame's fluxes."""
    _write(work, work.ask("psf_photometry"), work.light, work.stem)


def light_curves(work: Work) -> None:
    """All stars through all frames, where there is more than one frame."""
    frames, tracks = work.ask("frames").frames, work.ask("tracks")
    if tracks.used.sum() < 2:
        return
    try:
        curves = work.ask("lightcurves")
    except FrameError as error:
        # Every frame's table is as good as before.
        work.warnings.append(str(error))
        return
    work.warnings += curves.warnings
    # They tell of all frames, so another try writes them anew.
    files = [frames[i].file for i in curves.frame]
    work.written += products_photometry.write_lightcurves(work.job.out, curves, files)


def of_stack(work: Work, stack: Stack, name: str, origin: tuple[int, int]) -> None:
    """Fluxes of a stack that was written, by the same stages as those of a frame alone.

    ``origin`` is the column and row of the reference that are the stack's first.
    """
    graph, frame = work.graph, _of_first(work, stack)
    try:
        night = graph.open([work.job.out / name])
        recipe = _recipe_of_stack(
            work.job.recipe, stack, None if frame is None else frame.gain, _known_places(work, origin)
        )
        made = graph.result(night, recipe, "psf_photometry", 0)
        info = graph.result(night, recipe, "frames").frames[0]
    except FrameError as error:
        # The stack is as good as before.
        work.warnings.append(str(error))
        return
    if frame is not None and frame.gain is not None:
        made = replace(made, gain_source=f"{frame.gain_source}, {made.gain / frame.gain:.3g} times for {name}")
    _write(work, made, info, name.removesuffix(".fits"))


def _of_first(work: Work, stack: Stack) -> Photometry | None:
    """Fluxes of the first frame of a stack; None where it was moved by its box alone and its stars are not followed."""
    try:
        return work.ask("psf_photometry", stack.indices[0])
    except FrameError:
        return None


def _known_places(work: Work, origin: tuple[int, int]) -> dict[str, float]:
    """The known stars by where they are in a stack, whose stars have other numbers."""
    known = work.job.recipe["psf_photometry"]["known"]
    if not known:
        return {}
    tracks, places = work.ask("tracks"), {}
    for name, magnitude in known.items():
        place, wanted = place_and_filter(name)
        if "," in place:
            x, y = map(float, place.split(","))
        elif int(place) < tracks.x.shape[1]:
            x, y = (float(values[tracks.reference, int(place)]) for values in (tracks.x, tracks.y))
        else:
            # The frames' own warnings have told of it.
            continue
        places[f"{x - origin[0]:.2f},{y - origin[1]:.2f} {wanted}".strip()] = magnitude
    return places


def _recipe_of_stack(recipe: Recipe, stack: Stack, gain: float | None, known: dict[str, float]) -> Recipe:
    """The run's own recipe without what was done to the frames before, and with the gain that a stack of them has."""
    # An ADU of a mean holds photons of all its frames; a median is as sure as a mean of fewer.
    many = min(stack.gain**2, len(stack.files)) if math.isfinite(stack.gain) else 1.0
    recipe = recipe.with_knobs("frames", reference=None, pattern=stack.pattern, overscan="off", kinds={})
    recipe = recipe.with_knobs("hot_pixels", find="off").with_knobs("calibrated", cosmic_rays="off")
    recipe = recipe.with_knobs("selection", rejected={}, limits={})
    gain = None if gain is None else float(gain * many)
    return recipe.with_knobs("psf_photometry", gain=gain, known=known, comparison=None)


def _write(work: Work, made: Photometry, light: FrameInfo, stem: str) -> None:
    work.warnings += [f"{light.file}: {warning}" for warning in made.warnings]
    table = products_photometry.photometry_table(made, light.file, "" if light.time is None else light.time.isot)
    work.write(f"{stem}.photometry.ecsv", functools.partial(products_photometry.write_photometry, table=table))
    growth, header = products_photometry.growth_table(made), work.header(light)
    writer = functools.partial(products_photometry.write_photometry_fits, table=table, growth=growth, header=header)
    work.write(f"{stem}.photometry.fits", writer)
