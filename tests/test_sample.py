"""Skies with known truth: is the truth what the pixels hold?"""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from pipeline.frame import colour_planes
from pipeline.graph.run import Graph
from pipeline.read import read_info
from pipeline.recipe import Recipe
from pipeline.sample import (
    SAMPLES,
    SampleSpec,
    SkyObject,
    Truth,
    light,
    load_truth,
    make_frame,
    make_truth,
    named,
    names,
    starlight,
    write,
    write_named,
)

LONE = SampleSpec(
    name="lone",
    frames=3,
    shape=(64, 96),
    stars=0,
    objects=(SkyObject("star", (0.37, 0.61), 50_000.0),),
    fwhm=3.7,
    drift=(2.31, -1.17),
    clouds={2: 0.4},
)
BENT = SampleSpec(
    name="bent",
    frames=6,
    shape=(300, 400),
    stars=80,
    drift=(4.3, -2.2),
    rotation=0.7,
    scale=1.0004,
    distortion=-5.0,
    wander=0.4,
    jumps={3: (37.0, -21.0)},
    gaps={4: 3},
)
MOSAIC = replace(LONE, name="mosaic", pattern="GRBG", format="dng", red=1.7, blue=1.2, black=300)


def moments(image):
    """Sum and centroid of an image, by the definition."""
    y, x = np.indices(image.shape)
    total = image.sum(dtype=np.float64)
    return total, (image * x).sum(dtype=np.float64) / total, (image * y).sum(dtype=np.float64) / total


@pytest.mark.parametrize("index", range(3))
def test_flux_and_centroid_of_a_noiseless_star_are_the_truth(index):
    truth = make_truth(LONE)
    total, x, y = moments(starlight(truth, index))
    assert total == pytest.approx(truth.flux[index, 0], rel=1e-6)
    assert (x, y) == pytest.approx((truth.x[index, 0], truth.y[index, 0]), abs=1e-5)


def test_a_star_is_as_wide_as_the_seeing_and_its_pixels():
    truth = make_truth(LONE)
    image = starlight(truth, 0).astype(np.float64)
    _, x = np.indices(image.shape)
    variance = (image * (x - truth.x[0, 0]) ** 2).sum() / image.sum()
    assert variance == pytest.approx((LONE.fwhm / 2.3548200450309493) ** 2 + 1 / 12, rel=1e-5)


def test_peak_pixel_of_a_star_is_the_integral_over_its_square():
    from scipy.integrate import dblquad

    truth = make_truth(LONE)
    image = starlight(truth, 1)
    row, column = np.unravel_index(image.argmax(), image.shape)
    sigma = truth.fwhm[1] / 2.3548200450309493
    x, y, flux = truth.x[1, 0], truth.y[1, 0], truth.flux[1, 0]

    def density(v, u):
        return np.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)

    share = dblquad(density, column - 0.5, column + 0.5, row - 0.5, row + 0.5)[0]
    assert image[row, column] == pytest.approx(flux * share, rel=1e-6)


def test_a_star_over_the_edge_leaves_the_rest_of_its_light():
    spec = replace(LONE, objects=(SkyObject("edge", (0.0, 0.5), 10_000.0, beside=(-0.5, 0.0)),), drift=(0.0, 0.0))
    assert starlight(make_truth(spec), 0).sum() == pytest.approx(5_000.0, rel=1e-5)


def test_each_colour_of_a_mosaic_is_weakened_by_its_hidden_factor():
    truth = make_truth(MOSAIC)
    mono = starlight(replace(truth, pattern="none"), 0)
    image = starlight(truth, 0)
    factor = {"red": MOSAIC.red, "green": 1.0, "blue": MOSAIC.blue}
    for name, row, column in colour_planes(MOSAIC.pattern):
        np.testing.assert_allclose(image[row::2, column::2] * factor[name], mono[row::2, column::2], rtol=1e-5)


def test_bright_stars_are_white_in_the_median_so_that_factors_are_well_defined():
    truth = make_truth(SAMPLES["colours"])
    bright = truth.flux[0] >= np.median(truth.flux[0])
    assert truth.colours[:, 0].std() > 0.03
    np.testing.assert_allclose(np.median(truth.colours[bright], axis=0), 1.0, rtol=1e-3)


