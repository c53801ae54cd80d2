"""The output folder of a run: what it may hold before, what lies in it meanwhile, what an earlier run left there."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import __version__, products
from pipeline.frame import FrameInfo
from pipeline.graph.request import Night
from pipeline.recipe import Recipe

PARTIAL = ".partial"
STATE = "run.json"
_AGAIN = "free the disk and run with --resume"
_REMEDIES = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "allow writing there and run with --resume"),
    errno.ENAMETOOLONG: "give the files shorter names and run again",
}


class RunError(Exception):
    """A run cannot start; nothing was written. The message says what to do."""


class OutputError(Exception):
    """A run cannot go on writing; what is whole stays. The message says what to do."""


@dataclass(frozen=True)
class Job:
    """What a task needs to know: the files, the recipe, where results go."""

    night: Night
    recipe: Recipe
    out: Path
    products: tuple[str, ...]
    resume: bool = False

    @property
    def partial(self) -> Path:
        """The folder of a run in the making."""
        return self.out / PARTIAL

    @property
    def state(self) -> dict[str, Any]:
        """What must be equal for a run to go on."""
        return {"recipe": self.recipe.hash, "files": self.night.key, "version": __version__}


def prepare(job: Job, overwrite: bool) -> dict[str, Any] | None:
    """Make the output folder ready for a run; nothing that lies in it is touched yet.

    Parameters
    ----------
    job : Job
        The run.
    overwrite : bool
        Whether an earlier run's products may be replaced.

    Returns
    -------
    dict or None
        The report of a run that is already whole, if that is what the folder holds and ``job.resume`` asks for.

    Raises
    ------
    RunError
        Where the folder cannot be used.
    """
    try:
        job.out.mkdir(parents=True, exist_ok=True)
        inside = list(job.out.iterdir())
        if inside and not (job.resume or overwrite):
            remedy = "give --resume, --overwrite or another --out"
            raise RunError(f"{job.out}: is not empty ({len(inside)} entries): {remedy}")
        if job.partial.is_symlink():
            raise RunError(f"{job.partial}: is a link, not this run's own folder: remove it")
        report = _read_json(job.out / "report.json")
        state = _read_json(job.partial / STATE)
        if job.resume:
            _compare(job, state.get("state") or report.get("state"))
            if _whole(job, report):
                return report
            return _keep_state(job, {"state": job.state, "stale": state.get("stale", [])})
        shutil.rmtree(job.partial, ignore_errors=True)
        return _keep_state(job, {"state": job.state, "stale": [*_names(report), *state.get("stale", [])]})
    except OSError as error:
        raise RunError(f"{job.out}: cannot be written to ({error.strerror or error}): choose another --out") from None


def unwritten(error: OSError) -> str:
    """Why something cannot be written and what to do, as the end of a sentence.

    Parameters
    ----------
    error : OSError
        As the system or a library says it.
    """
    why = error.strerror or str(error).split(". ")[0]
    if re.fullmatch(r"\d+ requested and \d+ written", why):
        why = "no room is left"
    return f"cannot be written ({why}): {_REMEDIES.get(error.errno, _AGAIN)}"


def clear_the_way(job: Job) -> None:
    """Remove what an earlier run wrote, now that the new one is sure to put something in its place.

    A light is never removed, whatever a report says.
    """
    lights = {os.path.realpath(file.path) for file in job.night.files if isinstance(file, FrameInfo)}
    state = _read_json(job.partial / STATE)
    for name in state.get("stale", []):
        path = Path(os.path.realpath(job.out / str(name)))
        if path.is_relative_to(job.out) and path.is_file() and str(path) not in lights:
            path.unlink()
    for left in job.out.rglob(f"{products.TEMPORARY}*"):
        left.unlink(missing_ok=True)
    _keep_state(job, {"state": job.state, "stale": []})


def discard(job: Job) -> None:
    """Leave the folder as it was before a run that found nothing to do."""
    shutil.rmtree(job.partial, ignore_errors=True)
    with suppress(OSError):
        job.out.rmdir()


def _compare(job: Job, before: Any) -> None:
    if before is not None and before != job.state:
        known = before if isinstance(before, dict) else {}
        changed = ", ".join(name for name in job.state if known.get(name) != job.state[name])
        raise RunError(f"{job.out}: holds a run of other {changed}: give --overwrite or another --out")


def _whole(job: Job, report: dict[str, Any]) -> bool:
    """Whether a report is that of a run with nothing left to do."""
    frames, wanted = report.get("frames"), report.get("wanted")
    if not isinstance(frames, list) or not isinstance(wanted, list) or not set(job.products) <= set(map(str, wanted)):
        return False
    settled = all(isinstance(frame, dict) and frame.get("state") != "failed" for frame in frames)
    return settled and all((job.out / name).exists() for name in _names(report))


def _names(report: dict[str, Any]) -> list[str]:
    """Files that a report says its run wrote; a report may be damaged or made up."""
    listed = report.get("products")
    return [*listed, "report.json", "recipe.toml"] if isinstance(listed, dict) else []


def _keep_state(job: Job, state: dict[str, Any]) -> None:
    job.partial.mkdir(exist_ok=True)
    products.write_text(job.partial / STATE, json.dumps(state))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
