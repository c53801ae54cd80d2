"""A region dragged on the picture leaves its own stars in tables and plots of stars; what is picked is in all."""

import re

import numpy as np
import pytest

pytest.importorskip("panel")

from ui.page import Desk
from ui.region import stars_inside
from ui.session import Session

# Bokeh's own, where it takes a table's index.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")
LEFT_HALF = (-1.0, 160.0, -1.0, 240.0)


@pytest.fixture(scope="module")
def page(turning, tmp_path_factory):
    """A page at the second frame; what it asks for is there when a turn returns."""
    from pipeline.graph.run import Graph

    session = Session(Graph(), tmp_path_factory.mktemp("root"))
    made = Desk(session, None)
    made.results.wait_for(lambda: session.open(turning, "sky"))
    made.results.wait_for(lambda: session.change(frame=1))
    yield made
    made.close()


@pytest.fixture
def look(page):
    """Open a tab; afterwards no region is left."""

    def opened(name):
        page.results.wait_for(lambda: page.side.choose(name))
        return page.side._made[name]

    yield opened
    page.session.change(region=None, picked=None)


def region(page, wanted):
    page.results.wait_for(lambda: page.session.change(region=wanted))


@pytest.fixture(scope="module")
def inside(page):
    """Which stars lie in the left half of the reference."""
    chosen = stars_inside(LEFT_HALF, page.results.scene["tracks"])
    assert 5 < chosen.sum() < len(chosen) - 5
    return chosen


def test_the_tables_of_fluxes_and_of_light_curves_list_the_stars_of_the_region(page, look, inside):
    tab = look("Fluxes")
    for view in ("fluxes", "curve"):
        page.results.wait_for(lambda view=view: tab._view.param.update(value=view))
        every = set(tab._parts[view]._table.value["id"])
        region(page, LEFT_HALF)
        assert set(tab._parts[view]._table.value["id"]) == {star for star in every if inside[star]}
        if view == "curve":
            assert inside[tab._parts[view]._plots._stars].all()
        region(page, None)
        assert set(tab._parts[view]._table.value["id"]) == every


def test_shapes_are_those_of_the_regions_stars(page, look, inside):
    tab = look("Fluxes")
    page.results.wait_for(lambda: tab._view.param.update(value="shapes"))
    every = np.array(tab._parts["shapes"].field.data["id"])
    region(page, LEFT_HALF)
    shapes = tab._parts["shapes"]
    assert list(shapes.field.data["id"]) == every[inside[every]].tolist()
    shown = [cell["star"] for cell in shapes.gallery.cells if cell["star"] is not None]
    # The region goes with the middle of the sky: beside its edge the turn of the field counts.
    assert inside[shown].mean() > 0.9
    page.results.wait_for(lambda: tab._view.param.update(value="fluxes"))


def test_residuals_of_the_map_and_stars_beside_its_line_are_those_of_the_region(page, look, inside):
    tab, maps = look("Map"), page.results.scene["offset_map"]
    assert len(tab.residuals.plot._ids) == len(maps.stars)
    region(page, LEFT_HALF)
    assert tab.residuals.plot._ids.tolist() == [star for star in maps.stars if inside[star]]
    assert inside[tab.profile._shown.ids].all()
    assert f"{int(inside[maps.stars].sum())} of" in tab.residuals._numbers.object
    region(page, None)
    assert len(tab.residuals.plot._ids) == len(maps.stars)


def test_arrows_over_the_field_are_those_of_the_region(page, look, inside):
    tab = look("Tracks")
    tab._choice.value = "offset"
    region(page, LEFT_HALF)
    assert inside[tab._field.plot._ids].all()
    assert len(tab._field.plot._ids) > 5
    tab._choice.value = "frames"


NOWHERE = (-90.0, -80.0, -90.0, -80.0)
# What each tab shows of stars, and how it says that there are none.
OF_STARS = {
    "Map": (lambda tab: [*tab.residuals.plot._ids, *tab.profile._shown.ids], "stars used 0 of 0"),
    "Stars": (lambda tab: tab.table.value["id"].tolist(), "No candidate lies in the region."),
    "Fluxes": (lambda tab: tab._parts["fluxes"]._table.value["id"].tolist(), "Only stars in the region"),
}


def test_a_region_without_a_star_says_so_in_the_tab_of_tracks(page, look):
    tab = look("Tracks")
    region(page, NOWHERE)
    for what in ("offset", "residual", "frames"):
        tab._choice.value = what
        assert tab._alone.visible
        assert "lies in the region" in tab._alone.object
        assert not tab._plots.panel.visible
    assert page.side._part_of.visible
    region(page, None)
    assert not tab._alone.visible
    assert tab._plots.panel.visible
    assert not page.side._part_of.visible


@pytest.mark.parametrize("name", OF_STARS)
def test_a_region_without_a_star_empties_a_tab_and_leaves_it_whole(page, look, name):
    tab, (shown, words) = look(name), OF_STARS[name]
    every = shown(tab)
    assert len(every) > 10
    region(page, NOWHERE)
    assert shown(tab) == []
    assert page.side._part_of.visible
    said = [str(one.object) for one in (page.side._part_of[0], *tab.panel.select()) if hasattr(one, "object")]
    assert words in " ".join(re.sub(r"<[^>]*>|\s", " ", " ".join(said)).split())
    region(page, None)
    assert shown(tab) == every
    assert not page.side._part_of.visible


def test_a_star_picked_anywhere_is_marked_in_every_table(page, look):
    curves = look("Fluxes")
    page.results.wait_for(lambda: curves._view.param.update(value="curve"))
    star = int(curves._parts["curve"]._table.value["id"].iloc[3])
    page.results.wait_for(lambda: curves._view.param.update(value="fluxes"))
    page.pick(star)
    marked = lambda table: [int(table.value["id"].iloc[row]) for row in table.selection]  # noqa: E731
    assert marked(curves._parts["fluxes"]._table) == [star]
    page.results.wait_for(lambda: curves._view.param.update(value="curve"))
    assert marked(curves._parts["curve"]._table) == [star]
    assert marked(look("Stars").table) == [star]
    page.pick(None)
    assert look("Stars").table.selection == []