def test_offset_field_at_the_stars_is_their_offset():
    truth = make_truth(BENT)
    for frame in range(BENT.frames):
        x, y = truth.offset_field(frame, truth.x[frame], truth.y[frame])
        np.testing.assert_allclose(x, truth.x[frame] - truth.x[0], atol=1e-9)
        np.testing.assert_allclose(y, truth.y[frame] - truth.y[0], atol=1e-9)


def test_offset_field_against_another_reference_is_the_way_there():
    truth = make_truth(BENT)
    x, y = truth.offset_field(5, truth.x[5], truth.y[5], reference=2)
    np.testing.assert_allclose(x, truth.x[5] - truth.x[2], atol=1e-9)
    np.testing.assert_allclose(y, truth.y[5] - truth.y[2], atol=1e-9)


def test_offsets_without_distortion_are_rotation_scale_and_drift():
    truth = make_truth(replace(BENT, distortion=0.0, wander=0.0))
    exposures = 5 + 3
    angle, scale = np.radians(0.7) * exposures, 1.0004**exposures
    u, v = truth.x[0] - 199.5, truth.y[0] - 149.5
    x = 199.5 + scale * (np.cos(angle) * u - np.sin(angle) * v) + 4.3 * exposures + 37.0
    y = 149.5 + scale * (np.sin(angle) * u + np.cos(angle) * v) - 2.2 * exposures - 21.0
    np.testing.assert_allclose(truth.x[5], x, atol=1e-9)
    np.testing.assert_allclose(truth.y[5], y, atol=1e-9)


def test_distortion_at_the_corner_has_its_amplitude():
    truth = make_truth(BENT)
    x, y = truth.to_frame(0, np.array([199.5]), np.array([149.5]))
    assert np.hypot(x - 199.5, y - 149.5) == pytest.approx(np.hypot(199.5, 149.5) - 5.0)


