"""Numbers and texts in cards."""

import pytest

from pipeline.read.cards import number, seconds, text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (30, 30.0),
        (0, 0.0),
        (-5.0, -5.0),
        ("30,0", 30.0),
        ("30.5", 30.5),
        (" 060.00", 60.0),
        ("1/250", 0.004),
        ("5.0D1", 50.0),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("0/0", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (True, None),
        (float("nan"), None),
        (float("inf"), None),
        ("1e999", None),
    ],
)
def test_a_number_is_read_however_it_is_written(value, expected):
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("30 s", 30), ("30s", 30), ("30 sec", 30), ("500 ms", 0.5), ("2 min", 120), (-5, None), (0, 0), ("30,0", 30)],
)
def test_a_duration_has_its_unit_taken_into_account(value, expected):
    assert seconds(value) == expected


@pytest.mark.parametrize(("value", "expected"), [(" V ", "V"), ("None", ""), ("N/A", ""), (None, ""), (3, "3")])
def test_words_for_nothing_are_no_text(value, expected):
    assert text(value) == expected
