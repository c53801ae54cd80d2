"""Run all frames and download the products: progress with the time left, cancel, one zip at the end."""

from __future__ import annotations

import shutil
import threading
import time
import zipfile
from pathlib import Path, PurePath
from typing import Any

import panel as pn
import panel_material_ui as pmui

from pipeline import products
from pipeline.frame import FrameError
from pipeline.graph import batch
from pipeline.graph.output import RunError
from pipeline.graph.request import Night, StaleError, Ticket
from pipeline.recipe import Recipe
from ui.courier import Courier
from ui.plain import plain
from ui.session import Session
from ui.worker import Worker

WORDS = {
    "offsets": "Offset tables, tracks and frame table",
    "maps": "Offset maps with errors",
    "masters": "Master bias, darks and flats",
    "calibrated": "Calibrated frames",
    "aligned": "Aligned frames",
    "sum": "Sum of the subtracted frames",
    "stack": "Stacks, one for each filter",
    "photometry": "Photometry and light curves",
}
NAME = "starshift.zip"
FAULT = "The run stopped by a fault of its own: turn the knob back, then run again; the server's log has more."
NOTHING = "Choose at least one."
NONE_MADE = "None of what you chose could be made of these files: choose something else."
CANCELLED = "Cancelled. Nothing of it is kept."
SAID = {"font": "14px/20px Roboto, sans-serif"}
TICK = 0.2