def test_stars_come_in_from_everywhere_the_field_moves_to():
    truth = make_truth(replace(BENT, stars=4_000))
    assert truth.inside[0].sum() == 4_000
    seen = truth.inside[-1]
    cell = 8 * (truth.y[-1, seen] // 37.5).astype(int) + (truth.x[-1, seen] // 50).astype(int)
    assert np.abs(np.bincount(cell.clip(0, 63), minlength=64) - 62.5).max() < 5 * np.sqrt(62.5)


def test_separation_keeps_random_stars_apart():
    spec = replace(BENT, separation=12.0, distortion=0.0, scale=1.0)
    assert make_truth(spec).nearest(3).min() >= 12.0


def test_noise_is_photons_and_readout():
    spec = SampleSpec(name="flat", frames=1, shape=(400, 500), stars=0, sky=300.0, gain=1.7, read_noise=6.0)
    pixels = make_frame(spec, make_truth(spec), 0).above_black()
    count = pixels.size
    assert pixels.mean() == pytest.approx(300 / 1.7, abs=5 * np.sqrt(336 / count))
    variance = (300 + 36) / 1.7**2 + 1 / 12
    assert pixels.var() == pytest.approx(variance, rel=5 * np.sqrt(2 / count))


def test_noise_is_independent_between_frames_and_rows():
    spec = SampleSpec(name="flat", frames=2, shape=(600, 500), stars=0)
    truth = make_truth(spec)
    first, second = (make_frame(spec, truth, i).above_black() - 400 / 1.5 for i in (0, 1))
    limit = 5 / np.sqrt(first.size / 2)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < limit
    assert abs(np.corrcoef(first[:256].ravel(), first[256:512].ravel())[0, 1]) < limit


def test_background_of_the_truth_is_that_of_the_pixels_in_each_colour():
    spec = replace(MOSAIC, stars=0, objects=(), shape=(200, 300), gradient=(0.3, -0.2), sky_colour=(1.3, 1.0, 0.6))
    truth = make_truth(spec)
    data = make_frame(spec, truth, 1).above_black()
    for name, row, column in colour_planes(spec.pattern):
        rest = (data - truth.background(name))[row::2, column::2]
        assert abs(rest.mean()) < 5 * rest.std() / np.sqrt(rest.size)
        slope = np.polyfit(np.arange(rest.shape[1]), rest.mean(axis=0), 1)[0]
        assert abs(slope) < 5 * rest.std() / np.sqrt(rest.size * rest.shape[1] ** 2 / 12)


def test_the_sky_rises_by_its_gradient_and_has_the_colour_the_camera_sees():
    spec = replace(MOSAIC, gradient=(0.3, -0.2), sky=340.0, sky_colour=(1.3, 1.0, 0.6), gain=2.0)
    truth = make_truth(spec)
    green = truth.background("green")
    np.testing.assert_allclose(green[[0, 0, -1, -1], [0, -1, 0, -1]], 170.0 * np.array([0.95, 1.25, 0.75, 1.05]))
    np.testing.assert_allclose(truth.background("red") / green, 1.3 / 1.7)
    np.testing.assert_allclose(truth.background("blue") / green, 0.6 / 1.2)


def test_the_black_level_of_a_fits_file_is_a_part_of_its_background():
    spec = replace(MOSAIC, format="fits", stars=0, objects=())
    truth = make_truth(spec)
    frame = make_frame(spec, truth, 0)
    assert not frame.black.any()
    assert np.median(frame.above_black()[::2, ::2]) == pytest.approx(400 / 1.5 + 300, abs=2)
    assert truth.background().mean() == pytest.approx(400 / 1.5 + 300)


def test_hot_pixels_shine_in_every_frame_where_the_truth_says():
    spec = replace(LONE, hot=20, clusters=2, objects=())
    truth = make_truth(spec)
    dark = make_truth(replace(spec, hot=0, clusters=0))
    for index in range(3):
        extra = light(truth, index) - light(dark, index)
        np.testing.assert_allclose(extra[truth.hot_mask], truth.hot_level, rtol=1e-4)
        assert not extra[~truth.hot_mask].any()


def test_a_satellite_crosses_its_frame_alone():
    spec = replace(LONE, satellites=(1,), objects=())
    truth = make_truth(spec)
    clear = light(truth, 0)
    assert (light(truth, 2) == clear).all()
    trail = truth.trails[0]
    length = np.hypot(trail[3] - trail[1], trail[4] - trail[2])
    assert (light(truth, 1) - clear).sum() == pytest.approx(trail[5] * length, rel=1e-3)


def test_full_pixels_stop_at_the_saturation_level():
    spec = replace(LONE, objects=(SkyObject("bright", (0.5, 0.5), 1e7),), black=200, saturation=9_000)
    frame = make_frame(spec, make_truth(spec), 0)
    assert frame.pixels.max() == 9_000
    assert frame.info.saturation == 9_000


def test_bad_rectangles_are_nan_and_masked():
    spec = replace(LONE, bits=-32, bad=((0.25, 0.5, 0.5, 0.75),))
    frame = make_frame(spec, make_truth(spec), 0)
    assert frame.pixels.dtype == np.float32
    assert np.isnan(frame.pixels[32:48, 24:48]).all()
    assert (np.isnan(frame.pixels) == frame.mask).all()
    assert frame.mask.sum() == 16 * 24


def test_moving_and_varying_objects_do_as_told():
    objects = (
        SkyObject("steady", (0.5, 0.5), 1_000.0),
        SkyObject("mover", (0.2, 0.2), 1_000.0, motion=(2.0, 1.0)),
        SkyObject("fading", (0.8, 0.8), 1_000.0, brightness=(1.0, 0.5)),
    )
    truth = make_truth(replace(LONE, objects=objects))
    assert truth.labels == {"steady": 0, "mover": 1, "fading": 2}
    assert truth.moving.tolist() == [False, True, False]
    np.testing.assert_allclose(np.diff(truth.x[:, 1]) - np.diff(truth.x[:, 0]), 2.0)
    np.testing.assert_allclose(truth.flux[:, 2], [1_000.0, 500.0, 200.0])


def test_a_dng_holds_the_pixels_black_level_pattern_and_time(tmp_path):
    import exifread
    import rawpy

    spec = replace(MOSAIC, exposure=12.5, interval=20.25)
    paths = write(spec, tmp_path)
    assert [path.name for path in paths] == ["light_001.dng", "light_002.dng", "light_003.dng"]
    frame = make_frame(spec, make_truth(spec), 1)
    with rawpy.imread(str(paths[1])) as raw:
        np.testing.assert_array_equal(raw.raw_image_visible, frame.pixels)
        assert raw.black_level_per_channel == [300] * 4
        assert raw.white_level == 2**14 - 1
        letters = raw.raw_pattern.ravel()
        assert "".join(raw.color_desc.decode()[i] for i in letters) == "GRBG"
        assert raw.other.iso_speed == 800
    with open(paths[1], "rb") as file:
        tags = exifread.process_file(file)
    assert str(tags["EXIF DateTimeOriginal"]) == "2026:01:17 20:30:20"
    assert str(tags["EXIF SubSecTimeOriginal"]) == "250"
    assert float(tags["EXIF ExposureTime"].values[0]) == 12.5
    assert frame.info.time.isot == "2026-01-17T20:30:20.250"


@pytest.mark.parametrize(("pattern", "bits"), [("none", 16), ("BGGR", 16), ("none", -32)])
def test_a_fits_file_holds_the_pixels_and_the_cards(tmp_path, pattern, bits):
    spec = replace(LONE, pattern=pattern, bits=bits, gaps={1: 2})
    paths = write(spec, tmp_path)
    frame = make_frame(spec, make_truth(spec), 1)
    with fits.open(paths[1]) as hdus:
        hdus.verify("exception")
        header = hdus[0].header
        np.testing.assert_array_equal(hdus[0].data, frame.pixels)
    assert header["IMAGETYP"] == "Light Frame"
    assert header["DATE-OBS"] == "2026-01-17T20:33:45.000"
    assert (header["EXPTIME"], header["GAIN"], header["SATURATE"]) == (60.0, 1.5, 65535)
    assert header.get("BAYERPAT", "none") == pattern


def test_a_truth_file_reads_back_whole(tmp_path):
    write(replace(BENT, hot=10, satellites=(1,), objects=LONE.objects), tmp_path)
    truth, back = make_truth(replace(BENT, hot=10, satellites=(1,), objects=LONE.objects)), load_truth(tmp_path)
    for name in Truth.__dataclass_fields__:
        wanted, found = getattr(truth, name), getattr(back, name)
        if isinstance(wanted, np.ndarray):
            np.testing.assert_array_equal(wanted, found)
        else:
            assert (wanted, type(wanted)) == (found, type(found)), name


def test_a_folder_without_truth_has_none(tmp_path):
    assert load_truth(tmp_path) is None


def test_same_seed_same_bytes_and_another_seed_another_sky(tmp_path):
    for folder, seed in (("a", 5), ("b", 5), ("c", 6)):
        write_named("drift", tmp_path / folder, frames=2, size=200, seed=seed)
    for name in ("light_001.dng", "light_002.dng", "truth.npz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert load_truth(tmp_path / "a").x.tolist() != load_truth(tmp_path / "c").x.tolist()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["light_001.dng", "light_002.dng", "truth.npz"]


def test_names_sizes_and_formats_of_named_samples():
    assert names()[0] == "drift"
    assert {"drift", "rotation", "codes", "survival", "large", "colours"} <= set(names())
    spec = named("rotation", frames=3, size=480, format="dng")
    assert (spec.frames, spec.shape, spec.pattern, spec.stars) == (3, (360, 480), "RGGB", 100)
    assert named("rotation", size=(240, 480)).shape == (240, 480)
    assert all(sample.story for sample in SAMPLES.values())


def test_a_smaller_sample_keeps_as_much_of_the_sky_in_the_field():
    share = []
    for size in (None, 600):
        truth = make_truth(named("drift", size=size))
        share.append(truth.inside.all(axis=0).sum() / truth.inside[0].sum())
    assert share[0] > 0.75
    assert share[1] == pytest.approx(share[0], abs=0.1)


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "large"])
def test_every_named_sample_exposes_and_keeps_most_stars_unsaturated(name):
    spec = named(name, size=320)
    truth = make_truth(spec)
    frame = make_frame(spec, truth, spec.frames - 1)
    assert frame.shape == spec.shape
    assert np.nanmean(frame.above_black() >= frame.info.saturation) < 0.01


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"frames": 0}, "lone.frames = 0: wants at least 1"),
        ({"pattern": "RGBG"}, "wants one of none, RGGB"),
        ({"format": "dng"}, "a DNG holds a whole-number colour mosaic; take fits"),
        ({"bits": 20}, "lone.bits = 20: wants 8 to 16"),
    ],
)
def test_a_spec_that_makes_no_sense_is_refused_in_a_sentence(change, sentence):
    with pytest.raises(ValueError, match="lone") as caught:
        replace(LONE, **change)
    assert sentence in str(caught.value)


