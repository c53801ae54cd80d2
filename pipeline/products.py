"""Results to files, and back: offset tables, tracks, the frame table, offset maps, recipe and report."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import __version__, read
from pipeline.frame import FrameError, FrameInfo, Sequence
from pipeline.header import coordinates, declare_long_texts, standing
from pipeline.read.cards import plain
from pipeline.read.layout import quiet
from pipeline.tables import COLUMNS, OffsetMap, Selection, StarTable, Status, Tracks

if TYPE_CHECKING:
    from astropy.io.fits import HDUList, Header
    from astropy.table import Table

PRODUCTS = ("offsets", "maps", "masters", "calibrated", "aligned", "sum", "stack", "photometry")
#: What a run writes when nothing else is said.
USUAL = ("offsets", "maps")
TEMPORARY = ".starshift-"
STAR_COLUMNS = (
    "sharpness",
    "roundness1",
    "roundness2",
    "npix",
    "peak",
    "flux",
    "mag",
    "sky",
    "fwhm",
    "snr",
)


@functools.lru_cache(maxsize=8)
def stems(sequence: Sequence) -> tuple[str, ...]:
    """For each frame the name that its products start with, under the output folder.

    Lights of equal stem from two folders get their folder's name below the output folder, or as much of its path as
    tells them apart: "night1/light/a" and "night2/light/a".
    """
    bare = [read.stem(info.file) for info in sequence.frames]
    folders: dict[str, list[str]] = {}
    for info, name in zip(sequence.frames, bare, strict=True):
        folders.setdefault(name, []).append(os.path.dirname(os.path.abspath(info.path)))
    # In order, and quick to look in: nights of thousands of frames are run.
    names: dict[str, None] = {}
    for info, name in zip(sequence.frames, bare, strict=True):
        folder = Path(os.path.abspath(info.path)).parent
        below = folder.relative_to(os.path.commonpath(folders[name])).as_posix()
        wished = name if len(folders[name]) == 1 else f"{folder.name if below == '.' else below}/{name}"
        # Two folders of one name, or two endings of one stem, still need names of their own.
        tries = itertools.chain([wished], (f"{wished}_{number}" for number in itertools.count(2)))
        names[next(one for one in tries if one not in names and (one == wished or one not in folders))] = None
    return tuple(names)


@contextlib.contextmanager
def written(path: Path) -> Iterator[Path]:
    """A path beside the final one to write to; it gets the final name when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY, suffix=f".{path.name}")
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        # mkstemp makes files for their owner alone; products are as open as the user's umask says.
        mask = os.umask(0)
        os.umask(mask)
        partial.chmod(0o666 & ~mask)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with written(path) as partial:
        partial.write_text(text, encoding="utf-8")


def header_of(light: FrameInfo, recipe_hash: str, reference: str, history: str) -> Header:
    """The light's own cards with what Starshift adds.

    Parameters
    ----------
    light : FrameInfo
        The light whose cards are kept.
    recipe_hash : str
        Hash of the recipe, for ``RECIPE``.
    reference : str
        Name of the reference frame, for ``REFFRAME``.
    history : str
        What was done, for ``HISTORY``.

    Returns
    -------
    Header
        A header that describes no array yet.
    """
    own = read.read_header(light.path)
    with quiet():
        header = standing(own)
    header["RECIPE"] = (recipe_hash, "hash of the recipe's knobs")
    header["CREATOR"] = (f"Starshift {__version__}", "program that wrote this file")
    name, comment = plain(reference), "frame that offsets count from"
    # A card has 80 characters: beside a long name a comment would be cut, with a warning.
    room = 80 - len("REFFRAME= '' / ") - len(name.replace("'", "''"))
    header["REFFRAME"] = (name, comment if len(comment) <= room else "")
    header.add_history(history)
    declare_long_texts(header)
    return header


def write_fits(path: Path, hdus: HDUList) -> None:
    """Write FITS extensions whole or not at all."""
    with written(path) as partial:
        hdus.writeto(partial, overwrite=True, output_verify="fix+exception")


