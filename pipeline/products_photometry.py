"""Photometry to files: a table of fluxes for each frame, light curves, and AAVSO's extended format."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline import __version__
from pipeline.photometry import COLUMNS, FLAGS, Flag, LightCurves, Photometry
from pipeline.products import write_fits, write_text, written
from pipeline.read.cards import plain
from pipeline.read.tiff import ENDINGS

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from astropy.table import Table

#: Filters by AAVSO's own names; any other is "O".
_FILTERS = {
    **{name.lower(): name for name in ("U", "B", "V", "R", "I", "J", "H", "K", "TG", "TB", "TR", "CV", "CR")},
    **{"su": "SU", "sg": "SG", "sr": "SR", "si": "SI", "sz": "SZ", "u'": "SU", "g'": "SG", "r'": "SR", "i'": "SI"},
    **{"z'": "SZ", "rc": "R", "ic": "I", "clear": "CV", "luminance": "CV", "lum": "CV", "l": "CV", "": "CV"},
    **{"ha": "HA", "h-alpha": "HA", "halpha": "HA", "green": "TG", "blue": "TB", "red": "TR"},
    **{
        name.lower(): name
        for name in ("STU", "STV", "STB", "STY", "STHBW", "STHBN", "MA", "MB", "MI", "ZS", "Y", "HAC")
    },
}
#: AAVSO takes no magnitude with a larger error.
SUREST = 1.0
#: Names of one letter whose case tells Sloan's filters from Johnson's and the camera's.
_CASES = {"u": "SU", "g": "SG", "r": "SR", "i": "SI", "z": "SZ", "G": "TG"}


def photometry_table(photometry: Photometry, file: str, time: str = "") -> Table:
    """One row for each star of the reference: places, widths, fluxes, magnitudes, flags and reasons.

    Parameters
    ----------
    photometry : Photometry
        One frame's.
    file : str
        The frame's file, for the table's facts.
    time : str
        Start of the exposure, UTC.

    Returns
    -------
    Table
        With units; a star without a flux has NaN and its reason. ``to_pandas()`` makes a DataFrame of it.
    """
    from astropy.table import Table

    table = Table(meta=_facts(photometry, file, time))
    for name, values in photometry.columns.items():
        unit, doc = COLUMNS.get(name, ("adu", f"sum in a circle of radius {name.rpartition('_')[2]} px"))
        table[name] = values
        table[name].unit = "pix" if unit == "px" else unit or None
        table[name].description = doc
    table["flag"] = photometry.flag
    table["flag"].description = _flag_words()
    table["reason"] = np.array(photometry.reasons(), dtype=str)
    table["reason"].description = "why there is no flux, or the flags in words"
    return table


def _flag_words() -> str:
    return "; ".join(f"{flag.value} {FLAGS[flag.name.lower()]}" for flag in Flag)


def _facts(photometry: Photometry, file: str, time: str) -> dict[str, object]:
    """What was used, by words of eight letters as FITS wants them."""
    facts = {
        "FILE": file, "DATE-OBS": time, "PSF": photometry.psf, "WIDTHX": photometry.width_x,
        "WIDTHY": photometry.width_y, "GAIN": photometry.gain, "GAINFROM": photometry.gain_source,
        "RDNOISE": photometry.read_noise, "ZEROPNT": photometry.zero_point, "ZEROERR": photometry.zero_point_err,
        "ZEROFROM": photometry.zero_point_source,
    }  # fmt: skip
    if photometry.beta:
        facts["MOFFATB"] = photometry.beta
    return {name: value for name, value in facts.items() if value not in (None, "")}


def write_photometry(ecsv: Path, table: Table) -> None:
    """Write a table as ECSV."""
    with written(ecsv) as partial:
        table.write(partial, format="ascii.ecsv", overwrite=True)


def growth_table(photometry: Photometry) -> Table:
    """Part of a bright star's light within each radius."""
    from astropy.table import Table

    table = Table([photometry.growth_radius, photometry.growth], names=("radius", "part"))
    table["radius"].unit = "pix"
    return table