def test_an_unknown_sample_names_those_there_are():
    with pytest.raises(ValueError, match="no such sample; there are drift"):
        named("drfit")


def test_codes_tells_of_every_thing_that_can_become_of_a_star():
    spec = SAMPLES["codes"]
    truth = make_truth(spec)
    star = truth.labels
    assert not truth.inside[-1, star["leaves"]]
    assert (truth.flux[6:9, star["fades"]] == 0).all()
    assert truth.flux[9].max() == 0
    bad = make_frame(spec, truth, 0).mask
    at = [bad[round(truth.y[i, star["masked"]]), round(truth.x[i, star["masked"]])] for i in range(spec.frames)]
    assert not at[0]
    assert any(at)
    bright = make_frame(spec, truth, 7).pixels
    assert bright[round(truth.y[7, star["bright"]]), round(truth.x[7, star["bright"]])] == spec.full
    gap = np.hypot(
        truth.x[:, star["left"]] - truth.x[:, star["right"]], truth.y[:, star["left"]] - truth.y[:, star["right"]]
    )
    assert gap[0] > 3 * spec.fwhm
    assert gap.min() < 0.5 * spec.fwhm
    apart = np.hypot(
        truth.x[:, star["overrun"]] - truth.x[:, star["intruder"]],
        truth.y[:, star["overrun"]] - truth.y[:, star["intruder"]],
    )
    assert apart[0] > 20
    assert apart[-2:].min() < 1.5 * spec.fwhm


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """The sample with calibration frames, on disk."""
    folder = tmp_path_factory.mktemp("reduction")
    return folder, write_named("reduction", folder)


