"""When an exposure began."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.read.times import parse_exif, parse_moment, start_time


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ({"DATE-OBS": "2024-03-01T20:00:00"}, "2024-03-01T20:00:00.000"),
        ({"DATE-OBS": "2024-03-01T20:00:00.25Z"}, "2024-03-01T20:00:00.250"),
        ({"DATE-OBS": "2024-03-01 20:00"}, "2024-03-01T20:00:00.000"),
        ({"DATE-OBS": "2017-12-19T18:33:43.317-0700"}, "2017-12-20T01:33:43.317"),
        ({"DATE-OBS": "2017-12-20T03:33:43+02:00"}, "2017-12-20T01:33:43.000"),
        ({"DATE-OBS": "2024-03-01", "TIME-OBS": "20:01:02.5"}, "2024-03-01T20:01:02.500"),
        ({"DATE-OBS": "2024-03-01", "UT": "20:01:02"}, "2024-03-01T20:01:02.000"),
        ({"DATE-OBS": "2024/03/01", "UTSTART": "20:01:02"}, "2024-03-01T20:01:02.000"),
        ({"DATE-OBS": "26/10/92", "TM-START": 11048.0, "MJD-OBS": 48921.6}, "1992-10-26T03:04:08.000"),
        ({"DATE-OBS": "2024-03-01", "MJD-OBS": 60370.5}, "2024-03-01T12:00:00.000"),
        ({"DATE-OBS": "2024-03-01"}, "2024-03-01T00:00:00.000"),
        ({"DATE-OBS": "31/12/98"}, "1998-12-31T00:00:00.000"),
        ({"DATE-OBS": "12/31/98"}, "1998-12-31T00:00:00.000"),
        ({"DATE-BEG": "2019-09-23T03:18:05.85", "DATE": "2019-09-23T03:18:21"}, "2019-09-23T03:18:05.850"),
        ({"DATE-OBS": "yesterday", "UT-OBS": "2017-12-20T01:33:43-0000"}, "2017-12-20T01:33:43.000"),
        ({"MJD-OBS": "57182.5"}, "2015-06-09T12:00:00.000"),
        ({"JD": 2457183.0}, "2015-06-09T12:00:00.000"),
        ({"DATE-OBS": "2024-03-01T20:01:09.184", "TIMESYS": "TT"}, "2024-03-01T20:00:00.000"),
        ({"DATE-OBS": "2024-03-01T24:00:00"}, "2024-03-02T00:00:00.000"),
    ],
)
def test_the_start_is_utc_whatever_the_spelling(cards, expected):
    assert start_time(cards).isot == expected


@pytest.mark.parametrize(
    "cards",
    [{}, {"DATE-OBS": "yesterday"}, {"DATE-OBS": "2024-13-45T99:00:00"}, {"MJD-OBS": 0}, {"DATE-OBS": ""}, {"JD": 5}]
    + [{"DATE-OBS": f"{year}-03-01T20:00:00"} for year in ("0001", "1066", "2098", "9999")]
    + [{"DATE-OBS": "9999-12-31T23:59:59-1400"}, {"DATE-OBS": "0001-01-01T00:00:00+1400"}, {"MJD-OBS": 99999.0}],
)
def test_a_date_that_makes_no_sense_is_no_date(cards):
    assert start_time(cards) is None


def test_exif_time_has_fraction_and_zone():
    expected = datetime(2024, 3, 1, 20, 0, 0, 240000, tzinfo=UTC)
    assert parse_exif("2024:03:01 22:00:00", "24", "+02:00") == expected
    assert parse_exif("2024:03:01 20:00:00", "24 ", "") == expected
    assert parse_exif("2024:03:01 20:00:00", "", "nonsense") == expected.replace(microsecond=0)
    assert parse_exif("    :  :     :  :  ") is None


moments = st.datetimes(datetime(1970, 1, 1), datetime(2060, 1, 1))
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(moments, zones)
@settings(max_examples=60, deadline=None)
def test_any_moment_in_any_zone_is_read_back(moment, zone):
    local = moment.replace(tzinfo=zone)
    assert parse_moment(local.strftime("%Y-%m-%dT%H:%M:%S.%f%z")) == local