def write_photometry_fits(path: Path, table: Table, growth: Table, header: Header) -> None:
    """Write a table and the growth curve as FITS, the light's own cards in the first header."""
    from astropy.io import fits

    bare = table.copy()
    for name in bare.colnames:
        bare[name].description = None
    facts, bare.meta = bare.meta, {}
    columns = fits.table_to_hdu(bare)
    columns.header["EXTNAME"] = "PHOTOMETRY"
    for name, value in facts.items():
        columns.header[name] = plain(value)[:60] if isinstance(value, str) else value
    for flag in Flag:
        columns.header[f"FLAG{flag.value}"] = (flag.name.lower(), "word of the flag's bit")
    curve = fits.table_to_hdu(growth)
    curve.header["EXTNAME"] = "GROWTH"
    write_fits(path, fits.HDUList([fits.PrimaryHDU(header=header), columns, curve]))


def lightcurve_table(curves: LightCurves, files: Iterable[str]) -> Table:
    """One row for each frame and star that was measured in it.

    Parameters
    ----------
    curves : LightCurves
        All stars through all frames.
    files : iterable of str
        File of each of their frames.
    """
    from astropy.table import Table

    row, star = np.nonzero(np.isfinite(curves.flux))
    table = Table(meta={"comparison": [int(one) for one in curves.comparison], "creator": f"Starshift {__version__}"})
    table.meta["zero_point"] = {
        name or "none": [float(value), float(error)]
        for name, value, error in zip(curves.filter, curves.zero_point, curves.zero_point_err, strict=True)
    }
    table["frame"] = curves.frame[row]
    table["file"] = np.array(list(files))[row] if row.size else np.empty(0, "U1")
    table["filter"] = np.array(curves.filter)[row] if row.size else np.empty(0, "U1")
    table["jd"] = curves.time[row]
    table["id"] = star
    for name, values, unit in (
        ("psf_flux", curves.flux, "adu"),
        ("psf_flux_err", curves.flux_error, "adu"),
        ("mag", curves.mag, "mag"),
        ("mag_err", curves.mag_error, "mag"),
        ("instrumental_mag", curves.instrumental, "mag"),
    ):
        table[name] = values[row, star]
        table[name].unit = unit
    table["jd"].unit = "d"
    table["jd"].description = "middle of the exposure, Julian date (UTC)"
    scale = "against the comparison stars of the same filter, with its zero_point (value and 1 sigma, by filter)"
    table["mag"].description = scale
    table["flag"] = curves.flag[row, star]
    table["flag"].description = _flag_words()
    table["comparison"] = np.isin(star, curves.comparison)
    return table


def aavso_text(
    curves: LightCurves,
    stars: Iterable[int] | None = None,
    names: dict[int, str] | None = None,
    files: Iterable[str] = (),
) -> str:
    """Light curves in AAVSO's extended format, version 1.2.

    Parameters
    ----------
    curves : LightCurves
        All stars through all frames.
    stars : iterable of int, optional
        Ids of the stars; all but the comparison stars when not given.
    names : dict of int to str, optional
        Their names; "star 12" when not given.
    files : iterable of str
        The frames' files: camera raw files are of a DSLR.

    Returns
    -------
    str
        Magnitudes are differential, or standard on the scale of a zero point, against an ensemble, with a check star
        beside them: the quietest that is in every frame and does not serve for comparison. KMAG is its magnitude
        against the ensemble, as MAG is; with one comparison star alone CMAG and KMAG are instrumental. Frames without a
        time and magnitudes less sure than one are left out. A filter that AAVSO has no name for is "O" and stands in
        the notes. The observer's code must be filled in.
    """
    names = {} if names is None else names
    stars = (
        [i for i in range(curves.mag.shape[1]) if i not in set(curves.comparison.tolist())] if stars is None else stars
    )
    best, rows, unsure = _check_stars(curves), [], 0
    for star in stars:
        check = next((one for one in best if one != star), None)
        seen = np.isfinite(curves.mag[:, star]) & np.isfinite(curves.time)
        sure = seen & (curves.mag_error[:, star] <= SUREST)
        unsure += int(seen.sum() - sure.sum())
        name = _field(names.get(star, f"star {star}"), 30)
        rows += [_aavso_line(curves, row, star, name, check) for row in np.flatnonzero(sure)]
    return "\n".join([*_aavso_head(curves, tuple(files), unsure), *rows]) + "\n"


