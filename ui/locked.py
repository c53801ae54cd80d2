"""Every event of a visitor under the document's lock: Panel runs those without it that come while another is done."""

from __future__ import annotations

from panel.reactive import Syncable


def install() -> None:
    """Have Panel take the lock for events and changes that it puts off; a second call does nothing.

    Panel changes its own models without the lock, and knows how. Bokeh's models, which a tab or a theme changes
    directly, then fail, as nothing collects what is to be sent.
    """
    for put_off in (Syncable._event_coroutine, Syncable._change_coroutine):
        put_off.lock = True
