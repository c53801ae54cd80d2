"""Camera files, against what was written into them."""

import struct

import numpy as np
import pytest
import tifffile

from pipeline.frame import FrameError
from pipeline.read import read_frame, read_header, read_info, tiff

ASCII, BYTE, SHORT, LONG, RATIONAL, SRATIONAL = 2, 1, 3, 4, 5, 10
IDENTITY = (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)
CODES = {"R": 0, "G": 1, "B": 2}
BLACK = (64, 66, 68, 70)


def write_dng(path, data, pattern="RGGB", *, black=BLACK, white=16383, photometric=32803, tags=()):
    """A plain DNG 1.4 (Adobe's specification names each tag)."""
    extra = [
        (50706, BYTE, 4, bytes((1, 4, 0, 0)), True),
        (50708, ASCII, 0, "Starshift Test", True),
        (50714, SHORT, len(black), black, True),
        (50717, LONG, 1, white, True),
        (50721, SRATIONAL, 9, IDENTITY, True),
        (50728, RATIONAL, 3, (1, 1, 1, 1, 1, 1), True),
        (50778, SHORT, 1, 21, True),
        (271, ASCII, 0, "Maker", True),
        (272, ASCII, 0, "Maker One", True),
        *tags,
    ]
    if photometric == 32803:
        side = int(len(pattern) ** 0.5)
        extra.append((33421, SHORT, 2, (side, side), True))
        extra.append((33422, BYTE, len(pattern), bytes(CODES[letter] for letter in pattern), True))
        extra.append((50713, SHORT, 2, (2, 2) if len(black) == 4 else (1, 1), True))
    tifffile.imwrite(path, data, photometric=photometric, extratags=extra, subfiletype=0, metadata=None)
    return path


def mosaic(seed=0, shape=(40, 60)):
    return np.random.default_rng(seed).integers(100, 5000, shape).astype(np.uint16)


@pytest.mark.parametrize("pattern", ["RGGB", "BGGR", "GRBG", "GBRG"])
def test_pixels_pattern_and_black_of_each_parity(tmp_path, pattern):
    data = mosaic()
    frame = read_frame(write_dng(tmp_path / "a.dng", data, pattern))
    assert frame.pattern == pattern
    assert frame.pixels.dtype == np.uint16
    np.testing.assert_array_equal(frame.pixels, data)
    np.testing.assert_array_equal(frame.black, np.reshape(BLACK, (2, 2)))
    np.testing.assert_array_equal(frame.above_black()[1::2, ::2], data[1::2, ::2].astype(np.float32) - BLACK[2])
    assert frame.info.saturation == 16383 - max(BLACK)


@pytest.mark.parametrize(("top", "left"), [(0, 0), (1, 0), (0, 1), (1, 1), (2, 2)])
def test_the_pattern_is_that_of_the_first_visible_pixel(tmp_path, top, left):
    area = (50829, LONG, 4, (top, left, top + 30, left + 40), True)
    y, x = np.mgrid[:40, :60]
    # Level 1000 on red, 2000 and 3000 on the greens, 4000 on blue, as seen from the active area's corner.
    data = (1000 + 1000 * ((x - left) % 2) + 2000 * ((y - top) % 2)).astype(np.uint16)
    frame = read_frame(write_dng(tmp_path / "a.dng", data, tags=[area]))
    for value, letter, black in ((1000, "R", 64), (2000, "G", 66), (3000, "G", 68), (4000, "B", 70)):
        place = tuple(axis[0] for axis in np.nonzero(frame.pixels[:2, :2] == value))
        assert frame.pattern[place[0] * 2 + place[1]] == letter
        # LibRaw moves an odd corner by a pixel, and takes the colours along but not the black levels.
        if top % 2 == left % 2 == 0:
            assert frame.black[place] == black


def test_pixels_outlive_the_file(tmp_path):
    data = mosaic()
    frames = [read_frame(write_dng(tmp_path / f"{i}.dng", data + np.uint16(i))) for i in range(3)]
    for i, frame in enumerate(frames):
        assert frame.pixels.flags.owndata
        np.testing.assert_array_equal(frame.pixels, data + i)


def test_saturation_is_where_pixels_pile_up_below_the_white_level(tmp_path):
    data = mosaic()
    data[10:12, 10:12] = 15000
    assert read_frame(write_dng(tmp_path / "a.dng", data)).info.saturation == 15000 - max(BLACK)


def test_facts_come_from_exif(tmp_path):
    tags = [
        (33434, RATIONAL, 1, (25, 10), True),
        (34855, SHORT, 1, 1600, True),
        (36867, ASCII, 0, "2024:03:01 21:00:00", True),
        (36881, ASCII, 0, "+01:00", True),
        (37521, ASCII, 0, "250", True),
        (270, ASCII, 0, "M 31, gain 120", True),
        (37386, RATIONAL, 1, (50, 1), True),
    ]
    folder = tmp_path / "lights"
    folder.mkdir()
    path = write_dng(folder / "IMG_1.DNG", mosaic(), tags=[tag for tag in tags if tag[0] not in (36881, 37521)])
    info = read_info(path)
    assert (info.exposure, info.iso, info.gain, info.camera) == (2.5, 1600, 120, "Maker One")
    assert info.time.isot == "2024-03-01T21:00:00.000"
    assert (info.kind, info.kind_reason) == ("light", "folder name")
    header = read_header(path)
    assert header["DATE-OBS"] == "2024-03-01T21:00:00.000"
    assert (header["EXPTIME"], header["ISOSPEED"], header["FOCALLEN"]) == (2.5, 1600, 50)
    assert (header["INSTRUME"], header["BAYERPAT"]) == ("Maker One", "RGGB")


