"""What is sent to a browser goes at once, and small arrays within their message."""

import json

import numpy as np
import pytest
from bokeh.core.serialization import Deserializer, Serialized, Serializer
from bokeh.server.views.ws import WSHandler

from ui import nodelay


def test_websockets_send_at_once_and_the_patch_is_put_on_only_once(monkeypatch):
    called = []
    monkeypatch.setattr(WSHandler, "open", lambda handler: called.append("open"))
    monkeypatch.setattr(WSHandler, "set_nodelay", lambda handler, on: called.append(on))
    assert nodelay.install()
    once = WSHandler.open
    assert nodelay.install()
    assert WSHandler.open is once
    once(object.__new__(WSHandler))
    assert called == [True, "open"]


def test_a_bokeh_without_that_handler_is_left_alone(monkeypatch):
    monkeypatch.delattr(WSHandler, "open")
    assert nodelay.install() is False


@pytest.mark.parametrize(
    "given", [np.arange(6, dtype=np.float32).reshape(2, 3)[:, ::-1], np.empty(0), np.arange(4001, dtype=np.int32)]
)
def test_small_arrays_go_within_the_message_and_long_ones_apart(given):
    assert nodelay.install()
    serializer = Serializer()
    sent = serializer.encode({"column": given})
    assert len(serializer.buffers) == (given.nbytes > nodelay.WITHIN)
    if not serializer.buffers:
        json.dumps(sent)
    back = Deserializer().deserialize(Serialized(sent, serializer.buffers))["column"]
    np.testing.assert_array_equal(back, given)
    assert back.dtype == given.dtype
