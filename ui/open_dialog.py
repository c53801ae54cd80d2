"""Open frames: a folder below the data root, an upload, or a sample."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import panel as pn
import panel_material_ui as pmui

from pipeline.frame import FrameError
from pipeline.read import read_info
from pipeline.read.folder import frames_below
from ui.part import column
from ui.plain import plain
from ui.session import Session
from ui.upload import DropField, Inbox

MOST_FOLDERS = 500
# Files whose headers are read to say of which kinds they are, before any is opened.
MOST_COUNTED = 500
# Files that are dropped together come one by one, and are opened together: milliseconds to wait for the next.
MORE_TO_COME = 700
# A file that is dropped so long after another was refused was not dropped with it, seconds.
OF_BEFORE = 5.0
# So many files that were refused are named.
MOST_TOLD = 5
_SAID = {"font": "14px/20px Roboto, sans-serif"}
SAMPLES = {
    "drift": "Sample: drifting field",
    "rotation": "Sample: turning field",
    "codes": "Sample: one star for each fate",
    "reduction": "Sample: with bias, dark and flat",
}
# The words of the drop field are the library's own: they are replaced where they are drawn.
_DROP = """.filepond--drop-label label { font-size: 0 !important; }
.filepond--drop-label label::after { content: "Drop frames here, or click to choose"; font: 14px/20px Roboto; }"""


def below(root: Path, path: Path) -> bool:
    """Whether a path, its links followed, lies below a folder."""
    return path.resolve().is_relative_to(root.resolve())


def frames_in(root: Path, folder: Path) -> list[Path]:
    """Frames of a folder, and of the folders in it that belong to the same set, that really lie below the root.

    They are those that the command line takes of that folder (:func:`pipeline.read.folder.frames_below`).

    Raises
    ------
    FrameError
        Where the folder does not lie below the root or cannot be read.
    """
    if not below(root, folder):
        raise FrameError(folder.name, "does not lie below the data root", "choose another folder")
    try:
        return [Path(path) for path in frames_below(folder, root)]
    except FrameError as error:
        raise FrameError(folder.name, error.problem, error.remedy) from None


def kinds_in(files: list[Path], going_on: Callable[[], bool]) -> Counter[str]:
    """How many files are of each kind by their headers and names; "" counts those that cannot be read.

    Parameters
    ----------
    files : list of Path
        Frames.
    going_on : callable
        Whether anybody still waits for it.
    """
    counts: Counter[str] = Counter()
    for path in files[:MOST_COUNTED]:
        if not going_on():
            break
        try:
            counts[read_info(path).kind or "light"] += 1
        except FrameError:
            counts[""] += 1
    return counts


def kinds_text(counts: Counter[str]) -> str:
    """Say how many of each kind: "10 lights, 3 bias frames, 1 dark"; "2 cannot be read"."""
    names = {"light": "light", "bias": "bias frame", "dark": "dark", "flat": "flat"}
    parts = [f"{counts[kind]} {name}{'' if counts[kind] == 1 else 's'}" for kind, name in names.items() if counts[kind]]
    return ", ".join([*parts, *([f"{counts['']} cannot be read"] if counts[""] else [])])


def folders_in(root: Path, folder: Path) -> list[Path]:
    """Folders in a folder that really lie below the root, at most MOST_FOLDERS."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return []
    found = [Path(entry.path) for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    return [path for path in found[:MOST_FOLDERS] if below(root, path)]


def cache_folder() -> Path:
    """Where samples are kept between visits."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "starshift" / "samples"


_writing = threading.Lock()


def sample_folder(name: str) -> Path:
    """The folder of a sample, written when it is not there yet (takes seconds: call in a thread)."""
    from pipeline import sample

    spec = sample.named(name)
    folder = cache_folder() / f"{name}-{hashlib.blake2b(repr(spec).encode(), digest_size=6).hexdigest()}"
    with _writing:
        # The truth is written last: with it the folder is whole.
        if not (folder / sample.TRUTH_FILE).exists():
            sample.write(spec, folder)
    return folder


class OpenDialog:
    """A dialog to walk the folders below the data root and to upload frames.

    Parameters
    ----------
    session : Session
        Whose root and upload folder are used.
    open_files : callable
        Called with a title, the files and the folder that names are relative to.
    hand_back : callable
        Calls a function where the page may be changed, with what a thread has found.
    """

    def __init__(
        self,
        session: Session,
        open_files: Callable[[str, list[Path], Path], None],
        hand_back: Callable[..., None] = lambda call, *found: call(*found),
    ) -> None:
        self._session, self._open_files, self._hand_back = session, open_files, hand_back
        self._folder = session.root
        self._frames: list[Path] = []
        self._asked = 0
        self._entries: list[Path | None] = []
        self._where = pn.pane.HTML("", sizing_mode="stretch_width", margin=(0, 0, 8, 0), styles=_SAID)
        self._list = pmui.MenuList(items=[], dense=True, sizing_mode="stretch_width", margin=0)
        self._list.on_click(self._enter)
        self._open = pmui.Button(
            label="Open", variant="contained", height=32, margin=(8, 0), on_click=lambda *_: self._open_folder()
        )
        self._none = pn.pane.HTML("", margin=(14, 12), styles=_SAID)
        self._problem = pmui.Alert(severity="error", visible=False, margin=(8, 0), sizing_mode="stretch_width")
        self._inbox = Inbox(self._batch)
        self._arrived: list[Path] = []
        self._refused: list[str] = []
        self._refused_at = 0.0
        self._batches = 0
        self._opening = False
        self._drop = DropField(self._take, sizing_mode="stretch_width", margin=0, height=88, stylesheets=[_DROP])
        self.dialog = pmui.Dialog(
            pn.Column(
                self._where,
                column(self._list, max_height=420, min_height=264, scroll="y-auto", sizing_mode="stretch_width"),
                pn.Row(self._open, self._none, margin=0),
                pn.pane.HTML(
                    "Or upload FITS or camera files; they go when you leave.", margin=(16, 0, 8, 0), styles=_SAID
                ),
                self._drop,
                self._problem,
                sizing_mode="stretch_width",
                margin=(0, 0, 16, 0),
            ),
            title="Open frames",
            show_close_button=True,
            close_on_click=True,
            width_option="sm",
            sizing_mode="stretch_width",
        )

    def show(self) -> None:
        """Open the dialog where it was left; what is dropped on it from now on is opened by itself."""
        if self._arrived and not self._inbox.busy:
            self._batches += 1
            self._arrived = []
        self._refused = []
        self._walk(self._folder)
        self.dialog.open = True

    def _walk(self, folder: Path) -> None:
        root = self._session.root
        self._folder = folder if below(root, folder) else root
        try:
            self._frames = frames_in(root, self._folder)
        except FrameError as error:
            self._frames = []
            self._say(error)
        else:
            self._problem.visible = False
        folders = folders_in(root, self._folder)
        up = [self._folder.parent] if self._folder != root else []
        self._entries = [*up, *folders]
        names = [*("One folder up" for _ in up), *(path.name for path in folders)]
        icons = [*("arrow_upward" for _ in up), *("folder_outlined" for _ in folders)]
        self._list.items = [{"label": name, "icon": icon} for name, icon in zip(names, icons, strict=True)]
        place = self._folder.relative_to(root)
        self._where.object = f"<b>{pn.util.escape(root.name)}</b>" + "".join(
            f" / {pn.util.escape(part)}" for part in place.parts
        )
        frames = self._frames
        many = f"{len(frames)} frame" + ("s" if len(frames) > 1 else "")
        self._open.label = f"Open {many}" if frames else "Open"
        self._open.disabled = not frames
        self._none.object = "Reading their headers\u2026" if frames else self._nothing(bool(folders))
        self._asked += 1
        if frames:
            threading.Thread(target=self._count, args=(frames, self._asked), name="folder", daemon=True).start()

    def _nothing(self, folders: bool) -> str:
        """Say that a folder has no frames, and what to do."""
        if folders:
            return "No frames in this folder: choose one of those above, or upload."
        if self._folder == self._session.root:
            return "No frames yet: put some in this folder, or upload."
        return "No frames in this folder: go up, or upload."

    def _count(self, frames: list[Path], asked: int) -> None:
        """Tell the kinds of frames, in a thread."""
        counts = kinds_in(frames, lambda: asked == self._asked)
        self._hand_back(self._counted, counts, len(frames), asked)

    def _counted(self, counts: Counter[str], many: int, asked: int) -> None:
        if asked == self._asked:
            first = f"Of the first {MOST_COUNTED}: " if many > MOST_COUNTED else ""
            self._none.object = first + kinds_text(counts)

    def _enter(self, item: dict[str, Any]) -> None:
        labels = [entry["label"] for entry in self._list.items]
        if item.get("label") in labels:
            self._walk(self._entries[labels.index(item["label"])])

    def _open_folder(self) -> None:
        self.dialog.open = False
        self._open_files(self._folder.name, self._frames, self._folder)

    # Uploads

    def _batch(self) -> Path:
        """Where files lie that arrive together."""
        folder = self._session.uploads / f"frames_{self._batches}"
        folder.mkdir(exist_ok=True)
        return folder

    def _take(self, name: Any, piece: Any, number: Any, count: Any) -> None:
        coming = self._opening or self._inbox.busy
        if self._refused and not coming and time.monotonic() - self._refused_at > OF_BEFORE:
            self._refused, self._problem.visible = [], False
        try:
            path = self._inbox.take(name, piece, number, count)
        except FrameError as error:
            self._refuse(error)
            return
        if path is not None and path not in self._arrived:
            self._arrived.append(path)
        if path is not None and not self._opening:
            self._opening = True
            self._later(self._open_arrived)

    def _later(self, call: Callable[[], None]) -> None:
        document = pn.state.curdoc
        if document is None:
            call()
        else:
            document.add_timeout_callback(call, MORE_TO_COME)

    def _open_arrived(self) -> None:
        """Open the files that came together, when no more of them is on its way; one that is late joins them."""
        if self._inbox.busy:
            self._later(self._open_arrived)
            return
        for name in self._inbox.close():
            self._refuse(FrameError(name, "did not arrive whole", "upload it again"))
        self._opening = False
        # What was refused of the files that came together is still to be read.
        self.dialog.open = bool(self._refused)
        self._open_files("Uploaded frames", list(self._arrived), self._batch())

    def close(self) -> None:
        """Forget what is on its way."""
        self._asked += 1
        self._inbox.close()

    def _refuse(self, error: FrameError) -> None:
        """Say of each file that was refused why, until the dialog is opened anew."""
        self._refused_at = time.monotonic()
        if str(error) not in self._refused:
            self._refused.append(str(error))
        more = len(self._refused) - MOST_TOLD
        told = [*self._refused[:MOST_TOLD], *([f"and {more} more"] if more > 0 else [])]
        self._problem.param.update(object=plain(*told), visible=True)
        # The others may be open already when the last of those that came together is refused.
        self.dialog.open = True

    def _say(self, error: FrameError) -> None:
        self._problem.param.update(object=plain(str(error)), visible=True)
