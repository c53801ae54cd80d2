"""Fluxes of synthetic stars: unbiased, as sure as they can be, and with errors that are their scatter."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.special import erf

from pipeline.frame import Background, Frame, FrameError, FrameInfo, Normalized
from pipeline.kernels.photometry import profile_fluxes
from pipeline.kernels.polynomial import identity
from pipeline.read.rows import RowReaders
from pipeline.stages.candidates import candidates
from pipeline.stages.centroids import centroids
from pipeline.stages.noise_model import photon_transfer
from pipeline.stages.psf_photometry import psf_photometry
from pipeline.stages.stars import stars
from pipeline.tables import Status, Tracks
from tests.star_fields import grid

LEVEL, GAIN, READ = 200.0, 1.5, 5.0


def sky(seed, sigma, flux, side=20, step=40, gain=GAIN, history=("bias subtracted",)):
    """A grid of stars of one flux, pixel by pixel integrated, with the noise of photons and of reading."""
    rng = np.random.default_rng(seed)
    x, y = grid(side, step, rng)
    flux = np.broadcast_to(flux, x.shape)
    shape = (side * step, side * step)
    light, reach = np.zeros(shape), 14
    for star_x, star_y, star_flux in zip(x, y, flux, strict=True):
        rows, columns = round(star_y) + np.arange(-reach, reach + 1), round(star_x) + np.arange(-reach, reach + 1)
        down, across = (
            np.diff(erf((np.append(at, at[-1] + 1) - 0.5 - middle) / sigma / np.sqrt(2))) / 2
            for at, middle in ((rows, star_y), (columns, star_x))
        )
        light[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += star_flux * np.outer(down, across)
    image = rng.poisson((light + LEVEL) * gain) / gain + rng.normal(0, READ / gain, shape)
    pixels = image.astype(np.float32)
    mesh = {"mono": np.full((1, 1), LEVEL, np.float32)}
    noise = float(np.sqrt(LEVEL / gain + (READ / gain) ** 2))
    background = Background(mesh, {"mono": np.full((1, 1), noise, np.float32)}, max(shape), shape, "none")
    frame = Frame(FrameInfo("/sky.fits", "sky.fits", shape), pixels, history=history)
    normalized = Normalized(
        pixels - np.float32(LEVEL), 1.0, 1.0, "none", None, np.empty(0, np.int64), noise, "sky.fits", background
    )
    return frame, normalized, x, y, flux


class Alone:
    """Tracks of a frame alone."""

    used, reason = np.array([True]), ("",)


def followed(x, y):
    """Tracks of two frames whose stars stand at known places."""
    found = np.zeros((2, x.size), np.int8)
    return Tracks(
        x=np.stack([x, x]), y=np.stack([y, y]), x_error=found + 0.01, y_error=found + 0.01, status=found,
        row=found.astype(np.int64) - 1, previous=np.zeros(2, np.int64), used=np.ones(2, bool), reason=("", ""),
        transform=np.zeros((2, 2, 3)), residual=np.zeros(2), reference=0, shape=(800, 800),
        saturated=found != 0, blended=found != 0, stuck=np.zeros(2, bool),
    )  # fmt: skip


def measured(frame, normalized, sigma, tracks=None, calibration=(), centroid=None, **knobs):
    table = stars(candidates(normalized, fwhm=2.3548 * sigma), threshold=6.0)
    found = centroids(normalized, table, **(centroid or {}))
    return found, psf_photometry(normalized, frame, found, tracks or Alone(), 0, calibration, **knobs)


def matched(photometry, x, y):
    """Rows that have a flux and the true star of each."""
    kept = photometry.kept
    found = np.stack([photometry["centroid_x"][kept], photometry["centroid_y"][kept]], axis=1)
    distance, truth = cKDTree(np.stack([x, y], axis=1)).query(found)
    return kept[distance < 1], truth[distance < 1]


def bound(sigma, flux):
    """Cramer and Rao's bound of the flux of a star whose place and profile are known."""
    rows, columns = np.indices((41, 41)) - 20
    p = np.exp(-(rows**2 + columns**2) / (2 * (sigma**2 + 1 / 12))) / (2 * np.pi * (sigma**2 + 1 / 12))
    variance = (LEVEL + flux * p) / GAIN + (READ / GAIN) ** 2
    return 1 / np.sqrt((p**2 / variance).sum())


