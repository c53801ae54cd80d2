"""The names in the top bar: all of them where there is room, else what tells them from others."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

pytest.importorskip("panel")

from ui.top_bar import ROOM, fitting

NAMES = some.text(min_size=1, max_size=255)


def test_names_that_fit_are_written_whole():
    assert fitting("Sample: drifting field, 24 frames", "light_001", ROOM[True]) == (
        "Sample: drifting field, 24 frames", "light_001",
    )  # fmt: skip
    assert fitting("", "", ROOM[True]) == ("", "")


@settings(deadline=None)
@given(NAMES, NAMES, some.integers(1, 9999), some.sampled_from(sorted(ROOM.values())))
def test_long_names_are_cut_until_both_fit_and_keep_the_count_and_the_end_of_a_file(name, reference, count, room):
    title, shown = fitting(f"{name}, {count} frames", reference, room)
    assert title.endswith(f", {count} frames")
    assert len(title) + len(shown) <= room
    assert reference.endswith(shown.removeprefix("\u2026"))
    assert name.startswith(title.rpartition(", ")[0].removesuffix("\u2026"))
    if len(name) + len(reference) + len(f", {count} frames") <= room:
        assert (title, shown) == (f"{name}, {count} frames", reference)
