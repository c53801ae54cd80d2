"""Visitors who all want what takes long have it one after the other, and nobody waits for what nobody wants."""

import threading
import time

import pytest

pytest.importorskip("panel")

from pipeline.graph.request import StaleError, Ticket
from ui.page import Desk
from ui.session import Session
from ui.turnstile import LOOK, Turnstile

LONG = 60


class Visitor:
    """Somebody who wants a turn, in a thread of their own, and stays until they are let go."""

    def __init__(self, turns, inside):
        self.ticket, self.go, self.stale = Ticket(), threading.Event(), False
        self._turns, self._inside = turns, inside
        before = len(turns._waiting) + len(turns._since)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        wait_until(lambda: len(turns._waiting) + len(turns._since) > before)

    def _run(self):
        try:
            with self._turns.turn(self.ticket):
                self._inside.append(self)
                self.go.wait(LONG)
                self._inside.remove(self)
        except StaleError:
            self.stale = True

    def leave(self):
        self.go.set()
        self._thread.join(LONG)


def wait_until(holds):
    end = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < end
        time.sleep(LOOK / 10)


def test_one_is_through_at_a_time_in_the_order_in_which_they_came():
    turns, inside = Turnstile(LONG), []
    visitors = [Visitor(turns, inside) for _ in range(5)]
    for visitor in visitors:
        wait_until(lambda: inside)
        time.sleep(3 * LOOK)
        assert inside == [visitor]
        visitor.leave()
    assert inside == []


def test_who_wants_it_no_more_leaves_at_once_and_is_waited_for_by_nobody():
    turns, inside = Turnstile(LONG), []
    first, second, third = (Visitor(turns, inside) for _ in range(3))
    second.ticket.cancel()
    wait_until(lambda: second.stale)
    first.leave()
    wait_until(lambda: inside == [third])
    third.leave()


def test_who_takes_long_keeps_nobody_waiting():
    turns, inside = Turnstile(5 * LOOK), []
    first, second = (Visitor(turns, inside) for _ in range(2))
    wait_until(lambda: inside == [first, second])
    third = Visitor(turns, inside)
    # One who is out of the way takes nobody's place with them.
    first.leave()
    wait_until(lambda: third in inside)
    second.leave()
    third.leave()


def test_who_fails_gives_the_turn_back():
    turns = Turnstile(LONG)
    with pytest.raises(ZeroDivisionError), turns.turn(Ticket()):
        raise ZeroDivisionError
    with turns.turn(Ticket()):
        pass


# Bokeh's own, where it takes a table's index.
@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_stars_follow_a_knob_while_others_compute_and_tracks_have_their_turn(graph, turning, monkeypatch, tmp_path):
    turns, inside = Turnstile(LONG), []
    monkeypatch.setattr("ui.results.TURNS", turns)
    other = Visitor(turns, inside)
    session = Session(graph, tmp_path)
    desk = Desk(session, None)
    scene = desk.results
    session.open(turning, "sky")
    for threshold in (20.0, 31.0):
        wait_until(lambda: scene.scene["stars"] is not None)
        session.turn("stars", "threshold", threshold)
        wait_until(lambda threshold=threshold: scene.scene["stars"].threshold == threshold)
        wait_until(lambda: len(turns._waiting) == 1)
        assert scene.scene["tracks"] is None
        assert desk.stages.state("tracks").state == "running"
    assert inside == [other]
    other.leave()
    wait_until(lambda: scene.scene["tracks"] is not None)
    wait_until(lambda: desk.stages.state("tracks").state == "fresh")
    desk.close()
