"""Hot pixels: all found where the stars move, and never a star taken for one, however narrow or still it is."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import erf

from pipeline.frame import Failure, Frame, FrameError, FrameInfo
from pipeline.kernels.hot import ranked_images
from pipeline.stages.background import colour_numbers
from pipeline.stages.calibrated import calibrated, hot_indices
from pipeline.stages.hot_pixels import hot_pixels

SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))
SHAPE = (300, 420)


def sky_frame(number, *, pattern="none", fwhm=3.0, move=(0.0, 0.0), turn=0.0, hot=None, dim=1.0, jitter=0.0):
    """Frame of a moving field; stars are averaged over their pixels, hot pixels stay."""
    stars, noise = np.random.default_rng(100), np.random.default_rng(number)
    sigma, (ny, nx) = fwhm / SIGMA, SHAPE
    x, y = stars.uniform(-120, nx + 120, 700), stars.uniform(-120, ny + 120, 700)
    flux = 10 ** stars.uniform(3.0, 5.2, 700) * dim
    angle = np.deg2rad(turn * number)
    u, v = x - nx / 2, y - ny / 2
    x = nx / 2 + u * np.cos(angle) - v * np.sin(angle) + move[0] * number + noise.normal(0, 1) * jitter
    y = ny / 2 + u * np.sin(angle) + v * np.cos(angle) + move[1] * number + noise.normal(0, 1) * jitter
    factors = np.array([1 / 1.6, 1.0, 1 / 1.4])[colour_numbers(pattern)] if pattern != "none" else np.ones((2, 2))
    image, radius = np.full(SHAPE, 400.0), int(4 * sigma + 3)
    for i in range(700):
        rows, columns = round(y[i]) + np.arange(-radius, radius + 1), round(x[i]) + np.arange(-radius, radius + 1)
        rows, columns = rows[(rows >= 0) & (rows < ny)], columns[(columns >= 0) & (columns < nx)]
        along, across = (
            0.5 * (erf((p + 0.5 - c) / sigma / 2**0.5) - erf((p - 0.5 - c) / sigma / 2**0.5))
            for p, c in ((columns, x[i]), (rows, y[i]))
        )
        image[np.ix_(rows, columns)] += flux[i] * np.outer(across, along) * factors[np.ix_(rows % 2, columns % 2)]
    if hot is not None:
        image.ravel()[hot[0]] += hot[1]
    image += noise.normal(0, 1, SHAPE) * np.sqrt(64 + np.maximum(image - 400, 0))
    info = FrameInfo("/n/f.fits", f"f{number}.fits", SHAPE, pattern, saturation=65535.0)
    return Frame(info, np.clip(np.rint(image), 0, 65535).astype(np.uint16))


def night(count=9, **how):
    return [sky_frame(number, **how) for number in range(count)]


def hot_field(count=400, least=150.0):
    rng = np.random.default_rng(5)
    return rng.choice(SHAPE[0] * SHAPE[1], count, replace=False), rng.exponential(800, count) + least


def share_and_false(frame, found, hot):
    mask = np.zeros(frame.pixels.size, bool)
    mask[hot_indices(frame, found)] = True
    share = mask[hot[0]].mean()
    mask[hot[0]] = False
    return share, int(mask.sum())


@pytest.mark.parametrize("fwhm", [1.6, 2.2, 4.0])
@pytest.mark.parametrize("pattern", ["none", "RGGB"])
def test_pixels_that_stay_while_the_stars_drift_are_hot(pattern, fwhm):
    hot = hot_field()
    frames = night(pattern=pattern, fwhm=fwhm, move=(3.1, 1.7), hot=hot)
    found = hot_pixels(frames)
    assert (found.source, found.moved) == ("sequence", True)
    share, false = share_and_false(frames[0], found, hot)
    assert share > 0.95
    assert false == 0


@pytest.mark.parametrize("fwhm", [1.8, 2.2, 5.0])
@pytest.mark.parametrize("pattern", ["none", "RGGB"])
def test_a_sequence_that_stands_still_keeps_its_stars(pattern, fwhm):
    hot = hot_field()
    frames = night(pattern=pattern, fwhm=fwhm, hot=hot, jitter=0.2)
    found = hot_pixels(frames)
    assert (found.source, found.moved) == ("frame", False)
    share, false = share_and_false(frames[0], found, hot)
    assert share > 0.7
    assert false == 0


@pytest.mark.parametrize("pattern", ["none", "RGGB"])
@pytest.mark.parametrize("step", [0.1, 0.3, 0.6, 1.0])
@pytest.mark.parametrize("fwhm", [1.6, 3.0])
def test_a_drift_of_any_speed_costs_no_star(fwhm, step, pattern):
    frames = night(pattern=pattern, fwhm=fwhm, move=(step, 0.5 * step))
    found = hot_pixels(frames)
    assert hot_indices(frames[0], found).size == 0


@pytest.mark.parametrize("fwhm", [1.8, 2.6])
def test_a_slow_turn_about_the_middle_costs_no_star(fwhm):
    hot = hot_field()
    frames = night(fwhm=fwhm, turn=0.3, hot=hot)
    found = hot_pixels(frames)
    assert share_and_false(frames[4], found, hot)[1] == 0
    forced = hot_pixels(frames, find="sequence")
    mask = forced.mask.copy()
    mask.ravel()[hot[0]] = False
    assert not mask.any()


@pytest.mark.parametrize("pattern", ["none", "RGGB"])
def test_spots_with_the_profile_of_a_narrow_star_that_stand_still_are_left_to_whoever_follows_stars(pattern):
    places = np.random.default_rng(5).choice(SHAPE[0] * SHAPE[1], 60, replace=False)
    rows, columns = np.divmod(places, SHAPE[1])
    spots = np.zeros(SHAPE)
    for row, column in zip(rows, columns, strict=True):
        y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
        spots += 1500 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * (2.0 / SIGMA) ** 2))
    frames = night(pattern=pattern, fwhm=2.0, move=(3.1, 1.7), hot=(np.arange(spots.size), spots.ravel()))
    assert hot_pixels(frames).mask.ravel()[places].mean() < 0.1


def test_clouds_over_a_still_field_are_not_taken_for_motion():
    frames = [sky_frame(number, fwhm=2.2, dim=(1.0, 0.5, 0.05)[number % 3]) for number in range(9)]
    found = hot_pixels(frames)
    assert not found.moved
    assert hot_indices(frames[0], found).size == 0


def test_a_star_that_stays_for_most_frames_and_leaves_is_no_hot_pixel():
    frames = [sky_frame(number, fwhm=2.2, move=(0, 0)) for number in range(6)]
    frames += [sky_frame(number, fwhm=2.2, move=(4.0, 2.0)) for number in range(6, 9)]
    for find in ("auto", "sequence"):
        found = hot_pixels(frames, find=find)
        assert hot_indices(frames[0], found).size == 0
        assert found.steady.size == 0


@pytest.mark.parametrize("often", [4, 6])
@pytest.mark.parametrize("fwhm", [1.8, 3.0])
def test_a_pixel_that_goes_on_and_off_while_the_stars_drift_is_hot(fwhm, often):
    hot = hot_field(60, least=600.0)
    chance = np.random.default_rng(8)
    on = np.array([chance.permutation([1] * often + [0] * (9 - often)) for _ in range(60)]).T
    frames = [sky_frame(k, fwhm=fwhm, move=(3.1, 1.7), hot=(hot[0], hot[1] * on[k])) for k in range(9)]
    share, false = share_and_false(frames[0], hot_pixels(frames), hot)
    assert share > 0.9
    assert false == 0


@pytest.mark.parametrize("pattern", ["none", "RGGB"])
def test_what_steady_pixels_add_is_taken_off_and_no_star_is_harmed(pattern):
    """Neighbours of an undersampled star's peak cannot tell it: what a warm pixel adds must be known."""
    places = np.random.default_rng(5).choice(SHAPE[0] * SHAPE[1], 3000, replace=False)
    hot = (places, np.random.default_rng(6).uniform(100, 160, places.size))
    how = {"pattern": pattern, "fwhm": 1.8, "move": (3.1, 1.7)}
    frames = night(**how, hot=hot)
    found = hot_pixels(frames)
    clean = sky_frame(4, **how).pixels.ravel().astype(float)
    on_star = np.isin(found.steady, places[clean[places] > 1000])
    assert on_star.sum() > 10
    left = calibrated(frames[4], found).pixels.ravel() - clean
    assert np.abs(left[found.steady[on_star]]).max() < 40
    assert np.median(left[found.steady]) == pytest.approx(0, abs=2)
    # Of another exposure they would add something else.
    other = replace(frames[4], info=replace(frames[4].info, exposure=5.0))
    assert not any("lost what they add" in line for line in calibrated(other, found).history)


