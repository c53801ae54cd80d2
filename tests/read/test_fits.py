"""FITS files of every kind, against astropy's own reading of them."""

import gzip
import warnings

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.frame import Frame, FrameError
from pipeline.read import read_frame, read_header, read_info
from pipeline.read.layout import quiet

SHAPE = (24, 32)


def numbers(dtype, seed=0):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(100, 20, SHAPE).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(max(limits.min, -(2**20)), min(limits.max, 2**20), SHAPE).astype(dtype)


def write(path, data, *, hdu=0, packed=False, **cards):
    header = fits.Header(list(cards.items()))
    if packed:
        method = "GZIP_2" if data.dtype.kind == "f" else "RICE_1"
        parts = [fits.PrimaryHDU(), fits.CompImageHDU(data, header, compression_type=method, quantize_level=0)]
    elif hdu:
        parts = [fits.PrimaryHDU(), *[fits.BinTableHDU() for _ in range(hdu - 1)], fits.ImageHDU(data, header)]
    else:
        parts = [fits.PrimaryHDU(data, header)]
    fits.HDUList(parts).writeto(path, output_verify="silentfix")
    return path


# The standard has no compression of 64-bit integers.
KINDS = [(dtype, packed) for packed in (False, True) for dtype in ("u1", "i2", "u2", "i4", "u4", "f4", "f8")]


@pytest.mark.parametrize(("dtype", "packed"), [*KINDS, ("i8", False)])
@pytest.mark.parametrize("zipped", [False, True])
def test_values_above_black_are_those_of_the_file(tmp_path, dtype, packed, zipped):
    data = numbers(dtype)
    path = write(tmp_path / "a.fits", data, packed=packed)
    if zipped:
        path = tmp_path / "b.FITS.GZ"
        path.write_bytes(gzip.compress((tmp_path / "a.fits").read_bytes()))
    frame = read_frame(path)
    np.testing.assert_array_equal(frame.above_black(), data.astype(np.float32))
    assert frame.pixels.dtype == (np.uint16 if dtype in ("u1", "i2", "u2") else np.float32)
    assert frame.pixels.flags.c_contiguous
    assert frame.pixels.dtype.isnative
    assert not frame.pixels.flags.writeable


def test_quantised_floats_are_what_astropy_makes_of_them(tmp_path):
    image = fits.CompImageHDU(numbers("f4"), quantize_level=4, quantize_method=1, dither_seed=7)
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(tmp_path / "a.fits.fz")
    with fits.open(tmp_path / "a.fits.fz") as hdus:
        np.testing.assert_array_equal(read_frame(tmp_path / "a.fits.fz").pixels, hdus[1].data)


@pytest.mark.parametrize("name", ["a.fit", "a.FITS", "a.fts", "a.Fit.gz", "a.fits.FZ", "a.fz", "a.image"])
def test_any_ending_in_any_case(tmp_path, name):
    data = numbers("u2")
    packed = name.lower().endswith("fz")
    path = write(tmp_path / "x.fits", data, packed=packed)
    content = path.read_bytes()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    np.testing.assert_array_equal(read_frame(tmp_path / name).pixels, data)


@pytest.mark.parametrize("hdu", [0, 1, 3])
def test_image_in_any_hdu(tmp_path, hdu):
    data = numbers("f4")
    path = write(tmp_path / "a.fits", data, hdu=hdu, FILTER="V")
    np.testing.assert_array_equal(read_frame(path).pixels, data)
    assert read_info(path).filter == "V"


def test_a_picture_in_front_is_the_frame_whatever_follows(tmp_path):
    data = numbers("f4")
    parts = [fits.PrimaryHDU(data), fits.ImageHDU(numbers("f4", 1)), fits.ImageHDU(numbers("u1"))]
    fits.HDUList(parts).writeto(tmp_path / "a.fits")
    np.testing.assert_array_equal(read_frame(tmp_path / "a.fits").pixels, data)


