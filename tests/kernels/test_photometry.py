"""Light of stars: photutils' profile and aperture photometry on the same pixels, and laws of both sums."""

import numpy as np
import pytest
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st
from photutils.aperture import CircularAperture, aperture_photometry
from photutils.psf import GaussianPSF, MoffatPSF, PSFPhotometry

from pipeline.kernels.photometry import aperture_fluxes, profile_fluxes

EVEN, NO_PHOTONS = np.ones((2, 2)), np.zeros((2, 2))


def noisy_stars(seed=0, shape=(120, 150), stars=30, sigma=1.8):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(13, shape[1] - 14, stars), rng.uniform(13, shape[0] - 14, stars)
    rows, columns = np.indices(shape, sparse=True)
    image = rng.normal(0, 3, shape)
    for star_x, star_y, flux in zip(x, y, 10 ** rng.uniform(3, 5, stars), strict=True):
        light = np.exp(-((columns - star_x) ** 2 + (rows - star_y) ** 2) / (2 * sigma**2))
        image += flux * light / (2 * np.pi * sigma**2)
    image = image.astype(np.float32)
    image.flags.writeable = False
    return image, x, y


def fluxes(image, x, y, width_x, width_y, window=25, variance=EVEN, photon=NO_PHOTONS, beta=0.0):
    return profile_fluxes(
        image, x, y, width_x, width_y, window=window, variance=variance, photon=photon, beta=beta
    )  # fmt: skip


@pytest.mark.parametrize("window", [11, 25])
@pytest.mark.parametrize("profile", ["round", "elliptical", "moffat"])
def test_profile_fluxes_are_those_of_photutils_at_fixed_places(profile, window):
    image, x, y = noisy_stars()
    width_x, width_y, beta = {"round": (1.8, 1.8, 0.0), "elliptical": (1.5, 2.2, 0.0), "moffat": (2.4, 2.4, 2.8)}[
        profile
    ]
    if profile == "moffat":
        model = MoffatPSF(alpha=width_x, beta=beta)
    else:
        to_fwhm = 2 * np.sqrt(2 * np.log(2))
        model = GaussianPSF(x_fwhm=width_x * to_fwhm, y_fwhm=width_y * to_fwhm)
    model.x_0.fixed = model.y_0.fixed = True
    start = Table({"x_init": x, "y_init": y, "flux_init": np.full(len(x), 1e4)})
    theirs = PSFPhotometry(model, (window, window), aperture_radius=5)(image.astype(float), init_params=start)
    ours = fluxes(image, x, y, width_x, width_y, window, beta=beta)
    np.testing.assert_allclose(ours["flux"], theirs["flux_fit"], rtol=1e-4)
    assert (ours["seen"] == 1).all()


def test_fluxes_by_noise_are_those_of_photutils_with_the_same_errors_of_the_pixels():
    image, x, y = noisy_stars(3)
    variance, photon = np.array([[4.0, 9.0], [9.0, 16.0]]), np.full((2, 2), 0.5)
    looks = {"window": 25, "variance": variance, "photon": photon, "by_noise": True}
    model = GaussianPSF(x_fwhm=1.8 * 2 * np.sqrt(2 * np.log(2)), y_fwhm=1.8 * 2 * np.sqrt(2 * np.log(2)))
    model.x_0.fixed = model.y_0.fixed = True
    apart = np.hypot(x[:, None] - x, y[:, None] - y) + 1000 * np.eye(len(x))
    # A neighbour's light makes the rounds settle slowly.
    alone = apart.min(axis=1) > 12
    assert alone.sum() > 4
    for at_x, at_y in zip(x[alone], y[alone], strict=True):
        (ours,) = profile_fluxes(image, np.array([at_x]), np.array([at_y]), 1.8, 1.8, **looks)["flux"]
        rows, columns = np.indices(image.shape)
        profile = np.exp(-((columns - at_x) ** 2 + (rows - at_y) ** 2) / (2 * 1.8**2)) / (2 * np.pi * 1.8**2)
        error = np.sqrt(np.tile(variance, (60, 75)) + 0.5 * max(ours, 0) * profile)
        start = Table({"x_init": [at_x], "y_init": [at_y], "flux_init": [1e4]})
        fit = PSFPhotometry(model, (25, 25), aperture_radius=5)(image.astype(float), error=error, init_params=start)
        assert ours == pytest.approx(fit["flux_fit"][0], rel=1e-4)
        assert profile_fluxes(image, np.array([at_x]), np.array([at_y]), 1.8, 1.8, **looks)["error"][
            0
        ] == pytest.approx(fit["flux_err"][0], rel=1e-3)


