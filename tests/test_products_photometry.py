"""The table of fluxes as it is written."""

import numpy as np
from astropy.table import Table

from pipeline.photometry import COLUMNS, Flag, Left, Photometry
from pipeline.products_photometry import photometry_table, write_photometry
from pipeline.tables import Status


def photometry(flags, reasons, statuses):
    columns = {name: np.full(len(flags), np.nan) for name in COLUMNS}
    return Photometry(
        columns=columns,
        reason=np.array(reasons, np.int8),
        status=np.array(statuses, np.int8),
        flag=np.array(flags, np.int16),
        psf="gaussian",
        width_x=3.0,
        width_y=3.0,
        beta=0.0,
        gain=None,
        gain_source="",
        read_noise=None,
        zero_point=0.0,
        zero_point_err=0.0,
        zero_point_source="",
        known=(),
        apertures=(),
        growth_radius=np.empty(0),
        growth=np.empty(0),
    )


def test_every_flag_of_a_star_is_told_in_words_however_many_there_are(tmp_path):
    many, none = sum(int(flag) for flag in Flag), 0
    made = photometry([many, none, none], [0, 0, int(Left.LOST)], [0, 0, int(Status.OUTSIDE)])
    write_photometry(tmp_path / "one.ecsv", photometry_table(made, "light.fits"))
    words = list(Table.read(tmp_path / "one.ecsv", format="ascii.ecsv")["reason"].filled(""))
    assert words == [", ".join(Flag(many).words), "", Status.OUTSIDE.word]


def test_a_frame_without_stars_has_an_empty_table(tmp_path):
    write_photometry(tmp_path / "none.ecsv", photometry_table(photometry([], [], []), "light.fits"))
    table = Table.read(tmp_path / "none.ecsv", format="ascii.ecsv")
    assert len(table) == 0
    assert table["reason"].dtype.kind == "U"
