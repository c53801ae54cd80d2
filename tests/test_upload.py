"""Uploads stay in their visit's folder, lie about nothing for long, and go when the visit ends."""

import threading
import time

import pytest

from pipeline import sample
from pipeline.frame import Failure, FrameError
from pipeline.graph import batch
from pipeline.graph.run import Graph
from ui import open_dialog
from ui.courier import Courier
from ui.open_dialog import OpenDialog
from ui.run_dialog import RunDialog
from ui.session import Session
from ui.upload import PATIENCE, DropField, Inbox, bare
from ui.worker import Worker


@pytest.fixture
def session(tmp_path):
    session = Session(Graph(), tmp_path)
    yield session
    session.close()


@pytest.fixture
def inbox(tmp_path):
    inbox = Inbox(lambda: tmp_path)
    yield inbox
    inbox.close()


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../..", "a/..", ".hidden.fits", "script.py", "light.fits.exe", "a\0.fits", "a\n.fits",
     "a\x1b.fits", "a" * 300 + ".fits", "\ud800.fits", None, 7, b"light.fits", ["a.fits"]],
)  # fmt: skip
def test_a_name_that_is_no_frames_is_refused_in_one_clean_sentence(inbox, tmp_path, name):
    with pytest.raises(FrameError, match=r": upload frames only|: give it another name") as refused:
        inbox.take(name, b"x", 1, 1)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 300
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../../light.fits", "/etc/light.fits", "C:\\night\\light.fits", "..\\..\\light.fits"])
def test_a_file_lies_in_the_visits_folder_whatever_folder_it_names(inbox, tmp_path, name):
    assert bare(name) == "light.fits"
    assert inbox.take(name, b"x", 1, 1) == tmp_path / "light.fits"


def test_pieces_are_put_together_on_disk_and_two_files_may_come_at_once(inbox, tmp_path):
    assert inbox.take("a.fits", b"one ", 1, 2) is None
    assert inbox.take("b.fits", b"other ", 1, 2) is None
    assert inbox.busy
    assert inbox.take("b.fits", b"file", 2, 2).read_bytes() == b"other file"
    assert inbox.take("a.fits", b"file", 2, 2).read_bytes() == b"one file"
    assert not inbox.busy


@pytest.mark.parametrize(("number", "count"), [(0, 1), (2, 1), (2, 3), (-1, -1), (1.0, 1.0), ("1", "1"), (None, None)])
def test_pieces_that_do_not_follow_each_other_are_refused(inbox, tmp_path, number, count):
    with pytest.raises(FrameError, match="did not arrive whole"):
        inbox.take("a.fits", b"x", number, count)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("piece", ["text", None, 5, {"__len__": 1}])
def test_a_piece_is_bytes_and_nothing_else(inbox, piece):
    with pytest.raises(FrameError, match="did not arrive whole"):
        inbox.take("a.fits", piece, 1, 1)


def test_a_file_that_is_larger_than_it_said_is_cut_off_and_leaves_nothing(inbox, tmp_path, monkeypatch):
    monkeypatch.setattr("ui.upload.LARGEST_FILE", 10)
    inbox.take("a.fits", b"12345678", 1, 3)
    with pytest.raises(FrameError, match="is larger than"):
        inbox.take("a.fits", b"12345678", 2, 3)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FrameError, match="did not arrive whole"):
        inbox.take("a.fits", b"1", 3, 3)


def test_a_visit_has_a_limit_that_refused_files_do_not_use_up(inbox, monkeypatch):
    monkeypatch.setattr("ui.upload.LARGEST_VISIT", 10)
    inbox.take("a.fits", b"1234", 1, 2)
    with pytest.raises(FrameError, match="too much for one visit"):
        inbox.take("a.fits", b"1234567", 2, 2)
    inbox.take("b.fits", b"123456789", 1, 1)
    with pytest.raises(FrameError, match="too much for one visit"):
        inbox.take("c.fits", b"12", 1, 1)