def test_one_plane_is_a_picture_and_two_are_a_cube(tmp_path):
    data = numbers("u2")
    np.testing.assert_array_equal(read_frame(write(tmp_path / "one.fits", data[None])).pixels, data)
    with pytest.raises(FrameError, match=r"two.fits: is a cube, not one picture \(2 x 24 x 32 pixels\): "):
        read_info(write(tmp_path / "two.fits", np.stack([data, data])))


def test_facts_of_the_primary_header_count_for_an_image_behind_it(tmp_path):
    primary = fits.PrimaryHDU(header=fits.Header([("EXPTIME", 12.0), ("FILTER", "B"), ("IMAGETYP", "Light Frame")]))
    image = fits.ImageHDU(numbers("u2"), fits.Header([("FILTER", "V")]))
    fits.HDUList([primary, image]).writeto(tmp_path / "a.fits")
    info = read_info(tmp_path / "a.fits")
    assert (info.exposure, info.filter, info.kind) == (12.0, "V", "light")


@pytest.mark.parametrize("packed", [False, True])
def test_scaled_integers_are_physical_values(tmp_path, packed):
    stored = np.random.default_rng(0).integers(-3000, 3000, SHAPE).astype(np.int16)
    path = tmp_path / "a.fits"
    write(path, stored, packed=packed)
    with fits.open(path, mode="update", disable_image_compression=True, do_not_scale_image_data=True) as hdus:
        hdus[-1].header["BSCALE"], hdus[-1].header["BZERO"] = 0.52, 19645.0
    np.testing.assert_array_equal(read_frame(path).pixels, (stored * 0.52 + 19645.0).astype(np.float32))
    assert read_info(path).saturation is None


@pytest.mark.parametrize("dtype", ["i2", "i4"])
def test_blank_pixels_have_no_value(tmp_path, dtype):
    data = np.abs(numbers(dtype))
    data[3, 5] = -999
    frame = read_frame(write(tmp_path / "a.fits", data, BLANK=-999))
    assert np.isnan(frame.above_black()[3, 5])
    assert np.isnan(frame.above_black()).sum() == 1


def test_infinite_and_huge_values_have_no_value(tmp_path):
    data = numbers("f8")
    data[0, :4] = [np.inf, -np.inf, 1e300, np.nan]
    pixels = read_frame(write(tmp_path / "a.fits", data)).pixels
    assert np.isnan(pixels[0, :4]).all()
    np.testing.assert_array_equal(pixels[1:], data[1:].astype(np.float32))


@pytest.mark.parametrize(("dtype", "full"), [("u2", 65535), ("i2", 32767), ("u1", 255), ("f4", None)])
def test_saturation_is_what_the_numbers_can_hold_unless_the_header_says_less(tmp_path, dtype, full):
    data = np.abs(numbers(dtype))
    assert read_info(write(tmp_path / "a.fits", data)).saturation == full
    assert read_info(write(tmp_path / "b.fits", data, SATURATE=200)).saturation == 200


def test_saturation_of_signed_numbers_counts_from_zero_not_from_the_stored_black(tmp_path):
    data = np.random.default_rng(0).normal(0, 5, (64, 64)).astype(np.int16)
    data[10:12, 10:12] = 4095
    frame = read_frame(write(tmp_path / "a.fits", data))
    assert frame.black[0, 0] == 32768
    assert frame.info.saturation == 4095


def test_overscan_is_masked_and_the_shape_stays(tmp_path):
    data = numbers("u2")
    path = write(tmp_path / "a.fits", data, DATASEC="[1:28,1:24]")
    frame = read_frame(path)
    assert frame.shape == SHAPE
    assert frame.mask[:, 28:].all()
    assert not frame.mask[:, :28].any()
    assert read_frame(path, overscan="off").mask is None


def test_a_level_in_the_overscan_is_not_where_the_image_is_full(tmp_path):
    data = np.random.default_rng(0).poisson(300, (64, 64)).astype(np.uint16)
    data[:, 60:] = 5000
    frame = read_frame(write(tmp_path / "a.fits", data, DATASEC="[1:60,1:64]"))
    assert frame.info.saturation == 65535


