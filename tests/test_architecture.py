"""Imports go one way, and the pipeline starts without a page or a cluster."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("panel", "bokeh", "holoviews", "param", "dask", "distributed", "matplotlib", "astropy", "photutils", "scipy")


def loaded_by(statement):
    code = f"import sys; {statement}; print(*sorted(name.split('.')[0] for name in sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(result.stdout.split())


def test_the_pipeline_loads_no_page_no_cluster_and_nothing_slow():
    assert loaded_by("import pipeline.stages, pipeline.recipe, pipeline.graph.run").isdisjoint(HEAVY)


def test_listing_the_stages_loads_nothing_slow():
    statement = "from pipeline.cli import main; import io; sys.stdout = io.StringIO(); main(['stages'])"
    assert loaded_by(f"{statement}; sys.stdout = sys.__stdout__").isdisjoint(HEAVY)


def test_imports_go_one_way():
    lint_imports = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([lint_imports, "--no-cache"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 0, result.stdout


def test_modules_stay_short_enough_to_see():
    long = {
        str(path.relative_to(ROOT)): count
        for folder in ("pipeline", "ui")
        for path in (ROOT / folder).rglob("*.py")
        if (count := len(path.read_text().splitlines())) > 420
    }
    assert long == {}
