"""Every lesson runs from top to bottom, without a warning, and ends in the live panel of its stage."""

import os
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


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Execute a notebook in an empty folder, with the project on the path."""
    paths = [str(ROOT), str(ROOT / "notebooks"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))

    def execute(path):
        notebook = nbformat.read(path, as_version=4)
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
def test_a_lesson_runs_without_a_warning_and_ends_in_the_panel_of_its_stage(path, run):
    notebook = run(path)
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    said = "".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stderr")
    assert said == ""
    last = code_cells(notebook)[-1]
    assert f'stage_panel("{path.stem[3:]}")' in last.source
    assert any("application/vnd.holoviews_exec.v0+json" in o.get("data", {}) for o in last.outputs)