def offset_table(tracks: Tracks, stars: StarTable, frame: int) -> Table:
    """The offset table of one frame: its measured reference stars with their offsets.

    Parameters
    ----------
    tracks : Tracks
        All stars through all frames.
    stars : StarTable
        This frame's own table.
    frame : int
        Number of the frame.

    Returns
    -------
    Table
        The star table's columns, then the offsets; no value is NaN. A star that was not in the previous frame has
        ``prev_row`` -1 and offsets of zero against it.
    """
    from astropy.table import Table

    ids = np.flatnonzero(tracks.measured[frame])
    x, y = tracks.x[frame, ids], tracks.y[frame, ids]
    table = Table()
    table["id"] = np.arange(len(ids), dtype=np.int32)
    table["xcentroid"], table["ycentroid"] = x, y
    rows = tracks.row[frame, ids]
    if (rows >= 0).all():
        for name in STAR_COLUMNS:
            table[name] = np.nan_to_num(stars[name][rows])
        table["xcentroid_err"] = tracks.x_error[frame, ids]
        table["ycentroid_err"] = tracks.y_error[frame, ids]
    table["xoffset"] = tracks.x_offset[frame, ids]
    table["yoffset"] = tracks.y_offset[frame, ids]
    previous = int(tracks.previous[frame])
    known = tracks.measured[previous, ids] if previous >= 0 else np.zeros(len(ids), bool)
    table["xoffset_prev"] = np.where(known, x - tracks.x[previous, ids], 0.0)
    table["yoffset_prev"] = np.where(known, y - tracks.y[previous, ids], 0.0)
    table["ref_row"] = _row_among(tracks.measured[tracks.reference], ids)
    table["prev_row"] = np.where(known, _row_among(tracks.measured[previous], ids), -1).astype(np.int32)
    table["complete"] = tracks.complete[ids]
    for name in table.colnames:
        unit = "px" if "offset" in name else COLUMNS.get(name, ("", ""))[0]
        # FITS has a word of its own for pixels.
        table[name].unit = "pix" if unit == "px" else unit or None
    return table


