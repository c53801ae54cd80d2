"""Light curves of a made sequence, and their way into files."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from pipeline import sample
from pipeline.frame import FrameError
from pipeline.graph import batch
from pipeline.graph.run import Graph
from pipeline.photometry import Flag
from pipeline.products_photometry import aavso_text
from pipeline.recipe import Recipe
from pipeline.stages.lightcurves import with_comparison

FRAMES = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sky")
    sample.write_named("drift", folder, frames=FRAMES, size=(300, 400))
    return folder


@pytest.fixture(scope="module")
def curves(folder):
    graph = Graph()
    return graph.result(graph.open([folder]), Recipe(), "lightcurves")


def test_the_time_of_a_point_is_the_middle_of_its_exposure(folder, curves):
    infos = Graph.open([folder]).files
    begun = np.array([info.time.jd for info in infos])
    np.testing.assert_allclose((curves.time - begun) * 86400, [info.exposure / 2 for info in infos], atol=1e-3)


def test_constant_stars_scatter_as_their_errors_say(curves):
    bright = (
        np.isfinite(curves.scatter) & (curves.expected < 0.1) & (curves.flag & int(Flag.SATURATED) == 0).all(axis=0)
    )
    assert bright.sum() >= 10
    assert 0.6 < np.median(curves.scatter[bright] / curves.expected[bright]) < 1.5


def test_other_comparison_stars_need_no_new_measurement_and_give_the_same_as_a_recipe_that_names_them(folder, curves):
    some = tuple(int(star) for star in curves.comparison[:4])
    at_once = with_comparison(curves, some)
    graph = Graph()
    recipe = Recipe().with_knobs("psf_photometry", comparison=some)
    anew = graph.result(graph.open([folder]), recipe, "lightcurves")
    np.testing.assert_array_equal(at_once.mag, anew.mag)
    np.testing.assert_array_equal(at_once.comparison, some)
    assert with_comparison(curves, None).comparison.tolist() == curves.comparison.tolist()


def test_frames_of_each_filter_are_compared_among_themselves(curves):
    colour = np.linspace(-1.5, 1.5, curves.mag.shape[1])
    red = np.array([False, True] * (FRAMES // 2))
    instrumental = curves.instrumental + red[:, None] * colour
    filters = tuple("R" if one else "B" for one in red)
    found = with_comparison(replace(curves, instrumental=instrumental, filter=filters), None)
    plain = with_comparison(curves, tuple(found.comparison.tolist()))
    known = np.isfinite(plain.scatter) & np.isfinite(found.scatter) & (plain.expected < 0.05)
    assert known.sum() > 5
    # Each star has a mean in each filter, so that its colour is no scatter.
    assert np.median(found.scatter[known] / plain.scatter[known]) == pytest.approx(1, abs=0.3)
    assert np.nanmax(found.scatter[found.comparison]) < 0.1
    assert "of 2 filters, B (3), R (3)" in found.warnings[-1]
    assert not plain.warnings


def test_a_comparison_star_that_is_none_is_named(curves):
    with pytest.raises(FrameError, match=r"comparison star 99999 has no flux in any frame"):
        with_comparison(curves, (0, 99999))


def test_the_median_of_a_known_star_has_its_magnitude_and_curves_keep_their_shape(folder, curves):
    star, other = (int(one) for one in curves.comparison[:2])
    graph = Graph()
    recipe = Recipe().with_knobs("psf_photometry", known={str(star): 11.5})
    found = graph.result(graph.open([folder]), recipe, "lightcurves")
    assert np.median(found.mag[:, star]) == pytest.approx(11.5)
    np.testing.assert_allclose(found.mag[:, other] - curves.mag[:, other], found.zero_point, atol=1e-9)
    np.testing.assert_array_equal(found.instrumental, curves.instrumental)
    np.testing.assert_array_equal(found.mag_error, curves.mag_error)
    of_mean = np.sqrt(np.mean(curves.mag_error[:, star] ** 2) / FRAMES)
    # A median is less sure than a mean, and of many values by a quarter.
    assert np.all((found.zero_point_err > 1.05 * of_mean) & (found.zero_point_err < 1.2533 * of_mean))
    frame = graph.result(graph.open([folder]), recipe, "psf_photometry", 2)
    assert frame["mag"][star] == pytest.approx(11.5)
    assert f"star {star} of 11.5 mag" in frame.zero_point_source
    np.testing.assert_allclose(frame["mag"] - frame["instrumental_mag"], frame.zero_point)
    assert "#Magnitudes are on the scale of star" in aavso_text(found, [other])
    assert ",NO,STD,ENSEMBLE," in aavso_text(found, [other])
    assert ",NO,DIF,ENSEMBLE," in aavso_text(curves, [other])


def test_a_run_writes_tables_that_can_be_read_and_light_curves_that_aavso_takes(folder, curves, tmp_path):
    graph = Graph()
    report = batch.run(graph.open([folder]), Recipe(), tmp_path / "out", wanted=("photometry",))
    assert {
        "light_001.photometry.ecsv",
        "light_001.photometry.fits",
        "lightcurves.ecsv",
        "lightcurves_aavso.txt",
    } <= set(report["products"])
    table = Table.read(tmp_path / "out" / "light_002.photometry.ecsv", format="ascii.ecsv")
    for name in (
        "peak_x",
        "centroid_x",
        "width_x",
        "psf_flux",
        "psf_flux_err",
        "aperture_flux_3",
        "mag",
        "flag",
        "reason",
    ):
        assert name in table.colnames
    assert len(table) == curves.mag.shape[1]
    assert table["psf_flux"].unit == "adu"
    assert table.meta["GAINFROM"]
    with fits.open(tmp_path / "out" / "light_002.photometry.fits") as hdus:
        hdus.verify("exception")
        np.testing.assert_array_equal(hdus["PHOTOMETRY"].data["psf_flux"], table["psf_flux"])
        assert hdus[0].header["RECIPE"] == Recipe().hash
    written = Table.read(tmp_path / "out" / "lightcurves.ecsv", format="ascii.ecsv")
    assert len(written) == np.isfinite(curves.flux).sum()
    lines = (tmp_path / "out" / "lightcurves_aavso.txt").read_text().splitlines()
    assert lines[0] == "#TYPE=Extended"
    rows = [line.split(",") for line in lines if not line.startswith("#")]
    assert rows
    assert {len(row) for row in rows} == {15}
    assert all(len(row[1]) <= 16 and "." in row[2] and len(row[3]) <= 6 for row in rows)
    assert "nan" not in "".join(lines)


def test_a_star_can_have_its_own_name_in_aavsos_format(curves):
    star = next(
        i for i in range(curves.mag.shape[1]) if i not in curves.comparison and np.isfinite(curves.mag[:, i]).all()
    )
    text = aavso_text(curves, [star], {star: "HAT-P-32"})
    rows = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(rows) == len(curves.frame)
    assert all(row.startswith("HAT-P-32,24") for row in rows)


def test_aavsos_limits_hold_for_any_name_and_filter(curves):
    star = int(
        np.flatnonzero(
            np.isfinite(curves.mag).all(axis=0) & ~np.isin(np.arange(curves.mag.shape[1]), curves.comparison)
        )[0]
    )
    odd = replace(curves, filter=("Sloan,é|#7", "V", "", "g", "G", "Clear"))
    rows = [
        line.split(",")
        for line in aavso_text(odd, [star], {star: "a, long name of a star in the Großer Bär"}).splitlines()
        if not line.startswith("#")
    ]
    limits = (30, 16, 8, 6, 5, 3, 3, 20, 8, 20, 8, 7, 5, 20, 1000)
    assert len(rows) == FRAMES
    for row in rows:
        assert len(row) == len(limits)
        assert all(0 < len(field) <= limit for field, limit in zip(row, limits, strict=True))
        assert row[9] != f"star {star}"
    assert [row[4] for row in rows] == ["O", "V", "CV", "SG", "TG", "CV"]
    # A filter that has no name of AAVSO's must be described.
    assert rows[0][14].startswith("filter Sloan")
    assert all("|VMAGINS=-" in row[14] for row in rows)


def aavso_rows(text):
    """Measurements of AAVSO's format by their columns' names."""
    lines = text.splitlines()
    (names,) = (line[1:].split(",") for line in lines if line.startswith("#NAME"))
    return [dict(zip(names, line.split(","), strict=True)) for line in lines if not line.startswith("#")]


def lasting(curves):
    """A star of every frame that does not serve for comparison."""
    whole = np.isfinite(curves.mag).all(axis=0)
    whole[curves.comparison] = False
    return int(np.flatnonzero(whole)[0])


def test_a_check_star_stands_on_the_scale_of_its_ensemble_and_of_one_star_all_is_instrumental(curves):
    star = lasting(curves)
    for number, row in enumerate(aavso_rows(aavso_text(curves, [star]))):
        check = int(row["KNAME"].removeprefix("star "))
        assert (row["CNAME"], row["CMAG"]) == ("ENSEMBLE", "na")
        assert float(row["KMAG"]) == pytest.approx(curves.mag[number, check], abs=1e-4)
        assert f"|KMAGINS={curves.instrumental[number, check]:.4f}" in row["NOTES"]
    one = int(curves.comparison[0])
    alone = with_comparison(curves, (one,))
    for number, row in enumerate(aavso_rows(aavso_text(alone, [star]))):
        check = int(row["KNAME"].removeprefix("star "))
        assert row["CNAME"] == f"star {one}"
        assert float(row["CMAG"]) == pytest.approx(alone.instrumental[number, one], abs=1e-4)
        assert float(row["KMAG"]) == pytest.approx(alone.instrumental[number, check], abs=1e-4)


def test_aavso_gets_no_magnitude_less_sure_than_one_and_is_told_of_a_camera(curves):
    star = lasting(curves)
    error = curves.mag_error.copy()
    error[2, star] = 1.2
    text = aavso_text(replace(curves, mag_error=error), [star], files=[f"{k}.DNG" for k in range(FRAMES)])
    assert len(aavso_rows(text)) == FRAMES - 1
    assert "#Left out as less sure than 1 mag: 1." in text
    assert "#OBSTYPE=DSLR\n" in text
    assert "#OBSTYPE=CCD\n" in aavso_text(curves, [star], files=["a.fits"])
    parameters = [line for line in text.splitlines() if line.startswith("#") and "=" in line]
    assert [line.split("=")[0] for line in parameters] == [
        "#TYPE", "#OBSCODE", "#SOFTWARE", "#DELIM", "#DATE", "#OBSTYPE"
    ]  # fmt: skip


def test_a_zero_point_that_was_given_makes_magnitudes_standard(curves):
    moved = with_comparison(replace(curves, zero_point=np.full(FRAMES, 21.5)), None)
    assert {row["MTYPE"] for row in aavso_rows(aavso_text(moved, [lasting(moved)]))} == {"STD"}
    assert {row["MTYPE"] for row in aavso_rows(aavso_text(curves, [lasting(curves)]))} == {"DIF"}


def test_faint_stars_of_a_real_sequence_scatter_as_their_errors_say(data):
    graph = Graph()
    found = graph.result(graph.open([data / "skycamt"]), Recipe(), "lightcurves")
    sky_limited = np.isfinite(found.mag).all(axis=0) & (found.expected > 0.02) & (found.expected < 0.06)
    assert sky_limited.sum() > 300
    assert np.median(found.scatter[sky_limited] / found.expected[sky_limited]) == pytest.approx(1, abs=0.12)
