"""The star table: all candidates are filtered and ordered before the browser gets as many as it can hold."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

pytest.importorskip("panel")

from pipeline.recipe import Recipe
from pipeline.tables import Reason
from ui import tables
from ui.flux_facts import curve_frame, flux_frame
from ui.tables import ALL, StarTab, first_rows

# Bokeh's own, where it takes a table's index.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")
MOST = 12


@pytest.fixture
def results(graph, turning):
    """Stars and tracks of the second frame."""
    return graph.result(turning, Recipe(), "stars", 1), graph.result(turning, Recipe(), "tracks")


@pytest.fixture
def picks():
    return []


@pytest.fixture
def tab(results, picks, monkeypatch):
    """A table of which the browser holds few rows."""
    monkeypatch.setattr(tables, "STAR_ROWS", MOST)
    made = StarTab(lambda *what: picks.append(what))
    made.show(*results, 1)
    return made


def said(tab):
    return re.sub("<[^>]*>", "", tab._said.object)


def test_rows_that_are_not_sent_are_said_with_the_way_to_see_them(tab, results):
    assert len(tab.table.value) == MOST
    assert said(tab).startswith(f"The {MOST} strongest of {len(results[0])} candidates.")
    to_others = "To see the others, sort by another column, choose a state or drag a region on the picture."
    assert said(tab).endswith(to_others)
    tab._state.value = next(one for one in tab._state.options[1:] if (tab._all["state"] == one).sum() > MOST)
    assert said(tab).endswith("To see the others, sort by another column or drag a region on the picture.")


def test_a_state_is_chosen_among_all_candidates_and_not_among_the_strongest(tab, results):
    everything = tables.star_frame(*results, 1)
    for state in tab._state.options[1:]:
        tab._state.value = state
        wanted = everything[everything["state"] == state]
        assert len(wanted)
        assert tab.table.value["state"].tolist() == [state] * min(MOST, len(wanted))
        counted = f"{len(wanted)} of {len(everything)} candidates."
        assert said(tab) == counted if len(wanted) <= MOST else said(tab).startswith(f"The {MOST} strongest of")


def test_the_first_in_the_order_of_a_clicked_head_are_sent(tab, results):
    everything = tables.star_frame(*results, 1)
    tab.table.sorters = [{"field": "sharp", "dir": "asc"}]
    sent = tab.table.value["sharp"].to_numpy()
    np.testing.assert_array_equal(np.sort(sent), np.sort(everything["sharp"])[:MOST])
    assert f"The {MOST} first by sharp of" in said(tab)
    tab._state.value = tab._state.options[1]
    tab._state.value = ALL
    np.testing.assert_array_equal(np.sort(tab.table.value["sharp"]), np.sort(everything["sharp"])[:MOST])


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_numbers_of_stars_are_ordered_as_numbers_and_what_has_none_comes_last(order):
    numbers = np.random.default_rng(3).permutation(300)
    table = pd.DataFrame({"id": [str(number) if number < 200 else "" for number in numbers]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "STAR_ROWS", MOST)
        sent = first_rows(table, [{"field": "id", "dir": order}], None)
    wanted = range(MOST) if order == "asc" else range(200 - MOST, 200)
    assert sorted(map(int, sent["id"])) == list(wanted)


def test_the_browser_orders_numbers_as_they_are_ordered_before(tab):
    columns = {one["field"]: one for one in tab.table.get_root().configuration["columns"]}
    for name in ("id", "x", "y", "over σ", "sharp", "round"):
        assert columns[name]["sorter"] == "number"
        assert columns[name]["sorterParams"] == {"alignEmptyValues": "bottom"}
    assert "sorter" not in columns["state"]


@given(some.lists(some.floats(-5, 5) | some.just(np.nan), max_size=40), some.booleans(), some.data())
@settings(deadline=None, max_examples=60)
def test_no_row_that_is_left_out_comes_before_one_that_is_sent(values, rising, data):
    table = pd.DataFrame({"sharp": np.array(values, float), "over σ": np.arange(len(values), 0.0, -1.0)})
    picked = data.draw(some.none() | some.integers(0, len(values) - 1)) if values else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "STAR_ROWS", MOST)
        sent = first_rows(table, [{"field": "sharp", "dir": "asc" if rising else "desc"}], picked)
    assert picked is None or picked in sent.index
    assert sent.index.is_monotonic_increasing
    rest = table.drop(sent.index)["sharp"]
    chosen = sent["sharp"].drop(index=[picked], errors="ignore")
    if len(rest) and rest.notna().any():
        assert chosen.notna().all()
        assert (rest.min() >= chosen.max()) if rising else (rest.max() <= chosen.min())


def test_a_star_picked_elsewhere_has_its_row_marked_though_it_is_among_the_faintest(tab, results):
    everything = tables.star_frame(*results, 1)
    faint = int(everything["id"][everything["id"] != ""].iloc[-1])
    tab.pick(faint)
    (row,) = tab.table.selection
    assert tab.table.value["id"].iloc[row] == str(faint)
    tab.pick(None)
    assert tab.table.selection == []


def test_where_nothing_is_picked_or_what_is_has_no_row_a_result_filters_once(tab, monkeypatch):
    filtered = []
    monkeypatch.setattr(tab, "_filter", lambda: filtered.append(True))
    tab.pick(None)
    tab.pick(99_999)
    assert not filtered
    tab.pick(int(tab._all["id"][tab._all["id"] != ""].iloc[-1]))
    assert filtered


def test_a_row_without_a_number_picks_the_candidate_in_its_place(tab, picks):
    tab._state.value = next(one for one in tab._state.options if one not in (ALL, "complete", "partial"))
    row = tab.table.value.iloc[0]
    tab._clicked(SimpleNamespace(row=0))
    assert picks == [(1, None, (row["x"], row["y"]))]
    tab.pick(None, (row["x"] + 0.04, row["y"] - 0.04))
    assert tab.table.selection == [0]


def test_a_candidate_that_has_no_centre_is_picked_at_its_brightest_pixel(tab, picks, graph, turning):
    recipe = Recipe({"stars": {"sharpness": (0.1, 0.45)}})
    stars, tracks = (graph.result(turning, recipe, name, 1) for name in ("stars", "tracks"))
    lost = {name: np.array(stars[name]) for name in stars.columns}
    rejected = np.flatnonzero(stars.reason == Reason.SHARPNESS)
    rejected = rejected[np.argsort(-stars["convolved"][rejected])]
    lost["xcentroid"][rejected[0]] = lost["ycentroid"][rejected[0]] = np.nan
    tab.show(replace(stars, columns=lost), tracks, 1)
    tab._state.value = Reason.SHARPNESS.word
    peak = tuple(float(stars[name][rejected[0]]) for name in ("x_peak", "y_peak"))
    (row,) = np.flatnonzero((tab.table.value["x"] == peak[0]) & (tab.table.value["y"] == peak[1]))
    tab._clicked(SimpleNamespace(row=int(row)))
    assert picks == [(1, None, peak)]
    tab.pick(None, peak)
    assert tab.table.selection == [row]


def test_a_region_without_a_star_says_so(tab, results):
    tab.show(*results, 1, (-90.0, -80.0, -90.0, -80.0))
    assert said(tab) == "No candidate lies in the region."


def test_a_frame_without_a_candidate_says_so(tab, results):
    stars, tracks = results
    none = replace(stars, columns={name: stars[name][:0] for name in stars.columns}, reason=stars.reason[:0])
    tab.show(none, tracks, 1)
    assert said(tab) == "No candidate in this frame."


def test_every_column_of_a_table_of_stars_says_what_it_is(graph, turning, results):
    photometry = graph.result(turning, Recipe(), "psf_photometry", 1)
    curves = graph.result(turning, Recipe(), "lightcurves")
    for table in (tables.star_frame(*results, 1), flux_frame(photometry), curve_frame(curves)):
        assert set(tables.heads(table)) == set(table.columns)