def test_a_session_has_calibration_frames_whose_bias_level_falls_from_frame_to_frame(session):
    folder, paths = session
    spec = SAMPLES["reduction"]
    kinds = [read_info(path).kind for path in paths]
    assert kinds == ["light"] * 8 + ["bias"] * 9 + ["dark"] * 7 + ["flat"] * 7
    taken = sorted(paths, key=lambda path: read_info(path).time.mjd)
    levels = [np.median(fits.getdata(path)[:, -spec.detector.overscan :]) for path in taken]
    assert np.diff(levels) == pytest.approx(np.full(30, -spec.detector.drift), abs=1.01)
    assert load_truth(folder).bias_level[-1] == pytest.approx(levels[-1], abs=1)


def test_a_session_reduced_with_all_its_frames_is_the_light_that_fell_on_it(session):
    folder, _ = session
    truth = load_truth(folder)
    graph = Graph()
    recipe = Recipe().with_knobs("calibrated", uncertainty=True)
    frame = graph.result(graph.open([folder]), recipe, "calibrated", 5)
    clean = replace(truth, flat=np.empty((0, 0)), dark=0.0, hot=truth.hot[:0], hot_level=truth.hot_level[:0])
    away = (frame.above_black() - light(clean, 5) / truth.gain) / frame.uncertainty
    away = away[~truth.hot_mask & np.isfinite(away)]
    assert away.size > 0.9 * truth.shape[0] * (truth.shape[1] - truth.overscan)
    assert np.median(away) == pytest.approx(0, abs=0.05)
    assert np.std(away[np.abs(away) < 5]) == pytest.approx(1, abs=0.03)


def test_stars_of_a_session_are_inside_only_where_its_pixels_see_light():
    truth = make_truth(SAMPLES["reduction"])
    assert truth.x[truth.inside].max() < truth.shape[1] - truth.overscan - 0.5
    assert (truth.flat[:, -truth.overscan :] == 0).all()
    assert (truth.hot % truth.shape[1] < truth.shape[1] - truth.overscan).all()


def test_calibration_frames_are_fits_alone():
    with pytest.raises(ValueError, match="calibration frames are monochrome FITS; take fits"):
        named("reduction", format="dng")