def test_aperture_sums_are_those_of_photutils_also_at_the_edge_and_at_bad_pixels():
    image, x, y = noisy_stars(1)
    rng = np.random.default_rng(2)
    x, y = np.concatenate([x, rng.uniform(-3, 152, 60)]), np.concatenate([y, rng.uniform(-3, 122, 60)])
    holes = image.copy()
    holes[rng.random(image.shape) < 0.02] = np.nan
    radii = (0.3, 1.0, 3.0, 5.0, 7.5)
    ours = aperture_fluxes(holes, x, y, radii)
    bad = np.isnan(holes)
    for k, radius in enumerate(radii):
        theirs = aperture_photometry(
            np.where(bad, 0, holes).astype(float), CircularAperture(np.transpose([x, y]), radius), mask=bad
        )["aperture_sum"].value  # fmt: skip
        some = np.isfinite(ours[:, k])
        np.testing.assert_allclose(ours[some, k], theirs[some], rtol=1e-5, atol=1e-6)
        assert not np.nan_to_num(theirs[~some]).any()


@settings(deadline=None, max_examples=40)
@given(
    st.floats(5, 15), st.floats(5, 15), st.floats(0.2, 4.5),
)  # fmt: skip
def test_a_circle_on_an_even_sky_holds_its_own_area(x, y, radius):
    found = aperture_fluxes(np.ones((21, 21), np.float32), np.array([x]), np.array([y]), (radius,))
    assert found[0, 0] == pytest.approx(np.pi * radius**2, rel=1e-9)


def test_light_on_bad_pixels_is_not_lost():
    rows, columns = np.indices((31, 31), sparse=True)
    image = (5000 * np.exp(-((columns - 15.3) ** 2 + (rows - 14.8) ** 2) / (2 * 4)) / (8 * np.pi)).astype(np.float32)
    image[14, 15] = image[16, 16] = np.nan
    found = fluxes(image, np.array([15.3]), np.array([14.8]), 2.0, 2.0)
    assert found["flux"][0] == pytest.approx(5000, rel=1e-6)
    assert found["bad"][0] == 2
    assert 0.8 < found["seen"][0] < 1


def test_a_profile_that_integrates_to_one_over_the_window_alone_would_lose_the_light_outside():
    rows, columns = np.indices((61, 61), sparse=True)
    light = np.exp(-((columns - 30) ** 2 + (rows - 30) ** 2) / (2 * 9.0))
    image = (1000 * light / (18 * np.pi)).astype(np.float32)
    place = np.array([30.0])
    for window in (5, 9, 61):
        assert fluxes(image, place, place, 3.0, 3.0, window)["flux"][0] == pytest.approx(1000, rel=1e-6)
    narrow = light[28:33, 28:33]
    inside = (image[28:33, 28:33] * narrow / narrow.sum()).sum() / ((narrow / narrow.sum()) ** 2).sum()
    assert inside < 500


def test_flux_errors_follow_from_the_noise_of_each_colour_and_of_the_photons():
    rng = np.random.default_rng(3)
    variance, photon = np.array([[4.0, 9.0], [9.0, 25.0]]), np.array([[0.5, 1.0], [1.0, 2.0]])
    rows, columns = np.indices((25, 25))
    p = np.exp(-((columns - 12.2) ** 2 + (rows - 11.9) ** 2) / (2 * 2.25)) / (4.5 * np.pi)
    for flux in (100.0, 1e5):
        noise = np.sqrt(variance[rows & 1, columns & 1] + flux * p * photon[rows & 1, columns & 1])
        images = (flux * p + rng.normal(0, noise, (3000, 25, 25))).astype(np.float32)
        found = [
            fluxes(image, np.array([12.2]), np.array([11.9]), 1.5, 1.5, variance=variance, photon=photon)
            for image in images
        ]
        pull = (np.array([one["flux"][0] for one in found]) - flux) / np.array([one["error"][0] for one in found])
        assert abs(pull.std() - 1) < 4 / np.sqrt(2 * 3000)
        assert abs(pull.mean()) < 4 / np.sqrt(3000)


def test_a_star_without_a_width_or_a_place_has_no_flux():
    image = np.ones((9, 9), np.float32)
    found = fluxes(image, np.array([4.0, np.nan, 40.0]), np.full(3, 4.0), np.array([0.0, 1.0, 1.0]), 1.0)
    assert np.isnan(found["flux"]).all()
    assert np.isnan(aperture_fluxes(image, np.array([np.nan, 40.0]), np.full(2, 4.0), (2.0,))).all()
