"""Offset maps against their definition, against known fields, and their errors against the truth."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.frame import FrameError
from pipeline.kernels.field import LARGEST_LEVERAGE
from pipeline.kernels.polynomial import count, normalized, terms
from pipeline.kernels.quadrants import quadrant_maps
from pipeline.stages.offset_map import offset_map
from pipeline.tables import Tracks
from tests import slow_quadrants

SHAPE = (60, 90)
METHODS = ("polynomial", "quadrants", "smooth")


def tracks_of(position, offset, error, shape=SHAPE):
    """Two frames, the first of them the reference: stars at ``position`` in the second have moved by ``offset``."""
    number = position.shape[1]
    empty = np.zeros((2, number))
    return Tracks(
        x=np.stack([position[0] - offset[0], position[0]]),
        y=np.stack([position[1] - offset[1], position[1]]),
        x_error=np.stack([np.zeros(number), error[0]]),
        y_error=np.stack([np.zeros(number), error[1]]),
        status=empty.astype(np.int8),
        row=empty.astype(np.int64),
        previous=np.array([0, 0]),
        used=np.array([True, True]),
        reason=("", ""),
        transform=np.full((2, 2, 3), np.nan),
        residual=np.zeros(2),
        reference=0,
        shape=shape,
        saturated=empty.astype(bool),
        blended=empty.astype(bool),
        stuck=np.zeros(2, bool),
    )


def scattered(rng, number, shape=SHAPE):
    return rng.uniform(0, 1, (2, number)) * np.array(shape)[::-1, None]


def grid(shape=SHAPE):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.stack([x, y]).astype(float)


def shifted(x, y):
    return np.stack([12.3 + 0 * x, -4.5 + 0 * y])


def turned(x, y):
    u, v = normalized(x, y, SHAPE)
    return np.stack([12 - 0.4 * v, -4 + 0.4 * u])


def distorted(x, y):
    u, v = normalized(x, y, SHAPE)
    return np.stack([3 - 0.1 * v + 0.5 * u * (u**2 + v**2), 1 + 0.1 * u + 0.5 * v * (u**2 + v**2)])


def barrel(x, y):
    u, v = normalized(x, y, SHAPE)
    return np.stack([3 + 0.3 * u * (u**2 + v**2) ** 2, -1 + 0.3 * v * (u**2 + v**2) ** 2])


def pulls(field, seeds, number, claimed=1.0, **knobs):
    """(map - truth) / error of every pixel; centroid errors are wrong by the factor ``claimed``."""
    truth = field(*grid())
    result = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        position = scattered(rng, number)
        error = 10 ** rng.uniform(-2.3, -0.8, (2, number))
        noise = rng.normal(size=(2, number)) * error
        # The measured place is off by the noise, and the map is asked for at measured places.
        made = offset_map(tracks_of(position, field(*position) + noise, error * claimed), 1, **knobs)
        result += [(made.x - truth[0]) / made.x_error, (made.y - truth[1]) / made.y_error]
    return np.concatenate([pull.ravel() for pull in result])


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))


def definition(shape, position, offset):
    return np.stack([slow_quadrants.offset_map(shape, *position, values) for values in offset])


coordinate = st.integers(-12, 60).map(lambda quarter: quarter / 4)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 14),
    st.integers(1, 14),
    st.lists(st.tuples(coordinate, coordinate, st.integers(-9, 9)), min_size=1, max_size=12),
)
def test_the_quadrant_map_is_its_definition_at_every_pixel(rows, columns, stars):
    x, y, offset = np.array(stars, float).T
    offset = np.stack([offset, 100.5 - 3 * offset[::-1]])
    variance = np.ones_like(offset)
    fast = quadrant_maps((rows, columns), np.stack([x, y]), offset, variance, np.zeros((2, 2)))
    assert np.allclose(np.stack(fast[:2]), definition((rows, columns), np.stack([x, y]), offset), rtol=0, atol=2e-5)


def test_the_quadrant_map_of_many_stars_anywhere_is_its_definition():
    rng = np.random.default_rng(3)
    position = scattered(rng, 300) * 1.2 - 6
    offset = rng.normal(size=(2, 300))
    made = offset_map(tracks_of(position, offset, np.full((2, 300), 0.1)), 1, method="quadrants")
    assert np.allclose(np.stack([made.x, made.y]), definition(SHAPE, position, offset), rtol=0, atol=1e-6)


def test_stars_on_a_pixels_own_row_or_column_and_empty_quadrants_do_not_count():
    position = np.array([[2.0, 9.0, 5.0, 1.0], [5.0, 9.0, 5.0, 1.0]])
    offset = np.array([[10.0, 1.0, 7.0, 3.0]] * 2)
    made = offset_map(tracks_of(position, offset, np.full((2, 4), 0.1), (12, 12)), 1, method="quadrants")
    assert made.x[5, 5] == 7.0
    near, far = 1 / np.hypot(3, 4), 1 / np.hypot(5, 4)
    assert made.x[5, 4] == pytest.approx((3 * near * 1 + 1 * far) / (near + far), abs=1e-6)


def test_of_equally_near_stars_the_lower_id_counts():
    position = np.array([[7.0, 8.0], [8.0, 7.0]])
    for offset in ([1.0, 2.0], [2.0, 1.0]):
        made = offset_map(
            tracks_of(position, np.array([offset] * 2), np.full((2, 2), 0.1), (12, 12)), 1, method="quadrants"
        )
        assert made.x[4, 4] == offset[0]


def test_where_every_quadrant_is_empty_the_nearest_star_counts():
    made = offset_map(
        tracks_of(np.array([[3.0, 8.0], [4.0, 4.0]]), np.array([[1.0, 2.0]] * 2), np.full((2, 2), 0.1), (9, 12)),
        1,
        method="quadrants",
    )
    assert list(made.x[4]) == [1.0] * 6 + [2.0] * 6
    assert np.isfinite(made.x_error).all()


@pytest.mark.parametrize(
    "fault", [{"step": 3}, {"first_star_dropped": True}, {"zero_is_gap": True}], ids=lambda fault: next(iter(fault))
)
def test_each_fault_of_the_notebooks_way_shows_as_a_difference(fault):
    rng = np.random.default_rng(5)
    position = np.rint(scattered(rng, 12, (24, 30)))
    offset = np.append(rng.uniform(2, 5, 11), 0.0)
    right = slow_quadrants.offset_map((24, 30), *position, offset)
    wrong = slow_quadrants.offset_map((24, 30), *position, offset, **fault)
    assert np.abs(wrong - right).max() > 0.1
    if fault != {"step": 3}:
        assert (wrong == right).any()


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_a_polynomial_field_comes_back_exactly(order):
    rng = np.random.default_rng(order)
    coefficients = rng.uniform(-3, 3, (count(order), 2))
    position = scattered(rng, 120)
    offset = (terms(*normalized(*position, SHAPE), order) @ coefficients).T
    made = offset_map(tracks_of(position, offset, np.full((2, 120), 0.05)), 1, order=order)
    truth = terms(*normalized(*grid(), SHAPE), order) @ coefficients
    assert made.order == order
    assert np.allclose(made.x, truth[..., 0], rtol=0, atol=2e-6)
    assert np.allclose(made.y, truth[..., 1], rtol=0, atol=2e-6)


def test_a_straight_field_is_a_straight_thin_plate():
    rng = np.random.default_rng(1)
    position = scattered(rng, 80)
    made = offset_map(tracks_of(position, turned(*position), np.full((2, 80), 0.05)), 1, method="smooth")
    assert np.allclose([made.x, made.y], turned(*grid()), rtol=0, atol=2e-5)


def test_a_thin_plate_follows_what_a_polynomial_cannot():
    rng = np.random.default_rng(2)
    position = scattered(rng, 400)

    def wavy(x, y):
        return np.stack([0.2 * np.sin(x / 7) * np.cos(y / 9), 0.2 * np.sin(y / 8)])

    offset = wavy(*position) + rng.normal(0, 0.01, (2, 400))
    tracks = tracks_of(position, offset, np.full((2, 400), 0.01))
    error = {method: rms(offset_map(tracks, 1, method=method).x - wavy(*grid())[0]) for method in METHODS}
    assert error["smooth"] < 0.03 < error["polynomial"]


@pytest.mark.parametrize("method", METHODS)
def test_a_constant_shift_moves_the_map_by_it(method):
    rng = np.random.default_rng(4)
    position, error = scattered(rng, 50), np.full((2, 50), 0.05)
    offset = distorted(*position) + rng.normal(0, 0.05, (2, 50))
    shift = np.array([[140.25], [-80.5]])
    here = offset_map(tracks_of(position, offset, error), 1, method=method)
    there = offset_map(tracks_of(position, offset + shift, error), 1, method=method)
    assert np.allclose(there.x - here.x, 140.25, rtol=0, atol=5e-5)
    assert np.allclose(there.y - here.y, -80.5, rtol=0, atol=5e-5)
    assert np.allclose(there.x_error, here.x_error, rtol=1e-3)


@pytest.mark.parametrize("claimed", [1.0, 0.4], ids=["errors known", "errors too small"])
@pytest.mark.parametrize("field", [shifted, distorted, barrel])
@pytest.mark.parametrize("method", ["polynomial", "quadrants"])
def test_pulls_of_the_maps_errors_are_one(method, field, claimed):
    pull = pulls(field, 30 if method == "polynomial" else 8, 200, claimed, method=method)
    assert rms(pull) == pytest.approx(1.0, abs=0.15)


def test_pulls_of_a_thin_plate_are_near_one():
    assert rms(pulls(distorted, 4, 120, method="smooth")) == pytest.approx(1.0, abs=0.25)


def test_a_polynomial_averages_noise_that_quadrants_pass_through():
    rng = np.random.default_rng(7)
    position, error = scattered(rng, 400), np.full((2, 400), 0.05)
    tracks = tracks_of(position, distorted(*position) + rng.normal(0, 0.05, (2, 400)), error)
    smooth, rough = (offset_map(tracks, 1, method=method) for method in ("polynomial", "quadrants"))
    truth = distorted(*grid())[0]
    assert rms(smooth.x - truth) < 0.3 * rms(rough.x - truth)
    assert 0.02 < rms(rough.x - truth) < 0.05


@pytest.mark.parametrize("method", METHODS)
def test_errors_grow_where_there_are_no_stars_and_cover_what_is_wrong_there(method):
    rng = np.random.default_rng(8)
    position, error = scattered(rng, 200) * [[0.5], [1.0]], np.full((2, 200), 0.03)
    tracks = tracks_of(position, distorted(*position) + rng.normal(0, 0.03, (2, 200)), error)
    made = offset_map(tracks, 1, method=method)
    truth = distorted(*grid())[0]
    assert made.x_error[30, -1] > 3 * np.median(made.x_error[:, :45])
    assert np.abs((made.x - truth)[:, -10:] / made.x_error[:, -10:]).max() < 4


@pytest.mark.parametrize(("number", "order"), [(1, 0), (3, 0), (5, 1), (13, 2), (25, 3), (36, 4), (200, 5)])
def test_few_stars_lower_the_order_and_the_map_says_so(number, order):
    x = np.random.default_rng(2).permutation(number) + 0.5
    position = np.stack([x, (x * 0.618034 * number) % number]) * (np.array(SHAPE)[::-1] / number)[:, None]
    made = offset_map(tracks_of(position, turned(*position), np.full((2, number), 0.05)), 1, order=5)
    assert made.order == order
    assert any("of order" in warning for warning in made.warnings) == (order < 5)
    assert np.isfinite([made.x, made.y, made.x_error, made.y_error]).all()
    assert made.x_error.min() > 0


@pytest.mark.parametrize("method", METHODS)
def test_stars_on_a_line_or_on_one_point_give_a_finite_map(method):
    line = np.stack([np.linspace(5, 80, 30), np.linspace(5, 50, 30)])
    point = np.full((2, 30), 20.0)
    for position in (line, point):
        made = offset_map(tracks_of(position, shifted(*position), np.full((2, 30), 0.05)), 1, method=method)
        assert np.allclose(made.x, 12.3, atol=1e-3)
        assert np.isfinite([made.x_error, made.y_error]).all()


@pytest.mark.parametrize("method", ["polynomial", "smooth"])
def test_a_star_matched_wrongly_is_clipped(method):
    rng = np.random.default_rng(9)
    position, error = scattered(rng, 60), np.full((2, 60), 0.02)
    offset = distorted(*position) + rng.normal(0, 0.02, (2, 60))
    offset[:, 17] += [6.0, -3.0]
    made = offset_map(tracks_of(position, offset, error), 1, method=method)
    assert 17 in made.clipped
    assert 17 not in made.stars
    assert len(made.stars) + len(made.clipped) == 60
    assert len(made.residual_x) == len(made.stars)
    assert rms(made.x - distorted(*grid())[0]) < 0.06


def test_saturated_stars_are_left_out_of_a_surface_and_kept_by_the_quadrants():
    rng = np.random.default_rng(9)
    position, error = scattered(rng, 60), np.full((2, 60), 0.02)
    flags = np.zeros((2, 60), bool)
    flags[1, 4] = True
    tracks = replace(tracks_of(position, shifted(*position), error), saturated=flags)
    assert list(offset_map(tracks, 1).clipped) == [4]
    assert 4 in offset_map(tracks, 1, method="quadrants").stars


@pytest.mark.parametrize("method", METHODS)
def test_the_residual_of_a_star_is_against_the_map_made_without_it(method):
    rng = np.random.default_rng(10)
    x, y = np.meshgrid(np.arange(5.0, 90, 12), np.arange(5.0, 60, 12))
    position = np.stack([x.ravel(), y.ravel()])[:, rng.permutation(x.size)]
    position += rng.integers(-4, 5, position.shape)
    number = position.shape[1]
    offset, error = turned(*position) + rng.normal(0, 0.1, (2, number)), np.full((2, number), 0.1)
    with_all = offset_map(tracks_of(position, offset, error), 1, method=method, clip=20)
    star = 7
    others = np.arange(number) != star
    without = offset_map(tracks_of(position[:, others], offset[:, others], error[:, others]), 1, method=method, clip=20)
    column, row = position[:, star].astype(int)
    tolerance = {"quadrants": 1e-5, "polynomial": 5e-3, "smooth": 5e-2}[method]
    assert with_all.residual_x[star] == pytest.approx(offset[0, star] - without.x[row, column], abs=tolerance)


def test_only_complete_stars_count_unless_there_are_fewer_than_ten():
    rng = np.random.default_rng(11)
    position, error = scattered(rng, 30), np.full((2, 30), 0.05)
    tracks = tracks_of(position, shifted(*position), error)
    third = {
        name: np.vstack([getattr(tracks, name), getattr(tracks, name)[:1]])
        for name in ("x", "y", "x_error", "y_error", "status", "row", "saturated", "blended")
    }
    third["x"][2, 12:] = np.nan
    three = replace(tracks, **third, used=np.ones(3, bool), reason=("", "", ""), residual=np.zeros(3))
    assert list(offset_map(three, 1).stars) == list(range(12))
    assert len(offset_map(three, 1, stars="all").stars) == 30
    third["x"][2, 9:] = np.nan
    few = offset_map(replace(three, **third), 1)
    assert len(few.stars) == 30
    assert "9 stars are in every frame" in few.warnings[0]


def test_a_frame_that_is_not_used_or_empty_says_what_to_do():
    tracks = tracks_of(np.full((2, 1), 4.0), np.zeros((2, 1)), np.ones((2, 1)))
    unused = replace(tracks, used=np.array([True, False]), reason=("", "clouds"))
    with pytest.raises(FrameError, match=r"^is not used \(clouds\): choose a frame that is used"):
        offset_map(unused, 1)
    unused = replace(unused, reason=("", "night/b.fits: left out by hand: tick it"))
    with pytest.raises(FrameError, match=r"^night/b\.fits: left out by hand: tick it$"):
        offset_map(unused, 1)
    empty = tracks.x.copy()
    empty[1] = np.nan
    with pytest.raises(FrameError, match=r"^none of its stars was followed \(0\): "):
        offset_map(replace(tracks, x=empty), 1)


@pytest.mark.parametrize("method", METHODS)
def test_the_reference_has_not_moved(method):
    position = scattered(np.random.default_rng(1), 15)
    made = offset_map(tracks_of(position, shifted(*position), np.full((2, 15), 0.05)), 0, method=method)
    assert not np.any([made.x, made.y, made.x_error, made.y_error])
    assert len(made.stars) == 15


@pytest.mark.parametrize("method", METHODS)
def test_maps_are_float32_read_only_and_their_own_and_inputs_stay(method):
    position = scattered(np.random.default_rng(1), 40)
    tracks = tracks_of(position, turned(*position), np.full((2, 40), 0.05))
    for name in ("x", "y", "x_error", "y_error", "saturated", "blended", "used"):
        getattr(tracks, name).flags.writeable = False
    made, again = (offset_map(tracks, 1, method=method) for _ in range(2))
    for name in ("x", "y", "x_error", "y_error"):
        image = getattr(made, name)
        assert image.dtype == np.float32
        assert image.shape == SHAPE
        assert image.flags.owndata
        assert not image.flags.writeable
        assert image.tobytes() == getattr(again, name).tobytes()
    for name in ("stars", "clipped", "residual_x", "residual_y"):
        assert not getattr(made, name).flags.writeable


def test_nowhere_is_a_polynomial_far_less_sure_than_a_star():
    rng = np.random.default_rng(12)
    for number in (30, 300):
        position = scattered(rng, number) * 0.3
        made = offset_map(tracks_of(position, shifted(*position), np.full((2, number), 0.05)), 1, order=5)
        assert made.order < 5
        assert made.x_error.max() <= 0.05 * np.sqrt(LARGEST_LEVERAGE) * 1.01


def test_errors_hold_what_a_change_of_the_stars_shape_may_have_moved():
    rng = np.random.default_rng(8)
    position = scattered(rng, 200)
    u, _ = normalized(*position, SHAPE)
    error = np.full((2, 200), 0.01)
    offset = shifted(*position) + rng.normal(0, error)
    tracks = tracks_of(position, offset, error)
    plain = offset_map(tracks, 1)
    lean = np.zeros((2, 2, 200))
    lean[:, 1] = rng.normal(0, 0.003, (2, 200))
    assert np.allclose(offset_map(replace(tracks, lean=lean), 1).x_error, plain.x_error)
    lean[0, 1] += 0.02 * u
    skewed = offset_map(replace(tracks, lean=lean), 1)
    np.testing.assert_array_equal(skewed.x, plain.x)
    np.testing.assert_array_equal(skewed.y_error, plain.y_error)
    assert skewed.x_error[:, -3:].mean() == pytest.approx(0.06, rel=0.15)
    assert skewed.x_error[:, 44:46].mean() < 0.01
    lean[:, 0] = lean[:, 1]
    assert np.allclose(offset_map(replace(tracks, lean=lean), 1).x_error, plain.x_error)