def test_files_dropped_together_are_opened_together_and_those_dropped_later_by_themselves(session, monkeypatch):
    opened, later = [], []
    dialog = OpenDialog(session, lambda title, files, folder: opened.append((title, files, folder)))
    monkeypatch.setattr(dialog, "_later", later.append)
    for name in ("a.fits", "b.fits"):
        dialog._take(name, b"x", 1, 1)
    dialog._take("c.fits", b"x", 1, 2)
    later.pop()()
    assert opened == []
    dialog._take("c.fits", b"y", 2, 2)
    later.pop()()
    dialog._take("late.fits", b"x", 1, 1)
    later.pop()()
    names = [[path.name for path in files] for _, files, _ in opened]
    assert names == [["a.fits", "b.fits", "c.fits"], ["a.fits", "b.fits", "c.fits", "late.fits"]]
    dialog.show()
    dialog._take("d.fits", b"x", 1, 1)
    later.pop()()
    assert [path.name for path in opened[2][1]] == ["d.fits"]
    assert opened[0][2] == opened[1][2] != opened[2][2]
    assert all(session.holds_upload(folder) for _, _, folder in opened)


def test_files_that_were_refused_among_others_are_still_told_when_the_others_are_open(session, monkeypatch):
    opened, later = [], []
    dialog = OpenDialog(session, lambda title, files, folder: opened.append(files))
    monkeypatch.setattr(dialog, "_later", later.append)
    dialog.show()
    for name in ("<b>.txt", "a.fits", "cover.jpg", "cover.jpg", *(f"{n}.md" for n in range(9))):
        dialog._take(name, b"x", 1, 1)
    later.pop()()
    assert [path.name for path in opened[0]] == ["a.fits"]
    assert dialog.dialog.open
    told = dialog._problem.object.removeprefix("<div>").removesuffix("</div>").split("<br>")
    assert [line.partition(":")[0] for line in told[:3]] == ["&lt;b&gt;.txt", "cover.jpg", "0.md"]
    assert told[-1] == "and 6 more"
    dialog.show()
    assert not dialog._problem.visible
    dialog._take("b.fits", b"x", 1, 1)
    later.pop()()
    assert not dialog.dialog.open


def test_a_file_that_is_refused_after_the_others_are_open_is_told_too(session, monkeypatch):
    opened, later = [], []
    dialog = OpenDialog(session, lambda title, files, folder: opened.append(files))
    monkeypatch.setattr(dialog, "_later", later.append)
    dialog.show()
    dialog._take("a.fits", b"x", 1, 1)
    later.pop()()
    assert (len(opened), dialog.dialog.open) == (1, False)
    dialog._take("notes.txt", b"x", 1, 1)
    assert dialog.dialog.open
    assert "notes.txt: is no FITS or camera file" in dialog._problem.object


def test_what_was_refused_before_is_not_told_of_files_that_are_dropped_later(session, monkeypatch):
    now, later = [100.0], []
    monkeypatch.setattr(open_dialog.time, "monotonic", lambda: now[0])
    dialog = OpenDialog(session, lambda title, files, folder: None)
    monkeypatch.setattr(dialog, "_later", later.append)
    dialog.show()
    dialog._take("notes.txt", b"x", 1, 1)
    now[0] += 2
    # Large, and dropped with the other: its last piece comes long after.
    dialog._take("a.fits", b"x", 1, 2)
    now[0] += 20
    dialog._take("a.fits", b"x", 2, 2)
    later.pop()()
    assert (dialog._problem.visible, dialog.dialog.open) == (True, True)
    now[0] += 60
    dialog._take("b.fits", b"x", 1, 1)
    assert not dialog._problem.visible
    later.pop()()
    assert not dialog.dialog.open


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("._a.fits", "begins with a dot"), ("..%2f..%2fa.fits", "begins with a dot"),
        ("a" * 250 + ".fits", "too long a name"), ("a\x07.fits", "signs in it"), ("a.exe", "no FITS or camera file"),
    ],
)  # fmt: skip
def test_a_name_that_is_refused_is_refused_for_what_is_wrong_with_it(name, why):
    with pytest.raises(FrameError, match=why):
        bare(name)


