"""The shift that brings each frame onto the reference: from the tracks, from one star in a box, or by their pattern."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as ListLike
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from pipeline.alignment import Shifts
from pipeline.frame import Failure, FrameError, Normalized, Sequence, readonly
from pipeline.knob import Knob, Point
from pipeline.stage import stage
from pipeline.stages import box_star
from pipeline.stages.ledger import star_points
from pipeline.tables import Selection, StarTable, Tracks

if TYPE_CHECKING:
    from pipeline.kernels.register import Points

_NO_POINTS: Mapping[str, Point] = MappingProxyType({})
_NO_SIZES: Mapping[str, float] = MappingProxyType({})
#: Brightest stars that astroalign compares, and how near a star must come to its partner's place, pixels.
PATTERN_STARS, NEAR = 50, 3.0
LEAST_PAIRS = 5
#: Side of the smallest box in which a star is measured again, pixels.
LEAST_BOX = 9.0


def _spared(knobs: Mapping[str, Any]) -> tuple[str, ...]:
    """Inputs that a method does not look at."""
    return {"tracks": ("stars", "normalize"), "box": ("tracks",), "pattern": ("tracks", "normalize")}[knobs["method"]]


@stage(version=1, scope="sequence", lazy=("normalize",), without=_spared)
def shifts(
    frames: Sequence,
    selection: Selection,
    stars: ListLike[StarTable | Failure] | None,
    tracks: Tracks | None,
    normalize: ListLike[Normalized | Failure] | None,
    *,
    method: Annotated[
        Literal["tracks", "box", "pattern"],
        Knob("from all stars that were followed, from one star in a box, or from the pattern of the brightest stars"),
    ] = "tracks",
    box_center: Annotated[
        Point | None,
        Knob("middle of the box about the star, x and y; auto: the brightest lonely star", "px", none="auto"),
    ] = None,
    box_size: Annotated[float, Knob("side of the box", "px", 8, 1000, 1)] = 30.0,
    box_centers: Annotated[
        dict[str, Point], Knob("middle of the box in the frames of one folder, such as a night")
    ] = _NO_POINTS,
    box_sizes: Annotated[
        dict[str, float], Knob("side of the box in the frames of one folder", "px", 8, 1000)
    ] = _NO_SIZES,
    local_sky: Annotated[
        Literal["frame", "box"], Knob("where the level under the star is taken from: its box or the whole frame")
    ] = "box",
    centroid: Annotated[
        Literal["2dg", "1dg", "com"], Knob("the star's place: a Gaussian in two dimensions, one in each, or its mass")
    ] = "2dg",
    pre_shift: Annotated[
        dict[str, Point], Knob("rough shift of a frame before which the mount jumped: file = [x, y]")
    ] = _NO_POINTS,
) -> Shifts:
    """Measure how each frame must be shifted to lie on the reference.

    Parameters
    ----------
    frames : Sequence
        The lights.
    selection : Selection
        Frames that are to be used.
    stars : list of StarTable or Failure
        One for each frame; not for the method tracks.
    tracks : Tracks
        For the method tracks alone.
    normalize : list of Normalized or Failure
        One for each frame; for the method box alone.
    method, box_center, box_size, box_centers, box_sizes, local_sky, centroid, pre_shift
        The knobs. The box follows the star from frame to frame, outward from the reference; a frame with a
        ``pre_shift``, and the first one of a folder with a box of its own, begin anew. ``pattern`` matches triangles of
        stars by astroalign (Beroiz, Cabral and Sanchez 2020, Astronomy and Computing 32, 100384), then fits a
        similarity to all stars that come together.

    Returns
    -------
    Shifts
        A shift is the opposite of the displacement of the frame's centre; with a box, of that of its star.

    Raises
    ------
    FrameError
        Where the reference itself cannot be measured.
    """
    if method == "tracks":
        return _by_tracks(tracks)
    table = _Table(frames, selection)
    if method == "pattern":
        _by_pattern(table, stars)
        return table.close(method)
    if box_center is None:
        box_center = box_star.brightest_star(_good(stars[frames.reference]), box_size)
    way = _Box(tuple(box_center), box_size, box_centers, box_sizes, local_sky, centroid, pre_shift)
    box = _by_box(table, normalize, way)
    return table.close(method, box)


def _good(result: Any) -> Any:
    """A frame's result, or its failure raised."""
    if isinstance(result, Failure):
        raise FrameError(result.file, *result.message.removeprefix(f"{result.file}: ").rsplit(": ", 1))
    return result


