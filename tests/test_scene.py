"""What the page shows while results come and go."""

from ui.scene import Scene

WHOLE = Scene(
    0, {"frames": "files", "stars": "table", "offset_map": "map"}, {"frames": "f", "stars": "s", "offset_map": "m"}
)


def test_a_result_that_is_asked_for_again_stays_to_be_seen_and_can_be_taken_away():
    asked = WHOLE.asked_again(("offset_map",))
    assert asked["offset_map"] == "map"
    assert set(asked.keys) == {"frames", "stars"}
    assert set(asked.without(("stars",)).results) == {"frames", "offset_map"}


def test_another_frame_keeps_what_belongs_to_all_frames_also_where_it_is_asked_for_again():
    other = WHOLE.asked_again(("frames",)).at(3)
    assert other.frame == 3
    assert dict(other.results) == {"frames": "files"}
    assert not other.keys