def test_hot_pixels_whose_height_varies_are_filled_and_not_lowered_by_what_they_usually_add():
    places = np.random.default_rng(5).choice(SHAPE[0] * SHAPE[1], 300, replace=False)
    heights = np.random.default_rng(6).normal(1000, 100, (9, 300))
    frames = [sky_frame(k, fwhm=3.0, move=(3.1, 1.7), hot=(places, heights[k])) for k in range(9)]
    found = hot_pixels(frames)
    assert found.mask.ravel()[places].mean() > 0.95
    assert np.isin(found.steady, places).sum() < 10
    clean = sky_frame(4, fwhm=3.0, move=(3.1, 1.7)).pixels.ravel().astype(float)
    off = (calibrated(frames[4], found).pixels.ravel() - clean)[places]
    assert np.median(np.abs(off)) < 12


@pytest.mark.parametrize(("sigmas", "least"), [(5, 0.8), (8, 0.95), (12, 0.98), (50, 0.98)])
def test_hot_pixels_of_any_height_are_found(sigmas, least):
    places = np.random.default_rng(5).choice(SHAPE[0] * SHAPE[1], 300, replace=False)
    hot = (places, np.full(300, 8.0 * sigmas))
    frames = night(fwhm=2.2, move=(3.1, 1.7), hot=hot)
    share, false = share_and_false(frames[0], hot_pixels(frames), hot)
    assert share > least
    assert false == 0


