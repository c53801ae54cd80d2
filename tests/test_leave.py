"""Who closes the page is forgotten at once and once only; who lost the connection is not."""

import logging
import time

import panel as pn
import pytest
from bokeh.client import pull_session
from bokeh.server.tornado import BokehTornado
from bokeh.server.views.ws import WSHandler

from tests.browser.served import serving
from ui import leave

pytestmark = pytest.mark.filterwarnings("default")
# Bokeh itself would look after 17 s.
SOON = 5


@pytest.fixture
def page():
    """The address of a page, and the sessions that ended, in turn."""
    assert leave.install()
    ended = []

    def make():
        pn.state.on_session_destroyed(lambda context: ended.append(context.id))
        return pn.pane.HTML("here")

    with serving(make) as address:
        yield address, ended


def wait_for(ended, number):
    end = time.perf_counter() + SOON
    while len(ended) < number and time.perf_counter() < end:
        time.sleep(0.05)


def test_a_page_that_is_closed_is_forgotten_at_once(page):
    address, ended = page
    visitor = pull_session(url=address)
    visitor.close()
    wait_for(ended, 1)
    assert ended == [visitor.id]


def test_a_page_whose_connection_breaks_may_come_back(page):
    address, ended = page
    broken, closed = (pull_session(url=address) for _ in range(2))
    broken._connection._socket._socket.protocol.stream.close()
    time.sleep(1)
    closed.close()
    wait_for(ended, 1)
    assert ended == [closed.id]


def test_many_that_leave_together_are_forgotten_once_each(page, caplog):
    address, ended = page
    visitors = [pull_session(url=address) for _ in range(8)]
    for visitor in visitors:
        visitor.close()
    wait_for(ended, len(visitors))
    time.sleep(0.5)
    assert sorted(ended) == sorted(visitor.id for visitor in visitors)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_the_patch_is_put_on_only_once():
    assert leave.install()
    once = WSHandler.on_close
    assert leave.install()
    assert WSHandler.on_close is once


def test_a_bokeh_without_what_it_needs_is_left_alone(monkeypatch):
    monkeypatch.delattr(BokehTornado, "_cleanup_sessions")
    assert leave.install() is False
