"""Every lesson runs from top to bottom, without a warning, and ends in the live panel of its stage."""

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from pipeline.stages import ORDER

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SECONDS = 300


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def with_answers(notebook):
    """The same lesson, in which each exercise is checked once more with the answer that it gives."""
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        answer = re.search(r"<summary>Answer</summary>\s+```python\n(.+?)```", cell.source, re.DOTALL)
        if cell.cell_type == "markdown" and answer:
            check = next(one for one in reversed(cells) if one.cell_type == "code" and "check(" in one.source)
            cells.append(nbformat.v4.new_code_cell(f"{answer[1]}\n{check.source}"))
    notebook.cells = cells
    return notebook


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Execute a notebook in an empty folder, with the project on the path."""
    paths = [str(ROOT), str(ROOT / "notebooks"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))

    def execute(path):
        notebook = with_answers(nbformat.read(path, as_version=4))
        NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(tmp_path)}}).execute()
        return notebook

    return execute


def test_every_stage_has_its_lesson_in_the_order_of_the_graph():
    assert [path.stem for path in LESSONS] == [f"{number:02d}_{name}" for number, name in enumerate(ORDER, start=1)]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_is_stored_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert all(not cell.outputs and cell.execution_count is None for cell in code_cells(notebook))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_without_a_warning_has_right_answers_and_ends_in_the_panel_of_its_stage(path, run):
    notebook = run(path)
    streams = [o for cell in code_cells(notebook) for o in cell.outputs if o.output_type == "stream"]
    said = {name: "".join(o.text for o in streams if o.name == name) for name in ("stdout", "stderr")}
    assert said["stderr"] == ""
    assert "Not yet" not in said["stdout"]
    empty = sum(cell.source.count(" = None\n") + cell.source.endswith(" = None") for cell in code_cells(notebook))
    assert said["stdout"].count("Right, within") >= empty
    last = code_cells(notebook)[-1]
    assert f'stage_panel("{path.stem[3:]}")' in last.source
    assert any("application/vnd.holoviews_exec.v0+json" in o.get("data", {}) for o in last.outputs)