def _by_tracks(tracks: Tracks) -> Shifts:
    """Shift of the transform's centre; what remains is the median star's."""
    from pipeline.stages.tracks import displacement

    count = len(tracks.used)
    moves = np.array([displacement(tracks, i) if tracks.used[i] else (np.nan, np.nan) for i in range(count)])
    ny, nx = tracks.shape
    left = np.full((count, 2), np.nan)
    for i in np.flatnonzero(tracks.used):
        offset = np.stack([tracks.x_offset[i], tracks.y_offset[i]], axis=1)
        offset = offset[np.isfinite(offset).all(axis=1)]
        if len(offset):
            left[i] = np.median(offset, axis=0) - moves[i]
    position = moves + np.array([(nx - 1) / 2, (ny - 1) / 2])
    return Shifts(
        *(readonly(column.copy()) for column in (*(-moves + 0.0).T, *position.T, *left.T)),
        used=readonly(tracks.used.copy()),
        reason=tracks.reason,
        reference=tracks.reference,
        shape=tracks.shape,
        method="tracks",
    )


@dataclass
class _Table:
    """Shifts while they are measured."""

    frames: Sequence
    selection: Selection
    shift: np.ndarray = field(init=False)
    position: np.ndarray = field(init=False)
    left: np.ndarray = field(init=False)
    reason: list[str] = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.frames.frames)
        self.shift, self.position, self.left = (np.full((count, 2), np.nan) for _ in range(3))
        self.reason = list(self.selection.reason)

    def outward(self) -> list[int]:
        """Usable frames, the reference first, then those after it and those before it, nearest first."""
        reference, count = self.frames.reference, len(self.reason)
        order = [reference, *range(reference + 1, count), *range(reference - 1, -1, -1)]
        return [i for i in order if not self.reason[i]]

    def enter(self, index: int, position: np.ndarray, shift: np.ndarray, left: np.ndarray) -> None:
        """Note what was measured."""
        self.position[index], self.shift[index], self.left[index] = position, np.add(shift, 0.0), left

    def leave_out(self, index: int, error: FrameError) -> None:
        """Note why a frame has no shift; without the reference's there is none at all."""
        file = self.frames.frames[index].file
        error = FrameError(error.file or file, error.problem, error.remedy)
        if index == self.frames.reference:
            raise error
        self.reason[index] = str(error)

    def close(self, method: str, box: tuple[float, float, float] | None = None) -> Shifts:
        """The finished table."""
        used = np.array([not reason for reason in self.reason], bool)
        columns = (*self.shift.T, *self.position.T, *self.left.T)
        return Shifts(
            *(readonly(column.copy()) for column in columns), readonly(used), tuple(self.reason),
            self.frames.reference, self.frames.shape, method, box,
        )  # fmt: skip


@dataclass(frozen=True)
class _Box:
    """Where boxes stand and how a star is measured in them."""

    center: tuple[float, float]
    size: float
    centers: Mapping[str, Point]
    sizes: Mapping[str, float]
    local_sky: str
    centroid: str
    pre_shift: Mapping[str, Point]


def _by_box(table: _Table, normalize: ListLike[Normalized | Failure], way: _Box) -> tuple[float, float, float]:
    """Follow one star; returns the reference's box."""
    reference = table.frames.reference
    last: dict[Any, np.ndarray] = {}
    home: _Star | None = None
    for index in table.outward():
        own, expected, size = _place(table.frames, index, way)
        side = index >= reference
        if expected is None:
            # The first frame before the reference goes on from the reference.
            expected = last.get((own, side), np.array(way.center if own is None else own, float))
        try:
            star = _measured(_good(normalize[index]), expected, size, way)
            home = home or star
            star.check(home)
        except FrameError as error:
            table.leave_out(index, error)
            continue
        shift = home.position - star.position
        table.enter(index, star.position, shift, star.again + shift - home.again)
        last.update({(own, one): star.position for one in ((True, False) if index == reference else (side,))})
    return (*way.center, way.size)


