"""The player, the plots of a sequence and the small maps, without a browser."""

import numpy as np
import pytest

from ui.map_plots import MapPlots
from ui.player import Player
from ui.plots import FrameSeries, TrackPlots, band_pieces, frame_ticks


def test_the_player_tells_the_users_choice_and_not_the_programs():
    told = []
    player = Player(5, told.append)
    player.frame = 3
    assert told == []
    player.panel.frame = 4
    assert told == [4]


def test_the_player_does_not_stay_beyond_the_last_frame():
    player = Player(5, lambda frame: None)
    player.frame = 4
    player.set_frames(["a", "b"], reference=1, unused=[0])
    assert player.frame == 0
    assert player.panel.count == 2


def series(count=24):
    x = np.arange(count, dtype=float)
    return FrameSeries(-5 * x, 2 * x, -0.01 - x, 0.01 + x, np.full(count, 40), 20 - x // 2, x // 2, reference=3)


def test_the_states_of_the_reference_s_stars_are_stacked():
    plots = TrackPlots()
    plots.update(series())
    assert plots.series.data["complete"].tolist() == [40] * 24
    assert plots.series.data["lost"].tolist() == [60] * 24


def test_a_line_of_what_became_of_the_lost_ends_between_reasons():
    plots = TrackPlots()
    plots.say_lost("405 left the field, 14 moved away")
    assert "lost: 405\u00a0left\u00a0the\u00a0field, 14\u00a0moved\u00a0away" in plots._titles[2].object


@pytest.mark.parametrize(
    ("partial", "lost", "named"),
    [
        (0, 0, ["complete"]),
        (2, 0, ["complete", "partial"]),
        (0, 2, ["complete", "lost"]),
        (1, 1, ["complete", "partial", "lost"]),
    ],
)
def test_each_state_that_a_star_is_in_is_named_within_its_plot_and_no_name_covers_another(partial, lost, named):
    plots = TrackPlots()
    counts = [np.full(3, count, float) for count in (90, partial, lost)]
    plots.update(FrameSeries(*np.zeros((4, 3)), *counts, reference=0))
    ends = plots._count_ends
    words = [ends.major_label_overrides[place] for place in ends.ticker.ticks]
    assert words == named
    total = 90 + partial + lost
    assert max(ends.ticker.ticks) <= total
    assert all(gap > 0.1 * total for gap in np.diff(ends.ticker.ticks))


def test_the_line_tells_only_what_the_user_dragged():
    told = []
    plots = TrackPlots(on_frame=told.append)
    plots.update(series())
    plots.set_frame(5)
    assert told == []
    plots.chosen.data = {"frame": [7], "count": [24]}
    assert told == [7]


def test_the_line_has_a_handle_that_goes_with_it_and_makes_no_curve_smaller():
    plots = TrackPlots()
    plots.update(series())
    handle = next(one for one in plots.figures[0].renderers if one.glyph.__class__.__name__ == "Scatter")
    plots.set_frame(5)
    assert handle.data_source.data[handle.glyph.x][0] == 5
    assert handle.y_range_name in plots.figures[0].extra_y_ranges
    assert handle not in plots.figures[0].y_range.renderers
    assert len(plots.figures[0].y_range.renderers) == len(plots.figures[0].renderers) - 1


def test_the_band_is_not_drawn_across_frames_that_have_none():
    low = np.array([-1.0, -2.0, np.nan, -3.0, np.nan, np.nan, -4.0, -5.0, -6.0])
    pieces = band_pieces(low, -low)
    assert [list(piece) for piece in pieces["x"]] == [[0, 1, 1, 0], [2.8, 3.2, 3.2, 2.8], [6, 7, 8, 8, 7, 6]]
    assert [list(piece) for piece in pieces["y"]] == [[-1, -2, 2, 1], [-3, -3, 3, 3], [-4, -5, -6, 6, 5, 4]]
    nothing = np.full(3, np.nan)
    assert band_pieces(nothing, nothing) == {"x": [], "y": []}


def test_the_plots_take_back_a_star_and_a_sequence():
    plots = TrackPlots("light")
    plots.update(series())
    plots.set_picked(393, *np.zeros((4, 24)))
    plots.set_picked(None)
    assert len(plots.star.data["dx"]) == 0
    plots.update(None)
    assert len(plots.series.data["dx"]) == 0


@pytest.mark.parametrize(
    ("count", "shown"), [(24, [1, 6, 12, 18, 24]), (1, [1]), (2, [1, 2]), (100, [1, 25, 50, 75, 100])]
)
def test_the_frames_under_the_plots_are_numbered_as_users_count(count, shown):
    assert [tick + 1 for tick in frame_ticks(count)] == shown


def test_the_small_maps_carry_their_own_limits():
    plots = MapPlots()
    plots.update({"x_offset": np.linspace(-89, -87, 600 * 400, dtype=np.float32).reshape(400, 600)})
    assert (plots.heads["x_offset"].low, plots.heads["x_offset"].high) == ("−89.0", "−87.0")
    data = plots.sources["x_offset"].data
    sample = data["dw"][0] / data["image"][0].shape[1]
    first, last = data["x"][0] + sample / 2, data["x"][0] + data["dw"][0] - sample / 2
    assert (first, last) == pytest.approx((0, 599)), "the outer samples are the outer pixels"
    assert data["image"][0][0, 0] == -89
    assert data["image"][0][-1, -1] == -87


def test_a_map_without_slope_and_one_without_values_can_be_drawn():
    plots = MapPlots()
    plots.update({"x_offset": np.zeros((40, 60)), "y_offset": np.full((40, 60), np.nan)})
    assert all(len(plots.sources[name].data["image"]) == 1 for name in ("x_offset", "y_offset"))
