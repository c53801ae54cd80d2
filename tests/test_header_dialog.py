"""The dialog of headers and that of folders, without a browser: what is found, counted and never read."""

import time
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits

from pipeline.graph.run import Graph
from ui.header_dialog import MOST_ROWS, HeaderDialog
from ui.open_dialog import OpenDialog, kinds_text
from ui.session import Session

KINDS = {"bias/b": "", "Darks/d": "", "flats/V/f": "", "lights/l": ""}


@pytest.fixture
def root(tmp_path):
    """A set in folders of kinds, with a file that is none and a link that leads out."""
    for name in KINDS:
        for number in range(2):
            path = tmp_path / "root" / "set" / f"{name}{number}.fits"
            path.parent.mkdir(parents=True, exist_ok=True)
            header = fits.Header({"OBSERVER": f"<b>{name}</b>", "EXPTIME": 3.0})
            fits.PrimaryHDU(np.ones((20, 20), np.uint16), header).writeto(path)
    (tmp_path / "root" / "set" / "lights" / "broken.fits").write_bytes(b"nothing")
    (tmp_path / "outside").mkdir()
    fits.PrimaryHDU(np.ones((20, 20), np.uint16)).writeto(tmp_path / "outside" / "secret.fits")
    (tmp_path / "root" / "set" / "light").symlink_to(tmp_path / "outside")
    return tmp_path / "root"


def wait_until(holds):
    end = time.monotonic() + 20
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)
    return holds()


def is_shown(card):
    # Rows come before what is said of them.
    return card.rows and "Reading" not in card.said


def test_a_folder_of_kinds_is_offered_as_one_set_with_the_number_of_each(root):
    opened = []
    session = Session(Graph(), root)
    dialog = OpenDialog(session, lambda title, files, folder: opened.append((title, files)))
    dialog._walk(root / "set")
    assert wait_until(lambda: "lights" in str(dialog._none.object))
    assert dialog._none.object == "2 lights, 2 bias frames, 2 darks, 2 flats, 1 cannot be read"
    assert dialog._open.label == "Open 9 frames"
    dialog._open_folder()
    title, files = opened[0]
    assert title == "set"
    assert sorted(str(path.relative_to(root / "set")) for path in files) == sorted(
        [*(f"{name}{number}.fits" for name in KINDS for number in range(2)), "lights/broken.fits"]
    )
    night = Graph.open(files, root / "set")
    assert len(night.files) == len(Graph.open([root / "set"], root / "set").files) - 1


def test_a_folder_that_was_left_is_not_counted_any_more(root):
    session = Session(Graph(), root)
    dialog = OpenDialog(session, lambda *_: None)
    dialog._walk(root / "set")
    before = dialog._asked
    dialog._walk(root)
    dialog._counted(Counter(light=3), 3, before)
    assert dialog._none.object.startswith("No frames in this folder: choose one")
    assert dialog._open.disabled
    assert kinds_text({"light": 1, "bias": 1, "dark": 0, "flat": 0, "": 0}) == "1 light, 1 bias frame"


@pytest.fixture
def shown(root):
    """A header dialog on the set, and what it shows."""
    session = Session(Graph(), root)
    session.night = Graph.open([root / "set" / name for name in ("bias", "lights")], root / "set")
    dialog = HeaderDialog(session, SimpleNamespace(hand_back=lambda call, *found: call(*found)))
    return dialog, dialog._card


def test_every_open_file_shows_its_header_those_that_cannot_be_read_say_why(shown):
    dialog, card = shown
    dialog.show("lights/l1.fits")
    assert wait_until(lambda: is_shown(card))
    assert card.files[card.file] == "lights/l1.fits"
    assert ["OBSERVER", "<b>lights/l</b>", "", "HDU 0"] in card.rows
    assert card.facts.startswith("light (folder name), 3\u2009s, 20 x 20\u2009px")
    dialog._heard({"file": card.files.index("lights/broken.fits")})
    assert wait_until(lambda: card.problem)
    assert (
        card.problem == "lights/broken.fits: is no FITS file (it begins with 'nothing'): choose a FITS or camera file"
    )
    assert card.rows == []


def test_words_are_looked_for_and_a_part_is_shown_again_without_them(shown):
    dialog, card = shown
    dialog.show("bias/b0.fits")
    assert wait_until(lambda: is_shown(card))
    every = len(card.rows)
    dialog._heard({"words": " Expt "})
    assert [row[0] for row in card.rows] == ["EXPTIME"]
    assert card.said == "1 card with \u201cExpt\u201d in all parts"
    dialog._heard({"words": "nowhere"})
    assert card.rows == []
    dialog._heard({"words": ""})
    assert len(card.rows) == every


@pytest.mark.parametrize(
    "message",
    [None, 3, [], {}, {"file": -1}, {"file": 10**9}, {"file": "../../outside/secret.fits"}, {"file": True},
     {"part": 99}, {"part": "x"}, {"words": 3}, {"words": "x" * 10**6}],
)  # fmt: skip
def test_whatever_a_browser_sends_no_other_file_is_read(shown, message):
    dialog, card = shown
    dialog.show("bias/b0.fits")
    assert wait_until(lambda: is_shown(card))
    card._handle_msg(message)
    time.sleep(0.05)
    assert card.files[card.file] == "bias/b0.fits"
    assert len(card.said) < 500
    assert "secret" not in str(card.rows)


def test_of_very_many_cards_the_first_are_drawn_and_the_others_found(shown, root):
    dialog, card = shown
    path = root / "set" / "bias" / "b0.fits"
    header = fits.getheader(path)
    for number in range(600):
        header[f"K{number:04}"] = number
    fits.writeto(path, fits.getdata(path), header, overwrite=True)
    dialog.show("bias/b0.fits")
    assert wait_until(lambda: is_shown(card))
    assert len(card.rows) == MOST_ROWS
    assert "the first 400 are shown: type a word" in card.said
    dialog._heard({"words": "k0599"})
    assert [row[0] for row in card.rows] == ["K0599"]
