"""A thread per session: the latest job wins, and results go back to the document that asked."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable
from typing import Any

from bokeh.document import Document

from pipeline.graph.request import StaleError, Ticket

Job = Callable[[Ticket], None]
LOG = logging.getLogger("starshift")


class Worker:
    """Does one job at a time; a new job withdraws the one before it.

    Parameters
    ----------
    document : Document or None
        Where results are shown. None in a notebook, whose models may be changed from any thread; ``after`` is called
        when they were.
    """

    def __init__(self, document: Document | None) -> None:
        self.document = document
        self.after: Callable[[], None] = lambda: None
        self._wake = threading.Condition()
        self._job: tuple[Job, Ticket] | None = None
        self._ticket = Ticket()
        self._closed = False
        self._thread: threading.Thread | None = None

    def submit(self, job: Job) -> Ticket:
        """Do a job as soon as may be; what was asked for before is withdrawn."""
        with self._wake:
            self._ticket.cancel()
            self._ticket = Ticket()
            self._job = (job, self._ticket)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="session", daemon=True)
                self._thread.start()
            self._wake.notify()
            return self._ticket

    def cancel(self) -> None:
        """Withdraw what was asked for."""
        with self._wake:
            self._ticket.cancel()
            self._job = None

    def hand_back(self, callback: Callable[..., Any], *arguments: Any) -> None:
        """Call back where the document may be changed."""
        if self.document is None:
            callback(*arguments)
            self.after()
        elif context := self.document.session_context:
            # A document that holds its changes back may lose what another thread adds to them: the server's own does.
            loop = context.server_context.application_context.io_loop
            loop.add_callback(self._hand_over, functools.partial(callback, *arguments))

    def _hand_over(self, callback: Callable[[], Any]) -> None:
        """Have the callback called under the document's lock; in the server's thread."""
        if self.document.session_context is not None and not self._closed:
            self.document.add_next_tick_callback(callback)

    def close(self) -> None:
        """End the thread after the job in hand, which is withdrawn."""
        with self._wake:
            self._closed = True
            self._ticket.cancel()
            self._job = None
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._job is not None or self._closed)
                if self._closed:
                    return
                job, ticket = self._job
                self._job = None
            try:
                job(ticket)
            except StaleError:
                LOG.debug("withdrawn")
            except BaseException:
                # A fault ends this thread with its traceback in the log; the next job gets a new one.
                self._thread = None
                raise
