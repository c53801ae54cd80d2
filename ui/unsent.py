"""Messages that wait for a slow browser are sent, all of them: Panel forgets those that come while it sends others."""

from __future__ import annotations

import functools

from bokeh.document import Document
from panel.io import document as panel_document


def install() -> bool:
    """Have Panel look again for messages once it has sent those that waited; a second call does nothing.

    While a browser is slow to take a message, Panel puts the next ones off, under a block. It lifts the block when
    they are sent, also from what was put off meanwhile: that stayed on the server until something else changed, and
    the page showed a stage at work that was done.

    Returns
    -------
    bool
        Whether Panel still has all that this needs.
    """
    names = ("_dispatch_msgs", "_WRITE_MSGS", "_WRITE_BLOCK")
    if not all(hasattr(panel_document, name) for name in names):
        return False
    send = panel_document._dispatch_msgs
    if getattr(send, "sends_all", False):
        return True

    @functools.wraps(send)
    async def send_all(document: Document) -> None:
        await send(document)
        while document in panel_document._WRITE_MSGS and document not in panel_document._WRITE_BLOCK:
            panel_document._WRITE_BLOCK[document] = True
            await send(document)

    send_all.sends_all = True
    panel_document._dispatch_msgs = send_all
    return True
