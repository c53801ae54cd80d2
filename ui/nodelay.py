"""Small answers without delay: sent at once, and small arrays within the message that names them."""

from __future__ import annotations

import base64
import functools
import gzip

from bokeh.core.serialization import Buffer, Serializer
from bokeh.server.views.ws import WSHandler

# Longer arrays go apart as Bokeh has it; the browser takes the text of these apart in a fifth of a millisecond.
WITHIN = 16_000


def install() -> bool:
    """Have Bokeh send small answers without delay from now on; a second call does nothing.

    Returns
    -------
    bool
        Whether Bokeh still has all that this needs.
    """
    return all([_send_at_once(), _send_within()])


def _send_at_once() -> bool:
    """Have every websocket send at once: Nagle's algorithm, which Bokeh leaves on, holds answers back up to 50 ms."""
    opened = vars(WSHandler).get("open")
    if not callable(opened) or not hasattr(WSHandler, "set_nodelay"):
        return False
    if getattr(opened, "sends_at_once", False):
        return True

    @functools.wraps(opened)
    def open_at_once(handler: WSHandler, *args: object, **options: object) -> object:
        handler.set_nodelay(True)
        return opened(handler, *args, **options)

    open_at_once.sends_at_once = True
    WSHandler.open = open_at_once
    return True


def _send_within() -> bool:
    """Have small arrays sent within the message: Bokeh sends two more for each, and a page's answer has thirty."""
    encode = vars(Serializer).get("_encode_bytes")
    if not callable(encode):
        return False
    if getattr(encode, "sends_within", False):
        return True

    @functools.wraps(encode)
    def encode_within(serializer: Serializer, given: bytes | memoryview) -> object:
        if memoryview(given).nbytes > WITHIN:
            return encode(serializer, given)
        # The form in which Bokeh writes arrays into files, which every browser's half of it reads; not made shorter.
        return {"type": "bytes", "data": base64.b64encode(gzip.compress(_bytes(given), 0, mtime=1)).decode("ascii")}

    encode_within.sends_within = True
    Serializer._encode_bytes = encode_within
    return True


def _bytes(given: bytes | memoryview) -> bytes:
    return Buffer("", given).to_bytes()