def test_facts_of_a_second_file_of_a_camera_do_not_need_its_pixels(tmp_path, monkeypatch):
    first, second = (write_dng(tmp_path / f"{i}.dng", mosaic(i)) for i in range(2))
    known = read_info(first)
    import pipeline.read.raw as raw

    def decode(*_):
        raise AssertionError("decoded")

    monkeypatch.setattr(raw, "_decoded_pattern", decode)
    assert read_info(second).pattern == known.pattern
    assert read_info(second).saturation == known.saturation


def test_a_camera_without_mosaic_is_refused(tmp_path):
    path = write_dng(tmp_path / "a.dng", np.dstack([mosaic()] * 3), photometric=34892, black=(0, 0, 0))
    with pytest.raises(FrameError, match=r"a.dng: has 3 colours in every pixel \(Foveon or linear DNG\), no mosaic: "):
        read_info(path)
    with pytest.raises(FrameError, match="in every pixel"):
        read_frame(path)


def test_a_mosaic_of_six_pixels_is_refused(tmp_path):
    x_trans = "GBGGRGRGRBGBGBGGRGGRGGBGBGBRGRGRGGBG"
    with pytest.raises(FrameError, match=r"a.dng: has a mosaic of 6 x 6 pixels \(X-Trans or another\), not 2 x 2: "):
        read_info(write_dng(tmp_path / "a.dng", mosaic(), x_trans, black=(0,)))


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.95])
def test_a_cut_camera_file_gives_one_sentence(tmp_path, share):
    path = write_dng(tmp_path / "a.dng", mosaic())
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(FrameError, match=r"^a.dng: (is|has) [^\n]*: [^\n:]*$"):
        read_frame(path)


def frame_or_sentence(path):
    try:
        return read_frame(path)
    except FrameError as error:
        return str(error)


@pytest.mark.parametrize("seed", range(30))
def test_a_damaged_camera_file_gives_a_frame_or_one_sentence(tmp_path, seed):
    rng = np.random.default_rng(seed)
    path = write_dng(tmp_path / "a.dng", mosaic())
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    places = rng.integers(0, 600, 5)
    content[places] = rng.integers(0, 256, 5)
    path.write_bytes(content.tobytes())
    result = frame_or_sentence(path)
    assert "\n" not in result if isinstance(result, str) else result.shape == result.info.shape


@pytest.mark.data
def test_a_nikons_own_file(data):
    frame = read_frame(data / "raw_vendor" / "RAW_NIKON_D1.NEF")
    assert frame.shape == (1324, 2012)
    assert frame.pattern == "BGGR"
    assert frame.info.exposure == pytest.approx(1 / 250)
    assert frame.info.time.isot == "2000-11-19T13:01:50.240"
    assert not frame.black.any()


@pytest.mark.data
@pytest.mark.parametrize("name", ["Light_1069", "Light_1283"])
def test_dng_and_fits_of_one_exposure_are_equal(data, name):
    raw, fits = read_frame(data / "m27_dng" / f"{name}.dng"), read_frame(data / "m27_cfa" / f"{name}.fits.gz")
    np.testing.assert_array_equal(raw.above_black(), fits.above_black())
    assert raw.pattern == fits.pattern == "RGGB"
    assert raw.info.exposure == fits.info.exposure == 6
    assert raw.info.gain == fits.info.gain == 180
    assert abs((raw.info.time - fits.info.time).sec) < 1
    assert raw.info.saturation == fits.info.saturation == 65504


@pytest.mark.parametrize("ending", ["dng", "NEF"])
def test_a_cut_camera_file_is_told_without_a_word_from_the_decoder(tmp_path, capfd, ending):
    path = write_dng(tmp_path / "a.dng", mosaic())
    content = path.read_bytes()
    cut = tmp_path / f"cut.{ending}"
    cut.write_bytes(content[:-1])
    with pytest.raises(
        FrameError, match=rf"is cut off .*reach to byte {len(content)}, the file has {len(content) - 1}\)"
    ):
        read_info(cut)
    assert capfd.readouterr().err == ""
    cut.write_bytes(content)
    assert read_frame(cut).pixels.shape == mosaic().shape


def directory(*tags, order="<", following=0):
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags)
    return struct.pack(f"{order}H", len(tags)) + entries + struct.pack(f"{order}I", following)


@pytest.mark.parametrize(("order", "mark"), [("<", b"II*\0"), (">", b"MM\0*")])
def test_the_largest_picture_of_all_directories_counts(tmp_path, order, mark):
    child = directory((273, 5000), (279, 300), order=order)
    first = directory((273, 9000), (279, 20), (330, 200), order=order, following=200)
    path = tmp_path / "a.cr2"
    path.write_bytes((mark + struct.pack(f"{order}I", 8) + first).ljust(200, b"\0") + child)
    assert tiff.promised_length(str(path)) == 5300


def test_a_directory_that_leads_to_itself_ends(tmp_path):
    path = tmp_path / "a.arw"
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + directory((273, 100), (279, 50), (330, 8), following=8))
    assert tiff.promised_length(str(path)) == 150