def test_an_upload_that_its_visitor_gave_up_does_not_hold_the_others(session, monkeypatch):
    opened, later = [], []
    dialog = OpenDialog(session, lambda title, files, folder: opened.append(files))
    monkeypatch.setattr(dialog, "_later", later.append)
    dialog._take("given_up.fits", b"x", 1, 9)
    dialog._take("whole.fits", b"x", 1, 1)
    later.pop()()
    assert opened == []
    monkeypatch.setattr("ui.upload.PATIENCE", 0.0)
    later.pop()()
    assert [path.name for path in opened[0]] == ["whole.fits"]
    assert "given_up.fits: did not arrive whole" in dialog._problem.object
    assert [path.name for path in opened[0][0].parent.iterdir()] == ["whole.fits"]


def test_a_piece_of_an_upload_over_a_slow_line_comes_long_before_it_counts_as_given_up():
    bytes_per_second = 500_000 / 8
    assert DropField(print).get_root().chunk_size / bytes_per_second < PATIENCE / 1.5


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("promise.fits", b"SIMPLE  =                    T".ljust(80) + b"BITPIX  =                  -64".ljust(80)
         + b"NAXIS   =                    2".ljust(80) + b"NAXIS1  =                50000".ljust(80)
         + b"NAXIS2  =                50000".ljust(80) + b"END".ljust(2480)),
        ("picture.fits", b"\x89PNG\r\n\x1a\n" + bytes(3000)),
        ("camera.dng", b"II*\0" + b"\xff" * 3000),
        ("camera.cr2", b"SIMPLE  =                    T".ljust(2880)),
        ("empty.fits", b""),
        ("text.nef", b"#!/bin/sh\ntouch /tmp/owned\n"),
    ],
)  # fmt: skip
def test_an_upload_that_lies_about_its_size_or_kind_is_one_sentence_and_no_memory(inbox, tmp_path, name, content):
    path = inbox.take(name, content, 1, 1)
    (answer,) = Graph.open([path], tmp_path).files
    if not isinstance(answer, Failure):
        from pipeline import read

        with pytest.raises(FrameError) as refused:
            read.read_frame(answer)
        assert name in str(refused.value)
    else:
        assert name in answer.message


# Who leaves


def test_two_visits_have_folders_of_their_own_and_one_that_ends_takes_only_its_own(tmp_path):
    graph = Graph()
    one, other = Session(graph, tmp_path), Session(graph, tmp_path)
    for session in (one, other):
        Inbox(lambda session=session: session.uploads).take("light.fits", b"mine", 1, 1)
    assert one.uploads != other.uploads
    assert not one.holds_upload(other.uploads)
    assert one.uploads.stat().st_mode & 0o077 == 0
    gone, stays = one.uploads, other.uploads
    one.close()
    assert not gone.exists()
    assert (stays / "light.fits").exists()
    other.close()
    assert not stays.exists()


def test_a_run_of_a_visitor_who_left_ends_and_leaves_no_folder(tmp_path, monkeypatch):
    sample.write_named("rotation", tmp_path / "night", frames=4, size=(240, 320))
    session, worker = Session(Graph(), tmp_path), Worker(None)
    session.open(Graph.open([tmp_path / "night"], tmp_path / "night"), "night")
    under_way, leave = threading.Event(), threading.Event()
    run = batch.run

    def slowly(*arguments, progress, **options):
        def told(what, done, total):
            under_way.set()
            assert leave.wait(120)
            progress(what, done, total)

        return run(*arguments, progress=told, **options)

    monkeypatch.setattr(batch, "run", slowly)
    dialog = RunDialog(session, Courier(), worker)
    dialog._run()
    assert under_way.wait(120)
    folder = session.uploads
    (thread,) = (one for one in threading.enumerate() if one.name == "run")
    dialog.close()
    session.close()
    leave.set()
    thread.join(120)
    assert not thread.is_alive()
    assert not folder.exists()
    worker.close()


def test_what_a_visitor_asked_for_is_withdrawn_when_they_leave():
    worker = Worker(None)
    started, ended = threading.Event(), threading.Event()

    def job(ticket):
        started.set()
        deadline = time.monotonic() + 20
        while not ticket.stale() and time.monotonic() < deadline:
            time.sleep(0.005)
        ended.set()

    worker.submit(job)
    assert started.wait(5)
    thread = worker._thread
    worker.close()
    assert ended.wait(5)
    thread.join(5)
    assert not thread.is_alive()