@dataclass(frozen=True)
class _Star:
    """A star in its box, measured twice: the second time in a box half as large, and its light, ADU."""

    position: np.ndarray
    again: np.ndarray
    light: float

    def check(self, home: _Star) -> None:
        """Raise a FrameError where it cannot be the reference's star."""
        if 1 / box_star.MOST_CHANGE < self.light / home.light < box_star.MOST_CHANGE:
            return
        x, y = self.position
        told = f"{self.light:.0f} ADU, there {home.light:.0f}"
        problem = f"the star in the box at ({x:.0f}, {y:.0f}) is not the reference's ({told})"
        raise FrameError("", problem, "give the frame a shifts.pre_shift, or leave it out")


def _place(frames: Sequence, index: int, way: _Box) -> tuple[Any, np.ndarray | None, float]:
    """A folder's own box, the place that a pre-shift gives (None: where the star was before), and the box's side."""
    info = frames.frames[index]
    own = box_star.for_folder(way.centers, info)
    size = box_star.for_folder(way.sizes, info) or way.size
    jump = box_star.for_file(way.pre_shift, frames, index)
    return own, None if jump is None else np.array(way.center if own is None else own, float) - jump, size


def _measured(picture: Normalized, expected: np.ndarray, size: float, way: _Box) -> _Star:
    sky = box_star.frame_level(picture.image) if way.local_sky == "frame" else None
    place, again = expected, []
    # What drew the centre aside from the outer parts of the box is not in the smaller one.
    for side in (size, max(size / 2, LEAST_BOX)):
        place = np.array(box_star.measured(picture.image, tuple(place), side, sky, way.centroid, picture.noise))
        again.append(place)
    return _Star(*again, box_star.light_of(picture.image, tuple(again[0]), size))


def _by_pattern(table: _Table, stars: ListLike[StarTable | Failure]) -> None:
    """A similarity between the brightest stars of each frame and the reference's."""
    from pipeline.kernels.polynomial import geometry

    reference = table.frames.reference
    centre = np.array(geometry(table.frames.shape)[:2])
    there: Points | None = None
    for index in table.outward():
        try:
            here = _points(_good(stars[index]))
            if there is None:
                there = here
            if index == reference:
                table.enter(index, centre, np.zeros(2), np.zeros(2))
                continue
            position, left = _matched(there, here, centre, table.frames.shape)
        except FrameError as error:
            table.leave_out(index, error)
            continue
        table.enter(index, position, centre - position, left)


def _points(stars: StarTable) -> Points:
    """A frame's stars, the brightest first."""
    points = star_points(stars, "winpos")
    if len(points) < LEAST_PAIRS:
        raise FrameError("", f"too few stars for a pattern ({len(points)})", "lower stars.threshold or leave it out")
    return points[np.argsort(-points.brightness, kind="stable")]


def _matched(there: Points, here: Points, centre: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Where the reference's centre lies here, and what remains of the median pair after the shift."""
    import astroalign

    from pipeline.kernels.match import nearest_one_to_one
    from pipeline.kernels.polynomial import apply, fit_transform

    remedy = "leave it out, or use shifts.method = tracks or box"
    try:
        first, _ = astroalign.find_transform(there.position[:PATTERN_STARS], here.position[:PATTERN_STARS])
    except (astroalign.MaxIterError, ValueError, TypeError) as error:
        raise FrameError("", f"its pattern of stars does not fit the reference's ({error})", remedy) from None
    transform = _centred(first.params, shape)
    rows = np.zeros(0, np.int64)
    # Which triangles astroalign tries first is chance; pairs of all stars, taken until they stay, are not.
    for _ in range(10):
        at = np.stack(apply(transform, *there.position.T, shape), axis=1)
        mine, theirs = nearest_one_to_one(at, here.position, NEAR)
        if len(mine) < LEAST_PAIRS:
            raise FrameError("", f"too few stars fit the reference's pattern ({len(mine)})", remedy)
        before, after = there.position[mine], here.position[theirs]
        error = np.hypot(there.error[mine], here.error[theirs])
        transform = fit_transform(before, after, error, transform, shape, model="similarity").transform
        if np.array_equal(mine, rows):
            break
        rows = mine
    position = np.array([float(value[0]) for value in apply(transform, centre[:1], centre[1:], shape)])
    left = np.median(after - before, axis=0) - (position - centre)
    return position, left


def _centred(matrix: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A 3 x 3 matrix of positions as a transform about the frame's centre."""
    from pipeline.kernels.polynomial import geometry

    centre_x, centre_y, scale = geometry(shape)
    turn = matrix[:2, :2]
    return np.column_stack([turn @ (centre_x, centre_y) + matrix[:2, 2], turn * scale])