def flux_of(sigma, snr):
    """The flux whose bound is that signal over noise."""
    low, high = 1.0, 1e9
    for _ in range(80):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if middle / bound(sigma, middle) < snr else (low, middle)
    return low


def few_bright(sigma, snr):
    """One star in ten is bright, as in any field, and tells the width; the others have the signal that is asked for."""
    return np.where(np.arange(400) % 10 == 0, flux_of(sigma, 1000), flux_of(sigma, snr))


@pytest.mark.parametrize("sigma", [1.5, 2.0, 3.0])
@pytest.mark.parametrize("snr", [10, 30, 100, 1000])
def test_fluxes_at_known_places_are_unbiased_near_the_bound_and_as_wrong_as_they_say(sigma, snr):
    flux, offs, pulls = flux_of(sigma, snr), [], []
    for seed in range(3):
        frame, normalized, x, y, truth = sky(seed, sigma, few_bright(sigma, snr))
        _, photometry = measured(frame, normalized, sigma, followed(x, y), gain=GAIN)
        of_interest = truth == flux
        offs.append(photometry["psf_flux"][of_interest] - flux)
        pulls.append(offs[-1] / photometry["psf_flux_err"][of_interest])
    off, pull = np.concatenate(offs), np.concatenate(pulls)
    count, scatter = off.size, np.std(off)
    assert abs(off.mean()) < 0.01 * flux
    assert scatter < 1.15 * bound(sigma, flux) * (1 + 2 / np.sqrt(2 * count))
    assert 0.95 - 2 / np.sqrt(2 * count) < pull.std() < 1.05 + 2 / np.sqrt(2 * count)


@pytest.mark.parametrize(("sigma", "snr"), [(1.5, 10), (1.5, 1000), (3.0, 100), (3.0, 1000)])
def test_pixels_that_count_by_their_noise_bring_fluxes_to_the_bound(sigma, snr):
    flux = flux_of(sigma, snr)
    frame, normalized, x, y, truth = sky(11, sigma, few_bright(sigma, snr))
    _, photometry = measured(frame, normalized, sigma, followed(x, y), gain=GAIN, weights="noise")
    of_interest = truth == flux
    off = photometry["psf_flux"][of_interest] - flux
    counted = 1 + 2 / np.sqrt(2 * off.size)
    assert abs(off.mean()) < 0.01 * flux
    assert np.std(off) < 1.03 * bound(sigma, flux) * counted
    assert 0.95 / counted < np.std(off / photometry["psf_flux_err"][of_interest]) < 1.05 * counted


def test_a_wrong_width_costs_all_stars_alike_unless_pixels_count_by_their_noise():
    _, normalized, x, y, truth = sky(12, 2.0, few_bright(2.0, 30))
    off = {}
    for weights in ("profile", "noise"):
        looks = {"window": 25, "variance": np.full((2, 2), normalized.noise**2), "photon": np.full((2, 2), 1 / GAIN)}
        found = profile_fluxes(normalized.image, x, y, 2.1, 2.1, **looks, by_noise=weights == "noise")["flux"] / truth
        off[weights] = [np.mean(found[truth == one]) for one in (truth.max(), truth.min())]
    assert off["profile"][0] == pytest.approx(off["profile"][1], abs=0.01)
    assert off["noise"][1] - off["noise"][0] > 0.02


