"""What changes while a slow browser takes a message reaches it when it is ready, without another change."""

import asyncio

import pytest

pytest.importorskip("panel")

from bokeh.document import Document
from panel.io import document as panel_document

from ui import unsent


class SlowSocket:
    """A socket on which the first message stays until somebody takes it."""

    def __init__(self):
        self.sent = []
        self.taken = asyncio.Event()


class Connection:
    """What Panel needs of a browser's connection."""

    def __init__(self, socket):
        self._socket = socket
        self.protocol = self

    def create(self, kind, events):
        return events


def send(connection, msg):
    connection._socket.sent.append(msg)
    return [asyncio.ensure_future(connection._socket.taken.wait())]


async def two_changes(turns):
    """The second change comes so many turns of the loop after the first is taken."""
    socket, document = SlowSocket(), Document()
    connection = Connection(socket)
    panel_document.schedule_write_events(document, [connection], ["first"])
    await let_turn(3)
    socket.taken.set()
    await let_turn(turns)
    panel_document.schedule_write_events(document, [connection], ["second"])
    await let_turn(20)
    return socket.sent


async def let_turn(turns):
    for _ in range(turns):
        await asyncio.sleep(0)


@pytest.mark.parametrize("turns", range(6))
def test_a_change_that_comes_while_another_is_sent_is_sent_too(turns, monkeypatch):
    monkeypatch.setitem(panel_document.extra_socket_handlers, SlowSocket, send)
    assert unsent.install()
    assert asyncio.run(two_changes(turns)) == [["first"], ["second"]]


def test_the_patch_is_put_on_once_and_not_on_a_panel_that_is_built_otherwise(monkeypatch):
    assert unsent.install()
    once = panel_document._dispatch_msgs
    assert unsent.install()
    assert panel_document._dispatch_msgs is once
    monkeypatch.delattr(panel_document, "_WRITE_BLOCK")
    assert unsent.install() is False
