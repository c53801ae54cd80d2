"""The light of each star, weighted with the star's profile, with its error, its magnitude and sums in circles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal

import numpy as np

from pipeline.frame import Frame, FrameError, Normalized, not_used, readonly
from pipeline.kernels.median import median_variance
from pipeline.kernels.noise import MAD_TO_SIGMA
from pipeline.knob import Knob, Numbers
from pipeline.magnitudes import (
    NAMES,
    ZeroPoint,
    calibrated_magnitudes,
    instrumental,
    known_stars,
    zero_point_of,
)
from pipeline.photometry import FLAGS, Centroids, Flag, Left, Photometry
from pipeline.read.rows import Rows
from pipeline.stage import stage
from pipeline.stages.noise_model import (
    Detector,
    detector,
    photon_noise,
    pixel_noise,
    sky_noise_at,
    told_by_stars,
)
from pipeline.stages.sky_left import SkyLeft, sky_left
from pipeline.stages.star_places import alone, tracked
from pipeline.stages.star_profile import (
    NONE_LEFT,
    Profile,
    Widths,
    fitted_moffat,
    frame_profile,
    growth_curve,
    lonely,
    own_widths,
)
from pipeline.tables import Tracks

#: Below this signal over noise a star's own width makes its flux worse than the frame's width would.
WIDTH_SNR = 100.0
#: A star of whose profile less than this part of sum(p^2) lies on good pixels has no flux.
LEAST_SEEN = 0.5
#: Stars that tell whether the profile is theirs, and the part by which circles may have another sum.
ENOUGH, UNLIKE = 5, 0.03
#: A known star lies within a star's width of its place, at least so many pixels.
NEAR = 3.0
#: Flags for which a star's flux is wrong by more than its error says.
_SPOILT = Flag.SATURATED | Flag.MASKED | Flag.EDGE


@stage(version=6)
def psf_photometry(
    normalize: Normalized,
    calibrated: Frame,
    centroids: Centroids,
    tracks: Tracks,
    index: int,
    calibration: Iterable[Rows] = (),
    *,
    psf: Annotated[
        Literal["median", "own", "moffat"],
        Knob("median: a Gaussian of the frame's width; own: of each star's; moffat: with wings, fitted to the frame"),
    ] = "median",
    elliptical: Annotated[bool, Knob("a width along x and one along y instead of one for both")] = False,
    weights: Annotated[
        Literal["profile", "noise"],
        Knob("profile: pixels count by the star's light in them alone; noise: by that over their variance"),
    ] = "profile",
    sky: Annotated[
        Literal["measured", "background"],
        Knob("measured: what the background left between the stars goes too; background: nothing more is taken off"),
    ] = "measured",
    window: Annotated[int, Knob("side of the square about each star that is summed", "px", 5, 101, 1)] = 25,
    correct_window: Annotated[
        bool, Knob("widths from the stars' cores, with what that window cuts off; else from all of centroids.window")
    ] = True,
    apertures: Annotated[Numbers, Knob("radii of circles that are summed too", "px", 0.5, 100)] = (3.0, 5.0, 7.0),
    gain: Annotated[float | None, Knob("electrons for an ADU", "e-/ADU", 0.001, 100_000, 0.1, none="auto")] = None,
    read_noise: Annotated[float | None, Knob("noise of reading a pixel", "e-", 0, 1000, 0.1, none="auto")] = None,
    zero_point: Annotated[float, Knob("magnitude of a star of 1 ADU", "mag", -50, 50, 0.01)] = 0.0,
    known: Annotated[
        dict[str, float],
        Knob(
            "stars of known magnitude, by id or place, and filter: they make the zero point",
            "mag",
            -30,
            40,
            names=NAMES,
            named="star (id or x,y; and filter)",
        ),
    ] = MappingProxyType({}),
) -> Photometry:
    """Sum each star's light, weighted with the star's profile: f = sum(f_i p_i) / sum(p_i^2).

    Parameters
    ----------
    normalize, calibrated : Normalized, Frame
        The frame without sky, and with it.
    centroids : Centroids
        Its stars with their centres and widths; the frame's profile comes from those that stand alone, are bright and
        not full.
    tracks : Tracks
        Where the reference's stars are in this frame; one that was too faint to be found is measured where the frame's
        transform puts it. A frame alone is measured at its own centroids.
    index : int
        Number of the frame.
    calibration : list of Rows
        Flat and bias frames that tell the gain.
    psf, elliptical, weights, sky, window, correct_window, apertures, gain, read_noise, zero_point, known
        Knobs. A known star is named by its ``id`` in the reference, or by a place there ("103.5,88"), and with a filter
        ("12 V") where its magnitude holds for that one alone.

    Returns
    -------
    Photometry
        One row for each star of the reference, in the order of its ``id``.

    Raises
    ------
    FrameError
        Where the frame is not used, or no star tells its profile.

    Notes
    -----
    The profile p integrates to 1 over the plane. Errors are those of the weighted sum in the noise of sky and photons
    (docs/method.md, Photometry). With weights by noise it is f = sum(f_i p_i / v_i) / sum(p_i^2 / v_i).
    """
    if not tracks.used[index]:
        raise not_used(calibrated.info.file, tracks.reason[index])
    fwhm = _fwhm(centroids, calibrated)
    variance, _ = pixel_noise(normalize, fwhm)
    told = detector(normalize, calibrated, calibration, variance=variance, gain=gain, read_noise=read_noise)
    told = told_by_stars(told, normalize, centroids, lonely(centroids, fwhm), fwhm, variance)
    noise = variance, photon_noise(normalize, 0.0 if told.gain is None else 1 / told.gain)
    places = alone(centroids) if len(tracks.used) == 1 else tracked(centroids, tracks, index)
    left = NONE_LEFT
    if sky == "measured":
        left = sky_left(normalize, centroids, (places["x"], places["y"]), variance)
    widths = own_widths(normalize, centroids, correct_window, noise, left)
    profile = frame_profile(centroids, widths, elliptical, calibrated.info.file)
    if psf == "moffat":
        profile = fitted_moffat(normalize, centroids, widths, profile, elliptical, left)
    way = Way(psf, elliptical, window, weights == "noise", left, told.gain)
    columns, reason, flag = _fluxes(normalize, places, widths, profile, way, noise)
    columns |= _apertures(normalize, columns, apertures)
    reach = max(NEAR, fwhm)
    stars, unknown = known_stars(known, calibrated.info.filter, places["home_x"], places["home_y"], reach)
    magnitudes, zero = _magnitudes(columns, stars, zero_point)
    columns |= magnitudes
    radius, growth = growth_curve(normalize, centroids, widths, window, left)
    return Photometry(
        columns={name: readonly(values) for name, values in columns.items()},
        reason=readonly(reason),
        status=readonly(places["status"]),
        flag=readonly(flag),
        psf=_words(psf, elliptical, profile),
        width_x=profile.width_x,
        width_y=profile.width_y,
        beta=profile.beta,
        gain=told.gain,
        gain_source=told.source,
        read_noise=told.read_noise,
        zero_point=zero.value,
        zero_point_err=zero.error,
        zero_point_source=zero.source,
        known=tuple(stars.items()),
        apertures=apertures,
        growth_radius=readonly(radius),
        growth=readonly(growth),
        warnings=(
            *_warnings(columns, psf, profile, told),
            *_unlike_circles(normalize, columns, flag, window),
            *unknown,
            *_doubtful(stars, zero, flag),
        ),
    )


@dataclass(frozen=True)
class Way:
    """How the stars' light is summed: the knobs of the same names, the sky that is left, and the gain."""

    psf: str
    elliptical: bool
    window: int
    by_noise: bool
    sky: SkyLeft
    gain: float | None


