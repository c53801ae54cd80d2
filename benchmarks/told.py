"""What a server tells of itself: ``panel serve app.py --plugins benchmarks.told`` answers at ``/told``."""

from __future__ import annotations

import gc

from tornado.web import RequestHandler


class Told(RequestHandler):
    """Bytes and number of the results in the store, and the pages that somebody still holds."""

    def get(self) -> None:
        """Answer as JSON."""
        from pipeline.graph.store import Store
        from ui.page import Desk

        gc.collect()
        held = gc.get_objects()
        stores = [one for one in held if isinstance(one, Store)]
        self.write({
            "bytes": sum(store.size for store in stores),
            "results": sum(len(store) for store in stores),
            "pages": sum(isinstance(one, Desk) for one in held),
        })  # fmt: skip


ROUTES = [("/told", Told, {})]
