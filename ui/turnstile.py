"""Who computes when many want to: one after the other, in the order in which they came."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.graph.request import Ticket

# Who waits looks so often whether anybody still wants what they wait for, seconds.
LOOK = 0.05


class Turnstile:
    """Lets one through at a time: thirty at once would all be as late as the last, and whatever is quick with them.

    One alone takes all processors where its work can be shared; where it can not, two would wait for each other.

    Parameters
    ----------
    longest : float
        Who takes longer than this keeps nobody waiting any more, seconds.
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._wake = threading.Condition()
        self._waiting: deque[object] = deque()
        self._since: dict[object, float] = {}

    @contextmanager
    def turn(self, ticket: Ticket) -> Iterator[None]:
        """Wait for one's turn, and have it until the end of the ``with``.

        Raises
        ------
        StaleError
            Where the ticket is withdrawn while it waits.
        """
        me = object()
        with self._wake:
            self._waiting.append(me)
            try:
                while not self._is_next(me):
                    self._wake.wait(LOOK)
                    ticket.check()
                self._since[me] = time.monotonic()
            finally:
                self._waiting.remove(me)
                self._wake.notify_all()
        try:
            yield
        finally:
            with self._wake:
                del self._since[me]
                self._wake.notify_all()

    def _is_next(self, me: object) -> bool:
        late = time.monotonic() - self._longest
        return self._waiting[0] is me and all(since <= late for since in self._since.values())


#: Through which all visitors of this process go, whose processors they share.
TURNS = Turnstile(longest=3.0)