def _fwhm(centroids: Centroids, frame: Frame) -> float:
    """Width of the frame's stars as they were fitted, pixels."""
    from pipeline.frame import SIGMA_TO_FWHM

    if not centroids.fitted_width > 0:
        raise FrameError(frame.info.file, "no star to measure (0)", "lower stars.threshold")
    return SIGMA_TO_FWHM * centroids.fitted_width


def _fluxes(
    normalize: Normalized,
    places: dict[str, Any],
    widths: Widths,
    profile: Profile,
    way: Way,
    noise: tuple[np.ndarray, np.ndarray],
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Places, widths and fluxes; why a star has none, and its flags."""
    from pipeline.kernels.photometry import profile_fluxes

    row, reason, flag = places["row"], places["reason"], places["flag"]
    own = [np.where(row >= 0, width[row], np.nan) for width in (widths.x, widths.y)]
    used = [np.full(row.size, width) for width in (profile.width_x, profile.width_y)]
    if way.psf == "own":
        round_width = np.sqrt((own[0] ** 2 + own[1] ** 2) / 2)
        used = own if way.elliptical else [round_width, round_width]
        reason[(reason == Left.KEPT) & ~np.isfinite(used[0] + used[1])] = Left.WIDTH
    kept = reason == Left.KEPT
    x, y = (np.where(kept, places[axis], np.nan) for axis in "xy")
    shape = {"window": way.window, "beta": profile.beta, "by_noise": way.by_noise}
    left = way.sky.at(places["x"], places["y"])
    shape |= {"sky": left, "times": sky_noise_at(normalize, places["x"], places["y"], noise[0], way.gain)}
    found = profile_fluxes(normalize.image, x, y, *used, variance=noise[0], photon=noise[1], **shape)
    reason[kept & ~(found["seen"] >= LEAST_SEEN)] = Left.MASKED
    kept = reason == Left.KEPT
    beyond = _beyond(normalize.image.shape, places["x"], places["y"], way.window)
    flag |= np.where(kept & beyond, Flag.EDGE, 0) | np.where(kept & (found["bad"] > 0) & ~beyond, Flag.MASKED, 0)
    near = {axis: np.where(np.isfinite(places[axis]), np.rint(places[axis]), -1).astype(np.int64) for axis in "xy"}
    near = {axis: np.where(row >= 0, places["peaks"][axis][row], near[axis]) for axis in "xy"}
    return {
        "id": places["id"].astype(np.int64),
        "peak_x": near["x"],
        "peak_y": near["y"],
        "centroid_x": np.array(places["x"]),
        "centroid_y": np.array(places["y"]),
        **{name: np.where(row >= 0, centre[row], np.nan) for name, centre in places["centres"].items()},
        "width_x": own[0],
        "width_y": own[1],
        "sky_left": np.where(kept, left, np.nan),
        "psf_flux": np.where(kept, found["flux"], np.nan),
        "psf_flux_err": np.where(kept, found["error"], np.nan),
    }, reason, flag  # fmt: skip


def _beyond(shape: tuple[int, int], x: np.ndarray, y: np.ndarray, window: int) -> np.ndarray:
    """Whether a star's window reaches over the edge of the frame."""
    low, high = window // 2, window - 1 - window // 2
    with np.errstate(invalid="ignore"):
        return ~(
            (x >= low - 0.5) & (y >= low - 0.5) & (x < shape[1] - high - 0.5) & (y < shape[0] - high - 0.5)
        )  # fmt: skip


def _apertures(
    normalize: Normalized, columns: dict[str, np.ndarray], apertures: tuple[float, ...]
) -> dict[str, np.ndarray]:
    """Sums in circles about the stars that have a flux."""
    from pipeline.kernels.photometry import aperture_fluxes

    kept = np.isfinite(columns["psf_flux"])
    x, y = (np.where(kept, columns[f"centroid_{axis}"], np.nan) for axis in "xy")
    sums = aperture_fluxes(normalize.image, x, y, apertures, columns["sky_left"])
    return {f"aperture_flux_{radius:g}": np.ascontiguousarray(sums[:, k]) for k, radius in enumerate(apertures)}


def _magnitudes(
    columns: dict[str, np.ndarray], known: dict[int, float], given: float
) -> tuple[dict[str, np.ndarray], ZeroPoint]:
    """Magnitudes of the stars whose flux is above zero, as measured and on the zero point's scale."""
    own, own_error = instrumental(columns["psf_flux"], columns["psf_flux_err"])
    zero = zero_point_of(own, own_error, known, given)
    mag, error = calibrated_magnitudes(own, own_error, zero)
    return {"mag": mag, "mag_err": error, "instrumental_mag": own, "instrumental_mag_err": own_error}, zero


def _doubtful(known: dict[int, float], zero: ZeroPoint, flag: np.ndarray) -> list[str]:
    """What a user should know of the stars that make the zero point."""
    if known and not zero.share:
        names = ", ".join(str(star) for star in known)
        return [f"star {names} of known magnitude has no flux in this frame: its magnitudes are not calibrated by it"]
    wrong = {star: Flag(int(flag[star])) & _SPOILT for star in zero.share or ()}
    return [
        f"star {star} of known magnitude is no good measure: {FLAGS[words.words[0]]}; take another for the zero point"
        for star, words in wrong.items()
        if words
    ]


def _unlike_circles(normalize: Normalized, columns: dict[str, np.ndarray], flag: np.ndarray, window: int) -> list[str]:
    """What a user should know where bright stars have other fluxes by the profile than in circles."""
    from pipeline.kernels.photometry import aperture_fluxes

    flux, error = columns["psf_flux"], columns["psf_flux_err"]
    with np.errstate(invalid="ignore"):
        bright = np.flatnonzero((flux > WIDTH_SNR * error) & (flag & int(_SPOILT | Flag.NEIGHBOUR) == 0))
    x, y, sky = (columns[name][bright] for name in ("centroid_x", "centroid_y", "sky_left"))
    radius = window / 2
    sums = aperture_fluxes(normalize.image, x, y, (radius,), sky)[:, 0]
    ratio = flux[bright] / np.where(sums > 0, sums, np.nan)
    ratio = ratio[np.isfinite(ratio)]
    if ratio.size < ENOUGH:
        return []
    middle = float(np.median(ratio))
    scatter = MAD_TO_SIGMA * float(np.median(np.abs(ratio - middle)))
    unsure = scatter * median_variance(ratio.size) ** 0.5
    if abs(middle - 1) < max(UNLIKE, 3 * unsure):
        return []
    more = f"{100 * abs(middle - 1):.0f} % {'more' if middle > 1 else 'less'}"
    return [
        f"bright stars have {more} light by the profile than in circles of {radius:g} px: it is not quite theirs; "
        "magnitudes between stars hold, sums want psf_photometry.psf=moffat, elliptical=true or the circles"
    ]


def _words(psf: str, elliptical: bool, profile: Profile) -> str:
    form = "elliptical" if elliptical else "circular"
    if psf == "own":
        return f"{form} Gaussian of each star's own width"
    if psf == "moffat":
        return f"{form} Moffat of exponent {profile.beta:.2f}"
    return f"{form} Gaussian of the frame's width"


def _warnings(columns: dict[str, np.ndarray], psf: str, profile: Profile, told: Detector) -> tuple[str, ...]:
    warnings = [text for text in (profile.warning, told.warning) if text]
    if psf == "own":
        faint = int(np.sum(columns["psf_flux"] < WIDTH_SNR * columns["psf_flux_err"]))
        if faint:
            warnings.append(
                f"{faint} stars of a signal below {WIDTH_SNR:g} times their noise are measured with widths of their "
                "own, which noise makes wrong: their fluxes scatter more and are biased; take psf_photometry.psf=median"
            )
    return tuple(warnings)
