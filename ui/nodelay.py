"""Small answers without delay: Bokeh's websocket leaves Nagle's algorithm on, which holds each back up to 50 ms."""

from __future__ import annotations

import functools

from bokeh.server.views.ws import WSHandler


def install() -> bool:
    """Have every websocket that Bokeh opens from now on send at once; a second call does nothing.

    Returns
    -------
    bool
        Whether Bokeh's handler still has what this needs: ``open``, and Tornado's ``set_nodelay``.
    """
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