def _row_among(measured: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Row that each star has in the table of a frame in which these are measured."""
    return (np.cumsum(measured) - 1)[ids].astype(np.int32)


def write_offsets(path: Path, table: Table, header: Header) -> None:
    """Write one frame's offset table as FITS."""
    from astropy.io import fits

    columns = fits.table_to_hdu(table)
    columns.header["EXTNAME"] = "OFFSETS"
    write_fits(path, fits.HDUList([fits.PrimaryHDU(header=header), columns]))


def read_offsets(path: Path) -> Table:
    """Read an offset table, ours or one of the notebooks' own.

    The notebooks count ``id`` from 1 and after the reference write only positions and offsets; both are read into
    our names with ``id`` from 0.

    Raises
    ------
    FrameError
        Where the file holds no offset table.
    """
    from astropy.table import Table

    path = Path(path)
    try:
        table = Table.read(path, format="fits", hdu=1)
    except (OSError, ValueError, IndexError, TypeError) as error:
        raise FrameError(path.name, f"no offset table can be read ({error})", "choose a *.offsets_table.fits") from None
    needed = {"xcentroid", "ycentroid"}
    if not needed <= set(table.colnames):
        missing = ", ".join(sorted(needed - set(table.colnames)))
        raise FrameError(path.name, f"the table has no column {missing}", "choose a *.offsets_table.fits")
    if "id" not in table.colnames:
        table.add_column(np.arange(len(table), dtype=np.int32), name="id", index=0)
    elif len(table) and table["id"].min() == 1 and "ref_row" not in table.colnames:
        table["id"] = table["id"] - 1
    return table


def tracks_table(tracks: Tracks) -> Table:
    """One row for each frame and reference star."""
    from astropy.table import Table

    frames, count = tracks.x.shape
    table = Table()
    table["frame"] = np.repeat(np.arange(frames, dtype=np.int32), count)
    table["id"] = np.tile(np.arange(count, dtype=np.int32), frames)
    for name, values in (
        ("xcentroid", tracks.x),
        ("ycentroid", tracks.y),
        ("xoffset", tracks.x_offset),
        ("yoffset", tracks.y_offset),
    ):
        table[name] = values.ravel()
        table[name].unit = "pix"
    table["status"] = tracks.status.ravel().astype(np.int16)
    for flag in ("saturated", "blended"):
        table[flag] = getattr(tracks, flag).ravel()
    return table


def write_tracks(path: Path, tracks: Tracks, header: Header) -> None:
    """Write the track table as FITS, the status codes' words in its header."""
    from astropy.io import fits

    columns = fits.table_to_hdu(tracks_table(tracks))
    columns.header["EXTNAME"] = "TRACKS"
    for code in Status:
        columns.header[f"STATUS{code.value}"] = (code.word, "word of the status code")
    write_fits(path, fits.HDUList([fits.PrimaryHDU(header=header), columns]))


def frame_table(sequence: Sequence, selection: Selection, tracks: Tracks) -> Table:
    """One row for each light: what it is, whether it is used, how it lies on the reference, how good it is."""
    from astropy.table import Table

    from pipeline.stages.tracks import displacement, rotation, scale

    count = len(sequence.frames)
    solved = [bool(np.isfinite(tracks.transform[i]).any()) for i in range(count)]
    moves = np.array([displacement(tracks, i) if solved[i] else (np.nan, np.nan) for i in range(count)])
    table = Table()
    table["file"] = [info.file for info in sequence.frames]
    table["time"] = ["" if info.time is None else info.time.isot for info in sequence.frames]
    table["exposure"] = _numbers([info.exposure for info in sequence.frames], "s")
    table["gain"] = _numbers([info.gain for info in sequence.frames], None)
    table["filter"] = [info.filter for info in sequence.frames]
    table["kind"] = [info.kind or "light" for info in sequence.frames]
    table["used"] = tracks.used
    table["reason"] = list(tracks.reason)
    table["stars"] = np.nan_to_num(selection.metrics["stars"]).astype(np.int32)
    table["matched"] = tracks.measured.sum(axis=1).astype(np.int32)
    table["xshift"] = _numbers(-moves[:, 0] + 0.0, "pix")
    table["yshift"] = _numbers(-moves[:, 1] + 0.0, "pix")
    table["rotation"] = _numbers([rotation(tracks, i) if solved[i] else np.nan for i in range(count)], "deg")
    table["scale"] = _numbers([scale(tracks, i) if solved[i] else np.nan for i in range(count)], None)
    table["residual"] = _numbers(tracks.residual, "pix")
    for name, unit in (("fwhm", "pix"), ("roundness", None), ("background", "adu"), ("noise", "adu")):
        table[name] = _numbers(selection.metrics[name], unit)
    table["saturated"] = np.nan_to_num(selection.metrics["saturated"]).astype(np.int64)
    return table


def _numbers(values: Any, unit: str | None) -> Any:
    from astropy.table import Column

    return Column([np.nan if value is None else float(value) for value in values], unit=unit)


def write_frames(path: Path, table: Table) -> None:
    """Write the frame table as ECSV."""
    with written(path) as partial:
        table.write(partial, format="ascii.ecsv", overwrite=True)


def write_maps(path: Path, maps: OffsetMap, header: Header) -> None:
    """Write the offset maps of one frame and their errors as FITS."""
    from astropy.io import fits

    header = header.copy()
    method = f"{maps.method} of order {maps.order}" if maps.order else maps.method
    header.add_history(f"offset map: {method} from {len(maps.stars)} stars, {len(maps.clipped)} clipped")
    hdus = fits.HDUList([fits.PrimaryHDU(header=header)])
    for name, image, comment in (
        ("XOFFSET", maps.x, "x here minus x in the reference"),
        ("YOFFSET", maps.y, "y here minus y in the reference"),
        ("XERROR", maps.x_error, "1 sigma"),
        ("YERROR", maps.y_error, "1 sigma"),
    ):
        # The maps have the light's own pixels, so they lie where the light lies on the sky.
        hdu = fits.ImageHDU(image, coordinates(header), name=name)
        hdu.header["BUNIT"] = ("pixel", comment)
        hdus.append(hdu)
    write_fits(path, hdus)


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write the report of a run as JSON."""
    text = json.dumps(report, indent=1, ensure_ascii=False)
    # Folders whose names are no text stand in JSON by their codes.
    write_text(path, text.encode("utf-8", "backslashreplace").decode() + "\n")