def test_pattern_of_the_header_unless_given(tmp_path):
    path = write(tmp_path / "a.fits", numbers("u2"), BAYERPAT="RGGB", YBAYROFF=1)
    assert read_frame(path).pattern == "GBRG"
    assert read_frame(path, pattern="auto").pattern == "GBRG"
    assert read_frame(path, pattern="none").pattern == "none"
    assert read_frame(path, pattern="BGGR").pattern == "BGGR"


def test_a_file_that_changed_its_size_is_said_so(tmp_path):
    info = read_info(write(tmp_path / "a.fits", numbers("u2")))
    (tmp_path / "a.fits").unlink()
    write(tmp_path / "a.fits", np.ones((20, 20), np.uint16))
    with pytest.raises(FrameError, match=r"a.fits: changed while it was in use \(32 x 24 pixels before, 20 x 20 now\)"):
        read_frame(info)


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    for name in ("a.fits", "a.dng", "a"):
        with pytest.raises(FrameError, match=rf"^{name}: is not there"):
            read_info(tmp_path / name)


@pytest.mark.parametrize("packed", [False, True])
def test_header_keeps_the_lights_own_cards_and_not_how_pixels_were_stored(tmp_path, packed):
    path = write(tmp_path / "a.fits", numbers("u2"), packed=packed, FILTER="V", CRPIX1=3.5, BLANK=3)
    with fits.open(path, mode="append", disable_image_compression=True) as hdus:
        hdus[-1].header.add_history("taken at night")
    header = read_header(path)
    assert (header["FILTER"], header["CRPIX1"]) == ("V", 3.5)
    stored = {
        "SIMPLE",
        "BITPIX",
        "NAXIS",
        "NAXIS1",
        "BZERO",
        "BSCALE",
        "BLANK",
        "XTENSION",
        "PCOUNT",
        "ZIMAGE",
        "TFORM1",
    }
    assert not stored & set(header)
    again = fits.PrimaryHDU(np.zeros(SHAPE, np.float32), header)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again.verify("exception")


def test_a_card_that_breaks_the_rules_is_read_and_kept(tmp_path):
    path = write(tmp_path / "a.fits", numbers("u2"), FILTER="V")
    content = path.read_bytes()
    card = b"FILTER  = 'V       '"
    assert card in content
    path.write_bytes(content.replace(card, b"FILTER  = Rc        "))
    assert read_info(path).filter == "Rc"
    with quiet():
        assert any("Rc" in card.image for card in read_header(path).cards)


def test_twenty_gigabytes_promised_are_refused_before_memory_is_taken(tmp_path):
    path = write(tmp_path / "a.fits", numbers("u2"))
    huge = path.read_bytes().replace(b"NAXIS1  =                   32", b"NAXIS1  =         100000000000")
    for name, content in (("a.fits", huge), ("a.fits.gz", gzip.compress(huge))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FrameError, match=rf"{name}: is cut off or damaged \(its header promises"):
            read_info(tmp_path / name)
    packed = write(tmp_path / "b.fits", numbers("u2"), packed=True).read_bytes()
    wide = packed.replace(b"ZNAXIS1 =                   32", b"ZNAXIS1 =         100000000000")
    (tmp_path / "c.fits.fz").write_bytes(wide)
    with pytest.raises(FrameError, match=r"c.fits.fz: is larger than 268 megapixels"):
        read_info(tmp_path / "c.fits.fz")


def test_a_compressed_image_whose_tiles_are_damaged_is_refused(tmp_path):
    content = bytearray(write(tmp_path / "a.fits.fz", numbers("i2"), packed=True).read_bytes())
    content[5760:6000] = bytes([1] * 240)
    (tmp_path / "b.fits.fz").write_bytes(content)
    with pytest.raises(FrameError, match=r"b.fits.fz: is cut off or damaged"):
        read_frame(tmp_path / "b.fits.fz")