def test_a_hot_column_that_stays_is_found():
    column = np.arange(SHAPE[0]) * SHAPE[1] + 256
    hot = (column, np.full(column.size, 3000.0))
    frames = night(fwhm=2.5, move=(3.1, 1.7), hot=hot)
    share, false = share_and_false(frames[0], hot_pixels(frames), hot)
    assert share > 0.9
    assert false == 0


@pytest.mark.parametrize("pattern", ["none", "RGGB"])
def test_dark_pixels_and_columns_that_stay_are_found_and_no_hole_of_the_sky(pattern):
    rows, columns = np.indices(SHAPE)
    lone = np.random.default_rng(8).choice(SHAPE[0] * SHAPE[1], 200, replace=False)
    dark = np.union1d(lone, np.flatnonzero((columns == 171) & (rows > 90)))
    frames = night(move=(2.2, 1.3), pattern=pattern, hot=(dark, -180.0))
    found = hot_pixels(frames)
    assert found.source == "sequence"
    share, false = share_and_false(frames[4], found, (dark,))
    assert share > 0.98
    assert false < 5
    assert found.mask[91:-1, 171].all()


def test_at_most_nine_frames_spread_over_the_sequence_are_read():
    frames = night(3, move=(3.0, 2.0))
    asked = []

    class Lazy:
        def __len__(self):
            return 100

        def __getitem__(self, index):
            asked.append(index)
            return frames[index % 3]

    hot_pixels(Lazy())
    assert len(set(asked)) <= 9
    assert min(asked) == 0
    assert max(asked) == 99


def test_unreadable_and_odd_frames_are_passed_over():
    hot = hot_field()
    frames = night(9, fwhm=2.5, move=(3.1, 1.7), hot=hot)
    frames[3] = Failure("f3.fits", "frame", "f3.fits: is cut off: copy it again")
    frames[5] = Frame(FrameInfo("/n/odd.fits", "odd.fits", (50, 60)), np.zeros((50, 60), np.uint16))
    frames[7] = Failure("light_008.fits", "frame", "light_008.fits: is too short (0 s): leave it out")
    share, false = share_and_false(frames[0], hot_pixels(frames), hot)
    assert share > 0.9
    assert false == 0


