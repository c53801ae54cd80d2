"""Results as what the page draws: markers, histograms, sentences. Plain functions, no widgets."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from pipeline.alignment import FLAG, Shifts, Stacks
from pipeline.frame import Background, Frame, HotPixels, Normalized, Sequence
from pipeline.kernels import polynomial
from pipeline.kernels.match import nearest_one_to_one
from pipeline.masters import Master, MasterDarks, MasterFlats
from pipeline.photometry import Mask
from pipeline.tables import OffsetMap, Reason, StarTable, Status, Tracks

COMPLETE, PARTIAL, LOST, REJECTED, OTHER = range(5)
#: A star that the reference has not, in the words of the picture's legend.
UNFOLLOWED = "not in ref."
MEASURES = ("strength", "sharpness", "roundness1", "roundness2")
SENTENCES = {
    Status.FAINT: "too faint",
    Status.OUTSIDE: "left the field",
    Status.BLENDED: "blended",
    Status.SATURATED: "saturated",
    Status.MASKED: "masked",
    Status.AMBIGUOUS: "claimed twice",
    Status.MOVED: "moved away",
    Status.FRAME: "in a frame that is not used",
    Status.HOT: "hot pixels",
}


def strength(stars: StarTable) -> np.ndarray:
    """Peak of the convolved image in sigma, which the threshold cuts."""
    return stars["convolved"] / stars.noise


def judged(stars: StarTable, tracks: Tracks | None, frame: int) -> StarTable:
    """A frame's candidates, of which those that the tracks found to be hot pixels of the reference are no stars."""
    if tracks is None or frame != tracks.reference or not (tracks.status[frame] == Status.HOT).any():
        return stars
    if not belongs(tracks, stars, frame):
        return stars
    alone = stars.reason == Reason.STAR
    alone[tracks.row[frame][tracks.row[frame] >= 0]] = False
    return replace(stars, reason=np.where(alone, Reason.HOT, stars.reason).astype(stars.reason.dtype))


def markers(stars: StarTable, tracks: Tracks | None, frame: int, *, old: bool = False) -> dict[str, np.ndarray]:
    """A marker for each candidate of a frame, and for each star of the reference that was not measured in it.

    Parameters
    ----------
    stars : StarTable
        The frame's candidates with their reasons.
    tracks : Tracks or None
        Tracks whose rows name candidates of this very table.
    frame : int
        Number of the frame.
    old : bool
        The tracks are those of the knobs before: what is rejected since then is no star of theirs any more, and stars
        of a table made anew keep what they were.

    Returns
    -------
    dict of str to ndarray
        The columns that ``Picture.set_markers`` takes; the reason of a star that is lost is its Status.
    """
    count, stars = len(stars), judged(stars, tracks, frame)
    x, y = places(stars)
    columns = {
        "x": x,
        "y": y,
        "id": np.full(count, -1),
        "code": np.where(stars.reason == Reason.STAR, OTHER, REJECTED),
        "reason": stars.reason,
        "strength": strength(stars),
        **{name: stars[name] for name in MEASURES[1:]},
    }
    if tracks is None or frame >= len(tracks.row):
        return columns
    if belongs(tracks, stars, frame):
        ids = np.flatnonzero(tracks.row[frame] >= 0)
        rows = tracks.row[frame, ids]
        columns["x"][rows], columns["y"][rows] = tracks.x[frame, ids], tracks.y[frame, ids]
    elif old:
        ids, rows = _same_places(tracks, stars, frame)
    else:
        return columns
    if old:
        kept = stars.reason[rows] == Reason.STAR
        ids, rows = ids[kept], rows[kept]
    columns["id"][rows] = ids
    columns["code"][rows] = np.where(tracks.complete[ids], COMPLETE, PARTIAL)
    return _with_lost(columns, tracks, frame)