def test_a_tile_larger_than_the_image_is_refused(tmp_path):
    content = write(tmp_path / "a.fits.fz", numbers("i2"), packed=True).read_bytes()
    tile = b"ZTILE1  =                   32"
    assert tile in content
    (tmp_path / "b.fits.fz").write_bytes(content.replace(tile, b"ZTILE1  =           3000000000"))
    with pytest.raises(FrameError, match=r"b.fits.fz: is cut off or damaged"):
        read_info(tmp_path / "b.fits.fz")


def examples(folder):
    """One file of each kind, small."""
    folder.mkdir(exist_ok=True)
    plain = folder / "plain.fits"
    if not plain.exists():
        write(plain, numbers("u2"), EXPTIME=30.0, IMAGETYP="Light Frame")
        write(folder / "packed.fits.fz", numbers("i2"), packed=True)
        write(folder / "second.fits", numbers("f4"), hdu=2)
        (folder / "zipped.fits.gz").write_bytes(gzip.compress(plain.read_bytes()))
    return sorted(folder.iterdir())


def frame_or_sentence(path):
    try:
        frame = read_frame(path)
        read_header(path)
        return frame
    except FrameError as error:
        return str(error)


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_gives_a_frame_or_one_sentence(tmp_path, data):
    path = data.draw(st.sampled_from(examples(tmp_path / "good")))
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    for _ in range(data.draw(st.integers(0, 6))):
        if content:
            place = data.draw(st.integers(0, min(len(content) - 1, 8000)))
            content[place] = data.draw(st.integers(0, 255))
    damaged = tmp_path / f"x{''.join(path.suffixes)}"
    damaged.write_bytes(content)
    result = frame_or_sentence(damaged)
    if isinstance(result, Frame):
        assert result.shape == result.info.shape
    else:
        assert result.startswith(f"{damaged.name}: ")
        assert "\n" not in result


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("there", "instead"),
    [
        (b"'ONeil   '", b"'ONeil\t\t\t'"),
        (b"'ONeil   '", b"'ONeil\0\0\0'"),
        (b"'ONeil   '", b"'ONeil\r\n\x7f'"),
        (b"'ONeil   '", b"'O\xc3\xa9eil  '"),
        (b"OBSERVER= 'ONeil   '", b"CONTINUE= 'ONeil   '"),
        (b"OBSERVER= 'ONeil   '", b"CONTINUE            "),
        (b"OBSERVER= 'ONeil   '", b"CONTINUE  'ONeil   '"),
    ],
)
def test_an_odd_card_does_not_throw_out_its_frame(tmp_path, packed, there, instead):
    path = write(tmp_path / "a.fits", numbers("u2"), packed=packed, OBSERVER="ONeil", FILTER="V")
    content = path.read_bytes()
    assert there in content
    path.write_bytes(content.replace(there, instead))
    frame = read_frame(path)
    assert frame.info.filter == "V"
    np.testing.assert_array_equal(frame.pixels, numbers("u2"))
    with quiet():
        assert all(card.image.isascii() and card.image.isprintable() for card in read_header(path).cards)


def test_a_long_text_over_several_cards_is_read_whole(tmp_path):
    path = write(tmp_path / "a.fits", numbers("u2"), LONGS="x" * 150, FILTER="V")
    assert read_header(path)["LONGS"] == "x" * 150


def test_a_header_without_an_end_is_damaged(tmp_path):
    path = write(tmp_path / "a.fits", numbers("u2"))
    path.write_bytes(path.read_bytes().replace(b"END     ", b"\0\0\0     "))
    with pytest.raises(FrameError, match="is cut off or damaged"):
        read_info(path)


@pytest.mark.parametrize("odd", ["BLANK   = abc", "EXTNAME = SCI", "BLANK   = 1.5"])
def test_a_word_about_the_pixels_that_is_none_does_not_throw_out_its_frame(tmp_path, odd):
    path = write(tmp_path / "a.fits", numbers("i2"), FILTER="V")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"FILTER  = 'V       '".ljust(80), odd.encode().ljust(80)))
    np.testing.assert_array_equal(read_frame(path).pixels - 32768.0, numbers("i2"))
