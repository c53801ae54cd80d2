"""Light, bias, dark or flat."""

import pytest

from pipeline.read.kinds import kind_of


@pytest.mark.parametrize(
    ("cards", "kind"),
    [
        ({"IMAGETYP": "Light Frame"}, "light"),
        ({"IMAGETYP": "LIGHT"}, "light"),
        ({"IMAGETYP": "Dark Frame"}, "dark"),
        ({"IMAGETYP": "Bias Frame"}, "bias"),
        ({"IMAGETYP": "zero"}, "bias"),
        ({"IMAGETYP": "Tricolor Flat"}, "flat"),
        ({"IMAGETYP": "FLAT,DOME"}, "flat"),
        ({"IMAGETYP": "SKY TWILIGHT"}, "flat"),
        ({"IMAGETYP": "Dark Flat"}, "dark"),
        ({"IMAGETYP": "object"}, "light"),
        ({"FRAME": "Light"}, "light"),
        ({"FRAME": "fk5"}, ""),
        ({"PICTTYPE": 1}, "light"),
        ({"PICTTYPE": 2}, "bias"),
        ({"PICTTYPE": "3"}, "dark"),
        ({"PICTTYPE": 4}, "flat"),
        ({"PICTTYPE": 9}, ""),
        ({"OBSTYPE": "EXPOSE"}, "light"),
        ({"OBSTYPE": "SCIENCE"}, "light"),
        ({"OBSTYPE": "OBJECT", "OBJECT": "pluto_frame_001"}, "light"),
        ({"OBSTYPE": "OBJECT", "OBJECT": "flat_frame_001"}, "flat"),
        ({"OBSTYPE": "OBJECT", "OBJECT": "flat_b"}, "flat"),
        ({"OBJECT": "Dark Nebula"}, ""),
        ({"IMAGETYP": "Light Frame", "OBJECT": "dark"}, "light"),
        ({"IMAGETYP": "FLAT FIELD"}, "flat"),
        ({"IMAGETYP": "dark frame"}, "dark"),
        ({"IMAGETYP": "drk"}, "dark"),
        ({"IMAGETYP": "Dunkelbild"}, "dark"),
        ({"IMAGETYP": "Hellbild"}, "light"),
        ({"OBJECT": "skyflat"}, "flat"),
        ({"OBJECT": "DOMEFLAT R"}, "flat"),
        ({"OBJECT": "Twilight V"}, "flat"),
        ({"OBJECT": "zero"}, "bias"),
        ({"OBJECT": "Twilight Zone Galaxy"}, ""),
    ],
)
def test_headers_say_the_kind_in_many_ways(cards, kind):
    assert kind_of(cards, "/night/a_001.fits", 30.0)[0] == kind


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/night/flat_V_d3011.fits.fz", "flat"),
        ("/night/dark_30s_d3018.fits", "dark"),
        ("/night/bias_d3021.fits", "bias"),
        ("/night/masterDark300.fit", "dark"),
        ("/night/M31_flats_0001.fits", "flat"),
        ("/night/Light_1069.dng", "light"),
        ("/night/offset_0001.fits", "bias"),
        ("/night/light_01.offsets.fits", "light"),
        ("/night/darks/IMG_0001.CR2", "dark"),
        ("/night/Flat V/IMG_0001.CR2", "flat"),
        ("/night/lights/IMG_0001.CR2", "light"),
        ("/night/flats/V/IMG_0001.CR2", "flat"),
        ("/night/darks/30s/IMG_0001.CR2", "dark"),
        ("/night/2019-09-22 flats nickel/d2057.fits", "flat"),
        ("/night/Flats_Sep22/d2057.fits", "flat"),
        ("/night/bias_nickel/d2051.fits", "bias"),
        ("/flats/M31/IMG_0001.CR2", ""),
        ("/flats and darks/IMG_0001.CR2", ""),
        ("/dark night 2024/IMG_0001.CR2", ""),
        ("/light pollution/IMG_0001.CR2", ""),
        ("/night/ngc6819_V_d3162.fits", ""),
        ("/night/dark_nebula_B33_001.fits", ""),
        ("/dark sky site/IMG_0001.CR2", ""),
        ("/night/starlight_001.fits", ""),
        ("/night/skyflat_001.fits", "flat"),
        ("/night/domeflat-R-3.fits", "flat"),
        ("/night/twilight_V_003.fits", "flat"),
        ("/night/flatv01.fits", "flat"),
        ("/night/FLATB02.fit", "flat"),
        ("/night/drk_0001.fits", "dark"),
        ("/night/Dunkelbild_30s.fits", "dark"),
        ("/night/mbias.fits", "bias"),
        ("/night/masterdark_30.fits", "dark"),
        ("/night/zero.0001.fits", "bias"),
        ("/night/flatiron_1.fits", ""),
        ("/night/Dunkelnebel_B33.fits", ""),
        ("/night/science/IMG_0001.CR2", "light"),
        ("/flats/2024-03-01/Ha/IMG_0001.CR2", "flat"),
        ("/darks/night 2/300/IMG_0001.CR2", "dark"),
        ("/night/Dunkelbilder/IMG_0001.CR2", "dark"),
    ],
)
def test_names_tell_the_kind_where_the_header_does_not(path, kind):
    assert kind_of({}, path, None)[0] == kind


def test_a_dark_of_no_duration_is_a_bias():
    assert kind_of({"OBSTYPE": "DARK"}, "/night/d2051.fits", 0.0) == ("bias", "OBSTYPE = 'DARK', exposure 0 s")
    assert kind_of({"OBSTYPE": "DARK"}, "/night/d2054.fits", 15.0) == ("dark", "OBSTYPE = 'DARK'")
    assert kind_of({}, "/night/dark_001.fits", 0.0)[0] == "bias"