def _aavso_head(curves: LightCurves, files: tuple[str, ...], unsure: int) -> list[str]:
    """Parameters, and what the observer should know; comments must not have an "=" in them."""
    camera = bool(files) and all(file.lower().endswith(ENDINGS) for file in files)
    against = "the ensemble of stars" if curves.comparison.size > 1 else "star"
    against += "".join(f" {one}" for one in curves.comparison[:100])
    comments = [
        "#Fill in OBSCODE and give each star its AAVSO name before you send this.",
        f"#Magnitudes are {_scale(curves)}, against {against}.",
    ]
    if camera:
        comments.append("#Each is a sum over all colours of the camera, not over its green pixels alone.")
    if any(_band(name.strip()) == "O" for name in curves.filter):
        comments.append("#Filter O is one that AAVSO has no name for; it is described in NOTES.")
    if unsure:
        comments.append(f"#Left out as less sure than 1 mag: {unsure}.")
    return [
        "#TYPE=Extended", "#OBSCODE=na", f"#SOFTWARE=Starshift {__version__}", "#DELIM=,", "#DATE=JD",
        f"#OBSTYPE={'DSLR' if camera else 'CCD'}", *comments,
        "#NAME,DATE,MAG,MERR,FILT,TRANS,MTYPE,CNAME,CMAG,KNAME,KMAG,AMASS,GROUP,CHART,NOTES",
    ]  # fmt: skip


def _check_stars(curves: LightCurves) -> list[int]:
    """The two quietest stars that are in every frame and do not serve for comparison, as columns."""
    spread = np.where(np.isfinite(curves.mag).all(axis=0), np.nan_to_num(curves.scatter, nan=np.inf), np.inf)
    spread[curves.comparison] = np.inf
    return [int(one) for one in np.argsort(spread, kind="stable")[:2] if np.isfinite(spread[one])]


def _aavso_line(curves: LightCurves, row: int, star: int, name: str, check: int | None) -> str:
    """One measurement."""
    values = f"{curves.time[row]:.6f},{curves.mag[row, star]:.4f},{curves.mag_error[row, star]:.4f}"
    own, band = curves.instrumental[row], _band(curves.filter[row].strip())
    alone = int(curves.comparison[0]) if curves.comparison.size == 1 else None
    compared = "ENSEMBLE,na" if alone is None else f"star {alone},{own[alone]:.4f}"
    notes = f"filter {_field(curves.filter[row], 60)}" if band == "O" else ""
    notes += f"|VMAGINS={own[star]:.4f}"
    if alone is not None:
        notes += f"|CMAGINS={own[alone]:.4f}"
    beside = "na,na"
    if check is not None:
        beside = f"star {check},{curves.mag[row, check] if alone is None else own[check]:.4f}"
        notes += f"|KMAGINS={own[check]:.4f}"
    # Standard is what stands on the scale of known magnitudes; else it is a difference.
    kind = "STD" if curves.zero_point[row] else "DIF"
    return f"{name},{values},{band},NO,{kind},{compared},{beside},na,na,na,{notes}"


def _scale(curves: LightCurves) -> str:
    """On what scale the magnitudes are."""
    stars = sorted({star for known in curves.known for star, _ in known})
    if not (curves.zero_point_err > 0).any():
        return "instrumental" if not curves.zero_point.any() else "on the scale of a zero point that was given"
    return "on the scale of " + " and ".join(f"star {star}" for star in stars[:5])


def _band(name: str) -> str:
    """AAVSO's name of a filter, "O" where it has none."""
    return _CASES.get(name) or _FILTERS.get(name.lower(), "O")


def _field(text: str, longest: int) -> str:
    """A text as a field of AAVSO's format: ASCII, not too long, without what separates fields and notes."""
    parted = "".join(" " if letter in ",|#\n\r\t" else letter for letter in text)
    return plain(parted).strip()[:longest] or "na"


def write_lightcurves(folder: Path, curves: LightCurves, files: Iterable[str]) -> tuple[str, ...]:
    """Write ``lightcurves.ecsv`` and ``lightcurves_aavso.txt`` and return their names."""
    files = tuple(files)
    write_photometry(folder / "lightcurves.ecsv", lightcurve_table(curves, files))
    write_text(folder / "lightcurves_aavso.txt", aavso_text(curves, files=files))
    return "lightcurves.ecsv", "lightcurves_aavso.txt"
