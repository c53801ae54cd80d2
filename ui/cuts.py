"""What is sent of an image: a cut as columns for the browser, its limits, histogram and contours."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from pipeline.zscale import zscale
from ui.contours import Contours, contours
from ui.picture_parts import STRIP
from ui.pyramid import Moved, Pyramid
from ui.stretch import PERCENTILES, VIEWS, View, limits_of

_BARS = 140
_SAMPLE = 10_000


Held = tuple[str, Pyramid, str]
T = TypeVar("T")


def _once(function: Callable[[Pyramid], T]) -> Callable[[Pyramid], T]:
    """Compute a fact of a pyramid once, and forget it with the pyramid (a common cache would keep its pixels)."""
    known: weakref.WeakKeyDictionary[Pyramid, T] = weakref.WeakKeyDictionary()

    @functools.wraps(function)
    def remembered(pyramid: Pyramid) -> T:
        if pyramid not in known:
            known[pyramid] = function(pyramid)
        return known[pyramid]

    return remembered


@_once
def bars(pyramid: Pyramid) -> list[int]:
    """Counts of the pixels between the ends of the limits' strip."""
    noise = pyramid.noise or 1.0
    low, high = (pyramid.level + sigma * noise for sigma in STRIP)
    return pyramid.histogram(low, high, _BARS).tolist()


@_once
def map_lines(pyramid: Pyramid) -> Contours:
    """Contours of the coarsest level."""
    depth = len(pyramid.levels) - 1
    return contours(pyramid.levels[depth], 1 << depth)


@_once
def _percentiles(pyramid: Pyramid) -> tuple[float, ...]:
    return pyramid.percentiles(*PERCENTILES)


@_once
def _zscale(pyramid: Pyramid) -> tuple[float, float]:
    return zscale(pyramid.sample(_SAMPLE))


@_once
def _spread(pyramid: Pyramid) -> float:
    values = pyramid.sample(_SAMPLE)
    return 1.4826 * float(np.median(np.abs(values - np.median(values)))) if values.size else 0.0


def limits(pyramid: Pyramid, view: View) -> tuple[float, float]:
    """Values drawn darkest and brightest where the sky's noise does not say so."""
    if view.colours == "grey":
        return _percentiles(pyramid)
    if view.reach and _spread(pyramid) > 0:
        return -view.reach * _spread(pyramid), view.reach * _spread(pyramid)
    return limits_of(view, pyramid.low, pyramid.high)


def cut_columns(held: Held, asked: Mapping[str, float], moved: Moved | None = None) -> dict[str, list[Any]]:
    """One row with a cut of the range asked for and all that the browser needs to draw it.

    Parameters
    ----------
    held : (str, Pyramid, str)
        The result's key, its pixels, and the kind of picture.
    asked : mapping of str to float
        ``x0``, ``x1``, ``y0``, ``y1`` [px] and the screen's ``width``, ``height``; what is missing means the whole.
    moved : callable, optional
        From where in the image each place of the picture is drawn.
    """
    key, pyramid, kind = held
    view = VIEWS[kind]
    ny, nx = pyramid.shape
    box = [
        asked.get(name, default) for name, default in zip(("x0", "x1", "y0", "y1"), (-0.5, nx, -0.5, ny), strict=True)
    ]
    cut = pyramid.cut(*box, asked.get("width", 900), asked.get("height", 600), moved)
    bottom, top = limits(pyramid, view)
    columns = {
        "values": cut.values, "exact": cut.exact, "low": cut.low, "high": cut.high, "power": cut.power,
        "step": cut.step, "x": cut.x, "y": cut.y, "width": cut.width, "height": cut.height, "nx": nx, "ny": ny,
        "noise": pyramid.noise or 1.0, "level": pyramid.level, "bottom": bottom, "top": top,
        "zscale": _zscale(pyramid) if view.sky else (bottom, top),
        "nan": pyramid.has_nan or moved is not None, "sky": view.sky, "smooth": view.smooth, "colours": view.colours,
        "unit": view.unit, "label": view.label, "home": view.home,
        "key": f"{kind} {key}",
    }  # fmt: skip
    return {name: [value] for name, value in columns.items()}
