"""Nights last from noon to noon where the frames were taken."""

import pytest
from astropy.time import Time

from pipeline.frame import Failure, FrameInfo
from pipeline.read.nights import noons_of, with_nights


def frame(moment, kind="light", noons=()):
    return FrameInfo(f"/{moment}", moment, (10, 10), kind=kind, time=Time(moment), noons=noons)


def moment(day, hour):
    """So many days and hours after the first of March."""
    return Time(60370 + day + hour / 24, format="mjd").isot


def nights(*frames):
    return [one.night for one in with_nights(frames)]


@pytest.mark.parametrize(
    ("cards", "noons"),
    [
        ({"DATE-OBS": "2017-12-19T18:33:43.317-0700"}, (19.0,)),
        ({"DATE-OBS": "2017-12-19T18:33:43+05:30"}, (6.5,)),
        ({"DATE-OBS": "2024-03-01T01:00:00", "DATE-LOC": "2024-02-29T18:00:00"}, (19.0,)),
        ({"DATE-OBS": "2024-03-01T01:00:00.0", "DATE-LOC": "2024-03-01T14:00:00.4"}, (-1.0,)),
        ({"SITELONG": "-111 36 00"}, (4.56, 19.44)),
        ({"LONGITUD": 249.0}, (4.6, 19.4)),
        ({"DATE-OBS": "2017-12-19T18:33:43+00:00"}, ()),
        ({"DATE-OBS": "2017-12-19"}, ()),
        ({"SITELONG": 0.0}, ()),
        ({"SITELONG": "unknown"}, ()),
        ({}, ()),
    ],
)
def test_headers_say_when_it_is_noon(cards, noons):
    assert noons_of(cards) == pytest.approx(noons)


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        # California: dusk at 2 h UTC, dawn at 13 h, so the night goes on past noon at Greenwich.
        ((3, 8, 11.9, 12.1, 13), "2024-02-29"),
        # Hawaii, and New Zealand, where the evening's date is that in Greenwich already.
        ((5, 10, 12.5, 15), "2024-02-29"),
        ((8, 10, 12.5, 16), "2024-03-01"),
        ((18, 21, 23.5), "2024-03-01"),
        ((0.5, 3, 5), "2024-02-29"),
    ],
)
def test_the_lights_tell_when_it_is_day_where_the_header_does_not(hours, expected):
    first, second = ([frame(moment(day, hour)) for hour in hours] for day in (0, 1))
    flat = frame(moment(0, hours[0] - 1.5), kind="flat")
    found = nights(*first, *second, flat)
    following = Time(Time(expected).mjd + 1, format="mjd").isot[:10]
    assert found == [expected] * len(hours) + [following] * len(hours) + [expected]


def test_one_night_goes_on_past_midnight():
    assert set(nights(frame("2024-03-01T22:00:00"), frame("2024-03-02T03:00:00"))) == {"2024-03-01"}


def test_longitudes_count_to_the_west_in_some_headers():
    # Arizona, with its longitude once as east and once as west.
    for noons in (noons_of({"SITELONG": "-110.9"}), noons_of({"LONGITUD": 110.9})):
        assert set(nights(*(frame(f"2024-03-01T{hour:02}:00:00", noons=noons) for hour in (4, 9, 12)))) == {
            "2024-02-29"
        }


def test_frames_without_a_time_have_no_night_and_failures_stay():
    failure = Failure("a", "frames", "a: is empty")
    known, unknown = frame("2024-03-01T22:00:00"), FrameInfo("/b", "b", (10, 10))
    assert with_nights([failure, unknown, known])[0] is failure
    assert nights(unknown, known) == ["", "2024-03-01"]