def test_masked_and_missing_values_do_not_spread():
    hot = hot_field()
    frames = night(9, fwhm=2.5, move=(3.1, 1.7), hot=hot)
    holes = []
    for frame in frames:
        pixels = frame.pixels.astype(np.float32)
        pixels[100:110, 200:220] = np.nan
        holes.append(Frame(frame.info, pixels))
    inside = np.zeros(SHAPE, bool)
    inside[98:112, 198:222] = True
    outside = ~inside.ravel()[hot[0]]
    share, false = share_and_false(holes[0], hot_pixels(holes), (hot[0][outside], hot[1][outside]))
    assert share > 0.95
    assert false <= int((~outside).sum())


def test_two_frames_are_searched_each_by_itself():
    frames = night(2, move=(5.0, 5.0))
    assert hot_pixels(frames).source == "frame"
    with pytest.raises(FrameError, match=r"wants 3 frames of one shape \(2\)"):
        hot_pixels(frames, find="sequence")


def test_off_finds_nothing_and_dark_says_what_is_missing():
    frames = night(1)
    off = hot_pixels(frames, find="off")
    assert off.source == "off"
    assert hot_indices(frames[0], off).size == 0
    with pytest.raises(FrameError, match="there is no dark frame"):
        hot_pixels(frames, find="dark")


def test_no_frame_at_all_is_said_in_one_sentence():
    bad = Failure("f.fits", "frame", "f.fits: is empty: copy it again")
    with pytest.raises(FrameError, match="no frame can be read"):
        hot_pixels([bad])


def test_a_higher_sigma_finds_fewer():
    hot = hot_field(least=30.0)
    frames = night(fwhm=2.5, move=(3.1, 1.7), hot=hot)
    low, high = (hot_pixels(frames, sigma=sigma).mask for sigma in (5.0, 40.0))
    assert high.sum() < low.sum()
    assert not (high & ~low).any()


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("number", [3, 5, 9])
def test_median_of_frames_is_that_of_numpy(number, dtype):
    images = list(np.random.default_rng(1).integers(0, 1000, (number, 70, 90)).astype(dtype))
    np.testing.assert_array_equal(ranked_images(images, (0,))[0], np.median(images, axis=0))
    np.testing.assert_array_equal(ranked_images(images, (-3,))[0], np.sort(images, axis=0)[-3])


def test_ranks_count_from_the_highest_finite_value():
    images = list(np.random.default_rng(1).normal(0, 1, (5, 70, 90)).astype(np.float32))
    images[0][3, 4] = images[1][3, 4] = np.nan
    for image in images[1:]:
        image[9, 9] = np.nan
    (third,) = ranked_images(images, (-3,))
    expected = np.sort(images, axis=0)[-3]
    expected[3, 4], expected[9, 9] = min(image[3, 4] for image in images[2:]), np.nan
    np.testing.assert_array_equal(third, expected)


@pytest.mark.data
def test_hot_pixels_of_an_undersampled_night_are_found_and_its_stars_kept(data):
    from scipy.ndimage import median_filter

    from pipeline.read import find_files, read_frame, read_infos
    from pipeline.stages.frames import frames as make_sequence

    sequence = make_sequence(read_infos(find_files([data / "hatp32"])))
    lights = [read_frame(info) for info in sequence.frames]
    found = hot_pixels(lights)
    assert found.moved
    middle = np.median([light.pixels for light in lights], axis=0)
    excess = middle - median_filter(middle, 9)
    assert found.mask[excess > 10].mean() > 0.97
    assert found.mask[excess > 50].all()
    # The first column is dark by 21 ADU.
    assert found.mask[:, 0].mean() > 0.95
    assert not found.mask[np.abs(excess) < 4].any()


@pytest.mark.data
@pytest.mark.parametrize("name", ["skycamt", "ngc6819", "pluto"])
def test_fields_that_hardly_move_keep_their_stars(data, name):
    from pipeline.read import find_files, read_frame, read_infos
    from pipeline.stages.frames import frames as make_sequence

    sequence = make_sequence(read_infos(find_files([data / name])))
    lights = [read_frame(info) for info in sequence.frames]
    found = hot_pixels(lights)
    assert found.source == "frame"
    assert hot_indices(lights[0], found).size < 100