@pytest.mark.parametrize("sigma", [1.5, 2.0, 3.0])
@pytest.mark.parametrize("snr", [30, 100, 1000])
def test_fluxes_at_own_centroids_are_unbiased_too(sigma, snr):
    flux = flux_of(sigma, snr)
    frame, normalized, x, y, truth = sky(7, sigma, few_bright(sigma, snr))
    _, photometry = measured(frame, normalized, sigma, gain=GAIN)
    rows, at = matched(photometry, x, y)
    rows = rows[truth[at] == flux]
    assert len(rows) > 300
    off = photometry["psf_flux"][rows] - flux
    assert abs(off.mean()) < 0.01 * flux + 2 * bound(sigma, flux) / np.sqrt(len(rows))
    assert np.std(off) < 1.25 * bound(sigma, flux)


def test_a_frames_own_gain_is_found_from_two_flats_and_a_bias_and_said():
    rng = np.random.default_rng(0)
    fall = 1 - 0.2 * np.linspace(-1, 1, 400)[:, None] ** 2 * np.ones(400)
    flats = [rng.poisson(level * fall * 2.3) / 2.3 + 900 + rng.normal(0, 3.0, (400, 400)) for level in (300, 280)]
    bias = [900 + rng.normal(0, 3.0, (400, 400)) for _ in range(2)]
    gain, read_noise = photon_transfer(*([one.astype(np.float32) for one in some] for some in (flats, bias)))
    assert gain == pytest.approx(2.3, rel=0.02)
    assert read_noise == pytest.approx(3.0 * 2.3, rel=0.03)
    assert photon_transfer(flats[:1], bias) == (None, None)
    infos = [
        FrameInfo(f"{i}", f"{i}", (400, 400), kind=kind) for i, kind in enumerate(("flat", "flat", "bias", "bias"))
    ]
    frame, normalized, *_ = sky(0, 2.0, flux_of(2.0, 300), side=8)
    readers = RowReaders.of_arrays([*flats, *bias], infos)
    _, photometry = measured(frame, normalized, 2.0, calibration=readers)
    assert photometry.gain_source == "photon transfer from two flats"
    assert photometry.gain == pytest.approx(2.3, rel=0.02)


@pytest.mark.parametrize(
    ("history", "header", "source", "warns"),
    [
        (("bias subtracted",), 4.0, "the sky's noise", False),
        ((), 4.0, "the header", False),
        ((), 139.0, "the sky's noise, its zero level not known", True),
    ],
)
def test_without_flats_the_sky_tells_the_gain_where_its_level_is_known_else_the_header(history, header, source, warns):
    frame, normalized, *_ = sky(1, 2.0, flux_of(2.0, 300), side=8, history=history)
    frame = replace(frame, info=replace(frame.info, gain=header))
    _, photometry = measured(frame, normalized, 2.0, read_noise=READ)
    assert photometry.gain_source == source
    assert any("gain is a guess" in text for text in photometry.warnings) == warns
    assert photometry.gain == pytest.approx(4.0 if source == "the header" else GAIN, rel=0.05)
    _, given = measured(frame, normalized, 2.0, gain=3.0)
    assert (given.gain, given.gain_source) == (3.0, "given")


@pytest.mark.parametrize("zero_level", [500.0, 3000.0])
def test_the_stars_tell_the_gain_where_the_sky_holds_the_cameras_zero_level(zero_level):
    fluxes = 10 ** np.random.default_rng(3).uniform(3, 5.6, 400)
    frame, normalized, x, y, truth = sky(23, 2.0, fluxes, history=())
    mesh = {"mono": np.full((1, 1), LEVEL + zero_level, np.float32)}
    raised = replace(normalized, background=replace(normalized.background, mesh=mesh))
    _, photometry = measured(frame, raised, 2.0, followed(x, y))
    assert photometry.gain_source == "the noise of the stars' own light"
    assert photometry.gain == pytest.approx(GAIN, rel=0.2)
    assert not any("gain" in text for text in photometry.warnings)
    bright = truth > 30_000
    pull = ((photometry["psf_flux"] - truth) / photometry["psf_flux_err"])[bright]
    assert pull.std() == pytest.approx(1, abs=3 / np.sqrt(2 * bright.sum()))


