"""The headers of the open files: every part and card, and a search through all of them as one types."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import panel_material_ui as pmui
import param

from pipeline.frame import Failure, FrameError, FrameInfo
from pipeline.read.header_text import HeaderText, found, read_header_text
from ui.part import Part, text
from ui.session import Session
from ui.worker import Worker

#: Rows that are drawn; more are found by typing.
MOST_ROWS = 400
#: Characters of what is looked for.
LONGEST_WORDS = 200


def facts_text(info: FrameInfo) -> str:
    """What a file was taken for, in a line: "flat (OBJECT = 'flat_v'), V, 10 s, 640 x 640 px, night of 2019-09-23"."""
    parts = [f"{info.kind or 'light'} ({info.kind_reason or 'nothing tells its kind'})", info.filter]
    parts += [] if info.exposure is None else [f"{info.exposure:.4g}\u2009s"]
    parts.append(f"{info.shape[1]} x {info.shape[0]}\u2009px")
    parts += [] if info.binning is None else ["binned {} x {}".format(*info.binning)]
    parts += [f"night of {info.night}"] if info.night else []
    return ", ".join(part for part in parts if part)


class HeaderCard(Part):
    """What is seen of a header; what is chosen and typed comes as messages."""

    files = param.List([])
    file = param.Integer(0)
    facts = param.String("")
    parts = param.List([])
    part = param.Integer(0)
    rows = param.List([])
    said = param.String("")
    problem = param.String("")
    opened = param.Integer(0)

    _esm = f"{text('element.js')}\n{text('header_dialog.js')}"

    def __init__(self, on_message: Callable[[dict[str, Any]], None], **params: Any) -> None:
        self._on_message = on_message
        super().__init__(stylesheets=[text("header_dialog.css")], sizing_mode="stretch_width", margin=0, **params)

    def _handle_msg(self, data: Any) -> None:
        if isinstance(data, dict):
            self._on_message(data)


class HeaderDialog:
    """Shows the header of a frame, of a calibration frame, or of a file that was left out.

    Parameters
    ----------
    session : Session
        Whose files are shown; no others are ever read.
    worker : Worker
        Hands back what a thread has read.
    theme : str
        "dark" or "light".
    """

    def __init__(self, session: Session, worker: Worker, theme: str = "dark") -> None:
        self._session, self._worker = session, worker
        self._files: tuple[FrameInfo | Failure, ...] = ()
        self._header = HeaderText(())
        self._words, self._asked = "", 0
        self._card = HeaderCard(self._heard, theme=theme)
        self.dialog = pmui.Dialog(
            self._card,
            title="Header",
            show_close_button=True,
            close_on_click=True,
            width_option="lg",
            sizing_mode="stretch_width",
        )

    @property
    def theme(self) -> str:
        """Either "dark" or "light"; setting it repaints."""
        return self._card.theme

    @theme.setter
    def theme(self, theme: str) -> None:
        self._card.theme = theme

    def show(self, file: str) -> None:
        """Open the dialog on a file, by its name."""
        if self._session.night is None:
            return
        self._files = self._session.night.files
        names = [one.file for one in self._files]
        self._words = ""
        self._card.files = names
        self._card.opened += 1
        self._read(names.index(file) if file in names else 0)
        self.dialog.open = True

    def _heard(self, data: dict[str, Any]) -> None:
        file, part, words = data.get("file"), data.get("part"), data.get("words")
        if _is_one_of(file, self._files):
            self._read(file)
        elif _is_one_of(part, self._header.parts):
            self._card.part = part
            self._draw()
        elif isinstance(words, str):
            self._words = words[:LONGEST_WORDS]
            self._draw()

    def _read(self, number: int) -> None:
        """Read a file's header in a thread; what was asked for before is not shown any more."""
        self._asked += 1
        one, asked = self._files[number], self._asked
        facts = "" if isinstance(one, Failure) else facts_text(one)
        path = one.path or os.path.join(self._session.night.root or "", one.file)
        self._card.param.update(file=number, facts=facts, said="Reading\u2026", problem="", rows=[], parts=[], part=0)
        threading.Thread(target=self._work, args=(path, one, asked), name="header", daemon=True).start()

    def _work(self, path: str, one: FrameInfo | Failure, asked: int) -> None:
        try:
            header, problem = read_header_text(path, one.file), ""
        except FrameError as error:
            header, problem = HeaderText(()), str(error)
        if isinstance(one, Failure):
            problem = one.message
        self._worker.hand_back(self._arrived, header, problem, asked)

    def _arrived(self, header: HeaderText, problem: str, asked: int) -> None:
        if asked != self._asked:
            return
        self._header = header
        said = header.problem and f"This is not the whole header: {header.problem}."
        names = [part.name for part in header.parts]
        self._card.param.update(parts=names, problem=" ".join(one for one in (problem, said) if one))
        self._draw()

    def _draw(self) -> None:
        """Show the chosen part, or what is found in all parts."""
        parts, words = self._header.parts, self._words.strip()
        if not parts:
            self._card.param.update(rows=[], said="")
            return
        cards = found(self._header, words, None if words else self._card.part)
        rows = [[card.keyword, card.value, card.comment, card.source] for card in cards[:MOST_ROWS]]
        many = f"{len(cards):,} card{'' if len(cards) == 1 else 's'}"
        said = f"{many} with \u201c{words}\u201d in all parts" if words else many
        if len(cards) > MOST_ROWS:
            said += f", the first {MOST_ROWS} are shown: type a word to find others"
        self._card.param.update(rows=rows, said=said)


def _is_one_of(number: Any, things: tuple[Any, ...]) -> bool:
    """Whether a message names one of some things by its number."""
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number < len(things)