def _same_places(tracks: Tracks, stars: StarTable, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Stars of tracks and rows of a table that was made anew, where both lie at one place of the frame."""
    ids = np.flatnonzero(tracks.measured[frame])
    there = np.column_stack([tracks.x[frame, ids], tracks.y[frame, ids]])
    which, rows = nearest_one_to_one(there, np.column_stack(places(stars)), max(1.0, stars.fwhm / 2))
    return ids[which], rows


def map_stars(maps: OffsetMap, tracks: Tracks, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the stars that made a map are, and those that it leaves out, each of shape (2, n), pixels.

    There are none where the frame is the reference itself, whose map is not drawn.
    """
    if frame == tracks.reference:
        return np.empty((2, 0)), np.empty((2, 0))
    there = np.stack([tracks.x[frame], tracks.y[frame]])
    known = [ids[ids < there.shape[1]] for ids in (maps.stars, maps.clipped)]
    return there[:, known[0]], there[:, known[1]]


def map_facts(maps: OffsetMap) -> tuple[str, str]:
    """How a map was made: "polynomial, order 3" and "416 stars, 5 clipped"."""
    order = f", order {maps.order}" if maps.order else ""
    return f"{maps.method}{order}", f"{len(maps.stars)} stars, {len(maps.clipped)} clipped"


def belongs(tracks: Tracks, stars: StarTable, frame: int) -> bool:
    """Whether tracks name rows of this table, and not of one made with other knobs before."""
    if frame >= len(tracks.row):
        return False
    ids = np.flatnonzero(tracks.row[frame] >= 0)
    rows = tracks.row[frame, ids]
    if not len(rows) or rows.max() >= len(stars):
        return not len(rows)
    x, y = places(stars)
    there = np.stack([tracks.x[frame, ids], tracks.y[frame, ids]], axis=1)
    if float(np.median(np.hypot(there[:, 0] - x[rows], there[:, 1] - y[rows]))) < 1.0:
        return True
    from scipy.spatial import cKDTree

    # Method previous has a star where the light about its place has its centre, and names the row that is nearest.
    return float(np.mean(cKDTree(np.stack([x, y], axis=1)).query(there)[1] == rows)) > 0.5


def places(stars: StarTable) -> tuple[np.ndarray, np.ndarray]:
    """Where the candidates are, pixels: their centres, and the brightest pixel where no centre could be told."""
    centres = (("xcentroid", "x_peak"), ("ycentroid", "y_peak"))
    x, y = (np.where(np.isfinite(stars[own]), stars[own], stars[peak]) for own, peak in centres)
    return x, y


def _with_lost(columns: dict[str, np.ndarray], tracks: Tracks, frame: int) -> dict[str, np.ndarray]:
    """Crosses where the transform says that stars should be."""
    lost, x, y = _lost_places(tracks, frame)
    if not len(lost):
        return columns
    added = {name: np.full(len(lost), np.nan) for name in MEASURES}
    added |= {"x": x, "y": y, "id": lost, "code": np.full(len(lost), LOST)}
    # A lost star passes every cut of the knobs: the tracks decide about it, not this frame's table.
    added["strength"] = np.full(len(lost), np.inf)
    added["reason"] = tracks.status[frame, lost].astype(int)
    return {name: np.concatenate([values, added[name]]) for name, values in columns.items()}


def _lost_places(tracks: Tracks, frame: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stars that a frame has not though their places lie in it, by number, and those places, pixels."""
    lost = np.flatnonzero(~tracks.measured[frame])
    if not len(lost) or not np.isfinite(tracks.transform[frame]).all():
        return np.empty(0, int), np.empty(0), np.empty(0)
    reference = tracks.reference
    x, y = polynomial.apply(tracks.transform[frame], tracks.x[reference, lost], tracks.y[reference, lost], tracks.shape)
    inside = (x > -0.5) & (y > -0.5) & (x < tracks.shape[1] - 0.5) & (y < tracks.shape[0] - 0.5)
    return lost[inside], x[inside], y[inside]


def _fates(tracks: Tracks, frame: int, among: np.ndarray | None) -> tuple[int, list[str], int]:
    """How many stars are lost in a frame, what became of them, and how many others lie beyond it.

    Of a frame whose stars have no known places all are lost in it.
    """
    lost = ~tracks.measured[frame] if among is None else among & ~tracks.measured[frame]
    here = lost.copy()
    if np.isfinite(tracks.transform[frame]).all():
        here[:] = False
        here[_lost_places(tracks, frame)[0]] = True
        here &= lost
    # One that has its place within a star's width of the edge has left the field, and is marked all the same.
    words = {**SENTENCES, Status.OUTSIDE: "at the edge"}
    missing = Counter(tracks.status[frame, here].tolist()).most_common()
    fates = [f"{count} {words.get(Status(code), Status(code).word)}" for code, count in missing]
    return int(here.sum()), fates, int(lost.sum() - here.sum())


def why_lost(tracks: Tracks, frame: int, among: np.ndarray | None = None) -> str:
    """Say what became of those that a frame has not: "3 in the field (2 blended, 1 moved away), 20 left it"."""
    here, fates, gone = _fates(tracks, frame, among)
    told = f"{here} in the field ({', '.join(fates)})" if len(fates) > 1 else "".join(fates)
    left = f"{gone} left {'it' if len(fates) > 1 else 'the field'}" if gone else ""
    return ", ".join(filter(None, (told, left)))


def why_marked_lost(tracks: Tracks, frame: int) -> str:
    """Say what became of the stars that are marked as lost in a frame, and how many more have left it."""
    _, fates, gone = _fates(tracks, frame, None)
    told = f"their place lies in this frame: {', '.join(fates)}" if fates else ""
    left = f"{gone} {'more ' if told else ''}left the field" if gone else ""
    return "; ".join(filter(None, (told, left)))


def why_rejected(stars: StarTable) -> str:
    """Say what took them out that are above the threshold: "105 sharpness, 16 roundness"."""
    rejected = Counter(stars.reason[~np.isin(stars.reason, (Reason.STAR, Reason.THRESHOLD))].tolist())
    return ", ".join(f"{count} {Reason(code).word}" for code, count in rejected.most_common())


def measured(stars: StarTable, measure: str) -> np.ndarray:
    """The values whose histogram stands behind a knob: of all candidates, stars or not."""
    if measure == "peak":
        return strength(stars)
    if measure == "roundness":
        return np.concatenate([stars["roundness1"], stars["roundness2"]])
    return stars[measure]


def summary(name: str, result: object) -> list[str]:
    """What came out of a stage: a number, and the words after it."""
    writers = {
        "frames": _frames,
        "hot_pixels": _hot,
        "master_bias": _bias,
        "master_dark": _darks,
        "master_flat": _flats,
        "calibrated": _calibrated,
        "mask": _mask,
        "background": _sky,
        "normalize": _factors,
        "candidates": _candidates,
        "stars": _stars,
        "tracks": _tracks,
        "offset_map": _map,
        "shifts": _shifts,
        "aligned": _aligned,
        "stack": _stacks,
    }
    return writers[name](result) if name in writers and result is not None else ["", ""]


def aside(name: str, result: object) -> str:
    """Why a stage had nothing to do, as its row says it: "no files"; "" where it had."""
    if name == "hot_pixels" and isinstance(result, HotPixels):
        return "off" if result.mask is None and result.source != "frame" else ""
    if isinstance(result, Master):
        return "no files" if result.image is None else ""
    if isinstance(result, (MasterDarks, MasterFlats)):
        return "" if result.masters else "no files"
    if isinstance(result, Mask):
        return "nothing masked" if result.image is None else ""
    return "one colour" if isinstance(result, Normalized) and result.pattern == "none" else ""


def _frames(sequence: Sequence) -> list[str]:
    unusable, rest = sum(map(bool, sequence.unusable)), len(sequence.left_out)
    count = len(sequence.frames)
    files = f" of {count + rest} files" if rest else ""
    tail = f", {unusable} of them cannot be used" if unusable else ""
    tail += ". The tab Frames says why for each" if rest or unusable else ""
    return [str(count), f"lights{files}, {sequence.shape[1]} × {sequence.shape[0]} px{tail}"]


def _hot(hot: HotPixels) -> list[str]:
    if hot.mask is None:
        return ["", "each frame is searched by itself" if hot.source == "frame" else "none are looked for"]
    return [str(int(hot.mask.sum())), f"hot pixels, found in the {hot.source}"]


def _bias(bias: Master) -> list[str]:
    if bias.image is None:
        return ["", "no bias frames are open: the lights are used without. Open a folder that has some"]
    return [str(bias.count), f"frames, {bias.level:.4g}\u2009ADU; {_quieter(bias)}"]


def _darks(darks: MasterDarks) -> list[str]:
    if not darks.masters:
        return ["", "no dark frames are open: the lights are used without. Open a folder that has some"]
    times = [f"{one.count} of {_seconds(one.exposure)}, {_quieter(one)}" for one in darks.masters]
    return [str(sum(one.count for one in darks.masters)), f"frames: {'; '.join(times)}{_refused(darks.left_out)}"]


def _flats(flats: MasterFlats) -> list[str]:
    if not flats.masters and not flats.left_out:
        return ["", "no flats are open: the lights are used without. Open a folder that has some"]
    said = "; ".join(_lit(one) for one in flats.masters)
    return [str(sum(one.count for one in flats.masters)), f"flats: {said or 'none serves'}{_refused(flats.left_out)}"]


def _lit(flat: Master) -> str:
    """A filter's flats with their exposure and light: "V, 1.0 s, 21000 ADU, 32 % of full"."""
    facts = [flat.filter] if flat.filter else []
    facts += [] if flat.exposure is None else [f"{flat.exposure:.3g}\u2009s"]
    facts += [f"{np.median(flat.levels):.0f}\u2009ADU"]
    facts += [f"{100 * np.median(flat.levels) / flat.full:.0f}\u2009% of full"] if flat.full else []
    return ", ".join(facts)


def _seconds(exposure: float | None) -> str:
    return "unknown length" if exposure is None else f"{exposure:g}\u2009s"


def _quieter(master: Master) -> str:
    """Scatter of one frame and of the master, and what independent noise would leave of the first."""
    if master.count < 2:
        return f"noise {master.noise:.3g}\u2009ADU"
    ideal = master.single_noise / master.count**0.5
    return f"noise {master.single_noise:.3g} to {master.noise:.3g}\u2009ADU, 1/√{master.count} would be {ideal:.3g}"


def _refused(left_out: tuple[tuple[str, str], ...]) -> str:
    return f". {len(left_out)} refused: the tab Frames says why" if left_out else ""


def _calibrated(frame: Frame) -> list[str]:
    return ["", "; ".join(frame.history) or "nothing is taken off or filled: the pixels are as read"]


def _mask(mask: Mask) -> list[str]:
    if mask.image is None:
        return ["", "nothing is masked"]
    found = f", {mask.extended} extended sources" if mask.extended else ""
    return [f"{100 * float(mask.image.mean()):.3g}\u2009%", f"of the pixels are masked{found}"]


def _shifts(shifts: Shifts) -> list[str]:
    used, flagged = int(shifts.used.sum()), int(shifts.flagged.sum())
    tail = f", {flagged} are off by more than {FLAG}\u2009px" if flagged else f", none off by more than {FLAG}\u2009px"
    return [str(used), f"frames lie on the reference{tail}"]


def _aligned(frame: Frame) -> list[str]:
    return ["", frame.history[-1] if frame.history else "the frame lies on the reference"]


def _stacks(stacks: Stacks) -> list[str]:
    told = [
        f"{len(one.files)}{f' of filter {one.filter}' if one.filter else ''}, {one.gain:.1f} times less noise"
        for one in stacks.stacks
    ]
    return [str(sum(len(one.files) for one in stacks.stacks)), f"frames: {'; '.join(told)}"]


def _sky(background: Background) -> list[str]:
    return [f"{background.level():.4g}\u2009ADU", f"of sky, noise {background.rms():.3g}\u2009ADU"]


def _factors(normalized: Normalized) -> list[str]:
    if normalized.pattern == "none":
        return ["", "one colour: the sky is subtracted, nothing is scaled"]
    return ["", f"red times {normalized.red:.3f}, blue times {normalized.blue:.3f}, green is 1"]


def _candidates(candidates: StarTable) -> list[str]:
    return [str(len(candidates)), f"candidates in this frame, filter {candidates.fwhm:.1f}\u2009px wide"]


def _stars(stars: StarTable) -> list[str]:
    return [str(len(stars.kept)), f"of {len(stars)} candidates kept in this frame"]


def _tracks(tracks: Tracks) -> list[str]:
    used = int(tracks.used.sum())
    return [str(int(tracks.complete.sum())), f"of {tracks.x.shape[1]} stars are in all {used} frames used"]


def _map(maps: OffsetMap) -> list[str]:
    order = f" of order {maps.order}" if maps.order else ""
    return [str(len(maps.stars)), f"stars, {len(maps.clipped)} clipped; {maps.method}{order}"]


def tails(tracks: Tracks, frame: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each measured star came from, up to a frame.

    Returns
    -------
    xs, ys : ndarray, shape (stars, frames)
        Positions, pixels.
    codes : ndarray of int, shape (stars,)
        States.
    """
    here = tracks.measured[frame]
    codes = np.where(tracks.complete[here], COMPLETE, PARTIAL)
    return tracks.x[: frame + 1, here].T, tracks.y[: frame + 1, here].T, codes


def picked(
    tracks: Tracks | None, frame: int, star: int | None
) -> tuple[int | None, float, float, np.ndarray | None, tuple[float, float] | None]:
    """The star picked with its place, whole track and place in the reference, as ``Picture.set_picked`` takes them.

    Where it is lost its place is that of its cross.
    """
    if tracks is None or star is None or not 0 <= star < tracks.x.shape[1]:
        return None, 0.0, 0.0, None, None
    path = np.column_stack([tracks.x[:, star], tracks.y[:, star]])
    (x, y), (home_x, home_y) = path[frame].tolist(), path[tracks.reference].tolist()
    if not np.isfinite(x):
        lost, crosses_x, crosses_y = _lost_places(tracks, frame)
        x, y = next(((float(crosses_x[k]), float(crosses_y[k])) for k in np.flatnonzero(lost == star)), (x, y))
    return star, x, y, path, (home_x, home_y)