def test_a_gain_that_neither_the_sky_nor_some_stars_tell_is_not_known_and_said_so():
    frame, normalized, *_ = sky(24, 2.0, flux_of(2.0, 300), side=4, history=())
    _, photometry = measured(frame, replace(normalized, background=None), 2.0)
    assert photometry.gain is None
    assert any("nothing tells the gain" in text for text in photometry.warnings)


def test_own_widths_scatter_more_at_low_signal_and_say_so():
    frame, normalized, x, y, truth = sky(2, 2.0, few_bright(2.0, 40))
    faint = truth == truth.min()
    found = {psf: measured(frame, normalized, 2.0, gain=GAIN, psf=psf)[1] for psf in ("median", "own")}
    spread = {}
    for psf, photometry in found.items():
        rows, at = matched(photometry, x, y)
        spread[psf] = np.std(photometry["psf_flux"][rows[faint[at]]] / truth.min())
    assert spread["own"] > 1.2 * spread["median"]
    assert any("take psf_photometry.psf=median" in text for text in found["own"].warnings)
    assert not any("own" in text for text in found["median"].warnings)


def test_a_moffat_finds_the_exponent_of_the_wings_and_all_their_light():
    frame, normalized, x, y, _ = sky(3, 2.0, 1.0, side=12)
    rows, columns = np.indices(normalized.image.shape, sparse=True)
    image = np.array(normalized.image)
    for star_x, star_y in zip(x, y, strict=True):
        near = slice(int(star_y) - 19, int(star_y) + 20), slice(int(star_x) - 19, int(star_x) + 20)
        away = (columns[:, near[1]] - star_x) ** 2 + (rows[near[0]] - star_y) ** 2
        image[near] += 40_000 * 1.6 / (np.pi * 9) * (1 + away / 9) ** -2.6
    normalized = replace(normalized, image=image.astype(np.float32))
    found = {psf: measured(frame, normalized, 2.0, gain=GAIN, psf=psf)[1] for psf in ("median", "moffat")}
    ratio = {psf: np.median(one["psf_flux"][one.kept]) / 40_000 for psf, one in found.items()}
    assert found["moffat"].beta == pytest.approx(2.6, abs=0.25)
    assert ratio["moffat"] == pytest.approx(1, abs=0.03)
    told = {
        psf: any("light by the profile than in circles" in text for text in one.warnings) for psf, one in found.items()
    }
    assert told == {"median": abs(ratio["median"] - ratio["moffat"]) > 0.03, "moffat": False}
    growth = found["median"].growth
    assert (np.diff(growth) > -0.01).all()
    assert growth[-1] == pytest.approx(1)


