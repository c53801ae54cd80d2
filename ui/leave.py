"""Who closes the page is forgotten at once: Bokeh keeps it up to half a minute more, in case somebody comes back."""

from __future__ import annotations

import functools

from bokeh.server.tornado import BokehTornado
from bokeh.server.views.ws import WSHandler
from tornado.ioloop import IOLoop

# RFC 6455, 7.4.1: said by a browser that closes or leaves the page. A connection that breaks says neither of them, and
# its page may find its way back.
ON_PURPOSE = (1000, 1001)


def install() -> bool:
    """Have Bokeh end the session of a page that was closed on purpose; a second call does nothing.

    Of pages that are opened and closed in turn the memory of ten would be held at once, and what many small objects
    leave between others that stay is not given back.

    Returns
    -------
    bool
        Whether Bokeh still has all that this needs.
    """
    closed = vars(WSHandler).get("on_close")
    if not callable(closed) or not hasattr(BokehTornado, "_cleanup_sessions"):
        return False
    if getattr(closed, "forgets", False):
        return True

    @functools.wraps(closed)
    def close_and_forget(handler: WSHandler) -> None:
        left = handler.connection is not None and handler.close_code in ON_PURPOSE
        if left:
            handler.connection.session.request_expiration()
        closed(handler)
        if left:
            IOLoop.current().spawn_callback(handler.application._cleanup_sessions)

    close_and_forget.forgets = True
    WSHandler.on_close = close_and_forget
    return True
