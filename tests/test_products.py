"""What is written can be read back, keeps the light's own cards, and is whole or not there."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from pipeline import products, read, sample
from pipeline.frame import FrameError
from pipeline.graph import batch
from pipeline.graph.run import Graph
from pipeline.recipe import Recipe
from pipeline.tables import Status
from pipeline.truth import truth_beside


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    folder = tmp_path_factory.mktemp("products")
    sample.write_named("rotation", folder / "lights", frames=5, size=(240, 320))
    # A card that FITS does not allow, as old observatories wrote them, and one that lies about the array.
    light = folder / "lights" / "light_003.fits"
    with fits.open(light, mode="update") as hdus:
        hdus[0].header["OBSERVER"] = "Caroline H"
        hdus[0].header["DATAMAX"] = 17.0
        hdus[0].header.add_comment("kept as it is")
    batch.run(Graph.open([folder / "lights"]), Recipe(), folder / "out")
    graph = Graph()
    opened = graph.open([folder / "lights"])
    return folder, graph, opened


def test_the_stem_loses_its_known_ending_and_nothing_else():
    names = {"a.fits.fz": "a", "a.b.FIT.GZ": "a.b", "IMG_1.ARW": "IMG_1", "ngc.6819.v1": "ngc.6819.v1", "x.fz": "x"}
    assert {name: read.stem(name) for name in names} == names


def test_every_fits_product_obeys_the_standard(night):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paths = list((night[0] / "out").glob("*.fits"))
        assert len(paths) == 11
        for path in paths:
            with fits.open(path) as hdus:
                hdus.verify("exception")
                assert all(hdu.data is None or hdu.data.size >= 0 for hdu in hdus)


def test_a_product_keeps_the_lights_cards_and_adds_its_own(night):
    for kind in ("table", "map"):
        header = fits.getheader(night[0] / "out" / f"light_003.offsets_{kind}.fits")
        assert header["OBSERVER"] == "Caroline H"
        assert "kept as it is" in str(header["COMMENT"])
        assert "DATAMAX" not in header
        assert header["RECIPE"] == Recipe().hash
        assert header["REFFRAME"] == "light_001.fits"
        assert header["CREATOR"].startswith("Starshift")
        assert "Starshift" in str(header["HISTORY"])


def test_the_offset_tables_agree_with_the_tracks(night):
    folder, graph, opened = night
    tracks = graph.result(opened, Recipe(), "tracks")
    tables = [products.read_offsets(folder / "out" / f"light_{i + 1:03d}.offsets_table.fits") for i in range(5)]
    for i, table in enumerate(tables):
        ids = np.flatnonzero(tracks.measured[i])
        assert len(table) == len(ids)
        for name in table.colnames:
            assert np.isfinite(np.asarray(table[name], float)).all(), name
        reference = tables[0][table["ref_row"]]
        np.testing.assert_allclose(table["xcentroid"] - reference["xcentroid"], table["xoffset"], atol=1e-12)
        np.testing.assert_allclose(table["ycentroid"] - reference["ycentroid"], table["yoffset"], atol=1e-12)
        np.testing.assert_array_equal(table["prev_row"] >= 0, tracks.measured[max(i - 1, 0), ids])
        known = table["prev_row"] >= 0
        before = tables[max(i - 1, 0)][table["prev_row"][known]]
        for axis in "xy":
            here, moved = table[f"{axis}centroid"], table[f"{axis}offset_prev"]
            np.testing.assert_allclose((here - moved)[known], before[f"{axis}centroid"], atol=1e-12)
            assert (moved[~known] == 0).all()
        np.testing.assert_array_equal(table["complete"], tracks.complete[ids])
    assert (tables[0]["xoffset"] == 0).all()
    np.testing.assert_array_equal(tables[0]["ref_row"], np.arange(len(tables[0])))
    np.testing.assert_array_equal(tables[0]["prev_row"], np.arange(len(tables[0])))


def test_a_star_that_was_not_in_the_frame_before_has_no_row_there(night):
    _, graph, opened = night
    tracks = graph.result(opened, Recipe(), "tracks")
    back = np.flatnonzero(tracks.measured[:3].all(axis=0))[4]
    before = tracks.previous[2]
    x = tracks.x.copy()
    x[before, back] = np.nan
    table = products.offset_table(replace(tracks, x=x), graph.result(opened, Recipe(), "stars", 2), 2)
    row = table[np.flatnonzero(np.flatnonzero(tracks.measured[2]) == back)[0]]
    assert (row["prev_row"], row["xoffset_prev"], row["yoffset_prev"]) == (-1, 0, 0)
    assert (table["prev_row"] == -1).sum() == 1


def test_units_stand_in_the_columns(night):
    table = Table.read(night[0] / "out" / "light_002.offsets_table.fits", hdu=1)
    assert str(table["xcentroid"].unit) == "pix"
    assert str(table["xoffset"].unit) == "pix"
    assert str(table["flux"].unit).lower() == "adu"
    assert str(table["mag"].unit) == "mag"


def test_the_track_table_has_a_row_for_each_frame_and_star(night):
    folder, graph, opened = night
    tracks = graph.result(opened, Recipe(), "tracks")
    table = Table.read(folder / "out" / "tracks.fits", hdu=1)
    assert len(table) == tracks.x.size
    assert set(table["status"]) <= {status.value for status in Status}
    lost = table["status"] >= Status.FAINT
    assert np.isnan(table["xcentroid"][lost]).all()
    row = table[(table["frame"] == 3) & (table["id"] == 5)][0]
    np.testing.assert_equal(float(row["xoffset"]), tracks.x_offset[3, 5])
    assert fits.getheader(folder / "out" / "tracks.fits", 1)["STATUS3"] == "outside"


def test_the_frame_table_has_the_binding_columns_and_signs(night):
    folder = night[0]
    table = Table.read(folder / "out" / "frames.ecsv")
    assert table.colnames == [
        *("file", "time", "exposure", "gain", "filter", "kind", "used", "reason", "stars", "matched", "xshift"),
        *("yshift", "rotation", "scale", "residual", "fwhm", "roundness", "background", "noise", "saturated"),
    ]
    truth = truth_beside(folder / "lights")
    ny, nx = truth.shape
    for i in range(5):
        x, y = np.array([(nx - 1) / 2]), np.array([(ny - 1) / 2])
        sky = truth.to_sky(0, x, y)
        here = truth.to_frame(i, *sky)
        # A shift moves the frame onto the reference: minus the displacement of the centre.
        np.testing.assert_allclose(table["xshift"][i], x - here[0], atol=0.05)
        np.testing.assert_allclose(table["yshift"][i], y - here[1], atol=0.05)


def test_maps_have_the_shape_of_the_light_and_their_errors(night):
    with fits.open(night[0] / "out" / "light_004.offsets_map.fits") as hdus:
        assert [hdu.name for hdu in hdus[1:]] == ["XOFFSET", "YOFFSET", "XERROR", "YERROR"]
        for hdu in hdus[1:]:
            assert hdu.data.shape == (240, 320)
            assert hdu.data.dtype == np.dtype(">f4")
            assert hdu.header["BUNIT"] == "pixel"
        assert (hdus["XERROR"].data > 0).all()


def test_the_notebooks_own_tables_load(tmp_path):
    old = Table(
        {"id": [1, 2, 3], "xcentroid": [1.0, 2.0, 3.0], "ycentroid": [4.0, 5.0, 6.0], "xoffset": [0.1, 0.2, 0.3]}
    )
    old.write(tmp_path / "old.fits")
    assert list(products.read_offsets(tmp_path / "old.fits")["id"]) == [0, 1, 2]


def test_what_is_no_offset_table_is_refused(tmp_path):
    (tmp_path / "text.fits").write_text("no table")
    with pytest.raises(FrameError, match=r"text\.fits: .*choose"):
        products.read_offsets(tmp_path / "text.fits")
    Table({"a": [1]}).write(tmp_path / "other.fits")
    with pytest.raises(FrameError, match="xcentroid"):
        products.read_offsets(tmp_path / "other.fits")


def test_a_file_is_whole_or_not_there(tmp_path):
    target = tmp_path / "product.txt"
    target.write_text("old")

    def break_off():
        with products.written(target) as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["product.txt"]