def pack(folder: Path, path: Path) -> None:
    """Put a folder's files into a zip."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder))


def left_text(seconds: float) -> str:
    """Say how long: "about 40 seconds left"."""
    if seconds < 90:
        number = max(1, round(seconds))
        return f"about {number} second{'' if number == 1 else 's'} left"
    return f"about {round(seconds / 60)} minutes left"


def reasons_text(report: dict[str, Any]) -> str:
    """List the files of a report that gave nothing, each with its reason, as HTML; "" where there are none."""
    frames = [(f["file"], f["reason"]) for f in report["frames"] if f["state"] != "done"]
    files = [(f["file"], f["reason"]) for f in report["left_out"]]
    parts = []
    for title, rows in (("Frames left out", frames), ("Files that are no lights or cannot be read", files)):
        if rows:
            items = "".join(f"<li>{pn.util.escape(_sentence(*row))}</li>" for row in rows)
            parts.append(f"<p><b>{title}: {len(rows)}</b></p><ul>{items}</ul>")
    style = "max-height:280px;overflow:auto;scrollbar-width:thin;font-size:13px;line-height:18px;overflow-wrap:anywhere"
    return f'<div style="{style}">{"".join(parts)}</div>' if parts else ""


def _sentence(file: str, reason: str) -> str:
    named = reason.startswith((f"{file}: ", f"{PurePath(file).name}: "))
    return reason if named else f"{file}: {reason}"


class RunDialog:
    """The dialog behind "Run all".

    Parameters
    ----------
    session : Session
        What is run, and where its files may lie until they are downloaded.
    courier : Courier
        Brings the zip.
    worker : Worker
        Hands messages back to the page.
    """

    def __init__(self, session: Session, courier: Courier, worker: Worker) -> None:
        self._session, self._courier, self._worker = session, courier, worker
        self._ticket = Ticket()
        self._closed = self._running = False
        # Files and recipe of the run whose zip is offered.
        self._ran: tuple[Night | None, Recipe | None] = (None, None)
        self._told = 0.0
        wide = {"sizing_mode": "stretch_width"}
        named = {WORDS[name]: name for name in products.PRODUCTS}
        self._what = pmui.CheckBoxGroup(options=named, value=list(products.USUAL), margin=(10, 0), **wide)
        self._what.param.watch(lambda event: self._chosen(), "value")
        self._start = pmui.Button(label="Run", variant="contained", height=32, on_click=lambda *_: self._run())
        self._cancel = pmui.Button(
            label="Cancel", variant="outlined", height=32, visible=False, on_click=lambda *_: self._ticket.cancel()
        )
        self._save = pmui.Button(
            label="Download",
            variant="contained",
            height=32,
            visible=False,
            on_click=lambda *_: courier.save_file(self._session.uploads / NAME),
        )
        self._bar = pmui.LinearProgress(value=0, max=100, visible=False, margin=(16, 0, 8, 0), **wide)
        self._note = pn.pane.HTML("", margin=(12, 0, 0, 0), styles=SAID, **wide)
        self._problem = pmui.Alert(severity="error", visible=False, **wide)
        self.dialog = pmui.Dialog(
            pn.Column(
                pn.pane.HTML(
                    "All frames are run with this recipe, and what you choose goes into one zip.", margin=0, styles=SAID
                ),
                self._what,
                pn.Row(self._save, self._start, self._cancel, margin=(0, 0, 0, -10)),
                self._bar,
                self._note,
                self._problem,
                margin=(0, 0, 16, 0),
                **wide,
            ),
            title="Run all frames",
            show_close_button=True,
            close_on_click=True,
            width_option="sm",
            **wide,
        )

    @property
    def wanted(self) -> tuple[str, ...]:
        """The products that are ticked."""
        return tuple(name for name in products.PRODUCTS if name in self._what.value)

    def show(self) -> None:
        """Open the dialog; what was run with other knobs or files is not offered any more."""
        if self._ran != (self._session.night, self._session.recipe):
            self._chosen()
        self.dialog.open = True

    def _chosen(self) -> None:
        """Something else shall be run: what was made before is not offered any more."""
        self._start.disabled = self._session.night is None or not self.wanted
        if not self._running:
            self._problem.visible = False
            self._note.object = "" if self.wanted else NOTHING
            self._draw(running=False)

    def close(self) -> None:
        """End a run that is under way; what it wrote goes."""
        self._closed = True
        self._ticket.cancel()

    def _run(self) -> None:
        session = self._session
        self._ticket = Ticket()
        self._problem.visible = False
        self._draw(running=True)
        self._bar.param.update(value=0, visible=True)
        self._note.object = "Starting"
        self._ran = (session.night, session.recipe)
        arguments = (session.night, session.recipe, self.wanted, session.uploads, self._ticket)
        threading.Thread(target=self._work, args=arguments, name="run", daemon=True).start()

    def _draw(self, *, running: bool, done: bool = False) -> None:
        self._running = running
        self._start.param.update(
            visible=not running, label="Run again" if done else "Run", variant="outlined" if done else "contained"
        )
        self._cancel.visible = running
        self._save.visible = done
        self._what.disabled = running

    # In a thread of its own

    def _work(self, night: Night, recipe: Recipe, wanted: tuple[str, ...], place: Path, ticket: Ticket) -> None:
        start = time.monotonic()
        folder = place / "products"
        shutil.rmtree(folder, ignore_errors=True)

        def progress(what: str, done: int, total: int) -> None:
            now = time.monotonic()
            if now - self._told > TICK or done == total:
                self._told = now
                left = (now - start) * (total - done) / done
                self._worker.hand_back(self._progressed, 100 * done / total, left_text(left))

        problem = ""
        report: dict[str, Any] = {}
        try:
            report = batch.run(night, recipe, folder, wanted=wanted, progress=progress, ticket=ticket)
            pack(folder, place / NAME)
        except StaleError:
            problem = CANCELLED
        except (RunError, FrameError, OSError) as error:
            problem = str(error)
        finally:
            # A visitor who left in the middle took the folder along; a step that was under way may have made it anew.
            shutil.rmtree(place if self._closed else folder, ignore_errors=True)
            self._worker.hand_back(self._ended, problem, report)

    # On the page's side

    def _progressed(self, percent: float, left: str) -> None:
        self._bar.value = round(percent)
        self._note.object = left

    def _ended(self, problem: str, report: dict[str, Any]) -> None:
        self._bar.visible = False
        made = bool(report.get("products"))
        self._draw(running=False, done=not problem and made)
        if problem == CANCELLED:
            self._note.object = problem
            return
        if problem or not report:
            self._note.object = ""
            self._problem.param.update(object=plain(problem or FAULT), visible=True)
            return
        if not made:
            self._note.object = reasons_text(report)
            self._problem.param.update(object=NONE_MADE, visible=True)
            return
        done = sum(frame["state"] == "done" for frame in report["frames"])
        size = (self._session.uploads / NAME).stat().st_size / 1e6
        self._note.object = f"<b>{done}</b> of {len(report['frames'])} frames done, {size:.1f}\u2009MB." + reasons_text(
            report
        )
