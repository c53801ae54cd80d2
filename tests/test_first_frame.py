"""Which frame the page shows first: the one chosen, else the reference, which shows stars."""

import time

import numpy as np
import pytest

pytest.importorskip("panel")

from pipeline import sample
from pipeline.graph.run import Graph
from ui.page import Desk
from ui.session import Session
from ui.viewer import ALIGNED, NOT_USED, UNALIGNED


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """Three frames, the first of a closed shutter."""
    from astropy.io import fits

    folder = tmp_path_factory.mktemp("night")
    sample.write_named("rotation", folder, frames=3, size=(120, 160))
    files = sorted(folder.glob("light_*.fits"))
    with fits.open(files[0], mode="update") as opened:
        noise = np.random.default_rng(1).normal(400, 5, opened[0].data.shape)
        opened[0].data = noise.astype(opened[0].data.dtype)
    return Graph.open(files, folder)


def shown(night, frame, expected):
    """The desk of a visitor who has seen the stars of a frame, and of which frames there were pictures."""
    session = Session(Graph(), night.root)
    desk = Desk(session, None)
    seen = []
    drawn = desk.picture.show_pyramid
    desk.picture.show_pyramid = lambda *pixels: (seen.append(desk.results.scene.frame), drawn(*pixels))
    session.open(night, "night", frame=frame)
    for _ in range(600):
        if desk.results.scene["tracks"] is not None and desk.results.scene.frame == expected:
            break
        time.sleep(0.05)
    desk.close()
    return session, desk, seen


def test_the_reference_is_seen_first_where_nobody_chose_a_frame(night):
    session, desk, seen = shown(night, None, 1)
    assert session.frame == desk.player.frame == 1
    assert set(seen) == {1}
    assert desk.results.scene["frames"].reference == 1


def test_a_frame_that_cannot_be_aligned_says_that_it_is_drawn_as_it_is(night):
    session = Session(Graph(), night.root)
    desk = Desk(session, None)
    desk.results.wait_for(lambda: session.open(night, "night", frame=0))
    assert desk.player.note == NOT_USED
    session.change(aligned=True)
    assert desk.player.note == UNALIGNED
    desk.results.wait_for(lambda: session.change(frame=2))
    assert desk.player.note == ALIGNED
    desk.results.wait_for(lambda: session.change(frame=1))
    assert desk.player.note == ""
    desk.close()


def test_a_frame_that_was_chosen_is_seen_whatever_it_shows(night):
    session, _, seen = shown(night, 0, 0)
    assert session.frame == 0
    assert set(seen) == {0}
