"""A light's cards stand in our headers as FITS allows, and nothing of them is lost."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import header, products, read
from pipeline.read.layout import quiet

PLANE = {"CRPIX1": 5.0, "CRPIX2": 6.0, "CRVAL1": 83.6, "CRVAL2": 22.0, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"}
PIXELS = np.arange(400, dtype=np.int16).reshape(20, 20)


def card(text):
    return fits.Card.fromstring(text.ljust(80))


def standing(*cards):
    light = fits.Header()
    for each in cards:
        light.append(card(each) if isinstance(each, str) else each, end=True)
    with quiet():
        return header.standing(light)


def history(result):
    return "".join(str(line) for line in result.get("HISTORY", []))


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("WCSAXES =                   2. / no comment", "WCSAXES", None),
        ("WCSAXES =                    0", "WCSAXES", None),
        ("DATE-OBS= '2024-01-01T02:08:00+02:00' / start", "DATE-OBS", "2024-01-01T00:08:00"),
        ("DATE-OBS= '2023-12-31T17:09:00-0700'", "DATE-OBS", "2024-01-01T00:09:00"),
        ("DATE-OBS= '2024-01-01T00:10:00Z'", "DATE-OBS", "2024-01-01T00:10:00"),
        ("DATE-OBS= '2024-01-01T00:10:00.25Z'", "DATE-OBS", "2024-01-01T00:10:00.250000"),
        ("DATE-OBS= '2024-01-01T00:10'", "DATE-OBS", "2024-01-01T00:10:00"),
        ("DATE-OBS= '2024/01/01'", "DATE-OBS", "2024-01-01"),
        ("DATE-OBS= '2024-01-01 24:00:00'", "DATE-OBS", "2024-01-02T00:00:00"),
        ("DATE-OBS= '31/12/1998'", "DATE-OBS", "1998-12-31"),
        ("DATE-OBS= 'yesterday'", "DATE-OBS", None),
        ("DATE-OBS= ''", "DATE-OBS", None),
        ("DATE-OBS=             20240101", "DATE-OBS", None),
        ("DATE-OBS= '2024-13-01T00:10:00'", "DATE-OBS", None),
        ("DATE-OBS= '01/02/03'", "DATE-OBS", None),
        ("DATE-LOC= '2024-01-01T02:08:00+02:00'", "DATE-LOC", None),
        ("EQUINOX = 'J2000   '", "EQUINOX", 2000.0),
        ("EQUINOX = 'of date '", "EQUINOX", None),
        ("EPOCH   =               1950.0", "EQUINOX", 1950.0),
        ("MJD-OBS = '60310.25'", "MJD-OBS", 60310.25),
        ("OBJECT  =                   31 / Messier", "OBJECT", "31"),
        ("RADESYS = 'fk5     '", "RADESYS", "FK5"),
        ("RADESYS = 'J2000   '", "RADESYS", None),
        ("FOO     =", "FOO", None),
        ("FOO     = 1,2.5", "FOO", None),
        ("CRVAL1  =                83.6", "CRVAL1", None),
        ("EXTNAME = 'SCI     '", "EXTNAME", None),
        ("TTYPE   = 'a word of the light'", "TTYPE", "a word of the light"),
        ("TDISP3  = 'F8.2    '", "TDISP3", None),
        ("CREATOR = 'CCDOps  '", "CREATOR", None),
    ],
)
def test_a_card_that_may_not_stand_is_mended_or_told(text, key, value):
    result = standing(text)
    assert result.get(key) == value
    written = text.split("/")[0].split("=")[1].strip(" '")
    if result.get(key) != written:
        assert text.split("=")[0].strip() in history(result)
        assert written.split(" ")[0].rstrip(".") in history(result)


@pytest.mark.parametrize(
    "text",
    [
        "DATE-OBS= '2024-01-01T00:10:00.25' / start",
        "DATE-OBS= '2016-12-31T23:59:60'",
        "DATE    = '2024-01-01'",
        "DATE    = '31/12/98'",
        "EXPTIME =   30.0 / [s] a comment that fills the card to its very last place, all",
        "FLUX    = 1.5D3",
        "HIERARCH ESO DET CHIP NAME = 'A b' / of the chip",
        "HISTORY = as it was",
        "EQUINOX =                 2000",
    ],
)
def test_a_card_that_obeys_the_rules_stays_as_it_was(text):
    result = standing(text)
    assert [each.image.rstrip() for each in result.cards] == [text]


def test_of_a_word_that_comes_twice_the_first_stands_and_the_others_are_told():
    result = standing(("RA", 1.5), ("RA", 2.5), ("RA", 2.5))
    assert [each.keyword for each in result.cards] == ["RA", "HISTORY"]
    assert result["RA"] == 1.5
    assert "2.5" in history(result)


def test_an_epoch_is_an_equinox_once():
    result = standing(("EPOCH", 1950.0), ("EPOCH", 2000.0))
    assert [each.keyword for each in result.cards] == ["EQUINOX", "HISTORY", "HISTORY"]
    assert result["EQUINOX"] == 1950.0
    assert standing(("EPOCH", 1950.0), ("EQUINOX", 2000.0))["EQUINOX"] == 2000.0


def test_coordinates_say_how_many_axes_they_have_before_all_else():
    result = standing(*PLANE.items(), "WCSAXES =                   2.")
    assert next(iter(result)) == "WCSAXES"
    assert type(result["WCSAXES"]) is int
    assert result["WCSAXES"] == 2
    assert {key: result[key] for key in PLANE} == PLANE


def test_an_alternate_description_alone_declares_its_own_axes():
    result = standing(*((f"{key}A", value) for key, value in PLANE.items()))
    assert result["WCSAXESA"] == 2
    assert "WCSAXES" not in result


@pytest.mark.parametrize("missing", list(PLANE))
def test_half_a_description_of_coordinates_is_told(missing):
    cards = {key: value for key, value in PLANE.items() if key != missing}
    result = standing(*cards.items(), ("WCSAXES", 2))
    axis = int(missing[-1])
    assert result.get("WCSAXES") == (None if axis == 1 else 1)
    assert all((key in result) == (int(key[-1]) < axis) for key in cards)
    assert all(key in result or key in history(result) for key in (*cards, "WCSAXES"))


def test_two_ways_to_turn_the_axes_do_not_stand_side_by_side():
    both = standing(*PLANE.items(), ("PC1_1", 1.0), ("CD1_1", 0.1), ("CDELT1", 0.0), ("CRDER1", -1.0))
    assert "CD1_1" in both
    assert not {"PC1_1", "CDELT1", "CRDER1"} & set(both)
    turned = standing(*PLANE.items(), ("PC2_1", 1.0), ("CROTA2", 3.0))
    assert "PC2_1" in turned
    assert "CROTA2" not in turned
    assert "CROTA2" in history(turned)


def write_light(path, cards):
    fits.PrimaryHDU(PIXELS, fits.Header(cards)).writeto(path)
    return read.read_info(path)


class _Maps:
    x = y = x_error = y_error = np.zeros((20, 20), np.float32)
    method, order, stars, clipped = "spline", 0, (1, 2), ()


def test_maps_lie_on_the_sky_where_their_light_lies(tmp_path):
    cards = {**PLANE, "CD1_1": -0.001, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 0.001, "RADESYS": "ICRS"}
    light = write_light(tmp_path / "a.fits", cards)
    made = products.header_of(light, "hash", "a.fits", "done")
    products.write_maps(tmp_path / "map.fits", _Maps, made)
    with fits.open(tmp_path / "map.fits") as hdus:
        assert {key: hdus[0].header[key] for key in cards} == cards
        for hdu in hdus[1:]:
            np.testing.assert_allclose(WCS(hdu.header).wcs_pix2world([[4, 5]], 0), [[83.6, 22.0]])


def test_a_long_text_is_whole_and_announced(tmp_path):
    light = write_light(tmp_path / "a.fits", {"LONGS": "x" * 200})
    made = products.header_of(light, "hash", "a.fits", "done")
    assert made["LONGS"] == "x" * 200
    assert made["LONGSTRN"] == "OGIP 1.0"


ALLOWED = "".join(chr(code) for code in range(32, 127))


@settings(max_examples=60, deadline=None)
@given(
    keys=st.lists(
        st.sampled_from(["DATE-OBS", "EQUINOX", "OBJECT", "CRVAL1", "FOO", "WCSAXES", "RADESYS", "CD1_1", "EPOCH", ""]),
        max_size=5,
    ),
    values=st.lists(st.text(ALLOWED, max_size=68), min_size=5, max_size=5),
)
def test_whatever_a_light_holds_the_header_obeys_the_standard(keys, values):
    result = standing(*(f"{key:8}= {value}"[:80] for key, value in zip(keys, values, strict=False)))
    hdu = fits.PrimaryHDU(header=result)
    hdu.verify("exception")
    words = [each.keyword for each in result.cards if each.keyword not in ("", "COMMENT", "HISTORY")]
    assert len(words) == len(set(words))
    assert all(len(each.image) % 80 == 0 and each.image.isascii() for each in result.cards)
    for key in keys:
        assert not key or key in result or key in history(result)
