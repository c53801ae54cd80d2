"""What the tab of fluxes saves is what the recipe makes that its header names, also while a knob is being turned."""

import threading
import zipfile

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

pytest.importorskip("panel")

from ui.page import Desk
from ui.session import Session

# Bokeh's own, where it takes a table's index.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")


@pytest.fixture
def page(graph, turning, tmp_path):
    """A page with the tab of fluxes open; what it asks for is there when a turn returns."""
    session = Session(graph, tmp_path)
    made = Desk(session, None)
    made.results.wait_for(lambda: session.open(turning, "sky"))
    made.results.wait_for(lambda: made.side.choose("Fluxes"))
    made.saved, made.came = [], threading.Event()
    made.courier.save_file = lambda path: (made.saved.append(path), made.came.set())
    yield made
    made.close()


def test_a_table_saved_while_it_is_out_of_date_is_that_of_the_recipe_in_its_header(page, graph, turning, monkeypatch):
    session, shown = page.session, page.results.scene["psf_photometry"]
    with monkeypatch.context() as patch:
        # The worker is slow: what is on screen is of the knobs before.
        patch.setattr(page.results, "ask", lambda: None)
        session.turn("psf_photometry", "window", 9)
        page.side._made["Fluxes"]._saves["table"].clicks += 1
        for writer in [one for one in threading.enumerate() if one.name == "flux files"]:
            writer.join(20)
        assert page.saved == [], "nothing is saved until the new fluxes are there"
    page.results.wait_for(lambda: None)
    assert page.came.wait(20)
    (path,) = page.saved
    with zipfile.ZipFile(path) as packed:
        packed.extractall(session.uploads)
    table = Table.read(session.uploads / "light_001.photometry.ecsv")
    wanted = graph.result(turning, session.recipe, "psf_photometry", 0)
    np.testing.assert_array_equal(np.ma.filled(table["psf_flux"], np.nan), wanted["psf_flux"])
    assert not np.array_equal(wanted["psf_flux"], shown["psf_flux"], equal_nan=True)
    assert fits.getheader(session.uploads / "light_001.photometry.fits")["RECIPE"] == session.recipe.hash
