"""What headers say, as text: all of it, where it comes from, and safely whatever the bytes are."""

import gzip

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline import sample
from pipeline.frame import FrameError
from pipeline.read.header_text import MOST_CARDS, found, read_header_text

ENDED = "END".ljust(80)


def raw_header(*cards, image=True):
    """A file of cards that nobody checks."""
    start = ["SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    2"]
    start += ["NAXIS1  =                   20", "NAXIS2  =                   20"] if image else []
    block = b"".join(
        (card if isinstance(card, bytes) else card.encode()).ljust(80)[:80] for card in [*start, *cards, ENDED]
    )
    return block.ljust(-(-len(block) // 2880) * 2880) + bytes(2880)


def cards_of(part):
    return {card.keyword: (card.value, card.comment) for card in part.cards}


def test_every_card_is_read_as_astropy_reads_it(tmp_path):
    header = fits.Header()
    header["OBJECT"] = ("M 31 / O'Brien's", "an apostrophe and a slash")
    header["EXPTIME"] = (30.5, "[s] exposure")
    header["LIGHT"] = (True, "a truth value")
    header["LONG"] = ("a word " * 40, "a text that goes on")
    header["HIERARCH ESO DET WIN1 BINX"] = (2, "two words and more")
    header["NOTHING"] = (None, "without a value")
    header["HISTORY"] = "first line"
    header["HISTORY"] = "second line = no value"
    fits.PrimaryHDU(np.zeros((20, 20), np.uint8), header).writeto(tmp_path / "a.fits")
    (part,) = read_header_text(tmp_path / "a.fits").parts
    expected = fits.getheader(tmp_path / "a.fits")
    shown = cards_of(part)
    for card in expected.cards:
        if card.keyword in ("HISTORY", ""):
            continue
        value, comment = shown[card.keyword]
        if isinstance(card.value, str):
            assert value == card.value.rstrip()
        elif isinstance(card.value, bool):
            assert value == ("T" if card.value else "F")
        elif isinstance(card.value, (int, float)):
            assert float(value) == card.value
        else:
            assert value == ""
        assert comment == card.comment
    assert [card.value for card in part.cards if card.keyword == "HISTORY"] == ["first line", "second line = no value"]
    assert {card.source for card in part.cards} == {"HDU 0"}


def test_a_picture_in_an_extension_inherits_the_primary_cards_and_each_says_where_it_is_from(tmp_path):
    primary, image = fits.PrimaryHDU(), fits.ImageHDU(np.zeros((20, 30), np.uint16), name="SCI")
    primary.header.update({"OBJECT": "M 31", "EXPTIME": 30.0})
    image.header.update({"EXPTIME": 20.0, "FILTER": "V"})
    fits.HDUList([primary, image]).writeto(tmp_path / "a.fits")
    picture, first, second = read_header_text(tmp_path / "a.fits").parts
    assert (first.name, second.name) == ("HDU 0: primary, no data", "HDU 1: SCI, 30 x 20")
    source = {card.keyword: (card.value, card.source) for card in picture.cards}
    assert source["OBJECT"] == ("M 31", "HDU 0")
    assert source["EXPTIME"] == ("20.0", "HDU 1")
    assert source["FILTER"] == ("V", "HDU 1")
    assert source["NAXIS1"] == ("30", "HDU 1")
    assert "SIMPLE" not in source


def test_a_search_looks_through_all_parts_and_finds_all_of_its_words(tmp_path):
    primary, image = fits.PrimaryHDU(), fits.ImageHDU(np.zeros((20, 30), np.uint16))
    primary.header["OBSERVER"] = ("A. Student", "who took it")
    image.header["FILTNAM"] = ("V", "Filter position name")
    image.header["FILTRAW"] = (2373, "filter raw position")
    fits.HDUList([primary, image]).writeto(tmp_path / "a.fits")
    header = read_header_text(tmp_path / "a.fits")
    assert [card.keyword for card in found(header, "FILTER")] == ["FILTNAM", "FILTRAW"]
    assert [card.keyword for card in found(header, "filter name")] == ["FILTNAM"]
    assert [(card.keyword, card.source) for card in found(header, "student")] == [("OBSERVER", "HDU 0")]
    assert found(header, "nothing of the kind") == []
    assert len(found(header, "", 1)) == len(header.parts[1].cards)


@pytest.mark.parametrize(
    ("card", "keyword", "value", "comment"),
    [
        ("OBSERVER= 'Müller' / Beobachter", "OBSERVER", "Müller", "Beobachter"),
        ("OBSERVER= 'Müller' / Beobachter".encode("latin-1"), "OBSERVER", "Müller", "Beobachter"),
        (b"OBJECT  = 'a\x00\x07\x1bb' / c", "OBJECT", "a\\x00\\x07\\x1bb", "c"),
        ("OBJECT  = '<script>alert(1)</script>'", "OBJECT", "<script>alert(1)</script>", ""),
        ("OBJECT  = 'no end of the text", "OBJECT", "no end of the text", ""),
        ("OBJECT  = no quotes / here", "OBJECT", "no quotes", "here"),
        ("HIERARCH  = ", "HIERARCH", "", ""),
        ("HIERARCH ESO ODD KEY with a very long name = 'x' / y", "ESO ODD KEY with a very long name", "x", "y"),
        ("CONTINUE  'of nothing'", "CONTINUE", "'of nothing'", ""),
        (b"\xff\xfe\x80= 1", "", "", ""),
    ],
)
def test_cards_that_break_the_rules_are_text(tmp_path, card, keyword, value, comment):
    (tmp_path / "a.fits").write_bytes(raw_header(card))
    (part,) = read_header_text(tmp_path / "a.fits").parts
    last = part.cards[-1]
    if keyword:
        assert (last.keyword, last.value, last.comment) == (keyword, value, comment)
    assert (last.keyword + last.value + last.comment).isprintable()


def test_megabytes_of_cards_are_cut_and_that_is_said(tmp_path):
    (tmp_path / "a.fits").write_bytes(raw_header(*(f"K{i:06}= {i}" for i in range(MOST_CARDS + 10))))
    header = read_header_text(tmp_path / "a.fits")
    assert len(header.parts[0].cards) == MOST_CARDS
    assert header.problem == "these are the first 50,000 cards, 15 more are left out"


def test_a_text_of_a_megabyte_is_cut(tmp_path):
    long = [f"LONG    = '{'x' * 67}&'", *(f"CONTINUE  '{'y' * 67}&'" for _ in range(2000)), "CONTINUE  'end'"]
    (tmp_path / "a.fits").write_bytes(raw_header(*long))
    last = read_header_text(tmp_path / "a.fits").parts[0].cards[-1]
    assert last.value.startswith("xxx")
    assert last.value.endswith("characters)")
    assert len(last.value) < 5000


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (raw_header()[:300], "HDU 0 has no END"),
        (raw_header()[: 2880 + 100], "HDU 0 promises 400 bytes of data, and the file ends before them"),
        (raw_header().replace(b"NAXIS1 ", b"NAXIS7 "), "HDU 0 does not say how long its data are"),
        (raw_header() + b"\x01\x02\x03" * 960, "behind HDU 0 there is something else than a header"),
        (gzip.compress(raw_header() * 40)[:200], "is cut off or damaged, and nothing can be read behind it"),
    ],
)
def test_what_can_be_read_of_a_damaged_file_is_shown_with_what_is_wrong(tmp_path, content, problem):
    (tmp_path / "a.fits").write_bytes(content)
    header = read_header_text(tmp_path / "a.fits")
    assert header.parts[0].cards[0].keyword == "SIMPLE"
    assert problem in header.problem


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=3000), st.booleans())
@example(b"XTENSION= 'IMAGE   '".ljust(80), True)
@example(b"NAXIS   = 99999999999999999999".ljust(80), False)
@example(b"COMMENT".ljust(80) + b"CONTINUE  'x&'".ljust(80) * 3, False)
def test_any_bytes_are_text_or_are_refused_in_a_sentence(tmp_path_factory, junk, after):
    path = tmp_path_factory.mktemp("junk") / "a.fits"
    start = raw_header() if after else b"SIMPLE  =                    T".ljust(80)
    path.write_bytes(start + junk)
    try:
        header = read_header_text(path)
    except FrameError:
        return
    for part in header.parts:
        for card in part.cards:
            assert f"{card.keyword}{card.value}{card.comment}".isprintable()


def test_a_camera_file_shows_its_tags_and_the_cards_made_of_them(tmp_path):
    spec = sample.named("drift", 1, (120, 160), None, "dng")
    (path,) = [one for one in sample.write(spec, tmp_path) if str(one).endswith(".dng")]
    header = read_header_text(path)
    made, *tags = header.parts
    assert made.name == "Cards made of the tags"
    assert "DATE-OBS" in cards_of(made)
    names = {card.keyword for part in tags for card in part.cards}
    assert {"DateTimeOriginal", "ExposureTime"} & names
    assert all(card.comment.startswith("tag 0x") for part in tags for card in part.cards)


@pytest.mark.parametrize("name", ["a.fits", "a.CR2"])
def test_what_is_no_frame_is_refused_in_a_sentence(tmp_path, name):
    (tmp_path / name).write_bytes(b"no picture at all")
    with pytest.raises(FrameError, match=f"{name}: is (no FITS|cut off)"):
        read_header_text(tmp_path / name)
    with pytest.raises(FrameError, match="is not there"):
        read_header_text(tmp_path / f"gone_{name}")
