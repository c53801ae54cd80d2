"""What two recipes make otherwise of the same frame: knobs, stars gained and lost, offset maps. No widgets."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.frame import FrameError
from pipeline.graph.request import Night, Request, Ticket
from pipeline.graph.run import Graph
from pipeline.kernels.match import nearest_one_to_one
from pipeline.knob import KnobSpec
from pipeline.recipe import Recipe
from pipeline.stage import STAGES
from pipeline.tables import OffsetMap, StarTable, Tracks
from ui.knobs import title, value_text
from ui.map_facts import coarse, rms_difference
from ui.stretch import VIEWS, limits_of, number

COLUMNS = 186
# So many names are written out.
FEW = 3
_NO_VALUE = 255


@dataclass(frozen=True, eq=False)
class StarsApart:
    """The stars of one frame by two recipes.

    Parameters
    ----------
    gained, lost : ndarray, shape (2, n)
        x and y of the stars that only the first recipe, and only the second, keeps, pixels.
    both : int
        Stars that both keep.
    """

    gained: np.ndarray
    lost: np.ndarray
    both: int

    @property
    def counts(self) -> tuple[int, int]:
        """How many stars the first and the second recipe keep."""
        return self.both + self.gained.shape[1], self.both + self.lost.shape[1]


@dataclass(frozen=True, eq=False)
class MapApart:
    """How far two offset maps are apart in one axis, the first minus the second.

    Parameters
    ----------
    rms : float
        Over all pixels, pixels.
    low, high : float
        Ends of the colours, pixels.
    codes : ndarray of uint8, shape (rows, columns)
        Sampled difference from low (0) to high (254); 255 where there is no value.
    """

    rms: float
    low: float
    high: float
    codes: np.ndarray

    def drawn(self) -> dict[str, Any]:
        """What the browser needs to draw it."""
        span = 10 * (self.high - self.low)
        return {
            "rms": f"{number(self.rms)}\u2009px",
            "low": number(self.low, span),
            "high": f"{number(self.high, span)} px",
            "width": self.codes.shape[1],
            "height": self.codes.shape[0],
            "codes": base64.b64encode(self.codes.tobytes()).decode("ascii"),
        }


def knobs_apart(one: Recipe, other: Recipe) -> list[tuple[str, str, str]]:
    """The knobs in which two recipes differ: name, value in the first, value in the second."""
    rows = []
    for name, stage in STAGES.items():
        for knob, spec in stage.knobs.items():
            values = one[name][knob], other[name][knob]
            if values[0] != values[1]:
                rows.append((f"{title(name)}, {knob.replace('_', ' ')}", *(_text(spec, value) for value in values)))
    return rows


def _text(spec: KnobSpec, value: Any) -> str:
    if isinstance(value, dict) and not 0 < len(value) <= FEW:
        return f"{len(value)} named" if value else "none"
    # Two that name as many would look alike, were they only counted.
    return (
        "; ".join(f"{name}: {word}" for name, word in value.items())
        if spec.kind == "words"
        else value_text(spec, value)
    )


def stars_apart(here: StarTable, there: StarTable) -> StarsApart:
    """Which stars two recipes keep in one frame; the same star lies within half a fwhm, or a pixel."""
    places = [
        np.stack([stars["xcentroid"][stars.kept], stars["ycentroid"][stars.kept]], axis=1) for stars in (here, there)
    ]
    reach = max(1.0, min(here.fwhm, there.fwhm) / 2)
    first, second = nearest_one_to_one(*places, reach)
    alone = [np.delete(place, rows, axis=0).T for place, rows in zip(places, (first, second), strict=True)]
    return StarsApart(alone[0], alone[1], len(first))


def map_apart(one: np.ndarray, other: np.ndarray) -> MapApart:
    """How far one map of offsets is from another, each of shape (ny, nx), pixels."""
    small = coarse(one, COLUMNS) - coarse(other, COLUMNS)
    finite = np.isfinite(small)
    values = small[finite]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    low, high = limits_of(VIEWS["x_difference"], low, high)
    codes = np.full(small.shape, _NO_VALUE, np.uint8)
    codes[finite] = np.clip(np.rint((values - low) / (high - low) * (_NO_VALUE - 1)), 0, _NO_VALUE - 1)
    return MapApart(rms_difference(one, other), low, high, codes)


class Rival:
    """Another recipe on the same files: its results for the frame of a name.

    Parameters
    ----------
    graph : Graph
        Makes and keeps results.
    night : Night
        The files.
    recipe : Recipe
        The knobs.
    ticket : Ticket
        Withdraws what is asked for.
    progress : callable, optional
        Called with a stage, frames done and frames in all.
    """

    def __init__(
        self,
        graph: Graph,
        night: Night,
        recipe: Recipe,
        ticket: Ticket,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> None:
        self._request = Request(graph, night, recipe, ticket, progress)

    def file(self, frame: int) -> str:
        """The name of the file that a frame's number stands for."""
        return self._request.sequence().frames[frame].file

    def stars(self, file: str) -> StarTable:
        """The stars of a file."""
        return self._request.get("stars", self.number(file))

    def tracks(self) -> Tracks:
        """The tracks of all files."""
        return self._request.get("tracks")

    def maps(self, file: str) -> OffsetMap:
        """The offset maps of a file."""
        return self._request.get("offset_map", self.number(file))

    def number(self, file: str) -> int:
        """The number of a file's frame."""
        names = [info.file for info in self._request.sequence().frames]
        if file not in names:
            raise FrameError(file, "is left out by one of the two recipes", "choose another frame, or another recipe")
        return names.index(file)