def test_sources_of_many_widths_are_said_to_have_no_profile_in_common():
    flux = np.where(np.arange(64) % 2, 1.0, flux_of(1.4, 500))
    frame, normalized, x, y, _ = sky(9, 1.4, flux, side=8)
    _, alike = measured(frame, normalized, 1.4, gain=GAIN)
    assert not alike.warnings
    rows, columns = np.indices(normalized.image.shape, sparse=True)
    image = np.array(normalized.image)
    for star, width in zip(range(1, x.size, 2), np.linspace(2, 3.5, x.size // 2), strict=True):
        light = np.exp(-((columns - x[star]) ** 2 + (rows - y[star]) ** 2) / 2 / width**2)
        image += 200_000 / (2 * np.pi * width**2) * light
    wide = replace(normalized, image=image.astype(np.float32))
    _, unlike = measured(frame, wide, 1.4, gain=GAIN)
    assert any("galaxies are among them" in text for text in unlike.warnings)


@pytest.mark.parametrize(("drawn_out", "warns"), [(1.0, False), (1.8, True)])
def test_a_profile_that_is_not_the_stars_is_told_by_circles(drawn_out, warns):
    frame, normalized, x, y, _ = sky(13, 2.0, 1.0, side=12)
    rows, columns = np.indices(normalized.image.shape, sparse=True)
    image = np.array(normalized.image)
    for star_x, star_y in zip(x, y, strict=True):
        near = slice(int(star_y) - 19, int(star_y) + 20), slice(int(star_x) - 19, int(star_x) + 20)
        across, down = columns[:, near[1]] - star_x, rows[near[0]] - star_y
        along, aside = (across + down) / np.sqrt(2) / drawn_out, (across - down) / np.sqrt(2) * drawn_out
        image[near] += 90_000 / (2 * np.pi * 4) * np.exp(-(along**2 + aside**2) / 8)
    _, photometry = measured(frame, replace(normalized, image=image.astype(np.float32)), 2.0, gain=GAIN)
    assert any("light by the profile than in circles" in text for text in photometry.warnings) == warns


def test_the_width_of_the_frame_is_given_back_what_its_window_cuts_off():
    frame, normalized, *_ = sky(4, 3.0, flux_of(3.0, 1000), side=10)
    true = np.sqrt(9 + 1 / 12)
    for window in (12, 20):
        off, on = (
            measured(frame, normalized, 3.0, centroid={"window": window}, correct_window=knob)[1].width_x
            for knob in (False, True)
        )
        assert on == pytest.approx(true, rel=0.01)
        assert off < (0.9 if window == 12 else 0.998) * true


def test_a_star_on_masked_pixels_has_a_reason_and_one_beside_them_a_flag():
    frame, normalized, x, y, truth = sky(5, 2.0, flux_of(2.0, 300), side=8)
    image = np.array(normalized.image)
    for star, half in ((9, 8), (18, 0)):
        middle = round(y[star]) + (0 if half else 3), round(x[star]) + (0 if half else 3)
        image[middle[0] - half : middle[0] + half + 1, middle[1] - half : middle[1] + half + 1] = np.nan
    normalized = replace(normalized, image=image)
    _, photometry = measured(frame, normalized, 2.0, followed(x, y), gain=GAIN)
    assert photometry.reasons()[9] == "masked"
    assert np.isnan(photometry["psf_flux"][9])
    assert "masked" in photometry.reasons()[18]
    assert photometry["psf_flux"][18] == pytest.approx(truth[18], rel=0.03)


def test_a_star_too_faint_to_be_found_is_measured_where_the_others_say_it_is():
    frame, normalized, x, y, truth = sky(8, 2.0, few_bright(2.0, 3))
    tracks, lost = followed(x + 7.25, y - 3.5), truth == truth.min()
    moved = identity((800, 800)) - [[7.25, 0, 0], [-3.5, 0, 0]]
    where = {name: getattr(tracks, name).copy() for name in ("x", "y", "status")}
    where["x"][0], where["y"][0] = np.where(lost, np.nan, x), np.where(lost, np.nan, y)
    where["status"][0] = np.where(lost, Status.FAINT, Status.FOUND)
    tracks = replace(tracks, **where, reference=1, transform=np.stack([moved, moved]))
    _, photometry = measured(frame, normalized, 2.0, tracks, gain=GAIN)
    off = photometry["psf_flux"][lost] - truth[lost]
    assert abs(off.mean()) < 3 * off.std() / np.sqrt(off.size)
    assert np.std(off / photometry["psf_flux_err"][lost]) == pytest.approx(1, abs=0.12)
    assert (photometry.status[lost] == Status.FAINT).all()
    assert set(np.array(photometry.reasons())[lost]) <= {"forced", "neighbour, forced"}
    where["status"][0] = np.where(lost, Status.OUTSIDE, Status.FOUND)
    _, outside = measured(frame, normalized, 2.0, replace(tracks, status=where["status"]), gain=GAIN)
    assert set(np.array(outside.reasons())[lost]) == {"outside"}


@pytest.mark.parametrize("crowded", ["drop", "merge"])
def test_stars_that_the_reference_has_too_near_leave_every_frame_or_become_one(crowded):
    frame, normalized, x, y, _ = sky(25, 2.0, flux_of(2.0, 500), side=6)
    near = followed(np.append(x, x[:3] + 3.0), np.append(y, y[:3]))
    centroid = {"crowded": crowded, "separation": 5.0}
    _, photometry = measured(frame, normalized, 2.0, near, gain=GAIN, centroid=centroid)
    reasons = np.array(photometry.reasons())
    if crowded == "drop":
        assert set(reasons[[0, 1, 2, 36, 37, 38]]) == {"crowded"}
        assert np.isnan(photometry["psf_flux"][:3]).all()
    else:
        assert set(reasons[36:]) == {"merged"}
        np.testing.assert_allclose(photometry["centroid_x"][:3], x[:3] + 1.5)
        assert np.isfinite(photometry["psf_flux"][:3]).all()
    assert not {"crowded", "merged"} & set(reasons[3:36])


def test_a_frame_that_is_not_used_says_why():
    frame, normalized, *_ = sky(6, 2.0, flux_of(2.0, 300), side=6)
    tracks = Alone()
    tracks.used, tracks.reason = np.array([False]), ("its stars do not fit",)
    with pytest.raises(FrameError, match="its stars do not fit"):
        measured(frame, normalized, 2.0, tracks)


def test_errors_grow_with_the_sky_on_the_bright_side_of_a_frame():
    rng, flux = np.random.default_rng(21), flux_of(2.0, 30)
    frame, normalized, x, y, truth = sky(21, 2.0, few_bright(2.0, 30))
    level = np.linspace(0, 1200, 800)
    # More photons fall on the right; the sky that is taken off is known.
    more = (rng.poisson(np.broadcast_to(level, (800, 800)) * GAIN) / GAIN - level).astype(np.float32)
    mesh = LEVEL + np.broadcast_to(level.reshape(16, 50).mean(axis=1), (16, 16))
    noise = np.sqrt(mesh / GAIN + (READ / GAIN) ** 2)
    background = Background(
        {"mono": mesh.astype(np.float32)}, {"mono": noise.astype(np.float32)}, 50, (800, 800), "none"
    )
    brighter = replace(normalized, image=normalized.image + more, background=background, noise=float(np.median(noise)))
    _, photometry = measured(frame, brighter, 2.0, followed(x, y), gain=GAIN)
    of_interest = truth == flux
    pull = ((photometry["psf_flux"] - flux) / photometry["psf_flux_err"])[of_interest]
    left = x[of_interest] < 400
    for side in (left, ~left):
        assert pull[side].std() == pytest.approx(1, abs=3 / np.sqrt(2 * side.sum()))
    error = photometry["psf_flux_err"][of_interest]
    assert error[~left].mean() > 1.4 * error[left].mean()


def test_a_neighbour_that_pulls_the_light_weighted_mean_costs_a_star_no_light():
    frame, normalized, x, y, truth = sky(22, 1.2, np.where(np.arange(64) % 2, flux_of(1.2, 800), flux_of(1.2, 500)), 8)
    rows, columns = np.indices(normalized.image.shape, sparse=True)
    image = np.array(normalized.image)
    for star in range(0, x.size, 2):
        away = (columns - x[star] - 7) ** 2 + (rows - y[star]) ** 2
        image += truth[star] / 40 / (2 * np.pi * 1.44) * np.exp(-away / 2.88)
    found, photometry = measured(frame, replace(normalized, image=image.astype(np.float32)), 1.2, gain=GAIN)
    kept, at = matched(photometry, x, y)
    pulled = at % 2 == 0
    assert np.median(found["com_x"][kept][pulled] - x[at][pulled]) > 0.1
    off = photometry["psf_flux"][kept] / truth[at] - 1
    assert abs(np.median(off[pulled]) - np.median(off[~pulled])) < 0.002


def test_a_zero_point_moves_all_magnitudes_and_no_flux():
    frame, normalized, *_ = sky(6, 2.0, flux_of(2.0, 300), side=6)
    plain, moved = (measured(frame, normalized, 2.0, zero_point=zero)[1] for zero in (0.0, 21.3))
    np.testing.assert_allclose(moved["mag"] - plain["mag"], 21.3)
    np.testing.assert_array_equal(moved["psf_flux"], plain["psf_flux"])
    np.testing.assert_allclose(plain["mag"], -2.5 * np.log10(plain["psf_flux"]))
