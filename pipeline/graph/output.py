"""The output folder of a run: what it may hold before, what lies in it meanwhile, what an earlier run left there."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import __version__, products
from pipeline.graph.request import Night
from pipeline.recipe import Recipe

PARTIAL = ".partial"


class RunError(Exception):
    """A run cannot start; nothing was written. The message says what to do."""


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
    """Make the output folder ready; the report of a run that is already whole, if that is what it holds."""
    state_file, report_file = job.partial / "run.json", job.out / "report.json"
    try:
        job.out.mkdir(parents=True, exist_ok=True)
        inside = list(job.out.iterdir())
        if inside and not (job.resume or overwrite):
            raise RunError(
                f"{job.out}: is not empty ({len(inside)} entries): give --resume, --overwrite or another --out"
            )
        if overwrite:
            _remove_old(job.out)
        if job.resume:
            before = _read_json(state_file) or _read_json(report_file).get("state", {})
            if before and before != job.state:
                changed = ", ".join(name for name in job.state if before.get(name) != job.state[name])
                raise RunError(f"{job.out}: holds a run of other {changed}: give --overwrite or another --out")
            report = _read_json(report_file)
            whole = all((job.out / path).exists() for path in report.get("products", {}))
            if report and whole and set(job.products) <= set(report.get("wanted", ())):
                return report
        job.partial.mkdir(exist_ok=True)
        products.write_text(state_file, json.dumps(job.state))
    except OSError as error:
        raise RunError(f"{job.out}: cannot be written to ({error.strerror or error}): choose another --out") from None
    return None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _remove_old(out: Path) -> None:
    """Remove what an earlier run wrote, and nothing else."""
    report = _read_json(out / "report.json")
    for name in [*report.get("products", {}), "report.json", "recipe.toml"]:
        path = (out / str(name)).resolve()
        if path.is_relative_to(out) and path.is_file():
            path.unlink()
    shutil.rmtree(out / PARTIAL, ignore_errors=True)
