"""Files between the server and the visitor, without a page of their own."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from panel.custom import JSComponent

from ui.knobs import HERE

PIECE = 3_000_000
LARGEST_TEXT = 1_000_000
LONGEST_NAME = 200


class Courier(JSComponent):
    """Saves text and files on the visitor's side, copies to the clipboard, asks for a text file."""

    _esm = HERE / "courier.js"

    def __init__(self, **params: Any) -> None:
        super().__init__(width=0, height=0, margin=0, **params)
        self._file: Path | None = None
        self._asked: Callable[[str, str | None, bool], None] | None = None
        self._copied: Callable[[bool], None] | None = None

    def save(self, name: str, text: str) -> None:
        """Save a text under a name in the visitor's downloads."""
        self._send_msg({"command": "save", "name": name, "text": text})

    def copy(self, text: str, copied: Callable[[bool], None]) -> None:
        """Put a text on the visitor's clipboard; the answer is whether there is one."""
        self._copied = copied
        self._send_msg({"command": "copy", "text": text})

    def ask(self, accept: str, answered: Callable[[str, str | None, bool], None]) -> None:
        """Let the visitor choose a text file.

        The answer has its name, its text (None where there is none) and whether that is because it is too large.
        """
        self._asked = answered
        self._send_msg({"command": "ask", "accept": accept, "limit": LARGEST_TEXT})

    def save_file(self, path: Path) -> None:
        """Save a file of any size in the visitor's downloads."""
        self._file = path
        self._send_piece(0)

    def _send_piece(self, index: int) -> None:
        if self._file is None or not self._file.is_file():
            return
        with self._file.open("rb") as file:
            file.seek(index * PIECE)
            content = file.read(PIECE)
        last = (index + 1) * PIECE >= self._file.stat().st_size
        encoded = base64.b64encode(content).decode("ascii")
        self._send_msg({"command": "piece", "name": self._file.name, "bytes": encoded, "index": index, "last": last})

    def _handle_msg(self, data: Any) -> None:
        if not isinstance(data, dict):
            return
        if isinstance(data.get("piece"), int) and data["piece"] > 0:
            self._send_piece(data["piece"])
        elif self._copied is not None and "copied" in data:
            copied, self._copied = self._copied, None
            copied(data["copied"] is True)
        elif self._asked is not None and "name" in data:
            answered, self._asked = self._asked, None
            text = data.get("text")
            text = text if isinstance(text, str) else None
            # A browser that keeps to the rules sends no more than it was allowed.
            large = "large" in data or (text is not None and len(text) > LARGEST_TEXT)
            answered(str(data["name"])[:LONGEST_NAME], None if large else text, large)
